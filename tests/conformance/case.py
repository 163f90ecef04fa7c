"""What the conformance tests share: a broker a class, clients that point at it, and waiting.

SLUICE_TEST_BROKER chooses the broker: not set, a `sluiced` of our own for each class; `kafka`, an
Apache Kafka of our own (jars from Maven); `HOST:PORT`, one that runs already.
"""

import itertools
import os
import subprocess
import time
import unittest

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from harness.broker import Broker, External
from harness.kafka import Kafka

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def make_broker(**settings):
    where = os.environ.get("SLUICE_TEST_BROKER", "")
    if where == "kafka":
        return Kafka(**settings).start()
    if where:
        return External(where)
    return Broker(**settings).start()


def wait_until(condition, seconds=20.0, what="condition"):
    """Calls `condition` until it returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} not true after {seconds} s; last: {result!r}")
        time.sleep(0.05)


class BrokerCase(unittest.TestCase):
    """One broker for the whole class. `settings` are its options, dots as underscores."""

    settings = {}
    needs_own_broker = False  # True: restarts it or looks at its files
    needs_sluiced = False     # True: checks what is not Kafka's
    needs_kafka = False       # True: has an Apache Kafka of its own, whatever is tested else

    _numbers = itertools.count(1)
    _admin = None

    @classmethod
    def setUpClass(cls):
        where = os.environ.get("SLUICE_TEST_BROKER", "")
        if ":" in where and (cls.needs_own_broker or cls.settings):
            raise unittest.SkipTest("needs a broker of its own")
        if where and cls.needs_sluiced:
            raise unittest.SkipTest("checks sluiced itself")
        if cls.needs_kafka and not Kafka.is_available():
            raise unittest.SkipTest("no Kafka: compat/run.py --fetch brings it")
        cls.broker = Kafka().start() if cls.needs_kafka else make_broker(**cls.settings)
        cls.addClassCleanup(cls.broker.close)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors) if result else 0
        super().run(result)
        if result and len(result.failures) + len(result.errors) > before:
            print(f"--- broker's log after {self.id()}\n{self.broker.log_tail()}\n---", flush=True)

    @property
    def address(self):
        return self.broker.address

    def name(self, prefix="topic"):
        """A name nobody else uses, also on a broker that runs for long."""
        return f"{prefix}-{os.getpid()}-{int(time.time() * 1000) % 10**9}-{next(self._numbers)}"

    # librdkafka

    def configuration(self, **settings):
        base = {"bootstrap.servers": self.address, "broker.address.family": "v4",
                "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 500}
        base.update({key.replace("_", "."): value for key, value in settings.items()})
        return base

    def admin(self):
        """One a test: a future of librdkafka's ends when its client does."""
        if self._admin is None:
            self._admin = AdminClient(self.configuration())
            self.addCleanup(setattr, self, "_admin", None)
        return self._admin

    def create_topic(self, name=None, partitions=1, **config):
        name = name or self.name()
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        future = self.admin().create_topics([NewTopic(name, partitions, 1, config=config)])
        future[name].result(20)
        self.wait_for_topic(name, partitions)
        return name

    def wait_for_topic(self, name, partitions=1):
        """Kafka's metadata follows a creation a moment later."""
        def there():
            metadata = self.admin().list_topics(name, timeout=10).topics[name]
            return metadata.error is None and len(metadata.partitions) == partitions
        wait_until(there, what=f"topic {name}")

    def producer(self, **settings):
        return Producer(self.configuration(**{"linger_ms": 5, **settings}))

    def produce(self, topic, records, **settings):
        """Publishes (key, value) pairs or dicts of produce()'s arguments; returns the delivered
        messages in order of delivery."""
        delivered, failed = [], []

        def report(error, message):
            (failed if error else delivered).append(error or message)

        producer = self.producer(**settings)
        for item in records:
            item = item if isinstance(item, dict) else {"key": item[0], "value": item[1]}
            while True:
                try:
                    producer.produce(topic, on_delivery=report, **item)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        self.assertEqual(producer.flush(60), 0, "records are still in the producer's queue")
        if failed:
            raise AssertionError(f"{len(failed)} records refused, the first: {failed[0]}")
        return delivered

    def consumer(self, group=None, **settings):
        settings = {"group_id": group or self.name("group"), "auto_offset_reset": "earliest",
                    "enable_auto_commit": False, "session_timeout_ms": 10_000, **settings}
        consumer = Consumer(self.configuration(**settings))
        self.addCleanup(consumer.close)
        return consumer

    def poll_messages(self, consumer, count, seconds=30.0):
        """The next `count` messages; fails when they do not come."""
        messages = []
        deadline = time.monotonic() + seconds
        while len(messages) < count and time.monotonic() < deadline:
            for message in consumer.consume(min(10_000, count - len(messages)), 0.2):
                if message.error():
                    if message.error().code() != KafkaError._PARTITION_EOF:
                        raise AssertionError(f"consumer: {message.error()}")
                    continue
                messages.append(message)
        self.assertEqual(len(messages), count, f"messages within {seconds} s")
        return messages

    def read_topic(self, topic, count, partition=0, offset=0, **settings):
        """`count` messages of one partition from `offset`, without a group."""
        consumer = self.consumer(**settings)
        consumer.assign([TopicPartition(topic, partition, offset)])
        return self.poll_messages(consumer, count)

    # kcat

    def kcat(self, *arguments, stdin=None, timeout=30, check=True):
        """Runs kcat; returns its standard output."""
        done = subprocess.run(
            ["kcat", "-b", self.address, "-X", "broker.address.family=v4", *arguments],
            input=stdin, capture_output=True, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"kcat {' '.join(arguments)}: {done.stderr.decode()}")
        return done.stdout.decode() if check else done
