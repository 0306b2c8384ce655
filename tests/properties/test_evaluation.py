"""Evaluation agrees with an obvious reference at every instant, and says exactly until when.

Seeded by Hypothesis; `YUTANG_TEST_BUDGET` multiplies the number of examples.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import get_args

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.evaluation_trees import HOURS, VOCABULARY, Scene, dense, scenes
from tests.support.memory_view import MemoryView
from tests.support.slow_conditions import Slow

from yutang.conditions.nodes import Always, Events, Share, Test
from yutang.kernel.instants import BEGINNING, DAY_MS, HOUR_MS, NEVER
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.evaluation.records import mentions_record, parts_of
from yutang.timeline.steps import Steps

EXAMPLES = max(1, int(150 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
OWNED = (frozenset({"phone"}), frozenset({"email"}))
TRIES = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def _evaluated(scene: Scene) -> tuple[Evaluation, list[Slow], int]:
    horizon = (scene.base + 12) * DAY_MS
    view = MemoryView(VOCABULARY, 2, scene.facts, identities=OWNED)
    evaluation = Evaluation(view, Context(scene.plan, horizon, scene.zone))
    slow = [Slow(VOCABULARY, scene.plan, [f for f in scene.facts if f.customer == i], OWNED[i]) for i in (0, 1)]
    return evaluation, slow, horizon


def _in_normal_form(steps: Steps) -> bool:
    firsts = steps.offsets[:-1]
    inner = np.ones(len(steps.at), np.bool_)
    inner[firsts] = False
    later = np.flatnonzero(inner)
    ascending = (steps.at[later] > steps.at[later - 1]).all() and (steps.value[later] != steps.value[later - 1]).all()
    return bool((steps.at[firsts] == BEGINNING).all() and ascending and (np.diff(steps.offsets) > 0).all())


def _instants(scene: Scene, steps: Steps, customer: int, drawn: list[int], horizon: int) -> list[int]:
    changes = steps.at[steps.offsets[customer] : steps.offsets[customer + 1]].tolist()
    near = [t + d for t in changes if BEGINNING < t < NEVER for d in (-1, 0, 1)]
    events = [fact.at for fact in scene.facts]
    hours = [scene.base * DAY_MS + hour * HOUR_MS + d for hour in drawn for d in (0, 1)]
    return sorted({t for t in (*near, *events, *hours) if 0 <= t <= horizon})


def _tests_in(node: object) -> Iterator[Test]:
    """The tests inside a test, but for filters of events."""
    if isinstance(node, Test):
        yield node
    if not isinstance(node, Events):
        for part in parts_of(node):
            yield from _tests_in(part)


def _changing(scene: Scene) -> Iterator[Test]:
    """The tests inside the scene's that change over time for one of its customers."""
    evaluation, _, _ = _evaluated(scene)
    for node in _tests_in(scene.test):
        if not mentions_record(node) and len(evaluation.population().truth(node).at) > 2:
            yield node


def _assert_agrees(scene: Scene, drawn: list[int], name: object) -> None:
    evaluation, slow, horizon = _evaluated(scene)
    steps = evaluation.truth(scene.test)
    assert _in_normal_form(steps), name
    for customer in (0, 1):
        for instant in _instants(scene, steps, customer, drawn, horizon):
            expected = slow[customer].holds(scene.test, instant, scene.zone)
            assert steps.values_at(instant)[customer] == expected, (name, customer, instant)


class TestTruth:
    @TRIES
    @given(scenes(), st.lists(st.integers(0, HOURS + 60), min_size=4, max_size=8))
    def test_agrees_with_the_reference_at_every_change_event_and_drawn_hour(
        self, scene: Scene, drawn: list[int]
    ) -> None:
        _assert_agrees(scene, drawn, scene)

    def test_agrees_with_the_reference_on_dense_scenes(self) -> None:
        for seed in range(EXAMPLES):
            drawn = [Random(~seed).randint(0, HOURS + 60) for _ in range(8)]
            _assert_agrees(dense(seed), drawn, seed)

    def test_dense_scenes_change_in_every_kind_of_node(self) -> None:
        changing = {type(node) for seed in range(800) for node in _changing(dense(seed))}
        everything = set(get_args(Test)) - {Share, Always}
        assert everything - changing == set()

    @TRIES
    @given(scenes(), st.integers(0, HOURS))
    def test_until_is_the_next_change_or_the_horizon(self, scene: Scene, hour: int) -> None:
        evaluation, slow, _ = _evaluated(scene)
        instant = scene.base * DAY_MS + hour * HOUR_MS
        truth, since, until = evaluation.look(scene.test, instant)
        for customer in (0, 1):
            now = bool(truth[customer])
            stop = int(min(until[customer], evaluation.horizon))
            tried = {t for t in slow[customer].looked_at(instant, min(stop, instant + 3 * DAY_MS)) if t < stop}
            assert all(slow[customer].holds(scene.test, t, scene.zone) is now for t in tried | {instant})
            if until[customer] < evaluation.horizon:
                assert slow[customer].holds(scene.test, int(until[customer]), scene.zone) is not now
            if since[customer] > 0:
                assert slow[customer].holds(scene.test, int(since[customer]) - 1, scene.zone) is not now

    @TRIES
    @given(scenes())
    def test_evaluating_one_customer_alone_gives_the_same_steps(self, scene: Scene) -> None:
        evaluation, _, horizon = _evaluated(scene)
        together = evaluation.truth(scene.test)
        for customer in (0, 1):
            facts = [
                fact.__class__(0, fact.type, fact.at, fact.tie, fact.props)
                for fact in scene.facts
                if fact.customer == customer
            ]
            view = MemoryView(VOCABULARY, 1, facts, identities=OWNED[customer : customer + 1])
            alone = Evaluation(view, Context(scene.plan, horizon, scene.zone)).truth(scene.test)
            mine = together.take(np.array([customer], np.int64))
            assert alone.at.tolist() == mine.at.tolist()
            assert alone.value.tolist() == mine.value.tolist()
