"""The start of a log: the stored state, and again what was processed but isn't in the lake yet.

What is replayed is read and applied in groups, as large as they come: verdicts are kept, so nothing is decided
again, and no time passes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from yutang.kernel.clock import PoolClock
from yutang.kernel.errors import DamagedError
from yutang.kernel.event import decode_blob
from yutang.runtime.collecting import uncollected
from yutang.runtime.inbox.inbox import InboxReader
from yutang.runtime.log import store
from yutang.runtime.log.contracts import CLOCK, EVENTS, Batch, Epoch, Origin, Pass
from yutang.runtime.log.reading import Position
from yutang.runtime.log.working import clock_fields
from yutang.storage.database import Database, UnitOfWork

REPLAY_EVENTS_COUNT_MAX = 65_536  # of a group; more saves nothing, and takes memory


@dataclass(frozen=True, slots=True)
class Opened:
    """Where the log stands at its start. settled: whether there is any record but of the clock."""

    epoch: Epoch
    position: Position
    flushed_seq: int
    settled: bool
    unflushed_events: int


def open_log(database: Database, inbox: InboxReader, passes: Sequence[Pass]) -> Opened:
    """Read the stored state, and replay what was processed but not flushed. Raises DamagedError."""
    with database.reading() as uow, uncollected():
        saved = store.read_state(uow, "position")
        position = Position(**saved) if saved else Position()
        clock = PoolClock(**clock_fields(store.read_state(uow, "clock")))
        flushed = store.read_state(uow, "flushed") or 0
        settled = store.has_other_kind(uow, CLOCK)
        epoch = Epoch(position.seq, store.read_state(uow, "time_ms") or 0, clock)
        for one in passes:
            epoch = epoch.changed(one.open(uow, epoch).slots)
        unflushed = 0
        entries = [one for one in store.read_entries(uow, flushed) if one.state == "done" and one.kind == EVENTS]
        for group in _groups(entries):
            epoch, events = _replayed(passes, epoch, group, _bodies(uow, inbox, group))
            unflushed += events
    _check_inbox(inbox, position)
    return Opened(epoch, position, flushed, settled, unflushed)


def _groups(entries: Sequence[store.Entry]) -> Iterator[Sequence[store.Entry]]:
    first, events = 0, 0
    for place, entry in enumerate(entries):
        more = int(entry.verdict.get("taken", 0)) + int(entry.verdict.get("repeated", 0))
        if place > first and events + more > REPLAY_EVENTS_COUNT_MAX:
            yield entries[first:place]
            first, events = place, 0
        events += more
    if entries:
        yield entries[first:]


def _bodies(uow: UnitOfWork, inbox: InboxReader, entries: Sequence[store.Entry]) -> list[bytes]:
    blobs = inbox.bodies([entry.ref for entry in entries if entry.origin == Origin.INBOX])
    return [_body(uow, blobs, entry) for entry in entries]


def _body(uow: UnitOfWork, blobs: Mapping[int, bytes], entry: store.Entry) -> bytes:
    if entry.origin == Origin.ECHO:
        row = store.read_echo(uow, entry.ref)
        if row:
            return row.body
    elif entry.ref in blobs:
        return blobs[entry.ref]
    place = "yutang.db" if entry.origin == Origin.ECHO else "inbox.db"
    raise DamagedError(
        "log.body_lost",
        f"record {entry.seq} isn't in the lake yet, and {place} doesn't hold it any more (reference {entry.ref})",
        remedy="restore yutang.db and inbox.db from one backup: they belong together",
    )


def _replayed(
    passes: Sequence[Pass], epoch: Epoch, entries: Sequence[store.Entry], bodies: Sequence[bytes]
) -> tuple[Epoch, int]:
    records = [store.record_from_entry(entry, body) for entry, body in zip(entries, bodies, strict=True)]
    batch = Batch(records, [decode_blob(body) for body in bodies])
    verdicts = [entry.verdict for entry in entries]
    for one in passes:
        delta = one.replay(batch, epoch, verdicts)
        batch.notes.update(delta.notes)
        epoch = epoch.changed(delta.slots) if delta.slots else epoch
    return epoch, len(batch.events)


def _check_inbox(inbox: InboxReader, position: Position) -> None:
    """An inbox that gives references out anew would be passed over: what it holds would never be read."""
    read, given = max(position.live, position.bulk), inbox.last_ref()
    if given < read:
        raise DamagedError(
            "log.inbox_replaced",
            f"the log has read batch {read} of inbox.db, which never held one after {given}",
            remedy="put back the inbox.db that belongs to this yutang.db, or restore both from one backup",
        )
