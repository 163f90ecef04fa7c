"""`sluice` for administration: topics, configs, cluster; and what every command has in common."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import time
import unittest

from conformance.case import BrokerCase, wait_until
from conformance.cli_test import DENIED, FAILED, NOT_FOUND, OK, UNREACHABLE, USAGE, Cli, environment
from harness import command_tree
from harness.broker import binary, free_port
from harness.process import unprivileged
from harness.schema import check_schema
from harness.shape import Maybe, check_shape

TOPIC = {"name": str, "id": str, "partitions": int, "replicas": int, "internal": bool,
         "records": Maybe(int), "bytes": Maybe(int), "last_write_ms": Maybe(int)}
TRUNCATED = {"topic": str, "executed": bool, "partitions": [
    {"partition": int, "start_offset": int, "new_start_offset": int, "deleted": int}]}
CONFIG = {"name": str, "value": Maybe(str), "default": Maybe(str), "source": str,
          "read_only": bool, "sensitive": bool}
CHANGED = {"kind": str, "name": str, "applied": bool,
           "changes": [{"name": str, "from": Maybe(str), "to": Maybe(str)}]}
CLUSTER = {"id": str, "controller": int, "topics": int, "partitions": int,
           "under_replicated": int, "offline": int,
           "brokers": [{"id": int, "host": str, "port": int, "rack": Maybe(str)}],
           "directories": [{"broker": int, "path": str, "total_bytes": Maybe(int),
                            "free_bytes": Maybe(int)}]}


class CliAdminTest(Cli, BrokerCase):
    def listed(self, *options):
        topics = json.loads(self.good("topics", "list", "--json", *options))
        check_shape(topics, [TOPIC])
        return {topic["name"]: topic for topic in topics}

    def write(self, topic, count, partition=0):
        lines = [json.dumps({"value": "x", "timestamp": 1000 * number})
                 for number in range(count)]
        self.good("produce", topic, "-p", str(partition), "--json", stdin="\n".join(lines) + "\n")

    def test_list_tells_records_size_and_last_write(self):
        topic = self.make_topic(partitions=2, retention_ms=-1)
        self.assertEqual(self.listed()[topic]["records"], 0)
        self.assertIsNone(self.listed()[topic]["last_write_ms"])
        self.write(topic, 5)
        shown = self.listed()[topic]
        self.assertEqual((shown["records"], shown["last_write_ms"]), (5, 4000))
        self.assertGreater(shown["bytes"], 5)
        self.assertRegex(self.good("topics", "list"),
                         rf"\n{topic} +2 +1 +5 +\d+ B +1970-01-01T00:00:04.000Z\n")

    def test_internal_topics_are_hidden(self):
        topic, group = self.make_topic(), self.name("group")
        self.good("groups", "reset", group, "-t", topic, "--to-latest", "--execute")
        self.assertNotIn("__consumer_offsets", self.listed())
        self.assertTrue(self.listed("--internal")["__consumer_offsets"]["internal"])

    def test_truncate_shows_and_then_does_the_same(self):
        topic = self.make_topic(partitions=2, retention_ms=-1)
        self.write(topic, 10)
        self.write(topic, 4, partition=1)
        for before in ("@1969-12-31T23:59:59.999", "@-30000d"):  # older than any record
            done = json.loads(self.good("topics", "truncate", topic, "--before", before, "-y",
                                        "--json"))
            self.assertEqual([row["new_start_offset"] for row in done["partitions"]], [0, 0])
        for before, expected in (("3", [3, 3]), ("@6500", [7, 4]), ("end", [10, 4])):
            with self.subTest(before):
                command = ["topics", "truncate", topic, "--before", before]
                preview = json.loads(self.good(*command, "--dry-run", "--json"))
                check_shape(preview, TRUNCATED)
                self.assertIn(f"--confirm={topic}", self.bad(USAGE, *command, stdin=""))
                done = json.loads(self.good(*command, f"--confirm={topic}", "--json"))
                self.assertEqual(done, {**preview, "executed": True})
                self.assertEqual([row["new_start_offset"] for row in done["partitions"]], expected)
        shown = json.loads(self.good("topics", "describe", topic, "--json"))[0]
        self.assertEqual([row["start_offset"] for row in shown["partitions"]], [10, 4])
        self.bad(USAGE, "topics", "truncate", topic, "--before", "never", "-y")
        self.bad(NOT_FOUND, "topics", "truncate", topic, "--before", "end", "-p", "2", "-y")
        self.assertIn(f"did you mean '{topic}'", self.bad(
            NOT_FOUND, "topics", "truncate", topic + "x", "--before", "end", "-y"))

    def test_configs_value_default_source_and_difference(self):
        topic = self.make_topic(max_message_bytes=2000000)
        rows = json.loads(self.good("configs", "get", "topic", topic, "--json"))
        check_shape(rows, [CONFIG])
        row = {row["name"]: row for row in rows}["max.message.bytes"]
        self.assertEqual((row["value"], row["source"]), ("2000000", "topic"))
        self.assertEqual(row["default"], "1048588")
        self.assertIn("max.message.bytes  2000000  1048588  topic\n",
                      self.good("configs", "get", "topic", topic, "max.message.bytes"))
        change = ["topic", topic, "max.message.bytes=3000000"]
        expected = "-max.message.bytes=2000000\n+max.message.bytes=3000000\n"
        self.assertEqual(self.good("configs", "set", *change, "--dry-run"), expected)
        self.assertEqual(self.good("configs", "set", *change), expected)

        def value():
            return json.loads(self.good("configs", "get", "topic", topic, "max.message.bytes",
                                        "--json"))[0]["value"]
        wait_until(lambda: value() == "3000000")
        shown = json.loads(self.good("configs", "set", *change, "--json"))
        check_shape(shown, CHANGED)
        self.assertEqual(shown["changes"], [])
        shown = json.loads(self.good("configs", "unset", "topic", topic, "max.message.bytes",
                                     "--json"))
        self.assertEqual(shown["changes"], [
            {"name": "max.message.bytes", "from": "3000000", "to": "1048588"}])
        wait_until(lambda: value() == "1048588")

    def test_configs_refusals(self):
        topic = self.make_topic()
        self.assertIn("did you mean 'retention.ms'?",
                      self.bad(NOT_FOUND, "configs", "set", "topic", topic, "retenton.ms=1"))
        self.bad(NOT_FOUND, "configs", "get", "topic", topic, "nothing")
        self.bad(USAGE, "configs", "set", "topic", topic, "retention.ms")
        self.bad(USAGE, "configs", "get", "table", topic)
        self.assertIn(f"did you mean '{topic}'?",
                      self.bad(NOT_FOUND, "configs", "get", "topic", topic + "x"))
        self.bad(FAILED, "configs", "set", "topic", topic, "retention.ms=soon")

    def test_cluster(self):
        self.make_topic(partitions=3)
        shown = json.loads(self.good("cluster", "--json"))
        check_shape(shown, CLUSTER)
        self.assertEqual((shown["under_replicated"], shown["offline"]), (0, 0))
        self.assertGreaterEqual(shown["partitions"], 3)
        self.assertGreater(shown["directories"][0]["free_bytes"], 0)
        self.assertRegex(self.good("cluster"), r"(?s)^cluster +\S+\n.*\d GB of \d")


class CliMannersTest(Cli, BrokerCase):
    """What holds for every command."""

    def test_one_line_says_what_is_wrong(self):
        for arguments, expected in (
                (["topcs"], "no command 'topcs'; did you mean 'topics'? (see 'sluice --help')"),
                (["topics", "lst"],
                 "no command 'lst'; did you mean 'list'? (see 'sluice topics --help')"),
                (["topics", "create", "x", "--partitons", "3"],
                 "no option '--partitons'; did you mean '--partitions'? "
                 "(see 'sluice topics create --help')"),
                (["groups", "reset"],
                 "an argument is missing: GROUP (see 'sluice groups reset --help')"),
                (["topics", "list", "more"],
                 "one argument too many: more (see 'sluice topics list --help')"),
                (["cluster", "-x"], "no option '-x' (see 'sluice cluster --help')"),
                (["search", "x", "--field"],
                 "--field wants a value (see 'sluice search --help')"),
                (["topics", "list", "--internal=x"],
                 "--internal takes no value (see 'sluice topics list --help')")):
            with self.subTest(arguments):
                self.assertEqual(self.bad(USAGE, *arguments), f"sluice: {expected}\n")
        self.assertIn("one of list, create,", self.bad(USAGE, "topics"))

    def test_unreachable_within_the_timeout(self):
        began = time.monotonic()
        message = self.bad(UNREACHABLE, "--timeout", "1", "topics", "list",
                           brokers=f"127.0.0.1:{free_port()}")
        self.assertRegex(message, r"^sluice: cannot reach a broker at .*\n$")
        self.assertLess(time.monotonic() - began, 3)

    def test_full_disk_at_standard_output(self):
        self.make_topic()
        for arguments in (["topics", "list"], ["cluster", "--json"], ["--help"], ["--version"]):
            with self.subTest(arguments), open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([binary("sluice"), "-b", self.address, *arguments],
                                      stdout=full, stderr=subprocess.PIPE, text=True, timeout=30,
                                      check=False, env=environment())
                self.assertEqual(done.returncode, FAILED)
                self.assertRegex(done.stderr, "^sluice: cannot write.*No space left on device\n$")

    def test_closed_pipe_is_quiet(self):
        self.make_topic()
        for arguments in (["topics", "list"], ["--help"]):
            with self.subTest(arguments):
                done = self.spawn(*arguments)
                done.stdout.close()
                self.assertEqual(done.wait(20), OK)
                self.assertEqual(done.stderr.read(), b"")

    def test_closed_standard_output(self):
        """Its number goes to no socket or file of the tool."""
        for arguments in (["topics", "list"], ["cluster", "--json"], ["--version"]):
            with self.subTest(arguments):
                done = subprocess.run([binary("sluice"), "-b", self.address, *arguments],
                                      stderr=subprocess.PIPE, text=True, timeout=30, check=False,
                                      env=environment(), preexec_fn=lambda: os.close(1))
                self.assertEqual(done.returncode, FAILED)
                self.assertEqual(done.stderr, "sluice: cannot write standard output: "
                                              "Bad file descriptor\n")

    def test_files_that_are_not_there(self):
        topic = self.make_topic()
        with tempfile.TemporaryDirectory() as directory:
            gone = f"{directory}/gone/file"
            for arguments in (["import", gone, "--topic", topic], ["produce", topic, "-f", gone],
                              ["export", topic, "-o", gone], ["backup", "verify", gone],
                              ["restore", gone], ["log", "ls", gone]):
                with self.subTest(arguments):
                    self.assertRegex(self.bad(NOT_FOUND, *arguments), f"^sluice: .*{gone}.*\n$")

    def test_files_that_may_not_be_written(self):
        topic = self.make_topic()
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o555)
            place = f"{directory}/x"
            for arguments in (["export", topic, "-o", place], ["backup", "create", place, topic],
                              ["context", "set", "x", "brokers=localhost:1"]):
                with self.subTest(arguments):
                    done = subprocess.run(
                        [binary("sluice"), "-b", self.address, *arguments], capture_output=True,
                        text=True, timeout=30, check=False, **unprivileged(),
                        env=environment(XDG_CONFIG_HOME=place))
                    self.assertEqual(done.returncode, DENIED, done.stderr)
                    self.assertRegex(done.stderr, f"^sluice: {place}.*: Permission denied\n$")

    def test_severe_deletes_want_the_name(self):
        topic = self.make_topic()
        message = self.bad(USAGE, "topics", "delete", topic, stdin="")
        self.assertIn(f"cannot be undone; --confirm={topic} does it", message)
        self.bad(USAGE, "topics", "delete", topic, "--confirm=other")
        self.assertIn(topic, self.good("topics", "list"))
        self.good("topics", "delete", topic, f"--confirm={topic}")
        wait_until(lambda: topic not in self.good("topics", "list"))

    def test_nothing_is_deleted_before_all_of_it_is_confirmed(self):
        one, two = self.make_topic(), self.make_topic()
        message = self.bad(USAGE, "topics", "delete", one, two, f"--confirm={one}")
        self.assertEqual(message, f"sluice: --confirm does not name '{two}'; nothing was done\n")
        for group in (one, two):
            self.good("groups", "reset", group, "-t", one, "--to-latest", "--execute")
        self.bad(USAGE, "groups", "delete", one, two, f"--confirm={one}")
        for name in (one, two):
            self.assertIn(name, self.good("topics", "list"))
            self.assertIn(name, self.good("groups", "list"))

    def test_quiet(self):
        topic = self.name()
        done = self.sluice("-q", "topics", "create", topic)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (OK, "", ""))

    def test_help_begins_with_examples(self):
        """They name commands and options that there are, and one of them is of the same family."""
        commands = command_tree.commands()
        self.assertGreater(len(commands), 50)

        def command_of(words):
            """Options of every command, such as -b, may stand before it."""
            return max((path for path in commands for begin in (0, 2)
                        if tuple(words[begin:begin + len(path)]) == path), key=len)

        for path, text in commands.items():
            with self.subTest(path):
                self.assertLess(text.index("Examples:"), text.index("Options:"))
                examples = [shlex.split(example, comments=True)
                            for example in re.findall(r"^  (?:.*\| )?sluice (.*)", text, re.M)]
                families = {command_of(words)[:1] for words in examples}
                self.assertIn(path[:1] or ("topics",), families)
                for words in examples:
                    known = commands[command_of(words)] + commands[()]
                    for option in (word.partition("=")[0] for word in words
                                   if re.match(r"--?[a-z]", word)):
                        self.assertRegex(known, rf"[\s,]{option}[\s,:=]", words)


class CliContextTest(Cli, BrokerCase):
    """Named clusters, in a configuration directory of the test's own."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.config = pathlib.Path(directory.name)

    def run_in(self, *arguments, **more):
        return subprocess.run(
            [binary("sluice"), *arguments], capture_output=True, text=True, timeout=30, check=False,
            stdin=subprocess.DEVNULL, env=environment(XDG_CONFIG_HOME=str(self.config), **more))

    def test_command_line_beats_environment_beats_context(self):
        nowhere = f"127.0.0.1:{free_port()}"
        self.assertEqual(self.run_in("context", "set", "here", f"brokers={self.address}",
                                     "timeout=5").returncode, OK)
        self.assertEqual(self.run_in("cluster").returncode, OK)  # the first is in use
        self.run_in("context", "set", "there", f"brokers={nowhere}")
        self.assertEqual(self.run_in("cluster").returncode, OK)
        self.assertEqual(self.run_in("--context", "there", "cluster").returncode, UNREACHABLE)
        self.assertEqual(self.run_in("context", "use", "there").returncode, OK)
        self.assertEqual(self.run_in("cluster").returncode, UNREACHABLE)
        self.assertEqual(self.run_in("cluster", SLUICE_CONTEXT="here").returncode, OK)
        self.assertEqual(self.run_in("cluster", SLUICE_BROKERS=self.address).returncode, OK)
        self.assertEqual(self.run_in("-b", nowhere, "cluster",
                                     SLUICE_BROKERS=self.address).returncode, UNREACHABLE)

    def test_brokers_that_are_typed_have_no_http_port_of_elsewhere(self):
        nowhere = f"127.0.0.1:{free_port()}"
        top = ["-b", self.address, "top", "--once"]
        self.run_in("context", "set", "here", f"http={nowhere}")
        self.assertEqual(self.run_in(*top).returncode, OK)
        self.assertEqual(self.run_in(*top, SLUICE_HTTP=nowhere).returncode, OK)
        self.assertEqual(self.run_in("--http", nowhere, *top).returncode, UNREACHABLE)

    def test_a_check_with_contexts_that_cannot_be_read_knows_nothing(self):
        self.run_in("context", "set", "here", f"brokers={self.address}")
        for path in self.config.rglob("contexts.toml"):
            path.write_text("x][", encoding="ascii")
        self.assertEqual(self.run_in("check").returncode, 3)

    def test_list_show_delete(self):
        self.run_in("context", "set", "a", "brokers=h:1", "http=h:2")
        self.run_in("context", "set", "b", "brokers=h:3")
        shown = json.loads(self.run_in("context", "list", "--json").stdout)
        self.assertEqual(shown, [
            {"name": "a", "current": True, "brokers": "h:1", "http": "h:2", "timeout": None},
            {"name": "b", "current": False, "brokers": "h:3", "http": None, "timeout": None}])
        self.assertEqual(self.run_in("context", "list").stdout,
                         "CURRENT  NAME  BROKERS  HTTP\n*        a     h:1      h:2\n"
                         "         b     h:3      -\n")
        self.run_in("context", "set", "a", "http=")
        self.assertEqual(self.run_in("context", "show").stdout, "context  a\nbrokers  h:1\n")
        self.run_in("context", "set", "a", "brokers=", "timeout=0.5")
        self.assertEqual(self.run_in("context", "show").stdout, "context  a\ntimeout  0.5 s\n")
        check_schema(json.loads(self.run_in("context", "show", "--json").stdout), "context show")
        check_schema(json.loads(self.run_in("context", "list", "--json").stdout), "context list")
        self.assertEqual(self.run_in("context", "delete", "a").returncode, OK)
        self.assertEqual(self.run_in("context", "show", "a").returncode, NOT_FOUND)

    def test_refusals(self):
        self.assertEqual(self.run_in("context", "set", "a", "password=x").returncode, USAGE)
        self.assertEqual(self.run_in("context", "set", "a", "timeout=soon").returncode, USAGE)
        self.assertEqual(self.run_in("--context", "a", "cluster").returncode, NOT_FOUND)
        self.run_in("context", "set", "local", "brokers=h:1")
        self.assertIn("did you mean 'local'?", self.run_in("context", "use", "lcal").stderr)
        file = self.config / "sluice/contexts.toml"
        file.write_text("current = 'local'\nthis = = 1\n")
        self.assertRegex(self.run_in("cluster").stderr, r"^sluice: .*contexts.toml:2: .*\n$")
        file.chmod(0)
        if os.geteuid() != 0:
            self.assertIn("Permission denied", self.run_in("cluster").stderr)


if __name__ == "__main__":
    unittest.main()
