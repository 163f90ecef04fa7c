"""The flexible versions of Kafka's wire format (KIP-482), by hand: compact strings and arrays, tagged
fields, request header v2 and response header v1."""

import struct

from harness import wire

NO_TAGS = b"\0"


def uvarint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def string(text):
    return b"\0" if text is None else uvarint(len(text.encode()) + 1) + text.encode()


def array(items):
    """`items`: encoded elements; None: a null array."""
    return b"\0" if items is None else uvarint(len(items) + 1) + b"".join(items)


def structure(*fields):
    """Encoded fields, and no tagged ones behind them."""
    return b"".join(fields) + NO_TAGS


class Reader(wire.Reader):
    """Reads primitives of flexible versions one after the other."""

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def blob(self):
        size = self.uvarint()
        return None if size == 0 else self.take(size - 1)

    def string(self):
        data = self.blob()
        return None if data is None else data.decode()

    def array(self, read_element):
        size = self.uvarint()
        return None if size == 0 else [read_element() for _ in range(size - 1)]

    def tags(self):
        """Passes over tagged fields."""
        for _ in range(self.uvarint()):
            self.uvarint()
            self.take(self.uvarint())


class Connection(wire.Connection):
    """A socket that sends and reads flexible requests."""

    def call(self, api, version, body, correlation=1):
        """Sends one request, `body` with its tagged fields; returns a reader of the reply's body."""
        header = struct.pack(">hhi", api, version, correlation) + wire.string("wire-test") + NO_TAGS
        self.send(struct.pack(">i", len(header) + len(body)) + header + body)
        reply = Reader(self.receive())
        got = reply.int32()
        if got != correlation:
            raise ValueError(f"correlation id {got}, sent {correlation}")
        reply.tags()
        return reply
