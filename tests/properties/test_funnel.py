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
from yutang.kernel.instants import DAY_MS, HOUR_MS, INSTANT_MAX_MS, NEVER
from yutang.timeline.boundaries import calendar
from yutang.timeline.questions.funnel import Funnel, Split, attempts, backwards, reached
from yutang.timeline.steps import UNKNOWN, Ints
from yutang.timeline.ticks import Ticked
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
    since = rng.choice((0, BASE + 9 * HOUR_MS, BASE + 9 * HOUR_MS + 1))  # between two events of one tick
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


def _rows(rng: Random, first: int) -> list[tuple[int, int]]:
    """(at, tie) of the rows of a line, in order: few or many, all over a few ticks."""
    last = rng.choice((3, 3_000, 60_000))
    return sorted({(first + rng.randint(0, last), rng.randint(0, 2)) for _ in range(rng.choice((0, 1, 5, 70)))})


class TestDeepest:
    @given(st.integers(0, 2**32))
    @TRIES
    def test_any_number_of_rows_is_climbed_like_one_after_the_other(self, seed: int) -> None:
        """Of steps with many rows, which are compared sixteen at a time, and whose columns hold rows of others."""
        rng = Random(seed)
        lines, first = rng.randint(1, 3), rng.choice((0, BASE, INSTANT_MAX_MS - 60_000))
        steps = [[_rows(rng, first) for _ in range(lines)] for _ in range(rng.randint(1, 4))]
        if len(steps) > 1 and rng.random() < 0.3:
            steps[1] = steps[0]
        since, until = sorted(first + rng.randint(0, 60_000) for _ in range(2))
        since, until = rng.choice((0, since)), rng.choice((NEVER, until))
        window = rng.choice((0, 1, 1_023, 1_024, 2_500, 10**9))
        level, at = backwards(
            [_ticked(rng, lying) for lying in steps],
            Funnel(tuple(Step(Events(("view",))) for _ in steps), window, since, until, ZONE),
        )
        for line in range(lines):
            climbed = _slow_climb([lying[line] for lying in steps], since, until, window)
            assert (int(level[line]), int(at[0, line])) == climbed


def _ticked(rng: Random, lying: list[list[tuple[int, int]]]) -> Ticked:
    """The rows of a step, among those of others."""
    before, after = _rows(rng, 0), _rows(rng, BASE)
    rows = before + [row for line in lying for row in line] + after
    starts = len(before) + np.cumsum([0, *map(len, lying)])
    at, tie = (np.array([row[n] for row in rows], np.int64) for n in range(2))
    return Ticked.of(starts, at, tie)


def _slow_climb(steps: list[list[tuple[int, int]]], since: int, until: int, window: int) -> tuple[int, int]:
    """(level, the latest beginning of the match that ends first)."""
    found = (0, 0)
    begun = {row: row[0] for row in steps[0] if since <= row[0] <= until}
    for number, rows in enumerate(steps, start=1):
        if number > 1:
            latest = {row: max((at for one, at in begun.items() if one < row), default=-1) for row in rows}
            begun = {row: at for row, at in latest.items() if at >= 0 and row[0] <= until and row[0] - at <= window}
        if not begun:
            break
        found = number, begun[min(begun)]
    return found


def _number(column: Column) -> Ints:
    return np.where(column.values == UNKNOWN, 3, column.values)


def _period(at: int, unit: Unit | None) -> int:
    return 0 if unit is None else int(ZONE.periods(np.array([at]), unit)[0])
