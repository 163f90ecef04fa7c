"""Everything that can be wrong about a command line or around it: one clear line, and the exit
status that a script relies on."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from conformance.case import BrokerCase
from conformance.cli_cases import CLOSED, DAMAGED, OPEN
from conformance.cli_seeded import Seeded
from conformance.cli_test import DENIED, FAILED, NOT_FOUND, UNREACHABLE, USAGE, environment
from harness import command_tree
from harness.broker import binary, free_port
from harness.process import end

NOBODY = 65534
CHECK_CRITICAL, CHECK_UNKNOWN = 2, 3
# Do something useful without arguments.
NEED_NOTHING = {"topics list", "groups list", "groups describe", "cluster", "check", "dlq list",
                "queue list", "schedule list", "context list", "bench produce", "bench latency"}
# Speak to no broker.
LOCAL = {"backup verify", "completion", "context set", "context use", "context list",
         "context show", "context delete"}
# What the help of a command says that takes the number of a partition.
TAKES_PARTITION = re.compile(
    r"-p,--partition |PARTITION:OFFSET|TOPIC:0|TOPIC-PARTITION|--keep-partition|^  PARTITION ",
    re.M)
PARTITIONS = {
    "topics truncate": "orders --before end -y -p {p}", "produce": "orders -p {p}",
    "consume": "orders -e -p {p}", "search": "orders -p {p}", "tail": "orders -p {p}",
    "export": "orders -p {p}", "trace": "-t orders -o 0 -p {p}",
    "groups reset": "billing -t orders:{p} --to-earliest", "dlq show": "dlq.orders --offset {p}:0",
    "dlq redrive": "dlq.orders --offset {p}:0", "dlq purge": "dlq.orders -y --before {p}:1",
    "queue release": "mailers orders:{p}:0", "queue reject": "mailers orders:{p}:0"}
CLOSED_PARTITIONS = {
    "log cut": "{data} orders-{p} 0 --dry-run",
    **{f"log {name}": "{data} --topic orders-{p}"
       for name in ("ls", "dump", "stat", "verify", "repair", "index")},
    "log diff": "{data} {data} --topic orders-{p}"}
SAY_WHICH = ("topics truncate", "produce", "consume", "search", "tail", "export", "trace",
             "groups reset")


class CliWrongTest(Seeded, BrokerCase):
    def check_line(self, done, status, what):
        self.assertEqual((done.returncode, done.stderr.count("\n")), (status, 1),
                         f"{what}: {done.stderr}")
        self.assertRegex(done.stderr, r"\Asluice: ")

    def test_nothing_behind_the_command(self):
        for case in (*OPEN, *CLOSED, *DAMAGED):
            if case.command not in NEED_NOTHING:
                with self.subTest(case.command):
                    status = NOT_FOUND if case.command == "context show" else USAGE
                    done = self.sluice(*case.command.split())
                    self.check_line(done, status, case.command)
                    self.assertEqual(done.stdout, "")

    def test_an_option_that_is_not_there(self):
        for case in (*OPEN, *CLOSED, *DAMAGED):
            with self.subTest(case.command):
                status = CHECK_UNKNOWN if case.command == "check" else USAGE
                done = self.run_case(case, "a", "--nonsense")
                self.check_line(done, status, case.command)
                self.assertIn(f"(see 'sluice {case.command} --help')", done.stderr)

    def test_nobody_listens(self):
        nowhere = f"127.0.0.1:{free_port()}"
        for case in OPEN:
            if case.command in LOCAL | {"check"}:
                continue
            with self.subTest(case.command):
                if case.command == "restore":
                    self.good("backup", "create", str(self.directory / "backup-a"), "orders")
                done = self.run_case(case, "a", "--timeout", "2", brokers=nowhere)
                self.check_line(done, UNREACHABLE, case.command)
                self.assertIn(nowhere, done.stderr)
        self.assertEqual(self.sluice("check", brokers=nowhere).returncode, CHECK_CRITICAL)

    def test_full_disk_and_closed_pipe_at_standard_output(self):
        reading = OPEN[:[case.command for case in OPEN].index("backup create")]
        for case in (*reading, *(case for case in OPEN if case.command.startswith("bench"))):
            if not self.is_sluiced and (case.sluiced or case.command == "queue list"):
                continue  # a list of nothing is no output
            with self.subTest(case.command), open("/dev/full", "w", encoding="ascii") as full:
                done = self.run_case(case, "a", stdout=full)
                status = CHECK_UNKNOWN if case.command == "check" else FAILED
                said = [line for line in done.stderr.splitlines() if line.startswith("sluice: ")]
                self.assertEqual((done.returncode, said), (
                    status, ["sluice: cannot write standard output: No space left on device"]))
            with self.subTest(case.command):
                reader, writer = os.pipe()
                os.close(reader)
                done = self.run_case(case, "a", stdout=writer)
                os.close(writer)
                self.assertEqual(done.returncode, case.status, done.stderr)
                self.assertNotIn("ipe", done.stderr)

    def test_a_partition_that_is_not_there(self):
        """Is as a topic that is not there; what cannot be a partition is a wrong command line."""
        taken = {name for name in command_tree.leaves()
                 if TAKES_PARTITION.search(command_tree.commands()[tuple(name.split())])}
        tried = {**PARTITIONS, **CLOSED_PARTITIONS}
        self.assertEqual(taken, set(tried))
        for command, arguments in tried.items():
            if command.startswith(("queue", "log cut")) and not self.is_sluiced:
                continue
            for number, status in (("7", NOT_FOUND), ("-1", USAGE), ("x", USAGE)):
                if command in CLOSED_PARTITIONS and status == USAGE:
                    continue  # the name of a directory
                with self.subTest(command, partition=number):
                    words = arguments.format(p=number, data=self.broker.data_directory).split()
                    done = self.sluice(*command.split(), *words, stdin="x\n")
                    self.check_line(done, status, command)
                    self.assertEqual(done.stdout, "")
                    if command in SAY_WHICH and status == NOT_FOUND:
                        self.assertEqual(done.stderr, "sluice: no partition 7 in topic 'orders', "
                                                      "which has 0 to 1\n")

    def test_what_fails_prints_no_half_a_document(self):
        for arguments in (["topics", "describe", "orders", "nothing"],
                          ["groups", "describe", "billing", "nothing"],
                          ["configs", "get", "topic", "orders", "nothing"],
                          ["dlq", "list", "dlq.orders", "nothing"]):
            with self.subTest(arguments):
                self.bad(NOT_FOUND, *arguments, "--json")

    def test_records_before_one_that_is_refused_are_told(self):
        topic = self.name()
        self.good("topics", "create", topic, "-p", "2")
        rows = ('{"partition":0,"value":"a"}\n'
                '{"partition":1,"value":"b","timestamp":9000000000000}\n')
        for command in (["produce", topic, "--json", "--keep-partition"],
                        ["import", "-", "--topic", topic, "--json"]):
            with self.subTest(command):
                done = self.sluice(*command, stdin=rows)
                self.assertEqual(done.returncode, FAILED, done.stderr)
                told = json.loads(done.stdout)
                self.assertEqual((told["records"], told["complete"]), (1, False))

    def test_messages(self):
        for status, arguments, expected in (
                (USAGE, ["demo"], "an argument is missing: FILE (see 'sluice demo --help')"),
                (USAGE, ["topics", "create", "x", "-c", "foo"], "config 'foo' is not NAME=VALUE"),
                (NOT_FOUND, ["configs", "get", "broker", "9"], "no broker 9"),
                (USAGE, ["configs", "get", "broker", "x"], "'x' is no number of a broker"),
                (USAGE, ["topics", "descr"], "no command 'descr'; did you mean 'describe'? "
                                             "(see 'sluice topics --help')"),
                (USAGE, ["consume", "orders", "-n", "abc"],
                 "--count: 'abc' is no number from 0 on (see 'sluice consume --help')"),
                (USAGE, ["tail", "orders", "--rate", "0"],
                 "--rate: '0' is no number above 0 (see 'sluice tail --help')"),
                (USAGE, ["groups", "reset", "g", "--shift", "x"],
                 "--shift: 'x' is no number that it takes (see 'sluice groups reset --help')"),
                (USAGE, ["groups", "reset", "g", "--to-offset", "-5"],
                 "--to-offset: '-5' is no number from 0 on (see 'sluice groups reset --help')"),
                (USAGE, ["consume", "orders", "-g", ""],
                 "--group: it is empty (see 'sluice consume --help')"),
                (USAGE, ["context", "set", "", "brokers=h:1"],
                 "CONTEXT: it is empty (see 'sluice context set --help')"),
                (USAGE, ["demo", "file", "-z", "brotli"],
                 "--codec: brotli not in {none,gzip,snappy,lz4,zstd} (see 'sluice demo --help')"),
                (NOT_FOUND, ["import", "nothing.jsonl"],
                 "nothing.jsonl: No such file or directory"),
                (NOT_FOUND, ["produce", "orders", "-f", "nothing"],
                 "nothing: No such file or directory"),
                (NOT_FOUND, ["export", "orders", "-o", "nowhere/file"],
                 "nowhere/file: No such file or directory")):
            with self.subTest(arguments):
                self.assertEqual(self.bad(status, *arguments), f"sluice: {expected}\n")
        for brokers, expected in (
                (",", "no broker address"),
                ("host:99999", "address 'host:99999' has no valid port")):
            self.assertEqual(self.bad(USAGE, "topics", "list", brokers=brokers),
                             f"sluice: {expected}\n")
        self.assertIn("--fill SIZE", self.bad(USAGE, "bench", "fetch"))
        self.assertIn("--duration", self.bad(USAGE, "bench", "produce", "--duration", "0s"))
        self.bad(UNREACHABLE, "bench", "produce", "--peer", f"127.0.0.1:{free_port()}",
                 "--duration", "100ms", "--warmup", "0s")

    def test_an_http_port_that_nobody_listens_on(self):
        nowhere = f"127.0.0.1:{free_port()}"
        self.assertEqual(self.bad(UNREACHABLE, "--http", nowhere, "top", "--once"),
                         f"sluice: cannot reach an HTTP port at {nowhere}; --http HOST:PORT names "
                         "another\n")

    def test_schedules_that_cannot_be(self):
        if not self.is_sluiced:
            self.skipTest("Apache Kafka has no schedules")
        self.assertEqual(self.bad(USAGE, "schedule", "cancel", "x"),
                         "sluice: 'x' is no id as 'sluice schedule list' shows them\n")
        for arguments in (["list", "-t", "reminder"], ["cancel", "-t", "reminder", "-k", "a"]):
            self.assertEqual(self.bad(NOT_FOUND, "schedule", *arguments),
                             "sluice: no topic 'reminder'; did you mean 'reminders'?\n")

    def test_a_line_without_an_end(self):
        reader, writer = os.pipe()
        process = subprocess.Popen(
            [binary("sluice"), "-b", self.address, "produce", "orders"], stdin=reader, text=True,
            stderr=subprocess.PIPE, env=environment())
        self.addCleanup(end, process)
        os.close(reader)
        with open(writer, "wb") as endless, self.assertRaises(BrokenPipeError):
            while True:
                endless.write(bytes(1 << 20))
        self.assertEqual(process.communicate(timeout=30)[1],
                         "sluice: -: a line is longer than 256 MiB\n")
        self.assertEqual(process.returncode, FAILED)

    def test_what_only_a_sluiced_can(self):
        asked = (["queue", "show", "nobody"], ["queue", "release", "nobody", "orders:0:1"],
                 ["queue", "reject", "nobody", "orders:0:1"])
        if self.is_sluiced:
            for arguments in asked:
                with self.subTest(arguments):
                    self.assertEqual(self.bad(NOT_FOUND, *arguments),
                                     "sluice: no share group 'nobody'\n")
            return
        for arguments in (*asked, ["schedule", "list"],
                          ["schedule", "cancel", "-t", "orders", "--all", "-y"]):
            with self.subTest(arguments):
                self.assertRegex(self.bad(FAILED, *arguments),
                                 r"\Asluice: the broker is no sluiced [^\n]*\n\Z")

    def test_export_writes_devices_and_pipes_and_leaves_them_there(self):
        self.assertIn("No space left", self.bad(FAILED, "export", "orders", "-o", "/dev/full"))
        self.bad(FAILED, "export", "orders", "-o", "/dev/full", "--force")
        self.assertTrue(pathlib.Path("/dev/full").is_char_device())
        pipe = self.directory / "pipe"
        os.mkfifo(pipe)
        reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
        self.addCleanup(end, reader)
        self.good("export", "orders", "-o", str(pipe))
        self.assertEqual(len(reader.communicate(timeout=20)[0].splitlines()), 6)
        self.assertTrue(pipe.is_fifo())

    def test_export_goes_where_a_symbolic_link_leads(self):
        there, link = self.directory / "there.jsonl", self.directory / "link.jsonl"
        there.touch()
        link.symlink_to(there)
        self.assertIn("--force", self.bad(FAILED, "export", "orders", "-o", str(link)))
        self.good("export", "orders", "-o", str(link), "--force")
        self.assertTrue(link.is_symlink())
        self.assertEqual(len(there.read_text().splitlines()), 6)


class CliPermissionsTest(Seeded, BrokerCase):
    """As a user who may not: our own, or nobody's where the tests run as root."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.place = pathlib.Path(directory.name)
        self.place.chmod(0o755)
        self.program = shutil.copy(binary("sluice"), self.place / "sluice")
        self.closed, self.file = self.place / "closed", self.place / "file"
        self.closed.mkdir()
        self.file.write_text("x\n", encoding="ascii")
        for path in (self.closed, self.file):
            path.chmod(0)
        self.addCleanup(self.closed.chmod, 0o700)

    def denied(self, *arguments, config="/nonexistent"):
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        done = subprocess.run(
            [self.program, "-b", self.address, *map(str, arguments)], text=True, timeout=30,
            capture_output=True, check=False, stdin=subprocess.DEVNULL, cwd="/",
            env=environment(XDG_CONFIG_HOME=str(config)), **who)
        self.assertEqual((done.returncode, done.stdout), (DENIED, ""), done.stderr)
        self.assertRegex(done.stderr, r"\Asluice: [^\n]*: Permission denied\n\Z")

    def test_files_that_may_not_be_read(self):
        for arguments in (["log", "verify", self.closed / "data"], ["log", "ls", self.closed],
                          ["backup", "verify", self.closed / "b"], ["restore", self.closed / "b"],
                          ["import", self.file], ["produce", "orders", "-f", self.file],
                          ["demo", self.file]):
            with self.subTest(arguments):
                self.denied(*arguments)
        for arguments in (["context", "list"], ["context", "set", "a", "brokers=h:1"],
                          ["topics", "list"]):
            with self.subTest(arguments):
                self.denied(*arguments, config=self.closed)

    def test_files_that_may_not_be_written(self):
        for arguments in (["export", "orders", "-o", self.closed / "new"],
                          ["export", "orders", "-o", "/new.jsonl"],
                          ["export", "orders", "-o", self.file, "--force"],
                          ["backup", "create", self.closed / "b"], ["backup", "create", "/b"],
                          ["context", "set", "a", "brokers=h:1"]):  # makes /nonexistent
            if arguments[-1] == "--force" and os.geteuid() != 0:
                continue  # the directory is our own: the file may be replaced
            with self.subTest(arguments):
                self.denied(*arguments)


if __name__ == "__main__":
    unittest.main()
