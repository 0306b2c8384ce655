"""Which leaf of the machine is told how, and leaves whose body is worked out at several instants or for each record.

`leaf_tested` says a leaf at an instant. A body is code over other leaves, worked out from left to right; what can't
matter any more is passed over, and then needn't stand still either, so that its until doesn't count. Over a span of
time a body is swept: from the span's first instant on, from until to until. What it says stands between two of these,
so the instants at which it turns are met exactly. `hold` looks at now first: who holds now needs no sweep.

until: who held until some instant goes on holding for the span after it; who came to hold at one is said to have done
so for the span after it. It may be too early, never too late.

Cost: that of the leaves, times the instants at which they could turn within the span.
"""

from __future__ import annotations

from typing import Any

import numba

from yutang.kernel.instants import NEVER
from yutang.timeline.kernels.machine_fields import (
    ANNIVERSARY,
    AT_INSTANT,
    AT_LEAST_BASE,
    BODY,
    BODY_END,
    C_BLOCK_OF,
    C_BLOCKS,
    C_BODY,
    C_BOUNDS,
    C_FACTS,
    C_FACTS_COUNT,
    C_INPUTS,
    C_INPUTS_COUNT,
    C_LEAF_SOURCES,
    C_LEAVES,
    C_PERIODS,
    C_ROLES,
    C_ROOM,
    C_SEEN,
    C_TRUTH,
    C_USES,
    CONSTANT,
    COUNT,
    DISTINCT,
    ENTERED,
    FACT,
    FIRST,
    HOLD,
    INPUT,
    JUDGED,
    KEYED,
    LAST,
    LEAF_FIELDS,
    LOW,
    NOT,
    NOT_FOLLOWED,
    OP,
    PERIODS,
    PUSH,
    RECORDS,
    RETURNED,
    SEQUENCE,
    SINCE_FIRST,
    SINCE_LAST,
    SINCE_SEEN,
    UNLESS,
    WHERE,
    WIDTH,
)
from yutang.timeline.kernels.machine_leaves import counted, ended, folded, met, seen_since, since
from yutang.timeline.kernels.machine_order import distinct, not_followed, returned, sequence
from yutang.timeline.kernels.machine_states import begun_after, entering, keyed, standing
from yutang.timeline.kernels.machine_words import after_of, inner, inside, put, tested, types, window_of, word

COMPILED_OF = "7f615b899ec77f3d"  # digest of what is compiled into `leaf_tested`: numba's cache goes by this file alone


@inner
def _given(given: Any, leaves: Any, at: Any, op: Any, spot: Any) -> Any:
    """(truth, until) of INPUT, FACT, SINCE_SEEN: what isn't told by rows."""
    inputs, inputs_count, seen, facts, facts_count = given
    place, now = spot[0], spot[2]
    if op == INPUT:
        entry = (place * inputs_count + word(leaves, at + LOW)) * 2
        return word(inputs, entry) != 0, word(inputs, entry + 1)
    if op == FACT:
        return word(facts, place * facts_count + word(leaves, at + LOW)) != 0, NEVER
    if word(seen, place) > now:
        return False, word(seen, place)
    return since(leaves, at, word(seen, place), now)


@inner
def _ordered(where: Any, lying: Any, at: Any, op: Any, used: Any, spot: Any, window: Any) -> Any:
    """(truth, until) of a leaf that asks how events stand to one another."""
    if op == DISTINCT:
        return distinct(where, lying, at, used, spot, window)
    if op == RETURNED:
        return returned(where, lying, at, used, spot, window)
    if op == SEQUENCE:
        return sequence(where, lying, at, used, spot, window)
    return not_followed(where, lying, at, used, spot, window)


@inner
def _told(where: Any, lying: Any, given: Any, leaf: Any, spot: Any) -> Any:
    """(truth, until) of a leaf without a body for a customer at now. where: the addresses of what is asked, and of the
    room. lying: of the blocks. given: of what isn't told by rows.
    """
    leaves, uses, roles, periods, bounds = where[0], where[2], where[3], where[4], where[5]
    at = leaf * LEAF_FIELDS
    op = word(leaves, at + OP)
    used = (word(where[1], leaf), word(where[1], leaf + 1))
    if op in (INPUT, FACT, SINCE_SEEN):
        return _given(given, leaves, at, op, spot)
    if op in (SINCE_FIRST, SINCE_LAST):
        return seen_since(leaves, at, used, uses, lying, spot)
    if op == PERIODS:
        return met(leaves, at, used, uses, lying, spot, periods, bounds)
    if JUDGED <= op <= ANNIVERSARY:
        return standing(where, lying, at, used, spot)
    if op == KEYED:
        return keyed(where, lying, used, spot)
    window = window_of(leaves, at, periods, bounds, spot[2])
    if op == COUNT:
        return counted(leaves, at, used, uses, lying, spot, window)
    if DISTINCT <= op <= NOT_FOLLOWED:
        return _ordered(where, lying, at, op, used, spot, window)
    if op in (FIRST, LAST):
        return ended(leaves, at, used, uses, lying, spot, window)
    return folded(leaves, at, used, uses, roles, lying, spot, window)


@inner
def _at_least(stack: Any, operand: Any) -> Any:
    """The truths that wait in a body, with so many of them made into one."""
    parts, needed, number = operand % AT_LEAST_BASE, operand // AT_LEAST_BASE, 0
    for part in range(parts):
        number += (stack >> part) & 1
    return ((stack >> parts) << 1) | (1 if number >= needed else 0)


@inner
def _worked(context: Any, body: Any, first: Any, end: Any, spot: Any) -> Any:
    """(truth, until) of a body at an instant, 0 or 1: the least until of the leaves that it was worked out by."""
    step, stack, until = first, 0, NEVER
    while step < end:
        what, operand = word(body, 2 * step), word(body, 2 * step + 1)
        step += 1
        if what == PUSH:
            truth, turn = tested(context, operand, spot)
            stack, until = (stack << 1) | (1 if truth else 0), min(until, turn)
        elif what == NOT:
            stack ^= 1
        elif what in (UNLESS, WHERE):
            if (stack & 1) == (1 if what == WHERE else 0):
                step += operand
            else:
                stack >>= 1
        elif what == CONSTANT:
            stack = (stack << 1) | operand
        else:
            stack = _at_least(stack, operand)
    return stack & 1, until


@inner
def _of_records(context: Any, where: Any, lying: Any, at: Any, used: Any, body: Any, spot: Any) -> Any:
    """(truth, until) of RECORDS. body: its address, first instruction, and the one after its last."""
    use, block, row, record = begun_after(where, lying, used, spot, used[0], 0, -1)
    until, _ = entering(where, lying, used, spot)
    number = 0
    while use < used[1]:
        held, turn = _worked(context, body[0], body[1], body[2], (spot[0], spot[1], spot[2], record))
        number, until = number + held, min(until, turn)
        use, block, row, record = begun_after(where, lying, used, spot, use, block, row)
    return inside(where[0], at, number), until


@inner
def _swept(context: Any, op: Any, width: Any, body: Any, spot: Any) -> Any:
    """(truth, until) of HOLD, ENTERED, AT_INSTANT. body: as of `_of_records`."""
    place, head, now, record = spot
    instant = width if op == AT_INSTANT else now - width if op == ENTERED else now
    held, turn = _worked(context, body[0], body[1], body[2], (place, head, instant, record))
    if op == AT_INSTANT:
        return held != 0, NEVER
    before, until = held, turn
    if op == HOLD:
        if held:
            return True, after_of(turn, width)
        turn = now - width  # where the sweep begins; what is false now is so up to `until`
    while turn < now or (op == ENTERED and turn == now):
        instant = turn
        held, turn = _worked(context, body[0], body[1], body[2], (place, head, instant, record))
        if op == HOLD and held:
            return True, after_of(turn, width)
        if op == ENTERED and held > before:
            return True, after_of(instant, width)
        before = held
    return False, (until if op == HOLD else turn)


@inner
def _bodied(context: Any, where: Any, lying: Any, leaf: Any, spot: Any) -> Any:
    """(truth, until) of a leaf with a body for a customer at now."""
    leaves, at = where[0], leaf * LEAF_FIELDS
    op, width = word(leaves, at + OP), word(leaves, at + WIDTH)
    body = (where[6], word(leaves, at + BODY), word(leaves, at + BODY_END))
    if op != RECORDS:
        return _swept(context, op, width, body, spot)
    return _of_records(context, where, lying, at, (word(where[1], leaf), word(where[1], leaf + 1)), body, spot)


@numba.cfunc(types.int64(*[types.int64] * 6), cache=True)
def leaf_tested(context: Any, leaf: Any, place: Any, head: Any, now: Any, record: Any) -> Any:
    """The until of a leaf; its truth is left in the context. See `machine_words.tested`."""
    first = (word(context, C_LEAVES), word(context, C_LEAF_SOURCES), word(context, C_USES), word(context, C_ROLES))
    where = (*first, word(context, C_PERIODS), word(context, C_BOUNDS), word(context, C_BODY), word(context, C_ROOM))
    lying, spot = (word(context, C_BLOCK_OF), word(context, C_BLOCKS), where[7]), (place, head, now, record)
    if word(where[0], leaf * LEAF_FIELDS + OP) >= RECORDS:
        truth, until = _bodied(context, where, lying, leaf, spot)
    else:
        facts = (word(context, C_FACTS), word(context, C_FACTS_COUNT))
        given = (word(context, C_INPUTS), word(context, C_INPUTS_COUNT), word(context, C_SEEN), *facts)
        truth, until = _told(where, lying, given, leaf, spot)
    put(context, C_TRUTH, 1 if truth else 0)
    return until
