"""DuckDB: tables sorted by (customer, moment) and by (type, customer, moment), of which zone maps skip other types.

Tried and slower: a funnel by window functions (4 times), by lists a customer; retention by distinct weeks (10 times);
a segment as one aggregation over both types (4 times).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

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


class Duck:
    """DuckDB on a database file of its own."""

    name = "duckdb"
    version = duckdb.__version__

    def __init__(self, scratch: Path, threads: int) -> None:
        self.file = scratch / "peer.duckdb"
        self._connection = duckdb.connect(str(self.file))
        self._connection.execute(f"SET threads = {threads}")

    def load(self, events: Path) -> None:
        """Bring the events into its tables."""
        self._connection.execute(f"CREATE TABLE ev AS SELECT * FROM '{events}'")
        self._connection.execute("CREATE TABLE by_type AS SELECT * FROM ev ORDER BY type, customer, moment")
        self._connection.execute("CHECKPOINT")

    def rows(self, text: str) -> list[Any]:
        """What a statement answers."""
        return self._connection.execute(text).fetchall()

    def funnel(self, asked: FunnelTrial) -> FunnelFound:
        """Each step joins the latest event of the step before that got so far, which began the latest."""
        first, *others = asked.steps
        parts = [f"s0 AS (SELECT customer, moment, moment AS began FROM by_type WHERE type = {first})"]
        for place, step in enumerate(others):
            parts.append(f"""s{place + 1} AS MATERIALIZED (
                SELECT k.customer, k.moment, p.began
                FROM (SELECT customer, moment FROM by_type WHERE type = {step}) k
                ASOF JOIN s{place} p ON k.customer = p.customer AND k.moment > p.moment
                WHERE k.moment - p.began <= {asked.window})""")
        counts = [f"(SELECT count(DISTINCT customer) FROM s{place})" for place in range(len(asked.steps))]
        (found,) = self.rows(f"WITH {', '.join(parts)} SELECT {', '.join(counts)}")
        return tuple(found)

    def retention(self, asked: RetentionTrial) -> RetentionFound:
        """The weeks of each customer as bits of a number."""
        found = self.rows(f"""
            WITH bits AS (
                SELECT bit_or(1::UBIGINT << ((moment - {asked.begin}) // {asked.length})::UBIGINT) AS weeks,
                    min((moment - {asked.begin}) // {asked.length})::UBIGINT AS cohort
                FROM ev WHERE moment >= {asked.begin} GROUP BY customer)
            SELECT cohort, k, sum((weeks >> (cohort + k::UBIGINT)) & 1)::BIGINT FROM bits, range({asked.periods}) r(k)
            WHERE cohort + k < 64 GROUP BY ALL""")
        return {(cohort, k): count for cohort, k, count in found if count}

    def segment(self, asked: SegmentTrial) -> SegmentFound:
        """Those who spent enough and are quiet first: they are few."""
        (found,) = self.rows(f"""
            WITH quiet AS (
                SELECT customer FROM by_type WHERE type = {asked.paid} GROUP BY customer
                HAVING sum(amount) > {asked.spent_more} AND max(moment) <= {asked.quiet_after}),
            found AS (
                SELECT customer FROM by_type WHERE type = {asked.often} AND moment > {asked.often_after}
                AND customer IN (SELECT customer FROM quiet) GROUP BY customer HAVING count(*) >= {asked.least})
            SELECT count(*), coalesce(sum(customer), 0)::BIGINT FROM found""")
        return found[0], found[1]

    def rfm(self, asked: RfmTrial) -> RfmFound:
        """Ranks by windows."""
        quintiles = ", ".join(
            f"(rank() OVER (ORDER BY {name}) - 1) * 5 // count(*) OVER () AS q{name}" for name in ("r", "f", "m")
        )
        found = self.rows(f"""
            WITH orders AS (
                SELECT customer, max(moment) AS r, count(*) AS f, sum(amount) AS m FROM by_type
                WHERE type = {asked.paid} AND moment > {asked.after} GROUP BY customer)
            SELECT qr, qf, qm, count(*) FROM (SELECT {quintiles} FROM orders) GROUP BY ALL""")
        return {(r, f, m): count for r, f, m, count in found}

    def close(self) -> None:
        """Give everything back."""
        self._connection.close()
