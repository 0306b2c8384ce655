"""The words by which `yutang doctor` looks a pool over: slices give checks, each says what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from yutang.runtime.folder import Folder
from yutang.runtime.settings import Settings
from yutang.storage.database import Database


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. level: ok, warn or bad."""

    level: str
    subject: str
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a check looks at; the pool isn't opened, and a service may be at work on it. machine_ms: machine time."""

    folder: Folder
    settings: Settings
    database: Database
    machine_ms: int

    @property
    def language(self) -> str:
        """What the reader is spoken to in: zh or en."""
        return self.settings.language


Check = Callable[[Look], Iterator[Finding]]
