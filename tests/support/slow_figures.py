"""Figures by period reckoned the obvious way: dates by the standard library, one customer and one event at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.support.condition_sample import SAMPLE
from tests.support.memory_view import Fact, MemoryView
from yutang.conditions.nodes import Unit
from yutang.kernel.instants import HOUR_MS, instant_from_datetime
from yutang.timeline.boundaries import calendar
from yutang.timeline.questions.periods import Periods, periods_between

# A zone, and an instant near to which its days are odd: an hour less, an hour more, no midnight, no day at all.
ODD_DAYS = (
    ("Asia/Shanghai", "2026-03-01"), ("America/New_York", "2026-03-08"), ("Europe/London", "2026-10-25"),
    ("America/Sao_Paulo", "2018-11-04"), ("Pacific/Apia", "2011-12-30"),
)  # fmt: skip
TYPES = ("order_paid", "order_refunded", "product_viewed")


def begin_of(day: date, zone: str) -> int:
    """The first instant of a local day: of a midnight that is skipped, the instant of the jump."""
    return instant_from_datetime(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))


def day_of(at: int, zone: str) -> date:
    """The local day that an instant lies in: the last one that has begun."""
    day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).astimezone(ZoneInfo(zone)).date()
    while begin_of(day + timedelta(days=1), zone) <= at:
        day += timedelta(days=1)
    return day


def first_day(day: date, unit: Unit) -> date:
    """The day with which its period begins."""
    if unit is Unit.WEEK:
        return day - timedelta(days=day.weekday())
    return day if unit is Unit.DAY else day.replace(day=1, **({"month": 1} if unit is Unit.YEAR else {}))


def following(day: date, unit: Unit) -> date:
    """The first day of the period after."""
    return first_day(day + timedelta(days={Unit.DAY: 1, Unit.WEEK: 7, Unit.MONTH: 31, Unit.YEAR: 366}[unit]), unit)


@dataclass(frozen=True)
class World:
    """Customers, their events, and a range of periods. codes: the group of each customer, -1 for none."""

    zone: str
    unit: Unit
    since: int
    until: int
    facts: tuple[Fact, ...]
    codes: tuple[int, ...]

    @property
    def view(self) -> MemoryView:
        return MemoryView(SAMPLE, len(self.codes), self.facts)

    @property
    def periods(self) -> Periods:
        return periods_between(calendar(self.zone), self.unit, self.since, self.until)

    def days(self) -> list[date]:
        """The first days of the periods, by the standard library."""
        found = [first_day(day_of(self.since, self.zone), self.unit)]
        while begin_of(following(found[-1], self.unit), self.zone) <= self.until:
            found.append(following(found[-1], self.unit))
        return found

    def period(self, at: int) -> int | None:
        """The place of an instant's period, None outside of the range."""
        if not self.since <= at <= self.until:
            return None
        return self.days().index(first_day(day_of(at, self.zone), self.unit))

    def of(self, customer: int, types: Iterable[str]) -> list[Fact]:
        """A customer's events of some types in order."""
        mine = [fact for fact in self.facts if fact.customer == customer and fact.type in types]
        return sorted(mine, key=lambda fact: fact.order)


@st.composite
def worlds(draw: st.DrawFn, units: Sequence[Unit] = tuple(Unit), types: Sequence[str] = TYPES) -> World:
    """Small worlds around odd days; events fall on whole hours, and on boundaries and the millisecond before."""
    zone, near = draw(st.sampled_from(ODD_DAYS))
    unit = draw(st.sampled_from(units))
    middle = begin_of(date.fromisoformat(near), zone)
    reach = {Unit.DAY: 6, Unit.WEEK: 30, Unit.MONTH: 100, Unit.YEAR: 900}[unit]
    hours = st.integers(-reach * 24, reach * 24).map(lambda n: middle + n * HOUR_MS)
    edges = st.integers(-reach, reach).map(
        lambda n: begin_of(first_day(date.fromisoformat(near) + timedelta(days=n), unit), zone)
    )
    instants = hours | edges | edges.map(lambda at: at - 1)
    since, until = sorted((draw(instants), draw(instants)))
    count = draw(st.integers(1, 4))
    # A property may be unknown; ties are common.
    fact = st.builds(
        lambda customer, kind, at, tie, amount, store: Fact(
            customer, kind, at, tie,
            {name: value for name, value in (("amount", amount), ("store", store)) if value is not None
             and not (kind == "product_viewed" or (name == "store" and kind != "order_paid"))},
        ),
        st.integers(0, count - 1), st.sampled_from(types), instants, st.integers(0, 3),
        st.none() | st.integers(-500, 5_000), st.none() | st.sampled_from("AB"),
    )  # fmt: skip
    facts = draw(st.lists(fact, max_size=25, unique_by=lambda one: (one.customer, one.at, one.tie)))
    codes = draw(st.lists(st.integers(-1, 1), min_size=count, max_size=count))
    return World(zone, unit, since, until, tuple(facts), tuple(codes))
