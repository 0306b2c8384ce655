"""The events of one type that lie within reach, where they lie, and what kernels say of them without copying them.

A filter is judged for all rows of a type, once for all windows; or, where customers have many, for those within reach
only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
JUDGED_ROWS_COUNT_MAX = 12  # a customer, on average: judging all of them is quicker than finding those within reach
GATHERED_SHARE_MAX = 0.5  # of a type's more rows: for so few, a filter is judged for them alone


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
        columns = (self.lows, self.highs, self.rows.at, self.flags, values)
        return intervals.distinct(*columns, self.within.after, self.within.until)

    def distinct_at_least(self, values: Ints, count: int) -> Flags:
        """bool[n]: whether they have so many (>= 1) different known values."""
        columns = (self.lows, self.highs, self.rows.at, self.flags, values)
        return intervals.distinct_at_least(*columns, count, self.within.after, self.within.until)

    def instants(self, mode: int) -> Ints:
        """int64[n]: when the first or last of them was; UNKNOWN if there is none."""
        if len(self.flags) or self.within.after != BEGINNING:
            return picked(self.rows.at, self.folded(mode))
        return intervals.ends(self.lows, self.highs, self.rows.at, int(mode == intervals.LAST), self.within.until)

    def plain(self, *columns: Ints) -> tuple[Ints, ...]:
        """(lows, highs, columns …): where the rows of each customer that are flagged lie in columns of these alone."""
        if not len(self.flags):
            return self.lows, self.highs, *columns
        before = np.zeros(len(self.flags) + 1, np.int64)
        np.cumsum(self.flags, out=before[1:])
        return before[self.lows], before[self.highs], *(column[self.flags] for column in columns)


def covered_by_any(parts: Sequence[Inside], n: int, width: int, within: Reach, stretch: Stretch) -> Steps:
    """Whether T is in [t, t + width) of one of the events of some types at least; NEVER: from t on. n customers."""
    from yutang.timeline.kernels import several

    held = [one.plain(one.rows.at) for one in parts]
    rows = sum(len(at) for _, _, at in held)
    lows, highs, at = _addresses(held, 3)
    bounds = (within.after, within.until, stretch.start, stretch.end)
    return Steps.of(several.covered(lows, highs, at, n, rows, width, *bounds))


def any_returned(parts: Sequence[Inside], n: int, gap: int, within: Reach) -> Flags:
    """bool[n]: whether one of the events of some types within reach comes a gap (>= 1) or more after the one before."""
    from yutang.timeline.kernels import several

    held = [one.plain(one.rows.at) for one in parts]
    lows, highs, at = _addresses(held, 3)
    return several.returned(lows, highs, at, n, gap, within.after, within.until)


def any_followed(steps: Sequence[Inside], n: int, total: int, within: Reach) -> Flags:
    """bool[n]: whether events within reach, one of each step, follow one another, the last at most so long after the
    first."""
    from yutang.timeline.kernels import several

    held = [one.plain(one.rows.at, one.rows.tie) for one in steps]
    lows, highs, at, tie = _addresses(held, 4)
    return several.followed(lows, highs, at, tie, n, total, within.after, within.until)


def _addresses(held: Sequence[tuple[Ints, ...]], count: int) -> list[Ints]:
    """Where so many columns of each type lie; good for as long as these are held."""
    found = np.array([[column.ctypes.data for column in one] for one in held], np.int64).reshape(-1, count)
    return list(found.T.copy())


Bounds = Callable[[str, Reach], tuple[Ints, Ints]]  # (lows, highs) of the rows of a type within reach

Judged = Callable[[Callable[[], Flags | None]], Flags]  # by what judges them; none for all rows


def inside(
    view: View,
    kind: MarkedType,
    events: Events,
    calendar: Calendar,
    within: Reach,
    prop: str | None,
    bounds: Bounds,
    judged: Judged,
) -> Inside:
    """The events of a set that are of one of its types and lie within reach. prop: also read. judged: keeps which of
    all rows of the type are of the set."""
    rows, lows, highs = lying(view, kind[0], read_by(kind, events, prop))
    if not filtered(kind, events):
        return Inside(rows, lows, highs, NO_FLAGS, within)
    if len(rows.at) > JUDGED_ROWS_COUNT_MAX * len(lows):
        inner = bounds(kind[0], within)
        if int((inner[1] - inner[0]).sum()) <= GATHERED_SHARE_MAX * len(rows.at):
            rows, within = taken(rows, *inner), EVERYTHING
            keep = passing(view, kind, events, rows, calendar)
            return Inside(rows, rows.offsets[:-1], rows.offsets[1:], NO_FLAGS if keep is None else keep, within)
    return Inside(rows, lows, highs, judged(lambda: passing(view, kind, events, rows, calendar)), within)


def picked(values: Ints, rows: Ints) -> Ints:
    """The values at some rows; UNKNOWN for row -1."""
    if not len(values):
        return np.full(len(rows), UNKNOWN, np.int64)
    return np.where(rows < 0, UNKNOWN, values[np.maximum(rows, 0)])
