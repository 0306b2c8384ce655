"""Where customers stand in a ladder, and who moved from where to where.

A *state* is the place of a ladder's value; after the last one come `none` (no value) and `absent` (no event yet).
Between two instants both points of each customer are evaluated together; over many periods the step functions of the
span are walked once (`kernels/flow.py`). Either way a move is between the state at the begin and the state at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from yutang.conditions.nodes import Test
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.evaluation.instants import rungs
from yutang.timeline.kernels import flow as kernels
from yutang.timeline.kernels.instants import INSTANTS_COUNT_MAX
from yutang.timeline.questions.periods import Periods
from yutang.timeline.steps import Ints, Steps, Stretch
from yutang.timeline.view import View

Codes = npt.NDArray[np.int8]  # a ladder has at most 100 values


@dataclass(frozen=True, slots=True)
class Tables:
    """Figures of periods, as counts of customers. before: int64[periods, groups, states], at the begin of each.

    moved: int64[periods, groups, states, states], from × to, who stayed too.
    """

    before: Ints
    moved: Ints

    @property
    def after(self) -> Ints:
        """int64[periods, groups, states]: at the end of each period."""
        found: Ints = self.moved.sum(axis=2)
        return found

    @property
    def of_all(self) -> Tables:
        """With all groups as one."""
        return Tables(self.before.sum(axis=1, keepdims=True), self.moved.sum(axis=1, keepdims=True))


def states_at(view: View, context: Context, zone: str, tests: Sequence[Test], instants: Sequence[int]) -> list[Codes]:
    """The states of each customer of a view in a ladder of tests at some instants. zone: "" for the context's."""
    whole = Evaluation(view, context)
    found: dict[int, Codes] = {}
    first, none, absent = view.first_seen(), np.int8(len(tests) + 1), np.int8(1)
    ordered = sorted(set(instants))
    for begin in range(0, len(ordered), INSTANTS_COUNT_MAX):
        several = ordered[begin : begin + INSTANTS_COUNT_MAX]
        asks = [whole.over(Stretch.at(instant)).population(zone) for instant in several]
        for instant, codes in zip(several, rungs(asks, tests), strict=True):
            # -1 becomes the state after the last value, or the one after that: who is absent has no value.
            found[instant] = codes + (codes < 0) * none + (first > instant) * absent
    return [found[instant] for instant in instants]


def bounds_of(periods: Periods) -> Ints:
    """int64[count + 1]: the instants between which moves are looked at: just before `since`, the last ones of the
    periods, and `until`. So what happens at a period's first instant is among its moves."""
    return np.concatenate([[periods.since_ms - 1], periods.begins[1:-1] - 1, [periods.until_ms]])


def between(before: Codes, after: Codes, groups: Ints, groups_count: int, values: int) -> Tables:
    """The figures of one period by the states at its ends. groups: of each customer, below 0: not counted."""
    states = values + 2
    mine = groups >= 0
    key = (groups[mine] * states + before[mine]) * states + after[mine]
    moved = np.bincount(key, minlength=groups_count * states * states).reshape(1, groups_count, states, states)
    return Tables(moved.sum(axis=3), moved)


def over(
    view: View, ladder: Steps, groups: Ints, bounds: Ints, groups_count: int, values: int
) -> tuple[Ints, Ints]:  # fmt: skip
    """(stock before the first period, moves) of a view's customers, flat, to be added up; see `kernels.flow`.

    groups: of each of them, below 0: not counted.
    """
    return kernels.moves(
        ladder.offsets, ladder.at, ladder.value, view.first_seen(), groups, bounds, values + 2, groups_count
    )


def joined(parts: Sequence[tuple[Ints, Ints]], periods: int, groups_count: int, values: int) -> Tables:
    """The figures of many periods out of what `over` found of the parts."""
    states = values + 2
    stock = sum((one for one, _ in parts), np.zeros(groups_count * states, np.int64)).reshape(groups_count, states)
    moved = sum((one for _, one in parts), np.zeros(periods * groups_count * states * states, np.int64))
    moved = moved.reshape(periods, groups_count, states, states)
    changed = moved.sum(axis=2) - moved.sum(axis=3)  # came less went
    after = stock + np.cumsum(changed, axis=0)
    before = np.concatenate([stock[None], after[:-1]])
    places = np.arange(states)
    moved[:, :, places, places] = before - moved.sum(axis=3)
    return Tables(before, moved)


MOVES = ("came", "rose", "stayed", "fell", "left")
_CAME, _ROSE, _STAYED, _FELL, _LEFT = range(len(MOVES))


def directions(ranks: Ints) -> Ints:
    """int64[states, states]: which of MOVES it is to go from a state to another, -1 for who is absent in the end.

    ranks: int64[values], of each value, 0 the highest. Who is absent comes, whoever goes to none leaves, and from none
    every value is a rise.
    """
    values = len(ranks)
    height = np.append(-ranks, -values - 1)
    found = np.full((values + 2, values + 2), -1, np.int64)
    found[:-1, :-1] = np.select(
        [height[None] > height[:, None], height[None] < height[:, None]], [_ROSE, _FELL], _STAYED
    )
    found[:-2, values] = _LEFT
    found[-1, :-1] = _CAME
    return found
