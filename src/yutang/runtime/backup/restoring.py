"""Checking a backup, and making a pool of it in an empty folder.

Invariant: yutang.db comes last and under another name until it is whole, so a folder in which a restore was cut
short is no pool; every byte is checked against its checksum on the way.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from yutang.kernel.errors import ConflictError, DamagedError
from yutang.runtime.backup.manifest import (
    MANIFEST,
    UNFINISHED,
    BackupFile,
    Manifest,
    Told,
    copy_hashed,
    hash_file,
    read_manifest,
)
from yutang.runtime.folder import Folder, FolderLock
from yutang.storage.copying import is_sound
from yutang.storage.files import sync_folder
from yutang.storage.migrations import NEWEST

DATABASE = "yutang.db"
DATABASES = (DATABASE, "inbox.db")
DAMAGED_NAMED_MAX = 5
_LOCK = "lock"


def check_backup(backup: Path, plan: Callable[[int], None], told: Told) -> Manifest:
    """Every file against its checksum, and the databases for their inner order; what the backup says of itself.

    Raises what `read_manifest` raises, and DamagedError with the names of what isn't as it was written.
    """
    manifest = read_manifest(backup)
    _require_readable(manifest, backup)
    plan(manifest.bytes)
    bad = [file.path for file in manifest.files if not _as_written(backup, file, told)]
    bad += [name for name in DATABASES if name not in bad and not is_sound(backup / name)]
    if bad:
        raise _damaged(backup, bad)
    return manifest


def restore(backup: Path, folder: Folder, plan: Callable[[int], None], told: Told, *, share: bool = False) -> Manifest:
    """Make a pool of a backup in a folder that is absent or empty; what the backup says of itself.

    share: files of the lake may be second names of the backup's own, for a look that is thrown away. Raises
    ConflictError (not empty, newer), DamagedError (and removes what it had written).
    """
    manifest = read_manifest(backup)
    _require_readable(manifest, backup)
    _require_empty(folder.root)
    lock = FolderLock.take(folder, "restore")
    try:
        _require_empty(folder.root)  # still, now that nobody else fills it
        _clear(folder.root)  # of what a restore left that was cut short
        plan(manifest.bytes)
        _fill(backup, folder, manifest, told, share=share)
    finally:
        lock.release()
    return manifest


def _fill(backup: Path, folder: Folder, manifest: Manifest, told: Told, *, share: bool) -> None:
    try:
        (folder.root / UNFINISHED).touch()
        folder.make()
        for file in sorted(manifest.files, key=lambda file: file.path == DATABASE):
            _put(backup, folder.root, file, told, share=share)
        for branch in [path for path in folder.root.rglob("*") if path.is_dir()]:
            sync_folder(branch)
        (folder.root / f"{DATABASE}.draft").rename(folder.database)
        (folder.root / UNFINISHED).unlink()
        sync_folder(folder.root)
    except BaseException:
        _clear(folder.root)
        raise


def _require_readable(manifest: Manifest, backup: Path) -> None:
    if manifest.schema > NEWEST:
        raise ConflictError(
            "backup.newer_schema",
            f"it holds a pool of yutang {manifest.version} (schema {manifest.schema}, this code knows {NEWEST})",
            where=str(backup), remedy=f"restore it with yutang {manifest.version} or newer",
        )  # fmt: skip
    names = {file.path for file in manifest.files}
    strange = [name for name in names if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts]
    if strange or not names.issuperset(DATABASES):
        raise DamagedError(
            "backup.damaged", f"{MANIFEST} doesn't name the files of a pool", where=str(backup),
            remedy="use another backup",
        )  # fmt: skip


def _require_empty(root: Path) -> None:
    """Raise unless nothing is there, or what a restore left that was cut short."""
    if not root.exists():
        return
    unfinished = (root / UNFINISHED).exists() and not (root / DATABASE).exists()
    if not root.is_dir() or (not unfinished and any(path.name != _LOCK for path in root.iterdir())):
        raise ConflictError(
            "restore.not_empty", "a backup is restored into an empty folder only", where=str(root),
            remedy="name a folder that doesn't exist yet: yutang restore BACKUP --data FOLDER",
        )  # fmt: skip


def _clear(root: Path) -> None:
    for path in root.iterdir():
        if path.name in (UNFINISHED, _LOCK):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    (root / UNFINISHED).unlink(missing_ok=True)


def _put(backup: Path, root: Path, file: BackupFile, told: Told, *, share: bool) -> None:
    target = root / (f"{DATABASE}.draft" if file.path == DATABASE else file.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    if share and file.lake and _shared(backup / file.path, target):
        told(file.path, file.bytes)
        return
    try:
        with (backup / file.path).open("rb") as source:
            found = copy_hashed(source, target, lambda count: told(file.path, count))
    except FileNotFoundError:
        raise _damaged(backup, [file.path]) from None
    if found != (file.bytes, file.sha256):
        raise _damaged(backup, [file.path])
    if file.path.startswith("keys/"):
        target.chmod(0o600)


def _shared(source: Path, target: Path) -> bool:
    try:
        target.hardlink_to(source)
    except OSError:
        return False
    return True


def _as_written(backup: Path, file: BackupFile, told: Told) -> bool:
    try:
        with (backup / file.path).open("rb") as source:
            return hash_file(source, lambda count: told(file.path, count)) == (file.bytes, file.sha256)
    except OSError:
        return False


def _damaged(backup: Path, names: Sequence[str]) -> DamagedError:
    more = f" and {len(names) - DAMAGED_NAMED_MAX} more" if len(names) > DAMAGED_NAMED_MAX else ""
    return DamagedError(
        "backup.damaged", f"not as it was written: {', '.join(names[:DAMAGED_NAMED_MAX])}{more}", where=str(backup),
        remedy="use another backup, and look after that disk",
    )  # fmt: skip
