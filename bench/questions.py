"""Questions about everybody, here and in the peers, on the same made worlds: `make bench ARGS="funnel retention"`.

For each size a pool and the peers' files are made out of the same arrays. Then one system after the other is asked, in
a process of its own with two threads; a time counts only once the answers are equal, else the run ends. What belongs to
a pool of Yutang alone (previews one by one, memory, a restart) is measured on the largest one.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from bench.asked import COMPARED, SEGMENT
from bench.results import SIZES, Row, median_row
from bench.service import Service

ROOT = Path(__file__).parent.parent
PEERS = ("duckdb", "chdb", "polars")
ALONE = ("preview", "memory", "single_customer", "handoff", "restart")  # of Yutang, on the largest pool
RESTARTS = 3
console = Console()
Facts = Mapping[str, Any]


def measure(names: Sequence[str], sizes: Sequence[int] = SIZES) -> Iterator[Row]:
    """Rows of some questions, or of all of them, at some sizes, as they are measured."""
    wanted = [name for name in (*COMPARED, *ALONE) if not names or name in names]
    for events in sorted(sizes):
        alone = [name for name in wanted if name in ALONE and events == max(sizes)]
        compared = [name for name in wanted if name in COMPARED]
        if compared or alone:
            with _made(events) as (pool, files, made):
                yield from _measured(events, pool, files, made, compared, alone)


@contextmanager
def _made(events: int) -> Iterator[tuple[Path, Path, Facts]]:
    """(pool, folder of the peers' files, seconds that making them took), deleted afterwards."""
    with TemporaryDirectory(prefix="yutang-bench-") as folder:
        pool, files = Path(folder) / "pool", Path(folder) / "peers"
        made = json.loads(_run("bench.pools", str(pool), str(events), "--peers", str(files)))
        console.print(f"[dim]{events:,} events of {made['customers']:,} customers, made in {made['made']:.0f} s, "
                      f"written as a pool in {made['pool']:.0f} s[/dim]")  # fmt: skip
        yield pool, files, made


def _run(module: str, *arguments: str) -> str:
    """What a module's own process prints."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{module} {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-3_000:]}")
    return done.stdout


def _measured(
    events: int, pool: Path, files: Path, made: Facts, compared: Sequence[str], alone: Sequence[str]
) -> list[Row]:  # fmt: skip
    out = pool.parent / "out.json"
    beside = [name for name in alone if name not in ("memory", "restart")]
    asked = list(COMPARED) if "memory" in alone else [*compared]
    _run("bench.ours", str(pool), str(out), *asked, *beside)
    ours = json.loads(out.read_text())
    theirs: dict[str, Facts] = {}
    for system in PEERS if compared else ():
        _run("bench.peer", system, str(files), str(out), *compared)
        theirs[system] = json.loads(out.read_text())
        console.print(f"[dim]  {system} {theirs[system]['version']}: loaded in {theirs[system]['load_s']:.1f} s[/dim]")
    for name in compared:
        _check(name, ours, theirs)
    rows = [row for name in compared for row in _rows(name, events, ours, theirs)]
    if compared:
        rows += _loads(events, made, ours, theirs)
    return rows + [row for name in alone for row in _alone(name, events, ours, pool)]


def _check(name: str, ours: Facts, theirs: Mapping[str, Facts]) -> None:
    """End the run unless the answers are equal."""
    mine = ours["found"][name]
    for system, facts in theirs.items():
        told = facts["found"][name]["answer"]
        if name == "segments_200":
            known = dict(zip(mine["texts"], mine["answer"], strict=True))
            wrong = [
                f"{text}: {known[text]}, {system} says {answer}"
                for text, answer in zip(facts["said"], told, strict=True) if known[text] != answer
            ]  # fmt: skip
        else:
            wrong = [] if told == mine["answer"] else [f"{mine['answer']}, {system} says {told}"]
        if wrong:
            raise SystemExit(f"{name}: the answers differ, so no time counts\n" + "\n".join(wrong)[:3_000])


def _rows(name: str, events: int, ours: Facts, theirs: Mapping[str, Facts]) -> Iterator[Row]:
    """One for each system. A peer that can't say all of the two hundred is compared on those that it can."""
    mine = ours["found"][name]
    comparable = statistics.median(mine.get("said_times") or mine["times"])
    medians = {system: statistics.median(facts["found"][name]["times"]) for system, facts in theirs.items()}
    fastest = min(medians.values(), default=0.0)
    note = f"first time {mine['cold_s']:.2f} s"
    if name == "segments_200" and theirs:
        note += f"; ratio on those that peers can say: {comparable:.3g} s"
    yield median_row(
        name, events, "yutang", mine["times"], equal=True if theirs else None, beside=note,
        ratio=round(fastest / comparable, 2) if theirs else None,
    )  # fmt: skip
    for system, facts in theirs.items():
        said = f"{len(facts['said'])} of 200" if name == "segments_200" else "nothing"
        yield median_row(
            name, events, system, facts["found"][name]["times"], equal=True, beside=said,
            ratio=round(medians[system] / comparable, 2),
        )  # fmt: skip


def _loads(events: int, made: Facts, ours: Facts, theirs: Mapping[str, Facts]) -> Iterator[Row]:
    """Preparation, and what is held after all questions."""
    colds = sum(max(0.0, one["cold_s"] - statistics.median(one["times"])) for one in ours["found"].values())
    yield Row(
        "load", events, "yutang", round(made["pool"] + ours["open_s"] + colds, 2),
        round(events / (made["pool"] + ours["open_s"] + colds)), rss_anon_mb=ours["rss_anon_mb"],
        mapped_mb=ours["mapped_mb"], disk_mb=round(ours["disk_mb"] + ours["cache_mb"], 1),
        beside=f"lake past intake {made['pool']:.1f} s, opening {ours['open_s']:.1f} s, first questions {colds:.1f} s",
    )  # fmt: skip
    for system, facts in theirs.items():
        yield Row(
            "load", events, system, round(facts["load_s"], 2), round(events / facts["load_s"]),
            rss_anon_mb=facts["rss_anon_mb"], mapped_mb=facts["mapped_mb"], disk_mb=facts["disk_mb"],
            beside=f"version {facts['version']}",
        )  # fmt: skip


def _alone(name: str, events: int, ours: Facts, pool: Path) -> Iterator[Row]:
    match name:
        case "preview":
            times = sorted(ours["preview"].values())
            slowest = max(ours["preview"], key=ours["preview"].__getitem__)
            yield median_row("preview", events, "yutang", times, beside="each of the 200 alone").timed(
                [one * 1_000 for one in times]
            )
            yield Row("preview_worst", events, "yutang", round(times[-1], 4), round(events / times[-1]), beside=slowest)
        case "single_customer":
            times = sorted(ours["single_customer"])
            yield median_row("single_customer", 1, "yutang", times, beside=SEGMENT).timed([t * 1_000 for t in times])
        case "handoff":
            yield median_row("handoff", 1, "yutang", ours["handoff"], beside="a call of a kernel that has no rows")
        case "memory":
            yield Row(
                "memory_50m", events, "yutang", 0.0, 0.0, rss_anon_mb=ours["rss_anon_mb"], mapped_mb=ours["mapped_mb"],
                disk_mb=round(ours["disk_mb"] + ours["cache_mb"], 1), beside="after all questions",
            )  # fmt: skip
        case "restart":
            yield _restarted(events, pool)
        case _:
            raise KeyError(name)


def _restarted(events: int, pool: Path) -> Row:
    """A service stopped and started again, until it answers; the first start, which has all to work out, beside it."""
    service = Service(pool, zone="Asia/Shanghai", currency="CNY")
    first_s = service.start()
    service.stop()
    times = []
    for _ in range(RESTARTS):
        service = Service(pool, zone="Asia/Shanghai", currency="CNY")
        times.append(service.start())
        held = service.held_mb()
        service.stop()
    return median_row(
        "restart_50m", events, "yutang", times, rss_anon_mb=held[0], mapped_mb=held[1],
        beside=f"first start {first_s:.1f} s",
    )  # fmt: skip
