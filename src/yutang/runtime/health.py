"""Whether a service is fit to work, and what it says of itself: read when asked, from what is there anyway.

Nothing here waits for the loop or changes anything. Invariant: intake being away takes nothing from what the engine
says of itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import UnavailableError, YutangError
from yutang.kernel.instants import SECOND_MS
from yutang.runtime.desk import Desk
from yutang.runtime.folder import Folder
from yutang.runtime.log.contracts import LoopStatus
from yutang.runtime.pool import Pool
from yutang.runtime.receiving import Counters
from yutang.runtime.settings import Settings
from yutang.runtime.wire import WireClient

INTAKE_ANSWER_S_MAX = 2.0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a service isn't ready: a stable code, what is the matter, what to do."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class IntakeSeen:
    """The intake process as seen from here. counters: None if it didn't say. trouble: why, "" if it did."""

    counters: Counters | None
    pid: int = 0
    trouble: str = ""


class Watch:
    """Looks after one engine process, from before its pool is open until it ends."""

    def __init__(self, folder: Folder, settings: Settings, machine: MachineClock) -> None:
        self.folder = folder
        self.settings = settings
        self.machine = machine
        self.began_s = machine.stopwatch_s()
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool | None:
        """The pool, None until it is open."""
        return self._pool

    def opened(self, pool: Pool) -> None:
        """The pool is open."""
        self._pool = pool

    def desk(self, actor: str) -> Desk:
        """A desk of the pool. Raises UnavailableError until it is open."""
        if self._pool is None:
            raise UnavailableError(
                "service.starting", "the pool is being opened: what isn't in the lake yet is read again",
                remedy="try again in a moment; /readyz says when it is ready",
            )  # fmt: skip
        return self._pool.desk(actor)

    def reasons(self) -> Sequence[Reason]:
        """Why the service isn't ready; empty if it is."""
        pool = self._pool
        if pool is None:
            return [Reason("service.starting", "the pool is being opened", "wait")]
        found = []
        if pool.loop.failure is not None:
            found.append(Reason("loop.ended", f"the loop ended: {pool.loop.failure}", "the log says why"))
        intake = intake_seen(self.folder)
        if intake.trouble:
            found.append(Reason("intake.unreachable", intake.trouble, "it is started anew by itself; the log says why"))
        status = pool.loop.status()
        found += [
            Reason("loop.stuck", f"{name}: {what}", "`yutang doctor` looks the pool over; the log says why")
            for name, what in status.stuck.items()
        ]
        return found + self.lagging(lag_ms(status, pool.now_ms()))

    def lagging(self, lags: Mapping[str, int]) -> list[Reason]:
        """The reasons that follow from how long records wait, in ms by lane; imports may take their time."""
        limit = self.settings.lag_ready_s
        live = lags.get("live", 0) // SECOND_MS
        if live <= limit:
            return []
        message = f"the oldest live event waits for {live} s, more than lag_ready_s ({limit})"
        return [Reason("lag.live", message, "wait; if it grows, more comes than this machine can process")]


def lag_ms(status: LoopStatus, now_ms: int) -> dict[str, int]:
    """By lane, for how long the oldest record has been waiting, 0 if none does."""
    oldest = status.oldest_waiting_arrival_ms
    return {lane: max(0, now_ms - oldest[lane]) if oldest.get(lane) else 0 for lane in status.waiting_events}


def intake_seen(folder: Folder) -> IntakeSeen:
    """Ask the intake process for its counters."""
    try:
        client = WireClient(folder.intake_socket, INTAKE_ANSWER_S_MAX)
    except YutangError as error:
        return IntakeSeen(None, trouble=error.message)
    try:
        counters = msgspec.msgpack.decode(client.call("counters", "", b""), type=Counters)
        return IntakeSeen(counters, client.peer_pid)
    except (YutangError, msgspec.MsgspecError, OSError) as error:
        return IntakeSeen(None, trouble=str(error))
    finally:
        client.close()


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """What a process takes. started_at_s: machine time since 1970."""

    resident_bytes: int
    cpu_s: float
    open_files: int
    threads: int


def process_use(pid: int, ticks_per_s: int, page_bytes: int) -> ProcessUse | None:
    """What a process takes, None if it is gone or this isn't Linux."""
    root = Path("/proc") / str(pid)
    try:
        fields = (root / "stat").read_text().rpartition(")")[2].split()
        open_files = sum(1 for _ in (root / "fd").iterdir())
    except OSError:
        return None
    user, system, threads, resident = int(fields[11]), int(fields[12]), int(fields[17]), int(fields[21])
    return ProcessUse(resident * page_bytes, (user + system) / ticks_per_s, open_files, threads)


def folder_bytes(root: Path) -> int:
    """The bytes of the files below a folder, as far as they are still there."""
    return sum(file_bytes(path) for path in root.rglob("*"))


def file_bytes(path: Path) -> int:
    """The bytes of a file, 0 if it isn't there or isn't one."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0
