#!/usr/bin/env python3
"""The five minutes of README.md: each command typed into a shell prints what stands below it, in any
numbers; "…" stands for anything."""

import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.broker import ROOT, binary, free_port  # noqa: E402

SECONDS = 30
DATA = "/tmp/tour"
# What the shell says of its jobs.
UNTOLD = re.compile(r"Killed +sluiced|^\[\d+\]")


def steps():
    """[(command, lines it prints)] of the section, up to the demonstration, whose file is large."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Five minutes")[1]
    section = section.split("\n## ")[0]
    found = []
    for line in section.splitlines():
        if line.startswith("    $ sluice demo"):
            break
        if line.startswith("    $ "):
            found.append((line[6:], []))
        elif line.startswith("    ") and found:
            found[-1][1].append(line[4:])
    return found


def pattern(line):
    """What a line of the page stands for."""
    pieces = []
    for piece in re.split(r"(…|io=\w+|\d+)", line.replace(DATA, "TOUR")):
        if piece == "…":
            pieces.append(".*")
        elif piece.startswith("io="):
            pieces.append(r"io=\w+")
        else:
            pieces.append(r"\d+" if piece.isdigit() else re.escape(piece))
    return "".join(pieces)


class Shell:
    """A shell that is typed into; its lines come in the order in which they were printed."""

    def __init__(self, environment):
        self.process = subprocess.Popen(
            ["bash", "--norc"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, bufsize=1, start_new_session=True)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.type("set -m")

    def read(self):
        with self.process.stdout as stdout:
            for line in stdout:
                self.lines.put(line.rstrip("\n"))

    def type(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def close(self):
        self.type("kill $(jobs -p); wait")
        self.process.stdin.close()
        self.process.wait(SECONDS)
        self.reader.join(SECONDS)


@unittest.skipUnless(shutil.which("kcat"), "needs kcat")
class ReadmeTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="sluice-readme-")
        self.addCleanup(directory.cleanup)
        self.data = directory.name + "/tour"
        self.port = str(free_port())
        programs = pathlib.Path(binary("sluice")).parent
        self.printed = []
        self.shell = Shell({
            "PATH": f"{programs}:{os.environ['PATH']}", "HOME": directory.name,
            "SLUICE_LISTENERS": f"127.0.0.1:{self.port}", "SLUICE_SHARDS": "2",
            "SLUICE_BROKERS": f"127.0.0.1:{self.port}"})
        self.addCleanup(self.shell.close)

    def next_line(self):
        while True:
            try:
                line = self.shell.lines.get(timeout=SECONDS)
            except queue.Empty:
                self.fail(f"nothing more was printed; so far: {self.printed}")
            self.printed.append(line)
            if line and not UNTOLD.search(line):
                return line.replace(self.data, "TOUR")

    def test_prints_what_the_page_says(self):
        tour = steps()
        self.assertGreater(len(tour), 7)
        for command, expected in tour:
            typed = command.replace(DATA, self.data).replace("localhost:9092",
                                                             f"127.0.0.1:{self.port}")
            self.shell.type(typed)
            printed = [self.next_line() for _ in expected]
            for line in expected:  # shards recover side by side, in no order
                found = [one for one in printed if re.fullmatch(pattern(line), one)]
                self.assertTrue(found, f"{command}\n{line}\nnot in {printed}")
                printed.remove(found[0])
        self.shell.type("echo the end")
        self.assertEqual(self.next_line(), "the end")


if __name__ == "__main__":
    unittest.main()
