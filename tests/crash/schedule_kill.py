#!/usr/bin/env python3
"""kill -9 among records that wait: what was acknowledged comes, whole, and never early.

One idempotent producer (librdkafka, acks=all) schedules records up to 1.5 s ahead; another requeues
records through a retry topic, where a consumer requeues each again until it is a dead letter. The
broker is killed at random moments and started again. At the end every acknowledged record has come
with all its headers; where one came twice, both name the same schedule; none came before its time.

    schedule_kill.py --cycles 1000     the long dose, about half a second a cycle
    schedule_kill.py --sabotage        cuts the store of schedules after a kill: must be found
"""

import collections
import os
import pathlib
import random
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from crash.load import Violation, client_settings  # noqa: E402
from crash.outcome import arguments, cut_in_half, go_through, put_away  # noqa: E402
from harness import wire  # noqa: E402
from harness.broker import Broker  # noqa: E402

PARTITIONS = 4
TOPIC, GROUP, LETTERS = "later", "billing", "dlq.letters"
RETRY = f"{TOPIC}.{GROUP}.retry"
KEPT = [("trace", b"t"), ("trace", b"again"), ("empty", b"")]  # the client's headers
BACKOFF_MS, ATTEMPTS = 50, 3
AHEAD_MS = 1500
INCREMENTAL_ALTER_CONFIGS, GROUP_RESOURCE, SET = 44, 32, 0


def now_ms():
    return time.time() * 1000


def texts(message):
    """Headers by name, the last of each."""
    return {key: value.decode() for key, value in message.headers() or []}


def configure_group(address, group, **configs):
    settings = [wire.string(name.replace("_", ".")) + struct.pack(">b", SET) +
                wire.string(str(value)) for name, value in configs.items()]
    body = wire.array([struct.pack(">b", GROUP_RESOURCE) + wire.string(group) +
                       wire.array(settings)]) + b"\0"
    with wire.Connection(address) as connection:
        connection.call(INCREMENTAL_ALTER_CONFIGS, 0, body)


class Source(threading.Thread):
    """Sends numbered records to a topic through kills, and notes what was acknowledged."""

    def __init__(self, address, topic, rate, scheduled):
        super().__init__(daemon=True)
        self.topic, self.rate, self.scheduled = topic, rate, scheduled
        self.sent = 0
        self.acknowledged = {}  # number: earliest time it may come, ms
        self.problem = None
        self.ending = threading.Event()
        self.producer = Producer(client_settings(
            address, **{"enable.idempotence": True, "acks": "all", "linger.ms": 2,
                        "retry.backoff.ms": 20, "message.timeout.ms": 120_000}))

    def delivered(self, error, message, earliest):
        if error is not None:
            self.problem = self.problem or f"{self.topic}: a record was given up: {error}"
        else:
            self.acknowledged[int(message.key())] = earliest

    def run(self):
        dice = random.Random(self.topic)
        while not self.ending.is_set() and self.problem is None:
            headers, earliest = list(KEPT), now_ms() + BACKOFF_MS * 0.5
            if self.scheduled:
                ahead = dice.randrange(AHEAD_MS)
                earliest = int(now_ms()) + ahead
                headers.append(("sluice-deliver-at", b"%d" % earliest) if dice.random() < 0.5 else
                               ("sluice-delay-ms", b"%d" % ahead))
            self.producer.produce(
                self.topic, b"value %d" % self.sent, b"%d" % self.sent, self.sent % PARTITIONS,
                headers=headers,
                on_delivery=lambda e, m, at=earliest: self.delivered(e, m, at))
            self.sent += 1
            self.producer.poll(1 / self.rate)
            while len(self.producer) > 1000 and not self.ending.is_set():
                self.producer.poll(0.01)

    def finish(self):
        self.ending.set()
        self.join()
        if self.producer.flush(60) != 0 or self.problem:
            raise Violation(self.problem or f"{self.topic}: records are not acknowledged")


class Reader(threading.Thread):
    """Reads a topic as it grows and notes which record came when, under which schedule."""

    def __init__(self, address, topic, partitions):
        super().__init__(daemon=True)
        self.topic = topic
        self.came = collections.defaultdict(set)  # number: ids of its schedules
        self.problem = None
        self.ending = threading.Event()
        self.consumer = Consumer(client_settings(
            address, **{"group.id": "reader", "enable.auto.commit": False,
                        "auto.offset.reset": "earliest", "fetch.wait.max.ms": 20}))
        self.consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])

    def run(self):
        while not self.ending.is_set() and self.problem is None:
            message = self.consumer.poll(0.05)
            if message is None or message.error():
                continue
            self.problem = self.problem or self.take(message, now_ms())

    def take(self, message, seen):
        headers = texts(message)
        number = int(message.key())
        self.came[number].add(headers.get("sluice-schedule-id"))
        if message.value() != b"value %d" % number or message.headers()[:len(KEPT)] != KEPT:
            return f"{self.topic}: record {number} is not what was sent: {message.headers()}"
        if seen + 1 < int(headers.get("sluice-scheduled-for", 0)):
            return f"{self.topic}: record {number} came early"
        return None


class Requeuer(threading.Thread):
    """Fails with every record of the retry topic: produces it there again, then goes on."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.problem = None
        self.ending = threading.Event()
        self.requeued = 0
        self.consumer = Consumer(client_settings(
            address, **{"group.id": GROUP, "enable.auto.commit": False, "fetch.wait.max.ms": 20,
                        "auto.offset.reset": "earliest"}))
        self.consumer.assign([TopicPartition(RETRY, number, 0) for number in range(PARTITIONS)])
        self.producer = Producer(client_settings(
            address, **{"enable.idempotence": True, "acks": "all", "linger.ms": 2,
                        "retry.backoff.ms": 20, "message.timeout.ms": 120_000}))

    def delivered(self, error, _):
        if error is not None:
            self.problem = self.problem or f"a record was not requeued: {error}"
        self.requeued += 1

    def run(self):
        while not self.ending.is_set() and self.problem is None:
            self.producer.poll(0)
            message = self.consumer.poll(0.05)
            if message is None or message.error():
                continue
            self.producer.produce(RETRY, message.value(), message.key(), message.partition(),
                                  headers=message.headers(), on_delivery=self.delivered)
        self.producer.flush(1)  # the run is over, and its broker gone


class Run:
    """One broker, its load, and the cycles."""

    promise = "nothing lost, nothing stripped, nothing early"

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.directory = pathlib.Path(tempfile.mkdtemp(
            prefix="sluice-schedule-kill-", dir=os.environ.get("SLUICE_TEST_DIR")))
        self.broker = Broker(self.directory / "broker")
        self.threads = []

    def start(self):
        self.broker.start()
        admin = AdminClient(client_settings(self.broker.address))
        source = {"sluice.schedule.enable": "true", "sluice.retry.enable": "true"}
        letters = {"errors.deadletterqueue.group.enable": "true", "retention.ms": "-1"}
        topics = [NewTopic(TOPIC, PARTITIONS, 1, config=source),
                  NewTopic(LETTERS, PARTITIONS, 1, config=letters)]
        for future in admin.create_topics(topics).values():
            future.result(20)
        configure_group(self.broker.address, GROUP, **{
            "sluice_retry_backoff_ms": BACKOFF_MS, "sluice_retry_attempts_max": ATTEMPTS,
            "errors_deadletterqueue_topic_name": LETTERS})
        admin.list_topics(RETRY, timeout=10)
        address, rate = self.broker.address, self.options.rate
        self.scheduled = Source(address, TOPIC, rate, scheduled=True)
        self.failed = Source(address, RETRY, rate / 4, scheduled=False)
        self.later = Reader(address, TOPIC, PARTITIONS)
        self.letters = Reader(address, LETTERS, PARTITIONS)
        self.requeuer = Requeuer(address)
        self.threads = [self.scheduled, self.failed, self.later, self.letters, self.requeuer]
        for thread in self.threads:
            thread.start()

    def raise_problems(self):
        for thread in self.threads:
            if thread.problem:
                raise Violation(thread.problem)

    def cycle(self, number):
        target = len(self.scheduled.acknowledged) + 20
        self.wait(lambda: len(self.scheduled.acknowledged) >= target, "no acknowledgements")
        time.sleep(self.random.uniform(0, 0.4))
        self.broker.kill()
        if self.options.sabotage and number == self.options.cycles // 2:
            self.sabotage()
        self.broker.start()

    def sabotage(self):
        for log in self.broker.data_directory.glob("__sluice_schedules-*/*.log"):
            cut_in_half(log)
        print("sabotage: cut the store of schedules")

    def wait(self, condition, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            self.raise_problems()
            if time.monotonic() > deadline:
                raise Violation(what)
            time.sleep(0.005)

    def finish(self):
        self.scheduled.finish()
        self.failed.finish()
        for source, reader in ((self.scheduled, self.later), (self.failed, self.letters)):
            wanted = set(source.acknowledged)
            self.wait(lambda w=wanted, r=reader: w <= set(r.came), f"{reader.topic}: records of "
                      f"{source.topic} are lost", 20 if self.options.sabotage else 60)
        twice = [number for number, ids in self.later.came.items() if len(ids) != 1]
        if twice:
            raise Violation(f"{len(twice)} records came under two schedules: {twice[:5]}")

    def close(self, keep):
        for thread in self.threads:
            thread.ending.set()
        self.broker.kill()
        for thread in self.threads:
            thread.join(70)
        put_away(self.directory, keep)

    def summary(self, cycles):
        return (f"{cycles} cycles, {len(self.scheduled.acknowledged)} records scheduled, "
                f"{len(self.failed.acknowledged)} requeued {self.requeuer.requeued} times more")


def main():
    options = arguments(__doc__, 1000, "records scheduled a second").parse_args()
    return go_through(Run(options), options)


if __name__ == "__main__":
    sys.exit(main())
