"""Rewriting: files of the lake made anew without some of their rows, for erasing and for retention.

The steps are apart so that the caller owns the transaction between them, as with compaction:
`affected` → `write_without` → transaction {old rows of the manifest out, new ones in} → `TimelineState` published →
`LakeFolder.retire`. A new file is whole and synced before anything names it, and what a crash leaves is swept at the
start, so a rewriting has happened or hasn't. Invariant: words that no row uses any more aren't written.
Cost: a file is read and written once if it holds any such row; others aren't touched. One type is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa

from yutang.kernel.faults import Faults, NoFaults
from yutang.kernel.instants import NEVER
from yutang.timeline.columns import WORDY, Words, words_of
from yutang.timeline.growth import Shelf
from yutang.timeline.lake import LakeFolder
from yutang.timeline.manifest import LakeFile, TypeShare
from yutang.timeline.parquet import DRAFT_SUFFIX, write_file
from yutang.timeline.runs import OWN, Run, memory_run, property_key
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.tracks import TimelineState, Track, with_firsts
from yutang.timeline.view import Column

Doomed = Callable[[Run], Flags]  # of a run's rows, those that go


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file and the one in its place; None if no row is left. gone: by type, rows that went."""

    old: LakeFile
    new: LakeFile | None
    gone: Mapping[str, int]

    @property
    def rows(self) -> int:
        """How many rows went."""
        return sum(self.gone.values())


def of_anchors(anchors: Ints) -> Doomed:
    """The rows of some anchors."""

    def doomed(run: Run) -> Flags:
        flags = np.zeros(run.rows, np.bool_)
        lows, highs = run.ranges(anchors)
        for low, high in zip(lows.tolist(), highs.tolist(), strict=True):
            flags[low:high] = True
        return flags

    return doomed


def older_than(cuts: Mapping[str, int]) -> Doomed:
    """The rows of some types that happened before an instant, given by type."""

    def doomed(run: Run) -> Flags:
        cut = cuts.get(run.facts.type)
        if cut is None:
            return np.zeros(run.rows, np.bool_)
        flags: Flags = np.less(run.at, cut)
        return flags

    return doomed


def affected(state: TimelineState, doomed: Doomed) -> dict[str, dict[str, int]]:
    """By file and type, how many rows are to go; what keeps all its rows is left out."""
    found: dict[str, dict[str, int]] = {}
    for name, track in state.tracks.items():
        for run in track.files:
            rows = int(doomed(run).sum()) if run.rows else 0
            if rows:
                found.setdefault(run.file, {})[name] = rows
    return found


def write_without(
    lake: LakeFolder, state: TimelineState, doomed: Doomed, mark: int, created_ms: int, faults: Faults | None = None
) -> list[Rewritten]:
    """Write, durably, the files that are to stand in place of those with rows to go. mark: tells their names apart."""
    found = affected(state, doomed)
    done = []
    for file in state.files:
        if file.name in found:
            done.append(Rewritten(file, _rewritten(lake, file, found[file.name], doomed, mark, created_ms),
                                  found[file.name]))  # fmt: skip
            (faults or NoFaults()).reach("rewriting.written")
    return done


def _rewritten(
    lake: LakeFolder, file: LakeFile, gone: Mapping[str, int], doomed: Doomed, mark: int, created_ms: int
) -> LakeFile | None:
    runs = []
    for share in file.types:
        left = share.rows - gone.get(share.type, 0)
        if left:
            runs.append((replace(share.facts(), rows=left), partial(_kept, lake, file, share, doomed)))
    if not runs:
        return None
    name = f"{file.seq_from:012d}-{file.seq_to:012d}-{file.level}r{mark}.parquet"
    shares = write_file(lake.folder / (name + DRAFT_SUFFIX), runs)
    return lake.settle(name, shares, file.seq_from, file.seq_to, file.level, created_ms)


def _kept(lake: LakeFolder, file: LakeFile, share: TypeShare, doomed: Doomed) -> Run:
    whole = lake.whole(file, share)
    rows = np.flatnonzero(~doomed(whole))
    keys = [*OWN, *map(property_key, share.kinds)]
    columns = {key: pruned(whole.stored(key), rows) for key in keys}
    return memory_run(replace(whole.facts, rows=len(rows)), columns)


def pruned(column: Column, rows: Ints) -> Column:
    """The column at some rows, with the words that those use and no others."""
    values = column.values[rows]
    if column.kind not in WORDY:
        return Column(column.kind, values)
    used = np.unique(values[values >= 0])
    codes = np.where(values >= 0, np.searchsorted(used, values), UNKNOWN)
    return Column(column.kind, codes, Words(words_of(column).take(pa.array(used))))


def without(
    state: TimelineState, done: Sequence[Rewritten], lake: LakeFolder, erased: Ints | None = None
) -> TimelineState:
    """The state after a rewriting. erased: the anchors whose rows all went; None if others may have lost rows too."""
    new = {one.old.name: one.new for one in done}
    runs = {name: {} if file is None else lake.runs(file) for name, file in new.items()}
    tracks = {}
    for name, track in state.tracks.items():
        files = tuple(
            run if run.file not in new else runs[run.file][name]
            for run in track.files
            if run.file not in new or name in runs[run.file]
        )
        if files or track.sealed or track.tail:
            tracks[name] = track if files == track.files else Track(files, track.sealed, track.tail)
    stand_ins = [new.get(file.name, file) for file in state.files]
    state = replace(state, tracks=tracks, files=tuple(file for file in stand_ins if file is not None))
    if erased is None:
        none = Shelf.of(np.empty(0, np.int64))
        first_at, first_tie = with_firsts(none, none, [run for track in tracks.values() for run in track.runs])
    else:
        held = erased[erased < state.first_at.length]
        never = np.full(len(held), NEVER, np.int64)
        first_at, first_tie = state.first_at.replaced(held, never), state.first_tie.replaced(held, never)
    return replace(state, first_at=first_at, first_tie=first_tie)


def has_rows(state: TimelineState, anchors: Ints) -> Flags:
    """bool[anchors]: whether any event lies at each; anchors ascending."""
    found = np.zeros(len(anchors), np.bool_)
    for track in state.tracks.values():
        for run in track.runs:
            lows, highs = run.ranges(anchors)
            found |= highs > lows
    return found


def anchors_of(state: TimelineState, doomed: Doomed) -> Ints:
    """The anchors of the rows that are to go, ascending."""
    parts = [run.anchor[doomed(run)] for track in state.tracks.values() for run in track.files if run.rows]
    return np.unique(np.concatenate([np.empty(0, np.int64), *parts]))
