#!/usr/bin/env python3
"""The programs of examples/, run as their users would, with kill -9 where they promise something."""

import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from confluent_kafka import (OFFSET_BEGINNING, Consumer, KafkaError, KafkaException,  # noqa: E402
                             Producer, TopicPartition)

from conformance.case import make_broker, wait_until  # noqa: E402
from crash.load import client_settings  # noqa: E402
from harness.broker import ROOT, binary, free_port  # noqa: E402
from harness.process import end  # noqa: E402

BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build/release"))


class ExampleCase(unittest.TestCase):
    """A broker for each class, and the services that a test started."""

    @classmethod
    def setUpClass(cls):
        cls.broker = make_broker(group_min_session_timeout_ms=100)
        cls.addClassCleanup(cls.broker.close)

    def start(self, program, *words):
        process = subprocess.Popen([binary(program), *words])
        self.addCleanup(end, process)
        return process

    def stop(self, process):
        """A service told to stop leaves its group and ends well."""
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(20), 0)

    def run_once(self, program, *words):
        done = subprocess.run([binary(program), *words], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def events(self, topic):
        """All events of a topic: (key, type, value)."""
        consumer = Consumer(client_settings(self.broker.address, **{
            "group.id": "test", "enable.auto.commit": False, "fetch.wait.max.ms": 10}))
        parts = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = {number: self.end_offset(consumer, TopicPartition(topic, number))
                for number in parts}
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in parts])
        found, deadline = [], time.monotonic() + 20
        while len(found) < sum(ends.values()) and time.monotonic() < deadline:
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                headers = dict(message.headers() or [])
                found.append((message.key().decode(), headers.get("type", b"").decode(),
                              message.value().decode()))
        consumer.close()
        return found

    def end_offset(self, consumer, partition):
        """Asks again while librdkafka believes an answer of before the topic was made: it sends
        two metadata requests, and the older answer may be the one that it keeps."""
        def asked():
            try:
                return consumer.get_watermark_offsets(partition, 10)
            except KafkaException as failure:
                if failure.args[0].code() != KafkaError._UNKNOWN_PARTITION:
                    raise
                consumer.list_topics(partition.topic, timeout=10)
                return None
        return wait_until(asked, 20, f"an end of {partition.topic}-{partition.partition}")[1]

    def publish(self, topic, key, value):
        # As our client and Java's choose a partition; librdkafka has its own way else.
        producer = Producer(client_settings(self.broker.address, partitioner="murmur2_random"))
        producer.produce(topic, value.encode(), key.encode(), headers={"type": b"OrderPlaced"})
        self.assertEqual(producer.flush(20), 0)


class SagaTest(ExampleCase):
    def rows(self):
        """{order: (state, payment, shipment)} as the read model prints it."""
        lines = self.run_once("read_model", self.broker.address).splitlines()[1:-1]
        return {words[0]: tuple(words[2:]) for words in map(str.split, lines)}

    def test_orders_end_well_or_are_compensated_though_services_are_killed(self):
        address = self.broker.address
        self.run_once("saga", address, "place", "1", "amount=30", "address=Lyon")
        services = {name: self.start("saga", address, name)
                    for name in ("orders", "payments", "shipping")}
        self.run_once("saga", address, "place", "2", "amount=500", "address=Lyon")
        self.run_once("saga", address, "place", "3", "amount=30")
        expected = {"1": ("OrderCompleted", "PaymentTaken", "OrderShipped"),
                    "2": ("OrderCancelled", "PaymentFailed", "-"),
                    "3": ("OrderCancelled", "PaymentRefunded", "ShippingFailed")}
        wait_until(lambda: self.rows() == expected, 60, "the first three orders")

        # A service dies in the middle and comes back; nobody restarts the others.
        for number in range(4, 20):
            self.publish("orders", str(number), "amount=40 address=Graz")
            expected[str(number)] = ("OrderCompleted", "PaymentTaken", "OrderShipped")
            if number % 8 == 0:
                end(services["payments"])
                services["payments"] = self.start("saga", address, "payments")
        wait_until(lambda: self.rows() == expected, 100, "all orders")

        for topic in ("orders", "payments", "shipments"):
            said = [event[:2] for event in self.events(topic)]
            self.assertEqual(len(said), len(set(said)), "something was said twice")
        for process in services.values():
            self.stop(process)

    def test_the_read_model_follows(self):
        address = self.broker.address
        self.run_once("saga", address, "place", "100", "amount=7", "address=Rome")
        model = subprocess.Popen([binary("read_model"), address, "--follow"],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(model.stdout.close)
        self.addCleanup(end, model)
        for line in model.stdout:
            if "earned" in line:
                break
        self.run_once("saga", address, "place", "101", "amount=8", "address=Rome")
        self.assertEqual(model.stdout.readline().split()[:3], ["101", "8", "OrderPlaced"])
        self.stop(model)


class OutboxTest(ExampleCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-outbox-")
        self.addCleanup(directory.cleanup)
        self.database = str(pathlib.Path(directory.name, "shop.db"))

    def left(self):
        with sqlite3.connect(self.database) as database:
            return database.execute("SELECT count(*) FROM outbox").fetchone()[0]

    def test_an_order_and_its_event_are_one(self):
        self.run_once("outbox", "order", self.database, "1", "30")
        self.assertEqual(self.left(), 1)
        again = subprocess.run([binary("outbox"), "order", self.database, "1", "30"],
                               capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("UNIQUE constraint failed", again.stderr)
        self.assertEqual(self.left(), 1)

    def test_a_killed_relay_loses_nothing_and_readers_see_no_repetition(self):
        self.run_once("outbox", "order", self.database, "first", "1")
        with sqlite3.connect(self.database) as database:
            database.executemany(
                "INSERT INTO outbox (key, type, value) VALUES (?, 'OrderPlaced', 'amount=1')",
                [(f"order-{number % 7}",) for number in range(5000)])
        address = self.broker.address
        for _ in range(4):
            relay = self.start("outbox", "relay", self.database, address)
            before = self.left()
            wait_until(lambda: self.left() < before or self.left() == 0, 60, "the relay publishes")
            end(relay)
        relay = self.start("outbox", "relay", self.database, address)
        wait_until(lambda: self.left() == 0, 60, "an empty outbox")
        self.stop(relay)

        lines = [line.split() for line in self.run_once("outbox", "read", address).splitlines()]
        numbers = [int(line[0]) for line in lines]
        self.assertEqual(sorted(numbers), list(range(1, 5002)))
        for key in {line[1] for line in lines}:
            own = [int(line[0]) for line in lines if line[1] == key]
            self.assertEqual(own, sorted(own))


class FallbackTest(ExampleCase):
    def priced(self, number):
        """The event that answered an order, waiting for it."""
        def answer():
            return [event for event in self.events("orders-priced") if event[0] == number]
        found = wait_until(answer, 30, f"an answer to order {number}")
        self.assertEqual(len(found), 1)
        return found[0]

    def test_the_shop_answers_whatever_its_neighbour_does(self):
        address = self.broker.address
        shop = self.start("fallback", address, "shop")
        self.publish("orders-in", "1", "country=FR")
        self.assertEqual(self.priced("1")[2], "country=FR shipping=20 source=flat")

        quotes = self.start("fallback", address, "quotes")
        wait_until(lambda: self.events("quote-replies"), 30, "the neighbour is up")
        numbers = iter(range(2, 100))

        def fresh():
            number = str(next(numbers))
            self.publish("orders-in", number, "country=FR")
            return self.priced(number)[2] == "country=FR shipping=5 source=asked"
        wait_until(fresh, 30, "a price that was asked for")

        end(quotes)
        self.publish("orders-in", "last", "country=FR")
        self.publish("orders-in", "bad", "town=Paris")
        self.assertEqual(self.priced("last")[2], "country=FR shipping=5 source=remembered")
        self.assertEqual(self.priced("bad")[1:], ("OrderRefused", "town=Paris reason=no-country"))
        self.stop(shop)


class QueueWorkerTest(ExampleCase):
    def worker(self, name):
        """A worker, and what it says, line by line."""
        process = subprocess.Popen([binary("queue_worker"), self.broker.address, "work", name],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(end, process)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")))
        reader.start()
        self.addCleanup(reader.join, 20)
        return process, lines, reader

    def test_every_mail_is_sent_though_a_worker_is_killed(self):
        send = ("queue_worker", self.broker.address, "send")
        good = {f"user{number}@example.org" for number in range(20)}
        late = {f"later{number}@example.org" for number in range(3)}
        for to in sorted(good | late | {"nowhere"}):
            self.run_once(*send, to, "hello")
        workers = [self.worker(name) for name in ("one", "two")]

        def said(words):
            lines = [line.split() for _, told, _ in workers for line in list(told)]
            return [line for line in lines if line[1:len(words) + 1] == words]
        wait_until(lambda: {line[3].rstrip(",") for line in said(["sent", "to"])} >= good | late,
                   60, "all mails")
        self.assertEqual([line[2] for line in said(["refused"])], ["nowhere"])
        for line in said(["sent", "to"]):
            self.assertEqual(line[3].startswith("later"), line[-1] != "1", line)

        # One dies with what it holds; the other goes on.
        end(workers[0][0])
        more = {f"more{number}@example.org" for number in range(10)}
        for to in sorted(more):
            self.run_once(*send, to, "hello")
        wait_until(lambda: {line[3].rstrip(",") for line in said(["sent", "to"])} >= more,
                   90, "the mails after that")
        self.stop(workers[1][0])
        workers[1][2].join(20)
        self.assertEqual(len(said(["did"])), 1)


class PythonTest(ExampleCase):
    def test_a_record_goes_there_and_back(self):
        library = next(BUILD.glob("libsluice_client.so.*"))
        done = subprocess.run([sys.executable, ROOT / "examples/python/round_trip.py", library,
                               self.broker.address, "numbers"],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.stdout, "0 one\n1 two\n2 three\n", done.stderr)


class EmbeddingTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-embedding-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def run_once(self):
        return subprocess.run([binary("embedding"), self.directory], capture_output=True, text=True,
                              timeout=60, check=False)

    def test_the_journal_is_kept_from_run_to_run(self):
        for number in (1, 2, 3):
            self.assertEqual(self.run_once().stdout, f"run {number} of this program; "
                             f"the journal holds {number} entries\n")

    def test_other_clients_may_look_in(self):
        address = f"127.0.0.1:{free_port()}"
        program = subprocess.Popen([binary("embedding"), self.directory, "--listen", address],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(program.stdout.close)
        self.addCleanup(end, program)
        self.assertIn("the journal holds 1 entries", program.stdout.readline())
        self.assertEqual(program.stdout.readline(), f"listening on {address}\n")
        found = subprocess.run(["kcat", "-b", address, "-C", "-t", "journal", "-e", "-q", "-K:"],
                               capture_output=True, text=True, timeout=30, check=True)
        self.assertEqual(found.stdout, "program:\n")
        # The directory is in use, and it is said by whom.
        refused = self.run_once()
        self.assertEqual(refused.returncode, 1)
        self.assertIn(str(program.pid), refused.stderr)
        program.send_signal(signal.SIGTERM)
        self.assertEqual(program.wait(20), 0)


if __name__ == "__main__":
    unittest.main()
