#!/usr/bin/env python3
"""The disk below the file system fails writes, after the n-th, for each n.

ext4 lies on a device that answers EIO or ENOSPC as long as it is told to (nbdfuse and nbdkit's error
filter). In cycle n a partition takes n batches; then the device fails, and several producers send at the
same time. Then

- all of them are told KAFKA_STORAGE_ERROR, and what was acknowledged before is read;
- once the device works again, other partitions are served (where ext4 itself did not give up: that is
  said), and a partition that saw EIO stays read-only;
- after a kill, another mount and a start everything acknowledged is there, and the partition takes more.

    block_errors.py --cycles 200
"""

import argparse
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from confluent_kafka import Producer  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from crash.load import Checker, Violation, client_settings, key_of, value_of  # noqa: E402
from crash.outcome import outcome_of, put_away  # noqa: E402
from harness.broker import Broker  # noqa: E402
from harness.loop_disk import FaultyDisk, Unavailable  # noqa: E402

DISK_BYTES = 512 << 20
STORAGE_ERROR = 56
TOGETHER = 3  # producers whose batches meet the error
SKIPPED = 77


class ErrorRun:
    def __init__(self, options, disk):
        self.options = options
        self.disk = disk
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-block-errors-"))
        self.broker = Broker(self.directory / "broker")
        self.broker.data_place = disk.mounted
        self.others_served = 0
        self.other_end = 0
        self.compared = 0

    def start(self):
        self.broker.start()
        self.create("other")

    def create(self, topic):
        admin = AdminClient(client_settings(self.broker.address))
        admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)

    def producer(self):
        return Producer(client_settings(self.broker.address, **{
            "retries": 0, "linger.ms": 0, "acks": "all", "message.timeout.ms": 20_000}))

    def send(self, producer, topic, number):
        """Record `number` of the topic; returns a list that gets the outcome."""
        outcome = []
        producer.produce(topic, value_of(0, number), key_of(0, number), 0,
                         on_delivery=lambda error, message: outcome.append(
                             (error and error.code(), message.offset())))
        return outcome

    def acknowledged(self, topic, number):
        producer = self.producer()
        outcome = self.send(producer, topic, number)
        producer.flush(30)
        return outcome == [(None, number)]

    def cycle(self, n):
        victim = f"victim-{n}"
        self.create(victim)
        producers = [self.producer() for _ in range(TOGETHER)]
        for number in range(n):
            outcome = self.send(producers[0], victim, number)
            producers[0].flush(30)
            if outcome != [(None, number)]:
                raise Violation(f"{victim}: record {number} was answered {outcome}")
        for producer in producers:
            producer.list_topics(victim, timeout=10)
        self.disk.fail(True)
        outcomes = [self.send(producer, victim, n) for producer in producers]
        for producer in producers:
            producer.flush(30)
        self.disk.fail(False)
        codes = [outcome[0][0] if outcome else "nothing" for outcome in outcomes]
        if codes != [STORAGE_ERROR] * TOGETHER:
            raise Violation(f"{victim}: batches that shared a failed write were answered {codes}")
        self.check(victim, n)
        if self.disk.error == "EIO" and self.acknowledged(victim, n):
            raise Violation(f"{victim} takes records after EIO, without a restart")
        if self.acknowledged("other", self.other_end):
            self.others_served += 1
            self.other_end += 1
        self.broker.kill()
        self.disk.remount()
        self.broker.start()
        self.check(victim, n)
        self.check("other", self.other_end)
        self.take_more(victim)

    def take_more(self, victim):
        """What was refused may be there or not, whole: the partition goes on behind it."""
        producer = self.producer()
        outcome = self.send(producer, victim, 0)
        producer.flush(30)
        if not outcome or outcome[0][0] is not None:
            raise Violation(f"{victim} takes no records after a restart: {outcome}")

    def check(self, topic, end):
        checker = Checker(self.broker.address)
        try:
            checker.check(topic, {0: (0, end)})
        finally:
            checker.close()
        self.compared += checker.read

    def close(self, keep):
        self.broker.kill()
        put_away(self.directory, keep)

    def summary(self, cycles):
        return (f"{self.disk.error}: {cycles} cycles, {self.compared} records compared, others "
                f"served at once in {self.others_served}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--cycles", type=int, default=20, help="n goes from 1 to this")
    options = parser.parse_args()
    options.sabotage, options.seed = False, 0
    for error in ("EIO", "ENOSPC"):
        try:
            disk = FaultyDisk("ext4", DISK_BYTES, error)
        except Unavailable as why:
            print(f"not run: {why}")
            return SKIPPED
        try:
            run, done = ErrorRun(options, disk), 0

            def work(run=run):
                nonlocal done
                run.start()
                for done in range(1, options.cycles + 1):
                    run.cycle(done)
                print(run.summary(done) + "; nothing acknowledged is lost", flush=True)

            code = outcome_of(run, options, work, where=lambda: f" in cycle {done}")
        finally:
            disk.close()
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
