"""The checks of the suite with aiokafka; see ../README.md."""

import asyncio
import functools

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import MessageSizeTooLargeError, for_code
from checks import ADDRESS, ask, expect, expect_numbers, main, new_name, value


async def until(what, condition, seconds=60):
    """Waits for a condition, or for a coroutine function that returns true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        result = condition()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return
        expect(asyncio.get_running_loop().time() < deadline, f"not within {seconds} s: {what}")
        await asyncio.sleep(0.02)


async def with_admin(action):
    admin = AIOKafkaAdminClient(bootstrap_servers=ADDRESS)
    await admin.start()
    try:
        return await action(admin)
    finally:
        await admin.close()


async def new_topic(partitions=1):
    name = new_name()

    async def create(admin):
        await admin.create_topics([NewTopic(name, partitions, 1)])

        async def there():
            found = (await admin.describe_topics([name]))[0]
            return not found["error_code"] and len(found["partitions"]) == partitions
        await until(f"topic {name}", there)
    await with_admin(create)
    return name


async def send(topic, records, **more):
    """Publishes dicts of send()'s arguments and waits for all."""
    producer = AIOKafkaProducer(bootstrap_servers=ADDRESS, acks="all", linger_ms=5, **more)
    await producer.start()
    try:
        await asyncio.gather(*[await producer.send(topic, **record) for record in records])
    finally:
        await producer.stop()


def consumer_of(group, *topics, **more):
    return AIOKafkaConsumer(*topics, bootstrap_servers=ADDRESS, group_id=group,
                            auto_offset_reset="earliest", enable_auto_commit=False,
                            heartbeat_interval_ms=500, session_timeout_ms=10_000,
                            metadata_max_age_ms=1000, **more)


async def take(consumer, count):
    messages = []

    async def step():
        for part in (await consumer.getmany(timeout_ms=100, max_records=count - len(messages))
                     ).values():
            messages.extend(part)
        return len(messages) >= count
    await until(f"{count} records", step)
    return messages


async def read(topic, count, partitions=1):
    consumer = consumer_of(None)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(partitions)])
        await consumer.seek_to_beginning()
        return await take(consumer, count)
    finally:
        await consumer.stop()


async def compare(topic, count):
    for number, message in enumerate(await read(topic, count)):
        expect(message.offset == number and message.value == value(number), f"record {number}")


async def topics():
    topic = await new_topic(3)

    async def delete(admin):
        await admin.delete_topics([topic])

        async def gone():
            return topic not in await admin.list_topics()
        await until("deleted", gone)
    await with_admin(delete)


async def codecs():
    for codec in (None, "gzip", "snappy", "lz4", "zstd"):
        topic = await new_topic()
        await send(topic, [{"value": value(i)} for i in range(1000)], compression_type=codec)
        await compare(topic, 1000)


async def records():
    topic = await new_topic()
    headers = [("type", b"a"), ("type", b"b"), ("empty", b"")]
    for record in ({"key": b"k", "value": b"v", "headers": headers, "timestamp_ms": 123456789},
                   {"value": b"v"}, {"key": b"k", "value": None}, {"key": b"", "value": b""}):
        await send(topic, [record])
    first, second, third, fourth = await read(topic, 4)
    expect(list(first.headers) == headers and first.timestamp == 123456789, "headers")
    expect((second.key, second.value) == (None, b"v"), "null key")
    expect((third.key, third.value) == (b"k", None), "null value")
    expect((fourth.key, fourth.value) == (b"", b""), "empty")


async def order():
    topic = await new_topic(4)
    await send(topic, [{"key": b"key%d" % (i % 23), "value": b"%d" % i} for i in range(10_000)])
    last = {}
    for message in await read(topic, 10_000, 4):
        expect(last.get(message.key, -1) < int(message.value), "order of a key")
        last[message.key] = int(message.value)


async def bulk():
    topic = await new_topic()
    await send(topic, [{"value": value(i)} for i in range(100_000)])
    await compare(topic, 100_000)


class Member:
    """A group member with a task that polls."""

    def __init__(self, group, topic):
        self.consumer = consumer_of(group, topic)
        self.values = []
        self.task = None

    async def join(self):
        await self.consumer.start()
        self.task = asyncio.create_task(self.run())
        return self

    async def run(self):
        while True:
            message = await self.consumer.getone()
            self.values.append(int(message.value))

    def held(self):
        return len(self.consumer.assignment())

    async def leave(self):
        self.task.cancel()
        await self.consumer.stop()


def numbered(start, end, partitions):
    return [{"value": b"%d" % i, "partition": i % partitions} for i in range(start, end)]


async def group():
    topic, name = await new_topic(4), new_name()
    first = await Member(name, topic).join()
    try:
        await until("first holds 4", lambda: first.held() == 4)
        second = await Member(name, topic).join()
        await until("2 and 2", lambda: first.held() == 2 and second.held() == 2)
        await send(topic, numbered(0, 400, 4))
        await until("all", lambda: len(set(first.values + second.values)) == 400)
        expect(first.values and second.values, "one member got nothing")
        await second.leave()
        await until("first holds 4 again", lambda: first.held() == 4)
    finally:
        await first.leave()


async def commit():
    topic, name = await new_topic(2), new_name()
    seen = []
    for end in (100, 150):
        await send(topic, numbered(len(seen), end, 2))
        consumer = consumer_of(name, topic)
        await consumer.start()
        seen += [int(message.value) for message in await take(consumer, end - len(seen))]
        await consumer.commit()
        await consumer.stop()
    expect_numbers(seen, 150)


async def survive(how):
    topic, name = await new_topic(2), new_name()
    producer = AIOKafkaProducer(bootstrap_servers=ADDRESS, enable_idempotence=True,
                                request_timeout_ms=60_000)
    await producer.start()
    consumer = consumer_of(name, topic)
    await consumer.start()
    sent, seen = [], []
    for number, record in enumerate(numbered(0, 10_000, 2)):
        sent.append(await producer.send(topic, **record))
        if number == 3000:
            seen += [int(message.value) for message in await take(consumer, 100)]
            await consumer.commit()
        if number == 5000:
            await asyncio.to_thread(ask, how)
    await asyncio.gather(*sent)
    await producer.stop()
    seen += [int(message.value) for message in await take(consumer, 10_000 - len(seen))]
    await consumer.stop()
    expect_numbers(seen, 10_000)
    expected = [0, 1]
    for message in await read(topic, 10_000, 2):
        expect(int(message.value) == expected[message.partition], "the log is not as sent")
        expected[message.partition] += 2


async def errors():
    topic = await new_topic()

    async def create(admin, name, replicas, code):
        reply = await admin.create_topics([NewTopic(name, 1, replicas)])
        got = reply.topic_errors[0][1]
        expect(got == code, f"{name}: answered {for_code(got)}")

    async def refused(admin):
        await create(admin, topic, 1, 36)
        await create(admin, "bad name", 1, 17)
        await create(admin, new_name(), 3, 38)
        reply = await admin.delete_topics([new_name()])
        expect(reply.topic_error_codes[0][1] == 3, "delete of an unknown topic")
    await with_admin(refused)
    try:
        await send(topic, [{"value": bytes(2_000_000)}], max_request_size=10_000_000)
    except MessageSizeTooLargeError:
        return
    raise AssertionError("a record of 2 MB was not refused")


def sync(check, *arguments):
    return lambda: asyncio.run(check(*arguments))


main({name: sync(check) for name, check in {
    "topics": topics, "codecs": codecs, "records": records, "order": order, "bulk": bulk,
    "group": group, "commit": commit, "restart": functools.partial(survive, "restart"),
    "kill": functools.partial(survive, "kill"), "errors": errors}.items()})
