"""Lifetime value: what cohorts have paid, by the periods since they began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from yutang.conditions.nodes import Events
from yutang.domains.insight.api.asking import Scoped, events_asked, in_words, scoped
from yutang.domains.insight.api.ranges import (
    by_first_event,
    codes_of,
    count_asked,
    group_named,
    heads_of,
    must_be_money,
    number_in,
    only_known,
    period_named,
    range_asked,
    types_read,
    unit_asked,
)
from yutang.domains.insight.contracts.asking import Cell
from yutang.domains.insight.contracts.figures import Amount
from yutang.domains.insight.contracts.value import ValueAnswer, ValueCell, ValueQuestion, ValueRow
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import instant_text
from yutang.runtime.desk import Desk
from yutang.timeline.evaluation.measures import NET_LESS
from yutang.timeline.everyone import Part
from yutang.timeline.questions.periods import complete_after
from yutang.timeline.questions.value import Paid, Plan, cohort_of, paid, payers
from yutang.timeline.steps import Flags, Ints

SHOWN_COUNT_MAX = 120
COHORTS_COUNT_MAX = 400
BEGINNINGS = ("first_event", "first_seen")


@dataclass(frozen=True)
class _Asked:
    """A question understood."""

    scope: Scoped
    plan: Plan
    types: Sequence[str]


def value(desk: Desk, question: ValueQuestion) -> ValueAnswer:
    """The figures. Raises InvalidError for what is missing or doesn't fit, ConditionError for conditions."""
    asked = _understood(desk, question)
    scope, plan = asked.scope, asked.plan
    names = scope.groups.names
    groups = max(1, len(names))
    parts = scope.everyone.map(lambda part: paid(part.view, plan, codes_of(scope, part), groups), asked.types)
    found = Paid(*(np.sum([getattr(part, name) for part in parts], axis=0) for name in (
        "sizes", "high", "low", "payers")))  # fmt: skip
    rows: list[ValueRow] = []
    for group in range(groups):
        rows += _rows(plan, found, group, names[group] if names else "", scope.vocabulary.currency)
    return ValueAnswer(
        replace(scope.asked, since=instant_text(plan.cohorts.since_ms), groups=names),
        *in_words(desk, plan.events),
        question.net,
        question.begin,
        plan.cohorts.unit.value,
        tuple(rows),
    )


def members(desk: Desk, question: ValueQuestion, cell: Cell) -> Ints:
    """The heads of the customers behind a cell, ascending; see `ValueAnswer`. Raises InvalidError."""
    only_known(cell, "cohort", "group", "period")
    asked = _understood(desk, question)
    scope, plan = asked.scope, asked.plan
    group = group_named(scope.groups.names, cell["group"]) if cell.get("group") else None
    cohort = period_named(plan.cohorts, cell["cohort"], "cohort") if cell.get("cohort") else None
    period = number_in(cell, "period", 0, plan.shown - 1) if "period" in cell else None
    complete = complete_after(plan.cohorts, plan.shown)

    def chosen(part: Part) -> Ints:
        codes = codes_of(scope, part)
        mine: Flags = codes >= 0 if group is None else codes == group
        if period is not None:
            mine = mine & payers(part.view, plan, cohort, period, complete)
        else:
            place = cohort_of(part.view, plan)
            mine = mine & (place >= 0 if cohort is None else place == cohort)
        return heads_of(scope, part, mine)

    return np.sort(np.concatenate(scope.everyone.map(chosen, asked.types)))


def _understood(desk: Desk, question: ValueQuestion) -> _Asked:
    scope = scoped(desk, question.scope)
    events = events_asked(question.events, scope.vocabulary, "events")
    must_be_money(scope.vocabulary, events, question.property)
    if question.begin not in BEGINNINGS:
        raise InvalidError(
            "insight.beginning_unknown", f"{question.begin!r} says not what begins a cohort", where="begin",
            remedy="write " + ", ".join(BEGINNINGS),
        )  # fmt: skip
    shown = count_asked(question.periods, SHOWN_COUNT_MAX, "periods")
    cohorts = range_asked(scope, unit_asked(question.per), shown, COHORTS_COUNT_MAX)
    plan = Plan(
        events if question.begin == "first_event" else None,
        events,
        question.property,
        _refunds(events) if question.net else None,
        cohorts,
        shown,
    )
    types = types_read(desk, events, plan.less)
    if scope.groups.prop:
        first = plan.begin or Events()
        scope = by_first_event(scope, first, question.scope.groups, types_read(desk, first))
    return _Asked(scope, plan, types)


def _refunds(events: Events) -> Events:
    if len(events.types) != 1 or events.types[0] not in NET_LESS:
        raise InvalidError(
            "insight.net_of_what", "only " + ", ".join(NET_LESS) + " has refunds to take off", where="net",
            remedy="ask for order_paid, or leave net out",
        )  # fmt: skip
    return Events(types=(NET_LESS[events.types[0]],), where=events.where)


def _rows(plan: Plan, found: Paid, group: int, name: str, currency: str) -> list[ValueRow]:
    """A row for each cohort of a group, and one for all of them."""
    count, shown = plan.cohorts.count, plan.shown
    complete = complete_after(plan.cohorts, shown)
    high, low = found.high[group].cumsum(axis=1), found.low[group].cumsum(axis=1)
    paying, sizes = found.payers[group].cumsum(axis=1), found.sizes[group]
    rows = []
    for cohort, label in enumerate(plan.cohorts.names):
        begun = min(shown, count - cohort)
        cells = [
            _cell([(int(high[cohort, k]), int(low[cohort, k]))], int(paying[cohort, k]), int(sizes[cohort]),
                  bool(complete[cohort, k]), currency)
            for k in range(begun)
        ]  # fmt: skip
        rows.append(ValueRow(label, name, int(sizes[cohort]), tuple(cells), (int(sizes[cohort]),) * begun))
    cells, of = [], []
    for k in range(min(shown, count)):
        over = complete[:, k]
        of.append(int(sizes[over].sum()))
        halves = list(zip(high[over, k].tolist(), low[over, k].tolist(), strict=True))
        cells.append(_cell(halves, int(paying[over, k].sum()), of[-1], bool(over.any()), currency))
    return [*rows, ValueRow("", name, int(sizes.sum()), tuple(cells), tuple(of))]


def _cell(halves: Sequence[tuple[int, int]], paying: int, size: int, complete: bool, currency: str) -> ValueCell:
    total = (sum(high for high, _ in halves) << 32) + sum(low for _, low in halves)
    each = Amount((2 * total + size) // (2 * size), currency) if size else None
    return ValueCell(Amount(total, currency), each, paying, complete)
