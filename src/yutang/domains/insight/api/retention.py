"""Retention: cohorts of those who begin, and how many of them come back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from yutang.conditions.nodes import Unit
from yutang.domains.audience.api.evaluating import POINT_CUSTOMERS_AT_ONCE_MAX
from yutang.domains.insight.api.asking import Scoped, events_asked, in_words, scoped
from yutang.domains.insight.api.ranges import (
    by_value,
    came_in,
    codes_of,
    count_asked,
    group_named,
    heads_of,
    known_property,
    number_in,
    only_known,
    period_named,
    range_asked,
    types_read,
    unit_asked,
)
from yutang.domains.insight.contracts.asking import Cell
from yutang.domains.insight.contracts.retention import (
    RetentionAnswer,
    RetentionCell,
    RetentionLine,
    RetentionQuestion,
    RetentionRow,
)
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import DAY_MS, instant_text
from yutang.runtime.desk import Desk
from yutang.timeline.everyone import Part
from yutang.timeline.questions.retention import Beginning, Members, Plan, figures, members_of
from yutang.timeline.steps import Ints

SHOWN_COUNT_MAX = 120  # periods
COHORTS_COUNT_MAX = 400
RETURNS_COUNT_MAX = 8
COHORTS_BACK_COUNT = 12  # without `since`, where periods are a customer's own
OWN_DAYS_MAX = 3_650
ANY = "any"
_DAYS = re.compile(r"(\d{1,4})\s*d")


@dataclass(frozen=True)
class _Asked:
    """A question understood."""

    scope: Scoped
    plan: Plan
    types: Sequence[str]


@dataclass(frozen=True)
class _Found:
    """The memberships of a part; cells: the place of each among groups x cohorts, -1 for those that don't count."""

    part: Part
    members: Members
    cells: Ints


def retention(desk: Desk, question: RetentionQuestion) -> RetentionAnswer:
    """The figures. Raises InvalidError for what is missing or out of range, ConditionError for conditions."""
    asked = _understood(desk, question)
    plan, scope = asked.plan, asked.scope
    cohorts = plan.cohorts.count
    if plan.prop is None:
        groups = scope.groups.names
        cells = max(1, len(groups)) * cohorts
        tallies = scope.everyone.map(
            lambda part: figures(part.view, plan, codes_of(scope, part), max(1, len(groups))),
            asked.types,
            POINT_CUSTOMERS_AT_ONCE_MAX,
        )
    else:
        found, groups = _by_property(asked, question)
        cells = max(1, len(groups)) * cohorts
        tallies = [_tallied(one, cells, plan.shown) for one in found]
    sizes = sum((one for one, _ in tallies), np.zeros(cells, np.int64))
    counts = sum((one for _, one in tallies), np.zeros_like(tallies[0][1]))
    returns = [in_words(desk, one) for one in plan.returns]
    return RetentionAnswer(
        replace(scope.asked, since=instant_text(plan.cohorts.since_ms), groups=groups),
        *in_words(desk, plan.begin),
        tuple(text for text, _ in returns),
        tuple(title for _, title in returns),
        question.per,
        plan.beginning.value,
        plan.later,
        tuple(_rows(plan, groups, sizes.reshape(-1, cohorts), counts)),
    )


def members(desk: Desk, question: RetentionQuestion, cell: Cell) -> Ints:
    """The heads of the customers behind a cell, ascending; see `RetentionAnswer`. Raises InvalidError."""
    only_known(cell, "cohort", "group", "period", "returns", "came")
    asked = _understood(desk, question)
    plan, scope = asked.plan, asked.scope
    cohort = period_named(plan.cohorts, cell["cohort"], "cohort") if cell.get("cohort") else None
    period = number_in(cell, "period", 0, plan.shown - 1) if "period" in cell else None
    returns = _returns_named(plan, cell)
    came = came_in(cell)
    if plan.prop is None:
        found, groups = scope.everyone.map(lambda part: _found(asked, part), asked.types), scope.groups.names
    else:
        found, groups = _by_property(asked, question)
    group = group_named(groups, cell["group"]) if cell.get("group") else None
    complete = plan.complete()
    chosen = []
    for one in found:
        mine = one.cells >= 0
        place = one.cells % plan.cohorts.count
        if cohort is not None:
            mine &= place == cohort
        elif period is not None:
            mine &= complete[place, period]
        if group is not None:
            mine &= one.cells // plan.cohorts.count == group
        if period is not None:
            mine &= one.members.returned(returns, period) == came
        flags = np.zeros(one.part.view.count, np.bool_)
        flags[one.members.owner[mine]] = True
        chosen.append(heads_of(scope, one.part, flags))
    return np.sort(np.concatenate(chosen))


def _returns_named(plan: Plan, cell: Cell) -> int:
    """The place of a set of returns among the masks; without its number, of the only one or of any of them."""
    count = len(plan.returns)
    if cell.get("returns", ANY) == ANY:
        return count if count > 1 else 0
    return number_in(cell, "returns", 1, count) - 1


def _understood(desk: Desk, question: RetentionQuestion) -> _Asked:
    scope = scoped(desk, question.scope)
    vocabulary = scope.vocabulary
    begin = events_asked(question.begin, vocabulary, "begin")
    returns = tuple(events_asked(text, vocabulary, f"returns[{n}]") for n, text in enumerate(question.returns))
    if len(returns) > RETURNS_COUNT_MAX:
        raise InvalidError(
            "insight.returns_too_many", f"{len(returns)} sets of returning events; at most {RETURNS_COUNT_MAX}",
            where="returns", remedy="unite some: `a | b` is one set",
        )  # fmt: skip
    shown = count_asked(question.periods, SHOWN_COUNT_MAX, "periods")
    unit, width_ms = _periods_asked(question)
    cohorts = range_asked(scope, unit, COHORTS_BACK_COUNT if width_ms else shown, COHORTS_COUNT_MAX)
    try:
        beginning = Beginning(question.beginning)
    except ValueError:
        raise InvalidError(
            "insight.beginning_unknown", f"{question.beginning!r} says not what begins a cohort", where="beginning",
            remedy="write " + ", ".join(Beginning),
        ) from None  # fmt: skip
    prop = scope.groups.prop or None
    if prop:
        known_property(begin, prop, vocabulary, "by")
    plan = Plan(begin, returns or (begin,), cohorts, shown, beginning, width_ms, question.later, prop)
    return _Asked(scope, plan, types_read(desk, begin, *returns))


def _periods_asked(question: RetentionQuestion) -> tuple[Unit, int]:
    """(the calendar period of cohorts, the width of periods of a customer's own or 0)."""
    own = _DAYS.fullmatch(question.per.strip())
    if own is None:
        unit = unit_asked(question.per)
        if question.cohorts not in ("", unit.value):
            raise InvalidError(
                "insight.cohorts_fixed", f"cohorts by {question.cohorts} can't be seen by calendar {unit.value}",
                where="cohorts", remedy="leave it out, or count periods from the beginning: per `7d`",
            )  # fmt: skip
        return unit, 0
    return unit_asked(question.cohorts or Unit.MONTH, "cohorts"), count_asked(int(own[1]), OWN_DAYS_MAX, "per") * DAY_MS


def _found(asked: _Asked, part: Part) -> _Found:
    found = members_of(part.view, asked.plan)
    codes = codes_of(asked.scope, part)[found.owner]
    return _Found(part, found, np.where(codes >= 0, codes * asked.plan.cohorts.count + found.cohort, -1))


def _by_property(asked: _Asked, question: RetentionQuestion) -> tuple[list[_Found], tuple[str, ...]]:
    """The memberships of all parts, in groups by a property of their beginning event."""
    found = asked.scope.everyone.map(lambda part: _found(asked, part), asked.types)
    columns = [one.members.column_of(one.cells >= 0) for one in found]
    codes, groups = by_value(columns, asked.scope, question.scope.groups)
    placed = []
    for one, code in zip(found, codes, strict=True):
        cells = one.cells.copy()
        cells[cells >= 0] += code * asked.plan.cohorts.count
        placed.append(replace(one, cells=cells))
    return placed, groups


def _tallied(found: _Found, cells: int, shown: int) -> tuple[Ints, Ints]:
    return found.members.sizes(found.cells, cells), found.members.counts(found.cells, cells, shown)


def _rows(plan: Plan, groups: Sequence[str], sizes: Ints, counts: Ints) -> list[RetentionRow]:
    """A row for each cohort of each group, and one for all cohorts of it. sizes: [groups, cohorts]."""
    cohorts = plan.cohorts.count
    complete, begun = plan.complete(), plan.begun()
    counts = counts.reshape(len(counts), len(sizes), cohorts, plan.shown)
    names = plan.cohorts.names
    rows = []
    for group in range(len(sizes)):
        name = groups[group] if groups else ""
        for cohort in range(cohorts):
            size = int(sizes[group, cohort])
            number = int(begun[cohort].sum())
            cells = [
                [_cell(int(counts[r, group, cohort, k]), size, bool(complete[cohort, k])) for k in range(number)]
                for r in range(len(counts))
            ]
            rows.append(RetentionRow(names[cohort], name, size, _lines(plan, cells)))
        of = (sizes[group][:, None] * complete).sum(axis=0)
        came = (counts[:, group] * complete).sum(axis=1)
        number = int(begun.any(axis=0).sum())
        averages = [
            [_cell(int(came[r, k]), int(of[k]), bool(complete[:, k].any())) for k in range(number)]
            for r in range(len(counts))
        ]
        rows.append(RetentionRow("", name, int(sizes[group].sum()), _lines(plan, averages)))
    return rows


def _cell(customers: int, of: int, complete: bool) -> RetentionCell:
    return RetentionCell(customers, of, customers / of if of else None, complete)


def _lines(plan: Plan, cells: Sequence[Sequence[RetentionCell]]) -> tuple[RetentionLine, ...]:
    names = [str(number) for number in range(1, len(plan.returns) + 1)] + [ANY]
    return tuple(RetentionLine(name, tuple(found)) for name, found in zip(names, cells, strict=False))
