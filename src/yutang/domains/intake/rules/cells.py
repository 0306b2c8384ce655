"""From a cell of a file to a value as an event's sender would have sent it (JSON's types), by the wanted kind.

What the two share is judged in `values`; here only the spelling of files is undone: text for everything
(CSV), naive times, epoch numbers, lists in one text, binary noise of amounts.
Invariant: a reader returns a value for the checker, None for an empty cell, or raises InvalidError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from enum import StrEnum
from math import isfinite
from zoneinfo import ZoneInfo

from yutang.conditions.vocabulary import Kind
from yutang.domains.intake.contracts import Cell
from yutang.domains.intake.rules.values import shown
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import DAY_MS, INSTANT_MAX_MS, instant_from_datetime, instant_text

CellReader = Callable[[object], object]


class ColumnType(StrEnum):
    """What the cells of a column are, in Python's terms."""

    TEXT = "text"  # str, "" is empty
    NUMBER = "number"  # int, float or Decimal
    BOOLEAN = "boolean"
    NAIVE = "time without zone"  # int: ms since 1970 on the wall clock
    INSTANT = "instant"  # int: ms since 1970, UTC
    DATE = "date"  # int: ms of the day's midnight, as if UTC
    LIST = "list"
    MIXED = "mixed"  # JSON: each cell is what it is
    OTHER = "other"  # structures, bytes: can't be mapped


_WHOLE = re.compile(r"[+-]?[0-9]{1,30}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")
_TRUE = frozenset({"true", "yes", "y", "1", "t", "是", "真"})
_FALSE = frozenset({"false", "no", "n", "0", "f", "否", "假"})
_EPOCH_UNITS_MS = {"epoch_s": 1000, "epoch_ms": 1}
TIME_CHARS_MAX = 64
DECIMALS_MAX = 9
_NAIVE_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a column is read. zone: of times without one. cell: its options (format, decimals, split)."""

    column_type: ColumnType
    zone: str
    cell: Cell = field(default_factory=Cell)


def reader(reading: Reading, kind: Kind | None) -> CellReader:
    """The reader of a column for a value of a kind; None: for a property that isn't declared."""
    read = _READERS[kind]
    return lambda cell: None if cell is None or cell == "" else read(reading, cell)


def text_of(reading: Reading, cell: object) -> str:
    """A cell as text, for keys, ids and `when`; "" if it is empty. Raises InvalidError for what has none."""
    if cell is None:
        return ""
    value = _as_text(reading, cell)
    if isinstance(value, str):
        return value
    raise InvalidError("cell.type", f"{shown(cell)} has no text", remedy="map another column")


def natural_kind(column_type: ColumnType) -> Kind | None:
    """The kind of a trait that nobody declared, by its column; None: each cell says."""
    return {
        ColumnType.TEXT: Kind.STRING,
        ColumnType.NUMBER: Kind.NUMBER,
        ColumnType.BOOLEAN: Kind.BOOLEAN,
        ColumnType.NAIVE: Kind.INSTANT,
        ColumnType.INSTANT: Kind.INSTANT,
        ColumnType.DATE: Kind.DATE,
        ColumnType.LIST: Kind.LIST,
    }.get(column_type)


def _as_text(reading: Reading, cell: object) -> object:
    if type(cell) is str:
        return cell
    if type(cell) is int and reading.column_type is ColumnType.NUMBER and cell.bit_length() <= 256:
        return str(cell)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if reading.column_type is ColumnType.DATE and isinstance(cell, int):
        return _day_text(cell)
    if reading.column_type is ColumnType.INSTANT and isinstance(cell, int):
        return instant_text(cell)
    if reading.column_type is ColumnType.NAIVE and isinstance(cell, int):
        return instant_text(cell).removesuffix("Z")
    if isinstance(cell, int):
        return str(cell) if cell.bit_length() <= 256 else cell
    if isinstance(cell, float):
        return str(int(cell)) if isfinite(cell) and cell == int(cell) and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return cell


def _as_number(reading: Reading, cell: object) -> object:
    cell = _rounded(reading.cell, cell)
    if isinstance(cell, Decimal):
        return float(cell)
    if isinstance(cell, str):
        text = cell.strip()
        if _WHOLE.fullmatch(text):
            return int(text)
        return float(text) if _DECIMAL.fullmatch(text) else cell
    return cell


def _as_whole(reading: Reading, cell: object) -> object:
    if isinstance(cell, Decimal) and cell == cell.to_integral_value():
        return int(cell)
    if isinstance(cell, str) and _WHOLE.fullmatch(cell.strip()):
        return int(cell)
    return cell


def _as_boolean(_reading: Reading, cell: object) -> object:
    if isinstance(cell, str):
        word = cell.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else cell
    return bool(cell) if type(cell) is int and cell in (0, 1) else cell


def _as_amount(reading: Reading, cell: object) -> object:
    cell = _rounded(reading.cell, cell)
    if isinstance(cell, Decimal):
        if reading.cell.decimals is not None:
            return f"{cell:f}"
        whole, _, places = f"{cell:f}".partition(".")
        return f"{whole}.{places.rstrip('0')}".rstrip(".")  # a column's scale isn't the amount's precision
    return cell.strip() if isinstance(cell, str) else cell


def _rounded(options: Cell, cell: object) -> object:
    """Rounded half to even, as a Decimal, if the mapping asks for it and it is a number at all."""
    if options.decimals is None or isinstance(cell, bool):
        return cell
    try:
        exact = Decimal(repr(cell) if isinstance(cell, float) else str(cell).strip()[:TIME_CHARS_MAX])
        if not exact.is_finite() or abs(exact) > Decimal(10) ** 15:
            return cell
        return exact.quantize(Decimal(1).scaleb(-options.decimals), ROUND_HALF_EVEN)
    except InvalidOperation:
        return cell


def _as_list(reading: Reading, cell: object) -> object:
    if isinstance(cell, str):
        parts = cell.split(reading.cell.split) if reading.cell.split else [cell]
        return [part.strip() for part in parts if part.strip()]
    return cell


def _as_it_is(reading: Reading, cell: object) -> object:
    if reading.cell.split:
        return _as_list(reading, cell)
    if reading.cell.decimals is not None:
        return _as_number(reading, cell)
    if reading.cell.format:
        return instant_text(_instant(reading, cell))
    if isinstance(cell, Decimal):
        return float(cell)
    if reading.column_type is ColumnType.NAIVE:
        return instant_text(_instant(reading, cell))
    if reading.column_type in (ColumnType.DATE, ColumnType.INSTANT):
        return _as_text(reading, cell)
    return cell


def _as_date(reading: Reading, cell: object) -> object:
    if reading.column_type is ColumnType.DATE and isinstance(cell, int):
        return _day_text(cell)
    if reading.column_type is ColumnType.NAIVE and isinstance(cell, int):
        return _day_text(cell)
    if reading.column_type is ColumnType.INSTANT and isinstance(cell, int):
        return _local(cell, reading.zone).date().isoformat()
    if isinstance(cell, str):
        text = cell.strip()
        if reading.cell.format:
            return _parsed(text, reading.cell.format).date().isoformat()
        return text[:10] if len(text) > 10 and text[10] in "T " else text
    return cell


def _as_instant(reading: Reading, cell: object) -> object:
    return _instant(reading, cell)


def _instant(reading: Reading, cell: object) -> int:
    if reading.column_type is ColumnType.NAIVE and reading.zone == "UTC" and type(cell) is int:
        return cell
    if isinstance(cell, bool):
        raise _malformed(cell)
    scale = _EPOCH_UNITS_MS.get(reading.cell.format)
    if isinstance(cell, str):
        text = cell.strip()
        if scale is not None:
            if not _DECIMAL.fullmatch(text):
                raise _malformed(cell)
            return _epoch(Decimal(text), scale, cell)
        moment = _parsed(text, reading.cell.format) if reading.cell.format else _iso(text)
        return _from_wall(moment, reading.zone) if moment.tzinfo is None else instant_from_datetime(moment)
    if not isinstance(cell, int | float | Decimal):
        raise _malformed(cell)
    if reading.column_type is ColumnType.INSTANT and isinstance(cell, int):
        return cell
    if reading.column_type in (ColumnType.NAIVE, ColumnType.DATE) and isinstance(cell, int):
        if reading.zone == "UTC":
            return cell
        if not -62_135_596_800_000 <= cell < INSTANT_MAX_MS:
            raise _malformed(cell)
        return _from_wall(_NAIVE_EPOCH + timedelta(milliseconds=cell), reading.zone)
    return _epoch(Decimal(repr(cell)) if isinstance(cell, float) else Decimal(cell), scale or 1, cell)


def _epoch(number: Decimal, scale: int, cell: object) -> int:
    if not number.is_finite() or abs(number) * scale > 10 * INSTANT_MAX_MS:
        raise _malformed(cell)
    return int(number * scale)


def _from_wall(moment: datetime, zone: str) -> int:
    """A wall-clock time in a zone; one that occurs twice is the first, one that is skipped counts on."""
    try:
        return instant_from_datetime(moment.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone)))
    except OverflowError:
        raise _malformed(moment.isoformat()) from None


def _local(instant: int, zone: str) -> datetime:
    try:
        return (_NAIVE_EPOCH + timedelta(milliseconds=instant)).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    except (OverflowError, ValueError):
        raise _malformed(instant) from None


def _iso(text: str) -> datetime:
    if len(text) > TIME_CHARS_MAX or not text.isascii():
        raise _malformed(text)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise _malformed(text) from None


def _parsed(text: str, layout: str) -> datetime:
    try:
        return datetime.strptime(text[:TIME_CHARS_MAX], layout)
    except (ValueError, re.error):
        raise InvalidError(
            "cell.time", f"{shown(text)} doesn't read as {layout}", remedy="mend the row, or `format` in the mapping"
        ) from None


def _day_text(cell: int) -> str:
    try:
        return (date(1970, 1, 1) + timedelta(days=cell // DAY_MS)).isoformat()
    except OverflowError:
        raise _malformed(cell) from None


def _malformed(cell: object) -> InvalidError:
    return InvalidError(
        "cell.time", f"{shown(cell)} isn't a time", remedy="write it like 2017-03-01 10:00:00, or give its `format`"
    )


_READERS: Mapping[Kind | None, Callable[[Reading, object], object]] = {
    Kind.STRING: _as_text,
    Kind.NUMBER: _as_number,
    Kind.INTEGER: _as_whole,
    Kind.BOOLEAN: _as_boolean,
    Kind.INSTANT: _as_instant,
    Kind.DATE: _as_date,
    Kind.MONEY: _as_amount,
    Kind.LIST: _as_list,
    None: _as_it_is,
}
