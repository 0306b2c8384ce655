"""The cache keeps within its room, and whoever needs more waits longer, nothing else."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from yutang.conditions.vocabulary import Kind
from yutang.timeline import cache as cache_module
from yutang.timeline.cache import ColumnCache, Place
from yutang.timeline.columns import column_from_strings
from yutang.timeline.view import Column

ROWS = 100
BYTES = 8 * ROWS + 128  # of a column on disk


def place(name: str, shelf: str = "one", kind: Kind = Kind.INTEGER) -> Place:
    return Place(shelf, (name,), kind, ROWS)


def column(value: int) -> Column:
    return Column(Kind.INTEGER, np.full(ROWS, value, np.int64))


def there(cache: ColumnCache) -> int:
    return len(list(cache.folder.rglob("*.npy")))


def test_a_column_is_made_once_and_mapped(tmp_path: Path) -> None:
    cache = ColumnCache(tmp_path)
    found = cache.made(place("a"), lambda: column(1))
    assert cache.made(place("a"), lambda: pytest.fail("made twice")) is found
    again = ColumnCache(tmp_path).find(place("a"))
    assert again is not None
    assert (again.values == 1).all()
    assert again.values.base is not None


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = ColumnCache(tmp_path, 3 * BYTES)
    kept = [cache.keep(place(str(number)), column(number)) for number in range(3)]
    assert cache.find(place("0")) is kept[0]
    cache.keep(place("3"), column(3))
    assert [cache.find(place(str(number))) is None for number in range(4)] == [False, True, False, False]
    assert there(cache) == 3
    assert (kept[1].values == 1).all(), "whoever has it keeps it"


def test_what_an_earlier_process_used_last_stays_longest(tmp_path: Path) -> None:
    first = ColumnCache(tmp_path, 3 * BYTES)
    for number in range(3):
        first.keep(place(str(number)), column(number))
        time.sleep(0.02)
    assert ColumnCache(tmp_path).find(place("0")) is not None
    second = ColumnCache(tmp_path, 3 * BYTES)
    second.keep(place("3"), column(3))
    assert [second.find(place(str(number))) is None for number in range(4)] == [False, True, False, False]


def test_room_for_nothing_still_gives_columns_with_their_words(tmp_path: Path) -> None:
    cache = ColumnCache(tmp_path, 1)
    texts = ["a", None, "b"] * 40
    where = Place("one", ("texts",), Kind.STRING, len(texts))
    for _ in range(2):
        cache.keep(place("x"), column(1))
        found = cache.made(where, lambda: column_from_strings(texts))
        assert [found.words[code] if code >= 0 else None for code in found.values.tolist()] == texts
        assert there(cache) == 1
    assert cache.cramped


def test_a_disk_that_refuses_leaves_them_in_memory_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "MEMORY_BYTES_MAX", 2 * 8 * ROWS)
    (tmp_path / "cache").write_text("no folder")
    cache = ColumnCache(tmp_path / "cache")
    for number in range(3):
        assert (cache.keep(place(str(number)), column(number)).values == number).all()
    assert [cache.find(place(str(number))) is None for number in range(3)] == [True, False, False]


def test_a_forgotten_shelf_is_gone_and_others_stay(tmp_path: Path) -> None:
    cache = ColumnCache(tmp_path)
    cache.keep(place("a"), column(1))
    cache.keep(place("a", "two"), column(2))
    cache.sweep(["two"])
    assert cache.find(place("a")) is None
    assert cache.find(place("a", "two")) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_several_threads_wait_for_the_one_that_makes_it(tmp_path: Path) -> None:
    cache, made = ColumnCache(tmp_path), []

    def make() -> Column:
        time.sleep(0.05)
        made.append(1)
        return column(7)

    threads = [threading.Thread(target=cache.made, args=(place("a"), make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_a_maker_that_fails_leaves_the_way_free(tmp_path: Path) -> None:
    cache = ColumnCache(tmp_path)
    with pytest.raises(ZeroDivisionError):
        cache.made(place("a"), lambda: column(1 // 0))
    assert (cache.made(place("a"), lambda: column(1)).values == 1).all()


def test_a_column_of_other_rows_or_half_written_isnt_found(tmp_path: Path) -> None:
    ColumnCache(tmp_path).keep(place("a"), column(1))
    assert ColumnCache(tmp_path).find(Place("one", ("a",), Kind.INTEGER, ROWS + 1)) is None
    assert ColumnCache(tmp_path).find(place("a", kind=Kind.STRING)) is None
    (path,) = tmp_path.rglob("*.npy")
    path.write_bytes(path.read_bytes()[:-8])
    assert ColumnCache(tmp_path).find(place("a")) is None


def test_columns_are_read_while_shelves_are_forgotten_and_room_is_made(tmp_path: Path) -> None:
    """Reading tells what was used last, without a lock, while others walk and shorten the list of it."""
    cache = ColumnCache(tmp_path, 900 * BYTES)
    read = [place(str(number)) for number in range(400)]
    for one in read:
        cache.keep(one, column(1))
    wrong: list[BaseException] = []
    ended = threading.Event()

    def look() -> None:
        try:
            while not ended.is_set():
                for one in read:
                    cache.find(one)
        except BaseException as raised:
            wrong.append(raised)

    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    reader = threading.Thread(target=look)
    reader.start()
    try:
        for number in range(300):
            cache.forget(f"other-{number}")
    finally:
        ended.set()
        reader.join()
        sys.setswitchinterval(switch)
    assert not wrong
