"""What a pass keeps outside of the database, to spare the next start its work: the database says what counts of it.

A mark is written after what it names is safe, in a transaction of its own; so what it names is whole, and belongs to
the past that this database tells of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yutang.runtime.log import store
from yutang.storage.database import Database, UnitOfWork

_KEY = "kept.{}"  # in the pool's state


@dataclass(frozen=True, slots=True)
class Mark:
    """What counts. seq, time_ms: of the epoch at which it was kept. name: of the file."""

    seq: int
    time_ms: int
    name: str


def write_mark(database: Database, owner: str, mark: Mark) -> None:
    """From now on this counts."""
    with database.unit() as uow:
        store.write_state(uow, {_KEY.format(owner): {"seq": mark.seq, "time_ms": mark.time_ms, "name": mark.name}})


def read_mark(uow: UnitOfWork, owner: str) -> tuple[Mark, frozenset[str]] | None:
    """(what counts, the kinds of the records after it); None if nothing was kept."""
    stored: Mapping[str, Any] | None = store.read_state(uow, _KEY.format(owner))
    if stored is None:
        return None
    mark = Mark(**stored)
    return mark, store.kinds_after(uow, mark.seq)
