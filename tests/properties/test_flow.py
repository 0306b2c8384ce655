"""Moves over periods against looking at every customer at both ends of every period."""

from __future__ import annotations

import os
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels import flow as kernels
from yutang.timeline.questions.flow import MOVES, between, directions, joined
from yutang.timeline.steps import Steps

BUDGET = int(os.environ.get("YUTANG_TEST_BUDGET", "1"))
VALUES = 3
STATES = VALUES + 2
NONE, ABSENT = VALUES, VALUES + 1
INSTANTS = st.integers(0, 20)


@st.composite
def step_functions(draw: st.DrawFn) -> list[tuple[int, int]]:
    """(at, value) of one customer, in normal form; -1: none."""
    instants = sorted(draw(st.sets(INSTANTS, max_size=8)))
    rows = [(BEGINNING, draw(st.integers(-1, VALUES - 1)))]
    for at in instants:
        value = draw(st.integers(-1, VALUES - 1))
        if value != rows[-1][1]:
            rows.append((at, value))
    return rows


CUSTOMERS = st.lists(
    st.tuples(step_functions(), INSTANTS | st.just(NEVER), st.integers(-1, 1)), min_size=1, max_size=12
)
BOUNDS = st.lists(st.integers(-2, 22), min_size=2, max_size=7, unique=True).map(sorted)


def stands(rows: list[tuple[int, int]], first_seen: int, instant: int) -> int:
    """The state of a customer, told from the definition."""
    if first_seen > instant:
        return ABSENT
    value = [value for at, value in rows if at <= instant][-1]
    return NONE if value < 0 else value


def steps_of(all_rows: list[list[tuple[int, int]]]) -> Steps:
    offsets = np.cumsum([0, *(len(rows) for rows in all_rows)]).astype(np.int64)
    flat = [row for rows in all_rows for row in rows]
    return Steps(offsets, np.array([at for at, _ in flat], np.int64), np.array([value for _, value in flat], np.int64))


@settings(max_examples=300 * BUDGET)
@given(CUSTOMERS, BOUNDS)
def test_moves_are_those_between_the_ends_of_each_period(customers, bounds):
    steps = steps_of([rows for rows, _, _ in customers])
    first = np.array([seen for _, seen, _ in customers], np.int64)
    group = np.array([place for _, _, place in customers], np.int64)
    found = kernels.moves(steps.offsets, steps.at, steps.value, first, group, np.array(bounds, np.int64), STATES, 2)
    tables = joined([found, (np.zeros_like(found[0]), np.zeros_like(found[1]))], len(bounds) - 1, 2, VALUES)
    expected = np.zeros((len(bounds) - 1, 2, STATES, STATES), np.int64)
    for rows, seen, place in customers:
        for period, (begin, end) in enumerate(pairwise(bounds)):
            if place >= 0:
                expected[period, place, stands(rows, seen, begin), stands(rows, seen, end)] += 1
    assert (tables.moved == expected).all()
    assert (tables.before == expected.sum(axis=3)).all()
    assert (tables.after == expected.sum(axis=2)).all()
    assert (tables.of_all.moved[:, 0] == expected.sum(axis=1)).all()


@settings(max_examples=100 * BUDGET)
@given(CUSTOMERS, st.integers(-2, 22), st.integers(-2, 22))
def test_two_points_give_what_one_period_gives(customers, one, other):
    begin, end = sorted((one, other))
    first = np.array([seen for _, seen, _ in customers], np.int64)
    group = np.array([place for _, _, place in customers], np.int64)
    codes = [
        np.array([stands(rows, seen, instant) for rows, seen, _ in customers], np.int8) for instant in (begin, end)
    ]
    points = between(codes[0], codes[1], group, 2, VALUES)
    steps = steps_of([rows for rows, _, _ in customers])
    bounds = np.array([begin, end], np.int64)
    walked = kernels.moves(steps.offsets, steps.at, steps.value, first, group, bounds, STATES, 2)
    tables = joined([walked], 1, 2, VALUES)
    assert (points.moved == tables.moved).all()
    assert (points.before == tables.before).all()


@given(st.permutations(range(VALUES)))
def test_every_move_has_one_direction(order):
    which = directions(np.array(order, np.int64))
    for start in range(STATES):
        for end in range(STATES):
            if end == ABSENT:
                assert which[start, end] == -1
                continue
            if start == ABSENT:
                expected = "came"
            elif start == end:
                expected = "stayed"
            elif end == NONE:
                expected = "left"
            elif start == NONE:
                expected = "rose"
            else:
                expected = "rose" if order[end] < order[start] else "fell"
            assert MOVES[which[start, end]] == expected
