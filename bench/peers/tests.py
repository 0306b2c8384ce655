"""Conditions as peers understand them: tests over aggregates of one customer's events.

A test that can't be put so has no form here, and no peer is asked about it. An `Aggregate` is told by value, so that
equal ones of many conditions are computed once. Moments are the made world's instants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["count", "sum", "min", "max", "distinct", "weeks", "first", "last", "funnel"]
Op = Literal["=", "<>", "<", "<=", ">", ">="]


@dataclass(frozen=True)
class Where:
    """A column of an event is one of some codes, or compares with a number."""

    column: str
    op: Literal["in", "<=", ">="]
    values: tuple[int, ...]


@dataclass(frozen=True)
class Aggregate:
    """Of the events of some types with after < moment <= until that satisfy all of `where`.

    kind: count; sum, min, max, distinct, first, last of a column; weeks: in how many spans of `width` since `after`
    there is one; funnel: how many of the types follow one another in order within `width`.
    """

    kind: Kind
    types: tuple[int, ...]
    after: int
    until: int
    where: tuple[Where, ...] = ()
    column: str = "moment"
    width: int = 0
    table: Literal["events", "states"] = "events"


@dataclass(frozen=True)
class Compare:
    """An aggregate (times a number) against a number, or against another one times it. Of nothing: false."""

    left: Aggregate
    op: Op
    value: int
    times: Aggregate | None = None


@dataclass(frozen=True)
class Not:
    """The opposite."""

    test: Test


@dataclass(frozen=True)
class AtLeast:
    """So many of some tests: all of them is `and`, one is `or`."""

    count: int
    tests: tuple[Test, ...]


Test = Compare | Not | AtLeast


def aggregates(test: Test) -> list[Aggregate]:
    """All that a test compares."""
    match test:
        case Compare(left, _, _, times):
            return [left] if times is None else [left, times]
        case Not(inner):
            return aggregates(inner)
        case AtLeast(_, tests):
            return [one for inner in tests for one in aggregates(inner)]
