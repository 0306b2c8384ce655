"""Stage flow and series: every figure is the size of its set, and what moved is what was and what is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
from tests.support.pools import Scratch, event, ms

from yutang.domains.audience.api import questions
from yutang.domains.insight.api import figures, flow, series, sets
from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.figures import ReportQuestion
from yutang.domains.insight.contracts.flow import FlowAnswer, FlowQuestion
from yutang.domains.insight.contracts.series import SeriesQuestion
from yutang.domains.insight.contracts.sets import SetOf
from yutang.kernel.errors import ConditionError, InvalidError, NotFoundError
from yutang.kernel.instants import DAY_MS, instant_text

PEOPLE = 40
SINCE, UNTIL = "2026-03-10T00:00:00Z", "2026-04-20T09:30:00Z"
SCOPE = Scope(since=SINCE, as_of=UNTIL)
WHO = 'sum(order_paid.amount) > 5000 or trait.city = "上海"'
CITIES = ("上海", "北京", "广州")


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """Customers who come, buy, fall silent and come back; some joined, some with a city."""
    scratch = Scratch(tmp_path_factory.mktemp("flow") / "pool", start="2026-05-01")
    draw = np.random.default_rng(7)
    events = []
    for number in range(PEOPLE):
        who = f"member_no:{number}"
        for turn in range(int(draw.integers(1, 9))):
            kind = ("page_viewed", "cart_added", "order_paid", "search")[int(draw.integers(0, 4))]
            at = ms("2026-02-01") + int(draw.integers(0, 85 * DAY_MS)) // 60_000 * 60_000
            more = {"amount": int(draw.integers(1, 60)) * 100} if kind == "order_paid" else {}
            events.append(event(kind, at, who, id_=f"{number}-{turn}", **more))
        if number % 4:
            events.append(event("trait_set", "2026-01-05", who, id_=f"city{number}", trait="city",
                                text=CITIES[number % 3]))  # fmt: skip
    events.append(event("page_viewed", "2026-03-30", ("member_no:2", "unionid:u"), id_="joins"))
    events.append(event("page_viewed", "2026-03-31", ("member_no:9", "unionid:u"), id_="joins too"))
    scratch.send(*events)
    scratch.define_ladder("steps", {"buyer": "happened(order_paid, 20d)", "viewer": "happened(#visit, 10d)"})
    yield scratch
    scratch.close()


def size(pool: Scratch, question: FlowQuestion | SeriesQuestion, **cell: str) -> int:
    """Of the set behind a figure."""
    kind = "flow" if isinstance(question, FlowQuestion) else "series"
    return len(sets.members(pool.desk(), SetOf(**{kind: question}, cell=cell)))


QUESTIONS = [
    FlowQuestion("aipl", scope=SCOPE),
    FlowQuestion("steps", scope=SCOPE, order=("viewer", "buyer")),
    FlowQuestion("lifecycle", scope=Scope(WHO, SINCE, UNTIL, by="trait.city", groups=2)),
    FlowQuestion("rfm_monetary", scope=Scope(since=SINCE, as_of=UNTIL, by="label.value")),
]


class TestMatrix:
    @pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.label)
    def test_every_figure_is_the_size_of_its_set(self, pool, question):
        answer = flow.flow(pool.desk(), question)
        for group, found in answer.flows.items():
            within = {"group": group} if group else {}
            for start, row in found.matrix.items():
                for end, count in row.items():
                    assert size(pool, question, **{"from": start, "to": end}, **within) == count
            for value, count in found.stock.items():
                assert size(pool, question, to=value, **within) == count
                assert size(pool, question, **{"from": f"!{value}", "to": value}, **within) == found.inflow[value]
                assert size(pool, question, **{"from": value, "to": f"!{value}"}, **within) == found.outflow[value]
            for value, count in found.before.items():
                assert size(pool, question, **{"from": value}, **within) == count
            for move, count in found.moves.items():
                assert size(pool, question, move=move, **within) == count

    @pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.label)
    def test_rows_and_columns_add_up_to_stocks(self, pool, question):
        answer = flow.flow(pool.desk(), question)
        for found in answer.flows.values():
            for value in found.before:
                assert sum(found.matrix.get(value, {}).values()) == found.before[value]
            for value in found.stock:
                assert sum(row.get(value, 0) for row in found.matrix.values()) == found.stock[value]
                if value in found.before:
                    assert found.stock[value] == found.before[value] + found.inflow[value] - found.outflow[value]
            assert sum(found.moves.values()) == sum(found.stock.values())
        groups = [found for group, found in answer.flows.items() if group]
        if groups:
            assert sum(sum(one.stock.values()) for one in groups) == answer.asked.customers
        assert sum(answer.flows[""].stock.values()) == answer.asked.customers

    def test_it_is_what_labels_say_at_both_instants(self, pool):
        found = flow.flow(pool.desk(), QUESTIONS[0]).flows[""]
        expected: dict[tuple[str, str], int] = {}
        seen = set()
        for number in range(PEOPLE):
            who = pool.who(f"member_no:{number}")
            if who in seen or who not in pool.ask("everyone", UNTIL):
                continue
            seen.add(who)
            before = pool.labels(who, SINCE)["aipl"] if who in pool.ask("everyone", SINCE) else "absent"
            pair = before, pool.labels(who, UNTIL)["aipl"]
            expected[pair] = expected.get(pair, 0) + 1
        assert {(a, b): count for a, row in found.matrix.items() for b, count in row.items()} == expected
        assert len(expected) > 5

    def test_it_is_the_report_s_flow(self, pool):
        found = flow.flow(pool.desk(), QUESTIONS[0]).flows[""]
        report = figures.report(pool.desk(), ReportQuestion(UNTIL, SINCE))
        shown = {start: {end: n for end, n in row.items() if n} for start, row in report.aipl_flow.items()}
        assert found.matrix == {start: row for start, row in shown.items() if row}

    def test_conversion_is_the_share_of_those_who_stood_there(self, pool):
        found = flow.flow(pool.desk(), QUESTIONS[0]).flows[""]
        assert found.conversion
        for start, row in found.conversion.items():
            for end, share in row.items():
                assert share == pytest.approx(found.matrix[start][end] / found.before[start])

    def test_without_a_beginning_it_is_who_stands_where(self, pool):
        answer = flow.flow(pool.desk(), FlowQuestion("aipl", scope=Scope(as_of=UNTIL)))
        counts = next(one.counts for one in questions.labels(pool.desk(), UNTIL) if one.label.name == "aipl")
        assert answer.flows[""].stock == counts
        assert answer.flows[""].moves["stayed"] == answer.asked.customers


class TestPeriods:
    @pytest.mark.parametrize("question", QUESTIONS, ids=lambda one: one.label)
    def test_every_figure_is_the_size_of_its_set(self, pool, question):
        asked = FlowQuestion(question.label, "week", question.order, question.scope)
        answer = flow.flow(pool.desk(), asked)
        assert len(answer.periods) == 7
        for period in answer.periods[::2]:
            for group, found in period.flows.items():
                within = {"period": period.name, "group": group}
                for value, count in found.stock.items():
                    assert size(pool, asked, to=value, **within) == count
                for move, count in found.moves.items():
                    assert size(pool, asked, move=move, **within) == count

    @pytest.mark.parametrize("per", ["day", "week", "month", "year"])
    def test_a_period_is_the_matrix_between_its_ends(self, pool, per):
        answer = flow.flow(pool.desk(), FlowQuestion("steps", per, scope=SCOPE))
        assert self._continue(answer)
        assert answer.periods[0].begin == instant_text(ms(SINCE) - 1)
        assert answer.periods[-1].end == UNTIL
        for one in answer.periods[:: max(1, len(answer.periods) // 5)]:
            between = flow.flow(pool.desk(), FlowQuestion("steps", scope=Scope(since=one.begin, as_of=one.end)))
            assert between.flows[""].stock.items() <= one.flows[""].stock.items()
            moved = {a: row for a, row in one.flows[""].matrix.items() if a != "absent"}
            assert {a: row for a, row in between.flows[""].matrix.items() if a != "absent"} == moved

    def _continue(self, answer: FlowAnswer) -> bool:
        """Whether each period begins as the one before it ended."""
        for one, following in pairwise(answer.periods):
            before = {value: count for value, count in following.flows[""].before.items() if value != "absent"}
            assert (one.end, dict(one.flows[""].stock)) == (following.begin, before)
        return True

    def test_a_day_begins_at_midnight_of_the_zone(self, pool):
        scope = Scope(since="2026-03-09T16:00:00Z", as_of="2026-03-12T15:59:59.999Z", zone="Asia/Shanghai")
        answer = flow.flow(pool.desk(), FlowQuestion("steps", "day", scope=scope))
        assert [one.name for one in answer.periods] == ["2026-03-10", "2026-03-11", "2026-03-12"]
        assert answer.periods[0].end == "2026-03-10T15:59:59.999Z"

    def test_what_happens_at_midnight_is_of_the_day_that_begins(self, scratch):
        one = scratch(start="2026-04-01")
        one.send(event("order_paid", "2026-03-02T00:00:00Z", "member_no:1", amount=100))
        scope = Scope(since="2026-03-01", as_of="2026-03-03T23:59:59Z", zone="UTC")
        days = flow.flow(one.desk(), FlowQuestion("aipl", "day", scope=scope)).periods
        assert [day.flows[""].moves["came"] for day in days] == [0, 1, 0]
        begun = Scope(since="2026-03-02", as_of="2026-03-03T23:59:59Z", zone="UTC")
        days = flow.flow(one.desk(), FlowQuestion("aipl", "day", scope=begun)).periods
        assert [day.flows[""].moves["came"] for day in days] == [1, 0]


class TestSeries:
    @pytest.mark.parametrize("scope", [SCOPE, Scope(WHO, SINCE, UNTIL, by="trait.city")], ids=["all", "by"])
    def test_every_figure_is_the_size_of_its_set(self, pool, scope):
        question = SeriesQuestion("happened(order_paid, 15d)", "week", scope)
        answer = series.series(pool.desk(), question)
        assert sum(one.points[""].entered for one in answer.periods) > 2
        for period in answer.periods:
            for group, point in period.points.items():
                within = {"period": period.name, "group": group}
                assert size(pool, question, **within) == point.size
                assert size(pool, question, figure="entered", **within) == point.entered
                assert size(pool, question, figure="left", **within) == point.left

    def test_a_size_is_the_one_before_and_who_entered_less_who_left(self, pool):
        answer = series.series(pool.desk(), SeriesQuestion("happened(#visit, 3d)", "day", SCOPE))
        before = answer.before[""]
        for period in answer.periods:
            point = period.points[""]
            assert point.size == before + point.entered - point.left
            before = point.size
        assert len(answer.periods) == 42

    def test_a_size_is_what_asking_at_the_period_s_end_says(self, pool):
        condition = 'in(aipl, "I") and count(#visit, 10d) >= 1'
        answer = series.series(pool.desk(), SeriesQuestion(condition, "week", SCOPE))
        for period in answer.periods:
            assert period.points[""].size == len(pool.ask(condition, period.end))

    def test_groups_add_up(self, pool):
        scope = Scope(since=SINCE, as_of=UNTIL, by="label.aipl")
        answer = series.series(pool.desk(), SeriesQuestion("happened(#visit, 9d)", "month", scope))
        for period in answer.periods:
            whole = period.points[""]
            parts = [point for group, point in period.points.items() if group]
            assert whole.size == sum(one.size for one in parts)
            assert whole.entered == sum(one.entered for one in parts)


class TestByTheLastEventOfAType:
    """A breakdown by `EVENT.PROPERTY`: of the customer's last event up to `as_of` that carries one."""

    @pytest.fixture
    def shops(self, scratch: Callable[..., Scratch]) -> Scratch:
        one = scratch(start="2026-04-01")
        one.send(
            event("order_paid", "2026-02-01", "member_no:1", amount=100, store="A"),
            event("order_paid", "2026-03-02", "member_no:1", amount=100, store="B"),
            event("order_paid", "2026-03-03", "member_no:1", amount=100),
            event("order_paid", "2026-03-20", "member_no:1", amount=100, store="A"),
            event("order_paid", "2026-02-05", "member_no:2", amount=100, store="A"),
            event("page_viewed", "2026-03-04", "member_no:3", page="home"),
        )
        return one

    def test_the_last_that_carries_one_tells(self, shops: Scratch) -> None:
        scope = Scope(since="2026-02-28", as_of="2026-03-10", by="order_paid.store")
        answer = flow.flow(shops.desk(), FlowQuestion("aipl", scope=scope))
        assert set(answer.asked.groups) == {"A", "B", "unknown"}
        assert answer.flows["B"].matrix == {"P": {"L": 1}}  # its last order so far carries none, the one before B
        assert answer.flows["A"].matrix == {"P": {"P": 1}}
        assert answer.flows["unknown"].matrix == {"absent": {"A": 1}}
        assert [size(shops, FlowQuestion("aipl", scope=scope), group=group) for group in "AB"] == [1, 1]

    def test_of_a_mark_and_of_all_events(self, shops: Scratch) -> None:
        for by in ("#visit.page", "*.page"):
            asked = SeriesQuestion("everyone", "month", Scope(since="2026-03-01", as_of="2026-03-31", by=by))
            points = series.series(shops.desk(), asked).periods[-1].points
            assert (points["home"].size, points["unknown"].size) == (1, 2)

    @pytest.mark.parametrize(
        ("by", "code"),
        [
            ("order_payed.store", "condition.unknown_event_type"),
            ("order_paid.shop", "condition.unknown_property"),
            ("#vist.page", "condition.unknown_mark"),
            ("order_paid.", "insight.by_unknown"),
            ("trait.", "insight.by_unknown"),
        ],
    )
    def test_what_isn_t_there_is_said_with_its_place(self, shops: Scratch, by: str, code: str) -> None:
        with pytest.raises((InvalidError, ConditionError)) as raised:
            flow.flow(shops.desk(), FlowQuestion("aipl", scope=Scope(by=by)))
        assert (raised.value.code, raised.value.where) == (code, "by")


class TestWrongQuestions:
    @pytest.mark.parametrize(
        ("question", "code"),
        [
            (FlowQuestion("aipl", "day"), "insight.since_missing"),
            (FlowQuestion("aipl", "fortnight", scope=SCOPE), "insight.per_unknown"),
            (FlowQuestion("aipl", order=("X",), scope=SCOPE), "insight.order"),
            (FlowQuestion("aipl", order=("L", "L"), scope=SCOPE), "insight.order"),
            (FlowQuestion("aipl", scope=Scope(since=UNTIL, as_of=SINCE)), "insight.since_later"),
            (FlowQuestion("aipl", scope=Scope(since=SINCE, as_of=UNTIL, by=".amount")), "insight.by_property"),
            (FlowQuestion("aipl", "day", scope=Scope(since="2010-01-01", as_of=UNTIL)), "insight.periods_too_many"),
            (FlowQuestion("lifecycle", "day", scope=Scope(since="2023-01-01", as_of=UNTIL, by="trait.city")), ""),
        ],
    )
    def test_is_told_what_is_missing(self, pool, question, code):
        if not code:
            assert flow.flow(pool.desk(), question).periods
            return
        with pytest.raises(InvalidError) as raised:
            flow.flow(pool.desk(), question)
        assert raised.value.code == code

    def test_a_label_that_isn_t_there(self, pool):
        with pytest.raises(NotFoundError, match="did you mean 'aipl'"):
            flow.flow(pool.desk(), FlowQuestion("aipi"))

    @pytest.mark.parametrize(
        ("question", "cell", "code"),
        [
            (QUESTIONS[0], {"from": "Q"}, "insight.cell_unknown"),
            (QUESTIONS[0], {"form": "A"}, "insight.cell_unknown"),
            (QUESTIONS[0], {"move": "flew"}, "insight.cell_unknown"),
            (QUESTIONS[0], {"group": "上海"}, "insight.cell_unknown"),
            (QUESTIONS[0], {"period": "2026-03-10"}, "insight.cell_unknown"),
            (FlowQuestion("aipl"), {"from": "I"}, "insight.since_missing"),
            (SeriesQuestion("everyone", scope=SCOPE), {"figure": "mean"}, "insight.cell_unknown"),
            (SeriesQuestion("everyone", scope=SCOPE), {"period": "2020-01-01"}, "insight.cell_unknown"),
        ],
    )
    def test_a_cell_that_isn_t_there(self, pool, question, cell, code):
        with pytest.raises(InvalidError) as raised:
            size(pool, question, **cell)
        assert raised.value.code == code
