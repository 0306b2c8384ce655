"""Figures by period on the command line: readable in two languages and two widths, JSON, sets, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.pools import Scratch, event

from yutang.app import application
from yutang.cli.main import run

COMMANDS = (
    ("retention", "order_paid", "--per", "month", "--periods", "3"),
    ("count", "order_paid", "--measure", "sum:amount"),
    ("stickiness", "*", "--days", "3"),
    ("repurchase", "--within", "20d"),
    ("recency", "order_paid"),
    ("value", "--periods", "3"),
    ("rfm",),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lines") / "pool"
    scratch = Scratch(path)
    orders = [("wang", "2026-01-05", 10_000), ("wang", "2026-02-06", 20_000), ("li", "2026-01-20", 5_050),
              ("zhao", "2026-02-10", 123_456)]  # fmt: skip
    scratch.send(*(event("order_paid", f"{day} 10:00", f"member_no:{who}", amount=amount, store="S1")
                   for who, day, amount in orders))  # fmt: skip
    scratch.send(event("trait_set", "2026-01-01", "member_no:wang", trait="city", text="上海"))
    scratch.close()
    return path


@pytest.fixture
def yutang(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def call(*arguments: str, width: int = 100, status: int = 0) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        assert run(application(), ["--data", str(folder), "--as", "mei", *arguments]) == status
        found = capsys.readouterr()
        return found.out if status == 0 else found.err

    return call


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one[0])
class TestEveryQuestion:
    @pytest.mark.parametrize("width", [80, 140])
    @pytest.mark.parametrize("language", ["zh", "en"])
    @pytest.mark.parametrize("by", [(), ("--by", "trait.city")], ids=["whole", "apart"])
    def test_fits_the_terminal(self, yutang, command, width, language, by):
        from rich.text import Text

        printed = yutang("--language", language, *command, *by, width=width)
        assert printed.strip()
        assert max(Text(line).cell_len for line in printed.splitlines()) <= width
        if by:
            assert "上海" in printed

    def test_as_json(self, yutang, command):
        answer = json.loads(yutang(*command, "--json"))
        assert answer["asked"]["zone"] == "Asia/Shanghai"
        assert answer["rows"]

    def test_of_nobody(self, yutang, command):
        assert yutang(*command, "--who", "count(order_paid) > 9").strip()


HEADINGS = {
    "retention": ("先支付订单，后支付订单", "paid an order, then paid an order"),
    "count": ("支付订单 · 合计 实付金额", "paid an order · sum of amount paid"),
    "stickiness": ("任意行为 · 活跃度", "any event · how often"),
    "repurchase": ("支付订单，20d 内再次", "paid an order again within 20d"),
    "recency": ("支付订单 · 距上次多久", "paid an order · how long ago"),
    "value": ("支付订单 · 每位客户的累计金额 (CNY)", "paid an order · what each customer has paid (CNY)"),
    "rfm": ("RFM：365d 内支付订单", "RFM: paid an order within 365d"),
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one[0])
def test_events_are_headed_by_what_they_are_called(yutang, command):
    """As a funnel's steps are; what may be typed again stands beside it in JSON."""
    for language, heading in zip(("zh", "en"), HEADINGS[command[0]], strict=True):
        assert yutang("--language", language, *command).splitlines()[0] == heading
    answer = json.loads(yutang("--language", "en", *command, "--json"))
    assert answer["begin" if command[0] == "retention" else "events"] in ("order_paid", "*")
    assert answer["title"] in ("paid an order", "any event")


class TestWhatIsPrinted:
    def test_a_retention_grid_reads_without_colour(self, yutang):
        lines = yutang("--language", "en", "retention", "order_paid", "--per", "month", "--periods", "3").splitlines()
        assert lines[2].split() == ["cohort", "size", "0", "1", "2"]
        assert lines[3].split() == ["2026-01-01", "2", "100.0", "50.0", "0.0~"]
        assert lines[4].split() == ["2026-02-01", "1", "100.0", "0.0~"]
        assert lines[6].split() == ["average", "3", "100.0", "50.0", "–"]

    def test_several_ways_to_return_have_a_grid_each(self, yutang):
        printed = yutang("--language", "zh", "retention", "order_paid", "--returns", "order_paid", "--returns",
                         "page_viewed", "--per", "month", "--later")  # fmt: skip
        assert "任一" in printed
        assert "当期或之后回来" in printed

    def test_counts_are_bars_of_amounts(self, yutang):
        lines = yutang("--language", "en", "count", "order_paid", "--measure", "sum:amount").splitlines()
        assert lines[2].split()[:2] == ["2026-01-01", "150.50"]
        assert lines[3].split()[:2] == ["2026-02-01", "1,434.56"]
        assert lines[3].count("█") > lines[2].count("█") > 0
        assert lines[4].startswith("2026-03-01~") or lines[4].split() == ["all", "1,585.06"]

    def test_values_are_amounts_a_customer(self, yutang):
        lines = yutang("--language", "en", "value", "--periods", "3").splitlines()
        january = next(line.split() for line in lines if line.startswith("2026-01-01"))
        assert january == ["2026-01-01", "2", "75.25", "175.25", "175.25~"]

    def test_rfm_names_segments(self, yutang):
        assert "重要价值" in yutang("--language", "zh", "rfm")
        assert "key_value" in yutang("--language", "en", "rfm", width=140)


class TestSets:
    def test_the_customers_of_a_cell_are_listed(self, yutang):
        cell = "cohort=2026-01-01,period=1"
        listed = json.loads(yutang("retention", "order_paid", "--per", "month", "--list", cell, "--json"))
        assert (listed["size"], listed["population"]) == (1, 3)

    def test_and_kept_as_a_segment(self, yutang):
        yutang("rfm", "--list", "segment=win_back", "--save", "cold")
        assert "cold" in yutang("label", "list")

    @pytest.mark.parametrize(("arguments", "told"), [
        (("retention", ""), "insight.events_missing"),
        (("retention", "order_paid", "--list", "cohort=1999-01-01"), "insight.cell_unknown"),
        (("count", "order_paid", "--measure", "sum"), "insight.measure_property"),
        (("value", "--property", "store"), "insight.not_money"),
    ])  # fmt: skip
    def test_mistakes_say_what_is_missing(self, yutang, arguments, told):
        error = yutang(*arguments, status=2)
        assert told in error
        assert "→" in error


def test_how_long_events_are_kept_is_another_command(yutang):
    """`retention` is a question; `keep` says for how long events stay."""
    assert yutang("keep", "list").strip()
