#!/usr/bin/env python3
"""kill -9 under load, again and again; then everything acknowledged must be there, in order, once.

Idempotent producers (librdkafka, acks=all) publish to several partitions while the broker is killed
at random moments and started again. After each start the tail of each partition is compared record
by record, and committed group offsets must not have moved back; now and then, and at the end, the
whole log is read. A ledger of acknowledgements lies outside the broker's directory.

    kill9.py --cycles 1000             the long dose, about half a second a cycle
    kill9.py --peer kafka              the same against Apache Kafka, to check this program
    kill9.py --sabotage                cuts a segment after a kill: must be found (exit code 0 then)
"""

import os
import pathlib
import random
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from crash import outcome  # noqa: E402
from crash.load import Checker, Committer, Ledger, Violation, Writer, client_settings  # noqa: E402
from crash.outcome import go_through, put_away  # noqa: E402
from harness.broker import Broker  # noqa: E402
from harness.kafka import Kafka  # noqa: E402

PARTITIONS = 4
# Name: codec and configs, besides topic_config. No two records of "compacted" have the same key: the
# cleaner writes its segments anew all the time, and takes nothing away.
TOPICS = {"plain": ("none", {}), "packed": ("lz4", {}),
          "compacted": ("none", {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01"})}
TAIL = 300  # records before the acknowledged end that are read after every kill
GROUP = "kill9"


class Run:
    """One broker, its load, and the cycles."""

    topics = TOPICS
    topic_config = {"segment.bytes": "1048576"}  # small, so that kills also hit rolls
    settings = {"log.cleaner.backoff.ms": "100"}  # of the broker
    promise = "nothing lost, nothing twice, nothing out of order"

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.directory = pathlib.Path(tempfile.mkdtemp(
            prefix="sluice-kill9-", dir=os.environ.get("SLUICE_TEST_DIR")))
        make = Kafka if options.peer == "kafka" else Broker
        settings = self.settings | dict(setting.split("=", 1) for setting in options.set)
        self.broker = make(self.directory / "broker", **settings)
        self.ledger = Ledger(self.directory / "ledger.txt")
        self.recoveries = []
        self.writers = {}
        self.committer = None
        self.checker = None

    def start(self):
        self.broker.start()
        topics = [NewTopic(name, PARTITIONS, 1, config=self.topic_config | config)
                  for name, (_, config) in self.topics.items()]
        admin = AdminClient(client_settings(self.broker.address))
        for future in admin.create_topics(topics).values():
            future.result(20)
        time.sleep(0.5 if self.options.peer == "kafka" else 0)
        for name in self.topics:
            self.start_writer(name)
        self.committer = Committer(self.broker.address, GROUP, "plain", PARTITIONS)
        self.committer.start()
        self.checker = Checker(self.broker.address)

    def start_writer(self, name):
        self.writers[name] = Writer(self.broker.address, name, PARTITIONS, self.ledger,
                                    self.topics[name][0], self.options.rate)
        self.writers[name].start()

    def cycle(self, number):
        """Load for a random while, kill, start, compare."""
        self.wait_for_load()
        time.sleep(self.random.uniform(*self.options.load))
        ends = dict(self.ledger.ends)
        commits = list(self.committer.acknowledged)
        self.end_broker()
        # What was acknowledged until the moment of the kill counts too.
        ends.update({part: max(end, ends.get(part, 0)) for part, end in self.ledger.ends.items()})
        if self.options.sabotage and number == self.options.cycles // 2:
            self.sabotage()
        began = time.monotonic()
        self.broker.start()
        self.recoveries.append(time.monotonic() - began)
        whole = number % 100 == 99
        for topic in self.topics:
            ranges = {part: (0 if whole else max(0, end - TAIL), end)
                      for (name, part), end in ends.items() if name == topic}
            self.checker.check(topic, ranges)
        self.committer.check(commits)
        self.raise_problems()
        if number % 20 == 19:
            name = self.random.choice(list(self.topics))
            self.writers[name].finish()
            self.start_writer(name)

    def wait_for_load(self, records=100, seconds=60):
        """Waits until the producers are acknowledged again, so that no kill hits an idle broker."""
        target = self.ledger.count + records
        deadline = time.monotonic() + seconds
        while self.ledger.count < target:
            self.raise_problems()
            if time.monotonic() > deadline:
                raise Violation(f"no acknowledgements for {seconds} s after a start")
            time.sleep(0.002)

    def end_broker(self):
        """kill -9; sometimes again during recovery, and again; sometimes a graceful stop."""
        dice = self.random.random()
        if dice < 0.05:
            self.broker.stop()
            return
        self.broker.kill()
        while dice < 0.15:
            self.broker.spawn()
            time.sleep(self.random.uniform(0, 0.1))
            self.broker.kill()
            dice += 0.04

    def segments(self):
        return [path for topic in self.topics
                for path in self.broker.data_directory.glob(f"{topic}-*/*.log")]

    def sabotage(self):
        """Cuts a segment in the middle of its records: the one that holds most, for a topic may
        have got none yet."""
        segment = max(self.segments(), key=outcome.held)
        size = outcome.cut_in_half(segment)
        print(f"sabotage: cut {segment.name} of {segment.parent.name} from {size} to {size // 2} "
              "bytes")

    def raise_problems(self):
        for writer in self.writers.values():
            if writer.problem:
                raise Violation(writer.problem)

    def finish(self):
        """Everything sent is acknowledged, and the whole log is what it must be, to its end."""
        for writer in self.writers.values():
            writer.finish()
        self.committer.finish()
        for topic in self.topics:
            ranges = {part: (0, end) for (name, part), end in self.ledger.ends.items()
                      if name == topic}
            self.checker.check(topic, ranges, seconds=120)

    def close(self, keep):
        for writer in self.writers.values():
            writer.ending.set()
            writer.problem = writer.problem or "ended"
        if self.committer:
            self.committer.ending.set()
        self.broker.kill()
        self.ledger.close()
        put_away(self.directory, keep)

    def summary(self, cycles):
        times = sorted(self.recoveries) or [0]
        return (f"{cycles} cycles, {self.ledger.count} records acknowledged, {self.checker.read} "
                f"compared, {self.committer.commits} commits; start p50 "
                f"{times[len(times) // 2] * 1000:.0f} ms, max {times[-1] * 1000:.0f} ms")


def arguments(about):
    """The options of this program and of those that do the same to another kind of disk."""
    parser = outcome.arguments(about, 5000, "records a second of each of the producers")
    parser.add_argument("--load", type=float, nargs=2, default=(0.02, 0.3), metavar=("MIN", "MAX"),
                        help="seconds of load before a kill")
    parser.add_argument("--peer", choices=("sluiced", "kafka"), default="sluiced")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="an option of the broker")
    return parser


def main():
    options = arguments(__doc__).parse_args()
    return go_through(Run(options), options)


if __name__ == "__main__":
    sys.exit(main())
