#!/usr/bin/env python3
"""Prints one line, `N passed, N failed[, N skipped]`, from the JUnit file that ctest wrote.

Exits with 1 when a test failed or when there is no report.
"""

import sys
import xml.etree.ElementTree as ElementTree


def count(path):
    """Returns (passed, failed, skipped) of the report at `path`."""
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    failed = sum(1 for case in cases if case.get("status") == "fail")
    skipped = sum(1 for case in cases if case.get("status") in ("notrun", "disabled"))
    return len(cases) - failed - skipped, failed, skipped


def main():
    try:
        passed, failed, skipped = count(sys.argv[1])
    except (OSError, ElementTree.ParseError) as error:
        print(f"no test report: {error}", file=sys.stderr)
        print("0 passed, 1 failed")
        return 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
