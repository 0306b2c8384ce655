"""Any subject against any value: the one place that knows how each subject is compared."""

from __future__ import annotations

from fractions import Fraction

from yutang.conditions.nodes import (
    Age,
    Aggregate,
    Anniversary,
    Compare,
    Due,
    Fold,
    Number,
    OneOf,
    Op,
    Since,
    Span,
    Subject,
    Unknown,
    Value,
)
from yutang.conditions.vocabulary import Kind
from yutang.timeline.evaluation import points
from yutang.timeline.evaluation.algebra import constant, either, invert, known, mapped
from yutang.timeline.evaluation.ask import Ask
from yutang.timeline.evaluation.dates import compare_timed, timed
from yutang.timeline.evaluation.literals import compare_column, compare_ints, fraction
from yutang.timeline.evaluation.measures import compare_average, compare_distinct
from yutang.timeline.evaluation.thresholds import thresholds
from yutang.timeline.steps import UNKNOWN, Steps


def compare(ask: Ask, node: Compare) -> Steps:
    """subject op value; false where the subject is unknown."""
    asked = thresholds(node, ask.stretch, ask.calendar) if ask.stretch.point else None
    if asked is not None:
        return points.by_thresholds(ask, asked)
    return _compared(ask, node.subject, node.op, node.value)


def one_of(ask: Ask, node: OneOf) -> Steps:
    """subject = one of the values; a list: contains one of them."""
    found = constant(ask.count, 0)
    for value in node.values:
        found = either(found, _compared(ask, node.subject, _equality(ask, node.subject), value))
    return found


def unknown(ask: Ask, node: Unknown) -> Steps:
    """Whether the subject has no value."""
    subject = node.subject
    if isinstance(subject, (Since, Due, Age, Anniversary)):
        return invert(timed(ask, subject).known)
    return invert(known(ask.measure(subject).steps))


def _equality(ask: Ask, subject: Subject) -> Op:
    if isinstance(subject, (Since, Due, Age, Anniversary)):
        return Op.EQ
    return Op.CONTAINS if ask.measure(subject).kind is Kind.LIST else Op.EQ


def _compared(ask: Ask, subject: Subject, op: Op, value: Value) -> Steps:
    if isinstance(subject, (Since, Due, Age, Anniversary)):
        than = _moved_value(subject, value)
        if than is None:
            return constant(ask.count, 0)
        if not ask.stretch.point or isinstance(subject, Age):
            return compare_timed(timed(ask, subject), op, than)
        values = ask.reading(subject, ask.stretch.end).values
        return Steps.truths((values != UNKNOWN) & compare_ints(values, op, than))
    if isinstance(subject, Aggregate) and subject.fold is Fold.AVG:
        return compare_average(ask, subject, op, value)
    if isinstance(subject, Aggregate) and subject.fold is Fold.DISTINCT and isinstance(value, Number):
        found = compare_distinct(ask, subject, op, fraction(value.value))
        if found is not None:
            return found
    measure = ask.measure(subject)
    flags = compare_column(measure.column(), op, value, ask.calendar, ask.view.vocabulary.currency)
    return mapped(measure.steps, flags)


def _moved_value(subject: Since | Due | Age | Anniversary, value: Value) -> Fraction | None:
    """What a subject that time moves is compared with: an age with a number, the others with a span."""
    if isinstance(subject, Age):
        return fraction(value.value) if isinstance(value, Number) else None
    return Fraction(value.ms) if isinstance(value, Span) else None
