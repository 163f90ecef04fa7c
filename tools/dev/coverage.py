#!/usr/bin/env python3
"""Line and branch coverage of a build made with the preset `coverage`, after its tests have run.

    tools/dev/coverage.py BUILD [--json]

Merges the profiles that the tests left in BUILD/profiles and prints a table by folder, then the
files of storage/ and protocol/ with most branches not taken. Exit 1 when one of those two folders is
below 90 % of its lines or 85 % of its branches.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = "19"  # the version of clang
FOLDERS = ("base", "protocol", "storage", "broker", "client", "tools")
BARS = {"storage": (90, 85), "protocol": (90, 85)}  # percent of lines, of branches
WORST = 12


class Count:
    """Of lines or branches: how many there are, how many ran."""

    def __init__(self, total=0, covered=0):
        self.total, self.covered = total, covered

    def add(self, summary):
        self.total += summary["count"]
        self.covered += summary["covered"]

    @property
    def missed(self):
        return self.total - self.covered

    @property
    def percent(self):
        return 100 * self.covered / self.total if self.total else 100.0


def programs(build):
    """Everything in bin/ that was instrumented leaves a profile; what cannot be read is no program."""
    return sorted(path for path in (build / "bin").iterdir()
                  if path.is_file() and not path.name.endswith("_fuzz"))


def summaries(build):
    """{path below the root: {"lines": …, "branches": …}} of every source file of ours."""
    profiles = sorted((build / "profiles").glob("*.profraw"))
    if not profiles:
        sys.exit(f"coverage: no profiles in {build}/profiles; run ./dev coverage")
    merged = build / "coverage.profdata"
    subprocess.run([f"llvm-profdata-{TOOLS}", "merge", "-sparse", *profiles, "-o", merged], check=True)
    first, *rest = programs(build)
    command = [f"llvm-cov-{TOOLS}", "export", "-summary-only", f"-instr-profile={merged}", first]
    for program in rest:
        command += ["-object", program]
    exported = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    found = {}
    for entry in exported["data"][0]["files"]:
        path = pathlib.Path(build, entry["filename"]).resolve()
        if path.is_relative_to(ROOT):
            found[path.relative_to(ROOT)] = entry["summary"]
    return found


def by_folder(found):
    counts = collections.defaultdict(lambda: (Count(), Count()))
    for path, summary in found.items():
        if path.parts[0] in FOLDERS:
            lines, branches = counts[path.parts[0]]
            lines.add(summary["lines"])
            branches.add(summary["branches"])
    return counts


def print_tables(counts, found):
    print(f"{'FOLDER':<10} {'LINES':>8} {'RUN':>7} {'BRANCHES':>9} {'TAKEN':>7}")
    for folder in FOLDERS:
        lines, branches = counts[folder]
        print(f"{folder:<10} {lines.total:>8,} {lines.percent:>5.1f} % {branches.total:>9,} "
              f"{branches.percent:>5.1f} %")
    print(f"\n{'MOST BRANCHES NOT TAKEN':<44} {'NOT':>4} {'OF':>5}")
    judged = [(Count(s["branches"]["count"], s["branches"]["covered"]), path)
              for path, s in found.items() if path.parts[0] in BARS]
    for count, path in sorted(judged, key=lambda item: -item[0].missed)[:WORST]:
        print(f"{path!s:<44} {count.missed:>4} {count.total:>5}")


def misses(counts):
    for folder, bars in BARS.items():
        for what, bar, count in zip(("lines", "branches"), bars, counts[folder]):
            if count.percent < bar:
                yield f"{folder}: {count.percent:.1f} % of {what}; {bar} % is the bar"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--json", action="store_true", help="counts by folder, as JSON")
    arguments = parser.parse_args()
    found = summaries(arguments.build)
    counts = by_folder(found)
    if arguments.json:
        print(json.dumps({folder: {"lines": vars(lines), "branches": vars(branches)}
                          for folder, (lines, branches) in counts.items()}, indent=2))
    else:
        print_tables(counts, found)
    missed = list(misses(counts))
    for line in missed:
        print(f"coverage: {line}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
