"""What many partitions, a start and an idle broker cost: measured from outside, printed as a table.

    /usr/bin/python3 bench/scale.py                    # everything, some minutes
    /usr/bin/python3 bench/scale.py start partitions --partitions 10000
    /usr/bin/python3 bench/scale.py kill idle-partitions --loader PATH/sluice --gigabytes 10

Each measurement is a function that returns rows of (what, measured, unit, wanted); `wanted` is the
figure of the project's goals, and no test depends on it. Standard library only. $SLUICE_BIN says
where the programs are, $SLUICE_TEST_DIR where data is kept (default: the temporary directory). `kill` and
`idle-partitions` need `sluice bench` as load generator.
"""

import argparse
import http.client
import json
import os
import pathlib
import re
import resource
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from harness import wire  # noqa: E402  (the path is set above)
from harness.broker import Broker, binary, free_port  # noqa: E402

CREATE_TOPICS = 19
MIB = 1 << 20


# ---- A broker and what is seen of it ----


class Measured(Broker):
    """A broker with the settings that its user gives it, and a bound on descriptors."""

    settings = {}
    descriptors = None  # of the process; None: as inherited

    def spawn(self):
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        if self.descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))
        try:
            self.began = time.monotonic()
            super().spawn()
        finally:
            # A lowered hard limit comes back only for root; the soft one is what matters here.
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)
            except ValueError:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    def seconds_to_first_answer(self, timeout=60.0):
        """From the start of the process until ApiVersions is answered."""
        self.spawn()
        return self.seconds_until_answer(timeout)

    def seconds_until_answer(self, timeout):
        frame = wire.request(wire.API_VERSIONS, 0, b"")
        while time.monotonic() - self.began < timeout:
            if self.process.poll() is not None:
                raise RuntimeError(f"the broker ended:\n{self.log_tail()}")
            try:
                left = max(0.1, timeout - (time.monotonic() - self.began))
                with socket.create_connection(("127.0.0.1", self.port), left) as one:
                    one.sendall(frame)
                    if one.recv(4):
                        return time.monotonic() - self.began
            except ConnectionError:
                time.sleep(0.0002)
        raise RuntimeError(f"no answer within {timeout} s:\n{self.log_tail()}")

    def rss(self):
        """Resident memory, bytes."""
        return int(self.proc("statm").split()[1]) * resource.getpagesize()

    def rss_peak(self):
        for line in self.proc("status").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) << 10
        return 0

    def cpu_seconds(self):
        fields = self.proc("stat").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def proc(self, name):
        return pathlib.Path(f"/proc/{self.process.pid}/{name}").read_text()


def create_topics(address, names, partitions, timeout=60.0):
    """CreateTopics v2, all in one request; returns the seconds it took."""
    topics = [wire.string(name) + struct.pack(">ih", partitions, 1) + wire.array([]) +
              wire.array([]) for name in names]
    body = wire.array(topics) + struct.pack(">i", int(timeout * 1000)) + b"\0"
    begin = time.monotonic()
    with wire.Connection(address, timeout) as connection:
        reply = wire.Reader(connection.call(CREATE_TOPICS, 2, body))
    reply.int32()  # throttle time
    for _ in range(reply.int32()):
        name, error, message = reply.string(), reply.int16(), reply.string()
        if error:
            raise RuntimeError(f"topic {name}: error {error} {message}")
    return time.monotonic() - begin


class Rows(list):
    """Rows of a table, printed as they come."""

    def append(self, row):
        super().append(row)
        what, value, unit, wanted = row
        number = f"{value:,.0f}" if unit == "" else f"{value:,.2f}"
        print(f"{what:<52} {number:>10} {unit:<12} {wanted}".rstrip(), flush=True)


# ---- Measurements: each returns rows of (what, value, unit, wanted) ----


def many_partitions(count=10_000, topics=10, descriptors=4096):
    """`count` partitions: creation, start after a clean stop and after kill -9, memory, files."""
    rows = Rows()
    broker = Measured()
    broker.descriptors = descriptors
    names = [f"many-{index}" for index in range(topics)]
    # Of today: old records would keep retention busy.
    batch = wire.record_batch([b"x" * 100, b"y" * 100], timestamp=int(time.time() * 1000))

    def write_some(every):
        with wire.Connection(broker.address, 30) as connection:
            for index in range(0, count, every):
                error, _ = wire.produce(connection, names[index % topics], index // topics, batch)
                if error:
                    raise RuntimeError(f"produce answered {error}")

    def look(what, seconds):
        rows.append((f"{what}: first answer", seconds, "s", "<= 3"))
        rows.append((f"{what}: RSS", broker.rss() / MIB, "MiB", "<= 300"))
        rows.append((f"{what}: RSS peak", broker.rss_peak() / MIB, "MiB", ""))
        rows.append((f"{what}: descriptors", broker.open_descriptors(), "", f"<= {descriptors}"))

    try:
        broker.start()
        seconds = create_topics(broker.address, names, count // topics)
        rows.append((f"create {count} partitions in one request", seconds, "s", ""))
        rows.append(("after creation: RSS", broker.rss() / MIB, "MiB", "<= 300"))
        rows.append(("after creation: descriptors", broker.open_descriptors(), "",
                     f"<= {descriptors}"))
        write_some(every=10)
        begin = time.monotonic()
        broker.stop()
        rows.append(("clean stop", time.monotonic() - begin, "s", ""))
        look("clean start", broker.seconds_to_first_answer())
        cpu = broker.cpu_seconds()
        time.sleep(4)
        rows.append(("idle: CPU", (broker.cpu_seconds() - cpu) / 4 * 100, "% of a core", ""))
        write_some(every=7)
        broker.kill()
        look("start after kill -9", broker.seconds_to_first_answer())
        broker.kill()
        look("start after kill -9, again", broker.seconds_to_first_answer())
    finally:
        broker.close()
    return rows


def start_and_idle(rounds=11, shards=2):
    """A start on an empty directory, an idle broker's memory, and the size of the program."""
    rows, seconds, rss = Rows(), [], 0.0
    for number in range(rounds):
        broker = Measured(sluice_shards=shards)
        try:
            seconds.append(broker.seconds_to_first_answer() * 1000)
            if number == rounds - 1:
                time.sleep(3)
                rss = broker.rss() / MIB
        finally:
            broker.close()
    rows.append(("start on an empty directory: median", statistics.median(seconds), "ms", "<= 15"))
    rows.append(("start on an empty directory: slowest", max(seconds), "ms", ""))
    rows.append((f"idle with {shards} shards: RSS", rss, "MiB", "<= 12"))
    with tempfile.TemporaryDirectory() as directory:
        stripped = pathlib.Path(directory) / "sluiced"
        subprocess.run(["strip", "-o", str(stripped), binary("sluiced")], check=True)
        rows.append(("sluiced, stripped", stripped.stat().st_size / MIB, "MiB", "<= 8"))
    return rows


def produce_load(loader, address, seconds, *more, batch="64KiB", in_flight=5):
    """A command that writes as fast as it can and prints JSON."""
    return [loader, "-b", address, "--json", "bench", "produce", "--batch-bytes", batch,
            "--in-flight", str(in_flight), "--duration", f"{seconds}s", "--warmup", "1s", *more]


def killed_under_load(loader, gigabytes=10.0, partitions=1):
    """kill -9 while `gigabytes` have been and are being written; how soon the broker answers."""
    rows = Rows()
    broker = Measured()
    try:
        broker.start()
        load = subprocess.Popen(
            produce_load(loader, broker.address, 300, "--topic", "big", "--partitions",
                         str(partitions), "--connections", str(partitions), batch="1000000",
                         in_flight=4),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wanted, deadline = gigabytes * 1e9, time.monotonic() + 240
            while written(broker) < wanted and time.monotonic() < deadline:
                if load.poll() is not None:
                    raise RuntimeError("the load generator has ended")
                time.sleep(0.2)
            broker.kill()
        finally:
            load.kill()
            load.wait()
        size = written(broker) / 1e9
        seconds = broker.seconds_to_first_answer()
        rows.append((f"killed under load with {size:.1f} GB: first answer", seconds, "s", "<= 2"))
        scanned = re.findall(r"bytes_scanned=(\d+)", broker.log_path.read_text())
        rows.append(("… bytes scanned", sum(map(int, scanned)) / MIB, "MiB", ""))
    finally:
        broker.close()
    return rows


def written(broker):
    """Bytes in segments, blocks prepared ahead included."""
    return sum(path.stat().st_size for path in broker.data_directory.glob("big-*/*.log"))


def idle_partitions(loader, count=1000, rounds=5, seconds=4):
    """Throughput of one partition with and without `count` idle ones, in turns."""
    rows = Rows()
    alone, crowded = Measured(), Measured()
    results = {alone: [], crowded: []}
    try:
        alone.start()
        crowded.start()
        create_topics(crowded.address, [f"idle-{index}" for index in range(10)], count // 10)
        batch = wire.record_batch([b"x" * 100], timestamp=int(time.time() * 1000))
        with wire.Connection(crowded.address, 30) as connection:
            for index in range(count):
                wire.produce(connection, f"idle-{index % 10}", index // 10, batch)
        time.sleep(5)  # until they have given back what they held
        for number in range(rounds):
            for broker in (alone, crowded) if number % 2 == 0 else (crowded, alone):
                done = subprocess.run(produce_load(loader, broker.address, seconds), timeout=60,
                                      stdout=subprocess.PIPE, check=True)
                median = json.loads(done.stdout)["brokers"][0]["median"]
                results[broker].append((median["mb_per_s"], median["latency_us"]["p99"]))
    finally:
        alone.close()
        crowded.close()
    rates = {broker: statistics.median(rate for rate, _ in results[broker]) for broker in results}
    tails = {broker: statistics.median(p99 for _, p99 in results[broker]) for broker in results}
    rows.append(("64 KiB x 5, no other partitions", rates[alone], "MB/s", ""))
    rows.append((f"64 KiB x 5, {count} idle partitions", rates[crowded], "MB/s", ""))
    rows.append(("… lost", (1 - rates[crowded] / rates[alone]) * 100, "%", "<= 10"))
    rows.append(("p99 without", tails[alone] / 1000, "ms", ""))
    rows.append(("p99 with", tails[crowded] / 1000, "ms", ""))
    return rows


def scrapes(count=10_000, topics=10, rounds=50):
    """What a scrape of `count` partitions costs the broker, and a client that produces meanwhile."""
    rows = Rows()
    port = free_port()
    broker = Measured(sluice_http_listen=f"127.0.0.1:{port}")
    batch = wire.record_batch([b"x" * 100], timestamp=int(time.time() * 1000))

    def scrape():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/metrics")
        size = len(connection.getresponse().read())
        connection.close()
        return size

    def produce_for(seconds):
        """Latencies of single records, seconds, sorted."""
        latencies, until = [], time.monotonic() + seconds
        with wire.Connection(broker.address, 30) as connection:
            while time.monotonic() < until:
                begin = time.monotonic()
                wire.produce(connection, "many-0", 0, batch)
                latencies.append(time.monotonic() - begin)
        return sorted(latencies)

    try:
        broker.start()
        create_topics(broker.address, [f"many-{index}" for index in range(topics)], count // topics)
        size = scrape()
        time.sleep(1)
        idle = broker.cpu_seconds()
        time.sleep(2)
        idle = (broker.cpu_seconds() - idle) / 2
        cpu, begin = broker.cpu_seconds(), time.monotonic()
        for _ in range(rounds):
            scrape()
        elapsed = time.monotonic() - begin
        spent = broker.cpu_seconds() - cpu - idle * elapsed
        rows.append((f"scrape of {count} partitions: CPU", spent / rounds * 1000, "ms", "<= 10"))
        rows.append(("… elapsed", elapsed / rounds * 1000, "ms", ""))
        rows.append(("… text", size / MIB, "MiB", ""))
        quiet = produce_for(3)
        stop = threading.Event()

        def scrape_often():
            while not stop.wait(0.2):
                scrape()

        scraper = threading.Thread(target=scrape_often)
        scraper.start()
        busy = produce_for(3)
        stop.set()
        scraper.join()
        for name, latencies in (("no scrapes", quiet), ("5 scrapes/s", busy)):
            rows.append((f"produce of one record, {name}: p50",
                         latencies[len(latencies) // 2] * 1000, "ms", ""))
            rows.append((f"produce of one record, {name}: p99",
                         latencies[len(latencies) * 99 // 100] * 1000, "ms", ""))
    finally:
        broker.close()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", help="start, partitions, scrapes, kill, idle-partitions")
    parser.add_argument("--loader", help="a `sluice` that has `bench` (default: the build's)")
    parser.add_argument("--partitions", type=int, default=10_000)
    parser.add_argument("--topics", type=int, default=10)
    parser.add_argument("--gigabytes", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    loader = options.loader or binary("sluice")
    known = {"start": start_and_idle,
             "partitions": lambda: many_partitions(options.partitions, options.topics),
             "scrapes": lambda: scrapes(options.partitions, options.topics),
             "idle-partitions": lambda: idle_partitions(loader, rounds=options.rounds),
             "kill": lambda: killed_under_load(loader, options.gigabytes)}
    for what in options.what or known:
        if what not in known:
            parser.error(f"unknown measurement {what}: one of {', '.join(known)}")
        known[what]()


if __name__ == "__main__":
    main()
