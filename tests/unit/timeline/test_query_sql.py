"""Ad-hoc SQL over a pinned snapshot."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.lake_world import VOCABULARY, event, people, rows

from yutang.kernel.errors import InvalidError, LimitError
from yutang.timeline.lake import LakeFolder
from yutang.timeline.query import QueryLimits, run_sql
from yutang.timeline.tracks import TimelineState

WHO = people([0, 1, 0])
IDS = ["anna", "bert"]


@pytest.fixture
def state(tmp_path: Path) -> TimelineState:
    """Two orders on disk, one in the tail."""
    lake = LakeFolder(tmp_path / "lake", tmp_path / "cache")
    lake.open([])
    first = rows(1, [event("a", 1_000, amount=1250, weight=0.5, gift=True), event("b", 2_000, amount=-5)], [0, 1])
    built = TimelineState.empty().appended(first, VOCABULARY)
    cut = built.cut(1, "CNY")
    file = lake.write_cut(cut, 0)
    assert file is not None
    built = built.flushed(cut, file, lake.runs(file))
    return built.appended(rows(2, [event("c", 3_000, category="口红", tags=["x"], stray=1)], [2]), VOCABULARY)


def ask(state: TimelineState, text: str, **limits: Any) -> list[dict[str, Any]]:
    answer: list[dict[str, Any]] = run_sql(text, state, WHO, VOCABULARY, IDS, QueryLimits(**limits)).to_pylist()
    return answer


class TestAnswers:
    def test_typed_columns_are_in_units_that_people_read(self, state: TimelineState) -> None:
        found = ask(state, 'SELECT customer, happened_at, amount, weight, gift, category FROM "order" ORDER BY id')
        assert found[0] == {
            "customer": "anna", "happened_at": datetime(1970, 1, 1, 0, 0, 1), "amount": Decimal("12.50"),
            "weight": 0.5, "gift": True, "category": None,
        }  # fmt: skip
        assert [row["amount"] for row in found] == [Decimal("12.50"), Decimal("-0.05"), None]
        assert found[2]["category"] == "口红"

    def test_events_hold_the_tail_and_todays_customer(self, state: TimelineState) -> None:
        found = ask(state, "SELECT customer, count(*) AS n, max(seq) AS seq FROM events GROUP BY 1 ORDER BY 1")
        assert found == [{"customer": "anna", "n": 2, "seq": 2}, {"customer": "bert", "n": 1, "seq": 1}]
        assert ask(state, "SELECT rest FROM events WHERE rest IS NOT NULL") == [{"rest": '{"stray":1}'}]
        assert [row["customer"] for row in ask(state, "FROM customers ORDER BY anchor")] == ["anna", "bert", "anna"]

    @pytest.mark.parametrize(
        "text", ['DESCRIBE "order"', "SHOW TABLES", 'SUMMARIZE "order"', "EXPLAIN SELECT 1", "EXPLAIN ANALYZE SELECT 1",
                 "WITH x AS (SELECT * FROM events) SELECT count(*) FROM x", "SELECT count(*) FROM main.Events"],
    )  # fmt: skip
    def test_kinds_of_statements_that_answer(self, state: TimelineState, text: str) -> None:
        assert ask(state, text)

    def test_a_type_declared_but_never_seen_is_an_empty_view(self, state: TimelineState) -> None:
        assert ask(state, "SELECT category FROM view") == []


class TestRefusals:
    @pytest.mark.parametrize("text", [
        "DELETE FROM events", "EXPLAIN ANALYZE DELETE FROM events", "CREATE TABLE x AS SELECT 1", "SET threads=9",
        "COPY events TO '/tmp/x.csv'", "ATTACH '/tmp/x.db'", "INSTALL httpfs", "LOAD httpfs", "PRAGMA version",
        "SELECT 1; SELECT 2", "", "selec 1", "SELECT nothing FROM events", "SELECT * FROM nowhere",
        "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM '/etc/passwd'", "SELECT * FROM glob('/*')",
        "SELECT * FROM state", "CALL pragma_version()", "EXPORT DATABASE '/tmp/x'",
    ])  # fmt: skip
    def test_everything_else_is_refused(self, state: TimelineState, text: str) -> None:
        with pytest.raises(InvalidError) as raised:
            ask(state, text)
        assert raised.value.code == "query.invalid"

    def test_the_engines_own_words_say_where(self, state: TimelineState) -> None:
        with pytest.raises(InvalidError, match="amuont"):
            ask(state, 'SELECT amuont FROM "order"')

    def test_too_many_rows(self, state: TimelineState) -> None:
        with pytest.raises(LimitError, match="more than 2 rows"):
            ask(state, "SELECT * FROM events", rows_count=2)

    def test_too_long(self, state: TimelineState) -> None:
        with pytest.raises(LimitError, match=r"0\.2 s"):
            ask(state, "SELECT sum(a.range * b.range) FROM range(10000000) a, range(1000000) b", answer_s=0.2)
