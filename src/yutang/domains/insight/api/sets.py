"""The customers behind figures: any question with a cell is a set, which can be listed and compared with another.

A kind of question is registered by one field of `SetOf` and one entry of `_MEMBERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from pyroaring import BitMap

from yutang.conditions.grammar import parse
from yutang.conditions.nodes import InLabel, Test
from yutang.domains.audience.api import questions
from yutang.domains.audience.api.evaluating import POINT_CUSTOMERS_AT_ONCE_MAX, everyone, point, read_for
from yutang.domains.audience.api.histories import membership_then
from yutang.domains.customers import api as customers
from yutang.domains.insight.api import (
    comparing,
    counts,
    flow,
    funnel,
    paths,
    recency,
    repurchase,
    retention,
    rfm,
    series,
    stickiness,
    value,
)
from yutang.domains.insight.api.asking import said_in, scoped
from yutang.domains.insight.api.ranges import only_known
from yutang.domains.insight.contracts.asking import Cell, Scope
from yutang.domains.insight.contracts.sets import (
    CompareAnswer,
    CompareQuestion,
    ConditionQuestion,
    CustomersAnswer,
    CustomersQuestion,
    SetOf,
)
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import instant_text
from yutang.kernel.limits import PAGE_ROWS_COUNT_MAX
from yutang.runtime.desk import Desk
from yutang.timeline.evaluate import Evaluation
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.view import View

CURSOR_DIGITS_MAX = 18
DEPTH_MAX = 4  # of sets of sets: each level asks twice as many questions

Members = Callable[[Desk, Any, Cell], Ints]


def condition_members(desk: Desk, question: ConditionQuestion, cell: Cell) -> Ints:
    """Who satisfies a condition, of those whom the scope is about; heads, ascending. Raises ConditionError, and
    InvalidError for what isn't remembered as it was known then."""
    only_known(cell)
    asked = scoped(desk, question.scope)
    with said_in("condition"):
        test, until = parse(question.condition, asked.vocabulary), asked.until_ms
    if question.known_at:
        known_at = questions.checked_instant(question.known_at, "known_at")
        then = membership_then(desk, *_membership(test), until, known_at).heads
        return np.intersect1d(asked.everyone.heads[asked.who], then, assume_unique=True)
    context = point(desk.epoch, until)

    def holds(view: View) -> tuple[Flags]:
        return (Evaluation(view, context).truth(test, asked.calendar.name).values_at(until) == 1,)

    (truth,) = asked.everyone.columns(holds, read_for(desk.epoch, [test]), POINT_CUSTOMERS_AT_ONCE_MAX)
    return asked.everyone.heads[asked.who & truth]


def _membership(test: Test) -> tuple[str, str]:
    """The label and value that a condition asks about. Raises InvalidError if it asks anything else."""
    if isinstance(test, InLabel) and test.for_ms is None and test.at is None:
        return test.label, test.value
    raise InvalidError(
        "insight.not_remembered", "what was known then is remembered of labels alone", where="condition",
        remedy='ask for a membership such as in(aipl, "P"), or leave known_at out',
    )  # fmt: skip


def compare_members(desk: Desk, question: CompareQuestion, cell: Cell) -> Ints:
    """A part of two sets; heads, ascending. Raises InvalidError."""
    return comparing.part(desk, *_pair(desk, question), cell, _compared_at(desk, question))


# By the name of the field of `SetOf`: the heads behind a cell, ascending.
_MEMBERS: Mapping[str, Members] = {
    "retention": retention.members,
    "rfm": rfm.members,
    "value": value.members,
    "recency": recency.members,
    "repurchase": repurchase.members,
    "stickiness": stickiness.members,
    "count": counts.members,
    "condition": condition_members,
    "flow": flow.members,
    "funnel": funnel.members,
    "paths": paths.members,
    "series": series.members,
    "compare": compare_members,
}


def members(desk: Desk, one: SetOf) -> Ints:
    """The customers of a set by their heads, ascending. Raises InvalidError unless exactly one question is given, and
    what the question itself raises."""
    _check_depth(one)
    kind = kind_of(one)
    return _MEMBERS[kind](desk, getattr(one, kind), one.cell)


def _check_depth(one: SetOf) -> None:
    level = [one]
    for _ in range(DEPTH_MAX):
        level = [inner for each in level if each.compare for inner in (each.compare.a, each.compare.b)]
        if not level:
            return
    raise InvalidError(
        "insight.set_depth", f"sets of sets are nested deeper than {DEPTH_MAX}", where="set",
        remedy="save the inner ones, and compare those",
    )  # fmt: skip


def compare(desk: Desk, question: CompareQuestion) -> CompareAnswer:
    """Two sets: how many are in both and in one alone, and by what they differ. Raises what `members` raises."""
    a, b = _pair(desk, question)
    instant = _compared_at(desk, question)
    found = comparing.differences(desk, a, b, instant)
    return CompareAnswer(
        instant_text(instant), len(a), len(b), len(a & b), len(a - b), len(b - a),
        population(desk, Scope(as_of=instant_text(instant))),
        tuple(found[: max(0, min(question.limit, PAGE_ROWS_COUNT_MAX))]),
    )  # fmt: skip


def _pair(desk: Desk, question: CompareQuestion) -> tuple[BitMap, BitMap]:
    return BitMap(members(desk, question.a)), BitMap(members(desk, question.b))


def _compared_at(desk: Desk, question: CompareQuestion) -> int:
    """When labels and traits are looked at."""
    if question.as_of:
        return questions.instant_asked(desk, question.as_of)
    return max(questions.instant_asked(desk, scope_of(one).as_of) for one in (question.a, question.b))


def kind_of(one: SetOf) -> str:
    """Which question a set is of. Raises InvalidError unless there is exactly one."""
    given = [field.name for field in fields(one) if field.name != "cell" and getattr(one, field.name) is not None]
    if len(given) != 1:
        named = ", ".join(sorted(_MEMBERS))
        raise InvalidError(
            "insight.set_question", f"a set is of one question, here are {len(given)}", where="set",
            remedy=f"give one of {named}",
        )  # fmt: skip
    return given[0]


def page(desk: Desk, question: CustomersQuestion) -> CustomersAnswer:
    """A set's size, and a page of its customers. Raises what `members` raises."""
    after = _head_after(question.cursor)
    heads = members(desk, question.set)
    start = int(np.searchsorted(heads, after, side="right"))
    limit = max(0, min(question.limit, PAGE_ROWS_COUNT_MAX))
    shown = heads[start : start + limit]
    more = bool(len(shown)) and start + limit < len(heads)
    return CustomersAnswer(
        len(heads),
        population(desk, scope_of(question.set)),
        tuple(customers.customer_ids(desk.epoch, shown)),
        str(shown[-1]) if more else "",
    )


def scope_of(one: SetOf) -> Scope:
    """The scope of a set's question."""
    scope: Scope = getattr(one, kind_of(one)).scope
    return scope


def population(desk: Desk, scope: Scope) -> int:
    """How many customers count at the scope's `as_of`, whatever it is about."""
    until = questions.instant_asked(desk, scope.as_of)
    (counted,) = everyone(desk.epoch).columns(lambda view: (view.first_seen() <= until,), ())
    return int(counted.sum())


def _head_after(cursor: str) -> int:
    if cursor and not (cursor.isdecimal() and len(cursor) <= CURSOR_DIGITS_MAX):
        raise InvalidError(
            "page.cursor", "this isn't a cursor of ours", where="cursor", remedy="use `next` of the page before"
        )
    return int(cursor) if cursor else -1
