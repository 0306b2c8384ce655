"""Units of work: committed by leaving, and a full disk told as one."""

import resource
import signal

import pytest
from sqlalchemy import text

from yutang.kernel.errors import DiskFullError, UnavailableError
from yutang.storage.database import open_sqlite
from yutang.storage.files import write_durably


@pytest.fixture
def database(tmp_path):
    opened = open_sqlite(tmp_path / "a.db")
    with opened.unit() as uow:
        uow.connection.execute(text("CREATE TABLE kept (body BLOB)"))
    yield opened
    opened.close()


def rows(database):
    with database.reading() as uow:
        return uow.connection.execute(text("SELECT count(*) FROM kept")).scalar_one()


class TestUnits:
    def test_are_committed_by_leaving_them(self, database):
        with database.unit() as uow:
            uow.connection.execute(text("INSERT INTO kept VALUES (x'00')"))
        assert rows(database) == 1

    def test_that_raise_change_nothing(self, database):
        with pytest.raises(ZeroDivisionError), database.unit() as uow:
            uow.connection.execute(text("INSERT INTO kept VALUES (x'00')"))
            raise ZeroDivisionError
        assert rows(database) == 0

    def test_on_a_full_disk_say_so_and_change_nothing(self, database):
        with pytest.raises(UnavailableError) as refused, database.unit() as uow:
            uow.connection.execute(text("PRAGMA max_page_count = 4"))  # what a full disk is to SQLite
            uow.connection.execute(text("INSERT INTO kept VALUES (zeroblob(1000000))"))
        assert refused.value.code == "storage.disk_full"
        assert refused.value.remedy
        assert rows(database) == 0


class TestWritingDurably:
    @pytest.fixture
    def no_room(self):
        """Files may hold four bytes, as on a disk that is full."""
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4, limits[1]))
        yield
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)

    def test_what_finds_no_room_is_told_and_what_stood_there_stands(self, tmp_path, no_room):
        path = tmp_path / "clock.json"
        write_durably(path, b"old")
        with pytest.raises(DiskFullError) as told:
            write_durably(path, b"much longer")
        assert told.value.http_status == 507
        assert path.read_bytes() == b"old"
        assert list(tmp_path.iterdir()) == [path], "no draft is left"
