"""The events of a set: those of its types that satisfy its filter, merged in (at, tie) order.

A set names types, or a mark (which a type may bear only where a property has certain values), or is
all events but state events. Filters run on each track apart, since a property may be of another kind
there; only what passes is merged, pairwise, linearly.

Invariant: rows of a customer ascend by (at, tie); rows equal in both stand in the order of their types'
names. A property takes the kind that it has in the first type (by name) that has it; integers among
numbers become numbers; what has another kind there is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yutang.conditions.nodes import Events, Flag, Number, OneOf, Property, Text, Value
from yutang.conditions.vocabulary import NUMBER_SCALE, STATE_EVENTS, Kind, Mark, MarkRule
from yutang.kernel.errors import ConditionError
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline import columns
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.algebra import kept_offsets
from yutang.timeline.evaluation.filters import properties_of, row_flags
from yutang.timeline.evaluation.literals import number_of
from yutang.timeline.evaluation.narrowing import lying, rows_count, taken
from yutang.timeline.kernels import intervals, merges
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.view import Column, Slice, View

_EMPTY: Ints = np.empty(0, np.int64)
_WORDS = (Kind.STRING, Kind.LIST)
_NUMBER_ABS_MAX = 2**62  # of a text read as a number, in millionths


@dataclass(frozen=True, slots=True)
class Reach:
    """The interval of event time that matters to a question: after < at <= until, and after <= until."""

    after: int = BEGINNING
    until: int = NEVER


EVERYTHING = Reach()


@dataclass(frozen=True, slots=True)
class Selected:
    """The events of a set: customer i has rows offsets[i]:offsets[i+1]. column: the property asked for, if any."""

    offsets: Ints
    at: Ints
    tie: Ints
    column: Column | None = None

    def keep(self, flags: Flags) -> Selected:
        """Those of the rows that are marked."""
        if flags.all():
            return self
        column = self.column
        if column is not None:
            column = Column(column.kind, column.values[flags], column.words)
        return Selected(kept_offsets(self.offsets, flags), self.at[flags], self.tie[flags], column)

    def with_values(self) -> Column:
        """The column; the selection was made with a property."""
        assert self.column is not None
        return self.column


def select(
    view: View, events: Events, calendar: Calendar, prop: str | None = None, reach: Reach = EVERYTHING
) -> Selected:
    """The events of a set that lie within reach, with one of their properties if named."""
    types = present(view, events)
    if prop is None and len(types) > 1:
        types = [kind for kind in types if rows_count(view, kind[0])] or types[:1]
        if len(types) > 1:
            return _instants(view, types, events, calendar, reach)
    found = [select_type(view, kind, events, calendar, prop, reach) for kind in types]
    if not found:
        kinds = _declared_kinds(view, events, prop) if prop is not None else []
        column = Column(kinds[0] if kinds else Kind.STRING, _EMPTY) if prop is not None else None
        return Selected(np.zeros(view.count + 1, np.int64), _EMPTY, _EMPTY, column)
    return found[0] if prop is None else merge(_of_one_kind(view, events, prop, found))


MarkedType = tuple[str, tuple[MarkRule, ...]]  # an event type, and the rules of which its rows must satisfy one


def types_of(view: View, events: Events) -> Sequence[MarkedType]:
    """The types of an event set by name, each with the rules (any of them) that its rows must satisfy."""
    if events.types:
        return [(name, ()) for name in sorted(set(events.types))]
    if not events.mark:
        return [(name, ()) for name in sorted(view.types()) if not view.is_system(name)]
    if events.mark not in set(Mark):
        raise ConditionError(
            "condition.unknown_mark", f"there is no mark {events.mark!r}", remedy="one of " + ", ".join(Mark)
        )
    rules: dict[str, tuple[MarkRule, ...]] = {}
    for event_type, rule in view.vocabulary.types_marked(Mark(events.mark)):
        rules[event_type.name] = (*rules.get(event_type.name, ()), rule)
    return sorted(rules.items())


def present(view: View, events: Events) -> Sequence[MarkedType]:
    """Those of the types of a set of which there may be events."""
    there = frozenset(view.types())
    return [kind for kind in types_of(view, events) if kind[0] in there]


def select_type(
    view: View,
    kind: MarkedType,
    events: Events,
    calendar: Calendar,
    prop: str | None = None,
    reach: Reach = EVERYTHING,
) -> Selected:
    """The events of a set that are of one of its types (as `types_of` gives them) and lie within reach."""
    rows = cut(view, kind[0], read_by(kind, events, prop), reach)
    selected = Selected(rows.offsets, rows.at, rows.tie, None if prop is None else rows.columns[prop])
    keep = passing(view, kind, events, rows, calendar)
    return selected if keep is None else selected.keep(keep)


def read_by(kind: MarkedType, events: Events, prop: str | None) -> Sequence[str]:
    """The properties that must be read of a type to tell which of its events are of a set, and `prop`."""
    names = set() if events.where is None else set(properties_of(events.where))
    names |= {rule.property for rule in kind[1] if rule.property}
    return sorted(names if prop is None else names | {prop})


def passing(view: View, kind: MarkedType, events: Events, rows: Slice, calendar: Calendar) -> Flags | None:
    """bool[rows]: which rows of a type are of the set; None for all of them."""
    rules, currency = kind[1], view.vocabulary.currency
    keep: Flags | None = None
    if rules and all(rule.property for rule in rules):
        keep = np.zeros(len(rows.at), np.bool_)
        for rule in rules:
            test = _rule_test(rule, rows.columns[rule.property].kind)
            keep |= row_flags(test, len(keep), rows.columns, calendar, currency)
    if events.where is not None:
        held = row_flags(events.where, len(rows.at), rows.columns, calendar, currency)
        keep = held if keep is None else keep & held
    return keep


def cut(view: View, type_name: str, columns: Sequence[str], reach: Reach) -> Slice:
    """Those of the rows of a type that lie within reach; not copied if all do."""
    rows, lows, highs = lying(view, type_name, columns)
    if reach != EVERYTHING and len(rows.at):
        lows, highs = intervals.between(lows, highs, rows.at, reach.after, reach.until)
    return taken(rows, lows, highs)


def _rule_test(rule: MarkRule, kind: Kind) -> OneOf:
    """A mark's rule as a filter: its values are texts, whatever the kind of the property."""

    def value(text: str) -> Value:
        if kind is Kind.BOOLEAN:
            return Flag(text == "true")
        return Text(text) if kind in _WORDS else Number(text)

    return OneOf(Property(rule.property), tuple(value(text) for text in rule.values))


def _of_one_kind(view: View, events: Events, prop: str, found: list[Selected]) -> list[Selected]:
    kinds = _declared_kinds(view, events, prop) or [found[0].with_values().kind]
    kind = Kind.NUMBER if set(kinds) == {Kind.INTEGER, Kind.NUMBER} else kinds[0]
    return [Selected(one.offsets, one.at, one.tie, as_kind(one.with_values(), kind)) for one in found]


def _declared_kinds(view: View, events: Events, prop: str) -> list[Kind]:
    """The kinds of a property in the types that declare it, by name; what rows there are doesn't matter."""
    declared = {one.name: one for one in STATE_EVENTS} | dict(view.vocabulary.events)
    names = (
        [name for name, _ in types_of(view, events)] if events.types or events.mark else sorted(view.vocabulary.events)
    )
    kinds = [declared[name].property_kind(prop) for name in names if name in declared]
    return [kind for kind in kinds if kind is not None]


def as_kind(column: Column, kind: Kind) -> Column:
    """The column as another kind where that means something: integers as numbers, texts that read as numbers."""
    if column.kind is kind:
        return column
    if column.kind is Kind.INTEGER and kind is Kind.NUMBER:
        known = column.values != UNKNOWN
        return Column(kind, np.where(known, np.where(known, column.values, 0) * NUMBER_SCALE, UNKNOWN))
    if column.kind is Kind.STRING and kind is Kind.NUMBER:
        present, codes = np.unique(column.values, return_inverse=True)
        numbers = [UNKNOWN if code == UNKNOWN else _millionths(column.words[code]) for code in present.tolist()]
        return Column(kind, np.array(numbers, np.int64)[codes])
    return Column(kind, np.full(len(column.values), UNKNOWN, np.int64))


def _millionths(word: str) -> int:
    """A text as a number in engine units; UNKNOWN if it isn't one, or isn't one of at most six decimals."""
    number = number_of(word)
    if number is None:
        return UNKNOWN
    scaled = number * NUMBER_SCALE
    return int(scaled) if scaled.denominator == 1 and abs(scaled) <= _NUMBER_ABS_MAX else UNKNOWN


def merge(found: Sequence[Selected]) -> Selected:
    """Many selections with a property as one, in order; at least one is given. Columns are of one kind."""
    level = list(found)
    while len(level) > 1:
        pairs = [_merge_two(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


def _instants(view: View, types: Sequence[MarkedType], events: Events, calendar: Calendar, reach: Reach) -> Selected:
    """The instants and ties of the events of two types or more within reach, in order: read where they lie."""
    level = [_lying(view, kind, events, calendar, reach) for kind in types]
    while len(level) > 1:
        merged = [merges.interleaved(*level[i], *level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = [(offsets[:-1], offsets[1:], at, tie) for offsets, at, tie in merged] + level[len(level) & ~1 :]
    lows, _, at, tie = level[0]
    return Selected(np.append(lows, len(at)), at, tie)


def _lying(
    view: View, kind: MarkedType, events: Events, calendar: Calendar, reach: Reach
) -> tuple[Ints, Ints, Ints, Ints]:
    """(lows, highs, at, tie): the rows lows[i]:highs[i] of each customer are those of a type that are in the set."""
    if filtered(kind, events):
        found = select_type(view, kind, events, calendar, None, reach)
        return found.offsets[:-1], found.offsets[1:], found.at, found.tie
    rows, lows, highs = lying(view, kind[0], ())
    if reach != EVERYTHING:
        lows, highs = intervals.between(lows, highs, rows.at, reach.after, reach.until)
    return lows, highs, rows.at, rows.tie


def filtered(kind: MarkedType, events: Events) -> bool:
    """Whether properties decide which events of a type are of the set."""
    return events.where is not None or any(rule.property for rule in kind[1])


def _merge_two(a: Selected, b: Selected) -> Selected:
    if not len(b.at):
        return a
    if not len(a.at):
        return b
    order = merges.interleave(a.offsets, a.at, a.tie, b.offsets, b.at, b.tie)
    joint = joined(a.with_values(), b.with_values())
    column = Column(joint.kind, joint.values[order], joint.words)
    at, tie = np.concatenate((a.at, b.at)), np.concatenate((a.tie, b.tie))
    return Selected(a.offsets + b.offsets, at[order], tie[order], column)


def joined(a: Column, b: Column) -> Column:
    """Two columns of one kind, one after the other; words that occur get codes of their own."""
    if a.kind not in _WORDS or a.words is b.words:
        return Column(a.kind, np.concatenate((a.values, b.values)), a.words)
    return columns.united((columns.taken(a, slice(None)), columns.taken(b, slice(None))))
