"""Two feeds put together are as one that was sorted as a whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yutang.domains.audience.contracts import FeedRows
from yutang.domains.audience.rules.changes import feed_rows, joined_rows

Key = tuple[int, int, int]  # at, label, head: each at most once


def made(keys: list[Key]) -> FeedRows | None:
    parts = []
    for at, label, head in keys:
        columns = [np.array([value], np.int64) for value in (head, at % 3, at % 5, at, label)]
        parts.append((label, *columns))
    return feed_rows(parts)


def shown(rows: FeedRows | None) -> list[tuple[int, ...]]:
    if rows is None:
        return []
    return list(zip(*(getattr(rows, name).tolist() for name in FeedRows.__slots__), strict=True))


@given(st.sets(st.tuples(st.integers(0, 6), st.integers(0, 2), st.integers(0, 4)), max_size=30), st.data())
def test_joined_rows_are_sorted_rows(keys: set[Key], data: st.DataObject) -> None:
    few = data.draw(st.sets(st.sampled_from(sorted(keys)), max_size=8)) if keys else set()
    many = made(sorted(keys - few))
    assert shown(joined_rows(many, made(sorted(few)))) == shown(made(sorted(keys)))
