"""Paths agree with an obvious reference, from and to events, with ties, repeats and pauses at the exact millisecond.

`YUTANG_TEST_BUDGET` multiplies the number of examples.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.memory_view import Fact, MemoryView
from tests.support.slow_paths import Chosen, SlowPaths

from yutang.conditions.nodes import Events
from yutang.conditions.vocabulary import EventType, Kind, PropertyType, Vocabulary
from yutang.domains.insight.api.ranges import names_of
from yutang.kernel.instants import HOUR_MS
from yutang.timeline.boundaries import calendar
from yutang.timeline.questions.paths import FULL, STOPPED, Paths, walked

EXAMPLES = max(1, int(300 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
TRIES = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
BASE = 1_616_803_200_000
CUSTOMERS = 3
PAGE = PropertyType("page", Kind.STRING)
VOCABULARY = Vocabulary(
    zone="Asia/Shanghai",
    currency="CNY",
    events={name: EventType(name, (PAGE, PropertyType("n", Kind.INTEGER))) for name in ("view", "cart", "paid")},
)
TYPES = tuple(VOCABULARY.events)


@dataclass(frozen=True)
class Scene:
    """A question twice, and the events of three customers."""

    paths: Paths
    slow: SlowPaths
    facts: tuple[Fact, ...]


def _set(rng: Random, all_in: float) -> tuple[Events, Chosen]:
    if rng.random() < all_in:
        return Events(), lambda _fact: True
    types = tuple(sorted(rng.sample(TYPES, rng.choice((1, 1, 2)))))
    return Events(types), lambda fact: fact.type in types


def scene_of(rng: Random) -> Scene:
    """Few types, pages and hours: coincidences are the rule."""
    facts = {}
    for customer in range(CUSTOMERS):
        for _ in range(rng.randint(0, 10)):
            props = {"page": rng.choice("xyz")} if rng.random() < 0.8 else {}
            at = BASE + rng.randint(0, 12) * HOUR_MS + rng.choice((0, 0, 1))
            fact = Fact(customer, rng.choice(TYPES), at, rng.randint(0, 3), props)
            facts[customer, fact.at, fact.tie] = fact
    anchor, is_anchor = _set(rng, 0.1)
    among, is_among = _set(rng, 0.6)
    steps, gap = rng.randint(1, 4), rng.choice((0, HOUR_MS, 3 * HOUR_MS, 50 * HOUR_MS))
    since, until = rng.choice((0, BASE + 2 * HOUR_MS)), BASE + rng.choice((8, 13, 14, 40)) * HOUR_MS
    prop = rng.choice(("", "page"))
    backwards, every, collapse = (rng.random() < 0.5 for _ in range(3))
    return Scene(
        Paths(
            anchor, among, steps, gap, since, until, calendar("Asia/Shanghai"),
            lambda column: names_of(column, "CNY"), prop, backwards, every, collapse,
        ),
        SlowPaths(is_anchor, is_among, steps, gap, since, until, prop, backwards, every, collapse),
        tuple(facts.values()),
    )  # fmt: skip


def scenes() -> st.SearchStrategy[Scene]:
    return st.integers(0, 2**32).map(lambda seed: scene_of(Random(seed)))


@given(scenes())
@TRIES
def test_paths_are_those_drawn_by_hand(scene: Scene) -> None:
    found = walked(MemoryView(VOCABULARY, CUSTOMERS, scene.facts), scene.paths)
    told: dict[int, list[tuple[list[str], list[int], str]]] = {customer: [] for customer in range(CUSTOMERS)}
    for path, owner in enumerate(found.owner.tolist()):
        steps = int(found.taken[path]) + 1
        names = [found.names[code] for code in found.name[path, :steps].tolist()]
        end = {FULL: "full", STOPPED: "stopped"}.get(int(found.end[path]), "ongoing")
        told[owner].append((names, found.at[path, :steps].tolist(), end))
    for customer in range(CUSTOMERS):
        facts = [fact for fact in scene.facts if fact.customer == customer]
        assert told[customer] == scene.slow.of(facts), f"{scene.slow}\n{facts}"
