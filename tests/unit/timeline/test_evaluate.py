"""What the operators promise, in the smallest timelines that show it."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.evaluation_trees import VOCABULARY
from tests.support.memory_view import Fact, MemoryView

from yutang.conditions import nodes as n
from yutang.conditions.vocabulary import Kind
from yutang.kernel.errors import ConditionError
from yutang.kernel.instants import BEGINNING, DAY_MS, HOUR_MS, NEVER, instant_from_text
from yutang.timeline.evaluate import Context, Evaluation, ladder, measure, truth
from yutang.timeline.evaluation.labels import basis_point
from yutang.timeline.plan import Definition, Plan, Rung
from yutang.timeline.steps import Stretch

A, B = n.Events(("a",)), n.Events(("b",))
HORIZON = instant_from_text("2030-01-01")


def evaluation(facts: list[Fact], plan: Plan | None = None, zone: str = "Asia/Shanghai", count: int = 1) -> Evaluation:
    return Evaluation(MemoryView(VOCABULARY, count, facts), Context(plan or Plan(), HORIZON, zone))


def changes(facts: list[Fact], test: n.Test, plan: Plan | None = None, zone: str = "Asia/Shanghai") -> list[int]:
    """The instants at which the truth of customer 0 changes; it starts false."""
    steps = evaluation(facts, plan, zone).truth(test)
    assert steps.value[0] == 0
    return steps.at[1 : steps.offsets[1]].tolist()


def at_least(subject: n.Subject, number: str) -> n.Compare:
    return n.Compare(subject, n.Op.GE, n.Number(number))


class TestNobody:
    @pytest.mark.parametrize("count", [0, 2])
    def test_every_operator_answers_for_no_events_and_no_customers(self, count: int) -> None:
        window, trait = n.Last(n.Unit.WEEK, 2), n.Trait("birthday")
        plan = Plan([Definition("seg", 1, "", (Rung("in", n.Happened(A)),))])
        tests: list[n.Test] = [
            n.Happened(n.Events(), n.Rolling(5)), n.Never(n.Events(mark="visit"), window),
            n.EachPeriod(A, n.Unit.DAY, 2),
            n.Sequence((n.Step(A), n.Step(B, 5, n.Events())), 9, window),
            n.NotFollowed(A, B, 5), n.Returned(A, 5, window),
            n.InLabel("seg", "in", 5), n.Moved("seg", "in", 5), n.HasTag("x"), n.Consent("sms", "p"),
            n.AnyRecord("child", n.Unknown(n.RecordTrait("name"))), n.AllRecords("child", n.Always()),
            n.Share("s", 5000), n.Reachable("sms"),
            n.Related("friend"),
            n.Hold(n.Happened(A), 5), n.Compare(n.Age(trait), n.Op.GE, n.Number("1")), n.Unknown(n.Since(A)),
            n.Compare(n.Anniversary(trait), n.Op.LE, n.Span(5)), n.Compare(n.Due(trait), n.Op.LE, n.Span(5)),
        ]  # fmt: skip
        tests += [at_least(n.Aggregate(fold, A, prop), "1") for fold in n.Fold for prop in ("i", "s", "l")]
        whole = evaluation([], plan, count=count)
        for test in tests:
            assert len(whole.truth(test)) == count
            assert len(whole.look(test, 5)[2]) == count


class TestTimeAlone:
    def test_a_rolling_window_leaves_at_the_exact_millisecond(self) -> None:
        assert changes([Fact(0, "a", 100)], n.Happened(A, n.Rolling(50))) == [100, 150]

    def test_an_equal_count_flips_twice(self) -> None:
        facts = [Fact(0, "a", 100), Fact(0, "a", 120)]
        exactly = n.Compare(n.Count(A, n.Rolling(50)), n.Op.EQ, n.Number("1"))
        assert changes(facts, exactly) == [100, 120, 150, 170]

    def test_a_refund_makes_a_sum_fall_and_its_expiry_makes_it_rise(self) -> None:
        facts = [Fact(0, "order_paid", 0, 0, {"amount": 100}), Fact(0, "order_refunded", 5, 0, {"amount": 60})]
        facts += [Fact(0, "order_paid", 10, 0, {"amount": 50})]
        net = n.Aggregate(n.Fold.SUM, n.Events(("order_paid",)), "amount", n.Rolling(100), net=True)
        assert measure(net, MemoryView(VOCABULARY, 1, facts), Context(Plan(), 0)).steps.value.tolist() == [
            0,
            100,
            40,
            90,
            -10,
            50,
            0,
        ]

    def test_since_compares_to_the_millisecond(self) -> None:
        facts = [Fact(0, "a", 100)]
        assert changes(facts, n.Compare(n.Since(A), n.Op.GE, n.Span(50))) == [150]
        assert changes(facts, n.Compare(n.Since(A), n.Op.GT, n.Span(50))) == [151]
        assert changes(facts, n.Compare(n.Since(A), n.Op.EQ, n.Span(50))) == [150, 151]
        assert changes(facts, n.Compare(n.Since(A), n.Op.LE, n.Span(50))) == [100, 151]

    def test_a_leap_day_has_its_birthday_on_the_28th(self) -> None:
        born = (instant_from_text("2020-02-29") // DAY_MS) * DAY_MS
        facts = [Fact(0, "trait_set", born + 40 * DAY_MS, 0, {"trait": "birthday", "date": born})]
        age = changes(facts, at_least(n.Age(n.Trait("birthday")), "1"))
        assert age == [instant_from_text("2021-02-28T00:00:00+08:00")]
        today = changes(facts, n.Compare(n.Anniversary(n.Trait("birthday")), n.Op.EQ, n.Span(0)))
        assert today[:2] == [
            instant_from_text("2021-02-28T00:00:00+08:00"),
            instant_from_text("2021-03-01T00:00:00+08:00"),
        ]
        assert today[6] == instant_from_text("2024-02-29T00:00:00+08:00")

    def test_until_of_what_recurs_is_cut_at_the_horizon_and_of_the_rest_is_not(self) -> None:
        facts = [Fact(0, "trait_set", 5, 0, {"trait": "birthday", "date": 0}), Fact(0, "a", HORIZON)]
        whole = evaluation(facts)
        far = n.Compare(n.Anniversary(n.Trait("birthday")), n.Op.LT, n.Span(-1))
        assert whole.look(far, 10)[2].tolist() == [HORIZON]
        assert whole.look(n.Happened(A, n.Rolling(9)), HORIZON)[2].tolist() == [HORIZON + 9]
        assert whole.look(n.Happened(B), 10)[2].tolist() == [NEVER]

    def test_not_followed_is_true_from_the_deadline_on(self) -> None:
        facts = [Fact(0, "a", 10), Fact(0, "a", 100), Fact(0, "b", 105)]
        assert changes(facts, n.NotFollowed(A, B, 5, n.Rolling(50))) == [15, 60]

    def test_returned_needs_a_gap_before_an_event_in_the_window(self) -> None:
        facts = [Fact(0, "a", 10), Fact(0, "a", 39), Fact(0, "a", 69), Fact(0, "a", 70)]
        assert changes(facts, n.Returned(A, 30, n.Rolling(5))) == [69, 74]
        assert changes(facts, n.Returned(A, 29, n.Fixed(start=39))) == [39]

    def test_hold_leaves_only_after_it_was_false_for_the_span(self) -> None:
        facts = [Fact(0, "a", 10), Fact(0, "a", 22)]
        assert changes(facts, n.Hold(n.Happened(A, n.Rolling(10)), 2)) == [10, 34]
        assert changes(facts, n.Hold(n.Happened(A, n.Rolling(10)), 1)) == [10, 21, 22, 33]


class TestSequence:
    def test_finds_the_match_that_a_greedy_reading_misses(self) -> None:
        facts = [Fact(0, "a", 0), Fact(0, "a", 8), Fact(0, "b", 10)]
        assert changes(facts, n.Sequence((n.Step(A), n.Step(B, within_ms=3)))) == [10]

    def test_an_event_serves_one_step_only(self) -> None:
        assert changes([Fact(0, "a", 0)], n.Sequence((n.Step(A), n.Step(A)))) == []

    def test_ties_are_ordered_by_the_id_hash(self) -> None:
        pair = n.Sequence((n.Step(A), n.Step(B)))
        assert changes([Fact(0, "a", 5, 1), Fact(0, "b", 5, 2)], pair) == [5]
        assert changes([Fact(0, "a", 5, 2), Fact(0, "b", 5, 1)], pair) == []
        assert changes([Fact(0, "a", 5, 1), Fact(0, "b", 5, 1)], pair) == []


class TestCalendar:
    def test_a_period_begins_when_the_zone_says_so(self) -> None:
        facts = [Fact(0, "a", instant_from_text("2021-03-27T12:00:00Z"))]
        test = n.Happened(A, n.Last(n.Unit.DAY, 1))
        begins = [instant_from_text("2021-03-27T23:00:00Z"), instant_from_text("2021-03-28T22:00:00Z")]
        assert changes(facts, test, zone="Europe/Berlin") == begins
        assert begins[1] - begins[0] == 23 * HOUR_MS

    def test_a_definition_is_read_in_its_own_zone(self) -> None:
        facts = [Fact(0, "a", instant_from_text("2021-03-27T12:00:00Z"))]
        seg = Definition("seg", 1, "Europe/Berlin", (Rung("in", n.Happened(A, n.This(n.Unit.DAY))),))
        assert changes(facts, n.InLabel("seg"), Plan([seg]))[1] == instant_from_text("2021-03-27T23:00:00Z")


class TestComparison:
    def test_an_average_is_compared_exactly(self) -> None:
        facts = [Fact(0, "a", at, 0, {"i": value}) for at, value in ((1, 1), (2, 1), (3, 2))]
        average = n.Aggregate(n.Fold.AVG, A, "i")
        third = n.Compare(average, n.Op.GT, n.Number("1.333333333333333333333333333333"))
        assert changes(facts, third) == [3]
        assert changes(facts, n.Compare(average, n.Op.EQ, n.Number("1"))) == [1, 3]

    def test_what_a_value_is_doesnt_depend_on_the_rows_there_are(self) -> None:
        paid = n.Compare(n.Aggregate(n.Fold.SUM, n.Events(("order_paid",)), "amount"), n.Op.EQ, n.Money(0, "CNY"))
        assert evaluation([]).truth(paid).value.tolist() == [1]

    def test_an_unknown_compares_false_and_its_not_is_true(self) -> None:
        test = n.Compare(n.Trait("skin"), n.Op.NE, n.Text("oily"))
        assert evaluation([]).truth(test).value.tolist() == [0]
        assert evaluation([]).truth(n.Not(test)).value.tolist() == [1]
        assert evaluation([]).truth(n.Unknown(n.Trait("skin"))).value.tolist() == [1]

    def test_a_worse_source_doesnt_override_a_better_one(self) -> None:
        facts = [
            Fact(0, "trait_set", at, 0, {"trait": "score", "number": value, "feed": feed})
            for at, value, feed in ((1, 10, "other"), (2, 20, "crm"), (3, 30, "app"), (4, None, "app"), (5, 50, "crm"))
        ]
        score = evaluation(facts).measure(n.Trait("score")).steps
        assert (score.at.tolist(), score.value.tolist()) == ([BEGINNING, 1, 2, 5], [BEGINNING, 10, 20, 50])

    def test_a_number_that_isnt_one_is_refused(self) -> None:
        with pytest.raises(ConditionError, match="isn't a number"):
            evaluation([]).truth(at_least(n.Count(A), "1e999999999"))
        with pytest.raises(ConditionError, match="isn't a date"):
            evaluation([]).truth(n.Compare(n.Trait("birthday"), n.Op.EQ, n.Day("2021-02-30")))

    def test_an_undeclared_property_that_reads_as_a_number_is_compared_as_one(self) -> None:
        facts = [
            Fact(0, "a", 1, 0, {"size": "9"}),
            Fact(0, "a", 2, 0, {"size": "10.5"}),
            Fact(0, "a", 3, 0, {"size": "x"}),
        ]
        large = n.Events(("a",), where=n.Compare(n.Property("size"), n.Op.GT, n.Number("9.5")))
        assert changes(facts, n.Happened(large)) == [2]
        total = evaluation(facts).measure(n.Aggregate(n.Fold.SUM, A, "size"))
        assert (total.kind, total.steps.value.tolist()) == (Kind.NUMBER, [0, 9_000_000, 19_500_000])


class TestLabels:
    def test_the_first_rung_that_holds_gives_the_value(self) -> None:
        rungs = (Rung("two", at_least(n.Count(A, n.Rolling(50)), "2")), Rung("one", n.Happened(A, n.Rolling(50))))
        view = MemoryView(VOCABULARY, 1, [Fact(0, "a", 100), Fact(0, "a", 120)])
        steps = ladder("steps", view, Context(Plan([Definition("steps", 1, "", rungs)]), HORIZON))
        assert steps.at.tolist() == [BEGINNING, 100, 120, 150, 170]
        assert steps.value.tolist() == [-1, 1, 0, 1, -1]

    def test_membership_at_a_later_instant_is_constant(self) -> None:
        plan = Plan([Definition("seg", 1, "", (Rung("in", n.Happened(A)),))])
        assert truth(
            n.InLabel("seg", at=200), MemoryView(VOCABULARY, 1, [Fact(0, "a", 100)]), Context(plan, 0)
        ).value.tolist() == [1]

    def test_shares_are_stable_and_spread_evenly(self) -> None:
        hashes = np.random.default_rng(5).integers(0, 2**62, 100_000)
        points = basis_point(hashes, "launch-1")
        assert basis_point(np.array([1, 2, 3], np.int64), "launch-1").tolist() == [5367, 8088, 758]
        assert (points < 2_500).mean() == pytest.approx(0.25, abs=0.01)
        other = basis_point(hashes, "launch-2")
        assert ((points < 5_000) & (other < 5_000)).mean() == pytest.approx(0.25, abs=0.01)


class TestOver:
    def test_another_stretch_outlives_the_evaluation_that_it_was_asked_of(self) -> None:
        facts = [Fact(0, "a", 5, 1), Fact(0, "a", 50, 2)]
        some = Evaluation(MemoryView(VOCABULARY, 1, facts), Context(Plan(), 60, start=60)).over(Stretch(4, 60))
        held = n.Hold(n.Happened(A, n.Rolling(3)), 2)
        assert some.truth(held).at.tolist() == [BEGINNING, 5, 10, 50, 55]
        assert some.over(Stretch.at(51)).truth(held).value.tolist() == [1]

    def test_equal_stretches_are_one_evaluation(self) -> None:
        whole = evaluation([Fact(0, "a", 5, 1)])
        assert whole.over(Stretch.at(7)) is whole.over(Stretch(3, 9)).over(Stretch.at(7))
        assert whole.over(Stretch.at(7)).over(whole.stretch) is whole


class TestRecords:
    def test_several_conditions_ask_about_the_same_record(self) -> None:
        facts = [
            Fact(0, "record_set", 5, tie, {"kind": "child", "record": record, "trait": trait, key: value})
            for tie, (record, trait, key, value) in enumerate(
                [("1", "name", "text", "p"), ("2", "name", "text", "q"), ("2", "birthday", "date", 0)]
            )
        ]
        same = n.All(
            (n.Compare(n.RecordTrait("name"), n.Op.EQ, n.Text("p")), n.Not(n.Unknown(n.RecordTrait("birthday"))))
        )
        assert changes(facts, n.AnyRecord("child", same)) == []
        assert changes(facts, n.AnyRecord("child", n.Any(same.tests))) == [5]

    def test_an_ended_record_counts_no_more_and_a_later_set_reopens_it(self) -> None:
        facts = [
            Fact(0, kind, at, 0, {"kind": "child", "record": "1"})
            for at, kind in ((1, "record_set"), (5, "record_ended"), (9, "record_set"))
        ]
        assert changes(facts, n.AnyRecord("child")) == [1, 5, 9]

    def test_to_look_back_for_ever_at_a_point_sees_no_record_of_later(self) -> None:
        facts = [
            Fact(0, "record_set", at, at, {"kind": "child", "record": name, "trait": "name", "text": name})
            for at, name in ((5, "one"), (50, "two"))
        ]
        named = n.Compare(n.RecordTrait("name"), n.Op.EQ, n.Text("one"))
        test = n.AnyRecord("child", n.Hold(named, 2**62))
        point = Evaluation(MemoryView(VOCABULARY, 1, facts), Context(Plan(), 10, start=10))
        assert point.truth(test).value.tolist() == [1]
        assert point.over(Stretch.at(4)).truth(test).value.tolist() == [0]

    def test_a_records_trait_outside_of_any_record_is_refused(self) -> None:
        with pytest.raises(ConditionError, match="outside of any record"):
            evaluation([]).truth(n.Unknown(n.RecordTrait("name")))
