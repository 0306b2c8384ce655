"""Columns of the lake's files as raw arrays that can be mapped: `cache/<file>-<crc>/<column>.npy` and `.arrow`.

Derived and deletable at any time; written whole (synced, then renamed), so what is found is complete.
Invariant: a folder's name holds its file's checksum, so a column never outlives the file it came from.
Mapped pages belong to the system's page cache, not to the process. If the disk refuses, columns stay in memory.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa

from yutang.conditions.vocabulary import Kind
from yutang.kernel.ids import content_key
from yutang.timeline.columns import WORDY, Words, words_of
from yutang.timeline.manifest import LakeFile
from yutang.timeline.view import Column


class ColumnCache:
    """The cache folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def shelf(self, file: LakeFile) -> Path:
        """The folder of a file's columns."""
        return self.folder / f"{Path(file.name).stem}-{file.footer_crc:08x}"

    def column(self, file: LakeFile, rows: int, type_name: str, key: str, kind: Kind) -> Column | None:
        """A mapped column, None if it isn't there or isn't whole."""
        path = self.shelf(file) / content_key(type_name, key)
        try:
            # "c": written pages would be private, so the arrays need no read-only kernels of their own.
            values = np.asarray(np.load(path.with_suffix(".npy"), mmap_mode="c" if rows else None))
            words = Words(_mapped_words(path.with_suffix(".arrow"))) if kind in WORDY else ()
        except (OSError, EOFError, ValueError, pa.ArrowInvalid):
            return None
        return Column(kind, values, words) if values.shape == (rows,) and values.dtype == np.int64 else None

    def keep(self, file: LakeFile, type_name: str, key: str, column: Column) -> Column:
        """Write a column and give it back mapped; itself if the disk refuses."""
        path = self.shelf(file) / content_key(type_name, key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if column.kind in WORDY:
                _write(path.with_suffix(".arrow"), lambda out: _write_words(out, words_of(column)))
            _write(path.with_suffix(".npy"), lambda out: np.save(out, column.values))
        except OSError:
            return column
        return self.column(file, len(column.values), type_name, key, column.kind) or column

    def forget(self, file: LakeFile) -> None:
        """Delete the columns of a file."""
        shutil.rmtree(self.shelf(file), ignore_errors=True)

    def sweep(self, files: Iterable[LakeFile]) -> None:
        """Delete what belongs to none of the files."""
        known = {self.shelf(file).name for file in files}
        if self.folder.exists():
            for path in self.folder.iterdir():
                if path.is_dir() and path.name not in known:
                    shutil.rmtree(path, ignore_errors=True)


def _write(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    # Synced, because after a power loss a name without its bytes would read as zeros.
    draft = path.with_name(f"{path.name}.draft-{os.getpid()}-{id(write)}")
    try:
        with draft.open("wb") as out:
            write(out)
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
