"""`make bench`: the demo pool from nothing, in a scratch folder; medians and peaks, on this machine.

Rows go to `bench/out/results.json` as {bench, events, system, seconds, per_second, peak_mb}; a run replaces its
own rows. Whole processes are measured from outside, as a user meets them.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "out" / "results.json"
EVENTS = 1_633_846  # of The Complete Journey as the demo maps it, state events aside
REPEATS = 5
INSTANTS = ("2017-03-01T00:00:00Z", "2017-07-15T12:00:00Z", "2018-01-01T04:01:20Z")


@dataclass(frozen=True)
class Row:
    """A measurement. seconds: the median; spread: (least, most)."""

    bench: str
    events: int
    system: str
    seconds: float
    per_second: float
    peak_mb: float
    spread: tuple[float, float]


def _timed(command: Sequence[str], environment: dict[str, str]) -> tuple[float, float]:
    """(wall seconds, peak MB of the largest process) of one command."""
    began = time.perf_counter()
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd=ROOT)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def _measured(bench: str, repeats: int, once: Callable[[], tuple[float, float]]) -> Row:
    runs = [once() for _ in range(repeats)]
    seconds = [run[0] for run in runs]
    median = statistics.median(seconds)
    return Row(
        bench, EVENTS, "yutang", round(median, 3), round(EVENTS / median), round(max(run[1] for run in runs), 1),
        (round(min(seconds), 3), round(max(seconds), 3)),
    )  # fmt: skip


def rows(scratch: Path) -> list[Row]:
    """All measurements: import through the log to labels, a restart's first answer, a report at any instant."""
    yutang = str(Path(sys.executable).parent / "yutang")
    environment = {**os.environ, "YUTANG_DATA": str(scratch / "pool"), "YUTANG_LANGUAGE": "en"}

    def imported() -> tuple[float, float]:
        shutil.rmtree(scratch / "pool", ignore_errors=True)
        return _timed(
            [sys.executable, "-m", "demo.run", "--data", environment["YUTANG_DATA"], "--only-import"], environment
        )

    def restarted() -> tuple[float, float]:
        return _timed([yutang, "clock", "show"], environment)

    found = [_measured("demo_import", 3, imported), _measured("restart", REPEATS, restarted)]
    for instant in INSTANTS:
        command = [yutang, "report", "--json", "--as-of", instant]
        found.append(_measured(f"report {instant}", REPEATS, lambda command=command: _timed(command, environment)))  # type: ignore[misc]
    command = [yutang, "ask", "count(order_paid, 30d) >= 3 and never(coupon_redeemed, 90d)"]
    found.append(_measured("ask", REPEATS, lambda: _timed(command, environment)))
    return found


def keep(measured: Sequence[Row]) -> None:
    """Replace this run's rows in the results."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    old = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    keys = {(row.bench, row.events, row.system) for row in measured}
    kept = [row for row in old if (row["bench"], row["events"], row["system"]) not in keys]
    RESULTS.write_text(json.dumps(kept + [asdict(row) for row in measured], indent=1))


def main() -> None:
    """Measure, print, keep."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(prefix="yutang-bench-") as scratch:
        measured = rows(Path(scratch))
    keep(measured)
    table = Table("bench", "seconds (median)", "min – max", "events/s", "peak MB")
    for row in measured:
        table.add_row(row.bench, f"{row.seconds:.2f}", f"{row.spread[0]:.2f} – {row.spread[1]:.2f}",
                      f"{row.per_second:,.0f}", f"{row.peak_mb:,.0f}")  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
