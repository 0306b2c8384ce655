"""Counts and sums of a set of events by period and group.

All but distinct values and customers are sums over rows, type by type: nothing is merged, nothing sorted. Customers by
period are bits (`kernels.periods`) where groups are the customers' own, so that they are counted once; where groups are
of the events, and for distinct values, the pairs that occur are made unique. A *cell* is group * periods + period.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from yutang.conditions.nodes import Events
from yutang.conditions.vocabulary import Kind
from yutang.kernel.instants import NEVER
from yutang.timeline.evaluation.literals import list_items
from yutang.timeline.evaluation.selection import Selected, as_kind
from yutang.timeline.kernels import periods as kernels
from yutang.timeline.kernels.totals import extremes, totals
from yutang.timeline.questions.periods import Periods, cells, marked, selections, without_before
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.view import Column, View

Words = Mapping[str, Ints]
NONE: Ints = np.empty(0, np.int64)


class Measure(StrEnum):
    """What is counted of the events of a cell."""

    CUSTOMERS = "customers"
    EVENTS = "events"
    SUM = "sum"
    AVERAGE = "average"
    MIN = "min"
    MAX = "max"
    DISTINCT = "distinct"


@dataclass(frozen=True)
class Plan:
    """What is asked. prop, kind: what is summed, and as what; "" where events or customers are counted.

    by: the property of the event by which it is told apart, "" for the customers' own groups; groups: name → place,
    `rest` being that of all other names. said: the names of values.
    """

    events: Events
    periods: Periods
    measure: Measure
    prop: str = ""
    kind: Kind = Kind.STRING
    by: str = ""
    groups: Mapping[str, int] | None = None
    rest: int = 0
    groups_count: int = 1
    said: Callable[[Column], Sequence[str]] = lambda column: [str(value) for value in column.values.tolist()]

    @property
    def cells_count(self) -> int:
        """Of all groups and periods."""
        return self.groups_count * self.periods.count


@dataclass(frozen=True)
class Figures:
    """What a part's customers come to; int64 by cell each, and by group for the whole range. Empty where not
    asked.

    customers, customers_whole: different ones. rows: events, those alone whose property is known. high, low: see
    `totals`. least, greatest. words: of each value that occurs, the cells in which it does, `-1 - group` for the range.
    """

    customers: Ints = field(default_factory=lambda: NONE)
    customers_whole: Ints = field(default_factory=lambda: NONE)
    rows: Ints = field(default_factory=lambda: NONE)
    high: Ints = field(default_factory=lambda: NONE)
    low: Ints = field(default_factory=lambda: NONE)
    least: Ints = field(default_factory=lambda: NONE)
    greatest: Ints = field(default_factory=lambda: NONE)
    words: Words = field(default_factory=lambda: MappingProxyType({}))


def figures(view: View, plan: Plan, codes: Ints) -> Figures:
    """The figures of a view's customers. codes: the group of each, -1 for who doesn't count."""
    if plan.measure is Measure.CUSTOMERS and not plan.by:
        return Figures(*customers(view, plan.events, plan.periods, codes, plan.groups_count))
    if plan.measure is Measure.EVENTS and not plan.by:
        return Figures(rows=_events(view, plan, codes))
    found = [_counted(one, plan, codes) for one in _rows(view, plan)]
    place = np.concatenate([NONE, *(one.place for one in found)])
    if plan.measure is Measure.CUSTOMERS:
        owner = np.concatenate([NONE, *(one.owner for one in found)])
        whole = np.unique(owner * plan.groups_count + place // plan.periods.count) % plan.groups_count
        each = np.unique(owner * plan.cells_count + place) % plan.cells_count
        return Figures(np.bincount(each, minlength=plan.cells_count), np.bincount(whole, minlength=plan.groups_count))
    rows = np.bincount(place, minlength=plan.cells_count)
    if plan.measure is Measure.EVENTS:
        return Figures(rows=rows)
    if plan.measure is Measure.DISTINCT:
        return Figures(rows=rows, words=_words(found, plan))
    values = np.concatenate([NONE, *(one.column.values for one in found if one.column)])
    high, low = totals(place, values, plan.cells_count)
    least, greatest = extremes(place, values, plan.cells_count)
    return Figures(rows=rows, high=high, low=low, least=least, greatest=greatest)


def _events(view: View, plan: Plan, codes: Ints) -> Ints:
    """How many events each cell has."""
    rows = np.zeros(plan.cells_count + 1, np.int64)  # what doesn't count comes first
    for one in selections(view, plan.events, plan.periods.calendar):
        rows += np.bincount(cells(one, codes, plan.periods) + 1, minlength=len(rows))
    return rows[1:]


def customers(view: View, events: Events, periods: Periods, codes: Ints, groups: int) -> tuple[Ints, Ints]:
    """(different customers by cell, by group for the whole range)."""
    masks, words = without_before(marked(view, events, periods), periods.words), periods.words
    rows = np.flatnonzero(codes >= 0)
    kept = codes[rows]
    some = masks.reshape(-1, words)[rows].any(axis=1)
    whole = np.bincount(kept[some], minlength=groups)
    return kernels.tally(rows, kept, np.ones_like(rows), masks, words, periods.count, groups), whole


def added(parts: Sequence[Figures]) -> Figures:
    """The figures of all parts together."""
    words: dict[str, Ints] = {}
    for part in parts:
        for word, found in part.words.items():
            words[word] = np.union1d(words[word], found) if word in words else found
    tables = {
        field.name: _FOLDS.get(field.name, np.sum)([getattr(part, field.name) for part in parts], axis=0)
        for field in fields(Figures)
        if field.name != "words"
    }
    return Figures(**tables, words=words)


_FOLDS: Mapping[str, Callable[..., Ints]] = {"least": np.min, "greatest": np.max}


def earliest(view: View, plan: Plan, codes: Ints) -> int:
    """The instant of the first event of a view's customers; NEVER without any."""
    first = NEVER
    for one in selections(view, plan.events, plan.periods.calendar):
        mine = (codes >= 0) & (one.offsets[1:] > one.offsets[:-1])
        first = min(first, int(one.at[one.offsets[:-1][mine]].min(initial=NEVER)))
    return first


def named(view: View, plan: Plan, codes: Ints) -> list[tuple[Column, Ints]]:
    """Of each type, the values of the property by which events are told apart, and how often each occurs: in the rows
    that count."""
    found = []
    for one in selections(view, plan.events, plan.periods.calendar, plan.by):
        column = one.with_values()
        present, counts = np.unique(column.values[cells(one, codes, plan.periods) >= 0], return_counts=True)
        found.append((Column(column.kind, present, column.words), counts))
    return found


def has_events(view: View, plan: Plan, codes: Ints, place: int | None, group: int | None) -> Flags:
    """bool[n]: who has an event that counts in a period (None: in any) and a group (None: in any)."""
    flags = np.zeros(view.count, np.bool_)
    for one in _rows(view, plan):
        found = _counted(one, plan, codes)
        mine = np.ones(len(found.place), np.bool_)
        if place is not None:
            mine &= found.place % plan.periods.count == place
        if group is not None:
            mine &= found.place // plan.periods.count == group
        flags[found.owner[mine]] = True
    return flags


@dataclass(frozen=True)
class _Rows:
    """Rows of a type, with what is measured of them and by what they are told apart."""

    selected: Selected
    column: Column | None
    by: Column | None


@dataclass(frozen=True)
class _Counted:
    """Those of them that count: the cell of each, and what is measured. rows: which ones of the selected."""

    place: Ints
    column: Column | None
    selected: Selected
    rows: Flags

    @property
    def owner(self) -> Ints:
        """The customer of each."""
        return np.repeat(np.arange(len(self.selected.offsets) - 1), np.diff(self.selected.offsets))[self.rows]


def _rows(view: View, plan: Plan) -> list[_Rows]:
    plain = selections(view, plan.events, plan.periods.calendar, plan.prop or plan.by or None)
    columns = [one.column for one in plain]
    by = columns
    if plan.prop and plan.by:
        by = [one.column for one in selections(view, plan.events, plan.periods.calendar, plan.by)]
    if plan.prop and plan.measure is not Measure.DISTINCT:
        columns = [None if one is None else as_kind(one, plan.kind) for one in columns]
    return [
        _Rows(one, column if plan.prop else None, told if plan.by else None)
        for one, column, told in zip(plain, columns, by, strict=True)
    ]


def _counted(rows: _Rows, plan: Plan, codes: Ints) -> _Counted:
    selected = rows.selected
    place = cells(selected, np.minimum(codes, 0) if plan.by else codes, plan.periods)
    mine = place >= 0
    if rows.column is not None:
        mine &= rows.column.values != UNKNOWN
    place = place[mine]
    if rows.by is not None:
        place = place + plan.periods.count * _groups(Column(rows.by.kind, rows.by.values[mine], rows.by.words), plan)
    column = rows.column
    if column is not None:
        column = Column(column.kind, column.values[mine], column.words)
    return _Counted(place, column, selected, mine)


def _groups(column: Column, plan: Plan) -> Ints:
    """The group of each row by its value's name."""
    present, inverse = np.unique(column.values, return_inverse=True)
    names = plan.said(Column(column.kind, present, column.words))
    groups = plan.groups or {}
    return np.array([groups.get(name, plan.rest) for name in names], np.int64)[inverse]


def _words(found: Sequence[_Counted], plan: Plan) -> Words:
    """Of each value, the cells in which it occurs, and the groups as -1 - group."""
    words: dict[str, list[Ints]] = {}
    for one in found:
        column = one.column
        if column is None or not len(one.place):
            continue
        order = np.argsort(column.values, kind="stable")
        present, starts = np.unique(column.values[order], return_index=True)
        names = plan.said(Column(column.kind, present, column.words))
        for name, places in zip(names, np.split(one.place[order], starts[1:]), strict=True):
            cell = np.unique(places)
            whole = -1 - np.unique(cell // plan.periods.count)
            for item in list_items(name) if column.kind is Kind.LIST else (name,):
                words.setdefault(item, []).append(np.concatenate((whole, cell)))
    return {name: np.unique(np.concatenate(places)) for name, places in words.items()}
