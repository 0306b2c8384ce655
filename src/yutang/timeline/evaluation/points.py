"""Measures at a point: what is asked at one instant is a fold over the events of one interval of time.

At a point a window is an interval (`windows.reach`), so no step function is built: each type of a set is folded
where its rows lie (`inside`), and the answers of the types are put together, without merging them.

Each function here gives what the general way gives, or None where the types of a set must be merged to tell (the
first, last and distinct values of several types, properties of unlike kinds). Invariant: equal to the general way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from yutang.conditions.nodes import Aggregate, Events, Fold, Unit
from yutang.conditions.vocabulary import Kind
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.evaluation.algebra import both, invert
from yutang.timeline.evaluation.ask import Ask, Measure
from yutang.timeline.evaluation.inside import Inside, picked
from yutang.timeline.evaluation.narrowing import lying
from yutang.timeline.evaluation.selection import Reach
from yutang.timeline.evaluation.thresholds import Enough, Thresholds
from yutang.timeline.evaluation.windows import reach
from yutang.timeline.kernels import intervals
from yutang.timeline.steps import UNKNOWN, Flags, Ints, Steps
from yutang.timeline.view import Column, View

_WORDY = (Kind.STRING, Kind.LIST)
_MODES = {Fold.SUM: intervals.SUM, Fold.MIN: intervals.LEAST, Fold.MAX: intervals.GREATEST}
_JOINED = {Fold.SUM: np.add, Fold.MIN: np.minimum, Fold.MAX: np.maximum}
PERIODS_COUNT_MAX = 63  # a bit each
DISTINCT_COUNT_MAX = 16  # more different values are counted by a table
_ENDS = {Fold.FIRST: intervals.FIRST, Fold.LAST: intervals.LAST}


def count(ask: Ask, events: Events, within: Reach) -> Steps:
    """How many events there are within reach."""
    total = np.zeros(ask.view.count, np.int64)
    for one in ask.inside(events, within):
        total += one.count()
    return Steps.constant(total)


def at_least(ask: Ask, events: Events, within: Reach, number: int) -> Steps:
    """Whether there are at least so many events within reach: told sooner than how many there are."""
    if number <= 0:
        return Steps.truths(np.ones(ask.view.count, np.bool_))
    if len(events.types) == 1 and events.where is None:
        found = ask.enough(events.types[0], (number, within))
        if found is not None:
            return Steps.truths(found)
    parts = ask.inside(events, within)
    if number > 1 and len(parts) > 1:
        return Steps.truths(count(ask, events, within).value >= number)
    if len(parts) == 1:
        return Steps.truths(parts[0].at_least(number))
    found = np.zeros(ask.view.count, np.bool_)
    for one in parts:
        found |= one.at_least(number)
    return Steps.truths(found)


def by_thresholds(ask: Ask, asked: Thresholds) -> Steps:
    """Whether there are so many events in one interval, and not so many in another."""
    found = at_least(ask, asked.events, asked.least[1], asked.least[0])
    if asked.less is not None:
        found = both(found, invert(at_least(ask, asked.events, asked.less[1], asked.less[0])))
    return invert(found) if asked.negated else found


def several_at_least(view: View, type_name: str, asked: Sequence[Enough]) -> dict[Enough, Flags]:
    """Whether there are so many events of a type within each reach: one walk for all that is asked."""
    later = sorted(asked, key=lambda one: -one[1].until)
    counts, after, until = (np.array(column, np.int64) for column in zip(*(
        (count, within.after, within.until) for count, within in later
    ), strict=True))  # fmt: skip
    rows, lows, highs = lying(view, type_name, ())
    found = intervals.several_at_least(lows, highs, rows.at, counts, after, until)
    return dict(zip(later, found.reshape(len(later), -1), strict=True))


def seen(ask: Ask, events: Events, first: bool) -> Steps:
    """The instant of the first or last event so far; UNKNOWN if there is none."""
    found = np.full(ask.view.count, NEVER if first else UNKNOWN, np.int64)
    for one in ask.inside(events, Reach(BEGINNING, ask.stretch.end)):
        if first:
            instants = one.instants(intervals.FIRST)
            np.minimum(found, np.where(instants == UNKNOWN, NEVER, instants), out=found)
        else:
            np.maximum(found, one.instants(intervals.LAST), out=found)
    return Steps.constant(np.where(found == NEVER, UNKNOWN, found))


def periods(ask: Ask, events: Events, unit: Unit, count: int) -> Steps | None:
    """In how many of the last so many complete periods there was an event. None: there are more of them than bits in a
    number, or than the calendar knows."""
    most = max(count, ask.common.periods.get((events, unit), 0))
    for asked in (most, count):
        begins = _begins(ask, unit, asked)
        if begins is not None:
            met = ask.kept((events, unit, asked), partial(_met, ask, events, begins)) >> (asked - count)
            return Steps.constant(np.bitwise_count(met).astype(np.int64))
    return None


def _begins(ask: Ask, unit: Unit, count: int) -> Ints | None:
    """Where each of the last so many complete periods begins, and where the running one does."""
    if count > PERIODS_COUNT_MAX:
        return None
    running = ask.calendar.periods(np.array([ask.stretch.end], np.int64), unit)[0]
    begins = ask.calendar.period_begins(np.arange(running - count, running + 1), unit)
    return begins if begins[0] > BEGINNING else None


def _met(ask: Ask, events: Events, begins: Ints) -> Ints:
    """int64[n]: a bit for each of some periods in which there was an event, the highest for the last."""
    met = np.zeros(ask.view.count, np.int64)
    for one in ask.inside(events, Reach(int(begins[0]) - 1, int(begins[-1]) - 1)):
        met |= intervals.parts_met(one.lows, one.highs, one.rows.at, one.flags, begins)
    return met


def distinct_at_least(ask: Ask, node: Aggregate, number: int) -> Steps | None:
    """Whether a property has so many different values in the window; None: only counting them tells."""
    found = _columns(ask, node) if 0 < number <= DISTINCT_COUNT_MAX else None
    if found is None or len(found[0]) > 1 or found[1].kind is Kind.LIST:
        return None
    return Steps.truths(found[0][0].distinct_at_least(found[1].values, number))


def aggregate(ask: Ask, node: Aggregate) -> Measure | None:
    """A fold, but for an average, over a property of the events in the window; None: only the general way tells."""
    found = _columns(ask, node)
    if found is None:
        return None
    parts, column = found
    if node.fold in _MODES:
        return _joined(parts, node)
    if len(parts) > 1:
        return None
    (one,), values = parts, column.values
    if node.fold is Fold.DISTINCT:
        if column.kind is Kind.LIST:
            return None
        return Measure(Steps.constant(one.distinct(values)), Kind.INTEGER)
    rows = one.folded(_ENDS[node.fold], values)
    return Measure(Steps.constant(picked(values, rows)), column.kind, column.words)


def average(ask: Ask, node: Aggregate) -> tuple[Steps, Steps, Kind] | None:
    """(sum, count of the known, kind) of a property of the events in the window."""
    found = _columns(ask, node)
    if found is None or found[1].kind in _WORDY:
        return None
    parts, column = found
    total, number = np.zeros((2, ask.view.count), np.int64)
    for one in parts:
        values = one.rows.columns[node.property].values
        total += one.folded(intervals.SUM, values)
        number += one.folded(intervals.COUNT, values)
    return Steps.constant(total), Steps.constant(number), column.kind


def _columns(ask: Ask, node: Aggregate) -> tuple[Sequence[Inside], Column] | None:
    """The events of each type, and the property in the first; None if it isn't of one kind in all, or of words in
    several, or of words that would have to be read as numbers."""
    parts = ask.inside(node.events, reach(node.window, ask.stretch, ask.calendar), node.property)
    columns = [one.rows.columns[node.property] for one in parts]
    if not columns or any(column.kind is not columns[0].kind for column in columns[1:]):
        return None
    if columns[0].kind in _WORDY and (len(columns) > 1 or node.fold in (*_MODES, Fold.AVG)):
        return None
    return parts, columns[0]


def _joined(parts: Sequence[Inside], node: Aggregate) -> Measure:
    """A sum, minimum or maximum over several types."""
    found: Ints | None = None
    for one in parts:
        column = one.rows.columns[node.property]
        values = one.folded(_MODES[node.fold], column.values)
        if node.fold is Fold.MIN:
            values = np.where(values == UNKNOWN, NEVER, values)
        found = values if found is None else _JOINED[node.fold](found, values)
    assert found is not None  # there is a part at least
    if node.fold is Fold.MIN:
        found = np.where(found == NEVER, UNKNOWN, found)
    return Measure(Steps.constant(found), column.kind)
