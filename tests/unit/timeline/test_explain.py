"""An explanation names the events and rules that made a condition so."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.evaluation_trees import HOURS, VOCABULARY, Scene, scenes
from tests.support.memory_view import Fact, MemoryView

from yutang.conditions.nodes import (
    Age,
    AnyRecord,
    Compare,
    Count,
    Events,
    HasTag,
    InLabel,
    NotFollowed,
    Number,
    Op,
    RecordTrait,
    Rolling,
    Sequence,
    Step,
    Test,
    Text,
    Trait,
    Unit,
)
from yutang.kernel.instants import BEGINNING, DAY_MS, HOUR_MS, NEVER
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.explain import EVIDENCE_COUNT_MAX, Explained, explain
from yutang.timeline.plan import Definition, Plan, Rung

A, B = Events(("a",)), Events(("b",))


def explained(facts: list[Fact], test: Test, instant: int, plan: Plan | None = None) -> Explained:
    view = MemoryView(VOCABULARY, 1, facts)
    return explain(Evaluation(view, Context(plan or Plan(), 400 * DAY_MS)), test, instant)


def named(found: Explained) -> list[tuple[str, int]]:
    return [(one.type, one.at) for one in found.evidence]


class TestEvidence:
    def test_a_count_names_the_events_in_the_window_newest_first(self) -> None:
        facts = [Fact(0, "a", 5), Fact(0, "a", 10), Fact(0, "a", 12), Fact(0, "a", 30)]
        found = explained(facts, Compare(Count(A, Rolling(10)), Op.GE, Number("2")), 15)
        assert (found.truth, found.since, found.until, found.value) == (True, 10, 20, 2)
        assert named(found) == [("a", 12), ("a", 10)]
        assert found.evidence[0].id == "e0@12"

    def test_more_than_the_limit_is_counted(self) -> None:
        facts = [Fact(0, "a", at) for at in range(1, EVIDENCE_COUNT_MAX + 6)]
        found = explained(facts, Compare(Count(A), Op.GE, Number("2")), 1000)
        assert (len(found.evidence), found.evidence_left_off) == (EVIDENCE_COUNT_MAX, 5)

    def test_a_sequence_names_its_match(self) -> None:
        facts = [Fact(0, "a", 1), Fact(0, "a", 4), Fact(0, "b", 6), Fact(0, "a", 7), Fact(0, "b", 20)]
        found = explained(facts, Sequence((Step(A), Step(B, within_ms=3)), window=Rolling(50)), 10)
        assert named(found) == [("b", 6), ("a", 4)]

    def test_what_was_not_followed_is_named(self) -> None:
        facts = [Fact(0, "a", 1), Fact(0, "b", 2), Fact(0, "a", 5)]
        found = explained(facts, NotFollowed(A, B, 3, Rolling(100)), 9)
        assert (found.since, found.until, named(found)) == (8, 105, [("a", 5)])

    def test_a_trait_names_the_event_that_set_it(self) -> None:
        facts = [Fact(0, "trait_set", at, 0, {"trait": "skin", "text": text}) for at, text in ((3, "oily"), (9, "dry"))]
        found = explained(facts, Compare(Trait("skin"), Op.EQ, Text("oily")), 5)
        assert (found.truth, found.value, found.until, named(found)) == (True, "oily", 9, [("trait_set", 3)])

    def test_a_tag_names_what_added_and_removed_it(self) -> None:
        facts = [Fact(0, "tag_added", 3, 0, {"tag": "x"}), Fact(0, "tag_removed", 6, 0, {"tag": "x"})]
        found = explained(facts, HasTag("x"), 8)
        assert (found.truth, found.since, found.until) == (False, 6, NEVER)
        assert named(found) == [("tag_removed", 6), ("tag_added", 3)]


class TestParts:
    def test_a_label_is_explained_by_its_rungs_down_to_the_one_that_holds(self) -> None:
        rungs = (Rung("two", Compare(Count(A), Op.GE, Number("2"))), Rung("one", Compare(Count(A), Op.GE, Number("1"))))
        plan = Plan([Definition("steps", 1, "", (*rungs, Rung("none", Compare(Count(B), Op.GE, Number("1")))))])
        found = explained([Fact(0, "a", 5)], InLabel("steps", "one"), 7, plan)
        assert [(part.title, part.truth) for part in found.parts] == [("steps.two", False), ("steps.one", True)]

    def test_records_are_explained_one_by_one(self) -> None:
        facts = [
            Fact(0, "record_set", 5, 0, {"kind": "child", "record": name, "trait": "birthday", "date": born * DAY_MS})
            for name, born in (("1", 0), ("2", -400))
        ]
        test = AnyRecord("child", Compare(Age(RecordTrait("birthday"), Unit.YEAR), Op.GE, Number("1")))
        found = explained(facts, test, 10 * DAY_MS)
        assert sorted((part.title, part.truth, part.value) for part in found.parts) == [("1", False, 0), ("2", True, 1)]


class TestAnything:
    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(scenes(), st.integers(0, HOURS))
    def test_agrees_with_the_evaluation_and_names_nothing_later_than_asked(self, scene: Scene, hour: int) -> None:
        view = MemoryView(VOCABULARY, 2, scene.facts)
        evaluation = Evaluation(view, Context(scene.plan, (scene.base + 12) * DAY_MS, scene.zone))
        instant = scene.base * DAY_MS + hour * HOUR_MS
        for customer in (0, 1):
            found = explain(evaluation, scene.test, instant, customer)
            truth, since, until = evaluation.look(scene.test, instant)
            assert (found.truth, found.since, found.until) == (truth[customer], since[customer], until[customer])
            assert all(BEGINNING < one.at <= instant for one in found.evidence)
