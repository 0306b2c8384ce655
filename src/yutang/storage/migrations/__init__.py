"""The operational database's versions: made, upgraded after a backup, refused when newer than the code.

Alembic runs the steps in `versions/`; it is imported only when there is a step to run, since every
command opens the database.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from yutang.kernel.errors import ConflictError, DamagedError

NEWEST = "0003"


def migrate(database: Path) -> None:
    """Bring the SQLite database at a path to the newest version; make it if absent."""
    at = version_of(database)
    if at == NEWEST:
        return
    if at is not None and at > NEWEST:
        raise ConflictError(
            "pool.newer",
            f"{database.parent} was written by a newer version (schema {at}, this code knows {NEWEST})",
            remedy="use that version of Yutang, or restore an older backup",
        )
    if at is not None:
        shutil.copy2(database, database.with_name(f"{database.name}.before-{NEWEST}"))
    _run_steps(database)


def version_of(database: Path) -> str | None:
    """The schema version of a database, None if it has none yet. Raises DamagedError."""
    if not database.exists():
        return None
    try:
        return _read_version(database)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):  # locked, no rights: not its content
            raise
        raise DamagedError(
            "pool.database_damaged", f"this isn't a SQLite database: {error}", where=str(database),
            remedy="restore it from a backup, with the inbox.db of the same backup",
        ) from None  # fmt: skip


def _read_version(database: Path) -> str | None:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if found else None
    return row[0] if row else None


def _run_steps(database: Path) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{database}")
    command.upgrade(config, "head")
