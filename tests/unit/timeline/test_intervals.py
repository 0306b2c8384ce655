"""The kernels over one interval of time, each against the obvious loop, and on nobody and nothing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np
import pytest

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels import intervals
from yutang.timeline.steps import UNKNOWN, Flags, Ints, Steps

SEEDS = range(120)
NO_FLAGS: Flags = np.empty(0, np.bool_)
NONE: Ints = np.empty(0, np.int64)


@dataclass(frozen=True)
class Rows:
    """Random rows of some customers, and an interval."""

    offsets: Ints
    at: Ints
    flags: Flags
    values: Ints
    after: int
    until: int

    @classmethod
    def drawn(cls, seed: int) -> Rows:
        rng = Random(seed)
        lists = [sorted(rng.randint(0, 40) for _ in range(rng.choice((0, 1, 3, 30)))) for _ in range(rng.randint(0, 5))]
        at = [instant for one in lists for instant in one]
        after = rng.choice((BEGINNING, rng.randint(-1, 41)))
        until = rng.choice((NEVER, rng.randint(max(after, -1), 42)))
        values = [rng.choice((UNKNOWN, -2, 0, 1, 5, 2**40)) for _ in at]
        flags = [rng.random() < 0.5 for _ in at] if rng.random() < 0.5 else []
        offsets = [0, *np.cumsum([len(one) for one in lists], dtype=np.int64).tolist()]
        return cls(ints(offsets), ints(at), np.array(flags, np.bool_), ints(values), after, until)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lows(self) -> Ints:
        return self.offsets[:-1]

    @property
    def highs(self) -> Ints:
        return self.offsets[1:]

    def inside(self, customer: int, *, flagged: bool = True) -> list[int]:
        """The rows of a customer that lie in the interval."""
        rows = range(int(self.offsets[customer]), int(self.offsets[customer + 1]))
        marked = [row for row in rows if not flagged or not len(self.flags) or self.flags[row]]
        return [row for row in marked if self.after < self.at[row] <= self.until]

    def known(self, customer: int) -> list[int]:
        """The known values of them."""
        found = [int(self.values[row]) for row in self.inside(customer)]
        return [value for value in found if value != UNKNOWN]


def ints(values: list[int]) -> Ints:
    return np.array(values, np.int64)


@pytest.fixture(params=SEEDS)
def rows(request: pytest.FixtureRequest) -> Rows:
    return Rows.drawn(request.param)


FOLDS = {
    intervals.COUNT: len,
    intervals.SUM: sum,
    intervals.LEAST: lambda found: min(found, default=UNKNOWN),
    intervals.GREATEST: lambda found: max(found, default=UNKNOWN),
}


class TestBetween:
    def test_finds_the_rows_in_the_interval(self, rows: Rows) -> None:
        lows, highs = intervals.between(rows.lows, rows.highs, rows.at, rows.after, rows.until)
        for customer in range(len(rows)):
            expected = rows.inside(customer, flagged=False)
            assert list(range(int(lows[customer]), int(highs[customer]))) == expected

    def test_rows_of_lists_them(self, rows: Rows) -> None:
        lows, highs = intervals.between(rows.lows, rows.highs, rows.at, rows.after, rows.until)
        offsets, found = intervals.rows_of(lows, highs)
        for customer in range(len(rows)):
            mine = found[offsets[customer] : offsets[customer + 1]].tolist()
            assert mine == rows.inside(customer, flagged=False)


class TestAtLeast:
    @pytest.mark.parametrize("count", [1, 2, 7])
    def test_agrees_with_counting(self, rows: Rows, count: int) -> None:
        found = intervals.at_least(rows.lows, rows.highs, rows.at, count, rows.after, rows.until)
        expected = [len(rows.inside(i, flagged=False)) >= count for i in range(len(rows))]
        assert found.tolist() == expected

    def test_of_several_is_each_alone(self, rows: Rows) -> None:
        rng = Random(len(rows.at))
        asked = [(rng.randint(1, 4), rows.after, rows.until) for _ in range(2)]
        asked += [(1, BEGINNING, NEVER), (2, BEGINNING, 20), (1, 10, 30), (3, 5, 41)]
        asked.sort(key=lambda one: -one[2])
        columns = (ints(list(column)) for column in zip(*asked, strict=True))
        found = intervals.several_at_least(rows.lows, rows.highs, rows.at, *columns).reshape(len(asked), -1)
        for mine, (count, after, until) in zip(found, asked, strict=True):
            alone = intervals.at_least(rows.lows, rows.highs, rows.at, count, after, until)
            assert mine.tolist() == alone.tolist()


class TestFolded:
    @pytest.mark.parametrize("mode", sorted(FOLDS))
    def test_agrees_with_a_loop(self, rows: Rows, mode: int) -> None:
        columns = (rows.lows, rows.highs, rows.at, rows.flags, rows.values)
        found = intervals.folded(*columns, mode, rows.after, rows.until)
        assert found.tolist() == [FOLDS[mode](rows.known(i)) for i in range(len(rows))]

    def test_without_values_every_row_counts(self, rows: Rows) -> None:
        found = intervals.folded(
            rows.lows, rows.highs, rows.at, rows.flags, NONE, intervals.COUNT, rows.after, rows.until
        )  # fmt: skip
        assert found.tolist() == [len(rows.inside(i)) for i in range(len(rows))]

    @pytest.mark.parametrize(("mode", "place"), [(intervals.FIRST, 0), (intervals.LAST, -1)])
    def test_first_and_last_are_rows(self, rows: Rows, mode: int, place: int) -> None:
        found = intervals.folded(rows.lows, rows.highs, rows.at, rows.flags, NONE, mode, rows.after, rows.until)
        expected = [[-1, *rows.inside(i)] if place else [*rows.inside(i), -1] for i in range(len(rows))]
        assert found.tolist() == [some[place] for some in expected]

    def test_totals_are_sums(self, rows: Rows) -> None:
        found = intervals.totals(rows.lows, rows.highs, rows.at, rows.flags, rows.values, rows.after, rows.until)
        assert found.tolist() == [sum(rows.known(i)) for i in range(len(rows))]

    def test_distinct_counts_different_known_values(self, rows: Rows) -> None:
        found = intervals.distinct(rows.lows, rows.highs, rows.at, rows.flags, rows.values, rows.after, rows.until)
        assert found.tolist() == [len(set(rows.known(i))) for i in range(len(rows))]

    @pytest.mark.parametrize("count", [1, 2, 3, 5])
    def test_so_many_different_values(self, rows: Rows, count: int) -> None:
        columns = (rows.lows, rows.highs, rows.at, rows.flags, rows.values)
        found = intervals.distinct_at_least(*columns, count, rows.after, rows.until)
        assert found.tolist() == [len(set(rows.known(i))) >= count for i in range(len(rows))]


class TestRangesAt:
    def test_are_those_of_the_places(self, rows: Rows) -> None:
        places = ints([i for i in range(len(rows)) if i % 2 == 0])
        lows, highs = intervals.ranges_at(rows.offsets, places)
        assert lows.tolist() == rows.lows[places].tolist()
        assert highs.tolist() == rows.highs[places].tolist()


class TestCovered:
    @pytest.mark.parametrize("width", [0, 1, 7, NEVER])
    def test_agrees_with_the_union_of_the_intervals_at_every_instant(self, rows: Rows, width: int) -> None:
        rng = Random(width)
        since = rng.choice((BEGINNING, rng.randint(-1, 45)))
        till = NEVER if since == BEGINNING else since + rng.randint(0, 20)
        columns = (rows.lows, rows.highs, rows.at, rows.flags, width, rows.after, rows.until)
        steps = Steps.of(intervals.covered(*columns, since, till))
        for instant in range(max(since, -1), min(till, 60) + 1):
            expected = []
            for customer in range(len(rows)):
                starts = [int(rows.at[row]) for row in rows.inside(customer)]
                expected.append(int(any(start <= instant < start + width for start in starts)))
            assert steps.values_at(instant).tolist() == expected
        for customer in range(len(rows)):
            mine = slice(int(steps.offsets[customer]), int(steps.offsets[customer + 1]))
            at, value = steps.at[mine].tolist(), steps.value[mine].tolist()
            assert at[0] == BEGINNING
            assert all(since < instant <= till for instant in at[1:])
            assert all(a != b for a, b in pairwise(value))


class TestEnds:
    @pytest.mark.parametrize(("last", "place"), [(0, 0), (1, -1)])
    def test_the_first_and_last_instant_so_far(self, rows: Rows, last: int, place: int) -> None:
        found = intervals.ends(rows.lows, rows.highs, rows.at, last, rows.until)
        for customer in range(len(rows)):
            mine = rows.at[rows.offsets[customer] : rows.offsets[customer + 1]].tolist()
            held = [instant for instant in mine if instant <= rows.until]
            assert found[customer] == (held[place] if held else UNKNOWN)


class TestPartsMet:
    def test_a_bit_for_each_part_with_a_row(self, rows: Rows) -> None:
        begins = ints(sorted({Random(len(rows.at)).randint(0, 41) for _ in range(6)} | {0, 50}))
        found = intervals.parts_met(rows.lows, rows.highs, rows.at, rows.flags, begins)
        for customer in range(len(rows)):
            mine = range(int(rows.offsets[customer]), int(rows.offsets[customer + 1]))
            met = {
                int(np.searchsorted(begins, rows.at[row], side="right")) - 1
                for row in mine
                if not len(rows.flags) or rows.flags[row]
            }
            assert found[customer] == sum(1 << part for part in met)

    def test_rows_outside_of_all_parts_count_for_none(self) -> None:
        found = intervals.parts_met(ints([0]), ints([3]), ints([1, 5, 9]), NO_FLAGS, ints([2, 4, 6]))
        assert found.tolist() == [0b10]


class TestLatest:
    def test_the_last_row_with_the_key(self, rows: Rows) -> None:
        found = intervals.latest(rows.lows, rows.highs, rows.at, rows.values, 1, rows.until)
        for customer in range(len(rows)):
            mine = range(int(rows.offsets[customer]), int(rows.offsets[customer + 1]))
            held = [row for row in mine if rows.values[row] == 1 and rows.at[row] <= rows.until]
            assert found[customer] == (held[-1] if held else -1)
