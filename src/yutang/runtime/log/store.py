"""All SQL of the log: records in their one order, echoes, and the pool's state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from yutang.runtime.log.contracts import Lane, Origin, Record
from yutang.storage.database import UnitOfWork
from yutang.storage.schema import metadata

log = Table(
    "log",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("origin", String, nullable=False),
    Column("ref", BigInteger, nullable=False),
    Column("arrived_at", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
    Column("state", String, nullable=False),  # done | refused | quarantined | replayed | dropped
    Column("error", String, nullable=False),
    Column("verdict", LargeBinary, nullable=False),
)
echo = Table(
    "echo",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
quarantine = Table(
    "quarantine",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)
pool_state = Table(
    "pool_state",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as the log keeps it, without its body."""

    seq: int
    kind: str
    lane: str
    origin: str
    ref: int
    arrived_at: int
    actor: str
    state: str
    error: str
    verdict: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EchoRow:
    """A record that the engine or its API wrote itself."""

    id: int
    kind: str
    actor: str
    body: bytes


def add_entries(uow: UnitOfWork, entries: Iterable[tuple[Record, str, str, Mapping[str, Any]]]) -> None:
    """Append processed records: (record, state, error, verdict) each."""
    entries = list(entries)
    bodies = [record.body if state == "quarantined" else None for record, state, _, _ in entries]
    rows = [
        {
            "seq": record.seq,
            "kind": record.kind,
            "lane": record.lane.value,
            "origin": record.origin.value,
            "ref": record.ref,
            "arrived_at": record.arrived_at,
            "actor": record.actor,
            "state": state,
            "error": error,
            "verdict": msgspec.msgpack.encode(verdict),
        }
        for record, state, error, verdict in entries
    ]
    if rows:
        uow.connection.execute(insert(log), rows)
    # The inbox and the echo are trimmed; what couldn't be processed must outlive that.
    poison = [{"seq": row["seq"], "body": body} for row, body in zip(rows, bodies, strict=True) if body is not None]
    if poison:
        uow.connection.execute(insert(quarantine), poison)


def read_entries(uow: UnitOfWork, after_seq: int) -> Sequence[Entry]:
    """The records after a number, in order."""
    rows = uow.connection.execute(select(log).where(log.c.seq > after_seq).order_by(log.c.seq))
    return [_entry(row) for row in rows]


def read_newest(uow: UnitOfWork, kind: str, after_seq: int, up_to_seq: int, count_max: int) -> Sequence[Entry]:
    """The records of a kind after a number, up to and with another, newest first."""
    between = (log.c.kind == kind, log.c.seq > after_seq, log.c.seq <= up_to_seq)
    rows = uow.connection.execute(select(log).where(*between).order_by(log.c.seq.desc()).limit(count_max))
    return [_entry(row) for row in rows]


def arrivals_between(uow: UnitOfWork, kind: str, seq_from: int, seq_to: int) -> tuple[int, int] | None:
    """When the first and the last record of a kind arrived, of those with a number in a range; None without any."""
    within = (log.c.kind == kind, log.c.seq >= seq_from, log.c.seq <= seq_to)
    ends = [
        uow.connection.execute(select(log.c.arrived_at).where(*within).order_by(order).limit(1)).scalar()
        for order in (log.c.seq.asc(), log.c.seq.desc())
    ]
    return None if ends[0] is None or ends[1] is None else (int(ends[0]), int(ends[1]))


def has_other_kind(uow: UnitOfWork, kind: str) -> bool:
    """Whether the log holds a record of any other kind."""
    return uow.connection.execute(select(log.c.seq).where(log.c.kind != kind).limit(1)).first() is not None


def kinds_after(uow: UnitOfWork, seq: int) -> frozenset[str]:
    """The kinds of the records after one."""
    return frozenset(uow.connection.scalars(select(log.c.kind).where(log.c.seq > seq).distinct()))


def read_troubled(uow: UnitOfWork, state: str, count_max: int) -> Sequence[Entry]:
    """The newest records in a state such as `quarantined`."""
    rows = uow.connection.execute(select(log).where(log.c.state == state).order_by(log.c.seq.desc()).limit(count_max))
    return [_entry(row) for row in rows]


def count_quarantined(uow: UnitOfWork) -> int:
    """How many records' bodies are kept because they couldn't be processed."""
    return int(uow.connection.execute(select(func.count()).select_from(quarantine)).scalar_one())


def read_quarantined(uow: UnitOfWork, seq: int) -> tuple[Entry, bytes] | None:
    """A record that lies in quarantine, with its body."""
    joined = select(log, quarantine.c.body).join(quarantine, quarantine.c.seq == log.c.seq).where(log.c.seq == seq)
    row = uow.connection.execute(joined).one_or_none()
    if row is None:
        return None
    fields = {**row._mapping, "verdict": msgspec.msgpack.decode(row.verdict)}
    body = bytes(fields.pop("body"))
    return Entry(**fields), body


def list_quarantined(uow: UnitOfWork, after_seq: int, count_max: int) -> Sequence[tuple[Entry, int]]:
    """The records in quarantine after a number, in order, and the bytes of each."""
    size = func.length(quarantine.c.body).label("size")
    joined = select(log, size).join(quarantine, quarantine.c.seq == log.c.seq).where(log.c.seq > after_seq)
    found = []
    for row in uow.connection.execute(joined.order_by(log.c.seq).limit(count_max)):
        fields = {**row._mapping, "verdict": msgspec.msgpack.decode(row.verdict)}
        bytes_ = int(fields.pop("size"))
        found.append((Entry(**fields), bytes_))
    return found


def release(uow: UnitOfWork, seq: int, state: str) -> None:
    """A record leaves the quarantine: its body goes, its entry says how (`replayed`, `dropped`)."""
    uow.connection.execute(delete(quarantine).where(quarantine.c.seq == seq))
    uow.connection.execute(update(log).where(log.c.seq == seq).values(state=state))


def _entry(row: Any) -> Entry:
    return Entry(**{**row._mapping, "verdict": msgspec.msgpack.decode(row.verdict)})


def add_echo(uow: UnitOfWork, kind: str, actor: str, body: bytes) -> int:
    """Append an echo; its id."""
    result = uow.connection.execute(insert(echo).values(kind=kind, actor=actor, body=body).returning(echo.c.id))
    return int(result.scalar_one())


def read_echoes(uow: UnitOfWork, after_id: int, count_max: int) -> Sequence[EchoRow]:
    """The echoes after an id, in order."""
    rows = uow.connection.execute(select(echo).where(echo.c.id > after_id).order_by(echo.c.id).limit(count_max))
    return [EchoRow(*row) for row in rows]


def read_echo(uow: UnitOfWork, echo_id: int) -> EchoRow | None:
    """An echo by its id."""
    row = uow.connection.execute(select(echo).where(echo.c.id == echo_id)).one_or_none()
    return EchoRow(*row) if row else None


def trim_echoes(uow: UnitOfWork, up_to_id: int) -> None:
    """Remove the echoes up to and with an id."""
    uow.connection.execute(delete(echo).where(echo.c.id <= up_to_id))


def read_state(uow: UnitOfWork, key: str) -> Any:
    """A value of the pool's state, None if it was never set."""
    raw = uow.connection.execute(select(pool_state.c.value).where(pool_state.c.key == key)).scalar()
    return None if raw is None else msgspec.msgpack.decode(raw)


def write_state(uow: UnitOfWork, values: Mapping[str, Any]) -> None:
    """Set values of the pool's state."""
    for key, value in values.items():
        raw = msgspec.msgpack.encode(value)
        statement = upsert(pool_state).values(key=key, value=raw)
        uow.connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": raw}))


def record_from_entry(entry: Entry, body: bytes) -> Record:
    """The record that an entry stood for, with its body found again."""
    return Record(
        entry.seq, entry.kind, Lane(entry.lane), Origin(entry.origin), entry.ref, entry.arrived_at, body, entry.actor
    )
