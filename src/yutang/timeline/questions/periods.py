"""Calendar periods of a range of time, and in which of them customers have events.

Pure. A `Periods` counts days, weeks, months or years in a zone from the one that `since` is in to the one that `until`
is in; only events in [since, until] count, so the first and the last period may be seen in part.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from yutang.conditions.nodes import Events, Unit
from yutang.kernel.instants import DAY_MS, NEVER, instant_text
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.selection import Selected, select_type, types_of
from yutang.timeline.kernels import periods as kernels
from yutang.timeline.kernels import presence
from yutang.timeline.kernels.presence import AFTER, EDGE, QUARTER_MS, Bytes
from yutang.timeline.presence import Presence, Presenting
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.view import View

SHIFT_MAX = 40  # of a slot: 35 years, longer than any period
FEW_SHARE = 4  # fewer rows than this part of the customers are marked customer by customer


@dataclass(frozen=True)
class Periods:
    """The periods of a unit from since to until. first: the index in the calendar of the first one."""

    calendar: Calendar
    unit: Unit
    since_ms: int
    until_ms: int
    first: int
    count: int

    @cached_property
    def begins(self) -> Ints:
        """int64[count + 1]: where each begins, and where the last one ends."""
        return self.calendar.period_begins(np.arange(self.first, self.first + self.count + 1), self.unit)

    @property
    def names(self) -> tuple[str, ...]:
        """Their first local days, as ISO 8601."""
        days = self.calendar.period_days(np.arange(self.first, self.first + self.count), self.unit)
        return tuple(instant_text(day * DAY_MS)[:10] for day in days.tolist())

    @property
    def complete(self) -> tuple[bool, ...]:
        """Whether each is over, so that all of it has been seen (of the first one: from `since` on)."""
        return tuple((self.begins[1:] - 1 <= self.until_ms).tolist())

    @property
    def words(self) -> int:
        """Of a customer's set of periods: bit 0 stands for what was before, bit 1 + p for period p."""
        return -(-(self.count + 1) // kernels.BITS)

    def of(self, at: Ints) -> Ints:
        """The period of each instant, -1 for those outside."""
        found = np.searchsorted(self.begins, at, side="right") - 1
        return np.where((at >= self.since_ms) & (at <= self.until_ms), np.maximum(found, 0), -1)

    @cached_property
    def by_quarters(self) -> bool:
        """Whether the range and all periods begin with a quarter of an hour."""
        edges = np.append(self.begins[1:-1], self.since_ms)
        return not bool((edges % QUARTER_MS).any())

    @cached_property
    def slots(self) -> tuple[Ints, Ints, Ints, int]:
        """(before, after, bounds, shift): the tables of `kernels.periods`, of numbers of bits."""
        inner = self.begins[1:-1]
        bounds, last = np.unique(inner[::-1], return_index=True)
        bits = 1 + len(inner) - last  # of the last period that begins there: those before it are empty
        shortest = int(np.diff(bounds).min()) if len(bounds) > 1 else 1 << SHIFT_MAX
        shift = min(shortest.bit_length() - 1, SHIFT_MAX)
        slot = (bounds - self.since_ms) >> shift
        held = np.full(int(slot.max(initial=0)) + 1, NEVER, np.int64)
        after = np.ones(len(held), np.int64)
        held[slot], after[slot] = bounds, bits
        after = np.maximum.accumulate(after)
        return np.concatenate(([1], after[:-1])), after, held, shift

    @cached_property
    def _bits_of_quarters(self) -> dict[tuple[int, int], Bytes]:
        return {}

    def quarter_bits(self, first: int, count: int) -> Bytes:
        """uint8[count]: the bit of each quarter from number `first` on, as `kernels.presence.present` reads it; for
        those that are one word `by_quarters`."""
        found = self._bits_of_quarters.get((first, count))
        if found is None:
            last = self.until_ms // QUARTER_MS
            edges = [self.since_ms // QUARTER_MS, *(self.begins[1:-1] // QUARTER_MS).tolist(), last, last + 1]
            ends = np.clip(np.array([*edges, first + count]) - first, 0, count)
            bits = np.array([*range(self.count + 1), EDGE, AFTER], np.uint8)
            found = np.repeat(bits, np.diff(ends, prepend=0))
            self._bits_of_quarters[first, count] = found
        return found


def periods_between(calendar: Calendar, unit: Unit, since_ms: int, until_ms: int) -> Periods:
    """The periods from the one that `since` is in to the one that `until` is in."""
    first, last = calendar.periods(np.array([since_ms, until_ms], np.int64), unit).tolist()
    return Periods(calendar, unit, since_ms, until_ms, first, last - first + 1)


def periods_back(calendar: Calendar, unit: Unit, count: int, until_ms: int) -> Periods:
    """The last periods up to the one that `until` is in."""
    last = int(calendar.periods(np.array([until_ms], np.int64), unit)[0])
    first = max(last - count + 1, 0)
    since = int(calendar.period_begins(np.array([first]), unit)[0])
    return Periods(calendar, unit, since, until_ms, first, last - first + 1)


def selections(
    view: View, events: Events, calendar: Calendar, prop: str | None = None, without: Container[str] = ()
) -> list[Selected]:
    """The events of a set, type by type: for what doesn't depend on the order between types. Costs nothing where
    nothing is filtered. without: types that are left out."""
    kinds = [kind for kind in types_of(view, events) if kind[0] not in without]
    return [select_type(view, kind, events, calendar, prop) for kind in kinds]


def marked(view: View, events: Events, periods: Periods) -> Ints:
    """int64[n * words]: the periods in which each customer has events of a set; bit 0: before them."""
    found, types = [], frozenset[str]()
    if events == Events() and periods.by_quarters and isinstance(view, Presenting):
        there = view.presence()
        if there is not None:
            found, types = [_present(there, periods)], there.types
    found += [_marked(one.offsets, one.at, periods) for one in selections(view, events, periods.calendar, None, types)]
    if not found:
        return np.zeros(view.count * periods.words, np.int64)
    for one in found[1:]:
        found[0] |= one
    return found[0]


def _present(there: Presence, periods: Periods) -> Ints:
    """The periods in which customers were there at all."""
    quarters = there.quarters
    if periods.words > 1:
        return _marked(there.offsets, quarters.at, periods)
    bits = periods.quarter_bits(quarters.first, quarters.count)
    return presence.present(there.offsets, quarters.at, quarters.codes, bits, periods.until_ms, periods.count)


def _marked(offsets: Ints, at: Ints, periods: Periods) -> Ints:
    """The periods of some rows."""
    before, after, bounds, shift = periods.slots
    since, until, words = periods.since_ms, periods.until_ms, periods.words
    if words == 1 and len(at) * FEW_SHARE > len(offsets):
        first, then = np.left_shift(1, before), np.left_shift(1, after)
        return kernels.mark(offsets, at, first, then, bounds, shift, since, until)
    return kernels.mark_words(offsets, at, before, after, bounds, shift, since, until, words)


def cells(selected: Selected, codes: Ints, periods: Periods) -> Ints:
    """int64[rows]: of each row its customer's group times the periods, plus its period; -1 of what doesn't count."""
    before, after, bounds, shift = periods.slots
    return kernels.cells(
        selected.offsets, selected.at, codes, before, after, bounds, shift, periods.since_ms, periods.until_ms,
        periods.count,
    )  # fmt: skip


def lowest(masks: Ints, words: int) -> Ints:
    """int64[n]: the lowest bit of each set, -1 of an empty one."""
    bits, word = masks, 0
    if words > 1:
        table = masks.reshape(-1, words)
        word = np.argmax(table != 0, axis=1)
        bits = table[np.arange(len(table)), word]
    found: Ints = np.bitwise_count((bits & -bits) - 1).astype(np.int64) + word * kernels.BITS
    found[bits == 0] = -1
    return found


def without_before(masks: Ints, words: int) -> Ints:
    """The sets without bit 0."""
    found = masks.copy()
    found[::words] &= ~1
    return found


def up_to_last(masks: Ints, words: int) -> Ints:
    """The sets with all bits below their highest one: who comes in a period, was still there in all before it."""
    table = masks.reshape(-1, words).copy()
    for step in (1, 2, 4, 8, 16, 32):
        table |= table >> step
    full = (1 << kernels.BITS) - 1
    later = np.zeros(len(table), np.bool_)
    for word in range(words - 1, -1, -1):
        table[later, word] = full
        later |= table[:, word] != 0
    return table.reshape(-1)


def holds(masks: Ints, words: int, rows: Ints, bits: Ints) -> Ints:
    """int64[m], 0 or 1: whether each of some rows has a bit; bits beyond the words are unset."""
    inside = bits < words * kernels.BITS
    place = np.where(inside, bits, 0)
    found: Ints = (masks[rows * words + place // kernels.BITS] >> (place % kernels.BITS)) & 1
    return np.where(inside, found, 0)


def between(words: int, low: int, high: int) -> Ints:
    """int64[words]: a set of the bits from low up to but not high."""
    bits = np.zeros(words * kernels.BITS, np.int64)
    bits[max(low, 0) : max(high, 0)] = 1
    found: Ints = (bits.reshape(words, kernels.BITS) << np.arange(kernels.BITS)).sum(axis=1)
    return found


def bits_count(masks: Ints, words: int, low: int, high: int) -> Ints:
    """int64[n]: how many of the bits from low up to but not high each set has."""
    kept = masks.reshape(-1, words) & between(words, low, high)
    found: Ints = np.bitwise_count(kept).sum(axis=1, dtype=np.int64)
    return found


def complete_after(cohorts: Periods, shown: int) -> Flags:
    """bool[cohorts, shown]: whether the period that begins so many after the cohort's own is over."""
    places = cohorts.first + np.arange(cohorts.count)[:, None] + np.arange(1, shown + 1)[None]
    found: Flags = cohorts.calendar.period_begins(places, cohorts.unit) - 1 <= cohorts.until_ms
    return found
