#!/usr/bin/env python3
"""Runs the test suite on ext4, XFS and tmpfs with both I/O backends: `./dev backends`.

    tests/matrix.py                              # all six, and once where io_uring is refused
    tests/matrix.py --on xfs --with threads -- -L conformance

ext4 and XFS are made in image files and mounted through loop devices, which only root may; what
cannot be made here is said and fails nothing, unless it was asked for by name. The run `refused`
sets the sysctl kernel.io_uring_disabled to 2 for as long as it takes, and lets the broker choose.
Tests learn of both through SLUICE_TEST_DIR and SLUICE_IO_BACKEND. Arguments after -- go to ctest.
"""

import argparse
import contextlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from harness.loop_disk import Unavailable, loop_mount

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build/release"
SYSCTL = pathlib.Path("/proc/sys/kernel/io_uring_disabled")
IMAGE_BYTES = 4 << 30  # sparse: takes what tests write
RUN_SECONDS = 900


@contextlib.contextmanager
def memory():
    if not os.path.isdir("/dev/shm"):
        raise Unavailable("there is no /dev/shm")
    with tempfile.TemporaryDirectory(prefix="sluice-tmpfs-", dir="/dev/shm") as directory:
        yield pathlib.Path(directory)


@contextlib.contextmanager
def io_uring_disabled():
    """For the whole machine, until it ends; new rings only."""
    if not SYSCTL.exists():
        raise Unavailable("this kernel has no sysctl kernel.io_uring_disabled")
    before = SYSCTL.read_text()
    try:
        SYSCTL.write_text("2")
    except PermissionError:
        raise Unavailable("setting a sysctl needs root") from None
    try:
        yield
    finally:
        SYSCTL.write_text(before)


def run_tests(directory, backend, ctest_arguments, build=BUILD, environment=None,
              seconds=RUN_SECONDS):
    """Runs ctest once; returns (ok, summary)."""
    environment = {**(environment or os.environ), "SLUICE_TEST_DIR": str(directory)}
    environment.pop("SLUICE_IO_BACKEND", None)
    if backend:
        environment["SLUICE_IO_BACKEND"] = backend
    command = ["ctest", "--test-dir", str(build), "--parallel", str(os.cpu_count()),
               "--output-on-failure", "--no-tests=error", *ctest_arguments]
    began = time.monotonic()
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return False, f"not finished after {seconds} s"
    took = time.monotonic() - began
    if done.returncode != 0:
        passed = re.compile(r"^ *(\d+/\d+ Test +#\d+: .* Passed +[\d.]+ sec|Start +\d+: .*)\n",
                            re.MULTILINE)
        print(passed.sub("", done.stdout), flush=True)
    counts = re.search(r"(\d+) tests failed out of (\d+)", done.stdout)
    skipped = len(re.findall(r"\(Skipped\)$", done.stdout, re.MULTILINE))
    text = f"{counts[2]} tests, {counts[1]} failed" if counts else "no result"
    return done.returncode == 0, f"{text}, {skipped} skipped, {took:.0f} s"


def make_places():
    return {"ext4": lambda: loop_mount("ext4", IMAGE_BYTES),
            "xfs": lambda: loop_mount("xfs", IMAGE_BYTES),
            "tmpfs": memory, "refused": io_uring_disabled}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--on", action="append", choices=("ext4", "xfs", "tmpfs", "refused"))
    parser.add_argument("--with", action="append", choices=("uring", "threads"), dest="backends")
    parser.add_argument("ctest", nargs="*", help="arguments for ctest, after --")
    options = parser.parse_args()
    rows, failed = [], False
    for name, make in make_places().items():
        if options.on and name not in options.on:
            continue
        try:
            with make() as directory:
                backends = options.backends or ["uring", "threads"]
                for backend in [None] if name == "refused" else backends:
                    where = directory or tempfile.gettempdir()
                    ok, summary = run_tests(where, backend, options.ctest)
                    failed |= not ok
                    rows.append((name, backend or "auto", "ok" if ok else "FAILED", summary))
                    print("  ".join(rows[-1]), file=sys.stderr, flush=True)
        except Unavailable as why:
            failed |= bool(options.on)
            rows.append((name, "-", "not run", str(why)))
    for place, backend, state, summary in rows:
        print(f"{place:<8} {backend:<8} {state:<8} {summary}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
