"""All SQL of the audience: definitions with their versions, the change feed, snapshots of quintiles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from yutang.domains.audience.contracts import FeedRows, Ints, Label, Waiting
from yutang.kernel.instants import NEVER
from yutang.storage.database import UnitOfWork
from yutang.storage.packing import pack, unpack
from yutang.storage.schema import metadata

labels = Table(
    "labels",
    metadata,
    Column("name", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
    Column("definition", LargeBinary, nullable=False),
)
builds = Table(
    "label_builds",
    metadata,
    Column("name", String, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
    Column("definition", LargeBinary, nullable=False),
)
feed = Table(
    "change_feed",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("seq", BigInteger, nullable=False),
    Column("known_at", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("book", Integer, nullable=False, server_default="0"),
    Column("earliest_at", BigInteger, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)
books = Table(
    "feed_books",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("digest", String(64), nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index("ix_change_feed_times", feed.c.known_at, feed.c.earliest_at)
Index("ix_feed_books_digest", books.c.digest, unique=True)
checkpoints = Table(
    "feed_checkpoints",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("known_at", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
snapshots = Table(
    "label_snapshots",
    metadata,
    Column("label", String, primary_key=True),
    Column("taken_at", BigInteger, primary_key=True),
    Column("known_at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
SNAPSHOTS_READ_MAX = 1
STRIDE_CHUNKS_COUNT = 2  # chunks known at one instant that may tell of what time did before it


class Book(msgspec.Struct, array_like=True):
    """The names that codes of a chunk stand for: labels, and the values of each. Chunks share them."""

    labels: list[str]
    values: list[list[str]]


def add_label(uow: UnitOfWork, label: Label, seq: int, actor: str) -> None:
    """Keep a version of a definition."""
    uow.connection.execute(
        insert(labels).values(
            name=label.name, version=label.version, seq=seq, actor=actor, definition=msgspec.json.encode(label)
        )
    )


def read_labels(uow: UnitOfWork) -> Sequence[Label]:
    """The newest version of every definition that was changed or added here."""
    rows = uow.connection.execute(select(labels.c.definition).order_by(labels.c.name, labels.c.version))
    newest = {label.name: label for label in (msgspec.json.decode(row[0], type=Label) for row in rows)}
    return list(newest.values())


def put_waiting(uow: UnitOfWork, one: Waiting) -> None:
    """Keep a definition that isn't in force yet, in place of one of the same name."""
    drop_waiting(uow, one.label.name)
    body = msgspec.json.encode(one.label)
    uow.connection.execute(insert(builds).values(name=one.label.name, seq=one.seq, actor=one.actor, definition=body))


def drop_waiting(uow: UnitOfWork, name: str) -> None:
    """A definition waits no more, if it did."""
    uow.connection.execute(delete(builds).where(builds.c.name == name))


def read_waiting(uow: UnitOfWork) -> Mapping[str, Waiting]:
    """The definitions that aren't in force yet, by name, in the order in which they were accepted."""
    rows = uow.connection.execute(select(builds).order_by(builds.c.seq))
    return {row.name: Waiting(msgspec.json.decode(row.definition, type=Label), row.seq, row.actor) for row in rows}


def add_feed(
    uow: UnitOfWork, seq: int, known_at: int, names: Sequence[str], values: Sequence[Sequence[str]], rows: FeedRows
) -> None:
    """Append a chunk: packed columns, the names in a book that chunks share."""
    uow.connection.execute(
        insert(feed).values(
            seq=seq, known_at=known_at, rows=len(rows), body=_packed(rows),
            book=_book_number(uow, Book(list(names), [list(one) for one in values])),
            earliest_at=int(rows.at.min(initial=NEVER)),
        )
    )  # fmt: skip


def _book_number(uow: UnitOfWork, book: Book) -> int:
    body = msgspec.msgpack.encode(book)
    digest = hashlib.sha256(body).hexdigest()
    found = uow.connection.execute(select(books.c.id).where(books.c.digest == digest)).scalar()
    if found is None:
        found = uow.connection.execute(
            insert(books).values(digest=digest, body=body).returning(books.c.id)
        ).scalar_one()
    return int(found)


def _packed(rows: FeedRows) -> bytes:
    """Leads are told by how far they are from the head: most are it."""
    return pack([rows.label, rows.head, rows.lead - rows.head, rows.before, rows.after, rows.at, rows.cause])


def _unpacked(body: bytes) -> FeedRows:
    label, head, lead, *others = unpack(body)
    return FeedRows(label, head, lead + head, *others)


class Books:
    """The books of one transaction, each read once."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._read: dict[int, Book] = {}

    def find(self, number: int) -> Book:
        """The book of a number."""
        if number not in self._read:
            query = select(books.c.body).where(books.c.id == number)
            self._read[number] = msgspec.msgpack.decode(self._uow.connection.execute(query).scalar_one(), type=Book)
        return self._read[number]


def read_feed(uow: UnitOfWork, up_to: int, chunks_count_max: int) -> Iterator[tuple[int, int, Book, FeedRows]]:
    """Chunks, newest first, from the one numbered `up_to` on (0: the newest): (number, known_at, names, rows)."""
    query = select(feed.c.id, feed.c.known_at, feed.c.book, feed.c.body).order_by(feed.c.id.desc())
    if up_to:
        query = query.where(feed.c.id <= up_to)
    names = Books(uow)
    for number, known_at, book, body in uow.connection.execute(query.limit(chunks_count_max)):
        yield number, known_at, names.find(book), _unpacked(body)


def read_feed_between(
    uow: UnitOfWork, after_seq: int, up_to_seq: int, chunks_count_max: int
) -> Iterator[tuple[int, Book, FeedRows]]:
    """Chunks of the records after a number, up to and with another, newest first: (record, names, rows)."""
    query = select(feed.c.seq, feed.c.book, feed.c.body).order_by(feed.c.id.desc()).limit(chunks_count_max)
    names = Books(uow)
    for seq, book, body in uow.connection.execute(query):  # ends early, so that no index by record is needed
        if seq <= after_seq:
            return
        if seq <= up_to_seq:
            yield seq, names.find(book), _unpacked(body)


def read_feed_from(
    uow: UnitOfWork, position: int, known_at: int, at: int
) -> Iterator[tuple[int, int, Book, Callable[[], FeedRows]]]:
    """Chunks after a position, oldest first, that may hold rows known by one instant that speak of another.

    Found by the index of times, so that what doesn't fit isn't read: (number, known_at, names, what gives the rows).
    """
    c = feed.c
    # Time that passed in one stride is known at its instants: chunks known later may tell of before. They are the first
    # known then, and the next: a group tells of who was touched in it, and then time of all others up to its end.
    later = select(func.min(c.known_at)).where(c.known_at > known_at).scalar_subquery()
    first = select(c.id).where(c.known_at == later).order_by(c.id).limit(STRIDE_CHUNKS_COUNT)
    fitting = or_(c.known_at <= known_at, c.id.in_(first))
    query = select(c.id).where(c.id > position, c.earliest_at <= at, fitting)
    names = Books(uow)
    for number in sorted(uow.connection.scalars(query).all()):
        chunk = uow.connection.execute(select(c.known_at, c.book, c.body).where(c.id == number)).one()
        yield number, chunk.known_at, names.find(chunk.book), partial(_unpacked, chunk.body)


def chunks_after(uow: UnitOfWork, position: int, chunks_count_max: int) -> Sequence[tuple[int, int, int]]:
    """(number, known_at, rows) of the chunks after a position, oldest first."""
    query = select(feed.c.id, feed.c.known_at, feed.c.rows).where(feed.c.id > position).order_by(feed.c.id)
    return [(one.id, one.known_at, one.rows) for one in uow.connection.execute(query.limit(chunks_count_max))]


GENERATION = 0  # the position of no checkpoint; its `known_at` counts how often the feed was rewritten


def find_checkpoint(uow: UnitOfWork, known_at: int) -> tuple[int, int, bytes] | None:
    """The last checkpoint that knows nothing later than an instant: (position, rows before it, body)."""
    c = checkpoints.c
    query = select(c.position, c.rows, c.body).where(c.position > GENERATION, c.known_at <= known_at)
    row = uow.connection.execute(query.order_by(c.position.desc()).limit(1)).first()
    return None if row is None else (row.position, row.rows, row.body)


def feed_generation(uow: UnitOfWork) -> int:
    """How often the feed was rewritten."""
    return int(uow.connection.scalar(select(checkpoints.c.known_at).where(checkpoints.c.position == GENERATION)) or 0)


def add_checkpoint(uow: UnitOfWork, position: int, known_at: int, rows: int, body: bytes, generation: int) -> bool:
    """Keep a checkpoint, unless there is one, or the feed was rewritten since its generation; whether it was kept."""
    there = uow.connection.scalar(select(checkpoints.c.position).where(checkpoints.c.position == position))
    if there is not None or feed_generation(uow) != generation:
        return False
    values = {"position": position, "known_at": known_at, "rows": rows, "body": body}
    uow.connection.execute(insert(checkpoints).values(values))
    return True


def drop_checkpoints(uow: UnitOfWork) -> None:
    """The feed is rewritten: what was derived from it goes, and what is being derived is not to be kept."""
    generation = feed_generation(uow) + 1
    uow.connection.execute(delete(checkpoints))
    values = {"position": GENERATION, "known_at": generation, "rows": 0, "body": b""}
    uow.connection.execute(insert(checkpoints).values(values))


def add_snapshot(uow: UnitOfWork, label: str, taken_at: int, known_at: int, heads: Any, codes: Any) -> None:
    """Keep a snapshot of a quintile; one taken for the same instant again replaces nothing: the first stands."""
    found = uow.connection.execute(
        select(snapshots.c.label).where(snapshots.c.label == label, snapshots.c.taken_at == taken_at)
    ).first()
    if found is None:
        body = msgspec.msgpack.encode([heads.astype("<i8").tobytes(), codes.astype("<i1").tobytes()])
        uow.connection.execute(insert(snapshots).values(label=label, taken_at=taken_at, known_at=known_at, body=body))


def newest_snapshot(uow: UnitOfWork, label: str) -> tuple[int, Any, Any] | None:
    """(taken_at, heads, codes) of the newest snapshot of a label."""
    row = uow.connection.execute(
        select(snapshots.c.taken_at, snapshots.c.body)
        .where(snapshots.c.label == label)
        .order_by(snapshots.c.taken_at.desc())
        .limit(SNAPSHOTS_READ_MAX)
    ).first()
    if row is None:
        return None
    heads, codes = msgspec.msgpack.decode(row[1])
    return row[0], np.frombuffer(heads, "<i8").astype(np.int64), np.frombuffer(codes, "<i1").astype(np.int64)


def forget(uow: UnitOfWork, anchors: Ints) -> None:
    """Take some anchors out of every chunk of the feed and every snapshot; the others' rows stay.

    A row is whose identity led the customer; where one that goes was only the smallest number, the lead stands in.
    """
    drop_checkpoints(uow)
    for number in uow.connection.scalars(select(feed.c.id)).all():
        body = uow.connection.execute(select(feed.c.body).where(feed.c.id == number)).scalar_one()
        rows = _unpacked(body)
        kept, named = ~np.isin(rows.lead, anchors), np.isin(rows.head, anchors)
        if not kept.any():
            uow.connection.execute(delete(feed).where(feed.c.id == number))
        elif not kept.all() or named.any():
            rows = replace(rows, head=np.where(named, rows.lead, rows.head))
            left = FeedRows(*(getattr(rows, one.name)[kept] for one in fields(FeedRows)))
            values = {"rows": len(left), "earliest_at": int(left.at.min()), "body": _packed(left)}
            uow.connection.execute(update(feed).where(feed.c.id == number).values(values))
    t = snapshots.c
    for label, taken_at, body in uow.connection.execute(select(t.label, t.taken_at, t.body)).all():
        heads, codes = msgspec.msgpack.decode(body)
        kept = ~np.isin(np.frombuffer(heads, "<i8"), anchors)
        if not kept.all():
            left_over = [np.frombuffer(heads, "<i8")[kept].tobytes(), np.frombuffer(codes, "<i1")[kept].tobytes()]
            mine = (t.label == label) & (t.taken_at == taken_at)
            uow.connection.execute(update(snapshots).where(mine).values(body=msgspec.msgpack.encode(left_over)))
