"""Taking a backup of a pool, whether a service works on it or nobody does.

Nothing is locked and nobody is asked. A moment is pinned: a reading transaction on yutang.db, every file of the lake
that it names held open, then a reading transaction on inbox.db. If meanwhile the log has moved events to the lake (so
that the inbox may have been trimmed) or merged files, the moment is given up and another one pinned. So inbox.db is
never older than yutang.db and holds every body that it still needs: all that was acknowledged before the backup began
is in it.

Invariants: `backup.json` is written last, after everything it names is synced; what exists is not overwritten.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec

from yutang import __version__
from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import ConflictError, DamagedError, DiskFullError, InvalidError, UnavailableError
from yutang.runtime.backup.manifest import (
    FORMAT,
    MANIFEST,
    UNFINISHED,
    BackupFile,
    Manifest,
    Told,
    copy_hashed,
    hash_file,
    read_manifest,
)
from yutang.runtime.folder import Folder
from yutang.runtime.inbox.inbox import InboxReader
from yutang.runtime.log.health import log_health
from yutang.storage.copying import copy_database, pinned_bytes
from yutang.storage.database import Database, UnitOfWork, open_sqlite
from yutang.storage.files import sync_folder, write_durably
from yutang.storage.migrations import NEWEST, version_of
from yutang.timeline import store as timeline_store
from yutang.timeline.manifest import LakeFile

PIN_TRIES_MAX = 50
PIN_PAUSE_S = 0.1
SIBLINGS_MAX = 100  # other backups beside this one, whose unchanged files are shared
LAST_BACKUP = "last-backup.json"  # in the pool's folder, for whoever looks after it
ROOM_BYTES_LEFT_MIN = 64 * 1_024 * 1_024


class LastBackup(msgspec.Struct, frozen=True):
    """The newest backup that was taken of a pool. taken_at: machine ms."""

    taken_at: int
    target: str
    bytes: int


@dataclass
class _Moment:
    """One moment of a pool, held until it is copied."""

    schema: str
    operational: UnitOfWork
    inbox: UnitOfWork | None
    lake: Sequence[tuple[LakeFile, IO[bytes]]]
    records: int
    time_ms: int
    waiting: int
    sizes: Mapping[str, int]  # of what is copied, by path in the backup
    taken_at: int = 0
    taken: list[BackupFile] = field(default_factory=list)


def take_backup(
    folder: Folder, target: Path, machine: MachineClock, sleep: Callable[[float], None],
    plan: Callable[[int], None], told: Told,
) -> Manifest:  # fmt: skip
    """Write a backup of a pool to a folder that doesn't exist or is empty; what it says of itself.

    plan(bytes) is called once the size is known, told(file, bytes) as the work goes on. Whatever they raise ends it,
    and what was written is removed. Raises ConflictError, InvalidError, DiskFullError, DamagedError.
    """
    folder.require()
    schema = _schema(folder)
    _require_target(folder, target)
    made = not target.exists()
    with _pinned(folder, schema, machine, sleep) as moment:
        target.mkdir(parents=True, exist_ok=True)
        with _claimed(target):
            try:
                target.chmod(0o700)  # it holds what the pool holds: customers' data, and keys
                _require_room(moment, target)
                plan(sum(moment.sizes.values()))
                _copy(folder, moment, target, told)
                manifest = _manifest(moment)
                write_durably(target / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
                (target / UNFINISHED).unlink()
                sync_folder(target)
            except BaseException:
                _clear(target, made)
                raise
    last = LastBackup(moment.taken_at, str(target), manifest.bytes)
    write_durably(folder.root / LAST_BACKUP, msgspec.json.encode(last))
    return manifest


def last_backup(folder: Folder) -> LastBackup | None:
    """The newest backup taken of a pool, None if there was none that it knows of."""
    try:
        return msgspec.json.decode((folder.root / LAST_BACKUP).read_bytes(), type=LastBackup)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def _schema(folder: Folder) -> str:
    schema = version_of(folder.database)
    if schema is None or schema > NEWEST:
        raise ConflictError(
            "pool.newer", f"{folder.root} was written by a newer version (schema {schema}, this code knows {NEWEST})",
            remedy="use that version of Yutang",
        )  # fmt: skip
    return schema


def _require_target(folder: Folder, target: Path) -> None:
    if target.resolve().is_relative_to(folder.root.resolve()):
        raise InvalidError(
            "backup.inside", "a backup can't lie in the pool that it is of", where=str(target),
            remedy="name a folder elsewhere, best on another disk",
        )  # fmt: skip
    if target.is_dir() and (target / UNFINISHED).exists() and not (target / MANIFEST).exists():
        with _claimed(target):
            _clear(target, made=False)  # of one that was killed
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConflictError(
            "backup.exists", "there is something already, and a backup overwrites nothing", where=str(target),
            remedy="name a folder that doesn't exist yet",
        )  # fmt: skip


@contextmanager
def _claimed(target: Path) -> Iterator[None]:
    """The sign of an unfinished backup, locked: so what a killed one left is told from what is being written."""
    with (target / UNFINISHED).open("a") as sign:
        try:
            fcntl.flock(sign, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(
                "backup.running", "another backup is being written there", where=str(target),
                remedy="wait for it, or name another folder",
            ) from None  # fmt: skip
        except OSError:  # that disk knows no locks
            pass
        yield


def _clear(target: Path, made: bool) -> None:
    """Remove what an unfinished backup left, its sign last."""
    for name in (MANIFEST, *_OWN_FILES):
        (target / name).unlink(missing_ok=True)
    for name in _OWN_FOLDERS:
        shutil.rmtree(target / name, ignore_errors=True)
    (target / UNFINISHED).unlink(missing_ok=True)
    if made and not any(target.iterdir()):
        target.rmdir()


_OWN_FILES = ("yutang.db", "yutang.db-journal", "inbox.db", "inbox.db-journal", "yutang.toml", "clock.json")
_OWN_FOLDERS = ("lake", "keys", "rejects", "media")


# ── one moment ──────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _pinned(folder: Folder, schema: str, machine: MachineClock, sleep: Callable[[float], None]) -> Iterator[_Moment]:
    with ExitStack() as outer:
        database = open_sqlite(folder.database)
        outer.callback(database.close)
        inbox = open_sqlite(folder.inbox) if folder.inbox.exists() else None
        if inbox is not None:
            outer.callback(inbox.close)
        for _ in range(PIN_TRIES_MAX):
            with ExitStack() as held:
                moment = _try_pin(folder, schema, database, inbox, held)
                if moment is not None:
                    moment.taken_at = machine.now_ms()
                    outer.push(held.pop_all())
                    break
            sleep(PIN_PAUSE_S)
        else:
            raise UnavailableError(
                "backup.restless", "the pool moves too fast to hold a moment of it", where=str(folder.root),
                remedy="try again in a minute",
            )  # fmt: skip
        yield moment


def _try_pin(
    folder: Folder, schema: str, database: Database, inbox: Database | None, held: ExitStack
) -> _Moment | None:
    operational = held.enter_context(database.reading())
    sizes = {"yutang.db": pinned_bytes(operational)}
    files, health = timeline_store.list_files(operational.connection), log_health(operational)
    try:
        lake = [(file, held.enter_context((folder.lake / file.name).open("rb"))) for file in files]
    except FileNotFoundError as error:
        with database.reading() as now:
            if timeline_store.list_files(now.connection) != files:  # it was merged away meanwhile
                return None
        raise DamagedError(
            "backup.lake_file_missing", "a file of the lake is missing, so there is no whole pool to copy",
            where=str(error.filename), remedy="run `yutang doctor`; restore the file from a backup",
        ) from None  # fmt: skip
    sizes |= {f"lake/{file.name}": file.bytes for file in files}
    waiting, inbox_uow = 0, None
    if inbox is not None:
        inbox_uow = held.enter_context(inbox.reading())
        sizes["inbox.db"] = pinned_bytes(inbox_uow)
        waiting = InboxReader(inbox).waiting_events(health.refs)
    with database.reading() as now:
        same = log_health(now).flushed == health.flushed and timeline_store.list_files(now.connection) == files
    if not same:
        return None
    return _Moment(schema, operational, inbox_uow, lake, health.records, health.time_ms, waiting, sizes)


# ── copying it ──────────────────────────────────────────────────────────────────────────────────────


def _require_room(moment: _Moment, target: Path) -> None:
    shared = _same_disk(moment, target)
    needed = sum(size for path, size in moment.sizes.items() if not (shared and path.startswith("lake/")))
    free = shutil.disk_usage(target).free
    if needed + ROOM_BYTES_LEFT_MIN > free:
        raise DiskFullError(
            "backup.no_room", f"the backup takes {needed / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free",
            where=str(target), remedy="make room there, or name a folder on another disk",
        )  # fmt: skip


def _same_disk(moment: _Moment, target: Path) -> bool:
    return any(os.fstat(held.fileno()).st_dev == target.stat().st_dev for _, held in moment.lake)


def _copy(folder: Folder, moment: _Moment, target: Path, told: Told) -> None:
    # Databases first: as long as their moment is held, what others write to them piles up in their logs.
    _copy_database(moment, moment.operational, target / "yutang.db", told)
    if moment.inbox is not None:
        _copy_database(moment, moment.inbox, target / "inbox.db", told)
    _copy_lake(folder, moment, target, told)
    for path in (folder.config, folder.root / "clock.json"):
        if path.exists():
            _copy_file(moment, path, target / path.name, path.name, told)
    for branch in (folder.keys, folder.rejects, folder.media):
        _copy_branch(folder, moment, branch, target, told)
    sync_folder(target)


def _copy_database(moment: _Moment, uow: UnitOfWork, target: Path, told: Told) -> None:
    copy_database(uow, target, lambda count: told(target.name, count))
    with target.open("rb+") as file:
        os.fsync(file.fileno())
        size, digest = hash_file(file, lambda _count: None)
    moment.taken.append(BackupFile(target.name, size, digest))


def _copy_lake(folder: Folder, moment: _Moment, target: Path, told: Told) -> None:
    (target / "lake").mkdir()
    known = _known_files(target)
    for file, held in moment.lake:
        path = f"lake/{file.name}"
        sign = f"{file.footer_crc}-{file.created_ms}"

        def step(count: int, path: str = path) -> None:
            told(path, count)

        if _linked(folder.lake / file.name, target / path, os.fstat(held.fileno())):
            size, digest = hash_file(held, step)
        elif (twin := known.get((path, file.bytes, sign))) and _linked(twin[0], target / path):
            size, digest = file.bytes, twin[1]
            step(size)
        else:
            size, digest = copy_hashed(held, target / path, step)
        if size != file.bytes:
            raise DamagedError(
                "backup.lake_file_damaged", f"{file.name} has {size} bytes instead of {file.bytes}",
                where=str(folder.lake / file.name), remedy="run `yutang doctor`; restore the file from a backup",
            )  # fmt: skip
        moment.taken.append(BackupFile(path, size, digest, sign))
    sync_folder(target / "lake")


def _linked(source: Path, target: Path, wanted: os.stat_result | None = None) -> bool:
    """Whether a file that never changes could be given a second name. wanted: which one it must be."""
    try:
        target.hardlink_to(source)
    except OSError:  # another disk, no such links there, or gone meanwhile
        return False
    if wanted is not None and target.stat().st_ino != wanted.st_ino:
        target.unlink()
        return False
    return True


def _known_files(target: Path) -> dict[tuple[str, int, str], tuple[Path, str]]:
    """Files of the lake in the backups beside this one: path and checksum by what makes them themselves."""
    found: dict[tuple[str, int, str], tuple[Path, str]] = {}
    siblings = (path.parent for path in sorted(target.parent.glob(f"*/{MANIFEST}")))
    for sibling, _ in zip(siblings, range(SIBLINGS_MAX), strict=False):
        try:
            files = read_manifest(sibling).files
        except (DamagedError, ConflictError, OSError):
            continue
        found |= {(file.path, file.bytes, file.lake): (sibling / file.path, file.sha256) for file in files if file.lake}
    return {sign: (path, digest) for sign, (path, digest) in found.items() if _has_bytes(path, sign[1])}


def _has_bytes(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _copy_branch(folder: Folder, moment: _Moment, branch: Path, target: Path, told: Told) -> None:
    for path in sorted(branch.rglob("*")):
        if path.is_file() and not path.is_symlink():
            name = path.relative_to(folder.root)
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            _copy_file(moment, path, target / name, name.as_posix(), told)
    for one in [path for path in (target / branch.name, *(target / branch.name).rglob("*")) if path.is_dir()]:
        sync_folder(one)


def _copy_file(moment: _Moment, source: Path, target: Path, name: str, told: Told) -> None:
    try:
        with source.open("rb") as held:
            size, digest = copy_hashed(held, target, lambda count: told(name, count))
    except FileNotFoundError:  # removed meanwhile
        return
    target.chmod(0o600)
    moment.taken.append(BackupFile(name, size, digest))


def _manifest(moment: _Moment) -> Manifest:
    return Manifest(
        FORMAT, __version__, moment.schema, moment.taken_at, moment.time_ms, moment.records,
        sum(file.rows for file, _ in moment.lake), moment.waiting, tuple(moment.taken),
    )  # fmt: skip
