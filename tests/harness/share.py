"""Share groups (KIP-932) on the raw wire: the requests of a member, with every field at hand.

    with Member(address, "group", "member") as member:
        member.join("topic", topic_id)
        answer = member.fetch()                      # opens the session, then its next epoch
        member.acknowledge([(0, 4, [ACCEPT])])       # error codes
"""

import dataclasses
import struct
import time
import uuid

from harness import flexible, wire
from harness.flexible import array, string, structure

GAP, ACCEPT, RELEASE, REJECT, RENEW = range(5)
WHOLE_BATCHES, RECORD_LIMIT = 0, 1
GROUP = 32  # resource type of configs

FIND_COORDINATOR, CREATE_TOPICS, DELETE_GROUPS, ALTER_CONFIGS = 10, 19, 42, 44
HEARTBEAT, FETCH, ACKNOWLEDGE, DESCRIBE_OFFSETS, ALTER_OFFSETS, DELETE_OFFSETS = 76, 78, 79, 90, 91, 92
WAIT_SECONDS = 30


def int32s(values):
    return array([struct.pack(">i", value) for value in values])


class Admin(flexible.Connection):
    """What is done beside the members."""

    def __init__(self, address, timeout=WAIT_SECONDS):
        super().__init__(address, timeout)
        self.address = address

    def create_topic(self, name, partitions=1):
        """Returns its id."""
        topic = structure(string(name), struct.pack(">ih", partitions, 1), array([]), array([]))
        reply = self.call(CREATE_TOPICS, 7, structure(array([topic]), struct.pack(">i?", 20_000, False)))
        reply.int32()
        reply.uvarint()
        reply.string()
        topic_id, error = reply.take(16), reply.int16()
        if error:
            raise ValueError(f"topic {name} was not made: error {error}")
        return topic_id

    def set_group(self, group, **configs):
        """Sets configs of a group; underscores stand for dots."""
        rows = [structure(string(key.replace("_", ".")), b"\0", string(str(value)))
                for key, value in configs.items()]
        resource = structure(struct.pack(">b", GROUP), string(group), array(rows))
        reply = self.call(ALTER_CONFIGS, 1, structure(array([resource]), b"\0"))
        reply.int32()
        reply.uvarint()
        error, message = reply.int16(), reply.string()
        if error:
            raise ValueError(f"configs of {group} refused: {error}, {message}")

    def produce(self, topic, values, partition=0):
        """One batch; returns its base offset."""
        with wire.Connection(self.address) as connection:
            deadline = time.monotonic() + WAIT_SECONDS
            while True:  # a new topic's leader is known a moment later
                error, offset = wire.produce(connection, topic, partition, wire.record_batch(
                    values, timestamp=int(time.time() * 1000)))
                if not error:
                    return offset
                if time.monotonic() > deadline:
                    raise ValueError(f"Produce answered {error}")
                time.sleep(0.05)

    def describe_offsets(self, group, topic, partitions=(0,)):
        """(error of the group, [(partition, start offset, error)])."""
        topics = array([structure(string(topic), int32s(partitions))])
        reply = self.call(DESCRIBE_OFFSETS, 0, structure(
            array([structure(string(group), topics)])))
        reply.int32()

        def partition():
            row = reply.int32(), reply.int64(), reply.int32(), reply.int16()
            reply.string()
            reply.tags()
            return row[0], row[1], row[3]

        def one_topic():
            reply.string()
            reply.take(16)
            rows = reply.array(partition)
            reply.tags()
            return rows

        reply.uvarint()
        reply.string()
        rows = [row for rows in reply.array(one_topic) for row in rows]
        return reply.int16(), rows

    def alter_offset(self, group, topic, offset, partition=0):
        """(error of the group, [error of the partition])."""
        rows = array([structure(struct.pack(">iq", partition, offset))])
        reply = self.call(ALTER_OFFSETS, 0, structure(
            string(group), array([structure(string(topic), rows)])))
        reply.int32()
        error, _ = reply.int16(), reply.string()

        def one_partition():
            reply.int32()
            row = reply.int16()
            reply.string()
            reply.tags()
            return row

        def one_topic():
            reply.string()
            reply.take(16)
            rows = reply.array(one_partition)
            reply.tags()
            return rows

        return error, [row for rows in reply.array(one_topic) for row in rows]

    def delete_offsets(self, group, topic):
        """(error of the group, [error of the topic])."""
        reply = self.call(DELETE_OFFSETS, 0, structure(
            string(group), array([structure(string(topic))])))
        reply.int32()
        error, _ = reply.int16(), reply.string()

        def one_topic():
            reply.string()
            reply.take(16)
            row = reply.int16()
            reply.string()
            reply.tags()
            return row

        return error, reply.array(one_topic)

    def delete_group(self, group):
        reply = self.call(DELETE_GROUPS, 2, structure(array([string(group)])))
        reply.int32()
        reply.uvarint()
        reply.string()
        return reply.int16()


@dataclasses.dataclass
class Heartbeat:
    error: int
    epoch: int
    assignment: list | None  # of (topic id, [partition])


@dataclasses.dataclass
class Partition:
    index: int
    error: int
    acknowledge_error: int
    values: dict    # offset -> value, of all records in the answer
    acquired: list  # of (first, last, delivery count)


@dataclasses.dataclass
class Answer:
    """Of a ShareFetch."""
    error: int
    lock_ms: int
    partitions: list

    @property
    def acquired(self):
        """(first, last, delivery count) of all partitions."""
        return [row for partition in self.partitions for row in partition.acquired]


class Member(flexible.Connection):
    """A member of a share group with a connection of its own, whose session epoch it keeps."""

    def __init__(self, address, group, member=None):
        super().__init__(address, WAIT_SECONDS)
        self.group = group
        self.member = member or str(uuid.uuid4())
        self.epoch = 0         # of the next request of the session
        self.member_epoch = 0  # of the next heartbeat
        self.topic_id = None

    # ---- membership

    def heartbeat(self, topics=None, epoch=None, group=None, member=None):
        group = self.group if group is None else group
        member = self.member if member is None else member
        epoch = self.member_epoch if epoch is None else epoch
        names = None if topics is None else [string(topic) for topic in topics]
        reply = self.call(HEARTBEAT, 1, structure(
            string(group), string(member), struct.pack(">i", epoch), string(None), array(names)))
        reply.int32()
        error, _ = reply.int16(), reply.string()
        reply.string()
        got, _ = reply.int32(), reply.int32()
        assignment = None
        if reply.int8() >= 0:  # a nullable structure

            def one_topic():
                row = reply.take(16), reply.array(reply.int32)
                reply.tags()
                return row

            assignment = reply.array(one_topic)
        return Heartbeat(error, got, assignment)

    def join(self, topic, topic_id):
        """Heartbeats until something of `topic` is assigned. Asks for the coordinator first: Kafka makes
        the topic of its groups then."""
        self.topic_id = topic_id
        self.call(FIND_COORDINATOR, 3, structure(string(self.group), b"\0"))
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            reply = self.heartbeat([topic])
            if not reply.error:
                self.member_epoch = reply.epoch
            if reply.assignment:
                return reply
            if time.monotonic() > deadline:
                raise AssertionError(f"nothing was assigned: {reply}")
            time.sleep(0.05)

    def leave(self):
        return self.heartbeat(epoch=-1).error

    # ---- records

    def topics(self, batches, partition=0, topic_id=None):
        """The Topics field: one partition, with acknowledgements (first, last, types)."""
        rows = [structure(struct.pack(">qq", first, last),
                          array([struct.pack(">b", kind) for kind in kinds]))
                for first, last, kinds in batches]
        rows = array([structure(struct.pack(">i", partition), array(rows))])
        return array([structure(topic_id or self.topic_id, rows)])

    def next_epoch(self, epoch):
        if epoch is not None:
            return epoch
        now, self.epoch = self.epoch, self.epoch + 1
        return now

    def fetch(self, acknowledge=(), epoch=None, wait_ms=0, min_bytes=1, max_bytes=1 << 20,
              max_records=500, batch_size=500, mode=WHOLE_BATCHES, renews=False, partition=0,
              topic_id=None, listed=True, forget=False, group="", member=None):
        """A ShareFetch v2. `listed`: whether it names the partition; `epoch` None: the next one."""
        head = string(self.group if group == "" else group)
        head += string(self.member if member is None else member)
        head += struct.pack(">iiiiiib?", self.next_epoch(epoch), wait_ms, min_bytes, max_bytes,
                            max_records, batch_size, mode, renews)
        topics = self.topics(acknowledge, partition, topic_id) if listed else array([])
        forgotten = [structure(self.topic_id, int32s([partition]))] if forget else []
        reply = self.call(FETCH, 2, structure(head, topics, array(forgotten)))
        reply.int32()
        error, _, lock_ms = reply.int16(), reply.string(), reply.int32()
        partitions = []

        def one_partition():
            index, error, _ = reply.int32(), reply.int16(), reply.string()
            acknowledge_error, _ = reply.int16(), reply.string()
            read_leader(reply)
            values = values_of(reply.blob() or b"")
            acquired = reply.array(one_range)
            reply.tags()
            partitions.append(Partition(index, error, acknowledge_error, values, acquired))

        def one_range():
            row = reply.int64(), reply.int64(), reply.int16()
            reply.tags()
            return row

        def one_topic():
            reply.take(16)
            reply.array(one_partition)
            reply.tags()

        reply.array(one_topic)
        return Answer(error, lock_ms, partitions)

    def fetch_some(self, count=1, **options):
        """Fetches until `count` records were acquired; the answers together."""
        deadline = time.monotonic() + WAIT_SECONDS
        acquired = []
        while sum(last - first + 1 for first, last, _ in acquired) < count:
            answer = self.fetch(**{"wait_ms": 500, **options})
            if answer.error:
                raise AssertionError(f"ShareFetch answered {answer}")
            acquired += answer.acquired
            if time.monotonic() > deadline:
                raise AssertionError(f"{count} records are not there; {answer}")
        return acquired

    def acknowledge(self, batches, epoch=None, renews=False, partition=0, topic_id=None):
        """A ShareAcknowledge v2; (error, error of the partition or None)."""
        head = string(self.group) + string(self.member)
        head += struct.pack(">i?", self.next_epoch(epoch), renews)
        topics = self.topics(batches, partition, topic_id) if batches else array([])
        reply = self.call(ACKNOWLEDGE, 2, structure(head, topics))
        reply.int32()
        error, _, _ = reply.int16(), reply.string(), reply.int32()
        errors = []

        def one_partition():
            reply.int32()
            errors.append(reply.int16())
            reply.string()
            read_leader(reply)
            reply.tags()

        def one_topic():
            reply.take(16)
            reply.array(one_partition)
            reply.tags()

        reply.array(one_topic)
        return error, errors[0] if errors else None


def records_of(acquired):
    """(offset, delivery count) of ranges: brokers may divide them differently."""
    return [(offset, count) for first, last, count in acquired
            for offset in range(first, last + 1)]


def read_leader(reply):
    reply.take(8)
    reply.tags()


def values_of(data):
    """{offset: value} of uncompressed batches; the last may be cut off, as in a Fetch."""
    values = {}
    reader = wire.Reader(data)
    while len(data) - reader.position >= 12:
        base, size = reader.int64(), reader.int32()
        if len(data) - reader.position < size:
            break
        batch = wire.Reader(reader.take(size))
        batch.take(45)
        count = batch.int32()
        records = flexible.Reader(batch.data[batch.position:])
        for _ in range(count):
            record = flexible.Reader(records.take(zigzag(records)))
            record.take(1)
            zigzag(record)
            offset = base + zigzag(record)
            record.take(max(0, zigzag(record)))
            values[offset] = record.take(max(0, zigzag(record)))
    return values


def zigzag(reader):
    value = reader.uvarint()
    return value >> 1 ^ -(value & 1)
