"""Counts and sums of events by period and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from yutang.conditions.nodes import Events
from yutang.conditions.sentences import property_title
from yutang.conditions.vocabulary import NUMBER_SCALE, Kind, Vocabulary
from yutang.domains.insight.api.asking import Scoped, events_asked, in_words, scoped
from yutang.domains.insight.api.ranges import (
    by_value,
    codes_of,
    group_named,
    heads_of,
    kind_of_property,
    known_property,
    names_of,
    only_known,
    period_named,
    range_from,
    types_read,
    unit_asked,
)
from yutang.domains.insight.contracts.asking import OTHER, Cell
from yutang.domains.insight.contracts.counts import CountAnswer, CountFigure, CountQuestion, CountRow
from yutang.domains.insight.contracts.figures import Amount
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import BEGINNING, NEVER, instant_text
from yutang.runtime.desk import Desk
from yutang.timeline.questions.counts import Figures, Measure, Plan, added, customers, earliest, figures, has_events
from yutang.timeline.questions.counts import named as values_named
from yutang.timeline.questions.periods import Periods
from yutang.timeline.steps import Ints

NUMERIC = (Kind.NUMBER, Kind.INTEGER, Kind.MONEY)


@dataclass(frozen=True)
class _Asked:
    """A question understood. groups: names, without the row of everybody."""

    scope: Scoped
    plan: Plan
    groups: tuple[str, ...]
    types: Sequence[str]

    def everybodys(self) -> Plan:
        """The plan without groups."""
        return replace(self.plan, by="", groups=None, groups_count=1)


def count(desk: Desk, question: CountQuestion) -> CountAnswer:
    """The figures. Raises InvalidError for what is missing or doesn't fit, ConditionError for conditions."""
    asked = _understood(desk, question)
    scope, plan = asked.scope, asked.plan
    if question.share and plan.measure is not Measure.CUSTOMERS:
        raise InvalidError(
            "insight.share_of_what", "only customers have a share in all who were active", where="share",
            remedy="measure customers, or leave the share out",
        )  # fmt: skip
    everybody = asked.everybodys()
    whole = added(
        scope.everyone.map(
            lambda part: figures(part.view, everybody, np.minimum(codes_of(scope, part), 0)), asked.types
        )
    )
    rows = [_row("", 0, whole, everybody, scope.vocabulary)]
    if asked.groups:
        found = added(scope.everyone.map(lambda part: figures(part.view, plan, codes_of(scope, part)), asked.types))
        rows = [_row(name, n, found, plan, scope.vocabulary) for n, name in enumerate(asked.groups)] + rows
    if question.share:
        rows = _with_shares(asked, rows)
    return CountAnswer(
        replace(scope.asked, since=instant_text(plan.periods.since_ms), groups=asked.groups),
        *in_words(desk, plan.events),
        question.measure,
        property_title(plan.events, plan.prop, scope.vocabulary, desk.settings.language) if plan.prop else "",
        plan.periods.unit.value,
        plan.periods.names,
        _whole(plan.periods),
        tuple(rows),
    )


def _whole(periods: Periods) -> tuple[bool, ...]:
    """Which periods are over, and seen from their beginning on."""
    seen = periods.begins[:-1] >= periods.since_ms
    return tuple(bool(one) and over for one, over in zip(seen, periods.complete, strict=True))


def members(desk: Desk, question: CountQuestion, cell: Cell) -> Ints:
    """The heads of the customers behind a cell, ascending; see `CountAnswer`. Raises InvalidError."""
    only_known(cell, "period", "group")
    asked = _understood(desk, question)
    scope, plan = asked.scope, asked.plan
    place = period_named(plan.periods, cell["period"]) if cell.get("period") else None
    group = group_named(asked.groups, cell["group"]) if cell.get("group") else None
    chosen = scope.everyone.map(
        lambda part: heads_of(scope, part, has_events(part.view, plan, codes_of(scope, part), place, group)),
        asked.types,
    )
    return np.sort(np.concatenate(chosen))


def _understood(desk: Desk, question: CountQuestion) -> _Asked:
    scope = scoped(desk, question.scope)
    events = events_asked(question.events, scope.vocabulary, "events")
    measure, prop = _measure_asked(question.measure)
    for name, where in ((prop, "measure"), (scope.groups.prop, "by")):
        if name:
            known_property(events, name, scope.vocabulary, where)
    kind = kind_of_property(scope.vocabulary, events, prop) if prop else Kind.STRING
    if measure in (Measure.SUM, Measure.AVERAGE, Measure.MIN, Measure.MAX) and kind is Kind.STRING:
        kind = Kind.NUMBER  # a text that reads as a number counts as one
    if measure not in (Measure.DISTINCT, Measure.CUSTOMERS, Measure.EVENTS) and kind not in NUMERIC:
        raise InvalidError(
            "insight.not_a_number", f"{prop} is a {kind.value}: it has no {measure.value}", where="measure",
            remedy=f"write distinct:{prop}, or name a property that is a number or money",
        )  # fmt: skip
    unit = unit_asked(question.per)
    currency = scope.vocabulary.currency
    plan = Plan(
        events, range_from(scope, unit, scope.until_ms), measure, prop, kind, scope.groups.prop,
        groups_count=max(1, len(scope.groups.names)), said=lambda column: names_of(column, currency),
    )  # fmt: skip
    types = types_read(desk, events)
    since = scope.since_ms
    if since == BEGINNING:
        since = min(
            scope.everyone.map(lambda part: earliest(part.view, plan, codes_of(scope, part)), types), default=NEVER
        )
        since = min(since, scope.until_ms)
        since = int(scope.calendar.period_begins(scope.calendar.periods(np.array([since]), unit), unit)[0])
    plan = replace(plan, periods=range_from(scope, unit, since))
    return _by_property(scope, plan, question, types) if plan.by else _Asked(scope, plan, scope.groups.names, types)


def _by_property(scope: Scoped, plan: Plan, question: CountQuestion, types: Sequence[str]) -> _Asked:
    """The question with groups by a property of the events: those with the most events."""
    found = [one for part in scope.everyone.map(
        lambda part: values_named(part.view, plan, codes_of(scope, part)), types) for one in part]  # fmt: skip
    _, names = by_value([one for one, _ in found], scope, question.scope.groups, [counts for _, counts in found])
    places = {name: n for n, name in enumerate(names)}
    rest = places.get(OTHER, 0)
    return _Asked(scope, replace(plan, groups=places, rest=rest, groups_count=max(1, len(names))), names, types)


def _measure_asked(text: str) -> tuple[Measure, str]:
    """(what is counted, of which property). Raises InvalidError."""
    name, _, prop = text.strip().partition(":")
    if name not in set(Measure):
        raise InvalidError(
            "insight.measure_unknown", f"{text!r} is nothing that can be counted", where="measure",
            remedy="write customers, events, sum:P, average:P, min:P, max:P or distinct:P of a property P",
        )  # fmt: skip
    measure = Measure(name)
    plain = measure in (Measure.CUSTOMERS, Measure.EVENTS)
    if plain and prop:
        raise InvalidError(
            "insight.measure_property", f"{name} aren't of a property", where="measure",
            remedy=f"write {name} alone, or distinct:{prop}",
        )  # fmt: skip
    if not plain and not prop.strip():
        raise InvalidError(
            "insight.measure_property", f"{name} of which property?", where="measure", remedy=f"write {name}:amount"
        )
    return measure, prop.strip()


def _row(name: str, group: int, found: Figures, plan: Plan, vocabulary: Vocabulary) -> CountRow:
    count = plan.periods.count
    places = slice(group * count, (group + 1) * count)
    if plan.measure is Measure.CUSTOMERS:
        each = [CountFigure(value) for value in found.customers[places].tolist()]
        return CountRow(name, tuple(each), CountFigure(int(found.customers_whole[group])))
    if plan.measure is Measure.EVENTS:
        each = [CountFigure(value) for value in found.rows[places].tolist()]
        return CountRow(name, tuple(each), CountFigure(int(found.rows[places].sum())))
    if plan.measure is Measure.DISTINCT:
        values, whole = _distinct(found.words, plan, group)
        return CountRow(name, tuple(CountFigure(value) for value in values), CountFigure(whole))
    cells = range(places.start, places.stop)
    return CountRow(name, tuple(_figure(found, [cell], plan, vocabulary) for cell in cells),
                    _figure(found, list(cells), plan, vocabulary))  # fmt: skip


def _distinct(words: Mapping[str, Ints], plan: Plan, group: int) -> tuple[list[int], int]:
    """(how many values by period, in the whole range) of a group."""
    everything = np.concatenate([np.empty(0, np.int64), *words.values()])
    mine = everything[(everything >= 0) & (everything // plan.periods.count == group)] % plan.periods.count
    return np.bincount(mine, minlength=plan.periods.count).tolist(), int((everything == -1 - group).sum())


def _figure(found: Figures, cells: list[int], plan: Plan, vocabulary: Vocabulary) -> CountFigure:
    """A figure over cells, exactly."""
    number = int(found.rows[cells].sum())
    if not number:
        return CountFigure(0 if plan.measure is Measure.SUM and plan.kind is not Kind.MONEY else None,
                           Amount(0, vocabulary.currency) if _is_sum_of_money(plan) else None)  # fmt: skip
    if plan.measure is Measure.MIN:
        value = int(found.least[cells].min())
    elif plan.measure is Measure.MAX:
        value = int(found.greatest[cells].max())
    else:
        value = (sum(found.high[cells].tolist()) << 32) + sum(found.low[cells].tolist())
    if plan.measure is Measure.AVERAGE and plan.kind is Kind.MONEY:
        value = (2 * value + number) // (2 * number)
    if plan.kind is Kind.MONEY:
        return CountFigure(amount=Amount(value, vocabulary.currency))
    divisor = (NUMBER_SCALE if plan.kind is Kind.NUMBER else 1) * (number if plan.measure is Measure.AVERAGE else 1)
    return CountFigure(value if divisor == 1 else value / divisor)


def _is_sum_of_money(plan: Plan) -> bool:
    return plan.measure is Measure.SUM and plan.kind is Kind.MONEY


def _with_shares(asked: _Asked, rows: list[CountRow]) -> list[CountRow]:
    """The rows with shares in all who were active: in the group, or in all where groups are of the events."""
    scope, periods = asked.scope, asked.plan.periods
    own = bool(asked.groups) and not asked.plan.by
    size = len(asked.groups) if own else 1

    def active(groups: int) -> tuple[Ints, Ints]:
        found = scope.everyone.map(lambda part: customers(
            part.view, Events(), periods, codes_of(scope, part) if own and groups > 1 else np.minimum(
                codes_of(scope, part), 0), groups))  # fmt: skip
        return (np.sum([each for each, _ in found], axis=0).reshape(groups, periods.count),
                np.sum([whole for _, whole in found], axis=0))  # fmt: skip

    each, whole = active(1)
    groups = active(size) if own else (each, whole)
    shared = []
    for n, row in enumerate(rows):
        by, total = (groups[0][n], groups[1][n]) if own and row.group else (each[0], whole[0])
        figures = tuple(_shared(figure, int(of)) for figure, of in zip(row.figures, by, strict=True))
        shared.append(CountRow(row.group, figures, _shared(row.total, int(total))))
    return shared


def _shared(figure: CountFigure, of: int) -> CountFigure:
    return replace(figure, share=(figure.value or 0) / of if of else None)
