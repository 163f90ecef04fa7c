"""Processes that a test starts beside its broker."""

import os

NOBODY = 65534


def unprivileged():
    """Arguments of subprocess.run() with which modes of files hold for the child, also of root."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def end(process):
    """Kills the process if it still runs, and takes its exit code and its pipes."""
    if process.poll() is None:
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()
