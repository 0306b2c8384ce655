"""Funnels: of each customer how far it came along ordered steps, and when, by one match.

Events are laid out in *lines*, each the events that one attempt may be made of: a customer's; with `same`, those of a
customer and a value; told apart by what begins the attempt, those of a customer, a period and a group, where only
events that begin in them are of the first step. `kernels.funnel` climbs all lines alike. A plain funnel's lines are the
view's own columns: nothing is copied.

Rules: a match is an event of each step, each strictly after the one before in (at, tie), the last at most `window_ms`
after the first, all in [since_ms, until_ms]. A customer's level is the deepest step that *any* match reaches. Its
times are those of one match: the one that completes that step earliest; of those, the one that begins latest; before
it at each step the earliest event that fits. In any order, an event counts for every step that it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from yutang.conditions.nodes import Events, Step, Unit
from yutang.kernel.instants import INSTANT_MIN_MS, NEVER
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.algebra import shifted
from yutang.timeline.evaluation.selection import present, select, select_type, types_of
from yutang.timeline.kernels import funnel as kernels
from yutang.timeline.questions.lines import Layout, Rows, by_beginning, by_value, coded, together
from yutang.timeline.steps import Ints
from yutang.timeline.ticks import Ticked, Ticking
from yutang.timeline.view import Column, View

_NONE: Ints = np.empty(0, np.int64)


@dataclass(frozen=True)
class Funnel:
    """A question, parsed. steps: `within_ms` and `without` of each concern the gap before it.

    strict: no other event of any step lies between two steps. any_order: steps need no order, and their gaps no
    bounds. same: a property that has the same value at all steps, and at events that are excluded if they have it.
    calendar: by which filters read days.
    """

    steps: tuple[Step, ...]
    window_ms: int
    since_ms: int
    until_ms: int
    calendar: Calendar
    strict: bool = False
    any_order: bool = False
    same: str = ""
    with_times: bool = True

    @property
    def first_ms(self) -> int:
        """The first instant at which an event may lie."""
        return max(self.since_ms, INSTANT_MIN_MS)

    @property
    def plain(self) -> bool:
        """Whether steps come in order, and nothing is said of what may lie between them."""
        free = all(step.within_ms is None and step.without is None for step in self.steps)
        return free and not self.strict and not self.any_order


@dataclass(frozen=True)
class Split:
    """By what attempts are told apart: the period of a unit in which they begin; the group of a property of the event
    that begins them. group_of: the group of each value of a column, from 0 on."""

    unit: Unit | None = None
    prop: str = ""
    group_of: Callable[[Column], Ints] | None = None


@dataclass(frozen=True)
class Reached:
    """Attempts: customer of the view, period (index in the calendar's `begins`), group, deepest step (0: none), and
    int64[steps, attempts] the instants of its match, as far as it goes; without times it has no rows."""

    owner: Ints
    period: Ints
    group: Ints
    level: Ints
    at: Ints


def reached(view: View, funnel: Funnel) -> tuple[Ints, Ints]:
    """(level int64[customers], at int64[steps, customers]) of all customers of a view; see `Reached`."""
    if funnel.plain and not funnel.same:
        return backwards([_lying(view, step.events, funnel.calendar) for step in funnel.steps], funnel)
    found = attempts(view, funnel, None)
    if not funnel.same:
        return found.level, found.at
    level = np.zeros(view.count, np.int64)
    at = np.zeros((len(found.at), view.count), np.int64)
    level[found.owner] = found.level
    at[:, found.owner] = found.at
    return level, at


def attempts(view: View, funnel: Funnel, split: Split | None) -> Reached:
    """The attempts of the customers of a view: one of each, or, split, one for each period and group in which it has
    an event of the first step."""
    layout = _layout(view, funnel, split)
    levels, at = _way(funnel)(layout, funnel)
    found = Reached(layout.owner, layout.period, layout.group, levels, at)
    return _best(found) if funnel.same else found


def _way(funnel: Funnel) -> Callable[[Layout, Funnel], tuple[Ints, Ints]]:
    if funnel.any_order:
        return _together
    return _gone_back if funnel.plain else _climbed


def beginnings(view: View, funnel: Funnel, prop: str) -> list[tuple[Ints, Column]]:
    """(customers, values of a property) of the events of the first step, by type."""
    found = []
    for kind in types_of(view, funnel.steps[0].events):
        rows = select_type(view, kind, funnel.steps[0].events, funnel.calendar, prop)
        rows = rows.keep((rows.at >= funnel.first_ms) & (rows.at <= funnel.until_ms))
        found.append((Rows.of(rows).lines, rows.with_values()))
    return found


def _layout(view: View, funnel: Funnel, split: Split | None) -> Layout:
    """The events by line, with what is excluded counted."""
    sets = [step.events for step in funnel.steps]
    sets += [step.without for step in funnel.steps[1:] if step.without is not None]
    codes: dict[str, int] = {}
    rows = [_rows(view, funnel, events, None if place else split, codes) for place, events in enumerate(sets)]
    steps, rest = rows[: len(funnel.steps)], iter(rows[len(funnel.steps) :])
    excluded = [(next(rest),) if step.without is not None and place else () for place, step in enumerate(funnel.steps)]
    if funnel.strict:
        excluded = [(*steps, *one) for one in excluded]
    layout = Layout.of_customers(view.count, steps, excluded)
    if funnel.same:
        layout = by_value(layout, funnel.any_order)
    layout = layout.counted()
    if split is None:
        return layout
    return by_beginning(
        layout, funnel.first_ms, funnel.until_ms, funnel.window_ms, funnel.calendar, split.unit, funnel.any_order
    )


def _rows(view: View, funnel: Funnel, events: Events, split: Split | None, codes: dict[str, int]) -> Rows:
    """The events of a set, with their values and groups where these are asked for: type by type, since a property may
    be of another kind in another type."""
    grouped = split is not None and split.group_of is not None
    if not funnel.same and not grouped:
        return Rows.of(select(view, events, funnel.calendar))
    parts = []
    for kind in types_of(view, events):
        found = select_type(view, kind, events, funnel.calendar, funnel.same or None)
        rows = Rows.of(found)
        if split is not None and split.group_of is not None:
            column = select_type(view, kind, events, funnel.calendar, split.prop).with_values()
            rows = replace(rows, group=split.group_of(column))
        parts.append(coded(rows, found.with_values(), codes) if funnel.same else rows)
    return together(parts) if parts else Rows.none(view.count)


def _lying(view: View, events: Events, calendar: Calendar) -> Ticked:
    """The events of a set; not copied if they are all of one type, and lie in order."""
    kinds = present(view, events)
    if events.where is None and len(kinds) == 1 and not kinds[0][1] and isinstance(view, Ticking):
        lying = view.ticked(kinds[0][0])
        if lying is not None:
            return lying
    found = select(view, events, calendar)
    return Ticked.of(found.offsets, found.at, found.tie)


def _gone_back(layout: Layout, funnel: Funnel) -> tuple[Ints, Ints]:
    """(level, at) of each line, steps in order, with nothing said of the gaps."""
    return backwards([Ticked.of(one.offsets, one.at, one.tie) for one in layout.steps], funnel)


def backwards(steps: Sequence[Ticked], funnel: Funnel) -> tuple[Ints, Ints]:
    """The same by the rows of each step."""
    from yutang.timeline.kernels.deepest import deepest

    columns = np.array([address for one in steps for address in one.addresses], np.int64)
    lines = len(steps[0].starts) - 1
    levels, firsts = deepest(columns, lines, funnel.first_ms, funnel.until_ms, funnel.window_ms)
    if not funnel.with_times:
        return levels, np.empty((0, lines), np.int64)
    offsets = np.concatenate([one.starts for one in steps])
    at, tie = tuple(one.at for one in steps), tuple(one.tie for one in steps)
    begun = np.zeros(lines, np.int64)
    begun[levels > 0] = at[0][firsts[levels > 0]]
    return levels, kernels.instants(at, tie, offsets, levels, begun).reshape(len(steps), lines)


def _climbed(layout: Layout, funnel: Funnel) -> tuple[Ints, Ints]:
    """(level, at) of each line, steps in order, with something said of the gaps."""
    steps, since, until = layout.steps, funnel.first_ms, funnel.until_ms
    levels = kernels.entered(steps[0].offsets, steps[0].at, since, until)
    begun = [steps[0].at]
    for number, (before, here) in enumerate(pairwise(steps), start=2):
        within = funnel.steps[number - 1].within_ms
        excluded = bool(len(here.before))
        levels, here_begun = kernels.follow(
            levels, before.offsets, before.at, before.tie, begun[-1],
            before.upto if excluded else np.zeros(len(before.at), np.int64),
            here.offsets, here.at, here.tie, here.before if excluded else np.zeros(len(here.at), np.int64),
            number, since, until, funnel.window_ms, NEVER if within is None else within,
        )  # fmt: skip
        begun.append(here_begun)
    return levels, _match_instants(layout, funnel, levels, begun)


def _match_instants(layout: Layout, funnel: Funnel, levels: Ints, begun: Sequence[Ints]) -> Ints:
    """int64[steps, lines]: when the events of each line's match lay; 0 beyond its level. Followed from its end."""
    if not funnel.with_times:
        return np.empty((0, len(levels)), np.int64)
    steps = layout.steps
    at = np.zeros((len(steps), len(levels)), np.int64)
    began = np.zeros(len(levels), np.int64)
    rows = np.zeros(len(levels), np.int64)
    for place in reversed(range(len(steps))):
        here, here_begun = steps[place], begun[place]
        passed, ended = np.flatnonzero(levels > place + 1), np.flatnonzero(levels == place + 1)
        if len(passed):
            later = steps[place + 1]
            within = funnel.steps[place + 1].within_ms
            low = shifted(at[place + 1, passed], -NEVER if within is None else -within)
            excluded = bool(len(later.before))
            rows[passed] = kernels.traced(
                here.offsets, here.at, here_begun, here.upto if excluded else _NONE, passed, began[passed], low,
                later.before[rows[passed]] if excluded else low,
            )  # fmt: skip
            at[place, passed] = here.at[rows[passed]]
        if len(ended):
            rows[ended] = kernels.first_reached(here.offsets, here_begun, ended, funnel.first_ms)
            at[place, ended] = here.at[rows[ended]]
            began[ended] = here_begun[rows[ended]]
    return at


def _together(layout: Layout, funnel: Funnel) -> tuple[Ints, Ints]:
    """(level, at) of each line, steps in any order."""
    found = [
        replace(one, code=np.full(len(one.at), place))
        for place, one in enumerate(rows.within(funnel.first_ms, funnel.until_ms) for rows in layout.steps)
    ]
    rows, lines = together(found), len(layout.owner)
    levels, firsts, lasts = kernels.reached_together(
        rows.offsets, rows.at, rows.tie, rows.code, layout.begin_before, len(found), funnel.window_ms
    )
    if not funnel.with_times:
        return levels, np.empty((0, lines), np.int64)
    when = kernels.instants_together(rows.offsets, rows.at, rows.tie, rows.code, firsts, lasts, len(found))
    return levels, when.reshape(len(found), lines)


def _best(found: Reached) -> Reached:
    """Of the lines of one customer, period and group the one that counts, by the rules of the module."""
    came = np.flatnonzero(found.level > 0)
    level = found.level[came]
    keys = [-level, found.group[came], found.period[came], found.owner[came]]
    if len(found.at):
        at = found.at[:, came]
        keys = [*at, -at[0], at[level - 1, np.arange(len(level))], *keys]
    order = np.lexsort(keys)
    same = np.ones(len(order), np.bool_)
    for column in (found.owner, found.period, found.group):
        values = column[came][order]
        same[1:] &= values[1:] == values[:-1]
    same[:1] = False
    kept = came[order[~same]]
    return Reached(found.owner[kept], found.period[kept], found.group[kept], found.level[kept], found.at[:, kept])
