"""`--json` of the commands that change something: what was done to what, also where only a part of
it was."""

import json
import pathlib
import tempfile

from conformance.case import BrokerCase
from conformance.cli_test import FAILED, NOT_FOUND, OK, Cli
from harness.schema import check_schema


class CliOutcomeTest(Cli, BrokerCase):
    def outcome(self, *arguments, status=OK, stdin=None):
        done = self.sluice(*arguments, "--json", stdin=stdin)
        self.assertEqual(done.returncode, status, done.stderr)
        found = json.loads(done.stdout)
        check_schema(found, " ".join(arguments[:2 if arguments[0] in ("topics", "groups") else 1]))
        return found

    def results(self, *arguments, **options):
        return self.outcome(*arguments, **options)["results"]

    def test_topics(self):
        one, two = self.name("one"), self.name("two")
        create = ["topics", "create", one, two, "-c", "retention.ms=1000"]
        both = [{"name": name, "result": "created"} for name in (one, two)]
        self.assertEqual(self.outcome(*create, "--dry-run"),
                         {"kind": "topic", "applied": False, "results": both})
        self.assertEqual(self.outcome(*create),
                         {"kind": "topic", "applied": True, "results": both})
        self.assertEqual({row["result"] for row in self.results(*create, "--if-not-exists")},
                         {"exists"})
        self.assertEqual(
            self.results("topics", "alter", one, "-p", "3", "-c", "retention.ms=2000",
                         "--unset", "segment.bytes"),
            [{"name": one, "result": "configured",
              "configs": {"retention.ms": "2000", "segment.bytes": None}},
             {"name": one, "result": "grown", "partitions": 3}])
        self.assertEqual(self.results("topics", "delete", one, "-y"),
                         [{"name": one, "result": "deleted"}])
        self.assertEqual(self.results("topics", "delete", one, two, "-y", "--if-exists"),
                         [{"name": one, "result": "missing"}, {"name": two, "result": "deleted"}])

    def test_what_was_done_before_an_error_is_told(self):
        one, gone = self.make_topic(), self.name("gone")
        self.assertEqual(self.results("topics", "delete", one, gone, "-y", status=NOT_FOUND),
                         [{"name": one, "result": "deleted"}])
        self.bad(NOT_FOUND, "topics", "delete", gone, one, "-y", "--json")
        topic = self.make_topic(partitions=2)
        self.assertEqual(
            self.results("topics", "alter", topic, "-c", "retention.ms=1000", "-p", "1",
                         status=FAILED),
            [{"name": topic, "result": "configured", "configs": {"retention.ms": "1000"}}])

    def test_groups(self):
        topic, one, two = self.make_topic(), self.name("one"), self.name("two")
        for group in (one, two):
            self.good("groups", "reset", group, "-t", topic, "--to-earliest", "--execute")
        self.assertEqual(self.results("groups", "delete", one, two, "-y"),
                         [{"name": name, "result": "deleted"} for name in (one, two)])

    def test_records(self):
        topic = self.make_topic()
        lines = "".join(f'{{"value":"{i}"}}\n' for i in range(3))
        done = self.outcome("produce", topic, stdin=lines)
        self.assertEqual((done["file"], done["topic"], done["records"], done["complete"]),
                         ("-", topic, 3, True))
        # What comes before a wrong line is sent.
        done = self.outcome("produce", topic, stdin=lines + "wrong\n", status=FAILED)
        self.assertEqual((done["records"], done["complete"]), (3, False))
        self.bad(FAILED, "produce", topic, "--json", stdin="wrong\n")
        with tempfile.TemporaryDirectory() as name:
            file = pathlib.Path(name) / "records.jsonl"
            done = self.outcome("export", topic, "-o", str(file))
            self.assertEqual((done["file"], done["records"]), (str(file), 6))
            self.assertEqual(self.outcome("import", str(file))["records"], 6)
            with open(file, "a", encoding="ascii") as more:
                more.write("wrong\n")
            done = self.outcome("import", str(file), "--topic", topic, status=FAILED)
            self.assertEqual((done["topic"], done["records"], done["complete"]), (topic, 6, False))
        self.assertEqual(len(self.good("consume", topic, "-e").splitlines()), 18)
