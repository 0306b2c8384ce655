"""The leaves of the machine that ask how the events of some sets stand to one another.

Rows lie in blocks, each in order. A *cursor* is a place in one block; cursors are moved together, from the oldest row
on or from the newest back, so that rows come in the order of (instant, tie) without being copied. Rows that are equal
in both come as one group, except where only instants matter.

returned: back from the newest row by leaps: the last gap that is long enough and ends inside the window. distinct: back
from the newest row: a value counts where it is met first, which is where it was last; the k-th of those tells when the
number falls below k. sequence: forward; of each step only the latest event that ends a match of the steps so far is
kept, with the latest beginning of such a match. No earlier one can serve where it can't: it is further back, more may
lie between, and its matches began earlier. not followed: back from the newest row whose span has passed.

Cost: O(rows that are passed x blocks), without a copy. `room` is memory of the call, for cursors, steps of a sequence
and the table of values; how much is needed is known beforehand (`machine.program.room_of`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels.machine_fields import (
    AT,
    BODY,
    BODY_END,
    CURSOR_FIELDS,
    ENTRY,
    FLAGS,
    HIGH,
    LOW,
    OPTIONAL,
    PLACES,
    ROLLING,
    ROOM_HEAD,
    STAMP,
    STEP_FIELDS,
    STEPS_AT,
    TABLE_AT,
    TIE,
    VALUES,
    WIDTH,
    WINDOW,
)
from yutang.timeline.kernels.machine_words import after_of, beyond, flag, inner, inside, near, put, word
from yutang.timeline.steps import UNKNOWN

# A cursor: instant of its row (NEVER or BEGINNING: there is none), columns, the rows between which it moves, its row,
# the role of its source, its block.
C_NOW, C_AT, C_TIE, C_FLAGS, C_LOW, C_HIGH, C_ROW, C_ROLE, C_BLOCK = range(CURSOR_FIELDS)
# Of a step: the latest event that ends a match so far, when the match began; the latest event that may not come after.
S_AT, S_TIE, S_BEGUN, OUT_AT, OUT_TIE = range(STEP_FIELDS)


@inner
def _settle(cursor: Any, step: Any) -> None:
    """Move a cursor on to a row that counts, if its own doesn't."""
    flags, row = word(cursor, C_FLAGS), word(cursor, C_ROW)
    low, high = word(cursor, C_LOW), word(cursor, C_HIGH)
    while flags != 0 and low <= row < high and not flag(flags, row):
        row += step
    put(cursor, C_ROW, row)
    if low <= row < high:
        put(cursor, C_NOW, word(word(cursor, C_AT), row))
    else:
        put(cursor, C_NOW, NEVER if step > 0 else BEGINNING)


@inner
def moved_on(cursor: Any, step: Any) -> None:
    """Move a cursor to the next row that counts, 1 forward, -1 back."""
    put(cursor, C_ROW, word(cursor, C_ROW) + step)
    _settle(cursor, step)


@inner
def tie_of(cursor: Any) -> Any:
    """The tie of a cursor's row."""
    return word(word(cursor, C_TIE), word(cursor, C_ROW))


@inner
def _set(cursor: Any, blocks: Any, block: Any, rows: Any, role: Any, step: Any) -> None:
    """Make a cursor over some rows of a block, at the first or the last that counts."""
    put(cursor, C_AT, word(blocks, block + AT))
    put(cursor, C_TIE, word(blocks, block + TIE))
    put(cursor, C_FLAGS, word(blocks, block + FLAGS))
    put(cursor, C_LOW, rows[0])
    put(cursor, C_HIGH, rows[1])
    put(cursor, C_ROW, rows[0] if step > 0 else rows[1] - 1)
    put(cursor, C_ROLE, role)
    put(cursor, C_BLOCK, block)
    _settle(cursor, step)


@inner
def opened(where: Any, lying: Any, used: Any, spot: Any, window: Any, step: Any, delay: Any) -> Any:
    """(how many cursors, 0 if it can't hold; until by what enters) over the rows of a leaf's sources in the window.

    step: 1 from the oldest, -1 from the newest. delay: how long after an event it counts. Sources that stand first are
    opened first, and if one has no row, no more are: those of optional roles may have none.
    """
    uses, roles, room = where[2], where[3], where[7]
    blocks, now = lying[1], spot[2]
    after, upto, turn = window
    until, count = NEVER, 0
    if used[0] == used[1]:
        return 0, until
    first, role, some = word(roles, used[0]), word(roles, used[0]), False
    for use in range(used[0], used[1]):
        if word(roles, use) != role:
            if not some and role < OPTIONAL:
                return 0, until
            role, some = word(roles, use), False
        first_entry, end = near(lying, word(uses, use), spot)
        for entry in range(first_entry, end, ENTRY):
            block, low, high = word(entry, 0), word(entry, 1), word(entry, 2)
            at = word(blocks, block + AT)
            edge = beyond(at, low, high, now if role >= OPTIONAL else upto)
            if edge < high and role == first:
                ready = after_of(word(at, edge), delay)
                until = min(until, ready if ready > now else turn)
            low = beyond(at, low, edge, after) if after != BEGINNING else low
            if low >= edge:
                continue
            some = True
            cursor = room + 8 * (ROOM_HEAD + count * CURSOR_FIELDS)
            _set(cursor, blocks, block, (low, edge), role, step)
            count += 1
    if not some and role < OPTIONAL:
        return 0, until
    return count, min(until, turn)


@inner
def _newest(room: Any, count: Any) -> Any:
    """The cursor whose row is the newest by instant; 0 if there are no more rows."""
    best, found = BEGINNING, 0
    for one in range(count):
        cursor = room + 8 * (ROOM_HEAD + one * CURSOR_FIELDS)
        if word(cursor, C_NOW) > best:
            best, found = word(cursor, C_NOW), cursor
    return found


@inner
def _group(room: Any, count: Any, step: Any) -> Any:
    """(instant, tie, a bit for each role) of the next rows that are equal in instant and tie, which are passed."""
    best, best_tie, found = 0, 0, False
    for one in range(count):
        cursor = room + 8 * (ROOM_HEAD + one * CURSOR_FIELDS)
        at = word(cursor, C_NOW)
        if at in (NEVER, BEGINNING):
            continue
        if not found or (at < best if step > 0 else at > best):
            best, best_tie, found = at, tie_of(cursor), True
        elif at == best:
            tie = tie_of(cursor)
            if tie < best_tie if step > 0 else tie > best_tie:
                best_tie = tie
    roles = 0
    if found:
        for one in range(count):
            cursor = room + 8 * (ROOM_HEAD + one * CURSOR_FIELDS)
            while word(cursor, C_NOW) == best and tie_of(cursor) == best_tie:
                roles |= 1 << word(cursor, C_ROLE)
                moved_on(cursor, step)
    return best, best_tie, roles


@inner
def _leaving(where: Any, at: Any, instant: Any) -> Any:
    """When an event leaves a rolling window; NEVER for the others: they end with their period."""
    rolling = word(where[0], at + WINDOW) == ROLLING
    return after_of(instant, word(where[0], at + WIDTH)) if rolling else NEVER


@inner
def _oldest_after(cursor: Any, bound: Any) -> Any:
    """The instant of the oldest row that counts later than a bound, of those of a cursor before those looked at so far;
    NEVER for none. These are from then on those looked at."""
    at, flags, high = word(cursor, C_AT), word(cursor, C_FLAGS), word(cursor, C_HIGH)
    row = beyond(at, word(cursor, C_LOW), high, bound)
    put(cursor, C_HIGH, row)
    while row < high and flags != 0 and not flag(flags, row):
        row += 1
    return word(at, row) if row < high else NEVER


@inner
def _more(room: Any, count: Any) -> Any:
    """Whether any row that counts stands before those looked at."""
    for one in range(count):
        cursor = room + 8 * (ROOM_HEAD + one * CURSOR_FIELDS)
        flags = word(cursor, C_FLAGS)
        for row in range(word(cursor, C_HIGH) - 1, word(cursor, C_LOW) - 1, -1):
            if flags == 0 or flag(flags, row):
                return True
    return False


@inner
def returned(where: Any, lying: Any, at: Any, used: Any, spot: Any, window: Any) -> Any:
    """(truth, until) of RETURNED: the oldest event less than the gap before one is as good as it, since none between
    the two comes after so long; so it goes back by leaps of almost the gap."""
    room = where[7]
    after, upto, turn = window
    count, until = opened(where, lying, used, spot, (BEGINNING, upto, turn), -1, 0)
    gap, cursor = word(where[0], at + LOW), _newest(room, count)
    later = word(cursor, C_NOW) if cursor else BEGINNING
    while later > after:
        oldest = later
        for one in range(count):
            cursor = room + 8 * (ROOM_HEAD + one * CURSOR_FIELDS)
            oldest = min(oldest, _oldest_after(cursor, later - gap))
        if oldest == later:
            if not _more(room, count):
                return False, until
            return True, min(turn, _leaving(where, at, later))
        later = oldest
    return False, until


@inner
def _fresh(room: Any, stamp: Any, value: Any) -> Any:
    """Whether a value is met for the first time under a stamp; it is kept in the table."""
    table, places = room + 8 * word(room, TABLE_AT), word(room, PLACES)
    mixed = np.uint64(value) * np.uint64(0x9E3779B97F4A7C15)
    place = np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(places - 1))
    while word(table, 2 * place + 1) == stamp:
        if word(table, 2 * place) == value:
            return False
        place = (place + 1) & (places - 1)
    put(table, 2 * place, value)
    put(table, 2 * place + 1, stamp)
    return True


@inner
def distinct(where: Any, lying: Any, at: Any, used: Any, spot: Any, window: Any) -> Any:
    """(truth, until) of DISTINCT. The program sees to it that few enough values need be told apart."""
    leaves, room = where[0], where[7]
    low, high = word(leaves, at + LOW), word(leaves, at + HIGH)
    count, until = opened(where, lying, used, spot, window, -1, 0)
    stamp = word(room, STAMP) + 1
    put(room, STAMP, stamp)
    number, falling, enough = 0, NEVER, low if high == NEVER else high + 1
    while number < enough:
        cursor = _newest(room, count)
        if cursor == 0:
            break
        value = word(word(lying[1], word(cursor, C_BLOCK) + VALUES), word(cursor, C_ROW))
        if value != UNKNOWN and _fresh(room, stamp, value):
            number += 1
            if number in (low, enough):
                falling = _leaving(where, at, word(cursor, C_NOW))
        moved_on(cursor, -1)
    return inside(leaves, at, number), min(until, falling)


@inner
def _stepped(where: Any, step: Any, before: Any, k: Any, at: Any, tie: Any, within: Any) -> Any:
    """When the latest match that ends in an event of a step began, BEGINNING for none. before: the step before."""
    if k == 0:
        return at
    begun, then, then_tie = word(before, S_BEGUN), word(before, S_AT), word(before, S_TIE)
    if begun == BEGINNING or at - then > within:
        return BEGINNING
    out, out_tie = word(step, OUT_AT), word(step, OUT_TIE)
    return BEGINNING if out > then or (out == then and out_tie > then_tie) else begun


@inner
def sequence(where: Any, lying: Any, at: Any, used: Any, spot: Any, window: Any) -> Any:
    """(truth, until) of SEQUENCE."""
    leaves, body, room = where[0], where[6], where[7]
    count, until = opened(where, lying, used, spot, window, 1, 0)
    if count == 0:
        return False, until
    first = word(leaves, at + BODY)
    steps, total = word(leaves, at + BODY_END) - first, word(leaves, at + LOW)
    state = room + 8 * word(room, STEPS_AT)
    for k in range(steps):
        put(state, k * STEP_FIELDS + S_BEGUN, BEGINNING)
        put(state, k * STEP_FIELDS + OUT_AT, BEGINNING)
    best = BEGINNING
    while True:
        instant, tie, roles = _group(room, count, 1)
        if roles == 0:
            break
        for k in range(steps - 1, -1, -1):
            if not (roles >> k) & 1:
                continue
            mine = state + 8 * k * STEP_FIELDS
            begun = _stepped(where, mine, mine - 8 * STEP_FIELDS, k, instant, tie, word(body, 2 * (first + k) + 1))
            if begun != BEGINNING:
                put(mine, S_AT, instant)
                put(mine, S_TIE, tie)
                put(mine, S_BEGUN, begun)
                if k == steps - 1 and instant - begun <= total:
                    best = max(best, begun)
        for k in range(steps if roles >= 1 << OPTIONAL else 0):
            if (roles >> (OPTIONAL + k)) & 1:
                put(state, k * STEP_FIELDS + OUT_AT, instant)
                put(state, k * STEP_FIELDS + OUT_TIE, tie)
    if best == BEGINNING:
        return False, until
    return True, min(window[2], _leaving(where, at, best))


@inner
def not_followed(where: Any, lying: Any, at: Any, used: Any, spot: Any, window: Any) -> Any:
    """(truth, until) of NOT_FOLLOWED."""
    room = where[7]
    after, upto, turn = window
    within, following = word(where[0], at + LOW), NEVER
    passed = (after, min(upto, spot[2] - within), turn)
    count, until = opened(where, lying, used, spot, passed, -1, within)
    while True:
        instant, _, roles = _group(room, count, -1)
        if roles == 0:
            return False, until
        if roles & 1 and (following == NEVER or following - instant > within):
            return True, min(turn, _leaving(where, at, instant))
        if roles >> OPTIONAL:
            following = instant
