"""What a person does with `sluice` on the first day, one command after the other."""

import json
import re

from conformance.case import BrokerCase
from conformance.cli_test import FAILED, Cli

EVENTS = 30


class NewcomerTest(Cli, BrokerCase):
    needs_own_broker = True
    needs_sluiced = True

    def test_from_a_topic_to_a_repaired_log(self):
        self.good("topics", "create", "orders")
        lines = "".join(f'customer-{n % 5}:{json.dumps({"order": {"id": 4700 + n}})}\n'
                        for n in range(EVENTS))
        self.good("produce", "orders", "-K", ":", stdin=lines)

        found = self.good("search", "orders", "--field", "order.id=4711")
        self.assertRegex(found, r'^orders/0/11 \S+ customer-1 \{"order": \{"id": 4711\}\}\n$')

        self.good("consume", "orders", "-g", "shipping", "-n", "10")
        self.assertRegex(self.good("groups", "describe"), rf"lag +{EVENTS - 10} records, [\d.]+ s")

        to_start = ["groups", "reset", "shipping", "-t", "orders", "--to-earliest"]
        preview = self.sluice(*to_start)
        self.assertRegex(preview.stdout, rf"orders +0 +10 +0 +{EVENTS}")
        self.assertEqual(preview.stderr, "nothing was changed; --execute does it\n")
        self.assertIn(f"lag          {EVENTS - 10} ", self.good("groups", "describe", "shipping"))
        self.assertEqual(self.good(*to_start, "--execute"), preview.stdout)
        self.assertIn(f"lag          {EVENTS} ", self.good("groups", "describe", "shipping"))

        self.broker.stop()
        data = str(self.broker.data_directory)
        self.good("log", "verify", data)
        segment = next((self.broker.data_directory / "orders-0").glob("*.log"))
        damaged = bytearray(segment.read_bytes())
        damaged[200] ^= 1
        segment.write_bytes(damaged)
        verified = self.sluice("log", "verify", data)
        self.assertEqual(verified.returncode, FAILED)
        self.assertRegex(verified.stdout, rf"(?m)^damage +{segment}: bytes 0 to \d+: CRC mismatch")
        advice = re.search(r"'sluice (log repair \S+ --dry-run)'", verified.stderr)[1].split()
        plan = self.good(*advice)
        self.assertRegex(plan, rf"would .*lost are offsets 0 to {EVENTS - 1}; kept as \S+\.aside")
        self.assertEqual(segment.read_bytes(), damaged)
        self.good("log", "repair", data, "--confirm")
        self.good("log", "verify", data)

        self.broker.start()
        self.good("produce", "orders", stdin="after the repair\n")
        self.assertEqual(self.good("consume", "orders", "-e"), "after the repair\n")
