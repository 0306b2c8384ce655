"""The proof: a search of every file of a pool's folder for the values of somebody who was erased.

SQLite files are searched cell by cell and as raw bytes (free pages, write-ahead log), Parquet as raw bytes and
decoded, word by word, the rest as raw bytes. A value in an event that lies in the lake now is another customer's,
since the erased one's events are gone: it is told, not counted as left. Cost: reads the whole folder once.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from yutang.kernel.errors import DamagedError
from yutang.runtime.erasing.contracts import Place, Proof
from yutang.runtime.erasing.needles import Needles
from yutang.runtime.folder import Folder
from yutang.storage.searching import files_of, found_in_cells
from yutang.timeline.arranging_store import labels_in
from yutang.timeline.cache import ColumnCache
from yutang.timeline.manifest import LakeFile

_BACKUP = ".before-"  # in the names of what upgrades left
_UNREAD = frozenset({"lock", "engine.sock", "intake.sock", "yutang.db-shm", "inbox.db-shm"})


@dataclass(slots=True)
class _Found:
    searched: list[str] = field(default_factory=list)
    left: list[Place] = field(default_factory=list)
    others: list[Place] = field(default_factory=list)
    pending: list[str] = field(default_factory=list)
    backups: list[str] = field(default_factory=list)


def search(
    folder: Folder, files: Sequence[LakeFile], needles: Needles, skipped: tuple[str, ...], erased_at: int
) -> Proof:
    """What the folder holds of some values. files: the manifest's. Waits for nobody; see `Proof.pending`.

    erased_at: what arrived later is told as another's.
    """
    found = _Found()
    known: set[Path] = set()
    for database in (folder.database, folder.inbox):
        known.update(files_of(database))
        _search_database(found, database, needles, erased_at)
    shared = _search_lake(found, folder, files, needles)
    _search_cache(found, folder, files, needles, shared)
    for path in sorted(path for path in folder.root.rglob("*") if path.is_file() and path not in known):
        if path.parent == folder.lake or folder.cache in path.parents or path.name in _UNREAD:
            continue
        if _BACKUP in path.name:
            found.backups.append(path.name)
        else:
            found.searched.append(str(path.relative_to(folder.root)))
            _keep(found.left, str(path.relative_to(folder.root)), raw_matches(path, needles))
    return Proof(tuple(found.searched), tuple(found.left), tuple(found.others), skipped, tuple(found.pending),
                 tuple(found.backups))  # fmt: skip


def raw_matches(path: Path, needles: Needles) -> set[str]:
    """The kinds of the values that occur in a file's bytes; nothing if it went meanwhile."""
    if needles.parts is None:
        return set()
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                return set()
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                return {needles.kinds[one.group().lower().decode()] for one in needles.parts.finditer(mapped)}
    except FileNotFoundError:
        return set()


def _keep(places: list[Place], where: str, kinds: set[str]) -> None:
    places.extend(Place(where, kind) for kind in sorted(kinds))


def _search_database(found: _Found, database: Path, needles: Needles, erased_at: int) -> None:
    if not database.exists():
        return
    fresh: set[str] = set()
    for where, what, newer in found_in_cells(database, needles.of, ("arrived_at", erased_at)):
        (found.others if newer else found.left).append(Place(f"{database.name} {where}", what))
        fresh |= {what} if newer else set()
    for path in files_of(database):
        found.searched.append(path.name)
        _keep(found.left, f"{path.name} (bytes)", raw_matches(path, needles) - fresh)


def _search_lake(found: _Found, folder: Folder, files: Sequence[LakeFile], needles: Needles) -> dict[str, set[str]]:
    """By file, the kinds of the values that stand in events of others."""
    names = {file.name for file in files}
    shared: dict[str, set[str]] = {}
    for path in sorted(path for path in folder.lake.glob("*") if path.is_file()):
        if path.name not in names:
            found.pending.append(f"lake/{path.name}")
            continue
        found.searched.append(f"lake/{path.name}")
        used, unused = _words_found(path, needles)
        shared[path.name] = {kind for _, kind in used}
        found.others.extend(Place(f"lake/{path.name} {column}", kind) for column, kind in sorted(used))
        found.left.extend(Place(f"lake/{path.name} {column} (unused word)", kind) for column, kind in sorted(unused))
        _keep(found.left, f"lake/{path.name} (bytes)", raw_matches(path, needles) - shared[path.name])
    return shared


def _words_found(path: Path, needles: Needles) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """((column, kind) of words that rows use, of words that are there and nobody uses)."""
    used: set[tuple[str, str]] = set()
    unused: set[tuple[str, str]] = set()
    try:
        with pq.ParquetFile(path) as opened:
            wordy = [one.name for one in opened.schema_arrow if _is_wordy(one.type)]
        with pq.ParquetFile(path, read_dictionary=wordy) as opened:
            for group in range(opened.num_row_groups):
                for name, column in _columns(opened, group, wordy):
                    in_rows = {kind for word in pa.compute.unique(column.cast(pa.large_string())).to_pylist()
                               for kind in needles.of(word)}  # fmt: skip
                    there = {kind for chunk in column.chunks for word in chunk.dictionary.to_pylist()
                             for kind in needles.of(word)}  # fmt: skip
                    used |= {(name, kind) for kind in in_rows}
                    unused |= {(name, kind) for kind in there - in_rows}
    except FileNotFoundError:
        return set(), set()
    except pa.ArrowException as error:
        raise DamagedError(
            "lake.file_damaged", f"{path.name} can't be read ({error})", where=str(path), remedy="run `yutang doctor`"
        ) from error
    return used, unused


def _is_wordy(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner))


def _columns(opened: pq.ParquetFile, group: int, names: list[str]) -> Iterator[tuple[str, pa.ChunkedArray]]:
    for name in names:
        column = opened.read_row_group(group, columns=[name], use_threads=False).column(name)
        yield name, column if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def _search_cache(
    found: _Found, folder: Folder, files: Sequence[LakeFile], needles: Needles, shared: dict[str, set[str]]
) -> None:
    """Columns of files that are there may hold what those hold; of others nothing may be left."""
    cache = ColumnCache(folder.cache)
    # What stands in the folder itself is nobody's column: what passes keep for the next start.
    shelves: dict[str, set[str]] = {path.name: set() for path in folder.cache.glob("*") if path.is_file()}
    shelves |= {cache.shelf(file).name: shared.get(file.name, set()) for file in files}
    for one in labels_in(folder.cache):
        if all(shelf in shelves for shelf in one.files):
            shelves[one.shelf] = set().union(*(shelves[shelf] for shelf in one.files))
            shelves[one.heads] = set()
    count = 0
    for path in sorted(path for path in folder.cache.rglob("*") if path.is_file()):
        shelf = path.relative_to(folder.cache).parts[0]
        if shelf not in shelves:
            found.pending.append(f"cache/{shelf}")
            continue
        count += 1
        where = f"cache/{path.relative_to(folder.cache)}"
        _keep(found.left, where, raw_matches(path, needles) - shelves[shelf])
    found.searched.append(f"cache/ ({count})")
    found.pending[:] = dict.fromkeys(found.pending)
