"""Our C++ QueueConsumer on the wire: against sluiced, with SLUICE_TEST_BROKER=kafka against Apache
Kafka, which has neither delays nor reasons."""

import subprocess
import unittest

from conformance.case import BrokerCase
from harness.broker import binary
from harness.kafka import Kafka

UNSUPPORTED = "the broker does not support this request"


class QueueClientTest(BrokerCase):
    def test_each_thing_that_can_be_said_of_a_record(self):
        topic = self.create_topic()
        self.produce(topic, [(None, f"value {number}") for number in range(6)])
        done = subprocess.run([binary("queue_client"), self.address, topic, self.name("group")],
                              capture_output=True, text=True, timeout=120, check=False)
        lines = done.stdout.splitlines()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        extra = isinstance(self.broker, Kafka)
        plain = ["said accept ok", "said release ok", "said reject ok", "said renew ok"]
        self.assertEqual(lines[:5], [*plain, "confirmed ok"])
        said = ["said accept-renewed ok"]
        said += [f"said release-later {UNSUPPORTED}", "said release ok",
                 f"said reject-why {UNSUPPORTED}", "said reject ok"] if extra else \
                ["said release-later ok", "said reject-why ok"]
        said.append("confirmed ok")
        self.assertEqual(lines[5:5 + len(said)], said)
        again = [line for line in lines if line.startswith("again")]
        self.assertEqual(sorted(again), ["again 1 2", "again 4 2"])
        self.assertIn("said accept-twice invalid record state (error 121)", lines)
        self.assertEqual(lines[-2:], ["confirmed ok", "said close ok"])


if __name__ == "__main__":
    unittest.main()
