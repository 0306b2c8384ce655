"""Funnels: every figure is the size of its set; windows, gaps, values, groups, periods and merged customers by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.support.pools import Scratch, event, ms

from yutang.domains.customers import api as customers
from yutang.domains.customers.contracts import PairOrder
from yutang.domains.insight.api import funnel, sets
from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.funnel import FunnelAnswer, FunnelLine, FunnelQuestion
from yutang.domains.insight.contracts.sets import SetOf
from yutang.kernel.errors import InvalidError, YutangError
from yutang.kernel.instants import DAY_MS

PEOPLE = 60
STEPS = ("product_viewed", "cart_added", "order_paid")
CITIES = ("上海", "北京", "广州")
PRODUCTS = ("lipstick", "cream", "mask", "serum")


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """Customers who look, put aside and buy; some joined, some with a city."""
    scratch = Scratch(tmp_path_factory.mktemp("funnel") / "pool", start="2026-05-01")
    draw = np.random.default_rng(11)
    events = []
    for number in range(PEOPLE):
        who = {3: "openid:shop:a3", 4: "unionid:u4"}.get(number, f"member_no:{number}")
        for turn in range(int(draw.integers(1, 14))):
            kind = ("product_viewed", "product_viewed", "cart_added", "cart_removed", "order_paid")[draw.integers(0, 5)]
            at = ms("2026-03-01") + int(draw.integers(0, 40 * 24)) * DAY_MS // 24
            product = PRODUCTS[draw.integers(0, len(PRODUCTS))]
            more: dict[str, Any] = {"amount": 100} if kind == "order_paid" else {"product": product}
            events.append(event(kind, at, who, id_=f"{number}-{turn}", **more))
        if number % 4:
            city = CITIES[number % 3]
            events.append(event("trait_set", "2026-01-05", who, id_=f"city{number}", trait="city", text=city))
    scratch.send(*events)
    customers.merge(scratch.desk(), PairOrder("openid:shop:a3", "unionid:u4", "the same"))
    yield scratch
    scratch.close()


def asked(pool: Scratch, *steps: str, **more: Any) -> FunnelAnswer:
    return funnel.funnel(pool.desk(), FunnelQuestion(steps or STEPS, **more))


def reached(line: FunnelLine) -> list[int]:
    return [stage.customers for stage in line.stages]


QUESTIONS = {
    "plain": FunnelQuestion(STEPS, "7d"),
    "groups": FunnelQuestion(STEPS, "7d", scope=Scope(by="trait.city")),
    "values": FunnelQuestion(STEPS, "7d", scope=Scope(by=".product", groups=2)),
    "periods": FunnelQuestion(STEPS, "7d", per="week", scope=Scope(by="trait.city", groups=1)),
    "both": FunnelQuestion(STEPS, "3d", per="month", scope=Scope(by=".product", groups=3)),
    "strict": FunnelQuestion(STEPS, "14d", "strict"),
    "any": FunnelQuestion(STEPS, "14d", "any", per="week"),
    "same": FunnelQuestion(("product_viewed", "cart_added within 2d without cart_removed"), "7d", same="product"),
    "who": FunnelQuestion(STEPS, "7d", scope=Scope(who='trait.city = "上海"', since="2026-03-10", as_of="2026-04-01")),
    "nobody": FunnelQuestion(STEPS, scope=Scope(who='trait.city = "Atlantis"', by="trait.city")),
}


class TestFigures:
    @pytest.mark.parametrize("name", QUESTIONS)
    def test_each_is_the_size_of_its_set(self, pool: Scratch, name: str) -> None:
        question = QUESTIONS[name]
        answer = funnel.funnel(pool.desk(), question)
        checked = 0
        for line in (answer.whole, *answer.groups, *answer.periods, *answer.grid):
            for stage in line.stages:
                for cell, figure in (
                    (stage.cell, stage.customers),
                    ({**stage.cell, "figure": "dropped"}, stage.dropped),
                    *(
                        ({**stage.cell, "bucket": bucket.upto}, bucket.customers)
                        for bucket in (stage.since_previous.buckets if stage.since_previous else ())
                    ),
                ):
                    heads = sets.members(pool.desk(), SetOf(funnel=question, cell=cell))
                    assert (len(heads), len(set(heads.tolist()))) == (figure, figure), cell
                    checked += figure > 0
        assert checked or name == "nobody"

    def test_shares_and_losses_add_up(self, pool: Scratch) -> None:
        answer = asked(pool, window="7d")
        first, second, third = answer.whole.stages
        assert first.customers > second.customers > third.customers > 0
        assert first.dropped == first.customers - second.customers
        assert third.dropped == 0
        assert second.of_first == second.customers / first.customers
        assert third.of_previous == third.customers / second.customers
        assert [bucket.customers for bucket in second.since_previous.buckets] != []
        assert sum(bucket.customers for bucket in second.since_previous.buckets) == second.customers

    def test_groups_of_customers_are_parts_of_the_whole(self, pool: Scratch) -> None:
        answer = asked(pool, window="7d", scope=Scope(by="trait.city", groups=2))
        assert len(answer.groups) == 3
        assert answer.groups[-1].group == "other"
        assert np.sum([reached(line) for line in answer.groups], axis=0).tolist() == reached(answer.whole)

    def test_counts_alone_are_the_same_counts(self, pool: Scratch) -> None:
        for scope in (Scope(), Scope(by="trait.city")):
            full, bare = (asked(pool, window="7d", times=times, scope=scope) for times in (True, False))
            assert reached(full.whole) == reached(bare.whole)
            assert [reached(one) for one in full.groups] == [reached(one) for one in bare.groups]
            assert all(stage.since_first is None for stage in bare.whole.stages)

    def test_a_period_whose_window_isnt_over_says_so(self, pool: Scratch) -> None:
        answer = asked(pool, window="7d", per="week", scope=Scope(as_of="2026-04-06T00:00:00Z"))
        assert [line.complete for line in answer.periods][-2:] == [False, False]
        assert all(line.complete for line in answer.periods[:-2])
        assert answer.whole.complete


class TestByHand:
    @pytest.fixture
    def small(self, scratch: Any) -> Scratch:
        found: Scratch = scratch()
        return found

    def test_the_window_is_inclusive_to_the_millisecond(self, small: Scratch) -> None:
        start = ms("2026-01-01")
        small.send(
            event("product_viewed", start, "member_no:in"), event("cart_added", start + DAY_MS, "member_no:in"),
            event("product_viewed", start, "member_no:out"), event("cart_added", start + DAY_MS + 1, "member_no:out"),
        )  # fmt: skip
        assert reached(asked(small, *STEPS[:2], window="1d").whole) == [2, 1]

    def test_what_happened_on_several_accounts_of_one_customer_counts_together(self, small: Scratch) -> None:
        small.send(
            event("product_viewed", "2026-01-01 10:00", "openid:shop:a"),
            event("cart_added", "2026-01-01 11:00", "unionid:u"),
        )
        assert reached(asked(small, *STEPS[:2]).whole) == [1, 0]
        customers.merge(small.desk(), PairOrder("openid:shop:a", "unionid:u", "the same"))
        assert reached(asked(small, *STEPS[:2]).whole) == [1, 1]

    def test_another_beginning_may_match_where_the_first_doesnt(self, small: Scratch) -> None:
        small.send(
            event("product_viewed", "2026-01-01 10:00", "member_no:1"),
            event("product_viewed", "2026-01-09 10:00", "member_no:1"),
            event("cart_added", "2026-01-09 11:00", "member_no:1"),
        )
        answer = asked(small, *STEPS[:2], window="1d", per="week")
        assert reached(answer.whole) == [1, 1]
        assert [(line.period, reached(line)) for line in answer.periods] == [
            ("2025-12-29", [1, 0]), ("2026-01-05", [1, 1]),
        ]  # fmt: skip
        taken = answer.whole.stages[1].since_previous
        assert taken is not None
        assert taken.median_ms == DAY_MS // 24

    def test_a_removal_of_another_product_excludes_nothing(self, small: Scratch) -> None:
        small.send(
            event("product_viewed", "2026-01-01 10:00", "member_no:1", product="cream"),
            event("cart_removed", "2026-01-01 10:30", "member_no:1", product="mask"),
            event("cart_added", "2026-01-01 11:00", "member_no:1", product="cream"),
        )
        steps = ("product_viewed", "cart_added without cart_removed")
        assert reached(asked(small, *steps).whole) == [1, 0]
        assert reached(asked(small, *steps, same="product").whole) == [1, 1]

    def test_nobody_has_an_answer_too(self, small: Scratch) -> None:
        answer = asked(small, per="day", scope=Scope(by=".product"))
        assert (reached(answer.whole), answer.groups, answer.periods) == ([0, 0, 0], (), ())


WRONG: dict[str, tuple[FunnelQuestion, str, str]] = {
    "no steps": (FunnelQuestion(()), "insight.funnel_steps", "none"),
    "one step": (FunnelQuestion(("order_paid",)), "insight.funnel_steps", "2 to 10"),
    "eleven steps": (FunnelQuestion(("order_paid",) * 11), "insight.funnel_steps", "11"),
    "an empty step": (FunnelQuestion(("order_paid", " ")), "insight.events_missing", "step 2"),
    "an unknown event": (
        FunnelQuestion(("order_piad", "review")), "condition.unknown_event_type", "did you mean order_paid",
    ),
    "a first step with a gap": (
        FunnelQuestion(("order_paid within 1d", "review")), "insight.funnel_first_step", "later step",
    ),
    "no window": (FunnelQuestion(STEPS, ""), "insight.span_missing", "7d"),
    "a window that is none": (FunnelQuestion(STEPS, "0d"), "insight.span_missing", "longest"),
    "a malformed window": (FunnelQuestion(STEPS, "a week"), "span.malformed", "30d"),
    "an unknown order": (FunnelQuestion(STEPS, order="strikt"), "insight.funnel_order", "did you mean strict"),
    "gaps in any order": (FunnelQuestion(("review", "order_paid within 1d"), order="any"), "insight.funnel_gaps", ""),
    "one step twice in any order": (FunnelQuestion(("review", "review"), order="any"), "insight.funnel_repeated", ""),
    "values in any order": (FunnelQuestion(STEPS, order="any", scope=Scope(by=".product")), "insight.funnel_by", ""),
    "an unknown period": (FunnelQuestion(STEPS, per="fortnight"), "insight.per_unknown", "week"),
    "a property that a step lacks": (FunnelQuestion(STEPS, same="product"), "condition.unknown_property", "order_paid"),
    "an unknown breakdown": (FunnelQuestion(STEPS, scope=Scope(by="weather")), "insight.by_unknown", "trait."),
}  # fmt: skip
CELLS: dict[str, tuple[dict[str, str], str]] = {
    "no step": ({}, "1 to 3"),
    "a step beyond": ({"step": "4"}, "1 to 3"),
    "a coordinate that isn't one": ({"step": "1", "colour": "red"}, "step"),
    "a figure that isn't one": ({"step": "1", "figure": "lost"}, "dropped"),
    "a period without any": ({"step": "1", "period": "2026-03-02"}, "per"),
    "a group without any": ({"step": "1", "group": "上海"}, "answer"),
    "a bucket that isn't one": ({"step": "2", "bucket": "25h"}, "1h"),
}


class TestErrors:
    @pytest.mark.parametrize("name", WRONG)
    def test_a_wrong_question_is_told_what_is_missing(self, pool: Scratch, name: str) -> None:
        question, code, said = WRONG[name]
        with pytest.raises(YutangError) as caught:
            funnel.funnel(pool.desk(), question)
        assert caught.value.code == code
        assert said in str(caught.value) + (caught.value.remedy or "")

    @pytest.mark.parametrize("name", CELLS)
    def test_a_cell_that_isnt_one_is_told_what_there_is(self, pool: Scratch, name: str) -> None:
        cell, said = CELLS[name]
        with pytest.raises(InvalidError) as caught:
            funnel.members(pool.desk(), FunnelQuestion(STEPS, "7d"), cell)
        assert said in str(caught.value) + (caught.value.remedy or "")
