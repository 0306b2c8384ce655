"""Instants and spans as the whole house counts them: int64 milliseconds, UTC, since 1970.

Invariant: an instant is an `int`; a `datetime` exists only at the edges, inside this module and the
calendar. Order on a timeline is (at, id hash), never arrival.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from yutang.kernel.errors import InvalidError

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS

# Before all and after all: what a step function starts at, and a change that never comes.
BEGINNING = -(2**63)
NEVER = 2**63 - 1

# The first instant that an event may carry, and the last one that anything may name.
INSTANT_MIN_MS = 0
INSTANT_MAX_MS = 4_102_444_800_000  # 2100-01-01T00:00:00Z

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPAN_UNITS = {"ms": 1, "s": SECOND_MS, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS, "w": WEEK_MS}
_SPAN = re.compile(r"(\d+)\s*(ms|s|m|h|d|w)")


def instant_from_datetime(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime; finer digits are cut."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def instant_from_text(text: str, *, where: str = "") -> int:
    """RFC 3339 (`2017-03-01T10:00:00Z`, offset required) or a bare date, read as UTC midnight."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidError(
            "instant.malformed",
            f"{text!r} isn't an instant",
            where=where,
            remedy="write it like 2017-03-01T10:00:00Z or 2017-03-01",
        ) from None
    if moment.tzinfo is None:
        if len(text.strip()) > len("2017-03-01"):
            raise InvalidError(
                "instant.no_offset",
                f"{text!r} has no offset from UTC",
                where=where,
                remedy="end it with Z or an offset such as +08:00",
            )
        moment = moment.replace(tzinfo=UTC)
    return instant_from_datetime(moment)


def datetime_from_instant(instant: int) -> datetime:
    """The aware UTC datetime of an instant."""
    return _EPOCH + timedelta(milliseconds=instant)


def instant_text(instant: int) -> str:
    """RFC 3339 in UTC; milliseconds only where they aren't zero; `never` and `beginning` at the ends."""
    if instant >= NEVER:
        return "never"
    if instant <= BEGINNING:
        return "beginning"
    moment = datetime_from_instant(instant)
    spec = "milliseconds" if instant % SECOND_MS else "seconds"
    return moment.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def span_from_text(text: str, *, where: str = "") -> int:
    """A span such as `30d`, `12h`, `90m`, `1d12h` in milliseconds. Months and years aren't spans."""
    compact = text.strip()
    parts = _SPAN.findall(compact)
    if not parts or _SPAN.sub("", compact).strip():
        raise InvalidError(
            "span.malformed",
            f"{text!r} isn't a span of time",
            where=where,
            remedy="write a number and a unit: 45s, 90m, 12h, 30d, 2w",
        )
    return sum(int(number) * _SPAN_UNITS[unit] for number, unit in parts)


def span_text(span_ms: int) -> str:
    """The shortest text that `span_from_text` reads back as the same span."""
    if span_ms == 0:
        return "0s"
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        count, span_ms = divmod(span_ms, _SPAN_UNITS[unit])
        if count:
            text += f"{count}{unit}"
    return text
