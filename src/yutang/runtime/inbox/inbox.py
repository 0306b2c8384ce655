"""The inbox as its owner uses it (`Inbox`) and as the engine reads it (`InboxReader`).

Invariant: `put` returns when the blob is on disk; arrivals never step back; a job's part that is there
already isn't taken twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from yutang.kernel.errors import ConflictError
from yutang.kernel.faults import Faults
from yutang.runtime.inbox import store
from yutang.runtime.inbox.payloads import PayloadShelf
from yutang.runtime.inbox.store import Blob, Head
from yutang.runtime.inbox.waiting import Waiting
from yutang.runtime.receiving import RawPayload
from yutang.storage.database import Database, open_sqlite

LIVE = "live"  # the lane of what comes over HTTP
TRIM_BLOBS_COUNT_MAX = 32  # that are removed in one transaction


class Inbox:
    """The owner's side. clock: pool time in ms. payload_days: how long a webhook's body that didn't map is kept."""

    def __init__(self, path: Path, clock: Callable[[], int], faults: Faults, *, payload_days: int = 14) -> None:
        self._database = open_sqlite(path)
        store.make_tables(self._database)
        self._clock = clock
        self._faults = faults
        with self._database.reading() as uow:
            self._arrival = store.last_arrival(uow)
            self.waiting = Waiting(store.waiting_heads(uow))
        self.payloads = PayloadShelf(self._database, self._arrive, self.waiting.add, payload_days, faults)

    def _arrive(self) -> int:
        """The arrival of what is put now: it never steps back. Inside a unit of work, so one at a time."""
        self._arrival = max(self._arrival, self._clock())
        return self._arrival

    def progress(self, job: str) -> int:
        """The next row of the job's input that isn't taken yet."""
        with self._database.reading() as uow:
            return store.next_row(uow, job)

    def put(self, blob: bytes, *, lane: str, job: str, rows_from: int, next_row: int, count: int) -> None:
        """Keep a part of an import, durable on return; one that is there already is passed over.

        Raises ConflictError for one that leaves rows out or is there in part: two imports cut the file differently.
        """
        with self._database.unit() as uow:
            at = store.next_row(uow, job)
            if at >= next_row:
                return
            if at != rows_from:
                raise ConflictError(
                    "import.out_of_step",
                    f"rows {rows_from} to {next_row} were handed over, but the job is at row {at}",
                    where=job,
                    remedy="another process works on the same import; start it again once that has ended",
                )
            arrival = self._arrive()
            ref = store.add_blob(uow, lane, arrival, count, blob) if count else 0
            store.set_next_row(uow, job, next_row)
            self._faults.reach("intake.before_commit")
        self._faults.reach("intake.committed")
        if ref:
            self.waiting.add(lane, ref, count)

    def keep(self, blobs: Sequence[tuple[bytes, int]], payloads: Sequence[RawPayload]) -> None:
        """Keep blobs of live events, each with its count, and webhooks' bodies, in one commit; durable on return."""
        with self._database.unit() as uow:
            arrival = self._arrive()
            refs = [store.add_blob(uow, LIVE, arrival, count, body) for body, count in blobs]
            if payloads:
                self.payloads.keep(uow, payloads, arrival)
            self._faults.reach("intake.before_commit")
        self._faults.reach("intake.committed")
        for ref, (_, count) in zip(refs, blobs, strict=True):
            self.waiting.add(LIVE, ref, count)

    def restart_job(self, job: str) -> None:
        """Forget how far a job came: its rows will be offered again."""
        with self._database.unit() as uow:
            store.set_next_row(uow, job, 0)

    def trim(self, refs: Mapping[str, int]) -> None:
        """Remove what is in the lake: by lane, up to and with a reference."""
        for lane, ref in refs.items():
            while self.trim_some(lane, ref):
                pass
        self.give_back()

    def trim_some(self, lane: str, ref: int) -> bool:
        """Remove the oldest of them, so few that nobody waits for it; whether there may be more."""
        with self._database.unit() as uow:
            return store.trim(uow, lane, ref, TRIM_BLOBS_COUNT_MAX) == TRIM_BLOBS_COUNT_MAX

    def give_back(self) -> None:
        """Return the space of what was trimmed to the disk."""
        self._database.give_back()

    def close(self) -> None:
        self._database.close()


class InboxReader:
    """The engine's side: reads only."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def heads(self, refs: Mapping[str, int], count_max: int) -> Mapping[str, Sequence[Head]]:
        """By lane, the next blobs after a reference, without their bodies."""
        with self._database.reading() as uow:
            return {lane: store.read_heads(uow, lane, ref, count_max) for lane, ref in refs.items()}

    def bodies(self, refs: Sequence[int]) -> Mapping[int, bytes]:
        """Bodies by reference."""
        if not refs:
            return {}
        with self._database.reading() as uow:
            return store.read_bodies(uow, refs)

    def present(self, refs: Sequence[int]) -> frozenset[int]:
        """Those of some references whose blobs are there."""
        with self._database.reading() as uow:
            return store.present(uow, refs)

    def last_ref(self) -> int:
        """The newest reference ever given out, trimmed ones included."""
        with self._database.reading() as uow:
            return store.last_ref(uow)

    def one(self, ref: int) -> Blob | None:
        with self._database.reading() as uow:
            return store.read_one(uow, ref)

    def waiting_events(self, refs: Mapping[str, int]) -> int:
        """How many events wait, over all lanes."""
        with self._database.reading() as uow:
            return sum(store.events_after(uow, lane, ref) for lane, ref in refs.items())

    def waiting(self, refs: Mapping[str, int]) -> Mapping[str, tuple[int, int]]:
        """By lane, how many events wait, and when the oldest of them arrived (0: none waits)."""
        with self._database.reading() as uow:
            return {lane: store.backlog(uow, lane, ref) for lane, ref in refs.items()}

    def close(self) -> None:
        self._database.close()


def open_reader(path: Path) -> InboxReader:
    """The inbox at a path, for reading."""
    database = open_sqlite(path)
    store.make_tables(database)
    return InboxReader(database)
