"""What `sluice` costs: its start, records side by side with kcat on the same topic, `log verify` side
by side with what the disk reads. Printed as a table.

    /usr/bin/python3 bench/records.py                  # everything, about four minutes
    /usr/bin/python3 bench/records.py consume --rounds 5
    /usr/bin/python3 bench/records.py verify           # as root: the page cache is dropped

Each measurement is a function that returns rows of (what, measured, unit, wanted); `wanted` is the
figure of the project's goals, and no test depends on it. Figures are medians of rounds in turns.
Standard library only. $SLUICE_BIN says where the programs are, $SLUICE_TEST_DIR where data is kept
(default: the temporary directory).
"""

import argparse
import concurrent.futures
import mmap
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness.broker import Broker, binary  # noqa: E402  (the path is set above)


def seconds(command, **options):
    begin = time.monotonic()
    subprocess.run(command, check=True, stdout=options.pop("stdout", subprocess.DEVNULL),
                   stderr=subprocess.PIPE, **options)
    return time.monotonic() - begin


def start_ms(command):
    """Of a process that ends by itself, until it has ended."""
    begin = time.monotonic()
    quiet = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    child = os.posix_spawn(command[0], command, os.environ, file_actions=quiet)
    if os.waitpid(child, 0)[1] != 0:
        raise RuntimeError(f"{command} failed")
    return (time.monotonic() - begin) * 1000


READ_STEP = 4 << 20


def drop_page_cache():
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")


def read_direct(path):
    """The file past the page cache."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        with mmap.mmap(-1, READ_STEP) as memory:
            at = 0
            while count := os.preadv(descriptor, [memory], at):
                at += count
    finally:
        os.close(descriptor)
    return at


class Bench:
    def __init__(self, broker, rounds):
        self.broker = broker
        self.rounds = rounds

    def sluice(self, *arguments):
        return [binary("sluice"), "-q", "-b", self.broker.address, *arguments]

    def fill(self, topic, partitions, records, size):
        """Records of `size` bytes with their number as key."""
        subprocess.run(self.sluice("topics", "create", topic, "-p", str(partitions)), check=True)
        with subprocess.Popen(self.sluice("produce", topic, "-K:", "--linger", "20"),
                              stdin=subprocess.PIPE) as producer:
            value = b"x" * size
            for begin in range(0, records, 10_000):
                producer.stdin.write(b"".join(b"%d:%s\n" % (i, value)
                                              for i in range(begin, min(begin + 10_000, records))))
            producer.stdin.close()
        if producer.returncode != 0:
            raise RuntimeError("the topic could not be filled")

    def commands(self):
        """Commands that do nearly nothing: the median of 40 starts."""
        self.fill("commands", 2, 1000, 100)
        version = [binary("sluice"), "--version"]
        listing = self.sluice("topics", "list")
        both = [(start_ms(version), start_ms(listing)) for _ in range(40)]
        return [("sluice --version", statistics.median(one for one, _ in both), "ms", "5"),
                ("sluice topics list", statistics.median(one for _, one in both), "ms", "15")]

    def verify(self):
        """Closed logs of 4 GiB in all, nothing of them in memory, beside direct readers of all files
        at once."""
        rows = []
        with tempfile.TemporaryDirectory(dir=os.environ.get("SLUICE_TEST_DIR")) as directory:
            with Broker(directory=directory) as broker:
                subprocess.run([binary("sluice"), "-b", broker.address, "topics", "create",
                                "verify", "-p", "8", "-c", f"segment.bytes={256 << 20}"],
                               check=True, stdout=subprocess.DEVNULL)
                data, files = broker.data_directory, []
                while sum(path.stat().st_size for path in files) < 4 << 30:
                    subprocess.run([binary("sluice"), "-b", broker.address, "bench", "produce",
                                    "--topic", "verify", "--connections", "8", "--warmup", "0s",
                                    "--duration", "2s"], check=True, stdout=subprocess.DEVNULL)
                    files = list(data.glob("verify-*/*.log"))
            raw, ours = [], []
            for _ in range(self.rounds):
                drop_page_cache()
                begin = time.monotonic()
                with concurrent.futures.ThreadPoolExecutor(len(files)) as readers:
                    size = sum(readers.map(read_direct, files))
                raw.append(size / (time.monotonic() - begin))
                drop_page_cache()
                ours.append(size / seconds([binary("sluice"), "-q", "log", "verify", str(data)]))
            raw, ours = statistics.median(raw), statistics.median(ours)
            rows += [("log verify, nothing in memory", ours / 1e6, "MB/s", "-"),
                     ("direct readers, the same", raw / 1e6, "MB/s", "-"),
                     ("share of what the disk reads", ours / raw * 100, "%", "80")]
        return rows

    def consume(self):
        """Everything of a topic to /dev/null, by us and by kcat in turns."""
        records = 500_000
        self.fill("consume", 2, records, 1024)
        ours, theirs = [], []
        for _ in range(self.rounds):
            ours.append(seconds(self.sluice("consume", "consume", "-e")))
            theirs.append(seconds(["kcat", "-b", self.broker.address, "-C", "-t", "consume", "-e",
                                   "-q", "-X", "broker.address.family=v4"]))
        ours, theirs = statistics.median(ours), statistics.median(theirs)
        return [("consume, 1 KiB", records / ours, "records/s", "1,000,000"),
                ("kcat, the same", records / theirs, "records/s", "-"),
                ("ratio to kcat", theirs / ours, "times", "3")]

    def search(self):
        """One key among ten million records."""
        records = 10_000_000
        self.fill("search", 4, records, 90)
        took = []
        for _ in range(self.rounds):
            with tempfile.TemporaryFile() as found:
                took.append(seconds(self.sluice("search", "search", "--key", "7654321"),
                                    stdout=found))
                found.seek(0)
                if found.read().count(b"\n") != 1:
                    raise RuntimeError("the key was not found once")
        return [("search for a key, 10 M of 100 B", statistics.median(took), "s", "10")]

    def export(self):
        """A million rows into a file and back."""
        records = 1_000_000
        self.fill("export", 4, records, 90)
        rows = []
        with tempfile.TemporaryDirectory(dir=os.environ.get("SLUICE_TEST_DIR")) as directory:
            for form in ("jsonl", "csv"):
                file, copy = f"{directory}/all.{form}", f"copy-{form}"
                rows.append((f"export, 1 M rows, {form}",
                             seconds(self.sluice("export", "export", "-o", file)), "s", "-"))
                subprocess.run(self.sluice("topics", "create", copy, "-p", "4"), check=True)
                rows.append((f"import, 1 M rows, {form}",
                             seconds(self.sluice("import", file, "--topic", copy)), "s", "-"))
            rows.append(("backup, 1 M records", seconds(
                self.sluice("backup", "create", f"{directory}/backup", "export")), "s", "-"))
            rows.append(("restore, 1 M records", seconds(
                self.sluice("restore", f"{directory}/backup", "--prefix", "restored-")), "s", "-"))
        return rows


def main():
    names = ["commands", "consume", "search", "verify", "export"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", metavar="WHAT", help=", ".join(names))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    for name in options.what:
        if name not in names:
            parser.error(f"no measurement {name}; there are {', '.join(names)}")
    print(f"{'WHAT':34} {'MEASURED':>14} {'UNIT':10} WANTED")
    with Broker() as broker:
        bench = Bench(broker, options.rounds)
        for name in options.what or names:
            for what, measured, unit, wanted in getattr(bench, name)():
                print(f"{what:34} {measured:14,.2f} {unit:10} {wanted}", flush=True)


if __name__ == "__main__":
    main()
