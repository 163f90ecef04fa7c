#!/usr/bin/env python3
"""Makes a golden data directory beside this file, of the format that the built sluiced writes:
capture.py FOLDER. What is in it, as a reader sees it, goes to FOLDER/records.json."""

import json
import pathlib
import shutil
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from confluent_kafka import Consumer, Producer, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from crash.load import client_settings  # noqa: E402
from harness import wire  # noqa: E402
from harness.broker import Broker  # noqa: E402

ROLLS = {"segment.ms": "100"}  # a segment is closed by what comes so much later
TOPICS = {"plain": ROLLS, "packed": {"compression.type": "zstd"},
          "compacted": ROLLS | {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01"}}


def fill(address):
    admin = AdminClient(client_settings(address))
    for future in admin.create_topics(
            [NewTopic(name, 2, 1, config=config) for name, config in TOPICS.items()]).values():
        future.result(20)
    producer = Producer(client_settings(address, **{"enable.idempotence": True, "acks": "all"}))
    for number in range(200):
        for topic in TOPICS:
            producer.produce(topic, b"value %d of %s" % (number, topic.encode()),
                             b"key %d" % (number % 50), number % 2,
                             headers=[("number", str(number).encode())])
        if number % 50 == 49:
            producer.flush(20)
            time.sleep(0.3)
    with wire.Connection(address) as connection:
        wire.delete_records(connection, "plain", 0, 7)
    consumer = Consumer(client_settings(address, **{"group.id": "golden"}))
    consumer.commit(offsets=[TopicPartition("plain", 0, 42)], asynchronous=False)
    consumer.close()


def read(address):
    """[[topic, partition, offset, key, value], …] and the group's offset."""
    consumer = Consumer(client_settings(address, **{
        "group.id": "golden", "enable.auto.commit": False, "enable.partition.eof": True,
        "auto.offset.reset": "earliest"}))
    committed = consumer.committed([TopicPartition("plain", 0)], 10)[0].offset
    records = []
    for topic in TOPICS:
        parts = [TopicPartition(topic, number, 0) for number in range(2)]
        for part in parts:
            part.offset = consumer.get_watermark_offsets(part, timeout=10)[0]
        consumer.assign(parts)
        left = len(parts)
        while left:
            message = consumer.poll(20)
            if message is None:
                raise RuntimeError(f"{topic} cannot be read to its end")
            if message.error():
                left -= 1
                continue
            records.append([topic, message.partition(), message.offset(),
                            message.key().decode(), message.value().decode()])
    consumer.close()
    return {"committed": committed, "records": sorted(records)}


def main():
    folder = HERE / sys.argv[1]
    with Broker(sluice_shards=1, num_partitions=2, log_cleaner_enable="false") as broker:
        fill(broker.address)
        broker.kill()  # another leader epoch
        broker.start()
        content = read(broker.address)
        broker.stop()
        shutil.copytree(broker.data_directory, folder,
                        ignore=shutil.ignore_patterns("sluice.lock"))
    (folder / "records.json").write_text(json.dumps(content, indent=0) + "\n")


if __name__ == "__main__":
    main()
