"""The text face of a condition, read by recursive descent: text → checked, typed tree.

Owns the tests: what stands between `and` and `or`. What is looked at is read by `subjects`, connectives
by `logic`, tokens and places are `reader`'s. Invariant: for every checked tree t,
`parse(to_text(t, v), v) == t`; whatever the text is, the only exception is `ConditionError`, with its
place, and neither depth nor length makes it slow or deep. Keywords in any case; names as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import cast

from yutang.conditions.checks import check
from yutang.conditions.lexer import RESERVED, TokenKind
from yutang.conditions.logic import read_logic
from yutang.conditions.lookups import shown, suggestion
from yutang.conditions.nodes import (
    AllRecords,
    Always,
    AnyRecord,
    AtLeast,
    Consent,
    EachPeriod,
    Events,
    Happened,
    HasTag,
    Hold,
    InLabel,
    Moved,
    Never,
    NotFollowed,
    Reachable,
    RecordCount,
    Related,
    Returned,
    Sequence,
    Share,
    Step,
    Subject,
    Test,
    Unit,
    Unknown,
)
from yutang.conditions.reader import Reader
from yutang.conditions.subjects import (
    MEASURES,
    at_subject,
    read_chain,
    read_comparison,
    read_events,
    read_subject,
    read_window,
)
from yutang.conditions.vocabulary import Vocabulary
from yutang.kernel.errors import ConditionError


def parse(text: str, vocabulary: Vocabulary) -> Test:
    """The checked tree of a condition's text; dates are read in the vocabulary's zone, money in its currency.

    Raises `ConditionError`: `where` is `character 17` (from 1), the message shows the line with a caret.
    """
    reader = Reader(text, vocabulary)
    if reader.at_end():
        reader.fail_expecting("a condition", "write `everyone` for all customers")
    test = _read_condition(reader)
    if not reader.at_end():
        reader.fail_expecting("`and`, `or` or the end")
    try:
        return check(test, vocabulary)
    except ConditionError as error:
        raise reader.described(test, error) from None


def parse_events(text: str, vocabulary: Vocabulary) -> Events:
    """The checked event set of a text such as `order_paid where amount > 100`, `#visit` or `*`; see `parse`."""
    reader = Reader(text, vocabulary)
    if reader.at_end():
        reader.fail_expecting("an event type, #mark or *", "write `*` for all events")
    events = read_events(reader)
    if not reader.at_end():
        reader.fail_expecting("`where` or the end")
    test = reader.note(Happened(events), 0)
    try:
        checked = check(test, vocabulary)
    except ConditionError as error:
        raise reader.described(test, error) from None
    return cast("Happened", checked).events


def parse_step(text: str, vocabulary: Vocabulary) -> Step:
    """The checked step of a sequence, such as `order_paid within 1d without cart_cleared`; see `parse`."""
    reader = Reader(text, vocabulary)
    if reader.at_end():
        reader.fail_expecting("an event type, #mark or *", "write `*` for all events")
    step = _read_step(reader)
    if not reader.at_end():
        reader.fail_expecting("`where`, `within`, `without` or the end")
    # A step is checked as what follows another.
    test = reader.note(Sequence((Step(Events()), step)), 0)
    try:
        return cast("Sequence", check(test, vocabulary)).steps[1]
    except ConditionError as error:
        raise reader.described(test, error) from None


def _read_condition(reader: Reader) -> Test:
    return read_logic(reader, _read_test)


def _read_test(reader: Reader) -> list[Test]:
    at = reader.token.at
    if reader.at_word("everyone"):
        reader.advance()
        return [reader.note(Always(), at)]
    if reader.at_word("at") and reader.next_is_word("least"):
        return [reader.note(_read_at_least(reader), at)]
    if reader.at_word("any", "all"):
        return [_read_quantified(reader)]
    if _at_subject(reader):
        return read_comparison(reader, _read_subject(reader), at)
    if reader.at_word(*TESTS) and reader.next_is_sign("("):
        read = TESTS[reader.advance().text.lower()]
        reader.need_sign("(")
        test = reader.note(read(reader), at)
        reader.need_sign(")")
        return [_read_label_time(reader, test, at) if isinstance(test, InLabel) else test]
    return _fail_unknown_test(reader)


def _fail_unknown_test(reader: Reader) -> list[Test]:
    token, vocabulary = reader.token, reader.vocabulary
    name = token.text
    if token.kind not in (TokenKind.WORD, TokenKind.STRING):
        reader.fail_expecting("a condition")
    if name in vocabulary.events:
        remedy = f"write happened({name}), never({name}) or count({name}) >= 1"
    elif name in vocabulary.traits:
        remedy = f"write trait.{name}"
    elif name in vocabulary.labels:
        remedy = f"write in({name})"
    elif name.lower() in MEASURES or name.lower() in TESTS:
        remedy = f"write {name}(…)"
    else:
        remedy = suggestion(name, [*MEASURES, *TESTS, "everyone", "trait", "any", "all"])
    reader.fail(f"{shown(name)} isn't a condition", remedy=remedy)


# ── combinations and records ────────────────────────────────────────────────────────────────────


def _read_at_least(reader: Reader) -> Test:
    reader.advance()
    reader.need_word("least")
    count = reader.count()
    reader.need_word("of", "write at least 2 of (…, …, …)")
    reader.need_sign("(")
    with reader.deeper():
        tests = [_read_condition(reader)]
        while reader.take_sign(","):
            tests.append(_read_condition(reader))
    reader.need_sign(")")
    return AtLeast(count, tuple(tests))


def _read_quantified(reader: Reader) -> Test:
    word = reader.advance()
    kind, kind_at, test = _read_record_test(reader)
    if word.text.lower() == "any":
        return reader.note(AnyRecord(kind, test), word.at, kind=kind_at)
    if test is None:
        reader.fail("`all` needs a condition on the records", at=word.at, remedy=f"write all {kind}(…)")
    return reader.note(AllRecords(kind, test), word.at, kind=kind_at)


def _read_record_test(reader: Reader) -> tuple[str, int, Test | None]:
    """`child(test)` or `child()`: the kind, its place, the test."""
    kind = reader.name("a kind of record")
    reader.need_sign("(", f"write any {kind.text}(…), or any {kind.text}()")
    outer, reader.scope = reader.scope, reader.scope.within(kind.text)
    test = None
    if not reader.at_sign(")"):
        with reader.deeper():
            test = _read_condition(reader)
    reader.scope = outer
    reader.need_sign(")")
    return kind.text, kind.at, test


def _at_record_count(reader: Reader) -> bool:
    return reader.at_word("count") and reader.following.kind in (TokenKind.WORD, TokenKind.STRING)


def _at_subject(reader: Reader) -> bool:
    return at_subject(reader) or _at_record_count(reader)


def _read_subject(reader: Reader) -> Subject:
    if not _at_record_count(reader):
        return read_subject(reader)
    at = reader.advance().at
    kind, kind_at, test = _read_record_test(reader)
    return reader.note(RecordCount(kind, test), at, kind=kind_at)


# ── tests written as word(…); the caller passes both parentheses ────────────────────────────────


def _read_happened(reader: Reader) -> Test:
    events = read_events(reader)
    return Happened(events, read_window(reader))


def _read_never(reader: Reader) -> Test:
    events = read_events(reader)
    return Never(events, read_window(reader))


def _read_each(reader: Reader) -> Test:
    events = read_events(reader)
    unit, count = read_chain(reader)
    return EachPeriod(events, unit, count)


def _read_sequence(reader: Reader) -> Test:
    steps = [_read_step(reader)]
    while reader.take_word("then"):
        steps.append(_read_step(reader))
    total = reader.span() if reader.take_word("in") else None
    return Sequence(tuple(steps), total, read_window(reader))


def _read_step(reader: Reader) -> Step:
    at = reader.token.at
    events = read_events(reader)
    within: int | None = None
    without = None
    while reader.at_word("within", "without"):
        word = reader.advance()
        again = within if word.text.lower() == "within" else without
        if again is not None:
            reader.fail(f"`{word.text}` is said twice", at=word.at)
        if word.text.lower() == "within":
            within = reader.span()
        else:
            without = read_events(reader)
    return reader.note(Step(events, within, without), at)


def _read_returned(reader: Reader) -> Test:
    events = read_events(reader)
    reader.need_word("after", "say after which pause: returned(#visit after 90d, 30d)")
    return Returned(events, reader.span(), read_window(reader))


def _read_not_followed(reader: Reader) -> Test:
    events = read_events(reader)
    reader.need_word("by", "write not_followed(message_in by message_out within 1h)")
    by = read_events(reader)
    reader.need_word("within", "write not_followed(message_in by message_out within 1h)")
    return NotFollowed(events, by, reader.span(), read_window(reader))


def _read_in(reader: Reader) -> Test:
    at = reader.token.at
    label = reader.name("a label")
    if not reader.take_sign(","):
        return reader.note(InLabel(label.text), at, label=label.at)
    value = reader.name("a value of the label")
    return reader.note(InLabel(label.text, value.text), at, label=label.at, value=value.at)


def _read_label_time(reader: Reader, test: InLabel, at: int) -> Test:
    """`for 30d` and `at 2017-03-01` after `in(…)`."""
    parts = {part: reader.place_of(test, part) for part in ("label", "value")}
    for_ms = reader.span() if reader.take_word("for") else None
    instant = reader.instant() if reader.take_word("at") else None
    if for_ms is None and reader.at_word("for"):
        reader.fail("`for` comes before `at`")
    return reader.note(InLabel(test.label, test.value, for_ms, instant), at, **parts)


def _moved(*, left: bool) -> Callable[[Reader], Test]:
    def read(reader: Reader) -> Test:
        label = reader.name("a label")
        remedy = "say within which span: entered(vip, 7d)"
        reader.need_sign(",", remedy)
        value = None
        if reader.token.kind is not TokenKind.SPAN:
            value = reader.name("a value of the label or a span of time")
            reader.need_sign(",", remedy)
        text, value_at = (value.text, value.at) if value else ("", label.at)
        return reader.note(Moved(label.text, text, reader.span(), left), label.at, label=label.at, value=value_at)

    return read


def _read_tag(reader: Reader) -> Test:
    tag = reader.name("a tag")
    group = ""
    if reader.take_sign(","):
        reader.need_word("group", 'write tag("油皮", group "肤质")')
        group = reader.name("a tag group").text
    return HasTag(tag.text, group)


def _read_consent(reader: Reader) -> Test:
    channel = reader.name("a channel").text
    reader.need_sign(",", 'say for which purpose: consent("sms", "promotion")')
    return Consent(channel, reader.name("a purpose").text)


def _read_reachable(reader: Reader) -> Test:
    return Reachable(reader.name("a channel").text)


def _read_related(reader: Reader) -> Test:
    relation = reader.name("a relation")
    to = reader.name("whom or what").text if reader.take_sign(",") else ""
    return reader.note(Related(relation.text, to), relation.at, relation=relation.at)


def _related_by(relation: str) -> Callable[[Reader], Test]:
    return lambda reader: Related(relation, reader.name("whom or what").text)


def _read_share(reader: Reader) -> Test:
    salt = reader.name("a name for the draw").text
    reader.need_sign(",", 'say how much: share("launch-1", 25%)')
    token = reader.token
    if token.kind is not TokenKind.NUMBER or len(token.text) > 8:
        reader.fail_expecting("a percentage")
    points = Decimal(token.text) * 100
    if points != int(points):
        reader.fail("a share has at most two digits after the point", code="number")
    reader.advance()
    reader.need_sign("%", f"write {token.text}%")
    return reader.note(Share(salt, int(points)), token.at, basis_points=token.at)


def _read_hold(reader: Reader) -> Test:
    with reader.deeper():
        test = _read_condition(reader)
    reader.need_sign(",", "say how long: hold(…, 3d)")
    return Hold(test, reader.span())


def _read_unknown(reader: Reader) -> Test:
    if not _at_subject(reader):
        reader.fail_expecting("a trait or a measure", "write unknown(trait.city)")
    return Unknown(_read_subject(reader))


TESTS: dict[str, Callable[[Reader], Test]] = {
    "happened": _read_happened,
    "never": _read_never,
    "each": _read_each,
    "sequence": _read_sequence,
    "returned": _read_returned,
    "not_followed": _read_not_followed,
    "in": _read_in,
    "entered": _moved(left=False),
    "left": _moved(left=True),
    "tag": _read_tag,
    "consent": _read_consent,
    "reachable": _read_reachable,
    "related": _read_related,
    "invited_by": _related_by("invited"),
    "member_of": _related_by("group_member"),
    "held_by": _related_by("friend"),
    "share": _read_share,
    "hold": _read_hold,
    "unknown": _read_unknown,
}

_PERIOD_WORDS = {word for unit in Unit for word in (unit.value, f"{unit.value}s")}
_PLAIN_WORDS = {"everyone", "any", "all", "least", "of", "trait", "record", "group", "last", "this", "true", "false"}
# All words that mean something in a text: what an editor may complete and colour, and the reference must explain.
KEYWORDS: frozenset[str] = RESERVED | TESTS.keys() | MEASURES.keys() | _PERIOD_WORDS | _PLAIN_WORDS
