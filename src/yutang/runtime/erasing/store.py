"""All SQL of erasing: the tombstones, and what the log's own tables may hold of somebody who is erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Integer, String, Table, Text, insert, select, update

from yutang.kernel.event import EventBlob, decode_blob, encode_blob
from yutang.runtime.erasing.needles import Needles
from yutang.runtime.log.contracts import EVENTS
from yutang.runtime.log.store import log, quarantine, read_state, write_state
from yutang.storage.database import UnitOfWork
from yutang.storage.schema import metadata

erasures = Table(
    "erasures",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("customer", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("identities", Integer, nullable=False),
    Column("events", BigInteger, nullable=False),
)
ERASURES_READ_MAX = 10_000
UNSCRUBBED = "unscrubbed"  # of the pool's state: the last erasure's traces in free pages may not be gone yet
ERASED_TEXT = "(erased)"


def add_erasure(uow: UnitOfWork, **values: Any) -> None:
    """Keep a tombstone, and that the database's free pages are still to be cleaned."""
    uow.connection.execute(insert(erasures).values(**values))
    write_state(uow, {UNSCRUBBED: True})


def read_erasures(uow: UnitOfWork) -> Sequence[Any]:
    """The tombstones, newest first."""
    return uow.connection.execute(select(erasures).order_by(erasures.c.seq.desc()).limit(ERASURES_READ_MAX)).all()


def unscrubbed(uow: UnitOfWork) -> bool:
    """Whether the traces of an erasure in free pages are still to be removed."""
    return bool(read_state(uow, UNSCRUBBED))


def note_scrubbed(uow: UnitOfWork) -> None:
    """The traces are gone."""
    write_state(uow, {UNSCRUBBED: False})


def clean_log(uow: UnitOfWork, needles: Needles) -> None:
    """Take the values out of what the log keeps of records that were refused or quarantined."""
    t = log.c
    troubled = uow.connection.execute(select(t.seq, t.error, t.verdict).where(t.state != "done")).all()
    for seq, error, verdict in troubled:
        if needles.of(error) or needles.of(verdict):
            blank = {"error": ERASED_TEXT, "verdict": msgspec.msgpack.encode({})}
            uow.connection.execute(update(log).where(t.seq == seq).values(blank))
    q = quarantine.c
    for seq, kind, body in uow.connection.execute(select(q.seq, t.kind, q.body).join(log, t.seq == q.seq)).all():
        cleaned = _cleaned(kind, body, needles)
        if cleaned != body:
            uow.connection.execute(update(quarantine).where(q.seq == seq).values(body=cleaned))


def _cleaned(kind: str, body: bytes, needles: Needles) -> bytes:
    """A quarantined body without the events that carry a value; empty if it isn't of events, and holds one."""
    if kind != EVENTS:
        return b"" if needles.within(body) else body
    try:
        blob = decode_blob(body)
    except msgspec.MsgspecError:
        return b"" if needles.within(body) else body
    kept = [
        event for event in blob.events
        if not any(needles.of(identity.value) for identity in event.identities)
        and not needles.within(msgspec.json.encode(event.properties))
    ]  # fmt: skip
    return (
        body
        if len(kept) == len(blob.events)
        else encode_blob(EventBlob(blob.feed, blob.history, blob.schema_version, kept))
    )
