"""Ctrl-C in commands that take long: they end at once with 130, what they printed is whole, and one
line says what is missing."""

import json
import os
import pathlib
import re
import signal
import tempfile

from conformance.case import BrokerCase, wait_until
from conformance.cli_test import INTERRUPTED, OK, Cli
from harness.broker import Broker

RECORDS = 60_000  # more than pipes and one poll hold
COPIES = 3_000    # of a partition: for longer than a test waits
PROMPTLY = 10     # seconds


class Interrupts(Cli):
    def interrupt(self, process):
        """Ctrl-C; standard output and error of the process, which ends with 130."""
        process.send_signal(signal.SIGINT)
        out = process.stdout.read().decode()  # what readline() left in its buffer, too
        told = process.stderr.read().decode()
        self.assertEqual(process.wait(PROMPTLY), INTERRUPTED, told)
        self.assertEqual(len(re.findall(r"(?m)^sluice: interrupted: .+$", told)), 1, told)
        return out

    def working(self, *arguments, **options):
        """A process that has begun its work: it catches SIGINT."""
        process = self.spawn(*arguments, **options)
        status = pathlib.Path(f"/proc/{process.pid}/status")

        def catches():
            self.assertIsNone(process.poll(), "it ended")
            caught = next(line for line in status.read_text().splitlines()
                          if line.startswith("SigCgt:"))
            return int(caught.split()[1], 16) & 1 << signal.SIGINT - 1
        wait_until(catches, what="a handler of SIGINT")
        return process


class FilledTopic(Interrupts):
    """One topic with more than a reader takes at once, for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        case = cls("filled_topic")
        cls.topic = case.filled_topic()
        case.doCleanups()

    def filled_topic(self):
        topic = self.make_topic()
        self.good("produce", topic, stdin="".join(f"value {i:>300}\n" for i in range(RECORDS)))
        return topic


class CliInterruptTest(FilledTopic, BrokerCase):
    """Each prints more than the pipe holds: it cannot be done while nobody reads."""

    def check_lines(self, *arguments, **options):
        process = self.spawn(*arguments, **options)
        first = process.stdout.readline().decode()
        lines = (first + self.interrupt(process)).splitlines(keepends=True)
        for line in lines:
            json.loads(line)
        self.assertTrue(lines[-1].endswith("\n"))
        self.assertLess(len(lines), RECORDS)

    def test_readers_of_a_range(self):
        for arguments in (["consume", self.topic, "-e"], ["consume", self.topic, "-n", "59000"],
                          ["search", self.topic, "--contains", "value"],
                          ["export", self.topic],
                          ["dlq", "show", self.topic]):
            with self.subTest(arguments):
                self.check_lines(*arguments, "--json")

    def test_a_reader_that_has_no_end_is_done(self):
        process = self.spawn("consume", self.topic)
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=PROMPTLY)
        self.assertEqual((process.returncode, told), (OK, b""))

    def test_an_export_leaves_no_file(self):
        with tempfile.TemporaryDirectory() as name:
            pipe = pathlib.Path(name) / "pipe"
            os.mkfifo(pipe)
            process = self.spawn("export", self.topic, "-o", str(pipe))
            with open(pipe, "rb") as reader:
                reader.read(1)
                process.send_signal(signal.SIGINT)
                while reader.read(1 << 20):
                    pass
            self.assertEqual(self.ended(process), INTERRUPTED)

    def ended(self, process):
        process.communicate(timeout=PROMPTLY)
        return process.returncode

    def test_writers_send_whole_records(self):
        """What was read is sent, half a line is not."""
        for command in (["produce"], ["import", "-", "--topic"]):
            with self.subTest(command):
                topic = self.make_topic()
                reader, writer = os.pipe()
                process = self.working(*command, topic, "--json", stdin=reader)
                os.close(reader)
                os.write(writer, b'{"value":"whole"}\n{"value":')
                wait_until(lambda topic=topic, command=command: command != ["produce"] or
                           self.good("consume", topic, "-e") == "whole\n", what="the whole line")
                done = json.loads(self.interrupt(process) or '{"complete": false, "records": 0}')
                os.close(writer)
                self.assertFalse(done["complete"])
                self.assertEqual(len(self.good("consume", topic, "-e").splitlines()),
                                 done["records"])

    def test_half_a_line_of_text_is_no_record(self):
        topic = self.make_topic()
        reader, writer = os.pipe()
        self.addCleanup(os.close, writer)
        process = self.working("produce", topic, stdin=reader)
        os.close(reader)
        os.write(writer, b"whole\nhal")
        wait_until(lambda: self.good("consume", topic, "-e") == "whole\n", what="the whole line")
        self.interrupt(process)
        self.assertEqual(self.good("consume", topic, "-e"), "whole\n")

    def test_a_bench_takes_its_topic_away(self):
        shares = [["share", "--fill", "1MiB"], ["share", "--rate", "10"]]
        for arguments in (["produce"], ["produce", "--rate", "10"], ["latency", "--rate", "10"],
                          ["fetch", "--fill", "1MiB"], ["fetch", "--fill", "1TiB"],
                          *(shares if isinstance(self.broker, Broker) else [])):
            with self.subTest(arguments):
                process = self.working("bench", *arguments, "--duration", "600s")
                wait_until(self.bench_topics, what="a topic of the bench")
                self.assertEqual(self.interrupt(process), "")
                wait_until(lambda: not self.bench_topics(), what="it is gone")

    def bench_topics(self):
        return [row["name"] for row in json.loads(self.good("topics", "list", "--json"))
                if row["name"].startswith("sluice-bench-")]


class CliInterruptLogTest(FilledTopic, BrokerCase):
    """On a directory with so many partitions that the work lasts."""

    needs_own_broker = True
    needs_sluiced = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.broker.stop()
        cls.data = cls.broker.data_directory
        for number in range(1, COPIES):
            (cls.data / f"{cls.topic}-{number}").symlink_to(f"{cls.topic}-0")

    def test_json_is_whole(self):
        trace_id = "0123456789abcdef" * 2
        for arguments in (["log", "diff", self.data, self.data], ["log", "stat", self.data],
                          ["log", "verify", self.data], ["trace", trace_id, "--data", self.data]):
            with self.subTest(arguments):
                process = self.working(*map(str, arguments), "--json")
                self.assertFalse(json.loads(self.interrupt(process))["complete"])

    def test_text(self):
        for arguments, last in ((["log", "diff", self.data, self.data], r"only in B +0\n\Z"),
                                (["log", "verify", self.data], r"state +not everything was "
                                                               r"checked\n\Z")):
            with self.subTest(arguments):
                process = self.working(*map(str, arguments))
                self.assertRegex(self.interrupt(process), last)

    def test_dump_ends_between_batches(self):
        process = self.spawn("log", "dump", str(self.data), "--json")
        first = process.stdout.readline().decode()
        for line in (first + self.interrupt(process)).splitlines():
            json.loads(line)

    def test_repair_changes_nothing(self):
        process = self.working("log", "repair", str(self.data), "--dry-run")
        self.assertEqual(self.interrupt(process), "")
