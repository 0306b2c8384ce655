"""Looking through a SQLite file for values: cell by cell, and byte by byte, free pages and write-ahead log included."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

ROWS_READ_MAX = 10_000  # fetched at once


def found_in_cells(
    database: Path, look: Callable[[object], set[str]], newer: tuple[str, int]
) -> Iterator[tuple[str, str, bool]]:
    """(`table.column`, what was found, whether in a newer row) for all text and bytes of every table.

    look: says what a cell holds. newer: a column, and the value that a newer row's is above.
    """
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            seen: set[tuple[str, str, bool]] = set()
            dated = names.index(newer[0]) if newer[0] in names else -1
            while rows := cursor.fetchmany(ROWS_READ_MAX):
                for row in rows:
                    fresh = dated >= 0 and row[dated] > newer[1]
                    for name, cell in zip(names, row, strict=True):
                        if isinstance(cell, str | bytes):
                            seen |= {(f"{table}.{name}", what, fresh) for what in look(cell)}
            yield from sorted(seen)


def files_of(database: Path) -> tuple[Path, ...]:
    """The files that hold a database's bytes, those that are there."""
    names = (database.name, f"{database.name}-wal", f"{database.name}-journal")
    return tuple(path for path in (database.with_name(name) for name in names) if path.exists())
