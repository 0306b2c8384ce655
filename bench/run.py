"""`make bench`: what is promised, measured on this machine; `make bench ARGS="funnel fresh"`: some of it.

Questions about everybody beside peers (`bench.questions`), compiling (`bench.kernels`), live intake and upkeep
(`bench.live`), and demo: the demo pool from nothing, in a scratch folder. `--events 1000000,10000000` chooses sizes of
made worlds. Rows go to `bench/out/results.json` (`bench.results`); `make figures` writes chart and table out of them.
Whole processes are measured from outside, as a user meets them.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench import kernels, live, questions, upkeep
from bench.asked import COMPARED
from bench.results import SIZES, Row, keep, print_rows

ROOT = Path(__file__).parent.parent
EVENTS = 1_633_846  # of The Complete Journey as the demo maps it, state events aside
REPEATS = 5
QUESTIONS = (*COMPARED, *questions.ALONE)
NAMES = (*QUESTIONS, *kernels.BENCHES, *upkeep.BENCHES, "demo", *live.BENCHES)
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
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("names", nargs="*", help="some of: " + ", ".join(NAMES))
    asked.add_argument("--events", default=",".join(map(str, SIZES)), help="sizes of made worlds")
    chosen = asked.parse_args()
    if strangers := sorted(set(chosen.names) - set(NAMES)):
        asked.error(f"no such figures: {', '.join(strangers)}; there are {', '.join(NAMES)}")
    names, sizes = chosen.names or NAMES, [int(size) for size in chosen.events.split(",")]
    measured: list[Row] = []
    try:
        for row in _measured_by_name(names, sizes):
            measured.append(row)
    finally:  # an unequal answer ends the run, not what was measured before it
        keep(measured)
        print_rows(measured)


def _measured_by_name(names: Sequence[str], sizes: Sequence[int]) -> Iterator[Row]:
    if some := [name for name in names if name in QUESTIONS]:
        yield from questions.measure(some, sizes)
    if some := [name for name in names if name in kernels.BENCHES]:
        yield from kernels.measure(some)
    if some := [name for name in names if name in upkeep.BENCHES]:
        yield from upkeep.measure(some)
    if "demo" in names:
        with tempfile.TemporaryDirectory(prefix="yutang-bench-") as scratch:
            yield from rows(Path(scratch))
    for name in names:
        if name in live.BENCHES:
            yield from live.measure([name])


if __name__ == "__main__":
    main()
