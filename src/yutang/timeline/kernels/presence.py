"""When customers were there at all: of each quarter of an hour in which one has an event, the first instant.

A visit is many events within minutes, and what is asked of all events by calendar (who was active in which week) only
needs one of each: every boundary of days lies on a quarter of an hour, in whatever zone of today. So the events of all
types come down to a tenth of the rows, in one list a customer. Cost: O(rows) for each list that is united.

`present` asks the lists for periods: 0.8 ns a row. It reads four bytes of each, whose lowest bit ends a customer's
list, and nothing that is branched on depends on a row.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import Ints

Bytes = npt.NDArray[np.uint8]
Halves = npt.NDArray[np.uint32]

QUARTER_MS = 900_000
EDGE, AFTER = 62, 63  # bits: of the quarter that the range ends in, and of those after it


@kernel("iiii")
def united(starts: Ints, at: Ints, starts_more: Ints, at_more: Ints) -> tuple[Ints, Ints]:
    """(starts, at) of two lists of instants >= 0 as one: of each customer and quarter the first.

    starts: where each customer's begin, and where the last one's end, of a stretch of customers; one list may know more
    of them. at: ascending within a customer.
    """
    count = max(len(starts), len(starts_more)) - 1
    found = np.empty(starts[-1] - starts[0] + starts_more[-1] - starts_more[0], np.int64)
    bounds = np.empty(count + 1, np.int64)
    out = 0
    for i in range(count):
        bounds[i] = out
        a, end_a = (starts[i], starts[i + 1]) if i + 1 < len(starts) else (0, 0)
        b, end_b = (starts_more[i], starts_more[i + 1]) if i + 1 < len(starts_more) else (0, 0)
        later = np.int64(0)  # the quarter after that of the last one
        while a < end_a or b < end_b:
            if b >= end_b or (a < end_a and at[a] <= at_more[b]):
                instant = at[a]
                a += 1
            else:
                instant = at_more[b]
                b += 1
            if instant >= later:
                later = (instant // QUARTER_MS + 1) * QUARTER_MS
                found[out] = instant
                out += 1
    bounds[count] = out
    return bounds, found[:out].copy()


@kernel("iiubnn")
def present(offsets: Ints, at: Ints, codes: Halves, bits: Bytes, until: int, last: int) -> Ints:
    """int64[n]: the periods in which customers have instants up to `until`, a bit each.

    offsets, at: as of `united`, of all customers or of a stretch of them. codes: of each instant twice its quarter,
    and one more if it is its customer's last. bits: the bit of each quarter, EDGE where only `at` says whether it
    counts, for bit number `last`, and AFTER where it doesn't.
    """
    n = len(offsets) - 1
    found = np.empty(n + 1, np.int64)  # of those who have rows, one after the other
    place = np.uint64(0)
    mask = np.int64(0)
    for row in range(np.uint64(offsets[0]), np.uint64(offsets[n])):
        code = np.uint64(codes[row])
        mask |= np.int64(1) << np.int64(bits[code >> np.uint64(1)])
        found[place] = mask
        ends = code & np.uint64(1)
        mask &= np.int64(ends) - 1
        place += ends
    whole = np.empty(n, np.int64)
    place = np.uint64(0)
    for i in range(n):
        some = np.int64(offsets[i + 1] > offsets[i])
        mask = found[place] & -some
        place += np.uint64(some)
        whole[i] = mask & ((np.int64(1) << EDGE) - 1)
        if (mask >> EDGE) & 1:
            for row in range(offsets[i], offsets[i + 1]):
                if at[row] <= until and bits[codes[row] >> 1] == EDGE:
                    whole[i] |= np.int64(1) << last
    return whole
