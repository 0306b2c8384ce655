"""The operational database and its units of work.

Invariant: one unit of work is one transaction, committed by leaving it and by nothing else; writers of
one process take turns in order of arrival. SQLite: WAL, synchronous FULL, so a commit is on disk.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from yutang.kernel.errors import DiskFullError

SQLITE_BUSY_TIMEOUT_MS = 30_000
SQLITE_CACHE_KB = 65_536
# What SQLite says when a write finds no room: on the disk, or within a quota or a limit of the system.
NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})


@dataclass(frozen=True, slots=True)
class UnitOfWork:
    """One transaction; stores take it and use its connection."""

    connection: Connection


class Database:
    """A database opened for one process."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = create_engine(url)
        self._writing = threading.RLock()
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @contextmanager
    def unit(self) -> Iterator[UnitOfWork]:
        """A transaction that writes: committed on leaving, rolled back if the body raises."""
        try:
            with self._writing, self.engine.connect() as plain:
                connection = plain.execution_options(writing=True)
                with connection.begin():
                    yield UnitOfWork(connection)
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorcode", 0) not in NO_ROOM:
                raise
            raise DiskFullError(
                "storage.disk_full", "there is no room left to write", where=self.engine.url.database or "",
                remedy="make room; what was acknowledged is kept, and the work goes on where it was",
            ) from error  # fmt: skip

    @contextmanager
    def reading(self) -> Iterator[UnitOfWork]:
        """A transaction that reads one state of the database; never waits for writers."""
        with self.engine.connect() as connection, connection.begin():
            yield UnitOfWork(connection)

    def engine_version(self) -> str:
        """The version of the database engine, such as `3.40.1`."""
        with self.reading() as uow:
            uow.connection.exec_driver_sql("SELECT 1")  # connects, and so learns it
            return ".".join(map(str, self.engine.dialect.server_version_info or ()))

    def give_back(self) -> None:
        """Return the space of removed rows to the disk, where the engine keeps it."""
        if self.engine.dialect.name == "sqlite":
            with self._writing, self.engine.connect() as connection:
                driver = connection.connection.driver_connection
                assert driver is not None
                driver.executescript("PRAGMA incremental_vacuum")  # a page a step; a script is stepped to its end

    def leave_no_trace(self, *, rewrite: bool = False) -> bool:
        """Remove what deleted rows left behind: in free pages, and in the write-ahead log; whether that was possible.

        rewrite: write the whole file anew, which no remnant between live rows outlasts. False: a reader is at work
        that still needs the log.
        """
        if self.engine.dialect.name != "sqlite":
            return True
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            with self._writing:
                driver.executescript("VACUUM" if rewrite else "PRAGMA incremental_vacuum")
            busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not busy

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def open_sqlite(path: Path) -> Database:
    """The SQLite database at a path, made if absent."""
    return Database(f"sqlite:///{path}")


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    # SQLAlchemy's driver would begin transactions by itself, too late for a consistent read.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={SQLITE_BUSY_TIMEOUT_MS}")
    if not cursor.execute("PRAGMA page_count").fetchone()[0]:  # later it would write, and reading must go on without
        cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA secure_delete=FAST")  # deleted cells are overwritten where their page is written anyway
    cursor.execute(f"PRAGMA cache_size=-{SQLITE_CACHE_KB}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
