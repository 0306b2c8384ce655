"""Calendar boundaries in a zone: where local days, weeks, months and years begin, and what lies between.

Owns the only arithmetic on time zones in the engine. A zone is read once (`calendar` keeps it): its
transitions are found by comparing the offsets of neighbouring days and halving to the second; from them
a table of the first instants of all days follows without a loop. Everything else is `searchsorted`.

A local day begins at its first instant: at midnight, or, where midnight is skipped, when the clock has
jumped over it. Weeks begin on Monday. A day, month or year that a zone skipped altogether is empty.
Days are counted since 1970-01-01; a DATE is its day times DAY_MS. Adding months or years clamps
(31 January + 1 month, 29 February + 1 year → 28 February).
"""

from __future__ import annotations

import difflib
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np

from yutang.conditions.nodes import Unit
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import BEGINNING, DAY_MS, NEVER, SECOND_MS, datetime_from_instant
from yutang.timeline.steps import Ints

# Offsets are read between these days; before and after, the first and the last one hold.
_ZONE_FIRST_DAY = -25_567  # 1900-01-01
_ZONE_LAST_DAY = 47_847  # 2101-01-01
# Periods are tabled between these days: every instant that an event may carry lies inside.
_TABLE_FIRST_DAY = -366
_TABLE_LAST_DAY = _ZONE_LAST_DAY
_ZONES_COUNT_MAX = 64  # tables kept at a time; one takes about 1 MB
MONTH_DAYS = 31  # of the longest
UNITS_ADDED_COUNT_MAX = 10_000_000  # of an age: beyond it no calendar means anything


def _offset_ms(zone: ZoneInfo, instant: int) -> int:
    offset = datetime_from_instant(instant).astimezone(zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds() * SECOND_MS)


def _transitions(zone: ZoneInfo) -> tuple[Ints, Ints]:
    """(instants, offsets): from each instant on that offset holds; the first instant is BEGINNING."""
    instants, offsets = [BEGINNING], [_offset_ms(zone, _ZONE_FIRST_DAY * DAY_MS)]
    for day in range(_ZONE_FIRST_DAY + 1, _ZONE_LAST_DAY + 1):
        offset = _offset_ms(zone, day * DAY_MS)
        if offset == offsets[-1]:
            continue
        before, after = (day - 1) * DAY_MS, day * DAY_MS
        while after - before > SECOND_MS:
            middle = (before + after) // 2 // SECOND_MS * SECOND_MS
            if _offset_ms(zone, middle) == offsets[-1]:
                before = middle
            else:
                after = middle
        instants.append(after)
        offsets.append(offset)
    return np.array(instants, np.int64), np.array(offsets, np.int64)


def _month_begins(months: Ints) -> Ints:
    """The day on which each month begins; months are counted since January 1970."""
    days: Ints = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return days


def _months(days: Ints) -> Ints:
    months: Ints = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months


def add_units(days: Ints, unit: Unit, counts: Ints | int) -> Ints:
    """The days that lie a number of units (negative: before) from the given ones, clamped."""
    if unit is Unit.DAY:
        return days + counts
    if unit is Unit.WEEK:
        return days + 7 * np.asarray(counts, np.int64)
    step = 12 if unit is Unit.YEAR else 1
    months = _months(days)
    within = days - _month_begins(months)
    target = months + step * np.asarray(counts, np.int64)
    begins = _month_begins(target)
    days_added: Ints = begins + np.minimum(within, _month_begins(target + 1) - begins - 1)
    return days_added


def units_between(days: Ints, later: Ints, unit: Unit) -> Ints:
    """The most whole units that can be added to `days` without passing `later`; negative if it is before."""
    if unit is Unit.DAY:
        return later - days
    if unit is Unit.WEEK:
        return (later - days) // 7
    step = 12 if unit is Unit.YEAR else 1
    counts = (_months(later) - _months(days)) // step
    return counts - (add_units(days, unit, counts) > later)


def days_before(day: int, unit: Unit, count: int) -> int:
    """The last day to which so many units can be added without passing a day: the converse of `add_units`, which never
    falls as days rise. Clamping moves a day by three at most."""
    near = add_units(np.array([day], np.int64), unit, -count)[0] + np.arange(-4, 5)
    return int(near[np.count_nonzero(add_units(near, unit, count) <= day) - 1])


def year_days(days: Ints) -> Ints:
    """The place of each day in a year of twelve months of 31 days."""
    table = _year_days_table()
    places = days - _ZONE_FIRST_DAY
    if len(days) and (places.min() < 0 or places.max() >= len(table)):
        return _year_days(days)
    return table[places]


def _year_days(days: Ints) -> Ints:
    months = _months(days)
    return months % 12 * MONTH_DAYS + days - _month_begins(months)


@lru_cache(maxsize=1)
def _year_days_table() -> Ints:
    return _year_days(np.arange(_ZONE_FIRST_DAY, _ZONE_LAST_DAY, dtype=np.int64))


class Calendar:
    """The periods of one zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.name = zone.key
        self._instants, self._offsets = _transitions(zone)
        ends = np.append(self._instants[1:], NEVER - DAY_MS)
        self._local_ends: Ints = np.maximum.accumulate(ends + self._offsets)
        days = np.arange(_TABLE_FIRST_DAY, _TABLE_LAST_DAY, dtype=np.int64)
        self._days = {unit: _first_days(days, unit) for unit in Unit}
        self._begins = {unit: self.first_instants(first) for unit, first in self._days.items()}

    def first_instants(self, days: Ints) -> Ints:
        """The first instant of each local day: that of the first segment of constant offset that reaches it."""
        local = days * DAY_MS
        segment = np.searchsorted(self._local_ends, local, side="right")
        instants: Ints = np.maximum(self._instants[segment], local - self._offsets[segment])
        return instants

    def local_days(self, instants: Ints) -> Ints:
        """The local day in which each instant lies, by the boundaries of days."""
        segment = np.searchsorted(self._instants, instants, side="right") - 1
        days = (instants + self._offsets[segment]) // DAY_MS
        later = (self.first_instants(days + 1) <= instants).astype(np.int64)
        return days + later

    def begins(self, unit: Unit) -> Ints:
        """The first instants of the periods of a unit, ascending."""
        return self._begins[unit]

    def periods(self, instants: Ints, unit: Unit) -> Ints:
        """The index, in `begins`, of the period in which each instant lies."""
        found: Ints = np.searchsorted(self._begins[unit], instants, side="right") - 1
        return found

    def period_days(self, periods: Ints, unit: Unit) -> Ints:
        """The days with which periods begin, by index, those that the zone skipped too; inside the table."""
        found: Ints = self._days[unit][periods]
        return found

    def period_begins(self, periods: Ints, unit: Unit) -> Ints:
        """The first instant of periods by index; beyond the table BEGINNING and NEVER."""
        begins = self._begins[unit]
        instants = begins[np.clip(periods, 0, len(begins) - 1)]
        return np.where(periods < 0, BEGINNING, np.where(periods >= len(begins), NEVER, instants))


def _first_days(days: Ints, unit: Unit) -> Ints:
    """Those of the days with which a period of the unit begins."""
    if unit is Unit.DAY:
        return days
    months = _months(days)
    first = _month_begins(months) == days
    if unit is Unit.WEEK:
        first = (days + 3) % 7 == 0  # 1970-01-01 was a Thursday
    elif unit is Unit.YEAR:
        first &= months % 12 == 0
    found: Ints = days[first]
    return found


@lru_cache(maxsize=_ZONES_COUNT_MAX)
def calendar(zone: str) -> Calendar:
    """The calendar of an IANA zone; InvalidError with a suggestion if there is none of that name."""
    try:
        return Calendar(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = difflib.get_close_matches(zone, sorted(available_timezones()), n=1, cutoff=0.5)
        raise InvalidError(
            "zone.unknown",
            f"{zone!r} isn't an IANA time zone",
            remedy=f"did you mean {near[0]}?" if near else "write one such as Asia/Shanghai",
        ) from None
