"""Arrangements by example: who comes in which part, what is found again, what is let go of."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.lake_world import VOCABULARY, event, people, rows

from yutang.timeline import arranging_parts, arranging_store, everyone
from yutang.timeline.compaction import write_merged
from yutang.timeline.everyone import Everyone, Part
from yutang.timeline.lake import LakeFolder
from yutang.timeline.manifest import LakeFile
from yutang.timeline.people import People
from yutang.timeline.tracks import TimelineState

APART = list(range(8))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(everyone, "CUSTOMERS_AT_ONCE_MAX", 4)
    monkeypatch.setattr(arranging_store, "ARRANGED_ROWS_COUNT_MIN", 1)
    monkeypatch.setattr(arranging_parts, "OTHERS_COUNT_MIN", 2)


class Filed:
    """A lake with a file for each call of `flush`, and the state of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.lake = LakeFolder(home / "lake", home / "cache")
        self.state = self.lake.open([])
        self.seq = 0

    def flush(self, anchors: list[int]) -> LakeFile:
        self.tail(anchors)
        cut = self.state.cut(self.seq, "CNY")
        file = self.lake.write_cut(cut, 0)
        assert file is not None
        self.state = self.state.flushed(cut, file, self.lake.runs(file))
        return file

    def tail(self, anchors: list[int]) -> None:
        self.seq += 1
        sent = [event(f"{self.seq}-{i}", 10 * i + self.seq, category=f"c{a}") for i, a in enumerate(anchors)]
        self.state = self.state.appended(rows(self.seq, sent, anchors), VOCABULARY)

    def reopened(self) -> Filed:
        files = self.state.files
        self.lake = LakeFolder(self.home / "lake", self.home / "cache")
        self.state = self.lake.open(files, self.seq)
        return self

    def shelves(self) -> list[str]:
        return sorted(path.name for path in (self.home / "cache").iterdir() if path.name.startswith("order-"))


@pytest.fixture
def filed(tmp_path: Path) -> Filed:
    made = Filed(tmp_path)
    made.flush(APART)
    made.flush(APART[::2])
    return made


def told(state: TimelineState, who: People, types: tuple[str, ...] | None = ("order",)) -> dict[int, list[Any]]:
    """By head, (at, category) of its orders; fails if a customer is told twice."""

    def work(part: Part) -> list[tuple[int, list[Any]]]:
        found = part.view.events("order", ["category"])
        column = found.columns["category"]
        flat = [(int(at), column.words[int(code)]) for at, code in zip(found.at, column.values, strict=True)]
        return [(i, flat[found.offsets[i] : found.offsets[i + 1]]) for i in range(part.view.count)]

    everybody = Everyone(state, who, VOCABULARY)
    answers: dict[int, list[Any]] = {}
    for part, found in everybody.map(lambda part: (part, work(part)), types):
        mine = part.own(np.arange(part.view.count)).tolist()
        for place, i in zip(np.arange(everybody.count)[part.places].tolist(), mine, strict=True):
            head = int(everybody.heads[place])
            assert head not in answers
            answers[head] = found[i][1]
    assert sorted(answers) == who.heads().tolist()
    return answers


def gathered(state: TimelineState, who: People) -> dict[int, list[Any]]:
    """The same without any arrangement."""
    return told(TimelineState(state.tracks, state.first_at, state.first_tie), who)


def test_columns_are_slices_of_one_map(filed: Filed) -> None:
    parts = Everyone(filed.state, people(APART), VOCABULARY).parts(["order"])
    slices = [part.view.events("order", ["category"]) for part in parts]
    assert len(slices) == 2
    assert slices[0].at.base is slices[1].at.base is not None
    assert slices[0].columns["category"].words is slices[1].columns["category"].words
    assert [len(one.at) for one in slices] == [6, 6]
    assert told(filed.state, people(APART)) == gathered(filed.state, people(APART))


@pytest.mark.parametrize(
    "then, now",
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 2, 3, 4, 5, 6, 7]),
        ([0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 2, 7]),
        ([0, 0, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7]),
        ([0, 0, 2, 3, 2, 5, 6, 7], [0, 1, 2, 3, 4, 1, 6, 2]),
        ([0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ([0, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7, 0, 9]),
        ([0, 0, 0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 4, 5, 6, 7]),
        ([0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 0, 0, 0, 0]),
    ],
)
@pytest.mark.parametrize("tail", [[], [3], [0, 1, 2, 3, 4]])
def test_whoever_was_regrouped_is_told_by_todays_grouping(
    filed: Filed, then: list[int], now: list[int], tail: list[int]
) -> None:
    assert filed.lake.arrangements.build("order", filed.state.tracks["order"], people(then)) is not None
    filed.tail(tail)
    assert told(filed.state, people(now)) == gathered(filed.state, people(now))
    assert told(filed.state, people(now), None) == gathered(filed.state, people(now))


def test_few_with_newer_rows_come_apart_and_many_are_merged_in(filed: Filed) -> None:
    told(filed.state, people(APART))
    filed.tail([3])
    parts = Everyone(filed.state, people(APART), VOCABULARY).parts(["order"])
    assert [part.view.count for part in parts] == [4, 4, 1]
    filed.tail([0, 1, 5, 6])
    parts = Everyone(filed.state, people(APART), VOCABULARY).parts(["order"])
    assert [part.view.count for part in parts] == [4, 4]
    assert told(filed.state, people(APART)) == gathered(filed.state, people(APART))


def test_one_file_whose_anchors_are_alone_is_its_own_arrangement(tmp_path: Path) -> None:
    made = Filed(tmp_path)
    made.flush(APART[:6])
    who = people([0, 1, 2, 3, 4, 5, 0, 7])
    assert told(made.state, who) == gathered(made.state, who)
    (shelf,) = made.shelves()
    assert len(list((tmp_path / "cache" / shelf).glob("*.npy"))) == 1, "only where customers begin"


def test_a_restart_finds_them_and_a_lost_grouping_costs_only_time(filed: Filed) -> None:
    who = people([0, 0, 2, 3, 4, 5, 6, 7])
    before = told(filed.state, who)
    (shelf,) = filed.shelves()
    built = {path: path.stat().st_mtime_ns for path in (filed.home / "cache" / shelf).glob("made_of*")}
    assert told(filed.reopened().state, who) == before
    assert {path: path.stat().st_mtime_ns for path in built} == built
    for path in (filed.home / "cache").glob("heads-*/*"):
        path.unlink()
    assert told(filed.reopened().state, who) == before


def test_a_broken_label_or_column_is_as_good_as_none(filed: Filed) -> None:
    before = told(filed.state, people(APART))
    (shelf,) = filed.shelves()
    for number, path in enumerate(sorted((filed.home / "cache" / shelf).iterdir())):
        path.write_bytes(b"" if number % 2 else b"\x93NUMPY")
        assert told(filed.reopened().state, people(APART)) == before


def test_an_arrangement_of_fewer_files_serves_until_it_is_due(filed: Filed) -> None:
    told(filed.state, people(APART))
    filed.flush([1])
    assert told(filed.state, people(APART)) == gathered(filed.state, people(APART))
    filed.lake.arrangements.build("order", filed.state.tracks["order"], people(APART))
    assert len(filed.shelves()) == 1
    assert told(filed.state, people(APART)) == gathered(filed.state, people(APART))


@pytest.mark.parametrize("more", [[], [2, 3]])
def test_files_that_are_merged_stay_arranged(filed: Filed, more: list[int]) -> None:
    who = people([0, 0, 2, 3, 4, 5, 6, 7])
    told(filed.state, who)
    shelves = filed.shelves()
    if more:
        filed.flush(more)
    files = filed.state.files
    whole = write_merged(filed.lake, files[:2], "CNY", 0)
    names, runs = [file.name for file in files[:2]], filed.lake.runs(whole)
    filed.state = filed.state.compacted(names, whole, runs)
    filed.lake.arrangements.carry(names, runs)
    filed.lake.retire(files[:2])
    gc.collect()
    assert len(list((filed.home / "lake").iterdir())) == len(files) - 1
    assert told(filed.state, who) == gathered(filed.state, who)
    assert told(filed.reopened().state, who) == gathered(filed.state, who)
    assert filed.shelves() == shelves, "nothing was made anew"


def test_what_was_built_of_files_that_went_meanwhile_isnt_kept(filed: Filed) -> None:
    before, track = filed.state, filed.state.tracks["order"]
    files = filed.state.files
    whole = write_merged(filed.lake, files, "CNY", 0)
    names, runs = [file.name for file in files], filed.lake.runs(whole)
    filed.state = filed.state.compacted(names, whole, runs)
    filed.lake.retire(files)
    late = filed.lake.arrangements.build("order", track, people([0, 0, 2, 3, 4, 5, 6, 7]))
    assert late is not None
    assert filed.lake.arrangements.of("order", track) is None
    assert told(before, people(APART)) == told(filed.state, people(APART))
    del late, before, track
    gc.collect()
    assert [path.name for path in (filed.home / "lake").iterdir()] == [whole.name]
    assert [path.name for path in (filed.home / "cache").glob("heads-*")] == []
    assert len(filed.shelves()) == 1


@pytest.mark.parametrize("some", [None, np.array([1, 3])], ids=["everybody", "a batch"])
def test_what_a_question_derives_while_files_go_isnt_kept_past_it(
    filed: Filed, monkeypatch: pytest.MonkeyPatch, some: np.ndarray | None
) -> None:
    who, arrangements = people(APART), filed.lake.arrangements
    assert arrangements.build("order", filed.state.tracks["order"], who) is not None
    gathering, line_up = arranging_parts.gathering, arranging_parts.line_up

    def files_go() -> None:
        filed.lake.retire(filed.state.files)

    monkeypatch.setattr(arranging_parts, "gathering", lambda *args: (files_go(), gathering(*args))[1])
    monkeypatch.setattr(arranging_parts, "line_up", lambda *args: (files_go(), line_up(*args))[1])
    if some is None:
        assert told(filed.state, who)
    else:
        everyone.batch_view(filed.state, who, some, VOCABULARY).events("order", [])
    filed.state = TimelineState.empty()
    gc.collect()
    assert filed.shelves() == [], "a memo held an arrangement of files that are gone"


def test_a_disk_that_refuses_costs_only_time(filed: Filed, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    expected = gathered(filed.state, people(APART))
    filed.lake.arrangements.build("order", filed.state.tracks["order"], people([0, 0, 2, 3, 4, 5, 6, 7]))
    monkeypatch.setattr("yutang.timeline.cache.os.fsync", full)
    assert told(filed.state, people(APART)) == expected
    filed.lake.cache.sweep([])
    assert told(filed.state, people(APART)) == expected
    assert filed.lake.arrangements.build("order", filed.state.tracks["order"], people(APART)) is None
    assert told(filed.state, people(APART)) == expected
