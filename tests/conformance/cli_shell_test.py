"""`sluice` among other programs: checks for monitoring systems, completion by shells, man pages."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from conformance.case import BrokerCase
from conformance.cli_test import FAILED, OK, Cli, environment
from harness.broker import binary, free_port
from harness.shape import Maybe, check_shape

GOOD, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3  # of `check`, as of every monitoring plug-in
CHECKED = {"status": str, "checks": [
    {"check": str, "subject": str, "status": str, "value": Maybe(float), "unit": str,
     "warning": Maybe(float), "critical": Maybe(float), "message": str}]}


class CliCheckTest(Cli, BrokerCase):
    def group_behind(self, records):
        topic, group = self.make_topic(), self.name("group")
        self.good("produce", topic, stdin="x\n" * records)
        self.good("groups", "reset", group, "-t", topic, "--to-earliest", "--execute")
        return group

    def check(self, *arguments, **options):
        done = self.sluice("check", *arguments, **options)
        return done.returncode, done.stdout

    def test_verdict_is_the_exit_status(self):
        group = self.group_behind(10)
        for limits, expected in (("11,20", GOOD), ("10,20", WARNING), ("1,10", CRITICAL)):
            with self.subTest(limits):
                status, shown = self.check("-g", group, "--lag", limits, "-o", "json")
                self.assertEqual(status, expected)
                check_shape(json.loads(shown), CHECKED)
                rows = {row["check"]: row for row in json.loads(shown)["checks"]}
                self.assertEqual(rows["lag"]["value"], 10)
                self.assertEqual(rows["offline"]["value"], 0)
        self.assertEqual(self.check("-g", group, "--lag-seconds", "3600,7200")[0], GOOD)
        self.assertEqual(self.check("-g", group, "--lag-seconds", "0,7200")[0], WARNING)
        self.assertEqual(self.check("--disk-free", "0,0")[0], GOOD)
        self.assertEqual(self.check("--disk-free", "100,100")[0], CRITICAL)
        self.assertEqual(self.check("--latency", "60000,60000")[0], GOOD)
        self.assertEqual(self.check("--latency", "0,60000")[0], WARNING)

    def test_outputs(self):
        group = self.group_behind(3)
        self.assertRegex(self.check("-g", group, "--lag", "1,5")[1],
                         rf"^WARNING\n\nSTATUS +CHECK +OF +WHAT\n(?s:.*)"
                         rf"\nWARNING +lag +{group} +3 records behind\n")
        self.assertRegex(self.check("-g", group, "--lag", "1,5", "-o", "nagios")[1],
                         rf"^SLUICE WARNING - lag {group}: 3 records behind \| "
                         rf".*'lag_{group}'=3;1;5;0 [^\n]*\n$")
        self.assertIn(f'sluice_check_status{{check="lag",subject="{group}"}} 1\n',
                      self.check("-g", group, "--lag", "1,5", "-o", "prometheus")[1])

    def test_a_group_that_never_committed_is_not_up_to_date(self):
        topic, group = self.make_topic(), self.name("group")
        self.good("produce", topic, stdin="x\n")
        consumer = self.consumer(group)
        consumer.subscribe([topic])
        self.poll_messages(consumer, 1)
        status, shown = self.check("-g", group, "--lag", "100,200")
        self.assertEqual(status, UNKNOWN)
        self.assertIn("committed no offset", shown)

    def test_what_cannot_be_told(self):
        status, shown = self.check("-g", self.name("gone"), "--lag", "1,2")
        self.assertEqual(status, UNKNOWN)
        self.assertIn("UNKNOWN", shown)
        nowhere = f"127.0.0.1:{free_port()}"
        status, shown = self.check("-o", "nagios", brokers=nowhere)
        self.assertEqual(status, CRITICAL)
        self.assertIn(f"SLUICE CRITICAL - reachable {nowhere}: ", shown)
        for wrong in (["--lag", "5"], ["--lag", "5,1"], ["--lagg", "1,5"], ["-o", "xml"], ["x"]):
            with self.subTest(wrong):
                self.assertEqual(self.check(*wrong), (UNKNOWN, ""))

    def test_dead_letters(self):
        topic = self.name("dlq.letters")
        marked = "errors.deadletterqueue.group.enable=true"
        if self.sluice("topics", "create", topic, "-c", marked).returncode != OK:
            self.skipTest("this broker has no dead-letter topics")
        self.good("produce", topic, stdin="x\ny\n")
        self.assertEqual(self.check("--dead-letters", "3,5")[0], GOOD)
        status, shown = self.check("--dead-letters", "1,2")
        self.assertEqual(status, CRITICAL)
        self.assertRegex(shown, rf"CRITICAL +dead-letters +{topic} +2 dead letters\n")


class CliCompletionTest(Cli, BrokerCase):
    def complete(self, *words):
        return self.good("__complete", *words).splitlines()

    def good(self, *arguments, **options):
        """`__complete` must come first, so the broker is told by the environment."""
        if arguments[0] != "__complete":
            return super().good(*arguments, **options)
        done = subprocess.run([binary("sluice"), *arguments], capture_output=True, text=True,
                              timeout=20, check=True, env=environment(SLUICE_BROKERS=self.address))
        self.assertEqual(done.stderr, "")
        return done.stdout

    def test_commands_and_options(self):
        self.assertEqual(self.complete("topics", "d"), ["delete", "describe"])
        self.assertIn("groups", self.complete(""))
        self.assertNotIn("man", self.complete(""))  # hidden
        self.assertEqual(self.complete("topics", "create", "x", "--part"), ["--partitions"])
        self.assertEqual(self.complete("topics", "list", "--js"), ["--json"])
        self.assertEqual(self.complete("check", "-o", "n"), ["nagios"])
        self.assertEqual(self.complete("--json", "configs", "get", ""),
                         ["broker", "group", "topic"])

    def test_names_of_the_cluster(self):
        topic, group = self.make_topic(), self.name("group")
        self.good("groups", "reset", group, "-t", topic, "--to-latest", "--execute")
        self.assertEqual(self.complete("topics", "describe", topic), [topic])
        self.assertIn(topic, self.complete("topics", "describe", "other", ""))
        self.assertIn(topic, self.complete("groups", "reset", "g", "--topic", ""))
        self.assertEqual(self.complete("groups", "describe", group[:-1]), [group])
        self.assertIn(group, self.complete("consume", topic, "-g", ""))
        nowhere = f"127.0.0.1:{free_port()}"
        self.assertEqual(self.complete("-b", nowhere, "topics", "describe", ""), [])
        self.assertEqual(self.complete(f"--brokers={nowhere}", "topics", "describe", ""), [])

    @unittest.skipUnless(shutil.which("bash"), "no bash")
    def test_bash(self):
        topic = self.make_topic()
        sluice = binary("sluice")
        script = f"""source <({sluice} completion bash)
            COMP_WORDS=({sluice} topics describe {topic[:-1]}); COMP_CWORD=3
            _sluice {sluice}; printf '%s\\n' "${{COMPREPLY[@]}}"
            COMP_WORDS=({sluice} groups ''); COMP_CWORD=2
            _sluice {sluice}; printf '%s ' "${{COMPREPLY[@]}}" """
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20,
                              check=True, env=environment(SLUICE_BROKERS=self.address))
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout, f"{topic}\ndelete describe list reset ")


class CliManPagesTest(Cli, BrokerCase):
    def test_a_page_for_every_command_that_groff_takes(self):
        with tempfile.TemporaryDirectory() as name:
            directory = pathlib.Path(name)
            self.good("man", name)
            pages = {page.name: page for page in directory.iterdir()}
            self.assertIn("sluice.1", pages)
            text = pages["sluice-groups-reset.1"].read_text()
            for option in ("to\\-earliest", "to\\-time", "shift", "like", "execute"):
                self.assertIn(f"\\fB\\-\\-{option}\\fR", text)
            if shutil.which("groff"):
                done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", *map(str, pages.values())],
                                      capture_output=True, text=True, timeout=60, check=True)
                self.assertEqual(done.stderr, "")
        self.bad(FAILED, "man", "/nonexistent")


if __name__ == "__main__":
    unittest.main()
