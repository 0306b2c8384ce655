"""What a backup says of itself: `backup.json`, written last. A folder without it isn't a backup.

Files keep the names that they have in a pool's folder, so a backup can be looked at with the same eyes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

import msgspec

from yutang.kernel.errors import ConflictError, DamagedError, NotFoundError

FORMAT = 1
MANIFEST = "backup.json"
UNFINISHED = "backup.unfinished"  # is there while a backup is written, or a pool restored
CHUNK_BYTES = 4 * 1_024 * 1_024

Told = Callable[[str, int], None]  # which file; how many of its bytes are done since it was told last


class BackupFile(msgspec.Struct, frozen=True):
    """A file of a backup. path: within it. lake: what makes a file of the lake itself; "" for others."""

    path: str
    bytes: int
    sha256: str
    lake: str = ""


class Manifest(msgspec.Struct, frozen=True):
    """taken_at: machine ms when its moment was pinned. records, time_ms: of the log at that moment.

    events: rows of the lake. waiting: accepted events that the log hadn't processed.
    """

    format: int
    version: str
    schema: str
    taken_at: int
    time_ms: int
    records: int
    events: int
    waiting: int
    files: tuple[BackupFile, ...]

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(file.bytes for file in self.files)


def read_manifest(backup: Path) -> Manifest:
    """What a backup says of itself. Raises NotFoundError, DamagedError, ConflictError for a newer form."""
    path = backup / MANIFEST
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        unfinished = (backup / UNFINISHED).exists()
        told = "it was never finished" if unfinished else f"it holds no {MANIFEST}"
        raise NotFoundError(
            "backup.absent", f"that is no backup: {told}", where=str(backup),
            remedy="name the folder that `yutang backup` wrote",
        ) from None  # fmt: skip
    try:
        head = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        newer = int(msgspec.json.decode(head["format"])) > FORMAT
        manifest = None if newer else msgspec.json.decode(raw, type=Manifest)
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError):
        raise DamagedError(
            "backup.damaged", f"{MANIFEST} can't be read", where=str(path), remedy="use another backup"
        ) from None
    if manifest is None:
        raise ConflictError(
            "backup.newer", "a newer version of Yutang wrote it", where=str(path), remedy="use that version"
        )
    return manifest


def copy_hashed(source: IO[bytes], target: Path, told: Callable[[int], None]) -> tuple[int, str]:
    """Copy an open file from its start, durably; how many bytes, and their SHA-256."""
    with target.open("xb") as file:
        found = hash_file(source, told, file)
        file.flush()
        os.fsync(file.fileno())
    return found


def hash_file(source: IO[bytes], told: Callable[[int], None], into: IO[bytes] | None = None) -> tuple[int, str]:
    """Bytes and SHA-256 of an open file from its start, on the way written into another."""
    digest, count = hashlib.sha256(), 0
    source.seek(0)
    while chunk := source.read(CHUNK_BYTES):
        digest.update(chunk)
        if into is not None:
            into.write(chunk)
        count += len(chunk)
        told(len(chunk))
    return count, digest.hexdigest()
