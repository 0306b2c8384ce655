"""ClickHouse, embedded (chdb): MergeTrees ordered by (customer, moment) and by (type, customer, moment).

Tried and slower: a funnel over all types, or over customers that a subquery leaves; funnel and segment on the order by
customer; retention by a row a week. Aggregating in the order of the key helps retention only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import chdb
import msgspec
from chdb import session

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

IN_ORDER = ", optimize_aggregation_in_order = 1"


class ClickHouse:
    """A session of chdb; a process can hold one."""

    name = "chdb"
    version = chdb.__version__

    def __init__(self, scratch: Path, threads: int) -> None:
        opened: Any = session.Session  # its package tells no types
        self._session = opened(str(scratch / "chdb"))
        self._settings = f" SETTINGS max_threads = {threads}"
        self._threads = threads

    def load(self, events: Path) -> None:
        """Bring the events into its tables, each merged into one part."""
        source = f"file('{events}')"
        columns = ", ".join(f"{name} {kind}" for name, kind in (line for line in self._described(f"DESCRIBE {source}")))
        for table, order in (("ev", "customer, moment"), ("by_type", "type, customer, moment")):
            self.run(f"CREATE TABLE {table} ({columns}) ENGINE = MergeTree ORDER BY ({order})")
            self.run(
                f"INSERT INTO {table} SELECT * FROM {source}{self._settings}, max_insert_threads = {self._threads}"
            )
            self.run(f"OPTIMIZE TABLE {table} FINAL")

    def _described(self, text: str) -> list[tuple[str, str]]:
        return [(str(row[0]), str(row[1]).removeprefix("Nullable(").removesuffix(")")) for row in self.rows(text)]

    def run(self, text: str) -> None:
        """A statement that answers nothing."""
        self._session.query(text)

    def rows(self, text: str, settings: str = "") -> list[list[Any]]:
        """What a statement answers."""
        answer = self._session.query(text + self._settings + settings, "JSONCompactEachRow")
        lines = bytes(answer.bytes()).splitlines()
        return [msgspec.json.decode(line) for line in lines]

    def funnel(self, asked: FunnelTrial) -> FunnelFound:
        """`windowFunnel`, which keeps the latest beginning for each step, over the steps' types alone."""
        steps = ", ".join(f"type = {step}" for step in asked.steps)
        types = ", ".join(map(str, asked.steps))
        found = self.rows(f"""
            SELECT level, count() FROM (
                SELECT windowFunnel({asked.window})(toUInt64(moment), {steps}) AS level FROM by_type
                WHERE type IN ({types}) GROUP BY customer)
            GROUP BY level""")
        reached = {int(level): int(count) for level, count in found}
        return tuple(
            sum(count for level, count in reached.items() if level > place) for place in range(len(asked.steps))
        )

    def retention(self, asked: RetentionTrial) -> RetentionFound:
        """The weeks of each customer as bits of a number."""
        kept = ", ".join(f"sum(bitTest(later, {k}))" for k in range(asked.periods))
        found = self.rows(
            f"""
            SELECT cohort, {kept} FROM (
                SELECT groupBitOr(bitShiftLeft(toUInt64(1), intDiv(moment - {asked.begin}, {asked.length}))) AS weeks,
                    bitCount(bitXor(weeks, weeks - 1)) - 1 AS cohort, bitShiftRight(weeks, cohort) AS later
                FROM ev WHERE moment >= {asked.begin} GROUP BY customer)
            GROUP BY cohort""",
            IN_ORDER,
        )
        return {(int(row[0]), k): int(count) for row in found for k, count in enumerate(row[1:]) if int(count)}

    def segment(self, asked: SegmentTrial) -> SegmentFound:
        """Those who spent enough and are quiet first: they are few."""
        (found,) = self.rows(f"""
            SELECT count(), sum(customer) FROM (
                SELECT customer FROM by_type WHERE type = {asked.often} AND moment > {asked.often_after}
                AND customer IN (
                    SELECT customer FROM by_type WHERE type = {asked.paid} GROUP BY customer
                    HAVING sum(amount) > {asked.spent_more} AND max(moment) <= {asked.quiet_after})
                GROUP BY customer HAVING count() >= {asked.least})""")
        return int(found[0]), int(found[1])

    def rfm(self, asked: RfmTrial) -> RfmFound:
        """Ranks by windows."""
        quintiles = ", ".join(
            f"intDiv((rank() OVER (ORDER BY {name}) - 1) * 5, count() OVER ()) AS q{name}" for name in ("r", "f", "m")
        )
        found = self.rows(f"""
            WITH orders AS (
                SELECT customer, max(moment) AS r, count() AS f, sum(amount) AS m FROM by_type
                WHERE type = {asked.paid} AND moment > {asked.after} GROUP BY customer)
            SELECT qr, qf, qm, count() FROM (SELECT {quintiles} FROM orders) GROUP BY qr, qf, qm""")
        return {(int(r), int(f), int(m)): int(count) for r, f, m, count in found}

    def close(self) -> None:
        """Give everything back."""
        self._session.close()
