"""sluice.disk.max.bytes: what goes, what never goes, and what a producer is told."""

import time
import unittest
import urllib.request

from confluent_kafka import KafkaError, TopicPartition

from conformance.case import BrokerCase, wait_until
from conformance.cli_test import Cli
from harness.broker import free_port

MIB = 1 << 20
CAP = 12 * MIB


class DiskCapTest(Cli, BrokerCase):
    needs_sluiced = True
    needs_own_broker = True
    port = free_port()
    settings = {"sluice_disk_max_bytes": CAP, "sluice_http_listen": f"127.0.0.1:{port}",
                "sluice_shards": 2}

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as page:
            for line in page.read().decode().splitlines():
                if line.startswith(name + " "):
                    return float(line.split()[1])
        return None

    def send(self, topic, count):
        """Records of 100 KiB; returns how many were stored, and the error of the first refused."""
        stored, errors = [], []
        producer = self.producer(retries=0, linger_ms=0, batch_num_messages=1)
        for number in range(count):
            producer.produce(topic, str(number).encode() + b"." * 100_000,
                             on_delivery=lambda error, message: (
                                 errors.append(error.code()) if error else stored.append(message)))
            producer.flush(30)
            if errors:
                break
        return len(stored), errors[0] if errors else None

    def setUp(self):
        super().setUp()
        self.asking = self.consumer()

    def bounds(self, topic):
        return self.asking.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)

    def used(self):
        return self.metric("sluice_disk_used_bytes")

    def below_cap(self):
        return self.used() <= CAP

    def test_old_segments_go_where_they_may_and_nowhere_else(self):
        kept = self.create_topic(segment_bytes=MIB, sluice_disk_max_delete="never")
        old = self.create_topic(segment_bytes=MIB)
        self.assertEqual(self.send(kept, 40), (40, None))
        wait_until(lambda: self.metric("sluice_disk_max_bytes") == CAP, what="first look")
        self.assertEqual(self.metric("sluice_disk_max_alarm"), 0)
        sent = 0
        while self.bounds(old)[0] == 0:  # nothing is deleted before the cap is reached
            stored, error = self.send(old, 20)
            self.assertIsNone(error)
            sent += stored
            self.assertLess(sent, 1000)
            time.sleep(0.3)  # as the broker looks
        wait_until(self.below_cap, what="used below the cap")
        self.assertEqual(self.metric("sluice_disk_max_alarm"), 1)
        self.assertGreater(self.metric("sluice_disk_max_deleted_bytes_total"), 0)
        self.assertIn("nearly as much as sluice.disk.max.bytes", self.broker.log_tail(1000))
        low, high = self.bounds(old)
        self.assertEqual(high, sent)
        self.assertLess(low, high)
        self.assertEqual(self.bounds(kept), (0, 40))

        # Nothing is left that may go: refused for good, and every record is still there. Before
        # that a producer may be refused while the active segment is closed, to go next.
        stored, refused = 0, 0
        while refused < 4 or self.bounds(old)[0] < sent:
            more, error = self.send(kept, 5)
            self.assertIn(error, (None, KafkaError.KAFKA_STORAGE_ERROR))
            stored += more
            refused = refused + 1 if error else 0
            self.assertLess(stored, 1000)
            time.sleep(0.7)
        self.assertEqual(self.bounds(kept), (0, 40 + stored))
        self.assertEqual(len(self.read_topic(kept, 40 + stored)), 40 + stored)
        self.assertEqual(self.metric("sluice_disk_alarm"), 1)
        self.assertEqual(self.bounds(old)[0], sent)

        # Room is made by hand, and records are taken again without a restart.
        self.good("topics", "truncate", kept, "--before", "end", "--yes")
        wait_until(lambda: self.metric("sluice_disk_alarm") == 0, what="alarm off")
        self.assertEqual(self.send(old, 5), (5, None))


if __name__ == "__main__":
    unittest.main()
