"""Over a stretch of time, and at a point, evaluation says what it says over all time, of those instants.

Seeded; `YUTANG_TEST_BUDGET` multiplies the number of examples.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.evaluation_trees import HOURS, VOCABULARY, Scene, dense, scenes
from tests.support.memory_view import MemoryView
from tests.support.slow_conditions import Slow

from yutang.conditions.nodes import All, Any, Compare, Events, OneOf, Subject, Test, Unknown
from yutang.kernel.instants import BEGINNING, DAY_MS, HOUR_MS
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.evaluation import population
from yutang.timeline.evaluation.labels import member
from yutang.timeline.evaluation.records import QUANTIFIERS, mentions_record, parts_of
from yutang.timeline.evaluation.together import common
from yutang.timeline.plan import labels_of
from yutang.timeline.steps import Steps, Stretch
from yutang.timeline.view import Column

EXAMPLES = max(1, int(150 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
DENSE = 4 * EXAMPLES
OWNED = (frozenset({"phone"}), frozenset({"email"}))
TRIES = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
Rows = list[list[tuple[int, int]]]


def last_day(scene: Scene) -> int:
    return (scene.base + 12) * DAY_MS


def view_of(scene: Scene) -> MemoryView:
    return MemoryView(VOCABULARY, 2, scene.facts, identities=OWNED)


def over(scene: Scene, start: int, end: int) -> Evaluation:
    return Evaluation(view_of(scene), Context(scene.plan, end, scene.zone, start=start))


def all_time(scene: Scene) -> Evaluation:
    return Evaluation(view_of(scene), Context(scene.plan, last_day(scene), scene.zone))


def rows_of(steps: Steps) -> Rows:
    bounds = steps.offsets.tolist()
    rows = list(zip(steps.at.tolist(), steps.value.tolist(), strict=True))
    return [rows[low:high] for low, high in pairwise(bounds)]


def restricted(steps: Steps, stretch: Stretch) -> Rows:
    """The rows of a function over all time, as they are asked about: what holds at the start, then the changes."""
    found: Rows = []
    for rows in rows_of(steps):
        held = [value for at, value in rows if at <= stretch.start][-1]
        found.append([(BEGINNING, held), *((at, v) for at, v in rows if stretch.start < at <= stretch.end)])
    return found


def stretches(scene: Scene, rng: Random) -> Iterator[Stretch]:
    """Points and spans, at and beside events as well as anywhere."""
    last = last_day(scene)
    events = [fact.at for fact in scene.facts]
    for place in range(4):
        start = scene.base * DAY_MS + rng.randint(-20, HOURS + 60) * HOUR_MS + rng.choice((-1, 0, 0, 1))
        if events and rng.random() < 0.5:
            start = rng.choice(events) + rng.choice((-1, 0, 1))
        start = max(0, min(start, last))
        yield Stretch(start, start if place % 2 else min(last, start + rng.randint(0, 200) * HOUR_MS))


def assert_restricted(scene: Scene, rng: Random, name: object) -> None:
    full = all_time(scene).truth(scene.test)
    for stretch in stretches(scene, rng):
        found = over(scene, stretch.start, stretch.end).truth(scene.test)
        assert rows_of(found) == restricted(full, stretch), (name, stretch)


@pytest.fixture
def narrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever isn't settled is always asked about alone."""
    monkeypatch.setattr(population, "NARROWED_COUNT_MIN", 0)
    monkeypatch.setattr(population, "NARROWED_SHARE_MAX", 1.0)


def subjects_in(node: object) -> Iterator[Subject]:
    if isinstance(node, (Compare, OneOf, Unknown)) and not mentions_record(node):
        yield node.subject
    for part in parts_of(node):
        if isinstance(part, Test):
            yield from subjects_in(part)


def conditions_in(node: object) -> Iterator[Test]:
    """The tests of customers in a test, but for filters of events."""
    if isinstance(node, Test) and not mentions_record(node):
        yield node
    if not isinstance(node, (Events, *QUANTIFIERS)):
        for part in parts_of(node):
            yield from conditions_in(part)


class TestStretch:
    @TRIES
    @given(scenes(), st.integers(0, 2**32))
    def test_a_function_over_a_stretch_is_the_one_over_all_time_clipped(self, scene: Scene, seed: int) -> None:
        assert_restricted(scene, Random(seed), scene)

    def test_so_it_is_on_dense_scenes(self) -> None:
        for seed in range(DENSE):
            assert_restricted(dense(seed), Random(~seed), seed)

    def test_so_it_is_whoever_is_asked_about_alone(self, narrowed: None) -> None:
        for seed in range(DENSE):
            assert_restricted(dense(seed), Random(~seed), seed)

    def test_what_is_known_of_an_earlier_beginning_is_clipped(self) -> None:
        for seed in range(DENSE // 4):
            scene, rng = dense(seed), Random(seed)
            full = all_time(scene)
            for stretch in stretches(scene, rng):
                point = over(scene, stretch.end, stretch.end)
                for name in scene.plan.names:
                    wide, narrow = point.over(stretch).ladder(name), point.over(Stretch.at(stretch.end)).ladder(name)
                    assert rows_of(wide) == restricted(full.ladder(name), stretch), (seed, name, stretch)
                    assert narrow.value.tolist() == full.ladder(name).values_at(stretch.end).tolist()

    def test_a_rung_is_right_whatever_was_asked_of_the_others(self, narrowed: None) -> None:
        for seed in range(DENSE // 4):
            scene, rng = dense(seed), Random(seed)
            full = all_time(scene)
            for stretch in stretches(scene, rng):
                some = over(scene, stretch.start, stretch.end)
                asked = [(name, i) for name in scene.plan.names for i in range(len(scene.plan.find(name).rungs))]
                for name, i in rng.sample(asked, len(asked)):
                    found = member(some.ladder(name, i), i)
                    assert rows_of(found) == restricted(member(full.ladder(name), i), stretch), (seed, name, i)

    def test_ladders_are_clipped_too(self) -> None:
        for seed in range(DENSE // 4):
            scene, rng = dense(seed), Random(seed)
            full = all_time(scene)
            for stretch in stretches(scene, rng):
                some = over(scene, stretch.start, stretch.end)
                for name in scene.plan.names:
                    assert rows_of(some.ladder(name)) == restricted(full.ladder(name), stretch), (seed, name, stretch)

    @TRIES
    @given(scenes(), st.integers(0, HOURS), st.integers(0, 200))
    def test_look_knows_since_after_the_start_and_until_as_far_as_the_horizon(
        self, scene: Scene, hour: int, hours: int
    ) -> None:
        start = scene.base * DAY_MS + hour * HOUR_MS
        end = min(last_day(scene), start + hours * HOUR_MS)
        full, some = all_time(scene), over(scene, start, end)
        for instant in {start, (start + end) // 2, end}:
            value, since, until = some.look(scene.test, instant)
            expected, since_when, until_when = full.look(scene.test, instant)
            assert value.tolist() == expected.tolist()
            assert since.tolist() == [at if at > start else BEGINNING for at in since_when.tolist()]
            assert until.tolist() == [min(at, end) for at in until_when.tolist()]


class TestPoint:
    @TRIES
    @given(scenes(), st.integers(-20, HOURS + 60))
    def test_a_truth_at_a_point_is_flat_and_the_references(self, scene: Scene, hour: int) -> None:
        instant = max(0, scene.base * DAY_MS + hour * HOUR_MS)
        slow = [Slow(VOCABULARY, scene.plan, [f for f in scene.facts if f.customer == i], OWNED[i]) for i in (0, 1)]
        found = over(scene, instant, instant).truth(scene.test)
        assert found.flat
        assert found.value.tolist() == [int(one.holds(scene.test, instant, scene.zone)) for one in slow]

    def test_readings_are_those_of_the_evaluation_over_all_time(self) -> None:
        for seed in range(DENSE // 2):
            scene, rng = dense(seed), Random(seed)
            full = all_time(scene)
            for stretch in stretches(scene, rng):
                some = over(scene, stretch.start, stretch.start)
                for subject in subjects_in(scene.test):
                    found, expected = some.reading(subject, stretch.start), full.reading(subject, stretch.start)
                    assert found.kind is expected.kind
                    assert told(found) == told(expected), (seed, subject, stretch)

    def test_a_label_at_a_fixed_instant_is_read_there_wherever_the_point_lies(self) -> None:
        seen = 0
        for seed in range(DENSE):
            scene = dense(seed)
            fixed = scene.plan.fixed_instant_max()
            if fixed == BEGINNING:
                continue
            seen += 1
            full = all_time(scene)
            for instant in (max(0, fixed - DAY_MS), fixed, min(fixed + DAY_MS, last_day(scene))):
                point = over(scene, instant, instant)
                for name in scene.plan.names:
                    assert point.ladder(name).value.tolist() == full.ladder(name).values_at(instant).tolist()
        assert seen

    def test_asked_alone_a_point_is_the_references(self, narrowed: None) -> None:
        for seed in range(DENSE):
            scene = dense(seed)
            instant = scene.base * DAY_MS + Random(seed).randint(0, HOURS + 60) * HOUR_MS
            slow = [Slow(VOCABULARY, scene.plan, [f for f in scene.facts if f.customer == i], OWNED[i]) for i in (0, 1)]
            found = over(scene, instant, instant).truth(scene.test)
            assert found.value.tolist() == [int(one.holds(scene.test, instant, scene.zone)) for one in slow], seed

    def test_asked_at_once_all_is_as_it_is_alone(self, narrowed: None) -> None:
        shared = 0
        for seed in range(0, EXAMPLES, 2):
            scene, other = dense(seed), dense(seed + 1)
            tests = [*conditions_in(scene.test), *(test for test in conditions_in(other.test) if not labels_of(test))]
            asked = common([*tests, All(tuple(tests[:3])), Any(tuple(tests[-3:]))], scene.plan)
            shared += len(asked.tests) + len(asked.counts) + len(asked.periods)
            instant = (scene.base + seed % 11) * DAY_MS
            context = Context(scene.plan, instant, scene.zone, start=instant)
            together = Evaluation(view_of(scene), replace(context, common=asked))
            for test in tests:
                alone = Evaluation(view_of(scene), context).truth(test)
                assert together.truth(test).value.tolist() == alone.value.tolist(), (seed, test)
        assert shared > EXAMPLES

    def test_nobody_has_an_answer_at_a_point(self) -> None:
        for seed in range(20):
            scene = dense(seed)
            nobody = MemoryView(VOCABULARY, 0, [])
            point = Evaluation(nobody, Context(scene.plan, last_day(scene), scene.zone, start=last_day(scene)))
            assert len(point.truth(scene.test)) == 0


def told(column: Column) -> list[object]:
    """The values of a column, words as themselves: codes of two evaluations needn't be the same."""
    return [column.words[value] if column.words and value >= 0 else value for value in column.values.tolist()]
