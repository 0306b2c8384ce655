"""Each kernel against the obvious loop, on random small inputs, and on none at all."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels import chains, folds, merges
from yutang.timeline.steps import UNKNOWN, Ints, Steps

NONE = np.empty(0, np.int64)
SEEDS = range(60)
INSTANTS = range(-1, 30)


def ints(values: list[int]) -> Ints:
    return np.array(values, np.int64)


def grouped(rng: Random, customers: int, rows: int, most: int = 20) -> tuple[Ints, list[list[int]]]:
    """(offsets, ascending instants of each customer)."""
    lists = [sorted(rng.randint(0, most) for _ in range(rng.randint(0, rows))) for _ in range(customers)]
    return ints([0, *np.cumsum([len(one) for one in lists]).tolist()]), lists


def flat(lists: list[list[int]]) -> Ints:
    return ints([value for one in lists for value in one])


def in_window(starts: list[int], ends: list[int], instant: int) -> list[int]:
    return [j for j in range(len(starts)) if starts[j] <= instant < ends[j]]


FOLDS = {
    folds.COUNT: len,
    folds.ANY: lambda found: int(bool(found)),
    folds.SUM: sum,
    folds.MAX: lambda found: max(found, default=UNKNOWN),
    folds.FIRST: lambda found: found[0] if found else UNKNOWN,
    folds.LAST: lambda found: found[-1] if found else UNKNOWN,
    folds.DISTINCT: lambda found: len(set(found)),
}


class TestFold:
    @pytest.mark.parametrize("mode", sorted(FOLDS))
    @pytest.mark.parametrize("seed", SEEDS)
    def test_agrees_with_a_loop(self, seed: int, mode: int) -> None:
        rng = Random(seed)
        offsets, starts = grouped(rng, 3, 8)
        widths = [sorted(rng.randint(0, 6) for _ in one) for one in starts]
        ends = [[s + w for s, w in zip(a, b, strict=True)] for a, b in zip(starts, widths, strict=True)]
        values = [[rng.randint(0, 3) for _ in one] for one in starts]
        steps = Steps.of(folds.fold(offsets, flat(starts), flat(ends), flat(values), mode, 4, BEGINNING, NEVER))
        for instant in INSTANTS:
            expected = [FOLDS[mode]([values[i][j] for j in in_window(starts[i], ends[i], instant)]) for i in range(3)]
            assert steps.values_at(instant).tolist() == expected
        assert_normal(steps)

    @pytest.mark.parametrize("mode", sorted(FOLDS))
    def test_nobody_and_nothing(self, mode: int) -> None:
        nobody = Steps.of(folds.fold(ints([0]), NONE, NONE, NONE, mode, 0, BEGINNING, NEVER))
        assert (len(nobody), nobody.at.tolist()) == (0, [])
        nothing = Steps.of(folds.fold(ints([0, 0, 0]), NONE, NONE, NONE, mode, 0, BEGINNING, NEVER))
        assert nothing.at.tolist() == [BEGINNING, BEGINNING]

    def test_beginning_and_never_are_no_changes(self) -> None:
        steps = Steps.of(
            folds.fold(ints([0, 1]), ints([BEGINNING]), ints([NEVER]), NONE, folds.ANY, 0, BEGINNING, NEVER)
        )
        assert (steps.at.tolist(), steps.value.tolist()) == ([BEGINNING], [1])


def assert_normal(steps: Steps) -> None:
    for i in range(len(steps)):
        rows = slice(int(steps.offsets[i]), int(steps.offsets[i + 1]))
        at, value = steps.at[rows].tolist(), steps.value[rows].tolist()
        assert at[0] == BEGINNING
        assert at == sorted(set(at))
        assert all(a != b for a, b in pairwise(value))


class TestUnion:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_agrees_with_a_loop_whatever_the_ends(self, seed: int) -> None:
        rng = Random(seed)
        offsets, starts = grouped(rng, 3, 8)
        ends = [[s + rng.randint(-1, 6) for s in one] for one in starts]
        steps = Steps.of(folds.union(offsets, flat(starts), flat(ends), BEGINNING, NEVER))
        for instant in INSTANTS:
            expected = [int(bool(in_window(starts[i], ends[i], instant))) for i in range(3)]
            assert steps.values_at(instant).tolist() == expected
        assert_normal(steps)

    def test_beginning_and_never_are_no_changes(self) -> None:
        steps = Steps.of(folds.union(ints([0, 2]), ints([BEGINNING, 5]), ints([NEVER, 7]), BEGINNING, NEVER))
        assert (steps.at.tolist(), steps.value.tolist()) == ([BEGINNING], [1])
        assert len(Steps.of(folds.union(ints([0]), NONE, NONE, BEGINNING, NEVER))) == 0


class TestLatest:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_worse_rank_doesnt_override_and_unset_gives_way(self, seed: int) -> None:
        rng = Random(seed)
        offsets, at = grouped(rng, 3, 8)
        values = [[rng.choice([UNKNOWN, 1, 2]) for _ in one] for one in at]
        ranks = [[rng.randint(0, 2) for _ in one] for one in at]
        steps = Steps.of(folds.latest(offsets, flat(at), flat(values), flat(ranks), BEGINNING, NEVER))
        assert_normal(steps)
        for instant in INSTANTS:
            for i in range(3):
                current, rank = UNKNOWN, 0
                for j, moment in enumerate(at[i]):
                    if moment <= instant and (current == UNKNOWN or ranks[i][j] <= rank):
                        current, rank = values[i][j], ranks[i][j]
                assert steps.values_at(instant)[i] == current

    def test_nobody(self) -> None:
        assert len(Steps.of(folds.latest(ints([0]), NONE, NONE, NONE, BEGINNING, NEVER))) == 0


def random_steps(rng: Random, customers: int) -> Steps:
    offsets, starts = grouped(rng, customers, 6)
    ends = [[s + 3 for s in one] for one in starts]
    return Steps.of(folds.fold(offsets, flat(starts), flat(ends), NONE, folds.COUNT, 0, BEGINNING, NEVER))


class TestCombine:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_least_greatest_and_total_at_every_instant(self, seed: int) -> None:
        rng = Random(seed)
        a, b = random_steps(rng, 3), random_steps(rng, 3)
        for mode, expected in ((merges.LEAST, np.minimum), (merges.GREATEST, np.maximum), (merges.TOTAL, np.add)):
            both = Steps.of(merges.combine(a.offsets, a.at, a.value, b.offsets, b.at, b.value, mode))
            assert_normal(both)
            for instant in INSTANTS:
                assert both.values_at(instant).tolist() == expected(a.values_at(instant), b.values_at(instant)).tolist()

    def test_nobody(self) -> None:
        assert len(Steps.of(merges.combine(ints([0]), NONE, NONE, ints([0]), NONE, NONE, merges.TOTAL))) == 0


class TestNormalise:
    def test_drops_rows_that_repeat_the_value_before_but_no_customers_first(self) -> None:
        at = ints([BEGINNING, 1, 2, BEGINNING, 3])
        steps = Steps.of(merges.normalise(ints([0, 3, 5]), at, ints([0, 0, 1, 1, 1])))
        assert steps.offsets.tolist() == [0, 2, 3]
        assert steps.at.tolist() == [BEGINNING, 2, BEGINNING]


class TestInterleave:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_orders_by_customer_instant_and_tie_and_puts_the_first_list_first(self, seed: int) -> None:
        rng = Random(seed)
        rows = []
        sides = []
        for side in (0, 1):
            offsets, at = grouped(rng, 3, 5, 4)
            keys = [sorted((t, rng.randint(0, 1)) for t in one) for one in at]
            rows += [(i, *key, side) for i, one in enumerate(keys) for key in one]
            tie = [[key[1] for key in one] for one in keys]
            sides += [offsets, flat([[key[0] for key in one] for one in keys]), flat(tie)]
        order = merges.interleave(*sides).tolist()
        assert [rows[place] for place in order] == sorted(rows)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_interleaved_gives_the_same_keys_of_the_rows_wanted(self, seed: int) -> None:
        rng = Random(seed)
        sides, keys = [], []
        for _ in (0, 1):
            offsets, at = grouped(rng, 3, 5, 4)
            tie = flat([sorted(rng.randint(0, 2) for _ in one) for one in at])
            lows = ints([rng.randint(low, high) for low, high in pairwise(offsets.tolist())])
            sides += [lows, offsets[1:], flat(at), tie]
            pairs = list(zip(flat(at).tolist(), tie.tolist(), strict=True))
            keys.append([pairs[low:high] for low, high in zip(lows.tolist(), offsets[1:].tolist(), strict=True)])
        offsets, at, tie = merges.interleaved(*sides)
        for i in range(3):
            mine = slice(int(offsets[i]), int(offsets[i + 1]))
            assert list(zip(at[mine].tolist(), tie[mine].tolist(), strict=True)) == sorted(keys[0][i] + keys[1][i])


class TestNextAfter:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_is_strictly_after_in_instant_and_tie(self, seed: int) -> None:
        rng = Random(seed)
        a = sorted((rng.randint(0, 5), rng.randint(0, 2)) for _ in range(5))
        b = sorted((rng.randint(0, 5), rng.randint(0, 2)) for _ in range(4))
        columns = [ints([0, 5]), ints([t for t, _ in a]), ints([k for _, k in a])]
        columns += [ints([0, 4]), ints([t for t, _ in b]), ints([k for _, k in b])]
        expected = [min((other[0] for other in b if other > one), default=NEVER) for one in a]
        assert chains.next_after(*columns).tolist() == expected


class TestChain:
    @pytest.mark.parametrize("seed", SEEDS)
    def test_keeps_the_latest_beginning_that_may_come_directly_before(self, seed: int) -> None:
        rng = Random(seed)
        before = sorted((rng.randint(0, 8), rng.randint(0, 2)) for _ in range(6))
        begun = [rng.choice([BEGINNING, rng.randint(0, t)]) for t, _ in before]
        here = sorted((rng.randint(0, 8), rng.randint(0, 2)) for _ in range(5))
        out = sorted((rng.randint(0, 8), rng.randint(0, 2)) for _ in range(rng.randint(0, 2)))
        within = rng.choice([0, 2, NEVER])
        columns = [ints([0, 6]), ints([t for t, _ in before]), ints([k for _, k in before]), ints(begun)]
        columns += [ints([0, 5]), ints([t for t, _ in here]), ints([k for _, k in here])]
        columns += [ints([0, len(out)]), ints([t for t, _ in out]), ints([k for _, k in out])]
        expected = []
        for one in here:
            fits = [
                begun[j] for j, p in enumerate(before)
                if p < one and one[0] - p[0] <= within and not any(p < x < one for x in out)
            ]  # fmt: skip
            expected.append(max(fits, default=BEGINNING))
        assert chains.chain(*columns, within).tolist() == expected  # type: ignore[call-arg]
