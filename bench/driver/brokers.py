"""The brokers side by side, and `sluice bench` and `sluice_limit` against them."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

from harness import wire
from harness.broker import Broker, binary
from harness.kafka import JARS, Kafka

# Kafka's own start script, bin/kafka-server-start.sh and kafka-run-class.sh of 4.3.
KAFKA_JVM = ["-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
             "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent",
             "-Djava.awt.headless=true"]


class BenchFailed(Exception):
    """A load generator ended with an error; its message."""


class BenchKafka(Kafka):
    """Kafka with the JVM settings of its own scripts, which the suites do without."""

    # Deleted topics leave the disk soon, as sluiced's do.
    settings = {**Kafka.settings, "log.segment.delete.delay.ms": "1000"}

    def command(self):
        command = super().command()
        config = command[-1]
        return ["java", *KAFKA_JVM, "-cp", f"{JARS}/*", "kafka.Kafka", config]


class LimitedBroker(Broker):
    """sluiced with 4,096 descriptors at most."""

    def command(self):
        return ["prlimit", "--nofile=4096", *super().command()]


def run_json(command, timeout):
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise BenchFailed(words[-1] if words else f"ended with {done.returncode}")
    return json.loads(done.stdout)


def bench(broker, mode, *arguments, seconds=10.0, warmup=1.0):
    """The figures of one run of `sluice bench` as {metric: value}."""
    command = [binary("sluice"), "-b", broker.address, "--json", "bench", mode,
               "--duration", f"{seconds}s", "--warmup", f"{warmup}s", *map(str, arguments)]
    if broker.process is not None:
        command += ["--broker-pid", str(broker.process.pid)]
    found = run_json(command, timeout=seconds * 3 + 300)["brokers"][0]["median"]
    return {
        "mb_per_s": found["mb_per_s"],
        "records_per_s": found["records_per_s"],
        "requests_per_s": found["requests_per_s"],
        "p50_us": found["latency_us"]["p50"],
        "p99_us": found["latency_us"]["p99"],
        "cpu_s_per_gb": found["broker_cpu_s_per_gb"],
        "lost": found["lost"],
    }


def limit(directory, mode, size, in_flight, seconds):
    found = run_json([binary("sluice_limit"), mode, str(directory), "--bytes", str(size),
                      "--in-flight", str(in_flight), "--seconds", str(seconds), "--keep"],
                     timeout=seconds + 120)
    return {"mb_per_s": found["mb_per_s"], "requests_per_s": found["requests_per_s"],
            "p50_us": found["latency_us"]["p50"], "p99_us": found["latency_us"]["p99"]}


def rss_mib(broker):
    for line in pathlib.Path(f"/proc/{broker.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return None


def stripped_mib(name):
    """Size of a program of the build without its symbols."""
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory, name)
        shutil.copy(binary(name), copy)
        subprocess.run(["strip", str(copy)], check=True)
        return copy.stat().st_size / 2**20


def start_ms(broker, deadline_seconds=60):
    """Starts the process and returns how long it took to answer ApiVersions."""
    begun = time.monotonic()
    broker.spawn()
    while time.monotonic() - begun < deadline_seconds:
        try:
            wire.api_versions(broker.address, timeout=5)
            return (time.monotonic() - begun) * 1000
        except (OSError, EOFError, socket.timeout):
            if broker.process.poll() is not None:
                raise BenchFailed(f"broker ended at its start: {broker.log_tail(3)}") from None
            time.sleep(0.0005)
    raise BenchFailed("broker does not answer")


def disk_bytes(directory):
    """What the files below `directory` take on the disk."""
    total = 0
    for parent, _, names in os.walk(directory):
        total += sum(os.lstat(os.path.join(parent, name)).st_blocks * 512 for name in names)
    return total


def drop_caches():
    """Empties the page cache; false when we may not."""
    os.sync()
    try:
        pathlib.Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
        return True
    except OSError:
        return False
