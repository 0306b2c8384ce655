"""Rows of `bench/out/results.json`: one array; a run replaces its rows of the same bench, system and events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "out" / "results.json"


@dataclass(frozen=True)
class Row:
    """A measurement. seconds: the median, or of the whole run; spread: (least, most) seconds; beside: what else ran.

    equal: whether what came out is what had to; None where there is nothing to compare.
    """

    bench: str
    events: int
    system: str
    seconds: float
    per_second: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    peak_mb: float | None = None
    equal: bool | None = None
    spread: tuple[float, float] | None = None
    beside: str = "nothing"

    def timed(self, times_ms: Sequence[float]) -> Row:
        """With the percentiles of some times, sorted."""
        if not times_ms:
            return self
        middle, late = times_ms[len(times_ms) // 2], times_ms[min(len(times_ms) * 99 // 100, len(times_ms) - 1)]
        return replace(self, p50_ms=round(middle, 2), p99_ms=round(late, 2))


def keep(measured: Sequence[Row]) -> None:
    """Replace this run's rows in the results."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    old = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    keys = {(row.bench, row.system) for row in measured}
    kept = [row for row in old if (row["bench"], row["system"]) not in keys]
    rows = [{name: value for name, value in asdict(row).items() if value is not None} for row in measured]
    RESULTS.write_text(json.dumps(kept + rows, indent=1))


def print_rows(measured: Sequence[Row]) -> None:
    """A table for people."""
    table = Table("bench", "events", "seconds", "min – max", "per second", "p50 ms", "p99 ms", "peak MB", "equal",
                  "beside it")  # fmt: skip
    for row in measured:
        spread = f"{row.spread[0]:.2f} – {row.spread[1]:.2f}" if row.spread else ""
        table.add_row(
            row.bench, f"{row.events:,}", f"{row.seconds:.2f}", spread, f"{row.per_second:,.0f}", _told(row.p50_ms),
            _told(row.p99_ms), _told(row.peak_mb), "" if row.equal is None else "yes" if row.equal else "NO",
            row.beside,
        )  # fmt: skip
    Console().print(table)


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"
