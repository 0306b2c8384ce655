"""Polars on the made world: flow and segments by the frames of the types, each aggregated apart and joined."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import polars as pl

from bench import world as made
from bench.peers.tests import Aggregate, AtLeast, Compare, Not, Test, Where, aggregates
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
from yutang.domains.insight.store.peers.frames import Frames

MOMENT, TYPE = pl.col("moment"), pl.col("type")


class Polars(Frames):
    """See the modules."""

    def load_states(self, states: Path) -> None:
        """Bring state events into memory."""
        self._states = pl.read_parquet(states).with_columns(pl.col("customer").set_sorted())

    def flow(self, asked: FlowTrial) -> FlowFound:
        """All facts in one pass of the streaming engine."""
        facts = [*_facts(1, asked.before), *_facts(2, asked.after)]
        stages = self.events.lazy().group_by("customer").agg(facts).filter(pl.col("e2"))
        found = stages.select(a=_stage(1), b=_stage(2)).group_by("a", "b").len().collect(engine="streaming")
        return {(a, b): count for a, b, count in found.rows()}

    def segments(self, tests: Sequence[Test]) -> list[SegmentFound]:
        """All at once."""
        known = dict.fromkeys(one for test in tests for one in aggregates(test))
        names = {one: f"a{place}" for place, one in enumerate(known)}
        groups: dict[tuple[str, tuple[int, ...]], list[Aggregate]] = {}
        for one in known:
            groups.setdefault((one.table, tuple(sorted(set(one.types)))), []).append(one)
        whole = self.events.lazy().select("customer").unique()
        for (table, types), members in groups.items():
            rows = (
                self._rows(table, types).group_by("customer").agg(_rendered(one).alias(names[one]) for one in members)
            )
            whole = whole.join(rows, on="customer", how="left")
        truths = whole.select("customer", *(_truth(test, names).alias(f"t{n}") for n, test in enumerate(tests)))
        customer = pl.col("customer").cast(pl.Int64)
        sums = [one for n in range(len(tests)) for one in (
            pl.col(f"t{n}").sum().alias(f"n{n}"), customer.filter(pl.col(f"t{n}")).sum().alias(f"s{n}"),
        )]  # fmt: skip
        row = truths.select(sums).collect(engine="streaming").row(0)
        return list(zip(map(int, row[::2]), map(int, row[1::2]), strict=True))

    def _rows(self, table: str, types: tuple[int, ...]) -> pl.LazyFrame:
        if table == "states":
            return self._states.lazy().filter(TYPE.is_in(types))
        if len(types) == 1:
            return self.of_type(types[0])
        return self.events.lazy().filter(TYPE.is_in(types))

    def says(self, test: Test) -> bool:
        """Whether it has an aggregate for each part."""
        return not funnels_in(test)


def _facts(n: int, at: int) -> list[pl.Expr]:
    """What of a customer decides its stage at an instant, by columns with a number."""
    past, recent, year = at >= MOMENT, (at - SHORT_MS < MOMENT), (at - LONG_MS < MOMENT)
    search, category = TYPE == made.SEARCH, pl.col("category")
    told = (TYPE == made.SHARE) | ((TYPE == made.REVIEW) & (pl.col("score") > 2))
    return [
        (past & year & (TYPE == made.ORDER)).sum().alias(f"n{n}"),
        (past & (at - ORDER_MS < MOMENT) & (TYPE == made.ORDER)).any().alias(f"p{n}"),
        (past & year & told).any().alias(f"l{n}"),
        ((past & (TYPE == BEGUN)).sum() > (past & (TYPE == ENDED)).sum()).alias(f"f{n}"),
        (past & recent & (TYPE.is_in(INTEREST) | (search & (category == 1)))).any().alias(f"i{n}"),
        (past & recent & (TYPE.is_in(AWARENESS) | (search & (category == 0)))).any().alias(f"a{n}"),
        past.any().alias(f"e{n}"),
    ]


def _stage(n: int) -> pl.Expr:
    has = {name: pl.col(f"{name}{n}") for name in "nplfiae"}
    return (
        pl.when((has["n"] >= 2) | (has["p"] & has["l"])).then(4).when(has["p"]).then(3)
        .when(has["i"] | has["f"]).then(2).when(has["a"]).then(1).when(has["e"]).then(0).otherwise(-1)
    )  # fmt: skip


def _rendered(one: Aggregate) -> pl.Expr:
    rows = reduce(lambda a, b: a & b, [one.after < MOMENT, one.until >= MOMENT, *map(_where, one.where)])
    column = pl.col(one.column).filter(rows)
    match one.kind:
        case "count":
            return rows.sum()
        case "sum":
            return column.cast(pl.Int64).sum()
        case "min":
            return column.min()
        case "max":
            return column.max()
        case "distinct":
            return column.n_unique()
        case "weeks":
            return ((MOMENT - (one.after + 1)) // one.width).filter(rows).n_unique()
        case "first":
            return column.first()
        case "last":
            return column.last()
        case "funnel":
            raise NotImplementedError(one.kind)


def _where(where: Where) -> pl.Expr:
    column = pl.col(where.column)
    if where.op == "in":
        return column.is_in(where.values)
    return column <= where.values[0] if where.op == "<=" else column >= where.values[0]


def _truth(test: Test, names: dict[Aggregate, str]) -> pl.Expr:
    """A test over the aggregates; what isn't known is false, and counts and sums of none are 0."""
    match test:
        case Compare(left, op, value, times):
            zero = left.kind in ("count", "sum", "distinct", "weeks")
            some = pl.col(names[left]).cast(pl.Int64)
            some = some.fill_null(0) if zero else some
            other = pl.lit(value) if times is None else value * pl.col(names[times]).cast(pl.Int64).fill_null(0)
            compared = {
                "=": some == other, "<>": some != other, "<": some < other, "<=": some <= other, ">": some > other,
                ">=": some >= other,
            }  # fmt: skip
            return compared[op].fill_null(value=False)
        case Not(inner):
            return ~_truth(inner, names)
        case AtLeast(count, tests):
            return pl.sum_horizontal([_truth(one, names).cast(pl.UInt8) for one in tests]) >= count
