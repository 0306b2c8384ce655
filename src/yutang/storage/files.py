"""Files that survive a crash: written under another name, synced, renamed, their folder synced."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from yutang.kernel.errors import DiskFullError

# What the system says when a write finds no room: on the disk, within a quota, under a limit on the size of files.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_no_room(error: BaseException) -> bool:
    """Whether something failed for want of room on the disk: made room is all it needs."""
    return isinstance(error, DiskFullError) or (isinstance(error, OSError) and error.errno in NO_ROOM)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace a file's content at once and for good: readers see the old or the new, never a part.

    mode: of the file, as the process's mask lets it be. Raises DiskFullError; what stood there stands.
    """
    draft = path.with_name(path.name + ".draft")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        if not is_no_room(error):
            raise
        raise DiskFullError(
            "storage.disk_full", "there is no room left to write", where=str(path),
            remedy="make room; what was acknowledged is kept, and the work goes on where it was",
        ) from error  # fmt: skip
