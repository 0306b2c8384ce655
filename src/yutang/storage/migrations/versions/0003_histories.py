"""Definitions that are worked out beside the log; the change feed packed, and checkpoints of it.

A chunk of the feed was its names and seven columns of int64, 56 bytes a row; now it is packed, and names lie in books
that chunks share.
"""

import hashlib
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa
from alembic import op

from yutang.storage.packing import pack

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

HEAD, LEAD, AT = 1, 2, 5  # places of a chunk's columns


def upgrade() -> None:
    """Make the tables, pack what is there."""
    op.create_table(
        "label_builds",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("definition", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "feed_books",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_feed_books_digest", "feed_books", ["digest"], unique=True)
    op.create_table(
        "feed_checkpoints",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.add_column("change_feed", sa.Column("book", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("change_feed", sa.Column("earliest_at", sa.BigInteger(), nullable=False, server_default="0"))
    _pack_chunks(op.get_bind())
    op.create_index("ix_change_feed_times", "change_feed", ["known_at", "earliest_at"], unique=False)


def _pack_chunks(connection: sa.Connection) -> None:
    books: dict[str, int] = {}
    for number in connection.execute(sa.text("SELECT id FROM change_feed ORDER BY id")).scalars().all():
        body = connection.execute(sa.text("SELECT body FROM change_feed WHERE id = :id"), {"id": number}).scalar_one()
        labels, values, columns = msgspec.msgpack.decode(body)
        ints = [np.frombuffer(raw, "<i8").astype(np.int64) for raw in columns]
        earliest = int(ints[AT].min(initial=2**62))
        ints[LEAD] = ints[LEAD] - ints[HEAD]
        told = {"id": number, "book": _book(connection, books, [labels, values]), "at": earliest, "body": pack(ints)}
        connection.execute(
            sa.text("UPDATE change_feed SET book = :book, earliest_at = :at, body = :body WHERE id = :id"), told
        )


def _book(connection: sa.Connection, books: dict[str, int], names: Any) -> int:
    body = msgspec.msgpack.encode(names)
    digest = hashlib.sha256(body).hexdigest()
    if digest not in books:
        books[digest] = len(books) + 1
        connection.execute(
            sa.text("INSERT INTO feed_books (id, digest, body) VALUES (:id, :digest, :body)"),
            {"id": books[digest], "digest": digest, "body": body},
        )
    return books[digest]
