"""Local days, weeks, months and years; clamping; days whose midnight doesn't exist."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from yutang.conditions.nodes import Unit
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import BEGINNING, DAY_MS, HOUR_MS, NEVER, instant_from_text, instant_text
from yutang.timeline.boundaries import MONTH_DAYS, add_units, calendar, days_before, units_between, year_days


def days(*texts: str) -> np.ndarray:
    return np.array([(date.fromisoformat(text) - date(1970, 1, 1)).days for text in texts], np.int64)


def instants(*texts: str) -> np.ndarray:
    return np.array([instant_from_text(text) for text in texts], np.int64)


def texts(values: np.ndarray) -> list[str]:
    return [(date(1970, 1, 1) + timedelta(days=int(value))).isoformat() for value in values]


class TestFirstInstant:
    @pytest.mark.parametrize(
        ("zone", "day", "expected"),
        [
            ("Asia/Shanghai", "2021-03-28", "2021-03-27T16:00:00Z"),
            ("Europe/Berlin", "2021-03-28", "2021-03-27T23:00:00Z"),
            ("Europe/Berlin", "2021-03-29", "2021-03-28T22:00:00Z"),
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),  # midnight is skipped: the day begins at 01:00
            ("America/Havana", "2021-11-07", "2021-11-07T04:00:00Z"),  # midnight comes twice: the first counts
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),  # the day was skipped: it is empty
            ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
            ("Asia/Kathmandu", "2021-01-01", "2020-12-31T18:15:00Z"),
        ],
    )
    def test_is_the_first_that_the_zone_calls_that_day(self, zone: str, day: str, expected: str) -> None:
        assert instant_text(int(calendar(zone).first_instants(days(day))[0])) == expected

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Africa/Casablanca"])
    def test_agrees_with_zoneinfo_on_every_day_of_four_years(self, zone: str) -> None:
        begins = calendar(zone).first_instants(np.arange(18_000, 19_500))
        for day, begin in zip(range(18_000, 19_500), begins.tolist(), strict=True):
            at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=begin)
            assert (at.astimezone(ZoneInfo(zone)).date() - date(1970, 1, 1)).days == day
            before = at - timedelta(milliseconds=1)
            assert (before.astimezone(ZoneInfo(zone)).date() - date(1970, 1, 1)).days == day - 1


class TestPeriods:
    def test_weeks_start_on_monday(self) -> None:
        found = calendar("UTC").begins(Unit.WEEK)
        assert all((int(begin) // DAY_MS + 3) % 7 == 0 for begin in found[:200])

    def test_months_and_years_start_on_their_first(self) -> None:
        berlin = calendar("Europe/Berlin")
        month = berlin.periods(instants("2021-03-31T21:59:59Z", "2021-03-31T22:00:00Z"), Unit.MONTH)
        assert month[1] - month[0] == 1
        year = berlin.periods(instants("2020-12-31T22:59:59Z", "2020-12-31T23:00:00Z"), Unit.YEAR)
        assert year[1] - year[0] == 1

    def test_a_day_of_changed_clocks_has_23_or_25_hours(self) -> None:
        begins = calendar("Europe/Berlin").first_instants(days("2021-03-28", "2021-03-29", "2021-10-31", "2021-11-01"))
        assert (begins[1] - begins[0], begins[3] - begins[2]) == (23 * HOUR_MS, 25 * HOUR_MS)

    def test_beyond_the_table_is_beginning_and_never(self) -> None:
        utc = calendar("UTC")
        found = utc.period_begins(np.array([-1, 10**7], np.int64), Unit.DAY)
        assert found.tolist() == [BEGINNING, NEVER]

    def test_a_day_that_has_begun_has_begun_though_clocks_go_back_behind_its_midnight(self) -> None:
        zone = calendar("America/St_Johns")  # 2010-11-07 00:01 became 2010-11-06 23:01
        begin = instants("2010-11-07T02:30:00Z")
        assert zone.first_instants(days("2010-11-07")).tolist() == begin.tolist()
        assert texts(zone.local_days(np.array([begin[0] - 1, begin[0], begin[0] + HOUR_MS // 2]))) == [
            "2010-11-06", "2010-11-07", "2010-11-07",
        ]  # fmt: skip

    def test_local_days_follow_the_boundaries_when_clocks_go_back_over_midnight(self) -> None:
        zone = calendar("America/Sao_Paulo")  # 2018-02-18 00:00 became 2018-02-17 23:00
        at = instants("2018-02-18T01:59:59Z", "2018-02-18T02:30:00Z", "2018-02-18T03:00:00Z")
        assert texts(zone.local_days(at)) == ["2018-02-17", "2018-02-17", "2018-02-18"]


class TestUnits:
    def test_months_and_years_clamp(self) -> None:
        assert texts(add_units(days("2020-02-29", "2021-01-31"), Unit.YEAR, 1)) == ["2021-02-28", "2022-01-31"]
        assert texts(add_units(days("2021-01-31", "2021-01-31"), Unit.MONTH, np.array([1, 2]))) == [
            "2021-02-28", "2021-03-31",
        ]  # fmt: skip

    @pytest.mark.parametrize("unit", list(Unit))
    def test_units_between_is_the_most_that_doesnt_pass(self, unit: Unit) -> None:
        born = days("2020-02-29", "2019-12-31", "2021-03-01", "2025-01-01")
        later = days("2021-02-28", "2021-02-28", "2021-03-01", "2021-06-30")
        counts = units_between(born, later, unit)
        assert (add_units(born, unit, counts) <= later).all()
        assert (add_units(born, unit, counts + 1) > later).all()


class TestZone:
    def test_an_unknown_zone_is_refused_with_a_suggestion(self) -> None:
        with pytest.raises(InvalidError, match="Shanghia") as caught:
            calendar("Asia/Shanghia")
        assert "Asia/Shanghai" in caught.value.remedy
        with pytest.raises(InvalidError):
            calendar("../etc/passwd")

    def test_nothing_is_answered_with_nothing(self) -> None:
        none = np.empty(0, np.int64)
        utc = calendar("UTC")
        assert len(utc.periods(none, Unit.DAY)) == len(utc.local_days(none)) == len(add_units(none, Unit.MONTH, 1)) == 0


class TestConverse:
    @pytest.mark.parametrize("unit", list(Unit))
    @pytest.mark.parametrize("count", [-13, -1, 0, 1, 6, 12, 41])
    def test_the_last_day_to_which_units_can_be_added_without_passing_a_day(self, unit: Unit, count: int) -> None:
        near = np.arange(-60, 60)
        for day in (*days("2024-02-28", "2024-02-29", "2023-02-28", "2023-03-31", "2024-12-31"), *range(-40, 40)):
            born = near + add_units(np.array([day]), unit, -count)[0]
            expected = born[add_units(born, unit, count) <= day].max()
            assert days_before(int(day), unit, count) == expected


class TestYearDays:
    def test_are_told_apart_by_month_and_day_alone(self) -> None:
        every = np.concatenate((np.arange(-30_000, -29_000), np.arange(19_000, 20_500), np.arange(47_000, 48_500)))
        told = [date(1970, 1, 1) + timedelta(days=int(day)) for day in every]
        expected = [(one.month - 1) * MONTH_DAYS + one.day - 1 for one in told]
        assert year_days(every).tolist() == expected
        assert year_days(every[:1_100]).tolist() == expected[:1_100]
        inside = every[1_000:2_500]
        assert year_days(inside).tolist() == expected[1_000:2_500]
