#!/usr/bin/env python3
"""kill -9 among dead letters: of share groups, and of their redrive.

A producer publishes numbered records; two members of a share group accept most, reject some, and
release some until the broker gives them up. `sluice dlq redrive` sends the dead letters back, and
is killed, too. The broker is killed at random moments and started again. At the end every
acknowledged record was accepted, at once or after its redrive; no offset was given out after its
accept was confirmed; each dead letter has everything of its record, and was sent back once.

    letter_kill.py --cycles 500        the long dose, a second a cycle
    letter_kill.py --sabotage          cuts the share groups' state after a kill: must be found
"""

import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from crash.load import Violation, client_settings  # noqa: E402
from crash.outcome import arguments, cut_in_half, go_through, put_away  # noqa: E402
from crash.schedule_kill import KEPT, PARTITIONS, Source, configure_group  # noqa: E402
from harness.broker import Broker, binary  # noqa: E402
from harness.process import end  # noqa: E402

TOPIC, GROUP, LETTERS = "orders", "billing", "dlq.orders"
WORKERS = 2


class Worker(threading.Thread):
    """A letter_worker, and what it says."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.process = subprocess.Popen([binary("letter_worker"), address, TOPIC, GROUP],
                                        stdout=subprocess.PIPE, text=True)
        self.given = []     # (partition, offset, number, redrives, time)
        self.accepted = {}  # (partition, offset): time
        self.done = set()   # numbers of those
        self.unsure = []    # (number, from, to) of accepts that were not confirmed
        self.problem = None

    def run(self):
        for line in self.process.stdout:
            word, partition, offset, *rest = line.split()
            if word == "given":
                self.given.append((int(partition), int(offset), *map(int, rest)))
            elif word == "unsure":
                self.unsure.append(tuple(map(int, rest)))
            else:
                self.done.add(int(rest[0]))
                self.accepted[int(partition), int(offset)] = int(rest[1])
        if self.process.wait() not in (0, -signal.SIGKILL):
            self.problem = f"a worker ended with {self.process.returncode}"


class Run:
    """One broker, its load, and the cycles."""

    promise = "nothing lost, nothing stripped, nothing given twice"

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.directory = pathlib.Path(tempfile.mkdtemp(
            prefix="sluice-letter-kill-", dir=os.environ.get("SLUICE_TEST_DIR")))
        self.broker = Broker(self.directory / "broker")
        self.redrive = None
        self.redrives_killed = 0
        self.kills = []  # (before, after) in nanoseconds, of the broker
        self.source = None
        self.workers = []

    def start(self):
        self.broker.start()
        address = self.broker.address
        admin = AdminClient(client_settings(address))
        letters = {"errors.deadletterqueue.group.enable": "true", "retention.ms": "-1"}
        topics = [NewTopic(TOPIC, PARTITIONS, 1),
                  NewTopic(LETTERS, PARTITIONS, 1, config=letters)]
        for future in admin.create_topics(topics).values():
            future.result(20)
        configure_group(address, GROUP, **{
            "share_auto_offset_reset": "earliest", "sluice_retry_backoff_ms": 20,
            "share_delivery_count_limit": 2, "errors_deadletterqueue_topic_name": LETTERS})
        self.source = Source(address, TOPIC, self.options.rate, scheduled=False)
        self.workers = [Worker(address) for _ in range(WORKERS)]
        for thread in [self.source, *self.workers]:
            thread.start()

    def raise_problems(self):
        for thread in [self.source, *self.workers]:
            if thread.problem:
                raise Violation(thread.problem)

    def accepted(self):
        """Offsets whose accept was confirmed, with when."""
        return {place: at for worker in self.workers for place, at in dict(worker.accepted).items()}

    def cycle(self, number):
        target = len(self.accepted()) + 20
        self.wait(lambda: len(self.accepted()) >= target, "nothing is accepted")
        self.begin_redrive()
        time.sleep(self.random.uniform(0, 0.4))
        self.kill_redrive()
        before = time.monotonic_ns()
        self.broker.kill()
        self.kills.append((before, time.monotonic_ns()))
        if self.options.sabotage and number == self.options.cycles // 2:
            self.sabotage()
        self.broker.start()

    def sluice(self, *arguments):
        return [binary("sluice"), "-b", self.broker.address, "--timeout", "60", *arguments]

    def begin_redrive(self):
        listed = json.loads(subprocess.check_output(self.sluice("dlq", "list", LETTERS, "--json")))
        unfinished = listed[0]["unfinished_redrive"]
        what = ["--resume", unfinished] if unfinished else [LETTERS, "--all"]
        self.redrive = subprocess.Popen(
            self.sluice("dlq", "redrive", *what, "--rate", "500/s", "--max-redrives", "1000"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill_redrive(self):
        if self.redrive is None:
            return
        if self.redrive.poll() is None:
            self.redrives_killed += 1
        self.redrive.kill()
        self.redrive.wait()
        self.redrive = None

    def sabotage(self):
        for log in self.broker.data_directory.glob("__share_group_state-*/*.log"):
            cut_in_half(log)
        print("sabotage: cut the state of the share groups")

    def wait(self, condition, what):
        # State that was cut is not served at all: nothing more is accepted.
        deadline = time.monotonic() + (15 if self.options.sabotage else 60)
        while not condition():
            self.raise_problems()
            self.look_for_repeats()
            if time.monotonic() > deadline:
                raise Violation(what)
            time.sleep(0.02)

    def look_for_repeats(self):
        accepted = self.accepted()
        for worker in self.workers:
            for partition, offset, *_, at in list(worker.given):
                if at > accepted.get((partition, offset), at):
                    raise Violation(f"{partition}:{offset} was given out after its accept")

    def outstanding(self):
        """Acknowledged numbers that nobody accepted yet. An accept that was not confirmed counts
        only if the broker was killed meanwhile, which may have taken the answer: if the broker has
        not heard it, the record comes again."""
        done = set().union(*(set(worker.done) for worker in self.workers))
        for worker in self.workers:
            done |= {number for number, began, ended in list(worker.unsure)
                     if any(began <= after and before <= ended for before, after in self.kills)}
        return set(self.source.acknowledged) - done

    def unfinished(self):
        """Records that the group has not finished."""
        shown = json.loads(subprocess.check_output(self.sluice("queue", "show", GROUP, "--json")))
        return sum(row["high_watermark"] - row["start_offset"] for row in shown["partitions"])

    def finish(self):
        self.source.finish()
        deadline = time.monotonic() + (20 if self.options.sabotage else 90)
        while self.outstanding() or self.unfinished():
            self.raise_problems()
            self.look_for_repeats()
            if time.monotonic() > deadline:
                lost = self.outstanding()
                raise Violation(f"{len(lost)} records were never accepted: {sorted(lost)[:5]}; "
                                f"{self.unfinished()} are not finished")
            self.begin_redrive()
            self.redrive.wait(60)
            self.redrive = None
            time.sleep(0.2)
        self.check_letters()

    def consumed(self, topic):
        lines = subprocess.check_output(self.sluice("consume", topic, "-e", "--json"), text=True)
        return [json.loads(line) for line in lines.splitlines()]

    def check_letters(self):
        kept = [{"key": key, "value": value.decode()} for key, value in KEPT]
        letters, sent_back = collections.Counter(), collections.Counter()
        for record in self.consumed(LETTERS):
            number = int(record["key"])
            letters[number] += 1
            if record["value"] != f"value {number}" or record["headers"][:len(kept)] != kept:
                raise Violation(f"dead letter {number} is not what was sent: {record}")
        for record in self.consumed(TOPIC):
            if record["headers"][-1]["key"] == "sluice-redrive-count":
                sent_back[int(record["key"])] += 1
            if record["headers"][:len(kept)] != kept:
                raise Violation(f"record {record['key']} lost headers: {record}")
        if sent_back != letters:
            wrong = [number for number in letters | sent_back
                     if letters[number] != sent_back[number]]
            raise Violation(f"{len(wrong)} dead letters were not sent back once: {wrong[:5]}")

    def close(self, keep):
        self.kill_redrive()
        for worker in self.workers:
            worker.process.kill()
            worker.join(20)
            end(worker.process)
        if self.source is not None:
            self.source.ending.set()
        self.broker.kill()
        if self.source is not None:
            self.source.join(70)
        put_away(self.directory, keep)

    def summary(self, cycles):
        return (f"{cycles} cycles, {self.redrives_killed} redrives killed, "
                f"{len(self.source.acknowledged)} records, {len(self.accepted())} accepts")


def main():
    options = arguments(__doc__, 500, "records a second").parse_args()
    return go_through(Run(options), options)


if __name__ == "__main__":
    sys.exit(main())
