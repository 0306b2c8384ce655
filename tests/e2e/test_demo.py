"""The Complete Journey: the demo's pool, made as a newcomer makes it, against a reckoning from the raw tables.

The pool is made once (about a minute), as its own copy of the demo; `tests/support/journey_oracle.py` shares no
code with the product.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.journey_oracle import DAY, RUNGS_OF_AIPL, Journey
from tests.support.pools import Scratch

from yutang.domains.audience.api import questions
from yutang.domains.audience.api.evaluating import AUDIENCE, evaluation, measured
from yutang.domains.audience.rules.changes import quintiles
from yutang.domains.customers.api import CUSTOMERS
from yutang.domains.insight.api import figures as insight
from yutang.domains.insight.commands.figures import _as_json
from yutang.domains.insight.contracts.figures import ReportQuestion, SqlQuestion
from yutang.kernel.instants import instant_from_text, instant_text
from yutang.runtime.slots import PEOPLE

ROOT = Path(__file__).resolve().parents[2]
YUTANG = Path(sys.executable).with_name("yutang")
END = "2018-01-01T04:01:20Z"
TIMEOUT_S = 600
LIFECYCLE = ("potential", "new", "churned", "dormant", "loyal", "active")
ACTIVITY = ("newcomer", "churned", "silent", "active", "occasional")


@pytest.fixture(scope="module")
def journey() -> Journey:
    return Journey()


@pytest.fixture(scope="module")
def pool(made: Path) -> Iterator[Scratch]:
    """It, open in this process, its clock where it stood."""
    copy = _copied(made, "opened")
    scratch = Scratch(copy, zone="UTC", currency="USD", country="US", language="en")
    yield scratch
    scratch.close()
    shutil.rmtree(copy)


def _copied(made: Path, name: str) -> Path:
    copy = made.with_name(name)
    shutil.copytree(made, copy, ignore=shutil.ignore_patterns("*.sock"))
    return copy


def _yutang(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(YUTANG), "--data", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)


def _first(journey: Journey) -> int:
    return min(rows[0][0] for rows in journey.orders.values())


def _early(journey: Journey) -> int:
    """Somebody's first order."""
    return sorted(rows[0][0] for rows in journey.orders.values())[300]


def _lapsed(journey: Journey) -> int:
    """The earliest of everybody's last orders."""
    return min(rows[-1][0] for rows in journey.orders.values())


# Where counts may go wrong: ends, midnights, beginnings of weeks and months, edges of windows.
INSTANTS: dict[str, str | Callable[[Journey], int]] = {
    "before everything": "2016-11-01",
    "the first campaign, a moment before": "2016-11-13T23:59:59.999Z",
    "the first campaign": "2016-11-14",
    "its fifteenth day is over": "2016-11-29",
    "before the first order": lambda journey: _first(journey) - 1,
    "the first order": _first,
    "an order, 30 days on, less a second": lambda journey: _early(journey) + 30 * DAY - 1_000,
    "an order, 30 days on": lambda journey: _early(journey) + 30 * DAY,
    "a last order, 90 days on, less a second": lambda journey: _lapsed(journey) + 90 * DAY - 1_000,
    "a last order, 90 days on": lambda journey: _lapsed(journey) + 90 * DAY,
    "a last order, 180 days on": lambda journey: _lapsed(journey) + 180 * DAY,
    "a Sunday's last moment": "2017-07-02T23:59:59.999Z",
    "a Monday": "2017-07-03",
    "a month's last moment": "2017-09-30T23:59:59.999Z",
    "a month's first": "2017-10-01",
    "in the middle of a day": "2017-12-24T12:34:56Z",
    "the end": END,
    "a year after an order, less a second": lambda journey: _early(journey) + 365 * DAY - 1_000,
    "a year after an order": lambda journey: _early(journey) + 365 * DAY,
    "two years after an order": lambda journey: _early(journey) + 730 * DAY,
    "long after": "2018-12-31T23:59:59Z",
}


SINCE = {
    "the first order": "2016-11-20T00:00:00Z",
    "a Monday": "2017-03-31T23:59:59Z",
    "the end": "2017-10-01T00:00:00Z",
    "long after": "2016-10-01T00:00:00Z",
}


def _assert_agrees(report: dict[str, Any], journey: Journey, instant: int, since: int | None = None) -> None:
    expected = journey.report(instant, since)
    assert report["as_of"] == instant_text(instant)
    assert report["customers"] == expected["customers"]
    assert report["events"] == {name: n for name, n in expected["events"].items() if n}
    assert report["revenue"] == expected["revenue"]
    stages = report["stages"]
    assert stages["aipl"] == {name: expected["aipl"][name] for name in RUNGS_OF_AIPL}
    assert stages["lifecycle"] == {name: expected["lifecycle"][name] for name in LIFECYCLE}
    assert stages["activity"] == {name: expected["activity"][name] for name in ACTIVITY}
    assert report["tiers"]["value"] == {name: expected["value"][name] for name in ("high", "middle", "low")}
    assert report["tags"]["returned"]["in"] == expected["returned"]
    if since is None:
        assert "aipl_flow" not in report
        return
    rows = (*RUNGS_OF_AIPL, "absent")
    assert report["aipl_flow"] == {
        start: {end: expected["aipl_flow"][start, end] for end in RUNGS_OF_AIPL} for start in rows
    }
    assert sum(map(sum, (row.values() for row in report["aipl_flow"].values()))) == report["customers"]


class TestReport:
    @pytest.mark.parametrize("name", list(INSTANTS))
    def test_agrees_with_the_raw_tables(self, pool: Scratch, journey: Journey, name: str) -> None:
        moment, since = INSTANTS[name], SINCE.get(name, "")
        instant = instant_from_text(moment) if isinstance(moment, str) else moment(journey)
        answer = insight.report(pool.desk(), ReportQuestion(instant_text(instant), since))
        _assert_agrees(_as_json(answer), journey, instant, instant_from_text(since) if since else None)

    def test_by_the_command_at_the_pools_clock(self, made: Path, journey: Journey) -> None:
        answer = _yutang(made, "report", "--json", "--since", "2017-07-01")
        since = instant_from_text("2017-07-01")
        _assert_agrees(json.loads(answer.stdout), journey, instant_from_text(END), since)

    def test_by_the_command_at_a_midnight(self, made: Path, journey: Journey) -> None:
        answer = _yutang(made, "report", "--json", "--as-of", "2017-09-01")
        _assert_agrees(json.loads(answer.stdout), journey, instant_from_text("2017-09-01"))

    def test_what_cannot_be_asked_is_refused(self, made: Path) -> None:
        for arguments in (("--as-of", "yesterday"), ("--as-of", "2017-05-01", "--since", "2017-06-01"),
                          ("--as-of", "9999-01-01")):  # fmt: skip
            answer = _yutang(made, "report", *arguments)
            assert answer.returncode == 2
            assert "Traceback" not in answer.stderr


class TestRfm:
    @pytest.mark.parametrize("at", ["2017-03-15T00:00:00Z", "2017-12-31T23:59:59Z", END])
    def test_quintiles_of_every_household_are_of_the_last_midnight(
        self, pool: Scratch, journey: Journey, at: str
    ) -> None:
        instant = instant_from_text(at)
        midnight = instant - instant % DAY
        epoch = pool.pool.loop.epoch
        heads = epoch[PEOPLE].heads()
        evaluated = evaluation(epoch, heads, instant)
        labels = [epoch[AUDIENCE].labels[name] for name in ("rfm_recency", "rfm_frequency", "rfm_monetary")]
        households = [int(epoch[CUSTOMERS].identities[epoch[CUSTOMERS].lead(h)].value) for h in heads.tolist()]
        columns = []
        for label in labels:
            values, among = measured(evaluated, label.quintile, questions.taken_at(epoch, instant))
            codes = quintiles(values, among, low_is_best=label.quintile.low_is_best)
            columns.append([(*label.values, "none")[code] for code in codes])
        found = {h: values for h, values in zip(households, zip(*columns, strict=True), strict=True)
                 if values != ("none", "none", "none")}  # fmt: skip
        expected = {h: tuple(map(str, ranks)) for h, ranks in journey.rfm(midnight).items()}
        assert found == expected
        report = insight.report(pool.desk(), ReportQuestion(at))
        assert report.rfm_taken_at == instant_text(midnight)
        assert report.tiers["rfm_monetary"]["5"] == sum(ranks[2] == "5" for ranks in expected.values())


class TestAsk:
    def test_counts_by_condition(self, pool: Scratch, journey: Journey) -> None:
        from yutang.domains.audience.contracts import AskQuestion

        instant = instant_from_text("2017-08-15T10:00:00Z")
        for text, wanted in (
            ("count(order_paid, 30d) >= 3", lambda t: sum(instant - 30 * DAY < at <= instant for at in t) >= 3),
            ("never(order_paid, 60d)", lambda t: not any(instant - 60 * DAY < at <= instant for at in t)),
            ("since_first(order_paid) >= 180d", lambda t: bool(t) and t[0] <= instant - 180 * DAY),
        ):
            answer = questions.ask(pool.desk(), AskQuestion(text, instant_text(instant)))
            times = {h: [at for at, _ in journey.orders.get(h, []) if at <= instant] for h in journey.households}
            here = [h for h in journey.households if journey.first_seen[h] <= instant]
            assert (answer.count, answer.population) == (sum(wanted(times[h]) for h in here), len(here))

    def test_before_anybody_came_nobody_is_counted(self, pool: Scratch) -> None:
        from yutang.domains.audience.contracts import AskQuestion

        answer = questions.ask(pool.desk(), AskQuestion("everyone", "2015-01-01"))
        assert (answer.count, answer.population, answer.customers) == (0, 0, ())


class TestSql:
    def test_sums_agree(self, pool: Scratch, journey: Journey) -> None:
        text = (
            "SELECT count(*), sum(amount), count(DISTINCT customer) FROM order_paid"
            " WHERE happened_at <= TIMESTAMP '2017-06-30 12:00:00'"
        )
        (row,) = insight.run_sql(pool.desk(), SqlQuestion(text)).rows
        instant = instant_from_text("2017-06-30T12:00:00Z")
        orders = {h: [c for at, c in rows if at <= instant] for h, rows in journey.orders.items()}
        assert row[0] == sum(map(len, orders.values()))
        assert round(float(str(row[1])) * 100) == sum(map(sum, orders.values()))
        assert row[2] == sum(1 for cents in orders.values() if cents)

    def test_by_the_command(self, made: Path, journey: Journey) -> None:
        answer = _yutang(made, "sql", "--json", "SELECT type, count(*) AS n FROM events GROUP BY type")
        counts = {row["type"]: row["n"] for row in json.loads(answer.stdout)}
        expected = journey.report(instant_from_text(END))["events"]
        assert {name: counts[name] for name in expected} == expected


class TestClock:
    """Nobody asks, and nothing happens but time."""

    def test_labels_change_at_their_seconds(self, made: Path, journey: Journey) -> None:
        copy = _copied(made, "advanced")
        assert _yutang(copy, "clock", "advance", "40d").returncode == 0
        before, after = instant_from_text(END), instant_from_text(END) + 40 * DAY
        scratch = Scratch(copy, zone="UTC", currency="USD", country="US", language="en")
        rows = [c for c in scratch.changes("lifecycle") if c.cause == "time"]
        state, epoch = scratch.pool.loop.epoch[CUSTOMERS], scratch.pool.loop.epoch
        names = {state.public_id(h): int(state.identities[state.lead(h)].value) for h in epoch_heads(epoch)}
        scratch.close()
        shutil.rmtree(copy)
        found = sorted((instant_from_text(c.at), names[c.customer], c.before, c.after) for c in rows)
        expected = []
        for household, orders in journey.orders.items():
            edges = {at + days * DAY for at, _ in orders for days in (30, 90, 180, 365)}
            for at in edges:
                was, now = (journey.lifecycle(household, t) for t in (at - 1, at))
                if before < at <= after and was != now:
                    expected.append((at, household, was, now))
        assert found == sorted(expected)
        assert len(found) > 100
        assert any(datetime.fromtimestamp(at / 1000, UTC).second for at, *_ in found)


class TestAgain:
    def test_an_import_is_refused_again_and_again_changes_nothing(self, made: Path) -> None:
        copy = _copied(made, "again")
        from demo.run import MAPPINGS, _data

        arguments = (
            "import", str(_data() / "coupon_redemptions.parquet"),
            "--mapping", str(MAPPINGS / "coupon_redemptions.yaml"), "--history",
        )  # fmt: skip
        before = _yutang(copy, "report", "--json").stdout
        refused = _yutang(copy, *arguments)
        assert refused.returncode == 4, refused.stderr
        assert "--again" in refused.stderr
        assert _yutang(copy, *arguments, "--again").returncode == 0
        assert _yutang(copy, "report", "--json").stdout == before
        shutil.rmtree(copy)

    def test_the_demo_made_again_only_shows_it(self, made: Path, tmp_path: Path) -> None:
        copy = shutil.copytree(made, tmp_path / "pool", ignore=shutil.ignore_patterns("*.sock"))
        command = [sys.executable, "-m", "demo.run", "--no-serve", "--data", str(copy)]
        answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=TIMEOUT_S)
        assert "import" not in answer.stdout


def epoch_heads(epoch: Any) -> list[int]:
    """The heads of all customers."""
    from yutang.runtime.slots import PEOPLE

    heads: np.ndarray[Any, Any] = epoch[PEOPLE].heads()
    return [int(head) for head in heads]
