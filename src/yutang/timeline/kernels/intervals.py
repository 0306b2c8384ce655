"""What lies in one interval of time: the rows of each customer, and folds over them.

A window asked about at a point is one interval (after, until] of event time, so an answer at a point is a fold over a
contiguous range of each customer's rows, read where they lie: nothing is copied, and what is older isn't touched.
Most rows that matter are recent, and few are later than the point asked about, so each customer is read from its end
back. Where only the ends of the range matter they are found by galloping, in O(log rows of it); the folds are O(rows
of it); whether there are at least k is one look, k rows from the end.

Customer i has rows lows[i]:highs[i]; customers needn't lie side by side, so any of them may be left out. at ascends
within a customer. flags marks the rows that count; with none (length 0) all do. BEGINNING as `after`: from
the first row on, whose instant needn't be read.
"""

from __future__ import annotations

import numpy as np

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import UNKNOWN, Flags, Ints

COUNT, SUM, LEAST, GREATEST, FIRST, LAST = range(6)


@kernel("iiinn")
def between(lows: Ints, highs: Ints, at: Ints, after: int, until: int) -> tuple[Ints, Ints]:
    """(lows, highs): those of the rows of each customer with after < at <= until."""
    n = len(lows)
    begins = np.empty(n, np.int64)
    ends = np.empty(n, np.int64)
    for i in range(n):
        first, edge = lows[i], highs[i]
        for side in range(2):  # from the end back to the last that isn't later, then to the first that isn't earlier
            bound = until if side == 0 else after
            beyond, back = edge, 1
            while beyond > first and edge - back >= first and at[edge - back] > bound:
                beyond = edge - back
                back *= 2
            short = max(first - 1, edge - back)
            while beyond - short > 1:
                middle = (beyond + short) // 2
                if at[middle] > bound:
                    beyond = middle
                else:
                    short = middle
            edge = beyond
            if side == 0:
                ends[i] = edge
                if after == BEGINNING:
                    edge = first
                    break
        begins[i] = edge
    return begins, ends


@kernel("ii")
def rows_of(lows: Ints, highs: Ints) -> tuple[Ints, Ints]:
    """(offsets, rows) of the ranges, one after the other."""
    n = len(lows)
    offsets = np.empty(n + 1, np.int64)
    total = 0
    for i in range(n):
        offsets[i] = total
        total += highs[i] - lows[i]
    offsets[n] = total
    rows = np.empty(total, np.int64)
    out = 0
    for i in range(n):
        for row in range(lows[i], highs[i]):
            rows[out] = row
            out += 1
    return offsets, rows


@kernel("iiinnn")
def at_least(lows: Ints, highs: Ints, at: Ints, count: int, after: int, until: int) -> Flags:
    """bool[n]: whether there are so many (>= 1) rows with after < at <= until. No branch is hard to foresee."""
    n = len(lows)
    found = np.zeros(n, np.bool_)
    if len(at) == 0:
        return found
    for i in range(n):
        first, edge = lows[i], highs[i]
        if after == BEGINNING:  # nothing is too early: the earliest tell
            row = first + count - 1
            found[i] = (row < edge) & (at[min(row, len(at) - 1)] <= until)
            continue
        while edge > first and at[edge - 1] > until:
            edge -= 1
        row = edge - count
        found[i] = (row >= first) & (at[max(row, 0)] > after)
    return found


@kernel("iiiiii")
def several_at_least(lows: Ints, highs: Ints, at: Ints, counts: Ints, after: Ints, until: Ints) -> Flags:
    """bool[m * n]: the same as `at_least` for each of m counts and intervals, by descending `until`, one after the
    other. A customer's rows are looked at for all of them while they are at hand."""
    n, m = len(lows), len(counts)
    found = np.zeros(m * n, np.bool_)
    for i in range(n):
        first, edge = lows[i], highs[i]
        for j in range(m):
            while edge > first and at[edge - 1] > until[j]:
                edge -= 1
            row = edge - counts[j]
            if row >= first:
                found[j * n + i] = after[j] == BEGINNING or at[row] > after[j]
    return found


@kernel("iiifinnn")
def folded(lows: Ints, highs: Ints, at: Ints, flags: Flags, values: Ints, mode: int, after: int, until: int) -> Ints:
    """int64[n]: COUNT, SUM, LEAST, GREATEST of the known values with after < at <= until; FIRST, LAST: the row of it,
    -1 if there is none.

    Count and sum of none are 0, least and greatest UNKNOWN. values: int64[0] to count, and to find, any row.
    """
    n = len(lows)
    found = np.empty(n, np.int64)
    marked, valued, whole = len(flags) > 0, len(values) > 0, after == BEGINNING
    nothing = UNKNOWN if mode in (LEAST, GREATEST) else -1 if mode in (FIRST, LAST) else 0
    for i in range(n):
        result = nothing
        row = highs[i] - 1
        while row >= lows[i] and at[row] > until:
            row -= 1
        while row >= lows[i] and (whole or at[row] > after):
            value = values[row] if valued else 0
            if value != UNKNOWN and (not marked or flags[row]):
                if mode == COUNT:
                    result += 1
                elif mode == SUM:
                    result += value
                elif mode == LEAST:
                    result = value if result == UNKNOWN or value < result else result
                elif mode == GREATEST:
                    result = max(result, value)
                else:
                    result = row
                    if mode == LAST:
                        break
            row -= 1
        found[i] = result
    return found


@kernel("iiifinn")
def totals(lows: Ints, highs: Ints, at: Ints, flags: Flags, values: Ints, after: int, until: int) -> Ints:
    """The same as `folded` by SUM (or COUNT, without values), as differences of running totals: it reads every row,
    but never guesses how many a customer has, which costs more than the rows where there are few."""
    running = np.empty(len(at) + 1, np.int64)
    running[0] = total = 0
    marked, valued = len(flags) > 0, len(values) > 0
    for row in range(len(at)):
        value = values[row] if valued else 1
        counts = (at[row] > after) & (at[row] <= until) & (value != UNKNOWN) & (not marked or flags[row])
        total += value if counts else 0
        running[row + 1] = total
    n = len(lows)
    found = np.empty(n, np.int64)
    for i in range(n):
        found[i] = running[highs[i]] - running[lows[i]]
    return found


@kernel("iiifinn")
def distinct(lows: Ints, highs: Ints, at: Ints, flags: Flags, values: Ints, after: int, until: int) -> Ints:
    """int64[n]: how many different known values there are with after < at <= until.

    A table of twice as many places as a customer has rows at most holds the values met, each with the customer that it
    was met for, so that it is never emptied.
    """
    n = len(lows)
    found = np.empty(n, np.int64)
    longest = 0
    for i in range(n):
        longest = max(longest, highs[i] - lows[i])
    places = 2
    while places < 2 * longest:
        places *= 2
    table = np.empty(places, np.int64)
    met = np.full(places, -1, np.int64)
    marked = len(flags) > 0
    for i in range(n):
        total = 0
        row = highs[i] - 1
        while row >= lows[i] and at[row] > after:
            value = values[row]
            if value != UNKNOWN and at[row] <= until and (not marked or flags[row]):
                mixed = np.uint64(value) * np.uint64(0x9E3779B97F4A7C15)
                place = np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(places - 1))
                while met[place] == i and table[place] != value:
                    place = (place + 1) & (places - 1)
                if met[place] != i:
                    met[place] = i
                    table[place] = value
                    total += 1
            row -= 1
        found[i] = total
    return found


@kernel("iiifinnn")
def distinct_at_least(
    lows: Ints, highs: Ints, at: Ints, flags: Flags, values: Ints, count: int, after: int, until: int
) -> Flags:
    """bool[n]: whether there are so many (>= 1, and few) different known values with after < at <= until. A customer is
    read until there are, and each value compared with those met."""
    n = len(lows)
    found = np.zeros(n, np.bool_)
    met = np.empty(count, np.int64)
    marked = len(flags) > 0
    for i in range(n):
        total = 0
        row = highs[i] - 1
        while total < count and row >= lows[i] and at[row] > after:
            value = values[row]
            if value != UNKNOWN and at[row] <= until and (not marked or flags[row]):
                place = 0
                while place < total and met[place] != value:
                    place += 1
                if place == total:
                    met[total] = value
                    total += 1
            row -= 1
        found[i] = total == count
    return found


@kernel("ii")
def ranges_at(offsets: Ints, places: Ints) -> tuple[Ints, Ints]:
    """(lows, highs) of the customers at some places."""
    n = len(places)
    lows = np.empty(n, np.int64)
    highs = np.empty(n, np.int64)
    for i in range(n):
        lows[i] = offsets[places[i]]
        highs[i] = offsets[places[i] + 1]
    return lows, highs


@kernel("iiinn")
def ends(lows: Ints, highs: Ints, at: Ints, last: int, until: int) -> Ints:
    """int64[n]: the instant of each customer's first or (last != 0) last row with at <= until; UNKNOWN for none."""
    n = len(lows)
    found = np.full(n, UNKNOWN, np.int64)
    if len(at) == 0:
        return found
    for i in range(n):
        first, edge = lows[i], highs[i]
        while last and edge > first and at[edge - 1] > until:
            edge -= 1
        row = edge - 1 if last else first
        found[i] = at[row] if edge > first and at[row] <= until else UNKNOWN
    return found


@kernel("iiifi")
def parts_met(lows: Ints, highs: Ints, at: Ints, flags: Flags, begins: Ints) -> Ints:
    """int64[n]: a bit for each of the (at most 63) stretches [begins[k], begins[k + 1]) in which there is a row."""
    n = len(lows)
    found = np.empty(n, np.int64)
    marked = len(flags) > 0
    for i in range(n):
        bits = 0
        part = len(begins) - 1  # the row is before begins[part]
        row = highs[i] - 1
        while row >= lows[i] and at[row] >= begins[part]:
            row -= 1
        while row >= lows[i] and at[row] >= begins[0]:
            while at[row] < begins[part - 1]:
                part -= 1
            if not marked or flags[row]:
                bits |= 1 << (part - 1)
            row -= 1
        found[i] = bits
    return found


@kernel("iiifnnnnn")
def covered(
    lows: Ints, highs: Ints, at: Ints, flags: Flags, width: int, after: int, until: int, since: int, till: int
) -> tuple[Ints, Ints, Ints]:
    """(offsets, at, value) of a truth: T lies in [at, at + width) of one of the rows with after < at <= until at least;
    width NEVER: from at on. Clipped to since <= T <= till; the same as `folds.union`, of rows where they lie.
    """
    n = len(lows)
    out_at = np.empty(n + 2 * len(at), np.int64)
    value = np.empty(len(out_at), np.int64)
    bounds = np.empty(n + 1, np.int64)
    marked = len(flags) > 0
    out = 0
    for i in range(n):
        bounds[i] = out
        out_at[out], value[out] = BEGINNING, 0
        out += 1
        low = highs[i]
        while low > lows[i] and at[low - 1] > after:
            low -= 1
        reach = BEGINNING  # the end of the run that is being put together
        for row in range(low, highs[i]):
            instant = at[row]
            end = instant + width if instant <= NEVER - width else NEVER
            if instant > until or instant > till or end <= instant or end <= since or (marked and not flags[row]):
                continue
            if reach == BEGINNING or instant > reach:
                if reach != BEGINNING:
                    out_at[out], value[out] = reach, 0
                    out += 1
                if instant <= since:
                    value[out - 1] = 1
                else:
                    out_at[out], value[out] = instant, 1
                    out += 1
            reach = end
        if BEGINNING < reach <= till and reach != NEVER:
            out_at[out], value[out] = reach, 0
            out += 1
    bounds[n] = out
    return bounds, out_at[:out].copy(), value[:out].copy()


@kernel("iiiinn")
def latest(lows: Ints, highs: Ints, at: Ints, keys: Ints, key: int, until: int) -> Ints:
    """int64[n]: the last row of each customer with the key and at <= until; -1 if there is none."""
    n = len(lows)
    found = np.empty(n, np.int64)
    for i in range(n):
        row = highs[i] - 1
        while row >= lows[i] and (keys[row] != key or at[row] > until):
            row -= 1
        found[i] = row if row >= lows[i] else -1
    return found
