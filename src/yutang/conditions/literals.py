"""Literals: how a number, an amount, a date, an instant, a span is written, and what it is then.

Invariant: a literal has one canonical text, and reading that gives the same literal. No float, no
rounding: what has too many digits is refused. Dates are days of a zone; midnight is the first instant
of the local day. Errors carry no place: who reads knows it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from yutang.conditions.limits import INTEGER_ABS_MAX, NUMBER_ABS_MAX, NUMBER_DIGITS_MAX, SPAN_MS_MAX
from yutang.conditions.nodes import Day, Fixed, Flag, Instant, Money, Number, Span, Text, Value
from yutang.conditions.vocabulary import Vocabulary
from yutang.kernel.errors import ConditionError
from yutang.kernel.instants import (
    DAY_MS,
    INSTANT_MAX_MS,
    INSTANT_MIN_MS,
    datetime_from_instant,
    instant_from_datetime,
    instant_from_text,
    instant_text,
    span_from_text,
    span_text,
)
from yutang.kernel.money import MINOR_MAX, currency_digits, major_text, minor_from_major

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER_CHARS_MAX = 40


def quoted(text: str) -> str:
    """A text as JSON writes it; letters of every script stay as they are."""
    return msgspec.json.encode(text).decode()


def number_text(text: str, *, whole: bool = False) -> str:
    """The shortest text of a decimal (`12.50` → `12.5`, `-0` → `0`).

    Raises `condition.number` for what is malformed, too precise, too large, or has a fraction where whole.
    """
    if len(text) > _NUMBER_CHARS_MAX or not _NUMBER.fullmatch(text):
        raise ConditionError(
            "condition.number", f"{text[:_NUMBER_CHARS_MAX]!r} isn't a number", remedy="write digits, such as 12.5"
        )
    fraction = text.partition(".")[2].rstrip("0")
    if whole and fraction:
        raise ConditionError("condition.number", f"{text} has a fraction", remedy="write a whole number")
    if len(fraction) > NUMBER_DIGITS_MAX:
        raise ConditionError(
            "condition.number",
            f"{text} has more than {NUMBER_DIGITS_MAX} digits after the point",
            remedy=f"round it to {NUMBER_DIGITS_MAX} digits",
        )
    if abs(Decimal(text)) > (INTEGER_ABS_MAX if whole else NUMBER_ABS_MAX):
        raise ConditionError("condition.number", f"{text} is too large", remedy="check the unit")
    return shortest_number(text)


def shortest_number(text: str) -> str:
    """The shortest text of a well-formed decimal."""
    integer, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    digits = integer.lstrip("-").lstrip("0") or "0"
    shortest = f"{digits}.{fraction}" if fraction else digits
    return f"-{shortest}" if integer.startswith("-") and shortest != "0" else shortest


def day_from_text(text: str) -> str:
    """A calendar day in ISO 8601. Raises `condition.date` if there is no such day."""
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        date.fromisoformat(text)
    except ValueError:
        raise ConditionError(
            "condition.date", f"{text[:_NUMBER_CHARS_MAX]!r} isn't a date", remedy="write year-month-day: 2017-03-01"
        ) from None
    return text


@lru_cache(maxsize=64)
def zone_named(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises `condition.zone` if it isn't known."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ConditionError(
            "condition.zone", f"there is no time zone {name!r}", remedy="write an IANA name: Asia/Shanghai"
        ) from None


def midnight(day: str, zone: str) -> int:
    """The first instant of a local day, ms UTC; where clocks skip midnight, the instant they skip at."""
    place = zone_named(zone)
    wanted = date.fromisoformat(day)
    try:
        start = datetime(wanted.year, wanted.month, wanted.day, tzinfo=place)
        late = instant_from_datetime(start.astimezone(UTC))
        if datetime_from_instant(late).astimezone(place).replace(tzinfo=None) == start.replace(tzinfo=None):
            return late
    except OverflowError:
        raise ConditionError("condition.instant_range", f"{day} is out of range") from None
    early = late - DAY_MS  # a local day earlier or at least before the gap; halve until the first instant is met
    while early + 1 < late:
        middle = (early + late) // 2
        if datetime_from_instant(middle).astimezone(place).date() >= wanted:
            late = middle
        else:
            early = middle
    return late


def instant_in_range(instant: int) -> int:
    """The instant itself. Raises `condition.instant_range` outside what an instant may be."""
    if not INSTANT_MIN_MS <= instant <= INSTANT_MAX_MS:
        raise ConditionError(
            "condition.instant_range", "the instant is before 1970 or after 2100", remedy="check the year"
        )
    return instant


def instant_from_literal(text: str, zone: str) -> int:
    """An instant (RFC 3339) or a date, read as midnight in the zone: ms UTC.

    Raises `condition.date`, `condition.instant_range`, `instant.malformed`.
    """
    if "T" in text:
        return instant_in_range(instant_from_text(text))
    return instant_in_range(midnight(day_from_text(text), zone))


def instant_literal(instant: int, zone: str) -> str:
    """A date if the instant is a midnight in the zone, else RFC 3339 in UTC."""
    day = datetime_from_instant(instant).astimezone(zone_named(zone)).date().isoformat()
    return day if midnight(day, zone) == instant else instant_text(instant)


def span_from_literal(text: str) -> int:
    """A span such as `30d`, `1d12h`, `-7d`: ms. Raises `condition.span_range` beyond a hundred years."""
    if len(text) > _NUMBER_CHARS_MAX:
        raise ConditionError("condition.span_range", "the span is too long", remedy="write it shorter: 1d12h")
    span = -span_from_text(text[1:]) if text.startswith("-") else span_from_text(text)
    if abs(span) > SPAN_MS_MAX:
        raise ConditionError("condition.span_range", f"{text} is more than a hundred years", remedy="check the unit")
    return span


def span_literal(span_ms: int) -> str:
    """The shortest text of a span; none at all is `0d`."""
    if span_ms == 0:
        return "0d"
    return f"-{span_text(-span_ms)}" if span_ms < 0 else span_text(span_ms)


def money_from_literal(text: str, currency: str) -> Money:
    """Major units in the pool's currency. Raises `money.too_precise`, `money.too_large`, `money.malformed`."""
    return Money(minor_from_major(text, currency), currency)


def money_literal(money: Money) -> str:
    """Major units: without digits after the point where they are zero, else with all that the currency has."""
    whole = 10 ** currency_digits(money.currency)
    return str(money.minor // whole) if money.minor % whole == 0 else major_text(money.minor, money.currency)


def money_in_range(money: Money) -> bool:
    """Whether the amount is one that can be written."""
    return abs(money.minor) <= MINOR_MAX


def window_literal(window: Fixed, zone: str) -> str:
    """`from 2017-01-01 to 2017-02-01`, either part left out where that end is open."""
    parts = []
    if window.start is not None:
        parts.append(f"from {instant_literal(window.start, zone)}")
    if window.end is not None:
        parts.append(f"to {instant_literal(window.end, zone)}")
    return " ".join(parts)


def percent_text(basis_points: int) -> str:
    """Hundredths of a percent as a percentage: 50 → `0.5%`, 2500 → `25%`."""
    whole, rest = divmod(basis_points, 100)
    return f"{f'{whole}.{rest:02}'.rstrip('0') if rest else whole}%"


def value_literal(value: Value, vocabulary: Vocabulary) -> str:
    """The canonical text of any literal."""
    match value:
        case Text():
            return quoted(value.value)
        case Number():
            return value.value
        case Flag():
            return "true" if value.value else "false"
        case Money():
            return money_literal(value)
        case Instant():
            return instant_literal(value.at, vocabulary.zone)
        case Day():
            return value.date
        case Span():
            return span_literal(value.ms)
