"""A few lines of Kafka's wire format, written by hand: enough to probe a broker with frames that no
client would send. Non-flexible versions only, but for the ApiVersions header."""

import socket
import struct

PRODUCE, FETCH, LIST_OFFSETS, METADATA, API_VERSIONS = 0, 1, 2, 3, 18
CREATE_TOPICS, DELETE_RECORDS = 19, 21


def string(text):
    return b"\xff\xff" if text is None else struct.pack(">h", len(text)) + text.encode()


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def request(api, version, body, correlation=1, client="wire-test"):
    """A whole frame with request header v1."""
    payload = struct.pack(">hhi", api, version, correlation) + string(client) + body
    return struct.pack(">i", len(payload)) + payload


class Connection:
    """A socket that speaks frames; every wait ends after `timeout` seconds."""

    def __init__(self, address, timeout=10.0):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read(self, size):
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise EOFError(f"closed after {len(data)} of {size} bytes")
            data += part
        return data

    def receive(self):
        """The next frame without its size: correlation id and body."""
        (size,) = struct.unpack(">i", self.read(4))
        return self.read(size)

    def call(self, api, version, body, correlation=1):
        """Sends one request; returns the body of the reply (response header v0)."""
        self.send(request(api, version, body, correlation))
        reply = self.receive()
        got = struct.unpack(">i", reply[:4])[0]
        if got != correlation:
            raise ValueError(f"correlation id {got}, sent {correlation}")
        return reply[4:]

    def is_closed(self):
        """True when the other side closes without sending anything, within the timeout."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except socket.timeout:
            return False


def delete_records(connection, topic, partition, offset):
    """Moves the log start (DeleteRecords v0); returns (error, log start)."""
    body = array([string(topic) + array([struct.pack(">iq", partition, offset)])])
    reply = Reader(connection.call(DELETE_RECORDS, 0, body + struct.pack(">i", 10_000)))
    reply.take(8)  # throttle time, one topic
    reply.string()
    reply.take(8)  # one partition, its index
    low = reply.int64()
    return reply.int16(), low


def create_topic(connection, topic, partitions=1):
    """CreateTopics v2; returns the error code."""
    body = array([string(topic) + struct.pack(">ih", partitions, 1) + array([]) + array([])])
    reply = Reader(connection.call(CREATE_TOPICS, 2, body + struct.pack(">i?", 10_000, False)))
    reply.take(8)  # throttle time, one topic
    reply.string()
    return reply.int16()


def api_versions(address, timeout=10.0):
    """{api key: (min, max)} as the broker tells it in ApiVersions v0."""
    with Connection(address, timeout) as connection:
        reply = Reader(connection.call(API_VERSIONS, 0, b""))
        error = reply.int16()
        if error:
            raise ValueError(f"ApiVersions answered {error}")
        return {reply.int16(): (reply.int16(), reply.int16()) for _ in range(reply.int32())}


class Reader:
    """Reads primitives one after the other."""

    def __init__(self, data):
        self.data = data
        self.position = 0

    def take(self, size):
        if self.position + size > len(self.data):
            raise EOFError("reply is too short")
        part = self.data[self.position:self.position + size]
        self.position += size
        return part

    def unpack(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def int8(self):
        return self.unpack(">b")

    def int16(self):
        return self.unpack(">h")

    def int32(self):
        return self.unpack(">i")

    def int64(self):
        return self.unpack(">q")

    def string(self):
        size = self.int16()
        return None if size < 0 else self.take(size).decode()

    def at_end(self):
        return self.position == len(self.data)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def varint(value):
    value = value << 1 ^ value >> 63
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def record(value, offset_delta=0, key=None):
    body = b"\0" + varint(0) + varint(offset_delta)
    body += varint(-1) if key is None else varint(len(key)) + key
    body += varint(len(value)) + value + varint(0)
    return varint(len(body)) + body


def record_batch(values, timestamp=1_700_000_000_000, attributes=0, magic=2, count=None, crc=None,
                 producer=(-1, -1, -1)):
    """A record batch v2; `count`, `crc`, `magic` and `attributes` may lie."""
    records = b"".join(record(value, delta) for delta, value in enumerate(values))
    count = len(values) if count is None else count
    body = struct.pack(">hiqqqhii", attributes, count - 1, timestamp, timestamp, *producer, count)
    body += records
    crc = crc32c(body) if crc is None else crc
    return struct.pack(">qiibI", 0, 9 + len(body), -1, magic, crc) + body


def produce(connection, topic, partition, records, acks=-1, version=3):
    """Produce v3-v7; returns (error code, base offset) of the one partition."""
    data = b"\xff\xff\xff\xff" if records is None else struct.pack(">i", len(records)) + records
    body = string(None) + struct.pack(">hi", acks, 10_000)
    body += array([string(topic) + array([struct.pack(">i", partition) + data])])
    reply = Reader(connection.call(PRODUCE, version, body))
    reply.int32()
    reply.string()
    reply.int32()
    reply.int32()
    return reply.int16(), reply.int64()


def fetch(connection, topic, partition, offset, max_bytes=1 << 20, replica=-1, wait_ms=0):
    """Fetch v4; returns (error code, high watermark, record bytes) of the one partition."""
    body = struct.pack(">iiiib", replica, wait_ms, 1, max_bytes, 0)
    body += array([string(topic) + array([struct.pack(">iqi", partition, offset, max_bytes)])])
    reply = Reader(connection.call(FETCH, 4, body))
    reply.int32()
    reply.int32()
    reply.string()
    reply.int32()
    reply.int32()
    error, high_watermark, _ = reply.int16(), reply.int64(), reply.int64()
    for _ in range(max(0, reply.int32())):
        reply.take(16)
    return error, high_watermark, reply.take(max(0, reply.int32()))
