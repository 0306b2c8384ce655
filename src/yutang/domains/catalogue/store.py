"""The catalogue's table: what differs from the built-in declarations, a row a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Text, delete, insert, select

from yutang.domains.catalogue.contracts import Row
from yutang.storage.database import UnitOfWork
from yutang.storage.schema import metadata

catalogue_items = Table(
    "catalogue_items",
    metadata,
    Column("section", String(16), primary_key=True),  # events, traits, records
    Column("name", String(128), primary_key=True),
    Column("declared", Boolean, nullable=False),
    Column("version", Integer, nullable=False),  # of the catalogue, when this row last changed
    Column("body", Text, nullable=False),  # JSON of the EventType, TraitType or RecordType
)


def read_rows(uow: UnitOfWork) -> tuple[Row, ...]:
    """All rows, in the order in which names were first kept at each version."""
    t = catalogue_items
    found = uow.connection.execute(
        select(t.c.section, t.c.name, t.c.declared, t.c.version, t.c.body).order_by(t.c.version, t.c.section, t.c.name)
    )
    return tuple((r.section, r.name, r.declared, r.version, msgspec.json.decode(r.body)) for r in found)


def write_rows(uow: UnitOfWork, rows: Sequence[Row]) -> None:
    """Keep the rows, in place of those of the same name."""
    t = catalogue_items
    for section, name, declared, version, body in rows:
        uow.connection.execute(t.delete().where(t.c.section == section, t.c.name == name))
        values: dict[str, Any] = {"section": section, "name": name, "declared": declared, "version": version}
        uow.connection.execute(t.insert().values(**values, body=msgspec.json.encode(body).decode()))


retention = Table(
    "retention",
    metadata,
    Column("type", String(128), primary_key=True),
    Column("days", Integer, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("changed_by", String(128), nullable=False),
)


def read_retention(uow: UnitOfWork) -> Sequence[Any]:
    """For how many days the events of types are kept, by type."""
    return uow.connection.execute(select(retention).order_by(retention.c.type)).all()


def set_retention(uow: UnitOfWork, type_name: str, days: int, at_ms: int, actor: str) -> None:
    """Keep an order in place of the one before; 0 days: none any more."""
    uow.connection.execute(delete(retention).where(retention.c.type == type_name))
    if days:
        values = {"type": type_name, "days": days, "changed_at": at_ms, "changed_by": actor}
        uow.connection.execute(insert(retention).values(values))
