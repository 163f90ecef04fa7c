#!/usr/bin/env python3
"""Everything side by side with the machine's limit, in one run.

    run.py                       sluiced and the limit, all scenarios, medians of 3 rounds of 10 s
    run.py --peer kafka          Apache Kafka 4.3 too, with its defaults and with flush.messages=1
    run.py --quick               a short dose of everything
    run.py --only produce-64k    some scenarios; may repeat; --list shows them
    run.py --update              keeps what the results file has of the scenarios not measured now
    run.py --chart               also writes docs/bench.svg, which README shows
    run.py --draw FILE           only writes docs/bench.svg, from a results file

Prints a table and the bars, writes bench/results/COMMIT[-kafka].json. No figure fails the run: it
ends with 1 only when something could not be measured. Standard library only.
"""

import argparse
import json
import pathlib
import shutil
import signal
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]

from driver import brokers, chart, figures, machine  # noqa: E402
from driver.figures import KAFKA, KAFKA_FLUSH, LIMIT, SLUICE  # noqa: E402
from driver.scenarios import SCENARIOS, BenchFailed, Context  # noqa: E402
from harness.broker import Broker  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=["kafka"], help="a real broker to compare with")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each scenario (3)")
    parser.add_argument("--seconds", type=float, default=10, help="of each round (10)")
    parser.add_argument("--quick", action="store_true", help="one round of 2 s, less data")
    parser.add_argument("--only", action="append", metavar="NAME", help="these scenarios")
    parser.add_argument("--list", action="store_true", help="print the scenarios and stop")
    parser.add_argument("--dir", type=pathlib.Path, default=ROOT / "build/bench-data",
                        help="on the disk to measure (build/bench-data); emptied afterwards")
    parser.add_argument("--output", type=pathlib.Path, help="results file")
    parser.add_argument("--update", action="store_true", help="add to the results file")
    parser.add_argument("--chart", action="store_true", help="write docs/bench.svg")
    parser.add_argument("--draw", type=pathlib.Path, metavar="FILE",
                        help="write docs/bench.svg from a results file and stop")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 2
    known = [scenario.name for scenario in SCENARIOS]
    for name in options.only or []:
        if name not in known:
            parser.error(f"no scenario '{name}'; there are {', '.join(known)}")
    return options


def make_broker_in(directory):
    def make(contender, name):
        kind = Broker if contender == SLUICE else brokers.BenchKafka
        broker = kind(directory=directory / f"{name}-{contender.split()[0]}")
        broker.own_directory = True  # it goes when the scenario ends
        return broker
    return make


def measure(scenario, context, rounds, failures):
    """The scenario's entry of the results: contenders take turns, so that drift hits them all."""
    found = {}
    for round_number in range(1 if scenario.once else rounds):
        for contender in context.contenders():
            try:
                one = scenario.measure(context, contender)
            except (BenchFailed, OSError, RuntimeError, brokers.subprocess.SubprocessError) as e:
                failures.append(f"{scenario.name} on {contender}: {e}")
                continue
            if one is None:
                continue
            one = {k: round(v, 3) for k, v in one.items()
                   if v is not None and (not scenario.keep or k in scenario.keep)}
            found.setdefault(contender, []).append(one)
            shown = one.get(scenario.chart or "", next(iter(one.values())))
            print(f"  {scenario.title}, round {round_number + 1}, {contender}: "
                  f"{figures.number(shown)}", file=sys.stderr, flush=True)
    contenders = {name: {"median": figures.medians(all_rounds), "rounds": all_rounds}
                  for name, all_rounds in found.items()}
    middle = {name: one["median"] for name, one in contenders.items()}
    bars = []
    for bar in scenario.bars:
        reached, met = bar.judge(middle)
        bars.append({"text": bar.text(), "reached": reached and round(reached, 3), "met": met})
    return {"name": scenario.name, "title": scenario.title, "chart": scenario.chart,
            "contenders": contenders, "bars": bars}


def keep_others(results, before):
    """Puts the scenarios of an earlier run that were not measured now into `results`."""
    order = [scenario.name for scenario in SCENARIOS]
    now = [one["name"] for one in results["scenarios"]]
    results["scenarios"] += [one for one in before["scenarios"] if one["name"] not in now]
    results["scenarios"].sort(key=lambda one: order.index(one["name"]))


def draw(results):
    (ROOT / "docs/bench.svg").write_text(chart.svg(results), encoding="utf-8")


def show(results):
    rows = [row for one in results["scenarios"] for row in figures.scenario_rows(one)]
    print(figures.table(["", "", "sluice", "limit", "Kafka", "Kafka flush=1"], rows))
    print()
    print(figures.table(["BAR", "", "reached", ""], figures.bar_rows(results)))


def run(options, running):
    """Starts the contenders that stay up, measures, and returns results and failures."""
    options.dir.mkdir(parents=True, exist_ok=True)
    running[SLUICE] = Broker(directory=options.dir / "sluice").start()
    contenders = {SLUICE: running[SLUICE], LIMIT: None}
    if options.peer == "kafka":
        running[KAFKA] = brokers.BenchKafka(directory=options.dir / "kafka").start()
        contenders[KAFKA] = contenders[KAFKA_FLUSH] = running[KAFKA]
        if not options.quick:  # a JVM that has compiled nothing yet is not what we compare with
            brokers.bench(running[KAFKA], "produce", seconds=10)
    context = Context(directory=options.dir, brokers=contenders, seconds=options.seconds,
                      quick=options.quick, make_broker=make_broker_in(options.dir))
    failures = []
    results = {
        "schema": 1,
        "title": "beside the machine's limit" + (" and Apache Kafka 4.3" if options.peer else ""),
        "machine": machine.describe(ROOT, options.dir),
        "settings": {"rounds": options.rounds, "seconds": options.seconds,
                     "quick": options.quick, "peer": options.peer},
        "scenarios": [],
    }
    for scenario in SCENARIOS:
        if not options.only or scenario.name in options.only:
            results["scenarios"].append(measure(scenario, context, options.rounds, failures))
    results["failures"] = failures
    return results


def main():
    options = arguments()
    if options.draw:
        draw(json.loads(options.draw.read_text(encoding="utf-8")))
        return 0
    if options.list:
        for scenario in SCENARIOS:
            print(f"{scenario.name:16} {scenario.title}")
        return 0
    if options.peer == "kafka" and not brokers.BenchKafka.is_available():
        from compat.clients import fetch_kafka
        fetch_kafka()
    running = {}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the brokers are stopped
    try:
        results = run(options, running)
    finally:
        for broker in running.values():
            broker.close()
        shutil.rmtree(options.dir, ignore_errors=True)
    suffix = "-kafka" if options.peer else ""
    output = options.output or ROOT / f"bench/results/{results['machine']['commit']}{suffix}.json"
    if options.update and output.exists():
        keep_others(results, json.loads(output.read_text(encoding="utf-8")))
    show(results)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if options.chart:
        draw(results)
    for failure in results["failures"]:
        print(f"not measured: {failure}", file=sys.stderr)
    return 1 if results["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
