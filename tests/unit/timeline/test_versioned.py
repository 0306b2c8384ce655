"""Columns of which every version stays readable, against plain arrays."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections import deque

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yutang.timeline.versioned import Entries, Versioned

FILLERS = (-1, 7)
Plain = tuple[np.ndarray, ...]


def blank(rows: int) -> Plain:
    return np.full(rows, -1, np.int8), np.full(rows, 7, np.int64)


def widened(plain: Plain, more: int) -> Plain:
    return tuple(
        np.concatenate((old, np.full(more, filler, old.dtype))) for old, filler in zip(plain, FILLERS, strict=True)
    )


step = st.tuples(
    st.integers(0, 100),  # which version it is made from
    st.integers(0, 30),
    st.lists(st.tuples(st.integers(0, 1), st.sets(st.integers(0, 80), max_size=20)), max_size=3),
    st.integers(0, 99),
)


@given(start=st.integers(0, 40), steps=st.lists(step, max_size=25))
def test_versions_made_from_any_version_equal_plain_arrays(
    start: int, steps: list[tuple[int, int, list[tuple[int, set[int]]], int]]
) -> None:
    made: list[tuple[Versioned, Plain]] = [(Versioned.of(blank(start), FILLERS), blank(start))]
    for chosen, more, wanted, value in steps:
        table, plain = made[-1 - chosen % len(made)]
        table, plain = table.grown(table.length + more), widened(plain, more)
        entries = []
        for column, rows_wanted in wanted:
            rows = np.array(sorted((row for row in rows_wanted if row < table.length), reverse=True), np.int64)
            values = (np.arange(len(rows)) + value).astype(plain[column].dtype)
            entries.append(Entries(column, rows, values))
            plain[column][rows] = values
        made.append((table.changed(entries), plain))
    for table, plain in made[::2] + made[::-1]:
        some = np.array([table.length + 3, 5, 0, 5, 17], np.int64)
        for column, (expected, filler) in enumerate(zip(plain, FILLERS, strict=True)):
            assert table.whole(column).tolist() == expected.tolist()
            wide = np.concatenate((expected, np.full(90, filler, expected.dtype)))
            assert table.take(column, some).tolist() == wide[some].tolist()


def test_a_change_copies_nothing_and_the_newest_holds_nothing_old() -> None:
    table = Versioned.of(blank(1_000_000), FILLERS)
    arrays = [table._arrays.columns[column] for column in range(2)]
    first = weakref.ref(table)
    for number in range(100):
        rows = np.arange(number, 1_000_000, 10_000)
        table = table.changed([Entries(1, rows, rows)])
    assert all(kept is table._arrays.columns[column] for column, kept in enumerate(arrays))
    gc.collect()
    assert first() is None


ROUNDS = 3_000
READERS = 3


def test_any_version_reads_the_same_while_another_thread_writes() -> None:
    """Each version holds its number in all of some rows; a reader that sees two numbers in one version saw a write."""
    table = Versioned.of((np.zeros(50_000, np.int16), np.zeros(50_000, np.int64)), FILLERS)
    recent: deque[tuple[int, Versioned]] = deque([(0, table)], maxlen=40)
    wrong: list[str] = []
    ended = threading.Event()
    always = np.arange(0, 50_000, 7)

    def read(seed: int) -> None:
        random = np.random.default_rng(seed)
        while not ended.is_set() and not wrong:
            number, one = recent[int(random.integers(len(recent)))]
            for column in range(2):
                whole = one.whole(column)
                taken = one.take(column, always)
                if len(whole) != 50_000 + number or not (whole[always] == number).all():
                    wrong.append(f"whole of {number}, column {column}")
                if not (taken == number).all():
                    wrong.append(f"some of {number}, column {column}")

    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)  # so that threads take turns in the midst of everything
    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(READERS)]
    try:
        for thread in threads:
            thread.start()
        for number in range(1, ROUNDS + 1):
            values = np.full(len(always), number, np.int64)
            if number % 5 == 0:  # a delta that is dropped, as when a transaction fails
                table.grown(table.length + 9).changed([Entries(0, always, -values), Entries(1, always, -values)])
            table = table.grown(table.length + 1).changed([Entries(0, always, values), Entries(1, always, values)])
            recent.append((number, table))
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(switch)
    assert not wrong
