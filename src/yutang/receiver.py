"""`python -m yutang.receiver FOLDER`: the intake process of a service, wired.

Loads only what it needs, so that it is there before the engine and takes little room beside it. It owns `inbox.db`,
judges what comes by the basis that the engine told last, and goes on while the engine is away.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec
import structlog

from yutang.domains.intake import routes
from yutang.domains.intake.api.desk import IntakeDesk
from yutang.http.ports import require_port
from yutang.http.receiver import House, Listener
from yutang.kernel.clock import MachineClock, PoolClock, SystemClock
from yutang.kernel.errors import LimitError, YutangError
from yutang.kernel.faults import Faults
from yutang.runtime.dying import faults_named
from yutang.runtime.folder import Folder
from yutang.runtime.inbox.inbox import Inbox
from yutang.runtime.inbox.remote import Call, answering, serve_inbox
from yutang.runtime.inbox.room import Room
from yutang.runtime.inbox.writer import GroupWriter
from yutang.runtime.pool import read_clock
from yutang.runtime.receiving import Counters
from yutang.runtime.service import status_of, wait_for_end
from yutang.runtime.settings import Settings, load_settings
from yutang.runtime.telemetry import configure_logs
from yutang.runtime.wire import WireServer

# What a request makes is freed by reference counts alone; circles are rare, and looking for them among what
# waits to be written costs more than all else.
COLLECT_EVERY_ALLOCATIONS = 200_000

logger = structlog.get_logger("yutang.intake")


class FolderClock:
    """Pool time as the engine tells it in the folder; read anew only when the file is another."""

    def __init__(self, folder: Folder, machine: MachineClock) -> None:
        self._folder = folder
        self._machine = machine
        self._stamp: tuple[int, int] | None = None
        self._clock = PoolClock()

    def now_ms(self) -> int:
        """Pool time now."""
        try:
            found = (self._folder.root / "clock.json").stat()
            stamp = (found.st_ino, found.st_mtime_ns)
        except FileNotFoundError:
            stamp = (0, 0)
        if stamp != self._stamp:
            self._clock = read_clock(self._folder)
            self._stamp = stamp
        return self._clock.now_ms(self._machine)


class Intake:
    """The intake process at work, until closed."""

    def __init__(self, folder: Folder, settings: Settings, machine: MachineClock, faults: Faults) -> None:
        folder.make()
        self._settings = settings
        self._machine = machine
        self._counters = Counters(started_at_ms=machine.now_ms())
        clock = FolderClock(folder, machine)
        require_port(settings.intake_host, settings.intake_port, "intake_port")
        with ExitStack() as held:
            self._inbox = Inbox(folder.inbox, clock.now_ms, faults, payload_days=settings.payload_days)
            held.callback(self._inbox.close)
            self._room = Room(folder.root, settings.disk_reserve_mb, machine)
            self._desk = IntakeDesk(folder.keys, machine, self._counters)
            house = House(self._desk, clock.now_ms, self.admit, self._desk.gate.allows_origin, self._counters, faults)
            self._listener = Listener(routes.DOORS, house)
            self._writer = GroupWriter(self._inbox, machine, self._listener.told)
            held.callback(self._writer.close)
            self._listener.start(settings.intake_host, settings.intake_port, self._writer.submit)
            held.callback(self._listener.close)
            self._wire = WireServer(folder.intake_socket, answering(self._calls()))
            held.callback(self._wire.close)
            self._held = held.pop_all()

    def admit(self) -> None:
        """Raise what stands against keeping anything now: LimitError (too much waits), DiskFullError."""
        limit = self._settings.waiting_events_max
        waiting = self._inbox.waiting
        if waiting.events >= limit:
            error = LimitError(
                "intake.lag", f"{waiting.events} events wait for the engine, {limit} may",
                remedy="wait as Retry-After says: what was acknowledged is kept and being processed",
            )  # fmt: skip
            error.retry_after_s = waiting.retry_after_s(limit, self._machine.stopwatch_s())
            raise error
        self._room.require()

    def _calls(self) -> Mapping[str, Call]:
        def basis(body: bytes) -> bytes:
            self._desk.learn(body)
            return b""

        def counters(_body: bytes) -> bytes:
            return msgspec.msgpack.encode(self.counters())

        def refusals(body: bytes) -> bytes:
            return msgspec.msgpack.encode(self._desk.refusals(int(body)))

        own: dict[str, Call] = {"basis": basis, "counters": counters, "refusals": refusals}
        return {**serve_inbox(self._inbox, self._writer, self._machine), **own}

    def counters(self) -> Counters:
        """What was seen since the process started."""
        seen, writer, waiting = self._counters, self._writer, self._inbox.waiting
        middle, slow = writer.commit_ms()
        return msgspec.structs.replace(
            seen,
            commits=writer.commits,
            commit_ms_p50=middle,
            commit_ms_p99=slow,
            payloads_kept=writer.payloads,
            waiting_events=waiting.events,
            rejected=dict(seen.rejected),  # whole, while the listener goes on counting
            requests=dict(seen.requests),
        )

    @property
    def alive(self) -> bool:
        """Whether it still takes requests, and can keep what they bring."""
        return self._listener.alive and self._writer.alive

    def close(self) -> None:
        """Refuse what comes, answer what was read, give everything back."""
        self._held.close()


def run_intake(
    folder: Folder, settings: Settings, machine: MachineClock, faults: Faults, sleep: Callable[[float], None]
) -> int:
    """The intake process; its exit status."""
    try:
        intake = Intake(folder, settings, machine, faults)
    except YutangError as error:
        return status_of(error, "intake")
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY_ALLOCATIONS, 50, 100)
    healthy = wait_for_end(sleep, lambda: intake.alive)
    if not healthy:
        logger.error("the listener or the writer ended by itself")
    intake.close()
    return 0 if healthy else 1


def main() -> int:
    """The process."""
    folder = Folder(Path(sys.argv[1]))
    settings, _ = load_settings(folder.config, os.environ, {})
    configure_logs(settings.log_format, settings.log_level, "intake")
    return run_intake(folder, settings, SystemClock(), faults_named(), time.sleep)


if __name__ == "__main__":
    sys.exit(main())
