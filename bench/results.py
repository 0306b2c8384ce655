"""Rows of `bench/out/results.json`: one array; a run replaces its rows of the same bench, system and size."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "out" / "results.json"
SIZES = (1_000_000, 10_000_000, 50_000_000)  # of made worlds: figures of another size stand beside one another


WIDE_CHARS = 200  # where nobody looks


@dataclass(frozen=True)
class Row:
    """A measurement. seconds: the median, or of the whole run; spread: (least, most) seconds; beside: what else ran.

    equal: whether what came out is what had to; None where there is nothing to compare. ratio: the fastest peer's time
    as a multiple of ours, or a peer's own. rss_anon_mb, mapped_mb: memory held, apart from and through mapped files.
    disk_mb: what it keeps on disk.
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
    ratio: float | None = None
    rss_anon_mb: float | None = None
    mapped_mb: float | None = None
    disk_mb: float | None = None

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
    keys = {_key(asdict(row)) for row in measured}
    kept = [row for row in old if _key(row) not in keys]
    rows = [{name: value for name, value in asdict(row).items() if value is not None} for row in measured]
    RESULTS.write_text(json.dumps(kept + rows, indent=1))


def _key(row: Mapping[str, Any]) -> tuple[str, str, int]:
    return row["bench"], row["system"], row["events"] if row["events"] in SIZES else 0


def median_row(
    bench: str, events: int, system: str, times_s: Sequence[float], **more: Any
) -> Row:  # fmt: skip
    """A row of some times: their median, least and most."""
    median = statistics.median(times_s)
    spread = (round(min(times_s), 6), round(max(times_s), 6))
    return Row(bench, events, system, round(median, 6), round(events / max(median, 1e-9)), spread=spread, **more)


def print_rows(measured: Sequence[Row]) -> None:
    """A table for people."""
    table = Table(
        "bench", "events", "system", "seconds", "min – max", "ratio", "per second", "p50 ms", "p99 ms", "memory MB",
        "mapped MB", "disk MB", "equal", "beside it",
    )  # fmt: skip
    for row in measured:
        spread = f"{_short(row.spread[0])} – {_short(row.spread[1])}" if row.spread else ""
        table.add_row(
            row.bench, f"{row.events:,}", row.system, _short(row.seconds), spread,
            "" if row.ratio is None else f"{row.ratio:.1f}×", f"{row.per_second:,.0f}", _told(row.p50_ms),
            _told(row.p99_ms), _told(row.peak_mb if row.rss_anon_mb is None else row.rss_anon_mb), _told(row.mapped_mb),
            _told(row.disk_mb), "" if row.equal is None else "yes" if row.equal else "NO", row.beside,
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else WIDE_CHARS).print(table)


def _short(seconds: float) -> str:
    return f"{seconds:.2f}" if seconds >= 1 else f"{seconds:.2g}"


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"
