"""Funnels agree with an obvious reference; ties, duplicates, exact windows, exclusions and nobody at all included.

`YUTANG_TEST_BUDGET` multiplies the number of examples.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.memory_view import Fact, MemoryView
from tests.support.slow_funnel import Chosen, SlowFunnel, SlowStep

from yutang.conditions.nodes import Compare, Events, Number, Op, Property, Step, Unit
from yutang.conditions.vocabulary import EventType, Kind, PropertyType, Vocabulary
from yutang.kernel.instants import DAY_MS, HOUR_MS
from yutang.timeline.boundaries import calendar
from yutang.timeline.questions.funnel import Funnel, Split, attempts, reached
from yutang.timeline.steps import UNKNOWN, Ints
from yutang.timeline.view import Column

EXAMPLES = max(1, int(300 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
TRIES = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
ZONE = calendar("Europe/Berlin")
BASE = 1_616_803_200_000  # 2021-03-27T00:00:00Z: the next night has 23 hours
CUSTOMERS = 3
_N = PropertyType("n", Kind.INTEGER)
VOCABULARY = Vocabulary(
    zone="Europe/Berlin",
    currency="CNY",
    events={
        "view": EventType("view", (PropertyType("product", Kind.STRING), _N)),
        "cart": EventType("cart", (PropertyType("product", Kind.STRING), _N)),
        "paid": EventType("paid", (PropertyType("product", Kind.LIST), _N)),
        "gone": EventType("gone", (PropertyType("product", Kind.STRING), _N)),
    },
)
TYPES = tuple(VOCABULARY.events)
PRODUCTS = ("lipstick", "cream")


@dataclass(frozen=True)
class Scene:
    """A funnel twice, and the events of three customers."""

    funnel: Funnel
    slow: SlowFunnel
    facts: tuple[Fact, ...]

    def of(self, customer: int) -> list[Fact]:
        return [fact for fact in self.facts if fact.customer == customer]


def _events(rng: Random) -> tuple[Events, Chosen]:
    types = tuple(sorted(rng.sample(TYPES, rng.choice((1, 1, 1, 2)))))
    least = rng.choice((None, None, None, 1))
    where = None if least is None else Compare(Property("n"), Op.GE, Number(str(least)))
    return Events(types, where=where), lambda f: f.type in types and (least is None or f.props.get("n", -1) >= least)


def _facts(rng: Random) -> tuple[Fact, ...]:
    found = []
    for customer in range(CUSTOMERS):
        for _ in range(rng.randint(0, 9)):
            kind = rng.choice(TYPES)
            props: dict[str, object] = {"n": rng.randint(0, 2)} if rng.random() < 0.8 else {}
            if rng.random() < 0.85:
                some = rng.sample(PRODUCTS, rng.randint(0, 2)) if kind == "paid" else rng.choice(PRODUCTS)
                props["product"] = some
            at = BASE + rng.randint(0, 40) * 3 * HOUR_MS // 2 + rng.choice((0, 0, 1))
            found.append(Fact(customer, kind, at, rng.randint(0, 3), props))
    return tuple({(f.customer, f.at, f.tie): f for f in found}.values())


def scene_of(rng: Random) -> Scene:
    """Few types, few hours, few values: coincidences are the rule."""
    mode = rng.choice(("plain", "gaps", "strict", "any"))
    steps, slow = [], []
    for place in range(rng.randint(2, 4)):
        events, chosen = _events(rng)
        gap = place and mode == "gaps"
        within = rng.choice((None, 3 * HOUR_MS, DAY_MS)) if gap else None
        without, excluded = _events(rng) if gap and rng.random() < 0.5 else (None, None)
        steps.append(Step(events, within, without))
        slow.append(SlowStep(chosen, within, excluded))
    window = rng.choice((0, HOUR_MS, 6 * HOUR_MS, DAY_MS, DAY_MS, 30 * DAY_MS))
    since = rng.choice((0, BASE + 9 * HOUR_MS))
    until = rng.choice((BASE + 30 * DAY_MS, BASE + 36 * HOUR_MS))
    strict, together = mode == "strict", mode == "any"
    same = rng.choice(("", "", "product"))
    return Scene(
        Funnel(tuple(steps), window, since, until, ZONE, strict, together, same),
        SlowFunnel(slow, window, since, until, strict, together, same),
        _facts(rng),
    )


def scenes() -> st.SearchStrategy[Scene]:
    return st.integers(0, 2**32).map(lambda seed: scene_of(Random(seed)))


def _view(scene: Scene) -> MemoryView:
    return MemoryView(VOCABULARY, CUSTOMERS, scene.facts)


def _times(at: Ints, customer: int, level: int) -> list[int]:
    return [int(one) for one in at[:level, customer]]


class TestFunnel:
    @given(scenes())
    @TRIES
    def test_levels_and_times_are_those_of_trying_everything(self, scene: Scene) -> None:
        level, at = reached(_view(scene), scene.funnel)
        for customer in range(CUSTOMERS):
            expected = scene.slow.level_and_times(scene.of(customer))
            assert (int(level[customer]), _times(at, customer, expected[0])) == expected, (
                f"{scene.funnel}\n{scene.of(customer)}"
            )

    @given(scenes())
    @TRIES
    def test_levels_dont_depend_on_times(self, scene: Scene) -> None:
        level, at = reached(_view(scene), replace(scene.funnel, with_times=False))
        assert len(at) == 0
        assert np.array_equal(level, reached(_view(scene), scene.funnel)[0])

    @given(scenes(), st.sampled_from((Unit.DAY, Unit.WEEK, None)), st.booleans())
    @TRIES
    def test_attempts_are_those_that_begin_in_the_period_and_group(
        self, scene: Scene, unit: Unit | None, by_number: bool
    ) -> None:
        grouped = by_number and not scene.funnel.any_order
        found = attempts(_view(scene), scene.funnel, Split(unit, "n", _number) if grouped else Split(unit))
        told = {}
        for place in range(len(found.owner)):
            cell = int(found.owner[place]), int(found.period[place]), int(found.group[place])
            assert cell not in told, "one attempt for each customer, period and group"
            told[cell] = int(found.level[place]), _times(found.at, place, int(found.level[place]))
        expected = {}
        for customer in range(CUSTOMERS):
            for period in range(_period(BASE, unit), _period(BASE + 5 * DAY_MS, unit) + 1):
                for group in range(4 if grouped else 1):

                    def begins(fact: Fact, period: int = period, group: int = group) -> bool:
                        of = fact.props.get("n", 3) if grouped else 0
                        return _period(fact.at, unit) == period and of == group

                    one = replace(scene.slow, begins=begins).level_and_times(scene.of(customer))
                    if one[0]:
                        expected[customer, period, group] = one
        assert told == expected, (scene.funnel, scene.facts)


def _number(column: Column) -> Ints:
    return np.where(column.values == UNKNOWN, 3, column.values)


def _period(at: int, unit: Unit | None) -> int:
    return 0 if unit is None else int(ZONE.periods(np.array([at]), unit)[0])
