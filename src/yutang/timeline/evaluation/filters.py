"""Which rows of one track satisfy the filter of an event set: row by row, with no notion of time.

Only properties may be compared here; `not`, `all`, `any`, `at least` combine flags. Cost: one pass over
the rows for each comparison, over distinct words for texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from yutang.conditions.nodes import (
    All,
    Always,
    Any,
    AtLeast,
    Compare,
    Not,
    OneOf,
    Op,
    Property,
    Subject,
    Test,
    Unknown,
)
from yutang.conditions.vocabulary import Kind
from yutang.kernel.errors import ConditionError
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.literals import compare_column
from yutang.timeline.steps import UNKNOWN, Flags
from yutang.timeline.view import Column


def properties_of(test: Test) -> Iterator[str]:
    """The properties that a filter compares."""
    if isinstance(test, (Compare, OneOf, Unknown)):
        yield _name(test.subject)
    elif isinstance(test, Not):
        yield from properties_of(test.test)
    elif isinstance(test, (All, Any, AtLeast)):
        for part in test.tests:
            yield from properties_of(part)


def row_flags(test: Test, rows: int, columns: Mapping[str, Column], calendar: Calendar, currency: str) -> Flags:
    """bool[rows]: where the filter holds."""
    if isinstance(test, Compare):
        return compare_column(columns[_name(test.subject)], test.op, test.value, calendar, currency)
    if isinstance(test, OneOf):
        column = columns[_name(test.subject)]
        op = Op.CONTAINS if column.kind is Kind.LIST else Op.EQ
        found = np.zeros(rows, np.bool_)
        for value in test.values:
            found |= compare_column(column, op, value, calendar, currency)
        return found
    if isinstance(test, Unknown):
        unknown: Flags = columns[_name(test.subject)].values == UNKNOWN
        return unknown
    if isinstance(test, Not):
        return ~row_flags(test.test, rows, columns, calendar, currency)
    if isinstance(test, (All, Any, AtLeast)):
        held = np.zeros(rows, np.int64)
        for part in test.tests:
            held += row_flags(part, rows, columns, calendar, currency)
        needed = len(test.tests) if isinstance(test, All) else 1 if isinstance(test, Any) else test.count
        return held >= needed
    if isinstance(test, Always):
        return np.ones(rows, np.bool_)
    raise _misplaced(test)


def _name(subject: Subject) -> str:
    if isinstance(subject, Property):
        return subject.name
    raise _misplaced(subject)


def _misplaced(node: Test | Subject) -> ConditionError:
    return ConditionError(
        "condition.not_in_filter",
        f"{type(node).__name__} can't stand in the filter of an event set",
        remedy="compare properties of the event there, and combine tests outside with and, or, not",
    )
