"""`sluice top`: its numbers, its screen on a pseudo-terminal, and a sluiced's HTTP port."""

import fcntl
import http.server
import json
import os
import pty
import re
import select
import signal
import struct
import termios
import threading
import time
import unittest

from conformance.case import BrokerCase
from conformance.cli_test import OK, UNREACHABLE, USAGE, Cli, environment
from harness.broker import binary, free_port
from harness.screen import Screen
from harness.shape import Maybe, check_shape

TOP = {"cluster": str, "brokers": int, "latency_ms": Maybe(float), "disk_free_bytes": Maybe(int),
       "disk_total_bytes": Maybe(int), "in_flight": Maybe(int), "connections": Maybe(int),
       "topics": [{"topic": str, "partitions": int, "records_per_second": float,
                   "bytes_per_second": float, "bytes": int}],
       "groups": [{"group": str, "state": str, "members": int, "lag": int,
                   "lag_seconds": Maybe(float), "consumed_per_second": float}]}


class Terminal:
    """A program on a pseudo-terminal of its own; what it writes is collected."""

    def __init__(self, arguments, rows=24, columns=120):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execve(arguments[0], arguments, environment(TERM="xterm", LC_ALL="C.UTF-8"))
        self.text = ""
        self.resize(rows, columns)

    def resize(self, rows, columns):
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def press(self, keys):
        self.text = ""
        os.write(self.descriptor, keys.encode())

    def wait_for(self, pattern, seconds=15):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            if time.monotonic() > end:
                raise AssertionError(f"no {pattern!r} on the screen: {self.text!r}")
            if select.select([self.descriptor], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.descriptor, 65536).decode(errors="replace")
                except OSError:  # the program ended
                    break

    def end(self):
        """The exit status, within ten seconds."""
        for _ in range(100):
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.descriptor)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.1)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        raise AssertionError("it did not end")


class CliTopTest(Cli, BrokerCase):
    def test_once(self):
        topic, group = self.make_topic(partitions=2), self.name("group")
        self.good("produce", topic, stdin="x\n" * 7)
        self.good("groups", "reset", group, "-t", topic, "--to-earliest", "--execute")
        shown = json.loads(self.good("top", "--once", "--json"))
        check_shape(shown, TOP)
        row = {row["group"]: row for row in shown["groups"]}[group]
        self.assertEqual((row["lag"], row["members"]), (7, 0))
        self.assertLess(row["lag_seconds"], 60)
        self.assertGreater(shown["disk_free_bytes"], 0)
        self.assertRegex(self.good("top", "--once"), rf"(?s)TOPIC .*\n{topic} .*\n{group} +7 ")

    def test_needs_a_terminal_and_a_cluster(self):
        self.assertIn("--once", self.bad(USAGE, "top", stdin=""))
        self.bad(UNREACHABLE, "top", "--once", brokers=f"127.0.0.1:{free_port()}")

    def test_screen_keys_and_size(self):
        topic, group = self.make_topic(partitions=3), self.name("group")
        self.good("groups", "reset", group, "-t", topic, "--to-earliest", "--execute")
        terminal = Terminal([binary("sluice"), "-b", self.address, "top"])
        terminal.wait_for(topic)
        terminal.press("g\f")  # Ctrl-L draws all of it
        terminal.wait_for(group)
        terminal.press("t\r\f")
        terminal.wait_for("START")
        terminal.press("\x7f\f")
        terminal.wait_for("TOPIC")
        terminal.resize(8, 40)
        terminal.press("\f")
        terminal.wait_for("TOPIC")
        terminal.press("q")
        self.assertEqual(terminal.end(), OK)

    def test_interrupt_gives_the_terminal_back(self):
        terminal = Terminal([binary("sluice"), "-b", self.address, "top"])
        terminal.wait_for("records/s")
        terminal.text = ""
        os.kill(terminal.pid, signal.SIGINT)
        terminal.wait_for(r"\x1b\[\?1049l")
        self.assertEqual(terminal.end(), OK)


@unittest.skipUnless(Screen.is_available(), "no tmux")
class CliTopScreenTest(Cli, BrokerCase):
    """What a person sees of it, in a terminal of tmux."""

    def top(self, **options):
        screen = Screen([binary("sluice"), "-b", self.address, "top"],
                        {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"}, **options)
        self.addCleanup(screen.close)
        return screen

    def test_rates_sorting_and_drilling_down(self):
        busy, quiet, group = self.name("busy"), self.name("quiet"), self.name("group")
        self.good("topics", "create", busy, quiet, "-p", "2")
        self.good("produce", quiet, "-p", "1", stdin="x\n" * 7)
        self.good("groups", "reset", group, "-t", quiet, "--to-earliest", "--execute")
        load = self.spawn("bench", "produce", "-t", busy, "--rate", "2000", "--batch-bytes", "0",
                          "--duration", "60s")
        screen = self.top()
        shown = screen.wait_for(rf"^{busy} +[1-9][\d,]* ")  # a rate
        self.assertRegex(shown, r"\Acluster \S+ +brokers 1 +in [\d,]+ records/s .*latency .*disk ")
        self.assertRegex(shown, rf"(?s)\nTOPIC +RECORDS/Sv .*\n{busy} .*\n{quiet} +0 ")
        screen.press("Right", "Right")  # by records: the busy one has more
        screen.wait_for(r"^TOPIC .* RECORDSv ")
        screen.press("r")
        screen.wait_for(rf"(?s)^{quiet} .*\n{busy} ")
        screen.press("g")
        screen.wait_for(rf"^{group} +7 .*Empty$")
        screen.press("Enter")
        screen.wait_for(rf"(?s)^PARTITION +LAGv .*\n{quiet}-1 +7 +0 +7\n{quiet}-0 +0 +0 +0$")
        screen.press("BSpace")
        screen.wait_for("^GROUP ")
        screen.press("q")
        self.assertEqual(screen.exit_status(), OK)
        load.terminate()

    def test_small_and_resized(self):
        first = self.name("a")
        topics = [f"{first}-{number:02}" for number in range(30)]
        self.good("topics", "create", *topics)
        screen = self.top(rows=10, columns=50)
        screen.wait_for(f"^{topics[0]} ")
        lines = screen.text().splitlines()
        self.assertLessEqual(max(map(len, lines)), 50)
        screen.press(*["Down"] * 29)  # the list moves with the row
        screen.wait_for(f"^{topics[-1]} ")
        screen.resize(40, 120)
        screen.wait_for(rf"(?s)^{topics[0]} .*\n{topics[-1]} ")
        screen.press("C-c")
        self.assertEqual(screen.exit_status(), OK)


class FakeStatus(http.server.BaseHTTPRequestHandler):
    """A sluiced's /v1 JSON."""

    answers = {
        "/v1/status": {"cluster_id": "fake", "connections": 3,
                       "disk": {"total_bytes": 1000, "free_bytes": 400, "alarm": False}},
        "/v1/topics": {"topics": [
            {"topic": "t", "internal": False, "partitions": [
                {"partition": 0, "log_start_offset": 2, "high_watermark": 9, "size_bytes": 70}]},
            {"topic": "__offsets", "internal": True, "partitions": []}]},
        "/v1/groups": {"groups": [
            {"group": "g", "type": "classic", "state": "Stable", "members": 1, "lag": 4,
             "lag_seconds": None, "partitions": [
                 {"topic": "t", "partition": 0, "committed": 5, "high_watermark": 9}]}]},
    }

    def do_GET(self):
        body = json.dumps(self.answers.get(self.path, {})).encode()
        self.send_response(200 if self.path in self.answers else 404)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class CliTopHttpTest(Cli, BrokerCase):
    def test_numbers_of_the_http_port(self):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), FakeStatus)
        self.addCleanup(server.server_close)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        shown = json.loads(self.good("--http", f"127.0.0.1:{server.server_port}", "top", "--once",
                                     "--json"))
        check_shape(shown, TOP)
        self.assertEqual((shown["cluster"], shown["connections"], shown["disk_free_bytes"]),
                         ("fake", 3, 400))
        self.assertEqual([row["topic"] for row in shown["topics"]], ["t"])
        self.assertEqual(shown["groups"][0]["lag"], 4)
        self.assertIsNone(shown["groups"][0]["lag_seconds"])
        self.bad(UNREACHABLE, "--http", f"127.0.0.1:{free_port()}", "top", "--once")


if __name__ == "__main__":
    unittest.main()
