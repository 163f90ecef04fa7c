"""A bar chart as SVG, readable on a light and on a dark page. No I/O."""

from xml.sax.saxutils import escape

from driver.figures import KAFKA, KAFKA_FLUSH, LIMIT, METRICS, SLUICE, number

WIDTH, LEFT, RIGHT = 860, 300, 110
BAR, GAP, ROW_GAP, TOP, BOTTOM = 12, 2, 14, 58, 34
CLASSES = {SLUICE: "a", KAFKA: "b", KAFKA_FLUSH: "c", LIMIT: "d"}
STYLE = """
text{font:12px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600;font-size:15px}
.m{fill:#59636e;font-size:11px}.a{fill:#0969da}.b{fill:#bc4c00}.c{fill:#e0a36f}.d{fill:#afb8c1}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.m{fill:#9198a1}.a{fill:#4493f8}
.b{fill:#db6d28}.c{fill:#8a5a34}.d{fill:#565d66}}
""".strip().replace("\n", "")



def rows_of(results):
    """[(title, unit, better, [(contender, value)])] of the scenarios that can be compared."""
    rows = []
    for scenario in results["scenarios"]:
        metric = scenario.get("chart")
        if metric not in METRICS:
            continue
        values = [(name, scenario["contenders"][name]["median"].get(metric))
                  for name in CLASSES if name in scenario["contenders"]]
        values = [(name, value) for name, value in values if value is not None]
        if values:
            rows.append((scenario["title"], *METRICS[metric], values))
    return rows


def svg(results):
    """The chart of a results file; each row has a scale of its own."""
    rows = rows_of(results)
    shown = [name for name in CLASSES if any(name == n for *_, v in rows for n, _ in v)]
    parts = [f'<text x="12" y="24" class="t">sluice {escape(results["title"])}</text>']
    x = 12
    for name in shown:
        parts.append(f'<rect x="{x}" y="35" width="10" height="10" class="{CLASSES[name]}"/>')
        parts.append(f'<text x="{x + 15}" y="44" class="m">{escape(label(name))}</text>')
        x += 40 + 6.4 * len(label(name))
    y = TOP
    for title, unit, better, values in rows:
        height = len(values) * (BAR + GAP)
        middle = y + height / 2
        note = unit if better == "higher" else f"{unit}, less is better"
        parts.append(f'<text x="{LEFT - 12}" y="{middle:.0f}" text-anchor="end">{escape(title)}'
                     f'</text><text x="{LEFT - 12}" y="{middle + 13:.0f}" text-anchor="end" '
                     f'class="m">{escape(note)}</text>')
        largest = max(value for _, value in values) or 1
        for name, value in values:
            width = max(1.0, value / largest * (WIDTH - LEFT - RIGHT))
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" rx="1" '
                         f'class="{CLASSES[name]}"><title>{escape(name)}</title></rect>')
            parts.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 10}" class="m">'
                         f'{number(value)}</text>')
            y += BAR + GAP
        y += ROW_GAP + (14 if len(values) < 2 else 0)
    machine = results["machine"]
    foot = (f'{machine["cores"]} cores, {machine["memory_gib"]:g} GiB, {machine["file_system"]}, '
            f'kernel {machine["kernel"]}, commit {machine["commit"]}; medians of '
            f'{results["settings"]["rounds"]} rounds of {results["settings"]["seconds"]:g} s')
    parts.append(f'<text x="12" y="{y + 14}" class="m">{escape(foot)}</text>')
    height = y + BOTTOM
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img" '
            f'aria-label="sluice benchmarks"><style>{STYLE}</style>' + "".join(parts) +
            "</svg>\n")


def label(name):
    return {SLUICE: "sluice (durable)", KAFKA: "Kafka, defaults (no fsync)",
            KAFKA_FLUSH: "Kafka, flush.messages=1 (durable)",
            LIMIT: "the machine's limit (durable)"}[name]
