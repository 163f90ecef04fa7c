#!/usr/bin/env python3
"""A consumer group whose members and whose broker are killed again and again, with our C++ client.

One idempotent producer publishes; four members read, and commit what they have handled. Every few
seconds a member is killed (kill -9) and started again, less often the broker. At the end:

- nothing is lost: the members together handled every record, and each record of the log is the one
  that was sent there (group_worker.cpp says how it knows);
- nothing is out of order: within an assignment a member reads a partition without gap or repetition;
- duplicates only after the last commit: an assignment never begins before an offset whose commit
  had been acknowledged by then.

    group_soak.py                                   the long dose: 10 million records, some 4 minutes
    group_soak.py --records 100000 --member-kill 1 --broker-kill 3
    group_soak.py --sabotage                        moves committed offsets back: must be found
"""

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from confluent_kafka import Consumer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from crash.load import Violation, client_settings  # noqa: E402
from crash.outcome import outcome_of, put_away  # noqa: E402
from harness.broker import Broker, binary  # noqa: E402
from harness.process import end  # noqa: E402

TOPIC = "soak"
GROUP = "soak"
END_SECONDS = 120  # within which the members must have handled what is left at the end


class Member:
    """One member: the process that is at the moment, and the log that all of them write."""

    def __init__(self, run, number):
        self.run = run
        self.log = run.directory / f"member-{number}.log"
        self.log.touch()
        # Half of them are static members (KIP-345): a new process takes the old one's place.
        self.instance = [f"member-{number}"] if number % 2 else []
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [binary("group_worker"), "consume", self.run.broker.address, TOPIC, GROUP,
             str(self.run.options.session_ms), str(self.log), *self.instance])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Violation("a member does not stop within 20 s") from None


class Run:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.directory = pathlib.Path(tempfile.mkdtemp(
            prefix="sluice-soak-", dir=os.environ.get("SLUICE_TEST_DIR")))
        self.broker = Broker(self.directory / "broker", group_min_session_timeout_ms=100)
        self.members = [Member(self, number) for number in range(options.members)]
        self.producer = None
        self.kills = {"member": 0, "broker": 0}

    def start(self):
        self.broker.start()
        admin = AdminClient(client_settings(self.broker.address))
        admin.create_topics([NewTopic(TOPIC, self.options.partitions, 1)])[TOPIC].result(20)
        self.producer = subprocess.Popen(
            [binary("group_worker"), "produce", self.broker.address, TOPIC,
             str(self.options.partitions), str(self.options.records), str(self.options.rate)],
            stdout=subprocess.PIPE, text=True)
        for member in self.members:
            member.start()

    def load(self):
        """Kills until everything is published."""
        now = time.monotonic()
        member_kill = now + self.options.member_kill
        broker_kill = now + self.options.broker_kill
        while self.producer.poll() is None:
            time.sleep(0.05)
            now = time.monotonic()
            if now >= member_kill:
                member_kill += self.options.member_kill
                victim = self.random.choice(self.members)
                victim.kill()
                victim.start()
                self.kills["member"] += 1
            if now >= broker_kill:
                broker_kill += self.options.broker_kill
                self.broker.kill()
                if self.options.sabotage and self.kills["broker"] == 0:
                    self.sabotage()
                self.broker.start()
                self.kills["broker"] += 1
        if self.producer.returncode != 0:
            raise Violation("the producer gave up")

    def sabotage(self):
        """All members forget: the group's offsets go back to 0."""
        for member in self.members:
            member.kill()
        self.broker.start()
        consumer = Consumer(client_settings(self.broker.address, **{"group.id": GROUP}))
        deadline = time.monotonic() + 30
        while True:
            try:
                consumer.commit(offsets=[TopicPartition(TOPIC, number, 0) for number
                                         in range(self.options.partitions)], asynchronous=False)
                break
            except Exception:  # the group has members until their sessions end
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
        consumer.close()
        self.broker.kill()
        for member in self.members:
            member.start()

    def finish(self):
        """Waits until everything is handled; then stops the members and checks what they did."""
        deadline = time.monotonic() + END_SECONDS
        while self.history().missing(self.options.partitions, self.options.records):
            if time.monotonic() > deadline:
                break
            time.sleep(0.5)
        for member in self.members:
            member.stop()
        return self.history().check(self.options.partitions, self.options.records)

    def history(self):
        history = History()
        for member in self.members:
            history.read(member.log)
        return history

    def close(self, keep):
        for process in [self.producer, *(member.process for member in self.members)]:
            if process:
                end(process)
        self.broker.kill()
        put_away(self.directory, keep)


class History:
    """What all members wrote down."""

    def __init__(self):
        self.starts = []   # (nanoseconds, partition, offset)
        self.commits = []  # (nanoseconds, partition, offset)
        self.reads = {}    # partition -> [(first, last)]
        self.problems = []

    def read(self, path):
        for line in path.read_text().splitlines(keepends=True):
            words = line.split()
            if not line.endswith("\n") or not words:
                continue  # cut by a kill
            if words[0] == "problem":
                self.problems.append(f"{path.stem}: {line.strip()}")
            elif words[0] == "read":
                self.reads.setdefault(int(words[1]), []).append((int(words[2]), int(words[3])))
            else:
                events = self.starts if words[0] == "start" else self.commits
                events.append((int(words[3]), int(words[1]), int(words[2])))

    def missing(self, partitions, records):
        """The first gap of each partition that has one, as text."""
        gaps = []
        for partition in range(partitions):
            end = records // partitions + (partition < records % partitions)
            reached = 0
            for first, last in sorted(self.reads.get(partition, [])):
                if first > reached:
                    break
                reached = max(reached, last + 1)
            if reached < end:
                gaps.append(f"{TOPIC}-{partition}: nobody handled offset {reached} of {end}")
        return gaps

    def check(self, partitions, records):
        """Raises Violation, or returns how many records were handled more than once."""
        problems = self.problems + self.missing(partitions, records)
        committed = {}
        for when, partition, offset, is_start in sorted(
                [(*event, False) for event in self.commits] +
                [(*event, True) for event in self.starts]):
            if is_start and offset < committed.get(partition, 0):
                problems.append(f"{TOPIC}-{partition}: {committed[partition]} had been committed "
                                f"when a member began at {offset} ({when} ns)")
            if not is_start:
                committed[partition] = max(offset, committed.get(partition, 0))
        if problems:
            raise Violation("\n  ".join(problems[:20]))
        handled = sum(last - first + 1 for ranges in self.reads.values() for first, last in ranges)
        return handled - records


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--rate", type=int, default=50_000, help="records a second")
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--member-kill", type=float, default=5, metavar="SECONDS")
    parser.add_argument("--broker-kill", type=float, default=20, metavar="SECONDS")
    parser.add_argument("--session-ms", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--sabotage", action="store_true", help="break the promise on purpose")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    run, began = Run(options), time.monotonic()

    def work():
        run.start()
        run.load()
        again = run.finish()
        print(f"{options.records} records in {time.monotonic() - began:.0f} s through "
              f"{options.members} members; {run.kills['member']} members and "
              f"{run.kills['broker']} brokers killed; nothing lost, nothing out of order, "
              f"{again} handled again after their last commit")

    return outcome_of(run, options, work)


if __name__ == "__main__":
    sys.exit(main())
