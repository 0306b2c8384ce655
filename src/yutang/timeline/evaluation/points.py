"""Measures at a point: what is asked at one instant is a fold over the events of one interval of time.

At a point a window is an interval (`windows.reach`), so no step function is built: each type of a set is folded
where its rows lie (`inside`), and the answers of the types are put together, without merging them.

Each function here gives what the general way gives, or None where the types of a set must be merged to tell (the
first, last and distinct values of several types, properties of unlike kinds). Invariant: equal to the general way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from yutang.conditions.nodes import Aggregate, Events, Fold
from yutang.conditions.vocabulary import Kind
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.evaluation.ask import Ask, Measure
from yutang.timeline.evaluation.inside import Inside, picked
from yutang.timeline.evaluation.selection import Reach
from yutang.timeline.evaluation.windows import reach
from yutang.timeline.kernels import intervals
from yutang.timeline.steps import UNKNOWN, Ints, Steps
from yutang.timeline.view import Column

_WORDY = (Kind.STRING, Kind.LIST)
_MODES = {Fold.SUM: intervals.SUM, Fold.MIN: intervals.LEAST, Fold.MAX: intervals.GREATEST}
_JOINED = {Fold.SUM: np.add, Fold.MIN: np.minimum, Fold.MAX: np.maximum}
PERIODS_COUNT_MAX = 63  # a bit each
_ENDS = {Fold.FIRST: intervals.FIRST, Fold.LAST: intervals.LAST}


def count(ask: Ask, events: Events, within: Reach) -> Steps:
    """How many events there are within reach."""
    total = np.zeros(ask.view.count, np.int64)
    for one in ask.inside(events, within):
        total += one.count()
    return Steps.constant(total)


def at_least(ask: Ask, events: Events, within: Reach, number: int) -> Steps:
    """Whether there are at least so many events within reach: told sooner than how many there are."""
    parts = ask.inside(events, within)
    if number == 1 or len(parts) == 1:
        found = np.full(ask.view.count, number <= 0)
        for one in parts if number > 0 else ():
            found |= one.at_least(number)
    else:
        found = count(ask, events, within).value >= number
    return Steps.constant(found.astype(np.int64))


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


def periods(ask: Ask, events: Events, begins: Ints) -> Steps | None:
    """In how many of some periods that follow upon one another there was an event. begins: where each begins, and
    the end of the last. None: there are more of them than bits in a number."""
    if len(begins) - 1 > PERIODS_COUNT_MAX:
        return None
    met = np.zeros(ask.view.count, np.int64)
    for one in ask.inside(events, Reach(int(begins[0]) - 1, int(begins[-1]) - 1)):
        met |= intervals.parts_met(one.lows, one.highs, one.rows.at, one.flags, begins)
    return Steps.constant(np.bitwise_count(met).astype(np.int64))


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
