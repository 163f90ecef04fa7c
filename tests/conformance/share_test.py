"""Share groups on the raw wire: what a member gets in answer to what it says, on sluiced and, with
SLUICE_TEST_BROKER=kafka, on Apache Kafka. Both must answer the same; where sluice differs on purpose,
`kafka=` names what Kafka answers, and broker/share/README.md why."""

import time
import unittest

from conformance.case import BrokerCase, wait_until
from harness.kafka import Kafka
from harness.share import (ACCEPT, GAP, RECORD_LIMIT, REJECT, RELEASE, RENEW, Admin, Member,
                           records_of)

NONE, INVALID_REQUEST, UNKNOWN_TOPIC_ID = 0, 42, 100
UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_MEMBER, GROUP_FULL = 3, 25, 81
NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND, FENCED_MEMBER_EPOCH = 68, 69, 110
INVALID_RECORD_STATE, SESSION_NOT_FOUND, INVALID_SESSION_EPOCH, SESSION_LIMIT = 121, 122, 123, 133
SAME = object()
NO_TOPIC = b"\x11" * 16
UNKNOWN_SERVER_ERROR = -1, []  # of a ShareFetch


class ShareCase:
    """A topic and a group a test; members with connections of their own."""

    settings = {"group_share_min_record_lock_duration_ms": 1000,
                "group_share_max_size": 3, "group_share_max_share_sessions": 50}

    def setUp(self):
        self.admin = Admin(self.address)
        self.addCleanup(self.admin.socket.close)

    def answers(self, what, got, expected, kafka=SAME):
        if kafka is not SAME and isinstance(self.broker, Kafka):
            expected = kafka
        with self.subTest(what):
            self.assertEqual(got, expected)

    def make(self, batches=(), reset="earliest", **configs):
        """A topic with so many records a batch, and a group; returns a member that has joined."""
        self.topic, self.group = self.name(), self.name("group")
        self.topic_id = self.admin.create_topic(self.topic)
        self.admin.set_group(self.group, share_auto_offset_reset=reset, **configs)
        self.fill(*batches)
        return self.member()

    def fill(self, *batches, size=10):
        for count in batches:
            self.admin.produce(self.topic, [b"%0*d" % (size, n) for n in range(count)])

    def member(self, joins=True):
        member = Member(self.address, self.group)
        self.addCleanup(member.socket.close)
        member.topic_id = self.topic_id
        if joins:
            member.join(self.topic, self.topic_id)
        return member

    def rest(self, member, **options):
        """What else there is for it, after a moment."""
        return member.fetch(wait_ms=300, **options).acquired


class ShareMembershipTest(ShareCase, BrokerCase):
    def test_join_and_leave(self):
        member = self.make()
        self.answers("epoch too high", member.heartbeat(epoch=member.member_epoch + 5).error,
                     FENCED_MEMBER_EPOCH)
        self.answers("epoch below -1", member.heartbeat(epoch=-2).error, INVALID_REQUEST)
        self.answers("no member id", member.heartbeat([self.topic], 0, member="").error,
                     INVALID_REQUEST)
        self.answers("no group id", member.heartbeat([self.topic], 0, group="").error,
                     INVALID_REQUEST)
        self.answers("join without topics", member.heartbeat(None, 0, member="other").error,
                     INVALID_REQUEST)
        self.answers("join with no topics", member.heartbeat([], 0, member="other").error,
                     INVALID_REQUEST)
        self.answers("not a member", member.heartbeat(epoch=1, member="other").error, UNKNOWN_MEMBER)
        self.answers("no such group", member.heartbeat(epoch=1, group=self.name("none")).error,
                     UNKNOWN_MEMBER, kafka=GROUP_ID_NOT_FOUND)
        self.answers("leave", member.leave(), NONE)
        self.answers("after it left", member.heartbeat().error, UNKNOWN_MEMBER)
        self.answers("leave again", member.leave(), UNKNOWN_MEMBER)

    def test_a_group_is_full(self):
        self.make()
        self.member(), self.member()
        self.answers("a fourth", self.member(joins=False).heartbeat([self.topic]).error, GROUP_FULL)

    def test_offsets(self):
        member = self.make([5])
        self.answers("all are acquired", member.fetch_some(5), [(0, 4, 1)])
        self.answers("accept", member.acknowledge([(0, 2, [ACCEPT])]), (NONE, NONE))
        rows = wait_until(lambda: self.admin.describe_offsets(self.group, self.topic)[1])
        self.answers("where it is", rows, [(0, 3, NONE)], kafka=[(0, 0, NONE)])
        self.answers("alter with members", self.admin.alter_offset(self.group, self.topic, 0)[0],
                     NON_EMPTY_GROUP)
        self.answers("delete with members", self.admin.delete_offsets(self.group, self.topic)[0],
                     NON_EMPTY_GROUP)
        self.answers("delete the group with members", self.admin.delete_group(self.group),
                     NON_EMPTY_GROUP)
        member.fetch(epoch=-1)
        member.leave()
        self.answers("alter", self.admin.alter_offset(self.group, self.topic, 1), (NONE, [NONE]))
        self.answers("alter what is not there",
                     self.admin.alter_offset(self.group, self.topic, 1, partition=7),
                     (NONE, [UNKNOWN_TOPIC_OR_PARTITION]))
        self.answers("where it is now", self.admin.describe_offsets(self.group, self.topic)[1],
                     [(0, 1, NONE)])
        self.answers("from there on", self.member().fetch_some(2), [(1, 4, 1)], kafka=[(3, 4, 2)])

    def test_offsets_are_deleted(self):
        member = self.make([5])
        member.fetch_some(5)
        member.acknowledge([(0, 4, [ACCEPT])])
        member.fetch(epoch=-1)
        member.leave()
        self.answers("no such group", self.admin.delete_offsets(self.name("none"), self.topic)[0],
                     GROUP_ID_NOT_FOUND)
        self.answers("no such topic", self.admin.delete_offsets(self.group, "none"),
                     (NONE, [UNKNOWN_TOPIC_OR_PARTITION]))
        self.answers("delete", self.admin.delete_offsets(self.group, self.topic), (NONE, [NONE]))
        self.answers("from the start again", self.rest(self.member()), [(0, 4, 1)], kafka=[])

    def test_a_group_is_deleted(self):
        member = self.make([5])
        member.fetch_some(5)
        member.acknowledge([(0, 4, [ACCEPT])])
        member.fetch(epoch=-1)
        member.leave()
        self.answers("delete", self.admin.delete_group(self.group), NONE)
        self.answers("again", self.admin.delete_group(self.group), GROUP_ID_NOT_FOUND)


class ShareSessionTest(ShareCase, BrokerCase):
    def test_epochs(self):
        member = self.make([5])
        self.answers("unknown", member.fetch(epoch=1).error, SESSION_NOT_FOUND)
        self.answers("acknowledge in an unknown one", member.acknowledge(
            [(0, 0, [ACCEPT])], epoch=1), (SESSION_NOT_FOUND, None))
        self.answers("end an unknown one", member.fetch(epoch=-1).error, SESSION_NOT_FOUND)
        self.answers("acknowledge opens none", member.acknowledge([(0, 0, [ACCEPT])], epoch=0),
                     (INVALID_SESSION_EPOCH, None))
        self.answers("an opening one acknowledges nothing", member.fetch(
            [(0, 0, [ACCEPT])], epoch=0).error, INVALID_REQUEST)
        self.answers("open", member.fetch().error, NONE)
        self.answers("ahead", member.fetch(epoch=7).error, INVALID_SESSION_EPOCH)
        self.answers("acknowledge ahead", member.acknowledge([(0, 0, [ACCEPT])], epoch=7),
                     (INVALID_SESSION_EPOCH, None))
        self.answers("no group", member.fetch(epoch=1, group=None).error, INVALID_REQUEST)
        self.answers("no member", member.fetch(epoch=1, member="").error, INVALID_REQUEST)
        self.answers("its epoch still counts", member.fetch(epoch=1).error, NONE)
        self.answers("the same again", member.fetch(epoch=1).error, INVALID_SESSION_EPOCH)
        self.answers("end", member.fetch(epoch=-1).error, NONE)
        self.answers("after its end", member.fetch(epoch=2).error, SESSION_NOT_FOUND)

    def test_a_session_is_of_its_connection(self):
        member = self.make([5])
        self.answers("acquired", member.fetch_some(5), [(0, 4, 1)])
        other = Member(self.address, self.group, member.member)
        self.addCleanup(other.socket.close)
        other.topic_id = self.topic_id
        self.answers("elsewhere", other.acknowledge([(0, 0, [ACCEPT])], epoch=member.epoch),
                     (SESSION_NOT_FOUND, None), kafka=(NONE, NONE))

    def test_the_end_of_a_session_frees_what_it_held(self):
        member, other = self.make([5]), self.member()
        member.fetch_some(5)
        self.answers("what it says at the end counts", member.acknowledge(
            [(0, 1, [ACCEPT])], epoch=-1), (NONE, NONE))
        self.answers("the rest is free", other.fetch_some(3), [(2, 4, 2)])
        self.answers("and its end by a fetch", other.fetch([(2, 2, [ACCEPT])], epoch=-1).error, NONE)
        member.epoch = 0
        self.answers("frees, too", member.fetch_some(2), [(3, 4, 3)])

    def test_a_lost_connection_frees_what_it_held(self):
        member, other = self.make([5]), self.member()
        member.fetch_some(5)
        member.socket.close()
        self.answers("for others", other.fetch_some(5), [(0, 4, 2)])

    def test_a_session_is_opened_again(self):
        member = self.make([5])
        member.fetch_some(5)
        member.epoch = 0
        self.answers("what it held is free", self.rest(member), [(0, 4, 2)], kafka=[])

    def test_partitions_are_added_and_forgotten(self):
        member = self.make([5])
        opened = member.fetch(listed=False)
        self.answers("without partitions", (opened.error, opened.acquired), (NONE, []))
        self.answers("added", member.fetch_some(5), [(0, 4, 1)])
        self.fill(2)
        self.answers("still there when not named", member.fetch_some(2, listed=False), [(5, 6, 1)])
        self.fill(2)
        forgets = member.fetch(listed=False, forget=True, wait_ms=300)
        self.answers("forgotten", (forgets.error, forgets.acquired), (NONE, []))
        self.answers("what was acquired is still its own", member.acknowledge([(0, 6, [ACCEPT])]),
                     (NONE, NONE))

    def test_topics_that_are_not_there(self):
        member = self.make([5])
        gone = member.fetch(topic_id=NO_TOPIC)
        self.answers("a topic", (gone.error, [row.error for row in gone.partitions]),
                     (NONE, [UNKNOWN_TOPIC_ID]), kafka=UNKNOWN_SERVER_ERROR)
        gone = member.fetch(partition=7)
        self.answers("a partition", (gone.error, [row.error for row in gone.partitions if
                                                  row.index == 7]),
                     (NONE, [UNKNOWN_TOPIC_OR_PARTITION]), kafka=UNKNOWN_SERVER_ERROR)
        self.answers("acknowledged", member.acknowledge([(0, 0, [ACCEPT])], topic_id=NO_TOPIC),
                     (NONE, UNKNOWN_TOPIC_ID))
        self.answers("acknowledged, a partition", member.acknowledge(
            [(0, 0, [ACCEPT])], partition=7), (NONE, UNKNOWN_TOPIC_OR_PARTITION))


class ShareStartTest(ShareCase, BrokerCase):
    def test_latest(self):
        member = self.make([5], reset="latest")
        self.answers("nothing of before", self.rest(member), [])
        self.fill(3)
        self.answers("what comes", member.fetch_some(3), [(5, 7, 1)])

    def test_earliest(self):
        self.answers("all", self.make([5]).fetch_some(5), [(0, 4, 1)])

    def test_by_duration(self):
        self.answers("an hour ago", self.make([5], reset="by_duration:PT1H").fetch_some(5),
                     [(0, 4, 1)])

    def test_values_and_bad_ones(self):
        self.make()
        for value in ("none", "by_duration:", "by_duration:-PT1H", "by_duration:1h"):
            with self.subTest(value), self.assertRaisesRegex(ValueError, ": 40,"):
                self.admin.set_group(self.group, share_auto_offset_reset=value)

    def test_read_committed(self):
        member = self.make([5], share_isolation_level="read_committed")
        self.answers("what is in no transaction", member.fetch_some(5), [(0, 4, 1)])


class ShareAcknowledgeTest(ShareCase, BrokerCase):
    def test_each_type(self):
        member = self.make([6])
        member.fetch_some(6)
        self.answers("one an offset", member.acknowledge(
            [(0, 5, [ACCEPT, RELEASE, REJECT, GAP, RELEASE, ACCEPT])]), (NONE, NONE))
        self.answers("what was released comes back", member.fetch_some(2), [(1, 1, 2), (4, 4, 2)])
        on_fetch = member.fetch([(1, 1, [ACCEPT]), (4, 4, [RELEASE])])
        self.answers("on a fetch", [row.acknowledge_error for row in on_fetch.partitions], [NONE])
        self.answers("released on it", on_fetch.acquired or member.fetch_some(1), [(4, 4, 3)])
        self.answers("accept", member.acknowledge([(4, 4, [ACCEPT])]), (NONE, NONE))
        self.answers("nothing is left", self.rest(member), [])

    def test_what_is_not_held(self):
        member, other = self.make([5]), self.member()
        member.fetch_some(5)
        other.fetch()
        self.answers("another's", other.acknowledge([(0, 0, [ACCEPT])]),
                     (NONE, INVALID_RECORD_STATE))
        self.answers("never acquired", member.acknowledge([(5, 5, [ACCEPT])]),
                     (NONE, INVALID_REQUEST))
        self.answers("in part", member.acknowledge([(3, 6, [ACCEPT])]), (NONE, INVALID_REQUEST))
        self.answers("nothing of it was taken", member.acknowledge([(0, 2, [ACCEPT])]),
                     (NONE, NONE))
        self.answers("twice, below the start", member.acknowledge([(0, 2, [ACCEPT])]),
                     (NONE, NONE))
        member.acknowledge([(4, 4, [ACCEPT])])
        self.answers("twice", member.acknowledge([(4, 4, [RELEASE])]), (NONE, INVALID_RECORD_STATE))
        self.answers("twice in one request, on the fetch", [
            row.acknowledge_error for row in member.fetch(
                [(3, 3, [ACCEPT]), (4, 4, [ACCEPT])]).partitions], [INVALID_RECORD_STATE])
        self.answers("all or nothing", member.acknowledge([(3, 3, [ACCEPT])]), (NONE, NONE))

    def test_wrong_forms(self):
        member = self.make([5])
        member.fetch_some(5)
        for what, batches in {
                "overlapping": [(0, 3, [ACCEPT]), (2, 4, [ACCEPT])],
                "unordered": [(3, 4, [ACCEPT]), (0, 1, [ACCEPT])],
                "too few types": [(0, 2, [ACCEPT, ACCEPT])],
                "too many types": [(0, 0, [ACCEPT, ACCEPT])],
                "no types": [(0, 0, [])],
                "an unknown type": [(0, 0, [5])],
                "a negative type": [(0, 0, [-1])],
                "the last before the first": [(3, 2, [ACCEPT])],
                "renewal not announced": [(0, 0, [RENEW])]}.items():
            self.answers(what, member.acknowledge(batches), (NONE, INVALID_REQUEST))
            self.answers(f"{what}, on a fetch", [
                row.acknowledge_error for row in member.fetch(batches).partitions],
                [INVALID_REQUEST])
        self.answers("everything is still its own", member.acknowledge([(0, 4, [ACCEPT])]),
                     (NONE, NONE))

    def test_renewal(self):
        member = self.make([5], share_record_lock_duration_ms=2000)
        member.fetch_some(5)
        for _ in range(3):
            time.sleep(1)
            self.answers("renew", member.acknowledge([(0, 1, [RENEW])], renews=True), (NONE, NONE))
        self.answers("the others came back, these did not", member.fetch_some(3), [(2, 4, 2)])
        self.answers("renew with more", member.fetch([(0, 0, [RENEW])], renews=True).error,
                     INVALID_REQUEST)
        member.epoch -= 1
        renewed = member.fetch([(0, 0, [RENEW])], renews=True, min_bytes=0, max_bytes=0,
                               max_records=0)
        self.answers("renew on a fetch", (renewed.error, renewed.acquired,
                                          [row.acknowledge_error for row in renewed.partitions]),
                     (NONE, [], [NONE]))
        self.answers("accept", member.acknowledge([(0, 4, [ACCEPT])]), (NONE, NONE))

    def test_renewal_is_forbidden(self):
        member = self.make([5], share_renew_acknowledge_enable="false")
        member.fetch_some(5)
        self.answers("renew", member.acknowledge([(0, 1, [RENEW])], renews=True),
                     (NONE, INVALID_RECORD_STATE))
        self.answers("still its own", member.acknowledge([(0, 4, [ACCEPT])]), (NONE, NONE))

    def test_lock_timeout(self):
        member = self.make([5], share_record_lock_duration_ms=1000)
        first = member.fetch(wait_ms=5000)
        self.answers("how long", (first.acquired, first.lock_ms), ([(0, 4, 1)], 1000))
        time.sleep(1.5)
        self.answers("too late", member.acknowledge([(0, 4, [ACCEPT])]),
                     (NONE, INVALID_RECORD_STATE))
        self.answers("again", member.fetch_some(5), [(0, 4, 2)])
        self.answers("in time", member.acknowledge([(0, 4, [ACCEPT])]), (NONE, NONE))

    def test_a_waiting_fetch_gets_what_comes_back(self):
        member, other = self.make([5], share_record_lock_duration_ms=1000), self.member()
        member.fetch_some(5)
        began = time.monotonic()
        self.answers("the lock ran out", other.fetch(wait_ms=10_000).acquired, [(0, 4, 2)])
        self.assertLess(time.monotonic() - began, 5)

    def test_delivery_count_limit(self):
        member = self.make([1], share_delivery_count_limit=3)
        for count in (1, 2, 3):
            self.answers("delivered", member.fetch_some(1), [(0, 0, count)])
            self.answers("release", member.acknowledge([(0, 0, [RELEASE])]), (NONE, NONE))
        self.answers("given up", self.rest(member), [])
        self.fill(1)
        self.answers("the next", member.fetch_some(1), [(1, 1, 1)])

    def test_last_attempts_are_alone(self):
        member = self.make([4], share_delivery_count_limit=3)
        member.fetch_some(4)
        member.acknowledge([(0, 3, [RELEASE])])
        self.answers("second", member.fetch(wait_ms=2000).acquired, [(0, 3, 2)])
        member.acknowledge([(0, 3, [RELEASE])])
        self.answers("third", [member.fetch(wait_ms=2000).acquired for _ in range(4)],
                     [[(n, n, 3)] for n in range(4)])


class ShareLimitsTest(ShareCase, BrokerCase):
    def test_max_records_whole_batches(self):
        member = self.make([10, 10, 10])
        self.answers("to the end of a batch", member.fetch_some(1, max_records=5), [(0, 9, 1)])
        self.answers("two", member.fetch_some(1, max_records=15), [(10, 29, 1)])

    def test_max_records_exactly(self):
        member = self.make([10, 10])
        exact = {"mode": RECORD_LIMIT, "max_records": 4}
        self.answers("four", [records_of(member.fetch_some(1, **exact)) for _ in range(5)],
                     [[(n, 1) for n in range(at, at + 4)] for at in range(0, 20, 4)])

    def test_values_are_of_what_was_acquired(self):
        member = self.make([10])
        answer = wait_until(lambda: member.fetch(mode=RECORD_LIMIT, max_records=3).partitions)[0]
        self.answers("ranges", answer.acquired, [(0, 2, 1)])
        self.assertEqual([answer.values[n] for n in range(3)], [b"%010d" % n for n in range(3)])

    def test_batch_size(self):
        member = self.make([10, 3, 3, 3])
        ranges = [(0, 9), (10, 15), (16, 18)]  # whole batches, until there are four records
        self.answers("ranges", member.fetch_some(19, batch_size=4), [(*r, 1) for r in ranges])
        member.acknowledge([(0, 18, [RELEASE])])
        self.answers("what came back", member.fetch_some(19, batch_size=4),
                     [(*r, 2) for r in ranges])

    def test_max_bytes(self):
        member = self.make()
        self.fill(10, 10, 10, size=1000)
        self.answers("a batch at least", member.fetch_some(1, max_bytes=500), [(0, 9, 1)])
        self.answers("so many as fit", member.fetch_some(1, max_bytes=15_000), [(10, 19, 1)])

    def test_min_bytes_and_max_wait(self):
        member = self.make()
        member.fetch()
        self.fill(5)
        began = time.monotonic()
        self.answers("what there is, when the time is over",
                     member.fetch(wait_ms=1500, min_bytes=100_000).acquired, [(0, 4, 1)])
        self.assertGreater(time.monotonic() - began, 1.2)
        began = time.monotonic()
        self.fill(5)
        self.answers("enough", member.fetch(wait_ms=10_000, min_bytes=50).acquired, [(5, 9, 1)])
        self.assertLess(time.monotonic() - began, 5)
        began = time.monotonic()
        self.answers("nothing", member.fetch(wait_ms=600).acquired, [])
        self.assertGreater(time.monotonic() - began, 0.5)

    def test_record_locks(self):
        member = self.make([60, 60, 60], share_partition_max_record_locks=100)
        got = member.fetch_some(60)
        got += self.rest(member)
        self.answers("up to the limit", records_of(got), [(n, 1) for n in range(120)])
        self.answers("nothing beyond it", self.rest(member), [])
        member.acknowledge([(0, 119, [ACCEPT])])
        self.answers("then the rest", member.fetch_some(60), [(120, 179, 1)])

    def test_session_limit(self):
        member = self.make([5])
        members = [self.member(joins=False) for _ in range(50)]
        errors = [one.fetch(listed=False).error for one in [member, *members]]
        self.answers("sessions", errors, [NONE] * 50 + [SESSION_LIMIT])


if __name__ == "__main__":
    unittest.main()
