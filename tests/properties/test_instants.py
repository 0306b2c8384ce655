"""Tests at a few instants at once say what each says at each of them; the kernel says what looking at every row does.

Seeded; `YUTANG_TEST_BUDGET` multiplies the number of examples.
"""

from __future__ import annotations

import os
from random import Random

import numpy as np
import pytest
from tests.support.evaluation_trees import HOURS, VOCABULARY, Scene, dense
from tests.support.memory_view import Fact, MemoryView

from yutang.conditions import nodes
from yutang.kernel.instants import BEGINNING, DAY_MS, HOUR_MS, NEVER
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.evaluation import instants, population
from yutang.timeline.evaluation.instants import Instants
from yutang.timeline.kernels.instants import INSTANTS_COUNT_MAX, Bits, settle, tally
from yutang.timeline.plan import Definition, Plan
from yutang.timeline.questions.flow import states_at
from yutang.timeline.steps import Ints, Stretch

SCENES = max(1, int(400 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
OWNED = (frozenset({"phone"}), frozenset({"email"}))


def view_of(scene: Scene) -> MemoryView:
    return MemoryView(VOCABULARY, 2, scene.facts, identities=OWNED)


def drawn_instants(scene: Scene, rng: Random) -> list[int]:
    """Some instants, ascending: anywhere, or at and beside events."""
    events = [fact.at for fact in scene.facts] or [scene.base * DAY_MS]
    anywhere = [scene.base * DAY_MS + rng.randint(-20, HOURS + 60) * HOUR_MS for _ in range(INSTANTS_COUNT_MAX)]
    beside = [rng.choice(events) + rng.choice((-1, 0, 1)) for _ in range(INSTANTS_COUNT_MAX)]
    last = (scene.base + 12) * DAY_MS
    chosen = rng.sample([*anywhere, *beside], rng.randint(1, INSTANTS_COUNT_MAX))
    return sorted({max(0, min(instant, last)) for instant in chosen})


def wanted_of(rng: Random, points: int) -> Bits:
    return np.array([rng.randrange(1 << points) for _ in range(2)], np.uint8)


@pytest.fixture(params=["together", "alone"])
def anyhow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows there are: filters judged for all rows, or for those within reach of who is asked alone."""
    if request.param == "alone":
        monkeypatch.setattr(instants, "ROWS_EACH_MAX", -1)
        monkeypatch.setattr(population, "NARROWED_COUNT_MIN", 0)
        monkeypatch.setattr(population, "NARROWED_SHARE_MAX", 1.0)


@pytest.mark.usefixtures("anyhow")
class TestHeld:
    def test_it_is_the_truth_at_each_instant_where_it_is_wanted_and_nothing_elsewhere(self) -> None:
        for seed in range(SCENES):
            scene, rng = dense(seed), Random(seed)
            ends = drawn_instants(scene, rng)
            full = Evaluation(view_of(scene), Context(scene.plan, (scene.base + 12) * DAY_MS, scene.zone))
            truth = full.truth(scene.test)
            expected = sum(
                ((truth.values_at(end) != 0).astype(np.uint8) << np.uint8(place) for place, end in enumerate(ends)),
                np.zeros(2, np.uint8),
            )
            whole = Evaluation(view_of(scene), Context(scene.plan, ends[0], scene.zone, start=ends[0]))
            asks = [whole.over(Stretch.at(end)).population() for end in ends]
            asked = Instants(asks)
            for _ in range(3):  # what was told before is told again
                wanted = wanted_of(rng, len(ends))
                found = asked.held(scene.test, wanted)
                assert found.tolist() == (expected & wanted).tolist(), (seed, ends, wanted)

    def test_states_are_those_of_the_ladder_over_all_time(self) -> None:
        for seed in range(SCENES):
            scene, rng = dense(seed), Random(~seed)
            ends = drawn_instants(scene, rng)
            view = view_of(scene)
            full = Evaluation(view, Context(scene.plan, (scene.base + 12) * DAY_MS, scene.zone))
            asked = rng.choices(ends, k=rng.randint(1, 2 * INSTANTS_COUNT_MAX))  # in any order, some twice
            for name in scene.plan.names:
                definition = scene.plan.find(name)
                tests, context = [rung.test for rung in definition.rungs], Context(scene.plan, asked[0], start=asked[0])
                found = states_at(view, context, definition.zone, tests, asked)
                assert len(found) == len(asked)
                for instant, codes in zip(asked, found, strict=True):
                    rung = full.ladder(name).values_at(instant)
                    states = np.where(rung < 0, len(tests), rung)
                    states = np.where(view.first_seen() <= instant, states, len(tests) + 1)
                    assert codes.tolist() == states.tolist(), (seed, name, instant)


def standing_test(rng: Random) -> nodes.Test:
    """A test of what stands, with and without what it stands with."""
    channel, purpose = rng.choice(("sms", "email")), rng.choice(("", "promotion", "service"))
    return rng.choice(
        (
            nodes.Related("friend", rng.choice(("", "", "p"))),
            nodes.HasTag(rng.choice(("t", "u")), rng.choice(("", "g", "h"))),
            nodes.Consent(channel, purpose),
            nodes.Reachable(channel),
        )
    )


def standing_facts(rng: Random) -> list[Fact]:
    """What begins and ends such, of few values at few instants: ties and coincidences are the rule."""
    found = []
    for tie in range(rng.randint(0, 14)):
        wanted = {
            "follow": {"object": rng.choice("pq")}, "unfollow": {"object": rng.choice("pq")},
            "tag_added": _some(rng, tag="tu", group="gh"), "tag_removed": _some(rng, tag="tu", group="gh"),
            "consent_given": _consent(rng), "consent_withdrawn": _consent(rng),
        }  # fmt: skip
        name = rng.choice(list(wanted))
        found.append(Fact(rng.randrange(2), name, rng.randint(1, 9) * HOUR_MS, tie, wanted[name]))
    return found


def _some(rng: Random, **values: str) -> dict[str, str]:
    """Some of the properties, each one of some letters."""
    return {name: rng.choice(letters) for name, letters in values.items() if rng.random() < 0.8}


def _consent(rng: Random) -> dict[str, str]:
    asked = {"medium": rng.choice(("sms", "email")), "purpose": rng.choice(("promotion", "service"))}
    return {name: value for name, value in asked.items() if rng.random() < 0.8}


@pytest.mark.usefixtures("anyhow")
class TestStanding:
    def test_it_is_the_function_over_all_time_at_each_instant(self) -> None:
        told: dict[type, set[int]] = {}
        for seed in range(3 * SCENES):
            rng = Random(seed)
            view = MemoryView(VOCABULARY, 2, standing_facts(rng), identities=OWNED)
            ends = sorted({rng.randint(0, 10) * HOUR_MS for _ in range(rng.randint(1, INSTANTS_COUNT_MAX))})
            test, plan = standing_test(rng), Plan()
            full = Evaluation(view, Context(plan, DAY_MS)).truth(test)
            whole = Evaluation(view, Context(plan, ends[0], start=ends[0]))
            every = np.full(2, (1 << len(ends)) - 1, np.uint8)
            found = Instants([whole.over(Stretch.at(end)).population() for end in ends]).held(test, every)
            for place, end in enumerate(ends):
                expected = full.values_at(end).tolist()
                assert ((found >> place) & 1).tolist() == expected, (seed, test, end)
                assert whole.over(Stretch.at(end)).truth(test).value.tolist() == expected, (seed, test, end)
                told.setdefault(type(test), set()).update(expected)
        assert told == {one: {0, 1} for one in (nodes.Related, nodes.HasTag, nodes.Consent, nodes.Reachable)}


@pytest.mark.usefixtures("anyhow")
class TestNumbers:
    @pytest.mark.parametrize("least", [1, 2, 3, 5, 255, 256, 300])
    @pytest.mark.parametrize("filtered", [True, False])
    def test_events_of_several_types_count_together(self, least: int, filtered: bool) -> None:
        rng = Random(least)
        facts = [
            Fact(rng.randrange(2), rng.choice("ab"), rng.randint(0, 20) * HOUR_MS, tie, {"i": rng.choice((0, 1, 1))})
            for tie in range(8 * least)
        ]
        is_one = nodes.Compare(nodes.Property("i"), nodes.Op.EQ, nodes.Number("1"))
        events = nodes.Events(types=("a", "b"), where=is_one if filtered else None)
        counted = nodes.Count(events, nodes.Rolling(9 * HOUR_MS))
        ends, told = [hour * HOUR_MS for hour in (2, 5, 6, 11, 20, 27)], set()
        for op, meets in ((nodes.Op.GE, int.__ge__), (nodes.Op.LT, int.__lt__)):
            test = nodes.Compare(counted, op, nodes.Number(str(least)))
            view = MemoryView(VOCABULARY, 2, facts, identities=OWNED)
            whole = Evaluation(view, Context(Plan(), ends[0], start=ends[0]))
            every = np.full(2, (1 << len(ends)) - 1, np.uint8)
            found = Instants([whole.over(Stretch.at(end)).population() for end in ends]).held(test, every)
            for customer in range(2):
                mine = [one.at for one in facts if one.customer == customer and (one.props["i"] or not filtered)]
                for place, end in enumerate(ends):
                    expected = meets(sum(end - 9 * HOUR_MS < at <= end for at in mine), least)
                    assert (found[customer] >> place) & 1 == expected, (customer, end, op)
                    told.add(expected)
        assert told == {False, True}


def obvious(
    lows: Ints, highs: Ints, at: Ints, flags: list[bool], after: Ints, until: Ints, count: int, open_: Bits
) -> list[int]:  # fmt: skip
    """What stays open, told from the definition."""
    left = []
    for low, high, asked in zip(lows.tolist(), highs.tolist(), open_.tolist(), strict=True):
        bits = asked
        for k in range(len(until)):
            rows = [row for row in range(low, high) if not flags or flags[row]]
            if sum(bool(after[k] < at[row] <= until[k]) for row in rows) >= count:
                bits &= ~(1 << k)
        left.append(bits)
    return left


class TestSettle:
    def test_it_clears_what_looking_at_every_row_finds(self) -> None:
        cleared = 0
        for seed in range(SCENES):
            rng = Random(seed)
            customers = rng.choice((0, 1, 5, 127, 128, 129, 300))
            lists = [sorted(rng.choices(range(40), k=rng.choice((0, 1, 2, 9)))) for _ in range(customers)]
            offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
            at = np.array([instant for one in lists for instant in one], np.int64)
            flags = [rng.random() < 0.5 for _ in at] if rng.random() < 0.5 else []
            until = np.sort(np.array(rng.choices(range(-2, 42), k=rng.randint(1, INSTANTS_COUNT_MAX)), np.int64))
            width = rng.choice((0, 3, 10, 50, -BEGINNING))
            after = np.full(len(until), BEGINNING) if width == -BEGINNING else until - width
            open_ = np.array([rng.randrange(1 << len(until)) for _ in lists], np.uint8)
            count = rng.choice((1, 1, 2, 4))
            lows, highs = offsets[:-1].copy(), offsets[1:].copy()
            for i in range(len(lists)):  # some of the rows of some: customers needn't lie side by side
                lows[i] += rng.choice((0, 0, 1)) if highs[i] > lows[i] else 0
            expected = obvious(lows, highs, at, flags, after, until, count, open_)
            before = open_.copy()
            settle(lows, highs, at, np.array(flags, np.bool_), after, until, count, open_)
            assert open_.tolist() == expected, seed
            cleared += int((open_ != before).sum())
        assert cleared > SCENES

    def test_several_types_are_counted_together(self) -> None:
        cleared = 0
        for seed in range(SCENES):
            rng = Random(seed)
            customers, points, count = rng.choice((0, 1, 5, 130)), rng.randint(1, INSTANTS_COUNT_MAX), rng.randint(1, 5)
            until = np.sort(np.array(rng.choices(range(-2, 42), k=points), np.int64))
            after = until - rng.choice((0, 3, 10, 50))
            open_ = np.array([rng.randrange(1 << points) for _ in range(customers)], np.uint8)
            before, left = open_.copy(), np.full(points * customers, count, np.uint8)
            inside = np.zeros((points, customers), np.int64)
            for _ in range(rng.randint(1, 3)):
                lists = [sorted(rng.choices(range(40), k=rng.choice((0, 1, 4)))) for _ in range(customers)]
                offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
                at = np.array([instant for one in lists for instant in one], np.int64)
                flags = np.array([rng.random() < 0.5 for _ in at] if rng.random() < 0.5 else [], np.bool_)
                tally(offsets[:-1], offsets[1:], at, flags, after, until, left, open_)
                for i in range(customers):
                    for row in range(int(offsets[i]), int(offsets[i + 1])):
                        inside[:, i] += (not len(flags) or flags[row]) & (after < at[row]) & (at[row] <= until)
            met = sum(
                (np.asarray(inside[k] >= count).astype(np.uint8) << np.uint8(k) for k in range(points)), before * 0
            )
            assert open_.tolist() == (before & ~met).tolist(), seed
            cleared += int((open_ != before).sum())
        assert cleared > SCENES

    def test_nobody_and_nothing(self) -> None:
        none, until = np.empty(0, np.int64), np.array([NEVER], np.int64)
        open_ = np.ones(3, np.uint8)
        rowless = np.zeros(3, np.int64)
        settle(rowless, rowless, none, np.empty(0, np.bool_), until - 1, until, 1, open_)
        assert open_.tolist() == [1, 1, 1]
        settle(none, none, none, np.empty(0, np.bool_), until - 1, until, 1, np.empty(0, np.uint8))


def test_definitions_are_asked_in_their_own_zone() -> None:
    """A ladder's zone is the definition's, and the pool's where it names none."""
    zones = {definition.zone for seed in range(40) for definition in _definitions(dense(seed))}
    assert len(zones) > 1  # else the test of states above says nothing about zones


def _definitions(scene: Scene) -> list[Definition]:
    return [scene.plan.find(name) for name in scene.plan.names]
