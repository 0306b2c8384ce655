"""`make bench`: what is promised, measured on this machine; `make bench ARGS="intake fresh"`: some of it.

demo: the demo pool from nothing, in a scratch folder; and the figures of live intake (`bench.live`). Rows go to
`bench/out/results.json` (`bench.results`). Whole processes are measured from outside, as a user meets them.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import live
from bench.results import Row, keep, print_rows

ROOT = Path(__file__).parent.parent
EVENTS = 1_633_846  # of The Complete Journey as the demo maps it, state events aside
REPEATS = 5
INSTANTS = ("2017-03-01T00:00:00Z", "2017-07-15T12:00:00Z", "2018-01-01T04:01:20Z")


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
        bench, EVENTS, "yutang", round(median, 3), round(EVENTS / median),
        peak_mb=round(max(run[1] for run in runs), 1), spread=(round(min(seconds), 3), round(max(seconds), 3)),
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


def main() -> None:
    """Measure, keep, print."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    names = sys.argv[1:] or ["demo", *live.BENCHES]
    measured: list[Row] = []
    if "demo" in names:
        with tempfile.TemporaryDirectory(prefix="yutang-bench-") as scratch:
            measured += rows(Path(scratch))
    if chosen := [name for name in names if name != "demo"]:
        measured += live.measure(chosen)
    keep(measured)
    print_rows(measured)


if __name__ == "__main__":
    main()
