"""`sluice backup` and `sluice restore`: nothing is lost, nothing twice, and damage is told."""

import json
import os
import pathlib
import random
import struct
import subprocess
import tempfile

from conformance.case import BrokerCase, wait_until
from conformance.cli_test import (Cli, FAILED, NOT_FOUND, USAGE, binary, environment,
                                   random_record)
from conformance.records_test import KEPT, json_lines, record
from harness import wire
from harness.file_limit import UNCOUNTED, limiter

DELETE_RECORDS = 21


class BackupTest(Cli, BrokerCase):
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
