"""Stickiness: daily, weekly and monthly active customers, and how often they come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from yutang.conditions.nodes import Unit
from yutang.domains.insight.api.asking import Scoped, cell_value, events_asked, in_words, scoped
from yutang.domains.insight.api.ranges import (
    by_first_event,
    codes_of,
    count_asked,
    group_named,
    heads_of,
    number_in,
    only_known,
    period_named,
    range_asked,
    range_from,
    types_read,
)
from yutang.domains.insight.contracts.asking import Cell
from yutang.domains.insight.contracts.stickiness import (
    StickinessAnswer,
    StickinessDay,
    StickinessQuestion,
    StickinessRow,
)
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import instant_text
from yutang.runtime.desk import Desk
from yutang.timeline.everyone import Part
from yutang.timeline.questions.stickiness import MONTH_DAYS, WINDOWS_DAYS, Plan, active, in_window, on_days
from yutang.timeline.steps import Ints

DAYS_COUNT_MAX = 400


@dataclass(frozen=True)
class _Asked:
    """A question understood. shown: how many of the plan's days, at its end."""

    scope: Scoped
    plan: Plan
    shown: int
    types: Sequence[str]


def stickiness(desk: Desk, question: StickinessQuestion) -> StickinessAnswer:
    """The figures. Raises InvalidError for what is missing or out of range, ConditionError for conditions."""
    asked = _understood(desk, question)
    scope, plan = asked.scope, asked.plan
    names = scope.groups.names
    parts = scope.everyone.map(
        lambda part: active(part.view, plan, codes_of(scope, part), max(1, len(names))), asked.types
    )
    days = np.sum([one for one, _ in parts], axis=0)
    spread = np.sum([one for _, one in parts], axis=0)
    rows = [_row(asked, name, days[n], spread[n]) for n, name in enumerate(names)]
    rows.append(_row(asked, "", np.sum(days, axis=0), np.sum(spread, axis=0)))
    since = int(plan.days.begins[plan.days.count - asked.shown])
    return StickinessAnswer(replace(scope.asked, since=instant_text(since)), *in_words(desk, plan.events), tuple(rows))


def members(desk: Desk, question: StickinessQuestion, cell: Cell) -> Ints:
    """The heads of the customers behind a cell, ascending; see `StickinessAnswer`. Raises InvalidError."""
    only_known(cell, "day", "window", "active_days", "group")
    asked = _understood(desk, question)
    scope, plan = asked.scope, asked.plan
    group = group_named(scope.groups.names, cell["group"]) if cell.get("group") else None
    often = number_in(cell, "active_days", 1, MONTH_DAYS) if "active_days" in cell else None
    day = None if often is not None else period_named(plan.days, cell_value(cell, "day"))
    window = int(cell.get("window", "1")) if cell.get("window", "1") in {str(one) for one in WINDOWS_DAYS} else 0
    if not window:
        raise InvalidError(
            "insight.cell_unknown", f"there is no window of {cell['window']!r} days", where="cell.window",
            remedy="take 1, 7 or 30",
        )  # fmt: skip

    def chosen(part: Part) -> Ints:
        codes = codes_of(scope, part)
        flags = on_days(part.view, plan, often or 0) if day is None else in_window(part.view, plan, day, window)
        return heads_of(scope, part, flags & (codes >= 0 if group is None else codes == group))

    return np.sort(np.concatenate(scope.everyone.map(chosen, asked.types)))


def _understood(desk: Desk, question: StickinessQuestion) -> _Asked:
    scope = scoped(desk, question.scope)
    events = events_asked(question.events, scope.vocabulary, "events")
    shown = range_asked(scope, Unit.DAY, count_asked(question.days, DAYS_COUNT_MAX, "days"), DAYS_COUNT_MAX)
    # The days before the range are seen too: a window of thirty days says the same on every day.
    since = scope.calendar.period_begins(np.array([max(shown.first - MONTH_DAYS + 1, 0)]), Unit.DAY)
    days = range_from(scope, Unit.DAY, int(since[0]))
    types = types_read(desk, events)
    scope = by_first_event(scope, events, question.scope.groups, types)
    return _Asked(scope, Plan(events, days), shown.count, types)


def _row(asked: _Asked, name: str, days: Ints, spread: Ints) -> StickinessRow:
    periods = asked.plan.days
    start = periods.count - asked.shown
    found = [
        _day(label, days[:, place], complete)
        for place, (label, complete) in enumerate(zip(periods.names, periods.complete, strict=True))
        if place >= start
    ]
    came = int(spread.sum())
    average = float((spread * np.arange(1, MONTH_DAYS + 1)).sum()) / came if came else None
    ratios = [one.daily_of_monthly for one in found if one.complete and one.daily_of_monthly is not None]
    return StickinessRow(name, tuple(found), tuple(spread.tolist()), average, _mean(ratios))


def _day(day: str, counts: Ints, complete: bool) -> StickinessDay:
    daily, weekly, monthly = counts.tolist()
    return StickinessDay(
        day, daily, weekly, monthly, _ratio(daily, weekly), _ratio(daily, monthly), _ratio(weekly, monthly), complete
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
