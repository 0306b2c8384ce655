"""The timeline at one epoch: a track for each event type, each a tuple of runs.

Pure. Invariant: a state never changes; `appended` and its like return a new one that shares all the
old one's runs, so that an epoch is a reference. Runs of the tail (not yet on disk) are merged by size,
`TAIL_FANOUT` of like size into one up to a cap, so there are few of them and a row is moved O(log rows)
times. Holds, per anchor, the (at, tie) of its first event that isn't a state event.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from yutang.conditions.vocabulary import Vocabulary
from yutang.kernel.errors import ConflictError
from yutang.kernel.instants import NEVER
from yutang.timeline.arranging_store import Arrangements
from yutang.timeline.growth import Shelf
from yutang.timeline.manifest import LakeFile
from yutang.timeline.rows import NewRows, runs_from
from yutang.timeline.runs import Run, merged
from yutang.timeline.steps import Flags, Ints

Firsts = tuple[Ints, Ints, Ints]  # anchors ascending, each once; (at, tie) of the first row of each

TAIL_FANOUT = 4  # runs of like size that are merged into one
ANCHORS_SORTED_SHARE_MAX = 1 / 16  # of all anchors: to look for the first rows of more of them, no sorting is needed
TAIL_RUN_ROWS_COUNT_MAX = 262_144  # larger runs wait for the flush: a merge holds up the loop (0.2 s)


@dataclass(frozen=True, eq=False)
class Track:
    """The rows of one type. files: on disk. sealed: being flushed. tail: the rest, geometric in size.

    memo: what views derive from this track alone; it lives and dies with the track.
    """

    files: tuple[Run, ...] = ()
    sealed: tuple[Run, ...] = ()
    tail: tuple[Run, ...] = ()
    memo: dict[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> tuple[Run, ...]:
        return self.files + self.sealed + self.tail

    @property
    def system(self) -> bool:
        """Whether the type is a state event."""
        return self.runs[-1].facts.system

    @property
    def rows(self) -> int:
        return sum(run.rows for run in self.runs)

    def without(self, waiting: tuple[Run, ...]) -> tuple[Run, ...]:
        """The runs in memory that came after some; those must still lie here as they were."""
        mine = self.sealed + self.tail
        if mine[: len(waiting)] != waiting:
            raise ConflictError("lake.cut_outdated", "rows were appended to a state that wasn't sealed for its flush")
        return mine[len(waiting) :]

    def with_run(self, run: Run, currency: str) -> Track:
        """The track with one more run in its tail."""
        return Track(self.files, self.sealed, _geometric((*self.tail, run), currency))


def _tier(run: Run) -> int:
    return run.rows.bit_length() // 2  # powers of TAIL_FANOUT


def _geometric(runs: tuple[Run, ...], currency: str) -> tuple[Run, ...]:
    """Merge the newest runs while `TAIL_FANOUT` of them are of one tier or below."""
    while len(runs) >= TAIL_FANOUT:
        tier = _tier(runs[-1])
        kept = len(runs)
        while kept and _tier(runs[kept - 1]) <= tier:
            kept -= 1
        if len(runs) - kept < TAIL_FANOUT or sum(run.rows for run in runs[kept:]) > TAIL_RUN_ROWS_COUNT_MAX:
            return runs
        runs = (*runs[:kept], merged(runs[kept:], currency))
    return runs


@dataclass(frozen=True, eq=False)
class Cut:
    """What a flush writes: by type, the rows that were only in memory, as one run.

    sources: the runs that each was made of. flushed_seq: all records up to it are in the lake then.
    """

    runs: Mapping[str, Run]
    sources: Mapping[str, tuple[Run, ...]]
    seq_from: int
    flushed_seq: int

    @property
    def rows(self) -> int:
        return sum(run.rows for run in self.runs.values())


@dataclass(frozen=True, eq=False)
class TimelineState:
    """All events at one epoch.

    first_at, first_tie: by anchor, (NEVER, NEVER) where it has no event but state events; anchors beyond
    their length have none. last_seq: the number of the last record with rows. arrangements: copies of the files'
    rows in the order of customers, as far as there are any.
    """

    tracks: Mapping[str, Track]
    first_at: Shelf
    first_tie: Shelf
    files: tuple[LakeFile, ...] = ()
    flushed_seq: int = 0
    last_seq: int = 0
    arrangements: Arrangements | None = None

    @classmethod
    def empty(cls) -> TimelineState:
        """No events."""
        return cls({}, Shelf.of(np.empty(0, np.int64)), Shelf.of(np.empty(0, np.int64)))

    @property
    def rows(self) -> int:
        return sum(track.rows for track in self.tracks.values())

    @property
    def tail_rows(self) -> int:
        """Rows that are only in memory."""
        return sum(run.rows for track in self.tracks.values() for run in (*track.sealed, *track.tail))

    def appended(self, rows: NewRows, vocabulary: Vocabulary) -> TimelineState:
        """The state with the rows of more records."""
        if not rows.events:
            return self
        fresh = runs_from(rows, vocabulary)
        tracks = dict(self.tracks)
        for name, run in fresh.items():
            tracks[name] = tracks.get(name, Track()).with_run(run, vocabulary.currency)
        first_at, first_tie = with_firsts(self.first_at, self.first_tie, fresh.values())
        return replace(self, tracks=tracks, first_at=first_at, first_tie=first_tie, last_seq=rows.last_seq)

    def cut(self, flushed_seq: int, currency: str) -> Cut:
        """What to write so that all records up to `flushed_seq`, whose rows this state holds, are in the lake."""
        waiting = {name: track.sealed + track.tail for name, track in self.tracks.items()}
        sources = {name: runs for name, runs in waiting.items() if runs}
        runs = {name: merged(runs, currency) if len(runs) > 1 else runs[0] for name, runs in sources.items()}
        return Cut(runs, sources, self.flushed_seq + 1, flushed_seq)

    def sealed(self, cut: Cut) -> TimelineState:
        """The same rows, those of the cut set apart, so that records may be appended while it is written."""
        tracks = dict(self.tracks)
        for name, run in cut.runs.items():
            tracks[name] = Track(tracks[name].files, (run,), tracks[name].without(cut.sources[name]))
        return replace(self, tracks=tracks)

    def flushed(self, cut: Cut, file: LakeFile | None, runs: Mapping[str, Run]) -> TimelineState:
        """The state with the rows of the cut read from the file that holds them; no file if it had no rows."""
        tracks = dict(self.tracks)
        for name, run in cut.runs.items():
            track = tracks[name]
            tail = track.tail if track.sealed == (run,) else track.without(cut.sources[name])
            tracks[name] = Track((*track.files, runs[name]), (), tail)
        files = self.files if file is None else (*self.files, file)
        return replace(self, tracks=tracks, files=files, flushed_seq=cut.flushed_seq)

    def compacted(self, replaced: Iterable[str], file: LakeFile, runs: Mapping[str, Run]) -> TimelineState:
        """The state with some files, by name, replaced by the one that holds their rows."""
        gone = frozenset(replaced)
        tracks = dict(self.tracks)
        for name, run in runs.items():
            track = tracks[name]
            files = (*(old for old in track.files if old.file not in gone), run)
            tracks[name] = Track(files, track.sealed, track.tail)
        kept = tuple(old for old in self.files if old.name not in gone)
        return replace(self, tracks=tracks, files=(*kept, file))


def state_from_files(
    files: Sequence[tuple[LakeFile, Mapping[str, Run]]],
    flushed_seq: int,
    firsts: Sequence[Firsts],
    arrangements: Arrangements | None = None,
) -> TimelineState:
    """The state of the files of a manifest. firsts: those of each file."""
    tracks: dict[str, Track] = {}
    for _, runs in files:
        for name, run in runs.items():
            tracks[name] = Track((*tracks.get(name, Track()).files, run))
    none = Shelf.of(np.empty(0, np.int64))
    first_at, first_tie = with_parts(none, none, firsts)
    manifest = tuple(file for file, _ in files)
    last_seq = max([flushed_seq, *(file.seq_to for file in manifest)])
    return TimelineState(tracks, first_at, first_tie, manifest, flushed_seq, last_seq, arrangements)


def with_firsts(first_at: Shelf, first_tie: Shelf, runs: Iterable[Run]) -> tuple[Shelf, Shelf]:
    """The first (at, tie) by anchor with some runs taken in; copies the columns only if an old entry changes."""
    return with_parts(first_at, first_tie, [first_rows(run) for run in _counted(runs)])


def _counted(runs: Iterable[Run]) -> list[Run]:
    return [run for run in runs if not run.facts.system and run.rows]


def firsts_of(runs: Iterable[Run]) -> Firsts:
    """The first rows of all runs together."""
    return firsts_among([first_rows(run) for run in _counted(runs)])


def firsts_among(parts: Sequence[Firsts]) -> Firsts:
    """The firsts of several as those of one."""
    parts = [part for part in parts if len(part[0])]
    if not parts:
        none = np.empty(0, np.int64)
        return none, none, none
    return parts[0] if len(parts) == 1 else _firsts_dense(parts)


def with_parts(first_at: Shelf, first_tie: Shelf, parts: Sequence[Firsts]) -> tuple[Shelf, Shelf]:
    """As `with_firsts`, by the firsts of the runs."""
    parts = [part for part in (_news(part, first_at, first_tie) for part in parts) if len(part[0])]
    if not parts:
        return first_at, first_tie
    if sum(len(anchors) for anchors, _, _ in parts) > first_at.length * ANCHORS_SORTED_SHARE_MAX:
        anchor, at, tie = _firsts_dense(parts)
    else:
        anchor, at, tie = _firsts_sorted(parts)
    known = int(np.searchsorted(anchor, first_at.length))
    fresh = max(first_at.length, int(anchor[-1]) + 1) - first_at.length
    more_at, more_tie = np.full(fresh, NEVER, np.int64), np.full(fresh, NEVER, np.int64)
    places = anchor[known:] - first_at.length
    more_at[places], more_tie[places] = at[known:], tie[known:]
    return (
        first_at.replaced(anchor[:known], at[:known]).extended(more_at),
        first_tie.replaced(anchor[:known], tie[:known]).extended(more_tie),
    )


def _news(part: Firsts, first_at: Shelf, first_tie: Shelf) -> Firsts:
    """Those that are earlier than what is known."""
    anchors, at, tie = part
    known = int(np.searchsorted(anchors, first_at.length))
    old = anchors[:known]
    news = np.ones(len(anchors), bool)
    news[:known] = _earlier(at[:known], tie[:known], first_at.array[old], first_tie.array[old])
    return anchors[news], at[news], tie[news]


def _firsts_sorted(parts: Sequence[Firsts]) -> Firsts:
    """The first of each anchor over some parts: by sorting them."""
    anchor, at, tie = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.lexsort((tie, at, anchor))
    anchor, at, tie = anchor[order], at[order], tie[order]
    begins = _begins(anchor)
    return anchor[begins], at[begins], tie[begins]


def _firsts_dense(parts: Sequence[Firsts]) -> Firsts:
    """The same, by a column of all anchors."""
    length = max(int(anchors[-1]) for anchors, _, _ in parts) + 1
    at, tie = np.full(length, NEVER, np.int64), np.full(length, NEVER, np.int64)
    for anchors, new_at, new_tie in parts:
        earlier = _earlier(new_at, new_tie, at[anchors], tie[anchors])
        at[anchors[earlier]], tie[anchors[earlier]] = new_at[earlier], new_tie[earlier]
    held = np.flatnonzero(at != NEVER)
    return held, at[held], tie[held]


def first_rows(run: Run) -> Firsts:
    """(anchors ascending, at, tie) of the first row of each anchor in a run."""
    anchor = run.anchor
    rows = np.flatnonzero(_begins(anchor))
    return anchor[rows], run.at[rows], run.tie[rows]


def _begins(sorted_: Ints) -> Flags:
    """Where a value differs from the one before it."""
    begins = np.ones(len(sorted_), bool)
    np.not_equal(sorted_[1:], sorted_[:-1], out=begins[1:])
    return begins


def _earlier(at: Ints, tie: Ints, than_at: Ints, than_tie: Ints) -> Flags:
    earlier: Flags = np.logical_or(at < than_at, (at == than_at) & (tie < than_tie))
    return earlier
