"""The checks of the suite with confluent-kafka (librdkafka); see ../README.md."""

import threading

from checks import ADDRESS, ask, expect, expect_numbers, main, new_name, value, wait_until
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic


def settings(**more):
    return {"bootstrap.servers": ADDRESS, "broker.address.family": "v4",
            **{key.replace("_", "."): setting for key, setting in more.items()}}


def new_topic(partitions=1):
    name = new_name()
    admin = AdminClient(settings())
    admin.create_topics([NewTopic(name, partitions, 1)])[name].result(30)

    def there():
        return len(admin.list_topics(name, timeout=10).topics[name].partitions) == partitions
    wait_until(f"topic {name}", there)
    return name


def send(topic, records, **more):
    """Publishes dicts of produce()'s arguments; fails for the first that is refused."""
    errors = []
    producer = Producer(settings(linger_ms=5, **more))
    for record in records:
        while True:
            try:
                producer.produce(topic, on_delivery=lambda error, _: error and errors.append(error),
                                 **record)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    expect(producer.flush(90) == 0, "not everything was acknowledged")
    if errors:
        raise KafkaException(errors[0])


def consumer_of(group, **more):
    return Consumer(settings(group_id=group, auto_offset_reset="earliest", enable_auto_commit=False,
                             heartbeat_interval_ms=500, session_timeout_ms=10_000, **more))


def take(consumer, count, seconds=60):
    messages = []

    def step():
        for message in consumer.consume(min(5000, count - len(messages)), 0.1):
            if not message.error():
                messages.append(message)
        return len(messages) >= count
    wait_until(f"{count} records", step, seconds)
    return messages


def read(topic, count, partitions=1):
    consumer = consumer_of(new_name())
    consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])
    try:
        return take(consumer, count)
    finally:
        consumer.close()


def compare(topic, count):
    for number, message in enumerate(read(topic, count)):
        expect(message.offset() == number and message.value() == value(number), f"record {number}")


def topics():
    topic = new_topic(3)
    admin = AdminClient(settings())
    found = admin.list_topics(timeout=10).topics[topic]
    expect(len(found.partitions) == 3 and found.error is None, "describe")
    admin.delete_topics([topic])[topic].result(30)
    wait_until("deleted", lambda: topic not in admin.list_topics(timeout=10).topics)


def codecs():
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        topic = new_topic()
        send(topic, ({"value": value(i)} for i in range(1000)), compression_type=codec)
        compare(topic, 1000)


def records():
    topic = new_topic()
    headers = [("type", b"a"), ("type", b"b"), ("null", None), ("empty", b"")]
    send(topic, [{"key": b"k", "value": b"v", "headers": headers, "timestamp": 123456789},
                 {"value": b"v"}, {"key": b"k"}, {"key": b"", "value": b""}])
    first, second, third, fourth = read(topic, 4)
    expect(first.headers() == headers and first.timestamp()[1] == 123456789, "headers")
    expect((second.key(), second.value()) == (None, b"v"), "null key")
    expect((third.key(), third.value()) == (b"k", None), "null value")
    expect((fourth.key(), fourth.value()) == (b"", b""), "empty")


def order():
    topic = new_topic(4)
    send(topic, ({"key": b"key%d" % (i % 23), "value": b"%d" % i} for i in range(10_000)))
    last = {}
    for message in read(topic, 10_000, 4):
        expect(last.get(message.key(), -1) < int(message.value()), "order of a key")
        last[message.key()] = int(message.value())


def bulk():
    topic = new_topic()
    send(topic, ({"value": value(i)} for i in range(100_000)))
    compare(topic, 100_000)


class Member:
    """A group member that polls in a thread of its own."""

    def __init__(self, group, topic, strategy):
        self.consumer = consumer_of(group, partition_assignment_strategy=strategy)
        self.consumer.subscribe([topic])
        self.values = []
        self.partitions = 0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ending.is_set():
            message = self.consumer.poll(0.05)
            if message is not None and not message.error():
                self.values.append(int(message.value()))
            # Here and not in held(): with another thread in poll(), assignment() may never return.
            self.partitions = len(self.consumer.assignment())

    def held(self):
        return self.partitions

    def leave(self):
        self.ending.set()
        self.thread.join()
        self.consumer.close()


def group():
    for strategy in ("range", "cooperative-sticky"):
        topic, name = new_topic(4), new_name()
        first = Member(name, topic, strategy)
        second = None
        try:
            wait_until("first holds 4", lambda: first.held() == 4)
            second = Member(name, topic, strategy)
            wait_until("2 and 2", lambda: first.held() == 2 and second.held() == 2)
            send(topic, numbered(0, 400, 4))
            wait_until("all", lambda: len(set(first.values + second.values)) == 400)
            expect(first.values and second.values, "one member got nothing")
            second.leave()
            wait_until("first holds 4 again", lambda: first.held() == 4)
        finally:
            first.leave()


def numbered(start, end, partitions):
    return ({"value": b"%d" % i, "partition": i % partitions} for i in range(start, end))


def commit():
    topic, name = new_topic(2), new_name()
    seen = []
    for end in (100, 150):
        send(topic, numbered(len(seen), end, 2))
        consumer = consumer_of(name)
        consumer.subscribe([topic])
        seen += [int(message.value()) for message in take(consumer, end - len(seen))]
        consumer.commit(asynchronous=False)
        consumer.close()
    expect_numbers(seen, 150)


def survive(how):
    topic, name = new_topic(2), new_name()
    errors, seen = [], []
    producer = Producer(settings(enable_idempotence=True, linger_ms=2))
    consumer = consumer_of(name)
    consumer.subscribe([topic])

    def report(error, _):
        if error:
            errors.append(error)
    for number, record in enumerate(numbered(0, 10_000, 2)):
        producer.produce(topic, on_delivery=report, **record)
        producer.poll(0)
        if number == 3000:
            seen += [int(message.value()) for message in take(consumer, 100)]
            consumer.commit(asynchronous=False)
        if number == 5000:
            ask(how)
    expect(producer.flush(90) == 0 and not errors, f"refused: {errors[:1]}")
    seen += [int(message.value()) for message in take(consumer, 10_000 - len(seen))]
    consumer.close()
    expect_numbers(seen, 10_000)
    expected = [0, 1]
    for message in read(topic, 10_000, 2):
        expect(int(message.value()) == expected[message.partition()], "the log is not as sent")
        expected[message.partition()] += 2


def want(code, call):
    try:
        call()
    except KafkaException as refused:
        expect(refused.args[0].code() == code, f"answered {refused}")
        return
    raise AssertionError(f"no error {code}")


def errors():
    topic = new_topic()
    admin = AdminClient(settings())

    def create(name, replicas=1):
        return lambda: admin.create_topics([NewTopic(name, 1, replicas)])[name].result(30)
    want(KafkaError.TOPIC_ALREADY_EXISTS, create(topic))
    want(KafkaError.TOPIC_EXCEPTION, create("bad name"))
    want(KafkaError.INVALID_REPLICATION_FACTOR, create(new_name(), 3))
    unknown = new_name()
    want(KafkaError.UNKNOWN_TOPIC_OR_PART,
         lambda: admin.delete_topics([unknown])[unknown].result(30))
    want(KafkaError.MSG_SIZE_TOO_LARGE,
         lambda: send(topic, [{"value": bytes(2_000_000)}], message_max_bytes=10_000_000))


main({"topics": topics, "codecs": codecs, "records": records, "order": order, "bulk": bulk,
      "group": group, "commit": commit, "restart": lambda: survive("restart"),
      "kill": lambda: survive("kill"), "errors": errors})
