"""The lake: Parquet files of a folder, one a flush, a row group for each type, written once and never changed.

Owns the layout of a file, its checks, and when its bytes go. Invariant: a file is in the manifest only
once it is whole and synced (temporary name, fsync, rename, fsync of the folder); a retired file is
unlinked when the last epoch that holds a run of it is gone. Says nothing of the manifest's SQL (`store`).
Cost: a column is decoded once, then mapped from `cache`.
"""

from __future__ import annotations

import weakref
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from yutang.conditions.vocabulary import Kind
from yutang.kernel.errors import DamagedError
from yutang.kernel.faults import Faults, NoFaults
from yutang.storage.files import sync_folder
from yutang.timeline.arranging_store import Arrangements
from yutang.timeline.cache import CACHE_GB, GB, ColumnCache, Place, shelf_name
from yutang.timeline.manifest import LakeFile, TypeShare
from yutang.timeline.parquet import DRAFT_SUFFIX, column_name, read_column, verify_pages, write_file
from yutang.timeline.runs import OWN, READ_PREFIX, Run, memory_run, property_key
from yutang.timeline.tracks import Cut, Firsts, TimelineState, firsts_among, firsts_of, state_from_files
from yutang.timeline.view import Column

_TRAILER_BYTES = 8  # the footer's length and the magic PAR1
_REMEDY = "run `yutang doctor`; restore the file from a backup"


class LakeFolder:
    """`lake/` and `cache/` of a pool. Used by the one loop that owns the folder; runs may be read by any thread."""

    def __init__(
        self, folder: Path, cache: Path, faults: Faults | None = None, cache_bytes_max: int = CACHE_GB * GB
    ) -> None:
        self.folder = folder
        self.cache = ColumnCache(cache, cache_bytes_max)
        self.arrangements = Arrangements(self.cache)
        self._faults: Faults = faults or NoFaults()
        self._handles: weakref.WeakValueDictionary[str, _Handle] = weakref.WeakValueDictionary()

    def open(self, files: Sequence[LakeFile], flushed_seq: int = 0) -> TimelineState:
        """The state of a manifest's files, each checked. Deletes files without a row: nothing refers to them.

        Raises DamagedError naming the file, what it held and the remedy.
        """
        if not self.folder.exists():
            self.folder.mkdir(parents=True)
            sync_folder(self.folder.parent)
        for file in files:
            check_file(self.folder, file)
        self._sweep(files)
        ordered = [(file, self.runs(file)) for file in sorted(files, key=lambda file: file.seq_to)]
        firsts = [self.firsts(file, runs) for file, runs in ordered]
        state = state_from_files(ordered, flushed_seq, firsts, self.arrangements)
        self.arrangements.open(state.tracks)
        return state

    def write_cut(self, cut: Cut, created_ms: int) -> LakeFile | None:
        """Write a flush's file, durably; None if there is nothing to write. Publish only after its manifest row."""
        if not cut.rows:
            return None
        self._faults.reach("flush.before_write")
        runs = [(run.facts, partial(_itself, run)) for _, run in sorted(cut.runs.items())]
        name = file_name(cut.seq_from, cut.flushed_seq, 0)
        shares = write_file(self.folder / (name + DRAFT_SUFFIX), runs)
        self._faults.reach("flush.written")
        file = self.settle(name, shares, cut.seq_from, cut.flushed_seq, 0, created_ms)
        self._faults.reach("flush.renamed")
        self.cache.keep(_firsts_place(file), _packed(firsts_of(cut.runs.values())))
        return file

    def settle(
        self, name: str, shares: list[TypeShare], seq_from: int, seq_to: int, level: int, created_ms: int
    ) -> LakeFile:
        """Give a written draft its name, durably, and say what it is."""
        path = self.folder / name
        path.with_name(name + DRAFT_SUFFIX).replace(path)
        sync_folder(self.folder)
        rows = sum(share.rows for share in shares)
        return LakeFile(name, rows, path.stat().st_size, seq_from, seq_to, shares, footer_crc(path), created_ms, level)

    def runs(self, file: LakeFile) -> dict[str, Run]:
        """By type, the runs of a file; their columns load on first use."""
        handle = _Handle(self.folder / file.name, file, self.cache)
        self._handles[file.name] = handle
        return {share.type: handle.run(share) for share in file.types}

    def firsts(self, file: LakeFile, runs: Mapping[str, Run]) -> Firsts:
        """The first rows of a file's anchors; from the cache, if they are there."""
        found = self.cache.made(_firsts_place(file), lambda: _packed(firsts_of(runs.values()))).values
        anchors, at, tie = found.reshape(3, -1)
        return anchors, at, tie

    def join_firsts(self, files: Sequence[LakeFile], merged: LakeFile) -> None:
        """Know the first rows of a merged file by those of the files that it was made of."""
        found = [self.cache.find(_firsts_place(file)) for file in files]
        parts = [one.values.reshape(3, -1) for one in found if one is not None]
        if len(parts) == len(files):
            self.cache.keep(_firsts_place(merged), _packed(firsts_among([(a, b, c) for a, b, c in parts])))

    def whole(self, file: LakeFile, share: TypeShare) -> Run:
        """A type's rows of a file read into memory, past the cache."""
        keys = [*OWN, *map(property_key, share.kinds)]
        path = self.folder / file.name
        return memory_run(share.facts(), {key: decoded(path, file, share, key) for key in keys})

    def retire(self, files: Iterable[LakeFile]) -> None:
        """Unlink files and their cached columns as soon as no run of them is referred to any more."""
        files = list(files)
        self.arrangements.retire({file.name for file in files})
        for file in files:
            args = (self.folder / file.name, self.cache, file, self._faults)
            handle = self._handles.pop(file.name, None)
            if handle is None:
                _unlink(*args)
            else:
                # At exit the start's sweep does it: a finalizer there could meet a dying interpreter.
                weakref.finalize(handle, _unlink, *args).atexit = False

    def _sweep(self, files: Sequence[LakeFile]) -> None:
        known = {file.name for file in files}
        strays = [path for path in self.folder.iterdir() if path.is_file() and path.name not in known]
        for path in strays:
            path.unlink(missing_ok=True)
        if strays:
            sync_folder(self.folder)
        self.cache.sweep([*map(shelf_name, files), *self.arrangements.stored(files)])


class _Handle:
    """A file that runs refer to; when nobody does any more, it is collected."""

    def __init__(self, path: Path, file: LakeFile, cache: ColumnCache) -> None:
        self._path = path
        self._file = file
        self._cache = cache
        self._places: dict[tuple[str, str], Place] = {}

    def run(self, share: TypeShare) -> Run:
        """A type's rows; their columns load when asked for."""
        load, keep, once = partial(self.column, share), partial(self.derived, share), partial(self.once, share)
        return Run(share.facts(), load, self._file.name, shelf_name(self._file), keep, once)

    def column(self, share: TypeShare, key: str) -> Column:
        """A column from the cache, else from the file and then cached."""
        return self._cache.made(
            self._place(share.type, key, kind_of(share, key), share.rows),
            lambda: decoded(self._path, self._file, share, key),
        )

    def once(self, share: TypeShare, key: str) -> Column:
        """As `column`, without a copy for the next one."""
        found = self._cache.find(self._place(share.type, key, kind_of(share, key), share.rows))
        return found or decoded(self._path, self._file, share, key)

    def derived(self, share: TypeShare, key: str, kind: Kind, make: Callable[[], Column]) -> Column:
        """What follows from a type's columns, from the cache, else made and then cached."""
        rows = share.rows if key.startswith(READ_PREFIX) else None
        return self._cache.made(self._place(share.type, key, kind, rows), make)

    def _place(self, type_name: str, key: str, kind: Kind, rows: int | None) -> Place:
        place = self._places.get((type_name, key))
        if place is None:
            place = self._places[type_name, key] = Place(shelf_name(self._file), (type_name, key), kind, rows)
        return place


def _firsts_place(file: LakeFile) -> Place:
    return Place(shelf_name(file), ("", "firsts"), Kind.INTEGER, None)


def _packed(firsts: Firsts) -> Column:
    return Column(Kind.INTEGER, np.concatenate(firsts))


def _itself(run: Run) -> Run:
    return run


def file_name(seq_from: int, seq_to: int, level: int) -> str:
    """The name of a file by the records whose rows it holds; levels keep merged files apart from their parts."""
    return f"{seq_from:012d}-{seq_to:012d}-{level}.parquet"


def kind_of(share: TypeShare, key: str) -> Kind:
    """The kind of a stored column by its key."""
    return OWN[key] if key in OWN else share.kinds[key[1:]]


def decoded(path: Path, file: LakeFile, share: TypeShare, key: str) -> Column:
    """A column read from its file, page checksums checked."""
    name = key if key in OWN else column_name(share.type, key[1:])
    try:
        column = read_column(path, share.groups, name, kind_of(share, key))
    except (OSError, pa.ArrowException, KeyError) as error:
        raise damaged(path, file, f"can't be read ({error})") from error
    if len(column.values) != share.rows:
        raise damaged(path, file, f"has {len(column.values)} rows of {share.type} instead of {share.rows}")
    return column


def check_file(folder: Path, file: LakeFile) -> None:
    """Raise DamagedError unless the file is there, as long as it was, with the footer that it had."""
    path = folder / file.name
    if not path.exists():
        raise damaged(path, file, "is missing")
    size = path.stat().st_size
    if size != file.bytes:
        raise damaged(path, file, f"has {size} bytes instead of {file.bytes}")
    if footer_crc(path) != file.footer_crc:
        raise damaged(path, file, "has another footer than when it was written")


def check_strays(folder: Path, files: Sequence[LakeFile], last_seq: int) -> None:
    """Raise DamagedError if a file outside of the manifest holds records after the last one of the log.

    What a crash leaves behind holds earlier ones; this would be the work of a newer database, and no debris.
    """
    known = {file.name for file in files}
    for path in sorted(folder.glob("*.parquet")):
        if path.name not in known and _seq_to(path.name) > last_seq:
            raise DamagedError(
                "lake.newer_than_database",
                f"{path.name} holds records after {last_seq}, the last one that yutang.db knows",
                where=str(path),
                remedy="yutang.db is older than the lake: put the newer one back, or restore all from one backup",
            )


def _seq_to(name: str) -> int:
    parts = name.split("-")
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else 0


def check_pages(folder: Path, file: LakeFile) -> None:
    """As `check_file`, and every page against its checksum: reads all of the file."""
    check_file(folder, file)
    path = folder / file.name
    try:
        verify_pages(path)
    except (OSError, pa.ArrowException) as error:
        raise damaged(path, file, f"can't be read ({error})") from error


def footer_crc(path: Path) -> int:
    """CRC-32 of a Parquet file's footer with its length and magic; 0 if there is none."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TRAILER_BYTES))
        trailer = file.read(_TRAILER_BYTES)
        length = int.from_bytes(trailer[:4], "little") + _TRAILER_BYTES
        if not trailer.endswith(b"PAR1") or length > size:
            return 0
        file.seek(size - length)
        return zlib.crc32(file.read(length))


def damaged(path: Path, file: LakeFile, what: str) -> DamagedError:
    """What is raised of a file that isn't as it was written."""
    return DamagedError(
        "lake.file_damaged", f"{file.name} {what}; it held {file.holds}", where=str(path), remedy=_REMEDY
    )


def _unlink(path: Path, cache: ColumnCache, file: LakeFile, faults: Faults) -> None:
    path.unlink(missing_ok=True)
    cache.forget(shelf_name(file))
    faults.reach("compaction.unlinked")
