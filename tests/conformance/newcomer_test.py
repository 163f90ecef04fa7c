"""What a person does with `sluice` in the first hour, who reads nothing but what it says."""

import json
import re

from conformance.case import BrokerCase
from conformance.cli_test import FAILED, USAGE, Cli

EVENTS = 30
BATCH_HEADER = 61


class NewcomerTest(Cli, BrokerCase):
    needs_own_broker = True
    needs_sluiced = True

    def test_from_a_topic_to_a_repaired_log(self):
        self.create_and_publish()
        self.find_one_order()
        self.see_who_lags()
        self.reset_with_preview()
        self.broker.stop()
        self.repair_a_flipped_bit()
        self.broker.start()
        self.good("produce", "orders", stdin="after the repair\n")
        left = self.good("consume", "orders", "-e").splitlines()
        self.assertIn("after the repair", left)
        self.assertTrue(1 < len(left) < EVENTS, left)

    def create_and_publish(self):
        self.assertIn("sluice topics create orders", self.good("--help"))
        done = self.sluice("topics", "create", "orders", "-p", "3")
        self.assertIn("write to it: sluice produce orders", done.stderr)
        lines = "".join(f'customer-{n % 5}:{json.dumps({"order": {"id": 4700 + n}})}\n'
                        for n in range(EVENTS))
        self.good("produce", "orders", "-K", ":", stdin=lines)

    def find_one_order(self):
        self.assertIn("--field order.id=4711", self.good("search", "--help"))
        self.assertRegex(self.good("search", "orders", "--field", "order.id=4711"),
                         r'^orders/\d/\d+ \S+ customer-1 \{"order": \{"id": 4711\}\}\n$')

    def see_who_lags(self):
        self.good("consume", "orders", "-g", "shipping", "-n", "10")
        shown = self.good("groups", "describe")
        rows = [line.split()[1:5] for line in shown.splitlines() if line.startswith("orders ")]
        self.assertEqual([row[0] for row in rows], ["0", "1", "2"], shown)  # all of the topic
        behind = sum(int(end) - int(at) for _, at, end, _ in rows if at != "-")
        unknown = sum(at == "-" and end != "0" for _, at, end, _ in rows)
        self.assertRegex(shown, rf"(?m)^lag +{behind}( records, [\d.]+ s)?"
                         + (rf"; {unknown} partitions? ha(s|ve) records and no offset$" if unknown
                            else "$"))

    def reset_with_preview(self):
        told = self.sluice("groups", "reset", "shiping", "--to-earliest", "--topic", "orders")
        self.assertIn("there is no group 'shiping' yet; did you mean 'shipping'?", told.stderr)
        told = self.bad(USAGE, "groups", "reset", "shipping", "--to-earliest")
        self.assertIn("--topic TOPIC[:PARTITIONS] or --all-topics", told)
        before = self.good("groups", "describe", "shipping")
        to_start = ["groups", "reset", "shipping", "-t", "orders", "--to-earliest"]
        preview = self.sluice(*to_start)
        self.assertRegex(preview.stdout, r"(?m)^orders +0 +\S+ +0 +\d+")
        self.assertEqual(preview.stderr, "nothing was changed; --execute does it\n")
        lag = re.compile(r"(?m)^lag +(\d+)")
        self.assertEqual(lag.findall(self.good("groups", "describe", "shipping")),
                         lag.findall(before))
        self.assertEqual(self.good(*to_start, "--execute"), preview.stdout)
        self.assertEqual(lag.findall(self.good("groups", "describe", "shipping")), [str(EVENTS)])

    def repair_a_flipped_bit(self):
        data = str(self.broker.data_directory)
        self.good("log", "verify", data)
        # In the first record of the partition that has the most.
        def records(path):
            return json.loads(self.good("log", "verify", str(path), "--json"))["records"]
        segment = max(self.broker.data_directory.glob("orders-*/*.log"), key=records)
        damaged = bytearray(segment.read_bytes())
        damaged[BATCH_HEADER + 14] ^= 4
        segment.write_bytes(damaged)

        verified = self.sluice("log", "verify", data)
        self.assertEqual(verified.returncode, FAILED)
        self.assertRegex(verified.stdout, rf"(?m)^damage +{segment}: bytes 0 to \d+: "
                                          r"CRC mismatch; offsets 0 to \d+$")
        advice = re.search(r"'sluice (log repair \S+ --dry-run)'", verified.stderr)[1].split()
        self.assertRegex(self.good(*advice),
                         r"would .*lost are offsets 0 to \d+; kept as \S+\.aside")
        self.assertEqual(segment.read_bytes(), damaged)
        self.assertIn("--confirm does it", self.bad(USAGE, "log", "repair", data))
        self.assertIn("kept as", self.good("log", "repair", data, "--confirm"))
        self.assertRegex(self.good("log", "verify", data), r"(?m)^state +intact$")
