"""Measures over the events in a window: count, happened, folds over a property, and periods with an event.

A fold sees only the events whose property is known: an average is over those, the first is the first
of those. Sum and count of none are 0, the rest unknown. Sums are exact: int64 in engine units.
An average isn't an integer; comparing it never divides: sum and count are compared with the value
times each count that occurs, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from yutang.conditions.nodes import (
    Aggregate,
    Count,
    EachPeriod,
    Events,
    Fold,
    Happened,
    Last,
    Never,
    Op,
    Periods,
    Returned,
    Rolling,
    This,
    Value,
)
from yutang.conditions.vocabulary import NUMBER_SCALE, Kind
from yutang.kernel.errors import ConditionError
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation import points
from yutang.timeline.evaluation.algebra import (
    Spans,
    any_of,
    combine,
    constant,
    covered,
    depth,
    invert,
    mapped,
    over,
    paired,
    reduce,
    runs,
    shifted,
)
from yutang.timeline.evaluation.ask import Ask, Measure
from yutang.timeline.evaluation.inside import any_returned, covered_by_any
from yutang.timeline.evaluation.literals import engine_value, list_items
from yutang.timeline.evaluation.selection import Reach, Selected, as_kind
from yutang.timeline.evaluation.thresholds import threshold
from yutang.timeline.evaluation.windows import eligible, reach, spans
from yutang.timeline.kernels import folds, merges
from yutang.timeline.steps import ALL_TIME, UNKNOWN, Flags, Ints, Steps, Stretch
from yutang.timeline.view import Column

_PRODUCT_ABS_MAX = 2**62  # as whole numbers of 64 bits
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
    within = reach(node.window, ask.stretch, ask.calendar)
    if ask.stretch.point:
        return Measure(points.count(ask, node.events, within), Kind.INTEGER)
    each = [depth(spans(node.window, one, ask.calendar), ask.stretch) for one in ask.each(node.events, within)]
    return Measure(reduce(each, merges.TOTAL) if each else constant(ask.view.count, 0), Kind.INTEGER)


def compare_distinct(ask: Ask, node: Aggregate, op: Op, number: Fraction) -> Steps | None:
    """A number of different values op number, where only a threshold matters, at a point; None: count them."""
    least = threshold(op, number) if ask.stretch.point else None
    found = None if least is None else points.distinct_at_least(ask, node, least)
    return found if found is None or op in (Op.GE, Op.GT) else invert(found)


def happened(ask: Ask, node: Happened | Never) -> Steps:
    """Whether an event is in the window."""
    within = reach(node.window, ask.stretch, ask.calendar)
    if ask.stretch.point:
        return points.at_least(ask, node.events, within, 1)
    if isinstance(node.window, (This, Last)):
        each = [covered(spans(node.window, one, ask.calendar), ask.stretch) for one in ask.each(node.events, within)]
        return any_of(each, ask.view.count)
    width = node.window.ms if isinstance(node.window, Rolling) else NEVER
    parts = ask.inside(node.events, within)
    if len(parts) == 1:
        return parts[0].covered(width, ask.stretch)
    return covered_by_any(parts, ask.view.count, width, within, ask.stretch)


def never(ask: Ask, node: Never) -> Steps:
    """Whether no event is in the window."""
    return invert(happened(ask, node))


def returned(ask: Ask, node: Returned) -> Steps:
    """Whether an event is in the window whose predecessor lies at least the gap before it.

    At a point a walk over all types tells. Else, where each event covers the time from itself until just before the gap
    has passed, such an event begins a run of what is covered, and nothing is merged.
    """
    within = reach(node.window, ask.stretch, ask.calendar)
    if ask.stretch.point and node.gap_ms >= 1:
        parts = ask.inside(node.events, Reach(BEGINNING, within.until))
        return Steps.truths(any_returned(parts, ask.view.count, node.gap_ms, within))
    if node.gap_ms <= 1:
        return covered(spans(node.window, returns(ask, node), ask.calendar), ask.stretch)
    before = _gap_before(node, within)
    whole = Reach(before, within.until)
    parts = ask.inside(node.events, whole)
    held = runs(covered_by_any(parts, ask.view.count, node.gap_ms - 1, whole, ALL_TIME))
    back = Selected(held.offsets, held.start, held.start).keep(_not_first(ask, node, held.offsets, before))
    return covered(spans(node.window, eligible(node.window, back), ask.calendar), ask.stretch)


def returns(ask: Ask, node: Returned) -> Selected:
    """The events that come back after a gap and can be in the window; the first of a customer is none."""
    within = reach(node.window, ask.stretch, ask.calendar)
    before = _gap_before(node, within)
    selected = ask.select(node.events, None, Reach(before, within.until))
    back = _not_first(ask, node, selected.offsets, before)
    firsts = selected.offsets[:-1]
    apart = np.ones(len(back), np.bool_)
    apart[1:] = selected.at[1:] - selected.at[:-1] >= node.gap_ms
    apart[firsts[firsts < len(back)]] = True
    back &= apart
    return eligible(node.window, selected.keep(back))


def _gap_before(node: Returned, within: Reach) -> int:
    """What lies there or further back only matters as having been there at all."""
    return int(shifted(np.array([within.after], np.int64), -node.gap_ms)[0])


def _not_first(ask: Ask, node: Returned, offsets: Ints, before: int) -> Flags:
    """bool[rows]: whether there is an event before each, among those after an instant or up to it."""
    flags = np.ones(int(offsets[-1]), np.bool_)
    some = offsets[:-1] < offsets[1:]
    firsts = offsets[:-1][some]
    flags[firsts] = False
    if before > BEGINNING:
        flags[firsts] = points.at_least(ask, node.events, Reach(BEGINNING, before), 1).value[some] != 0
    return flags


def periods(ask: Ask, node: Periods | EachPeriod) -> Measure:
    """In how many of the last k complete periods there was an event."""
    at_point = points.periods(ask, node.events, node.unit, node.count) if ask.stretch.point else None
    if at_point is not None:
        return Measure(at_point, Kind.INTEGER)
    calendar, unit = ask.calendar, node.unit
    selected = ask.select(node.events, None, reach(Last(unit, node.count), ask.stretch, calendar))
    index = calendar.periods(selected.at, unit)
    fresh = np.ones(len(index), np.bool_)
    fresh[1:] = index[1:] != index[:-1]
    firsts = selected.offsets[:-1]
    fresh[firsts[firsts < len(index)]] = True
    selected, index = selected.keep(fresh), index[fresh]
    start, end = calendar.period_begins(index + 1, unit), calendar.period_begins(index + 1 + node.count, unit)
    return Measure(depth(Spans(selected.offsets, start, end), ask.stretch), Kind.INTEGER)


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
    gross = _folded(ask, node)
    if not node.net:
        return gross
    less = _folded(ask, _refunds(node))
    minus = Steps(less.steps.offsets, less.steps.at, -less.steps.value)
    return Measure(combine(gross.steps, minus, merges.TOTAL), gross.kind)


def _known(ask: Ask, node: Aggregate) -> Selected:
    """The events whose property is known, numeric where the fold counts, and that can be in the window."""
    selected = ask.select(node.events, node.property, reach(node.window, ask.stretch, ask.calendar))
    column = selected.with_values()
    if column.kind is Kind.STRING and node.fold in (Fold.SUM, Fold.AVG, Fold.MIN, Fold.MAX):
        column = as_kind(column, Kind.NUMBER)
        selected = Selected(selected.offsets, selected.at, selected.tie, column)
    return selected.keep(column.values != UNKNOWN)


def _refunds(node: Aggregate) -> Aggregate:
    if node.fold is not Fold.SUM or len(node.events.types) != 1 or node.events.types[0] not in NET_LESS:
        raise ConditionError(
            "condition.net_of_what",
            "only a sum over " + ", ".join(NET_LESS) + " has something to take off",
            remedy="write net(order_paid.amount …), or sum without net",
        )
    less = Events(types=(NET_LESS[node.events.types[0]],), where=node.events.where)
    return Aggregate(node.fold, less, node.property, node.window)


def _folded(ask: Ask, node: Aggregate) -> Measure:
    at_point = points.aggregate(ask, node) if ask.stretch.point else None
    return at_point or _fold(_known(ask, node), node, ask.calendar, ask.stretch)


def _fold(selected: Selected, node: Aggregate, calendar: Calendar, stretch: Stretch) -> Measure:
    column = selected.with_values()
    if node.fold is Fold.DISTINCT and column.kind is Kind.LIST:
        selected, column = _exploded(selected, column)
    inside = spans(node.window, selected, calendar)
    values, codes_count = column.values, 0
    if node.fold is Fold.DISTINCT:
        present, values = np.unique(values, return_inverse=True)
        codes_count = len(present)
    sign = -1 if node.fold is Fold.MIN else 1
    mode = folds.MAX if node.fold is Fold.MIN else _MODES[node.fold]
    steps = over(inside, values if sign > 0 else -values, mode, stretch, codes_count)
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
    at_point = points.average(ask, node) if ask.stretch.point else None
    if at_point is not None:
        total, number, kind = at_point
    else:
        selected = _known(ask, node)
        inside = spans(node.window, selected, ask.calendar)
        total = over(inside, selected.with_values().values, folds.SUM, ask.stretch)
        number, kind = depth(inside, ask.stretch), selected.with_values().kind
    joint, rows_total, rows_number = paired(total, number)
    return joint, total.value[rows_total], number.value[rows_number], kind


def compare_average(ask: Ask, node: Aggregate, op: Op, value: Value) -> Steps:
    """average op value, exactly; false where the property's kind doesn't compare with it."""
    joint, total, number, kind = _average(ask, node)
    than = engine_value(value, kind, ask.view.vocabulary.currency)
    if than is None:
        return constant(ask.count, 0)
    return mapped(joint, (number > 0) & _ratio_flags(total, number, op, than))


def _ratio_flags(total: Ints, number: Ints, op: Op, than: Fraction) -> Flags:
    """total / number op than, as total op than * number; the products are exact (Python's integers)."""
    most = int(number.max(initial=0))
    if abs(than) * max(1, most) < _PRODUCT_ABS_MAX and than.denominator == 1:
        floors = ceilings = number * int(than)
    else:
        counts, inverse = np.unique(number, return_inverse=True)
        products = [than * number for number in counts.tolist()]
        floors = np.array([_clipped(math.floor(product)) for product in products], np.int64)[inverse]
        ceilings = np.array([_clipped(math.ceil(product)) for product in products], np.int64)[inverse]
    compared: dict[Op, Callable[[], Flags]] = {
        Op.LT: lambda: total < ceilings,
        Op.LE: lambda: total <= floors,
        Op.GT: lambda: total > floors,
        Op.GE: lambda: total >= ceilings,
        Op.EQ: lambda: (total == floors) & (floors == ceilings),
        Op.NE: lambda: (total != floors) | (floors != ceilings),
    }
    return compared[op]() if op in compared else np.zeros(len(total), np.bool_)


def _clipped(number: int) -> int:
    return max(-(2**63) + 1, min(2**63 - 1, number))
