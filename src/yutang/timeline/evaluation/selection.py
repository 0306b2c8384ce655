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
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.algebra import kept_offsets
from yutang.timeline.evaluation.filters import properties_of, row_flags
from yutang.timeline.evaluation.literals import number_of
from yutang.timeline.kernels import merges
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.view import Column, View

_EMPTY: Ints = np.empty(0, np.int64)
_WORDS = (Kind.STRING, Kind.LIST)
_NUMBER_ABS_MAX = 2**62  # of a text read as a number, in millionths


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


def select(view: View, events: Events, calendar: Calendar, prop: str | None = None) -> Selected:
    """The events of a set, with one of their properties if named."""
    found = [select_type(view, kind, events, calendar, prop) for kind in types_of(view, events)]
    if not found:
        kinds = _declared_kinds(view, events, prop) if prop is not None else []
        column = Column(kinds[0] if kinds else Kind.STRING, _EMPTY) if prop is not None else None
        return Selected(np.zeros(view.count + 1, np.int64), _EMPTY, _EMPTY, column)
    return merge(found if prop is None else _of_one_kind(view, events, prop, found))


def types_of(view: View, events: Events) -> Sequence[tuple[str, tuple[MarkRule, ...]]]:
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


def select_type(
    view: View, kind: tuple[str, tuple[MarkRule, ...]], events: Events, calendar: Calendar, prop: str | None
) -> Selected:
    """The events of a set that are of one of its types (as `types_of` gives them)."""
    type_name, rules = kind
    names = set() if events.where is None else set(properties_of(events.where))
    names |= {rule.property for rule in rules if rule.property}
    rows = view.events(type_name, sorted(names if prop is None else names | {prop}))
    selected = Selected(rows.offsets, rows.at, rows.tie, None if prop is None else rows.columns[prop])
    currency = view.vocabulary.currency
    keep = np.ones(len(rows.at), np.bool_)
    if rules and all(rule.property for rule in rules):
        keep = np.zeros(len(rows.at), np.bool_)
        for rule in rules:
            test = _rule_test(rule, rows.columns[rule.property].kind)
            keep |= row_flags(test, len(keep), rows.columns, calendar, currency)
    if events.where is not None:
        keep &= row_flags(events.where, len(keep), rows.columns, calendar, currency)
    return selected.keep(keep)


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
    """Many selections as one, in order; at least one is given. Columns are of one kind."""
    level = list(found)
    while len(level) > 1:
        pairs = [_merge_two(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


def _merge_two(a: Selected, b: Selected) -> Selected:
    if not len(b.at):
        return a
    if not len(a.at):
        return b
    order = merges.interleave(a.offsets, a.at, a.tie, b.offsets, b.at, b.tie)
    column = None
    if a.column is not None and b.column is not None:
        joint = joined(a.column, b.column)
        column = Column(joint.kind, joint.values[order], joint.words)
    at, tie = np.concatenate((a.at, b.at)), np.concatenate((a.tie, b.tie))
    return Selected(a.offsets + b.offsets, at[order], tie[order], column)


def joined(a: Column, b: Column) -> Column:
    """Two columns of one kind, one after the other; words that occur get codes of their own."""
    if a.kind not in _WORDS or a.words is b.words:
        return Column(a.kind, np.concatenate((a.values, b.values)), a.words)
    codes: dict[str, int] = {}
    values = np.concatenate((_coded(a, codes), _coded(b, codes)))
    return Column(a.kind, values, list(codes))


def _coded(column: Column, codes: dict[str, int]) -> Ints:
    present, inverse = np.unique(column.values, return_inverse=True)
    table = [
        UNKNOWN if code == UNKNOWN else codes.setdefault(column.words[code], len(codes)) for code in present.tolist()
    ]
    return np.array(table, np.int64)[inverse]
