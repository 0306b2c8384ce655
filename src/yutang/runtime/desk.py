"""The desk: what a handler of a route or command works at.

It pins one epoch for the whole answer, knows who asks, and is the only way to change anything: by
submitting a record to the log and waiting until it is processed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from yutang.kernel.clock import MachineClock
from yutang.runtime.folder import Folder
from yutang.runtime.inbox.payloads import PayloadDoor
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.settings import Settings
from yutang.storage.database import Database, UnitOfWork


class Log(Protocol):
    """The ordered log as a slice's api sees it."""

    @property
    def epoch(self) -> Epoch:
        """The newest published epoch."""

    def bodies(self, refs: Sequence[int]) -> Mapping[int, bytes]:
        """Those of some batches of the inbox that it still holds, by reference: what is in the lake is trimmed."""

    @property
    def payloads(self) -> PayloadDoor:
        """The bodies of webhooks that didn't map, in the inbox."""

    def submit(self, kind: str, body: bytes, actor: str) -> Mapping[str, Any]:
        """Append a record and wait until it is processed.

        Returns what the passes left as verdict. Raises what a pass raised: the record is then kept as
        refused and has changed nothing.
        """


@dataclass(frozen=True)
class Desk:
    """One question's work place. actor: who asks. epoch: pinned."""

    actor: str
    epoch: Epoch
    log: Log
    database: Database
    folder: Folder
    settings: Settings
    machine: MachineClock

    @property
    def now_ms(self) -> int:
        """Pool time: of the clock, never before the last record."""
        return max(self.epoch.time_ms, self.epoch.clock.now_ms(self.machine))

    @contextmanager
    def reading(self) -> Iterator[UnitOfWork]:
        """A transaction that reads the operational database."""
        with self.database.reading() as uow:
            yield uow

    def submit(self, kind: str, body: bytes) -> Mapping[str, Any]:
        """Append a record in the asker's name; see `Log.submit`."""
        return self.log.submit(kind, body, self.actor)

    def renewed(self) -> Desk:
        """The same desk pinned to the newest epoch, to read what one has just written."""
        return Desk(self.actor, self.log.epoch, self.log, self.database, self.folder, self.settings, self.machine)
