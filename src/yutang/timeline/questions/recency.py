"""How long ago the last event of a set was, and how many there were; and quintiles of the two and of money.

One pass over the rows of each type (`kernels.totals.recent`); of several types the latest, and the sums. Quintiles are
found by four values each (`ranking`), without sorting anybody.
"""

from __future__ import annotations

import numpy as np

from yutang.conditions.nodes import Events
from yutang.kernel.instants import BEGINNING
from yutang.timeline.boundaries import Calendar
from yutang.timeline.kernels.totals import recent
from yutang.timeline.questions.periods import selections
from yutang.timeline.ranking import fifths
from yutang.timeline.steps import UNKNOWN, Ints
from yutang.timeline.view import View


def last_events(
    view: View, events: Events, calendar: Calendar, after_ms: int, until_ms: int, prop: str | None = None
) -> tuple[Ints, Ints, Ints]:
    """(last, number, sum of a property) of each customer's events in (after, until]; BEGINNING without any."""
    last = np.full(view.count, BEGINNING, np.int64)
    number, total = np.zeros((2, view.count), np.int64)
    for one in selections(view, events, calendar, prop):
        values = np.full(len(one.at), UNKNOWN, np.int64) if one.column is None else one.column.values
        found = recent(one.offsets, one.at, values, after_ms, until_ms)
        last, number, total = np.maximum(last, found[0]), number + found[1], total + found[2]
    return last, number, total


def scores(last: Ints, number: Ints, total: Ints) -> tuple[Ints, Ints, Ints]:
    """(recency, frequency, monetary) of n customers with events: int64[n] each, 1 (worst) to 5 (best)."""
    return fifths(last) + 1, fifths(number) + 1, fifths(total) + 1
