#!/usr/bin/env python3
"""Makes the golden record batches of this folder. librdkafka and kafka-python write to librdkafka's
mock broker, and a raw Fetch reads back the bytes they sent; Java's come from the batch writer inside
kafka-clients (Records.java). See README.md for how to run it.

    capture.py --out DIR --java-classpath CLASSES:JARS
"""

import argparse
import pathlib
import socket
import struct
import subprocess
import time

import confluent_kafka
import kafka

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
TIMESTAMP = 1700000000000
# 100 kB that compress well and need several blocks of every blocked format.
LARGE = b"".join(b"line %05d of a large value\n" % (i // 100) for i in range(3600))

# key, value, headers; timestamps rise by one.
RECORDS = [
    (b"key-1", b"value-1", [("type", b"push"), ("empty", b""), ("null", None)]),
    (None, b"no key", []),
    (b"tombstone", None, []),
    (b"", b"", []),
    (b"again", b"abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc" * 4, []),
]


def produce_librdkafka(bootstrap, topic, codec, records):
    producer = confluent_kafka.Producer({
        "bootstrap.servers": bootstrap, "compression.type": codec, "linger.ms": 200,
        "enable.idempotence": True, "message.max.bytes": 2000000})
    for i, (key, value, headers) in enumerate(records):
        producer.produce(topic, key=key, value=value, headers=headers, partition=0,
                         timestamp=TIMESTAMP + i)
    assert producer.flush(20) == 0


def produce_kafka_python(bootstrap, topic, codec, records):
    producer = kafka.KafkaProducer(
        bootstrap_servers=bootstrap, api_version=(2, 1),
        compression_type=None if codec == "none" else codec,
        linger_ms=300, batch_size=1000000, max_request_size=2000000)
    futures = [
        producer.send(topic, key=key, value=value, partition=0, timestamp_ms=TIMESTAMP + i,
                      headers=[h for h in headers if h[1] is not None])
        for i, (key, value, headers) in enumerate(records)]
    producer.flush(20)
    for future in futures:
        future.get(5)
    producer.close()


def java_batch(classpath, codec, size):
    ran = subprocess.run(["java", "-cp", classpath, "Records", "write", codec, size], check=True,
                         timeout=60, capture_output=True)
    return bytes.fromhex(ran.stdout.decode())


def fetch(address, topic):
    """The record bytes of partition 0, by Fetch v4."""
    name = topic.encode()
    request = (struct.pack(">hhih", 1, 4, 1, -1) + struct.pack(">iiiib", -1, 1000, 1, 1 << 24, 0) +
               struct.pack(">ih", 1, len(name)) + name + struct.pack(">iiqi", 1, 0, 0, 1 << 24))
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        reply = b""
        while len(reply) < 4 or len(reply) < 4 + struct.unpack(">i", reply[:4])[0]:
            piece = connection.recv(1 << 16)
            assert piece
            reply += piece
    at = 4 + 4 + 4 + 4 + 2 + len(name) + 4  # size, correlation, throttle, topics, name, partitions
    _, error, _, _, aborted = struct.unpack(">ihqqi", reply[at:at + 26])
    assert error == 0, error
    at += 26 + 16 * max(aborted, 0)
    size = struct.unpack(">i", reply[at:at + 4])[0]
    return reply[at + 4:at + 4 + size]


def write(out, name, how, batch):
    assert len(batch) == 12 + struct.unpack(">i", batch[8:12])[0], f"{name}: not one batch"
    lines = [f"# {how}"]
    text = batch.hex()
    lines += [text[i:i + 96] for i in range(0, len(text), 96)]
    (out / f"{name}.hex").write_text("\n".join(lines) + "\n")
    print(name, len(batch))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--out", type=pathlib.Path, required=True)
    arguments.add_argument("--java-classpath", required=True)
    options = arguments.parse_args()
    mock = confluent_kafka.Producer({"test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(mock.list_topics(timeout=10).brokers.values()))
    address = f"{broker.host}:{broker.port}"
    clients = {
        "java": "kafka-clients 4.3.0",
        "librdkafka": "librdkafka " + confluent_kafka.libversion()[0],
        "kafka_python": "kafka-python " + kafka.__version__,
    }
    for client, version in clients.items():
        for codec in CODECS:
            for size, records in ("small", RECORDS), ("large", [(b"large", LARGE, [])]):
                if size == "large" and codec == "none":
                    continue
                topic = f"{client}.{codec}.{size}"
                if client == "java":
                    batch = java_batch(options.java_classpath, codec, size)
                else:
                    produce = produce_librdkafka if client == "librdkafka" else produce_kafka_python
                    produce(address, topic, codec, records)
                    time.sleep(0.1)
                    batch = fetch(address, topic)
                write(options.out, f"{client}_{codec}_{size}",
                      f"{version}, compression.type={codec}, {size} records of capture.py", batch)


main()
