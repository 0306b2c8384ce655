"""The loop: reads records in one order, lets passes compute deltas, commits, publishes.

    read → (time up to the record's arrival, then the record) × passes → one transaction → publish → flush

Invariants: published state isn't touched before the transaction is committed; if it fails the deltas are
dropped. No timer passes the oldest record that waits. A record that a pass refuses changes nothing: an
edit is kept as `refused` and its submitter told; anything else is kept as `quarantined`, and the log goes on.
A fault of the house (a damaged file, a full disk) is no record's fault: it ends the step, and nothing is lost.
One thread at a time drives the loop; readers only take `epoch`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

import msgspec
import structlog

from yutang.kernel.clock import ClockMode, MachineClock, PoolClock
from yutang.kernel.errors import ConflictError, DamagedError, UnavailableError, YutangError
from yutang.kernel.event import decode_blob
from yutang.kernel.faults import Faults
from yutang.runtime.inbox.inbox import InboxReader
from yutang.runtime.log import store
from yutang.runtime.log.contracts import CLOCK, EVENTS, Batch, Delta, Epoch, Origin, Pass, Record
from yutang.runtime.log.reading import Position, Reader
from yutang.storage.database import Database, UnitOfWork

SUBMIT_WAIT_S_MAX = 120.0
# What a restart reads again is bounded by this too: repeats are no rows of the tail, but they are events.
EVENTS_UNFLUSHED_MAX = 2_000_000
# Not the record's fault: whoever is asked to process it next may succeed.
HOUSE_FAULTS = (DamagedError, UnavailableError, OSError, MemoryError)

logger = structlog.get_logger("yutang.loop")


class Lake(Protocol):
    """Where the tail goes; implemented by the timeline's pass. Steps are apart so that each can fail alone."""

    def due(self, epoch: Epoch) -> bool: ...

    def tail_rows(self, epoch: Epoch) -> int: ...

    def write_tail(self, epoch: Epoch) -> Any: ...

    def commit(self, uow: UnitOfWork, flush: Any) -> None: ...

    def publish(self, flush: Any) -> Mapping[str, Any]: ...

    def compact(self, database: Database, epoch: Epoch) -> Mapping[str, Any] | None: ...


@dataclass(slots=True)
class _Work:
    """Deltas in private memory, between a read and a commit."""

    epoch: Epoch
    position: Position
    deltas: list[tuple[Pass, Delta]] = field(default_factory=list)
    entries: list[tuple[Record, str, str, Mapping[str, Any]]] = field(default_factory=list)
    outcomes: dict[int, Mapping[str, Any] | YutangError] = field(default_factory=dict)
    events: int = 0

    def take(self, owner: Pass, delta: Delta) -> None:
        self.epoch = self.epoch.changed(delta.slots) if delta.slots else self.epoch
        if delta.rows is not None:
            self.deltas.append((owner, delta))


class Loop:
    """The ordered log of one pool. passes: in their fixed order."""

    def __init__(
        self,
        database: Database,
        inbox: InboxReader,
        passes: Sequence[Pass],
        lake: Lake,
        trim_inbox: Callable[[Mapping[str, int]], None],
        machine: MachineClock,
        faults: Faults,
        bulk_share_percent: int,
    ) -> None:
        self._database = database
        self._inbox = inbox
        self._passes = passes
        self._lake = lake
        self._trim_inbox = trim_inbox
        self._machine = machine
        self._faults = faults
        self._reader = Reader(database, inbox, bulk_share_percent)
        self._settled = False  # whether there is any record but of the clock
        self._unflushed_events = 0
        self._epoch = Epoch()
        self._position = Position()
        self._ready = False
        self._driving = threading.RLock()
        self._wake = threading.Condition()
        self._awaited: set[int] = set()  # echoes whose submitters wait
        self._outcomes: dict[int, Mapping[str, Any] | YutangError] = {}
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._failure: BaseException | None = None

    @property
    def epoch(self) -> Epoch:
        return self._epoch

    @property
    def position(self) -> Position:
        return self._position

    # ── start ───────────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        """Read the stored state, and replay what was processed but not flushed."""
        with self._database.reading() as uow:
            saved = store.read_state(uow, "position")
            self._position = Position(**saved) if saved else Position()
            clock = store.read_state(uow, "clock")
            flushed = store.read_state(uow, "flushed") or 0
            time_ms = store.read_state(uow, "time_ms") or 0
            self._settled = store.has_other_kind(uow, CLOCK)
            epoch = Epoch(self._position.seq, time_ms, PoolClock(**_clock_fields(clock)))
            for one in self._passes:
                epoch = epoch.changed(one.open(uow, epoch).slots)
            for entry in store.read_entries(uow, flushed):
                if entry.state == "done" and entry.kind == EVENTS:
                    epoch = self._replay(entry, self._body(uow, entry), epoch)
        self._check_inbox()
        self._epoch = epoch

    def _check_inbox(self) -> None:
        """An inbox that gives references out anew would be passed over: what it holds would never be read."""
        read, given = max(self._position.live, self._position.bulk), self._inbox.last_ref()
        if given < read:
            raise DamagedError(
                "log.inbox_replaced",
                f"the log has read batch {read} of inbox.db, which never held one after {given}",
                remedy="put back the inbox.db that belongs to this yutang.db, or restore both from one backup",
            )

    def _make_ready(self) -> None:
        """Before anything moves: what readers don't need, so that a question needn't wait for it."""
        if not self._ready:
            for one in self._passes:
                self._epoch = self._epoch.changed(one.ready(self._epoch).slots)
            self._ready = True

    def _body(self, uow: UnitOfWork, entry: store.Entry) -> bytes:
        if entry.origin == Origin.ECHO:
            row = store.read_echo(uow, entry.ref)
            if row:
                return row.body
        elif blob := self._inbox.one(entry.ref):
            return blob.body
        place = "yutang.db" if entry.origin == Origin.ECHO else "inbox.db"
        raise DamagedError(
            "log.body_lost",
            f"record {entry.seq} isn't in the lake yet, and {place} doesn't hold it any more (reference {entry.ref})",
            remedy="restore yutang.db and inbox.db from one backup: they belong together",
        )

    def _replay(self, entry: store.Entry, body: bytes, epoch: Epoch) -> Epoch:
        batch = Batch(store.record_from_entry(entry, body), decode_blob(body))
        self._unflushed_events += len(batch.events)
        for one in self._passes:
            delta = one.replay(batch, epoch, entry.verdict)
            batch.notes.update(delta.notes)
            epoch = epoch.changed(delta.slots) if delta.slots else epoch
        return epoch

    # ── work ────────────────────────────────────────────────────────────────────────────────────

    def step(self) -> bool:
        """Process what waits, at most one transaction of it; whether there was anything."""
        with self._driving:
            records = self._reader.next(self._position, self._now())
            if not records and self._now() <= self._epoch.time_ms:
                return False
            self._make_ready()
            work = _Work(self._epoch, self._position)
            for record in records:
                self._process(work, record)
            if not records and not self._let_time_pass(work):
                return False
            self._commit(work)
            if records:
                self._flush_if_due()
            return True

    def drain(self) -> None:
        """Process until nothing waits."""
        while self.step():
            pass

    def waiting_events(self) -> int:
        """Events handed over and not yet processed."""
        return self._inbox.waiting_events(self._position.refs())

    def _now(self) -> int:
        return self._epoch.clock.now_ms(self._machine)

    def _let_time_pass(self, work: _Work) -> bool:
        now = self._now()
        if now <= work.epoch.time_ms:
            return False
        before = len(work.deltas)
        self._elapse(work, now)
        # Time alone is worth a transaction only if something happened by it.
        return len(work.deltas) > before

    def _elapse(self, work: _Work, until_ms: int) -> None:
        if until_ms <= work.epoch.time_ms:
            return
        for one in self._passes:
            delta = one.elapse(work.epoch, until_ms)
            if delta is not None:
                work.take(one, delta)
        work.epoch = work.epoch.changed(time_ms=until_ms)

    def _process(self, work: _Work, read: Record) -> None:
        arrived = max(read.arrived_at, work.epoch.time_ms)
        record = replace(read, seq=work.position.seq + 1, arrived_at=arrived)
        self._elapse(work, arrived)
        kept = (work.epoch, len(work.deltas))
        try:
            verdict = self._apply(work, record)
            state, error = "done", ""
        except HOUSE_FAULTS:
            raise
        except Exception as raised:  # a poison record must not stop the log
            work.epoch, verdict = kept[0], {}
            del work.deltas[kept[1] :]
            state, error = _fate(record, raised)
            outcome: Mapping[str, Any] | YutangError = raised if isinstance(raised, YutangError) else _poison(raised)
            if state == "quarantined":
                logger.error("record quarantined", seq=record.seq, kind=record.kind, exc_info=raised)
        else:
            outcome = {**verdict, "seq": record.seq}
        if record.origin is Origin.ECHO:
            work.outcomes[record.ref] = outcome
        work.position = work.position.after(record)
        work.epoch = work.epoch.changed(seq=record.seq)
        work.entries.append((record, state, error, verdict))

    def _apply(self, work: _Work, record: Record) -> Mapping[str, Any]:
        if record.kind == CLOCK:
            return self._set_clock(work, record)
        batch = Batch(record, decode_blob(record.body) if record.kind == EVENTS else None)
        work.events += len(batch.events)
        verdict: dict[str, Any] = {}
        taken: list[tuple[Pass, Delta]] = []
        epoch = work.epoch
        for one in self._passes:
            delta = one.apply(batch, epoch)
            if delta is None:
                continue
            batch.notes.update(delta.notes)
            verdict.update(delta.verdict)
            epoch = epoch.changed(delta.slots) if delta.slots else epoch
            taken.append((one, delta))
        for one, delta in taken:
            work.take(one, delta)
        return verdict

    def _set_clock(self, work: _Work, record: Record) -> Mapping[str, Any]:
        clock = PoolClock(**_clock_fields(msgspec.msgpack.decode(record.body)))
        now = clock.now_ms(self._machine)
        settled = self._settled or any(entry[0].kind != CLOCK for entry in work.entries)
        if now < work.epoch.time_ms and settled:
            raise ConflictError(
                "clock.backwards",
                "pool time never steps back once the pool has records",
                remedy="set a later instant, or start another pool",
            )
        if settled:
            self._elapse(work, now)
        work.epoch = work.epoch.changed(clock=clock, time_ms=now)
        return {"clock": _clock_values(clock)}

    # ── durability ──────────────────────────────────────────────────────────────────────────────

    def _commit(self, work: _Work) -> None:
        self._faults.reach("log.before_commit")
        with self._database.unit() as uow:
            store.add_entries(uow, work.entries)
            for one, delta in work.deltas:
                one.write(uow, delta)
            state = {
                "position": asdict(work.position),
                "time_ms": work.epoch.time_ms,
                "clock": _clock_values(work.epoch.clock),
            }
            store.write_state(uow, state)
            self._faults.reach("log.in_transaction")
        self._faults.reach("log.committed")
        self._position = work.position
        self._epoch = work.epoch
        self._settled = self._settled or any(record.kind != CLOCK for record, *_ in work.entries)
        self._unflushed_events += work.events
        with self._wake:
            self._outcomes.update({echo: told for echo, told in work.outcomes.items() if echo in self._awaited})
            self._wake.notify_all()

    def _flush_if_due(self) -> None:
        if self._lake.due(self._epoch) or self._unflushed_events >= EVENTS_UNFLUSHED_MAX:
            self.flush()

    def flush_at_leisure(self, rows_min: int) -> None:
        """Flush, if the tail is worth a file."""
        if self._lake.tail_rows(self._epoch) >= rows_min:
            self.flush()

    def flush(self) -> None:
        """Write the tail to the lake up to the last record, then trim the inbox to it. Never in another order."""
        with self._driving:
            epoch, position = self._epoch, self._position
            flush = self._lake.write_tail(epoch)
            with self._database.unit() as uow:
                self._lake.commit(uow, flush)
                store.write_state(uow, {"flushed": position.seq})
            self._faults.reach("flush.committed")
            self._epoch = epoch.changed(self._lake.publish(flush))
            self._unflushed_events = 0
            self._faults.reach("flush.published")
            self._trim(position)
            with self._database.unit() as uow:
                store.trim_echoes(uow, position.echo)
            self._faults.reach("flush.trimmed")
            compacted = self._lake.compact(self._database, self._epoch)
            if compacted is not None:
                self._epoch = self._epoch.changed(compacted)

    def _trim(self, position: Position) -> None:
        try:
            self._trim_inbox(position.refs())
        except UnavailableError as error:  # intake is being restarted; the next flush trims this too
            logger.warning("inbox not trimmed", reason=str(error))

    # ── the door for edits ──────────────────────────────────────────────────────────────────────

    def submit(self, kind: str, body: bytes, actor: str) -> Mapping[str, Any]:
        """Append a record to the echo and wait for its verdict; raises what a pass raised.

        Raises UnavailableError if the log ends, or takes too long, before it is processed: the record is kept.
        """
        echo_id = 0
        try:
            with self._database.unit() as uow:
                echo_id = store.add_echo(uow, kind, actor, body)
                with self._wake:
                    self._awaited.add(echo_id)  # before the loop can see the row
            self._faults.reach("echo.committed")
            if self._thread is None:
                self.drain()
            return self._outcome(echo_id)
        finally:
            with self._wake:
                self._awaited.discard(echo_id)
                self._outcomes.pop(echo_id, None)

    def _outcome(self, echo_id: int) -> Mapping[str, Any]:
        with self._wake:
            self._wake.notify_all()
            self._wake.wait_for(lambda: echo_id in self._outcomes or self._ended(), SUBMIT_WAIT_S_MAX)
            outcome = self._outcomes.get(echo_id)
        if isinstance(outcome, YutangError):
            raise outcome
        if outcome is not None:
            return outcome
        if self._ended():
            raise UnavailableError(
                "log.ended",
                f"the change is kept, but the log ended before it: {self._failure or 'the service is stopping'}",
                remedy="it is processed once the pool is open again; `yutang doctor` looks for what is wrong",
            )
        raise UnavailableError(
            "log.slow",
            "the change is kept, but wasn't processed in time",
            remedy="look again in a moment; `yutang doctor` shows the lag",
        )

    def _ended(self) -> bool:
        return self._failure is not None or self._stopping

    # ── life in a service ───────────────────────────────────────────────────────────────────────

    def start(self, idle_s: float) -> None:
        """Drive the loop in a thread of its own, looking for work at least every idle_s seconds."""
        self._thread = threading.Thread(target=self._run, args=(idle_s,), name="loop", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was handed over."""
        with self._wake:
            self._wake.notify_all()

    def stop(self) -> None:
        """Finish the transaction at work and end the thread."""
        self._stopping = True
        self.wake()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    @property
    def failure(self) -> BaseException | None:
        """What ended the loop, if anything did."""
        return self._failure

    def _run(self, idle_s: float) -> None:
        try:
            while not self._stopping:
                if not self.step():
                    with self._wake:
                        self._wake.wait(idle_s)
        except BaseException as raised:  # the service must see it and restart the engine
            self._failure = raised
            logger.exception("loop ended")
            self.wake()


def _clock_fields(stored: Mapping[str, Any] | None) -> dict[str, Any]:
    if not stored:
        return {}
    return {"mode": ClockMode(stored["mode"]), "at_ms": stored["at_ms"], "machine_ms": stored["machine_ms"]}


def _clock_values(clock: PoolClock) -> dict[str, Any]:
    return {"mode": clock.mode.value, "at_ms": clock.at_ms, "machine_ms": clock.machine_ms}


def _fate(record: Record, raised: Exception) -> tuple[str, str]:
    refused = record.origin is Origin.ECHO and isinstance(raised, YutangError)
    return ("refused" if refused else "quarantined"), str(raised)[:2_000]


def _poison(raised: Exception) -> YutangError:
    return YutangError(
        "log.poison", f"the record couldn't be processed: {raised}", remedy="it is quarantined; see `yutang doctor`"
    )
