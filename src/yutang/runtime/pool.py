"""A pool opened in this process: its folder, database, inbox, log and loop, wired together.

Invariant: whoever opens a pool holds the folder's lock, itself or through the service that started it.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import structlog

from yutang.kernel.clock import MachineClock, PoolClock
from yutang.kernel.errors import DamagedError, InvalidError
from yutang.kernel.faults import Faults
from yutang.kernel.words import Command
from yutang.runtime.desk import Desk
from yutang.runtime.folder import Folder
from yutang.runtime.inbox.inbox import Inbox, open_reader
from yutang.runtime.inbox.payloads import PayloadDoor
from yutang.runtime.inbox.remote import RemoteInbox
from yutang.runtime.log.contracts import Pass
from yutang.runtime.log.loop import Lake, Loop
from yutang.runtime.settings import Settings
from yutang.storage.database import Database, open_sqlite
from yutang.storage.files import write_durably
from yutang.storage.migrations import migrate

logger = structlog.get_logger("yutang.pool")

CLOSE_FLUSH_ROWS_MIN = 10_000  # a shorter tail is replayed in well under a second


class InboxDoor(Protocol):
    """The inbox, owned here or across a socket."""

    @property
    def payloads(self) -> PayloadDoor: ...

    def progress(self, job: str) -> int: ...

    def put(self, blob: bytes, *, lane: str, job: str, rows_from: int, next_row: int, count: int) -> None: ...

    def restart_job(self, job: str) -> None: ...

    def trim(self, refs: Mapping[str, int]) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What `app.py` knows and a pool is built of. passes: given the folder and settings, in their fixed order."""

    passes: Callable[[Folder, Settings, Faults], tuple[Sequence[Pass], Lake]]
    commands: Mapping[str, Command[Any, Any]]


# A batch decodes to tens of thousands of small objects, none of them in a circle: Python's default of looking
# for circles every 700 allocations took a third of an import's time.
COLLECT_EVERY_ALLOCATIONS = 50_000


def relax_collector() -> None:
    """Look for circles of objects less often, and never among what is loaded already."""
    if not gc.get_freeze_count():  # once a process: what a second pool finds is its forerunner
        gc.freeze()
    gc.set_threshold(COLLECT_EVERY_ALLOCATIONS, 20, 50)


class Pool:
    """A pool at work. Close it to stop the loop and give everything back."""

    def __init__(
        self, folder: Folder, settings: Settings, blueprint: Blueprint, machine: MachineClock, faults: Faults,
        *, beside_intake: bool = False,
    ) -> None:  # fmt: skip
        folder.require_database()
        folder.make()
        self.folder = folder
        self.settings = settings
        self._blueprint = blueprint
        self._machine = machine
        self._telling_clock = threading.Lock()
        migrate(folder.database)
        with ExitStack() as held:  # given back if the pool can't be opened
            self.database: Database = open_sqlite(folder.database)
            held.callback(self.database.close)
            passes, lake = blueprint.passes(folder, settings, faults)
            reader = self._reader = open_reader(folder.inbox)
            held.callback(reader.close)
            share = settings.bulk_share_percent
            self.loop = Loop(self.database, reader, passes, lake, self._trim, machine, faults, share)
            self.loop.open()
            self.inbox: InboxDoor = (
                RemoteInbox(folder.intake_socket)
                if beside_intake
                else Inbox(folder.inbox, self.now_ms, faults, payload_days=settings.payload_days)
            )
            held.callback(self.inbox.close)
            self._tell_clock()
            self._held = held.pop_all()
        relax_collector()

    def now_ms(self) -> int:
        """Pool time."""
        epoch = self.loop.epoch
        return max(epoch.time_ms, epoch.clock.now_ms(self._machine))

    def _trim(self, refs: Mapping[str, int]) -> None:
        self.inbox.trim(refs)

    def desk(self, actor: str) -> Desk:
        """A work place pinned to the newest epoch."""
        return Desk(actor, self.loop.epoch, self, self.database, self.folder, self.settings, self._machine)

    @property
    def epoch(self) -> Any:
        """The newest epoch (`desk.Log`)."""
        return self.loop.epoch

    def bodies(self, refs: Sequence[int]) -> Mapping[int, bytes]:
        """Batches that the inbox still holds (`desk.Log`)."""
        return self._reader.bodies(refs)

    @property
    def payloads(self) -> PayloadDoor:
        """The bodies of webhooks that didn't map (`desk.Log`)."""
        return self.inbox.payloads

    def submit(self, kind: str, body: bytes, actor: str) -> Mapping[str, Any]:
        """Append a record to the log and wait for it (`desk.Log`)."""
        outcome = self.loop.submit(kind, body, actor)
        if "clock" in outcome:
            self._tell_clock()
        return outcome

    def _tell_clock(self) -> None:
        with self._telling_clock:  # one at a time, and the last to write tells the newest
            clock = self.loop.epoch.clock
            if not self._clock_told(clock):
                write_clock(self.folder, clock)

    def _clock_told(self, clock: PoolClock) -> bool:
        """Whether the folder says so already: a start needs no room then."""
        try:
            return (self.folder.root / "clock.json").exists() and read_clock(self.folder) == clock
        except DamagedError:
            return False

    def answer(self, name: str, actor: str, body: bytes) -> bytes:
        """Answer a command that came as bytes (the socket's handler)."""
        command = self._blueprint.commands.get(name)
        if command is None:
            raise InvalidError(
                "wire.unknown_command",
                f"this service knows no command {name!r}",
                remedy="the command line and the service are of different versions: restart the service",
            )
        question = msgspec.msgpack.decode(body, type=command.question)
        return msgspec.msgpack.encode(command.run(self.desk(actor), question))

    def close(self, wait_s: float | None = None) -> None:
        """Stop the loop after the transaction at work, spare the next start a long replay, give everything back.

        wait_s: how long to wait for that transaction; None: as long as it takes. If it isn't done by then, nothing is
        given back, since it is in use: the process must end, and the next start does again what wasn't committed.
        """
        if not self.loop.stop(wait_s):
            logger.warning("closed in the middle of the loop's work", waited_s=wait_s)
            return
        with self._held:
            if self.loop.failure is None:
                self.loop.flush_at_leisure(CLOSE_FLUSH_ROWS_MIN)
                self.loop.rest()


def write_clock(folder: Folder, clock: PoolClock) -> None:
    """Tell the intake process how pool time moves."""
    write_durably(folder.root / "clock.json", msgspec.json.encode(clock))


def read_clock(folder: Folder) -> PoolClock:
    """What `write_clock` told. Raises DamagedError."""
    path = folder.root / "clock.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=PoolClock)
    except FileNotFoundError:
        return PoolClock()
    except msgspec.MsgspecError:
        raise DamagedError(
            "pool.clock_damaged", "it doesn't say how pool time moves", where=str(path),
            remedy="any command that opens the pool writes it anew, such as `yutang clock show`",
        ) from None  # fmt: skip
