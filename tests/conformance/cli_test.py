"""The command line tool `sluice`: what it prints, what it exits with, and that it loses nothing."""

import base64
import collections
import gzip
import json
import os
import pathlib
import pty
import random
import signal
import subprocess
import tempfile
import time
import unittest

from conformance.case import BrokerCase, wait_until
from harness.broker import binary, free_port
from harness.process import end

OK, FAILED, USAGE, NOT_FOUND, DENIED, UNREACHABLE = 0, 1, 2, 3, 4, 5
INTERRUPTED = 130


def environment(**more):
    ours = {key: value for key, value in os.environ.items() if not key.startswith("SLUICE_")}
    return {**ours, **more}


class Cli:
    """Runs `sluice` against the broker of a test case; mixed into one."""

    def sluice(self, *arguments, stdin=None, timeout=60, brokers=None):
        """The finished process; its output as text."""
        return subprocess.run(
            [binary("sluice"), "-b", brokers or self.address, *arguments], input=stdin, text=True,
            capture_output=True, timeout=timeout, check=False, env=environment())

    def good(self, *arguments, **options):
        """Standard output of a run that succeeds."""
        done = self.sluice(*arguments, **options)
        self.assertEqual(done.returncode, OK, done.stderr)
        return done.stdout

    def bad(self, status, *arguments, **options):
        """Standard error of a run that ends with `status` and prints no data."""
        done = self.sluice(*arguments, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def spawn(self, *arguments, **options):
        process = subprocess.Popen(
            [binary("sluice"), "-b", self.address, *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment(), **options)
        self.addCleanup(end, process)
        return process

    def make_topic(self, partitions=1, **configs):
        name = self.name()
        options = [f"--config={key.replace('_', '.')}={value}" for key, value in configs.items()]
        self.good("topics", "create", name, "-p", str(partitions), *options)
        wait_until(lambda: name in self.good("topics", "list"), what=f"topic {name}")
        return name


class CliTopicsTest(Cli, BrokerCase):
    def test_create_list_describe_alter_delete(self):
        name = self.make_topic(partitions=2, retention_ms=3600000)
        listed = {topic["name"]: topic
                  for topic in json.loads(self.good("topics", "list", "--json"))}
        self.assertEqual(listed[name]["partitions"], 2)
        self.assertIn(name, self.good("topics", "list"))
        self.good("topics", "alter", name, "-p", "3", "-c", "retention.ms=7200000")

        def described():
            return json.loads(self.good("topics", "describe", name, "--json"))[0]
        wait_until(lambda: len(described()["partitions"]) == 3)
        self.assertEqual(described()["configs"]["retention.ms"], "7200000")
        self.good("topics", "alter", name, "--unset", "retention.ms")
        wait_until(lambda: "retention.ms" not in described()["configs"])
        self.assertIn("cannot be undone", self.bad(USAGE, "topics", "delete", name, stdin=""))
        self.good("topics", "delete", name, "--yes")
        wait_until(lambda: name not in self.good("topics", "list"))

    def test_dry_run_changes_nothing(self):
        name = self.name()
        self.good("topics", "create", name, "--dry-run")
        self.assertNotIn(name, self.good("topics", "list"))

    def test_refusals(self):
        name = self.make_topic()
        self.assertIn("exists", self.bad(FAILED, "topics", "create", name))
        self.good("topics", "create", name, "--if-not-exists")
        for command in (["topics", "describe"], ["consume"]):
            self.assertIn(f"did you mean '{name}'", self.bad(NOT_FOUND, *command, name + "x"))
        self.bad(NOT_FOUND, "topics", "delete", self.name("gone"), "-y")
        self.good("topics", "delete", self.name("gone"), "-y", "--if-exists")
        self.bad(FAILED, "topics", "create", "a b")
        self.bad(FAILED, "topics", "create", self.name(), "-c", "no.such.key=1")
        self.bad(FAILED, "topics", "create", self.name(), "-r", "3")
        self.bad(FAILED, "topics", "alter", name, "-p", "1")
        self.bad(USAGE, "topics", "alter", name)

    def test_wrong_command_lines(self):
        self.assertIn("did you mean 'topics'?", self.bad(USAGE, "topcs", "list"))
        self.assertIn("did you mean 'describe'?", self.bad(USAGE, "topics", "descrbe", "x"))
        self.assertIn("no option '--nope'", self.bad(USAGE, "--nope"))
        self.bad(USAGE, "topics")
        self.bad(USAGE, "consume")
        self.bad(USAGE, "consume", "t", "--from", "yesterday")
        self.bad(USAGE, "consume", "t", "-F", "%q")
        self.bad(USAGE, "produce", "t", "-z", "rar", stdin="")
        self.bad(USAGE, "produce", "t", "-H", "novalue", stdin="")

    def test_nobody_listens(self):
        nowhere = f"127.0.0.1:{free_port()}"
        for command in (["topics", "list"], ["groups", "list"], ["consume", "t"], ["cluster"]):
            with self.subTest(command):
                self.assertIn(nowhere, self.bad(UNREACHABLE, *command, brokers=nowhere))

    def test_broker_by_environment(self):
        done = subprocess.run(
            [binary("sluice"), "cluster", "--json"], capture_output=True, timeout=30, check=True,
            env=environment(SLUICE_BROKERS=self.address))
        self.assertEqual(len(json.loads(done.stdout)["brokers"]), 1)

    def test_configs(self):
        name = self.make_topic(max_message_bytes=2000000)
        shown = json.loads(self.good("configs", "describe", "topic", name, "--json"))
        self.assertIn(("max.message.bytes", "2000000", "topic"),
                      [(row["name"], row["value"], row["source"]) for row in shown])
        everything = json.loads(self.good("configs", "describe", "topic", name, "--json", "--all"))
        self.assertGreater(len(everything), len(shown))


class CliRecordsTest(Cli, BrokerCase):
    def test_lines_keys_headers(self):
        topic = self.make_topic()
        self.good("produce", topic, "-K", ":", "-H", "a=1", "-H", "b=",
                  stdin="k:v\nno key\n:empty\n")
        self.assertEqual(self.good("consume", topic, "-e", "-F", r"%o|%k|%K|%s|%h\n"),
                         "0|k|1|v|a=1,b=\n1||-1|no key|a=1,b=\n2||0|empty|a=1,b=\n")

    def test_where_to_begin(self):
        topic = self.make_topic()
        lines = "".join(f'{{"value":"{i}","timestamp":{1000 * i}}}\n' for i in range(10))
        self.good("produce", topic, "--json", stdin=lines)
        for begin, expected in (("start", "0123456789"), ("end", ""), ("7", "789"), ("-2", "89"),
                                ("+4", "456789"), ("@5000", "56789"), ("@4001", "56789"),
                                ("@1970-01-01T00:00:08", "89"), ("@99999", ""),
                                ("-99", "0123456789")):
            with self.subTest(begin):
                shown = self.good("consume", topic, "-e", "--from", begin, "-F", "%s")
                self.assertEqual(shown, expected)
        self.assertEqual(self.good("consume", topic, "-n", "3", "-F", "%s"), "012")

    def test_every_codec_and_acks(self):
        topic = self.make_topic()
        expected = []
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            for acks in ("0", "1", "all"):
                line = f"{codec} {acks} " + "x" * 500
                self.good("produce", topic, "-z", codec, "-a", acks, stdin=line + "\n")
                expected.append(line)
                wait_until(lambda: self.good("consume", topic, "-e").splitlines() == expected)

    def test_same_partitions_as_librdkafka_with_murmur2(self):
        keys = [f"key-{i}" for i in range(200)]
        ours, theirs = self.make_topic(partitions=7), self.make_topic(partitions=7)
        self.good("produce", ours, "-K", ":", stdin="".join(f"{key}:\n" for key in keys))
        self.produce(theirs, [(key, b"") for key in keys], partitioner="murmur2_random")
        placed = [sorted(self.good("consume", topic, "-e", "-F", r"%k %p\n").splitlines())
                  for topic in (ours, theirs)]
        self.assertEqual(*placed)
        self.assertEqual(len(placed[0]), len(keys))

    def test_json_loses_nothing(self):
        source, copy = self.make_topic(), self.make_topic()
        chance = random.Random(7)
        self.good("produce", source, "--json", "-z", "zstd", timeout=120,
                  stdin="".join(json.dumps(random_record(chance)) + "\n" for _ in range(100_000)))
        first = self.good("consume", source, "-e", "--json")
        self.good("produce", copy, "--json", stdin=first, timeout=120)
        second = self.good("consume", copy, "-e", "--json")
        self.assertEqual(first, second.replace(f'"topic":"{copy}"', f'"topic":"{source}"'))
        chance = random.Random(7)
        for line in first.splitlines():
            wanted, got = random_record(chance), json.loads(line)
            for name in ("timestamp", "key", "key_base64", "value", "value_base64", "headers"):
                self.assertEqual(wanted.get(name), got.get(name))

    def test_bad_json_names_the_line(self):
        topic = self.make_topic()
        lines = '{"value":"a"}\n{"value":1}\n'
        done = self.sluice("produce", topic, "--json", stdin=lines)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("line 2", done.stderr)

    def test_records_too_large_for_the_topic(self):
        topic = self.make_topic(max_message_bytes=1000)
        self.assertIn("too large", self.bad(FAILED, "produce", topic, stdin="x" * 5000))

    def test_file_and_gzip(self):
        topic = self.make_topic()
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "lines.gz"
            path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\nthree"))
            self.good("produce", topic, "-f", str(path))
        self.assertEqual(self.good("consume", topic, "-e"), "one\ntwo\nthree\n")

    def test_closed_pipe_is_no_error(self):
        topic = self.make_topic()
        self.good("produce", topic, stdin="x\n" * 10)
        reader = self.spawn("consume", topic)
        self.assertEqual(reader.stdout.readline(), b"x\n")
        reader.stdout.close()
        self.assertEqual(reader.wait(20), OK)
        self.assertEqual(reader.stderr.read(), b"")

    def test_interrupt_ends_cleanly(self):
        topic = self.make_topic()
        self.good("produce", topic, stdin="x\n")
        reader = self.spawn("consume", topic)
        self.assertEqual(reader.stdout.readline(), b"x\n")
        reader.send_signal(signal.SIGINT)
        self.assertEqual(reader.wait(20), OK)

    def test_a_terminal_obeys_no_record(self):
        topic = self.make_topic()
        self.good("produce", topic, stdin="\x1b[31mred\x07\n")
        self.assertEqual(self.good("consume", topic, "-e"), "\x1b[31mred\x07\n")
        for command in (["consume", topic, "-e"], ["tail", topic], ["search", topic]):
            with self.subTest(command):
                here, there = pty.openpty()
                process = subprocess.Popen([binary("sluice"), "-b", self.address, *command],
                                           stdout=there, stderr=subprocess.DEVNULL)
                self.addCleanup(end, process)
                os.close(there)
                with open(here, "rb", buffering=0) as terminal:
                    self.assertRegex(terminal.readline(), rb"\\x1b\[31mred\\x07\r?\n\Z")
                self.assertEqual(process.wait(20), OK)

    def test_demo(self):
        events = [{"type": f"{kind}Event", "repo": {"name": f"r{i % 5}"}} for i, kind in
                  enumerate(["Push"] * 6 + ["Watch"] * 3 + ["Fork"])]
        topic = self.name()
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "events.json.gz"
            path.write_bytes(gzip.compress("\n".join(map(json.dumps, events)).encode()))
            shown = self.good("demo", "-f", str(path), "--topic", topic, "-g", self.name("group"))
        self.assertRegex(shown, r"published  10 events")
        self.assertRegex(shown, r"read back  10 events")
        self.assertRegex(
            shown, r"PushEvent +6  60\.0 %\nWatchEvent +3  30\.0 %\nForkEvent +1  10\.0 %")
        stored = self.good("consume", topic, "-e", "-F", r"%k %h\n").splitlines()
        self.assertEqual(sorted(stored), sorted(f"{event['repo']['name']} type={event['type']}"
                                                for event in events))


def random_record(chance):
    """As `produce --json` takes it: text, other bytes, empty, null; headers that repeat."""
    def put(target, name):
        kind = chance.randrange(5)
        if kind == 0:
            target[name] = None
        elif kind == 1:
            target[name] = ""
        elif kind == 2:
            target[name + "_base64"] = base64.b64encode(b"\xff" + chance.randbytes(20)).decode()
        else:
            target[name] = f'"text"\n\t\\é€😀 {chance.random()}'
    record = {"timestamp": chance.randrange(1_700_000_000_000), "headers": []}
    put(record, "key")
    put(record, "value")
    for _ in range(chance.randrange(4)):
        header = {"key": chance.choice(["a", "b", "é", ""])}
        put(header, "value")
        record["headers"].append(header)
    return record


class CliGroupsTest(Cli, BrokerCase):
    def describe(self, group):
        done = self.sluice("groups", "describe", group, "--json")
        return json.loads(done.stdout)[0] if done.returncode == OK else None

    def is_shared(self, group, members):
        shown = self.describe(group)
        held = {row["member_id"] for row in shown["partitions"]} if shown else set()
        return shown and shown["state"] == "Stable" and len(held) == members and None not in held

    def test_lag_and_resume(self):
        topic, group = self.make_topic(), self.name("group")
        self.good("produce", topic, stdin="a\nb\nc\nd\n")
        self.assertEqual(self.good("consume", topic, "-g", group, "-n", "3"), "a\nb\nc\n")
        shown = self.describe(group)
        self.assertEqual(shown["total_lag"], 1)
        rows = [(row["committed"], row["end"], row["lag"]) for row in shown["partitions"]]
        self.assertEqual(rows, [(3, 4, 1)])
        groups = json.loads(self.good("groups", "list", "--json"))
        self.assertIn(group, [row["group"] for row in groups])
        self.assertEqual(self.good("consume", topic, "-g", group, "-e"), "d\n")
        self.assertRegex(self.good("groups", "describe", group), r"lag +0\n")
        self.good("groups", "delete", group, "--yes")
        self.bad(NOT_FOUND, "groups", "describe", group)

    def shared_reading(self, assignor):
        """Three members read; one leaves, one is killed; every record is read."""
        topic, group = self.make_topic(partitions=6), self.name("group")
        members, output = [], []
        for _ in range(3):
            path = tempfile.TemporaryFile()
            self.addCleanup(path.close)
            output.append(path)
            members.append(subprocess.Popen(
                [binary("sluice"), "-b", self.address, "consume", topic, "-g", group, "--assignor",
                 assignor], stdout=path, stderr=subprocess.PIPE, env=environment()))
            self.addCleanup(end, members[-1])
        wait_until(lambda: self.is_shared(group, 3), 40, "three members share")
        batches = [[f"{batch}-{i}" for i in range(3000)] for batch in range(3)]

        def publish(batch):
            lines = "".join(f"{line}\n" for line in batches[batch])
            self.good("produce", topic, "-K", "-", stdin=lines)

        def read():
            lines = []
            for file in output:
                file.seek(0)
                lines += file.read().decode().splitlines()
            return lines
        publish(0)
        members[0].send_signal(signal.SIGINT)
        self.assertEqual(members[0].wait(20), OK, members[0].stderr.read())
        publish(1)
        wait_until(lambda: len(read()) >= 6000, 40, "two batches are read")
        members[1].kill()
        publish(2)
        # What the killed member printed and had not committed yet is read again.
        times = collections.Counter()

        def all_read():
            times.clear()
            times.update(read())
            return all(times[str(i)] >= 3 for i in range(3000))
        wait_until(all_read, 90, "all is read")
        self.assertEqual(set(times), {str(i) for i in range(3000)})

    def test_range(self):
        self.shared_reading("range")

    def test_cooperative_sticky(self):
        self.shared_reading("cooperative-sticky")


class CliRestartTest(Cli, BrokerCase):
    needs_own_broker = True

    def test_produce_survives_a_killed_broker(self):
        topic = self.make_topic(partitions=2)
        writer = subprocess.Popen(
            [binary("sluice"), "-b", self.address, "--timeout", "90", "produce", topic, "-K", ":"],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
        self.addCleanup(end, writer)
        count = 20_000
        for i in range(count):
            writer.stdin.write(f"{i % 5}:{i}\n")
            if i == 100:  # a broker that never answered is given up at once
                writer.stdin.flush()
                wait_until(lambda: self.good("consume", topic, "-e"), what="the first records")
            if i in (count // 3, 2 * count // 3):
                writer.stdin.flush()
                self.broker.kill()
                time.sleep(0.2)
                self.broker.start()
        writer.stdin.close()
        self.assertEqual(writer.wait(120), OK, writer.stderr.read())
        read = {}
        for line in self.good("consume", topic, "-e", "-F", r"%k %s\n").splitlines():
            key, value = line.split()
            read.setdefault(key, []).append(int(value))
        self.assertEqual(read, {str(key): list(range(key, count, 5)) for key in range(5)})

    def test_consume_survives_a_restart(self):
        topic = self.make_topic()
        self.good("produce", topic, stdin="before\n")
        reader = self.spawn("--timeout", "60", "consume", topic)
        self.assertEqual(reader.stdout.readline(), b"before\n")
        self.broker.restart()
        self.good("produce", topic, stdin="after\n")
        self.assertEqual(reader.stdout.readline(), b"after\n")


if __name__ == "__main__":
    unittest.main()
