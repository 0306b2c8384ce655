"""Folds over sliding sets of events: what is in the window, as a function of all time.

Row j of a customer is in the window while starts[j] <= T < ends[j]; both ascend within a customer (an
end that doesn't counts as the greatest before it, which changes no union), so the rows in the window
are always a contiguous range and two pointers walk it: O(rows) in all. Maximum keeps a monotone queue,
distinct a counter for each code.

Asked about a stretch of time only, a fold starts with what is in the window at `since` and stops at `till`
(the clipped form of `Steps`); BEGINNING and NEVER ask about all of it.

Invariant: the result is in the normal form of `Steps`; equal instants are one change; a row whose end
isn't after its start is never seen; BEGINNING and NEVER are honoured as before and after everything.
"""

# ruff: noqa: PLR0912, PLR0915  a kernel calls nothing, so its branches stand in place
from __future__ import annotations

import numpy as np

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import UNKNOWN, Ints

COUNT, ANY, SUM, MAX, FIRST, LAST, DISTINCT = range(7)


@kernel("iiiinnnn")
def fold(
    offsets: Ints, starts: Ints, ends: Ints, values: Ints, mode: int, codes_count: int, since: int, till: int
) -> tuple[Ints, Ints, Ints]:
    """(offsets, at, value) of the fold. values: int64[m] (int64[0] for COUNT and ANY); for DISTINCT codes in
    [0, codes_count). Maximum, first and last of none are UNKNOWN, the rest of none 0. (A minimum is the
    maximum of the negated.)
    """
    n = len(offsets) - 1
    at = np.empty(n + 2 * len(starts), np.int64)
    value = np.empty(n + 2 * len(starts), np.int64)
    bounds = np.empty(n + 1, np.int64)
    queue = np.empty(len(starts) if mode == MAX else 0, np.int64)
    counts = np.zeros(codes_count if mode == DISTINCT else 0, np.int64)
    out = 0
    for i in range(n):
        bounds[i] = out
        entering, leaving, high = offsets[i], offsets[i], offsets[i + 1]
        head, tail, total = 0, 0, 0
        instant = since
        while True:
            while entering < high and starts[entering] <= instant:
                if mode == SUM:
                    total += values[entering]
                elif mode == MAX:
                    while tail > head and values[queue[tail - 1]] <= values[entering]:
                        tail -= 1
                    queue[tail] = entering
                    tail += 1
                elif mode == DISTINCT:
                    counts[values[entering]] += 1
                    if counts[values[entering]] == 1:
                        total += 1
                entering += 1
            while leaving < entering and ends[leaving] <= instant:
                if mode == SUM:
                    total -= values[leaving]
                elif mode == MAX:
                    if queue[head] == leaving:
                        head += 1
                elif mode == DISTINCT:
                    counts[values[leaving]] -= 1
                    if counts[values[leaving]] == 0:
                        total -= 1
                leaving += 1
            if mode == COUNT:
                result = entering - leaving
            elif mode == ANY:
                result = 1 if entering > leaving else 0
            elif mode in (SUM, DISTINCT):
                result = total
            elif entering == leaving:
                result = UNKNOWN
            else:
                result = values[leaving if mode == FIRST else entering - 1 if mode == LAST else queue[head]]
            if out == bounds[i] or value[out - 1] != result:
                at[out] = BEGINNING if out == bounds[i] else instant
                value[out] = result
                out += 1
            instant = starts[entering] if entering < high else NEVER
            if leaving < entering and ends[leaving] < instant:
                instant = ends[leaving]
            if instant == NEVER or instant > till:
                break
        for row in range(leaving, entering if mode == DISTINCT else leaving):
            counts[values[row]] = 0
    bounds[n] = out
    if 2 * out < len(at):  # don't keep twice the room that is needed
        return bounds, at[:out].copy(), value[:out].copy()
    return bounds, at[:out], value[:out]


@kernel("iiinn")
def union(offsets: Ints, starts: Ints, ends: Ints, since: int, till: int) -> tuple[Ints, Ints, Ints]:
    """(offsets, at, value): 1 where T is in one of the intervals at least. starts ascend, ends needn't."""
    n = len(offsets) - 1
    at = np.empty(n + 2 * len(starts), np.int64)
    value = np.empty(n + 2 * len(starts), np.int64)
    bounds = np.empty(n + 1, np.int64)
    out = 0
    for i in range(n):
        bounds[i] = out
        at[out], value[out] = BEGINNING, 0
        out += 1
        inside, reach = False, BEGINNING
        for row in range(offsets[i], offsets[i + 1]):
            if starts[row] > till:
                break
            if ends[row] <= starts[row] or ends[row] <= since:
                continue
            if inside and starts[row] <= reach:
                reach = max(reach, ends[row])
                continue
            if inside:
                at[out], value[out] = reach, 0
                out += 1
            if starts[row] <= since:
                value[out - 1] = 1
            else:
                at[out], value[out] = starts[row], 1
                out += 1
            inside, reach = True, ends[row]
        if inside and reach != NEVER and reach <= till:
            at[out], value[out] = reach, 0
            out += 1
    bounds[n] = out
    if 2 * out < len(at):  # don't keep twice the room that is needed
        return bounds, at[:out].copy(), value[:out].copy()
    return bounds, at[:out], value[:out]


@kernel("iiiinn")
def latest(offsets: Ints, at: Ints, values: Ints, ranks: Ints, since: int, till: int) -> tuple[Ints, Ints, Ints]:
    """(offsets, at, value) of a state that events set: the latest value wins, but a value doesn't give way to one
    of a worse (higher) rank. UNKNOWN unsets; what is unset gives way to anything. Rows ascend in `at`.
    """
    n = len(offsets) - 1
    out_at = np.empty(n + len(at), np.int64)
    value = np.empty(n + len(at), np.int64)
    bounds = np.empty(n + 1, np.int64)
    out = 0
    for i in range(n):
        bounds[i] = out
        current, rank = UNKNOWN, 0
        row = offsets[i]
        while row < offsets[i + 1] and at[row] <= since:
            if current == UNKNOWN or ranks[row] <= rank:
                current = values[row]
                rank = ranks[row]
            row += 1
        out_at[out] = BEGINNING
        value[out] = current
        out += 1
        while row < offsets[i + 1] and at[row] <= till:
            instant = at[row]
            while row < offsets[i + 1] and at[row] == instant:
                if current == UNKNOWN or ranks[row] <= rank:
                    current = values[row]
                    rank = ranks[row]
                row += 1
            if value[out - 1] != current:
                out_at[out] = instant
                value[out] = current
                out += 1
    bounds[n] = out
    return bounds, out_at[:out].copy(), value[:out].copy()
