"""The table of API keys. A secret isn't in it, only what it hashes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Integer, String, Table, Text, func, insert, select, update

from yutang.domains.staff.contracts import ApiKey, KeyScope
from yutang.storage.database import UnitOfWork
from yutang.storage.schema import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("feed", String(128), nullable=False),
    Column("scope", String(16), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("former_digest", String(64), nullable=False),
    Column("former_until", BigInteger, nullable=False),  # this and all instants: machine ms, 0: never
    Column("origins", Text, nullable=False),  # JSON
    Column("rate_events_per_s", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("rotated_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key with who made it, and when what was done to it."""

    key: ApiKey
    created_at: int
    created_by: str
    rotated_at: int = 0
    revoked_at: int = 0


def add_key(uow: UnitOfWork, row: KeyRow) -> None:
    """Keep a new key."""
    uow.connection.execute(insert(api_keys).values(**_values(row)))


def change_key(uow: UnitOfWork, row: KeyRow) -> None:
    """Keep a key in place of what was kept of it."""
    uow.connection.execute(update(api_keys).where(api_keys.c.id == row.key.id).values(**_values(row)))


def read_key(uow: UnitOfWork, key_id: str) -> KeyRow | None:
    """A key by its id."""
    row = uow.connection.execute(select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
    return _row(row) if row else None


def read_keys(uow: UnitOfWork, count_max: int, *, revoked: bool) -> Sequence[KeyRow]:
    """Keys, those in force first, then by when they were created; revoked ones as well, or not."""
    query = select(api_keys).order_by(api_keys.c.revoked_at > 0, api_keys.c.created_at, api_keys.c.id)
    query = query if revoked else query.where(api_keys.c.revoked_at == 0)
    return [_row(row) for row in uow.connection.execute(query.limit(count_max))]


def count_in_force(uow: UnitOfWork) -> int:
    """How many keys aren't revoked."""
    counted = select(func.count()).select_from(api_keys).where(api_keys.c.revoked_at == 0)
    return int(uow.connection.execute(counted).scalar_one())


def _values(row: KeyRow) -> dict[str, Any]:
    key = row.key
    return {
        "id": key.id, "name": key.name, "feed": key.feed, "scope": key.scope.value, "digest": key.digest,
        "former_digest": key.former_digest, "former_until": key.former_until,
        "origins": msgspec.json.encode(key.origins).decode(), "rate_events_per_s": key.rate_events_per_s,
        "created_at": row.created_at, "created_by": row.created_by, "rotated_at": row.rotated_at,
        "revoked_at": row.revoked_at,
    }  # fmt: skip


def _row(row: Any) -> KeyRow:
    origins = tuple(msgspec.json.decode(row.origins, type=list[str]))
    key = ApiKey(
        row.id, row.name, row.feed, KeyScope(row.scope), row.digest, row.former_digest, row.former_until, origins,
        row.rate_events_per_s,
    )  # fmt: skip
    return KeyRow(key, row.created_at, row.created_by, row.rotated_at, row.revoked_at)
