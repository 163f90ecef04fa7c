"""`sluice` on records: ranges, formats, search and tail; golden text and the shape of JSON."""

import gzip
import json
import pathlib
import random
import signal
import subprocess
import tempfile

from conformance.case import BrokerCase
from conformance.cli_test import (Cli, FAILED, NOT_FOUND, OK, USAGE, binary, environment,
                                  random_record)
from harness.file_limit import UNCOUNTED, limiter

KEPT = {"retention_ms": -1}  # records with old timestamps stay
RECORD_MEMBERS = {"topic", "partition", "offset", "timestamp", "key", "value", "headers"}


def json_lines(text):
    return [json.loads(line) for line in text.splitlines()]


def record(value, key=None, **more):
    return json.dumps({"key": key, "value": value, **more}) + "\n"


class RangesTest(Cli, BrokerCase):
    def test_from_and_to(self):
        topic = self.make_topic(**KEPT)
        self.good("produce", topic, "--json",
                  stdin="".join(record(str(i), timestamp=1000 * i) for i in range(10)))
        for begin, end, expected in (
                ("start", "end", "0123456789"), ("3", "7", "3456"), ("3", "3", ""), ("7", "3", ""),
                ("+2", "-2", "234567"), ("@2000", "@5000", "234"), ("@2000", "@99999", "23456789"),
                ("@1970-01-01T00:00:02", "@1970-01-01T00:00:03", "2"), ("-3", "end", "789")):
            with self.subTest((begin, end)):
                self.assertEqual(self.good("consume", topic, "--from", begin, "--to", end,
                                           "-F", "%s"), expected)
        self.assertIn("--to 'never'", self.bad(USAGE, "consume", topic, "--to", "never"))
        self.assertIn("exclude", self.bad(USAGE, "consume", topic, "--to", "3", "-e"))

    def test_each_partition_has_its_range(self):
        topic = self.make_topic(partitions=3)
        for partition in range(3):
            self.good("produce", topic, "-p", str(partition),
                      stdin="".join(f"{partition}{i}\n" for i in range(4)))
        def shown(*options):
            return sorted(self.good("consume", topic, *options).split())
        self.assertEqual(shown("--from", "-1", "-e"), ["03", "13", "23"])
        self.assertEqual(shown("--from", "1", "--to", "2"), ["01", "11", "21"])
        self.assertEqual(shown("-p", "0", "-p", "2", "--to", "1"), ["00", "20"])

    def test_formats(self):
        topic = self.make_topic(**KEPT)
        self.good("produce", topic, "--json", stdin=(
            record('a"b', "k", timestamp=1420070400123, headers=[{"key": "h", "value": "1"}]) +
            '{"key_base64":"/wA=","value":null,"timestamp":2}\n'))
        for form, expected in (
                ("hex", "0\t6b\t612262\n1\tff00\t-\n"), ("raw", 'a"b'),
                (r"%t %p %o %T %d %K %S\n",
                 f"{topic} 0 0 1420070400123 2015-01-01T00:00:00.123Z 1 3\n"
                 f"{topic} 0 1 2 1970-01-01T00:00:00.002Z 2 -1\n"),
                (r"%j{k} %j{s} %b{s}|%h\n", '"k" "a\\"b" YSJi|h=1\n"/wA=" null |\n'),
                (r"100%%\x41\t", "100%A\t100%A\t")):
            with self.subTest(form):
                self.assertEqual(self.good("consume", topic, "-e", "-F", form), expected)
        self.assertEqual(self.good("consume", topic, "-e", "-F", "json"),
                         self.good("consume", topic, "-e", "--json"))
        for wrong in ("%q", "%x", "%x{t}", "%"):
            self.assertIn("format", self.bad(USAGE, "consume", topic, "-F", wrong))

    def test_json_has_these_members(self):
        topic = self.make_topic()
        self.good("produce", topic, stdin="a\n")
        for row in json_lines(self.good("consume", topic, "-e", "--json")):
            self.assertEqual(set(row), RECORD_MEMBERS)

    def test_null_marker_and_copies(self):
        topic = self.make_topic()
        self.good("produce", topic, "-K:", "--null-marker", "NULL", "--copies", "2",
                  stdin="k:NULL\nNULL:v\n")
        self.assertEqual(self.good("consume", topic, "-e", "-F", r"%j{k}%j{s} "),
                         '"k"null "k"null null"v" null"v" ')
        self.bad(USAGE, "produce", topic, "--copies", "0", stdin="")
        self.assertIn("No such file", self.bad(NOT_FOUND, "produce", topic, "-f", "no-such-file"))


class SearchTest(Cli, BrokerCase):
    def setUp(self):
        super().setUp()
        self.topic = self.make_topic(partitions=2, **KEPT)
        rows = [
            record('{"order":{"id":9223372036854775807,"sku":"é"}}', "order-1", timestamp=1000),
            record('{"order":{"id":9223372036854775806},"note":"\\u0041"}', "order-2",
                   timestamp=2000, headers=[{"key": "type", "value": "Paid"}]),
            record("no json, total 12345", "other", timestamp=3000,
                   headers=[{"key": "type", "value": None}]),
            record(None, "order-1", timestamp=4000)]
        self.good("produce", self.topic, "--json", "-p", "0", stdin="".join(rows))
        self.good("produce", self.topic, "--json", "-p", "1", stdin=record("paid", timestamp=1500))

    def offsets(self, *options):
        found = json_lines(self.good("search", self.topic, "--json", *options))
        return sorted((row["partition"], row["offset"]) for row in found)

    def test_every_kind(self):
        for options, expected in (
                (["--key", "order-1"], [(0, 0), (0, 3)]),
                (["--key-prefix", "order-"], [(0, 0), (0, 1), (0, 3)]),
                (["--key-regex", "-[2-9]$"], [(0, 1)]),
                (["--contains", "total"], [(0, 2)]),
                (["--contains", "order", "--contains", "sku"], [(0, 0)]),
                (["--regex", "[0-9]{5}$"], [(0, 2)]),
                (["--regex", "^paid"], [(1, 0)]),
                (["--header", "type"], [(0, 1), (0, 2)]),
                (["--header", "type=Paid"], [(0, 1)]),
                (["--field", "order.id"], [(0, 0), (0, 1)]),
                (["--field", "$.order.id=9223372036854775807"], [(0, 0)]),
                (["--field", "order.id=9223372036854775806"], [(0, 1)]),
                (["--field", "order.sku=é"], [(0, 0)]),
                (["--field", "note=A"], [(0, 1)]),
                (["--key", "order-1", "--contains", "sku"], [(0, 0)]),
                (["--from", "@1500", "--to", "@3000"], [(0, 1), (1, 0)]),
                (["-p", "1"], [(1, 0)]),
                (["--key", "nothing"], [])):
            with self.subTest(options):
                self.assertEqual(self.offsets(*options), expected)

    def test_text_limit_and_summary(self):
        done = self.sluice("search", self.topic, "-k", "order-1", "--limit", "1")
        self.assertEqual(done.returncode, OK)
        self.assertEqual(done.stdout, f"{self.topic}/0/0 1970-01-01T00:00:01.000Z order-1 "
                         '{"order":{"id":9223372036854775807,"sku":"é"}}\n')
        self.assertRegex(done.stderr, r"^1 matched; scanned \d records? in ")
        quiet = self.sluice("-q", "search", self.topic, "-k", "none")
        self.assertEqual((quiet.returncode, quiet.stdout, quiet.stderr), (OK, "", ""))

    def test_hostile_expression_is_linear(self):
        self.good("produce", self.topic, stdin="a" * 50_000 + "!\n")
        self.assertEqual(self.offsets("--regex", "^(a+)+$"), [])

    def test_wrong_invocations(self):
        self.assertIn("missing )", self.bad(USAGE, "search", self.topic, "--regex", "(a"))
        self.assertIn("PATH", self.bad(USAGE, "search", self.topic, "--field", "a..b=1"))
        self.bad(USAGE, "search")
        self.bad(USAGE, "search", self.topic, "--limit", "0")


class TailTest(Cli, BrokerCase):
    def test_last_of_each_topic_in_order_of_time(self):
        one, two = self.make_topic(partitions=2, **KEPT), self.make_topic(**KEPT)
        for i in range(6):
            self.good("produce", one, "--json", "-p", str(i % 2),
                      stdin=record(f"a{i}", timestamp=1000 * i))
        self.good("produce", two, "--json", stdin=record("b", timestamp=4500))
        self.assertEqual(self.good("tail", one, two, "-n", "3", "-F", r"%t %s\n"),
                         f"{one} a3\n{one} a4\n{two} b\n{one} a5\n")
        self.assertEqual(self.good("tail", one, "-n", "1", "--contains", "a2", "-F", "%s"), "a2")
        self.assertEqual(self.good("tail", one, "-n", "0"), "")
        self.assertEqual(set(json_lines(self.good("tail", two, "--json"))[0]), RECORD_MEMBERS)

    def test_follows(self):
        one, two = self.make_topic(), self.make_topic()
        self.good("produce", one, stdin="old\n")
        reader = self.spawn("tail", one, two, "-f", "-F", r"%t %s\n")
        self.assertEqual(reader.stdout.readline().decode(), f"{one} old\n")
        self.good("produce", two, stdin="new\n")
        self.assertEqual(reader.stdout.readline().decode(), f"{two} new\n")
        reader.send_signal(signal.SIGINT)
        self.assertEqual(reader.wait(20), OK)

    def test_rate_cap_counts_what_it_leaves_out(self):
        topic = self.make_topic()
        self.good("produce", topic, stdin="x first\n")
        reader = self.spawn("tail", topic, "-f", "--rate", "5", "--contains", "x")
        self.assertIn(b"first", reader.stdout.readline())
        self.good("produce", topic, stdin="x\n" * 1000)
        shown = [reader.stdout.readline() for _ in range(5)]
        self.assertTrue(all(shown))
        reader.send_signal(signal.SIGINT)
        _, messages = reader.communicate(timeout=20)
        self.assertRegex(messages.decode(), r"\(\d+ records not shown\)")


class ExportTest(Cli, BrokerCase):
    def setUp(self):
        super().setUp()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def content(self, topic):
        """Everything but the topic's name, in order of partitions."""
        rows = json_lines(self.good("consume", topic, "-e", "--json"))
        return sorted((row["partition"], row["offset"], json.dumps({**row, "topic": None}))
                      for row in rows)

    def test_import_of_an_export_is_identical(self):
        source = self.make_topic(partitions=3, **KEPT)
        chance = random.Random(11)
        self.good("produce", source, "--json", "-z", "zstd", timeout=120,
                  stdin="".join(json.dumps(random_record(chance)) + "\n" for _ in range(20_000)))
        wanted = self.content(source)
        for name in ("all.jsonl", "all.csv"):
            with self.subTest(name):
                file, copy = self.directory / name, self.make_topic(partitions=3, **KEPT)
                self.good("export", source, "-o", str(file))
                zipped = self.directory / f"{name}.gz"
                zipped.write_bytes(gzip.compress(file.read_bytes(), 1))
                done = self.sluice("import", str(zipped), "--topic", copy)
                self.assertEqual(done.returncode, OK, done.stderr)
                self.assertIn("imported 20,000 records", done.stderr)
                self.assertEqual(self.content(copy), wanted)

    def test_golden_files(self):
        topic = self.make_topic(**KEPT)
        self.good("produce", topic, "--json", stdin=record('a,"b"', "k", timestamp=5) +
                  record(None, timestamp=6, headers=[{"key": "h", "value": "1"}]))
        self.assertEqual(
            self.good("export", topic, "--format", "csv"),
            "topic,partition,offset,timestamp,key,key_type,value,value_type,headers\n"
            f'{topic},0,0,5,k,text,"a,""b""",text,[]\n'
            f'{topic},0,1,6,,null,,null,"[{{""key"":""h"",""value"":""1""}}]"\n')
        self.assertEqual(self.good("export", topic, "--from", "1"),
                         self.good("consume", topic, "--from", "1", "-e", "--json"))

    def test_what_came_before_a_bad_row_is_sent_and_counted(self):
        topic = self.make_topic(partitions=2, **KEPT)
        rows = [f"{topic},1,good", f"{topic},99,bad"]
        done = self.sluice("import", "-", "--format", "csv",
                           stdin="topic,partition,value\n" + "\n".join(rows) + "\n")
        self.assertNotEqual(done.returncode, OK)
        self.assertIn("line 3", done.stderr)
        self.assertIn("imported 1 record", done.stderr)
        self.assertEqual(self.good("consume", topic, "-e", "-F", "%p %s\n"), "1 good\n")

    def test_a_stray_quote_is_refused_by_its_line(self):
        topic = self.make_topic(**KEPT)
        done = self.sluice("import", "-", "--format", "csv", timeout=30, stdin=(
            f'topic,value\n{topic},5" pipe\n' + f"{topic},more\n" * 100_000))
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("line 2: ", done.stderr)

    def test_full_disk_leaves_no_file(self):
        topic = self.make_topic()
        self.good("produce", topic, "--copies", "5000", stdin="x" * 200 + "\n")
        done = subprocess.run(
            [binary("sluice"), "-b", self.address, "export", topic, "-o",
             str(self.directory / "all.jsonl")], capture_output=True, text=True, timeout=60,
            env={**environment(), **UNCOUNTED}, preexec_fn=limiter(100_000), check=False)
        self.assertEqual(done.returncode, FAILED)
        self.assertRegex(done.stderr, r"^sluice: .*all\.jsonl: File too large\n$")
        self.assertEqual(list(self.directory.iterdir()), [])
        with open("/dev/full", "wb") as full:
            done = subprocess.run([binary("sluice"), "-b", self.address, "export", topic],
                                  stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                                  env=environment(), check=False)
        self.assertEqual(done.returncode, FAILED)
        self.assertEqual(done.stderr,
                         "sluice: cannot write standard output: No space left on device\n")

    def test_wrong_invocations(self):
        topic = self.make_topic()
        file = self.directory / "rows"
        file.write_text("key,value\n1,2\n3\n")
        self.assertIn("--force", self.bad(FAILED, "export", topic, "-o", str(file)))
        self.assertIn("line 3: 1 fields for 2 columns",
                      self.bad(FAILED, "import", str(file), "--format", "csv", "--topic", topic))
        self.assertIn("line 1: not JSON", self.bad(FAILED, "import", str(file), "--topic", topic))
        file.write_text('{"value":"a"}\n')
        self.assertIn("topic", self.bad(USAGE, "import", str(file)))
        self.bad(NOT_FOUND, "export", topic, "-o", str(self.directory / "none" / "file"))
        self.bad(USAGE, "export", topic, "--format", "parquet")
        self.bad(NOT_FOUND, "import", "no-such-file")
