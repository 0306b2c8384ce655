"""One transaction of the loop, in private memory: records in groups through the passes, and time between them.

A group is applied at once. If it can't be, it is halved until the record that can't be processed is alone: that one
is refused or quarantined, the others count as if it had never come.

A pass that can't take a stretch of time is *stuck*: the stretch is kept in the log as quarantined, the pass derives
its state anew from the whole (`ready`) as soon as it can, and until then it alone stands still. What it would have
told of the stretch is missing; nothing else waits for it. A fault of the house is no record's fault and no pass's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import structlog

from yutang.kernel.clock import ClockMode, MachineClock, PoolClock
from yutang.kernel.errors import ConflictError, DamagedError, UnavailableError, YutangError
from yutang.kernel.event import decode_blob
from yutang.runtime.log.contracts import (
    CLOCK,
    EVENTS,
    TIME,
    Batch,
    Delta,
    Epoch,
    Lane,
    Origin,
    Pass,
    Record,
    SplitGroup,
)
from yutang.runtime.log.reading import Position

GROUP_EVENTS_COUNT_MAX = 32_768
GROUP_SPAN_MS = 1_000  # between the first and the last arrival: nobody's label is later by more than that
STUCK_RETRY_MS = 60_000  # of pool time, between two tries of a pass that is stuck
ERROR_CHARS_MAX = 2_000
# Not the record's fault: whoever is asked to process it next may succeed.
HOUSE_FAULTS = (DamagedError, UnavailableError, OSError, MemoryError)

logger = structlog.get_logger("yutang.loop")

Verdict = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stuck:
    """Why a pass stands still, and the pool time of the next try."""

    error: str
    again_ms: int


@dataclass(slots=True)
class Work:
    """Deltas between a read and a commit. settled: whether there is any record but of the clock."""

    epoch: Epoch
    position: Position
    settled: bool = False
    stuck: dict[str, Stuck] = field(default_factory=dict)
    deltas: list[tuple[Pass, Delta]] = field(default_factory=list)
    entries: list[tuple[Record, str, str, Verdict]] = field(default_factory=list)
    outcomes: dict[int, Verdict | YutangError] = field(default_factory=dict)
    events: int = 0

    def take(self, owner: Pass, delta: Delta) -> None:
        """A pass's delta becomes part of it."""
        self.epoch = self.epoch.changed(delta.slots) if delta.slots else self.epoch
        if delta.rows is not None:
            self.deltas.append((owner, delta))

    def enter(self, record: Record, state: str, error: str, verdict: Verdict) -> None:
        """A record is done with."""
        self.entries.append((record, state, error, verdict))
        self.settled = self.settled or record.kind != CLOCK


class Worker:
    """Moves a `Work` on. passes: in their fixed order."""

    def __init__(self, passes: Sequence[Pass], machine: MachineClock) -> None:
        self._passes = passes
        self._machine = machine

    # ── records ─────────────────────────────────────────────────────────────────────────────────

    def process(self, work: Work, read: Sequence[Record]) -> None:
        """Records of one group, or one record of any kind."""
        self.elapse(work, read[0].arrived_at)
        records = _numbered(work, read)
        before = (work.epoch, len(work.deltas), work.events, dict(work.stuck))
        raised: Exception | None = None
        verdicts: Sequence[Verdict] = [{}]
        try:
            verdicts = self._apply(work, records)
        except HOUSE_FAULTS:
            raise
        except Exception as caught:  # a poison record must not stop the log
            raised = caught
            work.epoch, work.events, work.stuck = before[0], before[2], before[3]
            del work.deltas[before[1] :]
        if raised is None:
            self._enter(work, records, "done", "", verdicts)
            if len(records) > 1:
                self.elapse(work, records[-1].arrived_at)
        elif len(records) > 1:
            if not isinstance(raised, SplitGroup):
                logger.warning("group halved", records=len(records), exc_info=raised)
            raised = None  # with what it holds on to: the dropped deltas make room for new ones
            half = len(read) // 2
            self.process(work, read[:half])
            self.process(work, read[half:])
        else:
            self._give_up(work, records, raised)
            raised = None

    def _give_up(self, work: Work, records: Sequence[Record], raised: Exception) -> None:
        state, error = _fate(records[0], raised)
        if state == "quarantined":
            logger.error("record quarantined", seq=records[0].seq, kind=records[0].kind, exc_info=raised)
        self._enter(work, records, state, error, [{}])
        if records[0].origin is Origin.ECHO:
            work.outcomes[records[0].ref] = _told(raised)

    def _enter(
        self, work: Work, records: Sequence[Record], state: str, error: str, verdicts: Sequence[Verdict]
    ) -> None:
        first = work.position.seq + 1  # a move of the clock may have put a stretch of time before itself
        for seq, (numbered, verdict) in enumerate(zip(records, verdicts, strict=True), first):
            record = numbered if numbered.seq == seq else replace(numbered, seq=seq)
            if record.origin is Origin.ECHO:
                work.outcomes[record.ref] = {**verdict, "seq": seq}
            work.position = work.position.after(record)
            work.enter(record, state, error, verdict)
        work.epoch = work.epoch.changed(seq=work.position.seq)

    def _apply(self, work: Work, records: Sequence[Record]) -> Sequence[Verdict]:
        kind = records[-1].kind
        if kind == CLOCK:
            return [self._set_clock(work, records[-1])]
        if kind == TIME:
            return [self._try_all_again(work)]
        batch = Batch(records, [decode_blob(record.body) for record in records] if kind == EVENTS else [])
        verdicts: list[dict[str, Any]] = [{} for _ in records]
        taken: list[tuple[Pass, Delta]] = []
        epoch = work.epoch
        for one in self._passes:
            delta = one.apply(batch, epoch)
            if delta is None:
                continue
            batch.notes.update(delta.notes)
            if delta.verdicts:
                for mine, added in zip(verdicts, delta.verdicts, strict=True):
                    mine.update(added)
            epoch = epoch.changed(delta.slots) if delta.slots else epoch
            taken.append((one, delta))
        for one, delta in taken:
            work.take(one, delta)
        work.events += len(batch.events)
        return verdicts

    def _set_clock(self, work: Work, record: Record) -> Verdict:
        clock = PoolClock(**clock_fields(msgspec.msgpack.decode(record.body)))
        now = clock.now_ms(self._machine)
        if now < work.epoch.time_ms and work.settled:
            raise ConflictError(
                "clock.backwards",
                "pool time never steps back once the pool has records",
                remedy="set a later instant, or start another pool",
            )
        if work.settled:
            self.elapse(work, now)
        work.epoch = work.epoch.changed(clock=clock, time_ms=now)
        return {"clock": clock_values(clock)}

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    def elapse(self, work: Work, until_ms: int) -> None:
        """Time passes, if it isn't later already."""
        if until_ms <= work.epoch.time_ms:
            return
        for one in self._passes:
            if one.name in work.stuck:
                if until_ms >= work.stuck[one.name].again_ms:
                    self._try_again(work, one, until_ms)
                continue
            try:
                delta = one.elapse(work.epoch, until_ms)
            except HOUSE_FAULTS:
                raise
            except Exception as raised:  # a poison timer must not stop the log either
                self._get_stuck(work, one, until_ms, raised)
            else:
                if delta is not None:
                    work.take(one, delta)
        work.epoch = work.epoch.changed(time_ms=until_ms)

    def _get_stuck(self, work: Work, one: Pass, until_ms: int, raised: Exception) -> None:
        seq = work.position.seq + 1
        body = msgspec.msgpack.encode({"pass": one.name, "from_ms": work.epoch.time_ms, "until_ms": until_ms})
        record = Record(seq, TIME, Lane.LIVE, Origin.ECHO, 0, until_ms, body)
        logger.error("time quarantined", seq=seq, owner=one.name, exc_info=raised)
        work.enter(record, "quarantined", _error_text(raised), {})
        work.position = replace(work.position, seq=seq)
        work.stuck[one.name] = Stuck(_error_text(raised), until_ms)
        self._try_again(work, one, until_ms)
        work.epoch = work.epoch.changed(seq=seq)

    def _try_again(self, work: Work, one: Pass, until_ms: int) -> None:
        try:
            delta = one.ready(work.epoch.changed(time_ms=until_ms))
        except HOUSE_FAULTS:
            raise
        except Exception as raised:
            work.stuck[one.name] = Stuck(_error_text(raised), until_ms + STUCK_RETRY_MS)
        else:
            work.take(one, delta)
            del work.stuck[one.name]
            logger.warning("time goes on", owner=one.name, until_ms=until_ms)

    def _try_all_again(self, work: Work) -> Verdict:
        """A stretch of time that was quarantined is replayed: what is stuck is tried now."""
        freed = []
        for one in self._passes:
            if one.name in work.stuck:
                self._try_again(work, one, work.epoch.time_ms)
                if one.name in work.stuck:
                    raise ConflictError(
                        "log.still_stuck", f"{one.name} still can't let time pass: {work.stuck[one.name].error}",
                        remedy="mend its cause first; the service's log has all of it",
                    )  # fmt: skip
                freed.append(one.name)
        return {"freed": freed}


def grouped(records: Sequence[Record]) -> Iterator[Sequence[Record]]:
    """The records in groups: consecutive batches of events from the inbox that arrived within a span."""
    first, events = 0, 0
    for place, record in enumerate(records):
        begun = records[first]
        joins = (
            record.kind == begun.kind == EVENTS
            and record.origin is begun.origin is Origin.INBOX
            and events + record.events <= GROUP_EVENTS_COUNT_MAX
            and record.arrived_at - begun.arrived_at <= GROUP_SPAN_MS
        )
        if place > first and not joins:
            yield records[first:place]
            first, events = place, 0
        events += record.events
    if records:
        yield records[first:]


def _numbered(work: Work, read: Sequence[Record]) -> list[Record]:
    """The records with their numbers; none arrives before the one ahead of it."""
    found = []
    arrived = work.epoch.time_ms
    for seq, record in enumerate(read, work.position.seq + 1):
        arrived = max(arrived, record.arrived_at)
        found.append(replace(record, seq=seq, arrived_at=arrived))
    return found


def clock_fields(stored: Mapping[str, Any] | None) -> dict[str, Any]:
    """The arguments of a `PoolClock` as it is stored."""
    if not stored:
        return {}
    return {"mode": ClockMode(stored["mode"]), "at_ms": stored["at_ms"], "machine_ms": stored["machine_ms"]}


def clock_values(clock: PoolClock) -> dict[str, Any]:
    """A clock as it is stored."""
    return {"mode": clock.mode.value, "at_ms": clock.at_ms, "machine_ms": clock.machine_ms}


def _fate(record: Record, raised: Exception) -> tuple[str, str]:
    refused = record.origin is Origin.ECHO and isinstance(raised, YutangError)
    return ("refused" if refused else "quarantined"), _error_text(raised)


def _error_text(raised: Exception) -> str:
    return (str(raised) or type(raised).__name__)[:ERROR_CHARS_MAX]


def _told(raised: Exception) -> YutangError:
    if isinstance(raised, YutangError):
        return raised.with_traceback(None)  # which holds on to what was dropped
    return YutangError(
        "log.poison", f"the record couldn't be processed: {raised}",
        remedy="it is quarantined: see `yutang quarantine list`",
    )  # fmt: skip
