"""What differs from what was known, against the functions' own look-ups."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels.standing import changes
from yutang.timeline.steps import Steps

function = st.tuples(st.integers(-1, 2), st.lists(st.integers(0, 40), unique=True, max_size=6), st.integers(-1, 2))


def steps_of(functions: list[tuple[int, list[int], int]]) -> Steps:
    at: list[int] = []
    offsets = [0]
    value: list[int] = []
    for first, instants, _ in functions:
        at += [BEGINNING, *sorted(instants)]
        value += [(first + place) % 4 - 1 for place in range(len(instants) + 1)]
        offsets.append(len(at))
    return Steps(np.array(offsets), np.array(at, np.int64), np.array(value, np.int64))


@given(functions=st.lists(function, max_size=40), first=st.integers(-1, 41), gap=st.integers(0, 30))
def test_changes_equal_look_ups(functions: list[tuple[int, list[int], int]], first: int, gap: int) -> None:
    steps, last = steps_of(functions), first + gap
    before = np.array([known for *_, known in functions], np.int64)
    who, was, now, when, code, until = changes(steps.offsets, steps.at, steps.value, before, first, last)
    expected = []
    for i in range(len(functions)):
        rows = range(steps.offsets[i], steps.offsets[i + 1])
        held = max(row for row in rows if steps.at[row] <= first)
        if steps.value[held] != before[i]:
            expected.append((i, before[i], steps.value[held], steps.at[held]))
        expected += [
            (i, steps.value[row - 1], steps.value[row], steps.at[row]) for row in rows if first < steps.at[row] <= last
        ]
    assert list(zip(who, was, now, when, strict=True)) == expected
    if functions:
        value, _, following = steps.look(last)
        assert code.tolist() == value.tolist()
        assert until.tolist() == following.tolist()


def test_many_changes_of_few_customers_find_room() -> None:
    at = np.append(BEGINNING, np.arange(1_000)).astype(np.int64)
    offsets, value = np.array([0, 1_001]), (np.arange(1_001) % 2).astype(np.int64)
    who, _, now, when, code, until = changes(offsets, at, value, np.array([7]), -1, 2_000)
    assert len(who) == 1_001 and when.tolist() == at.tolist() and now.tolist() == value.tolist()
    assert code.tolist() == [0] and until.tolist() == [NEVER]
