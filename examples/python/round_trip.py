#!/usr/bin/env python3
"""sluice from Python with nothing but ctypes: round_trip.py LIBSLUICE_CLIENT HOST:PORT TOPIC."""
import ctypes as c
import select
import sys

lib = c.CDLL(sys.argv[1])  # libsluice_client.so.0.1, or libsluice.so.0.1 with the broker in it
lib.sluice_record_value.restype = c.c_void_p
lib.sluice_record_offset.restype = c.c_int64


class Handle(c.c_void_p):
    """A broker, producer or consumer; a call that fails raises what the handle says."""

    def __init__(self, kind, function, *arguments):
        super().__init__()
        self.error_text = getattr(lib, f"sluice_{kind}_error")
        self.error_text.restype = c.c_char_p
        self.check(function(*arguments, c.byref(self)))

    def call(self, name, *arguments):
        return self.check(getattr(lib, "sluice_" + name)(self, *arguments))

    def check(self, code):
        if code < 0:
            raise RuntimeError(self.error_text(self).decode())
        return code


topic = sys.argv[3].encode()
broker = Handle("broker", lib.sluice_connect, sys.argv[2].encode(), None)
broker.call("create_topic", topic, 1, 5000)
producer = Handle("producer", lib.sluice_producer_open, broker, b"linger.ms=5")
for value in (b"one", b"two", b"three"):
    producer.call("produce", topic, None, c.c_size_t(0), value, c.c_size_t(len(value)), None)
producer.call("flush", 5000)

consumer = Handle("consumer", lib.sluice_consumer_open, broker, b"auto.offset.reset=earliest")
consumer.call("assign", topic, 5000)
size, value = c.c_size_t(), b""
while value != b"three":
    if not consumer.call("poll"):  # nothing now: sleep until there is, and ask again
        select.select([consumer.call("descriptor")], [], [], 5)
        continue
    value = c.string_at(lib.sluice_record_value(consumer, c.byref(size)), size.value)
    print(lib.sluice_record_offset(consumer), value.decode())
for handle, name in (consumer, "consumer"), (producer, "producer"), (broker, "broker"):
    getattr(lib, f"sluice_{name}_close")(handle)
