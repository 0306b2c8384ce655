"""Lines: the events of ordered steps, laid out by the attempts that they may belong to.

A customer is one line to begin with. `by_value` makes a line of each customer and value of a property; `by_beginning`
one of each line, period and group in which an attempt begins. An event of a later step may belong to several of these,
so its row is repeated: in as many periods as the window reaches back over, in as many groups as the customer began in.

Invariant: rows of a line ascend by (at, tie). Nothing is copied where lines are customers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from yutang.conditions.nodes import Unit
from yutang.conditions.vocabulary import Kind
from yutang.kernel.instants import NEVER
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.literals import list_items
from yutang.timeline.evaluation.selection import Selected
from yutang.timeline.kernels import funnel as kernels
from yutang.timeline.kernels.gather import rows_between
from yutang.timeline.ordering import customer_order
from yutang.timeline.steps import UNKNOWN, Ints
from yutang.timeline.view import Column


def _none() -> Ints:
    return np.empty(0, np.int64)


@dataclass(frozen=True)
class Rows:
    """Events of one step: line i has rows offsets[i]:offsets[i+1]. What is empty isn't known of any of them.

    upto, before: how many excluded events of the line came up to each, or before it (of the gaps after and before the
    step). code: its value of the property that is held the same, UNKNOWN without. group: of what begins with it.
    """

    offsets: Ints
    at: Ints
    tie: Ints
    upto: Ints = field(default_factory=_none)
    before: Ints = field(default_factory=_none)
    code: Ints = field(default_factory=_none)
    group: Ints = field(default_factory=_none)

    @classmethod
    def of(cls, found: Selected) -> Rows:
        """The events of a set, by customer."""
        return cls(found.offsets, found.at, found.tie)

    @classmethod
    def none(cls, lines: int) -> Rows:
        """No events."""
        return cls(np.zeros(lines + 1, np.int64), _none(), _none())

    @property
    def lines(self) -> Ints:
        """int64[rows]: the line of each row."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def laid(self, rows: Ints, lines: Ints, count: int) -> Rows:
        """Some rows, in the lines named, of which there are `count`; a line's rows are named in their order."""
        order = np.argsort(lines, kind="stable")
        rows = rows[order]
        offsets = np.zeros(count + 1, np.int64)
        np.cumsum(np.bincount(lines, minlength=count), out=offsets[1:])
        columns = (self.at, self.tie, self.upto, self.before, self.code, self.group)
        return Rows(offsets, *(column[rows] if len(column) else column for column in columns))

    def within(self, first: int, last: int) -> Rows:
        """Those at instants in [first, last]."""
        keep = np.flatnonzero((self.at >= first) & (self.at <= last))
        return self if len(keep) == len(self.at) else self.laid(keep, self.lines[keep], len(self.offsets) - 1)


@dataclass(frozen=True)
class Layout:
    """Steps by line. owner: the customer of each line. period, group: in which its attempts begin.

    begin_before: the instant before which they begin. outs: of each step, sets that may not lie in the gap before it.
    """

    owner: Ints
    period: Ints
    group: Ints
    begin_before: Ints
    steps: tuple[Rows, ...]
    outs: tuple[tuple[Rows, ...], ...]

    @classmethod
    def of_customers(cls, count: int, steps: Sequence[Rows], outs: Sequence[tuple[Rows, ...]]) -> Layout:
        """A line for each customer."""
        none = np.zeros(count, np.int64)
        return cls(np.arange(count), none, none, np.full(count, NEVER), tuple(steps), tuple(outs))

    def counted(self) -> Layout:
        """With `upto` and `before` of the events on either side of each gap in which something is excluded."""
        steps = list(self.steps)
        for place, sets in enumerate(self.outs):
            if sets and place:
                earlier, later = steps[place - 1], steps[place]
                steps[place - 1] = replace(earlier, upto=_counts(kernels.counts_upto, sets, earlier))
                steps[place] = replace(later, before=_counts(kernels.counts_before, sets, later))
        return replace(self, steps=tuple(steps), outs=())


_Count = Callable[[Ints, Ints, Ints, Ints, Ints, Ints], Ints]


def _counts(count: _Count, sets: Sequence[Rows], rows: Rows) -> Ints:
    """How many events of some sets, taken together, a kernel counts for each row."""
    counts = [count(one.offsets, one.at, one.tie, rows.offsets, rows.at, rows.tie) for one in sets]
    total: Ints = np.sum(counts, axis=0)
    return total


def together(parts: Sequence[Rows]) -> Rows:
    """Events of several sets as one, with their codes and groups, if all have any."""
    if len(parts) == 1:
        return parts[0]
    line = np.concatenate([rows.lines for rows in parts])
    at, tie = np.concatenate([rows.at for rows in parts]), np.concatenate([rows.tie for rows in parts])
    code, group = np.concatenate([rows.code for rows in parts]), np.concatenate([rows.group for rows in parts])
    offsets, order = customer_order(line, at, tie, len(parts[0].offsets) - 1)
    picked = [column[order] if len(column) == len(at) else _none() for column in (code, group)]
    return Rows(offsets, at[order], tie[order], code=picked[0], group=picked[1])


def coded(rows: Rows, column: Column, codes: dict[str, int]) -> Rows:
    """Events with the codes of their values, new ones of which are added to `codes`. An event with a list stands once
    for each of its elements."""
    if column.kind is Kind.LIST:
        return _spread(rows, column, codes)
    if column.kind is not Kind.STRING:
        return replace(rows, code=_ranked(column.values, codes))
    present, places = np.unique(column.values, return_inverse=True)
    known = [UNKNOWN if one == UNKNOWN else codes.setdefault(column.words[one], len(codes)) for one in present.tolist()]
    return replace(rows, code=np.array(known, np.int64)[places])


def _ranked(values: Ints, codes: dict[str, int]) -> Ints:
    """Codes of numbers: by their digits, so that they stay small whatever the numbers are."""
    present, places = np.unique(values, return_inverse=True)
    known = [UNKNOWN if one == UNKNOWN else codes.setdefault(str(one), len(codes)) for one in present.tolist()]
    return np.array(known, np.int64)[places]


def _spread(rows: Rows, column: Column, codes: dict[str, int]) -> Rows:
    present, places = np.unique(column.values, return_inverse=True)
    items = [_items(column.words[one], codes) if one != UNKNOWN else [UNKNOWN] for one in present.tolist()]
    starts = np.concatenate(([0], np.cumsum([len(one) for one in items]))).astype(np.int64)
    every = np.array([code for one in items for code in one], np.int64)
    picked, source = rows_between(starts[places], starts[places + 1], np.arange(len(places)))
    spread = rows.laid(source, rows.lines[source], len(rows.offsets) - 1)
    return replace(spread, code=every[picked])


def _items(word: str, codes: dict[str, int]) -> list[int]:
    """The codes of a list's elements; an empty one has no value."""
    return [codes.setdefault(item, len(codes)) for item in {*list_items(word)}] or [UNKNOWN]


def by_value(layout: Layout, every_begins: bool) -> Layout:
    """A line for each customer and value with which an attempt can begin: at the first step, or at every one."""
    beginnings = layout.steps if every_begins else layout.steps[:1]
    codes_count = 1 + max((int(rows.code.max(initial=-1)) for rows in layout.steps), default=0)
    keys = distinct(np.concatenate([(rows.lines * codes_count + rows.code)[rows.code >= 0] for rows in beginnings]))
    steps = tuple(_of_value(rows, keys, codes_count) for rows in layout.steps)
    outs = tuple(tuple(_out_of_value(out, keys, codes_count) for out in sets) for sets in layout.outs)
    owner = layout.owner[keys // codes_count]
    none = np.zeros(len(keys), np.int64)
    return Layout(owner, none, none, np.full(len(keys), NEVER), steps, outs)


def distinct(values: Ints) -> Ints:
    """All values once, ascending; by sorting, which is quicker than a hash and quickest with what is sorted already."""
    ranked = np.sort(values, kind="stable")
    return ranked[np.append(True, ranked[1:] != ranked[:-1])] if len(ranked) else ranked


def _of_value(rows: Rows, keys: Ints, codes_count: int) -> Rows:
    wanted = np.where((rows.code >= 0) & (rows.code < codes_count), rows.lines * codes_count + rows.code, -1)
    places = np.searchsorted(keys, wanted)
    found = np.flatnonzero((places < len(keys)) & (np.append(keys, -2)[places] == wanted))
    return rows.laid(found, places[found], len(keys))


def _out_of_value(out: Rows, keys: Ints, codes_count: int) -> Rows:
    """An excluded event without the property excludes whatever the value is."""
    unknown = np.flatnonzero(out.code < 0)
    owner = out.lines[unknown]
    lows, highs = np.searchsorted(keys, owner * codes_count), np.searchsorted(keys, (owner + 1) * codes_count)
    lines, rows = rows_between(lows, highs, unknown)
    return together((_of_value(out, keys, codes_count), out.laid(rows, lines, len(keys))))


def by_beginning(
    layout: Layout, first_ms: int, last_ms: int, window_ms: int, calendar: Calendar, unit: Unit | None,
    every_begins: bool,
) -> Layout:  # fmt: skip
    """A line for each line, period and group in which an attempt begins, at an instant in [first_ms, last_ms]."""
    beginnings = [rows.within(first_ms, last_ms) for rows in (layout.steps if every_begins else layout.steps[:1])]
    periods = [_periods(rows.at, calendar, unit) for rows in beginnings]
    least = min((int(one.min()) for one in periods if len(one)), default=0)
    periods_count = 1 + max((int(one.max()) for one in periods if len(one)), default=0) - least
    groups_count = 1 + max(int(rows.group.max(initial=0)) for rows in beginnings)
    grid = Grid(least, periods_count, groups_count)
    group = [rows.group if len(rows.group) else np.zeros(len(rows.at), np.int64) for rows in beginnings]
    keys_of = [grid.keys(rows.lines, one, of) for rows, one, of in zip(beginnings, periods, group, strict=True)]
    keys = distinct(np.concatenate(keys_of))
    steps = []
    for place, rows in enumerate(layout.steps):
        if not place and not every_begins:
            steps.append(beginnings[0].laid(np.arange(len(keys_of[0])), np.searchsorted(keys, keys_of[0]), len(keys)))
            continue
        since = _periods(np.maximum(rows.at - min(window_ms, last_ms), first_ms), calendar, unit)
        lows = np.searchsorted(keys, grid.keys(rows.lines, np.clip(since, least, least + periods_count), 0))
        until = np.minimum(_periods(rows.at, calendar, unit), least + periods_count - 1)
        highs = np.searchsorted(keys, grid.keys(rows.lines, until + 1, 0))
        lines, source = rows_between(lows, np.maximum(lows, highs), np.arange(len(lows)))
        steps.append(rows.laid(source, lines, len(keys)))
    line, period, of = grid.places(keys)
    ends = np.full(len(keys), NEVER) if unit is None else calendar.period_begins(period + 1, unit)
    return Layout(layout.owner[line], period, of, ends, tuple(steps), ())


@dataclass(frozen=True, slots=True)
class Grid:
    """(line, period, group) as one number, in that order. least: the first period."""

    least: int
    periods: int
    groups: int

    def keys(self, lines: Ints, period: Ints, group: Ints | int) -> Ints:
        """The numbers. A period one beyond the last is the first of the next line."""
        return (lines * self.periods + (period - self.least)) * self.groups + group

    def places(self, keys: Ints) -> tuple[Ints, Ints, Ints]:
        """(line, period, group) of numbers."""
        of_line, group = np.divmod(keys, self.groups)
        line, period = np.divmod(of_line, self.periods)
        return line, period + self.least, group


def _periods(at: Ints, calendar: Calendar, unit: Unit | None) -> Ints:
    return np.zeros(len(at), np.int64) if unit is None else calendar.periods(at, unit)
