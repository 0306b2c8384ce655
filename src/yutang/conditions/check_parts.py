"""The dispatcher of all checks, and those of what is looked at: subjects, event sets, windows, values.

Invariant: `check_node` is the one recursion; tests are registered on it by `checks`. Names are checked
before operators and literals, so that an error names the cause and not its consequence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import singledispatch

from yutang.conditions import lookups
from yutang.conditions.limits import EVENT_TYPES_COUNT_MAX, PERIODS_COUNT_MAX, SPAN_MS_MAX
from yutang.conditions.literals import day_from_text, instant_in_range, money_in_range, number_text
from yutang.conditions.nodes import (
    Age,
    Aggregate,
    All,
    Anniversary,
    Any,
    Compare,
    Count,
    Day,
    Due,
    Events,
    Fixed,
    Fold,
    Instant,
    Last,
    Money,
    Node,
    Not,
    Number,
    OneOf,
    Periods,
    Property,
    RecordCount,
    RecordTrait,
    Rolling,
    Since,
    Span,
    Subject,
    Test,
    This,
    Trait,
    Unit,
    Unknown,
    Value,
    Window,
)
from yutang.conditions.sorts import FOLD_KINDS, LITERAL_OF, Scope, Sort, sort_of
from yutang.conditions.vocabulary import Kind
from yutang.conditions.walk import tag_of
from yutang.kernel.errors import ConditionError

NET_OF = ("order_paid", "amount")  # the one sum that refunds are taken off
NET_LESS = ("order_refunded", "amount")

_FILTER_TESTS = (Compare, OneOf, Unknown, Not, All, Any)


def fault(code: str, message: str, at: str, remedy: str = "") -> ConditionError:
    """The error `condition.<code>` at a pointer; "" is the root."""
    return ConditionError(f"condition.{code}", message, where=at or "/", remedy=remedy)


@singledispatch
def check_node(node: Node, at: str, scope: Scope) -> None:
    """Raises `ConditionError` unless the test or subject at this pointer fits."""
    raise AssertionError(f"{type(node).__name__} is neither a test nor a subject")


def check_test(test: Test, at: str, scope: Scope) -> None:
    """Checks a test where it stands: filters hold only comparisons of properties and their connectives."""
    if scope.events is not None and not isinstance(test, _FILTER_TESTS):
        raise fault(
            "scope",
            f"a filter compares properties of the event; {tag_of(test)} asks about the customer",
            at,
            "move it out of the filter and join it with `and`",
        )
    check_node(test, at, scope)


def check_subject(subject: Subject, at: str, scope: Scope) -> Sort:
    """The sort of a subject that fits where it stands."""
    if scope.events is not None and not isinstance(subject, Property):
        raise fault(
            "scope",
            "in a filter only properties of the event may be compared",
            at,
            "move it out of the filter and join it with `and`",
        )
    check_node(subject, at, scope)
    sort = sort_of(subject, scope)
    if sort is None:
        raise AssertionError(f"{subject} passed its check without a sort")
    return sort


# ── event sets, windows, spans ──────────────────────────────────────────────────────────────────


def check_events(events: Events, at: str, scope: Scope) -> None:
    """Every type and the mark exist; the filter holds only what a filter may."""
    if events.types and events.mark:
        raise fault("events", "types and a mark can't both be given", at, "ask about them one by one")
    if len(events.types) > EVENT_TYPES_COUNT_MAX:
        raise fault("too_large", f"more than {EVENT_TYPES_COUNT_MAX} event types", f"{at}/types", "use a mark")
    for index, name in enumerate(events.types):
        lookups.event_type(name, scope.vocabulary, f"{at}/types/{index}")
    if events.mark:
        lookups.mark(events.mark, f"{at}/mark")
    if events.where is not None:
        check_test(events.where, f"{at}/where", scope.filtering(events))


def check_window(window: Window | None, at: str) -> None:
    """A window that has a beginning and an end in the right order, and isn't longer than the limits."""
    match window:
        case Rolling():
            check_span(window.ms, at)
        case Fixed():
            _check_fixed(window, at)
        case Last():
            check_chain(window.unit, window.count, at)
        case This() | None:
            pass


def _check_fixed(window: Fixed, at: str) -> None:
    if window.start is None and window.end is None:
        raise fault("window", "a window from nowhere to nowhere", at, "leave it out for all time")
    for name, instant in (("start", window.start), ("end", window.end)):
        if instant is not None:
            check_instant(instant, f"{at}/{name}")
    if window.start is not None and window.end is not None and window.start >= window.end:
        raise fault("window", "the window ends before it begins", at, "swap the two dates")


def check_chain(unit: Unit, count: int, at: str) -> None:
    """At least one complete period, and no more than ten years of them."""
    most = PERIODS_COUNT_MAX[unit]
    if not 1 <= count <= most:
        raise fault("count_range", f"{count} {unit.value}s; from 1 to {most} may be asked for", f"{at}/count")


def check_span(span_ms: int, at: str) -> None:
    """A span that is more than nothing and at most a hundred years."""
    if not 0 < span_ms <= SPAN_MS_MAX:
        remedy = "write it like 30d; it is more than nothing and at most a hundred years"
        raise fault("span_range", "the span is out of range", at, remedy)


def check_instant(instant: int, at: str) -> None:
    """An instant that an event may carry."""
    with _placed(at):
        instant_in_range(instant)


@contextmanager
def _placed(at: str) -> Iterator[None]:
    """Gives the errors of literals, which know no place, theirs."""
    try:
        yield
    except ConditionError as error:
        raise ConditionError(error.code, error.message, where=at, remedy=error.remedy) from None


# ── values ──────────────────────────────────────────────────────────────────────────────────────


def check_value(value: Value, sort: Sort, at: str, scope: Scope) -> None:
    """The literal is of the sort of its subject, well formed and in range."""
    if not isinstance(value, LITERAL_OF[sort]):
        message = f"expected {sort.value}, found the literal {tag_of(value)}"
        raise fault("value_misfit", message, at, f"give a literal {tag_of(LITERAL_OF[sort])}")
    match value:
        case Number():
            with _placed(at):
                number_text(value.value, whole=sort is Sort.INTEGER)
        case Money():
            _check_money(value, at, scope)
        case Instant():
            check_instant(value.at, at)
        case Day():
            with _placed(at):
                day_from_text(value.date)
        case Span():
            if abs(value.ms) > SPAN_MS_MAX:
                raise fault("span_range", "the span is more than a hundred years", at, "check the unit")
        case _:
            pass


def _check_money(money: Money, at: str, scope: Scope) -> None:
    if money.currency != scope.vocabulary.currency:
        raise fault(
            "currency",
            f"{lookups.shown(money.currency)} isn't the pool's currency",
            f"{at}/currency",
            f"give the amount in {scope.vocabulary.currency}",
        )
    if not money_in_range(money):
        raise fault("number", "the amount is too large", f"{at}/minor", "check the unit: cents, not thousands")


# ── subjects ────────────────────────────────────────────────────────────────────────────────────


@check_node.register
def _(subject: Property, at: str, scope: Scope) -> None:
    if scope.events is None:
        raise fault(
            "scope",
            f"{lookups.shown(subject.name)} is a property of an event, but no event is under a filter here",
            at,
            "write count(event_type where …) >= 1, or trait.name for a trait",
        )
    lookups.property_kind(scope.events, subject.name, scope.vocabulary, f"{at}/name")


@check_node.register
def _(subject: Trait, at: str, scope: Scope) -> None:
    lookups.trait(subject.name, scope.vocabulary, f"{at}/name")


@check_node.register
def _(subject: RecordTrait, at: str, scope: Scope) -> None:
    if not scope.record:
        raise fault(
            "scope", "a record's trait stands only where records are asked about", at, "write any kind(record.name …)"
        )
    lookups.record_trait_kind(scope.record, subject.name, scope.vocabulary, f"{at}/name")


@check_node.register
def _(subject: Count, at: str, scope: Scope) -> None:
    check_events(subject.events, f"{at}/events", scope)
    check_window(subject.window, f"{at}/window")


@check_node.register
def _(subject: Aggregate, at: str, scope: Scope) -> None:
    check_events(subject.events, f"{at}/events", scope)
    kind = lookups.property_kind(subject.events, subject.property, scope.vocabulary, f"{at}/property")
    if kind not in FOLD_KINDS[subject.fold]:
        remedy = "use " + ", ".join(fold.value for fold in Fold if kind in FOLD_KINDS[fold])
        message = f"{subject.fold.value} can't be taken of {lookups.shown(subject.property)}, which is a {kind.value}"
        raise fault("fold_misfit", message, f"{at}/property", remedy)
    if subject.net:
        _check_net(subject, at, scope)
    check_window(subject.window, f"{at}/window")


def _check_net(subject: Aggregate, at: str, scope: Scope) -> None:
    event_type, name = NET_OF
    whole = subject.events == Events((event_type,))  # refunds don't say which orders of a filter they are of
    if subject.fold is not Fold.SUM or not whole or subject.property != name:
        remedy = f"write net({event_type}.{name}), or sum(…) for anything else"
        raise fault("net", f"only the whole sum of {event_type}.{name} can be net of refunds", at, remedy)
    refund_type, refund_name = NET_LESS
    refunds = scope.vocabulary.events.get(refund_type)
    kinds = {scope.vocabulary.events[event_type].property_kind(name)}
    kinds.add(refunds.property_kind(refund_name) if refunds else None)
    if kinds != {Kind.MONEY}:
        message = f"{event_type}.{name} and {refund_type}.{refund_name} must both be declared as money"
        raise fault("net", message, at, "declare them in the catalogue, or write sum(…)")


@check_node.register
def _(subject: Since, at: str, scope: Scope) -> None:
    check_events(subject.events, f"{at}/events", scope)


@check_node.register
def _(subject: Periods, at: str, scope: Scope) -> None:
    check_events(subject.events, f"{at}/events", scope)
    check_chain(subject.unit, subject.count, at)


@check_node.register(Age)
@check_node.register(Due)
@check_node.register(Anniversary)
def _(subject: Age | Due | Anniversary, at: str, scope: Scope) -> None:
    check_node(subject.of, f"{at}/of", scope)
    if sort_of(subject.of, scope) is not Sort.DAY:
        message = f"{lookups.shown(subject.of.name)} isn't a date"
        raise fault("date_trait", message, f"{at}/of", "take a trait that is declared as a date")


@check_node.register
def _(subject: RecordCount, at: str, scope: Scope) -> None:
    check_record_kind(subject.kind, at, scope)
    if subject.test is not None:
        check_test(subject.test, f"{at}/test", scope.within(subject.kind))


def check_record_kind(kind: str, at: str, scope: Scope) -> None:
    """The kind exists, and no other record is under a quantifier: `record.` would not say whose."""
    lookups.record(kind, scope.vocabulary, f"{at}/kind")
    if scope.record:
        message = f"records can't be asked about inside {scope.record}(…)"
        raise fault("scope", message, at, "ask beside it and join with `and`")
