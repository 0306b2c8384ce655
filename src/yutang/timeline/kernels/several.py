"""Events of several types as one: what they cover together, and who came back after a gap, without merging them.

Each customer is walked from its end back, by a place in each type. Events that are at most so far apart form a *run*; a
run is found by jumps: of all types, the oldest event that lies within the span before the oldest so far. So every row
is looked at once, whatever the number of types, and what is older than the question isn't touched.

Types come as tables of addresses: of where each customer's rows begin and end (int64[n] each), and of the instants;
an array for each would have its references counted. Rows ascend within a customer. Imports numba, so it is itself
imported at its first use.

Cost: O(rows within reach + types x runs within reach) a customer; 60 ns for nine types.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels.jit import kernel
from yutang.timeline.kernels.machine_words import word
from yutang.timeline.steps import Flags, Ints


@numba.njit(cache=True, nogil=True)
def _back(at: Any, low: Any, row: Any, bound: Any) -> Any:
    """The last row of low:row + 1 that isn't later than the bound; low - 1 if there is none."""
    while row >= low and word(at, row) > bound:
        row -= 1
    return row


@kernel("iiinnnnnnn")
def covered(
    lows: Ints, highs: Ints, columns: Ints, n: int, rows: int, width: int, after: int, until: int, since: int, till: int
) -> tuple[Ints, Ints, Ints]:
    """(offsets, at, value) of a truth: T lies in [at, at + width) of one of the rows with after < at <= until at least;
    width (>= 1) NEVER: from at on. Clipped to since <= T <= till. rows: how many there are in all types.
    """
    types, out = len(columns), n + 2 * rows
    out_at, value = np.empty(out, np.int64), np.empty(out, np.int64)  # filled from the end back
    bounds = np.full(n + 1, out, np.int64)
    rowed = np.empty(types, np.int64)
    for i in range(n - 1, -1, -1):
        for k in range(types):
            rowed[k] = _back(columns[k], word(lows[k], i), word(highs[k], i) - 1, min(until, till))
        oldest = NEVER
        while oldest > since:
            newest = after
            for k in range(types):
                if rowed[k] >= word(lows[k], i):
                    newest = max(newest, word(columns[k], rowed[k]))
            end = newest + width if newest <= NEVER - width else NEVER
            if newest <= after or end <= since:
                break
            oldest, before = newest, NEVER
            while since < oldest < before:
                before = oldest
                bound = max(after, before - width - 1 if before > BEGINNING + width else BEGINNING)
                for k in range(types):
                    row = _back(columns[k], word(lows[k], i), rowed[k], bound)
                    oldest = min(oldest, word(columns[k], row + 1)) if row < rowed[k] else oldest
                    rowed[k] = row
            if end <= till and end != NEVER:
                out -= 1
                out_at[out], value[out] = end, 0
            if oldest > since:
                out -= 1
                out_at[out], value[out] = oldest, 1
        out -= 1
        out_at[out], value[out] = BEGINNING, oldest <= since
        bounds[i] = out
    return bounds - out, out_at[out:].copy(), value[out:].copy()


@kernel("iiinnnn")
def returned(lows: Ints, highs: Ints, columns: Ints, n: int, gap: int, after: int, until: int) -> Flags:
    """bool[n]: whether there is a row with after < at <= until whose predecessor lies the gap (>= 1) or more before it;
    a customer's first row has none."""
    types = len(columns)
    found = np.zeros(n, np.bool_)
    rowed = np.empty(types, np.int64)
    for i in range(n):
        oldest, before = after, NEVER
        for k in range(types):
            rowed[k] = _back(columns[k], word(lows[k], i), word(highs[k], i) - 1, until)
            if rowed[k] >= word(lows[k], i):
                oldest = max(oldest, word(columns[k], rowed[k]))
        while after < oldest < before:
            before = oldest
            bound = before - gap if before >= BEGINNING + gap else BEGINNING
            for k in range(types):
                row = _back(columns[k], word(lows[k], i), rowed[k], bound)
                oldest = min(oldest, word(columns[k], row + 1)) if row < rowed[k] else oldest
                rowed[k] = row
        if oldest > after:  # the newest run begins in reach, so all runs before it begin earlier
            for k in range(types):
                found[i] |= rowed[k] >= word(lows[k], i)
    return found


@numba.njit(cache=True, nogil=True)
def _first_after(at: Any, ties: Any, low: Any, row: Any, instant: Any, tie: Any) -> Any:
    """The first of the rows low:row that is later than an instant, by (at, tie); `row` if none is."""
    while row > low:
        here = word(at, row - 1)
        if here < instant or (here == instant and word(ties, row - 1) <= tie):
            break
        row -= 1
    return row


@kernel("iiiinnnn")
def followed(
    lows: Ints, highs: Ints, columns: Ints, ties: Ints, n: int, total: int, after: int, until: int
) -> Flags:  # fmt: skip
    """bool[n]: whether rows with after < at <= until, one of each step, follow one another strictly by (at, tie), the
    last at most `total` after the first. A step is a table's entry; one may be there twice.

    From each beginning on, the earliest next row is taken of every step; as beginnings go back, so do these.
    """
    steps = len(columns)
    found = np.zeros(n, np.bool_)
    rowed, ends = np.empty(steps, np.int64), np.empty(steps, np.int64)
    for i in range(n):
        step = steps - 1  # the last is the rarest, mostly
        while step >= 0:
            row = _back(columns[step], word(lows[step], i), word(highs[step], i) - 1, until)
            if row < word(lows[step], i) or word(columns[step], row) <= after:
                break
            rowed[step] = ends[step] = row + 1
            step -= 1
        begin = ends[0] - 1 if step < 0 else -1
        while begin >= word(lows[0], i) and word(columns[0], begin) > after and not found[i]:
            instant, tie = word(columns[0], begin), word(ties[0], begin)
            step = 1
            while step < steps:
                row = _first_after(columns[step], ties[step], word(lows[step], i), rowed[step], instant, tie)
                rowed[step] = row
                if row == ends[step]:
                    break
                instant, tie = word(columns[step], row), word(ties[step], row)
                step += 1
            found[i] = step == steps and instant - word(columns[0], begin) <= total
            begin -= 1
    return found
