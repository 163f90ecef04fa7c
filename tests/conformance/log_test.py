"""`sluice log`: a data directory looked at, checked and repaired, with and without a broker."""

import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

from conformance.case import BrokerCase
from conformance.cli_test import DENIED, FAILED, NOT_FOUND, OK, USAGE, Cli, environment
from harness import wire
from harness.broker import Broker, binary
from harness.process import unprivileged

RECORDS = 3000
VALUE = b"v" * 1000
BATCH_HEADER = 61

FINDING = {"kind", "severity", "partition", "file", "position", "size_bytes", "first_offset",
           "last_offset", "readable_from", "detail"}
SEGMENT = {"base_offset", "end_offset", "size_bytes", "first_timestamp", "last_timestamp", "state",
           "damaged"}
PARTITION = {"topic", "partition", "topic_id", "log_start_offset", "durable_offset", "aside",
             "segments"}
BATCH = {"topic", "partition", "segment", "position", "size_bytes", "state", "base_offset",
         "last_offset", "record_count", "leader_epoch", "crc", "base_timestamp", "max_timestamp",
         "timestamp_type", "producer_id", "producer_epoch", "base_sequence", "transactional",
         "control", "codec", "uncompressed_bytes", "records"}
STEP = {"partition", "file", "done", "position", "size_bytes", "lost_first_offset",
        "lost_last_offset", "kept_as"}


def flip(path, position, bit=0):
    """Turns one bit of a file; the same call turns it back."""
    with open(path, "r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ (1 << bit)]))


class LogTest(Cli, BrokerCase):
    """Works on copies of one directory that a broker filled and closed."""

    needs_own_broker = True
    needs_sluiced = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls("fill")
        cls.topic = case.fill()
        cls.broker.stop()

    def fill(self):
        topic = self.create_topic(segment_bytes=1 << 20)
        self.produce(topic, [{"key": b"k%d" % i, "value": VALUE, "headers": {"n": b"%d" % i}}
                             for i in range(RECORDS)], enable_idempotence=True,
                     linger_ms=50, batch_num_messages=50)
        consumer = self.consumer("inspected")
        consumer.subscribe([topic])
        self.poll_messages(consumer, RECORDS)
        consumer.commit(asynchronous=False)
        self.doCleanups()
        return topic

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(dir=self.broker.directory))
        self.data = self.root / "data"
        shutil.copytree(self.broker.data_directory, self.data)
        self.partition = self.data / f"{self.topic}-0"
        self.segments = sorted(self.partition.glob("*.log"))

    def log(self, *arguments, status=OK):
        done = self.sluice("log", *map(str, arguments), stdin="")
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def verify(self, status=OK):
        return json.loads(self.log("verify", self.data, "--json", status=status).stdout)

    def batches(self, *arguments, status=OK):
        lines = self.log("dump", self.partition, "--json", *arguments, status=status).stdout
        return [json.loads(line) for line in lines.splitlines()]

    def consumed(self):
        """What a broker on the directory serves: offset → number in the header."""
        with Broker(self.root, log_dir=self.data) as broker:
            read = self.good("consume", self.topic, "-e", "--json", brokers=broker.address)
            self.good("produce", self.topic, stdin="more\n", brokers=broker.address)
        records = map(json.loads, read.splitlines())
        return {record["offset"]: int(record["headers"][0]["value"]) for record in records}

    def test_ls_shows_what_is_there(self):
        listed = json.loads(self.log("ls", self.data, "--json").stdout)
        self.assertTrue(listed["clean"])
        self.assertIsNone(listed["open_by"])
        mine = [p for p in listed["partitions"] if p["topic"] == self.topic]
        self.assertEqual(set(mine[0]), PARTITION)
        self.assertEqual(len(mine[0]["segments"]), len(self.segments))
        for segment in mine[0]["segments"]:
            self.assertEqual(set(segment), SEGMENT)
        self.assertEqual(mine[0]["segments"][0]["state"], "sealed")
        self.assertEqual(mine[0]["segments"][-1]["state"], "active")
        self.assertEqual(mine[0]["segments"][-1]["end_offset"], RECORDS)
        self.assertEqual(mine[0]["durable_offset"], RECORDS)
        self.assertIn(f"{self.topic}-0", self.log("ls", self.data).stdout)

    def test_dump_loses_nothing(self):
        batches = self.batches()
        self.assertTrue(all(set(batch) == BATCH for batch in batches))
        records = [record for batch in batches for record in batch["records"]]
        self.assertEqual([record["offset"] for record in records], list(range(RECORDS)))
        for number, record in enumerate(records):
            self.assertEqual(record["key"], f"k{number}")
            self.assertEqual(record["value"], VALUE.decode())
            self.assertEqual(record["headers"], [{"key": "n", "value": str(number)}])
        part = self.batches("--offset", "1500-1500")
        self.assertEqual(len(part), 1)
        self.assertLessEqual(part[0]["base_offset"], 1500)
        self.assertGreaterEqual(part[0]["last_offset"], 1500)

    def test_dump_decodes_internal_topics(self):
        lines = self.log("dump", self.data, "--topic", "__consumer_offsets", "--json").stdout
        decoded = [record["decoded"] for line in lines.splitlines()
                   for record in json.loads(line)["records"] if "decoded" in record]
        commits = [d for d in decoded if d["type"] == "offset-commit" and d["topic"] == self.topic]
        self.assertEqual(commits[-1]["offset"], RECORDS)
        self.assertEqual(commits[-1]["group"], "inspected")

    def test_an_intact_directory_is_found_intact(self):
        report = self.verify()
        self.assertFalse(report["damaged"])
        self.assertEqual(report["findings"], [])
        self.assertGreaterEqual(report["records"], RECORDS)
        self.assertEqual(report["sealed_segments"], len(list(self.data.glob("*/*.seal"))))

    def test_one_flipped_bit_is_found_in_each_kind_of_file(self):
        first = self.segments[0]
        second = json.loads(self.log("dump", first, "--json", "--batches").stdout.splitlines()[1])
        at = second["position"]
        flips = [(first, at + 3, "base offset", {"offset", "batch"}),
                 (first, at + 10, "length", {"batch"}),
                 (first, at + 15, "leader epoch", {"epoch"}),
                 (first, at + 16, "magic", {"batch"}),
                 (first, at + 18, "crc", {"batch"}),
                 (first, at + BATCH_HEADER + 500, "value", {"batch"}),
                 (self.segments[-1], 5000, "active segment", {"batch"}),
                 (first.with_suffix(".index"), 6, "index", {"index"}),
                 (first.with_suffix(".timeindex"), 6, "time index", {"time-index"}),
                 (first.with_suffix(".seal"), 70, "seal", {"seal"}),
                 (sorted(self.partition.glob("*.snapshot"))[-1], 20, "snapshot", {"snapshot"}),
                 (self.partition / "leader-epoch-checkpoint", 0, "epochs", {"checkpoint"}),
                 (self.data / "meta" / "catalog", 40, "catalog", {"checkpoint"})]
        for path, position, what, kinds in flips:
            with self.subTest(what=what):
                flip(path, position)
                report = self.verify(status=FAILED)
                found = [f for f in report["findings"] if f["file"] == str(path)]
                self.assertTrue(found, report)
                self.assertEqual(set(found[0]), FINDING)
                self.assertIn(found[0]["kind"], kinds)
                flip(path, position)
        self.assertEqual(self.verify()["findings"], [])

    def repaired(self, path, position):
        """Flips a bit, repairs, and returns what was lost and what a broker then serves."""
        flip(path, position)
        found = [f for f in self.verify(status=FAILED)["findings"] if f["kind"] == "batch"]
        self.assertEqual(len(found), 1)
        before = path.read_bytes()
        self.log("repair", self.data, status=USAGE)
        planned = json.loads(self.log("repair", self.data, "--dry-run", "--json").stdout)
        self.assertFalse(planned["applied"])
        self.assertEqual(path.read_bytes(), before)
        done = json.loads(self.log("repair", self.data, "--confirm", "--json").stdout)
        self.assertEqual({**planned, "applied": True}, done)
        step = done["steps"][0]
        self.assertEqual(set(step), STEP)
        lost = range(step["lost_first_offset"], step["lost_last_offset"] + 1)
        self.assertEqual(step["lost_first_offset"], found[0]["first_offset"])
        aside = pathlib.Path(step["kept_as"]).read_bytes()
        self.assertEqual(aside, before[step["position"]:step["position"] + step["size_bytes"]])
        self.assertEqual(self.verify()["findings"], [])
        return lost

    def test_a_repaired_directory_serves_everything_readable(self):
        for path, position in ((self.segments[0], len(self.segments[0].read_bytes()) // 2),
                               (self.segments[1], 200), (self.segments[-1], 5000)):
            with self.subTest(segment=path.name):
                shutil.rmtree(self.data)
                shutil.copytree(self.broker.data_directory, self.data)
                lost = self.repaired(path, position)
                self.assertGreater(len(lost), 0)
                expected = {i: i for i in range(RECORDS) if i not in lost}
                self.assertEqual(self.consumed(), expected)
                self.assertEqual(self.verify()["findings"], [])

    def test_a_repaired_directory_of_a_killed_broker_keeps_what_lies_behind(self):
        root = self.root / "killed"
        broker = Broker(root, log_dir=root / "data").start()
        self.addCleanup(broker.close)
        for _ in range(3):
            self.good("produce", "t", stdin="x\n" * 3000, brokers=broker.address)
        broker.kill()
        flip(root / "data" / "t-0" / f"{0:020}.log", 300)
        done = json.loads(self.log("repair", root / "data", "--confirm", "--json").stdout)
        lost = done["steps"][0]["lost_last_offset"] + 1
        self.assertTrue(0 < lost < 9000, lost)
        self.log("verify", root / "data")
        broker.start()
        read = self.good("consume", "t", "-e", "--json", brokers=broker.address)
        offsets = [json.loads(line)["offset"] for line in read.splitlines()]
        self.assertEqual(offsets, list(range(lost, 9000)))

    def test_a_consumer_is_told_of_damage_behind_what_is_intact(self):
        first = self.segments[0]
        flip(first, len(first.read_bytes()) // 2)
        with Broker(self.root, log_dir=self.data) as broker:
            done = self.sluice("consume", self.topic, "-e", "--json", brokers=broker.address)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertRegex(done.stderr, rf"{self.topic}-0 at offset \d+: damaged on the broker's disk")
        offsets = [json.loads(line)["offset"] for line in done.stdout.splitlines()]
        self.assertEqual(offsets, list(range(len(offsets))))
        self.assertIn(f"offset {len(offsets)}:", done.stderr)

    def test_what_lies_outside_of_the_crc_is_mended_without_loss(self):
        first = self.segments[0]
        second = json.loads(self.log("dump", first, "--json", "--batches").stdout.splitlines()[1])
        before = first.read_bytes()
        for position in (second["position"] + 6, second["position"] + 15):
            flip(first, position)
            self.verify(status=FAILED)
            done = json.loads(self.log("repair", self.data, "--confirm", "--json").stdout)
            self.assertTrue(all(step["lost_first_offset"] < 0 for step in done["steps"]), done)
            self.assertEqual(first.read_bytes(), before)
            self.assertEqual(self.verify()["findings"], [])

    def test_indexes_are_written_as_the_broker_wrote_them(self):
        index = self.segments[0].with_suffix(".index")
        times = self.segments[0].with_suffix(".timeindex")
        before = index.read_bytes(), times.read_bytes()
        index.unlink()
        flip(times, 6)
        self.log("index", self.data, "--confirm")
        self.assertEqual((index.read_bytes(), times.read_bytes()), before)

    def test_a_cut_log_ends_where_it_was_cut(self):
        target = self.batches("--offset", "1500-1500", "--batches")[0]["base_offset"]
        self.log("cut", self.data, f"{self.topic}-0", 1500, status=USAGE)
        done = json.loads(
            self.log("cut", self.data, f"{self.topic}-0", 1500, "--confirm", "--json").stdout)
        for step in done["steps"]:
            self.assertTrue(pathlib.Path(step["kept_as"]).exists())
        self.assertEqual(self.verify()["findings"], [])
        self.assertEqual(self.consumed(), {i: i for i in range(target)})

    def test_a_cut_of_one_file_is_a_cut_of_the_log(self):
        planned = [json.loads(self.log("cut", path, f"{self.topic}-0", 1500, "-n", "--json").stdout)
                   for path in (self.data, self.partition, self.segments[-1], self.segments[0])]
        self.assertEqual(len({json.dumps(plan["steps"]) for plan in planned}), 1)
        self.assertEqual(len(planned[0]["steps"]), len(self.segments) - 1)

    def test_a_log_that_ends_before_the_offset_is_left_as_it_is(self):
        nothing = json.loads(
            self.log("cut", self.data, f"{self.topic}-0", 10**9, "--confirm", "--json").stdout)
        self.assertEqual(nothing["steps"], [])
        self.log("cut", self.data, f"{self.topic}-0", 1500, "--confirm")
        again = json.loads(
            self.log("cut", self.data, f"{self.topic}-0", 1500, "--confirm", "--json").stdout)
        self.assertEqual(again["steps"], [])

    def test_a_cut_that_left_the_frontier_behind_is_finished(self):
        """As older versions left it: the frontier lies in a segment that is gone."""
        target = self.batches("--offset", "1500-1500", "--batches")[0]["base_offset"]
        saved = {path: path.read_bytes() for path in (self.data / "meta").glob("frontier-*")}
        self.log("cut", self.data, f"{self.topic}-0", 1500, "--confirm")
        for path, content in saved.items():
            path.write_bytes(content)
        done = json.loads(
            self.log("cut", self.data, f"{self.topic}-0", 1500, "--confirm", "--json").stdout)
        self.assertEqual(len(done["steps"]), 1)
        self.assertEqual(self.verify()["findings"], [])
        self.assertEqual(self.consumed(), {i: i for i in range(target)})

    def test_a_repair_that_left_the_frontier_behind_is_finished(self):
        saved = {path: path.read_bytes() for path in (self.data / "meta").glob("frontier-*")}
        flip(self.segments[-1], 5000)
        self.log("repair", self.data, "--confirm")
        expected = [batch["base_offset"] for batch in self.batches("--batches")]
        for path, content in saved.items():
            path.write_bytes(content)
        found = self.verify(status=FAILED)["findings"]
        self.assertEqual([f["kind"] for f in found], ["frontier"])
        self.log("repair", self.data, "--confirm")
        self.assertEqual(self.verify()["findings"], [])
        self.assertEqual([b["base_offset"] for b in self.batches("--batches")], expected)
        self.assertEqual(set(self.consumed()) & set(range(RECORDS - 50, RECORDS)),
                         set(range(RECORDS - 50, RECORDS)))

    def test_a_batch_that_expands_too_far_is_damage(self):
        packer = zlib.compressobj(9, wbits=31)
        bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(257)) + packer.flush()
        body = wire.record_batch([b"x"], attributes=1)[21:61] + bomb
        first = self.segments[0]
        first.write_bytes(struct.pack(">qiibI", 0, 9 + len(body), 0, 2, wire.crc32c(body)) + body)
        found = [f for f in self.verify(status=FAILED)["findings"] if f["kind"] == "records"]
        self.assertEqual(len(found), 1)
        self.assertIn("expands beyond 268435456 bytes", found[0]["detail"])

    def test_nobody_is_asked_with_no_input(self):
        """On a terminal, where the command would ask."""
        flip(self.segments[0], 5000)
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        for command in (("repair", self.data), ("index", self.data),
                        ("cut", self.data, f"{self.topic}-0", 1500)):
            done = subprocess.run([binary("sluice"), "--no-input", "log", *map(str, command)],
                                  stdin=slave, stderr=slave, stdout=subprocess.PIPE, timeout=60,
                                  env=environment(), check=False)
            self.assertEqual(done.returncode, USAGE)
        os.close(slave)

    def test_a_link_to_a_partition_leads_to_its_data_directory(self):
        link = self.root / self.partition.name
        link.symlink_to(self.partition)
        flip(self.segments[0], 5000)
        with Broker(self.root, log_dir=self.data):
            self.assertIn("in use", self.log("repair", link, "--confirm", status=FAILED).stderr)
        self.log("repair", link, "--confirm")
        self.assertFalse((self.root / "sluice.lock").exists())
        lonely = self.root / "elsewhere" / self.partition.name
        shutil.copytree(self.partition, lonely)
        self.log("verify", lonely)
        self.assertIn("no data directory",
                      self.log("index", lonely, "--confirm", status=USAGE).stderr)

    def test_a_directory_in_use_is_read_and_not_changed(self):
        with Broker(self.root, log_dir=self.data) as broker:
            pid = str(broker.process.pid)
            self.assertEqual(self.verify()["open_by"], pid)
            self.assertEqual(json.loads(self.log("ls", self.data, "--json").stdout)["open_by"], pid)
            refused = self.log("repair", self.data, "--confirm", status=FAILED)
            self.assertIn(f"in use by process {pid}", refused.stderr)
            self.assertEqual(len(refused.stderr.splitlines()), 1)

    def test_wrong_invocations_say_so_in_one_line(self):
        empty = self.root / "empty"
        empty.mkdir()
        for status, arguments in ((NOT_FOUND, ("verify", self.root / "nowhere")),
                                  (USAGE, ("verify", empty)),
                                  (USAGE, ("ls", __file__)),
                                  (NOT_FOUND, ("dump", self.data, "--topic", self.topic + "x")),
                                  (USAGE, ("dump", self.data, "--offset", "5-4"))):
            with self.subTest(arguments=arguments):
                done = self.log(*arguments, status=status)
                self.assertEqual(done.stdout, "")
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        if os.geteuid() != 0:
            empty.chmod(0)
            self.log("verify", empty, status=DENIED)

    def test_ls_of_a_segment_that_may_not_be_read(self):
        subprocess.run(["chmod", "-R", "a+rX", self.broker.directory], check=True)
        self.segments[0].chmod(0)
        for more in ([], ["--json"]):
            done = subprocess.run([binary("sluice"), "log", "ls", str(self.data), *more],
                                  capture_output=True, text=True, timeout=30, check=False,
                                  env=environment(), **unprivileged())
            self.assertEqual((done.returncode, done.stdout), (DENIED, ""))
            self.assertEqual(done.stderr, f"sluice: {self.segments[0]}: Permission denied\n")

    def test_yes_is_another_word_for_confirm(self):
        flip(self.segments[0], BATCH_HEADER + 100)
        self.log("repair", self.data, "--yes")
        self.log("verify", self.data)

    def test_a_closed_pipe_ends_a_dump_quietly(self):
        dump = subprocess.Popen([binary("sluice"), "log", "dump", str(self.data), "--json"],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        dump.stdout.readline()
        dump.stdout.close()
        self.assertEqual(dump.wait(60), OK)
        self.assertEqual(dump.stderr.read(), b"")
        dump.stderr.close()


class KafkaLogTest(Cli, BrokerCase):
    """The directory of an Apache Kafka is read as well, and never changed."""

    needs_kafka = True

    def test_segments_of_apache_kafka_are_read(self):
        topic = self.create_topic(segment_bytes=1 << 20)
        codecs = ("none", "gzip", "snappy", "lz4", "zstd")
        for codec in codecs:
            self.produce(topic, [(b"k", os.urandom(250).hex().encode()) for _ in range(1000)],
                         compression_type=codec, enable_idempotence=True)
        data = str(self.broker.data_directory)
        self.good("log", "verify", data)
        self.broker.stop()
        report = json.loads(self.good("log", "verify", data, "--json"))
        self.assertEqual(report["findings"], [])
        lines = self.good("log", "dump", data, "--topic", topic, "--json").splitlines()
        batches = [json.loads(line) for line in lines]
        self.assertEqual({batch["codec"] for batch in batches}, set(codecs))
        offsets = [record["offset"] for batch in batches for record in batch["records"]]
        self.assertEqual(offsets, list(range(1000 * len(codecs))))
        listed = json.loads(self.good("log", "ls", data, "--topic", topic, "--json"))
        self.assertEqual(listed["writer"], "kafka")
        self.assertGreater(len(listed["partitions"][0]["segments"]), 1)
        segment = sorted((pathlib.Path(data) / f"{topic}-0").glob("*.log"))[0]
        flip(segment, BATCH_HEADER + 100)
        done = self.sluice("log", "verify", data, "--json")
        self.assertEqual(done.returncode, FAILED)
        found = json.loads(done.stdout)["findings"]
        self.assertEqual([f["kind"] for f in found], ["batch"])
        self.assertIn("only read", self.bad(USAGE, "log", "repair", data, "--confirm"))


if __name__ == "__main__":
    unittest.main()
