"""The two ways to a pool: open it here under its lock, or call the service that holds it."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import msgspec

from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import BusyError, UnavailableError
from yutang.kernel.faults import Faults
from yutang.kernel.words import Command, Permission
from yutang.runtime.folder import Folder, FolderLock
from yutang.runtime.inbox.remote import RemoteInbox
from yutang.runtime.pool import Blueprint, InboxDoor, Pool
from yutang.runtime.settings import InForce, Settings
from yutang.runtime.wire import NOT_ASKED, WireClient

Q = TypeVar("Q")
A = TypeVar("A")

OPEN_WAIT_S_MAX = 20.0  # for another command to finish, or a service to come up
OPEN_RETRY_S = 0.1
ASKED_TIMES_MAX = 5  # of one question, while the service is started anew
PROGRESS_PERIOD_S = 0.1
# What these allow may begin a pool; anything else wants one that exists.
MAKING = frozenset({Permission.IMPORT, Permission.OPERATE, Permission.CATALOGUE_WRITE, Permission.KEYS})


class PoolCaller:
    """A caller that opens its pool at the first call and keeps it until closed.

    sleep: waits the given seconds of machine time.
    """

    def __init__(
        self, folder: Folder, settings: Settings, in_force: tuple[InForce, ...], blueprint: Blueprint,
        machine: MachineClock, faults: Faults, sleep: Callable[[float], None], actor: str | None,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.settings = settings
        self.in_force = in_force
        self.actor = actor or getpass.getuser()
        self._blueprint = blueprint
        self._machine = machine
        self._faults = faults
        self._sleep = sleep
        self._pool: Pool | None = None
        self._lock: FolderLock | None = None
        self._client: WireClient | None = None
        self._remote_inbox: RemoteInbox | None = None
        self._scratch: TemporaryDirectory[str] | None = None

    @property
    def language(self) -> str:
        """See `kernel.words.Caller`."""
        return self.settings.language

    def call(self, command: Command[Q, A], question: Q) -> A:
        """Ask the pool; see `kernel.words.Caller`."""
        if command.permission not in MAKING:
            self.folder.require()
        self._open()
        if self._pool is None:
            answer = self._asked(command.name, msgspec.msgpack.encode(question))
            if answer is not None:
                return msgspec.msgpack.decode(answer, type=command.answer)
        assert self._pool is not None
        return command.run(self._pool.desk(self.actor), question)

    def rehearse(self) -> bool:
        """Where there is no pool yet, work on one that is thrown away with this caller; whether that is so."""
        self.folder.require_database()
        if not self.folder.exists():
            self._scratch = TemporaryDirectory(prefix="yutang-")
            self.folder = Folder(Path(self._scratch.name))
        return self._scratch is not None

    def elsewhere(self, folder: Folder, settings: Settings) -> PoolCaller:
        """The same way to another folder."""
        return PoolCaller(
            folder, settings, (), self._blueprint, self._machine, self._faults, self._sleep, self.actor
        )  # fmt: skip

    @property
    def door(self) -> InboxDoor:
        """Where an import hands over its parts."""
        self._open()
        if self._pool is not None:
            return self._pool.inbox
        if self._remote_inbox is None:
            self._remote_inbox = RemoteInbox(self.folder.intake_socket)
        return self._remote_inbox

    @property
    def served(self) -> bool:
        """Whether a running service holds the pool."""
        self._open()
        return self._pool is None

    def process_waiting(self) -> None:
        """Between two parts of an import: let the log move, where it is this process that moves it."""
        if self._pool is not None:
            self._pool.loop.step()

    def wait_processed(self) -> Iterator[int]:
        """Yields how many events still wait, until none does."""
        while waiting := self._waiting():
            yield waiting
            if self._pool is not None:
                self._pool.loop.step()
            else:
                self._sleep(PROGRESS_PERIOD_S)

    def _waiting(self) -> int:
        self._open()
        answer = None if self._pool is not None else self._asked("runtime.waiting", b"", harmless=True)
        if answer is not None:
            return int(msgspec.msgpack.decode(answer))
        assert self._pool is not None
        return self._pool.loop.waiting_events()

    def _asked(self, name: str, body: bytes, *, harmless: bool = False) -> bytes | None:
        """What the service answers, started anew meanwhile or not; None if it ended and the pool is open here now.

        harmless: it may be asked again though it may have been heard.
        """
        for _ in range(ASKED_TIMES_MAX):
            assert self._client is not None
            try:
                return self._client.call(name, self.actor, body)
            except UnavailableError as error:
                if error.code != NOT_ASKED and not (harmless and error.code == "service.gone"):
                    raise
            self._client.close()
            self._client = None
            self._open()
            if self._pool is not None:
                return None
        raise UnavailableError(
            "service.restless", "the service ends whenever it is asked", where=name, remedy="yutang doctor"
        )

    def _open(self) -> None:
        if self._pool is not None or self._client is not None:
            return
        deadline = self._machine.stopwatch_s() + OPEN_WAIT_S_MAX
        while True:
            try:
                self._lock = FolderLock.take(self.folder, "command")
            except BusyError as busy:
                if self._connected():
                    return
                if self._machine.stopwatch_s() > deadline:
                    raise busy
                self._sleep(OPEN_RETRY_S)
            else:
                self._pool = self._opened(self._lock)
                self._pool.loop.drain()  # what an interrupted command left, and what has fallen due meanwhile
                return

    def _opened(self, lock: FolderLock) -> Pool:
        try:
            return Pool(self.folder, self.settings, self._blueprint, self._machine, self._faults)
        except BaseException:
            lock.release()
            raise

    def _connected(self) -> bool:
        try:
            self._client = WireClient(self.folder.engine_socket)
        except UnavailableError:
            return False
        return True

    def close(self) -> None:
        """Give everything back."""
        for held in (self._pool, self._client, self._remote_inbox):
            if held is not None:
                held.close()
        if self._lock is not None:
            self._lock.release()
        if self._scratch is not None:
            self._scratch.cleanup()
