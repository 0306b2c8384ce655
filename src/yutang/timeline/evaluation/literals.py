"""Values of conditions in engine units, and how they are compared with columns and measures.

Owns what is comparable with what:

    NUMBER, INTEGER      a number, exactly: `> 2.5` on integers is `>= 3`
    MONEY                money; a bare number counts as major units of the pool's currency
    BOOLEAN              true, false
    INSTANT              an instant; a day: compared by the local day in which the instant lies
    DATE                 a day; an instant: compared by the first instant of the date's local day
    STRING               text, by code points; a number or flag: compared with texts that read as one
    LIST                 text: contains it; `=`: is exactly the list of it

Anything else, and any unknown, compares as false. A predicate on words is evaluated once per distinct
word; a comparison of integers with an exact fraction is one vectorised comparison with its floor or
ceiling.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import partial

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yutang.conditions.nodes import Day, Flag, Instant, Money, Number, Op, Span, Text, Value
from yutang.conditions.vocabulary import NUMBER_SCALE, Kind
from yutang.kernel.errors import ConditionError
from yutang.kernel.instants import DAY_MS
from yutang.kernel.money import currency_digits
from yutang.timeline.boundaries import Calendar
from yutang.timeline.columns import Words
from yutang.timeline.kernels.gather import flags_of
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.view import Column

_EXPONENT_MAX = 40  # a text such as 1e999999 isn't worth its digits
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_FLAG_TEXTS = {"true": 1, "false": 0}
_SCALES = {Kind.NUMBER: NUMBER_SCALE, Kind.INTEGER: 1}
_TEXT_OPS: dict[Op, Callable[[str, str], bool]] = {
    Op.EQ: str.__eq__,
    Op.NE: str.__ne__,
    Op.LT: str.__lt__,
    Op.LE: str.__le__,
    Op.GT: str.__gt__,
    Op.GE: str.__ge__,
    Op.CONTAINS: str.__contains__,
    Op.STARTS: str.startswith,
    Op.ENDS: str.endswith,
}
# The same over a whole Arrow array; its strings compare by their bytes, which is by code points.
_ARROW_OPS: dict[Op, Callable[[pa.Array, str], pa.Array]] = {
    Op.EQ: pc.equal,
    Op.NE: pc.not_equal,
    Op.LT: pc.less,
    Op.LE: pc.less_equal,
    Op.GT: pc.greater,
    Op.GE: pc.greater_equal,
    Op.CONTAINS: pc.match_substring,
    Op.STARTS: pc.starts_with,
    Op.ENDS: pc.ends_with,
}
WORDS_A_ROW_SHARED = 64  # words that columns share are all tried unless they are so many times the rows


def day_number(text: str) -> int:
    """Days since 1970 of an ISO date."""
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH_ORDINAL
    except ValueError:
        raise ConditionError(
            "condition.bad_date", f"{text!r} isn't a date", remedy="write it like 1990-05-01"
        ) from None


def fraction(text: str) -> Fraction:
    """The exact value of a number's text."""
    number = number_of(text)
    if number is None:
        raise ConditionError("condition.bad_number", f"{text!r} isn't a number", remedy="write it like 12.5")
    return number


def engine_value(value: Value, kind: Kind, currency: str) -> Fraction | None:
    """The value in the units of a kind that counts; None if they don't compare (text, days with instants …)."""
    if isinstance(value, Number) and kind in _SCALES:
        return fraction(value.value) * _SCALES[kind]
    if isinstance(value, Number) and kind is Kind.MONEY:
        return fraction(value.value) * Fraction(10) ** currency_digits(currency)
    if isinstance(value, Money) and kind is Kind.MONEY and value.currency == currency:
        return Fraction(value.minor)
    if isinstance(value, Flag) and kind is Kind.BOOLEAN:
        return Fraction(value.value)
    if isinstance(value, Instant) and kind is Kind.INSTANT:
        return Fraction(value.at)
    if isinstance(value, Day) and kind is Kind.DATE:
        return Fraction(day_number(value.date) * DAY_MS)
    if isinstance(value, Span) and kind is Kind.INTEGER:
        return Fraction(value.ms)
    return None


def compare_ints(values: Ints, op: Op, than: Fraction) -> Flags:
    """Integers against an exact number; the caller masks the unknown. Text operators are false."""
    low, high = math.floor(than), math.ceil(than)
    if op is Op.GE:
        return values >= high
    if op is Op.GT:
        return values > low
    if op is Op.LT:
        return values < high
    if op is Op.LE:
        return values <= low
    if op is Op.EQ:
        return values == low if low == high else np.zeros(len(values), np.bool_)
    if op is Op.NE:
        return values != low if low == high else np.ones(len(values), np.bool_)
    return np.zeros(len(values), np.bool_)


def compare_column(column: Column, op: Op, value: Value, calendar: Calendar, currency: str) -> Flags:
    """bool[m]: where the column compares so with the value; false where it is unknown."""
    if column.kind in (Kind.STRING, Kind.LIST):
        key = (op, value.value) if column.kind is Kind.STRING and isinstance(value, Text) else (op, value, column.kind)
        return word_flags(column, _word_test(column.kind, op, value), key)
    values, kind, known = column.values, column.kind, column.values != UNKNOWN
    if kind is Kind.INSTANT and isinstance(value, Day):
        values, kind = calendar.local_days(np.where(known, values, 0)) * DAY_MS, Kind.DATE
    elif kind is Kind.DATE and isinstance(value, Instant):
        values, kind = calendar.first_instants(np.where(known, values, 0) // DAY_MS), Kind.INSTANT
    than = engine_value(value, kind, currency)
    if than is None:
        return np.zeros(len(values), np.bool_)
    flags: Flags = known & compare_ints(values, op, than)
    return flags


def word_flags(column: Column, test: Callable[[str], bool], key: Hashable = None) -> Flags:
    """bool[m]: where the word passes; each distinct word is tried once, and only words that occur or all, whichever
    is fewer. key: tells the test from all others; with it, words that columns share are tried once for all of them."""
    words, codes = column.words, column.values
    if len(words) <= len(codes) * (WORDS_A_ROW_SHARED if key is not None and isinstance(words, Words) else 1):
        if key is not None and isinstance(words, Words):
            return flags_of(words.flags(key, partial(_tried, key, test)), codes)
        return flags_of(np.fromiter(map(test, words), np.bool_, len(words)), codes)
    present, codes = np.unique(codes, return_inverse=True)
    table = np.array([code != UNKNOWN and test(words[code]) for code in present.tolist()], np.bool_)
    flags: Flags = table[codes]
    return flags


def word_is(column: Column, word: str) -> Flags:
    """bool[m]: where it is this word."""
    return word_flags(column, word.__eq__, (Op.EQ, word))


def _tried(key: Hashable, test: Callable[[str], bool], words: pa.Array) -> Flags:
    """bool[words]: which of them pass; a plain comparison of texts without a Python call a word."""
    if isinstance(key, tuple) and len(key) == 2 and key[0] in _ARROW_OPS:
        with suppress(UnicodeEncodeError):  # half a character, which no word holds, but an order can be asked about
            found: Flags = _ARROW_OPS[key[0]](words, key[1]).to_numpy(zero_copy_only=False)
            return found
    return np.fromiter(map(test, words.to_pylist()), np.bool_, len(words))


def list_items(word: str) -> Sequence[str]:
    """The elements of a LIST's word (a JSON array)."""
    return [str(item) for item in msgspec.json.decode(word, type=list[object])]


def _word_test(kind: Kind, op: Op, value: Value) -> Callable[[str], bool]:
    if kind is Kind.LIST:
        return _list_test(op, value)
    if isinstance(value, Text):
        compare, text = _TEXT_OPS[op], value.value
        return lambda word: compare(word, text)
    if isinstance(value, Number):
        return _number_test(op, fraction(value.value))
    if isinstance(value, Flag):
        wanted, negated = int(value.value), op is Op.NE
        if op in (Op.EQ, Op.NE):
            return lambda word: word in _FLAG_TEXTS and (_FLAG_TEXTS[word] == wanted) != negated
    return lambda word: False


def _list_test(op: Op, value: Value) -> Callable[[str], bool]:
    if not isinstance(value, Text):
        return lambda word: False
    text = value.value
    if op is Op.CONTAINS:
        return lambda word: text in list_items(word)
    if op is Op.EQ:
        return lambda word: list_items(word) == [text]
    if op is Op.NE:
        return lambda word: list_items(word) != [text]
    return lambda word: False


_ORDER_OPS: dict[Op, Callable[[Fraction, Fraction], bool]] = {
    Op.EQ: lambda a, b: a == b,
    Op.NE: lambda a, b: a != b,
    Op.LT: lambda a, b: a < b,
    Op.LE: lambda a, b: a <= b,
    Op.GT: lambda a, b: a > b,
    Op.GE: lambda a, b: a >= b,
}


def _number_test(op: Op, than: Fraction) -> Callable[[str], bool]:
    compare = _ORDER_OPS.get(op)
    if compare is None:
        return lambda word: False

    def test(word: str) -> bool:
        number = number_of(word)
        return number is not None and compare(number, than)

    return test


def number_of(word: str) -> Fraction | None:
    """The number that a text reads as, None if it isn't one."""
    try:
        number = Decimal(word)
    except InvalidOperation:
        return None
    return Fraction(number) if number.is_finite() and abs(number.adjusted()) <= _EXPONENT_MAX else None
