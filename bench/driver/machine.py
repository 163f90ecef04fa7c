"""What a figure depends on: the machine without its name, the file system, the commit."""

import os
import pathlib
import platform
import subprocess


def first_line(path, default="unknown"):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8").strip().splitlines()[0]
    except (OSError, IndexError):
        return default


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_gib():
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return round(pages / 2**30, 1)


def file_system(directory):
    """The type of the file system that holds `directory`."""
    best, kind = "", "unknown"
    path = str(pathlib.Path(directory).resolve())
    for line in pathlib.Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines():
        _, mount, fstype, *_ = line.split()
        inside = path == mount or path.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fstype
    return kind


def disk(directory):
    """Write cache, FUA and kind of the drive below `directory`, from sysfs."""
    device = os.stat(directory).st_dev
    queue = pathlib.Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/queue")
    if not queue.is_dir():
        queue = queue.parent.parent / "queue"  # a partition's drive
    return {
        "write_cache": first_line(queue / "write_cache"),
        "fua": first_line(queue / "fua"),
        "rotational": first_line(queue / "rotational"),
    }


def commit(root):
    def git(*arguments):
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True,
                              text=True, check=False).stdout.strip()
    head = git("rev-parse", "--short=12", "HEAD") or "unknown"
    return head + ("+changes" if git("status", "--porcelain", "-uno") else "")


def describe(root, directory):
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": memory_gib(),
        "kernel": platform.release().split("-")[0],
        "file_system": file_system(directory),
        "disk": disk(directory),
        "commit": commit(root),
    }
