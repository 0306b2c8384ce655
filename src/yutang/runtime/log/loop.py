"""The loop: reads records in one order, lets passes compute deltas, commits, publishes.

    read → (time up to a group's first arrival, the group, time up to its last) × passes → one transaction
         → publish → flush

Invariants: published state isn't touched before the transaction is committed; if it fails the deltas are
dropped. No timer passes the oldest record that waits. A record that a pass refuses changes nothing: an
edit is kept as `refused` and its submitter told; anything else is kept as `quarantined`, and the log goes on.
A fault of the house (a damaged file, a full disk) is no record's fault: it ends the step, and nothing is lost.
Want of room is waited out, with reading going on; any other fault ends the loop.
One thread at a time drives the loop; readers only take `epoch`. Files of the lake are merged beside it, in a thread
of their own if the loop has one, and swapped in between two transactions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import structlog

from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import UnavailableError, YutangError
from yutang.kernel.faults import Faults
from yutang.runtime.inbox.inbox import InboxReader
from yutang.runtime.log import store
from yutang.runtime.log.contracts import CLOCK, SOLITARY, Epoch, LoopStatus, Pass
from yutang.runtime.log.merging import Merger, Merging
from yutang.runtime.log.opening import open_log
from yutang.runtime.log.reading import Position, Reader
from yutang.runtime.log.working import HOUSE_FAULTS, Stuck, Work, Worker, clock_values, grouped
from yutang.storage.database import Database, UnitOfWork
from yutang.storage.files import is_no_room

SUBMIT_WAIT_S_MAX = 120.0
READY_RETRY_S = 30.0  # between two tries to get ready for work
ROOM_RETRY_S = 1.0  # between two tries to write to a full disk
# What a restart reads again is bounded by this too: repeats are no rows of the tail, but they are events.
EVENTS_UNFLUSHED_MAX = 2_000_000

logger = structlog.get_logger("yutang.loop")


class Lake(Protocol):
    """Where the tail goes; implemented by the timeline's pass. Steps are apart so that each can fail alone."""

    def due(self, epoch: Epoch) -> bool: ...

    def tail_rows(self, epoch: Epoch) -> int: ...

    def write_tail(self, epoch: Epoch) -> Any: ...

    def commit(self, uow: UnitOfWork, flush: Any) -> None: ...

    def publish(self, flush: Any) -> Mapping[str, Any]: ...

    def compaction(self, epoch: Epoch) -> Merging | None:
        """The files to merge now, if any; only reads them, so any thread may do it."""

    def swap(self, database: Database, epoch: Epoch, merging: Any) -> Mapping[str, Any] | None:
        """Put what was merged in its sources' place; None if they aren't all there any more."""


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
        self._worker, self._merger = Worker(passes, machine), Merger()
        self._settled = False  # whether there is any record but of the clock
        self._unflushed_events = 0
        self._flushed_seq = 0
        self._done = (0, 0)  # records, events since the start
        self._stuck: dict[str, Stuck] = {}
        self._epoch = Epoch()
        self._position = Position()
        self._ready = False
        self._driving, self._resting = threading.RLock(), threading.Lock()
        self._wake = threading.Condition()
        self._awaited: set[int] = set()  # echoes whose submitters wait
        self._outcomes: dict[int, Mapping[str, Any] | YutangError] = {}
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._in_haste = False  # a service is closed: what can be done later isn't waited for
        self._failure: BaseException | None = None
        self._unready = ""  # why the work can't begin
        self._cramped = ""  # why the work can't go on, as long as there is no room on disk
        # Told of each transaction: stopwatch seconds at its begin, records, events. For whoever traces.
        self.on_step: Callable[[float, int, int], None] | None = None

    @property
    def epoch(self) -> Epoch:
        return self._epoch

    @property
    def position(self) -> Position:
        return self._position

    def open(self) -> None:
        """As `open_log`."""
        opened = open_log(self._database, self._inbox, self._passes)
        self._epoch, self._position, self._flushed_seq = opened.epoch, opened.position, opened.flushed_seq
        self._settled, self._unflushed_events = opened.settled, opened.unflushed_events

    def _make_ready(self) -> None:
        """Before anything moves: what readers don't need, so that a question needn't wait for it."""
        if not self._ready:
            for one in self._passes:
                self._epoch = self._epoch.changed(one.ready(self._epoch).slots)
            self._ready = True

    # ── work ────────────────────────────────────────────────────────────────────────────────────

    def step(self) -> bool:
        """Process what waits, at most one transaction of it; whether there was anything."""
        with self._driving:
            self._take_merged()
            records = self._reader.next(self._position, self._now())
            if not records and self._now() <= self._epoch.time_ms:
                return False
            self._make_ready()
            if records and records[0].kind in SOLITARY:
                self._clear_the_deck()
                self._do(records)
                return True
            done = self._do(records)
            if records:
                self._flush_if_due()
            return done

    def _do(self, records: Sequence[Any]) -> bool:
        began_s = self._machine.stopwatch_s()
        work = Work(self._epoch, self._position, self._settled, dict(self._stuck))
        for group in grouped(records):
            self._worker.process(work, group)
        if not records:
            self._worker.elapse(work, self._now())
            # Time alone is worth a transaction only if something happened by it.
            if not work.deltas and not work.entries and work.stuck.keys() == self._stuck.keys():
                self._stuck = work.stuck
                return False
        self._commit(work)
        if self.on_step is not None:
            self.on_step(began_s, len(work.entries), work.events)
        return True

    def _clear_the_deck(self) -> None:
        """Everything that was processed is in the lake, and nobody works on its files."""
        self._merger.give_up()
        if self._position.seq > self._flushed_seq:
            self._flush()

    def drain(self) -> None:
        """Process until nothing waits."""
        while self.step():
            pass

    def waiting_events(self) -> int:
        """Events handed over and not yet processed."""
        return self._inbox.waiting_events(self._position.refs())

    def status(self) -> LoopStatus:
        """How the loop stands; any thread, and cheap enough for every second."""
        epoch, refs = self._epoch, self._position.refs()
        waiting = self._inbox.waiting(refs)
        with self._database.reading() as uow:
            quarantined = store.count_quarantined(uow)
        stuck = {name: one.error for name, one in self._stuck.items()}
        if self._cramped:
            stuck["disk"] = self._cramped
        return LoopStatus(
            epoch.seq,
            self._flushed_seq,
            epoch.time_ms,
            {lane: events for lane, (events, _) in waiting.items()},
            {lane: oldest_ms for lane, (_, oldest_ms) in waiting.items()},
            self._lake.tail_rows(epoch),
            *self._done,
            quarantined,
            {**stuck, "start": self._unready} if self._unready else stuck,
        )

    def _now(self) -> int:
        return self._epoch.clock.now_ms(self._machine)

    # ── durability ──────────────────────────────────────────────────────────────────────────────

    def _commit(self, work: Work) -> None:
        self._faults.reach("log.before_commit")
        with self._database.unit() as uow:
            store.add_entries(uow, work.entries)
            for one, delta in work.deltas:
                one.write(uow, delta)
            state = {
                "position": asdict(work.position),
                "time_ms": work.epoch.time_ms,
                "clock": clock_values(work.epoch.clock),
            }
            store.write_state(uow, state)
            self._faults.reach("log.in_transaction")
        self._faults.reach("log.committed")
        self._position = work.position
        self._epoch = work.epoch
        self._settled = self._settled or any(record.kind != CLOCK for record, *_ in work.entries)
        self._stuck = work.stuck
        self._unflushed_events += work.events
        self._done = (self._done[0] + len(work.entries), self._done[1] + work.events)
        for one, delta in work.deltas:
            one.committed(delta)
        with self._wake:
            self._outcomes.update({echo: told for echo, told in work.outcomes.items() if echo in self._awaited})
            self._wake.notify_all()

    def _flush_if_due(self) -> None:
        if self._unflushed_events >= EVENTS_UNFLUSHED_MAX or self._lake.due(self._epoch):
            self.flush()

    def flush_at_leisure(self, rows_min: int) -> None:
        """Flush, if the tail is worth a file."""
        if self._lake.tail_rows(self._epoch) >= rows_min:
            self.flush()

    def flush(self) -> None:
        """Write the tail to the lake up to the last record, then trim the inbox to it."""
        with self._driving:
            self._flush()
            if not self._in_haste:
                self._merger.begin(self._lake.compaction(self._epoch), beside=self._thread is not None)
                self._take_merged()

    def _flush(self) -> None:
        epoch, position = self._epoch, self._position
        flush = self._lake.write_tail(epoch)
        with self._database.unit() as uow:
            self._lake.commit(uow, flush)
            store.write_state(uow, {"flushed": position.seq})
        self._faults.reach("flush.committed")
        self._epoch = epoch.changed(self._lake.publish(flush))
        self._flushed_seq = position.seq
        self._unflushed_events = 0
        self._faults.reach("flush.published")
        self._trim(position)
        with self._database.unit() as uow:
            store.trim_echoes(uow, position.echo)
        self._faults.reach("flush.trimmed")

    def _trim(self, position: Position) -> None:
        try:
            self._trim_inbox(position.refs())
        except UnavailableError as error:  # intake is being restarted; the next flush trims this too
            logger.warning("inbox not trimmed", reason=str(error))

    def _take_merged(self) -> None:
        """Swap in what was merged beside the loop."""
        if not self._merger.ended:
            return
        merging = self._merger.take()
        swapped = None if merging is None else self._lake.swap(self._database, self._epoch, merging)
        if swapped is not None:
            self._epoch = self._epoch.changed(swapped)

    def rest(self) -> None:
        """Let passes keep what spares the next start its work; from any thread, while no other does it."""
        with self._driving:
            epoch, stuck = self._epoch, frozenset(self._stuck)
        if not self._resting.acquire(blocking=False):
            return
        try:
            for one in self._passes:
                if one.name not in stuck:  # else its state isn't what the epoch's records and time come to
                    self._kept(one, epoch)
        finally:
            self._resting.release()

    def _kept(self, one: Pass, epoch: Epoch) -> None:
        try:
            one.rest(epoch, self._database)
        except (YutangError, OSError) as error:  # nothing depends on it
            logger.warning("nothing kept for the next start", owner=one.name, reason=str(error))

    # ── the door for edits ──────────────────────────────────────────────────────────────────────

    def submit(self, kind: str, body: bytes, actor: str) -> Mapping[str, Any]:
        """Append a record to the echo and wait for its verdict; raises what a pass raised.

        Raises UnavailableError if the log ends, or takes too long, before it is processed: the record is kept.
        """
        if self._unready:
            raise UnavailableError(
                "log.not_ready", f"the log can't go on: {self._unready}",
                remedy="what was handed over is kept; mend the cause, which the service's log tells, or upgrade",
            )  # fmt: skip
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

    def end(self) -> None:
        """Begin nothing any more. The thread ends after the transaction at work; `stop` waits for it."""
        self._stopping = True
        self.wake()

    def stop(self, wait_s: float | None = None) -> bool:
        """End the thread after the transaction at work, and what is beside it; whether it has ended.

        wait_s: how long to wait for either; None: as long as it takes. A thread that hasn't ended in time is in the
        middle of its work still, or of getting ready: nobody may drive the loop any more, nor take away what it uses.
        """
        self.end()
        if self._thread is not None:
            self._in_haste = True
            self._thread.join(wait_s)
            if self._thread.is_alive():
                return False
            self._thread = None
        self._merger.give_up(wait_s)
        return True

    @property
    def failure(self) -> BaseException | None:
        """What ended the loop, if anything did."""
        return self._failure

    def _run(self, idle_s: float) -> None:
        try:
            while not self._stopping:
                rest_s = self._turn(idle_s)
                if rest_s:
                    self._rest(rest_s)
        except BaseException as raised:  # the service must see it and restart the engine
            self._failure = raised
            logger.exception("loop ended")
            self.wake()

    def _turn(self, idle_s: float) -> float:
        """One step; for how many seconds to rest after it."""
        try:
            if self._cant_begin():
                return READY_RETRY_S
            if self._cramped:  # a flush that failed comes first: with more records it would need more room
                self._flush_if_due()
            done = self.step()
        except (UnavailableError, OSError) as raised:
            if not is_no_room(raised):
                raise
            if not self._cramped:
                logger.error("no room on disk", reason=str(raised), again_in_s=ROOM_RETRY_S)
            self._cramped = f"no room on disk: {raised}"
            return ROOM_RETRY_S
        if self._cramped:
            self._cramped = ""
            logger.warning("there is room again")
        return 0.0 if done else idle_s

    def _cant_begin(self) -> bool:
        """Whether a pass can't get ready, though nothing of the house is at fault: to start anew wouldn't help.

        Questions are answered, and what is handed over is kept, until its cause is mended.
        """
        if self._ready:
            return False
        try:
            with self._driving:
                self._make_ready()
        except HOUSE_FAULTS:
            raise
        except Exception as raised:
            self._unready = str(raised) or type(raised).__name__
            logger.exception("log can't begin", again_in_s=READY_RETRY_S)
            return True
        self._unready = ""
        return False

    def _rest(self, seconds: float) -> None:
        with self._wake:
            if not self._stopping:
                self._wake.wait(seconds)
