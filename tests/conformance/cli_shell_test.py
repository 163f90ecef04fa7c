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
from harness.screen import Screen
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

    def test_only_names_of_the_cluster_that_fit_are_offered(self):
        """What an option's value is says --help: `--to TOPIC` of one command is no place."""
        topic, group = self.make_topic(), self.name("group")
        self.good("groups", "reset", group, "-t", topic, "--to-latest", "--execute")
        self.assertIn(topic, self.complete("dlq", "redrive", "x", "--to", ""))
        self.assertIn(topic, self.complete("trace", "--among", ""))
        self.assertIn(group, self.complete("groups", "reset", "g", "--like", ""))
        for words in (["consume", topic, "--to"], ["search", topic, "--to"],
                      ["export", topic, "--from"], ["log", "ls", "directory", "--topic"],
                      ["restore", "directory", "--topic"], ["topics", "create"]):
            with self.subTest(words):
                self.assertEqual(self.complete(*words, ""), [])

    def test_values_are_offered_for_every_option_that_has_few(self):
        for words in (["produce", "x", "-z"], ["import", "x", "--codec"], ["demo", "x", "-z"]):
            with self.subTest(words):
                self.assertEqual(self.complete(*words, ""),
                                 ["gzip", "lz4", "none", "snappy", "zstd"])
        self.assertEqual(self.complete("produce", "x", "--acks", ""), ["-1", "0", "1", "all"])

    def test_value_behind_an_equals_sign(self):
        topic = self.make_topic()
        self.assertEqual(self.complete("check", "--output=n"), ["--output=nagios"])
        self.assertEqual(self.complete("groups", "reset", "g", f"--topic={topic[:-1]}"),
                         [f"--topic={topic}"])
        self.assertEqual(self.complete("check", "--json="), [])
        self.assertEqual(self.complete("check", "--nothing="), [])


@unittest.skipUnless(Screen.is_available(), "no tmux")
class CliShellsTest(Cli, BrokerCase):
    """The shells themselves, in a terminal: a person types and presses Tab."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        home = tempfile.TemporaryDirectory()
        cls.addClassCleanup(home.cleanup)
        cls.home = pathlib.Path(home.name)
        for name in ("orders-file", "described"):  # what completion by files would offer
            (cls.home / name).touch()
        fish = cls.home / ".config/fish/config.fish"
        fish.parent.mkdir(parents=True)
        fish.write_text("function fish_prompt; echo -n '> '; end\n")
        cls("make_topics").make_topics()

    def make_topics(self):
        self.good("topics", "create", "orders-paid", "payments")

    def shell(self, name, *options):
        """A terminal with the shell, which knows nothing but `sluice`; skips when it is missing."""
        if not shutil.which(name):
            self.skipTest(f"{name} is not installed")
        path = f"{pathlib.Path(binary('sluice')).parent}:/usr/bin:/bin"
        screen = Screen([name, *options], directory=self.home, environment={
            "HOME": str(self.home), "PATH": path, "PS1": "> ", "SLUICE_BROKERS": self.address})
        self.addCleanup(screen.close)
        screen.wait_for("^>")
        return screen

    def script(self, name, place):
        path = self.home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.good("completion", name), encoding="ascii")

    def check_completes(self, screen):
        for typed, expected in (
                ("topics desc", "topics describe"),
                ("topics describe ord", "topics describe orders-paid"),
                ("groups reset g --topic pay", "groups reset g --topic payments"),
                (f"-b {self.address} topics describe pay",
                 f"-b {self.address} topics describe payments"),
                ("topics list --inter", "topics list --internal"),
                ("check --output=nag", "check --output=nagios"),
                ("import orders-f", "import orders-file")):
            with self.subTest(typed):
                screen.press("C-u")
                screen.type(f"sluice {typed}")
                screen.wait_for(f"> sluice {typed}")
                screen.press("Tab")
                screen.wait_for(f"> sluice {expected}( |$)")

    def test_bash(self):
        self.script("bash", "complete.bash")
        (self.home / "rc").write_text("PS1='> '; source complete.bash\n")
        self.check_completes(self.shell("bash", "--rcfile", "rc", "-i"))

    def test_zsh(self):
        (self.home / ".zshrc").write_text(
            "autoload -Uz compinit; compinit -u; source <(sluice completion zsh)\n")
        self.check_completes(self.shell("zsh", "-i"))

    def test_zsh_by_fpath(self):
        """The first Tab loads the file, and completes."""
        self.script("zsh", ".zfunc/_sluice")
        (self.home / ".zshrc").write_text(
            "fpath=(~/.zfunc $fpath); autoload -Uz compinit; compinit -u\n")
        self.check_completes(self.shell("zsh", "-i"))

    def test_fish(self):
        self.script("fish", ".config/fish/completions/sluice.fish")
        self.check_completes(self.shell("fish", "-i"))

    def test_files_are_not_offered_among_commands_and_topics(self):
        self.script("fish", ".config/fish/completions/sluice.fish")
        screen = self.shell("fish", "-i")
        screen.type("complete -C 'sluice topics d'; complete -C 'sluice topics describe orders-'")
        screen.press("Enter")
        shown = screen.wait_for("^orders-paid$")
        self.assertRegex(shown, "(?m)^delete\ndescribe\norders-paid$")


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
