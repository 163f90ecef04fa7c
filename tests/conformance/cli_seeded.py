"""A cluster on which every command of `sluice` has something to do: cli_cases.py."""

import json
import pathlib
import subprocess
import tempfile

from conformance.case import wait_until
from conformance.cli_cases import dead_letters, orders, reminders
from conformance.cli_test import OK, Cli, environment
from harness.broker import Broker, binary
from harness.process import end


class Seeded(Cli):
    """Mixed into a test case whose broker it fills."""

    needs_own_broker = True
    # The broker's own topics have a partition a shard; the processor must not tell how many.
    settings = {"sluice_shards": 2}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.directory = pathlib.Path(directory.name)
        cls.is_sluiced = isinstance(cls.broker, Broker)
        case = cls("seed")
        case.seed()
        case.doCleanups()

    def sluice(self, *arguments, stdin="", timeout=60, brokers=None, stdout=subprocess.PIPE):
        return subprocess.run(
            [binary("sluice"), "-b", brokers or self.address, *arguments], input=stdin, text=True,
            stdout=stdout, stderr=subprocess.PIPE, timeout=timeout, check=False,
            env=environment(XDG_CONFIG_HOME=str(self.directory / "config")))

    def create(self, topic, partitions=1, **configs):
        own = ("sluice_", "errors_")
        configs = {key: value for key, value in configs.items()
                   if self.is_sluiced or not key.startswith(own)}
        self.create_topic(topic, partitions, retention_ms=-1, **configs)

    def seed(self):
        self.create("orders", 2)
        self.create("orders-again")
        self.create("dlq.orders", errors_deadletterqueue_group_enable="true")
        file = self.directory / "orders.jsonl"
        file.write_text(orders(), encoding="ascii")
        self.good("produce", "orders", "--json", "--keep-partition", "--linger", "500", "-f",
                  str(file))
        self.good("produce", "dlq.orders", "--json", "--linger", "500", stdin=dead_letters())
        self.good("groups", "reset", "billing", "--topic", "orders", "--to-offset", "1",
                  "--execute")
        if self.is_sluiced:
            self.create("mails")
            self.create("reminders", sluice_schedule_enable="true")
            self.good("produce", "reminders", "--json", stdin=reminders())
            self.hold_mails_back()

    def hold_mails_back(self):
        """The share group `mailers`: the first and the third record wait for an hour."""
        worker = [binary("queue_worker"), self.address]
        for to in ("later0@example.org", "now@example.org", "later1@example.org"):
            subprocess.run([*worker, "send", to, "hello"], timeout=30, check=True)
        process = subprocess.Popen([*worker, "work", "one", "3600000"], stdout=subprocess.PIPE)
        self.addCleanup(end, process)

        def are_waiting():
            shown = self.sluice("queue", "show", "mailers", "--json")
            if shown.returncode != OK:
                return False
            mails = json.loads(shown.stdout)["partitions"][0]
            return (mails["waiting"], mails["finished"]) == (2, 1)
        wait_until(are_waiting, what="records that wait")
        process.terminate()
        process.wait(20)

    def run_case(self, case, name, *more, **options):
        """A finished run of the case; `name`: a or b."""
        words = case.arguments.format(n=name, i=2 * "ab".index(name), dir=self.directory,
                                      data=self.broker.data_directory).split()
        return self.sluice(*case.command.split(), *words, *more, stdin=case.stdin, **options)
