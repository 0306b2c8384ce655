"""All SQL of the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    column,
    delete,
    func,
    insert,
    or_,
    select,
    table,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from yutang.runtime.receiving import RawPayload
from yutang.storage.database import Database, UnitOfWork

inbox_metadata = MetaData()

blobs = Table(
    "blobs",
    inbox_metadata,
    Column("ref", Integer, primary_key=True, autoincrement=True),
    Column("lane", String, nullable=False),
    Column("arrived_at", BigInteger, nullable=False),
    Column("events", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    # Looking at what waits reads no bodies, and nothing of the other lane.
    Index("blobs_waiting", "lane", "ref", "arrived_at", "events"),
    sqlite_autoincrement=True,  # a reference is never used twice, though rows are trimmed
)
progress = Table(
    "import_progress",
    inbox_metadata,
    Column("job", String, primary_key=True),
    Column("next_row", BigInteger, nullable=False),
)
# SQLite's own: the last reference that it gave out for each table.
_sequences = table("sqlite_sequence", column("name"), column("seq"))


@dataclass(frozen=True, slots=True)
class Head:
    """A batch that waits, without its body."""

    ref: int
    lane: str
    arrived_at: int
    events: int


@dataclass(frozen=True, slots=True)
class Blob:
    """A batch as it lies in the inbox. arrived_at: pool time."""

    ref: int
    lane: str
    arrived_at: int
    events: int
    body: bytes


def make_tables(database: Database) -> None:
    """Create what is missing."""
    with database.unit() as uow:
        inbox_metadata.create_all(uow.connection)
        for index in blobs.indexes:  # an older inbox has the table without it
            index.create(uow.connection, checkfirst=True)


def add_blob(uow: UnitOfWork, lane: str, arrived_at: int, events: int, body: bytes) -> int:
    """Append a blob; its reference."""
    result = uow.connection.execute(
        insert(blobs).values(lane=lane, arrived_at=arrived_at, events=events, body=body).returning(blobs.c.ref)
    )
    return int(result.scalar_one())


def next_row(uow: UnitOfWork, job: str) -> int:
    """The first row of the job's input that isn't in the inbox yet; 0 for a job never seen."""
    found = uow.connection.execute(select(progress.c.next_row).where(progress.c.job == job)).scalar()
    return int(found or 0)


def set_next_row(uow: UnitOfWork, job: str, row: int) -> None:
    """Remember how far a job came."""
    statement = upsert(progress).values(job=job, next_row=row)
    uow.connection.execute(statement.on_conflict_do_update(index_elements=["job"], set_={"next_row": row}))


def last_arrival(uow: UnitOfWork) -> int:
    """The newest arrival in the inbox, 0 if it is empty."""
    return int(uow.connection.execute(select(func.max(blobs.c.arrived_at))).scalar() or 0)


def read_heads(uow: UnitOfWork, lane: str, ref: int, count_max: int) -> Sequence[Head]:
    """The next blobs of a lane, in order."""
    columns = (blobs.c.ref, blobs.c.lane, blobs.c.arrived_at, blobs.c.events)
    rows = uow.connection.execute(
        select(*columns).where(blobs.c.lane == lane, blobs.c.ref > ref).order_by(blobs.c.ref).limit(count_max)
    )
    return [Head(*row) for row in rows]


def read_bodies(uow: UnitOfWork, refs: Sequence[int]) -> dict[int, bytes]:
    """Bodies by reference."""
    rows = uow.connection.execute(select(blobs.c.ref, blobs.c.body).where(blobs.c.ref.in_(refs)))
    return {row.ref: row.body for row in rows}


def present(uow: UnitOfWork, refs: Sequence[int]) -> frozenset[int]:
    """Those of some references whose blobs are there."""
    if not refs:
        return frozenset()
    between = select(blobs.c.ref).where(blobs.c.ref >= min(refs), blobs.c.ref <= max(refs))
    return frozenset(uow.connection.execute(between).scalars()) & frozenset(refs)


def last_ref(uow: UnitOfWork) -> int:
    """The newest reference ever given out, trimmed ones included; 0 if none was."""
    found = uow.connection.execute(select(_sequences.c.seq).where(_sequences.c.name == blobs.name)).scalar()
    return int(found or 0)


def read_one(uow: UnitOfWork, ref: int) -> Blob | None:
    """A blob by its reference."""
    row = uow.connection.execute(select(blobs).where(blobs.c.ref == ref)).one_or_none()
    return Blob(*row) if row else None


def events_after(uow: UnitOfWork, lane: str, ref: int) -> int:
    """How many events of a lane wait."""
    waiting = select(func.sum(blobs.c.events)).where(blobs.c.lane == lane, blobs.c.ref > ref)
    return int(uow.connection.execute(waiting).scalar() or 0)


def backlog(uow: UnitOfWork, lane: str, ref: int) -> tuple[int, int]:
    """How many events of a lane wait, and the first arrival among them, 0 if none does."""
    waiting = select(func.sum(blobs.c.events), func.min(blobs.c.arrived_at)).where(
        blobs.c.lane == lane, blobs.c.ref > ref
    )
    row = uow.connection.execute(waiting).one()
    return int(row[0] or 0), int(row[1] or 0)


def waiting_heads(uow: UnitOfWork) -> Sequence[Head]:
    """Every blob that is there, without its body, in order."""
    columns = (blobs.c.ref, blobs.c.lane, blobs.c.arrived_at, blobs.c.events)
    return [Head(*row) for row in uow.connection.execute(select(*columns).order_by(blobs.c.ref))]


def trim(uow: UnitOfWork, lane: str, ref: int, count_max: int) -> int:
    """Remove a lane's oldest blobs up to and with a reference, count_max of them at most; how many."""
    oldest = select(blobs.c.ref).where(blobs.c.lane == lane, blobs.c.ref <= ref).order_by(blobs.c.ref).limit(count_max)
    return uow.connection.execute(delete(blobs).where(blobs.c.ref.in_(oldest))).rowcount


# ── bodies of webhooks that didn't map ──────────────────────────────────────────────────────────

payloads = Table(
    "payloads",
    inbox_metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("hook", String, nullable=False),
    Column("arrived_at", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("code", String, nullable=False),
    Column("message", String, nullable=False),
    Column("headers", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("payloads_by_hook", "hook", "id", "size"),
    sqlite_autoincrement=True,  # an id that someone has read stays that payload's
)
payload_losses = Table(
    "payload_losses",
    inbox_metadata,
    Column("hook", String, primary_key=True),
    Column("expired", Integer, nullable=False),
    Column("crowded_out", Integer, nullable=False),
)
_HEAD = (
    payloads.c.id, payloads.c.hook, payloads.c.arrived_at, payloads.c.size, payloads.c.code, payloads.c.message,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PayloadHead:
    """A kept payload without its body. arrived_at: pool time. size: of headers and body, in bytes."""

    id: int
    hook: str
    arrived_at: int
    size: int
    code: str
    message: str


def add_payload(uow: UnitOfWork, arrived_at: int, payload: RawPayload) -> int:
    """Keep a webhook's body; its id."""
    headers = msgspec.json.encode(payload.headers)
    row = {
        "hook": payload.hook,
        "arrived_at": arrived_at,
        "size": len(headers) + len(payload.body),
        "code": payload.code,
        "message": payload.message,
        "headers": headers,
        "body": payload.body,
    }
    return int(uow.connection.execute(insert(payloads).values(row).returning(payloads.c.id)).scalar_one())


def payload_sums(uow: UnitOfWork, hook: str) -> tuple[int, int]:
    """How many payloads of a hook are kept, and their bytes."""
    row = uow.connection.execute(select(func.count(), func.sum(payloads.c.size)).where(payloads.c.hook == hook)).one()
    return int(row[0]), int(row[1] or 0)


def payloads_fitting(uow: UnitOfWork, hook: str, count_max: int, bytes_max: int) -> int:
    """The oldest id to keep so that the newest payloads of a hook fit; above all ids if none does."""
    total = func.sum(payloads.c.size).over(order_by=payloads.c.id.desc())
    newest = (
        select(payloads.c.id, total.label("total"))
        .where(payloads.c.hook == hook)
        .order_by(payloads.c.id.desc())
        .limit(count_max)
        .subquery()
    )
    found = uow.connection.execute(select(func.min(newest.c.id)).where(newest.c.total <= bytes_max)).scalar()
    return int(found) if found is not None else 2**62


def drop_payloads_before(uow: UnitOfWork, hook: str, *, number: int = 0, arrived_at: int = 0) -> int:
    """Remove a hook's payloads with a smaller id, or that arrived earlier; how many."""
    older = or_(payloads.c.id < number, payloads.c.arrived_at < arrived_at)
    return uow.connection.execute(delete(payloads).where(payloads.c.hook == hook, older)).rowcount


def drop_payloads(uow: UnitOfWork, ids: Sequence[int]) -> int:
    """Remove payloads; how many were there."""
    return uow.connection.execute(delete(payloads).where(payloads.c.id.in_(ids))).rowcount


def mark_payload(uow: UnitOfWork, number: int, code: str, message: str) -> None:
    """Say what is wrong with a payload now."""
    uow.connection.execute(update(payloads).where(payloads.c.id == number).values(code=code, message=message))


def count_losses(uow: UnitOfWork, hook: str, expired: int, crowded_out: int) -> None:
    """Add to what a hook has lost."""
    statement = upsert(payload_losses).values(hook=hook, expired=expired, crowded_out=crowded_out)
    added = {
        "expired": payload_losses.c.expired + expired,
        "crowded_out": payload_losses.c.crowded_out + crowded_out,
    }
    uow.connection.execute(statement.on_conflict_do_update(index_elements=["hook"], set_=added))


def read_losses(uow: UnitOfWork, hook: str) -> tuple[int, int]:
    """How many payloads of a hook have expired, and how many were crowded out."""
    columns = (payload_losses.c.expired, payload_losses.c.crowded_out)
    row = uow.connection.execute(select(*columns).where(payload_losses.c.hook == hook)).one_or_none()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def payload_hooks(uow: UnitOfWork) -> Sequence[str]:
    """The hooks of which payloads are kept."""
    return list(uow.connection.execute(select(payloads.c.hook).distinct()).scalars())


def read_payload_heads(uow: UnitOfWork, hook: str, after: int, count_max: int) -> Sequence[PayloadHead]:
    """The payloads of a hook ("": of any) above an id, oldest first."""
    of_hook = [payloads.c.hook == hook] if hook else []
    statement = select(*_HEAD).where(payloads.c.id > after, *of_hook).order_by(payloads.c.id).limit(count_max)
    return [PayloadHead(*row) for row in uow.connection.execute(statement)]


def read_payload(uow: UnitOfWork, number: int) -> tuple[PayloadHead, bytes, bytes] | None:
    """A payload with its headers and body."""
    statement = select(*_HEAD, payloads.c.headers, payloads.c.body).where(payloads.c.id == number)
    row = uow.connection.execute(statement).one_or_none()
    return (PayloadHead(*row[:6]), row.headers, row.body) if row else None


def read_payload_bodies(uow: UnitOfWork, after: int, count_max: int) -> Sequence[tuple[int, bytes]]:
    """Payloads of all hooks above an id, oldest first: each with its headers and body as one text."""
    columns = (payloads.c.id, payloads.c.headers, payloads.c.body)
    statement = select(*columns).where(payloads.c.id > after).order_by(payloads.c.id).limit(count_max)
    return [(row.id, row.headers + b"\n" + row.body) for row in uow.connection.execute(statement)]
