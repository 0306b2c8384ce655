"""What a newcomer types wrong: each mistake says where it is, what there is instead, and is no crash."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.pools import Scratch, event
from tests.support.typing_lines import Keyboard


@pytest.fixture(scope="module")
def yutang(tmp_path_factory: pytest.TempPathFactory) -> Keyboard:
    path = tmp_path_factory.mktemp("wrong") / "pool"
    scratch = Scratch(path, start="2026-02-01")
    scratch.send(event("order_paid", "2026-01-05 10:00", "member_no:1", amount=100, store="S1"))
    scratch.send(event("trait_set", "2026-01-01", "member_no:1", trait="city", text="上海"))
    scratch.close()
    return Keyboard(path)


FUNNEL = ("funnel", "order_paid", "search")
# What is typed, the code, and what the message or its remedy must name.
MISTAKES = (
    (("funnel", "ordr_paid", "search"), "condition.unknown_event_type", ("steps/0", "order_paid")),
    ((*FUNNEL, "--same", "colour"), "condition.unknown_property", ("amount", "more")),
    ((*FUNNEL, "--who", "count(ordr_paid) > 1"), "condition.unknown_event_type", ("who, character 7", "order_paid")),
    ((*FUNNEL, "--window", "0d"), "insight.span_missing", ("window", "7d")),
    ((*FUNNEL, "--since", "2030-01-01"), "insight.since_later", ("2030-01-01", "pool time", "2026-02-01")),
    ((*FUNNEL, "--since", "2026-01-09", "--as-of", "2026-01-02"), "insight.since_later", ("swap",)),
    ((*FUNNEL, "--zone", "Asia/Shangai"), "zone.unknown", ("zone:", "Asia/Shanghai")),
    ((*FUNNEL, "--by", "label.aiplx"), "label.absent", ("aipl",)),
    ((*FUNNEL, "--save", "some"), "insight.cell_incomplete", ("cell.step", "1 to 2")),
    ((*FUNNEL, "--list", ""), "insight.cell_incomplete", ("cell.step", "1 to 2")),
    ((*FUNNEL, "--list", "step=9"), "insight.cell_unknown", ("1 to 2",)),
    (("retention", "ordr_paid"), "condition.unknown_event_type", ("begin, character 1", "order_paid")),
    (("retention", "*", "--returns", "#vist"), "condition.unknown_mark", ("returns[0]", "visit")),
    (("retention", "*", "--since", "2010-01-01"), "insight.periods_too_many", ("since", "400")),
    (("retention", "*", "--list", "cohort=1999-01-01"), "insight.cell_unknown", ("cell.cohort",)),
    (("paths", "--from", "*", "--to", "*"), "insight.paths_anchor", ("--from", "--to")),
    (("paths", "--from", "*", "--list", "step=0"), "insight.cell_incomplete", ("cell.name",)),
    (("flow", "aiplx"), "label.absent", ("aipl",)),
    (("flow", "aipl", "--since", "2026-01-02", "--list", "move=flew"), "insight.cell_unknown", ("rose",)),
    (("series", 'in(aipl, "Q")', "--since", "2026-01-02"), "condition.unknown_label_value", ("condition, ", "P")),
    (("series", "everyone"), "insight.since_missing", ("since",)),
    (("count", "*", "--measure", "sum:amout"), "condition.unknown_property", ("amount",)),
    (("stickiness", "*", "--list", "window=7"), "insight.cell_incomplete", ("cell.day",)),
    (("repurchase", "--within", "0d"), "insight.span_missing", ("within", "3650d")),
    (("rfm", "--within", "0d"), "insight.span_missing", ("within",)),
    (("value", "--property", "amout"), "insight.not_money", ("amount",)),
    (("value", "coupon_redeemed"), "insight.not_money", ("value",)),
    (("who", '{"flwo": {}}'), "insight.set_unreadable", ("flow",)),
    (("who", 'in(aipl, "P")', "--list", "to=P"), "insight.cell_unknown", ("one figure",)),
    (("compare", "everyone", "everyone", "--list", "by=trait.city"), "insight.cell_incomplete", ("part", "only_a")),
    (("compare", "everyone", "everyone", "--list", "part=a,by=label.aipl,value=Q"), "insight.cell_unknown", ("P",)),
)  # fmt: skip


@pytest.mark.parametrize(("typed", "code", "told"), MISTAKES, ids=lambda one: one if isinstance(one, str) else "")
def test_a_mistake_says_where_it_is_and_what_there_is(yutang, typed, code, told):
    answer = yutang(*typed)
    assert answer.status in (2, 3), answer
    assert code in answer.err
    assert all(part in answer.err for part in told), answer.err
    assert answer.out == ""


def test_a_value_of_a_trait_that_nobody_has_is_nobody(yutang):
    cell = "part=a,by=trait.city,value=Atlantis"
    assert yutang("compare", "everyone", "everyone", "--list", cell, "--json").json["size"] == 0


def test_nobody_bought(yutang):
    assert yutang("rfm", "--as-of", "2020-01-01").out.splitlines()[-1] == "nobody bought in that span"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("narrow") / "pool"
    scratch = Scratch(path, start="2026-03-01")
    for number in range(12):
        who = f"member_no:{number}"
        scratch.send(event("order_paid", "2026-01-05 10:00", who, amount=100))
        scratch.send(event("trait_set", "2026-01-01", who, trait="city", text=f"a city called {number:02}"))
    scratch.close()
    return path


class TestANarrowTerminal:
    @pytest.mark.parametrize("command", [
        ("count", "order_paid", "--by", "trait.city"), ("recency", "order_paid", "--by", "trait.city"),
        ("rfm", "--by", "trait.city"), ("series", "everyone", "--since", "2026-01-01", "--per", "week"),
        ("compare", "everyone", "count(order_paid) >= 1 and never(search)"), ("flow", "aipl"),
        ("label", "history", "member_no:1", "aipl"),
    ], ids=lambda one: one[0])  # fmt: skip
    def test_is_not_overrun(self, many, monkeypatch, command):
        from rich.text import Text

        monkeypatch.setenv("COLUMNS", "60")
        printed = Keyboard(many)(*command)
        assert printed.status == 0, printed.err
        assert max(Text(line).cell_len for line in printed.out.splitlines()) <= 60

    @pytest.mark.parametrize("command", [("count", "order_paid"), ("recency", "order_paid"), ("rfm",)])
    def test_says_what_it_has_no_room_for(self, many, monkeypatch, command):
        monkeypatch.setenv("COLUMNS", "60")
        assert "more columns: a wider terminal" in Keyboard(many)(*command, "--by", "trait.city").out
        monkeypatch.setenv("COLUMNS", "300")
        assert "more columns" not in Keyboard(many)(*command, "--by", "trait.city").out
