"""The leaves of the machine that are put together over blocks without merging them: counts, folds, ends, periods.

Each is one test over the rows of one customer at an instant, and until when it stands. *until* is the earliest instant
after now at which the leaf could change by rows that are known: the next row that enters, the row whose leaving could
turn it, the next period's beginning. It may be too early, never too late.

Cost: a count over a run without a filter is O(log rows in the window), sums, extremes and what is filtered O(rows in
the window); 20 to 70 ns where rows are in the cache.
"""

from __future__ import annotations

from typing import Any

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels.machine_fields import (
    AT,
    AVERAGE,
    ENTRY,
    FLAGS,
    HIGH,
    HIGH_MORE,
    JUDGED_UNKNOWN,
    LAST,
    LEAST,
    LOW,
    LOW_MORE,
    NEGATED,
    OP,
    ROLLING,
    SINCE_LAST,
    SUM,
    TIE,
    VALUES,
    WIDTH,
    WINDOW,
    WINDOW_END,
)
from yutang.timeline.kernels.machine_words import after_of, beyond, flag, inner, inside, near, period_of, word
from yutang.timeline.steps import UNKNOWN


@inner
def _flagged(flags: Any, low: Any, high: Any, enough: Any) -> Any:
    """(how many of the rows low:high are flagged, the first of them, the last), looked at from the end until there are
    enough."""
    found, first, last, row = 0, high, low, high
    while row > low and found < enough:
        row -= 1
        if flag(flags, row):
            last = row if found == 0 else last
            found, first = found + 1, row
    return found, first, last


@inner
def _left(leaves: Any, at: Any, total: Any, exact: Any, oldest: Any, newest: Any) -> Any:
    """When so many have left a rolling window that COUNT turns. exact: the instants of all of them, if they lie in one
    column side by side, and the first; else only the oldest and the newest are known."""
    least, most, width = word(leaves, at + LOW), word(leaves, at + HIGH), word(leaves, at + WIDTH)
    # So many may stay, and it turns; -1 if no leaving turns it.
    stay = most if total > most else least - 1 if total >= least > BEGINNING else -1
    if stay < 0:
        return NEVER
    if stay == 0:
        return after_of(newest, width)
    return after_of(word(exact[0], exact[1] + total - stay - 1) if exact[0] else oldest, width)


@inner
def counted(leaves: Any, at: Any, used: Any, uses: Any, lying: Any, spot: Any, window: Any) -> Any:
    """(truth, until) of COUNT."""
    now, blocks = spot[2], lying[1]
    after, upto, turn = window
    total, entering, parts = 0, NEVER, 0
    column, begins, oldest, newest = 0, 0, NEVER, BEGINNING
    plain, least, most = True, word(leaves, at + LOW), word(leaves, at + HIGH)
    enough = least if most == NEVER else most + 1
    for use in range(used[0], used[1]):
        first_entry, end = near(lying, word(uses, use), spot)
        for entry in range(first_entry, end, ENTRY):
            block, low, high = word(entry, 0), word(entry, 1), word(entry, 2)
            instants, flags = word(blocks, block + AT), word(blocks, block + FLAGS)
            edge = beyond(instants, low, high, upto)
            later = edge
            while later < high and flags != 0 and not flag(flags, later):
                later += 1
            if later < high:
                instant = word(instants, later)
                entering = min(entering, instant if instant > now else turn)
            if edge == low:
                continue
            start = low if after == BEGINNING else beyond(instants, low, edge, after)
            plain = plain and flags == 0
            found, start, last = (edge - start, start, edge - 1) if flags == 0 else _flagged(flags, start, edge, enough)
            if found:
                total += found
                parts += 1
                column, begins = instants, start
                oldest, newest = min(oldest, word(instants, start)), max(newest, word(instants, last))
    until = entering if total <= most and (total < least or most < NEVER) else NEVER  # if one more could turn it
    if total and turn != NEVER:
        until = min(until, turn)
    if word(leaves, at + WINDOW) == ROLLING and total:
        exact = (column, begins) if parts == 1 and plain else (0, 0)
        until = min(until, _left(leaves, at, total, exact, oldest, newest))
    return inside(leaves, at, total), until


@inner
def _folds(leaves: Any, at: Any, folds: Any) -> Any:
    """Whether a fold passes. folds: total, number, least, greatest."""
    op, total, number = word(leaves, at + OP), folds[0], folds[1]
    if op == SUM:
        return inside(leaves, at, total)
    if number == 0:
        return False
    if op == AVERAGE:
        low, high = word(leaves, at + LOW), word(leaves, at + HIGH)
        held = low == BEGINNING or total >= low * number + word(leaves, at + LOW_MORE)
        held = held and (high == NEVER or total <= high * number + word(leaves, at + HIGH_MORE))
        return held != (word(leaves, at + NEGATED) != 0)
    return inside(leaves, at, folds[2] if op == LEAST else folds[3])


@inner
def folded(leaves: Any, at: Any, used: Any, uses: Any, roles: Any, lying: Any, spot: Any, window: Any) -> Any:
    """(truth, until) of SUM, AVERAGE, LEAST, GREATEST."""
    now, blocks = spot[2], lying[1]
    after, upto, turn = window
    total, number, least, greatest = 0, 0, NEVER, BEGINNING
    until, oldest = NEVER, NEVER
    for use in range(used[0], used[1]):
        sign = word(roles, use)
        first_entry, end = near(lying, word(uses, use), spot)
        for entry in range(first_entry, end, ENTRY):
            block, low, high = word(entry, 0), word(entry, 1), word(entry, 2)
            instants, flags = word(blocks, block + AT), word(blocks, block + FLAGS)
            values = word(blocks, block + VALUES)
            edge = beyond(instants, low, high, upto)
            if edge < high:
                entering = word(instants, edge)
                until = min(until, entering if entering > now else turn)
            row = edge - 1
            while row >= low:
                instant = word(instants, row)
                if instant <= after and after != BEGINNING:
                    break
                value = word(values, row)
                if value != UNKNOWN and (flags == 0 or flag(flags, row)):
                    number += 1
                    total += sign * value
                    least, greatest = min(least, value), max(greatest, value)
                    oldest = min(oldest, instant)
                row -= 1
    if number and turn != NEVER:
        until = min(until, turn)
    if number and word(leaves, at + WINDOW) == ROLLING:
        until = min(until, after_of(oldest, word(leaves, at + WIDTH)))
    return _folds(leaves, at, (total, number, least, greatest)), until


@inner
def ended(leaves: Any, at: Any, used: Any, uses: Any, lying: Any, spot: Any, window: Any) -> Any:
    """(truth, until) of FIRST, LAST: by (at, tie); of rows equal in both, sources stand in their order."""
    now, blocks = spot[2], lying[1]
    after, upto, turn = window
    last = word(leaves, at + OP) == LAST
    until, some = NEVER, False
    best, best_tie, found = 0, 0, 0
    for use in range(used[0], used[1]):
        first_entry, end = near(lying, word(uses, use), spot)
        for entry in range(first_entry, end, ENTRY):
            block, low, high = word(entry, 0), word(entry, 1), word(entry, 2)
            instants, flags = word(blocks, block + AT), word(blocks, block + FLAGS)
            values = word(blocks, block + VALUES)
            edge = beyond(instants, low, high, upto)
            if edge < high:
                entering = word(instants, edge)
                until = min(until, entering if entering > now else turn)
            start = low if after == BEGINNING else beyond(instants, low, edge, after)
            for step in range(edge - start):
                row = edge - 1 - step if last else start + step
                if flags != 0 and not flag(flags, row):
                    continue
                value = word(values, row) if values else flag(flags, row)
                if value == UNKNOWN or (not values and value == JUDGED_UNKNOWN):
                    continue
                instant, tie = word(instants, row), word(word(blocks, block + TIE), row)
                later = instant > best or (instant == best and tie >= best_tie)
                earlier = instant < best or (instant == best and tie < best_tie)
                if not some or (later if last else earlier):
                    some, best, best_tie, found = True, instant, tie, value
                break
    if not some:
        return False, until
    until = min(until, turn)
    if word(leaves, at + WINDOW) == ROLLING:
        until = min(until, after_of(best, word(leaves, at + WIDTH)))
    return inside(leaves, at, found), until


@inner
def since(leaves: Any, at: Any, instant: Any, now: Any) -> Any:
    """(truth, until) of now - instant, by nothing but time."""
    until = NEVER
    for edge in (word(leaves, at + LOW), word(leaves, at + HIGH)):
        if BEGINNING < edge < NEVER:
            crossing = instant + edge + (0 if edge == word(leaves, at + LOW) and instant + edge > now else 1)
            if crossing > now:
                until = min(until, crossing)
    return inside(leaves, at, now - instant), until


@inner
def seen_since(leaves: Any, at: Any, used: Any, uses: Any, lying: Any, spot: Any) -> Any:
    """(truth, until) of SINCE_FIRST, SINCE_LAST."""
    now, blocks = spot[2], lying[1]
    last = word(leaves, at + OP) == SINCE_LAST
    until, found = NEVER, BEGINNING if last else NEVER
    for use in range(used[0], used[1]):
        first_entry, end = near(lying, word(uses, use), spot)
        for entry in range(first_entry, end, ENTRY):
            block, low, high = word(entry, 0), word(entry, 1), word(entry, 2)
            instants, flags = word(blocks, block + AT), word(blocks, block + FLAGS)
            edge = beyond(instants, low, high, now)
            if edge < high:
                until = min(until, word(instants, edge))
            for step in range(edge - low):
                row = edge - 1 - step if last else low + step
                if flags == 0 or flag(flags, row):
                    instant = word(instants, row)
                    found = max(found, instant) if last else min(found, instant)
                    break
    if found == (BEGINNING if last else NEVER):
        return False, until
    truth, crossing = since(leaves, at, found, now)
    return truth, min(until, crossing)


@inner
def met(leaves: Any, at: Any, used: Any, uses: Any, lying: Any, spot: Any, periods: Any, bounds: Any) -> Any:
    """(truth, until) of PERIODS: of the periods before the one that now is in, a bit each."""
    now, blocks = spot[2], lying[1]
    first, last = word(bounds, word(leaves, at + WIDTH)), word(bounds, word(leaves, at + WIDTH) + 1)
    running = period_of(periods, first, last, now)
    turn = word(periods, running + 1) if running + 1 < last else NEVER
    far = running - word(leaves, at + WINDOW_END)
    begin = word(periods, far) if far >= first else BEGINNING
    until, bits = NEVER, 0
    for use in range(used[0], used[1]):
        first_entry, end = near(lying, word(uses, use), spot)
        for entry in range(first_entry, end, ENTRY):
            block, low, high = word(entry, 0), word(entry, 1), word(entry, 2)
            instants, flags = word(blocks, block + AT), word(blocks, block + FLAGS)
            part, row = running + 1, high - 1
            while row >= low:
                instant = word(instants, row)
                if instant < begin:
                    break
                if instant > now:
                    until = min(until, instant)
                elif flags == 0 or flag(flags, row):
                    until = min(until, turn)
                    while part > first and instant < word(periods, part - 1):
                        part -= 1
                    if far < part <= running:  # the row lies in period part - 1
                        bits |= 1 << (running - part)
                row -= 1
    number = 0
    while bits:
        bits &= bits - 1
        number += 1
    return inside(leaves, at, number), until
