"""What a restart keeps: records, offsets, groups, topics, ids; after SIGTERM and after kill -9."""

import fcntl
import os
import struct
import threading
import unittest

from confluent_kafka import TopicPartition

from conformance.case import BrokerCase, wait_until


class RestartTest(BrokerCase):
    needs_own_broker = True

    def restart(self, how):
        if how == "stop":
            self.assertIn(self.broker.stop(), (0, 143))  # 143: what a JVM answers to SIGTERM
        else:
            self.broker.kill()
        self.broker.start()

    def test_records_and_topics_survive(self):
        for how in ("stop", "kill"):
            with self.subTest(how):
                topic = self.create_topic(partitions=2, retention_ms=86_400_000)
                records = [{"key": b"%d" % i, "value": b"v%d" % i, "partition": i % 2,
                            "headers": [("n", b"%d" % i)]} for i in range(1000)]
                self.produce(topic, records, acks="all", compression_type="lz4")
                cluster = self.admin().list_topics(timeout=10).cluster_id
                self.restart(how)
                self.wait_for_topic(topic, 2)
                self.assertEqual(self.admin().list_topics(timeout=10).cluster_id, cluster)
                for partition in (0, 1):
                    messages = self.read_topic(topic, 500, partition)
                    self.assertEqual([m.value() for m in messages],
                                     [b"v%d" % i for i in range(partition, 1000, 2)])
                    self.assertEqual(messages[7].headers(), [("n", b"%d" % (14 + partition))])
                delivered = self.produce(topic, [{"value": b"after", "partition": 0}])
                self.assertEqual(delivered[0].offset(), 500)

    def test_a_deleted_topic_stays_deleted(self):
        topic = self.create_topic()
        self.produce(topic, [(None, b"old")])
        self.admin().delete_topics([topic])[topic].result(20)
        self.restart("stop")
        wait_until(lambda: topic not in self.admin().list_topics(timeout=10).topics)
        self.create_topic(topic)
        self.assertEqual(self.produce(topic, [(None, b"new")])[0].offset(), 0)
        self.assertEqual(self.read_topic(topic, 1)[0].value(), b"new")

    def test_group_resumes(self):
        for how in ("stop", "kill"):
            with self.subTest(how):
                topic = self.create_topic()
                group = self.name("group")
                self.produce(topic, [(None, b"%d" % i) for i in range(100)])
                consumer = self.consumer(group)
                consumer.subscribe([topic])
                self.poll_messages(consumer, 50)
                consumer.commit(offsets=[TopicPartition(topic, 0, 50)], asynchronous=False)
                consumer.close()
                self.restart(how)
                again = self.consumer(group)
                again.subscribe([topic])
                self.assertEqual([int(m.value()) for m in self.poll_messages(again, 50)],
                                 list(range(50, 100)))

    def test_clients_live_through_a_restart(self):
        """Idempotent producer and group member go on: nothing lost, nothing twice."""
        for how in ("stop", "kill"):
            with self.subTest(how):
                topic = self.create_topic(partitions=2)
                consumer = self.consumer()
                consumer.subscribe([topic])
                producer = self.producer(enable_idempotence=True, acks="all", linger_ms=2)
                delivered, failed = [], []

                def report(error, message):
                    (failed if error else delivered).append(error or message)
                for number in range(4000):
                    producer.produce(topic, b"%d" % number, partition=number % 2,
                                     on_delivery=report)
                    producer.poll(0)
                    if number == 2000:
                        self.restart(how)
                self.assertEqual(producer.flush(60), 0)
                self.assertEqual(failed, [])
                values = [int(m.value()) for m in self.poll_messages(consumer, 4000)]
                for partition in (0, 1):
                    self.assertEqual([v for v in values if v % 2 == partition],
                                     list(range(partition, 4000, 2)))
                self.assertIsNone(consumer.poll(0.5))

    def test_idempotence_survives(self):
        """The same producer, with its id and sequence, across a restart while idle."""
        topic = self.create_topic()
        producer = self.producer(enable_idempotence=True)
        for number in range(3):
            producer.produce(topic, b"%d" % number)
            self.assertEqual(producer.flush(30), 0)
            self.restart("kill")
        self.assertEqual([m.value() for m in self.read_topic(topic, 3)], [b"0", b"1", b"2"])


class LeavingHolderTest(BrokerCase):
    """A broker that was killed holds its directory until the kernel has taken it apart."""

    needs_own_broker = True
    needs_sluiced = True

    def test_a_start_waits_for_a_holder_that_leaves(self):
        self.broker.stop()
        holder = os.open(self.broker.data_directory / "sluice.lock", os.O_RDWR)
        fcntl.fcntl(holder, fcntl.F_OFD_SETLK,
                    struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        leaves = threading.Timer(0.3, os.close, [holder])
        leaves.start()
        self.addCleanup(leaves.join)
        self.broker.start()


class ManyPartitionsTest(BrokerCase):
    needs_own_broker = True
    needs_sluiced = True

    def open_logs(self):
        folder = f"/proc/{self.broker.process.pid}/fd"
        names = []
        for descriptor in os.listdir(folder):
            try:
                names.append(os.readlink(f"{folder}/{descriptor}"))
            except FileNotFoundError:
                pass  # closed meanwhile
        return sum(name.endswith(".log") for name in names)

    def test_more_idle_logs_than_are_closed_side_by_side_do_not_keep_it_from_stopping(self):
        """Their files are closed already, so closing one ends before the next begins."""
        topic = self.create_topic(partitions=300)
        wait_until(lambda: self.open_logs() < 50, what="idle files closed")
        self.assertEqual(self.broker.stop(), 0)
        self.broker.start()
        self.wait_for_topic(topic, 300)


if __name__ == "__main__":
    unittest.main()
