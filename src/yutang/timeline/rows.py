"""Rows in: the decoded events of one record, or of several in a row, as typed runs, one per event type.

Pure. Invariant: nothing of an event is lost: what its type doesn't declare, or what doesn't fit the
declared kind, is kept in `rest` as sent. Cost: about 3 µs an event; whole columns at a time, two hashes
an event (the tie orders and deduplicates, the content tells a repeat from a change).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from itertools import compress
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from yutang.conditions.vocabulary import NUMBER_SCALE, STATE_EVENTS, EventType, Kind, Vocabulary
from yutang.kernel.event import Event
from yutang.kernel.instants import BEGINNING
from yutang.timeline.columns import absent_column, column_from_strings, taken
from yutang.timeline.ordering import merge_order
from yutang.timeline.runs import (
    SPILLED_NAMES_COUNT_MAX,
    Run,
    RunFacts,
    memory_run,
    property_key,
)
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.values import json_text
from yutang.timeline.view import Column

_LENGTHS = [n.to_bytes(4, "little") for n in range(1_024)]
_STATES = {event_type.name: event_type for event_type in STATE_EVENTS}
_encoder = msgspec.msgpack.Encoder(order="deterministic")

# The Python types in which `Event` carries a declared value of each kind.
_CARRIED: dict[Kind, frozenset[type]] = {
    Kind.STRING: frozenset({str}),
    Kind.NUMBER: frozenset({int, float}),
    Kind.INTEGER: frozenset({int}),
    Kind.BOOLEAN: frozenset({bool}),
    Kind.INSTANT: frozenset({int}),
    Kind.DATE: frozenset({int}),
    Kind.MONEY: frozenset({int}),
    Kind.LIST: frozenset({list, tuple}),
}
_NUMBER_MAX = 9e12  # beyond it, millionths leave int64


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
    def tie(self) -> Ints:
        """int64[events]: hash64(feed, id)."""
        prefixes = []
        for name in self.feeds:
            feed = name.encode("utf-8", "surrogatepass")
            prefixes.append(len(feed).to_bytes(4, "little") + feed)
        ids = [event.id.encode("utf-8", "surrogatepass") for event in self.events]
        if len(set(prefixes)) == 1:
            return _hashes(ids, prefixes[0])
        places = np.searchsorted(self.source, np.arange(len(prefixes) + 1)).tolist()
        parts = [_hashes(ids[places[n] : places[n + 1]], prefix) for n, prefix in enumerate(prefixes)]
        return np.concatenate(parts)

    @cached_property
    def content(self) -> Ints:
        """int64[events]: hash64 of a canonical form of type, at (unless estimated), properties and identities."""
        encode = _encoder.encode
        contents = [(e.type, None if e.at_estimated else e.at, e.properties, e.identities) for e in self.events]
        return _hashes([encode(content) for content in contents], b"")

    def only(self, keep: Flags) -> NewRows:
        """The rows where keep is true, their hashes with them."""
        if keep.all():
            return self
        rows = replace(
            self, events=list(compress(self.events, keep.tolist())), anchors=self.anchors[keep],
            source=self.source[keep],
        )  # fmt: skip
        rows.__dict__.update(tie=self.tie[keep], content=self.content[keep])
        return rows


def _hashes(raws: Sequence[bytes], prefix: bytes) -> Ints:
    """`kernel.ids.hash64` of (prefix's part, raw) for many raws; equality with it is tested."""
    known = len(_LENGTHS)
    digests = b"".join(
        [
            blake2b(
                prefix + (_LENGTHS[len(raw)] if len(raw) < known else len(raw).to_bytes(4, "little")) + raw,
                digest_size=8,
            ).digest()
            for raw in raws
        ]
    )
    return (np.frombuffer(digests, "<u8") >> np.uint64(1)).astype(np.int64)


def runs_from(rows: NewRows, vocabulary: Vocabulary) -> dict[str, Run]:
    """The rows as one sorted run per event type."""
    types = [event.type for event in rows.events]
    names = dict.fromkeys(types)
    if len(names) == 1:
        return {name: _run(rows, rows.events, slice(None), name, vocabulary) for name in names}
    places = {name: place for place, name in enumerate(names)}
    codes = np.array([places[name] for name in types])
    runs = {}
    for name, place in places.items():
        chosen = np.flatnonzero(codes == place)
        events = [rows.events[i] for i in chosen.tolist()]
        runs[name] = _run(rows, events, chosen, name, vocabulary)
    return runs


def _run(rows: NewRows, events: Sequence[Event], chosen: Ints | slice, name: str, vocabulary: Vocabulary) -> Run:
    declared = vocabulary.events.get(name) or _STATES.get(name) or EventType(name)
    anchor, tie, source = rows.anchors[chosen].astype(np.int64), rows.tie[chosen], rows.source[chosen]
    at = np.array([event.at for event in events], np.int64)
    columns = {
        "anchor": Column(Kind.INTEGER, anchor),
        "at": Column(Kind.INSTANT, at),
        "tie": Column(Kind.INTEGER, tie),
        "seq": Column(Kind.INTEGER, rows.seqs[source]),
        "arrived_at": Column(Kind.INSTANT, rows.arrivals[source]),
        "content": Column(Kind.INTEGER, rows.content[chosen]),
        "id": column_from_strings([event.id for event in events]),
        "feed": _of_feeds(rows.feeds, source),
        "channel": column_from_strings([event.channel or None for event in events]),
        "source": column_from_strings([event.source or None for event in events]),
    }
    typed, rest, spilled = _properties([event.properties for event in events], declared)
    columns |= {property_key(key): column for key, column in typed.items()}
    columns["rest"] = rest
    order = merge_order(anchor, at, tie)
    facts = RunFacts(
        name,
        len(at),
        events[0].system or declared.system,
        {key: column.kind for key, column in typed.items()},
        frozenset(spilled) if len(spilled) <= SPILLED_NAMES_COUNT_MAX else None,
        int(rows.arrivals[source[-1]]),
    )
    return memory_run(facts, {key: taken(column, order) for key, column in columns.items()})


def _of_feeds(feeds: Sequence[str], source: Ints) -> Column:
    once = column_from_strings(feeds)
    return Column(Kind.STRING, once.values[source], once.words)


def _properties(
    documents: Sequence[dict[str, object]], declared: EventType
) -> tuple[dict[str, Column], Column, set[str]]:
    """(typed columns, `rest`, the names that `rest` holds)."""
    names = frozenset(p.name for p in declared.properties)
    present = set().union(*documents)  # most of what is declared isn't sent
    spilled: dict[int, dict[str, object]] = {}
    if not present <= names:
        spilled = {
            i: {key: value for key, value in document.items() if key not in names}
            for i, document in enumerate(documents)
            if not document.keys() <= names
        }
    typed = {
        # Row by row would be fewer steps but makes a tuple a row, which wakes the garbage collector.
        p.name: _typed([document.get(p.name) for document in documents], p.kind, p.name, spilled)
        if p.name in present
        else absent_column(p.kind, len(documents))
        for p in declared.properties
    }
    if not spilled:
        return typed, absent_column(Kind.STRING, len(documents)), set()
    texts = [json_text(spilled[i]) if i in spilled else None for i in range(len(documents))]
    return typed, column_from_strings(texts), {key for document in spilled.values() for key in document}


def _typed(values: list[Any], kind: Kind, name: str, spilled: dict[int, dict[str, object]]) -> Column:
    """A declared property's column; values that don't fit go into `spilled` by row."""
    carried = set(map(type, values))
    carried.discard(type(None))
    if not carried:
        return absent_column(kind, len(values))
    if not carried <= _CARRIED[kind]:
        _set_apart(values, lambda value: type(value) in _CARRIED[kind], name, spilled)
    try:
        return _column(values, kind)
    except (OverflowError, ValueError, TypeError, pa.ArrowInvalid):
        _set_apart(values, lambda value: _fits(value, kind), name, spilled)
        return _column(values, kind)


def _set_apart(
    values: list[Any], fits: Callable[[Any], bool], name: str, spilled: dict[int, dict[str, object]]
) -> None:
    """Move the values that don't fit out of the column, into `spilled` by row."""
    for i, value in enumerate(values):
        if value is not None and not fits(value):
            spilled.setdefault(i, {})[name] = value
            values[i] = None


def _fits(value: Any, kind: Kind) -> bool:
    if kind is Kind.LIST:
        return all(type(item) is str for item in value)
    if kind is Kind.NUMBER:
        return bool(-_NUMBER_MAX < value < _NUMBER_MAX)
    return kind is Kind.STRING or bool(BEGINNING < value < -BEGINNING)


def _column(values: list[Any], kind: Kind) -> Column:
    """A column of values that `_CARRIED` allows and None; raises if one is out of range."""
    if kind is Kind.STRING:
        return column_from_strings(values)
    if kind is Kind.LIST:
        return column_from_strings([None if value is None else _list_text(value) for value in values], kind)
    if kind is Kind.NUMBER:
        floats = np.array([np.nan if value is None else value for value in values], np.float64)
        absent = np.array([value is None for value in values]) if np.isnan(floats).any() else np.zeros(1, bool)
        if not ((np.abs(floats) < _NUMBER_MAX) | absent).all():
            raise ValueError("a number out of range")
        return Column(kind, np.where(absent, UNKNOWN, np.rint(np.nan_to_num(floats) * NUMBER_SCALE).astype(np.int64)))
    return Column(kind, np.array([UNKNOWN if value is None else value for value in values], np.int64))


def _list_text(value: Any) -> str:
    if not all(type(item) is str for item in value):
        raise ValueError("a list of other things than strings")
    return json_text(list(value))
