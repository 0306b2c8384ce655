"""Derived columns as raw arrays that can be mapped: `cache/<shelf>/<column>.npy` and `.arrow`.

Deletable at any time; written whole (synced, then renamed), so what is found is complete. A shelf is a folder
whose name holds checksums of the files that its columns were made from, so a column never outlives those.
Mapped pages belong to the system's page cache, not to the process.

Invariant: the columns on disk keep within a budget, and those in memory (where the disk refuses) within another:
the least recently used are let go, and made again when asked for. Whoever has a column at hand keeps it meanwhile.
Any thread may ask.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from yutang.conditions.vocabulary import Kind
from yutang.kernel.ids import content_key
from yutang.timeline.columns import WORDY, Words, words_of
from yutang.timeline.manifest import LakeFile
from yutang.timeline.steps import Ints
from yutang.timeline.view import Column

GB = 1 << 30
CRAMPED_SHARE = 8  # of the budget: what is left free for what is asked for
CACHE_GB = 24  # on disk, unless set otherwise
MEMORY_BYTES_MAX = 256 << 20  # of columns that the disk refused


@dataclass(frozen=True, slots=True)
class Place:
    """Where a column is kept. shelf: a folder's name. key: what tells it from the others there."""

    shelf: str
    key: tuple[str, ...]
    kind: Kind
    rows: int | None  # None: as many as there are

    @property
    def stem(self) -> str:
        """Its path inside the cache folder, without what the name ends in."""
        return f"{self.shelf}/{content_key(*self.key)}"


class ColumnCache:
    """The cache folder."""

    def __init__(self, folder: Path, bytes_max: int = CACHE_GB * GB) -> None:
        self.folder = folder
        self._bytes_max = bytes_max
        self._lock = threading.RLock()
        self._at_hand: dict[tuple[str, tuple[str, ...]], tuple[str, Column]] = {}
        self._memory = _Room(MEMORY_BYTES_MAX)
        self._disk: _Room | None = None  # None: not looked at yet
        self._making: dict[str, threading.Lock] = {}

    @property
    def cramped(self) -> bool:
        """Whether hardly anything can be kept without something else being let go."""
        with self._lock:
            return self._room().cramped

    def shelf(self, file: LakeFile) -> Path:
        """The folder of a file's columns."""
        return self.folder / shelf_name(file)

    def find(self, place: Place) -> Column | None:
        """A column, None if it isn't there or isn't whole."""
        known = self._at_hand.get((place.shelf, place.key))
        if known is not None:
            stem, column = known
            self._memory.touch(stem)
            if self._disk is not None:
                self._disk.touch(stem)
            return column
        found = self._mapped(place)
        if found is not None:
            with self._lock:
                self._at_hand[place.shelf, place.key] = (place.stem, found)
        return found

    def made(self, place: Place, make: Callable[[], Column]) -> Column:
        """A column, made and kept if it isn't there; in memory if the disk refuses."""
        found = self.find(place)
        if found is not None:
            return found
        with self.making(place):
            return self.find(place) or self.keep(place, make())

    @contextmanager
    def making(self, place: Place) -> Iterator[None]:
        """Who makes a column; others who want it wait meanwhile."""
        with self._lock:
            lock = self._making.setdefault(place.stem, threading.Lock())
        try:
            with lock:
                yield
        finally:
            with self._lock:
                self._making.pop(place.stem, None)

    def keep(self, place: Place, column: Column) -> Column:
        """Write a column and give it back mapped; itself if the disk refuses."""
        words = words_of(column) if column.kind in WORDY else None
        try:
            return self.write([place], len(column.values), [[column.values]], words)[0]
        except OSError:
            return self.keep_in_memory(place, column)

    def write(
        self, places: list[Place], rows: int, blocks: Iterable[Sequence[Ints]], words: pa.Array | None = None
    ) -> list[Column]:
        """Write columns of so many rows side by side, each block holding some rows of each; gives them back mapped.

        Each is there whole, or not at all. Raises OSError if the disk refuses.
        """
        paths = [self.folder / place.stem for place in places]
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as drafts:
            if words is not None:
                with _draft(paths[0].with_suffix(".arrow")) as out:
                    _write_words(out, words)
            outs = [drafts.enter_context(_draft(path.with_suffix(".npy"))) for path in paths]
            for out in outs:
                shape = {"descr": "<i8", "fortran_order": False, "shape": (rows,)}
                np.lib.format.write_array_header_1_0(out, shape)
            for block in blocks:
                for out, values in zip(outs, block, strict=True):
                    out.write(np.ascontiguousarray(values, np.int64).data)
        mapped = [self._mapped(place) for place in places]
        written = [column for column in mapped if column is not None]
        if len(written) < len(places):
            raise OSError(f"{paths[0]} can't be read back")
        with self._lock:
            for place, column in zip(places, written, strict=True):
                self._at_hand[place.shelf, place.key] = (place.stem, column)
        self._count(paths)
        return written

    def keep_in_memory(self, place: Place, column: Column) -> Column:
        """Have a column at hand as long as there is room."""
        with self._lock:
            self._at_hand[place.shelf, place.key] = (place.stem, column)
            self._let_go(self._memory.add(place.stem, column.values.nbytes))
        return column

    def forget(self, shelf: str) -> None:
        """Delete the columns of a shelf."""
        shutil.rmtree(self.folder / shelf, ignore_errors=True)
        with self._lock:
            for key in [key for key in list(self._at_hand) if key[0] == shelf]:
                self._memory.drop(self._at_hand.pop(key)[0])
            if self._disk is not None:
                self._disk.drop_shelf(shelf)

    def sweep(self, shelves: Iterable[str]) -> None:
        """Delete the shelves that aren't among those named."""
        known = set(shelves)
        if self.folder.exists():
            for path in self.folder.iterdir():
                if path.is_dir() and path.name not in known:
                    self.forget(path.name)

    def _mapped(self, place: Place) -> Column | None:
        path = self.folder / place.stem
        try:
            # "c": written pages would be private, so the arrays need no read-only kernels of their own.
            mapped = place.rows != 0 and path.with_suffix(".npy").stat().st_size > _HEADER_BYTES
            values = np.asarray(np.load(path.with_suffix(".npy"), mmap_mode="c" if mapped else None))
            words = Words(_mapped_words(path.with_suffix(".arrow"))) if place.kind in WORDY else ()
            os.utime(path.with_suffix(".npy"))
        except (OSError, EOFError, ValueError, pa.ArrowInvalid):
            return None
        if values.ndim != 1 or values.dtype != np.int64 or (place.rows is not None and len(values) != place.rows):
            return None
        return Column(place.kind, values, words)

    def _count(self, paths: list[Path]) -> None:
        """Count what was written, and let go of what there is no room for."""
        with self._lock:
            disk, gone = self._room(), []
            for path in paths:
                gone += disk.add(str(path.relative_to(self.folder)), _size(path))
            self._unlink(gone)

    def _room(self) -> _Room:
        if self._disk is None:
            self._disk = _Room(self._bytes_max)
            for _, stem, size in sorted(_files_of(self.folder)):
                self._unlink(self._disk.add(stem, size))
        return self._disk

    def _unlink(self, stems: list[str]) -> None:
        for stem in stems:
            for ending in (".npy", ".arrow"):
                (self.folder / (stem + ending)).unlink(missing_ok=True)
        self._let_go(stems)

    def _let_go(self, stems: list[str]) -> None:
        if stems:
            gone = set(stems)
            # Of a copy, made at once: a finalizer may forget a shelf in the midst of it.
            for key in [key for key, (stem, _) in list(self._at_hand.items()) if stem in gone]:
                self._at_hand.pop(key, None)


class _Room:
    """What takes up room, the least recently used first."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._sizes: OrderedDict[str, int] = OrderedDict()

    @property
    def cramped(self) -> bool:
        return self._bytes * CRAMPED_SHARE > self._bytes_max * (CRAMPED_SHARE - 1)

    def touch(self, stem: str) -> None:
        with suppress(KeyError):
            self._sizes.move_to_end(stem)

    def add(self, stem: str, size: int) -> list[str]:
        """Count something as just used; returns what must go for it."""
        self.drop(stem)
        self._sizes[stem] = size
        self._bytes += size
        gone = []
        while self._bytes > self._bytes_max and len(self._sizes) > 1:
            oldest, its_size = self._sizes.popitem(last=False)
            self._bytes -= its_size
            gone.append(oldest)
        return gone

    def drop(self, stem: str) -> None:
        self._bytes -= self._sizes.pop(stem, 0)

    def drop_shelf(self, shelf: str) -> None:
        # Of a copy, made at once: whoever reads a column moves it meanwhile, without a lock.
        for stem in [stem for stem in list(self._sizes) if stem.startswith(f"{shelf}/")]:
            self.drop(stem)


_HEADER_BYTES = 128  # of an .npy file; one that is no longer holds no rows


def shelf_name(file: LakeFile) -> str:
    """The name of the shelf of a file's columns."""
    return f"{Path(file.name).stem}-{file.footer_crc:08x}"


def _files_of(folder: Path) -> Iterator[tuple[float, str, int]]:
    """(when it was last used, stem, bytes) of each column that is there."""
    for path in folder.glob("*/*.npy"):
        with suppress(OSError):
            yield path.stat().st_mtime, str(path.relative_to(folder).with_suffix("")), _size(path.with_suffix(""))


def _size(path: Path) -> int:
    size = 0
    for ending in (".npy", ".arrow"):
        with suppress(OSError):
            size += path.with_suffix(ending).stat().st_size
    return size


@contextmanager
def _draft(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name once it is whole. Synced: after a power loss a name alone would read as zeros."""
    draft = path.with_name(f"{path.name}.draft-{os.getpid()}-{threading.get_ident()}")
    try:
        with draft.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def _write_words(out: IO[bytes], words: pa.Array) -> None:
    batch = pa.record_batch([words], names=["words"])
    with pa.ipc.new_file(out, batch.schema) as writer:
        writer.write_batch(batch)


def _mapped_words(path: Path) -> pa.Array:
    with pa.ipc.open_file(pa.memory_map(str(path))) as reader:
        return reader.get_batch(0).column(0)
