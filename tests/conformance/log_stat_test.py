"""`sluice log stat`: what takes the space in a data directory, against what `log dump` shows."""

import collections
import json
import os
import pathlib
import subprocess
import unittest

from conformance.case import BrokerCase
from conformance.cli_interrupt_test import Interrupts
from conformance.cli_test import FAILED, NOT_FOUND, OK, USAGE, environment
from conformance.log_test import flip
from harness.broker import binary

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
HOUR_MS = 3_600_000
BEGIN_MS = 1_420_070_400_000

STAT = {"directories", "complete", "partitions", "segments", "damaged_bytes", "damaged_batches",
        "batches", "records", "stored_bytes", "uncompressed_bytes", "ratio", "topics", "types",
        "codecs", "trial", "hours", "keys", "biggest"}
BATCHES = {"batches", "records", "stored_bytes", "uncompressed_bytes", "ratio"}
COMPACTION = {"exact", "keys", "keys_exact", "superseded_records", "superseded_bytes",
              "closed_superseded_bytes", "tombstones", "tombstone_bytes"}
TRIED = {"codec", "compressed_bytes", "ratio", "compress_bytes_per_second",
         "decompress_bytes_per_second"}
KEY = {"topic", "key", "key_bytes", "key_whole", "records_min", "bytes_min", "bytes_max"}
BIG = {"topic", "partition", "offset", "timestamp", "size_bytes", "key_bytes", "value_bytes",
       "headers"}


class Stat(Interrupts):
    def fill(self):
        """A topic with some of everything: codecs, tombstones, hours, one big record."""
        topic = self.create_topic(partitions=2, segment_bytes=1 << 20, retention_ms=-1)
        for number, codec in enumerate(CODECS):
            records = []
            for i in range(800):
                value = None if i % 10 == 9 else b"%d " % i + os.urandom(100).hex().encode() * 3
                records.append({"key": b"k%d" % (i % 37), "value": value, "partition": i % 2,
                                "timestamp": BEGIN_MS + number * HOUR_MS + i})
            self.produce(topic, records, compression_type=codec, linger_ms=50)
        self.produce(topic, [{"value": b"b" * 300_000, "partition": 1, "headers": {"a": b"b"},
                              "timestamp": BEGIN_MS}])
        return topic

    def stat(self, *arguments, status=OK):
        done = self.sluice("log", "stat", *map(str, arguments), "--json")
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def dumped(self, topic):
        lines = self.good("log", "dump", self.data, "--topic", topic, "--json").splitlines()
        return [json.loads(line) for line in lines]

    def check_against_dump(self, topic):
        found = self.stat(self.data, "--topic", topic, "--top", "1000")
        self.assertEqual(set(found), STAT)
        batches = self.dumped(topic)
        records = [{**record, "partition": batch["partition"]}
                   for batch in batches for record in batch["records"]]
        self.assertEqual(found["batches"], len(batches))
        self.assertEqual(found["records"], len(records))
        self.assertEqual(found["stored_bytes"], sum(b["size_bytes"] for b in batches))
        self.check_codecs(found, batches)
        self.check_records(found, records)
        self.check_compaction(found["topics"][0], records)

    def check_codecs(self, found, batches):
        stored = collections.Counter()
        for batch in batches:
            stored[batch["codec"]] += batch["size_bytes"]
        self.assertEqual({c["codec"]: c["stored_bytes"] for c in found["codecs"]}, dict(stored))
        self.assertEqual(set(found["codecs"][0]), {"codec", *BATCHES})
        tried = found["trial"]["codecs"]
        self.assertEqual([c["codec"] for c in tried], list(CODECS[1:]))
        self.assertEqual(set(tried[0]), TRIED)
        self.assertEqual(found["trial"]["batches"], len(batches))
        for codec in tried:
            self.assertEqual(round(found["trial"]["uncompressed_bytes"] / codec["compressed_bytes"],
                                   2), round(codec["ratio"], 2))
            self.assertGreater(codec["compress_bytes_per_second"], 0)

    def check_records(self, found, records):
        types = {t["type"]: t["records"] for t in found["types"]}
        tombstones = sum(1 for r in records if r["value"] is None)
        self.assertEqual(types, {"record": len(records) - tombstones, "tombstone": tombstones,
                                 "control": 0})
        hours = collections.Counter(r["timestamp"] // HOUR_MS * HOUR_MS for r in records)
        self.assertEqual({h["hour"]: h["records"] for h in found["hours"]}, dict(hours))
        sizes = collections.Counter()
        for record in records:
            sizes[record["key"]] += record["size_bytes"]
        keys = found["keys"]
        self.assertTrue(keys["exact"])
        self.assertEqual(keys["without_key"], {"records": 1, "bytes": sizes.pop(None)})
        self.assertEqual(set(keys["top"][0]), KEY)
        self.assertEqual({k["key"]: k["bytes_min"] for k in keys["top"]}, dict(sizes))
        self.assertTrue(all(k["bytes_min"] == k["bytes_max"] for k in keys["top"]))
        by_size = sorted(records, key=lambda r: (-r["size_bytes"], r["partition"], r["offset"]))
        self.assertEqual([(b["partition"], b["offset"], b["size_bytes"]) for b in found["biggest"]],
                         [(r["partition"], r["offset"], r["size_bytes"]) for r in by_size[:1000]])
        self.assertEqual(set(found["biggest"][0]), BIG)
        self.assertEqual(found["biggest"][0]["value_bytes"], 300_000)

    def check_compaction(self, topic, records):
        newest = {(r["partition"], r["key"]): r for r in records if r["key"] is not None}
        keyed = sum(1 for r in records if r["key"] is not None)
        compaction = topic["compaction"]
        self.assertEqual(set(compaction), COMPACTION)
        self.assertFalse(compaction["exact"])  # some of it is compressed
        self.assertTrue(compaction["keys_exact"])
        self.assertEqual(compaction["keys"], len(newest))
        self.assertEqual(compaction["superseded_records"], keyed - len(newest))
        self.assertEqual(compaction["tombstones"],
                         sum(1 for r in newest.values() if r["value"] is None))


class LogStatTest(Stat, BrokerCase):
    needs_own_broker = True
    needs_sluiced = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.topic = cls("fill").fill()
        cls.plain = cls("fill_plain").fill_plain()
        cls.broker.stop()
        cls.data = pathlib.Path(cls.broker.data_directory)

    def fill_plain(self):
        topic = self.create_topic(segment_bytes=1 << 20)
        self.produce(topic, [(b"k%d" % (i % 100), b"v" * 1000) for i in range(3000)])
        self.doCleanups()
        return topic

    def test_it_counts_what_a_dump_shows(self):
        self.check_against_dump(self.topic)

    def test_what_compaction_frees_is_exact_without_compression(self):
        compaction = self.stat(self.data, "--topic", self.plain)["topics"][0]["compaction"]
        batches = self.dumped(self.plain)
        last = max(batch["segment"] for batch in batches)
        sizes = [(batch["segment"] < last, record["key"], record["size_bytes"])
                 for batch in batches for record in batch["records"]]
        closed = [(key, size) for is_closed, key, size in sizes if is_closed]
        self.assertTrue(compaction["exact"])
        self.assertEqual(compaction["superseded_bytes"], sum(size for _, _, size in sizes) -
                         sum({key: size for _, key, size in sizes}.values()))
        self.assertEqual(compaction["closed_superseded_bytes"], sum(size for _, size in closed) -
                         sum(dict(closed).values()))
        self.assertGreater(compaction["closed_superseded_bytes"], 0)

    def test_tables_name_everything(self):
        text = self.good("log", "stat", str(self.data))
        for title in ("TOPIC", "TYPE", "STORED WITH", "TRIED WITH", "HOUR", "KEY", "BIGGEST"):
            self.assertRegex(text, rf"(?m)^{title} ")
        self.assertNotIn("TRIED WITH", self.good("log", "stat", str(self.data), "--sample", "0"))

    def test_several_paths_are_one_answer(self):
        parts = [self.stat(self.data / f"{self.topic}-{i}")["records"] for i in (0, 1)]
        both = self.stat(self.data / f"{self.topic}-0", self.data / f"{self.topic}-1")
        self.assertEqual(both["records"], sum(parts))
        self.assertEqual([d["directory"] for d in both["directories"]], [str(self.data)] * 2)
        self.assertEqual(both["topics"][0]["partitions"], 2)

    def test_damage_is_left_out_and_told(self):
        segment = sorted((self.data / f"{self.plain}-0").glob("*.log"))[0]
        before = self.stat(self.data)
        flip(segment, 200)
        self.addCleanup(flip, segment, 200)
        after = self.stat(self.data, status=FAILED)
        self.assertEqual(after["batches"], before["batches"] - 1)
        self.assertEqual(after["damaged_bytes"], before["stored_bytes"] - after["stored_bytes"])

    def test_ctrl_c_ends_it_with_what_it_has(self):
        paths = [str(self.data)] * 2000  # for longer than a signal takes
        found = json.loads(self.interrupt(self.working("log", "stat", *paths, "--json")))
        self.assertFalse(found["complete"])
        self.assertEqual(len(found["directories"]), len(paths))

    def test_threads_find_the_same(self):
        paths = [str(self.data)] * 3
        one = self.stat(*paths, "--sample", "0", "--threads", "1")
        self.assertEqual(self.stat(*paths, "--sample", "0", "--threads", "8"), one)

    def test_wrong_invocations_say_so_in_one_line(self):
        for status, arguments in ((NOT_FOUND, (self.data / "nowhere",)),
                                  (USAGE, ()), (USAGE, (__file__,)),
                                  (NOT_FOUND, (self.data, "--topic", self.topic + "x")),
                                  (USAGE, (self.data, "--top", "-1")),
                                  (USAGE, (self.data, "--sample", "lots"))):
            with self.subTest(arguments=arguments):
                error = self.bad(status, "log", "stat", *map(str, arguments))
                self.assertEqual(len(error.splitlines()), 1, error)

    def test_a_closed_pipe_ends_it_quietly(self):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([binary("sluice"), "-q", "log", "stat", str(self.data)],
                              stdout=writer, stderr=subprocess.PIPE, env=environment(),
                              timeout=60, check=False)
        os.close(writer)
        self.assertEqual((done.returncode, done.stderr), (OK, b""))


class KafkaLogStatTest(Stat, BrokerCase):
    """Directories of an Apache Kafka, with its transactions' control records."""

    needs_kafka = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = pathlib.Path(cls.broker.data_directory)

    def test_directories_of_apache_kafka_are_counted(self):
        topic = self.fill()
        transactional = self.create_topic()
        producer = self.producer(transactional_id=self.name("writer"))
        producer.init_transactions(30)
        for end in (producer.commit_transaction, producer.abort_transaction):
            producer.begin_transaction()
            producer.produce(transactional, b"v", key=b"k")
            producer.flush(30)
            end(30)
        live = self.stat(self.data)
        self.assertGreater(live["records"], 4000)
        self.broker.stop()
        self.check_against_dump(topic)
        found = self.stat(self.data, "--topic", transactional)
        self.assertEqual(found["directories"][0]["writer"], "kafka")
        self.assertEqual({t["type"]: t["records"] for t in found["types"]},
                         {"record": 2, "tombstone": 0, "control": 2})
        self.assertEqual(found["topics"][0]["compaction"]["keys"], 1)


if __name__ == "__main__":
    unittest.main()
