"""Flow, series, sets on the command line: figures, lists, what is kept, in two languages and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.pools import Scratch, event
from tests.support.typing_lines import Keyboard

PEOPLE = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("lines") / "pool"
    scratch = Scratch(found, start="2026-04-01")
    for number in range(PEOPLE):
        who = f"member_no:{number}"
        scratch.send(
            event("search", "2026-02-25", who, target="brand"),
            event("trait_set", "2026-02-01", who, trait="city", text="上海" if number % 2 else "a, b"),
            *(event("order_paid", f"2026-03-{2 + turn:02d} 10:00", who, amount=100) for turn in range(number % 4)),
        )
    scratch.close()
    return found


@pytest.fixture
def yutang(folder: Path) -> Keyboard:
    return Keyboard(folder)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COLUMNS", "80")
    return


SINCE = ("--since", "2026-03-01", "--as-of", "2026-03-20T00:00:00+08:00")


class TestFlow:
    def test_is_a_matrix_with_directions(self, yutang):
        said = yutang("flow", "aipl", *SINCE).out
        assert "↑ rose 9 75 %" in said
        assert "I interest ↑6 50 % ↑3 25 % · ×3 25 % 12" in " ".join(said.split())
        assert "from the highest down: L > P > I > A > none" in said

    def test_is_in_chinese_too(self, folder):
        said = Keyboard(folder, "zh")("flow", "aipl", *SINCE).out
        assert "从（行）到（列）" in said
        assert "I 兴趣" in said

    def test_without_since_it_is_who_stands_where(self, yutang):
        said = yutang("flow", "aipl", "--as-of", "2026-02-28").out
        assert "I interest   12  100 %  ██" in said

    def test_fits_a_narrow_terminal(self, yutang, narrow):
        said = yutang("flow", "lifecycle", *SINCE, "--per", "day", "--by", "label.aipl").out
        assert max(map(len, said.splitlines())) <= 80
        assert "conversion between pairs" in said

    def test_its_cells_are_lists(self, yutang):
        matrix = yutang("flow", "aipl", *SINCE, "--json").json["flows"][""]["matrix"]
        for start, row in matrix.items():
            for end, count in row.items():
                found = yutang("flow", "aipl", *SINCE, "--list", f"from={start},to={end}", "--json").json
                assert found["size"] == count
        shown = yutang("flow", "aipl", *SINCE, "--list", "to=L", "--limit", "2").out
        assert "6 / 12 customers (50.0 %)" in shown
        assert "… 4 more: --limit" in shown

    def test_a_cell_may_hold_commas_or_be_json(self, yutang):
        by = ("--by", "trait.city")
        for cell in ("group=a, b,to=L", '{"group": "a, b", "to": "L"}'):
            assert yutang("flow", "aipl", *SINCE, *by, "--list", cell, "--json").json["size"] == 3

    @pytest.mark.parametrize("cell", ["L", "=L", "{no}", "to L,from=I"])
    def test_a_cell_that_can_t_be_read_is_told(self, yutang, cell):
        said = yutang("flow", "aipl", *SINCE, "--list", cell)
        assert (said.status, "insight.cell_unreadable" in said.err) == (2, True)

    def test_an_order_of_one_s_own(self, yutang):
        said = yutang("flow", "aipl", *SINCE, "--order", "A, I, P, L", "--json").json
        assert said["values"] == ["A", "I", "P", "L"]
        assert said["flows"][""]["moves"]["fell"] == 9


class TestSeries:
    def test_has_a_row_for_each_period(self, yutang):
        said = yutang("series", "happened(order_paid)", *SINCE, "--per", "week").out
        assert "2026-03-02     9       +9     ·  ████" in said
        assert "who: --list period=2026-03-16,figure=entered" in said

    def test_by_groups_it_has_a_line_for_each(self, yutang, narrow):
        said = yutang("series", "happened(order_paid)", *SINCE, "--by", "trait.city").out
        assert "上海" in said
        assert "0  →  6  +6  −0" in said
        assert max(map(len, said.splitlines())) <= 80

    def test_a_point_is_a_list(self, yutang):
        cell = "period=2026-03-02,figure=entered"
        assert yutang("series", "happened(order_paid)", *SINCE, "--list", cell, "--json").json["size"] == 9

    def test_without_since_it_says_so(self, yutang):
        said = yutang("series", "happened(order_paid)")
        assert (said.status, "insight.since_missing" in said.err) == (2, True)


class TestSets:
    def test_who_lists_a_condition_or_a_set(self, yutang):
        assert "9 / 12 customers (75.0 %)" in yutang("who", "happened(order_paid)").out
        asked = '{"flow": {"label": "aipl", "scope": {"since": "2026-03-01"}}, "cell": {"from": "I", "to": "L"}}'
        assert yutang("who", asked, "--json").json["size"] == 6
        bare = '{"flow": {"label": "aipl", "scope": {"since": "2026-03-01"}}}'
        assert yutang("who", bare, "--list", "to=P", "--json").json["size"] == 3

    def test_a_set_that_can_t_be_read_is_told(self, yutang):
        said = yutang("who", '{"flow": 1}')
        assert (said.status, "insight.set_unreadable" in said.err) == (2, True)

    def test_any_list_is_kept_and_is_a_segment_then(self, yutang):
        said = yutang("flow", "aipl", *SINCE, "--list", "from=I,to=L", "--save", "risen").out
        assert "risen: 6 customers (6 added, 0 removed)" in said
        assert yutang("ask", "in(risen)", "--json").json["count"] == 6
        again = yutang("who", "count(order_paid) = 1", "--save", "risen", "--json").json
        assert (again["size"], again["added"], again["removed"]) == (3, 3, 6)
        taken = yutang("who", "everyone", "--save", "aipl")
        assert (taken.status, "insight.save_taken" in taken.err) == (4, True)

    def test_two_sets_side_by_side(self, yutang, folder):
        said = yutang("compare", "happened(order_paid)", "count(order_paid) <= 1").out
        assert "both 3 ██████████ only A 6" in " ".join(said.split())
        assert "label.aipl" in said
        assert "仅 A" in Keyboard(folder, "zh")("compare", "happened(order_paid)", "count(order_paid) <= 1").out
        listed = yutang("compare", "happened(order_paid)", "everyone", "--list", "part=only_b", "--json").json
        assert listed["size"] == 3
