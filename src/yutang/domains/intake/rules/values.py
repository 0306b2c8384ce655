"""Converting one value as sent (JSON's types) into canonical form, by kind; the one definition of "right".

Canonical: STRING str · NUMBER float (never -0.0) · INTEGER int · BOOLEAN bool · INSTANT ms UTC · DATE ms of
its UTC midnight · MONEY minor units of the pool's currency · LIST list[str]. What isn't declared stays as
sent, bounded in depth and size.
Invariant: a converter returns canonical form or raises InvalidError with code, message and remedy, whatever
object it is given; converting again what JSON would make of canonical STRING, NUMBER, INTEGER, BOOLEAN,
LIST and INSTANT changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from math import isfinite

from yutang.conditions.limits import INTEGER_ABS_MAX
from yutang.conditions.vocabulary import Kind
from yutang.domains.intake.contracts import LIST_ITEMS_COUNT_MAX, PROPERTY_DEPTH_MAX
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import DAY_MS, INSTANT_MAX_MS, instant_from_text, instant_text
from yutang.kernel.limits import NAME_CHARS_MAX, TEXT_VALUE_CHARS_MAX
from yutang.kernel.money import MINOR_MAX, currency_digits, minor_from_major

Converter = Callable[[object], object]

NUMBER_ABS_MAX = 9.2e12  # the engine counts millionths in an int64
PAST_INSTANT_MIN_MS = -62_135_596_800_000  # 0001-01-01T00:00:00Z: birthdays may lie before 1970
_INT64_MAX = 2**63 - 1
_ORDINAL_1970 = date(1970, 1, 1).toordinal()

# What no text may hold: controls other than tab and line ends, and halves of surrogate pairs.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_AMOUNT = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,9})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SHOWN_CHARS_MAX = 60


def shown(value: object) -> str:
    """A value as messages show it: cut, printable."""
    text = ascii(value) if isinstance(value, str) and _FORBIDDEN.search(value[:_SHOWN_CHARS_MAX]) else _repr(value)
    return text if len(text) <= _SHOWN_CHARS_MAX else text[:_SHOWN_CHARS_MAX] + "…"


def _repr(value: object) -> str:
    if isinstance(value, str):
        return repr(value[: _SHOWN_CHARS_MAX + 1])
    if isinstance(value, int | float | bool | None):
        return repr(value) if not isinstance(value, int) or value.bit_length() <= 256 else "a huge number"
    return f"a {type(value).__name__}"


def _wrong(kind: str, value: object, remedy: str) -> InvalidError:
    return InvalidError("value.type", f"{shown(value)} isn't {kind}", remedy=remedy)


def text_value(value: object) -> str:
    """STRING: text without control characters, as it is."""
    if type(value) is not str:
        raise _wrong("text", value, 'send it in quotes: "…"')
    if len(value) > TEXT_VALUE_CHARS_MAX:
        raise InvalidError(
            "value.too_long", f"the text has {len(value)} characters, {TEXT_VALUE_CHARS_MAX} is the most",
            remedy="shorten it; larger things belong into media",
        )  # fmt: skip
    if not value.isprintable() and (bad := _FORBIDDEN.search(value)):
        raise InvalidError(
            "value.control_character",
            f"the text holds U+{ord(bad[0]):04X} at character {bad.start() + 1}",
            remedy="remove control characters and broken surrogates",
        )
    return value


def name_value(value: object) -> str:
    """A name (type, property, kind): one printable line, not blank at its ends."""
    if type(value) is not str:
        raise _wrong("a name", value, "send it as text")
    if not value or len(value) > NAME_CHARS_MAX:
        raise InvalidError(
            "name.length", f"a name has 1 to {NAME_CHARS_MAX} characters, not {len(value)}", remedy="choose another"
        )
    if not value.isprintable() or value != value.strip():
        raise InvalidError(
            "name.characters", f"{shown(value)} can't be a name", remedy="use printable characters, no blank at an end"
        )
    return value


def number_value(value: object) -> float:
    """NUMBER: finite, within ±9.2e12."""
    if type(value) is not float and type(value) is not int:
        raise _wrong("a number", value, "send a number without quotes, such as 12.5")
    if not -NUMBER_ABS_MAX < value < NUMBER_ABS_MAX:
        if type(value) is float and not isfinite(value):
            raise InvalidError("value.not_finite", f"{value} isn't a number", remedy="leave it out if it is unknown")
        raise InvalidError(
            "value.out_of_range", f"{shown(value)} lies beyond ±9.2e12", remedy="use a larger unit, or text"
        )
    return value + 0.0


def integer_value(value: object) -> int:
    """INTEGER: whole, within ±(2^53 − 1); a float counts if it is whole."""
    if type(value) is float and isfinite(value) and value == int(value):
        value = int(value)
    if type(value) is not int:
        raise _wrong("a whole number", value, "send a number without quotes and without decimals")
    if not -INTEGER_ABS_MAX <= value <= INTEGER_ABS_MAX:
        raise InvalidError(
            "value.out_of_range", f"{shown(value)} lies beyond ±(2^53 − 1)", remedy="send long numbers as text"
        )
    return value


def boolean_value(value: object) -> bool:
    """BOOLEAN: true or false, nothing that looks like it."""
    if type(value) is not bool:
        raise _wrong("true or false", value, "send true or false without quotes")
    return value


def instant_value(value: object) -> int:
    """INSTANT: RFC 3339 with an offset, or ms since 1970."""
    if type(value) is str:
        if len(value) > _SHOWN_CHARS_MAX or not value.isascii():
            raise _wrong("an instant", value, "write it like 2017-03-01T10:00:00Z")
        instant = instant_from_text(value)
    elif type(value) is int:
        instant = value
    else:
        raise _wrong("an instant", value, "write it like 2017-03-01T10:00:00Z, or as milliseconds since 1970")
    if not PAST_INSTANT_MIN_MS <= instant < INSTANT_MAX_MS:
        raise InvalidError(
            "value.out_of_range", f"{_calendar(instant, value)} lies beyond what an instant may be",
            remedy="instants end with 2099; numbers are milliseconds since 1970",
        )  # fmt: skip
    return instant


def _calendar(instant: int, value: object) -> str:
    """An instant as people read it, where calendars reach."""
    try:
        return instant_text(instant)
    except OverflowError:
        return shown(value)


def date_value(value: object) -> int:
    """DATE: a calendar day as text → ms of its midnight in UTC."""
    if type(value) is not str or not _DATE.fullmatch(value) or not value.isascii():
        raise _wrong("a date", value, "write it like 1990-05-01")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise _wrong("a day of the calendar", value, "write it like 1990-05-01") from None
    instant = (day.toordinal() - _ORDINAL_1970) * DAY_MS
    if instant >= INSTANT_MAX_MS:
        raise InvalidError("value.out_of_range", f"{value} lies too far ahead", remedy="dates end with 2099")
    return instant


def list_value(value: object) -> list[str]:
    """LIST: of texts."""
    if type(value) is not list:
        raise _wrong("a list of texts", value, 'send it like ["a", "b"]')
    if len(value) > LIST_ITEMS_COUNT_MAX:
        raise InvalidError(
            "value.too_long", f"the list has {len(value)} elements, {LIST_ITEMS_COUNT_MAX} is the most",
            remedy="send fewer",
        )  # fmt: skip
    return [text_value(item) for item in value]


def money_converter(currency: str) -> Converter:
    """MONEY: an amount in major units (a number, or decimal text, which is exact) → minor units."""
    scale = 10 ** currency_digits(currency)
    float_max = MINOR_MAX / scale

    def money_value(value: object) -> int:
        if type(value) is float:
            if -float_max < value < float_max:
                # Below 10^15 a decimal is the shortest text of the float nearest to it, so this equals
                # reading that text, without the text.
                minor: int = round(value * scale)
                if minor / scale == value:
                    return minor
        elif type(value) is str:
            if not _AMOUNT.fullmatch(value):
                raise InvalidError(
                    "money.malformed", f"{shown(value)} isn't an amount", remedy="write a number such as 12.30"
                )
        elif type(value) is not int:
            raise InvalidError(
                "money.malformed", f"{shown(value)} isn't an amount", remedy="send a number such as 12.30"
            )
        elif abs(value) > MINOR_MAX:
            raise InvalidError(
                "money.too_large", f"{shown(value)} {currency} is beyond what an amount may be",
                remedy="check the unit: amounts are written in major units",
            )  # fmt: skip
        return minor_from_major(value, currency)

    return money_value


def undeclared_value(value: object, depth: int = 0) -> object:
    """A value of a property that isn't declared: as sent, if JSON can carry it."""
    kind = type(value)
    if kind is str:
        return text_value(value)
    if kind is bool or value is None:
        return value
    if kind is int:
        if not -_INT64_MAX <= value <= _INT64_MAX:  # type: ignore[operator]
            raise InvalidError("value.out_of_range", f"{shown(value)} is too large", remedy="send it as text")
        return value
    if kind is float:
        if not isfinite(value):  # type: ignore[arg-type]
            raise InvalidError("value.not_finite", f"{value} isn't a number", remedy="leave it out if it is unknown")
        return value + 0.0  # type: ignore[operator]
    if depth >= PROPERTY_DEPTH_MAX:
        raise InvalidError(
            "value.too_deep", f"the value is nested deeper than {PROPERTY_DEPTH_MAX} levels", remedy="flatten it"
        )
    if isinstance(value, list):
        return [undeclared_value(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {name_value(key): undeclared_value(item, depth + 1) for key, item in value.items()}
    raise _wrong("a value that JSON has", value, "send text, a number, true or false, a list or an object")


def converters(currency: str) -> Mapping[Kind, Converter]:
    """The converter of each kind, money in the pool's currency."""
    return {
        Kind.STRING: text_value,
        Kind.NUMBER: number_value,
        Kind.INTEGER: integer_value,
        Kind.BOOLEAN: boolean_value,
        Kind.INSTANT: instant_value,
        Kind.DATE: date_value,
        Kind.MONEY: money_converter(currency),
        Kind.LIST: list_value,
    }


def inferred_kind(value: object) -> Kind:
    """The kind by which a trait is declared whose first value comes without one; whole numbers are NUMBER too."""
    if type(value) is bool:
        return Kind.BOOLEAN
    if type(value) in (int, float):
        return Kind.NUMBER
    return Kind.LIST if type(value) is list else Kind.STRING
