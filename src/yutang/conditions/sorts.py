"""What kind of answer a subject gives, and what may be asked of it: operators and literals by sort.

Invariant: a subject has one sort, found from the vocabulary alone; grammar (to type literals) and checks
(to judge them) ask here, so that they can't disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import singledispatch

from yutang.conditions.lookups import property_kinds
from yutang.conditions.nodes import (
    Age,
    Aggregate,
    Anniversary,
    Count,
    Day,
    Due,
    Events,
    Flag,
    Fold,
    Instant,
    Money,
    Node,
    Number,
    Op,
    Periods,
    Property,
    RecordCount,
    RecordTrait,
    Since,
    Span,
    Text,
    Trait,
    Value,
)
from yutang.conditions.vocabulary import Kind, Vocabulary


class Sort(StrEnum):
    """What a subject's answer is, as messages name it."""

    TEXT = "a text"
    NUMBER = "a number"
    INTEGER = "a whole number"
    FLAG = "true or false"
    INSTANT = "an instant"
    DAY = "a date"
    MONEY = "an amount of money"
    LIST = "a list of texts"
    SPAN = "a span of time"
    DAYS = "a span of whole days"


SORT_OF_KIND: Mapping[Kind, Sort] = {
    Kind.STRING: Sort.TEXT,
    Kind.NUMBER: Sort.NUMBER,
    Kind.INTEGER: Sort.INTEGER,
    Kind.BOOLEAN: Sort.FLAG,
    Kind.INSTANT: Sort.INSTANT,
    Kind.DATE: Sort.DAY,
    Kind.MONEY: Sort.MONEY,
    Kind.LIST: Sort.LIST,
}

_EQUALITY = frozenset({Op.EQ, Op.NE})
_ORDER = frozenset({Op.LT, Op.LE, Op.GT, Op.GE})

# A span that runs with the clock equals a literal for one millisecond only, so it can't be asked for equality;
# one of whole days (0 on the day itself) can.
OPERATORS: Mapping[Sort, frozenset[Op]] = {
    Sort.TEXT: _EQUALITY | {Op.CONTAINS, Op.STARTS, Op.ENDS},
    Sort.NUMBER: _EQUALITY | _ORDER,
    Sort.INTEGER: _EQUALITY | _ORDER,
    Sort.FLAG: _EQUALITY,
    Sort.INSTANT: _EQUALITY | _ORDER,
    Sort.DAY: _EQUALITY | _ORDER,
    Sort.MONEY: _EQUALITY | _ORDER,
    Sort.LIST: frozenset({Op.CONTAINS}),
    Sort.SPAN: _ORDER,
    Sort.DAYS: _EQUALITY | _ORDER,
}

# Sorts whose subjects may be asked for one of several values: those that can equal, but true and false.
ONE_OF_SORTS = frozenset(sort for sort, ops in OPERATORS.items() if Op.EQ in ops) - {Sort.FLAG}

LITERAL_OF: Mapping[Sort, type[Value]] = {
    Sort.TEXT: Text,
    Sort.NUMBER: Number,
    Sort.INTEGER: Number,
    Sort.FLAG: Flag,
    Sort.INSTANT: Instant,
    Sort.DAY: Day,
    Sort.MONEY: Money,
    Sort.LIST: Text,
    Sort.SPAN: Span,
    Sort.DAYS: Span,
}

# What a fold may be taken of.
FOLD_KINDS: Mapping[Fold, frozenset[Kind]] = {
    Fold.SUM: frozenset({Kind.NUMBER, Kind.INTEGER, Kind.MONEY}),
    Fold.AVG: frozenset({Kind.NUMBER, Kind.INTEGER, Kind.MONEY}),
    Fold.MIN: frozenset({Kind.NUMBER, Kind.INTEGER, Kind.MONEY, Kind.INSTANT, Kind.DATE}),
    Fold.MAX: frozenset({Kind.NUMBER, Kind.INTEGER, Kind.MONEY, Kind.INSTANT, Kind.DATE}),
    Fold.DISTINCT: frozenset(Kind),
    Fold.FIRST: frozenset(Kind),
    Fold.LAST: frozenset(Kind),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Where in a condition one is. events: the set whose filter this is; record: the kind quantified over, or ""."""

    vocabulary: Vocabulary
    events: Events | None = None
    record: str = ""

    def filtering(self, events: Events) -> Scope:
        """Inside the filter of an event set."""
        return replace(self, events=events)

    def within(self, record: str) -> Scope:
        """Inside the test of a record quantifier."""
        return replace(self, record=record)


@singledispatch
def sort_of(subject: Node, scope: Scope) -> Sort | None:
    """The sort of a subject, None if the vocabulary can't tell (an unknown name: `checks` says which)."""
    raise AssertionError(f"{type(subject).__name__} isn't a subject")


@sort_of.register
def _(subject: Property, scope: Scope) -> Sort | None:
    if scope.events is None:
        return None
    kinds = property_kinds(scope.events, subject.name, scope.vocabulary)
    return SORT_OF_KIND[next(iter(kinds))] if len(kinds) == 1 else None


@sort_of.register
def _(subject: Trait, scope: Scope) -> Sort | None:
    found = scope.vocabulary.traits.get(subject.name)
    return SORT_OF_KIND[found.kind] if found else None


@sort_of.register
def _(subject: RecordTrait, scope: Scope) -> Sort | None:
    found = scope.vocabulary.records.get(scope.record)
    kinds = [declared.kind for declared in found.traits if declared.name == subject.name] if found else []
    return SORT_OF_KIND[kinds[0]] if kinds else None


@sort_of.register
def _(subject: Aggregate, scope: Scope) -> Sort | None:
    if subject.fold is Fold.DISTINCT:
        return Sort.INTEGER
    kinds = property_kinds(subject.events, subject.property, scope.vocabulary)
    if len(kinds) != 1:
        return None
    kind = next(iter(kinds))
    # The average of whole numbers needn't be whole.
    return Sort.NUMBER if subject.fold is Fold.AVG and kind is Kind.INTEGER else SORT_OF_KIND[kind]


@sort_of.register(Count)
@sort_of.register(Periods)
@sort_of.register(Age)
@sort_of.register(RecordCount)
def _(subject: Node, scope: Scope) -> Sort | None:
    return Sort.INTEGER


@sort_of.register(Since)
@sort_of.register(Due)
def _(subject: Node, scope: Scope) -> Sort | None:
    return Sort.SPAN


@sort_of.register
def _(subject: Anniversary, scope: Scope) -> Sort | None:
    return Sort.DAYS
