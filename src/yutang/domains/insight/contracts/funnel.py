"""What crosses the door: funnels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from yutang.domains.insight.contracts.asking import Asked, Scope

STEPS_COUNT_MIN, STEPS_COUNT_MAX = 2, 10


class FunnelOrder(StrEnum):
    """How the steps of a match follow one another. In each, whatever isn't asked about may happen meanwhile.

    ordered: each after the one before. strict: each after the one before, and no other event of any step between the
    two. any: in any order; "step k" is then "any k of the steps".
    """

    ORDERED = "ordered"
    STRICT = "strict"
    ANY = "any"


class FunnelFigure(StrEnum):
    """What a cell means: who reached its step, or who reached it and not the next one."""

    REACHED = "reached"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class FunnelQuestion:
    """How far customers come along some steps.

    steps: 2 to 10 event sets, `order_paid where amount > 100`; each but the first may bound the gap before it,
    `order_paid within 1d without cart_cleared`: at most so long after the step before, and none of those between.
    window: at most so long from the first step to the last. order: a `FunnelOrder`. same: a property that has the same
    value at all steps, such as `product`. per: `day`, `week` or `month`: a funnel of the attempts that begin in each.
    times: whether to say how long it takes.
    """

    steps: tuple[str, ...] = ()
    window: str = "30d"
    order: str = FunnelOrder.ORDERED
    same: str = ""
    per: str = ""
    times: bool = True
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """A step as it was understood. text: in the language of conditions. title: in words."""

    text: str
    title: str


@dataclass(frozen=True, slots=True)
class TimeBucket:
    """How many took longer than the bucket before, and at most `upto`."""

    upto: str
    upto_ms: int
    customers: int


@dataclass(frozen=True, slots=True)
class Durations:
    """How long it took: the smallest time that a quarter, a half, three quarters of the customers didn't exceed."""

    quartile_1_ms: int
    median_ms: int
    quartile_3_ms: int
    buckets: tuple[TimeBucket, ...] = ()


@dataclass(frozen=True, slots=True)
class FunnelStage:
    """Figures of a step. customers: who reached it. dropped: those of them who didn't reach the next one.

    of_first, of_previous: shares, 0 to 1. since_previous, since_first: None where nobody came, and for the first step.
    cell: of `customers`; with `figure: dropped` of `dropped`, with `bucket` of a bucket of `since_previous`.
    """

    customers: int
    dropped: int
    of_first: float
    of_previous: float
    since_previous: Durations | None
    since_first: Durations | None
    cell: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FunnelLine:
    """The funnel of a group, of a period, of both, or of all ("" each). period: its first day.

    complete: whether every attempt that began in it has had the whole window by `as_of`.
    """

    group: str
    period: str
    complete: bool
    stages: tuple[FunnelStage, ...]


@dataclass(frozen=True, slots=True)
class FunnelAnswer:
    """Funnels. A customer counts in a line if it began there, up to the deepest step that any match from there reaches.

    So it counts once in the whole and in groups of customers; by period, or by a property of the first event, once in
    each in which it began. grid: of each group the periods, where both are asked for.
    """

    asked: Asked
    steps: tuple[FunnelStep, ...]
    window: str
    order: str
    same: str
    whole: FunnelLine
    groups: tuple[FunnelLine, ...] = ()
    periods: tuple[FunnelLine, ...] = ()
    grid: tuple[FunnelLine, ...] = ()
