"""Frames and batches that no client sends: what Kafka answers, and that the broker lives on."""

import os
import struct
import time
import unittest

from conformance.case import BrokerCase, wait_until
from harness import wire
from harness.kafka import Kafka
from harness.wire import API_VERSIONS, METADATA, Connection, Reader, fetch, produce, record_batch

CORRUPT_MESSAGE, OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC = 2, 1, 3
MESSAGE_TOO_LARGE, INVALID_TOPIC, INVALID_REQUIRED_ACKS = 10, 17, 21
UNSUPPORTED_VERSION, UNSUPPORTED_FOR_FORMAT, INVALID_TIMESTAMP, INVALID_RECORD = 35, 43, 32, 87


class FramesTest(BrokerCase):
    def connect(self, timeout=10.0):
        connection = Connection(self.address, timeout)
        self.addCleanup(connection.socket.close)
        return connection

    def assert_alive(self):
        self.assertIn(API_VERSIONS, wire.api_versions(self.address))

    def assert_closes(self, data):
        connection = self.connect()
        connection.send(data)
        self.assertTrue(connection.is_closed(), "the connection stays open")
        self.assert_alive()

    def test_negative_size(self):
        self.assert_closes(struct.pack(">i", -1))
        self.assert_closes(struct.pack(">i", -(2**31)))

    def test_size_above_the_limit(self):
        self.assert_closes(struct.pack(">i", 2**31 - 1))
        self.assert_closes(struct.pack(">i", 104_857_601))

    def test_http_and_tls_on_the_kafka_port(self):
        self.assert_closes(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.assert_closes(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(64))

    def test_unknown_api_key(self):
        for key in (999, -1, 4, 32767):
            with self.subTest(key):
                self.assert_closes(wire.request(key, 0, b""))

    def test_unsupported_version(self):
        self.assert_closes(wire.request(METADATA, 99, b""))
        self.assert_closes(wire.request(METADATA, -1, b""))

    def test_frame_too_short_for_a_header(self):
        for size in (0, 1, 7):
            with self.subTest(size):
                self.assert_closes(struct.pack(">i", size) + b"\0" * size)

    def test_truncated_body(self):
        body = wire.array([wire.string("some-topic")])
        for cut in range(1, len(body)):
            with self.subTest(cut):
                self.assert_closes(wire.request(METADATA, 1, body[:-cut]))

    def test_array_longer_than_the_frame(self):
        for count in (2**31 - 1, 1_000_000):
            with self.subTest(count):
                self.assert_closes(wire.request(METADATA, 1, struct.pack(">i", count)))

    def test_client_id_longer_than_the_frame(self):
        payload = struct.pack(">hhih", METADATA, 1, 1, 30_000)
        self.assert_closes(struct.pack(">i", len(payload)) + payload)

    def test_api_versions_too_new(self):
        """Answered in version 0 with error 35 and the entry of ApiVersions itself."""
        for version in (5, 99, 32767):
            with self.subTest(version), self.connect() as connection:
                reply = Reader(connection.call(API_VERSIONS, version, b"\0\0\0", 77))
                self.assertEqual(reply.int16(), UNSUPPORTED_VERSION)
                entries = {reply.int16(): (reply.int16(), reply.int16())
                           for _ in range(reply.int32())}
                self.assertIn(API_VERSIONS, entries)
                self.assertTrue(reply.at_end())
                again = Reader(connection.call(API_VERSIONS, 0, b"", 78))
                self.assertEqual(again.int16(), 0)

    def test_api_versions_ranges(self):
        ranges = wire.api_versions(self.address)
        for key, (low, high) in ranges.items():
            self.assertLessEqual(0, low, key)
            self.assertLessEqual(low, high, key)
        # What librdkafka 2.0.2 wants to be inside, or it leaves features off.
        for key, version in ((0, 0), (0, 7), (1, 4), (1, 10), (2, 1), (10, 0), (8, 2), (9, 1),
                             (11, 0), (14, 0), (12, 0), (13, 0), (22, 0), (18, 0)):
            low, high = ranges[key]
            self.assertTrue(low <= version <= high, f"api {key}: {low}-{high} without {version}")

    def test_slow_frame(self):
        """Byte by byte is still a frame."""
        with self.connect() as connection:
            for byte in wire.request(API_VERSIONS, 0, b"", 5):
                connection.send(bytes([byte]))
                time.sleep(0.002)
            self.assertEqual(struct.unpack(">i", connection.receive()[:4])[0], 5)

    def test_bytes_behind_the_request_are_ignored(self):
        """librdkafka 2.16 sends three bytes too many when it asks for all topics."""
        with self.connect() as connection:
            reply = Reader(connection.call(METADATA, 1, wire.array([]) + b"\1\0\0", 6))
            self.assertEqual(reply.int32(), 1)

    def test_pipelined_requests_are_answered_in_order(self):
        with self.connect() as connection:
            connection.send(b"".join(
                wire.request(METADATA if number % 3 else API_VERSIONS, 0,
                             wire.array([]) if number % 3 else b"", number)
                for number in range(100)))
            for number in range(100):
                self.assertEqual(struct.unpack(">i", connection.receive()[:4])[0], number)

    def test_many_announced_lengths_cost_nothing(self):
        """100 connections announce 90 MB each and send nothing; everybody else is served."""
        if isinstance(self.broker, Kafka):
            self.skipTest("Kafka allocates what is announced")
        for _ in range(100):
            self.connect().send(struct.pack(">i", 90_000_000))
        self.assert_alive()

    def test_half_closed_connection(self):
        connection = self.connect()
        connection.send(wire.request(API_VERSIONS, 0, b"")[:6])
        connection.socket.shutdown(1)
        self.assertTrue(connection.is_closed())
        self.assert_alive()


class BatchesTest(BrokerCase):
    def setUp(self):
        self.topic = self.create_topic()
        self.connection = Connection(self.address)
        self.addCleanup(self.connection.socket.close)
        wait_until(lambda: fetch(self.connection, self.topic, 0, 0) == (0, 0, b""))

    def produce(self, records, **options):
        return produce(self.connection, options.pop("topic", self.topic),
                       options.pop("partition", 0), records, **options)

    def end(self):
        """The high watermark, which a refused batch must not move."""
        return fetch(self.connection, self.topic, 0, 0)[1]

    def assert_refused(self, records, *expected, **options):
        before = self.end()
        self.assertIn(self.produce(records, **options)[0], expected)
        self.assertEqual(self.end(), before)

    def test_good_batch_comes_back_byte_for_byte(self):
        batch = record_batch([b"one", b"two"])
        self.assertEqual(self.produce(batch), (0, 0))
        self.assertEqual(self.produce(batch), (0, 2))
        error, high, data = fetch(self.connection, self.topic, 0, 0)
        self.assertEqual((error, high), (0, 4))
        # Base offset and leader epoch are the broker's; everything from the magic on is ours.
        self.assertEqual(data[16:len(batch)], batch[16:])
        self.assertEqual(data[len(batch) + 16:], batch[16:])
        self.assertEqual(struct.unpack(">q", data[len(batch):len(batch) + 8])[0], 2)

    def test_bad_crc(self):
        self.assert_refused(record_batch([b"x"], crc=12345), CORRUPT_MESSAGE)

    def test_every_flipped_byte_is_noticed(self):
        batch = record_batch([b"some value", b"another"])
        for position in range(21, len(batch)):
            damaged = bytearray(batch)
            damaged[position] ^= 0x10
            with self.subTest(position):
                self.assertNotEqual(self.produce(bytes(damaged))[0], 0)
        self.assertEqual(self.end(), 0)

    def test_old_formats(self):
        for magic in (0, 1):
            with self.subTest(magic):
                self.assertNotEqual(self.produce(record_batch([b"x"], magic=magic))[0], 0)

    def test_lying_counts(self):
        for count in (0, 2, 1000, -1, 2**31 - 1):
            with self.subTest(count):
                self.assert_refused(record_batch([b"x"], count=count), INVALID_RECORD,
                                    CORRUPT_MESSAGE, 42)

    def test_unknown_codec(self):
        for codec in (5, 7):
            with self.subTest(codec):
                self.assertNotEqual(self.produce(record_batch([b"x"], attributes=codec))[0], 0)

    def test_garbage_under_a_good_checksum(self):
        """Compressed data that is no such thing."""
        for codec in (1, 2, 3, 4):
            with self.subTest(codec):
                before = self.end()
                self.assertNotEqual(self.produce(record_batch([b"x" * 50], attributes=codec))[0], 0)
                self.assertEqual(self.end(), before)

    def test_truncated_and_empty_records(self):
        batch = record_batch([b"x"])
        for records in (batch[:-1], batch[:30], batch[:12], batch[:4]):
            with self.subTest(len(records)):
                self.assertNotEqual(self.produce(records)[0], 0)
        self.assertEqual(self.end(), 0)

    def test_two_batches_for_one_partition(self):
        self.assertNotEqual(self.produce(record_batch([b"x"]) + record_batch([b"y"]))[0], 0)
        self.assertEqual(self.end(), 0)

    def test_acks(self):
        for acks in (2, 7, -2):
            with self.subTest(acks):
                self.assert_refused(record_batch([b"x"]), INVALID_REQUIRED_ACKS, acks=acks)

    def test_unknown_topic_and_partition(self):
        self.assertEqual(self.produce(record_batch([b"x"]), topic=self.name())[0], UNKNOWN_TOPIC)
        self.assertEqual(self.produce(record_batch([b"x"]), partition=3)[0], UNKNOWN_TOPIC)
        self.assertEqual(self.produce(record_batch([b"x"]), partition=-1)[0], UNKNOWN_TOPIC)

    def test_bad_topic_name(self):
        for name in ("", "../../etc/passwd", "a\0b", "x" * 300):
            with self.subTest(name):
                self.assertIn(self.produce(record_batch([b"x"]), topic=name)[0],
                              (INVALID_TOPIC, UNKNOWN_TOPIC))

    def test_fetch_outside(self):
        self.produce(record_batch([b"x"]))
        for offset in (2, 1000, -5):
            with self.subTest(offset):
                self.assertEqual(fetch(self.connection, self.topic, 0, offset)[0],
                                 OFFSET_OUT_OF_RANGE)
        self.assertEqual(fetch(self.connection, self.topic, 0, 1), (0, 1, b""))

    def test_fetch_gives_at_least_one_batch(self):
        batch = record_batch([os.urandom(100_000)])
        self.produce(batch)
        self.assertEqual(len(fetch(self.connection, self.topic, 0, 0, max_bytes=10)[2]),
                         len(batch))

    def test_sequence_numbers(self):
        """Duplicate: the first offset again. Gap: OUT_OF_ORDER_SEQUENCE_NUMBER (45)."""
        def batch(sequence, producer=4000):
            return record_batch([b"x"], timestamp=now, producer=(producer, 0, sequence))
        # A producer is forgotten by the age of its newest record: these are of today.
        now = int(time.time() * 1000)
        self.assertEqual(self.produce(batch(0)), (0, 0))
        self.assertEqual(self.produce(batch(1)), (0, 1))
        self.assertEqual(self.produce(batch(1)), (0, 1))
        self.assertEqual(self.produce(batch(0)), (0, 0))
        self.assertEqual(self.produce(batch(7))[0], 45)
        self.assertEqual(self.produce(batch(2)), (0, 2))
        self.assertEqual(self.end(), 3)

    def test_acks_0_has_no_reply(self):
        data = record_batch([b"x"])
        body = wire.string(None) + struct.pack(">hi", 0, 1000) + wire.array([
            wire.string(self.topic) + wire.array([struct.pack(">ii", 0, len(data)) + data])])
        self.connection.send(wire.request(wire.PRODUCE, 3, body, 9))
        reply = Reader(self.connection.call(API_VERSIONS, 0, b"", 10))
        self.assertEqual(reply.int16(), 0)

    def test_acks_0_error_closes(self):
        data = record_batch([b"x"], crc=1)
        body = wire.string(None) + struct.pack(">hi", 0, 1000) + wire.array([
            wire.string(self.topic) + wire.array([struct.pack(">ii", 0, len(data)) + data])])
        self.connection.send(wire.request(wire.PRODUCE, 3, body, 9))
        self.assertTrue(self.connection.is_closed())

    def test_produce_versions_without_batches_are_refused(self):
        """Produce 0-2 are advertised for librdkafka's sake and answered UNSUPPORTED_VERSION."""
        self.connection.send(wire.request(wire.PRODUCE, 2, struct.pack(">hi", 1, 1000)
                                          + wire.array([]), 3))
        try:
            self.connection.receive()
        except EOFError:
            pass
        self.assertIn(API_VERSIONS, wire.api_versions(self.address))


if __name__ == "__main__":
    unittest.main()
