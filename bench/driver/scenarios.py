"""What is measured, and the bar for each: the rows of the table that the project is held to."""

import dataclasses
import subprocess
import time
from typing import Callable, Optional

from driver import brokers
from driver.brokers import BenchFailed, bench, limit
from driver.figures import KAFKA, KAFKA_FLUSH, LIMIT, SLUICE, Bar

KIB, MIB = 1 << 10, 1 << 20
FLUSH = ["--topic-config", "flush.messages=1"]


@dataclasses.dataclass
class Context:
    """The running contenders and how much is measured."""

    directory: object  # on the disk that is measured
    brokers: dict      # contender -> broker
    seconds: float
    quick: bool
    make_broker: Callable  # (contender, name) -> a broker of its own, not started

    def contenders(self):
        return list(self.brokers)


@dataclasses.dataclass
class Scenario:
    """`measure(context, contender)` returns {metric: value}, or None where it does not apply."""

    name: str
    title: str
    measure: Callable
    bars: list
    chart: Optional[str] = None  # the metric that the chart shows
    once: bool = False           # one round is enough
    keep: tuple = ("mb_per_s", "p50_us", "p99_us", "cpu_s_per_gb")  # what counts


def flush_of(contender):
    return FLUSH if contender == KAFKA_FLUSH else []


def produce(arguments, limit_of=None):
    """Closed loop on a fresh topic; `limit_of`: (bytes, in flight) of the limit's own run."""
    def measure(context, contender):
        if contender == LIMIT:
            return limit(context.directory, "produce", *limit_of, context.seconds) \
                if limit_of else None
        return bench(context.brokers[contender], "produce", *arguments, *flush_of(contender),
                     seconds=context.seconds)
    return measure


def fetch(arguments, limit_of=None, fill="256MiB"):
    """A topic that was written a moment ago, read over and over."""
    def measure(context, contender):
        if contender == LIMIT:
            return limit(context.directory, "fetch", *limit_of, context.seconds) \
                if limit_of else None
        if contender == KAFKA_FLUSH:
            return None  # reads do not care
        return bench(context.brokers[contender], "fetch", "--fill", fill, *arguments,
                     seconds=context.seconds)
    return measure


def latency(rate):
    def measure(context, contender):
        if contender == LIMIT:
            return None
        return bench(context.brokers[contender], "latency", "--rate", rate, *flush_of(contender),
                     seconds=context.seconds)
    return measure


SHARE = ["--fill", "256MiB", "--connections", 4]


def share(*arguments):
    """A share group of four consumers on one partition, each record accepted."""
    def measure(context, contender):
        if contender == LIMIT:
            return None
        return bench(context.brokers[contender], "share", *arguments, seconds=context.seconds)
    return measure


def share_failing(context, contender):
    """The same when one of a hundred records fails once and waits; Kafka has no wait."""
    if contender != SLUICE:
        return None
    broker = context.brokers[contender]
    alone = bench(broker, "share", *SHARE, seconds=context.seconds)
    failing = bench(broker, "share", *SHARE, "--released-percent", 1, "--group-config",
                    "sluice.retry.backoff.ms=100", seconds=context.seconds)
    return {"records_per_s": failing["records_per_s"],
            "kept": failing["records_per_s"] / alone["records_per_s"]}


def reread(state):
    """A pass over data that was written before a restart: `state` is "cached" (the second pass,
    from the page cache) or "cold" (nothing is in memory)."""
    def measure(context, contender):
        size = 512 * MIB if context.quick else 2048 * MIB
        if contender == LIMIT:
            return limit(context.directory, "read", MIB, 4, context.seconds) \
                if state == "cold" else None
        if contender == KAFKA_FLUSH:
            return None
        with context.make_broker(contender, f"reread-{state}") as broker:
            bench(broker, "fetch", "--topic", "old", "--fill", size, "--bytes", MIB)
            broker.restart()
            if not brokers.drop_caches():
                return None
            if state == "cached":
                bench(broker, "fetch", "--topic", "old", "--passes", 1)
            return bench(broker, "fetch", "--topic", "old", "--passes", 1)
    return measure


def beside_reader(context, contender):
    """Produce p99 of single records at a fixed rate, alone and beside a cold replay."""
    if contender in (LIMIT, KAFKA_FLUSH):
        return None
    size = 1024 * MIB if context.quick else 10_000_000_000
    load = ["--batch-bytes", 0, "--rate", 2000, "--in-flight", 100]
    with context.make_broker(contender, "replay") as broker:
        bench(broker, "fetch", "--topic", "old", "--fill", size, "--bytes", MIB)
        broker.restart()
        alone = bench(broker, "produce", *load, seconds=context.seconds)
        if not brokers.drop_caches():
            return None
        reader = subprocess.Popen(
            [brokers.binary("sluice"), "-b", broker.address, "bench", "fetch", "--topic", "old",
             "--passes", "1000000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            beside = bench(broker, "produce", *load, seconds=context.seconds)
        finally:
            reader.kill()
            reader.wait()
    return {"p99_us": beside["p99_us"], "slowdown": beside["p99_us"] / alone["p99_us"]}


def idle_partitions(context, contender):
    """Throughput of one busy partition beside 1,000 that hold one record each."""
    if contender in (LIMIT, KAFKA_FLUSH):
        return None
    busy = ["--batch-bytes", 64 * KIB, "--in-flight", 5]
    with context.make_broker(contender, "idle") as broker:
        alone = bench(broker, "produce", *busy, seconds=context.seconds)
        time.sleep(2)  # the topic's files go
        before = brokers.disk_bytes(broker.data_directory)
        bench(broker, "produce", "--topic", "idle", "--partitions", 1000, "--batch-bytes", 0,
              "--in-flight", 50, seconds=1, warmup=0)
        time.sleep(2)
        records = offsets_sum(broker, "idle") * 1100
        disk = brokers.disk_bytes(broker.data_directory) - before
        beside = bench(broker, "produce", *busy, seconds=context.seconds)
    return {"mb_per_s": beside["mb_per_s"], "kept": beside["mb_per_s"] / alone["mb_per_s"],
            "disk_kib": max(0, disk - records) / 1000 / KIB}


def offsets_sum(broker, topic):
    found = brokers.run_json([brokers.binary("sluice"), "-b", broker.address, "--json", "topics",
                              "describe", topic], timeout=60)
    return sum(partition["end_offset"] for partition in found[0]["partitions"])


def many_partitions(context, contender):
    """Opening 10,000 partitions that hold a record each, with 4,096 descriptors."""
    if contender != SLUICE:
        return None
    topics = 1 if context.quick else 10
    with brokers.LimitedBroker(directory=context.directory / "many") as broker:
        broker.own_directory = True
        for topic in range(topics):
            bench(broker, "produce", "--topic", f"many-{topic}", "--partitions", 1000,
                  "--batch-bytes", 0, "--in-flight", 50, seconds=0.5, warmup=0)
        broker.stop()
        began = brokers.start_ms(broker)
        return {"start_ms": began, "rss_mib": brokers.rss_mib(broker)}


def killed(context, contender):
    """kill -9 under load, and how long until the broker answers again."""
    if contender in (LIMIT, KAFKA_FLUSH):
        return None
    size = 1024 * MIB if context.quick else 10_000_000_000
    with context.make_broker(contender, "killed") as broker:
        bench(broker, "fetch", "--topic", "old", "--fill", size, "--bytes", MIB)
        load = subprocess.Popen(
            [brokers.binary("sluice"), "-b", broker.address, "bench", "produce", "--topic", "old"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(3)
        broker.kill()
        load.wait()
        return {"start_ms": brokers.start_ms(broker)}


def process_figures(context, contender):
    """Start on an empty directory, memory at rest and after load, size of the program."""
    if contender in (LIMIT, KAFKA_FLUSH):
        return None
    with context.make_broker(contender, "fresh") as broker:
        broker.stop()
        idle = brokers.rss_mib
        started = []
        for _ in range(1 if contender == KAFKA else 5):
            brokers.shutil.rmtree(broker.data_directory, ignore_errors=True)
            broker.command()  # Kafka formats its directory here, which is no part of a start
            started.append(brokers.start_ms(broker))
            time.sleep(1)
            at_rest = idle(broker)
            broker.stop()
    found = {"start_ms": sorted(started)[len(started) // 2], "rss_mib": at_rest}
    if contender == SLUICE:
        found["size_mib"] = brokers.stripped_mib("sluiced")
    return found


def rss_after_load(context, contender):
    """Resident memory after a produce and a fetch, of a broker that did nothing else."""
    if contender in (LIMIT, KAFKA_FLUSH):
        return None
    with context.make_broker(contender, "load") as broker:
        bench(broker, "produce", "--batch-bytes", 64 * KIB, seconds=context.seconds)
        bench(broker, "fetch", "--fill", "256MiB", seconds=2)
        return {"rss_mib": brokers.rss_mib(broker)}


def durable(kafka, limit_share=None, extra=()):
    bars = [Bar("mb_per_s", kafka, KAFKA)]
    if limit_share:
        bars.append(Bar("mb_per_s", limit_share, LIMIT))
    return [*bars, Bar("mb_per_s", 5, KAFKA_FLUSH), *extra]


RECYCLE = ["--topic-config", "segment.bytes=67108864", "--topic-config",
           "retention.bytes=134217728"]

SCENARIOS = [
    Scenario("produce-16k", "produce 16 KiB × 5",
             produce(["--batch-bytes", 16 * KIB, "--in-flight", 5], (16 * KIB, 5)),
             durable(2, 0.6), chart="mb_per_s"),
    Scenario("produce-64k", "produce 64 KiB × 5",
             produce(["--batch-bytes", 64 * KIB, "--in-flight", 5], (64 * KIB, 5)),
             durable(2, 0.6, [Bar("cpu_s_per_gb", 0.9)]), chart="mb_per_s"),
    Scenario("produce-1m", "produce 1 MB × 4",
             produce(["--batch-bytes", 1_000_000, "--in-flight", 4], (MIB, 4)),
             durable(2, 0.5, [Bar("cpu_s_per_gb", 0.5)]), chart="mb_per_s"),
    Scenario("produce-100b", "100-byte records, 64 KiB × 5",
             produce(["--record-bytes", 100, "--batch-bytes", 64 * KIB, "--in-flight", 5],
                     (64 * KIB, 5)),
             durable(2.5, 0.55), chart="mb_per_s"),
    Scenario("produce-8x8", "8 connections × 8 partitions, 64 KiB × 5",
             produce(["--batch-bytes", 64 * KIB, "--in-flight", 5, "--connections", 8,
                      "--partitions", 8]),
             durable(2.5), chart="mb_per_s"),
    Scenario("recycled-64k", "64 KiB × 5, segments recycled",
             produce(["--batch-bytes", 64 * KIB, "--in-flight", 5, *RECYCLE], (64 * KIB, 5)),
             [Bar("mb_per_s", 2.5, KAFKA), Bar("mb_per_s", 0.85, LIMIT)], chart="mb_per_s"),
    Scenario("recycled-1m", "1 MB × 4, segments recycled",
             produce(["--batch-bytes", 1_000_000, "--in-flight", 4, *RECYCLE], (MIB, 4)),
             [Bar("mb_per_s", 0.85, LIMIT)], chart="mb_per_s"),
    Scenario("single", "one record at a time",
             produce(["--batch-bytes", 0, "--in-flight", 1], (4 * KIB, 1)),
             [Bar("p50_us", 1.3, LIMIT), Bar("p99_us", 1.0, KAFKA)], chart="p50_us",
             keep=("p50_us", "p99_us")),
    Scenario("single-50", "50 connections, one record each",
             produce(["--batch-bytes", 0, "--in-flight", 1, "--connections", 50,
                      "--partitions", 8]),
             [Bar("requests_per_s", 2, KAFKA)], chart="requests_per_s",
             keep=("requests_per_s", "p50_us", "p99_us")),
    Scenario("latency-1k", "publish → consumer, 1,000/s", latency(1000),
             [Bar("p99_us", 1500), Bar("lost", 0)], chart="p99_us",
             keep=("p50_us", "p99_us", "records_per_s", "lost")),
    Scenario("latency-10k", "publish → consumer, 10,000/s", latency(10_000),
             [Bar("p99_us", 3000), Bar("records_per_s", 9_900), Bar("lost", 0)],
             chart="p99_us", keep=("p50_us", "p99_us", "records_per_s", "lost")),
    Scenario("fetch-1m", "fetch 1 MiB × 1, written lately",
             fetch(["--fetch-bytes", MIB], (MIB, 1)),
             [Bar("mb_per_s", 1, KAFKA), Bar("cpu_s_per_gb", 1, KAFKA)], chart="mb_per_s"),
    Scenario("fetch-1m-x4", "fetch 1 MiB × 4 connections",
             fetch(["--fetch-bytes", MIB, "--connections", 4]),
             [Bar("mb_per_s", 1, KAFKA)], chart="mb_per_s"),
    Scenario("fetch-64k", "fetch 64 KiB × 1", fetch(["--fetch-bytes", 64 * KIB], (64 * KIB, 1)),
             [Bar("mb_per_s", 1.5, KAFKA)], chart="mb_per_s"),
    Scenario("share", "share group, 4 consumers, 1 KiB", share(*SHARE),
             [Bar("records_per_s", 300_000), Bar("records_per_s", 5, KAFKA)],
             keep=("records_per_s", "p99_us", "cpu_s_per_gb")),
    Scenario("share-latency", "publish → share group, 10,000/s",
             share("--rate", 10_000), [Bar("p99_us", 5000), Bar("records_per_s", 9_900)],
             keep=("p50_us", "p99_us", "records_per_s", "lost")),
    Scenario("share-failing", "share group, 1 % fails and waits", share_failing,
             [Bar("kept", 0.95)], keep=("records_per_s", "kept")),
    Scenario("reread", "a later pass, page cache", reread("cached"),
             [Bar("mb_per_s", 0.9, KAFKA)], chart="mb_per_s", once=True),
    Scenario("cold", "older than memory, from the disk", reread("cold"),
             [Bar("mb_per_s", 0.8, LIMIT)], chart="mb_per_s", once=True),
    Scenario("replay", "produce beside a cold reader", beside_reader, [Bar("slowdown", 1.3)],
             once=True, keep=()),
    Scenario("idle-partitions", "beside 1,000 idle partitions", idle_partitions,
             [Bar("kept", 0.9), Bar("disk_kib", 64)], once=True, keep=()),
    Scenario("many-partitions", "opening 10,000 partitions", many_partitions,
             [Bar("start_ms", 3000), Bar("rss_mib", 300)], once=True, keep=()),
    Scenario("killed", "ready again after kill -9, 10 GB", killed, [Bar("start_ms", 2000)],
             once=True, keep=()),
    Scenario("process", "start on an empty directory", process_figures,
             [Bar("start_ms", 15), Bar("rss_mib", 12), Bar("size_mib", 8)], once=True, keep=()),
    Scenario("rss", "memory after load", rss_after_load, [], once=True, keep=()),
]

__all__ = ["SCENARIOS", "Context", "Scenario", "BenchFailed"]
