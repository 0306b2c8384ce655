"""A small world for tests of the lake: a catalogue, events, and the obvious model of a timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from yutang.conditions.vocabulary import EventType, Kind, PropertyType, Vocabulary
from yutang.kernel.event import Event, Identity
from yutang.kernel.ids import hash64
from yutang.timeline.people import People
from yutang.timeline.pinned import PinnedView
from yutang.timeline.rows import NewRows
from yutang.timeline.steps import UNKNOWN
from yutang.timeline.tracks import TimelineState
from yutang.timeline.view import Column

ORDER = EventType(
    "order",
    (
        PropertyType("amount", Kind.MONEY),
        PropertyType("category", Kind.STRING),
        PropertyType("weight", Kind.NUMBER),
        PropertyType("pieces", Kind.INTEGER),
        PropertyType("gift", Kind.BOOLEAN),
        PropertyType("due", Kind.INSTANT),
        PropertyType("day", Kind.DATE),
        PropertyType("tags", Kind.LIST),
    ),
)
VIEW = EventType("view", (PropertyType("category", Kind.STRING),))
VOCABULARY = Vocabulary(events={"order": ORDER, "view": VIEW})
# The same before anybody had declared more than the amount.
SPARSE = Vocabulary(events={"order": EventType("order", (PropertyType("amount", Kind.MONEY),))})


def event(name: str, at: int = 0, type_name: str = "order", **properties: object) -> Event:
    """An event of somebody."""
    return Event(name, type_name, at, (Identity("member", "", "m"),), properties, system=type_name == "tag_added")


def rows(
    seq: int, events: Sequence[Event], anchors: Sequence[int], *, feed: str = "shop", arrived_at: int = 0
) -> NewRows:
    """The rows of a record."""
    return NewRows.of_record(seq, arrived_at, feed, list(events), np.array(anchors, np.int64))


def people(head_of: Sequence[int]) -> People:
    """Customers by the head of each anchor; anchor i's identity hashes to 1000 + i."""
    return People.from_columns(np.array(head_of, np.int64), 1000 + np.arange(len(head_of)))


def values(column: Column) -> list[object]:
    """A column in words or engine units; None where absent."""
    if column.kind in (Kind.STRING, Kind.LIST):
        return [column.words[code] if code >= 0 else None for code in column.values.tolist()]
    return [None if value == UNKNOWN else value for value in column.values.tolist()]


@dataclass
class PlainTimeline:
    """What a timeline is, without columns: facts in a list, customers by a list of heads."""

    facts: list[tuple[int, int, int, Event, str]] = field(default_factory=list)  # anchor, seq, arrived_at, …, feed

    def append(self, new: NewRows) -> None:
        """Keep a record's rows."""
        for anchor, one, place in zip(new.anchors.tolist(), new.events, new.source.tolist(), strict=True):
            self.facts.append((anchor, int(new.seqs[place]), int(new.arrivals[place]), one, new.feeds[place]))

    def rows(self, type_name: str, members: Sequence[int]) -> list[tuple[int, int, Event, int]]:
        """(at, tie, event, seq) of a customer's events of a type, in order."""
        found = [
            (one.at, hash64(feed, one.id), one, seq)
            for anchor, seq, _, one, feed in self.facts
            if anchor in members and one.type == type_name
        ]
        return sorted(found, key=lambda row: row[:2])

    def first(self, anchor: int) -> tuple[int, int] | None:
        """The first (at, tie) of an anchor, state events aside."""
        mine = [(one.at, hash64(feed, one.id)) for a, _, _, one, feed in self.facts if a == anchor and not one.system]
        return min(mine, default=None)


def members_of(head_of: Sequence[int], head: int) -> list[int]:
    """The anchors of a customer."""
    return [anchor for anchor, its_head in enumerate(head_of) if its_head == head]


def read(
    state: TimelineState,
    who: People,
    type_name: str,
    names: Sequence[str],
    vocabulary: Vocabulary = VOCABULARY,
    heads: Sequence[int] | None = None,
) -> list[list[tuple[Any, ...]]]:
    """By customer, its rows as (at, tie, *columns)."""
    view = PinnedView(state, who, None if heads is None else np.array(heads, np.int64), vocabulary)
    found = view.events(type_name, names)
    columns = [values(found.columns[name]) for name in names]
    flat = list(zip(found.at.tolist(), found.tie.tolist(), *columns, strict=True))
    ends = found.offsets.tolist()
    return [flat[start:end] for start, end in pairwise(ends)]


class Recorder:
    """Faults that only take notes, or raise at a point."""

    def __init__(self, dies_at: str = "") -> None:
        self.points: list[str] = []
        self.dies_at = dies_at

    def reach(self, point: str) -> None:
        self.points.append(point)
        if point == self.dies_at:
            raise KeyboardInterrupt(point)
