"""Whom a group of events, an edit or time touched, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from yutang.kernel.instants import BEGINNING
from yutang.kernel.limits import LATE_FOR_JOURNEYS_MS
from yutang.timeline.digits import order_by
from yutang.timeline.people import NO_ANCHOR, People
from yutang.timeline.steps import Flags, Ints

NOBODY: Ints = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Touched:
    """Customers with what touched them. heads: ascending. at, whose, types: of each event its instant, the place of
    its customer in `heads` and the place of its type in `names`. first, last: the span of the group's arrivals; time
    has passed up to the first. by_time: they are due, and nothing else happened to them."""

    heads: Ints
    first: int
    last: int
    at: Ints = field(default_factory=lambda: NOBODY)
    whose: Ints = field(default_factory=lambda: NOBODY)
    types: Ints = field(default_factory=lambda: NOBODY)
    names: Sequence[str] = ()
    by_time: bool = False

    def oldest(self) -> Ints:
        """int64[heads]: the instant of each one's oldest event, at most `first`."""
        found = np.full(len(self.heads), self.first, np.int64)
        np.minimum.at(found, self.whose, self.at)
        return found

    def start(self) -> int:
        """An instant before the oldest event; the beginning of time if so many lie far back that all of it is cheaper
        to work out than the rest is to ask about apart."""
        if not len(self.at):
            return self.first - 1
        late = self.at < self.first - LATE_FOR_JOURNEYS_MS
        if 2 * np.count_nonzero(late) > len(late):
            return BEGINNING
        return min(int(self.at[~late].min()), self.first) - 1

    def without_events(self) -> Flags:
        """bool[heads]: who was touched by none that was taken."""
        none = np.ones(len(self.heads), np.bool_)
        none[self.whose] = False
        return none


@dataclass(frozen=True, slots=True)
class Moves:
    """Changes of codes: ladder, customer, from, to, when; BEGINNING where that isn't known yet.

    seen: the customer's first event.
    """

    ladder: Ints
    head: Ints
    was: Ints
    now: Ints
    when: Ints
    seen: Ints

    @classmethod
    def joined(cls, parts: Sequence[Moves]) -> Moves:
        """Several as one: by ladder and customer, else in their order."""
        columns = [np.concatenate([NOBODY, *(getattr(part, name) for part in parts)]) for name in cls.__slots__]
        order = order_by(columns[0], columns[1])
        return cls(*(column[order] for column in columns))


def stirred(former: People, people: People, heads: Ints) -> Flags:
    """bool[heads]: whose anchors aren't those that they were."""
    offsets, anchors = people.members(heads)
    known = anchors < former.count
    was = np.full(len(anchors), NO_ANCHOR, np.int64)
    was[known] = former.head_of[anchors[known]]
    now = np.repeat(heads, np.diff(offsets))
    moved = was != now
    left = people.head_of[was[moved & (was != NO_ANCHOR)]]  # whom an anchor left has fewer than before
    found: Flags = np.isin(heads, np.concatenate((now[moved], left)))
    return found
