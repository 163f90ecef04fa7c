#!/usr/bin/env python3
"""sluice from Python with nothing but ctypes: round_trip.py LIBSLUICE_CLIENT HOST:PORT TOPIC."""
import ctypes as c
import select
import sys

lib = c.CDLL(sys.argv[1])  # libsluice_client.so.0.1, or libsluice.so.0.1 with the broker in it
lib.sluice_record_value.restype = c.c_void_p
lib.sluice_record_offset.restype = c.c_int64
handles = {kind: c.c_void_p() for kind in ("broker", "producer", "consumer")}
broker, producer, consumer = handles.values()


def call(kind, name, *arguments):
    """Calls sluice_NAME; when that fails, raises what the handle of that kind says."""
    code = getattr(lib, f"sluice_{name}")(*arguments)
    if code < 0:
        text = getattr(lib, f"sluice_{kind}_error")
        text.restype = c.c_char_p
        raise RuntimeError(text(handles[kind]).decode())
    return code


topic, size, value = sys.argv[3].encode(), c.c_size_t(), b""
call("broker", "connect", sys.argv[2].encode(), None, c.byref(broker))
call("broker", "create_topic", broker, topic, 1, 5000)
call("producer", "producer_open", broker, b"linger.ms=5", c.byref(producer))
for v in (b"one", b"two", b"three"):
    call("producer", "produce", producer, topic, None, c.c_size_t(0), v, c.c_size_t(len(v)), None)
call("producer", "flush", producer, 5000)
call("consumer", "consumer_open", broker, b"auto.offset.reset=earliest", c.byref(consumer))
call("consumer", "assign", consumer, topic, 5000)
while value != b"three":
    if call("consumer", "poll", consumer):
        value = c.string_at(lib.sluice_record_value(consumer, c.byref(size)), size.value)
        print(lib.sluice_record_offset(consumer), value.decode())
    else:  # nothing now: sleep until there is, and ask again
        select.select([call("consumer", "descriptor", consumer)], [], [], 5)
for kind in ("consumer", "producer", "broker"):
    getattr(lib, f"sluice_{kind}_close")(handles[kind])
