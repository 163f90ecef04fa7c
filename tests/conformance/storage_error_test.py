"""A disk that refuses to go on: who is told, and who does not notice.

The process may write no file beyond FILE_LIMIT bytes (RLIMIT_FSIZE: EFBIG), on every backend alike.
"""

import http.client
import json
import unittest

from confluent_kafka import KafkaError, TopicPartition

from conformance.case import BrokerCase
from harness.broker import Broker, free_port
from harness.file_limit import limiter

FILE_LIMIT = 4 << 20
VALUE = b"x" * 50_000
# Of each producer: half as much again as fits, so each is refused however the three interleave.
SENDS = 120


class StorageErrorTest(BrokerCase):
    needs_own_broker = True
    needs_sluiced = True
    http_port = free_port()
    settings = {"sluice_http_listen": f"127.0.0.1:{http_port}"}

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=20)
        self.addCleanup(connection.close)
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()

    def setUp(self):
        self.broker.stop()
        self.broker.before_exec = limiter(FILE_LIMIT)
        self.addCleanup(setattr, self.broker, "before_exec", Broker.before_exec)
        self.broker.start()

    def send(self, producer, topic, outcomes):
        def report(error, message):
            outcomes.append((error.code() if error else None, message.offset()))
        producer.produce(topic, VALUE, partition=0, on_delivery=report)

    def test_every_producer_is_told_and_other_partitions_go_on(self):
        full, other = self.create_topic(), self.create_topic()
        # No retries: what the broker answers is what the caller sees.
        producers = [self.producer(retries=0, linger_ms=0, batch_num_messages=1)
                     for _ in range(3)]
        outcomes = [[] for _ in producers]
        for _ in range(SENDS):
            for producer, seen in zip(producers, outcomes):
                self.send(producer, full, seen)
        for producer in producers:
            self.assertEqual(producer.flush(60), 0)
        acknowledged = set()
        for seen in outcomes:
            self.assertEqual(len(seen), SENDS)
            self.assertEqual({code for code, _ in seen} - {None}, {KafkaError.KAFKA_STORAGE_ERROR})
            # Once refused, refused for good.
            codes = [code for code, _ in seen]
            first = next(i for i, code in enumerate(codes) if code is not None)
            self.assertNotIn(None, codes[first:])
            acknowledged |= {offset for code, offset in seen if code is None}
        self.assertEqual(acknowledged, set(range(len(acknowledged))))

        self.assertEqual(self.produce(other, [(None, b"on")])[0].offset(), 0)
        self.assertEqual(len(self.read_topic(full, len(acknowledged))), len(acknowledged))
        self.assertEqual(self.get("/livez"), (200, "alive\n"))
        status, text = self.get("/readyz")
        self.assertEqual(status, 503)
        self.assertIn(f"partitions-writable: 1 partitions take no records, such as {full}-0", text)
        self.assertEqual(json.loads(self.get("/v1/status")[1])["state"], "failed")

        self.broker.kill()
        self.broker.before_exec = None
        self.broker.start()
        self.wait_for_topic(full)
        self.assertEqual(self.get("/readyz"), (200, "ready\n"))
        self.assertEqual(len(self.read_topic(full, len(acknowledged))), len(acknowledged))
        low, high = self.consumer().get_watermark_offsets(TopicPartition(full, 0), timeout=10)
        self.assertEqual(low, 0)
        self.assertGreaterEqual(high, len(acknowledged))
        self.assertEqual(self.produce(full, [(None, b"on")])[0].offset(), high)


if __name__ == "__main__":
    unittest.main()
