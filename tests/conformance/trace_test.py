"""`sluice trace`: one record followed through topics by its trace id, in a cluster or on disk."""

import json
import secrets
import time
import unittest

from conformance.case import BrokerCase, wait_until
from conformance.cli_test import NOT_FOUND, OK, UNREACHABLE, USAGE, Cli
from harness.broker import Broker
from harness.shape import Maybe, check_shape

PLACE = {"topic": str, "partition": int, "offset": int}
TRACE = {
    "trace_id": Maybe(str), "complete": bool, "commit_times": bool, "topics_searched": int,
    "records": [{
        **PLACE, "produced": Maybe(int), "stored": Maybe(int), "key": Maybe(str),
        "value_bytes": Maybe(int), "span_id": Maybe(str), "same_span_as": Maybe(PLACE),
        "scheduled_for": Maybe(int), "retry_attempt": Maybe(int), "redrives": int,
        "dead_letter": Maybe({"source": PLACE, "group": str, "reason": str, "message": str,
                              "deliveries": Maybe(int), "last_failure": Maybe(int)}),
        "commits": [{"group": str, "committed": bool, "offset": int, "timestamp": Maybe(int),
                     "exact": bool, "set_back": bool}],
        "queues": [{"group": str, "state": str, "deliveries": int, "until": Maybe(int)}]}],
    "waiting": [{
        "topic": str, "partition": int, "id": str, "until": int, "produced": Maybe(int),
        "key": Maybe(str), "value_bytes": Maybe(int), "span_id": Maybe(str),
        "same_span_as": Maybe(PLACE), "retry_attempt": Maybe(int)}]}


def now_ms():
    return int(time.time() * 1000)


class Tracing(Cli):
    def trace(self, *arguments, **options):
        found = json.loads(self.good("trace", *map(str, arguments), "--json", **options))
        check_shape(found, TRACE)
        return found

    def send(self, topic, trace_id, span=None, **headers):
        """The span that sent it."""
        span = span or secrets.token_hex(8)
        self.produce(topic, [{"value": b"v", "key": b"k", "partition": 0, "headers": {
            "traceparent": f"00-{trace_id}-{span}-01".encode(),
            **{name: str(value).encode() for name, value in headers.items()}}}])
        return span

    def read(self, topic, group, count):
        """Reads and commits so many records; when that began and ended."""
        begin = now_ms()
        self.good("consume", topic, "-g", group, "-n", str(count))
        return begin, now_ms()


class CliTraceTest(Tracing, BrokerCase):
    def test_a_record_and_its_descendants_are_followed_through_topics(self):
        orders, payments, other = self.make_topic(), self.make_topic(), self.make_topic()
        billing, audit = self.name("billing"), self.name("audit")
        trace_id = secrets.token_hex(16)
        self.send(orders, secrets.token_hex(16))
        self.read(orders, billing, 1)
        self.read(orders, audit, 1)
        begin = now_ms()
        first = self.send(orders, trace_id)
        sent = now_ms()
        committed = self.read(orders, billing, 1)
        second = self.send(payments, trace_id)
        self.send(other, secrets.token_hex(16))
        found = self.trace(trace_id)
        self.assertEqual([(r["topic"], r["offset"], r["span_id"]) for r in found["records"]],
                         [(orders, 1, first), (payments, 0, second)])
        order = found["records"][0]
        self.assertTrue(begin <= order["produced"] <= sent, order)
        self.assertIsNone(order["stored"])
        commits = {c["group"]: c for c in order["commits"]}
        self.assertEqual(set(commits), {billing, audit})
        self.assertFalse(commits[audit]["committed"])
        self.assertTrue(commits[billing]["committed"] and commits[billing]["exact"], commits)
        self.assertEqual(commits[billing]["offset"], 2)
        self.assertTrue(committed[0] <= commits[billing]["timestamp"] <= committed[1], commits)
        self.assertEqual(found["records"][1]["commits"], [])
        text = self.good("trace", f"00-{trace_id}-{first}-01")
        self.assertIn(f"trace {trace_id}: 2 records in 2 topics", text)
        self.assertIn(f"  not yet    {audit}, at offset 1\n", text)

    def test_a_record_is_named_by_its_place(self):
        topic, trace_id = self.make_topic(), secrets.token_hex(16)
        self.send(topic, trace_id)
        self.produce(topic, [{"value": b"untraced", "partition": 0}])
        place = ("--topic", topic, "--partition", "0", "--offset")
        self.assertEqual(self.trace(*place, "0")["trace_id"], trace_id)
        alone = self.sluice("trace", *place, "1", "--json")
        self.assertEqual(alone.returncode, OK)
        self.assertIn("has no header 'traceparent'", alone.stderr)
        found = json.loads(alone.stdout)
        self.assertIsNone(found["trace_id"])
        self.assertEqual([r["offset"] for r in found["records"]], [1])

    def test_dead_letters_are_told_with_their_source(self):
        source, dead, trace_id = self.make_topic(), self.make_topic(), secrets.token_hex(16)
        span = self.send(source, trace_id)
        failure = now_ms() + 1000
        self.send(dead, trace_id, span, **{
            "__dlq.errors.topic": source, "__dlq.errors.partition": 0, "__dlq.errors.offset": 0,
            "__dlq.errors.group": "billing", "__dlq.errors.reason": "rejected",
            "__dlq.errors.message": "card declined", "__dlq.errors.delivery.count": 3,
            "__dlq.errors.last.failure.ms": failure})
        place = {"topic": source, "partition": 0, "offset": 0}
        letter = self.trace(trace_id)["records"][1]
        self.assertEqual(letter["topic"], dead)
        self.assertEqual(letter["same_span_as"], place)
        self.assertEqual(letter["dead_letter"],
                         {"source": place, "group": "billing", "reason": "rejected",
                          "message": "card declined", "deliveries": 3, "last_failure": failure})

    def test_log_append_time_is_when_it_was_stored(self):
        topic = self.make_topic(message_timestamp_type="LogAppendTime")
        trace_id = secrets.token_hex(16)
        begin = now_ms()
        self.send(topic, trace_id)
        record = self.trace(trace_id)["records"][0]
        self.assertIsNone(record["produced"])
        self.assertTrue(begin <= record["stored"] <= now_ms())

    def test_the_search_is_narrowed_by_topic_and_place(self):
        one, two, trace_id = self.make_topic(), self.make_topic(), secrets.token_hex(16)
        self.send(one, trace_id)
        self.send(two, trace_id)
        found = self.trace(trace_id, "--among", two)
        self.assertEqual(([r["topic"] for r in found["records"]], found["topics_searched"]),
                         ([two], 1))
        self.bad(NOT_FOUND, "trace", trace_id, "--among", one, "--from", "end")
        self.assertFalse(self.trace(trace_id, "--limit", 1)["complete"])

    def test_wrong_invocations_say_so_in_one_line(self):
        trace_id, topic = secrets.token_hex(16), self.make_topic()
        for status, arguments in (
                (USAGE, ()), (USAGE, ("4bf9",)), (USAGE, ("0" * 32,)),
                (USAGE, (trace_id, "--topic", topic)), (USAGE, ("--topic", topic)),
                (USAGE, (trace_id, "--limit", "0")), (USAGE, (trace_id, "--from", "soon")),
                (NOT_FOUND, (trace_id,)), (NOT_FOUND, (trace_id, "--among", topic + "x")),
                (NOT_FOUND, ("-t", topic, "-p", "0", "-o", "7")),
                (NOT_FOUND, ("-t", topic, "-p", "9", "-o", "0")),
                (NOT_FOUND, (trace_id, "--data", "/nowhere"))):
            with self.subTest(arguments=arguments):
                error = self.bad(status, "trace", *arguments)
                self.assertEqual(len(error.splitlines()), 1, error)
        error = self.bad(UNREACHABLE, "trace", trace_id, "--timeout", "1",
                         brokers="127.0.0.1:1")
        self.assertEqual(len(error.splitlines()), 1, error)


class CliTraceQueueTest(Tracing, BrokerCase):
    """What the headers of sluiced's queues tell."""

    needs_sluiced = True

    def followed(self, trace_id, count):
        """The records of the trace, once there are so many."""
        def there():
            done = self.sluice("trace", trace_id, "--json")
            records = json.loads(done.stdout)["records"] if done.returncode == OK else []
            return records if len(records) == count else None
        return wait_until(there, what=f"{count} records of the trace")

    def test_a_scheduled_record_was_stored_when_it_was_due(self):
        topic, trace_id = self.make_topic(sluice_schedule_enable="true"), secrets.token_hex(16)
        begin = now_ms()
        self.send(topic, trace_id, **{"sluice-delay-ms": 300})
        record, = self.followed(trace_id, 1)
        self.assertTrue(begin + 300 <= record["scheduled_for"] <= now_ms(), record)
        self.assertIn("  stored     not before ", self.good("trace", trace_id))

    def test_what_waits_for_its_time_is_shown(self):
        topic, trace_id = self.make_topic(sluice_schedule_enable="true"), secrets.token_hex(16)
        first = self.send(topic, trace_id)
        begin = now_ms()
        self.send(topic, trace_id, first, **{"sluice-delay-ms": 3_600_000})
        sent = now_ms()
        self.send(topic, secrets.token_hex(16), **{"sluice-delay-ms": 3_600_000})
        found = self.trace(trace_id)
        self.assertEqual([r["offset"] for r in found["records"]], [0])
        one, = found["waiting"]
        self.assertTrue(begin <= one["until"] - 3_600_000 <= sent, one)
        self.assertEqual(
            (one["topic"], one["partition"], one["key"], one["span_id"], one["same_span_as"]),
            (topic, 0, "k", first, {"topic": topic, "partition": 0, "offset": 0}))
        listed = json.loads(self.good("schedule", "list", "-t", topic, "--json"))["schedules"]
        self.assertIn(one["id"], {schedule["id"] for schedule in listed})
        text = self.good("trace", trace_id)
        self.assertRegex(text, rf"trace {trace_id}: 1 record in 1 topic; 1 waits\n")
        self.assertRegex(text, rf'\n{topic}-0  key "k"  value 1 B\n  waiting    until \S+Z, '
                               rf"schedule {one['id']}\n  produced   ")
        self.bad(NOT_FOUND, "trace", trace_id, "--among", self.make_topic())
        self.good("schedule", "cancel", one["id"], "-y")
        self.assertEqual(self.trace(trace_id)["waiting"], [])

    def test_a_trace_may_be_nothing_but_what_waits(self):
        topic, trace_id = self.make_topic(sluice_schedule_enable="true"), secrets.token_hex(16)
        self.send(topic, trace_id, **{"sluice-delay-ms": 3_600_000})
        found = self.trace(trace_id)
        self.assertEqual((found["records"], len(found["waiting"])), ([], 1))

    def test_a_retry_that_waits_is_shown(self):
        topic, group = self.make_topic(sluice_retry_enable="true"), self.name("workers")
        self.good("configs", "set", "group", group, "sluice.retry.backoff.ms=300000")
        trace_id = secrets.token_hex(16)
        span = self.send(topic, trace_id)
        self.send(f"{topic}.{group}.retry", trace_id, span)
        retry, = self.trace(trace_id)["waiting"]
        self.assertEqual((retry["topic"], retry["span_id"]), (f"{topic}.{group}.retry", span))

    def test_what_was_delivered_waits_no_more(self):
        topic, trace_id = self.make_topic(sluice_schedule_enable="true"), secrets.token_hex(16)
        self.send(topic, trace_id, **{"sluice-delay-ms": 1})
        self.followed(trace_id, 1)
        self.assertEqual(self.trace(trace_id)["waiting"], [])

    def test_a_retry_follows_its_record(self):
        topic, group = self.make_topic(sluice_retry_enable="true"), self.name("workers")
        trace_id = secrets.token_hex(16)
        span = self.send(topic, trace_id)
        self.send(f"{topic}.{group}.retry", trace_id, span)
        record, retry = self.followed(trace_id, 2)
        self.assertEqual((record["topic"], record["retry_attempt"]), (topic, None))
        self.assertEqual((retry["topic"], retry["retry_attempt"]), (f"{topic}.{group}.retry", 1))
        self.assertEqual(retry["same_span_as"], {"topic": topic, "partition": 0, "offset": 0})


class CliTraceDirectoryTest(Tracing, BrokerCase):
    """Also Apache Kafka's directories: only where the data lies differs."""

    needs_own_broker = True

    def test_a_closed_directory_tells_the_same(self):
        topic, trace_id, group = self.make_topic(), secrets.token_hex(16), self.name("group")
        self.send(topic, trace_id)
        self.read(topic, group, 1)
        live = self.trace(trace_id)
        self.broker.stop()
        data = str(self.broker.data_directory)
        closed = self.trace(trace_id, "--data", data)
        self.assertEqual(closed["records"], live["records"])
        self.assertEqual(closed["records"][0]["commits"][0]["group"], group)
        named = self.trace("--data", data, "-t", topic, "-p", "0", "-o", "0")
        self.assertEqual(named, closed)
        self.bad(NOT_FOUND, "trace", "--data", data, "-t", topic, "-p", "0", "-o", "1")
        self.bad(NOT_FOUND, "trace", "--data", data, secrets.token_hex(16))

    def test_a_closed_directory_tells_what_waits(self):
        if not isinstance(self.broker, Broker):
            self.skipTest("no records wait in Apache Kafka")
        self.broker.stop()  # another test may have
        self.broker.start()
        topic, trace_id = self.make_topic(sluice_schedule_enable="true"), secrets.token_hex(16)
        self.send(topic, trace_id, **{"sluice-delay-ms": 3_600_000})
        live = self.trace(trace_id)
        self.assertEqual(len(live["waiting"]), 1)
        self.broker.stop()
        closed = self.trace(trace_id, "--data", self.broker.data_directory)
        self.assertEqual(closed["waiting"], live["waiting"])


if __name__ == "__main__":
    unittest.main()
