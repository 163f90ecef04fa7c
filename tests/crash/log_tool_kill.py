#!/usr/bin/env python3
"""Kills `sluice log repair` and `sluice log cut` before each of their steps.

A broker fills a partition of several segments and is stopped, or killed with its saved frontier
behind. For each step (a file gets its name, goes, or is written in place) the tool works on a copy of
the directory and is killed before it. Then

- a broker on what was left has the whole log (repair), or one that is no shorter than what was to be
  left (cut);
- the same command again goes on where it was, with and without a broker in between: afterwards the log
  verifies, and a broker serves exactly what it does after a command that nobody killed.

    log_tool_kill.py --every 1
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from confluent_kafka import Consumer, TopicPartition  # noqa: E402

from crash.load import Violation, client_settings  # noqa: E402
from crash.outcome import cut_in_half, outcome_of, put_away  # noqa: E402
from harness.broker import Broker, binary  # noqa: E402

TOPIC = "orders"
PARTITION = f"{TOPIC}-0"
SEGMENT_BYTES = 1 << 20
VALUE = "v" * 900
RECORDS = 4000
BEHIND = 300      # records behind the saved frontier of a broker that is killed
FRONTIER_SECONDS = 2.5
CUT_AT = 1450
BATCH = 100        # records, at most
STEPS_MAX = 200
KILLED = -signal.SIGKILL


def sluice(*arguments, check=True, stdin="", **environment):
    done = subprocess.run([binary("sluice"), *map(str, arguments)], input=stdin, text=True,
                          capture_output=True, timeout=120, check=False,
                          env={**os.environ, **environment})
    if check and done.returncode != 0:
        raise Violation(f"sluice {' '.join(map(str, arguments))}: exit code {done.returncode}: "
                        f"{done.stdout}{done.stderr}")
    return done


def flip(path, position):
    with open(path, "r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1]))


class ToolRun:
    promise = "nothing intact was lost"

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sluice-log-tool-",
                                                       dir=os.environ.get("SLUICE_TEST_DIR")))
        self.broker = None
        self.stops = 0

    def fill(self, killed):
        """A directory whose broker was stopped, or killed with its frontier behind."""
        root = self.directory / ("killed" if killed else "stopped")
        self.broker = Broker(root, log_dir=root / "data").start()
        address = self.broker.address
        sluice("topics", "create", TOPIC, "-p", 1, "--config", f"segment.bytes={SEGMENT_BYTES}",
               "-b", address)
        self.publish(0, RECORDS - BEHIND)
        if killed:
            time.sleep(FRONTIER_SECONDS)
        self.publish(RECORDS - BEHIND, RECORDS)
        if killed:
            self.broker.kill()
        else:
            self.broker.stop()
        return root / "data"

    def publish(self, first, end):
        for start in range(first, end, BATCH):
            lines = "".join(f"{n} {VALUE}\n" for n in range(start, min(end, start + BATCH)))
            sluice("produce", TOPIC, "-b", self.broker.address, stdin=lines)

    def end_of(self, data):
        """Starts and stops a broker on the directory; returns where it says that the log ends."""
        self.broker = Broker(self.directory / "broker", log_dir=data).start()
        consumer = Consumer(client_settings(self.broker.address, **{"group.id": "end"}))
        end = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=20)[1]
        consumer.close()
        self.broker.stop()
        return end

    def served(self, data):
        """Offsets that a broker on the directory serves, each with the record that was put there."""
        self.broker = Broker(self.directory / "broker", log_dir=data).start()
        read = sluice("consume", TOPIC, "-e", "--json", "-b", self.broker.address).stdout
        self.broker.stop()
        offsets = []
        for record in map(json.loads, read.splitlines()):
            if record["value"] != f"{record['offset']} {VALUE}":
                raise Violation(f"another record is at offset {record['offset']}")
            offsets.append(record["offset"])
        return offsets

    def damage(self, data):
        """One batch in a closed segment and one in the active one, both below the frontier."""
        segments = sorted((data / PARTITION).glob("*.log"))
        flip(segments[0], 5000)
        flip(segments[-1], 5000)

    def steps(self, made, command, least_end):
        """Runs `command` on copies of `made`, killed before each of its steps. `least_end`: where the
        log must not end before, whatever happens."""
        whole = self.copy(made, "whole")
        sluice(*command(whole))
        expected = self.served(whole)
        chosen = self.random.randrange(self.options.every)
        for step in range(1, STEPS_MAX):
            if step % self.options.every != chosen:
                continue
            work = self.copy(made, "work")
            done = sluice(*command(work), check=False, LD_PRELOAD=binary("libstop_at.so"),
                          STOP_AT=str(step))
            if done.returncode not in (0, KILLED):
                raise Violation(f"step {step}: exit code {done.returncode}: {done.stderr}")
            if self.options.sabotage:
                cut_in_half(sorted((work / PARTITION).glob("*.log"))[0])
            self.check(work, command, least_end, expected, step)
            if done.returncode == 0:
                return
            self.stops += 1
        raise Violation(f"{STEPS_MAX} steps and no end")

    def copy(self, data, name):
        shutil.rmtree(self.directory / name, ignore_errors=True)
        shutil.copytree(data, self.directory / name)
        return self.directory / name

    def check(self, work, command, least_end, expected, step):
        opened = self.copy(work, "opened")
        end = self.end_of(opened)
        if end < least_end:
            raise Violation(f"{command(work)} killed before step {step}: a broker ends the log at {end}")
        for data in (work, opened):
            sluice(*command(data))
            found = json.loads(sluice("log", "verify", data, "--json", check=False).stdout)["findings"]
            if found:
                raise Violation(f"{command(data)} killed before step {step}, run again: {found}")
            if self.served(data) != expected:
                raise Violation(f"{command(data)} killed before step {step}, run again: other records")

    def work(self):
        for killed in (False, True):
            made = self.fill(killed)
            self.steps(made, lambda data: ("log", "cut", data, PARTITION, CUT_AT, "--confirm"),
                       CUT_AT - BATCH)
            self.damage(made)
            self.steps(made, lambda data: ("log", "repair", data, "--confirm"), RECORDS)
        print(f"{self.stops} stops; {self.promise}")

    def close(self, keep):
        if self.broker is not None:
            self.broker.close()
        put_away(self.directory, keep)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--every", type=int, default=1, help="only every n-th step")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="which of them")
    parser.add_argument("--sabotage", action="store_true", help="lose data on purpose")
    options = parser.parse_args()
    run = ToolRun(options)
    return outcome_of(run, options, run.work)


if __name__ == "__main__":
    sys.exit(main())
