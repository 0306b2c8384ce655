"""Literals at their edges: midnights that clocks skip or repeat, shortest texts."""

from __future__ import annotations

import pytest

from yutang.conditions.literals import instant_literal, midnight, money_literal, percent_text, span_literal
from yutang.conditions.nodes import Money
from yutang.kernel.instants import instant_from_text


class TestMidnight:
    @pytest.mark.parametrize(
        ("day", "zone", "instant"),
        [
            ("2017-03-01", "Asia/Shanghai", "2017-02-28T16:00:00Z"),
            ("2017-03-01", "UTC", "2017-03-01T00:00:00Z"),
            ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00Z"),  # 00:00 is skipped
            ("2018-11-04", "America/Havana", "2018-11-04T04:00:00Z"),  # 00:00 comes twice: the first
            ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00Z"),  # the whole day is skipped
            ("2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00Z"),
            ("1986-01-01", "Asia/Kathmandu", "1985-12-31T18:30:00Z"),  # skipped to 00:15
        ],
    )
    def test_is_the_first_instant_of_the_local_day(self, day, zone, instant):
        assert midnight(day, zone) == instant_from_text(instant)

    def test_an_instant_is_written_as_a_date_only_if_it_is_a_midnight(self):
        start = midnight("2018-11-04", "America/Sao_Paulo")
        assert instant_literal(start, "America/Sao_Paulo") == "2018-11-04"
        assert instant_literal(start + 1, "America/Sao_Paulo") == "2018-11-04T03:00:00.001Z"


class TestTexts:
    def test_money_has_all_digits_or_none(self):
        assert [money_literal(Money(minor, "CNY")) for minor in (50000, 1250, -5, -100)] == [
            "500",
            "12.50",
            "-0.05",
            "-1",
        ]
        assert money_literal(Money(1500, "KWD")) == "1.500"
        assert money_literal(Money(1500, "JPY")) == "1500"

    def test_spans_and_percentages(self):
        assert [span_literal(ms) for ms in (0, 129_600_000, -1)] == ["0d", "1d12h", "-1ms"]
        assert [percent_text(points) for points in (1, 50, 2500, 10_000)] == ["0.01%", "0.5%", "25%", "100%"]
