"""The chart and the table of the measured figures, written out of `bench/out/results.json`: `make figures`.

docs/images/growth.svg: how the cost of questions grows with the number of events, beside a line of slope one.
docs/guides/figures.md: between its two marks, the newest figures and the machine that they were measured on.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.asked import COMPARED
from bench.results import RESULTS, SIZES

DOCS = Path(__file__).parent.parent / "docs"
CHART, GUIDE = DOCS / "images" / "growth.svg", DOCS / "guides" / "figures.md"
BEGIN, END = "<!-- written by `make figures` from here -->", "<!-- to here -->"
SIZES_TOLD = SIZES[1:]  # the smallest is in the chart
SYSTEMS = ("yutang", "duckdb", "chdb", "polars")
TITLES = {
    "funnel": "4-step funnel in 7 days", "retention": "weekly retention, 12 weeks", "flow": "stage flow, two days",
    "segment": "a segment never asked before", "segments_200": "200 segments at once", "rfm": "RFM",
}  # fmt: skip
COLOURS = ("#0b6e99", "#c0562b", "#4d7c2a", "#7a4fa3", "#9a7d0a", "#444444")
# What belongs to Yutang alone: the row's name, what it is, and how it is told.
ALONE = (
    ("preview_worst", "the slowest of 200 conditions, previewed alone", "ms"),
    ("memory_50m", "anonymous memory with that pool, mapped files beside it", "memory"),
    ("restart_50m", "a restart with that pool, until it answers", "s"),
    ("single_customer", "the segment for one customer", "us"),
    ("handoff", "from Python into a kernel and back", "us"),
    ("compile_cold", "all kernels compiled with an empty cache", "s"),
    ("first_start", "the first start of all, nothing compiled yet", "s"),
    ("upkeep", "upkeep with 200 live segments, in the engine alone", "rate"),
    ("upkeep_http", "the same through HTTP at 20,000 events/s: acknowledged until changed, p99", "p99"),
    ("intake", "events acknowledged a second, through HTTP", "rate"),
    ("pipeline", "events a second through everything, no backlog growing", "rate"),
    ("crash", "`kill -9` with a full tail, until the next answer", "s"),
)
Results = Sequence[dict[str, Any]]


def chart(rows: Results) -> None:
    """Draw the growth of each question that was measured at two sizes at least."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams |= {"svg.hashsalt": "yutang", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10}
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7.6, 4.6))
    for name, colour in zip(COMPARED, COLOURS, strict=True):
        found = [(size, row["seconds"] * 1_000) for size in SIZES if (row := _row(rows, name, "yutang", size))]
        if len(found) > 1:
            axes.plot(*zip(*found, strict=True), marker="o", color=colour, label=TITLES[name])
            begin, cost = found[0]
            line = [(begin, cost), (SIZES[-1], cost * SIZES[-1] / begin)]
            axes.plot(*zip(*line, strict=True), linestyle=":", linewidth=0.9, color=colour, alpha=0.6)
    axes.set(xscale="log", yscale="log", xlabel="events", ylabel="ms")
    axes.set_xticks(SIZES, [f"{size // 1_000_000} M" for size in SIZES])
    axes.minorticks_off()
    axes.set_title("Cost of a question as the pool grows (dotted: as the number of events)", loc="left", fontsize=10)
    axes.grid(visible=True, which="major", linewidth=0.4, alpha=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    figure.tight_layout()
    CHART.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(CHART, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    CHART.write_text("\n".join(line.rstrip() for line in CHART.read_text("utf-8").splitlines()) + "\n", "utf-8")


def table(rows: Results) -> list[str]:
    """The lines between the marks."""
    lines = [
        f"Measured on {_machine()}; medians.",
        "",
        "| | events | Yutang | DuckDB | chdb | Polars | fastest of them by ours |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name in COMPARED:
        for size in SIZES_TOLD:
            ours = _row(rows, name, "yutang", size)
            if ours is not None:
                found = [_row(rows, name, system, size) for system in SYSTEMS]
                told = " | ".join("" if one is None else _duration(one["seconds"]) for one in found)
                ratio = f"**{ours['ratio']:.1f}×**" if "ratio" in ours else ""
                lines.append(f"| {TITLES[name]} | {size // 1_000_000} M | {told} | {ratio} |")
    loads = [_row(rows, "load", system, SIZES[-1]) for system in SYSTEMS]
    if all(loads):
        for title, key in (("preparation", "seconds"), ("disk", "disk_mb"), ("memory held", "rss_anon_mb")):
            told = " | ".join(_told_load(key, one[key]) for one in loads if one is not None)
            lines.append(f"| {title} | {SIZES[-1] // 1_000_000} M | {told} | |")
    return [*lines, "", "| Yutang alone | |", "| --- | ---: |", *_alone(rows)]


def _alone(rows: Results) -> Iterator[str]:
    for name, title, unit in ALONE:
        found = next((row for row in reversed(rows) if row["bench"] == name and row["system"] == "yutang"), None)
        if found is not None:
            yield f"| {title} | {_told(found, unit)} |"


def _told(row: dict[str, Any], unit: str) -> str:
    match unit:
        case "memory":
            return f"{row['rss_anon_mb'] / 1_024:.2f} GB and {row['mapped_mb'] / 1_024:.2f} GB"
        case "rate":
            return f"{row['per_second']:,.0f}/s"
        case "p99":
            return f"{row['p99_ms']:,.0f} ms"
        case "us":
            return f"{row['seconds'] * 1e6:,.1f} µs"
        case _:
            return _duration(row["seconds"])


def _told_load(key: str, value: float) -> str:
    return _duration(value) if key == "seconds" else f"{value / 1_024:.1f} GB"


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return f"{seconds * 1_000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1_000:.1f} ms"


def _row(rows: Results, bench: str, system: str, events: int) -> dict[str, Any] | None:
    wanted = (bench, system, events)
    return next((row for row in rows if (row["bench"], row["system"], row["events"]) == wanted), None)


def _machine() -> str:
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in facts if line.startswith("model name")), platform.machine())
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {model}, {memory_gb:.0f} GB, Linux {platform.release()}"


def main() -> None:
    """Write both."""
    rows: Results = json.loads(RESULTS.read_text("utf-8"))
    chart(rows)
    text = GUIDE.read_text("utf-8")
    head, rest = text.split(BEGIN)
    _, foot = rest.split(END)
    GUIDE.write_text("\n".join([head + BEGIN, "", *table(rows), "", END + foot]), "utf-8")


if __name__ == "__main__":
    main()
