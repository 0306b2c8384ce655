"""The kernels over several types at once, each against the obvious loop over all their events."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from random import Random

import numpy as np
import pytest

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.evaluation.inside import Inside, any_followed, any_returned, covered_by_any
from yutang.timeline.evaluation.selection import Reach
from yutang.timeline.steps import Ints, Stretch
from yutang.timeline.view import Slice

SEEDS = range(150)
Row = tuple[int, int]  # (at, tie)


@dataclass(frozen=True)
class World:
    """Events of several types, some of them flagged, of a few customers, and an interval."""

    n: int
    parts: list[Inside]
    within: Reach
    rng: Random

    @classmethod
    def drawn(cls, seed: int) -> World:
        rng = Random(seed)
        n = rng.randint(0, 5)
        after = rng.choice((BEGINNING, rng.randint(-1, 41)))
        within = Reach(after, rng.choice((NEVER, rng.randint(max(after, -1), 42))))
        return cls(n, [_part(rng, n, within) for _ in range(rng.randint(1, 4))], within, rng)

    def rows(self, place: int, customer: int, *, reached: bool = True) -> list[Row]:
        """The flagged events of a type of a customer, those in the interval only, or all of them."""
        part = self.parts[place]
        rows = range(int(part.lows[customer]), int(part.highs[customer]))
        flagged = [row for row in rows if not len(part.flags) or part.flags[row]]
        found = [(int(part.rows.at[row]), int(part.rows.tie[row])) for row in flagged]
        return [row for row in found if not reached or self.within.after < row[0] <= self.within.until]

    def instants(self, customer: int, *, reached: bool = True) -> list[int]:
        """When there were events of any type, ascending."""
        every = [self.rows(place, customer, reached=reached) for place in range(len(self.parts))]
        return sorted(at for rows in every for at, _ in rows)


def _part(rng: Random, n: int, within: Reach) -> Inside:
    lists = [
        sorted((rng.randint(0, 40), rng.randint(0, 3)) for _ in range(rng.choice((0, 0, 1, 3, 12)))) for _ in range(n)
    ]
    offsets = ints([0, *np.cumsum([len(one) for one in lists], dtype=np.int64).tolist()])
    rows = [row for one in lists for row in one]
    at, tie = ints([at for at, _ in rows]), ints([tie for _, tie in rows])
    flags = np.array([rng.random() < 0.6 for _ in rows] if rng.random() < 0.5 else [], np.bool_)
    return Inside(Slice(offsets, at, tie, {}), offsets[:-1], offsets[1:], flags, within)


def ints(values: list[int]) -> Ints:
    return np.array(values, np.int64)


@pytest.fixture(params=SEEDS)
def world(request: pytest.FixtureRequest) -> World:
    return World.drawn(request.param)


class TestCovered:
    @pytest.mark.parametrize("width", [1, 7, NEVER])
    def test_agrees_with_the_union_of_the_intervals_at_every_instant(self, world: World, width: int) -> None:
        since = world.rng.choice((BEGINNING, world.rng.randint(-1, 45)))
        till = NEVER if since == BEGINNING else since + world.rng.randint(0, 20)
        steps = covered_by_any(world.parts, world.n, width, world.within, Stretch(since, till))
        for instant in range(max(since, -1), min(till, 60) + 1):
            expected = [
                int(any(start <= instant < start + width for start in world.instants(customer)))
                for customer in range(world.n)
            ]
            assert steps.values_at(instant).tolist() == expected
        for customer in range(world.n):
            mine = slice(int(steps.offsets[customer]), int(steps.offsets[customer + 1]))
            at, value = steps.at[mine].tolist(), steps.value[mine].tolist()
            assert at[0] == BEGINNING
            assert all(since < instant <= till for instant in at[1:])
            assert all(a < b for a, b in pairwise(at))
            assert all(a != b for a, b in pairwise(value))


class TestReturned:
    @pytest.mark.parametrize("gap", [1, 3, 15, 2**62])
    def test_agrees_with_a_look_at_every_pair(self, world: World, gap: int) -> None:
        found = any_returned(world.parts, world.n, gap, world.within)
        for customer in range(world.n):
            every = world.instants(customer, reached=False)
            came = [b for a, b in pairwise(every) if b - a >= gap]
            assert found[customer] == any(world.within.after < at <= world.within.until for at in came)


class TestFollowed:
    @pytest.mark.parametrize("total", [0, 2, 9, NEVER])
    def test_agrees_with_trying_all_choices(self, world: World, total: int) -> None:
        found = any_followed(world.parts[:3], world.n, total, world.within)
        for customer in range(world.n):
            steps = [world.rows(place, customer) for place in range(len(world.parts[:3]))]
            expected = any(
                all(a < b for a, b in pairwise(chosen)) and chosen[-1][0] - chosen[0][0] <= total
                for chosen in product(*steps)
            )
            assert found[customer] == expected

    def test_one_type_may_be_two_steps(self) -> None:
        rows = Slice(ints([0, 1, 3]), ints([5, 5, 6]), ints([1, 1, 1]), {})
        part = Inside(rows, rows.offsets[:-1], rows.offsets[1:], np.empty(0, np.bool_), Reach())
        assert any_followed([part, part], 2, NEVER, Reach()).tolist() == [False, True]
