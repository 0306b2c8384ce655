"""The words of the ordered log: records, epochs, and the port by which slices take part.

Everything that changes state is a record in one order. The loop reads records, lets each pass compute
a `Delta` in private memory, writes all deltas in one transaction, then publishes one new `Epoch`.
Invariant: an epoch and everything reachable from it is immutable; a reader that holds one is pinned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from yutang.kernel.clock import PoolClock
from yutang.kernel.event import Event, EventBlob
from yutang.storage.database import Database, UnitOfWork
from yutang.timeline.steps import Flags, Ints

T = TypeVar("T")


class Lane(StrEnum):
    """Live: seconds matter. Bulk: imports; has a named share while live is non-empty."""

    LIVE = "live"
    BULK = "bulk"


class Origin(StrEnum):
    """Where a record's body lies: a blob of the inbox, or a row of `echo`."""

    INBOX = "inbox"
    ECHO = "echo"


EVENTS = "events"  # the kind of record whose body is an EventBlob; other kinds belong to the pass that knows them
CLOCK = "clock"  # the kind by which the pool's clock is set; the loop's own
TIME = "time"  # a stretch of time that a pass couldn't take; the loop's own, and only ever quarantined
ERASE = "erase"  # the kind by which a customer is forgotten
RETAIN = "retain"  # the kind by which events that are older than their type is kept for go
# Kinds that rewrite what lies in the lake: processed alone, after all that had been handed over before, on an empty
# tail (the loop flushes first).
SOLITARY = frozenset({ERASE, RETAIN})


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the log.

    seq: its number in the one order, given at processing. ref: its number in its origin. arrived_at: pool
    time, never before the record ahead of it. actor: who asked, "" for intake. events: how many the inbox says
    that it holds, 0 for an echo.
    """

    seq: int
    kind: str
    lane: Lane
    origin: Origin
    ref: int
    arrived_at: int
    body: bytes
    actor: str = ""
    events: int = 0


class Slot(Generic[T]):
    """A typed place in an epoch, owned by the pass that names it."""

    def __init__(self, name: str) -> None:
        self.name = name


class Epoch:
    """The published state after a record: pool time, the clock, and one immutable value a slot."""

    __slots__ = ("_values", "clock", "seq", "time_ms")

    def __init__(
        self, seq: int = 0, time_ms: int = 0, clock: PoolClock | None = None, values: Mapping[str, Any] | None = None
    ) -> None:
        self.seq = seq
        self.time_ms = time_ms
        self.clock = clock or PoolClock()
        self._values: Mapping[str, Any] = values or {}

    def __getitem__(self, slot: Slot[T]) -> T:
        value: T = self._values[slot.name]
        return value

    def changed(
        self,
        slots: Mapping[str, Any] | None = None,
        *,
        seq: int | None = None,
        time_ms: int | None = None,
        clock: PoolClock | None = None,
    ) -> Epoch:
        """A new epoch in which the given things differ."""
        return Epoch(
            self.seq if seq is None else seq,
            self.time_ms if time_ms is None else time_ms,
            clock or self.clock,
            {**self._values, **slots} if slots else self._values,
        )


@dataclass(slots=True)
class Batch:
    """What is processed as one: one record, or several EVENTS records in a row (a group).

    records: in their order. blobs: their decoded bodies if they are EVENTS, else empty. notes: typed by `Note`, from
    pass to later pass. A group is applied as if all of it arrived with its last record: time has passed up to the
    first one's arrival before it, and passes up to the last one's after it.
    """

    records: Sequence[Record]
    blobs: Sequence[EventBlob] = ()
    notes: dict[str, Any] = field(default_factory=dict)
    events: Sequence[Event] = ()
    counts: Sequence[int] = ()

    def __post_init__(self) -> None:
        self.counts = [len(blob.events) for blob in self.blobs]
        single = len(self.blobs) == 1
        self.events = self.blobs[0].events if single else [one for blob in self.blobs for one in blob.events]

    @property
    def record(self) -> Record:
        """The last of the records, whose number and arrival stand for all."""
        return self.records[-1]

    def spread(self, values: Sequence[int]) -> Ints:
        """int64[events]: a value of each record, given to each of its events."""
        return np.repeat(np.array(values, np.int64), self.counts)

    @property
    def arrivals(self) -> Ints:
        """int64[events]: when the record of each event arrived."""
        return self.spread([record.arrived_at for record in self.records])

    @property
    def historical(self) -> Flags:
        """bool[events]: whether each event was imported as history."""
        return self.spread([blob.history for blob in self.blobs]).astype(bool)


class SplitGroup(Exception):  # noqa: N818 - it asks for something, nothing is wrong
    """A pass can't do with a group what one record after the other would have done: the loop halves it."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What a record changes for one pass.

    slots: the pass's new state by slot name. rows: what `write` stores (None: nothing). notes: for the
    passes after it. verdicts: for each record of the batch (or none at all) plain values that are kept with it, by
    which a rebuild repeats the decision.
    """

    slots: Mapping[str, Any] = field(default_factory=dict)
    rows: Any = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    verdicts: Sequence[Mapping[str, Any]] = ()


class Pass(Protocol):
    """A slice's part in the log. The order of passes is fixed in `app.py`."""

    name: str

    def open(self, uow: UnitOfWork, epoch: Epoch) -> Delta:
        """The pass's state as stored, at start; `epoch` holds what earlier passes opened."""

    def replay(self, batch: Batch, epoch: Epoch, verdicts: Sequence[Mapping[str, Any]]) -> Delta:
        """Fill what is kept in memory only from records that were processed but not flushed; emits nothing.

        verdicts: what was kept with each record of the batch.
        """

    def ready(self, epoch: Epoch) -> Delta:
        """After all replays, before the first record or passing of time: derive what depends on the whole state."""

    def elapse(self, epoch: Epoch, until_ms: int) -> Delta | None:
        """Everything that happens by the passing of time in (epoch.time_ms, until_ms]; None: nothing does."""

    def apply(self, batch: Batch, epoch: Epoch) -> Delta | None:
        """Pure: what a record changes. None: nothing."""

    def write(self, uow: UnitOfWork, delta: Delta) -> None:
        """Store the delta's rows inside the loop's transaction."""

    def committed(self, delta: Delta) -> None:
        """The delta's transaction is on disk and its state published: now what can't be undone may be done."""

    def rest(self, epoch: Epoch, database: Database) -> None:
        """Keep what spares the next start its work, as it stands at a published epoch; from any thread, now and then
        and at the end. It must be worth nothing to anybody else: a failure is logged."""


class QuietPass:
    """A pass that does nothing; passes derive from it and override their part."""

    name = "quiet"

    def open(self, uow: UnitOfWork, epoch: Epoch) -> Delta:
        return Delta()

    def replay(self, batch: Batch, epoch: Epoch, verdicts: Sequence[Mapping[str, Any]]) -> Delta:
        return Delta()

    def ready(self, epoch: Epoch) -> Delta:
        return Delta()

    def elapse(self, epoch: Epoch, until_ms: int) -> Delta | None:
        return None

    def apply(self, batch: Batch, epoch: Epoch) -> Delta | None:
        return None

    def write(self, uow: UnitOfWork, delta: Delta) -> None:
        return None

    def committed(self, delta: Delta) -> None:
        return None

    def rest(self, epoch: Epoch, database: Database) -> None:
        return None


@dataclass(frozen=True, slots=True)
class LoopStatus:
    """How the loop stands. flushed_seq: the last record that is in the lake. waiting_events,
    oldest_waiting_arrival_ms (0: none waits): by lane. records_processed, events_processed: since the start.
    quarantined: records that lie there. stuck: what keeps a pass from letting time pass, or all from starting, by name.
    """

    seq: int
    flushed_seq: int
    time_ms: int
    waiting_events: Mapping[str, int]
    oldest_waiting_arrival_ms: Mapping[str, int]
    tail_rows: int
    records_processed: int
    events_processed: int
    quarantined: int
    stuck: Mapping[str, str]
