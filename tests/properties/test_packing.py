"""Packed columns come back as they were, whatever they hold; what was cut off or altered is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yutang.kernel.errors import DamagedError
from yutang.storage.packing import pack, unpack

LEAST, MOST = -(2**63), 2**63 - 1
NUMBERS = st.one_of(
    st.integers(LEAST, MOST), st.integers(-3, 300), st.integers(1_600_000_000_000, 1_600_000_100_000),
    st.sampled_from((LEAST, MOST, 0, -1, 255, 256)),
)  # fmt: skip


@st.composite
def columns(draw: st.DrawFn) -> list[list[int]]:
    rows = draw(st.integers(0, 40))
    found = [draw(st.lists(NUMBERS, min_size=rows, max_size=rows)) for _ in range(draw(st.integers(1, 4)))]
    return [sorted(one) if draw(st.booleans()) else one for one in found]


@given(columns())
def test_columns_come_back(given_columns: list[list[int]]) -> None:
    blob = pack([np.array(one, np.int64) for one in given_columns])
    assert [one.tolist() for one in unpack(blob)] == given_columns
    last = len(given_columns) - 1
    assert [one.tolist() for one in unpack(blob, [last])] == [given_columns[last]]


@given(columns(), st.data())
def test_what_is_cut_off_is_damaged(given_columns: list[list[int]], data: st.DataObject) -> None:
    blob = pack([np.array(one, np.int64) for one in given_columns])
    with pytest.raises(DamagedError):
        unpack(blob[: data.draw(st.integers(0, len(blob) - 1))])


def test_ordered_instants_and_one_value_take_a_few_bytes() -> None:
    dice = np.random.default_rng(4)
    at = np.sort(dice.integers(0, 86_400_000, 10_000)) + 1_700_000_000_000
    columns = [np.full(10_000, 3), dice.integers(0, 1_000_000, 10_000), np.zeros(10_000, np.int64), at]
    assert len(pack(columns)) / 10_000 < 5
