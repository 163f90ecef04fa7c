#!/usr/bin/env python3
"""What clients that behave badly may cost the others, and the broker: it runs in a control group with
256 MiB of memory, serves one good client, and is given a row of bad ones.

The good client publishes a record every 20 ms (acks=all) and reads it back. While the bad clients are there
its 99th percentile may at most double, no request of it may fail, also not one for a new topic, and the
broker must live. When they have gone, the broker takes a new client and a new topic, and the same clients
once more, in the same memory.

    bounds.py                            every row at full size, about four minutes
    bounds.py --only idle --part 20      one row, a twentieth of its clients
    bounds.py --part 20 --factor 0       does not judge times: for a machine that others use, too
"""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import resource
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from confluent_kafka import KafkaException, Producer  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from crash import crowd  # noqa: E402
from crash.load import Violation  # noqa: E402
from harness import wire  # noqa: E402
from harness.broker import Broker  # noqa: E402
from harness.cgroup import MemoryGroup  # noqa: E402
from harness.loop_disk import Unavailable  # noqa: E402

MEMORY_BYTES = 256 << 20
IDLE_BYTES = 16 << 10   # of one idle connection
OWED_BYTES = 50 << 20   # to each slow reader
BATCH_BYTES = 64 << 10  # of what they are owed: a reader is given one batch at least
DESCRIPTORS = 1_000     # of the broker in the row that exhausts them
AGAIN_BYTES = 16 << 20  # what the process may grow by when the same clients come a second time
SECONDS = 10            # of measuring, with and without the bad clients
PAUSE = 0.02            # between two requests of the good client
SLACK_SECONDS = 0.005   # a percentile below this is not judged: it is the machine's
SKIPPED = 77


@dataclasses.dataclass
class Row:
    """`attack`: of crowd.py; `clients`: how many at full size; `descriptors`: the broker's limit."""
    attack: object
    clients: int
    descriptors: int | None = None
    per_client: int | None = None  # most memory of the process for each


ROWS = {
    "flood": Row(crowd.flood, 1),
    "idle": Row(crowd.idle, 10_000, per_client=IDLE_BYTES),
    "slow-readers": Row(crowd.slow_readers, 1_000),
    "trickle": Row(crowd.trickle, 1_000),
    "storm": Row(crowd.storm, 1_000),
    "descriptors": Row(crowd.idle_or_refused, 2_000, descriptors=DESCRIPTORS),
}


class BoundedBroker(Broker):
    """`sluiced` in a MemoryGroup."""

    settings = {**Broker.settings, "max.connections": "15000"}

    def __init__(self, group, descriptors):
        super().__init__()
        self.group = group
        self.descriptors = descriptors

    def before_exec(self):
        self.group.join()
        if self.descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    def resident_bytes(self):
        statm = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(statm.split()[1]) * resource.getpagesize()


class GoodClient:
    """One that publishes and reads, and measures how long both take together."""

    def __init__(self, address):
        self.connection = wire.Connection(address, timeout=30)
        self.batch = wire.record_batch([os.urandom(1000)])

    def p99(self, seconds):
        """Of as many requests as fit into `seconds`."""
        times = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.perf_counter()
            error, offset = wire.produce(self.connection, "good", 0, self.batch)
            got = wire.fetch(self.connection, "good", 0, offset)
            times.append(time.perf_counter() - began)
            if error != 0 or got[0] != 0 or not got[2]:
                raise Violation(f"the good client was answered {error}, {got[0]}")
            time.sleep(PAUSE)
        return sorted(times)[len(times) * 99 // 100]

    def make_topic(self, name):
        error = wire.create_topic(self.connection, name)
        if error != 0 or wire.produce(self.connection, name, 0, self.batch)[0] != 0:
            raise Violation(f"the good client could not make topic {name} and write to it: {error}")

    def close(self):
        self.connection.socket.close()


def make_topics(address, *names):
    admin = AdminClient({"bootstrap.servers": address})
    for made in admin.create_topics([NewTopic(name, 1) for name in names]).values():
        made.result(20)


def fill(address):
    """Makes the topics, and in "big" what slow readers are owed."""
    make_topics(address, "good", "big")
    producer = Producer({"bootstrap.servers": address, "message.max.bytes": 1_000_000})
    value = os.urandom(BATCH_BYTES)
    for _ in range(OWED_BYTES // len(value) + 1):
        producer.produce("big", value)
        producer.flush(30)


def recovered(broker, name):
    """A new client is taken, and a new topic."""
    deadline = time.monotonic() + 10
    while True:
        try:
            wire.api_versions(broker.address, timeout=5)
            break
        except (OSError, EOFError):
            if time.monotonic() > deadline:
                raise Violation("no new connection is taken after the bad clients left") from None
            time.sleep(0.1)
    make_topics(broker.address, f"after-{name}")


def judge(row, clients, figures, factor):
    """Violations that figures show."""
    if row.per_client and figures["each"] > row.per_client:
        raise Violation(f"{figures['each']} bytes for each connection")
    if figures["again"] > AGAIN_BYTES:
        raise Violation(f"the second time it takes {figures['again'] >> 20} MiB more")
    allowed = max(factor * figures["alone"], SLACK_SECONDS)
    if factor and figures["p99"] > allowed:
        raise Violation(f"the good client's p99 went from {figures['alone'] * 1000:.1f} ms to "
                        f"{figures['p99'] * 1000:.1f} ms with {clients} bad ones")


def run_row(name, options):
    """One row, with a broker of its own. Raises Violation."""
    row = ROWS[name]
    clients = max(1, row.clients // options.part)
    with contextlib.ExitStack() as stack:
        group = MemoryGroup(MEMORY_BYTES)
        stack.callback(group.close)
        broker = stack.enter_context(BoundedBroker(group, row.descriptors))
        try:
            fill(broker.address)
            broker.restart()  # what is asked for must come from the disk
            good = stack.enter_context(contextlib.closing(GoodClient(broker.address)))
            good.p99(1)
            figures = {"alone": good.p99(options.seconds)}
            before = broker.resident_bytes()
            with crowd.Crowd(row.attack, broker.address, clients) as bad:
                figures["p99"] = good.p99(options.seconds)
                taken = broker.resident_bytes() - before
                held = group.used_bytes()
                told = bad.report()
                good.make_topic(f"amid-{name}")
            figures["each"] = max(0, taken) // clients
            recovered(broker, name)
            with crowd.Crowd(row.attack, broker.address, clients):
                good.p99(1)
                figures["again"] = broker.resident_bytes() - before - taken
            good.p99(1)
            print(f"{name}: {clients} clients ({told}), {max(0, taken) / 2**20:.1f} MiB more in the process, "
                  f"{figures['each']} bytes each; group {held >> 20} MiB; good client's p99 "
                  f"{figures['alone'] * 1000:.1f} ms alone, {figures['p99'] * 1000:.1f} ms among them",
                  flush=True)
            judge(row, clients, figures, options.factor)
        except (OSError, EOFError, RuntimeError, KafkaException, Violation) as error:
            killed = f"; killed by the kernel {group.kills()} times" if group.kills() else ""
            raise Violation(f"{name}: {error}{killed}\n{broker.log_tail()}") from error


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--only", action="append", choices=list(ROWS))
    parser.add_argument("--part", type=int, default=1, help="divides the number of clients")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--factor", type=float, default=2, help="that the p99 may grow by; 0: any")
    options = parser.parse_args()
    crowd.raise_descriptor_limit()
    for name in options.only or ROWS:
        try:
            run_row(name, options)
        except Unavailable as why:
            print(f"not run: {why}")
            return SKIPPED
        except Violation as violation:
            print(f"VIOLATION {violation}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
