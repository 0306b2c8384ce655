"""Retention: of those who begin in a period, how many come back in the ones after it.

A *membership* is a customer in a cohort. Where only calendar periods matter, the beginnings and the returns of a
customer are sets of periods (`kernels.periods`), united type by type; memberships are the lowest bit, or all bits, of
the one, and figures are sums over the bits of the other that follow. Where the beginning event itself matters (a
property of it, or periods counted from it), the events of the beginning are merged and memberships are rows of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from yutang.conditions.nodes import Events
from yutang.timeline.evaluation.selection import Selected, select
from yutang.timeline.kernels import periods as kernels
from yutang.timeline.questions.periods import (
    Periods,
    complete_after,
    holds,
    lowest,
    marked,
    selections,
    up_to_last,
    without_before,
)
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.view import Column, View

FIGURES_COUNT_MAX = 1 << 18  # more take longer to put together than memberships that are counted one by one


class Beginning(StrEnum):
    """What begins a membership: the first event ever, if it lies in the range; the first one in the range; or the
    first one in each period that has any."""

    FIRST_EVER = "first_ever"
    FIRST = "first"
    ANY = "any"


@dataclass(frozen=True)
class Plan:
    """What is asked. cohorts: the range. shown: how many periods, the beginning's own among them.

    returns: the sets of events that count as coming back. width_ms: of periods counted from a customer's own
    beginning; 0 for those of the calendar. later: who comes in a later period counts too. prop: the property of the
    beginning event by which memberships are told apart, None for none.
    """

    begin: Events
    returns: tuple[Events, ...]
    cohorts: Periods
    shown: int
    beginning: Beginning
    width_ms: int = 0
    later: bool = False
    prop: str | None = None

    @property
    def words(self) -> int:
        """Of a set of periods in which somebody came back."""
        return -(-(self.shown + 1) // kernels.BITS) if self.width_ms else self.cohorts.words

    def complete(self) -> Flags:
        """bool[cohorts, shown]: whether every member of the cohort has had the whole period."""
        if not self.width_ms:
            return complete_after(self.cohorts, self.shown)
        last: Ints = self.cohorts.begins[1:, None] - 1 + self.width_ms * np.arange(1, self.shown + 1)[None]
        return last - 1 <= self.cohorts.until_ms

    def begun(self) -> Flags:
        """bool[cohorts, shown]: whether a member can have come back in the period by now."""
        if not self.width_ms:
            return np.arange(self.cohorts.count)[:, None] + np.arange(self.shown)[None] < self.cohorts.count
        begins: Ints = self.cohorts.begins[:-1, None] + self.width_ms * np.arange(self.shown)[None]
        return begins <= self.cohorts.until_ms


@dataclass(frozen=True)
class Members:
    """m memberships of the customers of a view. owner: int64[m], ascending. cohort: int64[m].

    rows, firsts: int64[m], the row of the masks that is a membership's, and its bit of period 0. masks: of each set of
    returns, and last of any of them if there are several. column: the property asked for.
    """

    owner: Ints
    cohort: Ints
    rows: Ints
    firsts: Ints
    masks: tuple[Ints, ...]
    words: int
    column: Column | None = None

    def returned(self, returns: int, period: int) -> Flags:
        """bool[m]: who came back in a period, by the set of that number."""
        found: Flags = holds(self.masks[returns], self.words, self.rows, self.firsts + period) == 1
        return found

    def column_of(self, mine: Flags) -> Column:
        """The property of some of the memberships; they were made with one."""
        assert self.column is not None
        return Column(self.column.kind, self.column.values[mine], self.column.words)

    def sizes(self, cells: Ints, cells_count: int) -> Ints:
        """int64[cells]: the memberships of each cell. cells: int64[m], -1 for those that don't count."""
        return np.bincount(cells[cells >= 0], minlength=cells_count)

    def counts(self, cells: Ints, cells_count: int, shown: int) -> Ints:
        """int64[returns, cells, shown]: how many of each cell came back."""
        mine = cells >= 0
        rows, firsts, kept = self.rows, self.firsts, cells
        if not mine.all():
            rows, firsts, kept = rows[mine], firsts[mine], cells[mine]
        found = [kernels.tally(rows, kept, firsts, masks, self.words, shown, cells_count) for masks in self.masks]
        return np.stack(found).reshape(len(found), cells_count, shown)


def members_of(view: View, plan: Plan) -> Members:
    """The memberships of all customers of a view, and when they came back."""
    column = None
    masks: list[Ints] = []
    if plan.width_ms or plan.prop is not None:
        owner, cohort, begun, column = _by_event(view, plan)
    else:
        begins, masks = _by_bits(view, plan)
        owner, cohort = _by_period(begins, plan)
    if plan.width_ms:
        masks = _masks({events: _own(view, events, plan, owner, begun) for events in plan.returns}, plan)
    elif plan.prop is not None:
        masks = _masks({events: marked(view, events, plan.cohorts) for events in plan.returns}, plan)
    rows, firsts = (np.arange(len(owner)), np.zeros_like(owner)) if plan.width_ms else (owner, cohort + 1)
    return Members(owner, cohort, rows, firsts, tuple(masks), plan.words, column)


def figures(view: View, plan: Plan, codes: Ints, groups: int) -> tuple[Ints, Ints]:
    """(int64[groups * cohorts] memberships, int64[returns, groups * cohorts, shown] how many of them came back).

    codes: the group of each customer of the view, -1 for those who don't count. For plans without a property.
    """
    cohorts = plan.cohorts.count
    cells = groups * cohorts
    if plan.width_ms or plan.words > 1 or cells * plan.shown > FIGURES_COUNT_MAX:
        found = members_of(view, plan)
        code = codes[found.owner]
        placed = np.where(code >= 0, code * cohorts + found.cohort, -1)
        return found.sizes(placed, cells), found.counts(placed, cells, plan.shown)
    begins, masks = _by_bits(view, plan)
    first_ever, every = plan.beginning is Beginning.FIRST_EVER, plan.beginning is Beginning.ANY
    how = (codes, groups, cohorts, plan.shown, int(first_ever), int(every), kernels.LANE_MAX)
    told = [kernels.followed(begins, one, *how) for one in masks]
    return told[0][0], np.stack([counts for _, counts in told]).reshape(len(told), cells, plan.shown)


def _by_bits(view: View, plan: Plan) -> tuple[Ints, list[Ints]]:
    """The periods of beginnings, and those of returns by set, and last of any of them if there are several."""
    sets = {events: marked(view, events, plan.cohorts) for events in dict.fromkeys((plan.begin, *plan.returns))}
    return sets[plan.begin], _masks(sets, plan)


def _masks(sets: Mapping[Events, Ints], plan: Plan) -> list[Ints]:
    masks = [sets[events] for events in plan.returns]
    if len(masks) > 1:
        masks.append(np.bitwise_or.reduce(masks))
    return [up_to_last(one, plan.words) for one in masks] if plan.later else masks


def _by_period(masks: Ints, plan: Plan) -> tuple[Ints, Ints]:
    """(owner, cohort) of memberships by the periods in which customers have beginnings."""
    words = plan.cohorts.words
    if plan.beginning is Beginning.ANY:
        owner, bits = kernels.pairs(without_before(masks, words), words)
        return owner, bits - 1
    bits = lowest(masks if plan.beginning is Beginning.FIRST_EVER else without_before(masks, words), words)
    owner = np.flatnonzero(bits > 0)
    return owner, bits[owner] - 1


def _by_event(view: View, plan: Plan) -> tuple[Ints, Ints, Ints, Column | None]:
    """(owner, cohort, instant, property) of memberships by their beginning events."""
    selected: Selected = select(view, plan.begin, plan.cohorts.calendar, plan.prop)
    owner = np.repeat(np.arange(view.count), np.diff(selected.offsets))
    cohort = plan.cohorts.of(selected.at)
    if plan.beginning is not Beginning.FIRST_EVER:
        rows = np.flatnonzero(cohort >= 0)
        fresh = np.ones(len(rows), np.bool_)
        fresh[1:] = owner[rows][1:] != owner[rows][:-1]
        if plan.beginning is Beginning.ANY:
            fresh[1:] |= cohort[rows][1:] != cohort[rows][:-1]
        rows = rows[fresh]
    else:
        rows = selected.offsets[:-1][np.diff(selected.offsets) > 0]
        rows = rows[cohort[rows] >= 0]
    column = selected.column
    if column is not None:
        column = Column(column.kind, column.values[rows], column.words)
    return owner[rows], cohort[rows], selected.at[rows], column


def _own(view: View, events: Events, plan: Plan, owner: Ints, begun: Ints) -> Ints:
    """The returns of memberships, in periods counted from their beginnings."""
    offsets = np.searchsorted(owner, np.arange(view.count + 1)).astype(np.int64)
    found = np.zeros(len(owner) * plan.words, np.int64)
    for one in selections(view, events, plan.cohorts.calendar):
        found |= kernels.mark_own(
            one.offsets, one.at, offsets, begun, plan.width_ms, plan.shown, plan.cohorts.until_ms, plan.words
        )
    return found
