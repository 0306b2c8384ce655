"""The kernels that find, gather and place rows, against the obvious."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yutang.timeline.arranging import arranged_blocks
from yutang.timeline.columns import Words, column_from_strings
from yutang.timeline.evaluation.literals import word_flags
from yutang.timeline.kernels.gather import flags_of, index_of, place_rows, ranges_of, rows_between

SMALL = st.integers(0, 200)


@given(st.lists(SMALL), st.lists(st.integers(-3, 400)))
def test_an_index_finds_the_rows_of_each_anchor(column: list[int], asked: list[int]) -> None:
    mine = np.array(sorted(column), np.int64)
    low, high = ranges_of(*index_of(mine), np.array(asked, np.int64))
    for anchor, first, last in zip(asked, low.tolist(), high.tolist(), strict=True):
        rows = [row for row, one in enumerate(mine.tolist()) if one == anchor]
        assert list(range(first, last)) == rows


@given(st.lists(st.tuples(SMALL, st.integers(0, 5), SMALL)))
def test_ranges_are_laid_one_after_the_other(ranges: list[tuple[int, int, int]]) -> None:
    lows, lengths, owner = (np.array([one[i] for one in ranges], np.int64) for i in range(3))
    rows, owners = rows_between(lows, lows + lengths, owner)
    expected = [(low + i, whose) for low, length, whose in ranges for i in range(length)]
    assert list(zip(rows.tolist(), owners.tolist(), strict=True)) == expected


@given(st.lists(st.lists(SMALL, max_size=6), min_size=1, max_size=4), st.data())
def test_rows_are_placed_where_their_sources_say(runs: list[list[int]], data: st.DataObject) -> None:
    whole = [value for run in runs for value in run]
    sources = np.array(data.draw(st.permutations(range(len(whole)))), np.int64)
    blocks = [*arranged_blocks([np.array(run, np.int64) for run in runs], sources)]
    assert [value for block in blocks for value in block.tolist()] == [whole[source] for source in sources.tolist()]


@given(st.lists(SMALL), st.integers(0, 50), st.lists(st.integers(0, 300)))
def test_rows_of_other_runs_are_left_alone(values: list[int], first: int, sources: list[int]) -> None:
    out = np.full(len(sources), -1, np.int64)
    place_rows(np.array(values, np.int64), np.array(sources, np.int64), first, out)
    here = [values[row - first] if 0 <= row - first < len(values) else -1 for row in sources]
    assert out.tolist() == here


@given(st.lists(st.booleans(), min_size=1), st.data())
def test_a_table_tells_the_word_of_each_row(table: list[bool], data: st.DataObject) -> None:
    codes = data.draw(st.lists(st.integers(-2, len(table) - 1)))
    found = flags_of(np.array(table, np.bool_), np.array(codes, np.int64))
    assert found.tolist() == [code >= 0 and table[code] for code in codes]


@given(st.lists(st.none() | st.sampled_from(["a", "ab", "b", "é", ""])), st.sampled_from(["a", "b", "", "\ud800"]))
def test_words_are_tried_once_for_all_who_share_them(texts: list[str | None], text: str) -> None:
    column = column_from_strings(texts)
    tried: list[str] = []

    def test(word: str) -> bool:
        tried.append(word)
        return word >= text

    expected = [word is not None and word >= text for word in texts]
    for _ in range(2):
        assert word_flags(column, test, ("own", text)).tolist() == expected
    assert isinstance(column.words, Words)
    assert len(tried) <= len(column.words)
