"""Scheduled delivery and retry topics, by clients that know nothing of them."""

import json
import time

from confluent_kafka import KafkaException, TopicPartition
from kafka import KafkaConsumer, KafkaProducer

from conformance.case import CODECS, BrokerCase
from conformance.cli_test import NOT_FOUND, USAGE, Cli


def now_ms():
    return int(time.time() * 1000)


def header(message, name):
    """The last of that name."""
    values = [value for key, value in message.headers() or [] if key == name]
    return values[-1].decode() if values else None


class ScheduleTest(BrokerCase):
    needs_sluiced = True

    def schedule_topic(self, **config):
        return self.create_topic(**{"sluice.schedule.enable": "true", **config})

    def check(self, message, begin, delay):
        due = int(header(message, "sluice-scheduled-for"))
        self.assertGreaterEqual(due, begin + delay)
        self.assertGreaterEqual(now_ms(), due)
        self.assertIsNone(header(message, "sluice-delay-ms"))
        self.assertIsNone(header(message, "sluice-deliver-at"))

    def test_librdkafka_idempotent_in_every_codec(self):
        for codec in CODECS:
            with self.subTest(codec):
                topic = self.schedule_topic()
                begin = now_ms()
                records = [{"value": b"%d" % i, "headers": [("sluice-delay-ms", b"300")]}
                           if i % 3 == 0 else {"value": b"%d" % i} for i in range(300)]
                self.produce(topic, records, enable_idempotence=True, compression_type=codec,
                             linger_ms=20)
                messages = self.read_topic(topic, 300)
                at_once, later = messages[:200], messages[200:]
                self.assertEqual([int(m.value()) for m in at_once],
                                 [i for i in range(300) if i % 3])
                self.assertEqual([int(m.value()) for m in later], list(range(0, 300, 3)))
                for message in later:
                    self.check(message, begin, 300)

    def test_kcat(self):
        topic = self.schedule_topic()
        begin = now_ms()
        self.kcat("-P", "-t", topic, "-H", f"sluice-deliver-at={begin + 400}", stdin=b"later\n")
        self.kcat("-P", "-t", topic, stdin=b"now\n")
        shown = self.kcat("-C", "-t", topic, "-c", "2", "-o", "beginning", "-f", "%s %h\n")
        self.assertGreaterEqual(now_ms(), begin + 400)
        first, second = shown.splitlines()
        self.assertEqual(first.split(), ["now"])
        self.assertTrue(second.startswith(f"later sluice-scheduled-for={begin + 400}"), second)

    def test_kafka_python(self):
        topic = self.schedule_topic()
        begin = now_ms()
        producer = KafkaProducer(bootstrap_servers=self.address, acks="all")
        self.addCleanup(producer.close)
        producer.send(topic, b"later", key=b"k", headers=[("sluice-delay-ms", b"200"), ("a", b"b")])
        producer.flush()
        consumer = KafkaConsumer(topic, bootstrap_servers=self.address,
                                 auto_offset_reset="earliest", consumer_timeout_ms=10_000)
        self.addCleanup(consumer.close)
        record = next(consumer)
        self.assertGreaterEqual(now_ms(), begin + 200)
        self.assertEqual((record.key, record.value), (b"k", b"later"))
        self.assertEqual(record.headers[0], ("a", b"b"))

    def test_kafka_python_at_the_end_of_the_partition(self):
        topic = self.schedule_topic()
        consumer = KafkaConsumer(topic, bootstrap_servers=self.address, consumer_timeout_ms=10_000,
                                 auto_offset_reset="earliest", fetch_max_wait_ms=100)
        self.addCleanup(consumer.close)
        self.produce(topic, [(None, b"first")])
        self.assertEqual(next(consumer).value, b"first")
        # What it is answered meanwhile has no record.
        self.produce(topic, [{"value": b"later", "headers": [("sluice-delay-ms", b"500")]}])
        self.assertEqual(next(consumer).value, b"later")

    def test_what_is_refused_says_why(self):
        topic = self.schedule_topic()
        with self.assertRaisesRegex(AssertionError, "INVALID_RECORD|Broker failed to validate"):
            self.produce(topic, [{"value": b"x", "headers": [("sluice-delay-ms", b"-1")]}])

    def test_compacted_topics_are_refused(self):
        with self.assertRaisesRegex(KafkaException, "cannot be compacted"):
            self.schedule_topic(**{"cleanup.policy": "compact"})

    def test_internal_topic_is_not_written_by_clients(self):
        self.schedule_topic()
        with self.assertRaises(AssertionError):
            self.produce("__sluice_schedules", [(None, b"x")])


class ScheduleToolTest(Cli, BrokerCase):
    needs_sluiced = True

    def setUp(self):
        self.topic = self.create_topic(**{"sluice.schedule.enable": "true"})
        self.due = now_ms() + 3_600_000
        self.produce(self.topic, [
            {"key": b"k%d" % i, "value": b"order",
             "headers": [("sluice-deliver-at", b"%d" % (self.due + i))]} for i in range(4)])

    def listed(self, *arguments):
        return json.loads(self.good("schedule", "list", "-t", self.topic, *arguments, "--json"))

    def test_what_waits_is_listed(self):
        listed = self.listed()
        self.assertGreaterEqual(listed["pending"], 4)
        self.assertFalse(listed["more"])
        rows = listed["schedules"]
        self.assertEqual([row["key"] for row in rows], ["k0", "k1", "k2", "k3"])
        self.assertEqual([row["deliver_at_ms"] for row in rows], [self.due + i for i in range(4)])
        self.assertEqual({(row["topic"], row["value_size"]) for row in rows}, {(self.topic, 5)})
        self.assertEqual([row["key"] for row in self.listed("-k", "k2")["schedules"]], ["k2"])
        self.assertTrue(self.listed("-n", "3")["more"])
        self.assertIn(rows[0]["id"], self.good("schedule", "list", "-t", self.topic))

    def test_what_is_cancelled_does_not_wait(self):
        first = self.listed()["schedules"][0]["id"]
        self.good("schedule", "cancel", first)
        self.bad(NOT_FOUND, "schedule", "cancel", first)
        done = json.loads(self.good("schedule", "cancel", "-t", self.topic, "-k", "k1", "--json"))
        self.assertEqual(done, {"cancelled": 1})
        self.assertEqual([row["key"] for row in self.listed()["schedules"]], ["k2", "k3"])
        self.bad(USAGE, "schedule", "cancel", "-t", self.topic, "--all", stdin="")
        self.good("schedule", "cancel", "-t", self.topic, "--all", "--yes")
        self.assertEqual(self.listed()["schedules"], [])

    def test_wrong_command_lines(self):
        for arguments in (["cancel"], ["cancel", "-t", self.topic], ["list", "-k", "k1"],
                          ["list", "-n", "0"], ["cancel", "no-id"]):
            with self.subTest(arguments):
                self.bad(USAGE, "schedule", *arguments)
        self.bad(NOT_FOUND, "schedule", "list", "-t", self.name("nothing"))


class RetryTopicTest(BrokerCase):
    needs_sluiced = True

    def test_a_consumer_group_gets_back_what_it_requeues(self):
        source = self.create_topic(**{"sluice.retry.enable": "true"})
        group = self.name("billing")
        retry = f"{source}.{group}.retry"
        consumer = self.consumer(group)
        consumer.subscribe([source, retry])
        self.produce(source, [{"key": b"%d" % i, "value": b"order", "headers": [("trace", b"t")]}
                              for i in range(20)])
        seen = {}
        for message in self.poll_messages(consumer, 20):  # each fails once
            self.assertEqual(message.topic(), source)
            self.assertEqual(message.headers(), [("trace", b"t")])
            seen[message.key()] = message.value()
            self.produce(retry, [{"key": message.key(), "value": message.value(),
                                  "headers": message.headers()}])
        again = {}
        for message in self.poll_messages(consumer, 20):
            self.assertEqual(message.topic(), retry)
            self.assertEqual(message.headers()[0], ("trace", b"t"))
            self.assertTrue(header(message, "sluice-retry-attempt").startswith("1:"))
            again[message.key()] = message.value()
        self.assertEqual(again, seen)
        end = consumer.get_watermark_offsets(TopicPartition(retry, 0), timeout=10)[1]
        self.assertEqual(end, 40)  # each left its first place empty

    def test_names_of_spring_are_plain_topics(self):
        source = self.create_topic(**{"sluice.retry.enable": "true"})
        self.produce(f"{source}-retry-0", [(None, b"x")])
        self.assertIsNone(self.read_topic(f"{source}-retry-0", 1)[0].headers())
