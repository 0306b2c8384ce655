"""A peer at work in a process of its own: loads a plan's events, answers its trials, and is timed."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from yutang.domains.insight.contracts.bench import (
    BENCH_TRIALS,
    BenchPlan,
    BenchRun,
    BenchTimes,
    FunnelFound,
    FunnelTrial,
    RetentionFound,
    RetentionTrial,
    SegmentFound,
    SegmentTrial,
)
from yutang.kernel.clock import MachineClock

# Where each is made, and what it needs to have been installed.
SYSTEMS = {"duckdb": ("duck", "Duck"), "chdb": ("clickhouse", "ClickHouse"), "polars": ("frames", "Frames")}
_HERE = "yutang.domains.insight.store.peers"
EVENTS_FILE = "events.parquet"


class Peer(Protocol):
    """An engine with the events loaded."""

    version: str

    def load(self, events: Path) -> None: ...

    def funnel(self, asked: FunnelTrial) -> FunnelFound: ...

    def retention(self, asked: RetentionTrial) -> RetentionFound: ...

    def segment(self, asked: SegmentTrial) -> SegmentFound: ...

    def close(self) -> None: ...


def race(system: str, plan: BenchPlan, threads: int, repeats: int, clock: MachineClock) -> BenchRun:
    """Load and answer. Call it in a process that has asked nothing yet: an engine keeps what it has started with."""
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    module, name = SYSTEMS[system]
    with TemporaryDirectory(dir=plan.folder) as scratch:
        began = clock.stopwatch_s()
        peer: Peer = getattr(importlib.import_module(f"{_HERE}.{module}"), name)(Path(scratch), threads)
        peer.load(Path(plan.folder) / EVENTS_FILE)
        loaded_s = clock.stopwatch_s() - began
        asks: Mapping[str, Callable[[], Any]] = {
            "funnel": lambda: peer.funnel(plan.funnel),
            "retention": lambda: peer.retention(plan.retention),
            "segment": lambda: peer.segment(plan.segment),
        }
        turns = {one: timed(asks[one], repeats, clock) for one in BENCH_TRIALS}
        peer.close()
    return BenchRun(system, peer.version, loaded_s, turns)


def timed(ask: Callable[[], Any], repeats: int, clock: MachineClock) -> BenchTimes:
    """Ask once, and then so many times more."""
    times = []
    for _ in range(repeats + 1):
        began = clock.stopwatch_s()
        answer = ask()
        times.append(clock.stopwatch_s() - began)
    return BenchTimes(times[0], tuple(times[1:]), listed(answer))


def listed(found: Any) -> tuple[tuple[int, ...], ...]:
    """An answer in the form in which those of all systems are compared."""
    if isinstance(found, Mapping):
        return tuple((*place, count) for place, count in sorted(found.items()) if count)
    return (tuple(found),)
