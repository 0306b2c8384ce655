"""ClickHouse on the made world: flow as one aggregation in the order of the key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import world as made
from bench.peers.sql import statement
from bench.peers.tests import Aggregate, Test
from bench.peers.trials import AWARENESS, BEGUN, ENDED, INTEREST, LONG_MS, ORDER_MS, SHORT_MS, FlowFound, FlowTrial
from yutang.domains.insight.contracts.bench import SegmentFound
from yutang.domains.insight.store.peers.clickhouse import IN_ORDER, ClickHouse

DECLARED = "customer UInt32, moment Int64, type UInt8, key Int8, text Nullable(Int8), date Nullable(Int64)"  # of states
JOINED = ", join_use_nulls = 1, compile_expressions = 0"  # absent rows are unknown; compiling 140 truths takes longer


class ChDB(ClickHouse):
    """See the modules."""

    def load_states(self, states: Path) -> None:
        """Bring state events into a table of their own."""
        self.run(f"CREATE TABLE st ({DECLARED}) ENGINE = MergeTree ORDER BY (type, key, customer)")
        self.run(f"INSERT INTO st SELECT * FROM file('{states}')")

    def flow(self, asked: FlowTrial) -> FlowFound:
        """All facts in one pass; looking at recent rows alone was no faster."""
        found = self.rows(
            f"""
            SELECT {_stage(1)} AS s1, {_stage(2)} AS s2, count() FROM (
                SELECT customer, {_facts(1, asked.before)}, {_facts(2, asked.after)} FROM ev GROUP BY customer)
            WHERE e2 GROUP BY s1, s2""",
            IN_ORDER,
        )
        return {(int(a), int(b)): int(count) for a, b, count in found}

    def segments(self, tests: Sequence[Test]) -> list[SegmentFound]:
        """All at once."""
        (row,) = self.rows(statement(tests, _render), JOINED)
        return list(zip(map(int, row[::2]), map(int, row[1::2]), strict=True))

    def says(self, test: Test) -> bool:
        """It has an aggregate for everything."""
        del test
        return True


def _facts(n: int, at: int) -> str:
    """What of a customer decides its stage at an instant, by columns with a number."""
    recent = f"moment > {at - SHORT_MS} AND moment <= {at}"
    year = f"moment > {at - LONG_MS} AND moment <= {at}"
    return f"""
        countIf(type = {made.ORDER} AND {year}) AS n{n},
        max(type = {made.ORDER} AND moment > {at - ORDER_MS} AND moment <= {at}) AS p{n},
        max((type = {made.SHARE} OR type = {made.REVIEW} AND score > 2) AND {year}) AS l{n},
        countIf(type = {BEGUN} AND moment <= {at}) > countIf(type = {ENDED} AND moment <= {at}) AS f{n},
        max((type IN {INTEREST} OR type = {made.SEARCH} AND category = 1) AND {recent}) AS i{n},
        max((type IN {AWARENESS} OR type = {made.SEARCH} AND category = 0) AND {recent}) AS a{n},
        max(moment <= {at}) AS e{n}"""


def _stage(n: int) -> str:
    return f"multiIf(n{n} >= 2 OR p{n} AND l{n}, 4, p{n}, 3, i{n} OR f{n}, 2, a{n}, 1, e{n}, 0, -1)"


def _render(one: Aggregate, rows: str) -> str:
    match one.kind:
        case "count":
            return f"countIf({rows})"
        case "sum":
            return f"sumIf({one.column}, {rows})"
        case "min" | "max":
            return f"{one.kind}OrNullIf({one.column}, {rows})"
        case "distinct":
            return f"uniqExactIf({one.column}, {rows})"
        case "weeks":
            week = f"greatest(intDiv(moment - {one.after + 1}, {one.width}), 0)"  # rows before don't count
            return f"bitCount(groupBitOrIf(bitShiftLeft(toUInt64(1), {week}), {rows}))"
        case "first" | "last":
            return f"{'argMin' if one.kind == 'first' else 'argMax'}OrNullIf({one.column}, moment, {rows})"
        case "funnel":
            steps = ", ".join(f"type = {step} AND {rows}" for step in one.types)
            return f"windowFunnel({one.width})(toUInt64(moment), {steps})"
