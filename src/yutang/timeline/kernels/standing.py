"""What differs from what was known: step functions against the values that stood before.

For each customer one walk over its rows, which are few: O(rows). Nothing is made for customers of whom nothing
differs, so that the caller's work grows with the changes, not with the customers.
"""

from __future__ import annotations

import numpy as np

from yutang.kernel.instants import NEVER
from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import Ints


@kernel("iiiinn")
def changes(
    offsets: Ints, at: Ints, value: Ints, before: Ints, first: int, last: int
) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints]:
    """(who, was, now, when, code, until) of functions (`Steps`) against the values `before`, first <= last.

    who, was, now, when: int64[k], the changes by customer and instant; where the function at `first` isn't as
    before, since when it is as it is (at <= first), then all changes in (first, last]. code, until: int64[n], the value
    at `last`, and the instant of the next change; NEVER if there is none.
    """
    n = len(offsets) - 1
    room = 16 + n // 8
    found = np.empty((4, room), np.int64)
    code = np.empty(n, np.int64)
    until = np.empty(n, np.int64)
    k = 0
    for i in range(n):
        row, end = offsets[i], offsets[i + 1]
        while row + 1 < end and at[row + 1] <= first:
            row += 1
        current = before[i]
        if value[row] != current:
            if k == room:
                wide = np.empty((4, 2 * room), np.int64)
                wide[:, :room] = found
                found, room = wide, 2 * room
            found[0, k], found[1, k], found[2, k], found[3, k] = i, current, value[row], at[row]
            k += 1
        while row + 1 < end and at[row + 1] <= last:
            if k == room:
                wide = np.empty((4, 2 * room), np.int64)
                wide[:, :room] = found
                found, room = wide, 2 * room
            found[0, k], found[1, k], found[2, k], found[3, k] = i, value[row], value[row + 1], at[row + 1]
            k += 1
            row += 1
        code[i] = value[row]
        until[i] = at[row + 1] if row + 1 < end else NEVER
    return found[0, :k].copy(), found[1, :k].copy(), found[2, :k].copy(), found[3, :k].copy(), code, until
