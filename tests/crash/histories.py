"""What is wrong with a log, by the histories that its clients wrote: a pure function, `check`.

A history is a list of events, each a list of words; times are nanoseconds of CLOCK_MONOTONIC, one
clock for all processes of a machine. PART is TOPIC-PARTITION, RECORD is PRODUCER:NUMBER, the key of
the record; CRC is the CRC-32 of its value, in hexadecimal.

  producer   send NUMBER PART CRC T          written before the client has the record; numbers from 0
             ack NUMBER PART OFFSET T
             fail NUMBER T TEXT…             given up: in the log or not
  reader     start PART T                    begins a session: from here on offsets follow each other
             read PART OFFSET RECORD CRC T
  member     start and read, of a group: a session begins at what the group has committed, asked for
             after T
             commit PART OFFSET BEGAN T      acknowledged at T
             nocommit PART OFFSET BEGAN T    refused, or without an answer: done, or not
             committed PART OFFSET BEGAN T   what the broker said that the group has
  anybody    problem TEXT…                   an answer that no good broker gives
  broker     kill T                          the process was gone by T
             end PART OFFSET                 where the log ended when nobody wrote any more

The log is what the readers of role `final` found after the end; they have to agree. Kinds of anomaly,
each a promise that was broken:

  lost                 acknowledged, and not in the log
  misplaced            acknowledged at an offset that holds another record
  duplicate            one record at two offsets (producers are idempotent)
  reordered            a producer's records of a partition in another order than it sent them
  phantom              a record that nobody sent, or that was sent to another partition
  damaged              bytes that are not those that were sent
  hole                 offsets below the end that a final reader did not get
  non-monotonic poll   a session gave an offset that is not above the one before
  skipped              a session left out offsets that are in the log
  vanished             was read at an offset that the log does not have in the end
  diverging            two readers got different records at one offset
  undelivered          a reader, or all members of a group together, did not get a record of the log
  stale commit         the group has, or a session began at, an offset older than one whose commit had
                       been acknowledged, or than one that was seen before
  unknown commit       … an offset that nobody committed
  given up             a producer's client reported an error: nothing that we do to the broker lasts
                       as long as the client has to keep trying
  unanswered           neither acknowledged nor given up
  problem              as told by the client
"""

import bisect
import collections
import math

SHOWN = 5  # of each kind


class Client:
    """One client: `role` is producer, reader, final, member or broker; `events` can be gone through
    more than once. `group`: whose offsets it commits, asks for or begins at."""

    def __init__(self, name, role, events, group=""):
        self.name, self.role, self.events, self.group = name, role, events, group


class File:
    """The events of a file; a last line that was cut is left out."""

    def __init__(self, path):
        self.path = path

    def __iter__(self):
        with open(self.path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.endswith("\n") and line != "\n":
                    yield line.split()


class Findings:
    """Anomalies by kind, and how much was looked at."""

    def __init__(self):
        self.anomalies = collections.defaultdict(list)
        self.counts = collections.Counter()

    def add(self, kind, text):
        self.anomalies[kind].append(text)

    def __bool__(self):
        return bool(self.anomalies)

    def __str__(self):
        lines = []
        for kind, texts in self.anomalies.items():
            lines += [f"{kind}: {text}" for text in texts[:SHOWN]]
            if len(texts) > SHOWN:
                lines.append(f"{kind}: {len(texts) - SHOWN} more")
        return "\n".join(lines)


def check(clients):
    """The findings over the histories of one run."""
    findings = Findings()
    for client in clients:
        for event in client.events:
            if event[0] == "problem":
                findings.add("problem", f"{client.name}: {' '.join(event[1:])}")
    kills = sorted(int(event[1]) for client in clients if client.role == "broker"
                   for event in client.events if event[0] == "kill")
    ends = {event[1]: int(event[2]) for client in clients if client.role == "broker"
            for event in client.events if event[0] == "end"}
    findings.counts["kills"] = len(kills)
    log = Log(findings, ends, [client for client in clients if client.role == "final"])
    check_producers(findings, log, [client for client in clients if client.role == "producer"])
    delivered = {}
    for client in clients:
        if client.role in ("reader", "member"):
            whose = client.group if client.role == "member" else client.name
            check_reader(findings, log, client, delivered.setdefault(whose, {}))
    check_delivered(findings, log, delivered)
    check_commits(findings, clients, kills)
    return findings


class Log:
    """What lies at each offset, as the final readers found it."""

    def __init__(self, findings, ends, finals):
        self.parts = {part: [None] * end for part, end in ends.items()}  # of (record, crc)
        for final in finals:
            self.read(findings, final)
        findings.counts["records in the log"] = sum(map(len, self.parts.values()))

    def read(self, findings, final):
        found = {part: bytearray(len(records)) for part, records in self.parts.items()}
        for event in final.events:
            if event[0] != "read":
                continue
            _, part, offset, record, crc, _ = event
            offset = int(offset)
            records = self.parts.setdefault(part, [])
            if offset >= len(records):
                findings.add("diverging", f"{final.name}: {part} has {record} at {offset}, beyond its "
                                          f"end {len(records)}")
                continue
            found[part][offset] = 1
            if records[offset] is None:
                records[offset] = (record, crc)
            elif records[offset] != (record, crc):
                findings.add("diverging", f"{final.name}: {part} has {record} {crc} at {offset}, and "
                                          f"had {' '.join(records[offset])}")
        for part, seen in found.items():
            for first, last in gaps(seen):
                findings.add("hole", f"{final.name}: {part} gives nothing at {first} to {last}")

    def at(self, part, offset):
        records = self.parts.get(part, ())
        return records[offset] if 0 <= offset < len(records) else None


def gaps(seen):
    """[(first, last)] of the stretches of zeros."""
    found, at = [], seen.find(0)
    while at >= 0:
        end = seen.find(1, at)
        end = len(seen) if end < 0 else end
        found.append((at, end - 1))
        at = seen.find(0, end)
    return found


def check_producers(findings, log, producers):
    sent, acks = {}, []  # record -> (part, crc); (record, part, offset)
    for producer in producers:
        answered = set()
        first = len(sent)
        for event in producer.events:
            if event[0] == "send":
                sent[f"{producer.name}:{event[1]}"] = (event[2], event[3])
            elif event[0] == "ack":
                answered.add(event[1])
                acks.append((f"{producer.name}:{event[1]}", event[2], int(event[3])))
            elif event[0] == "fail":
                answered.add(event[1])
                findings.add("given up", f"{producer.name}:{event[1]}: {' '.join(event[3:])}")
        for number in range(len(sent) - first):
            if str(number) not in answered:
                findings.add("unanswered", f"{producer.name}:{number}")
    findings.counts["records sent"] = len(sent)
    findings.counts["acknowledged"] = len(acks)
    check_log(findings, log, sent)
    check_acknowledged(findings, log, acks)


def check_log(findings, log, sent):
    """Every record of the log was sent there, once, in order."""
    places = {}
    for part, records in log.parts.items():
        last = {}  # of each producer in this partition
        for offset, entry in enumerate(records):
            if entry is None:
                continue
            record, crc = entry
            where = f"{part} at {offset}: {record}"
            if record not in sent or sent[record][0] != part:
                findings.add("phantom", f"{where} was not sent there")
                continue
            if sent[record][1] != crc:
                findings.add("damaged", f"{where} has {crc}, sent was {sent[record][1]}")
            if record in places:
                findings.add("duplicate", f"{where} is at {places[record]} too")
                continue
            places[record] = offset
            producer, _, number = record.rpartition(":")
            if int(number) < last.get(producer, -1):
                findings.add("reordered", f"{where} after {producer}:{last[producer]}")
            last[producer] = max(int(number), last.get(producer, -1))
    log.places = places


def check_acknowledged(findings, log, acks):
    for record, part, offset in acks:
        entry = log.at(part, offset)
        if entry is not None and entry[0] == record:
            continue
        holds = entry[0] if entry else "nothing"
        if record in log.places:
            findings.add("misplaced", f"{record} was acknowledged at {part} {offset}, which holds "
                                      f"{holds}; it is at {log.places[record]}")
        else:
            findings.add("lost", f"{record} was acknowledged at {part} {offset}, which holds {holds}")


def check_reader(findings, log, client, delivered):
    """Sessions go up without leaving anything out, and give what the log has."""
    position = {}  # of each partition in its session: the next offset
    for event in client.events:
        if event[0] == "start":
            position.pop(event[1], None)
        if event[0] != "read":
            continue
        _, part, offset, record, crc, _ = event
        offset = int(offset)
        findings.counts["records read"] += 1
        where = f"{client.name}: {part} at {offset}"
        expected = position.get(part, offset)
        if offset < expected:
            findings.add("non-monotonic poll", f"{where} after {expected - 1}")
        elif offset > expected:
            findings.add("skipped", f"{where} after {expected - 1}")
        position[part] = offset + 1
        entry = log.at(part, offset)
        if entry is None:
            findings.add("vanished", f"{where} was {record}")
        elif entry != (record, crc):
            findings.add("diverging", f"{where} was {record} {crc}, the log has {' '.join(entry)}")
        seen = delivered.setdefault(part, bytearray(len(log.parts.get(part, ()))))
        if offset < len(seen):
            seen[offset] = 1


def check_delivered(findings, log, delivered):
    for whose, parts in delivered.items():
        for part, records in log.parts.items():
            for first, last in gaps(parts.get(part, bytearray(len(records)))):
                findings.add("undelivered", f"{whose} did not get {part} {first} to {last}")


# Offsets of a group's partition are a register. A commit takes effect at one moment between its
# beginning and its end; one without an answer has no end, or that of the process that it was sent to.
Write = collections.namedtuple("Write", "value began ended known")
Read = collections.namedtuple("Read", "value began ended by")


def check_commits(findings, clients, kills):
    registers = collections.defaultdict(lambda: ([], []))
    for client in clients:
        started = {}  # partition -> when its session began, until its first record
        for event in client.events:
            word = event[0]
            if word in ("commit", "nocommit"):
                value, began, ended = map(int, event[2:5])
                known = word == "commit"
                registers[client.group, event[1]][0].append(
                    Write(value, began, ended if known else end_by(kills, ended), known))
                findings.counts["commits"] += known
            elif word == "committed":
                value, began, ended = map(int, event[2:5])
                registers[client.group, event[1]][1].append(Read(value, began, ended, client.name))
            elif client.role == "member" and word == "start":
                started[event[1]] = int(event[2])
            elif client.role == "member" and word == "read" and event[1] in started:
                registers[client.group, event[1]][1].append(
                    Read(int(event[2]), started.pop(event[1]), int(event[5]), client.name))
    for (group, part), (writes, reads) in registers.items():
        findings.counts["committed offsets seen"] += len(reads)
        check_register(findings, f"{group}: {part}", writes, reads)


def end_by(kills, when):
    """The first kill from `when` on: what an earlier process had not done by then it never does."""
    at = bisect.bisect_left(kills, when)
    return kills[at] if at < len(kills) else math.inf


def check_register(findings, name, writes, reads):
    """Each read gives the value of a write that had begun, and that no other write or read shows to
    have been replaced before. Without any write the group has no offset, -1."""
    by_value = collections.defaultdict(list)
    for write in writes:
        by_value[write.value].append(write)
    done = LatestBegin([(write.ended, write.began, write) for write in writes if write.known])
    reads = sorted(reads, key=lambda read: read.began)
    for number, read in enumerate(reads):
        written = [write for write in by_value[read.value] if write.began <= read.ended]
        if read.value == -1:
            written.append(Write(-1, -math.inf, -math.inf, True))
        where = f"{name} was {read.value} for {read.by} at {read.ended}"
        if not written:
            findings.add("unknown commit", f"{where}, and nobody had committed that")
            continue
        last = max(write.ended for write in written)
        newer = done.before(read.began)
        if newer is not None and last < newer.began:
            findings.add("stale commit", f"{where}; {newer.value} had been acknowledged at "
                                         f"{newer.ended}")
            continue
        for other in reads[:number]:
            if other.value != read.value and other.ended < read.began and last < other.began:
                findings.add("stale commit", f"{where}; it was {other.value} for {other.by} at "
                                             f"{other.ended}")
                break


class LatestBegin:
    """Of the writes that had ended before a time, the one that began last."""

    def __init__(self, rows):
        self.ends, self.best = [], []
        for ended, began, write in sorted(rows, key=lambda row: row[:2]):
            if not self.best or began > self.best[-1].began:
                self.ends.append(ended)
                self.best.append(write)

    def before(self, when):
        at = bisect.bisect_left(self.ends, when)
        return self.best[at - 1] if at else None
