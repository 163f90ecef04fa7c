"""Apache Kafka itself as a broker process: what the suites are validated against.

Its jars come from Maven, see tests/compat/java/pom.xml; `compat/run.py --fetch` brings them.
"""

import shutil
import subprocess

from harness.broker import ROOT, Process, free_port

JARS = ROOT / ".cache/compat/java/lib"
CLUSTER_ID = "c2x1aWNlLWNvbXBhdC0wMQ"


def java(main_class, *arguments, heap="512m", logging=None, extra_classpath=()):
    """The command line of a Java program with Kafka's jars."""
    classpath = ":".join([*map(str, extra_classpath), f"{JARS}/*"])
    options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Xmx{heap}"]
    if logging:
        options.append(f"-Dlog4j2.configurationFile={logging}")
    return ["java", *options, "-cp", classpath, main_class, *arguments]


class Kafka(Process):
    """One node, broker and controller in one process."""

    # The same limits as sluiced's defaults, and one replica for everything.
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "2",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        "log.initial.task.delay.ms": "500",
    }

    @staticmethod
    def is_available():
        return JARS.is_dir() and shutil.which("java") is not None

    def __init__(self, directory=None, port=None, **settings):
        super().__init__(directory, port, **settings)
        self.controller_port = free_port()

    @property
    def data_directory(self):
        return self.directory / "data"

    def command(self):
        options = {
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "log.dirs": self.data_directory,
        }
        config = self.directory / "server.properties"
        config.write_text(
            "".join(f"{key}={value}\n" for key, value in {**options, **self.options}.items()))
        if not self.data_directory.exists():
            subprocess.run(
                java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(config)),
                check=True, capture_output=True, timeout=60)
        return java("kafka.Kafka", str(config), heap="1g")
