"""What the passing of time alone changes: since, due, age, anniversary.

None of the four is a step function of T, but *subject >= d* is: between two events it flips at an instant
that follows from the value by arithmetic. So each is given as `Timed`: where it is known, and for any
integer d where it is at least d; every comparison follows from those two (instants are integers, so
`> d` is `>= d + 1`). Since, due and age flip once a value and are exact for all time. An anniversary
comes back every year: it is right up to the horizon of the evaluation. At a point each is simply a number.

    since >= d         T >= instant + d
    due >= d           not T >= first instant of the date − d + 1
    age >= n           T >= first instant of the day n units after the date (clamped)
    anniversary <= d   T's midnight lies in [anniversary − d, anniversary] of some year
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from yutang.conditions.nodes import Age, Anniversary, Due, Events, Op, RecordTrait, Since, Trait, Unit
from yutang.conditions.vocabulary import Kind
from yutang.kernel.errors import ConditionError
from yutang.kernel.instants import BEGINNING, DAY_MS, INSTANT_MAX_MS, NEVER
from yutang.timeline.boundaries import (
    MONTH_DAYS,
    UNITS_ADDED_COUNT_MAX,
    Calendar,
    add_units,
    days_before,
    units_between,
    year_days,
)
from yutang.timeline.evaluation import points
from yutang.timeline.evaluation.algebra import (
    Spans,
    both,
    clipped,
    constant,
    covered,
    invert,
    kept,
    known,
    mapped,
    over,
    reached,
    shifted,
)
from yutang.timeline.evaluation.ask import Ask, Measure
from yutang.timeline.evaluation.selection import Reach
from yutang.timeline.kernels import folds
from yutang.timeline.steps import UNKNOWN, Ints, Steps, Stretch

_LEAP_YEAR_DAY = 10_957  # 2000-01-01, of a year that has all days


@dataclass(frozen=True, slots=True)
class Timed:
    """A subject that time moves. base: the instant or date it counts from. at_least(d): where subject >= d.

    value_at(values, T): the subject at T for values of the base, for reading.
    """

    base: Measure
    known: Steps
    at_least: Callable[[int], Steps]
    value_at: Callable[[Ints, int], Ints]


def timed(ask: Ask, subject: Since | Due | Age | Anniversary) -> Timed:
    """The subject as comparisons need it."""
    if isinstance(subject, Since):
        return _since(ask, subject)
    base = _dated(ask, subject.of)
    if isinstance(subject, Due):
        return _due(ask, base)
    if isinstance(subject, Age):
        return _age(ask, base, subject.unit)
    return _anniversary(ask, base)


def compare_timed(subject: Timed, op: Op, than: Fraction) -> Steps:
    """subject op than."""
    low, high = math.floor(than), math.ceil(than)
    if op is Op.GE:
        return subject.at_least(high)
    if op is Op.GT:
        return subject.at_least(low + 1)
    if op is Op.LT:
        return both(subject.known, invert(subject.at_least(high)))
    if op is Op.LE:
        return both(subject.known, invert(subject.at_least(low + 1)))
    equal = constant(len(subject.known), 0)
    if low == high:
        equal = both(subject.at_least(low), invert(subject.at_least(low + 1)))
    if op is Op.EQ:
        return equal
    if op is Op.NE:
        return both(subject.known, invert(equal))
    return constant(len(subject.known), 0)


def _since(ask: Ask, node: Since) -> Timed:
    steps = _seen(ask, node)

    def at_least(span_ms: int) -> Steps:
        return reached(steps, _targets(steps, shifted(steps.value, span_ms)), ask.stretch)

    return Timed(Measure(steps, Kind.INSTANT), known(steps), at_least, lambda values, instant: instant - values)


def _seen(ask: Ask, node: Since) -> Steps:
    """The instant of the first or last event, once it is there."""
    if node.first and node.events == Events():
        return _first_seen(ask.view.first_seen(), ask.stretch)
    if ask.stretch.point:
        return points.seen(ask, node.events, node.first)
    selected = ask.select(node.events, None, Reach(BEGINNING, ask.stretch.end))
    inside = Spans(selected.offsets, selected.at, np.full(len(selected.at), NEVER, np.int64))
    return over(inside, selected.at, folds.FIRST if node.first else folds.LAST, ask.stretch)


def _first_seen(first_seen: Ints, stretch: Stretch) -> Steps:
    """The instant of each customer's first event of all, once it is there: known without looking at every type."""
    if stretch.point:
        return Steps.constant(np.where(first_seen <= stretch.end, first_seen, UNKNOWN))
    there = ((first_seen != NEVER) & (first_seen <= stretch.end)).astype(np.int64)
    offsets = np.zeros(len(there) + 1, np.int64)
    np.cumsum(1 + there, out=offsets[1:])
    at = np.full(offsets[-1], BEGINNING, np.int64)
    value = np.full(offsets[-1], UNKNOWN, np.int64)
    rows = offsets[1:][there == 1] - 1
    at[rows] = value[rows] = first_seen[there == 1]
    return clipped(Steps(offsets, at, value), stretch)


def _dated(ask: Ask, of: Trait | RecordTrait) -> Measure:
    """The date that a subject counts from; an instant where the trait is one."""
    base = ask.trait(of)
    if base.kind in (Kind.DATE, Kind.INSTANT):
        return base
    if (base.steps.value == UNKNOWN).all():
        return Measure(base.steps, Kind.DATE)
    raise ConditionError(
        "condition.not_a_date", f"{of.name!r} is no date but {base.kind}", remedy="declare it as a date"
    )


def _targets(steps: Steps, targets: Ints) -> Ints:
    """What is to be reached on each row; never where the value is unknown."""
    return np.where(steps.value == UNKNOWN, NEVER, targets)


def _days(base: Measure, calendar: Calendar) -> Ints:
    """The local days of the values; of unknown ones anything."""
    values = np.where(base.steps.value == UNKNOWN, 0, base.steps.value)
    return calendar.local_days(values) if base.kind is Kind.INSTANT else values // DAY_MS


def _due(ask: Ask, base: Measure) -> Timed:
    calendar, steps = ask.calendar, base.steps

    def instants(values: Ints) -> Ints:
        return values if base.kind is Kind.INSTANT else calendar.first_instants(values // DAY_MS)

    defined = known(steps)

    def at_least(span_ms: int) -> Steps:
        due = instants(np.where(steps.value == UNKNOWN, 0, steps.value))
        passed = reached(steps, _targets(steps, shifted(due, 1 - span_ms)), ask.stretch)
        return both(defined, invert(passed))

    return Timed(base, defined, at_least, lambda values, instant: instants(values) - instant)


def _age(ask: Ask, base: Measure, unit: Unit) -> Timed:
    calendar, defined = ask.calendar, known(base.steps)

    def at_least(count: int) -> Steps:
        count = max(-UNITS_ADDED_COUNT_MAX, min(UNITS_ADDED_COUNT_MAX, count))
        if ask.stretch.point:
            return both(defined, mapped(base.steps, base.steps.value < _born_before(ask, base.kind, unit, count)))
        days = _days(base, calendar)
        targets = calendar.first_instants(add_units(days, unit, count))
        return reached(base.steps, _targets(base.steps, targets), ask.stretch)

    def value_at(values: Ints, instant: int) -> Ints:
        born = calendar.local_days(values) if base.kind is Kind.INSTANT else values // DAY_MS
        return units_between(born, calendar.local_days(np.full(len(born), instant, np.int64)), unit)

    return Timed(base, defined, at_least, value_at)


def _born_before(ask: Ask, kind: Kind, unit: Unit, count: int) -> int:
    """Before which date or instant one must be born to be so old at the point."""
    today = int(ask.calendar.local_days(np.array([ask.stretch.end], np.int64))[0])
    following = days_before(today, unit, count) + 1
    return int(ask.calendar.first_instants(np.array([following]))[0]) if kind is Kind.INSTANT else following * DAY_MS


def _anniversary(ask: Ask, base: Measure) -> Timed:
    calendar, defined = ask.calendar, known(base.steps)

    def at_least(span_ms: int) -> Steps:
        return both(defined, invert(_nearing(ask, base.steps, _days(base, calendar), span_ms - 1)))

    def value_at(values: Ints, instant: int) -> Ints:
        born = calendar.local_days(values) if base.kind is Kind.INSTANT else values // DAY_MS
        return _until_days(calendar, instant)[year_days(born)]

    return Timed(base, defined, at_least, value_at)


def _until_days(calendar: Calendar, instant: int) -> Ints:
    """int64[12 x 31]: from the midnight of an instant's day until that of the next anniversary of each day of a year,
    by `year_days`; the year of one's birth doesn't matter."""
    begins = add_units(np.array([_LEAP_YEAR_DAY], np.int64), Unit.MONTH, np.arange(12))
    born = (begins[:, None] + np.arange(MONTH_DAYS)).ravel()
    today = calendar.local_days(np.full(len(born), instant, np.int64))
    years = units_between(born, today, Unit.YEAR)
    coming = add_units(born, Unit.YEAR, years)
    coming = np.where(coming == today, coming, add_units(born, Unit.YEAR, years + 1))
    return calendar.first_instants(coming) - calendar.first_instants(today)


def _nearing(ask: Ask, pieces: Steps, days: Ints, span_ms: int) -> Steps:
    """Where the next anniversary's midnight is at most span_ms after the midnight of T's day."""
    if span_ms < 0:
        return constant(len(pieces), 0)
    calendar, horizon, earliest = ask.calendar, ask.horizon, max(ask.stretch.start, 0)
    start, end = pieces.at, pieces.ends()
    live = (pieces.value != UNKNOWN) & (start <= horizon)
    first = calendar.local_days(np.where(live, np.maximum(start, earliest), 0))
    last = calendar.local_days(np.where(live, np.minimum(end, min(horizon, INSTANT_MAX_MS)), 0))
    fewest = units_between(days, first, Unit.YEAR)
    counts = np.where(live, units_between(days, last, Unit.YEAR) + 2 - fewest, 0)
    rows = np.repeat(np.arange(len(counts)), counts)
    before = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=before[1:])
    years = fewest[rows] + np.arange(before[-1], dtype=np.int64) - before[:-1][rows]
    coming = calendar.first_instants(add_units(days[rows], Unit.YEAR, years))
    begins = calendar.begins(Unit.DAY)
    near = np.searchsorted(begins, shifted(coming, -span_ms), side="left").astype(np.int64)
    starts = np.maximum(calendar.period_begins(near, Unit.DAY), start[rows])
    after = np.searchsorted(begins, coming, side="right").astype(np.int64)
    ends = np.minimum(calendar.period_begins(after, Unit.DAY), end[rows])
    spans = Spans(before[pieces.offsets], starts, ends)
    return covered(kept(spans, (starts < ends) & (starts > BEGINNING)), ask.stretch)
