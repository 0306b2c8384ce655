"""Ladders, and since when a customer's have had their values: looked for backward, through the turns of their leaves.

What arrives happened a little before, so nearly every change that a group brings had come about before its first
arrival, and must be dated. Each leaf that any changed ladder of a customer needs is swept once, from before the
customer's oldest event to now; mostly it didn't turn at all, which one test says. Then a ladder goes back from turn to
turn of its leaves until its value was another.

Columns are handed over by their addresses; an array's references would be counted in each call.

Cost: one test a leaf and customer, and one more for each instant at which it may turn; a ladder is O(its code) for
each turn that it goes back.
"""

from __future__ import annotations

from typing import Any

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels.machine_fields import (
    ALL_OF,
    AT_LEAST,
    AT_LEAST_BASE,
    C_LEAVES,
    CONSTANT,
    INPUT,
    LABEL_BASE,
    LEAF_FIELDS,
    NOT,
    OF_LABEL,
    OP,
    PUSH,
    RUNG,
)
from yutang.timeline.kernels.machine_words import inner, put, tested, word

TURNS_COUNT_MAX = 16_384  # of the leaves of one customer; who has more is dated elsewhere
# Of a plan: code, ladder_code; leaves below each ladder and where these begin; the ladders that each names, itself
# last, and where these begin; the ladders above each leaf and where these begin.
CODE, LADDER_CODE, BELOW, BELOW_OF, NAMES, NAMES_OF, ABOVE, ABOVE_OF = range(8)
# Of what is remembered: two numbers; of each leaf which sweep it was swept in, where its turns begin and end, how far
# back a ladder went; leaves of a ladder that turned; the turns.
USED, OWNER, MEMO_HEAD = range(3)
MET, LOWS, HIGHS, CURSORS, TURNED, MEMO_FIELDS = range(6)


@inner
def rung_of(code: Any, low: Any, high: Any, counts: Any, truths: Any, values: Any, stack: Any) -> Any:
    """The rung of a ladder, -1 for none. counts: whether the customer has been there at all. code, truths, values,
    stack: addresses."""
    if not counts:
        return -1
    top = 0
    for step in range(low, high):
        what, operand = word(code, 2 * step), word(code, 2 * step + 1)
        if what == PUSH:
            put(stack, top, word(truths, operand))
            top += 1
        elif what == NOT:
            put(stack, top - 1, 1 - word(stack, top - 1))
        elif what == RUNG:
            top -= 1
            if word(stack, top):
                return operand
        elif what == CONSTANT:
            put(stack, top, operand)
            top += 1
        elif what == OF_LABEL:
            held, wanted = word(values, operand // LABEL_BASE), operand % LABEL_BASE - 1
            met = held == wanted if wanted >= 0 else held >= 0
            put(stack, top, 1 if met else 0)
            top += 1
        else:
            parts = operand % AT_LEAST_BASE
            needed = operand // AT_LEAST_BASE if what == AT_LEAST else parts if what == ALL_OF else 1
            number = 0
            for part in range(parts):
                number += word(stack, top - 1 - part)
            top -= parts
            put(stack, top, 1 if number >= needed else 0)
            top += 1
    return -1


@inner
def value_of(plan: Any, ladder: Any, counts: Any, room: Any) -> Any:
    """The rung of a ladder by the truths in the room, worked out after those that it names."""
    truths, values, stack = room
    for some in range(word(plan[NAMES_OF], ladder), word(plan[NAMES_OF], ladder + 1)):  # itself last
        one = word(plan[NAMES], some)
        low, high = word(plan[LADDER_CODE], one), word(plan[LADDER_CODE], one + 1)
        put(values, one, rung_of(plan[CODE], low, high, counts, truths, values, stack))
    return word(values, ladder)


@inner
def memo_size(leaves_count: Any) -> Any:
    """How many numbers are remembered of one sweep at a time; they begin as -1."""
    return MEMO_HEAD + MEMO_FIELDS * leaves_count + TURNS_COUNT_MAX


@inner
def _column(memo: Any, field: Any) -> Any:
    """The address of what is remembered of each leaf."""
    return memo[0] + 8 * (MEMO_HEAD + field * memo[1])


@inner
def _swept(context: Any, leaf: Any, spot: Any, sweep: Any, start: Any, memo: Any) -> Any:
    """Whether a leaf's turns in (start, now] are known; they weren't yet."""
    head, turns = memo[0], _column(memo, MEMO_FIELDS)
    place, customer, last, record = spot
    if word(head, OWNER) != place:
        put(head, OWNER, place)
        put(head, USED, 0)
    if word(word(context, C_LEAVES), leaf * LEAF_FIELDS + OP) == INPUT:
        return False
    used = word(head, USED)
    put(_column(memo, LOWS), leaf, used)
    held, until = tested(context, leaf, (place, customer, start, record))
    while until <= last:
        now = until
        truth, until = tested(context, leaf, (place, customer, now, record))
        if truth != held:
            if used == TURNS_COUNT_MAX:
                return False
            put(turns, used, now)
            held, used = truth, used + 1
    put(head, USED, used)
    put(_column(memo, HIGHS), leaf, used)
    put(_column(memo, MET), leaf, sweep)
    return True


@inner
def _gathered(
    context: Any, plan: Any, ladder: Any, spot: Any, sweep: Any, start: Any, kept: Any, truths: Any, memo: Any
) -> Any:
    """How many leaves of a ladder turned, which are then listed, -1 if that can't be said here. The truths are put as
    they are at now."""
    bits, row = kept
    lows, highs, cursors, listed = (
        _column(memo, LOWS),
        _column(memo, HIGHS),
        _column(memo, CURSORS),
        _column(memo, TURNED),
    )
    number = 0
    for some in range(word(plan[BELOW_OF], ladder), word(plan[BELOW_OF], ladder + 1)):
        leaf = word(plan[BELOW], some)
        if word(_column(memo, MET), leaf) != sweep and not _swept(context, leaf, spot, sweep, start, memo):
            return -1
        put(truths, leaf, (word(bits, row + leaf // 64) >> (leaf % 64)) & 1)
        put(cursors, leaf, word(highs, leaf))
        if word(highs, leaf) > word(lows, leaf):
            put(listed, number, leaf)
            number += 1
    return number


@inner
def _since(
    context: Any, plan: Any, asked: Any, spot: Any, sweep: Any, start: Any, seen: Any, kept: Any, room: Any, memo: Any
) -> Any:
    """Since when a ladder has had the value that it has at now, if that began after `start`; else BEGINNING.

    NEVER if it can't be said here. asked: the ladder and the value. sweep: a number of its own for each customer and
    start."""
    (ladder, held), truths = asked, room[0]
    number = _gathered(context, plan, ladder, spot, sweep, start, kept, truths, memo)
    if number < 0:
        return NEVER
    lows, cursors, listed, turns = (
        _column(memo, LOWS),
        _column(memo, CURSORS),
        _column(memo, TURNED),
        _column(memo, MEMO_FIELDS),
    )
    begun = seen <= spot[2]
    while True:
        latest = seen if begun and seen > start else BEGINNING
        for some in range(number):
            leaf = word(listed, some)
            if word(cursors, leaf) > word(lows, leaf):
                latest = max(latest, word(turns, word(cursors, leaf) - 1))
        if latest == BEGINNING:
            return BEGINNING
        for some in range(number):
            leaf = word(listed, some)
            if word(cursors, leaf) > word(lows, leaf) and word(turns, word(cursors, leaf) - 1) == latest:
                put(truths, leaf, 1 - word(truths, leaf))
                put(cursors, leaf, word(cursors, leaf) - 1)
        begun = begun and seen < latest
        if value_of(plan, ladder, begun, room) != held:
            return latest


@inner
def came(context: Any, plan: Any, asked: Any, spot: Any, start: Any, seen: Any, kept: Any, room: Any, memo: Any) -> Any:
    """Since when a ladder has had the value that it has at now; BEGINNING if it always had.

    NEVER if that can't be said here: the machine can't say one of its leaves, or one turns too often. asked: the ladder
    and the value. start: an instant before which it hardly came about; then it is looked for since the customer's first
    event (seen), before which nobody has a value. kept: the truths at now, a bit each, and where the customer's begin.
    room: truths, values, stack. memo: what is remembered, and of how many leaves. All are addresses.
    """
    found = _since(context, plan, asked, spot, 2 * spot[0], start, seen, kept, room, memo)
    if found == BEGINNING and seen <= start:
        found = _since(context, plan, asked, spot, 2 * spot[0] + 1, seen - 1, seen, kept, room, memo)
    return found
