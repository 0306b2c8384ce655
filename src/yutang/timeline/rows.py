"""Rows in: the decoded events of one record, or of several in a row, as typed runs, one per event type.

Pure. Invariant: nothing of an event is lost: what its type doesn't declare, or what doesn't fit the
declared kind, is kept in `rest` as sent. Cost: about 1 µs an event; whole columns at a time (`packed`), two hashes
an event (the tie orders and deduplicates, the content tells a repeat from a change). An event is looked at by
itself only where something of it goes into `rest`, or is a list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress

import numpy as np

from yutang.conditions.vocabulary import STATE_EVENTS, EventType, Kind, Vocabulary
from yutang.kernel.event import Event
from yutang.timeline.columns import column_from_strings, taken
from yutang.timeline.ordering import row_order
from yutang.timeline.packed import AT, CHANNEL, ID, SOURCE, TYPE, Packed, Texts, integers_at, pack
from yutang.timeline.properties import Carried, carried, properties
from yutang.timeline.runs import (
    SPILLED_NAMES_COUNT_MAX,
    Run,
    RunFacts,
    memory_run,
    property_key,
)
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.view import Column

_STATES = {event_type.name: event_type for event_type in STATE_EVENTS}


@dataclass(frozen=True, eq=False)
class NewRows:
    """The events of some records, in order. anchors: int64[events].

    seqs, arrivals, feeds: of each record; the first two ascending. source: int64[events], each one's record.
    """

    seqs: Ints
    arrivals: Ints
    feeds: Sequence[str]
    source: Ints
    events: Sequence[Event]
    anchors: Ints

    @classmethod
    def of_record(cls, seq: int, arrived_at: int, feed: str, events: Sequence[Event], anchors: Ints) -> NewRows:
        """The events of one record."""
        once = np.array([seq], np.int64), np.array([arrived_at], np.int64)
        return cls(*once, [feed], np.zeros(len(events), np.int64), events, anchors)

    @property
    def last_seq(self) -> int:
        """The number of the last record."""
        return int(self.seqs[-1])

    @cached_property
    def packed(self) -> Packed:
        """The events by columns."""
        return pack(self.events)

    @cached_property
    def at(self) -> Ints:
        """int64[events]: when each happened. Raises OverflowError at an instant that int64 doesn't hold."""
        at, fits = integers_at(self.packed.data, self.packed.begins(AT))
        if not fits.all():
            raise OverflowError("an instant is out of range")
        return at

    @cached_property
    def types(self) -> tuple[Ints, list[str]]:
        """(int64[events], names): the type of each, as its place among the names."""
        codes, names = self.packed.texts(TYPE).coded()
        return codes, list(names)

    @cached_property
    def tie(self) -> Ints:
        """int64[events]: hash64(feed, id)."""
        distinct = {name: place for place, name in enumerate(dict.fromkeys(self.feeds))}
        raws = [name.encode("utf-8", "surrogatepass") for name in distinct]
        which = np.array([distinct[name] for name in self.feeds], np.int64)[self.source]
        return self.packed.ties([len(raw).to_bytes(4, "little") + raw for raw in raws], which)

    @cached_property
    def content(self) -> Ints:
        """int64[events]: hash64 of a canonical form of type, at (unless estimated), properties and identities."""
        return self.packed.contents()

    def only(self, keep: Flags) -> NewRows:
        """The rows where keep is true, their hashes with them."""
        if keep.all():
            return self
        rows = replace(
            self, events=list(compress(self.events, keep.tolist())), anchors=self.anchors[keep],
            source=self.source[keep],
        )  # fmt: skip
        rows.__dict__.update(packed=self.packed.at(keep), tie=self.tie[keep], content=self.content[keep])
        return rows


@dataclass(frozen=True, eq=False)
class _Batch:
    """Columns of all rows, in the order of the events. order: the rows by type, those of one as a run has them.

    ids_differ: no two rows have one id.
    """

    rows: NewRows
    order: Ints
    ids: Texts
    ids_differ: bool
    feed: Column
    channel: Column
    source: Column
    carried: Carried


def runs_from(rows: NewRows, vocabulary: Vocabulary) -> dict[str, Run]:
    """The rows as one sorted run per event type."""
    codes, names = rows.types
    counts = np.bincount(codes, minlength=len(names))
    ends = np.cumsum(counts)
    batch = _batch(rows, codes, ends - counts)
    lie = map(slice, (ends - counts).tolist(), ends.tolist())
    parts = enumerate(zip(names, lie, strict=True))
    return {name: _run(batch, code, lies, name, vocabulary) for code, (name, lies) in parts}


def _batch(rows: NewRows, types: Ints, begins: Ints) -> _Batch:
    """types: each row's, by number. begins: where each type begins, where rows lie by type."""
    packed = rows.packed
    order = row_order(rows.anchors, rows.at, rows.tie)
    order = order[np.argsort(types[order].astype(np.min_scalar_type(len(begins))), kind="stable")]
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - begins[types[order]]
    ids, feeds = packed.texts(ID), column_from_strings(rows.feeds)
    return _Batch(
        rows, order, ids, ids.differ(), Column(Kind.STRING, feeds.values[rows.source], feeds.words),
        _unless_empty(packed.texts(CHANNEL)), _unless_empty(packed.texts(SOURCE)), carried(packed, types, place),
    )  # fmt: skip


def _run(batch: _Batch, code: int, lies: slice, name: str, vocabulary: Vocabulary) -> Run:
    """The run of a type. lies: where its rows lie in `batch.order`."""
    declared = vocabulary.events.get(name) or _STATES.get(name) or EventType(name)
    rows, mine = batch.rows, batch.order[lies]
    source = rows.source[mine]
    columns = {
        "anchor": Column(Kind.INTEGER, rows.anchors[mine].astype(np.int64)),
        "at": Column(Kind.INSTANT, rows.at[mine]),
        "tie": Column(Kind.INTEGER, rows.tie[mine]),
        "seq": Column(Kind.INTEGER, rows.seqs[source]),
        "arrived_at": Column(Kind.INSTANT, rows.arrivals[source]),
        "content": Column(Kind.INTEGER, rows.content[mine]),
        "id": _ids(batch, mine),
        "feed": taken(batch.feed, mine),
        "channel": taken(batch.channel, mine),
        "source": taken(batch.source, mine),
    }
    typed, rest, spilled = properties(rows.events, mine, batch.carried, code, declared)
    columns |= {property_key(key): column for key, column in typed.items()}
    columns["rest"] = rest
    facts = RunFacts(
        name,
        len(mine),
        rows.events[int(mine.min())].system or declared.system,
        {key: column.kind for key, column in typed.items()},
        frozenset(spilled) if len(spilled) <= SPILLED_NAMES_COUNT_MAX else None,
        int(rows.arrivals[source.max()]),
    )
    return memory_run(facts, columns)


def _ids(batch: _Batch, mine: Ints) -> Column:
    ids = batch.ids.at(mine)
    codes, words = (np.arange(len(mine)), ids.words()) if batch.ids_differ else ids.coded()
    return Column(Kind.STRING, codes, words)


def _unless_empty(texts: Texts) -> Column:
    codes, words = texts.coded()
    return Column(Kind.STRING, np.where(texts.ends > texts.begins, codes, UNKNOWN), words)
