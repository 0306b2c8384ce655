"""Sums by cell, and what an RFM needs of each customer: one pass over the rows each.

A sum of everybody's amounts may pass what an int64 holds, so the high and the low halves of values are summed apart:
2^31 rows of any values fit.
"""

from __future__ import annotations

import numpy as np

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import UNKNOWN, Ints


@kernel("iin")
def totals(cells: Ints, values: Ints, cells_count: int) -> tuple[Ints, Ints]:
    """(high, low): sums of value >> 32 and of value & 0xFFFFFFFF by cell; rows of cell -1 count nowhere. O(rows)."""
    high = np.zeros(cells_count, np.int64)
    low = np.zeros(cells_count, np.int64)
    for row in range(len(cells)):
        if cells[row] >= 0:
            high[cells[row]] += values[row] >> 32
            low[cells[row]] += values[row] & 0xFFFFFFFF
    return high, low


@kernel("iin")
def extremes(cells: Ints, values: Ints, cells_count: int) -> tuple[Ints, Ints]:
    """(least, greatest) value by cell, (NEVER, BEGINNING) of none; rows of cell -1 count nowhere. O(rows)."""
    least = np.full(cells_count, NEVER, np.int64)
    greatest = np.full(cells_count, BEGINNING, np.int64)
    for row in range(len(cells)):
        if cells[row] >= 0:
            least[cells[row]] = min(least[cells[row]], values[row])
            greatest[cells[row]] = max(greatest[cells[row]], values[row])
    return least, greatest


@kernel("iiinn")
def recent(offsets: Ints, at: Ints, values: Ints, after: int, until: int) -> tuple[Ints, Ints, Ints]:
    """(last, number, sum) of each customer's rows in (after, until]: int64[n] each.

    last: BEGINNING without any. values: int64[rows], unknown ones add nothing. O(rows).
    """
    n = len(offsets) - 1
    last = np.full(n, BEGINNING, np.int64)
    number = np.zeros(n, np.int64)
    total = np.zeros(n, np.int64)
    for i in range(n):
        for row in range(offsets[i], offsets[i + 1]):
            if at[row] > until:
                break
            if at[row] > after:
                last[i] = at[row]
                number[i] += 1
                if values[row] != UNKNOWN:
                    total[i] += values[row]
    return last, number, total
