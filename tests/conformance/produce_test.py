"""Producing: codecs, keys, headers, nulls, order, sizes, timestamps, idempotence."""

import os
import time
import unittest

from confluent_kafka import (TIMESTAMP_CREATE_TIME, TIMESTAMP_LOG_APPEND_TIME, KafkaError,
                             KafkaException)
from kafka import KafkaConsumer, KafkaProducer
from kafka import TopicPartition as PythonPartition
from kafka.errors import MessageSizeTooLargeError

from conformance.case import CODECS, BrokerCase


def pairs(messages):
    return [(message.key(), message.value()) for message in messages]


class LibrdkafkaProduceTest(BrokerCase):
    def test_every_codec(self):
        for codec in CODECS:
            with self.subTest(codec):
                topic = self.create_topic()
                records = [(b"k%d" % i, b"value %d " % i * 20) for i in range(2000)]
                self.produce(topic, records, compression_type=codec, linger_ms=50)
                self.assertEqual(pairs(self.read_topic(topic, 2000)), records)

    def test_codec_of_the_topic(self):
        for codec in ("gzip", "snappy", "lz4", "zstd", "uncompressed"):
            with self.subTest(codec):
                topic = self.create_topic(compression_type=codec)
                records = [(None, b"value %d " % i * 20) for i in range(500)]
                self.produce(topic, records, compression_type="none", linger_ms=50)
                self.assertEqual(pairs(self.read_topic(topic, 500)), records)

    def test_null_and_empty(self):
        topic = self.create_topic()
        records = [(None, None), (b"", b""), (None, b""), (b"", None), (b"\0", b"\0\xff")]
        self.produce(topic, records)
        self.assertEqual(pairs(self.read_topic(topic, len(records))), records)

    def test_headers(self):
        topic = self.create_topic()
        headers = [("type", b"PushEvent"), ("type", b"again"), ("empty", b""), ("null", None),
                   ("größe", bytes(range(256)))]
        self.produce(topic, [{"value": b"x", "headers": headers}, {"value": b"y"}])
        first, second = self.read_topic(topic, 2)
        self.assertEqual(first.headers(), headers)
        self.assertIsNone(second.headers())

    def test_keys_keep_their_order(self):
        topic = self.create_topic(partitions=4)
        records = [(b"key-%d" % (i % 17), b"%d" % i) for i in range(5000)]
        delivered = self.produce(topic, records)
        partition_of = {message.key(): message.partition() for message in delivered}
        self.assertGreater(len(set(partition_of.values())), 1)
        consumer = self.consumer()
        consumer.subscribe([topic])
        by_key = {}
        for message in self.poll_messages(consumer, 5000):
            self.assertEqual(message.partition(), partition_of[message.key()])
            by_key.setdefault(message.key(), []).append(int(message.value()))
        for key, values in by_key.items():
            self.assertEqual(values, list(range(int(key[4:]), 5000, 17)))

    def test_offsets_are_dense(self):
        topic = self.create_topic()
        delivered = self.produce(topic, [(None, b"%d" % i) for i in range(3000)], acks="all")
        self.assertEqual([message.offset() for message in delivered], list(range(3000)))
        low, high = self.consumer().get_watermark_offsets(self.partition(topic), timeout=10)
        self.assertEqual((low, high), (0, 3000))

    @staticmethod
    def partition(topic, number=0):
        from confluent_kafka import TopicPartition
        return TopicPartition(topic, number)

    def test_every_acks(self):
        for acks in ("0", "1", "all"):
            with self.subTest(acks):
                topic = self.create_topic()
                records = [(None, b"%d" % i) for i in range(500)]
                self.produce(topic, records, acks=acks)
                self.assertEqual(pairs(self.read_topic(topic, 500)), records)

    def test_idempotent_producer(self):
        topic = self.create_topic(partitions=2)
        records = [(b"%d" % (i % 50), b"%d" % i) for i in range(5000)]
        delivered = self.produce(topic, records, enable_idempotence=True, compression_type="lz4")
        for partition in (0, 1):
            offsets = [m.offset() for m in delivered if m.partition() == partition]
            self.assertEqual(offsets, list(range(len(offsets))))

    def test_largest_record(self):
        topic = self.create_topic(max_message_bytes=5_000_000)
        value = os.urandom(4_900_000)
        self.produce(topic, [(None, value)], message_max_bytes=6_000_000)
        message = self.read_topic(topic, 1, fetch_message_max_bytes=1000)[0]
        self.assertEqual(message.value(), value)

    def test_too_large_record_is_refused(self):
        topic = self.create_topic()
        refused = []
        producer = self.producer(message_max_bytes=6_000_000)
        producer.produce(topic, os.urandom(1_100_000),
                         on_delivery=lambda error, _: refused.append(error))
        producer.flush(20)
        self.assertEqual(refused[0].code(), KafkaError.MSG_SIZE_TOO_LARGE)

    def test_create_time(self):
        topic = self.create_topic()
        stamp = int(time.time() * 1000) - 3_600_000
        self.produce(topic, [{"value": b"x", "timestamp": stamp}])
        self.assertEqual(self.read_topic(topic, 1)[0].timestamp(), (TIMESTAMP_CREATE_TIME, stamp))

    def test_log_append_time(self):
        topic = self.create_topic(message_timestamp_type="LogAppendTime")
        before = int(time.time() * 1000)
        self.produce(topic, [{"value": b"x", "timestamp": 1000}] * 3, compression_type="gzip")
        for message in self.read_topic(topic, 3):
            kind, stamp = message.timestamp()
            self.assertEqual(kind, TIMESTAMP_LOG_APPEND_TIME)
            self.assertTrue(before <= stamp <= int(time.time() * 1000), stamp)

    def test_record_from_the_future_is_refused(self):
        topic = self.create_topic(message_timestamp_after_max_ms=1000)
        refused = []
        producer = self.producer()
        producer.produce(topic, b"x", timestamp=int(time.time() * 1000) + 60_000,
                         on_delivery=lambda error, _: refused.append(error))
        producer.flush(20)
        self.assertEqual(refused[0].code(), KafkaError.INVALID_TIMESTAMP)

    def test_compacted_topic_wants_keys(self):
        topic = self.create_topic(cleanup_policy="compact")
        refused = []
        producer = self.producer(retries=0)
        producer.produce(topic, b"no key", on_delivery=lambda error, _: refused.append(error))
        producer.flush(20)
        self.assertIn(refused[0].code(), (KafkaError.INVALID_RECORD, KafkaError.INVALID_MSG))

    def test_unknown_partition(self):
        topic = self.create_topic()
        with self.assertRaises(KafkaException):
            producer = self.producer(message_timeout_ms=3000)
            errors = []
            producer.produce(topic, b"x", partition=7,
                             on_delivery=lambda error, _: errors.append(error))
            producer.flush(20)
            raise KafkaException(errors[0])

    def test_many_records(self):
        topic = self.create_topic(partitions=3)
        count = 100_000
        self.produce(topic, ((b"%d" % i, b"%d" % i) for i in range(count)),
                     compression_type="zstd", linger_ms=20)
        consumer = self.consumer()
        consumer.subscribe([topic])
        seen = {int(message.value()) for message in self.poll_messages(consumer, count, 60)}
        self.assertEqual(len(seen), count)


class KafkaPythonProduceTest(BrokerCase):
    def producer_of(self, **settings):
        producer = KafkaProducer(bootstrap_servers=self.address, **settings)
        self.addCleanup(producer.close, timeout=5)
        return producer

    def read_all(self, topic, count):
        consumer = KafkaConsumer(bootstrap_servers=self.address, consumer_timeout_ms=20_000)
        self.addCleanup(consumer.close)
        partition = PythonPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        return [message for _, message in zip(range(count), consumer)]

    def test_codecs(self):
        # Debian has no lz4, zstd or snappy for this client.
        for codec in (None, "gzip"):
            with self.subTest(codec):
                topic = self.create_topic()
                producer = self.producer_of(compression_type=codec, linger_ms=20)
                for i in range(1000):
                    producer.send(topic, b"value %d" % i, key=b"%d" % i)
                producer.flush(20)
                messages = self.read_all(topic, 1000)
                self.assertEqual([m.value for m in messages],
                                 [b"value %d" % i for i in range(1000)])

    def test_headers_and_nulls(self):
        topic = self.create_topic()
        producer = self.producer_of()
        producer.send(topic, None, key=b"k", headers=[("a", b"1"), ("a", b"2")])
        producer.send(topic, b"v", key=None)
        producer.flush(20)
        first, second = self.read_all(topic, 2)
        self.assertEqual((first.key, first.value, first.headers),
                         (b"k", None, [("a", b"1"), ("a", b"2")]))
        self.assertEqual((second.key, second.value), (None, b"v"))

    def test_acks(self):
        topic = self.create_topic()
        for number, acks in enumerate((0, 1, "all")):
            producer = self.producer_of(acks=acks)
            future = producer.send(topic, b"%d" % number, partition=0)
            producer.flush(20)
            metadata = future.get(20)
            self.assertEqual(metadata.offset, -1 if acks == 0 else number)

    def test_too_large_record_is_refused(self):
        topic = self.create_topic()
        producer = self.producer_of(max_request_size=6_000_000, buffer_memory=20_000_000)
        with self.assertRaises(MessageSizeTooLargeError):
            producer.send(topic, os.urandom(1_100_000)).get(20)


class KcatProduceTest(BrokerCase):
    def test_every_codec(self):
        for codec in CODECS:
            with self.subTest(codec):
                topic = self.create_topic()
                lines = b"".join(b"line %d\n" % i for i in range(1000))
                self.kcat("-P", "-t", topic, "-z", codec, stdin=lines)
                self.assertEqual(self.kcat("-C", "-t", topic, "-e", "-q").encode(), lines)

    def test_keys_headers_nulls(self):
        topic = self.create_topic()
        self.kcat("-P", "-t", topic, "-K", ":", "-Z", "-H", "kind=test", stdin=b"a:1\nb:\n:3\n")
        shown = self.kcat("-C", "-t", topic, "-e", "-q", "-f", "%o %K %k %S %s %h\n")
        self.assertEqual(shown.splitlines(), [
            "0 1 a 1 1 kind=test", "1 1 b -1  kind=test", "2 -1  1 3 kind=test"])


if __name__ == "__main__":
    unittest.main()
