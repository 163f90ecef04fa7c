#!/usr/bin/env python3
"""The disk fills up and is emptied, again and again, under load.

The data directory lies on a file system of 64 MiB of its own. In each cycle something else takes the
space: down into the broker's reserve (sluice.disk.reserve.bytes), every fourth time all of it. Then

- a producer that does not retry is told KAFKA_STORAGE_ERROR, and nothing is fenced;
- while the reserve is there, records are fetched, offsets are committed, a topic is deleted, and
  records are deleted, as if nothing had happened;
- when the space comes back, the producers that wait are acknowledged within 10 s, by the same process;
- everything acknowledged is there, in order, once, byte for byte. In every tenth cycle the broker is
  killed while its disk is full.

    disk_full.py --cycles 300      the long dose
    disk_full.py --sabotage        cuts a segment: must be found (exit code 0 then)
"""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from confluent_kafka import KafkaException, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from crash import kill9  # noqa: E402
from crash.load import Violation, client_settings  # noqa: E402
from crash.outcome import go_through  # noqa: E402
from harness import wire  # noqa: E402
from harness.loop_disk import LoopDisk, Unavailable  # noqa: E402

DISK_BYTES = 64 << 20
RESERVE_BYTES = 8 << 20
STORAGE_ERROR = 56
RESUME_SECONDS = 10
PROBES = 5
SKIPPED = 77


class FullRun(kill9.Run):
    topics = {name: kill9.TOPICS[name] for name in ("plain", "packed")}
    topic_config = {"segment.bytes": "1048576", "retention.bytes": "2097152"}

    def __init__(self, options, disk):
        # Committed offsets are compacted within little space, too.
        self.settings = self.settings | {"sluice.disk.reserve.bytes": str(RESERVE_BYTES),
                                         "offsets.topic.segment.bytes": "1048576"}
        super().__init__(options)
        self.disk = disk
        self.broker.data_place = disk.mounted
        self.ballast = disk.mounted / "ballast"
        self.resumed = []  # seconds from space to the next acknowledgement
        self.admin = None

    def start(self):
        super().start()
        self.admin = AdminClient(client_settings(self.broker.address))
        self.done_within(self.admin.create_topics([NewTopic("probe", 1, 1)]), "creating a topic")

    def cycle(self, number):
        self.wait_for_load()
        doomed = f"doomed-{number}"
        self.done_within(self.admin.create_topics([NewTopic(doomed, 2, 1)]), "creating a topic")
        time.sleep(self.random.uniform(*self.options.load))
        whole = number % 4 == 3
        left = 0 if whole else RESERVE_BYTES // 2
        self.disk.fill(self.ballast, left)
        self.wait_for_refusals(left)
        self.check_tails()
        if not whole:
            self.check_goes_on(doomed)
        self.check_refusal(left)
        if number % 10 == 9:
            self.broker.kill()
            self.broker.start()
            self.check_tails()
        if self.options.sabotage and number == self.options.cycles // 2:
            self.broker.kill()
            self.sabotage()
            self.broker.start()
        self.ballast.unlink()
        began, before = time.monotonic(), self.ledger.count
        while self.ledger.count == before:
            self.raise_problems()
            if time.monotonic() - began > RESUME_SECONDS:
                raise Violation(f"no record is taken {RESUME_SECONDS} s after there was space again")
            time.sleep(0.001)
        self.resumed.append(time.monotonic() - began)
        self.check_tails()
        if whole:
            self.done_within(self.admin.delete_topics([doomed]), "deleting a topic")
        elif "log fenced" in self.broker.log_path.read_text(errors="replace"):
            raise Violation("a log was fenced although the reserve was there")
        if not self.broker.is_running():
            raise Violation("the broker ended")

    def wait_for_refusals(self, left):
        """Until no producer was acknowledged for a while: room that logs had reserved is used up, and
        what retention frees is taken."""
        count, since = self.ledger.count, time.monotonic()
        deadline = since + 30
        while time.monotonic() - since < 0.3:
            self.raise_problems()
            if self.ledger.count != count:
                count, since = self.ledger.count, time.monotonic()
                self.disk.fill(self.ballast, left)
            if time.monotonic() > deadline:
                raise Violation("records are taken for 30 s although the disk is full")
            time.sleep(0.01)

    def check_refusal(self, left):
        """A batch that fits in no room reserved before is refused, and the client is told why."""
        producer = Producer(client_settings(
            self.broker.address, **{"retries": 0, "linger.ms": 0, "message.timeout.ms": 20_000}))
        codes = []
        while len(codes) < PROBES:
            self.disk.fill(self.ballast, left)  # again: idle logs and deleted topics gave some back
            producer.produce("probe", b"x" * 900_000, partition=0,
                             on_delivery=lambda error, _: codes.append(error and error.code()))
            producer.flush(30)
            if codes[-1:] == [STORAGE_ERROR]:
                return
        raise Violation(f"records on a full disk were answered {codes}")

    def check_goes_on(self, doomed):
        """Commits, the end of a topic, the end of old records."""
        commits = self.committer.commits
        deadline = time.monotonic() + 10
        while self.committer.commits < commits + 5:
            if time.monotonic() > deadline:
                raise Violation("no offsets are committed while the disk is full")
            time.sleep(0.005)
        self.done_within(self.admin.delete_topics([doomed]), "deleting a topic on a full disk")
        left = self.broker.data_directory.glob(f"{doomed}-*")
        if any(left):
            raise Violation(f"{doomed} was deleted, and its files are there")
        end = self.ledger.end("plain", 0)
        with wire.Connection(self.broker.address) as connection:
            wanted = max(0, end - kill9.TAIL)
            error, low = wire.delete_records(connection, "plain", 0, wanted)
        if error or low < wanted:
            raise Violation(f"records below {wanted} cannot be deleted: error {error}, start {low}")

    def segments(self):
        """The newest of each partition: only tails are compared, the rest falls to retention."""
        newest = {}
        for path in sorted(super().segments()):
            newest[path.parent] = path
        return newest.values()

    def check_tails(self):
        for topic in self.topics:
            self.checker.check(topic, {
                part: (max(0, end - kill9.TAIL), end)
                for (name, part), end in dict(self.ledger.ends).items() if name == topic})
        self.raise_problems()

    @staticmethod
    def done_within(futures, what, seconds=20):
        for future in futures.values():
            try:
                future.result(seconds)
            except KafkaException as error:
                raise Violation(f"{what}: {error}") from None

    def finish(self):
        for writer in self.writers.values():
            writer.finish()
        self.committer.finish()
        self.check_tails()

    def summary(self, cycles):
        times = sorted(self.resumed) or [0]
        return (f"{super().summary(cycles)}; records taken again after p50 "
                f"{times[len(times) // 2] * 1000:.0f} ms, max {times[-1] * 1000:.0f} ms")


def main():
    options = kill9.arguments(__doc__).parse_args()
    try:
        disk = LoopDisk("ext4", DISK_BYTES)
    except Unavailable as why:
        print(f"not run: {why}")
        return SKIPPED
    try:
        return go_through(FullRun(options, disk), options)
    finally:
        disk.close()


if __name__ == "__main__":
    sys.exit(main())
