"""Polars: all events as one frame in memory, and a frame for each type; both sorted, which queries make use of.

Rows in the order of (customer, moment) need no grouping: a customer's weeks are runs of equal values, and customers lie
so far apart on one axis (`customer * stride + moment`, while that fits) that a join by the latest moment before stays
with its own.
Tried and slower: a funnel by filling forward (4 times); retention by bits (4 times) or distinct weeks (10 times); a
segment as one aggregation over both types (8 times).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from yutang.domains.insight.contracts.bench import (
    FunnelFound,
    FunnelTrial,
    RetentionFound,
    RetentionTrial,
    RfmFound,
    RfmTrial,
    SegmentFound,
    SegmentTrial,
)

AXIS_MAX = 2**63


class Frames:
    """Polars. How many threads it uses is settled when it is first imported, by POLARS_MAX_THREADS."""

    name = "polars"
    version = pl.__version__

    def __init__(self, scratch: Path, threads: int) -> None:
        del scratch, threads
        self.events = pl.DataFrame()
        self.types: dict[int, pl.DataFrame] = {}

    def load(self, events: Path) -> None:
        """Bring the events into memory."""
        whole = pl.read_parquet(events).with_columns(pl.col("customer").set_sorted())
        ends = whole.select(least=pl.col("moment").min(), most=pl.col("moment").max(), last=pl.col("customer").max())
        self._least, self._most, self._last = ends.row(0)
        self.events = whole
        for (code,), frame in whole.partition_by("type", as_dict=True, maintain_order=True).items():
            self.types[int(code)] = frame.drop("type").rechunk().with_columns(pl.col("customer").set_sorted())

    def of_type(self, code: int) -> pl.LazyFrame:
        """The events of a type."""
        return self.types.get(code, self.events.clear().drop("type")).lazy()

    def funnel(self, asked: FunnelTrial) -> FunnelFound:
        """Each step joins the latest event of the step before that got so far, which began the latest."""
        stride = self._most - self._least + asked.window + 1
        by = None if (self._last + 1) * stride < AXIS_MAX else "customer"
        beside = 0 if by else pl.col("customer").cast(pl.Int64) * stride
        axis = beside + (pl.col("moment") - self._least)
        first, *others = [self.of_type(step).select("customer", at=axis) for step in asked.steps]
        reached = first.with_columns(began=pl.col("at"))
        counts = [_customers(reached)]
        for step in others:
            before = reached if by else reached.drop("customer")
            joined = step.join_asof(
                before, on="at", by=by, tolerance=asked.window, allow_exact_matches=False, check_sortedness=False
            )
            reached = joined.filter(pl.col("at") - pl.col("began") <= asked.window)
            counts.append(_customers(reached))
        found = pl.collect_all(counts)
        return tuple(int(one.item()) for one in found)

    def retention(self, asked: RetentionTrial) -> RetentionFound:
        """Weeks of a customer are runs; its first one is filled forward."""
        week = ((pl.col("moment") - asked.begin) // asked.length).cast(pl.Int8)
        other = pl.col("customer") != pl.col("customer").shift(1, fill_value=-1)
        weeks = self.events.lazy().filter(pl.col("moment") >= asked.begin).select("customer", week=week)
        weeks = weeks.filter(other | (pl.col("week") != pl.col("week").shift(1, fill_value=-1)))
        since = weeks.with_columns(cohort=pl.when(other).then(pl.col("week")).forward_fill())
        since = since.with_columns(k=pl.col("week") - pl.col("cohort")).filter(pl.col("k") < asked.periods)
        found = since.group_by("cohort", "k").len().collect(engine="streaming")
        return {(cohort, k): count for cohort, k, count in found.rows()}

    def segment(self, asked: SegmentTrial) -> SegmentFound:
        """Those who spent enough and are quiet first: they are few."""
        totals = self.of_type(asked.paid).group_by("customer").agg(spent=_sum("amount"), last=pl.col("moment").max())
        quiet = totals.filter((pl.col("spent") > asked.spent_more) & (pl.col("last") <= asked.quiet_after))
        recent = self.of_type(asked.often).filter(pl.col("moment") > asked.often_after).select("customer")
        often = recent.join(quiet.select("customer"), on="customer", how="semi").group_by("customer").len()
        found = often.filter(pl.col("len") >= asked.least).select(pl.len(), _sum("customer"))
        count, places = found.collect(engine="streaming").row(0)
        return int(count), int(places)

    def rfm(self, asked: RfmTrial) -> RfmFound:
        """Ranks by sorting."""
        orders = self.of_type(asked.paid).filter(pl.col("moment") > asked.after).group_by("customer")
        measures = orders.agg(r=pl.col("moment").max(), f=pl.len(), m=_sum("amount"))
        quintiles = [(pl.col(name).rank("min").cast(pl.Int64) - 1) * 5 // pl.len() for name in ("r", "f", "m")]
        found: Any = measures.select(quintiles).group_by("r", "f", "m").len().collect()
        return {(r, f, m): count for r, f, m, count in found.rows()}

    def close(self) -> None:
        """Give everything back."""
        self.events = pl.DataFrame()
        self.types = {}


def _sum(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Int64).sum()


def _customers(reached: pl.LazyFrame) -> pl.LazyFrame:
    """How many customers: rows that begin another one's."""
    return reached.select((pl.col("customer") != pl.col("customer").shift(1, fill_value=-1)).sum())
