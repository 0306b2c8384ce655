"""The machine: a plan's program (`machine.program`) run for one customer after the other.

For each customer the leaves that are asked for are tested (`machine_asked`) over rows that lie where they lie: after
the first look they are in the processor's nearest cache, and nothing is kept between leaves but truths and untils.
`valued` says all ladders at an instant. `moved` carries kept truths on: it tests what was touched, goes from until to
until up to the last instant, and works ladders out only where a leaf turned.

Cost: that of the leaves; a ladder is O(its code). Imports numba, so it is itself imported at its first use.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from yutang.kernel.instants import NEVER
from yutang.timeline.kernels.machine_dates import ABOVE, ABOVE_OF, came, memo_size, rung_of, value_of
from yutang.timeline.kernels.machine_fields import C_SEEN
from yutang.timeline.kernels.machine_words import begin, inner, put, tested, where_of, word

STACK = 4_096  # truths waiting in an expression
# Columns of `moved`, for one customer after the other: of each leaf its truth and its until; which leaves turned; which
# ladders stand above them, and what these were before and after; what they name; when each was listed last.
TRUTHS, UNTILS, TURNED, HIT, BEFORE, AFTER, VALUES, MARKS, COLUMNS = range(9)
COMPILED_OF = "7f615b899ec77f3d"  # digest of what is compiled into these kernels: numba's cache goes by this file alone


@numba.njit(cache=True, nogil=True)
def valued(context: Any, plan: Any, heads: Any, now: Any, value: Any, until: Any, due: Any) -> None:
    """value, until (int64[n * ladders], by customer): each ladder's rung at now, and before when it can't change.

    context: the address of what is asked and of where rows lie (`machine.program`). plan: code, ladder_code, the
    ladders wanted with all that they name, ascending; the leaves below each, and where these begin. due: int64[n], the
    least until of all.
    """
    code, ladder_code, wanted, below, below_of = plan
    seen, ladders, leaves_count = word(context, C_SEEN), len(ladder_code) - 1, 0
    for leaf in below:
        leaves_count = max(leaves_count, leaf + 1)
    truths, untils = np.zeros(leaves_count, np.int64), np.zeros(leaves_count, np.int64)
    met, stack = np.full(leaves_count, -1, np.int64), np.empty(STACK, np.int64)
    begin(context, len(heads))
    for place in range(len(heads)):
        spot = (place, heads[place], now, 0)
        due[place] = NEVER
        first = word(seen, place)
        counts = first <= now and first != NEVER
        for ladder in wanted:
            soonest = NEVER if counts else first
            for some in range(below_of[ladder], below_of[ladder + 1]):
                leaf = below[some]
                if met[leaf] != place:
                    met[leaf] = place
                    truth, next_ = tested(context, leaf, spot)
                    truths[leaf], untils[leaf] = (1 if truth else 0), next_
                soonest = min(soonest, untils[leaf])
            low, high = ladder_code[ladder], ladder_code[ladder + 1]
            values, room = where_of(value) + 8 * place * ladders, where_of(stack)
            rung = rung_of(where_of(code), low, high, counts, where_of(truths), values, room)
            value[place * ladders + ladder] = rung
            until[place * ladders + ladder] = soonest
            due[place] = min(due[place], soonest)
    truths[:], stack[0] = 0, 0  # they were there until now: nobody else holds what was used by its address


@numba.njit(cache=True, nogil=True)
def kept(context: Any, leaves: Any, heads: Any, now: Any, bits: Any, due: Any) -> None:
    """The truths at now of some leaves of a program, a bit each: bits (int64[n * words]) begin as 0. due: int64[n], the
    least until of them, and of the customer's first event."""
    words = len(bits) // max(1, len(heads))
    begin(context, len(heads))
    for place in range(len(heads)):
        first = word(word(context, C_SEEN), place)
        spot, soonest = (place, heads[place], now, 0), NEVER if first <= now else first
        for leaf in leaves:
            truth, until = tested(context, leaf, spot)
            if truth:
                _flip(where_of(bits), place * words, leaf)
            soonest = min(soonest, until)
        due[place] = soonest


@inner
def _bit(bits: Any, row: Any, leaf: Any) -> Any:
    """The kept truth of a leaf."""
    return (word(bits, row + leaf // 64) >> (leaf % 64)) & 1


@inner
def _flip(bits: Any, row: Any, leaf: Any) -> Any:
    put(bits, row + leaf // 64, word(bits, row + leaf // 64) ^ (np.int64(1) << (leaf % 64)))


@inner
def _again(context: Any, mine: Any, spot: Any, whole: Any, kept: Any, untils: Any, turned: Any) -> Any:
    """(how many leaves turned, the least until) of a customer's leaves, those tested again that are due.

    mine: the leaves of all sets, and which of them. whole: test all. kept: bits, and where the customer's begin.
    """
    leaves, low, high = mine
    bits, row = kept
    now, number, soonest = spot[2], 0, NEVER
    for some in range(low, high):
        leaf = word(leaves, some)
        until = NEVER if whole else word(untils, leaf)
        if whole or until <= now:
            truth, until = tested(context, leaf, spot)
            put(untils, leaf, until)
            if truth != (_bit(bits, row, leaf) != 0):
                put(turned, number, leaf)
                number += 1
        soonest = min(soonest, until)
    return number, soonest


@inner
def _reached(plan: Any, turned: Any, number: Any, every: Any, hit: Any, marks: Any, mark: Any) -> Any:
    """How many ladders stand above leaves that turned (or all); they are listed. marks: of each ladder the last mark
    under which it was listed."""
    count = 0
    if every:
        for ladder in range(every):
            put(hit, ladder, ladder)
        return every
    for some in range(number):
        leaf = word(turned, some)
        for user in range(word(plan[ABOVE_OF], leaf), word(plan[ABOVE_OF], leaf + 1)):
            ladder = word(plan[ABOVE], user)
            if word(marks, ladder) != mark:
                put(marks, ladder, mark)
                put(hit, count, ladder)
                count += 1
    return count


@inner
def _places(plan: Any) -> Any:
    """The addresses of a plan's columns."""
    first = (where_of(plan[0]), where_of(plan[1]), where_of(plan[2]), where_of(plan[3]))
    return (*first, where_of(plan[4]), where_of(plan[5]), where_of(plan[6]), where_of(plan[7]))


@inner
def _noted(found: Any, count: Any, change: Any) -> Any:
    """The columns with one more change."""
    if count == found.shape[1]:
        wide = np.empty((5, 2 * count), np.int64)
        wide[:, :count] = found
        found = wide
    for column in range(5):
        found[column, count] = change[column]
    return found


@inner
def _given(flips: Any, flip: Any, place: Any, now: Any, turned: Any, number: Any) -> Any:
    """(the next flip of a customer, how many leaves turned) with those up to now, which are put to them."""
    while flip < flips[0][place + 1] and flips[1][flip] <= now:
        put(turned, number, flips[2][flip])
        number, flip = number + 1, flip + 1
    return flip, number


@inner
def _stepped(context: Any, plan: Any, who: Any, number: Any, kept: Any, desk: Any, noted: Any) -> Any:
    """(the changes, how many) with those of a customer's ladders, so many of whose leaves turned.

    who: its spot, since when it is dated (NEVER: not), its first event, whether it counts, whether it did.
    """
    spot, start, seen, counts, counted = who
    base, wide, leaves_count, ladders = desk
    truths, turned, hit = base, base + 8 * TURNED * wide, base + 8 * HIT * wide
    room = (truths, base + 8 * VALUES * wide, base + 8 * COLUMNS * wide)
    before, after = base + 8 * BEFORE * wide, base + 8 * AFTER * wide
    memo = (base + 8 * (COLUMNS * wide + STACK), leaves_count)
    every = ladders if counts != counted else 0
    reached = _reached(plan, turned, number, every, hit, base + 8 * MARKS * wide, noted[2])
    for leaf in range(leaves_count):
        put(truths, leaf, _bit(kept[0], kept[1], leaf))
    for some in range(reached):
        put(before, some, value_of(plan, word(hit, some), counted, room))
    for some in range(number):
        leaf = word(turned, some)
        _flip(kept[0], kept[1], leaf)
        put(truths, leaf, 1 - word(truths, leaf))
    for some in range(reached):
        put(after, some, value_of(plan, word(hit, some), counts, room))
    found, count = noted[0], noted[1]
    for some in range(reached):
        if word(before, some) != word(after, some):
            ladder, value, when = word(hit, some), word(after, some), spot[2]
            if start != NEVER:
                when = came(context, plan, (ladder, value), spot, start, seen, kept, room, memo)
            found = _noted(found, count, (ladder, spot[0], word(before, some), value, when))
            count += 1
    return found, count


@numba.njit(cache=True, nogil=True)
def moved(context: Any, plan: Any, touched: Any, flips: Any, first: Any, last: Any, bits: Any, due: Any) -> Any:
    """(ladder, place, was, now, when) of what changed for touched customers between what was known and `last`: what had
    come about by `first`, with the instant since when (BEGINNING: always, NEVER: can't be said here), then what changed
    in (first, last]. The arguments are told at the end of this file."""
    heads, set_of, sets, sets_of, start, former = touched
    leaves_count, ladders = len(plan[7]) - 1, len(plan[1]) - 1
    wide = max(leaves_count + len(flips[2]), ladders)
    memory = np.full(COLUMNS * wide + STACK + memo_size(leaves_count), -1, np.int64)
    desk, kept = (where_of(memory), wide, leaves_count, ladders), where_of(bits)
    untils, turned, asked = desk[0] + 8 * UNTILS * wide, desk[0] + 8 * TURNED * wide, _places(plan)
    found, count, mark = np.empty((5, 256 + len(heads)), np.int64), 0, 0
    begin(context, len(heads))
    for place in range(len(heads)):
        row, seen = (kept, place * ((leaves_count + 63) // 64)), word(word(context, C_SEEN), place)
        mine = (where_of(sets), sets_of[set_of[place]], sets_of[set_of[place] + 1])
        flip, now = flips[0][place], first
        while now <= last and now != NEVER:
            spot, begun = (place, heads[place], now, 0), now == first
            number, soonest = _again(context, mine, spot, begun, row, untils, turned)
            flip, number = _given(flips, flip, place, now, turned, number)
            counts, counted = seen <= now, former[place] <= first if begun else seen < now
            if number or counts != counted:
                mark += 1
                who = (spot, start[place] if begun else NEVER, seen, counts, counted)
                found, count = _stepped(context, asked, who, number, row, desk, (found, count, mark))
            soonest = min(soonest, flips[1][flip] if flip < flips[0][place + 1] else NEVER)
            now = due[place] = min(soonest, seen) if seen > now else soonest
    columns = found[:, :count].copy()
    memory[0] = 0  # it was there until now: nobody else holds what was used by its address
    return columns[0], columns[1], columns[2], columns[3], columns[4]


# Of `moved`: bits: int64[n * words], the truths of all leaves as they were known; they become those at `last`. due:
# int64[n], the least until of the leaves that were tested. context: as of `valued`. plan: code, ladder_code; leaves
# below each ladder and where these begin; the ladders that each names, itself last, and where these begin; the
# ladders above each leaf and where these begin. touched: heads; of each the leaves to test, as a set, the leaves of
# all sets and where these begin; start: of each an instant before its oldest event; former: of each its first event
# as it was known. flips: what was found of inputs elsewhere: where each customer's begin; instants, ascending, at
# least `first`; the leaf whose truth turns then.
