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

from yutang.kernel.clock import PoolClock
from yutang.kernel.event import Event, EventBlob
from yutang.storage.database import UnitOfWork

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


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the log.

    seq: its number in the one order, given at processing. ref: its number in its origin. arrived_at: pool
    time, never before the record ahead of it. actor: who asked, "" for intake.
    """

    seq: int
    kind: str
    lane: Lane
    origin: Origin
    ref: int
    arrived_at: int
    body: bytes
    actor: str = ""


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
    """A record under work: what the passes before have found out about it, in private memory.

    blob: the decoded body of an EVENTS record, else None. notes: typed by `Note`, from pass to later pass.
    """

    record: Record
    blob: EventBlob | None = None
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def events(self) -> Sequence[Event]:
        return self.blob.events if self.blob else ()


@dataclass(frozen=True, slots=True)
class Delta:
    """What a record changes for one pass.

    slots: the pass's new state by slot name. rows: what `write` stores (None: nothing). notes: for the
    passes after it. verdict: plain values kept with the record, by which a rebuild repeats the decision.
    """

    slots: Mapping[str, Any] = field(default_factory=dict)
    rows: Any = None
    notes: Mapping[str, Any] = field(default_factory=dict)
    verdict: Mapping[str, Any] = field(default_factory=dict)


class Pass(Protocol):
    """A slice's part in the log. The order of passes is fixed in `app.py`."""

    name: str

    def open(self, uow: UnitOfWork, epoch: Epoch) -> Delta:
        """The pass's state as stored, at start; `epoch` holds what earlier passes opened."""

    def replay(self, batch: Batch, epoch: Epoch, verdict: Mapping[str, Any]) -> Delta:
        """Fill what is kept in memory only from a record that was processed but not flushed; emits nothing."""

    def ready(self, epoch: Epoch) -> Delta:
        """After all replays, before the first record or passing of time: derive what depends on the whole state."""

    def elapse(self, epoch: Epoch, until_ms: int) -> Delta | None:
        """Everything that happens by the passing of time in (epoch.time_ms, until_ms]; None: nothing does."""

    def apply(self, batch: Batch, epoch: Epoch) -> Delta | None:
        """Pure: what a record changes. None: nothing."""

    def write(self, uow: UnitOfWork, delta: Delta) -> None:
        """Store the delta's rows inside the loop's transaction."""


class QuietPass:
    """A pass that does nothing; passes derive from it and override their part."""

    name = "quiet"

    def open(self, uow: UnitOfWork, epoch: Epoch) -> Delta:
        return Delta()

    def replay(self, batch: Batch, epoch: Epoch, verdict: Mapping[str, Any]) -> Delta:
        return Delta()

    def ready(self, epoch: Epoch) -> Delta:
        return Delta()

    def elapse(self, epoch: Epoch, until_ms: int) -> Delta | None:
        return None

    def apply(self, batch: Batch, epoch: Epoch) -> Delta | None:
        return None

    def write(self, uow: UnitOfWork, delta: Delta) -> None:
        return None
