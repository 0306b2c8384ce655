"""What the loop reads next: echoes first, then blobs by lane; bulk keeps a named share while live events wait.

Invariants: no arrival, as it is handed on, passes that of a blob that still waits, so no timer does: a backlog
makes nobody "churned". A move of the clock waits for what had been handed over when it was first seen; so does a
record that rewrites the lake, which is handed on alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from yutang.runtime.inbox.inbox import InboxReader
from yutang.runtime.inbox.store import Head
from yutang.runtime.log import store
from yutang.runtime.log.contracts import CLOCK, EVENTS, SOLITARY, Lane, Origin, Record
from yutang.storage.database import Database

RECORDS_PER_TRANSACTION_MAX = 1_024
ECHOES_PER_TRANSACTION_MAX = 64
EVENTS_PER_TRANSACTION_MAX = 32_768  # about a third of a second's work, after which all of it is seen
FENCED = SOLITARY | {CLOCK}

Heads = Mapping[str, Sequence[Head]]  # by lane, the first that wait, without their bodies


@dataclass(frozen=True, slots=True)
class Position:
    """How far the loop has read: the last reference of each source, the last number given."""

    seq: int = 0
    live: int = 0
    bulk: int = 0
    echo: int = 0

    def refs(self) -> dict[str, int]:
        """The last reference read, by lane."""
        return {Lane.LIVE.value: self.live, Lane.BULK.value: self.bulk}

    def after(self, record: Record) -> Position:
        """The position once the record is processed."""
        source = "echo" if record.origin is Origin.ECHO else record.lane.value
        refs = {"live": self.live, "bulk": self.bulk, "echo": self.echo, source: record.ref}
        return Position(seq=record.seq, **refs)


class Reader:
    """Reads for the one loop of a pool."""

    def __init__(self, database: Database, inbox: InboxReader, bulk_share_percent: int) -> None:
        self._database = database
        self._inbox = inbox
        self._turns_a_bulk_turn = max(1, 100 // bulk_share_percent)
        self._turn = 0
        self._fence: tuple[int, int] | None = None  # a fenced echo; the newest blob when it was first seen

    def next(self, position: Position, now_ms: int) -> list[Record]:
        """The records of the next transaction, empty if nothing waits. now_ms: the arrival of echoes."""
        with self._database.reading() as uow:
            echoes = store.read_echoes(uow, position.echo, ECHOES_PER_TRANSACTION_MAX)
        heads = self._inbox.heads(position.refs(), RECORDS_PER_TRANSACTION_MAX + 1)
        records = [
            Record(0, row.kind, Lane.LIVE, Origin.ECHO, row.id, now_ms, row.body, row.actor)
            for row in self._before_fence(echoes, heads)
        ]
        chosen: list[Head] = []
        if not (records and records[0].kind in SOLITARY):
            self._turn += 1
            bulk_first = self._turn % self._turns_a_bulk_turn == 0
            chosen = choose(heads, RECORDS_PER_TRANSACTION_MAX - len(records), bulk_first=bulk_first)
        bodies = self._inbox.bodies([head.ref for head in chosen])
        for head in chosen:
            body, lane = bodies[head.ref], Lane(head.lane)
            records.append(Record(0, EVENTS, lane, Origin.INBOX, head.ref, head.arrived_at, body, events=head.events))
        read = {head.ref for head in chosen}
        waiting = [head.arrived_at for lane in heads.values() for head in lane if head.ref not in read]
        return under_ceiling(records, min(waiting, default=None))

    def _before_fence(self, echoes: Sequence[store.EchoRow], heads: Heads) -> Sequence[store.EchoRow]:
        """The echoes up to one that has to wait; one that is processed alone comes alone."""
        for place, row in enumerate(echoes):
            if row.kind not in FENCED:
                continue
            if self._fence is None or self._fence[0] != row.id:
                self._fence = (row.id, self._inbox.last_ref())
            if any(lane and lane[0].ref <= self._fence[1] for lane in heads.values()):
                return echoes[:place]
            if row.kind in SOLITARY:
                return echoes[:place] or [row]
        return echoes


def choose(heads: Heads, records_max: int, *, bulk_first: bool) -> list[Head]:
    """The blobs to take now, lane by lane; one at least, whatever its size, if there is room for any."""
    lanes = (Lane.BULK, Lane.LIVE) if bulk_first else (Lane.LIVE, Lane.BULK)
    found: list[Head] = []
    events = 0
    for lane in lanes:
        for head in heads[lane.value]:
            if len(found) >= records_max or (found and events >= EVENTS_PER_TRANSACTION_MAX):
                return found
            found.append(head)
            events += head.events
    return found


def under_ceiling(records: Sequence[Record], waiting_ms: int | None) -> list[Record]:
    """The records, none arriving after an older blob that comes later. waiting_ms: the oldest not among them."""
    ceiling = waiting_ms
    found: list[Record] = []
    for record in reversed(records):
        lowered = ceiling is not None and record.arrived_at > ceiling
        found.append(replace(record, arrived_at=ceiling) if lowered and ceiling is not None else record)
        if record.origin is Origin.INBOX:
            ceiling = record.arrived_at if ceiling is None else min(ceiling, record.arrived_at)
    return found[::-1]
