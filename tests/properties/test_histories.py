"""What was known then, by checkpoints at any places of any feed, is what a plain replay of the feed says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from tests.support.feed_replay import plainly_held
from tests.support.pools import Scratch

from yutang.domains.audience import store
from yutang.domains.audience.api import checkpoints
from yutang.domains.audience.contracts import NONE, Cause, FeedRows
from yutang.domains.audience.rules.changes import CAUSE_CODE

BOOKS = ((("a", "b"), (("x", "y", NONE), ("in", NONE))), (("b", "a"), (("in", "out", NONE), ("y", "z", NONE))))
CAUSES = (Cause.EVENT, Cause.LATE, Cause.TIME, Cause.DEFINITION, Cause.IDENTITY)
DAY = 100  # instants of the small world

Row = tuple[int, int, int, int, int, int]  # label, head, lead, after (from the end), how long before, cause


@pytest.fixture(scope="module")
def pool() -> Iterator[Scratch]:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Scratch(Path(folder) / "pool")
        yield scratch
        scratch.close()


def chunks() -> st.SearchStrategy[list[tuple[int, int, list[Row]]]]:
    """(book, how much later it is known than the chunk before, rows) each."""
    row = st.tuples(
        st.integers(0, 1), st.integers(0, 5), st.integers(0, 5), st.integers(0, 2), st.integers(0, DAY),
        st.integers(0, len(CAUSES) - 1),
    )  # fmt: skip
    return st.lists(
        st.tuples(st.integers(0, 1), st.just(0) | st.integers(0, DAY), st.lists(row, min_size=1, max_size=8)),
        max_size=12,
    )


def fill(pool: Scratch, told: list[tuple[int, int, list[Row]]]) -> None:
    known_at = stride_from = 1_000
    stride_chunks = 0
    with pool.pool.database.unit() as uow:
        uow.connection.execute(delete(store.feed))
        store.drop_checkpoints(uow)
        for book, later, rows in told:
            stride_chunks += 1
            if later:
                stride_from, known_at, stride_chunks = known_at, known_at + later, 1
            labels, values = BOOKS[book]
            # What time did came about since what was known earlier, told by the first chunks known then: of a group's
            # own customers, and of all others. All else came about at any instant up to now.
            earliest = stride_from + 1 if stride_chunks <= store.STRIDE_CHUNKS_COUNT else known_at
            at = [max(known_at - ago, earliest if cause == 2 else 0) for *_, ago, cause in rows]
            order = sorted(range(len(rows)), key=lambda i: at[i])
            columns = [
                [rows[i][0] for i in order],
                [rows[i][1] for i in order],
                [rows[i][2] for i in order],
                [-1 for _ in order],
                [rows[i][3] % len(values[rows[i][0]]) - 1 for i in order],
                [min(at[i], known_at) for i in order],
                [CAUSE_CODE[CAUSES[rows[i][5]]] for i in order],
            ]
            made = FeedRows(*(np.array(column, np.int64) for column in columns))
            store.add_feed(uow, 1, known_at, labels, values, made)


@settings(max_examples=60, deadline=None)
@given(chunks(), st.integers(900, 2_300), st.integers(900, 2_300), st.integers(1, 200))
def test_look_ups_equal_a_plain_replay(
    pool: Scratch, told: list[tuple[int, int, list[Row]]], as_of: int, known_at: int, rows_between: int
) -> None:
    fill(pool, told)
    desk = pool.desk()
    with desk.reading() as uow:
        feed = list(store.read_feed(uow, 0, 1_000))[::-1]
    for kept in (False, True):
        if kept:
            checkpoints.keep_checkpoints(desk, rows_between)
        for label in ("a", "b"):
            held = checkpoints.held_then(desk, label, as_of, known_at)
            found = {
                int(head): (int(lead), held.names[value])
                for head, lead, value in zip(held.heads, held.leads, held.values, strict=True)
            }
            assert found == plainly_held(feed, label, as_of, known_at)


def test_a_checkpoint_of_a_feed_that_was_rewritten_meanwhile_is_not_kept(pool: Scratch) -> None:
    fill(pool, [(0, 1, [(0, 1, 1, 1, 0, 0)])])
    with pool.pool.database.unit() as uow:
        generation = store.feed_generation(uow)
        store.drop_checkpoints(uow)
        assert not store.add_checkpoint(uow, 1, 1, 1, b"", generation)
        assert store.add_checkpoint(uow, 1, 1, 1, b"", generation + 1)


def test_many_chunks_of_a_row_each_get_a_checkpoint_too(pool: Scratch) -> None:
    fill(pool, [(0, 1, [(0, 1, 1, 1, 0, 0)])] * 40)
    assert checkpoints.keep_checkpoints(pool.desk(), 20 * (checkpoints.CHUNK_ROWS + 1)) == 2


def test_what_time_did_to_others_while_a_group_arrived_was_known_at_its_instant(pool: Scratch) -> None:
    fill(pool, [(0, 50, [(0, 1, 1, 1, 0, 2)]), (0, 0, [(0, 2, 2, 1, 20, 2)])])
    assert checkpoints.held_then(pool.desk(), "a", 1_040, 1_040).heads.tolist() == [2]
