"""What is computed from measurements: medians, bars and whether they are met. No I/O."""

import dataclasses
import statistics
from typing import Optional

SLUICE, LIMIT, KAFKA, KAFKA_FLUSH = "sluice", "limit", "kafka", "kafka flush.messages=1"

# metric -> (unit, what is better)
METRICS = {
    "mb_per_s": ("MB/s", "higher"),
    "requests_per_s": ("requests/s", "higher"),
    "records_per_s": ("records/s", "higher"),
    "p50_us": ("µs p50", "lower"),
    "p99_us": ("µs p99", "lower"),
    "cpu_s_per_gb": ("CPU s/GB", "lower"),
    "rss_mib": ("MiB RSS", "lower"),
    "start_ms": ("ms to the first answer", "lower"),
    "size_mib": ("MiB stripped", "lower"),
    "disk_kib": ("KiB a partition beyond its records", "lower"),
    "slowdown": ("× p99 beside a cold reader", "lower"),
    "kept": ("× throughput kept", "higher"),
    "lost": ("records lost", "lower"),
}


@dataclasses.dataclass(frozen=True)
class Bar:
    """`metric` of sluice must be at least (or at most) `factor` times that of `against`, or
    `factor` itself without one."""

    metric: str
    factor: float
    against: Optional[str] = None

    def at_least(self):
        return METRICS[self.metric][1] == "higher"

    def text(self):
        sign = "≥" if self.at_least() else "≤"
        unit = METRICS[self.metric][0]
        if self.against:
            return f"{unit} {sign} {self.factor:g} × {self.against}"
        return f"{unit} {sign} {self.factor:g}"

    def judge(self, medians):
        """(what was reached, met) from {contender: {metric: median}}; (None, None) when one of
        the two was not measured."""
        ours = medians.get(SLUICE, {}).get(self.metric)
        if ours is None:
            return None, None
        reached = ours
        if self.against:
            theirs = medians.get(self.against, {}).get(self.metric)
            if not theirs:
                return None, None
            reached = ours / theirs
        return reached, reached >= self.factor if self.at_least() else reached <= self.factor


def medians(rounds):
    """{metric: median} of [{metric: value}]; a metric counts where it was measured."""
    values = {}
    for one in rounds:
        for metric, value in one.items():
            if value is not None:
                values.setdefault(metric, []).append(value)
    return {metric: statistics.median(found) for metric, found in values.items()}


def number(value):
    """Three digits that matter, thousands with commas."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(header, rows):
    """Lines of text: the first column to the left, the others to the right."""
    cells = [header, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = []
    for row in cells:
        first = row[0].ljust(widths[0])
        lines.append("  ".join([first, *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))])
                     .rstrip())
    return "\n".join(lines)


def scenario_rows(scenario):
    """Table rows of one scenario of a results file: a line a metric, then its bars."""
    rows = []
    found = {name: one["median"] for name, one in scenario["contenders"].items()}
    metrics = [m for m in METRICS if any(m in one for one in found.values())]
    title = scenario["title"]
    for metric in metrics:
        cells = [number(found.get(name, {}).get(metric))
                 for name in (SLUICE, LIMIT, KAFKA, KAFKA_FLUSH)]
        rows.append([title, METRICS[metric][0], *cells])
        title = ""
    return rows


def bar_rows(results):
    """Rows of the second table: every bar with what was reached."""
    rows = []
    for scenario in results["scenarios"]:
        for bar in scenario["bars"]:
            met = {True: "met", False: "missed", None: "not measured"}[bar["met"]]
            rows.append([scenario["title"], bar["text"], number(bar["reached"]), met])
    return rows
