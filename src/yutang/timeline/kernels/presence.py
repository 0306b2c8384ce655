"""When customers were there at all: of each quarter of an hour in which one has an event, the first instant.

A visit is many events within minutes, and what is asked of all events by calendar (who was active in which week) only
needs one of each: every boundary of days lies on a quarter of an hour, in whatever zone of today. So the events of all
types come down to a tenth of the rows, in one list a customer. Cost: O(rows) for each list that is united.
"""

from __future__ import annotations

import numpy as np

from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import Ints

QUARTER_MS = 900_000


@kernel("iiii")
def united(starts: Ints, at: Ints, starts_more: Ints, at_more: Ints) -> tuple[Ints, Ints]:
    """(starts, at) of two lists of instants >= 0 as one: of each customer and quarter the first.

    starts: where each customer's begin, and where the last one's end; one list may know more customers. at: ascending
    within a customer.
    """
    count = max(len(starts), len(starts_more)) - 1
    found = np.empty(len(at) + len(at_more), np.int64)
    bounds = np.empty(count + 1, np.int64)
    out = 0
    for i in range(count):
        bounds[i] = out
        a, end_a = (starts[i], starts[i + 1]) if i + 1 < len(starts) else (0, 0)
        b, end_b = (starts_more[i], starts_more[i + 1]) if i + 1 < len(starts_more) else (0, 0)
        quarter = np.int64(-1)
        while a < end_a or b < end_b:
            if b >= end_b or (a < end_a and at[a] <= at_more[b]):
                instant = at[a]
                a += 1
            else:
                instant = at_more[b]
                b += 1
            if instant // QUARTER_MS != quarter:
                quarter = instant // QUARTER_MS
                found[out] = instant
                out += 1
    bounds[count] = out
    return bounds, found[:out].copy()
