"""ClickHouse as a second opinion: chdb in a process of its own, since an engine is global to its process."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from yutang.domains.insight.contracts.bench import BenchPlan
from yutang.domains.insight.store.peers.racing import EVENTS_FILE, listed

TABLES = ("ev", "by_type", "facts")
_engine: list[Any] = []


@dataclass(frozen=True)
class Row:
    """An event as ClickHouse is told: whose, when, of which type, and two values."""

    customer: int
    at: int
    type: str
    amount: int
    product: str


class SecondOpinion:
    """Asks in the other process; close it."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="yutang-chdb-")
        self._process = ProcessPoolExecutor(1, get_context("spawn"), _begin, (self._folder.name,))

    def trials(self, plan: BenchPlan) -> dict[str, Any]:
        """What the product's peer answers to a plan, by question."""
        return self._process.submit(_trials, plan).result()

    def rows(self, facts: Sequence[Row], queries: Sequence[str]) -> list[list[list[Any]]]:
        """What each query answers over the table `facts`."""
        return self._process.submit(_rows, [astuple(fact) for fact in facts], list(queries)).result()

    def close(self) -> None:
        self._process.shutdown()
        self._folder.cleanup()


def _begin(folder: str) -> None:
    from yutang.domains.insight.store.peers.clickhouse import ClickHouse

    _engine.append(ClickHouse(Path(folder), 1))


def _opened() -> Any:
    for table in TABLES:
        _engine[0].run(f"DROP TABLE IF EXISTS {table} SYNC")
    return _engine[0]


def _trials(plan: BenchPlan) -> dict[str, Any]:
    peer = _opened()
    peer.load(Path(plan.folder) / EVENTS_FILE)
    return {
        "funnel": listed(peer.funnel(plan.funnel)),
        "retention": listed(peer.retention(plan.retention)),
        "segment": listed(peer.segment(plan.segment)),
    }


def _rows(facts: list[tuple[Any, ...]], queries: list[str]) -> list[list[list[Any]]]:
    peer = _opened()
    peer.run(
        "CREATE TABLE facts (customer UInt32, at Int64, type String, amount Int64, product String) "
        "ENGINE = MergeTree ORDER BY (customer, at)"
    )
    values = ", ".join(f"({c}, {at}, '{kind}', {amount}, '{product}')" for c, at, kind, amount, product in facts)
    peer.run(f"INSERT INTO facts VALUES {values}")
    return [peer.rows(query) for query in queries]
