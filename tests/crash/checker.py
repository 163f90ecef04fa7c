#!/usr/bin/env python3
"""A checker as others have for Kafka: clients of four kinds, a broker that is killed and stopped
under them, and what is wrong by the histories that they wrote.

One run: one broker, topics with partitions, and for a minute

- idempotent producers, each to every partition: librdkafka, our C++ client, Java's and franz-go;
- readers of every partition from its beginning, of the same kinds;
- a group with a member of each kind but Go's, who read, and commit what they got; another group
  without members, for which a client commits growing offsets; and an observer who asks what both
  have committed;
- a nemesis with a schedule that the seed decides: kill -9, also during recovery and of a stopped
  broker; SIGSTOP up to 3.5 s, longer than the members' sessions; now and then a polite stop.

Each client is a process (or a thread in one) that appends what it does to a file of its own:
`checker_worker.py` says how they are told, `histories.py` what they write and what is checked. Then
it gets quiet: producers flush, readers reach the end, the members commit it; librdkafka reads the
whole log, the broker is killed once more, and our client reads it again. `histories.check` is a pure
function over all these files; that it finds each kind of anomaly is shown by `histories_test.py`,
and that a run would, by --sabotage.

Java and Go are fetched as by `./dev compat`; without them, which is said, librdkafka and C++ do it alone.

    checker.py --runs 20 --seed 1            20 runs of 60 s, seeds 1 to 20
    checker.py --clients librdkafka,c++ --seconds 10
    checker.py --sabotage records|offsets    cuts a segment; moves a group's offsets back: must be found
    checker.py --peer kafka                  against Apache Kafka, to check this program
A seed repeats the schedule and the choices, not the interleaving.
"""

import argparse
import collections
import os
import pathlib
import queue
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from confluent_kafka import Consumer, KafkaException, TopicPartition  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from compat.clients import Unavailable, build_go, build_java  # noqa: E402
from crash import outcome  # noqa: E402
from crash.checker_worker import commit, name_of, split  # noqa: E402
from crash.histories import Client, File, check  # noqa: E402
from crash.load import Violation, client_settings  # noqa: E402
from crash.outcome import outcome_of, put_away  # noqa: E402
from harness.broker import Broker, binary  # noqa: E402
from harness.kafka import Kafka  # noqa: E402
from harness.process import end  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
TOPICS = {"check-plain": {}, "check-small": {"segment.bytes": "1048576"}}
MEMBERS, COMMITS = "checker-members", "checker-commits"  # groups
FOUND = {"records": "lost", "offsets": "stale commit"}  # sabotage -> anomaly
now = time.monotonic_ns

# Kind: its command line, its codec, and whether it can be a member.
CLIENTS = {
    "librdkafka": (lambda: [sys.executable, str(HERE / "checker_worker.py")], "lz4", True),
    "c++": (lambda: [binary("checker_worker")], "none", True),
    "java": (lambda: build_java("CheckerWorker"), "zstd", True),
    "go": (lambda: build_go("checker"), "snappy", False),
}


def schedule(seed, seconds):
    """[(seconds since the beginning, what, seconds that it lasts, further kills during recovery)]"""
    dice, rows, at = random.Random(seed), [], 1.0
    while True:
        at += dice.uniform(0.5, 4.0)
        # The first two are what every run has to have.
        what = ("kill", "stop")[len(rows)] if len(rows) < 2 else dice.choices(
            ("kill", "stop", "stop and kill", "restart"), (45, 35, 12, 8))[0]
        lasts = {"kill": dice.uniform(0, 0.8), "stop": dice.choice((0.05, 0.3, 1.0, 3.5)),
                 "stop and kill": dice.uniform(0.05, 1.5), "restart": 0.0}[what]
        again = dice.choices((0, 1, 2), (80, 15, 5))[0] if "kill" in what else 0
        if at + lasts > seconds:
            return rows
        rows.append((at, what, lasts, again))
        at += lasts


class Notes:
    """A history of the campaign's own, in memory and in a file beside the others."""

    def __init__(self, path):
        self.file = open(path, "w", encoding="ascii", buffering=1)
        self.events = []

    def note(self, *words):
        self.events.append([str(word) for word in words])
        self.file.write(" ".join(self.events[-1]) + "\n")


class Worker:
    """A process with some clients in it, and what it says."""

    def __init__(self, name, command, run, *roles):
        self.name = name
        with open(run.directory / f"{name}.log", "ab") as log:
            self.process = subprocess.Popen(
                [*command, run.broker.address, str(run.directory), ",".join(run.parts), *roles],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1)
        self.waiting = {role.split(":")[1] for role in roles}
        self.lines = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.lines.put(line.split()[-1])
        self.lines.put(None)

    def tell(self, *words):
        try:  # not through its buffer, which would keep what a process that has ended does not take
            os.write(self.process.stdin.fileno(), (" ".join(words) + "\n").encode())
        except BrokenPipeError:
            pass  # said by wait()

    def wait(self, names, seconds):
        """Until these of its clients are done."""
        deadline = time.monotonic() + seconds
        while self.waiting & names:
            try:
                name = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise Violation(f"stuck: {', '.join(sorted(self.waiting & names))} of {self.name} "
                                f"not done within {seconds} s") from None
            if name is None:
                raise Violation(f"the worker {self.name} ended before it was done, with "
                                f"{self.process.wait()}: see {self.name}.log")
            self.waiting.discard(name)


class Observer(threading.Thread):
    """Asks again and again what the groups have committed; each time with a client of its own, as
    one that comes anew does."""

    def __init__(self, run):
        super().__init__(daemon=True)
        self.run_ = run
        self.ending = threading.Event()
        self.notes = {group: Notes(run.directory / f"observer-{group}.history")
                      for group in (MEMBERS, COMMITS)}

    def run(self):
        while not self.ending.wait(0.2):
            for group in self.notes:
                self.ask(group)

    def ask(self, group):
        """{partition: offset}; nothing when there was no answer."""
        consumer = Consumer(client_settings(
            self.run_.broker.address, **{"group.id": group, "enable.auto.commit": False,
                                         "socket.timeout.ms": 5000}))
        began = now()
        try:
            rows = consumer.committed(list(map(to_row, self.run_.parts)), 5)
        except KafkaException:
            return {}
        finally:
            consumer.close()
        ended = now()
        found = {name_of(row): max(-1, row.offset) for row in rows if not row.error}
        for part, offset in found.items():
            self.notes[group].note("committed", part, offset, began, ended)
        return found


def to_row(part, offset=-1001):
    return TopicPartition(*split(part), offset)


class Run:
    """One broker and its minute."""

    def __init__(self, options, seed, commands):
        self.options, self.seed, self.commands = options, seed, commands
        self.directory = pathlib.Path(tempfile.mkdtemp(
            prefix="sluice-checker-", dir=os.environ.get("SLUICE_TEST_DIR")))
        make = Kafka if options.peer == "kafka" else Broker
        self.broker = make(self.directory / "broker", group_min_session_timeout_ms=1000)
        self.random = random.Random(seed)
        self.parts = [f"{topic}-{number}" for topic in TOPICS
                      for number in range(options.partitions)]
        self.workers, self.clients = {}, []  # clients: of histories.py
        self.names = collections.defaultdict(set)  # role -> names
        self.notes = None
        self.observer = None
        self.did = collections.Counter()
        self.sabotaged = False

    def client(self, name, role, events=None, group=""):
        self.names[role].add(name)
        self.clients.append(Client(name, role, events if events is not None else
                                   File(self.directory / f"{name}.history"), group))

    def start(self):
        self.broker.start()
        self.notes = Notes(self.directory / "broker.history")
        self.client("broker", "broker", self.notes.events)
        admin = AdminClient(client_settings(self.broker.address))
        topics = [NewTopic(topic, self.options.partitions, 1, config=config)
                  for topic, config in TOPICS.items()]
        for future in admin.create_topics(topics).values():
            future.result(20)
        self.first_commit()
        self.observer = Observer(self)
        for group, notes in self.observer.notes.items():
            self.client(f"observer-{group}", "observer", notes.events, group)
        for kind, command in self.commands.items():
            self.start_worker(kind, command)
        self.observer.start()

    def first_commit(self):
        """The group has offsets from the beginning: its members never have to look for one."""
        notes = Notes(self.directory / "first.history")
        self.client("first", "observer", notes.events, MEMBERS)
        consumer = Consumer(client_settings(
            self.broker.address, **{"group.id": MEMBERS, "enable.auto.commit": False}))
        deadline = time.monotonic() + 30
        while not commit(consumer, {split(part): 0 for part in self.parts}, notes.note):
            if time.monotonic() > deadline:
                raise Violation("no offset can be committed within 30 s")
            time.sleep(0.1)
        consumer.close()

    def start_worker(self, kind, command):
        _, codec, can_join = CLIENTS[kind]
        short = {"librdkafka": "rdkafka", "c++": "cpp"}.get(kind, kind)
        roles = [("producer", f"produce:{short}-producer:{self.options.rate}:{codec}", ""),
                 ("reader", f"read:{short}-reader", "")]
        if can_join:
            roles.append(("member", f"member:{short}-member:{MEMBERS}", MEMBERS))
        if kind == "librdkafka":
            roles.append(("committer", f"commit:{short}-committer:{COMMITS}", COMMITS))
        for role, text, group in roles:
            self.client(text.split(":")[1], role, group=group)
        texts = [text for _, text, _ in roles]
        if kind == "librdkafka":  # Python runs one thread at a time: a process each
            for text in texts:
                self.workers[text] = Worker(text.split(":")[1], command, self, text)
        else:
            self.workers[kind] = Worker(short, command, self, *texts)

    # The nemesis.

    def disturb(self):
        began, rows = time.monotonic(), schedule(self.seed, self.options.seconds)
        for number, (at, what, lasts, again) in enumerate(rows):
            time.sleep(max(0.0, began + at - time.monotonic()))
            self.notes.file.write(f"# {now()} {what} {lasts:.3f} {again}\n")
            self.did[what] += 1
            if "stop" in what:
                self.broker.freeze()
                time.sleep(lasts)
            if what == "stop":
                self.broker.process.send_signal(signal.SIGCONT)
            elif what == "restart":
                self.broker.stop()
                self.notes.note("kill", now())
                self.broker.start()
            else:
                self.kill_and_start(0 if "stop" in what else lasts, again)
            if (self.options.sabotage == "records" and not self.sabotaged and
                    number >= len(rows) // 2):
                self.cut_records()
        time.sleep(max(0.0, began + self.options.seconds - time.monotonic()))

    def kill_and_start(self, lasts=0.0, again=0):
        self.broker.kill()
        for _ in range(again):
            self.broker.spawn()
            time.sleep(self.random.uniform(0, 0.1))
            self.broker.kill()
        self.notes.note("kill", now())
        time.sleep(lasts)
        self.broker.start()

    def cut_records(self):
        """Sabotage: a segment of a killed broker loses half of its records."""
        self.sabotaged = True
        self.broker.kill()
        self.notes.note("kill", now())
        segment = max((path for topic in TOPICS
                       for path in self.broker.data_directory.glob(f"{topic}-*/*.log")),
                      key=outcome.held)
        size = outcome.cut_in_half(segment)
        print(f"sabotage: cut {segment.parent.name}/{segment.name} from {size} to {size // 2} bytes")
        self.broker.start()

    def move_back(self):
        """Sabotage: a group's offsets become what its committer began with, when it has ended."""
        consumer = Consumer(client_settings(self.broker.address, **{"group.id": COMMITS}))
        rows = [to_row(part, index or len(self.parts)) for index, part in enumerate(self.parts)]
        consumer.commit(offsets=rows, asynchronous=False)
        consumer.close()
        print(f"sabotage: the offsets of {COMMITS} were moved back")
        self.observer.ask(COMMITS)

    # The end.

    def finish(self):
        for worker in self.workers.values():
            worker.tell("stop")
        self.step(self.wait, "producer", "committer")
        if self.options.sabotage == "offsets":
            self.move_back()
        ends = self.ends()
        for part, offset in ends.items():
            self.notes.note("end", part, offset)
        text = " ".join(f"{part}={offset}" for part, offset in ends.items())
        for worker in self.workers.values():
            worker.tell("ends", text)
        self.step(self.wait, "reader")
        committed = self.step(self.wait_committed, ends)
        for worker in self.workers.values():
            worker.tell("leave")
        self.step(self.wait, "member")
        self.observer.ending.set()
        self.observer.join()
        self.step(self.read_all, "librdkafka", "final-rdkafka", text)
        self.kill_and_start()
        if committed:
            self.step(self.wait_committed, ends)
        self.observer.ask(COMMITS)
        self.step(self.read_all, "c++" if "c++" in self.commands else "librdkafka",
                  "final-after-kill", text)

    def step(self, function, *arguments):
        """Does it; what does not come to its end is one anomaly among others."""
        try:
            function(*arguments)
            return True
        except Violation as violation:
            self.notes.note("problem", *str(violation).split())
            return False

    def wait(self, *roles):
        names = set().union(*(self.names[role] for role in roles))
        for worker in self.workers.values():
            worker.wait(names, self.options.patience)

    def ends(self):
        consumer = Consumer(client_settings(self.broker.address, **{"group.id": "checker-ends"}))
        ends = {part: consumer.get_watermark_offsets(to_row(part), 20)[1] for part in self.parts}
        consumer.close()
        return ends

    def wait_committed(self, ends):
        if not self.names["member"]:
            return
        deadline, found = time.monotonic() + self.options.patience, None
        while found != ends:
            if time.monotonic() > deadline:
                raise Violation(f"stuck: {MEMBERS} has {found}, the log ends at {ends}")
            time.sleep(0.1)
            found = self.observer.ask(MEMBERS)

    def read_all(self, kind, name, ends):
        self.client(name, "final")
        worker = Worker(name, self.commands[kind], self, f"read:{name}")
        self.workers[name] = worker
        worker.tell("ends", ends)
        worker.wait({name}, self.options.patience)

    def judge(self):
        """Raises Violation for what the histories show; after sabotage, what they have to."""
        findings, wanted = check(self.clients), FOUND.get(self.options.sabotage)
        if wanted and wanted not in findings.anomalies:
            print(f"no {wanted} among the findings:\n{findings}")
        elif findings:
            raise Violation(f"\n{findings}")
        return findings.counts

    def close(self, keep):
        if self.observer:
            self.observer.ending.set()
        for worker in self.workers.values():
            end(worker.process)
        self.broker.kill()
        put_away(self.directory, keep)


def commands_of(options):
    """{kind: command line} of the clients that are to be had."""
    commands, missing = {}, []
    for kind in options.clients.split(","):
        try:
            commands[kind] = CLIENTS[kind][0]()
        except Unavailable as reason:
            missing.append(f"{kind} ({reason})")
    if missing:
        print(f"WITHOUT {'; '.join(missing)}", flush=True)
    return commands


def run_once(options, seed, commands):
    """One run; its exit code."""
    options.seed = seed
    run = Run(options, seed, commands)

    def work():
        began = time.monotonic()
        try:
            run.start()
            run.disturb()
            run.finish()
        except KafkaException as error:
            raise Violation(f"the campaign's own client: {error}") from error
        counts = run.judge()
        did = ", ".join(f"{count} × {what}" for what, count in sorted(run.did.items()))
        print(f"seed {seed} in {time.monotonic() - began:.0f} s: {', '.join(commands)}; {did}; " +
              ", ".join(f"{count} {what}" for what, count in counts.items()), flush=True)

    return outcome_of(run, options, work)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1, help="of the first run")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=float, default=1000, help="records a second of each producer")
    parser.add_argument("--partitions", type=int, default=3, help="of each topic")
    parser.add_argument("--clients", default=",".join(CLIENTS), help="default: %(default)s")
    parser.add_argument("--peer", choices=("sluiced", "kafka"), default="sluiced")
    parser.add_argument("--patience", type=float, default=90, metavar="SECONDS",
                        help="for each step of the end")
    parser.add_argument("--sabotage", choices=tuple(FOUND))
    options = parser.parse_args()
    if unknown := set(options.clients.split(",")) - set(CLIENTS):
        parser.error(f"no such client: {', '.join(sorted(unknown))}")
    commands = commands_of(options)
    failed = [seed for seed in range(options.seed, options.seed + options.runs)
              if run_once(options, seed, commands) != 0]
    print(f"{options.runs - len(failed)} of {options.runs} runs " +
          ("as they must be" if not failed else f"; again with --runs 1 --seed {failed[0]}"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
