"""Load whose every record says what it is, so that the log itself can be checked.

Record number n of a partition has the key `PARTITION:n` and a value that follows from the partition
and n. One idempotent producer at a time writes to a partition, so in a right log the record at
offset n is record n: anything lost, doubled or reordered breaks that.
"""

import random
import threading
import time
import zlib

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

CORRUPT_MESSAGE = 2
POOL = random.Random(1).randbytes(1 << 17)


class Violation(Exception):
    """The broker broke a promise."""


def key_of(partition, number):
    return b"%d:%d" % (partition, number)


def value_of(partition, number):
    """20 to 1,020 bytes; every 701st record has 60 KB."""
    size = 60_000 if number % 701 == 700 else 20 + number * 7919 % 1000
    start = (partition * 104_729 + number * 31) % (len(POOL) - 60_000)
    return b"%d/%d/" % (partition, number) + POOL[start:start + size]


def client_settings(address, **settings):
    return {"bootstrap.servers": address, "broker.address.family": "v4", "log_level": 0,
            "reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 50, **settings}


class Writer(threading.Thread):
    """Publishes to all partitions of a topic until stopped, through kills, with one idempotent
    producer; every acknowledgement goes into the ledger."""

    def __init__(self, address, topic, partitions, ledger, codec, rate, in_flight_max=2000):
        """`rate`: records a second, about."""
        super().__init__(daemon=True)
        self.topic = topic
        self.ledger = ledger
        self.in_flight_max = in_flight_max
        self.rate = rate
        self.next_numbers = [ledger.end(topic, number) for number in range(partitions)]
        self.problem = None
        self.ending = threading.Event()
        self.producer = Producer(client_settings(
            address, **{"enable.idempotence": True, "acks": "all", "linger.ms": 2,
                        "compression.codec": codec, "batch.num.messages": 200,
                        "retry.backoff.ms": 20, "message.timeout.ms": 120_000,
                        "topic.metadata.refresh.interval.ms": 1000}))

    def delivered(self, error, message):
        if error is not None:
            self.problem = self.problem or f"{self.topic}: a record was given up: {error}"
            return
        try:
            self.ledger.acknowledge(message)
        except Violation as violation:
            self.problem = self.problem or str(violation)

    def run(self):
        partition, sent, began = 0, 0, time.monotonic()
        while not self.ending.is_set() and self.problem is None:
            if len(self.producer) >= self.in_flight_max:
                self.producer.poll(0.005)
                began, sent = time.monotonic(), 0
                continue
            number = self.next_numbers[partition]
            try:
                self.producer.produce(self.topic, value_of(partition, number),
                                      key_of(partition, number), partition,
                                      on_delivery=self.delivered)
            except (KafkaException, BufferError) as error:
                self.problem = f"{self.topic}: produce: {error}"
                break
            self.next_numbers[partition] += 1
            partition = (partition + 1) % len(self.next_numbers)
            sent += 1
            if sent % 20 == 0:
                self.producer.poll(0)
                self.ending.wait(max(0.0, began + sent / self.rate - time.monotonic()))
        try:
            left = self.producer.flush(60)
        except KafkaException as error:
            left = f"{error}; {len(self.producer)}"
        if left and self.problem is None:
            self.problem = f"{self.topic}: {left} records are not acknowledged"

    def finish(self):
        """Stops publishing and waits until everything sent is acknowledged."""
        self.ending.set()
        self.join()
        if self.problem:
            raise Violation(self.problem)


class Ledger:
    """What was acknowledged, also as lines `topic partition offset key crc32` in a file of its own,
    outside the broker's directory. Everything below `end` has been acknowledged."""

    def __init__(self, path):
        self.path = path
        self.file = open(path, "w", encoding="ascii", buffering=1 << 16)
        self.ends = {}
        self.count = 0

    def close(self):
        """Whatever is acknowledged after this is not written down any more."""
        self.file.close()

    def end(self, topic, partition):
        return self.ends.get((topic, partition), 0)

    def acknowledge(self, message):
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        if message.key() != key_of(partition, offset):
            raise Violation(f"{topic}-{partition}: {message.key()} acknowledged at {offset}")
        if offset != self.end(topic, partition):
            raise Violation(f"{topic}-{partition}: {offset} acknowledged after "
                            f"{self.end(topic, partition) - 1}")
        self.ends[topic, partition] = offset + 1
        self.count += 1
        crc = zlib.crc32(message.value())
        if not self.file.closed:
            self.file.write(f"{topic} {partition} {offset} {message.key().decode()} {crc:08x}\n")


class Checker:
    """Reads partitions and compares every record with what it must be."""

    def __init__(self, address):
        self.consumer = Consumer(client_settings(
            address, **{"group.id": "checker", "enable.auto.commit": False,
                        "auto.offset.reset": "error", "fetch.wait.max.ms": 20,
                        "fetch.error.backoff.ms": 20}))
        self.read = 0

    def check(self, topic, ranges, seconds=30):
        """Reads {partition: (from, to)}; raises Violation for what is wrong or missing: nothing new
        for `seconds` counts as missing, however long the whole takes."""
        expected = {number: start for number, (start, end) in ranges.items() if start < end}
        open_parts = set(expected)
        self.consumer.assign([TopicPartition(topic, number, offset)
                              for number, offset in expected.items()])
        deadline = time.monotonic() + seconds
        while open_parts:
            for message in self.consumer.consume(5000, 0.05):
                if message.error():
                    self.tolerate(message.error())
                    continue
                number = message.partition()
                self.compare(message, expected[number])
                deadline = time.monotonic() + seconds
                expected[number] += 1
                self.read += 1
                if expected[number] >= ranges[number][1]:
                    open_parts.discard(number)
            if open_parts and time.monotonic() > deadline:
                number = min(open_parts)
                raise Violation(f"{topic}-{number}: acknowledged up to {ranges[number][1] - 1}, "
                                f"but {expected[number]} cannot be read within {seconds} s")
        self.consumer.unassign()
        return expected

    @staticmethod
    def tolerate(error):
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise Violation(f"acknowledged records are gone: {error}")
        if error.code() == CORRUPT_MESSAGE:
            raise Violation(f"an acknowledged record is damaged: {error}")
        if error.fatal():
            raise Violation(str(error))

    @staticmethod
    def compare(message, offset):
        where = f"{message.topic()}-{message.partition()}"
        if message.offset() != offset:
            raise Violation(f"{where}: offset {message.offset()} follows {offset - 1}")
        if message.key() != key_of(message.partition(), offset):
            raise Violation(f"{where}: at offset {offset} lies record {message.key()}")
        if message.value() != value_of(message.partition(), offset):
            raise Violation(f"{where}: the bytes at offset {offset} are not those that were sent")

    def close(self):
        self.consumer.close()


class Committer(threading.Thread):
    """Commits growing offsets for a group, one at a time. After a restart the group's offset is at
    least the last one that was acknowledged, and at most the last one that was tried."""

    def __init__(self, address, group, topic, partitions):
        super().__init__(daemon=True)
        self.address = address
        self.group = group
        self.parts = [TopicPartition(topic, number) for number in range(partitions)]
        self.acknowledged = [0] * partitions
        self.tried = [0] * partitions
        self.ending = threading.Event()
        self.commits = 0

    def new_consumer(self):
        return Consumer(client_settings(
            self.address, **{"group.id": self.group, "enable.auto.commit": False,
                             "socket.timeout.ms": 10_000}))

    def run(self):
        consumer, number = self.new_consumer(), 0
        while not self.ending.is_set():
            part = self.parts[number]
            offset = self.tried[number] + 1
            self.tried[number] = offset
            try:
                consumer.commit(offsets=[TopicPartition(part.topic, part.partition, offset)],
                                asynchronous=False)
                self.acknowledged[number] = offset
                self.commits += 1
            except KafkaException:
                self.ending.wait(0.02)
            number = (number + 1) % len(self.parts)
        consumer.close()

    def check(self, acknowledged, seconds=20):
        """`acknowledged`: what had been acknowledged before the kill. Asks with a client of its own:
        librdkafka may lose sight of its coordinator for a while when a broker stops."""
        consumer = self.new_consumer()
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = consumer.committed(self.parts, 5)
                break
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise Violation(f"offsets of {self.group}: {error}") from None
        consumer.close()
        for part, least, most in zip(found, acknowledged, self.tried):
            offset = max(0, part.offset)
            if not least <= offset <= most:
                raise Violation(f"{self.group}: {part.topic}-{part.partition} is at {offset}; "
                                f"acknowledged {least}, tried {most}")

    def finish(self):
        self.ending.set()
        self.join()
