"""Funnels and paths on the command line: bars, tables and trees that fit, sets, JSON, two languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.pools import Scratch, event
from tests.support.typing_lines import Keyboard

from yutang.runtime.terminal import text

PEOPLE = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve look, eight of them put aside, four of these buy; a third of them lives in Shanghai."""
    found = tmp_path_factory.mktemp("lines") / "pool"
    scratch = Scratch(found, start="2026-04-01")
    for number in range(PEOPLE):
        who = f"member_no:{number}"
        events = [
            event("product_viewed", "2026-03-02 10:00", who, product="cream"),
            event("cart_added", "2026-03-02 10:12", who, product="cream"),
            event("order_paid", "2026-03-04 09:12", who, amount=100),
        ]
        city = event("trait_set", "2026-02-01", who, trait="city", text="上海" if number % 3 else "成都")
        scratch.send(city, *events[: 1 + number % 3])
    scratch.close()
    return found


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


FUNNEL = ("funnel", "product_viewed", "cart_added", "order_paid", "--window", "7d")
PATHS = ("paths", "--from", "product_viewed", "--steps", "3", "--gap", "3d")


class TestFunnel:
    def test_is_a_bar_a_step_with_what_is_lost_between(self, folder: Path) -> None:
        said = Keyboard(folder)(*FUNNEL).out.splitlines()
        assert said[0] == "viewed a product → added to cart → paid an order"
        assert " ".join(said[3].rstrip("█").split()) == "1 viewed a product 12 100.0 %"
        assert said[4] == "    ↓ 66.7 %  4 dropped, 33.3 %  median 12m (12m to 12m)"
        assert said[6] == "    ↓ 50.0 %  4 dropped, 50.0 %  median 1d 23h (1d 23h to 1d 23h)"
        assert said[-1].startswith("customers of a step: --list step=3") or "step=2,figure=dropped" in said[-1]

    @pytest.mark.parametrize("language", ["zh", "en"])
    @pytest.mark.parametrize("columns", [60, 80, 140])
    def test_fits_the_terminal(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, language: str, columns: int
    ) -> None:
        monkeypatch.setenv("COLUMNS", str(columns))

        keyboard = Keyboard(folder, language)
        for more in (FUNNEL, (*FUNNEL, "--by", "trait.city", "--per", "week"), PATHS, (*PATHS, "--every")):
            typed = keyboard(*more)
            assert typed.status == 0, typed.err
            assert max(text(line).cell_len for line in typed.out.splitlines()) <= columns

    def test_groups_and_periods_are_rows(self, folder: Path) -> None:
        said = Keyboard(folder)(*FUNNEL, "--by", "trait.city", "--per", "month", "--as-of", "2026-03-05").out
        rows = [" ".join(line.split()) for line in said.splitlines()]
        assert "上海 8 100.0 50.0 1d 23h" in rows
        assert "成都 4 0.0 0.0 –" in rows
        assert "2026-03-01 ~ 12 66.7 33.3 1d 23h" in rows
        assert "~ may still convert: its window isn't over" in rows

    def test_speaks_chinese(self, folder: Path) -> None:
        said = Keyboard(folder, "zh")(*FUNNEL, "--order", "any").out
        assert "任意 2 步" in said
        assert "不限顺序" in said

    def test_lists_and_keeps_who_is_behind_a_figure(self, folder: Path) -> None:
        yutang = Keyboard(folder)
        assert yutang(*FUNNEL, "--list", "step=2,figure=dropped").out.startswith("4 / 12 ")
        assert yutang(*FUNNEL, "--by", "trait.city", "--list", "step=3,group=上海", "--json").json["size"] == 4

    def test_prints_json(self, folder: Path) -> None:
        answer = Keyboard(folder)(*FUNNEL, "--json").json
        assert [stage["customers"] for stage in answer["whole"]["stages"]] == [12, 8, 4]
        assert answer["steps"][1] == {"text": "cart_added", "title": "added to cart"}

    def test_says_what_is_missing(self, folder: Path) -> None:
        typed = Keyboard(folder)("funnel")
        assert (typed.status, "a funnel has 2 to 10 steps, here none" in typed.err) == (2, True)
        assert "did you mean cart_added?" in Keyboard(folder)("funnel", "search", "cart_add").err

    def test_nobody_is_said(self, folder: Path) -> None:
        assert "nobody reached the first step" in Keyboard(folder)("funnel", "review", "share").out


class TestPaths:
    def test_is_a_tree_with_how_many_stop(self, folder: Path) -> None:
        rows = [" ".join(line.rstrip("█").split()) for line in Keyboard(folder)(*PATHS).out.splitlines()]
        assert "viewed a product 12 33.3 %" in rows
        assert any(row.startswith("└ added to cart 8 66.7 % 12m 50.0 %") for row in rows)
        assert any(row.startswith("└ paid an order 4 50.0 % 1d 23h 100.0 %") for row in rows)
        assert "(stopped) 33.3 33.3 33.3" in rows

    def test_leads_to_an_event_too(self, folder: Path) -> None:
        rows = [" ".join(line.split()) for line in Keyboard(folder, "zh")(
            "paths", "--to", "order_paid", "--gap", "3d", "--name", "product", "--steps", "2"
        ).out.splitlines()]  # fmt: skip
        assert rows[0] == "支付订单 之前"
        assert any(row.startswith("└ cream 4 100.0 % 1天23小时 100.0 %") for row in rows)

    def test_lists_who_is_behind_a_node(self, folder: Path) -> None:
        assert Keyboard(folder)(*PATHS, "--list", "step=1,kind=stopped").out.startswith("4 / 12 ")

    def test_says_what_is_missing(self, folder: Path) -> None:
        typed = Keyboard(folder)("paths")
        assert (typed.status, "the question names neither" in typed.err) == (2, True)
