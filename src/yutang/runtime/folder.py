"""The layout of a pool's folder, and its lock.

Invariant: whoever writes to a pool holds its lock; a second one is refused with the holder's name.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from yutang.kernel.errors import BusyError, DamagedError, InvalidError, NotFoundError


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths inside a pool's folder."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "yutang.db"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox.db"

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def media(self) -> Path:
        return self.root / "media"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def rejects(self) -> Path:
        """Where imports leave the rows that they couldn't take."""
        return self.root / "rejects"

    @property
    def config(self) -> Path:
        return self.root / "yutang.toml"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def engine_socket(self) -> Path:
        return self.root / "engine.sock"

    @property
    def intake_socket(self) -> Path:
        return self.root / "intake.sock"

    def exists(self) -> bool:
        return self.database.exists()

    def require(self) -> None:
        """Raise unless a pool lives here."""
        self.require_database()
        if not self.exists():
            raise NotFoundError(
                "pool.absent",
                f"there is no pool in {self.root}",
                remedy="import something into it, or name another folder with --data or YUTANG_DATA",
            )

    def require_database(self) -> None:
        """Raise if the lake has files but the database that names them is gone: a new one would call them debris."""
        if self.exists() or not any(self.lake.glob("*.parquet")):
            return
        raise DamagedError(
            "pool.database_missing",
            f"{self.database.name} is missing, and {self.lake} holds the events of a pool",
            where=str(self.database),
            remedy="restore it from a backup; to begin anew, use another folder",
        )

    def make(self) -> None:
        """Create what is missing of the layout."""
        for path in (self.root, self.lake, self.cache, self.media, self.keys, self.rejects):
            path.mkdir(parents=True, exist_ok=True)
        self.keys.chmod(0o700)


class FolderLock:
    """The exclusive right to a folder, held until closed or until the process ends."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    @classmethod
    def take(cls, folder: Folder, purpose: str) -> FolderLock:
        """Lock the folder, made if absent, or raise BusyError with the holder (`service 4711`)."""
        try:
            folder.root.mkdir(parents=True, exist_ok=True)
            file = folder.lock.open("a+")
        except OSError as error:
            raise InvalidError(
                "pool.folder", f"this can't be a pool's folder: {error.strerror or error}", where=str(folder.root),
                remedy="name another folder with --data or YUTANG_DATA, or mend its permissions",
            ) from None  # fmt: skip
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise BusyError(
                "pool.locked",
                f"{folder.root} is in use by {holder}",
                remedy="wait for it, stop it, or use another folder",
            ) from None
        file.seek(0)
        file.truncate()
        file.write(f"{purpose} {os.getpid()}")
        file.flush()
        return cls(file)

    @property
    def handle(self) -> int:
        """The descriptor that holds the lock; a child that inherits it holds it too."""
        return self._file.fileno()

    def release(self) -> None:
        """Give the folder back; it stays locked while a child that inherited the lock lives."""
        self._file.close()
