"""Who moved from where to where in which period, counted out of step functions.

A period p is (bounds[p], bounds[p + 1]]. A customer's rows are walked once; between two bounds only the value that
holds at each of them counts, so that a pair's count is a number of customers and stocks follow from one another. Who
didn't move in a period costs nothing in it. Cost: O(rows) and a few steps more for each that lies in the bounds.
"""

from __future__ import annotations

import numpy as np

from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import Ints


@kernel("iiiiiinn")
def moves(
    offsets: Ints, at: Ints, value: Ints, first_seen: Ints, group: Ints, bounds: Ints, states: int, groups: int
) -> tuple[Ints, Ints]:
    """(stock at bounds[0], moves) of n customers: int64[groups * states] and int64[periods * groups * states * states].

    value: the place of a state, or below 0: `states - 2`, for none. Before first_seen a customer is in state
    `states - 1`, absent. group: the place of each customer's, below 0 for those that aren't counted. A move of a
    period is at [period, group, state at its begin, state at its end]; who stayed isn't there.
    """
    n, periods = len(offsets) - 1, len(bounds) - 1
    stock = np.zeros(groups * states, np.int64)
    found = np.zeros(periods * groups * states * states, np.int64)
    for i in range(n):
        if group[i] < 0:
            continue
        row, end, seen = offsets[i], offsets[i + 1], first_seen[i]
        code = states - 2
        while row < end and at[row] <= bounds[0]:
            code = value[row] if value[row] >= 0 else states - 2
            row += 1
        here = code if seen <= bounds[0] else states - 1
        stock[group[i] * states + here] += 1
        period = 0
        while True:
            following = at[row] if row < end else bounds[periods] + 1
            if here == states - 1 and seen < following:
                following = seen
            if following > bounds[periods]:
                break
            while following > bounds[period + 1]:
                period += 1
            while row < end and at[row] <= bounds[period + 1]:
                code = value[row] if value[row] >= 0 else states - 2
                row += 1
            now = code if seen <= bounds[period + 1] else states - 1
            if now != here:
                found[((period * groups + group[i]) * states + here) * states + now] += 1
                here = now
    return stock, found
