#!/usr/bin/env python3
"""Tests of what bench/run.py computes: medians, bars, tables, the chart. Nothing is measured."""

import pathlib
import sys
import unittest
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests")]

from driver import chart, figures, machine, scenarios  # noqa: E402
from driver.figures import KAFKA, LIMIT, SLUICE, Bar  # noqa: E402


def results():
    def of(value):
        return {"median": {"mb_per_s": value}, "rounds": [{"mb_per_s": value}]}
    return {
        "title": "beside <others> & co",
        "machine": {"cpu": "x", "cores": 2, "memory_gib": 8, "kernel": "6.1", "commit": "abc",
                    "file_system": "ext4", "disk": {}},
        "settings": {"rounds": 3, "seconds": 10.0},
        "scenarios": [
            {"name": "a", "title": "produce 64 KiB × 5", "chart": "mb_per_s",
             "contenders": {SLUICE: of(400.0), LIMIT: of(800.0), KAFKA: of(100.0)},
             "bars": [{"text": "MB/s ≥ 2 × kafka", "reached": 4.0, "met": True}]},
            {"name": "b", "title": "memory", "chart": None,
             "contenders": {SLUICE: {"median": {"rss_mib": 12}, "rounds": []}}, "bars": []},
        ],
    }


class Figures(unittest.TestCase):
    def test_the_median_is_of_each_metric(self):
        rounds = [{"mb_per_s": 3, "p50_us": 1}, {"mb_per_s": 1}, {"mb_per_s": 2, "lost": None}]
        self.assertEqual(figures.medians(rounds), {"mb_per_s": 2, "p50_us": 1})
        self.assertEqual(figures.medians([]), {})

    def test_a_bar_against_another_is_a_ratio(self):
        bar = Bar("mb_per_s", 2, KAFKA)
        found = {SLUICE: {"mb_per_s": 300}, KAFKA: {"mb_per_s": 100}}
        self.assertEqual(bar.judge(found), (3, True))
        self.assertEqual(Bar("mb_per_s", 4, KAFKA).judge(found), (3, False))
        self.assertEqual(bar.text(), "MB/s ≥ 2 × kafka")

    def test_less_of_a_latency_is_better(self):
        found = {SLUICE: {"p50_us": 130}, LIMIT: {"p50_us": 100}}
        self.assertEqual(Bar("p50_us", 1.3, LIMIT).judge(found), (1.3, True))
        self.assertEqual(Bar("p50_us", 129).judge(found), (130, False))

    def test_what_was_not_measured_is_neither_met_nor_missed(self):
        self.assertEqual(Bar("mb_per_s", 2, KAFKA).judge({SLUICE: {"mb_per_s": 1}}), (None, None))
        self.assertEqual(Bar("lost", 0).judge({}), (None, None))
        self.assertEqual(Bar("lost", 0).judge({SLUICE: {"lost": 0}}), (0, True))

    def test_numbers_have_three_digits(self):
        self.assertEqual([figures.number(v) for v in (None, 0.123, 12.34, 123.4, 12345.6)],
                         ["-", "0.12", "12.3", "123", "12,346"])

    def test_tables_are_aligned(self):
        self.assertEqual(figures.table(["", "A"], [["x", "1"], ["yyy", "22"]]),
                         "      A\nx     1\nyyy  22")
        rows = figures.scenario_rows(results()["scenarios"][0])
        self.assertEqual(rows, [["produce 64 KiB × 5", "MB/s", "400", "800", "100", "-"]])
        self.assertEqual(figures.bar_rows(results())[0][-1], "met")


class Chart(unittest.TestCase):
    def test_it_is_well_formed_and_shows_every_contender(self):
        tree = xml.fromstring(chart.svg(results()))
        text = " ".join(node.text or "" for node in tree.iter())
        self.assertIn("beside <others> & co", text)
        self.assertIn("produce 64 KiB × 5", text)
        self.assertNotIn("memory", text)
        bars = [node for node in tree.iter() if node.tag.endswith("rect")]
        self.assertEqual(len(bars), 3 + 3)  # the legend and one row

    def test_bars_are_to_scale_and_inside(self):
        tree = xml.fromstring(chart.svg(results()))
        bars = [node for node in tree.iter()
                if node.tag.endswith("rect") and node.get("x") == str(chart.LEFT)]
        widths = {node.get("class"): float(node.get("width")) for node in bars}
        self.assertAlmostEqual(widths["d"], 2 * widths["a"], delta=0.2)
        self.assertLess(chart.LEFT + max(widths.values()), chart.WIDTH)

    def test_it_knows_dark_pages(self):
        self.assertIn("prefers-color-scheme:dark", chart.svg(results()))


class Scenarios(unittest.TestCase):
    def test_names_are_unique_and_metrics_known(self):
        names = [scenario.name for scenario in scenarios.SCENARIOS]
        self.assertEqual(len(names), len(set(names)))
        for scenario in scenarios.SCENARIOS:
            for metric in [bar.metric for bar in scenario.bars] + list(scenario.keep):
                self.assertIn(metric, figures.METRICS)
                self.assertTrue(not scenario.keep or metric in scenario.keep, scenario.name)
            if scenario.chart:
                self.assertIn(scenario.chart, scenario.keep)


class Machine(unittest.TestCase):
    def test_it_is_described_without_names(self):
        found = machine.describe(ROOT, ROOT)
        self.assertGreater(found["cores"], 0)
        self.assertNotIn(str(ROOT), str(found))


if __name__ == "__main__":
    unittest.main()
