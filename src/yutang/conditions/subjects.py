"""Reading what is looked at: event sets with their filters, windows, measures, and comparisons with literals.

    events  := ("*" | "#" mark | type ("|" type)*) ["where" filter]
    window  := span | "last" [count] unit | "this" unit | "from" instant ["to" instant] | "to" instant
    compare := subject (op literal | ["not"] "in" "(" literal, … ")" | "between" literal "and" literal)

Invariant: a literal gets the type that its subject has; a subject that the vocabulary doesn't know leaves
its literal as it looks, and `checks` reports the subject.
"""

from __future__ import annotations

from collections.abc import Callable

from yutang.conditions.lexer import Token, TokenKind
from yutang.conditions.literals import (
    day_from_text,
    instant_from_literal,
    money_from_literal,
    number_text,
    span_from_literal,
)
from yutang.conditions.logic import read_logic
from yutang.conditions.nodes import (
    Age,
    Aggregate,
    Anniversary,
    Compare,
    Count,
    Day,
    Due,
    Events,
    Fixed,
    Flag,
    Fold,
    Instant,
    Last,
    Not,
    Number,
    OneOf,
    Op,
    Periods,
    Property,
    RecordTrait,
    Rolling,
    Since,
    Span,
    Subject,
    Test,
    Text,
    This,
    Trait,
    Unit,
    Unknown,
    Value,
    Window,
)
from yutang.conditions.reader import Reader
from yutang.conditions.sorts import LITERAL_OF, Sort, sort_of

_WORD_OPERATORS = {op.value: op for op in (Op.CONTAINS, Op.STARTS, Op.ENDS)}
_SIGN_OPERATORS = {op.value: op for op in Op if op.value not in _WORD_OPERATORS}

# ── event sets ──────────────────────────────────────────────────────────────────────────────────


def read_events(reader: Reader) -> Events:
    """An event set with its filter."""
    return _read_filter(reader, _read_types(reader))


def _read_types(reader: Reader) -> Events:
    at = reader.token.at
    if reader.take_sign("*"):
        return reader.note(Events(), at)
    if reader.take_sign("#"):
        mark = reader.name("a mark (#visit, #order)")
        return reader.note(Events(mark=mark.text), at, mark=mark.at)
    names = [reader.name("an event type, #mark or *")]
    while reader.take_sign("|"):
        names.append(reader.name("an event type"))
    events = Events(tuple(name.text for name in names))
    return reader.note(events, at, **{f"types__{index}": name.at for index, name in enumerate(names)})


def _read_filter(reader: Reader, events: Events) -> Events:
    if not reader.take_word("where"):
        return events
    outer, reader.scope = reader.scope, reader.scope.filtering(events)
    with reader.deeper():
        where = read_logic(reader, _read_filter_test)
    reader.scope = outer
    filtered = Events(events.types, events.mark, where)
    at = reader.place_of(events, "")
    parts = {f"types__{index}": reader.place_of(events, f"types/{index}") for index in range(len(events.types))}
    return reader.note(filtered, at, **parts, mark=reader.place_of(events, "mark"))


def _read_filter_test(reader: Reader) -> list[Test]:
    at = reader.token.at
    if reader.at_word("unknown") and reader.next_is_sign("("):
        reader.advance()
        reader.need_sign("(")
        subject = _read_property(reader)
        reader.need_sign(")")
        return [reader.note(Unknown(subject), at)]
    subject = _read_property(reader)
    if reader.at_sign("(", "."):
        reader.fail(
            "in a filter only properties of the event may be compared",
            at=at,
            remedy="move this out of the `where` and join it with `and`",
            code="scope",
        )
    return read_comparison(reader, subject, at)


def _read_property(reader: Reader) -> Property:
    name = reader.name("a property")
    return reader.note(Property(name.text), name.at, name=name.at)


# ── windows ─────────────────────────────────────────────────────────────────────────────────────


def read_window(reader: Reader) -> Window | None:
    """A window after a comma, None where there is no comma."""
    if not reader.take_sign(","):
        return None
    at = reader.token.at
    if reader.at_word("last"):
        reader.advance()
        count = reader.count() if reader.token.kind is TokenKind.NUMBER else 1
        return reader.note(Last(reader.unit(), count), at)
    if reader.take_word("this"):
        return reader.note(This(reader.unit()), at)
    if reader.at_word("from", "to"):
        start = reader.instant() if reader.take_word("from") else None
        end = reader.instant() if reader.take_word("to") else None
        return reader.note(Fixed(start, end), at)
    if reader.token.kind is not TokenKind.SPAN:
        remedy = "write it like 30d, last 3 months, this month, from 2017-01-01 to 2017-02-01"
        reader.fail_expecting("a window", remedy)
    return reader.note(Rolling(reader.span()), at)


def read_chain(reader: Reader) -> tuple[Unit, int]:
    """How many complete periods, after a comma: `, 4 weeks`."""
    reader.need_sign(",", "say how many periods: , 4 weeks")
    count = reader.count()
    return reader.unit(), count


# ── measures; the word and its parenthesis are passed already, the closing one is the caller's ────


def _read_count(reader: Reader) -> Subject:
    events = read_events(reader)
    return Count(events, read_window(reader))


def _aggregate(fold: Fold, *, net: bool = False) -> Callable[[Reader], Subject]:
    def read(reader: Reader) -> Subject:
        at = reader.token.at
        enclosed = reader.take_sign("(")
        events = _read_types(reader)
        if enclosed:
            reader.need_sign(")")
        reader.need_sign(".", "say of which property: sum(order_paid.amount)")
        if len(events.types) > 1 and not enclosed:
            names = " | ".join(events.types)
            reader.fail("whose property this is can't be told", at=at, remedy=f"write ({names}).property")
        name = reader.name("a property")
        events = _read_filter(reader, events)
        made = Aggregate(fold, events, name.text, read_window(reader), net)
        return reader.note(made, at, property=name.at)

    return read


def _since(*, first: bool) -> Callable[[Reader], Subject]:
    return lambda reader: Since(read_events(reader), first)


def _read_periods(reader: Reader) -> Subject:
    events = read_events(reader)
    unit, count = read_chain(reader)
    return Periods(events, unit, count)


def _read_age(reader: Reader) -> Subject:
    of = _read_owned(reader)
    return Age(of, reader.unit()) if reader.take_sign(",") else Age(of)


def _read_owned(reader: Reader) -> Trait | RecordTrait:
    at = reader.token.at
    if not reader.at_word("trait", "record"):
        reader.fail_expecting("a trait", "write trait.birthday, or record.birthday inside any kind(…)")
    word = reader.advance()
    reader.need_sign(".")
    name = reader.name("the name of a trait")
    owned = Trait(name.text) if word.text.lower() == "trait" else RecordTrait(name.text)
    return reader.note(owned, at, name=name.at)


MEASURES: dict[str, Callable[[Reader], Subject]] = {
    "count": _read_count,
    **{fold.value: _aggregate(fold) for fold in Fold},
    "net": _aggregate(Fold.SUM, net=True),
    "since_last": _since(first=False),
    "since_first": _since(first=True),
    "periods": _read_periods,
    "age": _read_age,
    "due_in": lambda reader: Due(_read_owned(reader)),
    "anniversary": lambda reader: Anniversary(_read_owned(reader)),
}


def at_subject(reader: Reader) -> bool:
    """Whether a trait or a measure begins at the token at hand."""
    if reader.at_word("trait", "record"):
        return reader.next_is_sign(".")
    return reader.at_word(*MEASURES) and reader.next_is_sign("(")


def read_subject(reader: Reader) -> Subject:
    """A trait, a record's trait, or a measure; to be called where `at_subject` says so."""
    at = reader.token.at
    if reader.at_word("trait", "record"):
        return _read_owned(reader)
    read = MEASURES[reader.advance().text.lower()]
    reader.need_sign("(")
    subject = read(reader)
    reader.need_sign(")")
    property_at = reader.place_of(subject, "property") if isinstance(subject, Aggregate) else at
    return reader.note(subject, at, property=property_at)


# ── comparisons ─────────────────────────────────────────────────────────────────────────────────


def read_comparison(reader: Reader, subject: Subject, at: int) -> list[Test]:
    """What is asked of a subject that began at a place: one test, or two for `between`."""
    sort = sort_of(subject, reader.scope)
    operator = reader.token
    negated = reader.at_word("not") and reader.next_is_word("in")
    if negated:
        reader.advance()
    if reader.take_word("in"):
        one_of = reader.note(OneOf(subject, _read_values(reader, sort)), at, values=operator.at)
        return [reader.note(Not(one_of), at)] if negated else [one_of]
    if reader.take_word("between"):
        low = _read_literal(reader, sort)
        reader.need_word("and", "write between 100 and 200")
        high = _read_literal(reader, sort)
        pair = (Compare(subject, Op.GE, low), Compare(subject, Op.LE, high))
        return [reader.note(test, at, op=operator.at) for test in pair]
    op = _read_operator(reader, sort)
    return [reader.note(Compare(subject, op, _read_literal(reader, sort)), at, op=operator.at)]


def _read_operator(reader: Reader, sort: Sort | None) -> Op:
    token = reader.token
    known = _SIGN_OPERATORS if token.kind is TokenKind.SYMBOL else _WORD_OPERATORS
    op = known.get(token.text.lower()) if token.kind in (TokenKind.SYMBOL, TokenKind.WORD) else None
    if op is None:
        remedy = "write = true" if sort is Sort.FLAG else "write one of = != < <= > >=, in, between"
        reader.fail_expecting("a comparison", remedy)
    reader.advance()
    if reader.at_sign("="):
        reader.fail_expecting("a value", "write a single =")
    return op


def _read_values(reader: Reader, sort: Sort | None) -> tuple[Value, ...]:
    reader.need_sign("(")
    values = [_read_literal(reader, sort)]
    while reader.take_sign(","):
        values.append(_read_literal(reader, sort))
    reader.need_sign(")")
    return tuple(values)


def _read_literal(reader: Reader, sort: Sort | None) -> Value:
    token = reader.token
    is_flag = reader.at_word("true", "false")
    if token.kind in (TokenKind.SYMBOL, TokenKind.END) or (token.kind is TokenKind.WORD and not is_flag):
        remedy = f'put it into quotes: "{token.text}"' if token.kind is TokenKind.WORD else ""
        reader.fail_expecting(sort.value if sort else "a value", remedy)
    reader.advance()
    value = reader.placed(token.at, lambda: _typed(token, sort, reader))
    if sort is not None and not isinstance(value, LITERAL_OF[sort]):
        reader.fail(
            f"expected {sort.value}, found {token.kind.value}",
            at=token.at,
            remedy=_remedy(token, sort),
            code="value_misfit",
        )
    return reader.note(value, token.at)


def _typed(token: Token, sort: Sort | None, reader: Reader) -> Value:
    match token.kind:
        case TokenKind.STRING:
            return Text(token.text)
        case TokenKind.WORD:
            return Flag(token.text.lower() == "true")
        case TokenKind.NUMBER if sort is Sort.MONEY:
            return money_from_literal(token.text, reader.vocabulary.currency)
        case TokenKind.NUMBER:
            return Number(number_text(token.text, whole=sort is Sort.INTEGER))
        case TokenKind.SPAN:
            return Span(span_from_literal(token.text))
        case TokenKind.DATE if sort is Sort.INSTANT:
            return Instant(instant_from_literal(token.text, reader.vocabulary.zone))
        case TokenKind.DATE:
            return Day(day_from_text(token.text))
        case _:
            return Instant(instant_from_literal(token.text, reader.vocabulary.zone))


def _remedy(token: Token, sort: Sort) -> str:
    if sort in (Sort.TEXT, Sort.LIST):
        return f'put it into quotes: "{token.text}"'
    if sort in (Sort.SPAN, Sort.DAYS) and token.kind is TokenKind.NUMBER:
        return f"write {token.text}d for days"
    if sort is Sort.DAY and token.kind is TokenKind.INSTANT:
        return f"write the day alone: {token.text[:10]}"
    if sort is Sort.FLAG:
        return "write true or false"
    return "leave the quotes out" if token.kind is TokenKind.STRING else ""
