"""Consuming without a group: positions, times, ranges, long polls, limits."""

import os
import threading
import time
import unittest

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaError, TopicPartition
from kafka import KafkaConsumer
from kafka import TopicPartition as PythonPartition

from conformance.case import BrokerCase, wait_until


def filled_topic(case, count=100, **config):
    """A topic with `count` records whose values are their offsets, a second apart."""
    topic = case.create_topic(**config)
    start = int(time.time() * 1000) - 1000 * count
    case.produce(topic, [{"value": b"%d" % i, "timestamp": start + 1000 * i}
                         for i in range(count)])
    return topic, start


class LibrdkafkaConsumeTest(BrokerCase):
    def values(self, consumer, count):
        return [int(message.value()) for message in self.poll_messages(consumer, count)]

    def test_from_beginning_offset_and_end(self):
        topic, _ = filled_topic(self)
        for start, expected in ((OFFSET_BEGINNING, 0), (0, 0), (42, 42), (99, 99)):
            with self.subTest(start):
                consumer = self.consumer()
                consumer.assign([TopicPartition(topic, 0, start)])
                self.assertEqual(self.values(consumer, 1), [expected])
        consumer = self.consumer()
        consumer.assign([TopicPartition(topic, 0, OFFSET_END)])
        self.assertIsNone(consumer.poll(1.0))
        self.produce(topic, [(None, b"100")])
        self.assertEqual(self.values(consumer, 1), [100])

    def test_seek(self):
        topic, _ = filled_topic(self)
        consumer = self.consumer()
        consumer.assign([TopicPartition(topic, 0, 0)])
        self.values(consumer, 100)
        consumer.seek(TopicPartition(topic, 0, 7))
        self.assertEqual(self.values(consumer, 3), [7, 8, 9])

    def test_offsets_by_time(self):
        topic, start = filled_topic(self)
        consumer = self.consumer()

        def offset_at(stamp):
            found = consumer.offsets_for_times([TopicPartition(topic, 0, stamp)], timeout=10)
            return found[0].offset
        self.assertEqual(offset_at(start), 0)
        self.assertEqual(offset_at(start + 1), 1)
        self.assertEqual(offset_at(start + 50_000), 50)
        self.assertEqual(offset_at(start + 49_001), 50)
        self.assertEqual(offset_at(start - 10_000_000), 0)
        self.assertEqual(offset_at(start + 99_001), OFFSET_END)

    def test_watermarks_of_an_empty_topic(self):
        topic = self.create_topic()
        self.assertEqual(self.consumer().get_watermark_offsets(TopicPartition(topic, 0),
                                                               timeout=10), (0, 0))

    def test_end_of_partition(self):
        topic, _ = filled_topic(self, 10)
        consumer = self.consumer(enable_partition_eof=True)
        consumer.assign([TopicPartition(topic, 0, 0)])
        values = []
        while True:
            message = consumer.poll(10)
            self.assertIsNotNone(message)
            if message.error():
                self.assertEqual(message.error().code(), KafkaError._PARTITION_EOF)
                break
            values.append(int(message.value()))
        self.assertEqual(values, list(range(10)))

    def test_offset_out_of_range(self):
        topic, _ = filled_topic(self, 10)
        consumer = self.consumer(auto_offset_reset="earliest")
        consumer.assign([TopicPartition(topic, 0, 5000)])
        self.assertEqual(self.values(consumer, 1), [0])
        strict = self.consumer(auto_offset_reset="error")
        strict.assign([TopicPartition(topic, 0, 5000)])
        error = wait_until(lambda: strict.poll(1.0), what="an error").error()
        self.assertIn(error.code(), (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE))

    def test_long_poll_is_woken_by_the_append(self):
        topic = self.create_topic()
        consumer = self.consumer(fetch_wait_max_ms=10_000, session_timeout_ms=30_000)
        consumer.assign([TopicPartition(topic, 0, 0)])
        self.assertIsNone(consumer.poll(1.0))
        producer = self.producer(linger_ms=0)
        waits = []
        for number in range(10):
            sent = time.monotonic()
            producer.produce(topic, b"%d" % number)
            producer.poll(0)
            self.assertEqual(self.values(consumer, 1), [number])
            waits.append(time.monotonic() - sent)
        producer.flush(10)
        self.assertLess(sorted(waits)[len(waits) // 2], 1.0, waits)

    def test_small_fetches_still_move(self):
        topic = self.create_topic()
        values = [os.urandom(50_000) for _ in range(20)]
        self.produce(topic, [(None, value) for value in values], linger_ms=0, batch_num_messages=1)
        messages = self.read_topic(topic, 20, max_partition_fetch_bytes=1000,
                                   fetch_max_bytes=70_000, message_max_bytes=60_000)
        self.assertEqual([message.value() for message in messages], values)

    def test_many_partitions_in_one_consumer(self):
        topic = self.create_topic(partitions=50)
        self.produce(topic, [{"value": b"%d" % i, "partition": i % 50} for i in range(1000)])
        consumer = self.consumer()
        consumer.assign([TopicPartition(topic, number, 0) for number in range(50)])
        self.assertEqual(sorted(self.values(consumer, 1000)), list(range(1000)))

    def test_produce_while_consuming(self):
        topic = self.create_topic()
        count = 20_000
        writer = threading.Thread(target=self.produce, args=(
            topic, [(None, b"%d" % i) for i in range(count)]))
        consumer = self.consumer()
        consumer.assign([TopicPartition(topic, 0, 0)])
        writer.start()
        try:
            self.assertEqual(self.values(consumer, count), list(range(count)))
        finally:
            writer.join()

    def test_read_committed_sees_plain_records(self):
        topic, _ = filled_topic(self, 10)
        self.assertEqual(len(self.read_topic(topic, 10, isolation_level="read_committed")), 10)


class SegmentsTest(BrokerCase):
    """A log of many segments reads like one."""

    def test_across_segments(self):
        topic = self.create_topic(segment_bytes=1_048_576)
        values = [os.urandom(10_000) for _ in range(500)]
        start = int(time.time() * 1000) - 1_000_000
        self.produce(topic, [{"value": value, "timestamp": start + 1000 * number}
                             for number, value in enumerate(values)])
        self.assertEqual([m.value() for m in self.read_topic(topic, 500)], values)
        self.assertEqual(self.read_topic(topic, 1, offset=321)[0].value(), values[321])
        found = self.consumer().offsets_for_times(
            [TopicPartition(topic, 0, start + 1000 * 400)], timeout=10)
        self.assertEqual(found[0].offset, 400)

    def test_retention_by_size(self):
        topic = self.create_topic(segment_bytes=1_048_576, retention_bytes=2_097_152,
                                  file_delete_delay_ms=0)
        self.produce(topic, [(None, os.urandom(10_000)) for _ in range(600)])
        consumer = self.consumer()

        def low():
            return consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)[0]
        wait_until(low, what="a log start offset above 0")
        self.assertEqual(self.read_topic(topic, 1, offset=599)[0].offset(), 599)

    settings = {"log_retention_check_interval_ms": 500}


class KafkaPythonConsumeTest(BrokerCase):
    def test_positions_and_times(self):
        topic, start = filled_topic(self)
        consumer = KafkaConsumer(bootstrap_servers=self.address, consumer_timeout_ms=20_000)
        self.addCleanup(consumer.close)
        partition = PythonPartition(topic, 0)
        consumer.assign([partition])
        self.assertEqual(consumer.beginning_offsets([partition]), {partition: 0})
        self.assertEqual(consumer.end_offsets([partition]), {partition: 100})
        found = consumer.offsets_for_times({partition: start + 30_000})
        self.assertEqual((found[partition].offset, found[partition].timestamp),
                         (30, start + 30_000))
        consumer.seek(partition, 95)
        self.assertEqual([int(m.value) for _, m in zip(range(5), consumer)], [95, 96, 97, 98, 99])
        self.assertIn(topic, consumer.topics())
        self.assertEqual(consumer.partitions_for_topic(topic), {0})


class KcatConsumeTest(BrokerCase):
    def test_ranges(self):
        topic, start = filled_topic(self)

        def read(*arguments):
            return [int(line) for line in
                    self.kcat("-C", "-t", topic, "-e", "-q", *arguments).split()]
        self.assertEqual(read("-o", "-3"), [97, 98, 99])
        self.assertEqual(read("-o", "96"), [96, 97, 98, 99])
        self.assertEqual(read("-o", "beginning", "-c", "2"), [0, 1])
        self.assertEqual(read("-o", f"s@{start + 98_000}"), [98, 99])
        self.assertEqual(read("-o", f"s@{start + 10_000}", "-o", f"e@{start + 12_000}"), [10, 11])

    def test_query_offsets(self):
        topic, start = filled_topic(self)
        for stamp, expected in ((start + 20_000, 20), (-1, 100), (-2, 0)):
            shown = self.kcat("-Q", "-t", f"{topic}:0:{stamp}")
            self.assertIn(f"offset {expected}", shown)


if __name__ == "__main__":
    unittest.main()
