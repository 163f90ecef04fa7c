"""Input that nobody should send, a row each: what the client is told, and what it costs the broker.

Every row is sent many times over plain connections. After each the broker answers as before, and has
taken no more than a little memory; what it says about it in the log does not grow with the number.
wire_test.py has the same subjects one by one, with what must not change in the log.
"""

import os
import struct
import time
import unittest
import zlib

from conformance.case import BrokerCase
from harness import wire
from harness.wire import Connection, Reader, array, produce, record_batch, request, string

CLOSED = "closed"
REPEATS = 100
WARM_UP = 30
GROWTH_BYTES = 64 << 10  # of one case, on average
LINES_MAX = 60           # in the log, for one row
FIND_COORDINATOR, HEARTBEAT, OFFSET_COMMIT, CREATE_TOPICS, GZIP = 10, 12, 8, 19, 1


def frame(payload):
    return struct.pack(">i", len(payload)) + payload


def unsigned_varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def flexible(api, version, body):
    """A frame with request header v2, without tagged fields."""
    return frame(struct.pack(">hhih", api, version, 1, -1) + b"\0" + body)


# What ends the connection: nothing can be answered, or nothing sensible.
BROKEN_FRAMES = {
    "negative size": struct.pack(">i", -1),
    "size beyond the limit": struct.pack(">i", 2**31 - 1),
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "size beyond that of a first request": struct.pack(">i", 16_777_217),
    "unknown API key": request(999, 0, b""),
    "version too high": request(wire.METADATA, 99, b""),
    "no room for a header": frame(b"\0\3"),
    "client id beyond the frame": frame(struct.pack(">hhih", wire.METADATA, 1, 1, 30_000)),
    "array beyond the frame": request(wire.METADATA, 1, struct.pack(">i", 2**31 - 1)),
    "negative length of what is not null": request(FIND_COORDINATOR, 0, struct.pack(">h", -2)),
    "string beyond the frame": request(FIND_COORDINATOR, 0, struct.pack(">h", 30_000) + b"x"),
    "compact array beyond the frame": flexible(wire.METADATA, 9, unsigned_varint(2**31)),
    "overlong varint": flexible(wire.METADATA, 9, b"\xff" * 10),
    "tagged field beyond the frame": flexible(
        wire.METADATA, 9, b"\0\1\0\0" + b"\1" + b"\5" + unsigned_varint(2**30)),
    "millions of tagged fields": flexible(wire.METADATA, 9, b"\0\1\0\0" + unsigned_varint(2**31)),
}


def resident_bytes(broker):
    with open(f"/proc/{broker.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


class HostileFramesTest(BrokerCase):
    needs_sluiced = True
    settings = {"sluice_shards": "1"}

    def outcome(self, data):
        with Connection(self.address) as connection:
            connection.send(data)
            return CLOSED if connection.is_closed() else "open"

    def log_lines(self):
        return len(self.broker.log_path.read_bytes().splitlines())

    def test_every_row(self):
        for name, data in BROKEN_FRAMES.items():
            with self.subTest(name):
                for _ in range(WARM_UP):
                    self.assertEqual(self.outcome(data), CLOSED)
                memory, lines = resident_bytes(self.broker), self.log_lines()
                for _ in range(REPEATS):
                    self.assertEqual(self.outcome(data), CLOSED)
                self.assertLess(resident_bytes(self.broker) - memory, REPEATS * GROWTH_BYTES)
                self.assertLess(self.log_lines() - lines, LINES_MAX)
                self.assertIn(wire.API_VERSIONS, wire.api_versions(self.address))


class HostileRequestsTest(BrokerCase):
    """Requests that parse and are refused; the connection stays."""

    needs_sluiced = True
    settings = {"sluice_shards": "1", "message_max_bytes": "100000"}

    def setUp(self):
        self.topic = self.create_topic()
        self.connection = Connection(self.address)
        self.addCleanup(self.connection.socket.close)

    def produce(self, records, **options):
        return produce(self.connection, self.topic, 0, records, **options)[0]

    def refused(self, code, records, **options):
        for _ in range(20):
            self.assertEqual(self.produce(records, **options), code)
        self.assertEqual(self.end(), 0)

    def end(self):
        return wire.fetch(self.connection, self.topic, 0, 0)[1]

    def test_bad_crc(self):
        self.refused(2, record_batch([b"x"], crc=1))

    def test_lying_count(self):
        self.refused(87, record_batch([b"x"], count=2))

    def test_old_magic(self):
        for magic in (0, 1):
            self.assertIn(self.produce(record_batch([b"x"], magic=magic)), (43, 87))
        self.assertEqual(self.end(), 0)

    def test_unknown_codec(self):
        self.assertIn(self.produce(record_batch([b"x"], attributes=7)), (76, 87))
        self.assertEqual(self.end(), 0)

    def test_too_large(self):
        self.refused(10, record_batch([os.urandom(100_001)]))

    def test_future_timestamp(self):
        in_a_day = int(time.time() * 1000) + 86_400_000
        self.refused(32, record_batch([b"x"], timestamp=in_a_day))

    def test_acks(self):
        self.refused(21, record_batch([b"x"]), acks=7)

    def test_a_bomb_is_not_unpacked_beyond_its_bound(self):
        """64 MiB of zeros in a few kilobytes, said to be one record."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
        body = struct.pack(">hiqqqhii", GZIP, 0, 0, 0, -1, -1, -1, 1) + packed
        batch = struct.pack(">qiibI", 0, 9 + len(body), -1, 2, wire.crc32c(body)) + body
        before = resident_bytes(self.broker)
        for _ in range(5):
            self.assertNotEqual(self.produce(batch), 0)
        self.assertLess(resident_bytes(self.broker) - before, 32 << 20)
        self.assertEqual(self.end(), 0)

    def test_topic_names(self):
        for name in ("", ".", "..", "../../etc", "a\0b", "a/b", "x" * 250):
            body = array([string(name) + struct.pack(">ih", 1, 1) + array([]) + array([])])
            body += struct.pack(">ib", 5000, 0)
            reply = Reader(self.connection.call(CREATE_TOPICS, 2, body))
            reply.int32()
            self.assertEqual(reply.int32(), 1)
            reply.string()
            self.assertEqual(reply.int16(), 17, name)

    def test_offset_outside(self):
        for offset in (1, 2**62, -7):
            self.assertEqual(wire.fetch(self.connection, self.topic, 0, offset)[0], 1)

    def test_a_consumer_that_says_it_is_a_replica(self):
        """Fetch 4 has no place for CLUSTER_AUTHORIZATION_FAILED."""
        for replica in (0, 1, 7):
            with Connection(self.address) as connection, self.assertRaises((EOFError, OSError)):
                wire.fetch(connection, self.topic, 0, 0, replica=replica)

    def test_stale_members(self):
        """A heartbeat and a commit of a member that nobody knows; of a generation long gone."""
        body = string("hostile") + struct.pack(">i", 3) + string("nobody")
        self.assertEqual(Reader(self.connection.call(HEARTBEAT, 0, body)).int16(), 25)
        self.assertEqual(self.commit(generation=3, member="nobody"), 25)

    def test_metadata_of_a_commit(self):
        self.assertEqual(self.commit(metadata="m" * 4097), 12)
        self.assertEqual(self.commit(metadata="m" * 4096), 0)

    def commit(self, generation=-1, member="", metadata=""):
        """OffsetCommit v2; returns the error of its partition."""
        part = struct.pack(">iq", 0, 5) + string(metadata)
        body = string("hostile") + struct.pack(">i", generation) + string(member)
        body += struct.pack(">q", -1) + array([string(self.topic) + array([part])])
        deadline = time.monotonic() + 20
        while True:
            reply = Reader(self.connection.call(OFFSET_COMMIT, 2, body))
            self.assertEqual(reply.int32(), 1)
            reply.string()
            reply.take(8)
            error = reply.int16()
            # The coordinator is made on first use.
            if error not in (14, 15, 16) or time.monotonic() > deadline:
                return error
            Reader(self.connection.call(FIND_COORDINATOR, 0, string("hostile")))
            time.sleep(0.05)


class SlowClientsTest(BrokerCase):
    """Bytes that trickle, and bytes that never come."""

    needs_sluiced = True
    settings = {"sluice_shards": "1", "connections_max_idle_ms": "1000"}

    def test_half_a_frame_ends_at_the_deadline_and_costs_what_has_come(self):
        before = resident_bytes(self.broker)
        slow = [Connection(self.address, timeout=30) for _ in range(50)]
        for connection in slow:
            self.addCleanup(connection.socket.close)
            connection.send(struct.pack(">i", 15_000_000) + b"\0\3\0\1")
        self.assertIn(wire.API_VERSIONS, wire.api_versions(self.address))
        self.assertLess(resident_bytes(self.broker) - before, 50 * GROWTH_BYTES)
        for connection in slow:
            self.assertTrue(connection.is_closed(), "half a frame is waited for, for ever")


if __name__ == "__main__":
    unittest.main()
