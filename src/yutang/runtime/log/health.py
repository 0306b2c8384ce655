"""What can be said of a log without moving it: for whoever looks after the pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from yutang.runtime.inbox.inbox import open_reader
from yutang.runtime.log import store
from yutang.runtime.log.contracts import EVENTS, Origin
from yutang.runtime.log.reading import Position
from yutang.storage.database import Database, UnitOfWork

TROUBLED_SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class Trouble:
    """A record that couldn't be processed."""

    seq: int
    kind: str
    error: str


@dataclass(frozen=True, slots=True)
class LogHealth:
    """Records processed, of them in the lake; pool time; the newest quarantined; the last reference read, by lane."""

    records: int
    flushed: int
    time_ms: int
    quarantined: Sequence[Trouble]
    refs: Mapping[str, int]


def log_health(uow: UnitOfWork) -> LogHealth:
    """How the log stands."""
    position = Position(**(store.read_state(uow, "position") or {}))
    troubled = store.read_troubled(uow, "quarantined", TROUBLED_SHOWN_MAX)
    return LogHealth(
        position.seq,
        store.read_state(uow, "flushed") or 0,
        store.read_state(uow, "time_ms") or 0,
        [Trouble(entry.seq, entry.kind, entry.error) for entry in troubled],
        position.refs(),
    )


def arrivals_between(uow: UnitOfWork, seq_from: int, seq_to: int) -> tuple[int, int] | None:
    """When the first and the last events of some records arrived, in pool time; None if they hold none."""
    return store.arrivals_between(uow, EVENTS, seq_from, seq_to)


def lost_bodies(database: Database, inbox: Path) -> int:
    """How many processed records are neither in the lake nor in the inbox: a restart would need them."""
    with database.reading() as uow:
        entries = store.read_entries(uow, store.read_state(uow, "flushed") or 0)
    wanted = {
        entry.ref for entry in entries
        if entry.state == "done" and entry.kind == EVENTS and entry.origin == Origin.INBOX
    }  # fmt: skip
    if not inbox.exists():  # to open it would make it
        return len(wanted)
    reader = open_reader(inbox)
    try:
        return len(wanted - reader.present(sorted(wanted)))
    finally:
        reader.close()
