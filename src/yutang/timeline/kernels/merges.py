"""Merges of what is already in order: two step functions into one, two event lists into one.

Each is a two-pointer walk within each customer, O(rows of both). Invariant: results are in order and,
where they are `Steps`, in normal form.
"""

from __future__ import annotations

import numpy as np

from yutang.kernel.instants import NEVER
from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import Flags, Ints

LEAST, GREATEST, TOTAL = range(3)


@kernel("iiiiiin")
def combine(
    offsets_a: Ints, at_a: Ints, value_a: Ints, offsets_b: Ints, at_b: Ints, value_b: Ints, mode: int
) -> tuple[Ints, Ints, Ints]:
    """(offsets, at, value) of the least, the greatest or the total of two step functions at each instant."""
    n = len(offsets_a) - 1
    at = np.empty(len(at_a) + len(at_b), np.int64)
    value = np.empty(len(at_a) + len(at_b), np.int64)
    bounds = np.empty(n + 1, np.int64)
    out = 0
    for i in range(n):
        bounds[i] = out
        a, b = offsets_a[i], offsets_b[i]
        end_a, end_b = offsets_a[i + 1], offsets_b[i + 1]
        instant = at_a[a]
        while True:
            left, right = value_a[a], value_b[b]
            result = left + right
            if mode == LEAST:
                result = left if left < right else right
            elif mode == GREATEST:
                result = left if left > right else right
            if out == bounds[i] or value[out - 1] != result:
                at[out] = instant
                value[out] = result
                out += 1
            next_a = at_a[a + 1] if a + 1 < end_a else NEVER
            next_b = at_b[b + 1] if b + 1 < end_b else NEVER
            instant = next_a if next_a < next_b else next_b
            if instant == NEVER:
                break
            if next_a == instant:
                a += 1
            if next_b == instant:
                b += 1
    bounds[n] = out
    if 2 * out < len(at):  # don't keep twice the room that is needed
        return bounds, at[:out].copy(), value[:out].copy()
    return bounds, at[:out], value[:out]


@kernel("iinn")
def ever(offsets: Ints, value: Ints, low: int, high: int) -> Flags:
    """bool[n]: whether a step function ever lies between two values, inclusive."""
    n = len(offsets) - 1
    found = np.zeros(n, np.bool_)
    for i in range(n):
        for row in range(offsets[i], offsets[i + 1]):
            if low <= value[row] <= high:
                found[i] = True
                break
    return found


@kernel("iii")
def normalise(offsets: Ints, at: Ints, value: Ints) -> tuple[Ints, Ints, Ints]:
    """(offsets, at, value) without the rows that repeat the value before them."""
    n = len(offsets) - 1
    out_at = np.empty(len(at), np.int64)
    out_value = np.empty(len(at), np.int64)
    bounds = np.empty(n + 1, np.int64)
    out = 0
    for i in range(n):
        bounds[i] = out
        for row in range(offsets[i], offsets[i + 1]):
            if out == bounds[i] or out_value[out - 1] != value[row]:
                out_at[out] = at[row]
                out_value[out] = value[row]
                out += 1
    bounds[n] = out
    return bounds, out_at[:out].copy(), out_value[:out].copy()


@kernel("iiiiii")
def interleave(offsets_a: Ints, at_a: Ints, tie_a: Ints, offsets_b: Ints, at_b: Ints, tie_b: Ints) -> Ints:
    """int64[a+b]: the order by (customer, at, tie) of rows a followed by rows b; a first where all is equal."""
    n = len(offsets_a) - 1
    rows_a = len(at_a)
    order = np.empty(rows_a + len(at_b), np.int64)
    out = 0
    for i in range(n):
        a, b = offsets_a[i], offsets_b[i]
        end_a, end_b = offsets_a[i + 1], offsets_b[i + 1]
        while a < end_a or b < end_b:
            if b >= end_b:
                first_a = True
            elif a >= end_a:
                first_a = False
            elif at_a[a] != at_b[b]:
                first_a = at_a[a] < at_b[b]
            else:
                first_a = tie_a[a] <= tie_b[b]
            if first_a:
                order[out] = a
                a += 1
            else:
                order[out] = rows_a + b
                b += 1
            out += 1
    return order


@kernel("iiiiiiii")
def interleaved(
    lows_a: Ints, highs_a: Ints, at_a: Ints, tie_a: Ints, lows_b: Ints, highs_b: Ints, at_b: Ints, tie_b: Ints
) -> tuple[Ints, Ints, Ints]:
    """(offsets, at, tie) of rows lows[i]:highs[i] of both, as `interleave` would put them: where nothing else of the
    rows is wanted, they are read where they lie."""
    n = len(lows_a)
    offsets = np.empty(n + 1, np.int64)
    total = 0
    for i in range(n):
        offsets[i] = total
        total += highs_a[i] - lows_a[i] + highs_b[i] - lows_b[i]
    offsets[n] = total
    at = np.empty(total, np.int64)
    tie = np.empty(total, np.int64)
    out = 0
    for i in range(n):
        a, b = lows_a[i], lows_b[i]
        end_a, end_b = highs_a[i], highs_b[i]
        while a < end_a and b < end_b:
            if at_a[a] < at_b[b] or (at_a[a] == at_b[b] and tie_a[a] <= tie_b[b]):
                at[out], tie[out] = at_a[a], tie_a[a]
                a += 1
            else:
                at[out], tie[out] = at_b[b], tie_b[b]
                b += 1
            out += 1
        while a < end_a:
            at[out], tie[out] = at_a[a], tie_a[a]
            a += 1
            out += 1
        while b < end_b:
            at[out], tie[out] = at_b[b], tie_b[b]
            b += 1
            out += 1
    return offsets, at, tie
