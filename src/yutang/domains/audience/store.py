"""All SQL of the audience: definitions with their versions, the change feed, snapshots of quintiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, delete, insert, select, update

from yutang.domains.audience.contracts import FeedRows, Ints, Label
from yutang.storage.database import UnitOfWork
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
feed = Table(
    "change_feed",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("seq", BigInteger, nullable=False),
    Column("known_at", BigInteger, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
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


class FeedBlob(msgspec.Struct, array_like=True):
    """A chunk of the feed: the names that codes stand for, and little-endian int64 columns."""

    labels: list[str]
    values: list[list[str]]
    columns: list[bytes]


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


def add_feed(
    uow: UnitOfWork, seq: int, known_at: int, names: Sequence[str], values: Sequence[Sequence[str]], rows: FeedRows
) -> None:
    """Append a chunk."""
    columns = [getattr(rows, name).astype("<i8").tobytes() for name in _FEED_COLUMNS]
    blob = FeedBlob(list(names), [list(one) for one in values], columns)
    uow.connection.execute(
        insert(feed).values(seq=seq, known_at=known_at, rows=len(rows), body=msgspec.msgpack.encode(blob))
    )


_FEED_COLUMNS = tuple(field.name for field in fields(FeedRows))


def read_feed(uow: UnitOfWork, up_to: int, chunks_count_max: int) -> Iterator[tuple[int, int, FeedBlob, FeedRows]]:
    """Chunks, newest first, from the one numbered `up_to` on (0: the newest): (number, known_at, names, rows)."""
    query = select(feed.c.id, feed.c.known_at, feed.c.body).order_by(feed.c.id.desc()).limit(chunks_count_max)
    if up_to:
        query = query.where(feed.c.id <= up_to)
    for number, known_at, body in uow.connection.execute(query):
        yield number, known_at, *_chunk(body)


def read_feed_between(
    uow: UnitOfWork, after_seq: int, up_to_seq: int, chunks_count_max: int
) -> Iterator[tuple[int, FeedBlob, FeedRows]]:
    """Chunks of the records after a number, up to and with another, newest first: (record, names, rows)."""
    query = select(feed.c.seq, feed.c.body).order_by(feed.c.id.desc()).limit(chunks_count_max)
    for seq, body in uow.connection.execute(query):  # ends early, so that no index by record is needed
        if seq <= after_seq:
            return
        if seq <= up_to_seq:
            yield seq, *_chunk(body)


def _chunk(body: bytes) -> tuple[FeedBlob, FeedRows]:
    blob = msgspec.msgpack.decode(body, type=FeedBlob)
    return blob, FeedRows(*(np.frombuffer(raw, "<i8").astype(np.int64) for raw in blob.columns))


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
    for number in uow.connection.scalars(select(feed.c.id)).all():
        body = uow.connection.execute(select(feed.c.body).where(feed.c.id == number)).scalar_one()
        blob = msgspec.msgpack.decode(body, type=FeedBlob)
        columns = [np.frombuffer(raw, "<i8") for raw in blob.columns]
        rows = dict(zip(_FEED_COLUMNS, columns, strict=True))
        kept, named = ~np.isin(rows["lead"], anchors), np.isin(rows["head"], anchors)
        if not kept.any():
            uow.connection.execute(delete(feed).where(feed.c.id == number))
        elif not kept.all() or named.any():
            rows["head"] = np.where(named, rows["lead"], rows["head"])
            left = FeedBlob(blob.labels, blob.values, [rows[name][kept].tobytes() for name in _FEED_COLUMNS])
            values = {"rows": int(kept.sum()), "body": msgspec.msgpack.encode(left)}
            uow.connection.execute(update(feed).where(feed.c.id == number).values(values))
    t = snapshots.c
    for label, taken_at, body in uow.connection.execute(select(t.label, t.taken_at, t.body)).all():
        heads, codes = msgspec.msgpack.decode(body)
        kept = ~np.isin(np.frombuffer(heads, "<i8"), anchors)
        if not kept.all():
            left_over = [np.frombuffer(heads, "<i8")[kept].tobytes(), np.frombuffer(codes, "<i1")[kept].tobytes()]
            mine = (t.label == label) & (t.taken_at == taken_at)
            uow.connection.execute(update(snapshots).where(mine).values(body=msgspec.msgpack.encode(left_over)))
