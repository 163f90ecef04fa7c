"""`sluice log diff`: two logs compared by offset, whatever their batches and codecs."""

import json
import pathlib
import shutil
import tempfile
import unittest

from conformance.case import BrokerCase
from conformance.cli_test import FAILED, NOT_FOUND, OK, USAGE, Cli
from conformance.log_test import flip
from harness.broker import Broker

RECORDS = 2000
BEGIN_MS = 1_420_070_400_000

DIFF = {"a", "b", "differences", "partitions", "partitions_only_in_one", "records_equal",
        "records_different", "records_only_in_a", "records_only_in_b", "batches_different",
        "damaged_a", "damaged_b", "complete", "equal"}
ONLY = {"kind", "topic", "partition", "only_in", "first_offset", "last_offset", "records"}
RECORD = {"kind", "topic", "partition", "offset", "fields", "a", "b"}


def numbered(count=RECORDS):
    return [{"key": b"k%d" % (i % 50), "value": b"v%d" % i * 50, "headers": {"n": b"%d" % i},
             "timestamp": BEGIN_MS + i} for i in range(count)]


class Diff(Cli):
    def diff(self, *arguments, status=OK):
        done = self.sluice("log", "diff", *map(str, arguments), "--json")
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual(set(found), DIFF)
        self.assertEqual(found["equal"], status == OK)
        return found


class LogDiffTest(Diff, BrokerCase):
    needs_own_broker = True
    needs_sluiced = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls("fill")
        case.fill()
        case.doCleanups()
        cls.broker.stop()
        cls.data = pathlib.Path(cls.broker.data_directory)

    def fill(self):
        topic = self.create_topic("one", retention_ms=-1)
        self.produce(topic, numbered(), batch_num_messages=100)
        self.create_topic("zipped", retention_ms=-1)
        self.produce("zipped", numbered(), compression_type="zstd", linger_ms=100)
        self.create_topic("changed", retention_ms=-1)
        records = numbered()
        records[100]["value"] = b"other"
        records[200]["key"] = None
        records[300]["headers"] = {"n": b"\xff"}
        records[400]["timestamp"] = 1
        self.produce("changed", records)
        self.create_topic("shorter", retention_ms=-1)
        self.produce("shorter", numbered(RECORDS - 500))

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(dir=self.broker.directory))
        self.addCleanup(shutil.rmtree, self.root)
        self.copy = self.root / "copy"
        shutil.copytree(self.data, self.copy)

    def partition(self, topic):
        return self.data / f"{topic}-0"

    def test_a_copy_is_equal(self):
        found = self.diff(self.data, self.copy)
        self.assertEqual(found["differences"], [])
        self.assertGreaterEqual(found["records_equal"], 4 * RECORDS - 500)
        self.assertIn("equal       ", self.good("log", "diff", str(self.data), str(self.copy)))

    def test_batching_and_compression_do_not_count(self):
        found = self.diff(self.partition("one"), self.partition("zipped"))
        self.assertEqual(found["records_equal"], RECORDS)
        strict = self.diff(self.partition("one"), self.partition("zipped"), "--batches",
                           status=FAILED)
        self.assertEqual(strict["records_equal"], RECORDS)
        self.assertGreater(strict["batches_different"], 0)
        first = strict["differences"][0]
        self.assertEqual((first["kind"], first["offset"]), ("batch", 0))
        self.assertIn("codec", first["fields"])

    def test_each_field_that_differs_is_told(self):
        found = self.diff(self.partition("one"), self.partition("changed"), status=FAILED)
        self.assertEqual(found["records_different"], 4)
        told = {d["offset"]: d for d in found["differences"]}
        self.assertEqual({offset: d["fields"] for offset, d in told.items()},
                         {100: ["value"], 200: ["key"], 300: ["headers"], 400: ["timestamp"]})
        self.assertTrue(all(set(d) == RECORD and d["kind"] == "record" for d in told.values()))
        self.assertEqual(told[100]["b"], {"value": "other"})
        self.assertEqual((told[200]["a"], told[200]["b"]), ({"key": "k0"}, {"key": None}))
        self.assertEqual(told[300]["b"], {"headers": [{"key": "n", "value_base64": "/w=="}]})
        self.assertEqual(told[400]["a"], {"timestamp": BEGIN_MS + 400})
        text = self.sluice("log", "diff", str(self.partition("one")),
                           str(self.partition("changed"))).stdout
        self.assertIn('one-0  offset 100  value differs\n  A  value="v100', text)
        self.assertIn('  B  value="other"\n', text)

    def test_offsets_that_only_one_has_are_one_range(self):
        found = self.diff(self.partition("one"), self.partition("shorter"), status=FAILED)
        self.assertEqual(len(found["differences"]), 1)
        only = found["differences"][0]
        self.assertEqual(set(only), ONLY)
        self.assertEqual((only["kind"], only["only_in"], only["first_offset"],
                          only["last_offset"], only["records"]),
                         ("only", "a", RECORDS - 500, RECORDS - 1, 500))
        other = self.diff(self.partition("shorter"), self.partition("one"), status=FAILED)
        self.assertEqual(other["records_only_in_b"], 500)

    def test_partitions_that_only_one_has_are_told(self):
        shutil.rmtree(self.copy / "one-0")
        found = self.diff(self.data, self.copy, status=FAILED)
        self.assertEqual(found["partitions_only_in_one"], 1)
        missing, records = found["differences"]
        self.assertEqual((missing["kind"], missing["topic"], missing["only_in"]),
                         ("partition", "one", "a"))
        self.assertEqual((records["first_offset"], records["records"]), (0, RECORDS))
        self.diff(self.data, self.copy, "--topic", "changed")
        self.diff(self.data, self.copy, "--topic", "one", status=FAILED)

    def test_damage_is_a_difference(self):
        segment = sorted((self.copy / "one-0").glob("*.log"))[0]
        flip(segment, 200)
        done = self.sluice("log", "diff", str(self.data), str(self.copy), "--json")
        self.assertEqual(done.returncode, FAILED)
        found = json.loads(done.stdout)
        self.assertEqual([(d["kind"], d["only_in"]) for d in found["differences"]],
                         [("only", "a")])
        self.assertTrue(found["damaged_b"] and not found["damaged_a"])
        self.assertIn("'sluice log verify' tells where", done.stderr)

    def test_records_before_the_log_start_are_gone(self):
        with Broker(self.root, log_dir=self.copy) as broker:
            self.good("topics", "truncate", "one", "--before", "700", "--yes",
                      brokers=broker.address)
        found = self.diff(self.data, self.copy, "--topic", "one", status=FAILED)
        self.assertEqual([(d["only_in"], d["first_offset"], d["last_offset"])
                          for d in found["differences"]], [("a", 0, 699)])
        self.assertEqual(found["records_equal"], RECORDS - 700)

    def test_count_ends_it(self):
        found = self.diff(self.partition("one"), self.partition("changed"), "-n", "2",
                          status=FAILED)
        self.assertEqual([d["offset"] for d in found["differences"]], [100, 200])
        self.assertFalse(found["complete"])

    def test_wrong_invocations_say_so_in_one_line(self):
        for status, arguments in ((USAGE, (self.data,)), (NOT_FOUND, (self.data, "/nowhere")),
                                  (USAGE, (__file__, self.data)),
                                  (NOT_FOUND, (self.data, self.copy, "--topic", "ones")),
                                  (USAGE, (self.data, self.copy, "-n", "0"))):
            with self.subTest(arguments=arguments):
                error = self.bad(status, "log", "diff", *map(str, arguments))
                self.assertEqual(len(error.splitlines()), 1, error)


class KafkaLogDiffTest(Diff, BrokerCase):
    """What Apache Kafka wrote, beside what sluiced wrote of the same records."""

    needs_kafka = True

    def test_the_same_records_in_both_are_equal(self):
        topic = self.create_topic(segment_bytes=1 << 20, retention_ms=-1)
        self.produce(topic, numbered(), compression_type="lz4")
        self.broker.stop()
        root = pathlib.Path(tempfile.mkdtemp(dir=self.broker.directory))
        kafka = self.broker
        self.broker = Broker(root, log_dir=root / "data").start()
        self.addCleanup(setattr, self, "broker", kafka)
        self._admin = None  # of the other broker
        self.addCleanup(self.broker.close)
        self.produce(self.create_topic(topic, retention_ms=-1), numbered(), compression_type="zstd")
        self.broker.stop()
        found = self.diff(kafka.data_directory, root / "data", "--topic", topic)
        self.assertEqual(found["records_equal"], RECORDS)


if __name__ == "__main__":
    unittest.main()
