"""The spelling of files is undone: what a cell says becomes what a sender would have sent."""

from __future__ import annotations

from decimal import Decimal

import pytest

from yutang.conditions.vocabulary import Kind
from yutang.domains.intake.contracts import Cell
from yutang.domains.intake.rules.cells import ColumnType, Reading, reader, text_of
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import instant_text

NOON = 1_488_369_600_000  # 2017-03-01T12:00:00Z


def read(cell: object, kind: Kind | None, column: ColumnType, zone: str = "UTC", **options: object) -> object:
    return reader(Reading(column, zone, Cell(**options)), kind)(cell)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cell", "kind", "column", "value"),
    [
        ("", Kind.STRING, ColumnType.TEXT, None),
        (None, Kind.MONEY, ColumnType.NUMBER, None),
        (1_095_275, Kind.STRING, ColumnType.NUMBER, "1095275"),
        (1_095_275.0, Kind.STRING, ColumnType.NUMBER, "1095275"),
        (0.5, Kind.STRING, ColumnType.NUMBER, "0.5"),
        (True, Kind.STRING, ColumnType.BOOLEAN, "true"),
        (NOON, Kind.STRING, ColumnType.NAIVE, "2017-03-01T12:00:00"),
        (NOON, Kind.STRING, ColumnType.DATE, "2017-03-01"),
        (" 12 ", Kind.INTEGER, ColumnType.TEXT, 12),
        ("12.5", Kind.NUMBER, ColumnType.TEXT, 12.5),
        ("twelve", Kind.NUMBER, ColumnType.TEXT, "twelve"),
        (Decimal("12.50"), Kind.MONEY, ColumnType.NUMBER, "12.5"),
        (" 12.50", Kind.MONEY, ColumnType.TEXT, "12.50"),
        ("YES", Kind.BOOLEAN, ColumnType.TEXT, True),
        ("否", Kind.BOOLEAN, ColumnType.TEXT, False),
        (1, Kind.BOOLEAN, ColumnType.NUMBER, True),
        ("2017-03-01 08:00:00", Kind.DATE, ColumnType.TEXT, "2017-03-01"),
        (NOON, Kind.DATE, ColumnType.DATE, "2017-03-01"),
        ("red", Kind.LIST, ColumnType.TEXT, ["red"]),
        (NOON, None, ColumnType.INSTANT, "2017-03-01T12:00:00Z"),
        (Decimal("1.5"), None, ColumnType.NUMBER, 1.5),
    ],
)
def test_a_cell_becomes_a_value(cell: object, kind: Kind | None, column: ColumnType, value: object) -> None:
    assert read(cell, kind, column) == value


@pytest.mark.parametrize(
    ("cell", "column", "zone", "options", "instant"),
    [
        (NOON, ColumnType.NAIVE, "UTC", {}, "2017-03-01T12:00:00Z"),
        (NOON, ColumnType.NAIVE, "Asia/Shanghai", {}, "2017-03-01T04:00:00Z"),
        (NOON, ColumnType.INSTANT, "Asia/Shanghai", {}, "2017-03-01T12:00:00Z"),
        (NOON, ColumnType.NUMBER, "UTC", {}, "2017-03-01T12:00:00Z"),
        (NOON // 1000, ColumnType.NUMBER, "UTC", {"format": "epoch_s"}, "2017-03-01T12:00:00Z"),
        ("1488369600.5", ColumnType.TEXT, "UTC", {"format": "epoch_s"}, "2017-03-01T12:00:00.500Z"),
        ("2017-03-01", ColumnType.TEXT, "Asia/Shanghai", {}, "2017-02-28T16:00:00Z"),
        ("2017-03-01T12:00:00+02:00", ColumnType.TEXT, "Asia/Shanghai", {}, "2017-03-01T10:00:00Z"),
        ("01/03/2017 12:00", ColumnType.TEXT, "UTC", {"format": "%d/%m/%Y %H:%M"}, "2017-03-01T12:00:00Z"),
        # The hour that occurs twice is the first; the one that is skipped counts on.
        ("2017-10-29 02:30:00", ColumnType.TEXT, "Europe/Berlin", {}, "2017-10-29T00:30:00Z"),
        ("2017-03-26 02:30:00", ColumnType.TEXT, "Europe/Berlin", {}, "2017-03-26T01:30:00Z"),
    ],
)
def test_times_of_a_wall_clock_are_read_in_the_zone(
    cell: object, column: ColumnType, zone: str, options: dict[str, str], instant: str
) -> None:
    value = read(cell, Kind.INSTANT, column, zone, **options)
    assert isinstance(value, int)
    assert instant_text(value) == instant


@pytest.mark.parametrize(
    "cell", ["soon", "2017-13-01", "9" * 50, float("nan"), float("inf"), 10**40, True, [1], "٢٠١٧"]
)
def test_what_is_no_time_is_refused(cell: object) -> None:
    with pytest.raises(InvalidError) as caught:
        read(cell, Kind.INSTANT, ColumnType.MIXED, "Asia/Shanghai")
    assert caught.value.code == "cell.time"


@pytest.mark.parametrize(
    ("cell", "value"),
    [(2.7800000000000002, "2.78"), (0.125, "0.12"), (0.135, "0.14"), ("1.005", "1.00"), ("abc", "abc"), (5, "5.00")],
)
def test_binary_noise_is_rounded_half_to_even_where_the_mapping_says_so(cell: object, value: str) -> None:
    assert read(cell, Kind.MONEY, ColumnType.NUMBER, decimals=2) == value


def test_a_list_is_split_where_the_mapping_says_so() -> None:
    assert read("red, blue ,,", Kind.LIST, ColumnType.TEXT, split=",") == ["red", "blue"]


def test_what_has_no_text_cant_be_a_key() -> None:
    with pytest.raises(InvalidError):
        text_of(Reading(ColumnType.MIXED, "UTC"), {"a": 1})
