"""sluiced as a program: start, stop, refusals, locks, exit codes."""

import errno
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from confluent_kafka.admin import AdminClient, ConfigResource

from harness import no_uring, wire
from harness.broker import Broker, binary, free_port
from harness.process import end
from conformance.case import BrokerCase, wait_until


def clean(environment=None):
    """The environment without settings for sluiced but these."""
    others = {key: value for key, value in os.environ.items() if not key.startswith("SLUICE_")}
    return {**others, **(environment or {})}


def run(*arguments, environment=None, timeout=20):
    """Runs sluiced to its end; returns the finished process with both outputs in `stdout`."""
    return subprocess.run([binary("sluiced"), *arguments], env=clean(environment),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=timeout, check=False)


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class ServerTest(BrokerCase):
    needs_own_broker = True
    needs_sluiced = True

    def refused(self, *arguments, environment=None):
        done = run(*arguments, environment=environment)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_times_may_be_for_ever(self):
        for_ever = 2**63 - 1
        with Broker(connections_max_idle_ms=for_ever, sluice_slow_request_ms=for_ever,
                    sluice_shutdown_timeout_ms=for_ever, log_cleaner_backoff_ms=for_ever,
                    log_retention_check_interval_ms=for_ever,
                    offsets_retention_check_interval_ms=for_ever) as broker:
            with wire.Connection(broker.address) as connection:
                end_of_test = time.monotonic() + 1  # connections are looked at five times a second
                while time.monotonic() < end_of_test:
                    connection.call(18, 0, b"")
            self.assertNotIn("slow request", broker.log_path.read_text())
            self.assertEqual(broker.stop(), 0)

    def config(self, text):
        file = tempfile.NamedTemporaryFile("w", suffix=".toml", delete=False)
        self.addCleanup(os.unlink, file.name)
        with file:
            file.write(text)
        return file.name

    def test_help_and_version(self):
        for flag in ("--help", "--version"):
            done = run(flag)
            self.assertEqual(done.returncode, 0)
            self.assertIn("sluice", done.stdout)

    def test_closed_standard_streams_are_no_place_for_files_and_sockets(self):
        """What is written to the log would end in them."""
        with tempfile.TemporaryDirectory() as data:
            port = free_port()
            process = subprocess.Popen(
                [binary("sluiced"), "--data", data, "--listen", f"127.0.0.1:{port}"],
                env=clean(), preexec_fn=lambda: os.closerange(0, 3))
            self.addCleanup(end, process)
            wait_until(lambda: is_listening(port), what="the broker")
            self.assertEqual({os.readlink(f"/proc/{process.pid}/fd/{stream}")
                              for stream in range(3)}, {"/dev/null"})
            process.terminate()
            self.assertEqual(process.wait(20), 0)

    def test_unknown_flag(self):
        self.assertEqual(run("--no-such-flag").returncode, 2)

    def test_unknown_key_is_refused_with_a_suggestion(self):
        text = self.refused("--config", self.config('"log.retention.hour" = 5\n'))
        self.assertIn("log.retention.hour", text)
        self.assertIn("log.retention.hours", text)

    def test_unknown_variable_is_refused(self):
        text = self.refused(environment={"SLUICE_NUM_PARTITION": "3"})
        self.assertIn("SLUICE_NUM_PARTITION", text)

    def test_bad_value_names_its_place(self):
        text = self.refused(
            "--config", self.config('"num.partitions" = 3\n"log.segment.bytes" = -1\n'))
        self.assertIn("log.segment.bytes", text)
        self.assertRegex(text, r"toml:2")

    def test_missing_config_file(self):
        self.assertIn("/no/such.toml", self.refused("--config", "/no/such.toml"))

    def test_address_in_use(self):
        second = Broker(port=self.broker.port)
        self.addCleanup(second.close)
        second.spawn()
        self.assertNotEqual(second.process.wait(20), 0)
        self.assertIn(str(self.broker.port), second.log_tail())

    def test_locked_directory_names_the_holder(self):
        second = Broker(**{})
        self.addCleanup(second.close)
        second.options["log.dir"] = str(self.broker.data_directory)
        second.spawn()
        self.assertNotEqual(second.process.wait(20), 0)
        self.assertIn(str(self.broker.process.pid), second.log_tail())

    def test_port_0_prints_the_real_address(self):
        broker = Broker()
        self.addCleanup(broker.close)
        broker.options["listeners"] = "PLAINTEXT://127.0.0.1:0"
        broker.spawn()

        def address():
            return re.search(r"127\.0\.0\.1:([1-9]\d*)", broker.log_tail())
        port = wait_until(address, what="an address in the log").group(1)
        broker.address = f"127.0.0.1:{port}"
        broker.wait_ready()
        listing = subprocess.run(["kcat", "-b", broker.address, "-L"], capture_output=True,
                                 text=True, timeout=20, check=True).stdout
        self.assertIn(f"at {broker.address}", listing)

    def test_hangup_reads_the_configuration_again(self):
        """Live keys apply, others wait for a restart, a bad file changes nothing."""
        with Broker() as broker:
            file = broker.directory / "sluiced.toml"
            start = file.read_text()

            def reload(text, expected):
                seen = len(broker.log_path.read_text())
                file.write_text(start + text)
                broker.process.send_signal(signal.SIGHUP)
                return wait_until(lambda: re.search(
                    expected, broker.log_path.read_text()[seen:]), what=expected)

            reload('num.partitions = 9\nmessage.max.bytes = 2000\n', "configuration reloaded")
            log = broker.log_path.read_text()
            self.assertRegex(log, r"option changed key=message\.max\.bytes before=1048588 after=2000")
            self.assertRegex(log, r"needs a restart.*key=num\.partitions before=1 after=9")
            described = self.broker_config(broker.address, "message.max.bytes", "num.partitions")
            self.assertEqual(described, {"message.max.bytes": "2000", "num.partitions": "1"})

            reload('message.max.bytes = 3000\nno.such.key = 1\n',
                   r"not reloaded.*toml:\d+: no\.such\.key")
            self.assertEqual(self.broker_config(broker.address, "message.max.bytes"),
                             {"message.max.bytes": "2000"})

    @staticmethod
    def broker_config(address, *names):
        """What DescribeConfigs tells of the broker."""
        admin = AdminClient({"bootstrap.servers": address})
        resource = ConfigResource(ConfigResource.Type.BROKER, "1")
        entries = admin.describe_configs([resource])[resource].result(20)
        return {name: entries[name].value for name in names}

    def test_signals_stop_gracefully(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number), Broker() as broker:
                broker.process.send_signal(number)
                began = time.monotonic()
                self.assertEqual(broker.process.wait(15), 0)
                self.assertLess(time.monotonic() - began, 10)

    def test_stops_with_clients_attached(self):
        """Idle connections and a parked fetch do not hold the stop up."""
        with Broker() as broker:
            host, port = broker.address.split(":")
            sockets = [socket.create_connection((host, int(port))) for _ in range(20)]
            began = time.monotonic()
            self.assertEqual(broker.stop(), 0)
            self.assertLess(time.monotonic() - began, 5)
            for connection in sockets:
                connection.close()

    def test_data_directory_holds_what_kafka_would_write(self):
        topic = self.create_topic(partitions=2)
        self.produce(topic, [{"value": b"x", "partition": number} for number in (0, 1)])
        for number in (0, 1):
            directory = self.broker.data_directory / f"{topic}-{number}"
            self.assertTrue((directory / "00000000000000000000.log").exists(), directory)

    def test_threads_where_io_uring_is_refused(self):
        """EPERM or ENOSYS, as containers answer: the broker works, and says so once."""
        for number, words in ((errno.EPERM, "Operation not permitted"),
                              (errno.ENOSYS, "Function not implemented")):
            with self.subTest(words):
                broker = Broker(sluice_io_backend="auto")
                self.addCleanup(broker.close)
                broker.before_exec = no_uring.forbidder(number)
                broker.start()
                with wire.Connection(broker.address) as connection:
                    self.assertEqual(connection.call(wire.API_VERSIONS, 0, b"")[:2], b"\0\0")
                out = subprocess.run(["kcat", "-b", broker.address, "-P", "-t", "t"], input=b"x\n",
                                     capture_output=True, timeout=20, check=False)
                self.assertEqual(out.returncode, 0, out.stderr)
                log = broker.log_path.read_text()
                self.assertEqual(log.count("io=threads"), 1, log)
                self.assertIn(words, log)
                # Who insists is told why it cannot be.
                broker.stop()
                broker.options["sluice.io.backend"] = "uring"
                with self.assertRaisesRegex(RuntimeError, words):
                    broker.start()

    def test_both_io_backends(self):
        for backend in ("threads", "auto"):
            with self.subTest(backend), Broker() as broker:
                broker.stop()
                broker.options["sluice.io.backend"] = backend
                broker.start()
                out = subprocess.run(["kcat", "-b", broker.address, "-P", "-t", "t"], input=b"x\n",
                                     capture_output=True, timeout=20, check=False)
                self.assertEqual(out.returncode, 0, out.stderr)


if __name__ == "__main__":
    unittest.main()
