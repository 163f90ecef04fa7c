"""Consumer groups: assignment, rebalance, commits, members that leave or die, listing, deletion."""

import threading
import time
import unittest

from confluent_kafka import OFFSET_INVALID, TopicPartition
from kafka import KafkaAdminClient, KafkaConsumer
from kafka import TopicPartition as PythonPartition
from kafka.structs import OffsetAndMetadata

from conformance.case import BrokerCase, wait_until


class Member:
    """A librdkafka consumer that polls in a thread of its own and keeps what it sees."""

    def __init__(self, case, group, topics, **settings):
        self.consumer = case.consumer(group, session_timeout_ms=6000, heartbeat_interval_ms=500,
                                      **settings)
        self.messages = []
        self.held = []
        self.rebalances = 0
        self.stopped = threading.Event()
        self.consumer.subscribe(topics, on_assign=self.on_assign)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        case.addCleanup(self.stop)

    def on_assign(self, *_):
        self.rebalances += 1

    def run(self):
        while not self.stopped.is_set():
            message = self.consumer.poll(0.05)
            if message is not None and not message.error():
                self.messages.append(message)
            # Only in this thread: assignment() beside a poll() of another may never return.
            self.held = sorted(part.partition for part in self.consumer.assignment())

    def partitions(self):
        return self.held

    def values(self):
        return [int(message.value()) for message in list(self.messages)]

    def pause_polling(self):
        self.stopped.set()
        self.thread.join()

    def stop(self):
        if not self.stopped.is_set():
            self.pause_polling()
        self.consumer.close()


def share(members, partitions):
    """Waits until the members hold all partitions between them, each at least one."""
    def shared():
        held = [member.partitions() for member in members]
        return (sorted(sum(held, [])) == list(range(partitions)) and all(held)) and held
    return wait_until(shared, 30, "an assignment that covers everything")


class LibrdkafkaGroupsTest(BrokerCase):
    def rebalance(self, strategy):
        topic = self.create_topic(partitions=4)
        group = self.name("group")
        first = Member(self, group, [topic], partition_assignment_strategy=strategy)
        share([first], 4)
        self.produce(topic, [{"value": b"%d" % i, "partition": i % 4} for i in range(400)])
        second = Member(self, group, [topic], partition_assignment_strategy=strategy)
        share([first, second], 4)
        self.produce(topic, [{"value": b"%d" % i, "partition": i % 4} for i in range(400, 800)])
        wait_until(lambda: set(first.values() + second.values()) == set(range(800)))
        self.assertTrue(second.values())
        second.stop()
        share([first], 4)
        self.produce(topic, [{"value": b"%d" % i, "partition": i % 4} for i in range(800, 900)])
        wait_until(lambda: set(first.values()) >= set(range(800, 900)))

    def test_rebalance_range(self):
        self.rebalance("range")

    def test_rebalance_roundrobin(self):
        self.rebalance("roundrobin")

    def test_rebalance_cooperative_sticky(self):
        self.rebalance("cooperative-sticky")

    def test_commit_and_resume(self):
        topic = self.create_topic()
        self.produce(topic, [(None, b"%d" % i) for i in range(100)])
        group = self.name("group")
        consumer = self.consumer(group)
        consumer.subscribe([topic])
        self.poll_messages(consumer, 60)
        consumer.commit(offsets=[TopicPartition(topic, 0, 60)], asynchronous=False)
        consumer.close()
        again = self.consumer(group)
        again.subscribe([topic])
        self.assertEqual([int(m.value()) for m in self.poll_messages(again, 40)],
                         list(range(60, 100)))

    def test_committed_offsets(self):
        topic = self.create_topic(partitions=3)
        group = self.name("group")
        consumer = self.consumer(group)
        parts = [TopicPartition(topic, number) for number in range(3)]
        self.assertEqual([p.offset for p in consumer.committed(parts, 10)], [OFFSET_INVALID] * 3)
        consumer.commit(offsets=[TopicPartition(topic, 0, 5), TopicPartition(topic, 2, 7)],
                        asynchronous=False)
        self.assertEqual([p.offset for p in consumer.committed(parts, 10)], [5, OFFSET_INVALID, 7])
        consumer.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
        self.assertEqual(consumer.committed(parts[:1], 10)[0].offset, 3)

    def test_automatic_commit(self):
        topic = self.create_topic()
        self.produce(topic, [(None, b"%d" % i) for i in range(50)])
        group = self.name("group")
        consumer = self.consumer(group, enable_auto_commit=True, auto_commit_interval_ms=100)
        consumer.subscribe([topic])
        self.poll_messages(consumer, 50)
        consumer.close()
        offset = self.consumer(group).committed([TopicPartition(topic, 0)], 10)[0].offset
        self.assertEqual(offset, 50)

    def test_dead_member_is_replaced(self):
        """A member that falls silent loses its partitions after its session timeout."""
        topic = self.create_topic(partitions=2)
        group = self.name("group")
        first = Member(self, group, [topic])
        second = Member(self, group, [topic])
        share([first, second], 2)
        second.pause_polling()
        second.consumer.unsubscribe()
        second.held = []
        share([first], 2)

    def test_subscription_change(self):
        one, two = self.create_topic(), self.create_topic()
        consumer = self.consumer()
        consumer.subscribe([one])
        self.produce(one, [(None, b"1")])
        self.poll_messages(consumer, 1)
        consumer.subscribe([one, two])
        self.produce(two, [(None, b"2")])
        self.wait_for_record(consumer, two)

    def test_pattern_subscription_finds_new_topics(self):
        prefix = self.name("pattern")
        self.create_topic(prefix + "-1")
        consumer = self.consumer(topic_metadata_refresh_interval_ms=500)
        consumer.subscribe([f"^{prefix}-.*"])
        self.produce(prefix + "-1", [(None, b"1")])
        self.poll_messages(consumer, 1)
        self.create_topic(prefix + "-2")
        self.produce(prefix + "-2", [(None, b"2")])
        self.wait_for_record(consumer, prefix + "-2")

    def wait_for_record(self, consumer, topic):
        """Records of other topics may come again: nothing was committed before the rebalance."""
        def found():
            message = consumer.poll(0.1)
            return message is not None and not message.error() and message.topic() == topic
        wait_until(found, what=f"a record of {topic}")

    def test_static_member_returns_without_rebalance(self):
        topic = self.create_topic(partitions=2)
        group = self.name("group")
        first = Member(self, group, [topic], group_instance_id="one")
        second = Member(self, group, [topic], group_instance_id="two")
        held = share([first, second], 2)
        rebalances = first.rebalances
        second.stop()
        time.sleep(1.0)
        second = Member(self, group, [topic], group_instance_id="two")
        self.assertEqual(share([first, second], 2), held)
        self.assertEqual(first.rebalances, rebalances)

    def test_list_groups(self):
        topic = self.create_topic()
        group = self.name("group")
        member = Member(self, group, [topic])
        share([member], 1)

        def stable():
            found = [g for g in self.admin().list_groups(timeout=10) if g.id == group]
            return found and found[0].state == "Stable" and found[0]
        found = wait_until(stable, what="the group as Stable")
        self.assertEqual((found.protocol_type, found.protocol), ("consumer", "range"))
        self.assertEqual(len(found.members), 1)
        self.assertEqual(found.members[0].client_id, "rdkafka")

    def test_two_groups_read_everything(self):
        topic = self.create_topic()
        self.produce(topic, [(None, b"%d" % i) for i in range(100)])
        for _ in range(2):
            consumer = self.consumer()
            consumer.subscribe([topic])
            self.assertEqual(len(self.poll_messages(consumer, 100)), 100)


class KafkaPythonGroupsTest(BrokerCase):
    def member(self, group, topic, **settings):
        consumer = KafkaConsumer(
            topic, bootstrap_servers=self.address, group_id=group, enable_auto_commit=False,
            auto_offset_reset="earliest", session_timeout_ms=6000, heartbeat_interval_ms=500,
            **settings)
        self.addCleanup(consumer.close)
        return consumer

    def administrator(self):
        client = KafkaAdminClient(bootstrap_servers=self.address)
        self.addCleanup(client.close)
        return client

    def test_two_members(self):
        topic = self.create_topic(partitions=4)
        group = self.name("group")
        first, second = self.member(group, topic), self.member(group, topic)
        threads_end = threading.Event()
        values = {id(first): [], id(second): []}

        def poll(consumer):
            while not threads_end.is_set():
                for messages in consumer.poll(timeout_ms=100).values():
                    values[id(consumer)] += [int(message.value) for message in messages]
        threads = [threading.Thread(target=poll, args=(member,)) for member in (first, second)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: len(first.assignment()) == 2 and len(second.assignment()) == 2, 30)
            self.produce(topic, [{"value": b"%d" % i, "partition": i % 4} for i in range(200)])
            wait_until(lambda: sorted(sum(values.values(), [])) == list(range(200)))
        finally:
            threads_end.set()
            for thread in threads:
                thread.join()

    def test_commit_with_metadata(self):
        topic = self.create_topic()
        self.produce(topic, [(None, b"%d" % i) for i in range(10)])
        group = self.name("group")
        consumer = self.member(group, topic)
        self.assertEqual(int(next(consumer).value), 0)
        partition = PythonPartition(topic, 0)
        consumer.commit({partition: OffsetAndMetadata(4, "half way")})
        self.assertEqual(consumer.committed(partition), 4)
        found = self.administrator().list_consumer_group_offsets(group)
        self.assertEqual(found[partition], OffsetAndMetadata(4, "half way"))
        consumer.close()
        self.assertEqual(int(next(self.member(group, topic)).value), 4)

    def test_list_describe_delete(self):
        topic = self.create_topic()
        self.produce(topic, [(None, b"0")])
        group = self.name("group")
        consumer = self.member(group, topic)
        next(consumer)
        consumer.commit()
        client = self.administrator()
        self.assertIn((group, "consumer"), client.list_consumer_groups())
        described = client.describe_consumer_groups([group])[0]
        self.assertEqual((described.state, described.protocol_type), ("Stable", "consumer"))
        self.assertEqual(len(described.members), 1)
        error = client.delete_consumer_groups([group])[0][1]
        self.assertEqual(error.__name__, "NonEmptyGroupError")
        consumer.close()
        wait_until(lambda: client.describe_consumer_groups([group])[0].state == "Empty")
        self.assertEqual(client.delete_consumer_groups([group])[0][1].__name__, "NoError")
        self.assertNotIn((group, "consumer"), client.list_consumer_groups())

    def test_delete_of_unknown_group(self):
        group = self.name("group")
        error = self.administrator().delete_consumer_groups([group])[0][1]
        self.assertEqual(error.__name__, "GroupIdNotFoundError")


class KcatGroupsTest(BrokerCase):
    def test_group_resumes(self):
        topic = self.create_topic()
        group = self.name("group")
        self.produce(topic, [(None, b"%d" % i) for i in range(10)])
        arguments = ["-G", group, "-q", "-e", "-X", "auto.offset.reset=earliest", topic]
        self.assertEqual(self.kcat(*arguments).split(), [str(i) for i in range(10)])
        self.produce(topic, [(None, b"10")])
        self.assertEqual(self.kcat(*arguments).split(), ["10"])


if __name__ == "__main__":
    unittest.main()
