"""Does a tree fit the vocabulary? Names exist, operators and literals fit, scopes hold, sizes are sane.

`check` is the one judge: `grammar` and `codec` both end in it, so a condition means and allows the same
in text and JSON. Invariant: the tree it returns is canonical (numbers in shortest text, no group of
one), within the bounds of `limits`, and can be written, told and evaluated without another look-up
failing. Errors point into the tree by JSON pointer (`/tests/0/subject/events`; `/` for the root).
"""

from __future__ import annotations

from typing import cast

from yutang.conditions import lookups
from yutang.conditions.check_parts import (
    check_chain,
    check_events,
    check_instant,
    check_node,
    check_record_kind,
    check_span,
    check_subject,
    check_test,
    check_value,
    check_window,
    fault,
)
from yutang.conditions.limits import (
    DEPTH_MAX,
    NODES_COUNT_MAX,
    STEPS_COUNT_MAX,
    STRINGS_CHARS_MAX,
    VALUES_COUNT_MAX,
)
from yutang.conditions.literals import quoted, shortest_number
from yutang.conditions.nodes import (
    All,
    AllRecords,
    Always,
    Any,
    AnyRecord,
    AtLeast,
    Compare,
    Consent,
    EachPeriod,
    Happened,
    HasTag,
    Hold,
    InLabel,
    Moved,
    Never,
    Node,
    Not,
    NotFollowed,
    Number,
    OneOf,
    Op,
    Reachable,
    Related,
    Returned,
    Sequence,
    Share,
    Test,
    Unknown,
)
from yutang.conditions.sorts import ONE_OF_SORTS, OPERATORS, Scope, Sort
from yutang.conditions.vocabulary import Vocabulary
from yutang.conditions.walk import rebuild, walk

_STRING_OVERHEAD_CHARS = 5  # quotes and a separator


def check(test: Test, vocabulary: Vocabulary) -> Test:
    """The test in canonical form, if it fits the vocabulary.

    Raises `ConditionError`, `where` being a JSON pointer into the tree as given.
    """
    _check_size(test)
    check_test(test, "", Scope(vocabulary))
    return _canonical(test)


# ── size and form ───────────────────────────────────────────────────────────────────────────────


def _check_size(test: Test) -> None:
    remedy = "make a segment of a part of it and ask in(…)"
    chars = 0
    for count, (at, depth, node) in enumerate(walk(test), start=1):
        if depth > DEPTH_MAX:
            raise fault("too_deep", f"more than {DEPTH_MAX} levels inside one another", at, remedy)
        if count > NODES_COUNT_MAX:
            raise fault("too_large", f"more than {NODES_COUNT_MAX:,} parts", at, remedy)
        chars += _string_chars(node, at)
        if chars > STRINGS_CHARS_MAX:
            raise fault("too_large", f"more than {STRINGS_CHARS_MAX:,} characters in names and texts", at, remedy)


def _string_chars(node: Node, at: str) -> int:
    total = 0
    for name in node.__struct_fields__:
        value = getattr(node, name)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                try:
                    total += len(quoted(text)) + _STRING_OVERHEAD_CHARS
                except UnicodeError:
                    raise fault("malformed_text", "holds half of a surrogate pair", f"{at}/{name}") from None
    return total


def _canonical(test: Test) -> Test:
    def change(node: Node) -> Node:
        if isinstance(node, Number):
            return Number(shortest_number(node.value))
        if isinstance(node, All | Any) and len(node.tests) == 1:
            return node.tests[0]
        return node

    return cast(Test, rebuild(test, change))


# ── tests ───────────────────────────────────────────────────────────────────────────────────────


@check_node.register
def _(test: Compare, at: str, scope: Scope) -> None:
    sort = check_subject(test.subject, f"{at}/subject", scope)
    if test.op not in OPERATORS[sort]:
        raise fault("operator_misfit", f"{sort.value} can't be asked for {test.op.value}", f"{at}/op", _operators(sort))
    check_value(test.value, sort, f"{at}/value", scope)


def _operators(sort: Sort) -> str:
    return f"use {', '.join(op.value for op in Op if op in OPERATORS[sort])}"


@check_node.register
def _(test: OneOf, at: str, scope: Scope) -> None:
    sort = check_subject(test.subject, f"{at}/subject", scope)
    if sort not in ONE_OF_SORTS:
        raise fault("operator_misfit", f"{sort.value} can't be asked for in (…)", f"{at}/values", _operators(sort))
    if not test.values:
        raise fault("empty", "no value to be one of", f"{at}/values", "name at least one")
    if len(test.values) > VALUES_COUNT_MAX:
        raise fault("too_large", f"more than {VALUES_COUNT_MAX:,} values", f"{at}/values", "use a segment")
    for index, value in enumerate(test.values):
        check_value(value, sort, f"{at}/values/{index}", scope)


@check_node.register
def _(test: Unknown, at: str, scope: Scope) -> None:
    check_subject(test.subject, f"{at}/subject", scope)


@check_node.register(Happened)
@check_node.register(Never)
def _(test: Happened | Never, at: str, scope: Scope) -> None:
    check_events(test.events, f"{at}/events", scope)
    check_window(test.window, f"{at}/window")


@check_node.register
def _(test: EachPeriod, at: str, scope: Scope) -> None:
    check_events(test.events, f"{at}/events", scope)
    check_chain(test.unit, test.count, at)


@check_node.register
def _(test: Sequence, at: str, scope: Scope) -> None:
    if not 2 <= len(test.steps) <= STEPS_COUNT_MAX:
        raise fault(
            "sequence",
            f"a sequence has 2 to {STEPS_COUNT_MAX} steps, not {len(test.steps)}",
            f"{at}/steps",
            "for one step write happened(…)",
        )
    for index, step in enumerate(test.steps):
        here = f"{at}/steps/{index}"
        check_events(step.events, f"{here}/events", scope)
        if index == 0 and (step.within_ms is not None or step.without is not None):
            raise fault(
                "sequence",
                "the first step has none before it to be `within` or `without`",
                here,
                "say it of a later step",
            )
        if step.within_ms is not None:
            check_span(step.within_ms, f"{here}/within_ms")
        if step.without is not None:
            check_events(step.without, f"{here}/without", scope)
    if test.total_ms is not None:
        check_span(test.total_ms, f"{at}/total_ms")
    check_window(test.window, f"{at}/window")


@check_node.register
def _(test: Returned, at: str, scope: Scope) -> None:
    check_events(test.events, f"{at}/events", scope)
    check_span(test.gap_ms, f"{at}/gap_ms")
    check_window(test.window, f"{at}/window")


@check_node.register
def _(test: NotFollowed, at: str, scope: Scope) -> None:
    check_events(test.events, f"{at}/events", scope)
    check_events(test.by, f"{at}/by", scope)
    check_span(test.within_ms, f"{at}/within_ms")
    check_window(test.window, f"{at}/window")


@check_node.register
def _(test: InLabel, at: str, scope: Scope) -> None:
    found = lookups.label(test.label, scope.vocabulary, f"{at}/label")
    lookups.label_value(found, test.value, f"{at}/value")
    if test.for_ms is not None:
        check_span(test.for_ms, f"{at}/for_ms")
    if test.at is not None:
        check_instant(test.at, f"{at}/at")


@check_node.register
def _(test: Moved, at: str, scope: Scope) -> None:
    found = lookups.label(test.label, scope.vocabulary, f"{at}/label")
    lookups.label_value(found, test.value, f"{at}/value")
    check_span(test.ms, f"{at}/ms")


@check_node.register
def _(test: HasTag, at: str, scope: Scope) -> None:
    _check_named(test.tag, "a tag", f"{at}/tag")


@check_node.register
def _(test: Consent, at: str, scope: Scope) -> None:
    _check_named(test.channel, "a channel", f"{at}/channel")
    _check_named(test.purpose, "a purpose", f"{at}/purpose")


@check_node.register
def _(test: Reachable, at: str, scope: Scope) -> None:
    _check_named(test.channel, "a channel", f"{at}/channel")


@check_node.register
def _(test: Related, at: str, scope: Scope) -> None:
    lookups.relation(test.relation, scope.vocabulary, f"{at}/relation")


@check_node.register
def _(test: AnyRecord, at: str, scope: Scope) -> None:
    check_record_kind(test.kind, at, scope)
    if test.test is not None:
        check_test(test.test, f"{at}/test", scope.within(test.kind))


@check_node.register
def _(test: AllRecords, at: str, scope: Scope) -> None:
    check_record_kind(test.kind, at, scope)
    check_test(test.test, f"{at}/test", scope.within(test.kind))


@check_node.register
def _(test: Share, at: str, scope: Scope) -> None:
    _check_named(test.salt, "a name for the draw", f"{at}/salt")
    if not 0 < test.basis_points <= 10_000:
        raise fault("share", "a share is more than 0 % and at most 100 %", f"{at}/basis_points", "write 25%")


@check_node.register
def _(test: Hold, at: str, scope: Scope) -> None:
    check_span(test.ms, f"{at}/ms")
    check_test(test.test, f"{at}/test", scope)


@check_node.register
def _(test: Not, at: str, scope: Scope) -> None:
    check_test(test.test, f"{at}/test", scope)


@check_node.register(All)
@check_node.register(Any)
def _(test: All | Any, at: str, scope: Scope) -> None:
    if not test.tests:
        raise fault("empty", "the group has no condition in it", f"{at}/tests", "add one, or use `everyone`")
    _check_each(test.tests, at, scope)


@check_node.register
def _(test: AtLeast, at: str, scope: Scope) -> None:
    if not 1 <= test.count <= len(test.tests):
        raise fault(
            "at_least",
            f"at least {test.count} of {len(test.tests)} can't be chosen",
            f"{at}/count",
            f"write a number from 1 to {len(test.tests)}" if test.tests else "add conditions",
        )
    _check_each(test.tests, at, scope)


@check_node.register
def _(test: Always, at: str, scope: Scope) -> None:
    """Nothing can be wrong with it."""


def _check_each(tests: tuple[Test, ...], at: str, scope: Scope) -> None:
    for index, test in enumerate(tests):
        check_test(test, f"{at}/tests/{index}", scope)


def _check_named(name: str, what: str, at: str) -> None:
    if not name.strip():
        raise fault("empty", f"{what} is missing", at, "write it in quotes")
