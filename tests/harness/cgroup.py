"""A control group of our own that limits the memory of a process, with cgroup v2 or v1, whichever the
machine has. Only root may; a test that cannot have one says so (Unavailable)."""

import os
import pathlib
import time

from harness.loop_disk import Unavailable

V2 = pathlib.Path("/sys/fs/cgroup")
V1 = V2 / "memory"


class MemoryGroup:
    """Holds what joins it to `limit` bytes, kernel memory and page cache included, until close()."""

    def __init__(self, limit):
        self.v2 = "memory" in self.read(V2 / "cgroup.controllers").split()
        parent = V2 if self.v2 else V1
        if not self.v2 and not (V1 / "memory.limit_in_bytes").exists():
            raise Unavailable("no memory controller in /sys/fs/cgroup")
        self.directory = parent / f"sluice-test-{os.getpid()}-{time.monotonic_ns()}"
        try:
            if self.v2:
                (V2 / "cgroup.subtree_control").write_text("+memory")
            self.directory.mkdir()
            self.file("memory.max", "memory.limit_in_bytes").write_text(str(limit))
        except OSError as error:
            self.close()
            raise Unavailable(f"no control group can be made: {error}") from None

    @staticmethod
    def read(path):
        try:
            return path.read_text()
        except OSError:
            return ""

    def file(self, v2, v1):
        return self.directory / (v2 if self.v2 else v1)

    def join(self):
        """The calling process is in it from now on, and what it starts."""
        (self.directory / "cgroup.procs").write_text(str(os.getpid()))

    def used_bytes(self):
        return int(self.file("memory.current", "memory.usage_in_bytes").read_text())

    def kills(self):
        """How often the kernel ended a process for want of memory."""
        lines = self.file("memory.events", "memory.oom_control").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.split()[0] == "oom_kill")

    def close(self, seconds=10):
        """Requires: whoever joined it has ended."""
        deadline = time.monotonic() + seconds
        while self.directory.exists():
            try:
                self.directory.rmdir()
            except OSError:  # the kernel may still be taking a process down
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
