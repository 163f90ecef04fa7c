"""Reading what is no longer in memory: from the disk, then from the page cache, by readers that are
slow, that go away, and that lose the segment they read from."""

import os
import socket
import struct
import unittest

from conformance.case import BrokerCase, wait_until
from harness import wire
from harness.wire import Connection, Reader

DELETE_RECORDS = 21
RECORD_BYTES = 50_000
RECORDS = 120
MAX_BYTES = 4_000_000


def fetch_request(topic, offset, correlation):
    partition = struct.pack(">iqi", 0, offset, MAX_BYTES)
    body = struct.pack(">iiiib", -1, 500, 1, 2 * MAX_BYTES, 0)
    body += wire.array([wire.string(topic) + wire.array([partition])])
    return wire.request(wire.FETCH, 4, body, correlation)


def records_of(reply):
    """The record bytes in a Fetch v4 reply for one partition."""
    reader = Reader(reply)
    reader.int32(), reader.int32(), reader.int32()  # correlation, throttle, topics
    reader.string()
    reader.int32(), reader.int32()  # partitions, index
    error = reader.int16()
    if error:
        raise AssertionError(f"fetch answered {error}")
    reader.int64(), reader.int64()
    for _ in range(max(reader.int32(), 0)):
        reader.take(16)
    return reader.take(reader.int32())


class ColdReadTest(BrokerCase):
    # Next to nothing stays in memory.
    settings = {"sluice_cache_bytes": 1_048_576}
    needs_sluiced = True

    def setUp(self):
        self.values = [os.urandom(RECORD_BYTES) for _ in range(RECORDS)]
        self.topic = self.create_topic(segment_bytes=1_048_576, file_delete_delay_ms=0)
        self.produce(self.topic, [(None, value) for value in self.values], batch_size=200_000)

    def fetch(self, offset=0):
        with Connection(self.address) as connection:
            connection.send(fetch_request(self.topic, offset, 1))
            return records_of(connection.receive())

    def test_every_pass_reads_the_same(self):
        for _ in range(4):  # the first from the disk, later ones from the page cache
            messages = self.read_topic(self.topic, RECORDS)
            self.assertEqual([message.value() for message in messages], self.values)

    def test_a_slow_reader_gets_it_all(self):
        self.fetch()
        expected = self.fetch()
        with Connection(self.address) as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            connection.send(fetch_request(self.topic, 0, 1))
            (size,) = struct.unpack(">i", connection.read(4))
            reply = b""
            while len(reply) < size:
                reply += connection.read(min(65_536, size - len(reply)))
                self.assertEqual(self.fetch(), expected)  # others are served meanwhile
        self.assertEqual(records_of(reply), expected)

    def test_a_reader_that_goes_away_disturbs_nobody(self):
        self.fetch()
        expected = self.fetch()
        for linger in (False, True):
            for _ in range(20):
                connection = Connection(self.address)
                if linger:  # a reset
                    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                                 struct.pack("ii", 1, 0))
                connection.send(fetch_request(self.topic, 0, 1) * 3)
                connection.read(10_000)
                connection.socket.close()
        self.assertEqual(self.fetch(), expected)

    def test_a_reply_outlives_its_segment(self):
        """Fetched and not yet read while the segment is deleted: the reply is whole anyway."""
        self.fetch()
        expected = self.fetch()
        with Connection(self.address) as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
            connection.send(fetch_request(self.topic, 0, 1))
            head = connection.read(100)
            self.delete_records_below(100)
            wait_until(lambda: len(self.segments()) < 5, what="segments deleted")
            (size,) = struct.unpack(">i", head[:4])
            reply = head[4:] + connection.read(size - len(head) + 4)
        self.assertEqual(records_of(reply), expected)

    def delete_records_below(self, offset):
        topic = wire.string(self.topic) + wire.array([struct.pack(">iq", 0, offset)])
        with Connection(self.address) as connection:
            connection.call(DELETE_RECORDS, 0, wire.array([topic]) + struct.pack(">i", 10_000))

    def segments(self):
        directory = self.broker.data_directory / f"{self.topic}-0"
        return [name for name in os.listdir(directory) if name.endswith(".log")]


if __name__ == "__main__":
    unittest.main()
