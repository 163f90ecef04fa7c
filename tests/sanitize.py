#!/usr/bin/env python3
"""Runs the test suite with clang's sanitizers: `./dev sanitize`, which builds it so first.

    tests/sanitize.py                                  # both, each with both backends
    tests/sanitize.py --only thread --with threads -- -R storage
    tests/sanitize.py --only address -- -L conformance

Every process that a test starts writes what its sanitizer finds into BUILD/reports, whatever becomes
of the process and whoever looks at its exit status; one report fails the run. Before that, canaries
(sanitizer/canary.cpp) must be reported. The long random tests take fewer seeds (SEEDS). Arguments
after -- go to ctest.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from matrix import run_tests

ROOT = pathlib.Path(__file__).resolve().parents[1]
HERE = pathlib.Path(__file__).resolve().parent / "sanitizer"
RUN_SECONDS = 4 * 3600
# Instrumented code is 5 to 15 times slower; without these the random tests have the better part of
# an hour to themselves. `./dev crash` has no such bounds.
SEEDS = {"SLUICE_SEEDS": "40", "SLUICE_BLOCK_SEEDS": "25"}
COMMON = "symbolize=1"
KINDS = {
    "address": {
        "build": ROOT / "build/dev",
        "canaries": ("heap", "undefined", "leak"),
        "options": {
            "ASAN_OPTIONS": f"{COMMON}:detect_leaks=1:detect_stack_use_after_return=1:"
                            "strict_string_checks=1:check_initialization_order=1",
            "UBSAN_OPTIONS": f"{COMMON}:print_stacktrace=1",
            "LSAN_OPTIONS": "",
        },
    },
    "thread": {
        "build": ROOT / "build/tsan",
        "canaries": ("race",),
        "options": {"TSAN_OPTIONS": f"{COMMON}:second_deadlock_stack=1:history_size=4:"
                                    f"suppressions={HERE / 'tsan.txt'}"},
    },
}
SUMMARY = re.compile(r"^SUMMARY: .*|^.*runtime error: .*", re.MULTILINE)


def environment_of(kind, reports):
    """What the processes of a run are told, with the place for their reports."""
    options = {name: f"{value}:log_path={reports / 'report'}".lstrip(":")
               for name, value in KINDS[kind]["options"].items()}
    return {**os.environ, **SEEDS, **options}


def found_in(reports):
    """{what was found: the files that say so}"""
    found = {}
    for path in sorted(reports.iterdir()):
        text = path.read_text(errors="replace")
        for line in set(SUMMARY.findall(text)) or {text[:200] or "an empty report"}:
            found.setdefault(line, []).append(path)
    return found


def check_canaries(kind):
    """Dies unless each is reported."""
    program = KINDS[kind]["build"] / "bin/sanitizer_canary"
    for name in KINDS[kind]["canaries"]:
        with tempfile.TemporaryDirectory() as place:
            reports = pathlib.Path(place)
            subprocess.run([program, name], env=environment_of(kind, reports), check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if not found_in(reports):
                sys.exit(f"sanitize: the canary {name} lives; reports are not seen")


def run(kind, backend, ctest_arguments):
    """Returns (ok, summary)."""
    build = KINDS[kind]["build"]
    reports = build / "reports" / backend
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    ok, summary = run_tests(tempfile.gettempdir(), backend, ctest_arguments, build=build,
                            environment=environment_of(kind, reports), seconds=RUN_SECONDS)
    found = found_in(reports)
    for line, paths in found.items():
        print(f"{len(paths)} × {line}\n    {paths[0]}", flush=True)
    return ok and not found, f"{summary}, {sum(map(len, found.values()))} reports"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=tuple(KINDS), action="append")
    parser.add_argument("--with", action="append", choices=("uring", "threads"), dest="backends")
    parser.add_argument("ctest", nargs="*", help="arguments for ctest, after --")
    options = parser.parse_args()
    rows, failed = [], False
    for kind in options.only or KINDS:
        check_canaries(kind)
        for backend in options.backends or ["uring", "threads"]:
            ok, summary = run(kind, backend, options.ctest)
            failed |= not ok
            rows.append((kind, backend, "ok" if ok else "FAILED", summary))
            print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    for kind, backend, state, summary in rows:
        print(f"{kind:<8} {backend:<8} {state:<8} {summary}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
