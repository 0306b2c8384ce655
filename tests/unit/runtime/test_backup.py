"""Backups: of a pool at work, refused where they would harm, checked, and put back as the pool was."""

from __future__ import annotations

import json
import shutil
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.commands import fingerprint
from tests.support.pools import Scratch, event

from yutang.kernel.clock import SystemClock
from yutang.kernel.errors import BusyError, ConflictError, DamagedError, InvalidError, NotFoundError
from yutang.runtime.backup.manifest import MANIFEST, UNFINISHED, Manifest, read_manifest
from yutang.runtime.backup.restoring import check_backup, restore
from yutang.runtime.backup.taking import last_backup, take_backup
from yutang.runtime.folder import Folder

MINUTE_MS = 60_000


def quiet(*_: object) -> None:
    """Told of progress, and silent."""


def taken(pool: Folder, target: Path, told: Callable[[str, int], None] = quiet) -> Manifest:
    return take_backup(pool, target, SystemClock(), time.sleep, quiet, told)


def restored(backup: Path, folder: Path) -> Scratch:
    restore(backup, Folder(folder), quiet, quiet)
    return Scratch(folder)


def visits(scratch: Scratch, first: int, count: int) -> None:
    """Events of a few members, a minute apart."""
    start = scratch.pool.now_ms() - 10_000 * MINUTE_MS
    scratch.send(*[
        event("product_viewed" if n % 3 else "search", start + n * MINUTE_MS, f"member_no:{n % 7}", f"v{n}")
        for n in range(first, first + count)
    ])  # fmt: skip


@pytest.fixture
def scratch(tmp_path):
    made = Scratch(tmp_path / "pool", flush_rows=50)
    visits(made, 0, 60)
    visits(made, 60, 60)
    visits(made, 120, 20)  # not in the lake yet
    (made.folder.keys / "intake.basis").write_bytes(b"secret")
    made.folder.rejects.joinpath("few.ndjson").write_text("{}\n")
    made.folder.config.write_text('language = "en"\n')
    yield made
    made.close()


class TestTaking:
    def test_a_pool_made_of_it_is_the_same_in_all_that_it_says(self, scratch, tmp_path):
        before = fingerprint(scratch.desk())
        manifest = taken(scratch.folder, tmp_path / "backup")
        visits(scratch, 140, 30)
        again = restored(tmp_path / "backup", tmp_path / "again")
        assert fingerprint(again.desk()) == before
        again.close()
        assert manifest.records == 4  # the clock's, and three of events
        assert {file.path for file in manifest.files} >= {
            "yutang.db", "inbox.db", "clock.json", "yutang.toml", "keys/intake.basis", "rejects/few.ndjson",
        }  # fmt: skip
        assert sum(file.path.startswith("lake/") for file in manifest.files) >= 1

    def test_keys_stay_the_owners(self, scratch, tmp_path):
        taken(scratch.folder, tmp_path / "backup")
        restore(tmp_path / "backup", Folder(tmp_path / "again"), quiet, quiet)
        for root in (tmp_path / "backup", tmp_path / "again"):
            assert stat.S_IMODE((root / "keys" / "intake.basis").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "again" / "keys").stat().st_mode) == 0o700

    def test_every_moment_of_a_pool_that_flushes_all_the_while_is_whole(self, tmp_path):
        scratch = Scratch(tmp_path / "pool", flush_rows=20)
        ending = threading.Event()

        def work() -> None:
            number = 0
            while not ending.is_set():
                visits(scratch, number, 15)
                number += 15

        worker = threading.Thread(target=work)
        worker.start()
        try:
            for number in range(6):
                taken(scratch.folder, tmp_path / f"backup{number}")
        finally:
            ending.set()
            worker.join()
            scratch.close()
        for number in range(6):
            manifest = check_backup(tmp_path / f"backup{number}", quiet, quiet)
            again = restored(tmp_path / f"backup{number}", tmp_path / f"again{number}")
            # Every record of events holds 15: none is missing, none is there in part.
            events = sum(track.rows for track in timeline(again).values())
            assert events == 15 * (again.pool.loop.epoch.seq - 1)
            assert again.pool.loop.epoch.seq >= manifest.records
            again.close()

    def test_the_pool_knows_its_last_one(self, scratch, tmp_path):
        assert last_backup(scratch.folder) is None
        manifest = taken(scratch.folder, tmp_path / "backup")
        found = last_backup(scratch.folder)
        assert found is not None
        assert (found.taken_at, found.target, found.bytes) == (
            manifest.taken_at, str(tmp_path / "backup"), manifest.bytes,
        )  # fmt: skip

    def test_unchanged_files_of_the_lake_take_no_room_twice(self, scratch, tmp_path):
        first = taken(scratch.folder, tmp_path / "one")
        shutil.rmtree(scratch.folder.root / "cache")
        lake = [file.path for file in first.files if file.lake]
        visits(scratch, 140, 60)
        taken(scratch.folder, tmp_path / "two")
        for path in lake:
            if (tmp_path / "two" / path).exists():
                assert (tmp_path / "one" / path).stat().st_ino == (tmp_path / "two" / path).stat().st_ino

    def test_on_another_disk_it_copies_and_shares_with_the_backup_beside_it(self, scratch, tmp_path):
        other = Path("/dev/shm")
        if not other.is_dir() or other.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("there is no other disk")
        place = other / tmp_path.name
        try:
            first = taken(scratch.folder, place / "one")
            taken(scratch.folder, place / "two")
            lake = [file.path for file in first.files if file.lake]
            assert lake
            for path in lake:
                assert (place / "one" / path).stat().st_ino == (place / "two" / path).stat().st_ino
                assert (place / "one" / path).stat().st_dev != (scratch.folder.root / path).stat().st_dev
            check_backup(place / "two", quiet, quiet)
        finally:
            shutil.rmtree(place, ignore_errors=True)


def timeline(scratch: Scratch):
    from yutang.runtime.slots import TIMELINE

    return scratch.pool.loop.epoch[TIMELINE].tracks


class TestRefusing:
    def test_what_exists_is_not_overwritten(self, scratch, tmp_path):
        taken(scratch.folder, tmp_path / "backup")
        before = (tmp_path / "backup" / MANIFEST).read_bytes()
        with pytest.raises(ConflictError) as raised:
            taken(scratch.folder, tmp_path / "backup")
        assert raised.value.code == "backup.exists"
        assert (tmp_path / "backup" / MANIFEST).read_bytes() == before

    def test_a_place_inside_of_the_pool_is_refused(self, scratch):
        with pytest.raises(InvalidError) as raised:
            taken(scratch.folder, scratch.folder.root / "lake" / "backup")
        assert raised.value.code == "backup.inside"

    def test_a_pool_whose_lake_lacks_a_file_is_named(self, scratch, tmp_path):
        next(scratch.folder.lake.glob("*.parquet")).unlink()
        with pytest.raises(DamagedError) as raised:
            taken(scratch.folder, tmp_path / "backup")
        assert raised.value.code == "backup.lake_file_missing"
        assert not (tmp_path / "backup").exists()

    def test_no_pool_no_backup(self, tmp_path):
        with pytest.raises(NotFoundError):
            taken(Folder(tmp_path / "nowhere"), tmp_path / "backup")
        assert not (tmp_path / "nowhere").exists()


class TestInterrupted:
    def test_by_a_person_nothing_is_left(self, scratch, tmp_path):
        def stop(file: str, _count: int) -> None:
            if file.startswith("lake/"):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            taken(scratch.folder, tmp_path / "backup", stop)
        assert not (tmp_path / "backup").exists()
        assert last_backup(scratch.folder) is None
        taken(scratch.folder, tmp_path / "backup")

    def test_what_was_killed_is_no_backup_and_is_begun_anew(self, scratch, tmp_path):
        shutil.copytree(scratch.folder.lake, tmp_path / "backup" / "lake")
        (tmp_path / "backup" / UNFINISHED).touch()
        with pytest.raises(NotFoundError) as raised:
            restore(tmp_path / "backup", Folder(tmp_path / "again"), quiet, quiet)
        assert "never finished" in raised.value.message
        taken(scratch.folder, tmp_path / "backup")
        check_backup(tmp_path / "backup", quiet, quiet)

    def test_a_restore_leaves_nothing_and_can_be_begun_anew(self, scratch, tmp_path):
        taken(scratch.folder, tmp_path / "backup")

        def stop(file: str, _count: int) -> None:
            if file == "yutang.db":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            restore(tmp_path / "backup", Folder(tmp_path / "again"), quiet, stop)
        assert not (tmp_path / "again" / "yutang.db").exists()
        restored(tmp_path / "backup", tmp_path / "again").close()

    def test_a_restore_that_was_killed_is_no_pool_and_is_begun_anew(self, scratch, tmp_path):
        before = fingerprint(scratch.desk())
        taken(scratch.folder, tmp_path / "backup")
        shutil.copytree(tmp_path / "backup" / "lake", tmp_path / "again" / "lake")
        (tmp_path / "again" / UNFINISHED).touch()
        (tmp_path / "again" / "yutang.db.draft").write_bytes(b"half")
        again = restored(tmp_path / "backup", tmp_path / "again")
        assert fingerprint(again.desk()) == before
        again.close()


class TestAtOnce:
    def test_a_second_backup_to_the_same_folder_harms_nothing(self, scratch, tmp_path):
        met = []

        def second(_file: str, _count: int) -> None:
            if not met:
                met.append("")
                with pytest.raises(ConflictError) as raised:
                    taken(scratch.folder, tmp_path / "backup")
                met.append(raised.value.code)

        taken(scratch.folder, tmp_path / "backup", second)
        assert met == ["", "backup.running"]
        check_backup(tmp_path / "backup", quiet, quiet)

    def test_nor_does_a_second_restore(self, scratch, tmp_path):
        before, met = fingerprint(scratch.desk()), []
        taken(scratch.folder, tmp_path / "backup")

        def second(_file: str, _count: int) -> None:
            if not met:
                met.append("")
                with pytest.raises(BusyError) as raised:
                    restore(tmp_path / "backup", Folder(tmp_path / "again"), quiet, quiet)
                met.append(raised.value.code)

        restore(tmp_path / "backup", Folder(tmp_path / "again"), quiet, second)
        assert met == ["", "pool.locked"]
        again = Scratch(tmp_path / "again")
        assert fingerprint(again.desk()) == before
        again.close()


class TestChecking:
    @pytest.fixture
    def backup(self, scratch, tmp_path) -> Path:
        taken(scratch.folder, tmp_path / "backup")
        return tmp_path / "backup"

    def files(self, backup: Path) -> list[str]:
        return [file.path for file in read_manifest(backup).files]

    def test_a_changed_byte_of_any_file_is_found_and_never_restored(self, backup, tmp_path):
        for name in self.files(backup):
            path = backup / name
            content = path.read_bytes()
            path.unlink()  # a file of the lake has a second name in the pool
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
            for act in (
                lambda: check_backup(backup, quiet, quiet),
                lambda: restore(backup, Folder(tmp_path / "again"), quiet, quiet),
            ):
                with pytest.raises(DamagedError) as raised:
                    act()
                assert name in raised.value.message
            assert not (tmp_path / "again" / "yutang.db").exists()
            path.write_bytes(content)
        check_backup(backup, quiet, quiet)

    def test_a_missing_file_is_found(self, backup):
        (backup / "inbox.db").unlink()
        with pytest.raises(DamagedError) as raised:
            check_backup(backup, quiet, quiet)
        assert "inbox.db" in raised.value.message

    def test_one_of_a_newer_version_is_refused(self, backup, tmp_path):
        for change, code in (({"schema": "9999"}, "backup.newer_schema"), ({"format": 99}, "backup.newer")):
            manifest = json.loads((backup / MANIFEST).read_text())
            (backup / MANIFEST).write_text(json.dumps(manifest | change))
            with pytest.raises(ConflictError) as raised:
                restore(backup, Folder(tmp_path / "again"), quiet, quiet)
            assert raised.value.code == code
            (backup / MANIFEST).write_text(json.dumps(manifest))
        assert not (tmp_path / "again").exists()

    def test_a_path_that_leads_out_is_refused(self, backup, tmp_path):
        manifest = json.loads((backup / MANIFEST).read_text())
        manifest["files"].append({"path": "../outside", "bytes": 0, "sha256": "", "lake": ""})
        (backup / MANIFEST).write_text(json.dumps(manifest))
        with pytest.raises(DamagedError):
            restore(backup, Folder(tmp_path / "again"), quiet, quiet)
        assert not (tmp_path / "outside").exists()

    def test_a_folder_that_holds_something_is_left_alone(self, backup, tmp_path):
        (tmp_path / "again").mkdir()
        (tmp_path / "again" / "mine.txt").write_text("mine")
        with pytest.raises(ConflictError) as raised:
            restore(backup, Folder(tmp_path / "again"), quiet, quiet)
        assert raised.value.code == "restore.not_empty"
        assert [path.name for path in (tmp_path / "again").iterdir()] == ["mine.txt"]
