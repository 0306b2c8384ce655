"""Plain funnels: how far each line of events comes along ordered steps within a window, and by when it began.

Goes back, as `kernels.funnel` says: from each event of the deepest step that a line has, to the last event of the step
before, and so on to the first step; the places found only move forward: O(events of the line) for each step that fails.

A million lines are a walk through memory that branches at random, so what costs is waiting: for columns to come, and
for guesses gone wrong. Against the one, events are compared by *ticks* of 1,024 ms, four bytes each; `at` and `tie` are
read where ticks can't tell. Against the other, `_passed` compares sixteen of them at once. 30 ns a line of four steps,
on average, where comparing instants one by one takes 45. (Fetching columns some lines ahead gains nothing more.)

Columns are read by their addresses, so that one compilation does for any number of steps, and no references are
counted. Imports numba, so it is itself imported at its first use.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.core import cgutils
from numba.extending import intrinsic

from yutang.timeline.kernels.funnel import PADDING, TICK_BITS
from yutang.timeline.steps import Ints

FIELDS = 4  # of a step, in `columns`
STARTS, TICKS, AT, TIE = range(FIELDS)
_REST_MS = (1 << TICK_BITS) - 1

_types: Any = numba.types
_tools: Any = cgutils
ir = _tools.ir
_WORD, _HALF = ir.IntType(64), ir.IntType(32)
_MANY = ir.VectorType(_HALF, PADDING)


def _place(builder: Any, address: Any, index: Any, kind: Any) -> Any:
    """A pointer to an entry of a column of a kind."""
    return builder.gep(builder.inttoptr(address, kind.as_pointer()), [index])


def _load_word(_typing: Any, address: Any, index: Any) -> Any:
    """The int64 at a place of a column, by its address."""

    def code(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.load(_place(builder, given[0], given[1], _WORD))

    return _types.int64(_types.int64, _types.int64), code


def _load_half(_typing: Any, address: Any, index: Any) -> Any:
    """The uint32 at a place of a column, by its address."""

    def code(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        return builder.zext(builder.load(_place(builder, given[0], given[1], _HALF)), _WORD)

    return _types.int64(_types.int64, _types.int64), code


def _count_below(_typing: Any, address: Any, low: Any, high: Any, bound: Any) -> Any:
    """How many of the uint32 low:high of a column, of the first sixteen of them at most, are below a bound; what lies
    up to sixteen after `low` is read. The bound is a uint32, too."""

    def code(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        address, low, high, bound = given
        read = builder.load(builder.bitcast(_place(builder, address, low, _HALF), _MANY.as_pointer()))
        read.align = 4
        none = ir.Constant(_MANY, ir.Undefined)
        first = builder.insert_element(none, builder.trunc(bound, _HALF), _HALF(0))
        bounds = builder.shuffle_vector(first, none, ir.Constant(_MANY, None))
        below = builder.bitcast(builder.icmp_unsigned("<", read, bounds), ir.IntType(PADDING))
        left = builder.sub(high, low)
        left = builder.select(builder.icmp_signed("<", left, _WORD(PADDING)), left, _WORD(PADDING))
        mine = builder.sub(builder.shl(_WORD(1), left), _WORD(1))
        return builder.ctpop(builder.and_(builder.zext(below, _WORD), mine))

    return _types.int64(*[_types.int64] * 4), code


_word: Any = intrinsic(_load_word)
_half: Any = intrinsic(_load_half)
_below: Any = intrinsic(_count_below)


@numba.njit(nogil=True, inline="always")
def _passed(ticks: Any, place: Any, end: Any, now: Any) -> Any:
    """The first of the rows place:end that isn't before a tick."""
    while place < end:
        more = _below(ticks, place, end, now)
        place += more
        if more < PADDING:
            break
    return place


@numba.njit(nogil=True, inline="always")
def _earlier(columns: Any, step: Any, place: Any, found: Any) -> Any:
    """Whether a row of a step comes before a row of the next one, strictly in (at, tie)."""
    here, there = FIELDS * step, FIELDS * (step + 1)
    at, at_next = _word(columns[here + AT], place), _word(columns[there + AT], found)
    return at < at_next or (at == at_next and _word(columns[here + TIE], place) < _word(columns[there + TIE], found))


# One function, as parts of it that are handed an array would count its references: twice the time.
@numba.njit("Tuple((int64[::1], int64[::1]))(int64[::1], int64, int64, int64, int64)", cache=True, nogil=True)
def _deepest(columns: Any, lines: Any, since: Any, until: Any, window: Any) -> Any:
    levels, firsts = np.zeros(lines, np.int64), np.zeros(lines, np.int64)
    steps = len(columns) // FIELDS
    places = np.empty(steps, np.int64)
    # So many ticks apart, two instants are surely within the window; if more than so many, surely not.
    near, far = (window - _REST_MS) >> TICK_BITS, (window + _REST_MS) >> TICK_BITS
    for i in range(lines):
        full = 0
        while full < steps and _word(columns[FIELDS * full], i) < _word(columns[FIELDS * full], i + 1):
            full += 1
        for level in range(full, 0, -1):
            for step in range(level):
                places[step] = _word(columns[FIELDS * step + STARTS], i)
            last = FIELDS * (level - 1)
            for row in range(places[level - 1], _word(columns[last + STARTS], i + 1)):
                now = _half(columns[last + TICKS], row)
                if now > until >> TICK_BITS or (now == until >> TICK_BITS and _word(columns[last + AT], row) > until):
                    break
                surely, perhaps = max(now - near, (since >> TICK_BITS) + 1), max(now - far, since >> TICK_BITS)
                step, found = level - 1, row
                while step > 0 and now >= perhaps:
                    step -= 1
                    here = FIELDS * step
                    ticks, end = columns[here + TICKS], _word(columns[here + STARTS], i + 1)
                    place = _passed(ticks, places[step], end, now)
                    while place < end and _half(ticks, place) == now and _earlier(columns, step, place, found):
                        place += 1
                    places[step] = place
                    found = place - 1
                    now = _half(ticks, found) if place > _word(columns[here + STARTS], i) else -1
                if perhaps <= now < surely:
                    begun = _word(columns[AT], found)
                    now = now if begun >= since and begun >= _word(columns[last + AT], row) - window else -1
                if now >= perhaps:
                    levels[i], firsts[i] = level, found
                    break
            if levels[i]:
                break
    return levels, firsts


def deepest(columns: Ints, lines: int, since: int, until: int, window: int) -> tuple[Ints, Ints]:
    """(level, row) of each line: the deepest step of any match, and, of the earliest event of it that ends one, the
    latest event of the first step with which such a match begins. Level 0: none; the row is 0 then.

    columns: of each step the addresses of its STARTS (int64[lines+1]: line i has the rows starts[i]:starts[i+1]), TICKS
    (uint32), AT and TIE (int64); whoever calls holds them meanwhile. A match lies in [since, until], since >= 0, and
    lasts `window` at most.
    """
    found: tuple[Ints, Ints] = _deepest(columns, lines, since, until, window)
    return found
