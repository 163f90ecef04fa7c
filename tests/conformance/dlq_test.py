"""`sluice dlq`: dead letters shown, sent back once each over any kill, purged."""

import collections
import json
import os
import random
import signal
import subprocess
import time
import unittest

from conformance.case import BrokerCase, wait_until
from conformance.cli_test import (
    FAILED, INTERRUPTED, NOT_FOUND, OK, UNREACHABLE, USAGE, Cli, environment)
from harness.broker import binary, free_port
from harness.process import end
from harness.share import ACCEPT, RELEASE, Admin, Member

FAILED_AT = 1_767_225_600_000  # 2026-01-01
# Dead letters of the test of kills; ./dev crash may want more.
KILL_RECORDS = int(os.environ.get("SLUICE_REDRIVE_RECORDS", "10000"))


def header(key, value):
    return {"key": key, "value": value}


def dead_letter(number, source, partition=None, source_partition=0, reason="rejected",
                redrives=None, group="billing", **more):
    """A line for `produce --json --keep-partition`, as a broker would have written it."""
    headers = [header("type", "paid"), header("n", str(number))]
    if redrives is not None:
        headers.append(header("sluice-redrive-count", str(redrives)))
    headers += [
        header("__dlq.errors.topic", source),
        header("__dlq.errors.partition", str(source_partition)),
        header("__dlq.errors.offset", str(number)),
        header("__dlq.errors.group", group),
        header("__dlq.errors.reason", reason),
        header("__dlq.errors.message", "card declined"),
        header("__dlq.errors.delivery.count", "5"),
        header("__dlq.errors.first.failure.ms", str(FAILED_AT + 1000 * number)),
        header("__dlq.errors.last.failure.ms", str(FAILED_AT + 1000 * number + 500))]
    line = {"partition": partition or 0, "timestamp": FAILED_AT + number, "key": f"k{number}",
            "value": json.dumps({"order": {"id": number}}), "headers": headers}
    return json.dumps({**line, **more})


class DeadLetters(Cli):
    def fill(self, topic, lines):
        self.good("produce", topic, "--json", "--keep-partition", stdin="\n".join(lines) + "\n")

    def make_topic(self, partitions=1, **configs):
        # Dead letters keep the timestamps of their records, which may be old.
        return super().make_topic(partitions, retention_ms=-1, **configs)

    def topics(self, partitions=1):
        return self.make_topic(partitions), self.make_topic(partitions)

    def consumed(self, topic):
        return [json.loads(line)
                for line in self.good("consume", topic, "-e", "--json", timeout=120).splitlines()]

    def listed(self, topic):
        return json.loads(self.good("dlq", "list", topic, "--json"))[0]

    def redrive(self, *arguments, status=OK):
        done = self.sluice("dlq", "redrive", *arguments, "--json")
        self.assertEqual(done.returncode, status, done.stderr)
        return json.loads(done.stdout)


class DlqListAndShowTest(DeadLetters, BrokerCase):
    def test_a_listing_counts_reasons_and_sources(self):
        source, dead = self.topics(2)
        self.fill(dead, [dead_letter(0, source, 0), dead_letter(1, source, 1),
                         dead_letter(2, source, 1, reason="lock-timeout", group="mail")])
        self.assertEqual(self.listed(dead), {
            "topic": dead, "depth": 3, "redriven": 0, "oldest_ms": FAILED_AT + 500,
            "newest_ms": FAILED_AT + 2500,
            "reasons": [{"reason": "lock-timeout", "count": 1}, {"reason": "rejected", "count": 2}],
            "sources": [{"topic": source, "group": "billing", "count": 2},
                        {"topic": source, "group": "mail", "count": 1}],
            "unfinished_redrive": None})
        rows = self.good("dlq", "list", dead).splitlines()
        self.assertEqual(rows[0].split(), ["TOPIC", "DEPTH", "REDRIVEN", "OLDEST", "NEWEST",
                                           "REASONS", "SOURCES", "(GROUPS)"])
        self.assertRegex(rows[1], rf"{dead} +3 +0 +2026-01-01T00:00:00.500Z +"
                                  rf"2026-01-01T00:00:02.500Z +rejected 2, lock-timeout 1 +"
                                  rf"{source} \(billing\) 2, {source} \(mail\) 1")

    def test_an_empty_topic_and_none_at_all(self):
        dead = self.make_topic()
        self.assertEqual(self.listed(dead)["depth"], 0)
        self.assertEqual(self.good("dlq", "show", dead), "")
        self.assertEqual(json.loads(self.good("dlq", "list", "--json")), [])

    def test_show_as_text(self):
        source, dead = self.topics()
        self.fill(dead, [dead_letter(7, source, source_partition=2)])
        self.assertEqual(self.good("dlq", "show", dead), f"""0:0  rejected: card declined
  source   {source} 2:7
  group    billing, 5 attempts
  failed   2026-01-01T00:00:07.000Z first, 2026-01-01T00:00:07.500Z last
  key      k7
  value    {{"order": {{"id": 7}}}}
  header   type=paid
  header   n=7
""")

    def test_show_as_json(self):
        source, dead = self.topics()
        self.fill(dead, [dead_letter(7, source, redrives=1, key=None, value=None),
                         json.dumps({"key_base64": "/w==", "value": "bare"})])
        first, second = map(json.loads, self.good("dlq", "show", dead, "--json").splitlines())
        record = first.pop("record")
        self.assertEqual(first, {
            "reason": "rejected", "message": "card declined",
            "source": {"topic": source, "partition": 0, "offset": 7}, "group": "billing",
            "attempts": 5, "first_failure_ms": FAILED_AT + 7000,
            "last_failure_ms": FAILED_AT + 7500, "redrives": 1, "redriven": False})
        self.assertEqual((record["offset"], record["key"], record["value"]), (0, None, None))
        self.assertEqual(second["record"]["key_base64"], "/w==")
        self.assertEqual(second["source"], {"topic": None, "partition": None, "offset": None})

    def test_selections(self):
        source, dead = self.topics(2)
        self.fill(dead, [dead_letter(i, source, i % 2, reason=("rejected", "lock-timeout")[i // 5],
                                     group=("billing", "mail")[i % 3 == 0]) for i in range(10)])

        def numbers(*selection):
            lines = self.good("dlq", "show", dead, "--json", *selection).splitlines()
            return sorted(json.loads(line)["source"]["offset"] for line in lines)
        for selection, expected in (
                ([], range(10)), (["--offset", "0:1"], [2]), (["--offset", "1:1-3"], [3, 5, 7]),
                (["--offset", "0:0", "--offset", "1:0"], [0, 1]),
                (["--source", source], range(10)), (["--source", "x"], []),
                (["--group", "mail"], [0, 3, 6, 9]), (["--reason", "lock-timeout"], range(5, 10)),
                (["--reason", "lock-timeout", "--reason", "rejected"], range(10)),
                (["--reason", "rejected", "-g", "mail"], [0, 3]),
                (["--since", str(FAILED_AT + 7500)], [7, 8, 9]),
                (["--until", "2026-01-01T00:00:02.500Z"], [0, 1]),
                (["--key", "k4"], [4]), (["--header", "n=6"], [6]), (["--header", "n=x"], []),
                (["--field", "order.id=8"], [8]), (["--field", "$.order.id=8"], [8]),
                (["--field", "order.nothing=8"], [])):
            with self.subTest(selection):
                if expected or "--offset" not in selection:
                    self.assertEqual(numbers(*selection), list(expected))
        self.assertEqual(len(self.good("dlq", "show", dead, "--json", "-n", "3").splitlines()), 3)
        self.bad(NOT_FOUND, "dlq", "show", dead, "--offset", "0:99")

    def test_wrong_command_lines(self):
        source, dead = self.topics()
        for arguments, told in (
                (["show"], "TOPIC"), (["show", dead, "--offset", "7"], "PARTITION:OFFSET"),
                (["show", dead, "--offset", "0:9-3"], "FIRST-LAST"),
                (["show", dead, "--since", "lately"], "no time"),
                (["show", dead, "--header", "x"], "NAME=VALUE"),
                (["show", dead, "--field", "a..b=1"], "JSON path"),
                (["redrive"], "which"), (["redrive", dead], "--all"),
                (["redrive", dead, "--all", "--to", dead], "own target"),
                (["redrive", dead, "--all", "--rate", "fast"], "100/s"),
                (["redrive", dead, "--all", "--max-redrives", "0"], "max-redrives"),
                (["redrive", dead, "--all", "--resume", "x"], "beginning"),
                (["redrive", "--resume", "x", "--abandon", "y"], "exclude"),
                (["purge", dead], "--all"), (["purge", dead, "--all", "--until", "-1d"], "one of"),
                (["purge", dead, "--before", "x"], "PARTITION:OFFSET")):
            with self.subTest(arguments):
                self.assertIn(told, self.bad(USAGE, "dlq", *arguments))
        self.assertIn("did you mean 'redrive'?", self.bad(USAGE, "dlq", "redrve", dead))
        for command in (["list"], ["show"], ["redrive", "--all"], ["purge", "--all", "-y"]):
            with self.subTest(command):
                told = self.bad(NOT_FOUND, "dlq", command[0], dead + "x", *command[1:])
                self.assertEqual(told.count("\n"), 1, told)
                self.assertIn(f"did you mean '{dead}'", told)
        self.bad(NOT_FOUND, "dlq", "redrive", dead, "--all", "--to", self.name("nowhere"))
        self.bad(NOT_FOUND, "dlq", "redrive", "--resume", "0123")
        self.bad(NOT_FOUND, "dlq", "redrive", "--abandon", "0123")
        self.bad(NOT_FOUND, "dlq", "redrive", dead, "--offset", "7:0")
        self.assertIn(source, self.good("topics", "list"))

    def test_nobody_listens(self):
        nowhere = f"127.0.0.1:{free_port()}"
        for command in (["list"], ["show", "t"], ["redrive", "t", "--all"],
                        ["purge", "t", "--all"]):
            with self.subTest(command):
                self.assertIn(nowhere, self.bad(UNREACHABLE, "dlq", *command, brokers=nowhere))


class QueueTest(DeadLetters, BrokerCase):
    def test_wrong_command_lines(self):
        for arguments in (["show"], ["release", "g"], ["reject", "g", "orders:1"],
                          ["release", "g", "orders:0:9-3"], ["show", "g", "--ranges", "0"]):
            with self.subTest(arguments):
                self.bad(USAGE, "queue", *arguments)
        nowhere = f"127.0.0.1:{free_port()}"
        for arguments in (["list"], ["show", "g"], ["release", "g", "t:0:1"]):
            self.assertIn(nowhere, self.bad(UNREACHABLE, "queue", *arguments, brokers=nowhere))

    def test_consumer_groups_are_no_queues(self):
        topic, group = self.make_topic(), self.name("group")
        self.good("produce", topic, stdin="x\n")
        self.good("consume", topic, "-g", group, "-n", "1")
        listed = [row["group"] for row in json.loads(self.good("queue", "list", "--json"))]
        self.assertNotIn(group, listed)
        for command in (["show", group], ["release", group, f"{topic}:0:0"],
                        ["reject", group, f"{topic}:0:0"]):
            self.assertEqual(self.bad(NOT_FOUND, "queue", *command),
                             f"sluice: no share group '{group}'\n")


class QueueInFlightTest(DeadLetters, BrokerCase):
    """`sluice queue` on records that a member holds, and that wait."""

    def setUp(self):
        self.topic, self.dead, self.group = self.name(), "dlq." + self.name(), self.name("group")
        self.good("topics", "create", self.dead, "--config=retention.ms=-1",
                  "--config=errors.deadletterqueue.group.enable=true")
        admin = Admin(self.address)
        self.addCleanup(admin.socket.close)
        topic_id = admin.create_topic(self.topic)
        admin.set_group(self.group, share_auto_offset_reset="earliest",
                        sluice_retry_backoff_ms=600_000, sluice_retry_backoff_max_ms=600_000,
                        errors_deadletterqueue_topic_name=self.dead)
        admin.produce(self.topic, [b"%d" % n for n in range(10)])
        self.member = Member(self.address, self.group)
        self.addCleanup(self.member.socket.close)
        self.member.join(self.topic, topic_id)
        self.member.fetch_some(10)
        # 0 to 2 are done, 3 and 4 wait, 5 to 9 are held.
        self.assertEqual(self.member.acknowledge([(0, 2, [ACCEPT]), (3, 4, [RELEASE])]), (0, 0))

    def ranges(self):
        """(first, last, state, attempts) of what is not finished."""
        shown = json.loads(self.good("queue", "show", self.group, "--json"))["partitions"]
        return [(row["first_offset"], row["last_offset"], row["state"], row["delivery_count"])
                for row in shown[0]["ranges"]]

    def by_hand(self, how, offsets, *more):
        return json.loads(self.good("queue", how, self.group, f"{self.topic}:0:{offsets}", *more,
                                    "--json"))["changed"]

    def test_who_holds_what_and_what_waits(self):
        self.assertEqual(self.ranges(), [(3, 4, "waiting", 1), (5, 9, "acquired", 1)])
        shown = json.loads(self.good("queue", "show", self.group, "--json"))["partitions"][0]
        self.assertEqual((shown["acquired"], shown["waiting"]), (5, 2))
        waits, held = shown["ranges"]
        self.assertEqual(held["member_id"], self.member.member)
        self.assertGreater(held["until_ms"], time.time() * 1000)
        self.assertGreater(waits["until_ms"], held["until_ms"])
        text = self.good("queue", "show", self.group)
        self.assertIn(self.member.member, text)
        self.assertIn("waiting", text)

    def test_what_waits_is_released_and_comes_at_once(self):
        self.assertEqual(self.by_hand("release", "3-4"), 2)
        self.assertEqual(self.member.fetch_some(2), [(3, 4, 2)])

    def test_what_a_member_holds_is_released(self):
        self.assertEqual(self.by_hand("release", "5-6"), 2)
        self.assertEqual(self.member.acknowledge([(5, 6, [ACCEPT])]), (0, 121))
        self.assertEqual(self.member.fetch_some(2), [(5, 6, 2)])

    def test_what_is_rejected_is_set_aside_whole(self):
        self.assertEqual(self.by_hand("reject", "3", "--reason", "seen by eye"), 1)
        self.assertEqual(self.by_hand("reject", "7-8", "--reason", "seen by eye"), 2)
        wait_until(lambda: len(self.consumed(self.dead)) == 3, what="dead letters")
        for record in self.consumed(self.dead):
            headers = {one["key"]: one["value"] for one in record["headers"]}
            self.assertEqual(headers["__dlq.errors.offset"], record["value"])
            self.assertEqual(headers["__dlq.errors.message"], "seen by eye")
        wait_until(lambda: self.ranges() == [
            (4, 4, "waiting", 1), (5, 6, "acquired", 1), (9, 9, "acquired", 1)], what="ranges")

    def test_all_dead_letter_topics_are_listed_without_names(self):
        self.by_hand("reject", "5")
        wait_until(lambda: self.listed(self.dead)["depth"] == 1, what="a dead letter")
        listed = json.loads(self.good("dlq", "list", "--json"))
        self.assertEqual([row["depth"] for row in listed if row["topic"] == self.dead], [1])
        self.assertNotIn(self.topic, [row["topic"] for row in listed])


class DlqRedriveTest(DeadLetters, BrokerCase):
    def test_to_the_source_and_not_twice(self):
        source, dead = self.make_topic(3), self.make_topic(2)
        self.fill(dead, [dead_letter(i, source, i % 2, source_partition=i % 3) for i in range(9)])
        report = self.redrive(dead, "--header", "n=4")
        self.assertEqual((report["redriven"], report["unselected"], report["state"]),
                         (1, 8, "finished"))
        report = self.redrive(dead, "--all", "--dry-run")
        self.assertEqual((report["redriven"], report["redriven_before"], report["id"]),
                         (8, 1, None))
        report = self.redrive(dead, "--all")
        self.assertEqual((report["redriven"], report["redriven_before"], report["left"]), (8, 1, 0))
        self.assertEqual(report["targets"], [{"topic": source, "redriven": 8}])
        records = self.consumed(source)
        self.assertEqual(sorted(record["key"] for record in records), [f"k{i}" for i in range(9)])
        for record in records:
            number = int(record["key"][1:])
            self.assertEqual(record["partition"], number % 3)
            self.assertEqual(record["timestamp"], FAILED_AT + number)
            self.assertEqual(json.loads(record["value"]), {"order": {"id": number}})
            self.assertEqual(record["headers"],
                             [header("type", "paid"), header("n", str(number)),
                              header("sluice-redrive-count", "1")])
        self.assertEqual(self.redrive(dead, "--all")["redriven"], 0)
        self.assertEqual((self.listed(dead)["depth"], self.listed(dead)["redriven"]), (9, 9))
        self.assertEqual(self.redrive(dead, "--offset", "0:0", "--again")["redriven"], 1)
        self.assertEqual(self.redrive(dead, "--offset", "0:0")["redriven_before"], 1)

    def test_to_another_topic_with_fewer_partitions(self):
        source, dead, other = self.make_topic(1), self.make_topic(1), self.make_topic(2)
        self.fill(dead, [dead_letter(i, source, source_partition=i) for i in range(40)])
        self.assertEqual(self.redrive(dead, "--all", "--to", other)["redriven"], 40)
        self.assertEqual(self.consumed(source), [])
        placed = {record["key"]: record["partition"] for record in self.consumed(other)}
        reference = self.make_topic(2)
        self.good("produce", reference, "-K", ":", stdin="".join(f"k{i}:\n" for i in range(2, 40)))
        expected = {record["key"]: record["partition"] for record in self.consumed(reference)}
        self.assertEqual(placed, {"k0": 0, "k1": 1, **expected})

    def test_what_cannot_go_is_left_and_told(self):
        source, dead = self.topics()
        gone = self.name("gone")
        self.fill(dead, [dead_letter(0, source), dead_letter(1, source, redrives=3),
                         dead_letter(2, gone), json.dumps({"value": "bare"})])
        done = self.sluice("dlq", "redrive", dead, "--all")
        self.assertEqual(done.returncode, FAILED)
        self.assertRegex(done.stdout, rf"""redrive     [0-9a-f]{{12}} of {dead}, finished
redriven    1 \({source} 1\)
loop guard  1
failed      2
left        3

failed 1 from 0:2 on: there is no topic '{gone}'
failed 1 from 0:3 on: its headers name no source topic; --to names a target
""")
        report = self.redrive(dead, "--all", "--max-redrives", "9", status=FAILED)
        self.assertEqual((report["redriven"], report["failed"]), (1, 2))
        counts = [record["headers"][-1] for record in self.consumed(source)]
        self.assertEqual(counts, [header("sluice-redrive-count", "1"),
                                  header("sluice-redrive-count", "4")])

    def test_a_record_too_large_for_its_target_does_not_stop_the_others(self):
        source, dead = self.make_topic(max_message_bytes=20_000), self.make_topic()
        self.fill(dead, [dead_letter(i, source, value="x" * (30_000 if i == 7 else 10))
                         for i in range(20)])
        report = self.redrive(dead, "--all", status=FAILED)
        self.assertEqual((report["redriven"], report["failed"]), (19, 1))
        self.assertEqual(report["failures"][0]["offset"], 7)
        self.assertEqual(sorted(record["key"] for record in self.consumed(source)),
                         sorted(f"k{i}" for i in range(20) if i != 7))

    def test_interrupted_resumed_and_abandoned(self):
        source, dead = self.topics()
        self.fill(dead, [dead_letter(i, source) for i in range(1000)])
        for rest in ("--abandon", "--resume"):
            process = self.spawn("dlq", "redrive", dead, "--all", "--rate", "100/s", "--json")
            wait_until(lambda: self.consumed(source), what="the first window")
            process.send_signal(signal.SIGINT)
            out, told = process.communicate(timeout=20)
            self.assertEqual(process.returncode, INTERRUPTED)
            report = json.loads(out)
            self.assertEqual(report["state"], "unfinished")
            self.assertIn(f"--resume {report['id']}", told.decode())
            self.assertEqual(self.listed(dead)["unfinished_redrive"], report["id"])
            for command in (["redrive", dead, "--all"], ["purge", dead, "--all", "--yes"]):
                self.assertIn(report["id"], self.bad(FAILED, "dlq", *command))
            if rest == "--abandon":
                self.assertEqual(self.redrive(rest, report["id"])["state"], "abandoned")
        # The second one keeps to its rate; a third that has none takes the rest.
        self.assertEqual(self.redrive("--abandon", report["id"])["state"], "abandoned")
        self.assertEqual(self.redrive("--resume", report["id"])["state"], "abandoned")
        self.redrive(dead, "--all")
        self.assertEqual(sorted(int(record["key"][1:]) for record in self.consumed(source)),
                         list(range(1000)))

    def test_purge(self):
        source, dead = self.topics(2)
        self.fill(dead, [dead_letter(i, source, i % 2) for i in range(10)])
        self.assertIn("cannot be undone", self.bad(USAGE, "dlq", "purge", dead, "--all", stdin=""))

        def purge(*arguments):
            return json.loads(self.good("dlq", "purge", dead, "--json", *arguments))["purged"]
        self.assertEqual(purge("--all", "--dry-run"), 10)
        self.assertEqual(self.listed(dead)["depth"], 10)
        self.assertEqual(purge("--before", "0:2", "--yes"), 2)
        self.assertEqual(purge("--until", str(FAILED_AT + 5500), "--yes"), 1 + 2)
        self.assertEqual(self.listed(dead)["depth"], 5)
        self.redrive(dead, "--all")
        self.assertEqual((self.listed(dead)["depth"], self.listed(dead)["redriven"]), (5, 5))
        self.assertEqual(purge("--all", "--yes"), 5)
        self.assertEqual((self.listed(dead)["depth"], self.listed(dead)["redriven"]), (0, 0))


class DlqKillTest(DeadLetters, BrokerCase):
    """kill -9 of a redrive in its middle, again and again, and of its broker."""

    needs_own_broker = True

    def setUp(self):
        self.source, self.dead = self.make_topic(3), self.make_topic(2)
        chance = random.Random(5)
        self.fill(self.dead, [
            dead_letter(i, self.source, i % 2, source_partition=i % 3,
                        value="v" * chance.randrange(1000)) for i in range(KILL_RECORDS)])

    def start(self, *arguments):
        process = subprocess.Popen(
            [binary("sluice"), "-b", self.address, "--timeout", "60", "dlq", "redrive", *arguments,
             "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        self.addCleanup(end, process)
        return process

    def check(self):
        records = self.consumed(self.source)
        times = collections.Counter(record["key"] for record in records)
        self.assertEqual(sum(times.values()), KILL_RECORDS)
        self.assertEqual(len(times), KILL_RECORDS)
        for record in records:
            number = record["key"][1:]
            self.assertEqual(record["headers"], [header("type", "paid"), header("n", number),
                                                 header("sluice-redrive-count", "1")])
            self.assertEqual(record["partition"], int(number) % 3)

    def finish(self, process, interrupt):
        """Interrupts the process and goes on with its redrive until one ends; how often."""
        kills = 0
        while True:
            interrupt(process)
            out, told = process.communicate(timeout=120)
            if process.returncode == OK:
                report = json.loads(out)
                self.assertEqual((report["redriven"], report["left"]), (KILL_RECORDS, 0))
                return kills
            kills += 1
            self.assertLess(kills, 200, told.decode())
            listed = self.listed(self.dead)
            if listed["redriven"] == KILL_RECORDS:  # killed behind its last save
                return kills
            redrive = listed["unfinished_redrive"]
            arguments = ["--resume", redrive] if redrive else [self.dead, "--all"]
            process = self.start(*arguments)

    def test_killed_redrives_send_each_record_once(self):
        chance = random.Random(1)

        def kill(process):
            try:
                process.wait(chance.uniform(0.02, 0.25))
            except subprocess.TimeoutExpired:
                process.kill()
        rate = str(max(5000, KILL_RECORDS // 4))
        kills = self.finish(self.start(self.dead, "--all", "--rate", rate), kill)
        self.assertGreater(kills, 5)
        print(f"{KILL_RECORDS} dead letters, {kills} kills", flush=True)
        self.check()

    def test_a_killed_broker_is_waited_for(self):
        process = self.start(self.dead, "--all", "--rate", str(max(5000, KILL_RECORDS // 4)))
        for _ in range(2):
            time.sleep(0.4)
            self.broker.kill()
            time.sleep(0.3)
            self.broker.start()
        self.finish(process, lambda _: None)
        self.check()


if __name__ == "__main__":
    unittest.main()
