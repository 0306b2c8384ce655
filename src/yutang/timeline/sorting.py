"""Compiled kernels of `ordering`: merging sorted pieces, sorting within customers, probing for repeats.

`ordering.kernels` imports it when first needed; see `compiled`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from yutang.timeline.compiled import compiled
from yutang.timeline.steps import Flags, Ints


@compiled("")
def _precedes(first: Ints, second: Ints, third: Ints, a: int, b: int) -> Any:
    """Whether row a comes strictly before row b by three keys."""
    if first[a] != first[b]:
        return first[a] < first[b]
    if second[a] != second[b]:
        return second[a] < second[b]
    return third[a] < third[b]


@compiled("")
def _piece_end(order: Ints, first: Ints, second: Ints, third: Ints, start: int, end: int) -> int:
    """Where the ascending piece that begins at `start` ends."""
    i = start + 1
    while i < end and not _precedes(first, second, third, order[i], order[i - 1]):
        i += 1
    return i


@compiled("")
def _sort_segment(order: Ints, scratch: Ints, first: Ints, second: Ints, third: Ints, start: int, end: int) -> None:
    """Natural merge sort of order[start:end], stable."""
    while _piece_end(order, first, second, third, start, end) < end:
        left = start
        while left < end:
            middle = _piece_end(order, first, second, third, left, end)
            if middle >= end:
                break
            right = _piece_end(order, first, second, third, middle, end)
            scratch[left:middle] = order[left:middle]
            i, j, k = left, middle, left
            while i < middle:
                if j < right and _precedes(first, second, third, order[j], scratch[i]):
                    order[k] = order[j]
                    j += 1
                else:
                    order[k] = scratch[i]
                    i += 1
                k += 1
            left = right


@compiled("iii")
def merge_order(first: Ints, second: Ints, third: Ints) -> Ints:
    """int64[m]: the rows in ascending order of three keys, stable; fast where they lie in sorted pieces."""
    order = np.arange(len(first))
    if len(first):
        _sort_segment(order, np.empty(len(first), np.int64), first, second, third, 0, len(first))
    return order


@compiled("iiin")
def customer_order(owner: Ints, at: Ints, tie: Ints, count: int) -> tuple[Ints, Ints]:
    """(offsets int64[count+1], order int64[m]): rows by (owner, at, tie), owner being 0 … count-1."""
    offsets = np.zeros(count + 1, np.int64)
    for row in range(len(owner)):
        offsets[owner[row] + 1] += 1
    for i in range(count):
        offsets[i + 1] += offsets[i]
    free = offsets[:-1].copy()
    order = np.empty(len(owner), np.int64)
    for row in range(len(owner)):
        order[free[owner[row]]] = row
        free[owner[row]] += 1
    scratch = np.empty(len(owner), np.int64)
    for i in range(count):
        if offsets[i + 1] - offsets[i] > 1:
            _sort_segment(order, scratch, owner, at, tie, offsets[i], offsets[i + 1])
    return offsets, order


@compiled("wiii")
def settle(order: Ints, first: Ints, second: Ints, third: Ints) -> None:
    """Bring rows that are in the order of the first key, stable, into that of all three."""
    scratch = np.empty(len(order), np.int64)
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and first[order[end]] == first[order[start]]:
            end += 1
        if end - start > 1:
            _sort_segment(order, scratch, first, second, third, start, end)
        start = end


@compiled("ii")
def fill_members(heads: Ints, following: Ints) -> tuple[Ints, Ints]:
    """(offsets, anchors): each head's chain of anchors, as `People.members` gives them."""
    offsets = np.zeros(len(heads) + 1, np.int64)
    for i in range(len(heads)):
        length = 0
        anchor = heads[i]
        while anchor >= 0:
            length += 1
            anchor = following[anchor]
        offsets[i + 1] = offsets[i] + length
    anchors = np.empty(offsets[len(heads)], np.int64)
    for i in range(len(heads)):
        anchor = heads[i]
        for place in range(offsets[i], offsets[i + 1]):
            anchors[place] = anchor
            anchor = following[anchor]
    return offsets, anchors


@compiled("")
def _slot(table: Ints, owner: Ints, tie: Ints, whose: int, key: int) -> Any:
    """The slot of (whose, key) in an open table of row numbers, or the free one where it belongs."""
    mask = len(table) - 1
    place = (key ^ (whose * -7046029254386353131)) & mask
    while table[place] >= 0 and (tie[table[place]] != key or owner[table[place]] != whose):
        place = (place + 1) & mask
    return place


@compiled("")
def _bits(tie: int) -> Any:
    """The three bits of a word that stand for a tie."""
    one = np.int64(1)
    return (one << (tie >> 57)) | (one << ((tie >> 51) & 63)) | (one << ((tie >> 45) & 63))


@compiled("wi")
def soak(words: Ints, ties: Ints) -> None:
    """Set the bits of some ties. words: a power of two of them, at most 2^45."""
    for row in range(len(ties)):
        words[ties[row] & (len(words) - 1)] |= _bits(ties[row])


@compiled("ii")
def sift(words: Ints, ties: Ints) -> Flags:
    """bool[k]: whether all bits of each tie are set."""
    found = np.empty(len(ties), np.bool_)
    for row in range(len(ties)):
        bits = _bits(ties[row])
        found[row] = words[ties[row] & (len(words) - 1)] & bits == bits
    return found


@compiled("iinw")
def key_table(owner: Ints, tie: Ints, size: int, following: Ints) -> Ints:
    """An open table (size a power of two, more than the rows) of the first row of each (owner, tie); -1 is free.

    following: filled with the next row of the same key, -1 at the last.
    """
    table = np.full(size, -1, np.int64)
    last = np.empty(len(tie), np.int64)
    for row in range(len(tie)):
        following[row] = -1
        place = _slot(table, owner, tie, owner[row], tie[row])
        first = table[place]
        if first < 0:
            table[place] = row
            last[row] = row
        else:
            following[last[first]] = row
            last[first] = row
    return table


@compiled("")
def _mark(
    first: int, following: Ints, content: Ints, oldest: Ints, arrived: int, kept: int, seen: Ints, same: Ints
) -> None:
    """A kept row has the key of these incoming rows: mark those whose horizon it lies in."""
    row = first
    while row >= 0:
        if arrived >= oldest[row]:
            seen[row] = 1
            if kept == content[row]:
                same[row] = 1
        row = following[row]


@compiled("iiiiiiiiiiiiww")
def probe_ranges(
    table: Ints,
    following: Ints,
    owner: Ints,
    tie: Ints,
    content: Ints,
    oldest: Ints,
    lows: Ints,
    highs: Ints,
    whose: Ints,
    kept_tie: Ints,
    kept_content: Ints,
    kept_arrived: Ints,
    seen: Ints,
    same: Ints,
) -> None:
    """Look the kept rows of ranges[i], which belong to customer whose[i], up in the table of incoming rows."""
    for i in range(len(lows)):
        for row in range(lows[i], highs[i]):
            first = table[_slot(table, owner, tie, whose[i], kept_tie[row])]
            if first >= 0:
                _mark(first, following, content, oldest, kept_arrived[row], kept_content[row], seen, same)


@compiled("iiiiiiiiiiiww")
def probe_rows(
    table: Ints,
    following: Ints,
    owner: Ints,
    tie: Ints,
    content: Ints,
    oldest: Ints,
    whose: Ints,
    kept_anchor: Ints,
    kept_tie: Ints,
    kept_content: Ints,
    kept_arrived: Ints,
    seen: Ints,
    same: Ints,
) -> None:
    """As `probe_ranges`, for all kept rows; whose: of each anchor its customer, -1 if none came in for it."""
    for row in range(len(kept_anchor)):
        customer = whose[kept_anchor[row]]
        if customer >= 0:
            first = table[_slot(table, owner, tie, customer, kept_tie[row])]
            if first >= 0:
                _mark(first, following, content, oldest, kept_arrived[row], kept_content[row], seen, same)


@compiled("iiii")
def verdicts(following: Ints, content: Ints, seen: Ints, same: Ints) -> tuple[Ints, Ints]:
    """(repeated, changed), 0 or 1 each: kept rows decide where there are any, else the first that isn't repeated does.

    following: as `key_table` fills it, the next row of the same key.
    """
    count = len(following)
    first = np.full(count, -1, np.int64)  # of the key, the row that was taken
    repeated, changed = np.zeros(count, np.int64), np.zeros(count, np.int64)
    for row in range(count):
        if seen[row] > 0:
            repeated[row] = 1
            changed[row] = 0 if same[row] > 0 else 1
        elif first[row] >= 0:
            repeated[row] = 1
            changed[row] = 1 if content[first[row]] != content[row] else 0
        if following[row] >= 0:
            first[following[row]] = first[row] if first[row] >= 0 or seen[row] > 0 else row
    return repeated, changed
