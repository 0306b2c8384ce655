"""Funnels: how far each line of events comes along ordered steps, and by which events.

A *line* is the events that one attempt may be made of: those of a customer, or of a customer and a product. Of an event
that ends a match, the latest possible beginning decides: whatever begins later stays longer in a window counted from
the first step. Nothing else need be kept, and whether a match *exists* is decided exactly.

`kernels.deepest` goes back: from each event of the deepest step that a line has, to the last event of the step before,
and so on to the first step; if that lies outside the window, no match ends there, else the line is done. Customers are
mostly decided by a few of their events, and rare steps are tried first. The places found only move forward: O(events of
the line) for each step that fails.

`follow` goes forward, where at most so much may lie between two steps, or some events may not: each event of a step
keeps the latest beginning of a match that ends in it. Those that may come directly before it are a stretch whose two
ends only move forward, so a monotone queue gives it: O(events of both steps). Excluded events are counted, not walked:
none lies strictly between two events if as many came up to the first as before the second (`counts_before`,
`counts_upto`).

The events of one match follow: the earliest that completes the deepest step, with the latest beginning, and before it
at each step the earliest event that fits (`instants`; `first_reached` and `traced`). Order is (at, tie) everywhere.
"""

from __future__ import annotations

import numpy as np

from yutang.kernel.instants import BEGINNING
from yutang.timeline.kernels.jit import kernel, steps_kernel
from yutang.timeline.steps import Ints

# Of `kernels.deepest`, which is imported when it is first needed. Change its text, too: numba looks only at that.
TICK_BITS = 10  # an instant >> TICK_BITS is its tick: below 2^32 until the year 2106
PADDING = 16  # entries behind the last tick that may be read


@steps_kernel("ttiii")
def instants(at: tuple[Ints, ...], tie: tuple[Ints, ...], offsets: Ints, levels: Ints, beginnings: Ints) -> Ints:
    """int64[steps * lines], step by step: the instants of each line's match, 0 beyond its level.

    at, tie: of each step. offsets: of all steps in turn. levels, beginnings: what `deepest` found. From the beginning
    on always the next event that fits: O(log events) a step.
    """
    steps, lines = len(at), len(levels)
    when = np.zeros(steps * lines, np.int64)
    for i in range(lines):
        now, now_tie = beginnings[i], -1
        for step in range(levels[i]):
            here, low, high = at[step], offsets[step * (lines + 1) + i], offsets[step * (lines + 1) + i + 1]
            while low < high:
                middle = (low + high) // 2
                if here[middle] < now or (here[middle] == now and tie[step][middle] <= now_tie):
                    low = middle + 1
                else:
                    high = middle
            now, now_tie = here[low], tie[step][low]
            when[step * lines + i] = now
    return when


@kernel("iinn")
def entered(offsets: Ints, at: Ints, since: int, until: int) -> Ints:
    """int64[lines]: 1 where an event of the first step lies in [since, until], else 0."""
    levels = np.zeros(len(offsets) - 1, np.int64)
    for i in range(len(offsets) - 1):
        row, end = offsets[i], offsets[i + 1]
        while row < end and at[row] < since:
            row += 1
        if row < end and at[row] <= until:
            levels[i] = 1
    return levels


@kernel("iiiiiiiiiinnnnn")
def follow(
    levels: Ints, offsets: Ints, at: Ints, tie: Ints, begun: Ints, upto: Ints,
    offsets_next: Ints, at_next: Ints, tie_next: Ints, before_next: Ints,
    step: int, since: int, until: int, window: int, within: int,
) -> tuple[Ints, Ints]:  # fmt: skip
    """(levels, begun of the events of step number `step`): BEGINNING where no match ends in the event.

    levels: the deepest step of each line so far; of lines that haven't come to the step before, `begun` is left
    unwritten. begun: of the events of the step before (its `at`, if that is the first). A match begins at or after
    `since`, ends at or before `until`, and lasts no longer than `window`, with at most `within` between the two.
    upto: of each event of the step before, how many excluded events of the line came up to it. before_next: of each
    event of this step, how many came before it.
    """
    deepest = levels.copy()
    begun_next = np.empty(len(at_next), np.int64)
    queue = np.empty(len(at), np.int64)
    for i in range(len(offsets) - 1):
        if levels[i] < step - 1:
            continue
        head, tail = 0, 0
        entering = offsets[i]
        for row in range(offsets_next[i], offsets_next[i + 1]):
            now = at_next[row]
            begun_next[row] = BEGINNING
            while entering < offsets[i + 1] and (
                at[entering] < now or (at[entering] == now and tie[entering] < tie_next[row])
            ):
                while tail > head and begun[queue[tail - 1]] <= begun[entering]:
                    tail -= 1
                queue[tail] = entering
                tail += 1
                entering += 1
            while head < tail and (now - at[queue[head]] > within or upto[queue[head]] < before_next[row]):
                head += 1
            if now <= until and head < tail:
                latest = begun[queue[head]]
                if latest >= since and latest >= now - window:
                    begun_next[row] = latest
                    deepest[i] = step
    return deepest, begun_next


@kernel("iiiiii")
def counts_before(offsets_out: Ints, at_out: Ints, tie_out: Ints, offsets: Ints, at: Ints, tie: Ints) -> Ints:
    """int64[rows]: how many of `out` come before each event of the line, strictly in (at, tie)."""
    counts = np.empty(len(at), np.int64)
    for i in range(len(offsets) - 1):
        out = offsets_out[i]
        for row in range(offsets[i], offsets[i + 1]):
            while out < offsets_out[i + 1] and (
                at_out[out] < at[row] or (at_out[out] == at[row] and tie_out[out] < tie[row])
            ):
                out += 1
            counts[row] = out - offsets_out[i]
    return counts


@kernel("iiiiii")
def counts_upto(offsets_out: Ints, at_out: Ints, tie_out: Ints, offsets: Ints, at: Ints, tie: Ints) -> Ints:
    """int64[rows]: how many of `out` come before each event of the line or with it, in (at, tie)."""
    counts = np.empty(len(at), np.int64)
    for i in range(len(offsets) - 1):
        out = offsets_out[i]
        for row in range(offsets[i], offsets[i + 1]):
            while out < offsets_out[i + 1] and (
                at_out[out] < at[row] or (at_out[out] == at[row] and tie_out[out] <= tie[row])
            ):
                out += 1
            counts[row] = out - offsets_out[i]
    return counts


@kernel("iiin")
def first_reached(offsets: Ints, begun: Ints, lines: Ints, since: int) -> Ints:
    """int64[lines named]: the first event of each in which a match ends that begins at or after `since`.

    It must exist.
    """
    rows = np.empty(len(lines), np.int64)
    for j in range(len(lines)):
        row = offsets[lines[j]]
        while begun[row] < since:
            row += 1
        rows[j] = row
    return rows


@kernel("iiiiiiii")
def traced(
    offsets: Ints, at: Ints, begun: Ints, upto: Ints, lines: Ints, begun_next: Ints, low: Ints, before_next: Ints
) -> Ints:
    """int64[lines named]: the first event of each that may come directly before the one chosen at the next step.

    It must exist. begun_next: when the match of each began. low: the first instant that is near enough. upto: as of
    `follow_near`, empty where nothing is excluded; before_next: of the events chosen.
    """
    rows = np.empty(len(lines), np.int64)
    for j in range(len(lines)):
        row = offsets[lines[j]]
        while begun[row] != begun_next[j] or at[row] < low[j] or (len(upto) > 0 and upto[row] < before_next[j]):
            row += 1
        rows[j] = row
    return rows


@kernel("iiiiinn")
def reached_together(
    offsets: Ints, at: Ints, tie: Ints, step: Ints, begin_before: Ints, steps: int, window: int
) -> tuple[Ints, Ints, Ints]:
    """(level, first row, last row) of each line of steps done in any order: the most different ones in a window.

    step: of each row, 0 to steps - 1; an event of several steps has a row for each. A match of a line begins before
    its instant of `begin_before`. Of the earliest event that makes the most, the latest beginning is taken. Events
    whose step comes again later in the window are let go from its beginning, so it is walked once: O(events).
    """
    lines = len(offsets) - 1
    levels, firsts, lasts = np.zeros(lines, np.int64), offsets[:-1].copy(), offsets[:-1] - 1
    counts = np.zeros(steps, np.int64)
    for i in range(lines):
        first, different = offsets[i], 0
        counts[:] = 0
        for row in range(offsets[i], offsets[i + 1]):
            counts[step[row]] += 1
            if counts[step[row]] == 1:
                different += 1
            while at[row] - at[first] > window or (counts[step[first]] > 1 and at[first + 1] < begin_before[i]):
                counts[step[first]] -= 1
                if counts[step[first]] == 0:
                    different -= 1
                first += 1
            if at[first] >= begin_before[i]:
                break
            last = lasts[i]
            again = last >= offsets[i] and at[row] == at[last] and tie[row] == tie[last]
            if different > levels[i] or (different == levels[i] and again):
                levels[i], firsts[i], lasts[i] = different, first, row
    return levels, firsts, lasts


@kernel("iiiiiin")
def instants_together(offsets: Ints, at: Ints, tie: Ints, step: Ints, firsts: Ints, lasts: Ints, steps: int) -> Ints:
    """int64[steps * lines], step by step: when the first, second, … different step was done, in the rows named; 0
    beyond. All steps of the event that begins it count."""
    lines = len(offsets) - 1
    when = np.zeros(steps * lines, np.int64)
    done = np.zeros(steps, np.int64)
    for i in range(lines):
        first, different = firsts[i], 0
        while first > offsets[i] and at[first - 1] == at[first] and tie[first - 1] == tie[first]:
            first -= 1
        done[:] = 0
        for row in range(first, lasts[i] + 1):
            if done[step[row]] == 0:
                when[different * lines + i] = at[row]
                different += 1
            done[step[row]] = 1
    return when
