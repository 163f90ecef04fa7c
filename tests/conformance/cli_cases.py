"""One run of every command of `sluice` on a cluster that is always the same, for goldens of its
text and for schemas of its JSON.

Cases run in this order, each as text first and then with --json. "{n}" in the arguments is `a` in
the first and `b` in the second run, so that what one changes the other does not see, "{i}" is 0 and
2; "{dir}" is a directory of the test's own and "{data}" the broker's.
"""

import dataclasses
import json

from conformance.dlq_test import dead_letter
from harness.broker import ROOT

WRITTEN_AT = 1_420_070_400_000  # 2015-01-01
EVENTS = ROOT / "examples/data/github-events-sample.json.gz"

AGE = (r"\d+ d \d+ h|\d{9}\.\d( s)?", "AGE")
ID = (r"(?<!\S)[\w-]{22}(?!\S)", "ID")
NUMBER = (r"(?<![p\d.])\d[\d.,]*", "N")  # not the percentile in "p99"
PRODUCER = (r"producer \d+/\d+", "producer N/N")
REDRIVE = (r"\b[0-9a-f]{12}\b", "ID")
SCHEDULE = (r"(?<!\S)\d+-\d+(?!\S)", "ID")
SIZE = (r"\d[\d.]* [kMGT]?B\b", "SIZE")
PERCENT = (r"\d[\d.]* %", "N %")


@dataclasses.dataclass(frozen=True)
class Case:
    """A run of `command` with `arguments`."""

    command: str
    arguments: str = ""
    stdin: str = ""
    status: int = 0
    lines: bool = False    # its JSON is a value a line
    masks: tuple = ()      # (pattern, replacement) of what differs from run to run
    sluiced: bool = False  # needs what Apache Kafka does not have


def on_orders(command, more="", **options):
    return Case(command, f"{{data}} --topic orders {more}", **options)


BENCH = "--duration 100ms --warmup 0s "
OPEN = (
    Case("topics list"),
    Case("topics describe", "orders", masks=(ID,)),
    Case("consume", "orders -p 0 -e", lines=True),
    Case("search", "orders --field order.id=3", lines=True),
    Case("tail", "orders -p 1 -n 2", lines=True),
    Case("export", "orders -p 0", lines=True),
    Case("groups list"),
    Case("groups describe", "billing", masks=(AGE,)),
    Case("configs get", "topic orders"),
    Case("cluster", masks=(ID, SIZE)),
    Case("check", "-g billing --lag 1,1000", status=1, masks=(PERCENT, AGE)),
    Case("top", "--once", masks=(ID, SIZE, AGE)),
    Case("dlq list", "dlq.orders"),
    Case("dlq show", "dlq.orders -n 1", lines=True),
    Case("queue list"),
    Case("queue show", "mailers", sluiced=True),
    Case("schedule list", "-t reminders", masks=(SCHEDULE,), sluiced=True),
    Case("trace", "-t orders -p 0 -o 0", masks=((r"\d+(\.\d+)? s later", "AGE later"),)),
    Case("backup create", "{dir}/backup-{n} orders"),
    Case("backup verify", "{dir}/backup-a"),
    Case("restore", "{dir}/backup-a --prefix {n}-"),
    Case("topics create", "new-{n} -p 3 -c retention.ms=3600000"),
    Case("topics alter", "new-{n} -p 4"),
    Case("configs set", "topic new-{n} retention.ms=7200000"),
    Case("configs unset", "topic new-{n} retention.ms"),
    Case("produce", "new-{n} -k key", stdin='{"value":"one"}\n{"value":"two"}\n'),
    Case("import", "{dir}/orders.jsonl --topic new-{n}"),
    Case("topics truncate", "new-a --before end --dry-run"),
    Case("groups reset", "new-{n} --topic orders --to-offset 1 --execute"),
    Case("groups delete", "new-{n} -y"),
    Case("topics delete", "new-{n} -y"),
    Case("dlq redrive", "dlq.orders --offset 0:0 --again --to orders-again", masks=(REDRIVE,)),
    Case("dlq purge", "dlq.orders --all --dry-run"),
    Case("queue release", "mailers mails:0:{i}", sluiced=True),
    Case("queue reject", "mailers mails:0:{i}", sluiced=True),
    Case("schedule cancel", "-t reminders -k {n} -y", sluiced=True),
    Case("demo", f"{EVENTS} --topic events-{{n}} -g demo-{{n}}"),
    Case("bench produce", BENCH, masks=(NUMBER,)),
    Case("bench fetch", BENCH + "--fill 256KiB", masks=(NUMBER,)),
    Case("bench latency", BENCH + "--rate 100", masks=(NUMBER,)),
    Case("bench share", BENCH + "--fill 256KiB", masks=(NUMBER,)),
    Case("context set", "{n} brokers=127.0.0.1:9092 timeout=5"),
    Case("context use", "{n}"),
    Case("context list"),
    Case("context show", "a"),
    Case("context delete", "{n}"),
    Case("completion", "fish"),
)
# With the broker stopped.
CLOSED = (
    on_orders("log ls"),
    on_orders("log dump", lines=True, masks=(PRODUCER,)),
    on_orders("log stat", "--sample 0", masks=(SIZE,)),
    Case("log diff", "{data} {data} --topic orders"),
    on_orders("log index", "--confirm", sluiced=True),
    Case("log cut", "{data} orders-0 1 --dry-run", sluiced=True),
)
# With a flipped bit in the first batch of orders-0.
DAMAGED = (
    on_orders("log verify", status=1),
    on_orders("log repair", "--dry-run", sluiced=True),
)


def order(number):
    """A line for `produce --json --keep-partition` and `import`."""
    return json.dumps({
        "topic": "orders", "partition": number % 2, "timestamp": WRITTEN_AT + 1000 * number,
        "key": f"k{number}", "value": json.dumps({"order": {"id": number}}),
        "headers": [{"key": "type", "value": "paid"}]}) + "\n"


def orders():
    return "".join(map(order, range(6)))


def dead_letters():
    return "".join(dead_letter(number, "orders") + "\n" for number in range(2))


def reminders():
    return "".join(json.dumps({
        "key": key, "value": "remind", "headers": [
            {"key": "sluice-delay-ms", "value": "3600000"}]}) + "\n" for key in "ab")
