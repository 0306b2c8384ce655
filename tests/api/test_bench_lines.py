"""`yutang bench`: what it asks, that answers are compared, and what it says where a peer isn't there."""

from __future__ import annotations

from importlib import util
from pathlib import Path

import pytest
from tests.support.pools import Scratch, event
from tests.support.typing_lines import Keyboard

from yutang.domains.insight.api import bench
from yutang.domains.insight.commands import bench as lines
from yutang.domains.insight.contracts.bench import BenchQuestion, BenchRun, BenchTimes, BenchTurn
from yutang.kernel.errors import UnavailableError

CUSTOMERS = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everybody looks, every second one buys, always at the very same instant; some order twice."""
    found = tmp_path_factory.mktemp("bench") / "pool"
    scratch = Scratch(found, start="2026-04-01")
    for number in range(CUSTOMERS):
        who = f"member_no:{number}"
        views = [event("product_viewed", f"2026-03-{day:02d} 10:00", who) for day in range(2, 12)]
        then = "2025-11-02 10:00"
        orders = [event("order_paid", then, who, f"o{number}-{n}", amount=1_000 * n) for n in (1, 2)]
        scratch.send(*views, event("product_viewed", then, who), *orders[: number % 3])
    scratch.close()
    return found


class TestPlan:
    def test_asks_of_the_most_frequent_types_and_of_orders(self, folder: Path, tmp_path: Path) -> None:
        scratch = Scratch(folder)
        plan = bench.plan(scratch.desk(), BenchQuestion(str(tmp_path)))
        scratch.pool.close()
        assert plan.steps == ("product_viewed", "order_paid")
        assert plan.condition == (
            "count(product_viewed, 30d) >= 3 and never(order_paid, 90d) and sum(order_paid.amount) > 13.15"
        )
        assert (plan.customers, plan.events) == (CUSTOMERS, 11 * CUSTOMERS + sum(n % 3 for n in range(CUSTOMERS)))

    def test_a_pool_of_one_type_has_too_little_to_ask_about(self, tmp_path: Path) -> None:
        scratch = Scratch(tmp_path / "pool", start="2026-04-01")
        scratch.send(event("order_paid", "2026-03-02 10:00", "member_no:1", amount=5))
        scratch.close()
        typed = Keyboard(tmp_path / "pool")("bench", "--peer", "duckdb")
        assert typed.status
        assert "fewer than two types" in typed.err


class TestBench:
    def test_peers_give_equal_answers_though_events_share_an_instant(self, folder: Path) -> None:
        said = Keyboard(folder)("bench", "--peer", "duckdb", "--peer", "polars", "--repeats", "1", "--json").json
        assert {(row["question"], row["system"]) for row in said["rows"]} == {
            (question, system)
            for question in ("funnel", "retention", "segment")
            for system in ("yutang", "duckdb", "polars")
        }
        assert all(row["equal"] for row in said["rows"])
        assert all(len(row["times_s"]) == 1 and row["median_s"] > 0 for row in said["rows"])

    @pytest.mark.parametrize(("language", "equal"), [("en", "equal"), ("zh", "相等")])
    def test_prints_a_table(self, folder: Path, language: str, equal: str) -> None:
        said = Keyboard(folder, language)("bench", "--peer", "duckdb", "--repeats", "1").out
        assert said.count("duckdb") == 4
        assert said.count(equal) == 3

    def test_a_peer_that_isnt_installed_is_named_with_what_brings_it(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        present = util.find_spec
        monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: None if name == "chdb" else present(name))
        typed = Keyboard(folder)("bench", "--peer", "chdb")
        assert typed.status == UnavailableError.exit_code
        assert "chdb isn't installed" in typed.err
        assert "pip install 'yutang[bench]'" in typed.err

    def test_a_peer_that_nobody_knows_is_refused(self, folder: Path) -> None:
        typed = Keyboard(folder)("bench", "--peer", "oracle")
        assert "duckdb, chdb, polars" in typed.err

    def test_a_time_of_another_answer_doesnt_count(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        wrong = BenchTimes(0.1, (0.1,), ((7,),))
        run = BenchRun("duckdb", "0", 0.1, dict.fromkeys(lines.BENCH_TRIALS, wrong))
        monkeypatch.setattr(bench, "run_peer", lambda *_: run)
        said = Keyboard(folder)("bench", "--peer", "duckdb", "--repeats", "1").out
        assert said.count("differs: no time counts") == 3
        assert "×" not in said


class TestTurn:
    def test_answers_as_peers_do(self, folder: Path, tmp_path: Path) -> None:
        scratch = Scratch(folder)
        desk = scratch.desk()
        plan = bench.plan(desk, BenchQuestion(str(tmp_path)))
        found = bench.turn(desk, BenchTurn(plan, "segment", 2))
        scratch.pool.close()
        assert found.answer[0][0] == len([n for n in range(CUSTOMERS) if n % 3 == 2])
        assert len(found.times_s) == 2
