"""Measures over the events in a window: count, happened, folds over a property, and periods with an event.

A fold sees only the events whose property is known: an average is over those, the first is the first
of those. Sum and count of none are 0, the rest unknown. Sums are exact: int64 in engine units.
An average isn't an integer; comparing it never divides: sum and count are compared with the value
times each count that occurs, exactly.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from yutang.conditions.nodes import Aggregate, Count, EachPeriod, Events, Fold, Happened, Never, Op, Periods, Returned
from yutang.conditions.vocabulary import NUMBER_SCALE, Kind
from yutang.kernel.errors import ConditionError
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.algebra import Spans, combine, covered, depth, invert, mapped, paired
from yutang.timeline.evaluation.ask import Ask, Measure
from yutang.timeline.evaluation.literals import list_items
from yutang.timeline.evaluation.selection import Selected, as_kind
from yutang.timeline.evaluation.windows import eligible, spans
from yutang.timeline.kernels import folds, merges
from yutang.timeline.steps import UNKNOWN, Flags, Ints, Steps
from yutang.timeline.view import Column

# What `net` takes off: the refunds of orders.
NET_LESS = {"order_paid": "order_refunded"}
_MODES = {
    Fold.SUM: folds.SUM,
    Fold.MAX: folds.MAX,
    Fold.FIRST: folds.FIRST,
    Fold.LAST: folds.LAST,
    Fold.DISTINCT: folds.DISTINCT,
}


def count(ask: Ask, node: Count) -> Measure:
    """How many events are in the window."""
    inside = spans(node.window, eligible(node.window, ask.select(node.events)), ask.calendar)
    return Measure(depth(inside), Kind.INTEGER)


def happened(ask: Ask, node: Happened | Never) -> Steps:
    """Whether an event is in the window."""
    return covered(spans(node.window, eligible(node.window, ask.select(node.events)), ask.calendar))


def never(ask: Ask, node: Never) -> Steps:
    """Whether no event is in the window."""
    return invert(happened(ask, node))


def returned(ask: Ask, node: Returned) -> Steps:
    """Whether an event is in the window whose predecessor lies at least the gap before it."""
    return covered(spans(node.window, returns(ask, node), ask.calendar))


def returns(ask: Ask, node: Returned) -> Selected:
    """The events that come back after a gap and can be in the window; the first of a customer is none."""
    selected = ask.select(node.events)
    back = np.zeros(len(selected.at), np.bool_)
    back[1:] = selected.at[1:] - selected.at[:-1] >= node.gap_ms
    firsts = selected.offsets[:-1]
    back[firsts[firsts < len(back)]] = False
    return eligible(node.window, selected.keep(back))


def periods(ask: Ask, node: Periods | EachPeriod) -> Measure:
    """In how many of the last k complete periods there was an event."""
    selected, calendar, unit = ask.select(node.events), ask.calendar, node.unit
    index = calendar.periods(selected.at, unit)
    fresh = np.ones(len(index), np.bool_)
    fresh[1:] = index[1:] != index[:-1]
    firsts = selected.offsets[:-1]
    fresh[firsts[firsts < len(index)]] = True
    selected, index = selected.keep(fresh), index[fresh]
    start, end = calendar.period_begins(index + 1, unit), calendar.period_begins(index + 1 + node.count, unit)
    return Measure(depth(Spans(selected.offsets, start, end)), Kind.INTEGER)


def each_period(ask: Ask, node: EachPeriod) -> Steps:
    """Whether there was an event in each of the last k complete periods."""
    found = periods(ask, node).steps
    return mapped(found, found.value >= node.count)


def aggregate(ask: Ask, node: Aggregate) -> Measure:
    """A fold over a property of the events in the window. An average is in NUMBER (of integers) or engine units,
    rounded down: for reading, not for comparing (`average_flags`)."""
    if node.fold is Fold.AVG:
        joint, total, number, kind = _average(ask, node)
        scale = NUMBER_SCALE if kind is Kind.INTEGER else 1
        whole, rest = np.divmod(total, np.maximum(number, 1))
        value = np.where(number > 0, whole * scale + rest * scale // np.maximum(number, 1), UNKNOWN)
        return Measure(mapped(joint, value), Kind.NUMBER if kind is Kind.INTEGER else kind)
    selected = _known(ask, node)
    if not node.net:
        return _fold(selected, node, ask.calendar)
    gross, less = _fold(selected, node, ask.calendar), _fold(_known(ask, _refunds(node)), node, ask.calendar)
    minus = Steps(less.steps.offsets, less.steps.at, -less.steps.value)
    return Measure(combine(gross.steps, minus, merges.TOTAL), gross.kind)


def _known(ask: Ask, node: Aggregate) -> Selected:
    """The events whose property is known, numeric where the fold counts, and that can be in the window."""
    selected = ask.select(node.events, node.property)
    column = selected.with_values()
    if column.kind is Kind.STRING and node.fold in (Fold.SUM, Fold.AVG, Fold.MIN, Fold.MAX):
        column = as_kind(column, Kind.NUMBER)
        selected = Selected(selected.offsets, selected.at, selected.tie, column)
    return eligible(node.window, selected.keep(column.values != UNKNOWN))


def _refunds(node: Aggregate) -> Aggregate:
    if node.fold is not Fold.SUM or len(node.events.types) != 1 or node.events.types[0] not in NET_LESS:
        raise ConditionError(
            "condition.net_of_what",
            "only a sum over " + ", ".join(NET_LESS) + " has something to take off",
            remedy="write net(order_paid.amount …), or sum without net",
        )
    less = Events(types=(NET_LESS[node.events.types[0]],), where=node.events.where)
    return Aggregate(node.fold, less, node.property, node.window)


def _fold(selected: Selected, node: Aggregate, calendar: Calendar) -> Measure:
    column = selected.with_values()
    inside = spans(node.window, selected, calendar)
    if node.fold is Fold.DISTINCT and column.kind is Kind.LIST:
        selected, column = _exploded(selected, column)
        inside = spans(node.window, selected, calendar)
    values, codes_count = column.values, 0
    if node.fold is Fold.DISTINCT:
        present, values = np.unique(values, return_inverse=True)
        codes_count = len(present)
    sign = -1 if node.fold is Fold.MIN else 1
    mode = folds.MAX if node.fold is Fold.MIN else _MODES[node.fold]
    end = np.maximum(inside.start, inside.end)
    steps = Steps.of(folds.fold(inside.offsets, inside.start, end, values if sign > 0 else -values, mode, codes_count))
    if node.fold is Fold.MIN:
        steps = Steps(steps.offsets, steps.at, np.where(steps.value == UNKNOWN, UNKNOWN, -steps.value))
    if node.fold is Fold.DISTINCT:
        return Measure(steps, Kind.INTEGER)
    return Measure(steps, column.kind, column.words if node.fold in (Fold.FIRST, Fold.LAST) else ())


def _exploded(selected: Selected, column: Column) -> tuple[Selected, Column]:
    """A row for each element of each list: distinct counts elements."""
    codes: dict[str, int] = {}
    present, inverse = np.unique(column.values, return_inverse=True)
    items = [[codes.setdefault(item, len(codes)) for item in list_items(column.words[code])] for code in present]
    lengths = np.array([len(item) for item in items], np.int64)[inverse]
    before = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=before[1:])
    rows = np.repeat(np.arange(len(lengths)), lengths)
    flat = np.array([code for word in inverse.tolist() for code in items[word]], np.int64)
    exploded = Column(Kind.STRING, flat, list(codes))
    return Selected(before[selected.offsets], selected.at[rows], selected.tie[rows], exploded), exploded


def _average(ask: Ask, node: Aggregate) -> tuple[Steps, Ints, Ints, Kind]:
    """(function that changes with either, sum on each row, count on each row, kind of the property)."""
    selected = _known(ask, node)
    inside = spans(node.window, selected, ask.calendar)
    column = selected.with_values()
    total = Steps.of(folds.fold(inside.offsets, inside.start, inside.end, column.values, folds.SUM, 0))
    number = depth(inside)
    joint, rows_total, rows_number = paired(total, number)
    return joint, total.value[rows_total], number.value[rows_number], column.kind


def average_kind(ask: Ask, node: Aggregate) -> Kind:
    """The kind of the property that is averaged: what a value is converted to."""
    return _known(ask, node).with_values().kind


def compare_average(ask: Ask, node: Aggregate, op: Op, than: Fraction) -> Steps:
    """average op than, exactly. than: in units of `average_kind`."""
    joint, total, number, _ = _average(ask, node)
    return mapped(joint, (number > 0) & _ratio_flags(total, number, op, than))


def _ratio_flags(total: Ints, number: Ints, op: Op, than: Fraction) -> Flags:
    """total / number op than, as total op than * number; the products are exact (Python's integers)."""
    counts, inverse = np.unique(number, return_inverse=True)
    products = [than * number for number in counts.tolist()]
    floors = np.array([_clipped(math.floor(product)) for product in products], np.int64)[inverse]
    ceilings = np.array([_clipped(math.ceil(product)) for product in products], np.int64)[inverse]
    flags: Flags = {
        Op.LT: total < ceilings,
        Op.LE: total <= floors,
        Op.GT: total > floors,
        Op.GE: total >= ceilings,
        Op.EQ: (total == floors) & (floors == ceilings),
        Op.NE: (total != floors) | (floors != ceilings),
    }.get(op, np.zeros(len(total), np.bool_))
    return flags


def _clipped(number: int) -> int:
    return max(-(2**63) + 1, min(2**63 - 1, number))
