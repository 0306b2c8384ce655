"""DuckDB on the made world: flow as one aggregation, its short windows looked at in recent rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import world as made
from bench.peers.sql import statement
from bench.peers.tests import Aggregate, Test
from bench.peers.trials import (
    AWARENESS,
    BEGUN,
    ENDED,
    INTEREST,
    LONG_MS,
    ORDER_MS,
    SHORT_MS,
    FlowFound,
    FlowTrial,
    funnels_in,
)
from yutang.domains.insight.contracts.bench import SegmentFound
from yutang.domains.insight.store.peers.duck import Duck

LASTING = (made.ORDER, made.SHARE, made.REVIEW, BEGUN, ENDED)


class DuckDB(Duck):
    """See the modules."""

    def load_states(self, states: Path) -> None:
        """Bring state events into a table of their own."""
        self._connection.execute(f"CREATE TABLE st AS SELECT * FROM '{states}'")

    def flow(self, asked: FlowTrial) -> FlowFound:
        """Old rows of types whose windows are short say nothing, except who was there already."""
        first, second = asked.before, asked.after
        found = self.rows(f"""
            WITH seen AS (SELECT customer, min(moment) AS first_seen FROM ev GROUP BY customer),
            facts AS (
                SELECT customer, {_facts(1, first)}, {_facts(2, second)} FROM ev
                WHERE (type IN {LASTING} OR moment > {first - SHORT_MS}) AND moment <= {second} GROUP BY customer)
            SELECT {_stage(1, first)} AS s1, {_stage(2, second)} AS s2, count(*)
            FROM seen LEFT JOIN facts USING (customer) WHERE first_seen <= {second} GROUP BY ALL""")
        return {(a, b): count for a, b, count in found}

    def segments(self, tests: Sequence[Test]) -> list[SegmentFound]:
        """All at once."""
        (row,) = self.rows(statement(tests, _render))
        return list(zip(map(int, row[::2]), map(int, row[1::2]), strict=True))

    def says(self, test: Test) -> bool:
        """Whether it has an aggregate for each part."""
        return not funnels_in(test)


def _facts(n: int, at: int) -> str:
    """What of a customer decides its stage at an instant, by columns with a number."""
    recent = f"moment > {at - SHORT_MS} AND moment <= {at}"
    year = f"moment > {at - LONG_MS} AND moment <= {at}"
    return f"""
        count_if(type = {made.ORDER} AND {year}) AS n{n},
        bool_or(type = {made.ORDER} AND moment > {at - ORDER_MS} AND moment <= {at}) AS p{n},
        bool_or((type = {made.SHARE} OR type = {made.REVIEW} AND score > 2) AND {year}) AS l{n},
        count_if(type = {BEGUN} AND moment <= {at}) > count_if(type = {ENDED} AND moment <= {at}) AS f{n},
        bool_or((type IN {INTEREST} OR type = {made.SEARCH} AND category = 1) AND {recent}) AS i{n},
        bool_or((type IN {AWARENESS} OR type = {made.SEARCH} AND category = 0) AND {recent}) AS a{n}"""


def _stage(n: int, at: int) -> str:
    return (
        f"CASE WHEN n{n} >= 2 OR p{n} AND l{n} THEN 4 WHEN p{n} THEN 3 WHEN i{n} OR f{n} THEN 2 WHEN a{n} THEN 1 "
        f"WHEN first_seen <= {at} THEN 0 ELSE -1 END"
    )


def _render(one: Aggregate, rows: str) -> str:
    kept = f"FILTER (WHERE {rows})"
    match one.kind:
        case "count":
            return f"count(*) {kept}"
        case "sum" | "min" | "max":
            return f"{one.kind}({one.column}) {kept}"
        case "distinct":
            return f"count(DISTINCT {one.column}) {kept}"
        case "weeks":
            week = f"greatest((moment - {one.after + 1}) // {one.width}, 0)::UBIGINT"  # rows before don't count
            return f"bit_count(bit_or(1::UBIGINT << {week}) {kept})"
        case "first" | "last":
            return f"{'arg_min' if one.kind == 'first' else 'arg_max'}({one.column}, moment) {kept}"
        case "funnel":
            raise NotImplementedError(one.kind)
