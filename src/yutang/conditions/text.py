"""The text face of a condition, written: tree → canonical text.

Invariant: for every checked tree t, `parse(to_text(t, v), v) == t`. As few parentheses as that allows;
keywords in lower case, names bare where they can be, all else in double quotes.
"""

from __future__ import annotations

from functools import singledispatch

from yutang.conditions.lexer import is_plain_name
from yutang.conditions.literals import percent_text, quoted, span_literal, value_literal, window_literal
from yutang.conditions.nodes import (
    Age,
    Aggregate,
    All,
    AllRecords,
    Always,
    Anniversary,
    Any,
    AnyRecord,
    AtLeast,
    Compare,
    Consent,
    Count,
    Due,
    EachPeriod,
    Events,
    Fixed,
    Happened,
    HasTag,
    Hold,
    InLabel,
    Instant,
    Last,
    Moved,
    Never,
    Node,
    Not,
    NotFollowed,
    OneOf,
    Periods,
    Property,
    Reachable,
    RecordCount,
    RecordTrait,
    Related,
    Returned,
    Rolling,
    Sequence,
    Share,
    Since,
    Step,
    Test,
    This,
    Trait,
    Unit,
    Unknown,
    Window,
)
from yutang.conditions.vocabulary import Vocabulary


def to_text(test: Test, vocabulary: Vocabulary) -> str:
    """The canonical text of a checked test; money in major units, midnights of the zone as dates."""
    return _write(test, vocabulary)


def events_text(events: Events, vocabulary: Vocabulary) -> str:
    """The canonical text of a checked event set."""
    return _events(events, vocabulary)


def step_text(step: Step, vocabulary: Vocabulary) -> str:
    """The canonical text of a checked step."""
    return _write(step, vocabulary)


def plural(unit: Unit, count: int) -> str:
    """`1 week`, `4 weeks`."""
    return f"{count} {unit.value}" if count == 1 else f"{count} {unit.value}s"


def _name(name: str) -> str:
    return name if is_plain_name(name) else quoted(name)


def _types(events: Events) -> str:
    if events.mark:
        return f"#{_name(events.mark)}"
    return " | ".join(map(_name, events.types)) or "*"


def _filter(events: Events, vocabulary: Vocabulary) -> str:
    return f" where {_write(events.where, vocabulary)}" if events.where is not None else ""


def _events(events: Events, vocabulary: Vocabulary) -> str:
    return _types(events) + _filter(events, vocabulary)


def _window(window: Window | None, vocabulary: Vocabulary) -> str:
    match window:
        case None:
            return ""
        case Rolling():
            return f", {span_literal(window.ms)}"
        case Fixed():
            return f", {window_literal(window, vocabulary.zone)}"
        case Last():
            return f", last {window.unit.value if window.count == 1 else plural(window.unit, window.count)}"
        case This():
            return f", this {window.unit.value}"


def _enclosed(test: Test, vocabulary: Vocabulary, *looser: type[Node]) -> str:
    """A part of a larger test: in parentheses where it binds more loosely than that."""
    text = _write(test, vocabulary)
    return f"({text})" if isinstance(test, looser) else text


def _list(tests: tuple[Test, ...], vocabulary: Vocabulary) -> str:
    return ", ".join(_write(test, vocabulary) for test in tests)


@singledispatch
def _write(node: Node, vocabulary: Vocabulary) -> str:
    raise AssertionError(f"{type(node).__name__} has no text of its own")


# ── what is looked at ───────────────────────────────────────────────────────────────────────────


@_write.register
def _(node: Property, vocabulary: Vocabulary) -> str:
    return _name(node.name)


@_write.register
def _(node: Trait, vocabulary: Vocabulary) -> str:
    return f"trait.{_name(node.name)}"


@_write.register
def _(node: RecordTrait, vocabulary: Vocabulary) -> str:
    return f"record.{_name(node.name)}"


@_write.register
def _(node: Count, vocabulary: Vocabulary) -> str:
    return f"count({_events(node.events, vocabulary)}{_window(node.window, vocabulary)})"


@_write.register
def _(node: Aggregate, vocabulary: Vocabulary) -> str:
    of = f"({_types(node.events)})" if len(node.events.types) > 1 else _types(node.events)
    what = f"{of}.{_name(node.property)}{_filter(node.events, vocabulary)}"
    return f"{'net' if node.net else node.fold.value}({what}{_window(node.window, vocabulary)})"


@_write.register
def _(node: Since, vocabulary: Vocabulary) -> str:
    return f"{'since_first' if node.first else 'since_last'}({_events(node.events, vocabulary)})"


@_write.register
def _(node: Periods, vocabulary: Vocabulary) -> str:
    return f"periods({_events(node.events, vocabulary)}, {plural(node.unit, node.count)})"


@_write.register
def _(node: Age, vocabulary: Vocabulary) -> str:
    unit = "" if node.unit is Unit.YEAR else f", {node.unit.value}s"
    return f"age({_write(node.of, vocabulary)}{unit})"


@_write.register
def _(node: Due, vocabulary: Vocabulary) -> str:
    return f"due_in({_write(node.of, vocabulary)})"


@_write.register
def _(node: Anniversary, vocabulary: Vocabulary) -> str:
    return f"anniversary({_write(node.of, vocabulary)})"


@_write.register
def _(node: RecordCount, vocabulary: Vocabulary) -> str:
    return f"count {_name(node.kind)}({_write(node.test, vocabulary) if node.test is not None else ''})"


# ── tests ───────────────────────────────────────────────────────────────────────────────────────


@_write.register
def _(node: Compare, vocabulary: Vocabulary) -> str:
    return f"{_write(node.subject, vocabulary)} {node.op.value} {value_literal(node.value, vocabulary)}"


@_write.register
def _(node: OneOf, vocabulary: Vocabulary) -> str:
    values = ", ".join(value_literal(value, vocabulary) for value in node.values)
    return f"{_write(node.subject, vocabulary)} in ({values})"


@_write.register
def _(node: Unknown, vocabulary: Vocabulary) -> str:
    return f"unknown({_write(node.subject, vocabulary)})"


@_write.register
def _(node: Happened, vocabulary: Vocabulary) -> str:
    return f"happened({_events(node.events, vocabulary)}{_window(node.window, vocabulary)})"


@_write.register
def _(node: Never, vocabulary: Vocabulary) -> str:
    return f"never({_events(node.events, vocabulary)}{_window(node.window, vocabulary)})"


@_write.register
def _(node: EachPeriod, vocabulary: Vocabulary) -> str:
    return f"each({_events(node.events, vocabulary)}, {plural(node.unit, node.count)})"


@_write.register
def _(node: Step, vocabulary: Vocabulary) -> str:
    within = f" within {span_literal(node.within_ms)}" if node.within_ms is not None else ""
    without = f" without {_events(node.without, vocabulary)}" if node.without is not None else ""
    return f"{_events(node.events, vocabulary)}{within}{without}"


@_write.register
def _(node: Sequence, vocabulary: Vocabulary) -> str:
    steps = " then ".join(_write(step, vocabulary) for step in node.steps)
    total = f" in {span_literal(node.total_ms)}" if node.total_ms is not None else ""
    return f"sequence({steps}{total}{_window(node.window, vocabulary)})"


@_write.register
def _(node: Returned, vocabulary: Vocabulary) -> str:
    what = f"{_events(node.events, vocabulary)} after {span_literal(node.gap_ms)}"
    return f"returned({what}{_window(node.window, vocabulary)})"


@_write.register
def _(node: NotFollowed, vocabulary: Vocabulary) -> str:
    pair = f"{_events(node.events, vocabulary)} by {_events(node.by, vocabulary)}"
    return f"not_followed({pair} within {span_literal(node.within_ms)}{_window(node.window, vocabulary)})"


@_write.register
def _(node: InLabel, vocabulary: Vocabulary) -> str:
    value = f", {quoted(node.value)}" if node.value else ""
    held = f" for {span_literal(node.for_ms)}" if node.for_ms is not None else ""
    at = f" at {value_literal(Instant(node.at), vocabulary)}" if node.at is not None else ""
    return f"in({_name(node.label)}{value}){held}{at}"


@_write.register
def _(node: Moved, vocabulary: Vocabulary) -> str:
    value = f", {quoted(node.value)}" if node.value else ""
    return f"{'left' if node.left else 'entered'}({_name(node.label)}{value}, {span_literal(node.ms)})"


@_write.register
def _(node: HasTag, vocabulary: Vocabulary) -> str:
    return f"tag({quoted(node.tag)}{f', group {quoted(node.group)}' if node.group else ''})"


@_write.register
def _(node: Consent, vocabulary: Vocabulary) -> str:
    return f"consent({quoted(node.channel)}, {quoted(node.purpose)})"


@_write.register
def _(node: Reachable, vocabulary: Vocabulary) -> str:
    return f"reachable({quoted(node.channel)})"


@_write.register
def _(node: Related, vocabulary: Vocabulary) -> str:
    return f"related({quoted(node.relation)}{f', {quoted(node.object)}' if node.object else ''})"


@_write.register
def _(node: AnyRecord, vocabulary: Vocabulary) -> str:
    return f"any {_name(node.kind)}({_write(node.test, vocabulary) if node.test is not None else ''})"


@_write.register
def _(node: AllRecords, vocabulary: Vocabulary) -> str:
    return f"all {_name(node.kind)}({_write(node.test, vocabulary)})"


@_write.register
def _(node: Share, vocabulary: Vocabulary) -> str:
    return f"share({quoted(node.salt)}, {percent_text(node.basis_points)})"


@_write.register
def _(node: Hold, vocabulary: Vocabulary) -> str:
    return f"hold({_write(node.test, vocabulary)}, {span_literal(node.ms)})"


@_write.register
def _(node: Not, vocabulary: Vocabulary) -> str:
    return f"not {_enclosed(node.test, vocabulary, All, Any)}"


@_write.register
def _(node: All, vocabulary: Vocabulary) -> str:
    return " and ".join(_enclosed(test, vocabulary, All, Any) for test in node.tests)


@_write.register
def _(node: Any, vocabulary: Vocabulary) -> str:
    return " or ".join(_enclosed(test, vocabulary, Any) for test in node.tests)


@_write.register
def _(node: AtLeast, vocabulary: Vocabulary) -> str:
    return f"at least {node.count} of ({_list(node.tests, vocabulary)})"


@_write.register
def _(node: Always, vocabulary: Vocabulary) -> str:
    return "everyone"
