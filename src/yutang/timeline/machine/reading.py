"""What leaves read of a run of rows: which rows count, values, what tells rows apart; and the facts of customers.

A run is read by itself, so that what was read can be kept with it for as long as it lasts. Words have codes of their
own in every run; where codes are compared across runs and types, they are made to agree by a `Coding`. Cost: one pass
over the rows of the run a source, over distinct words for texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from yutang.conditions import nodes as n
from yutang.conditions.vocabulary import Kind
from yutang.kernel.instants import DAY_MS
from yutang.timeline.boundaries import Calendar, calendar
from yutang.timeline.columns import recoded
from yutang.timeline.evaluation.filters import properties_of, row_flags
from yutang.timeline.evaluation.labels import basis_point
from yutang.timeline.evaluation.literals import word_is
from yutang.timeline.evaluation.selection import passing, read_by
from yutang.timeline.kernels.machine_fields import JUDGED_FALSE, JUDGED_TRUE, JUDGED_UNKNOWN
from yutang.timeline.machine.program import Fact, Source
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.view import Column, Slice, View

Marks = npt.NDArray[np.int8]
_RANKED_BY = ("feed", "source")


@dataclass(frozen=True, slots=True)
class Columns:
    """What a source needs of m rows: flags: bool or int8[m] (None: all count), values, keys: int64[m]."""

    flags: Flags | Marks | None
    values: Ints | None
    keys: Ints | None


class Coding:
    """Codes of words that agree between all runs that are read with it. They only become more.

    The codes of a space are those of the run that was read first, whose column isn't copied: read the largest first.
    """

    def __init__(self) -> None:
        self._codes: dict[str, dict[str, int]] = {}
        self._first: dict[str, Sequence[str]] = {}

    def of(self, space: str, column: Column) -> Ints:
        """int64[m]: the codes of a column's values in a space; UNKNOWN where absent."""
        first = self._first.setdefault(space, column.words)
        if column.words is first:
            return column.values
        codes = self._known(space)
        mapping = np.array([codes.setdefault(word, len(codes)) for word in column.words], np.int64)
        return recoded(column.values, mapping)

    def code(self, space: str, word: str) -> int:
        """The code of one word; its space has been met."""
        codes = self._known(space)
        return codes.setdefault(word, len(codes))

    def _known(self, space: str) -> dict[str, int]:
        found = self._codes.get(space)
        if found is None:
            found = self._codes[space] = {word: code for code, word in enumerate(self._first[space])}
        return found


def wanted(source: Source) -> Sequence[str]:
    """The properties that must be read of a run."""
    names = set(read_by(source.kind, source.events, source.property or None))
    names |= set(properties_of(source.judge)) if source.judge is not None else set()
    names |= {source.key} if source.key else set()
    return sorted(names | (set(_RANKED_BY) if source.ranked else set()))


def read(source: Source, view: View, rows: Slice, coding: Coding, passed: Flags | None = None) -> Columns:
    """What a source needs of some rows with the wanted properties. view: its vocabulary counts. passed: which rows pass
    the filter, if that is known already."""
    zone = calendar(source.zone or view.vocabulary.zone)
    if passed is None:
        passed = passing(view, source.kind, source.events, rows, zone)
    flags = passed if source.judge is None else _judged(source, view, rows, zone, passed)
    values = _values(source, rows, zone, coding) if source.property else None
    keys = None
    if source.key:
        keys = _keys(rows.columns[source.key], source.space, coding)
    elif source.ranked:
        keys = _ranks(rows, source.ranked)
    return Columns(flags, values, keys)


def _judged(source: Source, view: View, rows: Slice, zone: Calendar, passed: Flags | None) -> Marks:
    """int8[m]: how each row is judged."""
    assert source.judge is not None
    held = row_flags(source.judge, len(rows.at), rows.columns, zone, view.vocabulary.currency)
    (name,) = set(properties_of(source.judge))
    flags = np.where(held, JUDGED_TRUE, JUDGED_FALSE).astype(np.int8)
    flags[rows.columns[name].values == UNKNOWN] = JUDGED_UNKNOWN
    if passed is not None:
        flags[~passed] = 0
    return flags


def _values(source: Source, rows: Slice, zone: Calendar, coding: Coding) -> Ints:
    column = rows.columns[source.property]
    if source.shape == "codes":
        return coding.of(source.space, column)
    if not source.shape:
        return column.values
    known = column.values != UNKNOWN
    values = np.where(known, column.values, 0)
    if source.shape == "days":
        values = zone.local_days(values) if column.kind is Kind.INSTANT else values // DAY_MS
    elif column.kind is Kind.DATE:
        values = zone.first_instants(values // DAY_MS)
    return np.where(known, values, UNKNOWN)


def _keys(column: Column, space: str, coding: Coding) -> Ints:
    """Codes; an absent one counts as ""."""
    codes = coding.of(space, column)
    if len(codes) and (codes == UNKNOWN).any():
        codes = np.where(codes == UNKNOWN, coding.code(space, ""), codes)
    return codes


def _ranks(rows: Slice, ranked: Sequence[str]) -> Ints:
    """The place of each row's feed or source among those that are ranked; whichever is better."""
    ranks = np.full(len(rows.at), len(ranked), np.int64)
    for column in (rows.columns[name] for name in _RANKED_BY):
        for place, name in enumerate(ranked):
            ranks[word_is(column, name) & (ranks > place)] = place
    return ranks


def facts_of(facts: Sequence[Fact], view: View, channels: Mapping[str, Sequence[str]]) -> Ints:
    """int64[n, facts]: what is true of each customer. channels: the kinds of identity that each addresses."""
    found = np.zeros((view.count, len(facts)), np.int64)
    for place, fact in enumerate(facts):
        if fact.channel:
            found[:, place] = view.has_identity(channels.get(fact.channel, ()))
        else:
            found[:, place] = basis_point(view.lead_hash(), fact.salt) < fact.basis_points
    return found


def equals(prop: str, value: str) -> n.Test:
    """A filter: the property is a text; an absent one counts as ""."""
    same = n.Compare(n.Property(prop), n.Op.EQ, n.Text(value))
    return same if value else n.Any((same, n.Unknown(n.Property(prop))))
