"""Whether there is room on disk to take more: a reserve is left to the engine, which needs it to go on."""

from __future__ import annotations

import os
from pathlib import Path

from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import DiskFullError

LOOK_PERIOD_S = 1.0
MEGABYTE = 1_024 * 1_024


class Room:
    """The disk under a folder. reserve_mb: what must stay free."""

    def __init__(self, folder: Path, reserve_mb: int, machine: MachineClock) -> None:
        self._folder = folder
        self._reserve_bytes = reserve_mb * MEGABYTE
        self._machine = machine
        self._looked_s = -LOOK_PERIOD_S
        self._free_bytes = 0

    def require(self) -> None:
        """Raise DiskFullError if the reserve is touched; looks once in LOOK_PERIOD_S."""
        now = self._machine.stopwatch_s()
        if now - self._looked_s >= LOOK_PERIOD_S:
            found = os.statvfs(self._folder)
            self._free_bytes = found.f_bavail * found.f_frsize
            self._looked_s = now
        if self._free_bytes < self._reserve_bytes:
            raise DiskFullError(
                "intake.disk_reserve",
                f"{self._free_bytes // MEGABYTE} MB are free, {self._reserve_bytes // MEGABYTE} are left to the engine",
                where=str(self._folder), remedy="make room on the disk; what was acknowledged is kept",
            )  # fmt: skip
