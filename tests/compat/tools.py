"""Kafka's own command-line tools against the broker, and its dump tool on the broker's files."""

import re
import subprocess
import tempfile

from harness.broker import Broker
from harness.kafka import Kafka, java

COMMANDS = {
    "topics": "org.apache.kafka.tools.TopicCommand",
    "console-producer": "org.apache.kafka.tools.ConsoleProducer",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "groups": "org.apache.kafka.tools.GroupsCommand",
    "configs": "kafka.admin.ConfigCommand",
    "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
    "producer-perf": "org.apache.kafka.tools.ProducerPerformance",
    "consumer-perf": "org.apache.kafka.tools.ConsumerPerformance",
    "log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
    "dump-log": "org.apache.kafka.tools.DumpLogSegments",
}


class Failed(Exception):
    """A tool said something else than it should."""


def expect(pattern, text):
    """`pattern` must be found somewhere in `text`."""
    if not re.search(pattern, text, re.MULTILINE):
        raise Failed(f"no /{pattern}/ in: {' | '.join(text.strip().splitlines()[-6:])[-500:]}")
    return text


class Tools:
    """The tools, pointed at one broker. Checks run in order; later ones use what earlier made."""

    def __init__(self, broker):
        self.broker = broker

    def call(self, name, *arguments, stdin=None, check=True, server=True):
        """Runs a tool; returns standard output and standard error together."""
        server = ["--bootstrap-server", self.broker.address] if server else []
        done = subprocess.run(java(COMMANDS[name], *server, *arguments), input=stdin, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                              check=False)
        if check and done.returncode != 0:
            raise Failed(f"{name} ended with {done.returncode}: "
                         f"{' | '.join(done.stdout.strip().splitlines()[-4:])[-500:]}")
        return done.stdout

    def settings_file(self, **settings):
        file = tempfile.NamedTemporaryFile("w", dir=self.broker.directory, delete=False)
        with file:
            for key, value in settings.items():
                file.write(f"{key.replace('_', '.')}={value}\n")
        return file.name

    def topics(self):
        self.call("topics", "--create", "--topic", "alpha", "--partitions", "3",
                  "--config", "retention.ms=3600000")
        expect("^alpha$", self.call("topics", "--list"))
        text = self.call("topics", "--describe", "--topic", "alpha")
        expect(r"Topic: alpha\s+TopicId: \S{22}\s+PartitionCount: 3\s+ReplicationFactor: 1", text)
        expect(r"Configs:.*retention\.ms=3600000", text)
        expect(r"Partition: 2\s+Leader: 1\s+Replicas: 1\s+Isr: 1", text)
        self.call("topics", "--alter", "--topic", "alpha", "--partitions", "4")
        expect("PartitionCount: 4", self.call("topics", "--describe", "--topic", "alpha"))
        self.call("topics", "--create", "--topic", "doomed")
        self.call("topics", "--delete", "--topic", "doomed")
        expect("already exists",
               self.call("topics", "--create", "--topic", "alpha", check=False))
        expect("does not exist", self.call("topics", "--describe", "--topic", "none", check=False))

    def console_producer_and_consumer(self):
        self.call("topics", "--create", "--topic", "lines", "--partitions", "2")
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            self.call("console-producer", "--topic", "lines", "--compression-codec", codec,
                      "--reader-property", "parse.key=true", "--reader-property", "key.separator=:",
                      "--reader-property", "parse.headers=true",
                      stdin=f"kind:{codec}\tkey:{codec} line\n")
        text = self.call("console-consumer", "--topic", "lines", "--from-beginning",
                         "--max-messages", "5", "--timeout-ms", "30000", "--group", "lines-group",
                         "--formatter-property", "print.key=true", "--formatter-property",
                         "print.headers=true")
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            expect(rf"kind:{codec}\s+key\s+{codec} line", text)
        expect("Processed a total of 5 messages", text)

    def consumer_groups(self):
        group = ["--group", "lines-group"]
        expect("^lines-group", self.call("consumer-groups", "--list"))
        text = self.call("consumer-groups", "--describe", *group)
        expect(r"lines-group\s+lines\s+[01]\s+(5\s+5|0\s+0|-\s+0)\s", text)
        expect("Empty", self.call("consumer-groups", "--describe", *group, "--state"))
        expect("NEW-OFFSET", self.call(
            "consumer-groups", *group, "--reset-offsets", "--to-earliest", "--topic", "lines",
            "--dry-run"))
        for how, arguments in (("to-earliest", []), ("to-offset", ["3"]), ("shift-by", ["-1"]),
                               ("to-latest", []), ("by-duration", ["PT1H"]),
                               ("to-datetime", ["2020-01-01T00:00:00.000"])):
            text = self.call("consumer-groups", *group, "--reset-offsets", f"--{how}", *arguments,
                             "--topic", "lines", "--execute")
            expect(r"lines-group\s+lines\s+[01]\s+\d+", text)
        self.call("consumer-groups", *group, "--reset-offsets", "--to-earliest", "--all-topics",
                  "--execute")
        text = self.call("console-consumer", "--topic", "lines", *group, "--max-messages", "5",
                         "--timeout-ms", "30000")
        expect("Processed a total of 5 messages", text)
        self.call("consumer-groups", *group, "--delete-offsets", "--topic", "lines")
        expect("was successful", self.call("consumer-groups", *group, "--delete"))
        expect("does not exist|not found|GroupIdNotFound",
               self.call("consumer-groups", "--describe", "--group", "nobody", check=False))

    def groups(self):
        self.call("console-consumer", "--topic", "lines", "--from-beginning", "--group", "other",
                  "--max-messages", "1", "--timeout-ms", "30000")
        expect(r"other\s+Classic", self.call("groups", "--list"))

    def configs(self):
        topic = ["--entity-type", "topics", "--entity-name", "alpha"]
        self.call("configs", "--alter", *topic, "--add-config",
                  "retention.ms=111,cleanup.policy=[compact,delete]")
        text = self.call("configs", "--describe", *topic)
        expect(r"retention\.ms=111 ", text)
        expect(r"cleanup\.policy=compact,delete ", text)
        self.call("configs", "--alter", *topic, "--delete-config", "retention.ms")
        if re.search(r"retention\.ms=111", self.call("configs", "--describe", *topic)):
            raise Failed("a deleted config is still there")
        expect(r"segment\.bytes=1073741824", self.call("configs", "--describe", "--all", *topic))
        expect(r"log\.retention\.hours=", self.call(
            "configs", "--describe", "--all", "--entity-type", "brokers", "--entity-name", "1"))
        expect("InvalidConfiguration|Unknown topic config", self.call(
            "configs", "--alter", *topic, "--add-config", "no.such=1", check=False))

    def get_offsets(self):
        text = self.call("get-offsets", "--topic", "lines")
        total = sum(int(line.rsplit(":", 1)[1]) for line in text.split() if ":" in line)
        if total != 5:
            raise Failed(f"{total} records, not 5: {text}")
        for when in ("earliest", "latest", "max-timestamp"):
            expect(r"^lines:[01]:\d", self.call("get-offsets", "--topic", "lines", "--time", when))

    def delete_records(self):
        self.call("topics", "--create", "--topic", "shrunk")
        self.call("console-producer", "--topic", "shrunk", stdin="".join(
            f"line {number}\n" for number in range(100)))
        with tempfile.NamedTemporaryFile("w", suffix=".json", dir=self.broker.directory) as file:
            file.write('{"version": 1, "partitions": '
                       '[{"topic": "shrunk", "partition": 0, "offset": 60}]}')
            file.flush()
            expect("low_watermark: 60",
                   self.call("delete-records", "--offset-json-file", file.name))
        expect("shrunk:0:60", self.call("get-offsets", "--topic", "shrunk", "--time", "earliest"))

    def verifiable_producer(self):
        self.call("topics", "--create", "--topic", "verified")
        text = self.call("verifiable-producer", "--topic", "verified", "--max-messages", "5000",
                         "--acks", "-1")
        expect(r'"acked":5000', text)
        expect("verified:0:5000", self.call("get-offsets", "--topic", "verified"))

    def performance(self):
        self.call("topics", "--create", "--topic", "fast")
        expect("100000 records sent", self.call(
            "producer-perf", "--topic", "fast", "--num-records", "100000", "--record-size", "100",
            "--throughput", "-1", "--bootstrap-server", self.broker.address,
            "--command-property", "acks=all", server=False))
        expect(r"1000\d\d", self.call(
            "consumer-perf", "--topic", "fast", "--num-records", "100000", "--timeout", "60000"))

    def log_dirs(self):
        expect('"partition":"fast-0"', self.call("log-dirs", "--describe", "--topic-list", "fast"))

    def api_versions(self):
        expect(r"Produce\(0\): 0 to 13", self.call("api-versions"))

    def dump_log(self):
        """After a clean stop: every file of the data directory that Kafka has a reader for."""
        self.call("topics", "--create", "--topic", "dumped", "--config", "segment.bytes=1048576")
        self.call("producer-perf", "--topic", "dumped", "--num-records", "30000", "--record-size",
                  "100", "--throughput", "-1", "--bootstrap-server", self.broker.address,
                  "--command-property", "batch.size=2000", server=False)
        self.broker.stop()
        try:
            self.dump_topic("dumped-0", 30_000)
            self.dump_offsets()
        finally:
            self.broker.start()

    def dump_topic(self, name, count):
        directory = self.broker.data_directory / name
        logs = sorted(directory.glob("*.log"))
        if len(logs) < 2:
            raise Failed(f"{len(logs)} segment in {name}")
        text = self.dump("--print-data-log", "--skip-record-metadata", "--files", *logs)
        records = len(re.findall(r"^\| ?.*payload:", text, re.MULTILINE))
        valid = len(re.findall("isvalid: true", text))
        if "isvalid: false" in text or not valid:
            raise Failed("a batch is not valid")
        if records != count:
            raise Failed(f"{records} records in the dump, not {count}")
        for log in logs:
            for suffix in (".index", ".timeindex"):
                index = log.with_suffix(suffix)
                if not index.exists():
                    raise Failed(f"{index.name} is missing")
                for mode in ("--verify-index-only", "--index-sanity-check"):
                    text = self.dump(mode, "--files", index)
                    if re.search("[Mm]ismatch|Indexed offset|out of order|Found timestamp", text):
                        raise Failed(f"{index.name} {mode}: {text.splitlines()[-2:]}")
                    if mode == "--index-sanity-check":
                        expect("passed sanity check", text)
        for snapshot in directory.glob("*.snapshot"):
            expect("producerId: ", self.dump("--files", snapshot))

    def dump_offsets(self):
        logs = [log for log in self.broker.data_directory.glob("__consumer_offsets-*/*.log")
                if log.stat().st_size > 0]
        text = self.dump("--offsets-decoder", "--files", *logs)
        expect(r'"group":"other","topic":"lines","partition":[01]', text)
        expect(r'"protocolType":"consumer"', text)

    def dump(self, *arguments):
        *options, files = arguments[:arguments.index("--files") + 1]
        paths = arguments[arguments.index("--files") + 1:]
        return self.call("dump-log", *options, files, ",".join(map(str, paths)), server=False)


CHECKS = ["topics", "console_producer_and_consumer", "consumer_groups", "groups", "configs",
          "get_offsets", "delete_records", "verifiable_producer", "performance", "log_dirs",
          "api_versions", "dump_log"]


def run(peer, only, report):
    """Returns {check: None or what went wrong}."""
    results = {}
    with (Kafka if peer == "kafka" else Broker)() as broker:
        tools = Tools(broker)
        for check in CHECKS:
            name = check.replace("_", "-")
            if only and name not in only:
                continue
            try:
                getattr(tools, check)()
                results[name] = None
            except (Failed, subprocess.TimeoutExpired, OSError, RuntimeError) as problem:
                results[name] = str(problem)
            report(name, results[name])
    return results
