"""The lake's manifest: its rows are what the lake consists of; a file without a row is debris.

All SQL of the timeline. Functions take the connection of a unit of work and never commit.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, Text, bindparam, delete, insert, select

from yutang.storage.schema import metadata
from yutang.timeline.manifest import LakeFile, TypeShare

lake_files = Table(
    "lake_files",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("seq_from", BigInteger, nullable=False),
    Column("seq_to", BigInteger, nullable=False),
    Column("types", Text, nullable=False),
    Column("footer_crc", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("level", Integer, nullable=False),
)

_shares = msgspec.json.Decoder(list[TypeShare])


def add_file(connection: Connection, file: LakeFile) -> None:
    """Put a file into the manifest."""
    row = {column.name: getattr(file, column.name) for column in lake_files.columns}
    connection.execute(insert(lake_files), {**row, "types": msgspec.json.encode(file.types).decode()})


def remove_files(connection: Connection, names: Iterable[str]) -> None:
    """Take files out of the manifest."""
    rows = [{"gone": name} for name in names]
    if rows:
        connection.execute(delete(lake_files).where(lake_files.c.name == bindparam("gone")), rows)


def swap_files(connection: Connection, names: Iterable[str], file: LakeFile) -> None:
    """Put a file in the place of those whose rows it holds."""
    remove_files(connection, names)
    add_file(connection, file)


def list_files(connection: Connection) -> list[LakeFile]:
    """The manifest, by the records that each file holds."""
    found = connection.execute(select(lake_files).order_by(lake_files.c.seq_to, lake_files.c.name)).mappings()
    return [LakeFile(**{**row, "types": _shares.decode(row["types"])}) for row in found]
