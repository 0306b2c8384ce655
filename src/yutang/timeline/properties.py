"""What events carry, as columns: declared properties as their kind has them, all else as JSON in `rest`.

Pure. Values are read for all events at once, name by name, and laid where their rows will lie. Invariant: a value is in
a typed column or in `rest`, never in both, and a null is in `rest` only where nobody declared it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from yutang.conditions.vocabulary import NUMBER_SCALE, EventType, Kind
from yutang.kernel.event import Event
from yutang.timeline.columns import Bytes, absent_column, column_from_strings
from yutang.timeline.packed import FALSE, NIL, PROPERTIES, TRUE, Packed, entries_at, floats_at, integers_at, texts_at
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.values import json_text
from yutang.timeline.view import Column

_NUMBER_MAX = 9e12  # beyond it, millionths leave int64


@dataclass(frozen=True, eq=False)
class Carried:
    """What events carry: entry i is a name with a value, that of the event whose row is rows[i] in its type's run.

    values: where each value lies in `data`. entries: by (type's number, name), the entries of both.
    """

    data: Bytes
    rows: Ints
    values: Ints
    entries: Mapping[int, Mapping[str, Ints]]


def carried(packed: Packed, types: Ints, place: Ints) -> Carried:
    """What the events carry. types: int64[events], the number of each one's type; place: its row in that type's run."""
    offsets, keys, values = entries_at(packed.data, packed.begins(PROPERTIES))
    owners = np.repeat(np.arange(len(packed)), np.diff(offsets))
    names, words = texts_at(packed.data, keys)[0].coded()
    both = types[owners] * len(words) + names
    kinds = int(both.max(initial=-1)) + 1
    order = np.argsort(both.astype(np.min_scalar_type(kinds)), kind="stable")
    found: dict[int, dict[str, Ints]] = {}
    spelled = list(words)
    both = both[order]
    begins = np.flatnonzero(np.diff(both, prepend=-1)).tolist()
    for begin, end in pairwise([*begins, len(both)]):
        kind, name = divmod(int(both[begin]), len(words))
        found.setdefault(kind, {})[spelled[name]] = order[begin:end]
    return Carried(packed.data, place[owners], values, found)


@dataclass(frozen=True, eq=False)
class _Named:
    """What some of the `count` rows of a type carry under one name, nulls left out."""

    count: int
    rows: Ints
    data: Bytes
    values: Ints

    def column(self, kind: Kind, values: Ints, fits: Flags, words: Sequence[str] = ()) -> Column:
        """A column that has the values, those of the rows where one fits."""
        found = np.full(self.count, UNKNOWN, np.int64)
        found[self.rows[fits]] = values
        return Column(kind, found, words)


def properties(
    events: Sequence[Event], mine: Ints, carried: Carried, code: int, declared: EventType
) -> tuple[dict[str, Column], Column, set[str]]:
    """(typed columns, `rest`, the names that `rest` holds) of a type's run, whose rows are the events `mine`."""
    entries = carried.entries.get(code, {})
    kinds = {one.name: one.kind for one in declared.properties}
    spilled = {name: carried.rows[chosen] for name, chosen in entries.items() if name not in kinds}
    typed: dict[str, Column] = {}
    for name, kind in kinds.items():
        if name not in entries:
            typed[name] = absent_column(kind, len(mine))
            continue
        chosen = entries[name]
        chosen = chosen[carried.data[carried.values[chosen]] != NIL]
        named = _Named(len(mine), carried.rows[chosen], carried.data, carried.values[chosen])
        if kind is Kind.LIST:
            lists = [events[row].properties[name] for row in mine[named.rows].tolist()]
            typed[name], fits = _listed(named, lists)
        else:
            typed[name], fits = _typed(named, kind)
        if not fits.all():
            spilled[name] = named.rows[~fits]
    return typed, _rest(events, mine, spilled), set(spilled)


def _typed(named: _Named, kind: Kind) -> tuple[Column, Flags]:
    """(a declared property's column, which of the values fit it)."""
    if kind is Kind.STRING:
        texts, fits = texts_at(named.data, named.values)
        codes, words = texts.at(fits).coded()
        return named.column(kind, codes, fits, words), fits
    if kind is Kind.BOOLEAN:
        heads = named.data[named.values]
        found, fits = (heads == TRUE).astype(np.int64), (heads == TRUE) | (heads == FALSE)
    else:
        found, fits = integers_at(named.data, named.values)
        fits &= found != UNKNOWN
    if kind is Kind.NUMBER:
        floats, broken = floats_at(named.data, named.values)
        numbers = np.where(broken, floats, found)
        fits = (fits | broken) & (np.abs(numbers) < _NUMBER_MAX)
        found = np.rint(np.where(fits, numbers, 0.0) * NUMBER_SCALE).astype(np.int64)
    return named.column(kind, found[fits], fits), fits


def _listed(named: _Named, lists: Sequence[object]) -> tuple[Column, Flags]:
    """The same of a property of lists, which are kept as their JSON."""
    fits = [isinstance(one, list | tuple) and all(type(item) is str for item in one) for one in lists]
    once = column_from_strings([json_text(one) for one, fit in zip(lists, fits, strict=True) if fit], Kind.LIST)
    fitting = np.array(fits, bool)
    return named.column(Kind.LIST, once.values, fitting, once.words), fitting


def _rest(events: Sequence[Event], mine: Ints, spilled: Mapping[str, Ints]) -> Column:
    """What isn't in typed columns. spilled: by name, the rows that carry it."""
    if not spilled:
        return absent_column(Kind.STRING, len(mine))
    documents: dict[int, dict[str, object]] = {}
    for name, rows in spilled.items():
        for row, event in zip(rows.tolist(), mine[rows].tolist(), strict=True):
            documents.setdefault(row, {})[name] = events[event].properties[name]
    texts: list[str | None] = [None] * len(mine)
    for row, document in documents.items():
        texts[row] = json_text(document)
    return column_from_strings(texts)
