"""A database of before is brought to the newest version: what it holds stays, and a copy of it is kept."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
from alembic import command
from alembic.config import Config

from yutang.domains.audience import store
from yutang.domains.audience.contracts import NONE
from yutang.storage import migrations
from yutang.storage.database import open_sqlite

LABELS, VALUES = ["aipl", "keen"], [["L", "P", NONE], ["in", NONE]]
COLUMNS = [[0, 1, 1], [5, 5, 70], [7, 5, 2], [-1, -1, 0], [1, 0, -1], [1_000, 1_000, 1_007], [0, 0, 2]]


def database_at(path: Path, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{path}")
    command.upgrade(config, version)


def test_a_feed_of_before_it_was_packed_reads_the_same_in_less_room(tmp_path: Path) -> None:
    path = tmp_path / "yutang.db"
    database_at(path, "0002")
    short = [np.array(column, "<i8").tobytes() for column in COLUMNS]
    long = [np.tile(np.array(column, "<i8"), 1_000).tobytes() for column in COLUMNS]
    bodies = [msgspec.msgpack.encode([LABELS, VALUES, columns]) for columns in (short, long, short)]
    with closing(sqlite3.connect(path)) as connection, connection:
        for seq, body in enumerate(bodies, 1):
            connection.execute(
                "INSERT INTO change_feed (seq, known_at, rows, body) VALUES (?, ?, 3, ?)", (seq, 2_000, body)
            )
    migrations.migrate(path)
    assert migrations.version_of(path.with_name(f"yutang.db.before-{migrations.NEWEST}")) == "0002"
    database = open_sqlite(path)
    with database.reading() as uow:
        chunks = list(store.read_feed(uow, 0, 10))[::-1]
        kept = uow.connection.exec_driver_sql("SELECT length(body), earliest_at, book FROM change_feed").all()
    database.close()
    assert [(number, known_at, book.labels, book.values) for number, known_at, book, _ in chunks] == [
        (number, 2_000, LABELS, VALUES) for number in (1, 2, 3)
    ]
    rows = [np.stack([getattr(rows, name) for name in rows.__slots__]).tolist() for *_, rows in chunks]
    assert rows[0] == rows[2] == COLUMNS
    assert rows[1] == np.tile(np.array(COLUMNS), 1_000).tolist()
    assert [(earliest, book) for _, earliest, book in kept] == [(1_000, 1)] * 3
    assert kept[1][0] < len(bodies[1]) / 10
