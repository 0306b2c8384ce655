"""Arrangements: copies of the files' rows in the order of customers, so that all of them are read without a copy.

Derived and deletable: `cache/order-…/` holds one of a type, made of some files under one grouping, and
`cache/heads-…/` the grouping. `made_of.json` is written last, so what is found is complete; columns are added as they
are asked for. Where one file holds a type and every anchor with rows is its own customer, the file's own columns are
the arrangement. Invariant: an arrangement holds all rows of its files, however customers were regrouped since: who
reads it compares the grouping (`built`) with that of today.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar, cast

import msgspec
import numpy as np
import pyarrow as pa

from yutang.conditions.vocabulary import Kind
from yutang.kernel.errors import DiskFullError
from yutang.kernel.ids import content_key
from yutang.storage.files import write_durably
from yutang.timeline.arranging import Ordering, arranged_blocks, joined_words, lies_so, starts_of
from yutang.timeline.cache import ColumnCache, Place, shelf_name
from yutang.timeline.columns import WORDY, Words
from yutang.timeline.manifest import LakeFile
from yutang.timeline.people import NO_ANCHOR, People
from yutang.timeline.runs import Run
from yutang.timeline.steps import Ints
from yutang.timeline.ticks import Ticks, ticks_kept
from yutang.timeline.view import Column

ARRANGED_ROWS_COUNT_MIN = 65_536  # fewer are gathered in no time
_LABEL = "made_of.json"
_ORDER, _HEADS = "order-", "heads-"


class Filed(Protocol):
    """What is read of a track."""

    @property
    def files(self) -> tuple[Run, ...]: ...


class Clearable(Protocol):
    """What is kept beside arrangements."""

    def clear(self) -> None:
        """Let go of all."""


T = TypeVar("T", bound=Clearable)


class MadeOf(msgspec.Struct, frozen=True):
    """What an arrangement is made of.

    shelf: the folder of its columns. files: shelves, in order. heads: the shelf of its grouping, "" if nobody had
    several anchors. anchors: how many there were.
    """

    shelf: str
    type: str
    files: list[str]
    heads: str
    anchors: int

    @property
    def shelves(self) -> tuple[str, str]:
        """The folders that it needs."""
        return self.shelf, self.heads

    @classmethod
    def of(cls, type_name: str, files: list[str], heads: str, anchors: int) -> MadeOf:
        """Of what is arranged now: the folder's name says of what."""
        return cls(_ORDER + content_key(type_name, *files, heads, str(anchors)), type_name, files, heads, anchors)


@dataclass(frozen=True, eq=False)
class Arrangement:
    """All rows of some files of one type. built: the head of each anchor when it was made; None: itself."""

    made_of: MadeOf
    runs: tuple[Run, ...]
    built: Ints | None
    own: bool
    _cache: ColumnCache

    @property
    def rows(self) -> int:
        return sum(run.rows for run in self.runs)

    @property
    def anchors_count(self) -> int:
        """How many anchors there were when it was made."""
        return self.made_of.anchors

    @property
    def starts(self) -> Ints:
        """int64[anchors+1]: see `Ordering`."""
        return self._piece("starts")

    @property
    def at(self) -> Ints:
        return self.runs[0].at if self.own else self._piece("at")

    @property
    def tie(self) -> Ints:
        return self.runs[0].tie if self.own else self._piece("tie")

    @property
    def ticks(self) -> Ticks:
        """See `timeline.ticks`."""
        return ticks_kept(self._cache, self.made_of.shelf, self.at)

    def column(self, name: str, kind: Kind, currency: str) -> Column:
        """A property of all rows; see `Run.column`."""
        if self.own:
            return self.runs[0].column(name, kind, currency)
        place = Place(self.made_of.shelf, ("column", name, kind.value, currency), kind, self.rows)
        found = self._cache.find(place)
        if found is not None:
            return found
        with self._cache.making(place):
            return self._cache.find(place) or self._arranged(place, name, kind, currency)

    def knows(self, name: str) -> bool:
        """Whether any row may have the property."""
        return any(run.knows(name) for run in self.runs)

    def write(self) -> dict[str, Ints]:
        """Make what every reader needs: starts, at, tie, sources. Raises OSError if the disk refuses."""
        if self.own:
            found, starts = {}, starts_of(self.runs[0], self.anchors_count)
        else:
            ordering = self._ordering()
            names = ("at", "tie", "sources")
            columns = self._cache.write([self._place(name) for name in names], self.rows, ordering.blocks())
            found, starts = {name: one.values for name, one in zip(names, columns, strict=True)}, ordering.starts
        return found | {"starts": self._cache.write([self._place("starts")], len(starts), [[starts]])[0].values}

    def _ordering(self) -> Ordering:
        return Ordering(self.runs, people_of(self.built, self.anchors_count))

    def _place(self, name: str) -> Place:
        rows = self.anchors_count + 1 if name == "starts" else self.rows
        # Where rows come from is another matter once files were merged; which rows there are isn't.
        key = (name, *self.made_of.files) if name == "sources" else (name,)
        return Place(self.made_of.shelf, key, Kind.INTEGER, rows)

    def _piece(self, name: str) -> Ints:
        place = self._place(name)
        found = self._cache.find(place)
        if found is not None:
            return found.values
        with self._cache.making(self._place("at")):
            found = self._cache.find(place)
            return self._made_again()[name] if found is None else found.values

    def _made_again(self) -> dict[str, Ints]:
        """What there was no room for any more."""
        try:
            return self.write()
        except OSError:
            if self.own:
                return {"starts": starts_of(self.runs[0], self.anchors_count)}
            ordering = self._ordering()
            at, tie, sources = (np.concatenate(parts) for parts in zip(*ordering.blocks(), strict=True))
            return {"at": at, "tie": tie, "sources": sources, "starts": ordering.starts}

    def _arranged(self, place: Place, name: str, kind: Kind, currency: str) -> Column:
        parts = [run.column_once(name, kind, currency) for run in self.runs]
        words = Words(pa.array([], pa.large_string()))
        if kind in WORDY:
            words, parts = joined_words(parts)
        values = [part.values for part in parts]
        blocks = partial(arranged_blocks, values, self._piece("sources"))
        try:
            array = words.array if kind in WORDY else None
            return self._cache.write([place], self.rows, ([block] for block in blocks()), array)[0]
        except OSError:
            column = Column(kind, np.concatenate([*blocks()]), words if kind in WORDY else ())
            return self._cache.keep_in_memory(place, column)


def worthwhile(track: Filed) -> bool:
    """Whether a track has so many rows in files that they should be arranged."""
    return sum(run.rows for run in track.files) >= ARRANGED_ROWS_COUNT_MIN


def people_of(built: Ints | None, count: int) -> People:
    """Who was one person when an arrangement was made; nothing else of them is known."""
    heads = np.arange(count) if built is None else built
    return People.from_columns(heads, np.zeros(count, np.int64))


class Arrangements:
    """The arrangements of a pool. Any thread may ask; the newest epoch's tracks say what is built."""

    def __init__(self, cache: ColumnCache) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Arrangement, ...]] = {}
        self._building: dict[str, threading.Lock] = {}
        self._retired: set[str] = set()  # names of files, which are never given again
        self._memos: dict[Callable[[], Clearable], Clearable] = {}

    @property
    def cramped(self) -> bool:
        """Whether the cache has little room left, so that only what is asked for should be made."""
        return self._cache.cramped

    def memo(self, make: Callable[[], T]) -> T:
        """What is derived from arrangements, of each kind once, by what makes it; it must be cleared with them."""
        with self._lock:
            found = self._memos.get(make)
            if found is None:
                found = self._memos[make] = make()
        return cast("T", found)

    def of(self, type_name: str, track: Filed) -> Arrangement | None:
        """The arrangement that holds most of a track's rows, and none that aren't in its files."""
        shelves = {run.shelf for run in track.files}
        fitting = [one for one in self._kept.get(type_name, ()) if shelves.issuperset(one.made_of.files)]
        return max(fitting, key=lambda one: one.rows, default=None)

    def keeps(self, some: Iterable[Arrangement]) -> bool:
        """Whether some arrangements are there still: what was derived of one that went meanwhile must go, too."""
        return all(one in self._kept.get(one.made_of.type, ()) for one in some)

    def made(self, type_name: str, track: Filed, people: People) -> Arrangement | None:
        """The arrangement of a track's files, built if there is none of any; None if that isn't worth it."""
        found = self.of(type_name, track)
        return self.build(type_name, track, people) if found is None and worthwhile(track) else found

    def build(self, type_name: str, track: Filed, people: People) -> Arrangement | None:
        """An arrangement of all of a track's files under a grouping; None if the disk refuses or there are none."""
        with self._lock:
            lock = self._building.setdefault(type_name, threading.Lock())
        with lock:
            known = self.of(type_name, track)
            if known is not None and len(known.runs) == len(track.files) and _same(known, people):
                return known
            try:
                built = self._built(type_name, track.files, people) if track.files else None
            except (OSError, DiskFullError):
                return None
            if built is not None:
                self._replace(type_name, known, built)
            return built

    def retire(self, files: Iterable[str]) -> None:
        """Let go of all that holds rows of some files, by name."""
        gone = set(files)
        with self._lock:
            self._retired |= gone
            for type_name, kept in self._kept.items():
                left = tuple(one for one in kept if gone.isdisjoint(run.file for run in one.runs))
                for one in kept:
                    if one not in left:
                        self._forget_later(one)
                self._kept[type_name] = left
        self._clear_memos()

    def carry(self, replaced: Iterable[str], merged: Mapping[str, Run]) -> None:
        """Files, by name, were merged into one with just their rows, which it has in runs by type: what was arranged of
        them all is arranged of it."""
        gone = set(replaced)
        with self._lock:
            for type_name, run in merged.items():
                kept = self._kept.get(type_name, ())
                carried = tuple(self._carried(one, gone, run) for one in kept)
                self._kept[type_name] = carried
                for before, after in zip(kept, carried, strict=True):
                    if before is not after:
                        self._forget_later(before)
        self._clear_memos()

    def _carried(self, one: Arrangement, gone: set[str], merged: Run) -> Arrangement:
        mine = [run for run in one.runs if run.file in gone]
        if not mine or sum(run.rows for run in mine) != merged.rows:
            return one
        runs = (*(run for run in one.runs if run.file not in gone), merged)
        made_of = msgspec.structs.replace(one.made_of, files=[run.shelf for run in runs])
        label = self._cache.folder / made_of.shelf / _LABEL
        with suppress(OSError):
            # Not synced, as the log waits meanwhile: if it is lost, all is arranged anew.
            draft = label.with_suffix(".draft")
            draft.write_bytes(msgspec.json.encode(made_of))
            draft.replace(label)
        return replace(one, made_of=made_of, runs=runs, own=False)

    def stored(self, files: Sequence[LakeFile]) -> list[str]:
        """The shelves of arrangements on disk that are made of some files alone, and of their groupings."""
        known = {shelf_name(file) for file in files}
        found = [one for one in labels_in(self._cache.folder) if known.issuperset(one.files)]
        return [one.shelf for one in found] + [one.heads for one in found if one.heads]

    def open(self, tracks: Mapping[str, Filed]) -> None:
        """Take up what lies on disk for some tracks."""
        for made_of in labels_in(self._cache.folder):
            track = tracks.get(made_of.type)
            runs = {} if track is None else {run.shelf: run for run in track.files}
            if not all(shelf in runs for shelf in made_of.files):
                continue
            built = self._cache.find(_heads_place(made_of.heads, made_of.anchors)) if made_of.heads else None
            if made_of.heads and built is None:
                continue
            one = self._arrangement(made_of, tuple(runs[shelf] for shelf in made_of.files),
                                    None if built is None else built.values)  # fmt: skip
            self._kept[made_of.type] = (*self._kept.get(made_of.type, ()), one)

    def _built(self, type_name: str, runs: tuple[Run, ...], people: People) -> Arrangement:
        heads, built = "", None
        if people.joined_count:
            # An anchor that is nobody's any more stands for itself; it has no rows.
            alone = np.where(people.head_of == NO_ANCHOR, np.arange(people.count), people.head_of)
            heads = _HEADS + content_key(alone.tobytes())
            built = self._cache.made(_heads_place(heads, len(alone)), lambda: Column(Kind.INTEGER, alone)).values
        made_of = MadeOf.of(type_name, [run.shelf for run in runs], heads, people.count)
        one = self._arrangement(made_of, runs, built)
        one.write()
        write_durably(self._cache.folder / made_of.shelf / _LABEL, msgspec.json.encode(made_of))
        return one

    def _arrangement(self, made_of: MadeOf, runs: tuple[Run, ...], built: Ints | None) -> Arrangement:
        own = len(runs) == 1 and lies_so(runs[0], people_of(built, made_of.anchors))
        return Arrangement(made_of, runs, built, own, self._cache)

    def _replace(self, type_name: str, old: Arrangement | None, new: Arrangement) -> None:
        with self._lock:
            if self._retired.isdisjoint(run.file for run in new.runs):
                kept = self._kept.get(type_name, ())
                self._kept[type_name] = (*(one for one in kept if one is not old), new)
            else:  # its files went while it was made: only who had it made may read it
                old = new
            if old is not None:
                self._forget_later(old)
        self._clear_memos()

    def _clear_memos(self) -> None:
        for memo in tuple(self._memos.values()):
            memo.clear()

    def _forget_later(self, one: Arrangement) -> None:
        # At exit the start's sweep does it: a finalizer there could meet a dying interpreter.
        weakref.finalize(one, self._forget, one.made_of.shelf, one.made_of.heads).atexit = False

    def _forget(self, *shelves: str) -> None:
        """Delete the shelves that nothing kept uses. Takes no lock, as a finalizer may run in whoever holds it."""
        used = {shelf for kept in list(self._kept.values()) for one in kept for shelf in one.made_of.shelves}
        for shelf in shelves:
            if shelf and shelf not in used:
                self._cache.forget(shelf)


def labels_in(folder: Path) -> list[MadeOf]:
    """What the arrangements are made of that lie, whole, in a cache folder."""
    found = []
    for path in sorted(folder.glob(f"{_ORDER}*/{_LABEL}")):
        with suppress(OSError, msgspec.DecodeError):
            made_of = msgspec.json.decode(path.read_bytes(), type=MadeOf)
            if made_of.shelf == path.parent.name:
                found.append(made_of)
    return found


def _same(one: Arrangement, people: People) -> bool:
    """Whether an arrangement was made under the grouping of today."""
    return not len(changed_anchors(one, people))


def changed_anchors(one: Arrangement, people: People) -> Ints:
    """int64[]: the anchors whose customer isn't the one that it was when an arrangement was made."""
    now = people.head_of[: one.anchors_count]
    built = np.arange(len(now)) if one.built is None else one.built
    if one.built is None and not people.joined_count:
        return np.empty(0, np.int64)
    return np.flatnonzero(now != built[: len(now)])


def _heads_place(shelf: str, anchors: int) -> Place:
    return Place(shelf, ("built",), Kind.INTEGER, anchors)
