#!/usr/bin/env python3
"""Runs other people's clients against the broker and prints a table: client × check; then our own
C++ client against Apache Kafka.

    run.py                          every client and Kafka's own tools against sluiced; our own
                                    client against Apache Kafka
    run.py java franz-go            some of them
    run.py own                      only our own client, against Apache Kafka
    run.py --check bulk java        one check
    run.py --peer kafka             against Apache Kafka: validates the suite itself
    run.py --fetch                  only fetches and builds
Exit code 0 when everything that could run passed; 1 when a check failed; 2 when a client could not
be fetched and --strict asks for all.
"""

import argparse
import json
import pathlib
import queue
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from compat import own, tools  # noqa: E402
from compat.clients import CHECKS, CLIENTS, Unavailable, fetch_kafka  # noqa: E402
from harness.broker import Broker  # noqa: E402
from harness.kafka import Kafka  # noqa: E402

SILENCE_SECONDS = 240  # a client that says nothing for so long has failed


class Client:
    """One run of a client program: reads its lines, restarts the broker when it asks."""

    def __init__(self, command, broker, checks, name):
        self.broker = broker
        self.results = {}
        self.log = broker.directory / f"{name}.log"
        prefix = f"compat-{name}-{int(time.time()) % 1_000_000}"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*command, broker.address, prefix, *checks], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())
        self.lines.put(None)

    def run(self, report):
        while True:
            try:
                line = self.lines.get(timeout=SILENCE_SECONDS)
            except queue.Empty:
                self.process.kill()
                self.results["(end)"] = f"silent for {SILENCE_SECONDS} s"
                break
            if line is None:
                break
            word, _, rest = line.partition(" ")
            if word == "ok":
                self.results[rest] = None
                report(rest, None)
            elif word == "fail":
                check, _, message = rest.partition(" ")
                self.results[check] = message or "failed"
                report(check, message)
            elif word in ("restart", "kill"):
                self.restart(word)
        code = self.process.wait(30)
        if code not in (0, -9):
            self.results["(end)"] = f"ended with {code}: " + self.last_words()
        return self.results

    def restart(self, how):
        if how == "kill":
            self.broker.kill()
        else:
            self.broker.stop()
        self.broker.start()
        self.process.stdin.write("up\n")
        self.process.stdin.flush()

    def last_words(self):
        return " | ".join(self.log.read_text(errors="replace").strip().splitlines()[-3:])


def table(results, checks):
    """Aligned text: a row a client, a column a check."""
    columns = [check for check in checks if any(check in row for row in results.values())]
    width = max([6, *map(len, results)])
    lines = [" " * width + "  " + "  ".join(columns)]
    for name, row in results.items():
        cells = []
        for check in columns:
            word = "-" if check not in row else "ok" if row[check] is None else "FAIL"
            cells.append(word.ljust(len(check)))
        lines.append((name.ljust(width) + "  " + "  ".join(cells)).rstrip())
    return "\n".join(lines)


def reporter(name):
    """A function that tells a result of `name` at once, with the seconds since now."""
    began = time.monotonic()

    def report(check, problem):
        print(f"  {time.monotonic() - began:6.1f} s  {name} {check}: {problem or 'ok'}",
              file=sys.stderr, flush=True)
    return report


def run_client(name, options):
    """Returns {check: None or what went wrong} of one client, with a broker of its own."""
    command = CLIENTS[name]()
    if options.fetch:
        return {}
    make = Kafka if options.peer == "kafka" else Broker
    with make() as broker:
        results = Client(command, broker, options.check, name).run(reporter(name))
        for check in options.check or CHECKS:
            results.setdefault(check, results.get("(end)") or "did not run")
        if any(results.values()):
            print(f"--- broker's log after {name}\n{broker.log_tail()}\n---", file=sys.stderr)
        return results


def main():
    parser = argparse.ArgumentParser(description="Other people's clients against the broker.")
    every = [*CLIENTS, "tools", "own"]
    parser.add_argument("clients", nargs="*", help=f"of {', '.join(every)}; all without")
    parser.add_argument("--check", action="append", default=[], help="only this check")
    parser.add_argument("--peer", choices=("sluiced", "kafka"), default="sluiced")
    parser.add_argument("--json", action="store_true", help="results as JSON on standard output")
    parser.add_argument("--fetch", action="store_true", help="fetch and build, run nothing")
    parser.add_argument("--strict", action="store_true", help="fail when a client is unavailable")
    options = parser.parse_args()
    unknown = set(options.clients) - set(every)
    if unknown:
        parser.error(f"unknown client {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    results, unavailable = {}, {}
    for name in options.clients or every:
        try:
            if name == "tools":
                fetch_kafka()
                results[name] = {} if options.fetch else tools.run(
                    options.peer, options.check, reporter(name))
            elif name == "own":
                fetch_kafka()
                results[name] = {} if options.fetch else own.run(options.check, reporter(name))
            else:
                results[name] = run_client(name, options)
        except Unavailable as reason:
            unavailable[name] = str(reason)
            print(f"  {name} cannot run: {reason}", file=sys.stderr, flush=True)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            results[name] = {"(end)": str(error)}
    failed = sum(1 for row in results.values() for problem in row.values() if problem)
    if options.json:
        print(json.dumps({"results": results, "unavailable": unavailable}, indent=1))
    elif not options.fetch:
        clients = {name: row for name, row in results.items() if name not in ("tools", "own")}
        print(table(clients, [*CHECKS, "admin", "share", "sharekill", "deadletters", "(end)"]))
        for name in ("tools", "own"):
            for check, problem in results.get(name, {}).items():
                print(f"{'FAIL' if problem else 'ok  '} {name} {check}" +
                      (f": {problem}" if problem else ""))
        for name, row in clients.items():
            for check, problem in row.items():
                if problem:
                    print(f"{name} {check}: {problem}")
    for name, reason in unavailable.items():
        print(f"{name} not run: {reason}")
    passed = sum(1 for row in results.values() for problem in row.values() if not problem)
    if not options.fetch and not options.json:
        print(f"{passed} passed, {failed} failed, {len(unavailable)} clients unavailable")
    return 1 if failed else 2 if unavailable and options.strict else 0


if __name__ == "__main__":
    sys.exit(main())
