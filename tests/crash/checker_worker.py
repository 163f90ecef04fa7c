#!/usr/bin/env python3
"""The clients of checker.py with librdkafka (Debian's). Its other workers are told the same way:

    WORKER ADDRESS DIRECTORY PARTS ROLE…     PARTS: topic-0,topic-1,… which all of them use

A ROLE runs until it is told to end, or has a `problem`, and writes its history to
DIRECTORY/NAME.history (events as in histories.py). It says `done NAME` on standard output when that
is complete.
    produce:NAME:RATE:CODEC   idempotent, acks=all, about so many records a second; a new producer,
                              with an id of its own, every SESSION seconds of that
    read:NAME                 every partition, from offset 0
    member:NAME:GROUP         of a group, which has offsets already; commits what it got
    commit:NAME:GROUP         (here only) growing offsets for a group that has no members
Standard input says when: `stop` ends producers and committers, which flush; `ends PART=OFFSET …`
ends readers, when they have got everything below these; `leave` ends members; its end ends
everybody at once.

Record NUMBER of NAME has the key NAME:NUMBER, and a value that begins with it.
"""

import os
import pathlib
import sys
import threading
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from confluent_kafka import (  # noqa: E402
    OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition)

from crash.load import client_settings  # noqa: E402

IN_FLIGHT_MAX = 2000
SESSION = 4
COMMIT_SECONDS = 0.1
# What a consumer must never be told.
BROKEN = {KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._NO_OFFSET,
          2}  # CORRUPT_MESSAGE
now = time.monotonic_ns


class Orders:
    """What standard input said."""

    def __init__(self):
        self.stop = threading.Event()
        self.leave = threading.Event()
        self.ends = None
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in sys.stdin:
            words = line.split()
            if words[:1] == ["stop"]:
                self.stop.set()
            elif words[:1] == ["leave"]:
                self.leave.set()
            elif words[:1] == ["ends"]:
                self.ends = {part: int(end) for part, _, end in
                             (word.rpartition("=") for word in words[1:])}
        os._exit(3)


def split(part):
    topic, _, number = part.rpartition("-")
    return topic, int(number)


def name_of(row):
    return f"{row.topic}-{row.partition}"


def value_of(key, number):
    size = 30_000 if number % 701 == 700 else 20 + number * 7919 % 400
    return (key + ":").encode() + bytes([97 + number % 26]) * size


class Role(threading.Thread):
    def __init__(self, orders, address, directory, parts, name):
        super().__init__(name=name)
        self.orders, self.address, self.parts = orders, address, parts
        self.history = open(directory / f"{name}.history", "w", encoding="ascii",
                            buffering=1 << 16)

    def note(self, *words):
        self.history.write(" ".join(map(str, words)) + "\n")

    def run(self):
        try:
            self.work()
        except Exception as error:  # pylint: disable=broad-except
            self.note("problem", type(error).__name__, error)
        self.history.close()
        print("done", self.name, flush=True)


class Produce(Role):
    def __init__(self, *common, rate, codec):
        super().__init__(*common)
        self.rate = float(rate)
        self.settings = client_settings(self.address, **{
            "enable.idempotence": True, "acks": "all", "linger.ms": 5, "compression.codec": codec,
            "message.timeout.ms": 120_000, "retry.backoff.ms": 20,
            "topic.metadata.refresh.interval.ms": 1000})
        self.producer = Producer(self.settings)

    def delivered(self, error, message):
        number = message.key().rpartition(b":")[2].decode()
        if error is not None:
            self.note("fail", number, now(), error)
        else:
            self.note("ack", number, f"{message.topic()}-{message.partition()}", message.offset(),
                      now())

    def work(self):
        number, paced, began = 0, 0, time.monotonic()
        while not self.orders.stop.is_set():
            if len(self.producer) >= IN_FLIGHT_MAX:
                self.producer.poll(0.01)
                paced, began = 0, time.monotonic()
                continue
            if number % (SESSION * self.rate) == SESSION * self.rate - 1:
                self.producer.flush(120)
                self.producer = Producer(self.settings)
            part = self.parts[number // 3 % len(self.parts)]
            key = f"{self.name}:{number}"
            value = value_of(key, number)
            self.note("send", number, part, f"{zlib.crc32(value):08x}", now())
            topic, partition = split(part)
            self.producer.produce(topic, value, key, partition, on_delivery=self.delivered)
            number += 1
            paced += 1
            self.producer.poll(max(0.0, began + paced / self.rate - time.monotonic()))
        self.producer.flush(120)


class Read(Role):
    consumer = None

    def connect(self, **settings):
        """The consumer is kept, and not closed: librdkafka 2.0 may wait for ever in close() of one
        whose broker went away (its issue 4674). It ends with the process."""
        self.consumer = Consumer(client_settings(
            self.address, **{"group.id": self.name, "enable.auto.commit": False,
                             "enable.auto.offset.store": False, "auto.offset.reset": "error",
                             "fetch.wait.max.ms": 50, "fetch.error.backoff.ms": 20,
                             "topic.metadata.refresh.interval.ms": 1000, **settings}))
        return self.consumer

    def is_record(self, message):
        if message is None:
            return False
        if message.error() is None:
            return True
        if message.error().code() in BROKEN or message.error().fatal():
            raise KafkaException(message.error())
        return False

    def read(self, message):
        self.note("read", f"{message.topic()}-{message.partition()}", message.offset(),
                  message.key().decode("ascii", "replace").replace(" ", "?"),
                  f"{zlib.crc32(message.value() or b''):08x}", now())

    def work(self):
        consumer = self.connect()
        for part in self.parts:
            self.note("start", part, now())
        consumer.assign([TopicPartition(*split(part), OFFSET_BEGINNING) for part in self.parts])
        position = dict.fromkeys(self.parts, 0)
        while not self.at_end(position):
            for message in consumer.consume(500, 0.05):
                if self.is_record(message):
                    self.read(message)
                    part = f"{message.topic()}-{message.partition()}"
                    position[part] = message.offset() + 1

    def at_end(self, position):
        ends = self.orders.ends
        return ends is not None and all(position[part] >= end for part, end in ends.items())


class Member(Read):
    def __init__(self, *common, group):
        super().__init__(*common)
        self.group = group
        self.position = {}  # of what is ours: next offset to commit

    def assigned(self, _, parts):
        for part in parts:
            self.note("start", name_of(part), now())
        self.position.clear()

    def revoked(self, _, __):
        self.position.clear()

    def work(self):
        consumer = self.connect(**{
            "group.id": self.group, "partition.assignment.strategy": "range",
            "session.timeout.ms": 2000, "heartbeat.interval.ms": 300, "socket.timeout.ms": 10_000})
        consumer.subscribe(sorted({split(part)[0] for part in self.parts}),
                           on_assign=self.assigned, on_revoke=self.revoked, on_lost=self.revoked)
        next_commit = 0.0
        while not self.orders.leave.is_set():
            # One at a time: a batch may hold records from before a rebalance in its midst.
            message = consumer.poll(0.05)
            if self.is_record(message):
                self.read(message)
                self.position[message.topic(), message.partition()] = message.offset() + 1
            if time.monotonic() >= next_commit and self.position:
                commit(consumer, self.position, self.note)
                self.position.clear()
                next_commit = time.monotonic() + COMMIT_SECONDS


class Commit(Role):
    def __init__(self, *common, group):
        super().__init__(*common)
        self.group = group

    def work(self):
        consumer = Consumer(client_settings(
            self.address, **{"group.id": self.group, "enable.auto.commit": False,
                             "socket.timeout.ms": 10_000}))
        number = 0
        while not self.orders.stop.is_set():
            number += 1
            part = split(self.parts[number % len(self.parts)])
            done = commit(consumer, {part: number}, self.note)
            self.orders.stop.wait(0.003 if done else 0.02)
        consumer.close()


def commit(consumer, offsets, note):
    """Commits {(topic, partition): offset} and notes what came of it; whether all was done."""
    began = now()
    rows = [TopicPartition(topic, partition, offset)
            for (topic, partition), offset in offsets.items()]
    try:
        failed = {name_of(row) for row in consumer.commit(offsets=rows, asynchronous=False)
                  if row.error}
    except KafkaException:
        failed = set(map(name_of, rows))
    for row in rows:
        note("nocommit" if name_of(row) in failed else "commit", name_of(row), row.offset, began,
             now())
    return not failed


def main():
    address, directory, parts, *roles = sys.argv[1:]
    orders, common = Orders(), (address, pathlib.Path(directory), parts.split(","))
    threads = []
    for role in roles:
        kind, name, *rest = role.split(":")
        if kind == "produce":
            thread = Produce(orders, *common, name, rate=rest[0], codec=rest[1])
        elif kind == "read":
            thread = Read(orders, *common, name)
        else:
            thread = {"member": Member, "commit": Commit}[kind](
                orders, *common, name, group=rest[0])
        threads.append(thread)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os._exit(0)


if __name__ == "__main__":
    main()
