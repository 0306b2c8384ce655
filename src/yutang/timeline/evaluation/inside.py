"""The events of one type that lie within reach, where they lie, and what kernels say of them without copying them.

A filter is judged for the rows within reach only, where that is the smaller part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from yutang.conditions.nodes import Events
from yutang.kernel.instants import BEGINNING
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.narrowing import lying, taken
from yutang.timeline.evaluation.selection import EVERYTHING, MarkedType, Reach, filtered, passing, read_by
from yutang.timeline.kernels import intervals
from yutang.timeline.steps import UNKNOWN, Flags, Ints, Steps, Stretch
from yutang.timeline.view import Slice, View

NO_FLAGS: Flags = np.empty(0, np.bool_)
_NOTHING: Ints = np.empty(0, np.int64)
FEW_ROWS_COUNT_MAX = 4  # a customer, on average: adding up all of them is quicker than finding those within reach
GATHERED_SHARE_MAX = 0.5  # of a type's rows: for so few, a filter is judged for them alone


@dataclass(frozen=True, slots=True)
class Inside:
    """The events of one type that lie within reach: of customer i those of the rows lows[i]:highs[i] that are flagged
    (length 0: all)."""

    rows: Slice
    lows: Ints
    highs: Ints
    flags: Flags
    within: Reach

    def folded(self, mode: int, values: Ints = _NOTHING) -> Ints:
        """See `intervals.folded`."""
        rows, within = self.rows, self.within
        if mode == intervals.SUM and len(rows.at) <= FEW_ROWS_COUNT_MAX * len(self.lows):
            return intervals.totals(self.lows, self.highs, rows.at, self.flags, values, within.after, within.until)
        return intervals.folded(self.lows, self.highs, rows.at, self.flags, values, mode, within.after, within.until)

    def count(self) -> Ints:
        """int64[n]: how many there are."""
        if len(self.flags):
            return self.folded(intervals.COUNT)
        lows, highs = intervals.between(self.lows, self.highs, self.rows.at, self.within.after, self.within.until)
        return highs - lows

    def at_least(self, count: int) -> Flags:
        """bool[n]: whether there are so many (>= 1)."""
        if len(self.flags):
            return self.folded(intervals.COUNT) >= count
        rows, within = self.rows, self.within
        return intervals.at_least(self.lows, self.highs, rows.at, count, within.after, within.until)

    def covered(self, width: int, stretch: Stretch) -> Steps:
        """Whether T is in [t, t + width) of one of them at least; NEVER: from t on."""
        rows, within = self.rows, self.within
        columns = (self.lows, self.highs, rows.at, self.flags, width, within.after, within.until)
        return Steps.of(intervals.covered(*columns, stretch.start, stretch.end))

    def distinct(self, values: Ints) -> Ints:
        """int64[n]: how many different known values they have."""
        rows, within = self.rows, self.within
        return intervals.distinct(self.lows, self.highs, rows.at, self.flags, values, within.after, within.until)

    def instants(self, mode: int) -> Ints:
        """int64[n]: when the first or last of them was; UNKNOWN if there is none."""
        if len(self.flags) or self.within.after != BEGINNING:
            return picked(self.rows.at, self.folded(mode))
        return intervals.ends(self.lows, self.highs, self.rows.at, int(mode == intervals.LAST), self.within.until)


Bounds = Callable[[str, Reach], tuple[Ints, Ints]]  # (lows, highs) of the rows of a type within reach


def inside(
    view: View, kind: MarkedType, events: Events, calendar: Calendar, within: Reach, prop: str | None, bounds: Bounds
) -> Inside:
    """The events of a set that are of one of its types and lie within reach. prop: also read."""
    rows, lows, highs = lying(view, kind[0], read_by(kind, events, prop))
    if not filtered(kind, events):
        return Inside(rows, lows, highs, NO_FLAGS, within)
    inner = bounds(kind[0], within)
    if int((inner[1] - inner[0]).sum()) <= GATHERED_SHARE_MAX * len(rows.at):
        rows, within = taken(rows, *inner), EVERYTHING
        lows, highs = rows.offsets[:-1], rows.offsets[1:]
    keep = passing(view, kind, events, rows, calendar)
    return Inside(rows, lows, highs, NO_FLAGS if keep is None else keep, within)


def picked(values: Ints, rows: Ints) -> Ints:
    """The values at some rows; UNKNOWN for row -1."""
    if not len(values):
        return np.full(len(rows), UNKNOWN, np.int64)
    return np.where(rows < 0, UNKNOWN, values[np.maximum(rows, 0)])
