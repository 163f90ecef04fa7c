"""File systems in image files, mounted through loop devices: of any size, to fill them or to cut their
power. Only root may; a test that cannot have one says so (Unavailable)."""

import contextlib
import fcntl
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time

# What `xfs_io -x -c shutdown` does: ext4 and XFS drop everything that is not on the disk, the journal
# in memory included, and answer EIO from then on (XFS_IOC_GOINGDOWN, linux/xfs_fs.h).
GOING_DOWN = 0x8004587D
WITHOUT_LOG_FLUSH = 2


class Unavailable(Exception):
    """What is asked for cannot be had on this machine; says why."""


def run_tool(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        raise Unavailable(f"{command[0]} is not installed") from None
    if done.returncode != 0:
        raise Unavailable(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")


class LoopDisk:
    """A fresh file system of `kind` (ext4, xfs), mounted at `mounted` until close()."""

    def __init__(self, kind, size, mount_options=""):
        """`size`: bytes; the image is sparse."""
        if os.geteuid() != 0:
            raise Unavailable("mounting an image needs root")
        self.mount_options = ",".join(filter(None, ("loop", mount_options)))
        self.work = pathlib.Path(tempfile.mkdtemp(
            prefix=f"sluice-{kind}-", dir=os.environ.get("SLUICE_TEST_DIR")))
        self.image, self.mounted = self.work / "image", self.work / "mounted"
        try:
            self.mounted.mkdir()
            with open(self.image, "wb") as file:
                file.truncate(size)
            run_tool(f"mkfs.{kind}", "-q", str(self.image))
            self.device = self.make_device()
            self.mount()
        except BaseException:
            self.end_device()
            shutil.rmtree(self.work)
            raise

    def make_device(self):
        """The file to mount; subclasses put something between it and the image."""
        return self.image

    def end_device(self):
        """What make_device() started, or half started, ends."""

    def mount(self):
        run_tool("mount", "-o", self.mount_options, str(self.device), str(self.mounted))

    def unmount(self, seconds=20):
        """Waits for the kernel, which closes the files of a process with a ring after its end."""
        deadline = time.monotonic() + seconds
        while True:
            done = subprocess.run(["umount", str(self.mounted)], capture_output=True, text=True,
                                  timeout=60, check=False)
            if done.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(done.stderr)
            time.sleep(0.01)

    def cut_power(self):
        """Nothing reaches the disk any more. Then end who uses it, and remount()."""
        directory = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(directory, GOING_DOWN, struct.pack("I", WITHOUT_LOG_FLUSH))
        finally:
            os.close(directory)

    def remount(self):
        """The journal is replayed. Requires: no file is open."""
        self.unmount()
        self.mount()

    def fill(self, ballast, left):
        """Lets the file `ballast` take all space but `left` bytes."""
        with open(ballast, "ab") as file:
            size = os.fstat(file.fileno()).st_size
            while True:
                more = (self.free_bytes() - left) // 4096 * 4096
                if more <= 0:
                    break
                try:
                    os.posix_fallocate(file.fileno(), size, more)
                except OSError:
                    break
                size += more

    def fill_up(self, ballast):
        """As fill(), and what the file system keeps for root."""
        self.fill(ballast, 0)
        with open(ballast, "ab") as file:
            size = os.fstat(file.fileno()).st_size
            with contextlib.suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), size, 16 << 10)
                    size += 16 << 10

    def free_bytes(self):
        """What a process without privileges may take."""
        space = os.statvfs(self.mounted)
        return space.f_bavail * space.f_frsize

    def close(self):
        if os.path.ismount(self.mounted):
            self.unmount()
        self.end_device()
        shutil.rmtree(self.work)


class FaultyDisk(LoopDisk):
    """A disk below a file system that answers each write with an error while fail() says so (the error
    filter of nbdkit)."""

    nbdfuse = None

    def __init__(self, kind, size, error):
        """`error`: EIO or ENOSPC."""
        self.error = error
        super().__init__(kind, size)

    @property
    def switch(self):
        return self.work / "failing"

    def fail(self, on):
        if on:
            self.switch.touch()
        else:
            self.switch.unlink(missing_ok=True)

    def make_device(self):
        device = self.work / "device"
        device.touch()
        command = ["nbdfuse", str(device), "--command", "nbdkit", "-s", "--exit-with-parent",
                   "--filter=error", "file", str(self.image), f"error-pwrite={self.error}",
                   "error-pwrite-rate=100%", f"error-file={self.switch}"]
        try:
            self.nbdfuse = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            raise Unavailable("nbdfuse is not installed") from None
        deadline = time.monotonic() + 20
        while not os.path.ismount(device):
            if self.nbdfuse.poll() is not None or time.monotonic() > deadline:
                raise Unavailable("nbdfuse does not work here (it needs nbdkit and /dev/fuse)")
            time.sleep(0.01)
        return device

    def end_device(self):
        if self.nbdfuse is not None:
            subprocess.run(["umount", str(self.work / "device")], timeout=20,
                           capture_output=True, check=False)
            self.nbdfuse.terminate()
            self.nbdfuse.wait(20)


@contextlib.contextmanager
def loop_mount(kind, size):
    """A fresh file system for as long as the block lasts; yields its directory."""
    disk = LoopDisk(kind, size)
    try:
        yield disk.mounted
    finally:
        disk.close()
