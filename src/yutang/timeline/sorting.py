"""Compiled kernels of `ordering`: merging sorted pieces, sorting within customers, probing for repeats.

The only module of the lake's half that imports numba; `ordering.kernels` imports it when first
needed. Unlike `kernels`, these call one another and write into scratch arrays. One signature
each, read-only arrays accepted, compiled once and cached on disk, GIL released.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np

from yutang.timeline.steps import Ints

P = ParamSpec("P")
R = TypeVar("R")

_READ = numba.types.Array(numba.int64, 1, "C", readonly=True)
_WRITE = numba.types.Array(numba.int64, 1, "C")
_NUMBER = numba.int64
_LAYOUT: dict[str, Any] = {"i": _READ, "w": _WRITE, "n": _NUMBER}


def _compiled(layout: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """layout: one mark an argument: `i` array read, `w` array written, `n` number; "" for inner functions."""
    signature: Any = tuple(_LAYOUT[mark] for mark in layout) if layout else None

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        return cast("Callable[P, R]", numba.njit(signature, cache=True, nogil=True)(function))

    return wrap


@_compiled("")
def _precedes(first: Ints, second: Ints, third: Ints, a: int, b: int) -> Any:
    """Whether row a comes strictly before row b by three keys."""
    if first[a] != first[b]:
        return first[a] < first[b]
    if second[a] != second[b]:
        return second[a] < second[b]
    return third[a] < third[b]


@_compiled("")
def _piece_end(order: Ints, first: Ints, second: Ints, third: Ints, start: int, end: int) -> int:
    """Where the ascending piece that begins at `start` ends."""
    i = start + 1
    while i < end and not _precedes(first, second, third, order[i], order[i - 1]):
        i += 1
    return i


@_compiled("")
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


@_compiled("iii")
def merge_order(first: Ints, second: Ints, third: Ints) -> Ints:
    """int64[m]: the rows in ascending order of three keys, stable; fast where they lie in sorted pieces."""
    order = np.arange(len(first))
    if len(first):
        _sort_segment(order, np.empty(len(first), np.int64), first, second, third, 0, len(first))
    return order


@_compiled("iiin")
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


@_compiled("ii")
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


@_compiled("")
def _slot(table: Ints, owner: Ints, tie: Ints, whose: int, key: int) -> Any:
    """The slot of (whose, key) in an open table of row numbers, or the free one where it belongs."""
    mask = len(table) - 1
    place = (key ^ (whose * -7046029254386353131)) & mask
    while table[place] >= 0 and (tie[table[place]] != key or owner[table[place]] != whose):
        place = (place + 1) & mask
    return place


@_compiled("iinw")
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


@_compiled("")
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


@_compiled("iiiiiiiiiiiiww")
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


@_compiled("iiiiiiiiiiiww")
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


@_compiled("iiii")
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
