"""What a single value means: as an event carries it, as it was sent, as the engine counts it.

Pure. An event's declared properties arrive converted (`Event`), whatever doesn't fit its kind is kept
as sent in the JSON text `rest`; both are read here, so a property declared later reads the same as one
declared before. Invariant: `engine_value(sent_form(v, kind), kind) == v`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation

import msgspec

from yutang.conditions.vocabulary import NUMBER_SCALE, Kind
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import BEGINNING, DAY_MS, NEVER, instant_from_text, instant_text
from yutang.kernel.money import major_text, minor_from_major

_FLOAT_EXACT = 2**53  # integers below it survive a float
Value = int | str | None  # a word, engine units, or absent


def json_text(value: object) -> str:
    """Compact JSON with sorted keys."""
    return msgspec.json.encode(value, order="deterministic").decode()


def _inside(value: int) -> Value:
    return value if BEGINNING < value <= NEVER else None


def _string(value: object, _currency: str) -> Value:
    return value if isinstance(value, str) else json_text(value)


def _number(value: object, _currency: str) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    scaled = Decimal(value) * NUMBER_SCALE if isinstance(value, str) else float(value) * NUMBER_SCALE
    return _inside(round(scaled)) if math.isfinite(scaled) else None


def _integer(value: object, _currency: str) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float):
        return _inside(int(value)) if value.is_integer() else None
    return _inside(int(value))


def _boolean(value: object, _currency: str) -> Value:
    if isinstance(value, bool):
        return int(value)
    return {"true": 1, "false": 0}.get(value) if isinstance(value, str) else None


def _instant(value: object, _currency: str) -> Value:
    if isinstance(value, str):
        return instant_from_text(value)
    return _inside(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _date(value: object, currency: str) -> Value:
    instant = _instant(value, currency)
    return instant - instant % DAY_MS if isinstance(instant, int) else None


def _money(value: object, currency: str) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return minor_from_major(value, currency)


def _list(value: object, _currency: str) -> Value:
    return json_text(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


_READERS: Mapping[Kind, Callable[[object, str], Value]] = {
    Kind.STRING: _string,
    Kind.NUMBER: _number,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.INSTANT: _instant,
    Kind.DATE: _date,
    Kind.MONEY: _money,
    Kind.LIST: _list,
}


def engine_value(sent: object, kind: Kind, currency: str) -> Value:
    """A value as sent, in engine units or as a word; None if absent or if it doesn't convert."""
    if sent is None:
        return None
    try:
        return _READERS[kind](sent, currency)
    except (InvalidError, InvalidOperation, ValueError, OverflowError):
        return None


def sent_form(value: int | str, kind: Kind, currency: str) -> object:
    """An engine value or word as it would have been sent."""
    if isinstance(value, str):
        return msgspec.json.decode(value) if kind is Kind.LIST else value
    if kind is Kind.MONEY:
        return major_text(value, currency)
    if kind is Kind.BOOLEAN:
        return bool(value)
    if kind is Kind.NUMBER:
        return value / NUMBER_SCALE if abs(value) < _FLOAT_EXACT else str(Decimal(value) / NUMBER_SCALE)
    if kind in (Kind.INSTANT, Kind.DATE):
        try:
            return instant_text(value)
        except OverflowError:
            return value
    return value
