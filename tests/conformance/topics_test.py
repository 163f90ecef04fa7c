"""Topics: create, list, describe, alter, delete, refuse; with librdkafka, kafka-python, kcat."""

import json
import unittest

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ConfigResource, NewPartitions, NewTopic
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource as PythonResource
from kafka.admin import ConfigResourceType
from kafka.admin import NewPartitions as PythonPartitions
from kafka.admin import NewTopic as PythonTopic
from kafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError

from conformance.case import BrokerCase, wait_until


class LibrdkafkaTopicsTest(BrokerCase):
    def error_of(self, future):
        with self.assertRaises(KafkaException) as raised:
            future.result(20)
        return raised.exception.args[0].code()

    def test_create_describe_delete(self):
        name = self.create_topic(partitions=3)
        topic = self.admin().list_topics(name, timeout=10).topics[name]
        self.assertEqual(sorted(topic.partitions), [0, 1, 2])
        for partition in topic.partitions.values():
            self.assertGreaterEqual(partition.leader, 0)
            self.assertEqual(partition.replicas, [partition.leader])
            self.assertEqual(partition.isrs, [partition.leader])
        self.admin().delete_topics([name])[name].result(20)
        wait_until(lambda: name not in self.admin().list_topics(timeout=10).topics)

    def test_cluster_has_one_broker_and_a_controller(self):
        metadata = self.admin().list_topics(timeout=10)
        self.assertEqual(len(metadata.brokers), 1)
        self.assertIn(metadata.controller_id, metadata.brokers)
        broker = metadata.brokers[metadata.controller_id]
        self.assertEqual(f"{broker.host}:{broker.port}", self.address)
        self.assertTrue(metadata.cluster_id)

    def test_existing_topic_is_refused(self):
        name = self.create_topic()
        future = self.admin().create_topics([NewTopic(name, 1, 1)])[name]
        self.assertEqual(self.error_of(future), KafkaError.TOPIC_ALREADY_EXISTS)

    def test_names(self):
        for name in ("", ".", "..", "a b", "a/b", "ü", "x" * 250, "a\n"):
            with self.subTest(name):
                try:
                    future = self.admin().create_topics([NewTopic(name, 1, 1)])[name]
                except ValueError:
                    continue
                self.assertEqual(self.error_of(future), KafkaError.TOPIC_EXCEPTION)
        longest = self.name()
        self.create_topic(longest + "x" * (249 - len(longest)))

    def test_names_that_collide_as_metrics(self):
        base = self.name()
        self.create_topic(base + ".a")
        future = self.admin().create_topics([NewTopic(base + "_a", 1, 1)])[base + "_a"]
        self.assertEqual(self.error_of(future), KafkaError.TOPIC_EXCEPTION)

    def test_partition_and_replica_counts(self):
        for partitions, replicas, expected in (
                (0, 1, KafkaError.INVALID_PARTITIONS),
                (1, 3, KafkaError.INVALID_REPLICATION_FACTOR)):
            with self.subTest(partitions=partitions, replicas=replicas):
                name = self.name()
                future = self.admin().create_topics([NewTopic(name, partitions, replicas)])[name]
                self.assertEqual(self.error_of(future), expected)

    def test_validate_only_creates_nothing(self):
        name = self.name()
        self.admin().create_topics([NewTopic(name, 1, 1)], validate_only=True)[name].result(20)
        self.assertNotIn(name, self.admin().list_topics(timeout=10).topics)

    def test_delete_of_unknown_topic(self):
        name = self.name()
        future = self.admin().delete_topics([name])[name]
        self.assertEqual(self.error_of(future), KafkaError.UNKNOWN_TOPIC_OR_PART)

    def test_topic_config(self):
        name = self.create_topic(retention_ms=60_000, cleanup_policy="compact")
        resource = ConfigResource(ConfigResource.Type.TOPIC, name)
        found = self.admin().describe_configs([resource])[resource].result(20)
        self.assertEqual(found["retention.ms"].value, "60000")
        self.assertEqual(found["cleanup.policy"].value, "compact")
        self.assertFalse(found["retention.ms"].is_default)
        self.assertTrue(found["segment.bytes"].is_default)
        self.assertEqual(found["segment.bytes"].value, "1073741824")
        for key in ("compression.type", "max.message.bytes", "message.timestamp.type",
                    "min.insync.replicas", "delete.retention.ms", "retention.bytes", "segment.ms"):
            self.assertIn(key, found)

    def test_alter_config(self):
        name = self.create_topic()
        resource = ConfigResource(ConfigResource.Type.TOPIC, name,
                                  set_config={"retention.ms": "12345"})
        self.admin().alter_configs([resource])[resource].result(20)

        def value():
            found = self.admin().describe_configs([resource])[resource].result(20)
            return found["retention.ms"].value == "12345"
        wait_until(value, what="the new retention.ms")

    def test_bad_config_is_refused(self):
        for config in ({"retention.ms": "soon"}, {"no.such.config": "1"},
                       {"cleanup.policy": "burn"}, {"segment.bytes": "-1"}):
            with self.subTest(config):
                name = self.name()
                future = self.admin().create_topics([NewTopic(name, 1, 1, config=config)])[name]
                self.assertEqual(self.error_of(future), KafkaError.INVALID_CONFIG)

    def test_broker_config(self):
        metadata = self.admin().list_topics(timeout=10)
        resource = ConfigResource(ConfigResource.Type.BROKER, str(metadata.controller_id))
        found = self.admin().describe_configs([resource])[resource].result(20)
        self.assertEqual(found["auto.create.topics.enable"].value, "true")
        self.assertIn("log.dirs", {**found, "log.dirs": None})

    def test_config_of_unknown_topic(self):
        resource = ConfigResource(ConfigResource.Type.TOPIC, self.name())
        future = self.admin().describe_configs([resource])[resource]
        self.assertEqual(self.error_of(future), KafkaError.UNKNOWN_TOPIC_OR_PART)

    def test_more_partitions(self):
        name = self.create_topic(partitions=2)
        self.admin().create_partitions([NewPartitions(name, 5)])[name].result(20)
        self.wait_for_topic(name, 5)
        future = self.admin().create_partitions([NewPartitions(name, 3)])[name]
        self.assertEqual(self.error_of(future), KafkaError.INVALID_PARTITIONS)


class KafkaPythonTopicsTest(BrokerCase):
    def setUp(self):
        self.client = KafkaAdminClient(bootstrap_servers=self.address)
        self.addCleanup(self.client.close)

    def test_create_describe_delete(self):
        name = self.name()
        self.client.create_topics([PythonTopic(name, 3, 1, topic_configs={"retention.ms": "777"})])
        self.wait_for_topic(name, 3)
        self.assertIn(name, self.client.list_topics())
        described = self.client.describe_topics([name])[0]
        self.assertEqual(described["error_code"], 0)
        self.assertEqual(len(described["partitions"]), 3)
        self.client.delete_topics([name])
        wait_until(lambda: name not in self.client.list_topics())

    def test_errors(self):
        name = self.create_topic()
        with self.assertRaises(TopicAlreadyExistsError):
            self.client.create_topics([PythonTopic(name, 1, 1)])
        with self.assertRaises(UnknownTopicOrPartitionError):
            self.client.delete_topics([self.name()])

    def test_configs_and_partitions(self):
        name = self.create_topic()
        resource = PythonResource(ConfigResourceType.TOPIC, name, {"retention.ms": "4242"})
        self.client.alter_configs([resource])
        wait_until(lambda: self.topic_config(name).get("retention.ms") == "4242")
        self.client.create_partitions({name: PythonPartitions(4)})
        self.wait_for_topic(name, 4)

    def topic_config(self, name):
        reply = self.client.describe_configs([PythonResource(ConfigResourceType.TOPIC, name)])
        return {entry[0]: entry[1] for entry in reply[0].resources[0][4]}

    def test_cluster(self):
        cluster = self.client.describe_cluster()
        self.assertEqual(len(cluster["brokers"]), 1)
        self.assertTrue(cluster["cluster_id"])


class KcatTopicsTest(BrokerCase):
    def test_list(self):
        name = self.create_topic(partitions=2)
        listing = self.kcat("-L")
        self.assertIn("1 brokers:", listing)
        self.assertIn(f"at {self.address}", listing)
        self.assertIn(f'topic "{name}" with 2 partitions:', listing)

    def test_list_as_json(self):
        name = self.create_topic(partitions=2)
        topics = json.loads(self.kcat("-L", "-J"))["topics"]
        found = [topic for topic in topics if topic["topic"] == name]
        self.assertEqual([part["partition"] for part in found[0]["partitions"]], [0, 1])

    def test_automatic_creation(self):
        name = self.name("auto")
        self.kcat("-P", "-t", name, stdin=b"one\ntwo\nthree\n")
        self.assertEqual(self.kcat("-C", "-t", name, "-e", "-q"), "one\ntwo\nthree\n")
        self.assertIn(f'topic "{name}" with 1 partitions:', self.kcat("-L", "-t", name))

    def test_unknown_topic_without_creation(self):
        done = self.kcat("-C", "-t", self.name("unknown"), "-e", "-X",
                         "allow.auto.create.topics=false", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"Unknown topic", done.stderr)


class NoAutomaticCreationTest(BrokerCase):
    settings = {"auto_create_topics_enable": "false"}

    def test_produce_to_unknown_topic(self):
        done = self.kcat("-P", "-t", self.name("unknown"), "-X", "message.timeout.ms=3000",
                         "-X", "topic.metadata.propagation.max.ms=0", stdin=b"one\n", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"Unknown topic", done.stderr)


if __name__ == "__main__":
    unittest.main()
