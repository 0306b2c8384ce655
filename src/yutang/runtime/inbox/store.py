"""All SQL of the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    column,
    delete,
    func,
    insert,
    select,
    table,
)
from sqlalchemy.dialects.sqlite import insert as upsert

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


def trim(uow: UnitOfWork, lane: str, ref: int) -> None:
    """Remove a lane's blobs up to and with a reference."""
    uow.connection.execute(delete(blobs).where(blobs.c.lane == lane, blobs.c.ref <= ref))
