"""`sluice backup` and `sluice restore`: nothing is lost, nothing twice, and damage is told."""

import json
import os
import pathlib
import random
import struct
import subprocess
import tempfile
import time

from confluent_kafka import TopicPartition

from conformance.case import BrokerCase, wait_until
from conformance.cli_test import (Cli, FAILED, NOT_FOUND, USAGE, binary, environment,
                                   random_record)
from conformance.records_test import KEPT, json_lines, record
from harness import wire
from harness.file_limit import UNCOUNTED, limiter

DELETE_RECORDS = 21


class Backups(Cli):
    """A directory for backups, and what is done with it."""

    def setUp(self):
        super().setUp()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name) / "backup"

    def fill(self, topic, seed, count=3000):
        chance = random.Random(seed)
        self.good("produce", topic, "--json", "-z", chance.choice(["none", "zstd", "gzip"]),
                  stdin="".join(json.dumps(random_record(chance)) + "\n" for _ in range(count)))

    def content(self, topic):
        rows = json_lines(self.good("consume", topic, "-e", "--json"))
        for row in rows:
            del row["topic"]
        return sorted(json.dumps(row, sort_keys=True) for row in rows)

    def create(self, *arguments):
        return json.loads(self.good("backup", "create", str(self.directory), *arguments, "--json"))

    def restore(self, *arguments):
        return json.loads(self.good("restore", str(self.directory), *arguments, "--json"))

    def committed(self, group):
        shown = json.loads(self.good("groups", "describe", group, "--json"))[0]
        return {row["partition"]: row["committed"] for row in shown["partitions"]}


class BackupTest(Backups, BrokerCase):
    def test_incremental_and_restored(self):
        topic, group = self.make_topic(partitions=3, **KEPT), self.name("group")
        self.fill(topic, 1)
        first = self.create(topic)
        self.assertEqual(set(first),
                         {"topics", "partitions", "records", "bytes", "groups", "notes"})
        self.assertEqual((first["topics"], first["partitions"], first["records"]), (1, 3, 3000))
        self.fill(topic, 2)
        self.good("consume", topic, "-g", group, "-n", "1234", "--json")
        second = self.create(topic)
        self.assertEqual((second["records"], second["groups"], second["notes"]), (3000, 1, []))
        self.assertEqual(self.create(topic)["records"], 0)
        other = self.create(self.make_topic())  # leaves what is known of the first topic
        self.assertEqual((other["topics"], other["groups"]), (2, 1))
        verified = json.loads(self.good("backup", "verify", str(self.directory), "--json"))
        self.assertEqual((verified["records"], verified["damage"]), (6000, []))
        prefix = "restored-"
        planned = self.restore("--prefix", prefix, "--topic", topic, "--dry-run")
        self.assertNotIn(prefix + topic, self.good("topics", "list"))
        restored = self.restore("--prefix", prefix, "--topic", topic)
        self.assertEqual(restored, planned)
        self.assertEqual([row["offsets"] for row in restored["topics"][0]["partitions"]],
                         ["kept"] * 3)
        self.assertEqual(self.content(prefix + topic), self.content(topic))
        self.assertEqual(self.committed(prefix + group), self.committed(group))
        configs = json.loads(self.good("configs", "describe", "topic", prefix + topic, "--json"))
        self.assertIn(("retention.ms", "-1"), [(row["name"], row["value"]) for row in configs])

    def test_a_partition_whose_old_records_are_gone(self):
        """Offsets stay, and a group goes on at the same record."""
        topic, group = self.make_topic(**KEPT), self.name("group")
        for i in range(5):
            self.good("produce", topic, "--json", stdin="".join(
                record(f"{i}-{j}", timestamp=1000) for j in range(10)))
        self.good("consume", topic, "-g", group, "-n", "37")
        self.delete_records_below(topic, 20)
        self.create(topic)
        restored = self.restore("--prefix", "late-")
        row = restored["topics"][0]["partitions"][0]
        self.assertEqual((row["records"], row["first_offset"], row["offsets"]), (30, 20, "kept"))
        self.assertEqual(self.content("late-" + topic), self.content(topic))
        self.assertEqual(self.committed("late-" + group), {0: 37})
        self.assertEqual(self.good("consume", "late-" + topic, "-g", "late-" + group, "-n", "1"),
                         "3-7\n")

    def delete_records_below(self, topic, offset):
        row = wire.string(topic) + wire.array([struct.pack(">iq", 0, offset)])
        with wire.Connection(self.address) as connection:
            connection.call(DELETE_RECORDS, 0, wire.array([row]) + struct.pack(">i", 10_000))

    def test_records_that_the_broker_stamped_keep_their_stamps(self):
        topic = self.make_topic(message_timestamp_type="LogAppendTime")
        self.fill(topic, 4, 200)
        self.create(topic)
        self.restore("--prefix", "stamped-")
        self.assertEqual(self.content("stamped-" + topic), self.content(topic))
        shown = json.loads(self.good("configs", "describe", "topic", "stamped-" + topic, "--json"))
        self.assertIn(("message.timestamp.type", "LogAppendTime"),
                      [(row["name"], row["value"]) for row in shown])

    def test_aborted_transactions_are_left_out(self):
        if os.environ.get("SLUICE_TEST_BROKER") != "kafka":
            self.skipTest("sluiced has no transactions")
        topic, group = self.make_topic(), self.name("group")
        producer = self.producer(transactional_id=self.name("id"))
        producer.init_transactions(20)
        for number in range(4):
            producer.begin_transaction()
            for i in range(10):
                producer.produce(topic, f"{number}-{i}")
            (producer.abort_transaction if number % 2 else producer.commit_transaction)(20)
        self.assertEqual(len(self.good("consume", topic, "-g", group, "--read-committed", "-n",
                                       "15").split()), 15)
        self.assertEqual(self.create(topic)["records"], 20)
        restored = self.restore("--prefix", "committed-")
        self.assertEqual(restored["topics"][0]["partitions"][0]["offsets"], "renumbered")
        copy = "committed-" + topic
        self.assertEqual(self.good("consume", copy, "-e"),
                         self.good("consume", topic, "-e", "--read-committed"))
        self.assertEqual(self.good("consume", copy, "-g", "committed-" + group, "-n", "1"),
                         "2-5\n")

    def test_damage_is_found(self):
        topic = self.make_topic(**KEPT)
        self.fill(topic, 3)
        self.create(topic)
        file = next(self.directory.glob(f"{topic}/0/*.batches"))
        good = file.read_bytes()
        for damaged, what in (
                (good[:3000] + bytes([good[3000] ^ 1]) + good[3001:], "checksum is wrong"),
                (good[:-1], "bytes, not"), (good[100:], "bytes, not"), (None, "No such file")):
            with self.subTest(what):
                file.unlink(missing_ok=True)
                if damaged is not None:
                    file.write_bytes(damaged)
                self.assertIn(what, self.bad(FAILED, "backup", "verify", str(self.directory)))
                self.bad(FAILED, "restore", str(self.directory), "--prefix", self.name("no"))

    def test_full_disk_leaves_the_backup_before(self):
        topic = self.make_topic(**KEPT)
        self.fill(topic, 5, 300)
        self.create(topic)
        self.good("produce", topic, "--copies", "5000", stdin="x" * 200 + "\n")
        done = subprocess.run(
            [binary("sluice"), "-b", self.address, "backup", "create", str(self.directory)],
            capture_output=True, text=True, timeout=60, check=False,
            env={**environment(), **UNCOUNTED}, preexec_fn=limiter(100_000))
        self.assertEqual(done.returncode, FAILED)
        self.assertRegex(done.stderr, r"^sluice: .*: File too large\n$")
        verified = json.loads(self.good("backup", "verify", str(self.directory), "--json"))
        self.assertEqual((verified["records"], verified["damage"]), (300, []))
        self.assertEqual(list(self.directory.glob("**/*.part")), [])
        self.assertGreaterEqual(self.create(topic)["records"], 5000)

    def test_fillers_fit_into_small_messages(self):
        topic = self.make_topic(max_message_bytes="80", **KEPT)
        for i in range(60):
            self.good("produce", topic, stdin=f"{i}\n")
        self.delete_records_below(topic, 57)
        self.create(topic)
        row = self.restore("--prefix", "small-")["topics"][0]["partitions"][0]
        self.assertEqual((row["first_offset"], row["offsets"]), (57, "kept"))
        self.assertEqual(self.good("consume", "small-" + topic, "-e"), "57\n58\n59\n")

    def test_a_made_up_manifest_is_refused_or_passed_over(self):
        topic, group = self.make_topic(**KEPT), self.name("group")
        self.good("produce", topic, stdin="a\nb\n")
        self.good("consume", topic, "-g", group, "-n", "1")
        self.create(topic)
        path = self.directory / "manifest.json"
        good = path.read_text()

        def changed(change):
            manifest = json.loads(good)
            change(manifest)
            path.write_text(json.dumps(manifest))

        def unknown_partition(manifest):
            manifest["groups"][0]["offsets"][0]["partition"] = 7

        changed(unknown_partition)
        self.assertEqual(self.restore("--prefix", "seven-")["groups"], 0)
        for where, value in (("partition", 1), ("partition", -1), ("partition", 2**40),
                             ("start", -1), ("end", "x"), ("files", [{}])):
            with self.subTest(where=where, value=value):
                changed(lambda m, w=where, v=value: m["topics"][0]["partitions"][0].update({w: v}))
                said = self.bad(FAILED, "restore", str(self.directory), "--prefix", "no-")
                self.assertIn("no manifest of ours", said)

    def test_wrong_invocations(self):
        topic = self.make_topic()
        self.assertIn("manifest.json", self.bad(NOT_FOUND, "restore", str(self.directory)))
        self.assertIn("manifest.json",
                      self.bad(NOT_FOUND, "backup", "verify", str(self.directory)))
        missing = self.name("missing")
        self.assertIn(f"no topic '{missing}'",
                      self.bad(NOT_FOUND, "backup", "create", str(self.directory), missing))
        self.create(topic)
        self.assertIn("is there already", self.bad(FAILED, "restore", str(self.directory)))
        self.assertIn("no topic", self.bad(NOT_FOUND, "restore", str(self.directory), "--topic",
                                           missing))
        self.good("topics", "delete", topic, "--yes")
        wait_until(lambda: topic not in self.good("topics", "list"))
        self.good("topics", "create", topic)
        self.assertIn("created anew",
                      self.bad(FAILED, "backup", "create", str(self.directory), topic))
        (self.directory / "manifest.json").write_text("{}")
        self.assertIn("no manifest", self.bad(FAILED, "restore", str(self.directory)))
        self.bad(USAGE, "backup")
        other = self.directory / "other"
        other.mkdir()
        (other / "file").write_text("")
        self.assertIn("neither empty",
                      self.bad(FAILED, "backup", "create", str(other), topic))


class BackupOfCompactedTopicTest(Backups, BrokerCase):
    settings = {"log_cleaner_backoff_ms": 100}

    def test_a_compacted_topic(self):
        """What is left of each key comes back, and a group goes on at the same record."""
        topic, group = self.make_topic(cleanup_policy="compact", segment_ms="100",
                                       min_cleanable_dirty_ratio="0.0001"), self.name("group")

        def publish(lines):
            self.good("produce", topic, "-K", ":", stdin=lines)
            time.sleep(0.15)

        for generation in range(4):
            publish("".join(f"k{key}:{generation}\n" for key in range(generation, 40)))
        publish("last:x\n")  # closes the segment before
        publish("last:y\n")
        wait_until(lambda: len(self.content(topic)) <= 45, what="compaction")
        at = 100  # compacted away
        self.consumer(group).commit(offsets=[TopicPartition(topic, 0, at)], asynchronous=False)
        self.create(topic)
        restored = self.restore("--prefix", "compact-")
        row = restored["topics"][0]["partitions"][0]
        self.assertEqual(row["offsets"], "renumbered")
        kept = [(r["key"], r["value"]) for r in json_lines(
            self.good("consume", topic, "-e", "--json"))]
        copied = [(r["key"], r["value"]) for r in json_lines(
            self.good("consume", "compact-" + topic, "-e", "--json"))]
        self.assertEqual(copied[:len(kept)], kept)
        ahead = json_lines(self.good("consume", topic, "--from", str(at), "-n", "1", "--json"))[0]
        there = json_lines(self.good("consume", "compact-" + topic, "-g", "compact-" + group, "-n",
                                     "1", "--json"))[0]
        self.assertGreater(ahead["offset"], at)
        self.assertEqual((there["key"], there["value"]), (ahead["key"], ahead["value"]))
        self.assertEqual(self.create(topic)["notes"], [])  # what was compacted is no other log


class BackupOfChangedLogTest(Backups, BrokerCase):
    """The log of the source was changed without a broker, after a backup of it."""

    needs_own_broker = True
    needs_sluiced = True

    def setUp(self):
        super().setUp()
        self.topic = self.make_topic(**KEPT)
        self.partition = f"{self.topic}-0"

    def publish(self, first, end):
        for start in range(first, end, 10):
            self.good("produce", self.topic, "--json", stdin="".join(
                record(f"{n}", timestamp=1000) for n in range(start, start + 10)))

    def offline(self, *arguments):
        self.broker.stop()
        self.good("log", *arguments)
        self.broker.start()

    def refused(self):
        return self.bad(FAILED, "backup", "create", str(self.directory), self.topic)

    def test_a_log_that_was_cut_is_not_gone_on_with(self):
        self.publish(0, 50)
        self.create(self.topic)
        self.offline("cut", str(self.broker.data_directory), self.partition, "20", "--confirm")
        self.assertIn("ends at offset 20, the backup holds it up to 50", self.refused())
        self.publish(20, 80)
        self.assertIn("another record at offset 49", self.refused())
        self.good("backup", "verify", str(self.directory))

    def test_a_repaired_log_is_backed_up_and_restored(self):
        self.publish(0, 50)
        group = self.name("group")
        self.good("consume", self.topic, "-g", group, "-n", "25")
        self.broker.stop()
        log = self.broker.data_directory / self.partition / f"{0:020}.log"
        content = bytearray(log.read_bytes())
        content[content.index(b"23") + 1] ^= 1
        log.write_bytes(content)
        self.good("log", "repair", str(self.broker.data_directory), "--confirm")
        self.broker.start()
        self.create(self.topic)
        self.good("backup", "verify", str(self.directory))
        row = self.restore("--prefix", "mended-")["topics"][0]["partitions"][0]
        self.assertEqual((row["records"], row["offsets"]), (40, "renumbered"))
        self.assertEqual(self.good("consume", "mended-" + self.topic, "-e"),
                         self.good("consume", self.topic, "-e"))
        self.assertEqual(self.good("consume", "mended-" + self.topic, "-g", "mended-" + group, "-n",
                                   "1"), "30\n")
        self.publish(50, 60)
        self.assertEqual(self.create(self.topic)["records"], 10)
