"""Damage to a pool's folder: named, with what it held and the remedy; never a wrong figure, never more lost."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tests.support.commands import caller, fingerprint, run
from tests.support.pools import Scratch, event

from yutang.cli.clock import CLOCK_COMMAND, ClockQuestion
from yutang.cli.doctor import findings
from yutang.kernel.errors import ConflictError, DamagedError, YutangError
from yutang.runtime.folder import Folder
from yutang.storage.database import open_sqlite
from yutang.storage.migrations import NEWEST, migrate, version_of

SETTINGS = {"zone": "UTC", "currency": "USD", "flush_rows": 40}


def fill(scratch: Scratch, days: range) -> None:
    for day in days:
        at = f"2026-03-{1 + day // 20:02d} {day % 20:02d}:00"
        scratch.send(
            event("order_paid", at, f"member_no:{day % 7}", amount=1_000 * day),
            event("search", at, f"member_no:{day % 5}", target="brand"),
        )


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A pool with two files in its lake and some records that aren't in it yet, closed."""
    scratch = Scratch(tmp_path_factory.mktemp("whole") / "pool", start="2026-04-01", **SETTINGS)
    fill(scratch, range(50))
    scratch.close()
    return scratch.folder.root


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, whole):
    return said(Path(shutil.copytree(whole, tmp_path_factory.mktemp("undisturbed") / "pool")))


@pytest.fixture
def pool(tmp_path, whole) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "pool"))


def said(pool: Path):
    with caller(pool, **SETTINGS) as at:
        at.call(CLOCK_COMMAND, ClockQuestion("show"))
        return fingerprint(at._pool.desk("tester"))


def refused(pool: Path) -> YutangError:
    with pytest.raises(YutangError) as raised:
        said(pool)
    return raised.value


def bad(pool: Path) -> list[str]:
    """What the doctor finds bad, as text."""
    return [f"{one.subject}: {one.message} → {one.remedy}" for one in findings(Folder(pool)) if one.level == "bad"]


def lake_files(pool: Path) -> list[Path]:
    return sorted((pool / "lake").glob("*.parquet"))


def delete(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip_footer(path: Path) -> None:
    flip(path, path.stat().st_size - 60)


def flip_page(path: Path) -> None:
    flip(path, 200)


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)


class TestAFileOfTheLake:
    @pytest.mark.parametrize("damage", [delete, truncate, flip_footer, flip_page])
    def test_is_named_with_what_it_held_and_put_back_it_works(self, pool, undisturbed, damage):
        file = lake_files(pool)[0]
        shutil.copy2(file, pool.parent / "copy")
        shutil.rmtree(pool / "cache")
        damage(file)
        error = refused(pool)
        assert isinstance(error, DamagedError)
        assert error.code == "lake.file_damaged"
        assert file.name in error.message
        assert "it held 40 events of the records 1 to 21" in error.message
        assert error.remedy
        assert len(bad(pool)) == 1
        assert file.name in bad(pool)[0]
        shutil.copy2(pool.parent / "copy", file)
        assert bad(pool) == []
        assert said(pool) == undisturbed

    def test_the_command_and_the_doctor_end_with_status_7(self, pool):
        file = lake_files(pool)[1]
        file.unlink()
        report = run(pool, "report", ok=False, **SETTINGS)
        assert report.returncode == 7
        assert "Traceback" not in report.stderr
        assert file.name in report.stderr
        looked = run(pool, "doctor", ok=False, **SETTINGS)
        assert looked.returncode == 7
        assert file.name in looked.stdout.replace("\n", "")
        served = run(pool, "serve", ok=False, **SETTINGS)
        assert served.returncode == 8
        assert "Traceback" not in served.stderr
        assert file.name in served.stderr

    def test_every_byte_matters(self, pool, undisturbed):
        """Flipped anywhere, a page is refused or nobody reads it; a figure is never wrong."""
        file = lake_files(pool)[0]
        content = file.read_bytes()
        for place in range(4, len(content), max(1, len(content) // 25)):
            shutil.rmtree(pool / "cache", ignore_errors=True)
            file.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
            with suppress(DamagedError):
                assert said(pool) == undisturbed
        file.write_bytes(content)
        assert said(pool) == undisturbed


class TestTheCache:
    def test_deleted_it_is_made_anew(self, pool, undisturbed):
        shutil.rmtree(pool / "cache")
        assert said(pool) == undisturbed
        assert any((pool / "cache").rglob("*.npy"))

    @pytest.mark.parametrize("content", [b"", b"garbage", b"\x93NUMPY\x01\x00v\x00{'descr': '<i8'", bytes(4096)])
    def test_garbage_in_it_is_noticed(self, pool, undisturbed, content):
        said(pool)
        files = [path for path in (pool / "cache").rglob("*") if path.is_file()]
        assert files
        for path in files:
            path.write_bytes(content)
        assert said(pool) == undisturbed

    def test_a_file_cut_short_in_it_is_noticed(self, pool, undisturbed):
        said(pool)
        for path in (pool / "cache").rglob("*.*"):
            path.write_bytes(path.read_bytes()[:-9])
        assert said(pool) == undisturbed


class TestTheDatabase:
    def test_of_a_newer_version_is_left_alone(self, pool):
        with closing(sqlite3.connect(pool / "yutang.db")) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
            connection.commit()
        before = (pool / "yutang.db").read_bytes()
        error = refused(pool)
        assert isinstance(error, ConflictError)
        assert (error.code, bool(error.remedy)) == ("pool.newer", True)
        assert (pool / "yutang.db").read_bytes() == before
        assert "9999" in bad(pool)[0]

    def test_missing_it_is_asked_for_and_the_lake_is_left_alone(self, pool, undisturbed):
        (pool / "yutang.db").rename(pool.parent / "kept")
        files = lake_files(pool)
        for _ in range(2):
            assert refused(pool).code == "pool.database_missing"
        assert lake_files(pool) == files
        assert not (pool / "yutang.db").exists()
        assert "yutang.db is missing" in bad(pool)[0]
        (pool.parent / "kept").rename(pool / "yutang.db")
        assert said(pool) == undisturbed

    def test_older_than_the_lake_it_is_refused_and_the_lake_is_left_alone(self, tmp_path):
        scratch = Scratch(tmp_path / "pool", start="2026-04-01", **SETTINGS)
        fill(scratch, range(20))
        scratch.close()
        shutil.copy2(scratch.folder.database, tmp_path / "older")
        scratch = Scratch(tmp_path / "pool", **SETTINGS)
        fill(scratch, range(20, 60))
        scratch.close()
        files = lake_files(scratch.folder.root)
        shutil.copy2(tmp_path / "older", scratch.folder.database)
        assert refused(scratch.folder.root).code == "lake.newer_than_database"
        assert lake_files(scratch.folder.root) == files
        assert files[1].name in bad(scratch.folder.root)[0]

    @pytest.mark.parametrize("content", [b"garbage" * 1_000, b"SQLite format 3\x00" + b"x" * 5_000])
    def test_that_is_none_is_told(self, pool, content):
        (pool / "yutang.db").write_bytes(content)
        assert refused(pool).code == "pool.database_damaged"
        assert len(bad(pool)) == 1


class TestMigration:
    def test_makes_a_fresh_database_once(self, tmp_path):
        database = tmp_path / "yutang.db"
        assert version_of(database) is None
        migrate(database)
        before = database.stat().st_mtime_ns
        migrate(database)
        assert version_of(database) == NEWEST
        assert database.stat().st_mtime_ns == before

    def test_interrupted_it_leaves_nothing_half_made(self, tmp_path):
        database = tmp_path / "yutang.db"
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("CREATE TABLE quarantine (mine TEXT)")  # the step that makes it will fail
        with pytest.raises(Exception, match="quarantine"):
            migrate(database)
        with closing(sqlite3.connect(database)) as connection:
            names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            assert names == {"quarantine"}
            connection.execute("DROP TABLE quarantine")
        migrate(database)
        assert version_of(database) == NEWEST


class TestTheInbox:
    def test_missing_with_records_that_arent_in_the_lake_is_told(self, pool):
        (pool / "inbox.db").unlink()
        found = bad(pool)
        assert len(found) == 1
        assert "10 records" in found[0]
        assert not (pool / "inbox.db").exists()
        error = refused(pool)
        assert isinstance(error, DamagedError)
        assert error.code == "log.body_lost"
        assert "inbox.db" in error.message

    def test_missing_with_everything_in_the_lake_is_told_too(self, tmp_path):
        """A new one would give out references that the log has passed: what it took would never be read."""
        scratch = Scratch(tmp_path / "pool", start="2026-04-01", **SETTINGS)
        fill(scratch, range(40))
        scratch.pool.loop.flush()
        scratch.close()
        scratch.folder.inbox.unlink()
        assert refused(scratch.folder.root).code == "log.inbox_replaced"


class TestTheClockFile:
    def test_garbage_in_it_is_told_and_mended_by_the_next_command(self, pool):
        (pool / "clock.json").write_text("{")
        assert self.warned(pool) == ["clock"]
        said(pool)
        assert self.warned(pool) == []

    @staticmethod
    def warned(pool):
        """What the doctor warns of, but that there is no backup."""
        return [one.subject for one in findings(Folder(pool)) if one.level != "ok" and one.subject != "backup"]


class TestTheFolder:
    def test_that_is_none_is_told(self, tmp_path):
        (tmp_path / "file").write_text("")
        assert refused(tmp_path / "file").code == "pool.folder"

    def test_without_a_pool_the_doctor_says_so(self, tmp_path):
        assert "there is no pool" in bad(tmp_path / "nowhere")[0]
        assert not (tmp_path / "nowhere").exists()

    def test_a_pool_that_cant_be_opened_keeps_nothing_open(self, pool):
        lake_files(pool)[0].unlink()
        refused(pool)
        database = open_sqlite(pool / "yutang.db")
        with database.unit():
            pass
        database.close()
