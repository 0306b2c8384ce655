"""Copies of a database at work: of one moment, while others go on writing.

SQLite's online backup, from a connection that stands in a reading transaction: later commits don't restart it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from yutang.kernel.errors import DiskFullError
from yutang.storage.database import UnitOfWork

PAGES_A_STEP = 4_096  # 16 MB; after each step is told how far it came


def pinned_bytes(uow: UnitOfWork) -> int:
    """Pin the moment that a reading transaction sees; the size of a copy of it."""
    uow.connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()  # it begins with its first read
    pages = int(uow.connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    return pages * int(uow.connection.exec_driver_sql("PRAGMA page_size").scalar_one())


def copy_database(uow: UnitOfWork, target: Path, told: Callable[[int], None]) -> None:
    """Write the database as this pinned transaction sees it to a file that doesn't exist yet; not synced.

    told(bytes): what was written since it was told last; what it raises ends the copying. Raises DiskFullError.
    """
    source = uow.connection.connection.driver_connection
    assert isinstance(source, sqlite3.Connection)
    page_bytes = int(source.execute("PRAGMA page_size").fetchone()[0])
    before = 0

    def stepped(_status: int, remaining: int, total: int) -> None:
        nonlocal before
        done = (total - remaining) * page_bytes
        told(done - before)
        before = done

    try:
        with closing(sqlite3.connect(target)) as copy:
            source.backup(copy, pages=PAGES_A_STEP, progress=stepped)
    except sqlite3.OperationalError as error:
        if "full" not in str(error):
            raise
        raise DiskFullError(
            "storage.disk_full", "there is no room left to write", where=str(target), remedy="make room"
        ) from None


def is_sound(database: Path) -> bool:
    """Whether a database that nobody writes to is whole; reads all of it, changes nothing."""
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False
