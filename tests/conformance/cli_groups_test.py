"""`sluice groups`: lag in records and seconds, trend, resets that do what they showed."""

import json
import time
import unittest

from conformance.case import BrokerCase, wait_until
from conformance.cli_test import FAILED, NOT_FOUND, OK, USAGE, Cli
from harness.shape import Maybe, check_shape

RESET = {"group": str, "executed": bool, "partitions": [
    {"topic": str, "partition": int, "from": Maybe(int), "to": int, "lag": int, "clamped": bool}]}
GROUP = {
    "group": str, "state": str, "type": str, "protocol_type": str, "assignor": str,
    "coordinator": int, "total_lag": int, "lag_seconds": Maybe(float), "time_ms": int,
    "trend": Maybe({"direction": str, "consumed_per_second": float, "produced_per_second": float,
                    "eta_seconds": Maybe(float)}),
    "topics": [{"topic": str, "partitions": int, "lag": int, "lag_seconds": Maybe(float)}],
    "members": [{"member_id": str, "instance_id": Maybe(str), "client_id": str, "host": str,
                 "partitions": int, "assignment": [{"topic": str, "partition": int}]}],
    "partitions": [{"topic": str, "partition": int, "committed": Maybe(int), "end": Maybe(int),
                    "lag": Maybe(int), "lag_seconds": Maybe(float), "member_id": Maybe(str)}]}


class CliGroupLagTest(Cli, BrokerCase):
    def write(self, topic, ages, size=1):
        """Records so many seconds old, all in partition 0."""
        now = int(time.time() * 1000)
        lines = [json.dumps({"value": "x" * size, "timestamp": now - int(age * 1000)})
                 for age in ages]
        self.good("produce", topic, "-p", "0", "--json", stdin="\n".join(lines) + "\n")

    def describe(self, *arguments):
        shown = json.loads(self.good("groups", "describe", *arguments, "--json"))
        check_shape(shown, [GROUP])
        return shown

    def test_seconds_are_the_age_of_the_oldest_unread_record(self):
        small, large, group = self.make_topic(), self.make_topic(partitions=2), self.name("group")
        self.write(small, [500, 400, 300.5, 20, 10])
        self.write(large, [90, 80], size=400_000)  # larger than what is asked of a partition
        self.good("groups", "reset", group, "-t", small, "--to-offset", "2", "--execute")
        self.good("groups", "reset", group, "-t", large, "--to-offset", "1", "--execute")
        shown = self.describe(group)[0]
        self.assertEqual(shown["total_lag"], 4)
        self.assertAlmostEqual(shown["lag_seconds"], 300.5, delta=1)
        by_topic = {row["topic"]: row for row in shown["topics"]}
        self.assertAlmostEqual(by_topic[small]["lag_seconds"], 300.5, delta=1)
        self.assertAlmostEqual(by_topic[large]["lag_seconds"], 80, delta=1)
        rows = {(row["topic"], row["partition"]): row for row in shown["partitions"]}
        self.assertEqual(rows[large, 1]["lag_seconds"], 0)
        self.assertRegex(self.good("groups", "describe", group), r"lag +4 records, 5 m 0[01] s\n")

    def test_age_is_that_of_what_is_left_when_records_are_gone(self):
        topic, group = self.make_topic(), self.name("group")
        self.write(topic, [900, 800, 50, 40])
        self.good("groups", "reset", group, "-t", topic, "--to-earliest", "--execute")
        self.good("topics", "truncate", topic, "--before", "2", f"--confirm={topic}")
        self.assertAlmostEqual(self.describe(group)[0]["lag_seconds"], 50, delta=1)

    def test_what_was_deleted_is_no_lag(self):
        topic, group = self.make_topic(), self.name("group")
        self.write(topic, [900, 800, 50, 40])
        self.good("groups", "reset", group, "-t", topic, "--to-earliest", "--execute")
        self.good("topics", "truncate", topic, "--before", "3", "--yes")
        self.assertEqual(self.describe(group)[0]["total_lag"], 1)
        self.good("topics", "truncate", topic, "--before", "end", "--yes")
        shown = self.describe(group)[0]
        self.assertEqual((shown["total_lag"], shown["lag_seconds"]), (0, 0))
        self.assertNotIn("unknown", self.good("check", "-g", group, "--lag", "1,2"))

    def test_a_shift_beyond_all_offsets_ends_at_the_end(self):
        topic, group = self.make_topic(), self.name("group")
        self.write(topic, [10] * 5)
        self.good("groups", "reset", group, "-t", topic, "--to-offset", "2", "--execute")
        for shift, to in ((2**63 - 1, 5), (1 - 2**63, 0)):
            row = json.loads(self.good("groups", "reset", group, "-t", topic, f"--shift={shift}",
                                       "--json"))["partitions"][0]
            self.assertEqual((row["to"], row["clamped"]), (to, True))

    def test_trend_and_the_time_that_is_left(self):
        topic, group = self.make_topic(), self.name("group")
        self.write(topic, [10] * 100)
        self.good("groups", "reset", group, "-t", topic, "--to-earliest", "--execute")
        looking = self.spawn("groups", "describe", group, "--watch", "0.5", "--json")
        first = json.loads(looking.stdout.readline())[0]
        self.assertIsNone(first["trend"])
        self.good("groups", "reset", group, "-t", topic, "--to-offset", "50", "--execute")

        def moved():
            self.line = json.loads(looking.stdout.readline())[0]
            return self.line["trend"]["consumed_per_second"] > 0
        wait_until(moved, 10)
        trend = self.line["trend"]
        self.assertEqual(trend["direction"], "shrinking")
        self.assertAlmostEqual(trend["eta_seconds"], 50 / trend["consumed_per_second"], delta=0.01)
        looking.terminate()
        self.assertEqual(looking.wait(10), OK)
        self.assertRegex(self.good("groups", "describe", group, "--trend", "0.2"),
                         "trend +steady: 0.0/s consumed, 0.0/s produced\ncaught up +not at these")

    def test_members_and_what_they_hold(self):
        topic, group = self.make_topic(partitions=3), self.name("group")
        self.spawn("consume", topic, "-g", group)

        def members():
            done = self.sluice("groups", "describe", group, "--json")
            return json.loads(done.stdout)[0]["members"] if done.returncode == OK else []
        wait_until(lambda: members() and members()[0]["partitions"] == 3, 20)
        self.assertEqual(members()[0]["assignment"],
                         [{"topic": topic, "partition": number} for number in range(3)])
        self.assertRegex(self.good("groups", "describe", group), rf"\s{topic}:0-2\n")
        refused = self.bad(FAILED, "groups", "reset", group, "-t", topic, "--to-earliest",
                           "--execute")
        self.assertRegex(refused, rf"group '{group}' is in use \(Stable, 1 members\); stop")

    def test_near_misses(self):
        topic, group = self.make_topic(), self.name("group")
        self.good("groups", "reset", group, "-t", topic, "--to-latest", "--execute")
        for command in (["describe"], ["delete", "-y"], ["reset", "--all-topics", "--to-latest"]):
            with self.subTest(command):
                self.assertIn(f"did you mean '{group}'?",
                              self.bad(NOT_FOUND, "groups", command[0], group + "x", *command[1:]))
        self.assertIn("--confirm", self.bad(USAGE, "groups", "delete", group))
        self.bad(USAGE, "groups", "delete", group, "--confirm=other")
        self.good("groups", "delete", group, f"--confirm={group}")
        self.bad(NOT_FOUND, "groups", "describe", group)


class CliGroupResetTest(Cli, BrokerCase):
    def setUp(self):
        self.topic = self.make_topic(partitions=2, retention_ms=-1)
        self.group = self.name("group")
        for partition in (0, 1):
            lines = [json.dumps({"value": "x", "timestamp": 1000 * number})
                     for number in range(10)]
            self.good("produce", self.topic, "-p", str(partition), "--json",
                      stdin="\n".join(lines) + "\n")
        self.good("topics", "truncate", self.topic, "-p", "1", "--before", "4",
                  f"--confirm={self.topic}")
        self.good("groups", "reset", self.group, "-t", self.topic, "--to-offset", "5", "--execute")

    def committed(self):
        shown = json.loads(self.good("groups", "describe", self.group, "--json"))[0]
        return [row["committed"] for row in shown["partitions"]]

    def test_what_was_shown_is_what_happens(self):
        other = self.name("group")
        self.good("groups", "reset", other, "-t", f"{self.topic}:1", "--to-offset", "8",
                  "--execute")
        cases = ((["--to-earliest"], [0, 4]), (["--to-latest"], [10, 10]),
                 (["--to-offset", "3"], [3, 4]), (["--to-offset", "99"], [10, 10]),
                 (["--to-time", "6500"], [7, 7]), (["--to-time", "1970-01-01T00:00:08Z"], [8, 8]),
                 (["--to-time", "-1h"], [10, 10]), (["--shift", "2"], [7, 7]),
                 (["--shift", "-2"], [3, 4]), (["--like", other], [5, 8]))
        for mode, expected in cases:
            with self.subTest(mode):
                self.good("groups", "reset", self.group, "--all-topics", "--to-offset", "5",
                          "--execute")
                command = ["groups", "reset", self.group, "--all-topics", *mode, "--json"]
                shown = json.loads(self.good(*command))
                check_shape(shown, RESET)
                self.assertEqual(self.committed(), [5, 5])
                done = json.loads(self.good(*command, "--execute"))
                self.assertEqual(done, {**shown, "executed": True})
                self.assertEqual(self.committed(), expected)

    def test_of_some_partitions(self):
        self.good("groups", "reset", self.group, "-t", f"{self.topic}:1", "--to-latest",
                  "--execute")
        self.assertEqual(self.committed(), [5, 10])
        text = self.good("groups", "reset", self.group, "-t", f"{self.topic}:0-1", "--shift", "-3")
        self.assertEqual([line.split()[1:] for line in text.splitlines()[1:]], [
            ["0", "5", "2", "8"],
            ["1", "10", "7", "3"]])

    def test_refusals(self):
        name = [self.group, "-t", self.topic]
        self.assertIn("say where to", self.bad(USAGE, "groups", "reset", *name))
        self.bad(USAGE, "groups", "reset", *name, "--to-earliest", "--to-latest")
        self.bad(USAGE, "groups", "reset", *name, "--to-latest", "--execute", "--dry-run")
        self.assertIn("say of what", self.bad(USAGE, "groups", "reset", self.group, "--to-latest"))
        self.bad(USAGE, "groups", "reset", *name, "--to-time", "tomorrow")
        self.bad(NOT_FOUND, "groups", "reset", self.group, "-t", f"{self.topic}:7", "--to-latest")
        self.bad(USAGE, "groups", "reset", self.group, "-t", f"{self.topic}:x", "--to-latest")
        self.assertIn(f"did you mean '{self.topic}'?", self.bad(
            NOT_FOUND, "groups", "reset", self.group, "-t", self.topic + "x", "--to-latest"))
        self.bad(NOT_FOUND, "groups", "reset", *name, "--like", self.name("gone"))
        self.assertEqual(self.committed(), [5, 5])


if __name__ == "__main__":
    unittest.main()
