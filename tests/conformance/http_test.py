"""The HTTP port: health, metrics and JSON, over real sockets."""

import http.client
import json
import re
import shutil
import socket
import subprocess
import time
import unittest

from confluent_kafka import TopicPartition

from conformance.case import BrokerCase, wait_until
from harness.broker import ROOT, free_port


def parse_metrics(text):
    """{name: {labels as written: value}} of the text format, checked as it is read: one HELP and one
    TYPE before the samples of a family, no sample twice."""
    families, types, current = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            current = line.split(" ", 3)[2]
            assert current not in types, f"{current} comes twice"
        elif line.startswith("# TYPE "):
            name, kind = line.split(" ")[2:]
            assert name == current
            types[name] = kind
        else:
            match = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)', line)
            assert match, line
            name, labels, value = match.groups()
            base = re.sub(r"_(bucket|sum|count)$", "", name) if types[current] == "histogram" else name
            assert base == current, f"{name} below {current}"
            assert labels not in families.setdefault(name, {}), line
            families[name][labels] = float(value)
    return families, types


class HttpTest(BrokerCase):
    needs_own_broker = True
    needs_sluiced = True
    port = free_port()
    settings = {"sluice_disk_max_bytes": 1 << 40, "sluice_http_listen": f"127.0.0.1:{port}"}

    def get(self, path, method="GET", headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.addCleanup(connection.close)
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode(), response

    def metrics(self):
        status, text, response = self.get("/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(response.getheader("Content-Type"),
                         "text/plain; version=0.0.4; charset=utf-8")
        return parse_metrics(text)

    def value(self, name, **labels):
        families, _ = self.metrics()
        for key, value in families.get(name, {}).items():
            if all(f'{label}="{text}"' in (key or "") for label, text in labels.items()):
                return value
        return None

    def json(self, path):
        status, text, response = self.get(path)
        self.assertEqual(status, 200)
        self.assertEqual(response.getheader("Content-Type"), "application/json")
        return json.loads(text)

    def test_probes(self):
        for path, body in (("/livez", "alive\n"), ("/readyz", "ready\n"), ("/healthz", "ready\n"),
                           ("/startupz", "started\n")):
            self.assertEqual(self.get(path)[:2], (200, body), path)
        text = self.get("/healthz?verbose")[1]
        for check in ("started", "disk", "catalog", "partitions-open", "partitions-writable"):
            self.assertIn(f"[+] {check}\n", text)

    def test_refusals(self):
        self.assertEqual(self.get("/nothing")[0], 404)
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            self.assertEqual(self.get("/metrics", method)[0], 405, method)
        self.assertEqual(self.get("/metrics", "POST", body=b"x")[0], 413)
        status, _, response = self.get("/metrics", headers={"Host": "evil.example"})
        self.assertEqual(status, 403)
        self.assertIsNone(response.getheader("Access-Control-Allow-Origin"))
        status, text, response = self.get("/livez", "HEAD")
        self.assertEqual((status, text, response.getheader("Content-Length")), (200, "", "6"))

    def test_a_long_header_and_too_many_connections_are_cut_off(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as one:
            one.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000)
            self.assertNotIn(b"200 OK", self.read_all(one))
        many = [socket.create_connection(("127.0.0.1", self.port), timeout=10) for _ in range(32)]
        try:
            wait_until(lambda: self.is_refused(), what="a connection beyond the bound")
        finally:
            for one in many:
                one.close()
        wait_until(lambda: not self.is_refused(), what="room again")

    @staticmethod
    def read_all(one):
        try:
            data = b""
            while block := one.recv(4096):
                data += block
            return data
        except ConnectionError:
            return b""

    def is_refused(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as one:
            try:
                one.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
            except ConnectionError:
                return True
            return b"200 OK" not in self.read_all(one)

    def test_counts_follow_what_is_done(self):
        topic = self.create_topic(self.name("count"), 2)
        before = time.time()
        self.produce(topic, [{"value": b"x" * 100, "partition": i % 2,
                              "timestamp": int((before - 100) * 1000)} for i in range(10)])
        self.assertEqual(self.value("sluice_topic_produced_records_total", topic=topic), 10)
        self.assertEqual(self.value("kafka_topic_partitions", topic=topic), 2)
        self.assertEqual(
            self.value("kafka_topic_partition_current_offset", topic=topic, partition=1), 5)
        self.assertEqual(
            self.value("kafka_topic_partition_oldest_offset", topic=topic, partition=1), 0)
        self.assertGreater(self.value("sluice_request_duration_seconds_count", api="Produce"), 0)
        self.assertGreater(self.value("sluice_commit_duration_seconds_count"), 0)

    def test_lag_in_records_and_seconds(self):
        topic, group = self.create_topic(self.name("lag")), self.name("group")
        now = time.time()
        for age in (100, 50, 20):
            self.produce(topic, [{"value": b"v", "timestamp": int((now - age) * 1000)}])
        consumer = self.consumer(group)
        consumer.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
        labels = {"consumergroup": group, "topic": topic}
        wait_until(lambda: self.value("kafka_consumergroup_lag", partition=0, **labels) == 2)
        self.assertEqual(self.value("kafka_consumergroup_lag_sum", **labels), 2)
        self.assertEqual(self.value("kafka_consumergroup_current_offset", partition=0, **labels), 1)
        seconds = self.value("sluice_consumergroup_lag_seconds", **labels)
        self.assertAlmostEqual(seconds, time.time() - now + 50, delta=1)
        groups = {one["group"]: one for one in self.json("/v1/groups")["groups"]}
        self.assertEqual((groups[group]["lag"], groups[group]["partitions"][0]["committed"]), (2, 1))
        self.assertAlmostEqual(groups[group]["lag_seconds"], time.time() - now + 50, delta=1)
        consumer.commit(offsets=[TopicPartition(topic, 0, 3)], asynchronous=False)
        wait_until(lambda: self.value("sluice_consumergroup_lag_seconds", **labels) == 0)

    def test_lag_in_seconds_inside_one_batch(self):
        topic, group = self.create_topic(self.name("spread")), self.name("group")
        now = time.time()
        ages = (1000, 10, 9, 8)
        self.produce(topic, [{"value": b"v", "timestamp": int((now - age) * 1000)} for age in ages],
                     linger_ms=200)
        self.consumer(group).commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
        seconds = wait_until(lambda: self.value("sluice_consumergroup_lag_seconds",
                                                consumergroup=group, topic=topic))
        self.assertAlmostEqual(seconds, time.time() - now + 10, delta=1)

    def test_errors_are_counted_by_code(self):
        consumer = self.consumer()
        consumer.assign([TopicPartition(self.create_topic(), 0, 1000)])
        consumer.poll(1)
        wait_until(lambda: self.value("sluice_request_errors_total", api="Fetch",
                                      error="OFFSET_OUT_OF_RANGE"))

    def test_what_does_not_speak_kafka_is_counted(self):
        before = self.value("sluice_rejected_total", reason="request_size")
        with socket.create_connection(tuple(self.address.rsplit(":", 1)), timeout=10) as one:
            one.sendall(b"GET / HTTP/1.1\r\n\r\n")
            self.read_all(one)
        self.assertEqual(self.value("sluice_rejected_total", reason="request_size"), before + 1)

    def test_json(self):
        topic = self.create_topic(self.name("json"), 3)
        self.produce(topic, [{"value": b"x", "partition": 2}])
        status = self.json("/v1/status")
        self.assertEqual(status["state"], "ready")
        self.assertGreater(status["disk"]["free_bytes"], 0)
        self.assertIn("Produce", [one["api"] for one in status["requests"]])
        topics = {one["topic"]: one for one in self.json("/v1/topics")["topics"]}
        self.assertEqual([one["partition"] for one in topics[topic]["partitions"]], [0, 1, 2])
        self.assertEqual(topics[topic]["partitions"][2]["produced_records"], 1)
        self.assertEqual(topics[topic]["partitions"][2]["high_watermark"], 1)
        self.assertFalse(topics[topic]["internal"])

    @unittest.skipUnless(shutil.which("promtool"), "promtool (Debian: prometheus) is not installed")
    def test_promtool_finds_no_fault(self):
        def promtool(*arguments, given=""):
            return subprocess.run(["promtool", *arguments], input=given, text=True,
                                  cwd=ROOT / "docs/monitoring", stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, check=False)

        # It objects to two names, which are kafka_exporter's.
        faults = promtool("check", "metrics", given=self.get("/metrics")[1]).stdout.splitlines()
        self.assertEqual([line for line in faults if not line.startswith(
            ("kafka_consumergroup_current_offset_sum ", "kafka_consumergroup_lag_sum "))], [])
        for command in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")):
            done = promtool(*command)
            self.assertEqual(done.returncode, 0, done.stdout)

    def test_dashboard_and_alerts_name_metrics_that_exist(self):
        topic, group = self.create_topic(), self.name("group")
        self.produce(topic, [{"value": b"x"}])
        self.consumer(group).commit(offsets=[TopicPartition(topic, 0, 0)],
                                             asynchronous=False)
        _, types = self.metrics()
        known = set(types) | {"up"}
        for name, kind in types.items():
            if kind == "histogram":
                known |= {name + "_bucket", name + "_sum", name + "_count"}
        for file in ("alerts.yml", "dashboard.json"):
            text = (ROOT / "docs/monitoring" / file).read_text()
            used = set(re.findall(r"\b(?:kafka|sluice|process)_[a-z_]+\b(?=[\[{ )])", text))
            self.assertTrue(used, file)
            self.assertEqual(used - known, set(), file)


class HttpStartTest(BrokerCase):
    """What the port says while a broker recovers."""

    needs_own_broker = True
    needs_sluiced = True
    port = free_port()
    settings = {"sluice_http_listen": f"127.0.0.1:{port}"}

    def get(self, path):
        """(status, body); None while nothing listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except ConnectionError:
            return None
        finally:
            connection.close()

    def watch_start(self):
        """The answers to /startupz from the spawn on, until it says 200."""
        answers = []
        self.broker.spawn()
        deadline = time.monotonic() + 60
        while not answers or answers[-1][0] != 200:
            self.assertLess(time.monotonic(), deadline, answers)
            answer = self.get("/startupz")
            if answer is None:
                continue
            answers.append(answer)
            if answer[0] != 200:
                self.assertEqual(self.get("/livez"), (200, "alive\n"))
        self.broker.wait_ready()
        return answers

    def test_alive_but_not_ready_while_logs_are_recovered(self):
        for index in range(4):
            self.create_topic(self.name(f"many-{index}"), 300)
        for _ in range(5):  # a start may be too fast to be seen
            self.broker.kill()
            answers = self.watch_start()
            self.assertEqual(self.get("/readyz"), (200, "ready\n"))
            if len(answers) > 1:
                break
        self.assertEqual(answers[0][0], 503)
        self.assertRegex(answers[0][1], r"starting: \d+ of \d+ partitions are open")
        self.assertEqual(answers[-1], (200, "started\n"))

    def test_port_0_is_told(self):
        broker = type(self.broker)(sluice_http_listen="127.0.0.1:0")
        self.addCleanup(broker.close)
        broker.start()
        port = wait_until(lambda: re.search(r"^http on 127\.0\.0\.1:(\d+)$", broker.log_path.read_text(),
                                            re.MULTILINE))
        connection = http.client.HTTPConnection("127.0.0.1", int(port.group(1)), timeout=20)
        self.addCleanup(connection.close)
        connection.request("GET", "/readyz")
        self.assertEqual(connection.getresponse().status, 200)
        self.assertEqual(broker.stop(), 0)

    def test_slow_requests_are_logged(self):
        broker = type(self.broker)(sluice_slow_request_ms=0, sluice_log_format="json")
        self.addCleanup(broker.close)
        broker.start()
        wait_until(lambda: '"message":"slow request' in broker.log_path.read_text())
        line = next(line for line in broker.log_path.read_text().splitlines() if "slow request" in line)
        entry = json.loads(line)
        self.assertEqual((entry["level"], entry["api"]), ("warning", "ApiVersions"))
        self.assertGreaterEqual(float(entry["total_ms"]), 0)
