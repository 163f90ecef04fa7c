"""Everything that can be wrong about a command line or around it: one clear line, and the exit
status that a script relies on. And the first hour of a new user, who reads --help and messages."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from conformance.case import BrokerCase
from conformance.cli_cases import CLOSED, DAMAGED, NO_JSON, OPEN
from conformance.cli_seeded import Seeded
from conformance.cli_test import (DENIED, FAILED, NOT_FOUND, UNREACHABLE, USAGE, Cli, environment)
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
SILENT = {command for command, why in NO_JSON.items() if why.startswith("a message")}


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

    def test_messages(self):
        for status, arguments, expected in (
                (USAGE, ["demo"], "an argument is missing: FILE (see 'sluice demo --help')"),
                (USAGE, ["topics", "create", "x", "-c", "foo"], "config 'foo' is not NAME=VALUE"),
                (NOT_FOUND, ["configs", "get", "broker", "9"], "no broker 9"),
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


class CliFirstHourTest(Cli, BrokerCase):
    """A new user, who reads nothing but what the program says."""

    needs_own_broker = True
    needs_sluiced = True

    def test_from_a_topic_to_a_repaired_log(self):
        self.assertIn("sluice topics create orders", self.good("--help"))
        done = self.sluice("topics", "create", "orders", "-p", "3")
        self.assertIn("write to it: sluice produce orders", done.stderr)
        lines = "".join(f'customer{i}:{{"order":{{"id":{i}}}}}\n' for i in range(1, 9))
        self.good("produce", "orders", "-K", ":", stdin=lines)

        self.assertIn("--field order.id=4711", self.good("search", "--help"))
        self.assertRegex(self.good("search", "orders", "--field", "order.id=4"),
                         r'^orders/\d/\d \S+ customer4 \{"order":\{"id":4\}\}\n$')

        self.good("consume", "orders", "-g", "shipping", "-n", "2")
        shown = self.good("groups", "describe", "shipping")
        rows = [line.split()[1:5] for line in shown.splitlines() if line.startswith("orders ")]
        self.assertEqual([row[0] for row in rows], ["0", "1", "2"], shown)  # all of the topic
        behind = sum(int(end) - int(at) for _, at, end, _ in rows if at != "-")
        unknown = sum(at == "-" and end != "0" for _, at, end, _ in rows)
        self.assertRegex(shown, rf"(?m)^lag +{behind}( records, \S+ s)?"
                         + (f"; {unknown} partitions have records and no offset$" if unknown
                            else "$"))

        told = self.sluice("groups", "reset", "shiping", "--to-earliest", "--topic", "orders")
        self.assertIn("there is no group 'shiping' yet; did you mean 'shipping'?", told.stderr)
        told = self.bad(USAGE, "groups", "reset", "shipping", "--to-earliest")
        self.assertIn("--topic TOPIC[:PARTITIONS] or --all-topics", told)
        told = self.sluice("groups", "reset", "shipping", "--to-earliest", "--topic", "orders")
        self.assertIn("nothing was changed; --execute does it", told.stderr)
        self.good("groups", "reset", "shipping", "--to-earliest", "--topic", "orders", "--execute")
        self.assertRegex(self.good("groups", "describe", "shipping"), r"(?m)^lag +8 records, ")

        self.broker.stop()
        self.flip_a_bit()
        data = str(self.broker.data_directory)
        done = self.sluice("log", "verify", data)
        self.assertEqual(done.returncode, FAILED)
        self.assertRegex(done.stdout, r"(?m)^damage .*CRC mismatch; offsets 0 to \d$")
        self.assertIn(f"'sluice log repair {data} --dry-run' says what a repair would do",
                      done.stderr)
        self.assertIn("lost are offsets 0 to", self.good("log", "repair", data, "--dry-run"))
        self.assertIn("--confirm does it", self.bad(USAGE, "log", "repair", data))
        self.assertIn("kept as", self.good("log", "repair", data, "--confirm"))
        self.assertRegex(self.good("log", "verify", data), r"(?m)^state +intact$")
        self.broker.start()
        left = self.good("consume", "orders", "-e").splitlines()
        self.assertTrue(0 < len(left) < 8, left)

    def flip_a_bit(self):
        """In the value of the first record of the partition that has the most."""
        segments = self.broker.data_directory.glob(f"orders-*/{0:020}.log")
        segment = max(segments, key=lambda path: json.loads(
            self.good("log", "verify", str(path), "--json"))["records"])
        with open(segment, "r+b") as file:
            file.seek(75)
            byte = file.read(1)[0]
            file.seek(75)
            file.write(bytes([byte ^ 4]))


if __name__ == "__main__":
    unittest.main()
