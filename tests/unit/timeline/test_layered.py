"""Columns that change here and there, against plain arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yutang.timeline import layered
from yutang.timeline.layered import Layered

FILLERS = (-1, 7)


def blank(rows: int) -> tuple[np.ndarray, ...]:
    return np.full((3, rows), -1, np.int16), np.full((1, rows), 7, np.int64)


@given(
    start=st.integers(0, 40),
    steps=st.lists(
        st.tuples(st.integers(0, 30), st.sets(st.integers(0, 80), max_size=20), st.integers(0, 99)), max_size=25
    ),
    fold_min=st.sampled_from((0, 5, 1_000)),
)
def test_any_changes_equal_those_of_plain_arrays(
    start: int, steps: list[tuple[int, set[int], int]], fold_min: int
) -> None:
    before = layered.FOLD_ROWS_COUNT_MIN
    layered.FOLD_ROWS_COUNT_MIN = fold_min
    try:
        table, plain = Layered.of(blank(start), FILLERS), blank(start)
        published = []
        for more, wanted, value in steps:
            length = table.length + more
            table = table.grown(length)
            plain = tuple(
                np.concatenate((old, np.full((old.shape[0], more), filler, old.dtype)), axis=1)
                for old, filler in zip(plain, FILLERS, strict=True)
            )
            rows = np.array(sorted(row for row in wanted if row < length), np.int64)
            entries = tuple(
                np.arange(block.shape[0] * len(rows), dtype=block.dtype).reshape(block.shape[0], -1) + value
                for block in plain
            )
            table = table.changed(rows, entries)
            plain = tuple(block.copy() for block in plain)
            for block, entry in zip(plain, entries, strict=True):
                block[:, rows] = entry
            published.append((table, plain))
        for table, plain in published:  # what was published stays as it was
            for block, expected in zip(table.whole(), plain, strict=True):
                assert block.tolist() == expected.tolist()
            some = np.array([table.length + 3, 5, 0, 5, 17], np.int64)
            for block, expected, filler in zip(table.take(some), plain, FILLERS, strict=True):
                wide = np.concatenate((expected, np.full((expected.shape[0], 90), filler, expected.dtype)), axis=1)
                assert block.tolist() == wide[:, some].tolist()
    finally:
        layered.FOLD_ROWS_COUNT_MIN = before


def test_a_change_shares_its_base_and_layers_stay_few() -> None:
    table = Layered.of(blank(1_000_000), FILLERS)
    base = table.base
    for step in range(100):
        rows = np.arange(step, 1_000_000, 10_000)
        table = table.changed(rows, (np.zeros((3, 100), np.int16), np.zeros((1, 100), np.int64)))
        assert table.base is base
        assert len(table.layers) <= 8
    assert sum(len(layer.rows) for layer in table.layers) == 10_000


def test_layers_are_folded_when_they_hold_a_share() -> None:
    table = Layered.of(blank(80_000), FILLERS)
    for step in range(12):
        rows = np.arange(step, 80_000, 80)
        table = table.changed(rows, (np.full((3, 1_000), step, np.int16), np.full((1, 1_000), step, np.int64)))
    assert sum(len(layer.rows) for layer in table.layers) <= 10_000
    assert table.take(np.arange(12))[1][0].tolist() == list(range(12))
