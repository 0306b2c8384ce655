"""The leaves of the machine about what stands: traits and their dates, keys that begin and end, records.

What stands is said by the last row of a customer (of a record, of a key) by (instant, tie); of rows equal in both the
one whose block comes later. A trait with an order of sources is told forward, since a row of a worse source doesn't
count while a better one stands. Days and years are counted here; the instants at which days begin come in a table.

Cost: a trait O(rows since it was set); keys and records O(rows x rows with the same key): they are few.
"""

from __future__ import annotations

from typing import Any

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels.machine_fields import (
    AGE,
    AT,
    BLOCK_FIELDS,
    CURSOR_FIELDS,
    DUE,
    ENTRY,
    FLAGS,
    HIGH,
    JUDGED,
    JUDGED_TRUE,
    JUDGED_UNKNOWN,
    KEYS,
    LOW,
    OP,
    RANKED,
    RECORDED,
    ROOM_HEAD,
    TIE,
    VALUES,
    WIDTH,
    WINDOW,
    WINDOW_END,
)
from yutang.timeline.kernels.machine_order import C_BLOCK, C_NOW, C_ROW, moved_on, opened, tie_of
from yutang.timeline.kernels.machine_words import beyond, flag, inner, inside, near, period_of, rows_of, word
from yutang.timeline.steps import UNKNOWN

FIRST_DAY = -366  # of the tables of days; see `boundaries`
DAY, WEEK, MONTH, YEAR = range(4)  # units of an age
ERA_DAYS, ERA_YEARS, EPOCH_DAYS = 146_097, 400, 719_468  # the calendar repeats; 1970-01-01 since 0000-03-01


# ── days ────────────────────────────────────────────────────────────────────────────────────────


@inner
def _month_of(day: Any) -> Any:
    """(months since January 1970, the day's place in its month from 0) of a day since 1970."""
    since = day + EPOCH_DAYS
    era = since // ERA_DAYS
    inside_era = since - era * ERA_DAYS
    year = (inside_era - inside_era // 1_460 + inside_era // 36_524 - inside_era // 146_096) // 365
    of_year = inside_era - (365 * year + year // 4 - year // 100)  # from 1 March on
    month = (5 * of_year + 2) // 153
    return (year + era * ERA_YEARS) * 12 + month + 2 - 1970 * 12, of_year - (153 * month + 2) // 5


@inner
def _month_begin(months: Any) -> Any:
    """The day with which a month begins."""
    marches = months + 1970 * 12 - 2
    year, month = marches // 12, marches % 12
    era = year // ERA_YEARS
    of_era = year - era * ERA_YEARS
    return era * ERA_DAYS + 365 * of_era + of_era // 4 - of_era // 100 + (153 * month + 2) // 5 - EPOCH_DAYS


@inner
def _added(day: Any, unit: Any, count: Any) -> Any:
    """The day that lies a number of units from another, clamped to the end of its month."""
    if unit == DAY:
        return day + count
    if unit == WEEK:
        return day + 7 * count
    months, within = _month_of(day)
    target = months + (12 if unit == YEAR else 1) * count
    begin = _month_begin(target)
    return begin + min(within, _month_begin(target + 1) - begin - 1)


@inner
def _between(day: Any, later: Any, unit: Any) -> Any:
    """The most whole units that can be added to a day without passing a later one; negative if that is before."""
    if unit == DAY:
        return later - day
    if unit == WEEK:
        return (later - day) // 7
    count = (_month_of(later)[0] - _month_of(day)[0]) // (12 if unit == YEAR else 1)
    return count - 1 if _added(day, unit, count) > later else count


@inner
def _begin_of(days: Any, day: Any) -> Any:
    """The first instant of a local day by a table (first, last, address); BEGINNING, NEVER beyond it."""
    first, last, begins = days
    place = first + day - FIRST_DAY
    return BEGINNING if place < first else NEVER if place >= last else word(begins, place)


@inner
def _aged(leaves: Any, at: Any, days: Any, born: Any, now: Any) -> Any:
    """(truth, until) of AGE."""
    unit, low, high = word(leaves, at + WIDTH), word(leaves, at + LOW), word(leaves, at + HIGH)
    today = FIRST_DAY + period_of(days[2], days[0], days[1], now) - days[0]
    age, until = _between(born, today, unit), NEVER
    if low != BEGINNING and age < low:
        until = _begin_of(days, _added(born, unit, low))
    elif high != NEVER and age <= high:
        until = _begin_of(days, _added(born, unit, high + 1))
    return inside(leaves, at, age), until


@inner
def _due(leaves: Any, at: Any, instant: Any, now: Any) -> Any:
    """(truth, until) of DUE."""
    low, high, until = word(leaves, at + LOW), word(leaves, at + HIGH), NEVER
    if high != NEVER and instant - high > now:
        until = instant - high
    elif low != BEGINNING and instant - low + 1 > now:
        until = instant - low + 1
    return inside(leaves, at, instant - now), until


@inner
def _celebrated(leaves: Any, at: Any, days: Any, born: Any, now: Any) -> Any:
    """(truth, until) of ANNIVERSARY: what it is compared with falls from day to day, and jumps after the day."""
    first, last, begins = days
    running = period_of(begins, first, last, now)
    today = FIRST_DAY + running - first
    years = _between(born, today, YEAR)
    coming = _added(born, YEAR, years)
    if coming != today:
        coming = _added(born, YEAR, years + 1)
    day, until = _begin_of(days, coming), _begin_of(days, coming + 1)
    low, high = word(leaves, at + LOW), word(leaves, at + HIGH)
    for edge in (day - low if low != BEGINNING else NEVER, day - high - 1 if high != NEVER else NEVER):
        if edge != NEVER:
            place = period_of(begins, first, last, edge) + 1  # the first day that begins after the edge
            turn = NEVER if place >= last else word(begins, place)
            if turn > now:
                until = min(until, turn)
    return inside(leaves, at, day - word(begins, running)), until


# ── what stands ─────────────────────────────────────────────────────────────────────────────────


@inner
def _latest(lying: Any, used: Any, uses: Any, spot: Any, recorded: Any) -> Any:
    """(block, row, until) of the last flagged row, of the record that is asked about; block -1 for none."""
    blocks, now, record = lying[1], spot[2], spot[3]
    found, found_row, best, best_tie, until = -1, 0, BEGINNING, 0, NEVER
    for use in range(used[0], used[1]):
        first_entry, end = near(lying, word(uses, use), spot)
        for entry in range(first_entry, end, ENTRY):
            block, low, high = word(entry, 0), word(entry, 1), word(entry, 2)
            at, flags, keys = word(blocks, block + AT), word(blocks, block + FLAGS), word(blocks, block + KEYS)
            edge = beyond(at, low, high, now)
            if edge < high:
                until = min(until, word(at, edge))
            for row in range(edge - 1, low - 1, -1):
                if (flags == 0 or flag(flags, row)) and (not recorded or word(keys, row) == record):
                    instant, tie = word(at, row), word(word(blocks, block + TIE), row)
                    if instant > best or (instant == best and tie >= best_tie):
                        found, found_row, best, best_tie = block, row, instant, tie
                    break
    return found, found_row, until


@inner
def _known(blocks: Any, block: Any, row: Any) -> Any:
    """Whether a row has a value."""
    values = word(blocks, block + VALUES)
    if values:
        return word(values, row) != UNKNOWN
    return flag(word(blocks, block + FLAGS), row) != JUDGED_UNKNOWN


@inner
def _ranked(where: Any, lying: Any, used: Any, spot: Any) -> Any:
    """(block, row, until) of the row that stands where a value doesn't give way to one of a worse rank."""
    room, blocks = where[7], lying[1]
    count, until = opened(where, lying, used, spot, (BEGINNING, spot[2], NEVER), 1, 0)
    block, row, rank = -1, 0, 0
    while True:
        best, next_ = NEVER, 0
        for one in range(count):
            cursor = room + 8 * (ROOM_HEAD + one * CURSOR_FIELDS)
            at = word(cursor, C_NOW)
            if at < best or (at == best and at != NEVER and tie_of(cursor) < tie_of(next_)):
                best, next_ = at, cursor
        if next_ == 0:
            return block, row, until
        mine, here = word(next_, C_BLOCK), word(next_, C_ROW)
        worth = word(word(blocks, mine + KEYS), here)
        if block < 0 or not _known(blocks, block, row) or worth <= rank:
            block, row, rank = mine, here, worth
        moved_on(next_, 1)


@inner
def standing(where: Any, lying: Any, at: Any, used: Any, spot: Any) -> Any:
    """(truth, until) of JUDGED, AGE, DUE, ANNIVERSARY."""
    leaves, blocks, which = where[0], lying[1], word(where[0], at + WINDOW)
    if which == RANKED:
        block, row, until = _ranked(where, lying, used, spot)
    else:
        block, row, until = _latest(lying, used, where[2], spot, which == RECORDED)
    if block < 0 or not _known(blocks, block, row):
        return False, until
    op = word(leaves, at + OP)
    if op == JUDGED:
        return flag(word(blocks, block + FLAGS), row) == JUDGED_TRUE, until
    value = word(word(blocks, block + VALUES), row)
    if op == DUE:
        truth, turn = _due(leaves, at, value, spot[2])
        return truth, min(until, turn)
    table = word(leaves, at + WINDOW_END)
    days = (word(where[5], table), word(where[5], table + 1), where[4])
    if op == AGE:
        truth, turn = _aged(leaves, at, days, value, spot[2])
    else:
        truth, turn = _celebrated(leaves, at, days, value, spot[2])
    return truth, min(until, turn)


# ── keys ────────────────────────────────────────────────────────────────────────────────────────


@inner
def _overtaken(lying: Any, used: Any, uses: Any, spot: Any, block: Any, row: Any, key: Any) -> Any:
    """Whether a later row up to now has the same key."""
    block_of, blocks, _ = lying
    instant, tie = word(word(blocks, block + AT), row), word(word(blocks, block + TIE), row)
    after = False  # whether the block of the row itself has been passed
    for use in range(used[0], used[1]):
        source = word(uses, use)
        for one in range(word(block_of, source), word(block_of, source + 1)):
            other = one * BLOCK_FIELDS
            low, high = rows_of(blocks, other, spot[0], spot[1])
            at, flags, keys = word(blocks, other + AT), word(blocks, other + FLAGS), word(blocks, other + KEYS)
            ties, same = word(blocks, other + TIE), other == block
            while high > low and word(at, high - 1) >= instant:
                high -= 1
                if word(at, high) > spot[2] or (flags != 0 and not flag(flags, high)):
                    continue
                if keys != 0 and word(keys, high) != key:
                    continue
                later = word(at, high) > instant or word(ties, high) > tie
                if later or (word(ties, high) == tie and (high > row if same else after)):
                    return True
            after = after or same
    return False


@inner
def begun_after(where: Any, lying: Any, used: Any, spot: Any, use: Any, one: Any, row: Any) -> Any:
    """(use, block number, row, key) of the next row, after one (row -1: of the block, from its first), that begins a
    key which stands at now; use is used[1] if there is none."""
    uses, roles = where[2], where[3]
    block_of, blocks, _ = lying
    while use < used[1]:
        source = word(uses, use)
        one = max(one, word(block_of, source))
        while word(roles, use) > 0 and one < word(block_of, source + 1):
            block = one * BLOCK_FIELDS
            low, high = rows_of(blocks, block, spot[0], spot[1])
            at, flags, keys = word(blocks, block + AT), word(blocks, block + FLAGS), word(blocks, block + KEYS)
            row = low if row < 0 else row + 1
            while row < high and word(at, row) <= spot[2]:
                key = word(keys, row) if keys != 0 else 0
                if (flags == 0 or flag(flags, row)) and not _overtaken(lying, used, uses, spot, block, row, key):
                    return use, one, row, key
                row += 1
            one, row = one + 1, -1
        use, one, row = use + 1, 0, -1
    return use, 0, -1, 0


@inner
def entering(where: Any, lying: Any, used: Any, spot: Any) -> Any:
    """(the instant of the next row of a leaf's sources after now, whether there is any up to now)."""
    until, some = NEVER, False
    for use in range(used[0], used[1]):
        first_entry, end = near(lying, word(where[2], use), spot)
        for entry in range(first_entry, end, ENTRY):
            low, high = word(entry, 1), word(entry, 2)
            at = word(lying[1], word(entry, 0) + AT)
            edge = beyond(at, low, high, spot[2])
            some = some or edge > low
            if edge < high:
                until = min(until, word(at, edge))
    return until, some


@inner
def keyed(where: Any, lying: Any, used: Any, spot: Any) -> Any:
    """(truth, until) of KEYED."""
    until, some = entering(where, lying, used, spot)
    if not some:
        return False, until
    use, _, _, _ = begun_after(where, lying, used, spot, used[0], 0, -1)
    return use < used[1], until
