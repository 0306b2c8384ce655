"""Which events can change which definitions: never fewer than an evaluation reads."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from tests.support.evaluation_trees import VOCABULARY as DECLARED
from tests.support.evaluation_trees import Scene, dense, scenes
from tests.support.memory_view import MemoryView

from yutang.conditions.grammar import parse
from yutang.conditions.vocabulary import EventType, Kind, LabelType, PropertyType, RelationRule, Vocabulary
from yutang.kernel.instants import BEGINNING, DAY_MS
from yutang.timeline.concerns import ANY_EVENT, Concerns, concerns_of
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.plan import Definition, Plan, Rung
from yutang.timeline.view import Slice

_AMOUNT = (PropertyType("amount", Kind.MONEY),)
VOCABULARY = Vocabulary(
    events={
        "order_paid": EventType("order_paid", _AMOUNT), "order_refunded": EventType("order_refunded", _AMOUNT),
        "page_viewed": EventType("page_viewed"),
        "followed": EventType("followed", relation=RelationRule("follow", True)),
    },
    labels={"buyer": LabelType("buyer", ("in",))},
)  # fmt: skip


class Watched(MemoryView):
    """Notes which types are read."""

    def __init__(self, scene: Scene) -> None:
        super().__init__(DECLARED, 2, scene.facts)
        self.read: set[str] = set()

    def events(self, type_name: str, columns: Sequence[str]) -> Slice:
        self.read.add(type_name)
        return super().events(type_name, columns)


def check(scene: Scene) -> None:
    plan = Plan([*scene.plan.definitions.values(), Definition("test", 1, scene.zone, (Rung("in", scene.test),))])
    concerns = Concerns(plan, DECLARED)
    for place, name in enumerate(plan.names):
        for start in (BEGINNING, scene.base * DAY_MS):
            view = Watched(scene)
            Evaluation(view, Context(plan, (scene.base + 9) * DAY_MS, start=start)).ladder(name)
            for read in view.read:
                assert place in concerns.of(read), (name, read)


@given(scene=scenes())
def test_an_evaluation_reads_no_type_that_does_not_concern(scene: Scene) -> None:
    check(scene)


@pytest.mark.parametrize("seed", range(60))
def test_nor_does_that_of_a_dense_one(seed: int) -> None:
    check(dense(seed))


def concerned(*texts: str) -> Concerns:
    tests = {"buyer": "happened(order_paid)"} | {f"l{place}": text for place, text in enumerate(texts)}
    plan = Plan(Definition(name, 1, "", (Rung("in", parse(text, VOCABULARY)),)) for name, text in tests.items())
    return concerns_of(plan, VOCABULARY)


class TestTypes:
    def test_a_label_is_concerned_by_what_concerns_the_labels_it_names(self):
        found = concerned("in(buyer) and happened(page_viewed)", "happened(page_viewed)")
        names = ("buyer", "l1", "l0")  # by level, then by name
        assert [names[place] for place in found.of("order_paid")] == ["buyer", "l0"]
        assert [names[place] for place in found.of("page_viewed")] == ["l1", "l0"]

    def test_any_event_is_every_type_but_state_events(self):
        found = concerned("count(*) >= 2")
        assert 1 in found.of("page_viewed") and 1 in found.of("never declared")
        assert found.of("trait_set") == ()

    def test_net_looks_at_refunds(self):
        assert len(concerned("net(order_paid.amount) > 1").of("order_refunded")) == 1

    def test_states_and_relations(self):
        assert len(concerned('tag("vip")').of("tag_removed")) == 1
        assert len(concerned('related("follow")').of("followed")) == 1
        assert concerned('consent("sms", "promotion")').of("tag_added") == ()

    def test_they_are_kept_with_the_plan_for_one_vocabulary(self):
        plan = Plan()
        assert concerns_of(plan, VOCABULARY) is concerns_of(plan, VOCABULARY)
        assert concerns_of(plan, VOCABULARY) is not concerns_of(plan, Vocabulary())

    def test_all_events_are_marked_so(self):
        assert ANY_EVENT in concerned("since_last(*) > 3d").types_of(1)
