"""The index of a run by anchor, against a search."""

from __future__ import annotations

import numpy as np
import pytest

from yutang.timeline.kernels.gather import index_of, ranges_of, rows_between

SIZES = [(0, 1), (1, 1), (1, 64), (200, 3), (300, 65), (5_000, 700), (40, 1_000_000)]


@pytest.mark.parametrize(("rows", "span"), SIZES)
def test_ranges_are_those_of_a_search(rows: int, span: int) -> None:
    rng = np.random.default_rng(rows + span)
    mine = np.sort(rng.integers(0, span, rows))
    wanted = np.concatenate([np.arange(-2, min(span, 3_000) + 130), rng.integers(0, span, 50), mine[::3]])
    lows, highs = ranges_of(*index_of(mine), wanted)
    low, high = np.searchsorted(mine, wanted), np.searchsorted(mine, wanted, side="right")
    assert (highs - lows).tolist() == (high - low).tolist()
    there = high > low
    assert lows[there].tolist() == low[there].tolist()


def test_every_bit_of_a_word_counts() -> None:
    mine = np.repeat(np.arange(64), np.arange(1, 65))
    lows, highs = ranges_of(*index_of(mine), np.arange(64))
    assert (highs - lows).tolist() == list(range(1, 65))
    assert lows.tolist() == np.cumsum([0, *range(1, 64)]).tolist()


def test_rows_of_ranges_come_in_order_with_their_owners() -> None:
    lows, highs, owner = np.array([4, 0, 7]), np.array([6, 0, 10]), np.array([9, 5, 9])
    rows, owners = rows_between(lows, highs, owner)
    assert rows.tolist() == [4, 5, 7, 8, 9]
    assert owners.tolist() == [9, 9, 9, 9, 9]
