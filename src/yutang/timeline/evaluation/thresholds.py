"""Tests at a point that hang on nothing but whether there are enough events in an interval: `count(x, 30d) >= 3`,
`never(x)`, `since_first(x) >= 90d`.

Each is *there are so many in one interval, and not so many in another*, or its opposite. So one look at a row tells,
and all such tests of a type are told in one walk over its customers (`Common.counts`). Pure: no row is read here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from yutang.conditions.nodes import Compare, Count, Events, Happened, Never, Number, Op, Since, Span, Test
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.literals import fraction
from yutang.timeline.evaluation.selection import Reach
from yutang.timeline.evaluation.windows import reach
from yutang.timeline.steps import Stretch

Enough = tuple[int, Reach]  # so many events within reach
_SPAN_MS_MAX = 2**61  # what is further away is left to the general way


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A test that holds where there are `least` of the events and not `less`; negated: where it is not so."""

    events: Events
    least: Enough
    less: Enough | None = None
    negated: bool = False

    @property
    def both(self) -> tuple[Enough, ...]:
        """What is asked."""
        return (self.least,) if self.less is None else (self.least, self.less)


def thresholds(test: Test, stretch: Stretch, calendar: Calendar) -> Thresholds | None:
    """A test at a point as thresholds; None: it isn't one of them."""
    if isinstance(test, (Happened, Never)):
        within = reach(test.window, stretch, calendar)
        return Thresholds(test.events, (1, within), negated=isinstance(test, Never))
    if not isinstance(test, Compare):
        return None
    if isinstance(test.subject, Count) and isinstance(test.value, Number):
        within = reach(test.subject.window, stretch, calendar)
        return _counted(test.subject.events, within, test.op, fraction(test.value.value))
    if isinstance(test.subject, Since) and isinstance(test.value, Span) and test.subject.events != Events():
        return _since(test.subject, stretch.end, test.op, test.value.ms)
    return None


def threshold(op: Op, number: Fraction) -> int | None:
    """The least count that counts for >= and >, the least that doesn't for < and <=; None: no threshold decides."""
    if op in (Op.GE, Op.LT):
        return math.ceil(number)
    return math.floor(number) + 1 if op in (Op.GT, Op.LE) else None


def _counted(events: Events, within: Reach, op: Op, number: Fraction) -> Thresholds | None:
    least = threshold(op, number)
    if least is not None:
        return Thresholds(events, (least, within), negated=op in (Op.LT, Op.LE))
    if op not in (Op.EQ, Op.NE) or number.denominator != 1:
        return None
    equal = Thresholds(events, (int(number), within), (int(number) + 1, within))
    return replace(equal, negated=True) if op is Op.NE else equal


def _since(subject: Since, now: int, op: Op, span_ms: int) -> Thresholds | None:
    """What has no such event has no span. It is less than a span if the last event is later than the instant so long
    ago, at least a span if the first one isn't."""
    if abs(span_ms) >= _SPAN_MS_MAX or not BEGINNING + _SPAN_MS_MAX < now < NEVER - _SPAN_MS_MAX:
        return None
    known = (1, Reach(BEGINNING, now))
    ago = min(now, now - span_ms - (op in (Op.GT, Op.LE)))  # spans beyond these are > or at least so long
    passed = (1, Reach(BEGINNING, ago) if subject.first else Reach(ago, now))
    if op not in (Op.LT, Op.LE, Op.GT, Op.GE):
        return None
    holds = (op in (Op.GT, Op.GE)) if subject.first else (op in (Op.LT, Op.LE))
    return Thresholds(subject.events, passed) if holds else Thresholds(subject.events, known, passed)
