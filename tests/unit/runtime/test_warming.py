"""Columns are in the cache before anybody asks for them, unless there is little room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.pools import Scratch, event

from yutang.runtime.slots import TIMELINE
from yutang.runtime.warming import warm_columns
from yutang.timeline import arranging_parts, arranging_store
from yutang.timeline.runs import OWN


def flushed(folder: Path, **settings: Any) -> Scratch:
    """A pool newly opened, whose events lie in two files; nobody has read them yet."""
    pool = Scratch(folder, **settings)
    for number in range(2):
        pool.send(
            event("order_paid", "2026-02-10 10:00", f"member_no:{number}", amount=100, order_id="a"),
            event("page_viewed", "2026-02-10 11:00", f"member_no:{number}", page="/"),
        )
        pool.pool.loop.flush()
    pool.reopen()
    return pool


def cached(pool: Scratch) -> int:
    return len(list(pool.folder.cache.rglob("*.npy")))


def test_every_column_of_every_file_is_there_afterwards(tmp_path: Path) -> None:
    pool = flushed(tmp_path / "pool")
    runs = [run for track in pool.desk().epoch[TIMELINE].tracks.values() for run in track.runs]
    wanted = sum(len(OWN) + len(run.facts.kinds) for run in runs)
    assert len(runs) == 4 and cached(pool) < wanted
    warm_columns(pool.desk())
    # And the first rows of each file; the first one's customers, found for the labels of the second's events.
    assert cached(pool) == wanted + 2 + 2
    pool.close()


def test_it_leaves_room_to_what_cant_be_made_again(tmp_path: Path) -> None:
    pool = flushed(tmp_path / "pool", disk_reserve_mb=1_000_000)
    before = cached(pool)
    warm_columns(pool.desk())
    assert cached(pool) == before
    pool.close()


@pytest.mark.parametrize("damage", [b"", b"PAR1 no more"])
def test_a_damaged_file_is_left_to_whoever_asks_for_it(tmp_path: Path, damage: bytes) -> None:
    pool = flushed(tmp_path / "pool")
    broken = sorted(pool.folder.lake.glob("*.parquet"))[0]
    broken.write_bytes(damage)
    warm_columns(pool.desk())
    assert cached(pool) > 0, "the other one is read"
    pool.close()


def test_types_are_arranged_and_anew_once_much_came_since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (arranging_store, arranging_parts):
        monkeypatch.setattr(module, "ARRANGED_ROWS_COUNT_MIN", 1)
    pool = flushed(tmp_path / "pool")

    def arranged() -> list[int]:
        state = pool.desk().epoch[TIMELINE]
        assert state.arrangements is not None
        found = [state.arrangements.of(name, track) for name, track in sorted(state.tracks.items())]
        return [0 if one is None else len(one.runs) for one in found]

    assert arranged() == [0, 0]
    warm_columns(pool.desk())
    assert arranged() == [2, 2]
    pool.send(event("order_paid", "2026-02-11 10:00", "member_no:1", amount=100, order_id="b"))
    pool.pool.loop.flush()
    assert arranged() == [2, 2]
    warm_columns(pool.desk())
    assert arranged() == [3, 2]
    pool.close()
