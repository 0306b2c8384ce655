"""What crosses the door: how fast this is on a pool, and how fast others are on the same events.

What others are asked is put so that every one of them can answer it. Events are rows of `events.parquet`: customer
(a place, from 0), moment, type (a code) and amount, in the order of (customer, moment). A *moment* is an instant in
parts of a millisecond, so many that those of a customer are distinct and in the order in which they count here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FunnelTrial:
    """How many customers did the first steps in order, each within a window of the first. steps: codes of types."""

    steps: tuple[int, ...]
    window: int


@dataclass(frozen=True, slots=True)
class RetentionTrial:
    """Of those whose first event lies in period c, how many had one in period c + k, for 0 <= k < periods.

    Periods are `length` moments long and count from `begin`, before which there is nothing; at most 64 are looked at.
    """

    begin: int
    length: int
    periods: int


@dataclass(frozen=True, slots=True)
class SegmentTrial:
    """Who did `often` at least so many times after a moment, didn't do `paid` after another, and spent more than
    an amount on it in all."""

    often: int
    least: int
    often_after: int
    paid: int
    quiet_after: int
    spent_more: int


@dataclass(frozen=True, slots=True)
class RfmTrial:
    """Customers by quintiles (0–4: five times those strictly below, divided by all) of their last `paid` after a
    moment, of how many, and of the sum of amounts."""

    paid: int
    after: int


FunnelFound = tuple[int, ...]  # customers who got as far as each step
RetentionFound = Mapping[tuple[int, int], int]  # (cohort's period, periods since) → customers, none left out
SegmentFound = tuple[int, int]  # how many, and the sum of their places
RfmFound = Mapping[tuple[int, int, int], int]  # quintiles → customers


@dataclass(frozen=True, slots=True)
class BenchQuestion:
    """Choose what to ask of a pool, and write its events for peers into a folder of this machine."""

    folder: str


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """What is asked: in the language, and as trials. events: of how many customers, up to `as_of`.

    times: moments a millisecond. began: the first Monday (UTC) that retention looks at. prepared_s: writing the events.
    """

    folder: str
    as_of: str
    began: str
    events: int
    customers: int
    prepared_s: float
    steps: tuple[str, ...]
    window: str
    condition: str
    funnel: FunnelTrial
    retention: RetentionTrial
    segment: SegmentTrial


@dataclass(frozen=True, slots=True)
class BenchTurn:
    """One question of a plan, asked of this pool so many times."""

    plan: BenchPlan
    name: str
    repeats: int


@dataclass(frozen=True, slots=True)
class BenchTimes:
    """Seconds of each time but a first one, and the answer as lists of numbers, which others' are compared with."""

    first_s: float
    times_s: tuple[float, ...]
    answer: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class BenchRun:
    """What a peer made of a plan's questions. load_s: bringing the events into its best form."""

    system: str
    version: str
    load_s: float
    turns: Mapping[str, BenchTimes]


BENCH_TRIALS = ("funnel", "retention", "segment")
BENCH_SYSTEMS = ("duckdb", "chdb", "polars")
