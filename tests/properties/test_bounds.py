"""Who holds at some time may hold, who surely holds does so all the time; and passing over the rest changes no answer.

Seeded; `YUTANG_TEST_BUDGET` multiplies the number of examples.
"""

from __future__ import annotations

import os
from random import Random

import numpy as np
import pytest
from tests.support.evaluation_trees import HOURS, VOCABULARY, Scene, dense
from tests.support.memory_view import MemoryView

from yutang.conditions import nodes
from yutang.kernel.instants import DAY_MS, HOUR_MS
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.evaluation import population
from yutang.timeline.evaluation.algebra import ever, open_
from yutang.timeline.evaluation.bounds import MAY, SURELY, bounds
from yutang.timeline.steps import Stretch

SCENES = max(1, int(400 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
OWNED = (frozenset({"phone"}), frozenset({"email"}))


def view_of(scene: Scene) -> MemoryView:
    return MemoryView(VOCABULARY, 2, scene.facts, identities=OWNED)


def drawn_stretch(scene: Scene, rng: Random) -> Stretch:
    """Between instants that are anywhere, or at and beside events."""
    events = [fact.at for fact in scene.facts] or [scene.base * DAY_MS]
    beside = [rng.choice(events) + rng.choice((-1, 0, 1)) for _ in range(2)]
    anywhere = [scene.base * DAY_MS + rng.randint(-20, HOURS + 60) * HOUR_MS for _ in range(2)]
    start, end = sorted(max(0, one) for one in rng.sample([*beside, *anywhere], 2))
    return Stretch(start, end)


@pytest.fixture(autouse=True)
def narrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few there are."""
    monkeypatch.setattr(population, "NARROWED_COUNT_MIN", 0)
    monkeypatch.setattr(population, "NARROWED_SHARE_MAX", 1.0)


def test_bounds_hold_whatever_happens_within_the_stretch() -> None:
    told = [0, 0, 0]
    for seed in range(SCENES):
        scene, rng = dense(seed), Random(seed)
        stretch = drawn_stretch(scene, rng)
        context = Context(scene.plan, stretch.end, scene.zone, start=stretch.start)
        for test in (scene.test, *(rung.test for name in scene.plan.names for rung in scene.plan.find(name).rungs)):
            truth = Evaluation(view_of(scene), context).truth(test)
            wanted = np.array([rng.randrange(4) for _ in range(2)], np.uint8)
            asked = Evaluation(view_of(scene), context)
            found = bounds(asked.population(), test, wanted)
            assert not (found & ~wanted).any(), (seed, test)
            assert not ((wanted & ~found & MAY != 0) & ever(truth)).any(), (seed, test)
            assert not ((found & SURELY != 0) & open_(truth)).any(), (seed, test)
            told[0] += int((found & SURELY != 0).sum())
            told[1] += int(((wanted & MAY != 0) & (found & MAY == 0)).sum())
            told[2] += int(((found == MAY) & (wanted == SURELY | MAY)).sum())
    assert min(told) > SCENES / 4, told


def test_who_came_or_went_is_the_same_as_over_all_time() -> None:
    told = [0, 0]
    for seed in range(SCENES):
        scene, rng = dense(seed), Random(~seed)
        now = drawn_stretch(scene, rng).end
        full = Evaluation(view_of(scene), Context(scene.plan, (scene.base + 12) * DAY_MS, scene.zone))
        point = Evaluation(view_of(scene), Context(scene.plan, now, scene.zone, start=now))
        for name in scene.plan.names:
            for value in ("", *(rung.value for rung in scene.plan.find(name).rungs)):
                test = nodes.Moved(name, value, rng.randint(1, 60) * HOUR_MS, left=rng.random() < 0.5)
                expected = full.truth(test).values_at(now) != 0
                assert point.truth(test).value.tolist() == expected.tolist(), (seed, test, now)
                told[int(expected.any())] += 1
    assert min(told) > SCENES / 10, told
