"""Repurchase: cohorts of first orders, the next-order curve, the intervals between orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from yutang.domains.insight.api.asking import Scoped, events_asked, in_words, scoped
from yutang.domains.insight.api.durations import span_asked
from yutang.domains.insight.api.ranges import (
    by_first_event,
    came_in,
    codes_of,
    count_asked,
    group_named,
    heads_of,
    name_in,
    number_in,
    only_known,
    period_named,
    range_asked,
    types_read,
    unit_asked,
)
from yutang.domains.insight.contracts.asking import Cell
from yutang.domains.insight.contracts.repurchase import (
    RepurchaseAnswer,
    RepurchaseCohort,
    RepurchaseFigure,
    RepurchaseInterval,
    RepurchaseNext,
    RepurchaseQuestion,
    RepurchaseRow,
)
from yutang.kernel.instants import DAY_MS, instant_text, span_text
from yutang.runtime.desk import Desk
from yutang.timeline.everyone import Part
from yutang.timeline.questions.buckets import DAYS, median
from yutang.timeline.questions.repurchase import (
    Bought,
    Plan,
    bought,
    cohorts,
    following,
    gaps,
    has_gap,
    next_gaps,
)
from yutang.timeline.steps import Flags, Ints

ORDERS_COUNT_MAX = 50
COHORTS_BACK_COUNT = 12
COHORTS_COUNT_MAX = 400
WITHIN_MS_MAX = 3_650 * DAY_MS
_Chosen = Callable[[Bought], Flags]


@dataclass(frozen=True)
class _Asked:
    """A question understood."""

    scope: Scoped
    plan: Plan
    types: Sequence[str]


@dataclass(frozen=True)
class _Found:
    """What all parts come to, or one of them; see the functions of `timeline.questions.repurchase`."""

    buyers: Ints
    ready: Ints
    again: Ints
    following: Ints
    gaps: tuple[Ints, Ints]
    next_gaps: tuple[tuple[Ints, Ints], ...]


def repurchase(desk: Desk, question: RepurchaseQuestion) -> RepurchaseAnswer:
    """The figures. Raises InvalidError for what is missing or out of range, ConditionError for conditions."""
    asked = _understood(desk, question)
    scope, plan = asked.scope, asked.plan
    names = scope.groups.names
    found = _added(scope.everyone.map(lambda part: _found(asked, part, max(1, len(names))), asked.types))
    rows = [_row(plan, name, found, [group]) for group, name in enumerate(names)]
    rows.append(_row(plan, "", found, list(range(max(1, len(names))))))
    return RepurchaseAnswer(
        replace(scope.asked, since=instant_text(plan.cohorts.since_ms), groups=names),
        *in_words(desk, plan.events),
        span_text(plan.within_ms),
        plan.cohorts.unit.value,
        tuple(rows),
    )


def members(desk: Desk, question: RepurchaseQuestion, cell: Cell) -> Ints:
    """The heads of the customers behind a cell, ascending; see `RepurchaseAnswer`. Raises InvalidError."""
    only_known(cell, "cohort", "order", "after", "interval", "group", "came")
    asked = _understood(desk, question)
    scope, plan = asked.scope, asked.plan
    group = group_named(scope.groups.names, cell["group"]) if cell.get("group") else None
    behind = _behind(plan, cell)

    def chosen(part: Part) -> Ints:
        codes = codes_of(scope, part)
        flags = behind(bought(part.view, plan))
        return heads_of(scope, part, flags & (codes >= 0 if group is None else codes == group))

    return np.sort(np.concatenate(scope.everyone.map(chosen, asked.types)))


def _behind(plan: Plan, cell: Cell) -> _Chosen:
    came = came_in(cell)
    if "interval" in cell:
        bucket = name_in(cell, "interval", DAYS.names)
        return lambda found: has_gap(found, bucket)
    if "after" in cell:
        after = number_in(cell, "after", 1, plan.orders)
        return lambda found: found.ready(after) & (found.again(after + 1, after) == came)
    cohort = period_named(plan.cohorts, cell["cohort"], "cohort") if cell.get("cohort") else None
    order = number_in(cell, "order", 2, plan.orders) if "order" in cell else None

    def chosen(found: Bought) -> Flags:
        place = found.cohort()
        flags: Flags = place >= 0 if cohort is None else place == cohort
        return flags if order is None else flags & found.ready() & (found.again(order, 1) == came)

    return chosen


def _understood(desk: Desk, question: RepurchaseQuestion) -> _Asked:
    scope = scoped(desk, question.scope)
    events = events_asked(question.events, scope.vocabulary, "events")
    within_ms = span_asked(question.within, "within", "how soon the next order must follow", WITHIN_MS_MAX)
    orders = count_asked(question.orders, ORDERS_COUNT_MAX, "orders", least=2)
    periods = range_asked(scope, unit_asked(question.per), COHORTS_BACK_COUNT, COHORTS_COUNT_MAX)
    types = types_read(desk, events)
    scope = by_first_event(scope, events, question.scope.groups, types)
    return _Asked(scope, Plan(events, within_ms, orders, periods), types)


def _found(asked: _Asked, part: Part, groups: int) -> _Found:
    found, codes = bought(part.view, asked.plan), codes_of(asked.scope, part)
    buyers, ready, again = cohorts(found, codes, groups)
    return _Found(
        buyers,
        ready,
        again,
        following(found, codes, groups),
        gaps(found, codes),
        tuple(next_gaps(found, codes, number) for number in range(1, asked.plan.orders + 1)),
    )


def _added(parts: Sequence[_Found]) -> _Found:
    return _Found(
        np.sum([part.buyers for part in parts], axis=0),
        np.sum([part.ready for part in parts], axis=0),
        np.sum([part.again for part in parts], axis=0),
        np.sum([part.following for part in parts], axis=0),
        _joined([part.gaps for part in parts]),
        tuple(_joined(found) for found in zip(*(part.next_gaps for part in parts), strict=True)),
    )


def _joined(pairs: Sequence[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    return np.concatenate([one for one, _ in pairs]), np.concatenate([one for _, one in pairs])


def _row(plan: Plan, name: str, found: _Found, groups: list[int]) -> RepurchaseRow:
    """The figures of a group, or of several together."""
    buyers, ready = found.buyers[groups].sum(axis=0), found.ready[groups].sum(axis=0)
    again = found.again[:, groups].sum(axis=1)
    rows = [
        RepurchaseCohort(label, int(buyers[n]), _figures(again[:, n].tolist(), int(ready[n])))
        for n, label in enumerate(plan.cohorts.names)
    ]
    rows.append(RepurchaseCohort("", int(buyers.sum()), _figures(again.sum(axis=1).tolist(), int(ready.sum()))))
    spans = _of(found.gaps, groups)
    counts = np.bincount(DAYS.of(spans // DAY_MS), minlength=len(DAYS.names)).tolist()
    curve = []
    for number, (table, pair) in enumerate(zip(found.following, found.next_gaps, strict=True), start=1):
        of, came = table[groups].sum(axis=0).tolist()
        curve.append(RepurchaseNext(number, came, of, came / of if of else None, _days(_of(pair, groups))))
    intervals = tuple(RepurchaseInterval(*one) for one in zip(DAYS.names, counts, strict=True))
    return RepurchaseRow(name, tuple(rows), tuple(curve), intervals, _days(spans))


def _figures(again: Sequence[int], of: int) -> tuple[RepurchaseFigure, ...]:
    return tuple(RepurchaseFigure(n, count, of, count / of if of else None) for n, count in enumerate(again, start=2))


def _of(pair: tuple[Ints, Ints], groups: list[int]) -> Ints:
    group, spans = pair
    return spans[np.isin(group, groups)]


def _days(spans: Ints) -> float | None:
    middle = median(spans)
    return None if middle is None else middle / DAY_MS
