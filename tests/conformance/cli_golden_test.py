"""Every command of `sluice`: its text is that of tests/golden/cli, its JSON keeps to docs/schemas.

SLUICE_UPDATE_GOLDEN=1 writes the texts anew; look at the difference then. Against Apache Kafka
only the schemas are checked.
"""

import json
import os
import re
import unittest

import jsonschema

from conformance.case import BrokerCase
from conformance.cli_cases import CLOSED, DAMAGED, OPEN
from conformance.cli_seeded import Seeded
from harness import command_tree
from harness.broker import ROOT
from harness.schema import check_schema, path_of

GOLDEN = ROOT / "tests/golden/cli"
# Schemas that others refer to.
SHARED = {"record.json", "bench-report.json", "outcome.json", "records-done.json"}
BATCH_HEADER = 61
# What differs between any two runs.
MASKS = (
    (r"\d[\d.]* ms\b", "N ms"), (r"\([\d,.]+ [kMG]?B/s, [\d,]+ records/s\)", "(RATE)"),
    (r"\([\d,]+/s\)", "(RATE)"),
    (r"20[2-9]\d-(?!01-01T00:00)\d\d-\d\dT[\d:.]+Z", "TIME"))


class CliGoldenTest(Seeded, BrokerCase):
    """Walks over all commands once; the tests look at what was collected."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.texts, cls.values = {}, {}
        walk = cls("walk")
        walk.walk(OPEN)
        cls.broker.stop()
        walk.walk(CLOSED)
        walk.flip_a_bit()
        walk.walk(DAMAGED)

    def flip_a_bit(self):
        segment = self.broker.data_directory / "orders-0" / f"{0:020}.log"
        with open(segment, "r+b") as file:
            file.seek(BATCH_HEADER + 10)
            byte = file.read(1)[0]
            file.seek(BATCH_HEADER + 10)
            file.write(bytes([byte ^ 1]))

    def walk(self, cases):
        for case in cases:
            if case.sluiced and not self.is_sluiced:
                continue
            self.texts[case.command] = self.masked(case, self.expected(case, "a"))
            shown = self.expected(case, "b", "--json").stdout
            parts = shown.splitlines() if case.lines else [shown]
            self.values[case.command] = [json.loads(part) for part in parts]

    def expected(self, case, name, *more):
        """A run that ends as the case says."""
        done = self.run_case(case, name, *more)
        self.assertEqual(done.returncode, case.status, f"{case.command}: {done.stderr}")
        return done

    def masked(self, case, done):
        """The golden of a run: the command, standard output, then what was said beside it."""
        text = done.stdout + "".join(f"[stderr] {line}\n" for line in done.stderr.splitlines())
        before = text
        for place, word in ((str(self.broker.data_directory), "DATA"), (str(self.directory), "DIR"),
                            (self.address, "HOST:PORT")):
            text = text.replace(place, word)
        for pattern, word in (*MASKS, *case.masks):
            text = re.sub(pattern, word, text)
        if text != before:  # widths of columns follow what was masked
            text = re.sub(r"(?<=\S)   +", "  ", text)
            text = re.sub(r"^   +", "  ", text, flags=re.M)
        arguments = case.arguments.replace(f"{ROOT}/", "")
        arguments = arguments.format(n="a", i=0, dir="DIR", data="DATA")
        return f"$ sluice {case.command} {arguments}".rstrip() + "\n" + text

    def test_no_command_is_left_out(self):
        named = {case.command for case in (*OPEN, *CLOSED, *DAMAGED)}
        self.assertEqual(set(command_tree.leaves()), named)
        self.assertEqual({path_of(command).name for command in named} | SHARED,
                         {path.name for path in path_of("x").parent.glob("*.json")})

    def test_text(self):
        if not self.is_sluiced:
            self.skipTest("the texts are those of a sluiced")
        for command, text in self.texts.items():
            file = GOLDEN / f"{command.replace(' ', '-')}.txt"
            if os.environ.get("SLUICE_UPDATE_GOLDEN"):
                file.write_text(text, encoding="utf-8")
            with self.subTest(command):
                self.assertEqual(text, file.read_text(encoding="utf-8"))

    def test_json(self):
        for command, values in self.values.items():
            with self.subTest(command):
                self.assertTrue(values)
                for value in values:
                    check_schema(value, command)

    def test_a_field_that_no_schema_names_is_found(self):
        topics = [{**row, "surprise": 1} for row in self.values["topics list"][0]]
        with self.assertRaisesRegex(jsonschema.ValidationError, "surprise"):
            check_schema(topics, "topics list")
        record = {**self.values["consume"][0], "surprise": 1}
        with self.assertRaisesRegex(jsonschema.ValidationError, "surprise"):
            check_schema(record, "consume")


if __name__ == "__main__":
    unittest.main()
