"""The engine agrees with ClickHouse about small random worlds, through a real pool and the questions' own doors.

Worlds have what goes wrong easily: events at one instant, repeats of an event, late events in many records, days on
which clocks change, events just at the ends of windows. Seeded by Hypothesis; `YUTANG_TEST_BUDGET` multiplies the
number of worlds.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.clickhouse import Row, SecondOpinion
from tests.support.pools import Scratch, event, ms

from yutang.domains.insight.api import bench
from yutang.domains.insight.api.retention import retention
from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.bench import BENCH_TRIALS, BenchQuestion, BenchTurn
from yutang.domains.insight.contracts.retention import RetentionQuestion
from yutang.kernel.instants import DAY_MS, HOUR_MS, instant_text

BUDGET = max(1, int(os.environ.get("YUTANG_TEST_BUDGET", "1")))
TRIES = settings(
    max_examples=5 * BUDGET, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
TYPES = ("product_viewed", "cart_added", "order_paid", "review")
# A zone, and a day on which its clocks change (the last has none to change).
CHANGES = (("Europe/Berlin", "2026-03-29"), ("America/New_York", "2026-03-08"), ("Asia/Shanghai", "2026-03-15"))
DAYS_AROUND = 40
OFFSETS_MS = (0, 0, 0, 1, -1, HOUR_MS, 60_000)


@dataclass(frozen=True)
class World:
    """Rows of what happened; `order`: the records in which they arrive, some rows more than once."""

    zone: str
    middle: int
    rows: tuple[Row, ...]
    order: tuple[tuple[int, ...], ...]

    @property
    def now(self) -> int:
        """After all of it, at the very instant of the last one."""
        return max(row.at for row in self.rows)


@st.composite
def worlds(draw: Any) -> World:
    """See the module."""
    zone, day = draw(st.sampled_from(CHANGES))
    middle = ms(f"{day}T00:00:00Z")
    hours = st.one_of(st.integers(-DAYS_AROUND * 24, DAYS_AROUND * 24), st.integers(-3, 27))
    row = st.builds(
        lambda customer, hour, nudge, kind, amount, product: Row(
            customer, middle + hour * HOUR_MS + nudge, kind, amount * 50, f"p{product}"
        ),
        st.integers(0, 3), hours, st.sampled_from(OFFSETS_MS), st.sampled_from(TYPES), st.integers(0, 9),
        st.integers(0, 3),
    )  # fmt: skip
    rows = draw(st.lists(row, min_size=5, max_size=60))
    places = draw(st.permutations([*range(len(rows)), *draw(st.lists(st.integers(0, len(rows) - 1), max_size=8))]))
    size = draw(st.integers(1, 30))
    records = tuple(tuple(places[start : start + size]) for start in range(0, len(places), size))
    return World(zone, middle, tuple(rows), records)


@pytest.fixture(scope="module")
def opinion() -> Iterator[SecondOpinion]:
    """One other process for all worlds."""
    second = SecondOpinion()
    yield second
    second.close()


def _sent(world: World, folder: Path) -> Scratch:
    """A pool in which the world has arrived, late and repeated."""
    scratch = Scratch(folder, instant_text(world.now), zone=world.zone)
    for record in world.order:
        scratch.send(*(_event(place, world.rows[place]) for place in record))
    return scratch


def _event(place: int, row: Row) -> Any:
    more: dict[str, Any] = {"product": row.product} if row.type != "order_paid" else {}
    more |= {"amount": row.amount} if row.type in ("cart_added", "order_paid") else {}
    return event(row.type, row.at, f"member_no:{row.customer}", f"e{place}", **more)


def _days(zone: str, first: str, last: str, now: int) -> str:
    """Local days of `at` in [today + first, today + last], by ClickHouse's own calendar."""
    day = f"toDate(fromUnixTimestamp64Milli(at, '{zone}'))"
    today = f"toDate(fromUnixTimestamp64Milli(toInt64({now}), '{zone}'))"
    return f"{day} >= {today} + ({first}) AND {day} <= {today} + ({last})"


def _windows(world: World, now: int) -> dict[str, str]:
    """Windows in the language, and which rows ClickHouse takes for them."""
    day = f"toDate(fromUnixTimestamp64Milli(at, '{world.zone}'))"
    today = f"toDate(fromUnixTimestamp64Milli(toInt64({now}), '{world.zone}'))"
    start, end = world.middle - 3 * DAY_MS, world.middle + 4 * DAY_MS
    return {
        "7d": f"at > {now - 7 * DAY_MS} AND at <= {now}",
        "36h": f"at > {now - 36 * HOUR_MS} AND at <= {now}",
        f"from {instant_text(start)} to {instant_text(end)}": f"at >= {start} AND at < {end} AND at <= {now}",
        "last 5 days": _days(world.zone, "-5", "-1", now),
        "this week": f"toMonday({day}) = toMonday({today}) AND at <= {now}",
        "last 2 weeks": f"toMonday({day}) >= toMonday({today}) - 14 AND toMonday({day}) < toMonday({today})",
        "this month": f"toStartOfMonth({day}) = toStartOfMonth({today}) AND at <= {now}",
    }


MEASURES = {
    "count(order_paid{window}) >= 2": ("order_paid", "count()", "m >= 2"),
    "sum(order_paid.amount{window}) > 5": ("order_paid", "sum(amount)", "m > 500"),
    "min(order_paid.amount{window}) <= 1": ("order_paid", "min(amount)", "m <= 100"),
    "max(order_paid.amount{window}) >= 3": ("order_paid", "max(amount)", "m >= 300"),
    "distinct(product_viewed.product{window}) >= 2": ("product_viewed", "uniqExact(product)", "m >= 2"),
    "happened(review{window})": ("review", "count()", "m >= 1"),
}


class TestWindows:
    @TRIES
    @given(worlds(), st.integers(-6 * 24, 10 * 24))
    def test_counts_sums_extremes_and_distinct_values_are_those_of_clickhouse(self, opinion, world, hours):
        now = min(world.now, world.middle + hours * HOUR_MS)
        asked, queries = [], []
        for window, rows in _windows(world, now).items():
            for text, (kind, measure, having) in MEASURES.items():
                asked.append(text.format(window=f", {window}"))
                queries.append(
                    f"SELECT customer FROM (SELECT customer, {measure} AS m FROM facts "
                    f"WHERE type = '{kind}' AND {rows} GROUP BY customer HAVING {having})"
                )
        told = opinion.rows(world.rows, queries)
        with TemporaryDirectory() as folder:
            scratch = _sent(world, Path(folder) / "pool")
            names = {scratch.who(f"member_no:{row.customer}"): row.customer for row in world.rows}
            for text, rows in zip(asked, told, strict=True):
                mine = {names[one] for one in scratch.ask(text, instant_text(now))}
                assert mine == {int(row[0]) for row in rows}, text
            scratch.pool.close()


class TestQuestions:
    @TRIES
    @given(worlds())
    def test_funnel_retention_and_segment_are_those_of_clickhouse(self, opinion, world):
        with TemporaryDirectory() as folder:
            scratch = _sent(world, Path(folder) / "pool")
            if len({row.type for row in world.rows}) > 1:
                desk = scratch.desk()
                plan = bench.plan(desk, BenchQuestion(folder))
                mine = {name: bench.turn(desk, BenchTurn(plan, name, 1)).answer for name in BENCH_TRIALS}
                assert plan.events == len(world.rows)
                assert mine == opinion.trials(plan)
            scratch.pool.close()

    @TRIES
    @given(worlds())
    def test_weeks_of_retention_are_those_of_its_calendar(self, opinion, world):
        week = f"toMonday(toDate(fromUnixTimestamp64Milli(at, '{world.zone}')))"
        (told,) = opinion.rows(world.rows, [
            f"SELECT toString(cohort), intDiv(toInt32(w) - toInt32(cohort), 7) AS k, count() FROM "
            f"(SELECT DISTINCT customer, {week} AS w FROM facts) weeks JOIN "
            f"(SELECT customer, min({week}) AS cohort FROM facts GROUP BY customer) firsts USING customer "
            f"WHERE k < 6 GROUP BY cohort, k"
        ])  # fmt: skip
        with TemporaryDirectory() as folder:
            scratch = _sent(world, Path(folder) / "pool")
            since = instant_text(world.middle - (DAYS_AROUND + 8) * DAY_MS)
            question = RetentionQuestion("*", periods=6, scope=Scope(since=since, as_of=instant_text(world.now)))
            answer = retention(scratch.desk(), question)
            mine = {
                (row.cohort, k): cell.customers
                for row in answer.rows if row.cohort
                for k, cell in enumerate(row.returned[0].cells) if cell.customers
            }  # fmt: skip
            scratch.pool.close()
        assert mine == {(cohort, int(k)): int(count) for cohort, k, count in told}
