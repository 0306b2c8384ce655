"""The loop with passes that are easy to see through: order, transactions, refusals, time, and failure."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict

import msgspec
import pytest

from yutang.kernel.clock import ClockMode, PoolClock
from yutang.kernel.errors import ConflictError, DamagedError, UnavailableError
from yutang.kernel.event import Event, EventBlob, Identity, encode_blob
from yutang.kernel.faults import NoFaults
from yutang.runtime.inbox.inbox import Inbox, open_reader
from yutang.runtime.log import loop as loop_module
from yutang.runtime.log import reading, store
from yutang.runtime.log.contracts import CLOCK, Delta, Epoch, QuietPass, Slot
from yutang.runtime.log.loop import Loop
from yutang.storage.database import open_sqlite
from yutang.storage.migrations import migrate

SEEN: Slot[tuple[str, ...]] = Slot("seen")


class Machine:
    """A machine's clock that moves when told."""

    def __init__(self, now_ms: int = 1_000) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms

    def stopwatch_s(self) -> float:
        return self.ms / 1_000


class Diary(QuietPass):
    """Keeps what it saw, as text, and does to a record what `doing` says for its kind or its first event's type."""

    name = "diary"

    def __init__(self) -> None:
        self.doing: dict[str, object] = {}
        self.groups: list[list[str]] = []
        self.timers: list[int] = []
        self.replayed: list[int] = []
        self.written: list[str] = []

    def open(self, uow, epoch):
        return Delta({SEEN.name: ()})

    def replay(self, batch, epoch, verdicts):
        said = [verdict["said"] for verdict in verdicts]
        assert said == [blob.events[0].type for blob in batch.blobs]
        self.replayed.extend(record.seq for record in batch.records)
        return Delta()

    def elapse(self, epoch, until_ms):
        due = [at for at in self.timers if epoch.time_ms < at <= until_ms]
        if not due:
            return None
        return Delta({SEEN.name: (*epoch[SEEN], *(f"timer {at}" for at in due))}, rows=due)

    def apply(self, batch, epoch):
        words = [blob.events[0].type for blob in batch.blobs] or [batch.record.kind]
        self.groups.append(words)
        for word in words:
            told = self.doing.get(word)
            if isinstance(told, BaseException):
                raise told
        said = zip(words, batch.records, strict=True)
        lines = [f"{word} {record.lane} @{record.arrived_at}" for word, record in said]
        return Delta({SEEN.name: (*epoch[SEEN], *lines)}, lines, verdicts=[{"said": word} for word in words])

    def write(self, uow, delta):
        if "unwritable" in self.doing:
            raise OSError("disk full")
        self.written.extend(delta.rows)


class Second(QuietPass):
    """Sees what the pass before it made of the record; refuses after it, so that its work must be undone."""

    name = "second"
    refuses = ""

    def apply(self, batch, epoch):
        assert epoch[SEEN]
        if self.refuses and self.refuses in epoch[SEEN][-1]:
            raise ConflictError("test.refused", "not that one")


class NoLake:
    """Counts flushes; due when told."""

    def __init__(self) -> None:
        self.is_due = False
        self.flushes: list[int] = []

    def due(self, epoch):
        return self.is_due

    def tail_rows(self, epoch):
        return 0

    def write_tail(self, epoch):
        return epoch.seq

    def commit(self, uow, flush):
        self.flushes.append(flush)

    def publish(self, flush):
        return {}

    def compaction(self, epoch):
        return None


class World:
    """A loop on a scratch folder."""

    def __init__(self, folder, **clock) -> None:
        self.folder = folder
        migrate(folder / "yutang.db")
        self.machine = Machine()
        self.database = open_sqlite(folder / "yutang.db")
        self.inbox = Inbox(folder / "inbox.db", lambda: self.machine.ms, NoFaults())
        self.reader = open_reader(folder / "inbox.db")
        self.trim = self.inbox.trim
        self.lake = NoLake()
        self.again()

    def again(self) -> Loop:
        """The loop as after a restart."""
        self.diary, self.second = Diary(), Second()
        self.loop = Loop(
            self.database, self.reader, (self.diary, self.second), self.lake, self._trim,
            self.machine, NoFaults(), 25,
        )  # fmt: skip
        self.loop.open()
        return self.loop

    def _trim(self, refs) -> None:
        self.trim(refs)

    def put(self, word: str, lane: str = "live", count: int = 1) -> None:
        events = [Event(f"{word}{n}", word, 0, (Identity("m", "", "1"),), {}) for n in range(count)]
        blob = encode_blob(EventBlob("feed", False, 1, events))
        self.jobs = getattr(self, "jobs", 0) + 1
        self.inbox.put(blob, lane=lane, job=str(self.jobs), rows_from=0, next_row=1, count=count)

    def seen(self) -> tuple[str, ...]:
        return self.loop.epoch[SEEN]

    def words(self) -> list[str]:
        return [line.split()[0] for line in self.seen()]

    def entries(self):
        with self.database.reading() as uow:
            return [(entry.kind, entry.state) for entry in store.read_entries(uow, 0)]

    def set_clock(self, clock: PoolClock) -> None:
        self.loop.submit(CLOCK, msgspec.msgpack.encode({**asdict(clock), "mode": clock.mode.value}), "mei")

    def close(self) -> None:
        self.loop.stop()
        self.inbox.close()
        self.reader.close()
        self.database.close()


RECORDS_MAX = 64  # of a transaction, so that tests needn't hand over thousands


@pytest.fixture(autouse=True)
def few_records(monkeypatch):
    monkeypatch.setattr(reading, "RECORDS_PER_TRANSACTION_MAX", RECORDS_MAX)


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


def standing(at_ms: int) -> PoolClock:
    return PoolClock(ClockMode.STANDING, at_ms)


class TestOrder:
    def test_edits_come_first_then_live_then_bulk(self, world):
        world.put("b", "bulk")
        world.put("l", "live")
        world.loop.submit("edit", b"", "mei")
        assert world.words() == ["edit", "l", "b"]

    def test_bulk_keeps_its_share_while_live_events_wait(self, world):
        for _ in range(5 * RECORDS_MAX):
            world.put("l")
        for _ in range(2):
            world.put("b", "bulk")
        for _ in range(4):
            world.loop.step()
        assert "b" in world.words()
        assert world.words().index("b") == 3 * RECORDS_MAX

    def test_a_transaction_takes_a_bounded_number_of_events(self, world):
        for _ in range(6):
            world.put("b", "bulk", count=reading.EVENTS_PER_TRANSACTION_MAX // 4)
        world.loop.step()
        assert len(world.words()) == 4

    def test_numbers_follow_one_another_without_a_gap(self, world):
        world.diary.doing["bad"] = ValueError("poison")
        for word in ("a", "bad", "c"):
            world.put(word)
        world.loop.drain()
        with world.database.reading() as uow:
            assert [entry.seq for entry in store.read_entries(uow, 0)] == [1, 2, 3]
        assert world.loop.epoch.seq == world.loop.position.seq == 3


class TestTime:
    def test_passes_up_to_a_record_before_it(self, world):
        world.diary.timers = [1_500, 3_000]
        world.machine.ms = 2_000
        world.put("a")
        world.loop.drain()
        assert world.seen() == ("timer 1500", "a live @2000")
        assert world.loop.epoch.time_ms == 2_000

    def test_passes_without_records_too(self, world):
        world.diary.timers = [1_500]
        world.machine.ms = 2_000
        assert world.loop.step()
        assert not world.loop.step()
        assert world.seen() == ("timer 1500",)

    def test_no_timer_passes_an_older_record_that_waits(self, world):
        world.machine.ms = 2_000
        for _ in range(RECORDS_MAX + 1):
            world.put("queued", "bulk")
        world.machine.ms = 9_000
        world.diary.timers = [5_000]
        world.put("live")
        world.loop.submit("edit", b"", "mei")
        lines = list(world.seen())
        assert lines.index("timer 5000") > max(n for n, line in enumerate(lines) if line.startswith("queued"))
        assert lines[0] == "edit live @2000"

    def test_a_move_of_the_clock_waits_for_what_was_handed_over_before(self, world):
        world.set_clock(standing(5_000))
        world.machine.ms = 5_000
        for _ in range(2 * RECORDS_MAX):
            world.put("queued", "bulk")
        world.diary.timers = [7_000]
        world.set_clock(standing(8_000))
        assert world.seen()[-1] == "timer 7000"
        assert set(world.words()[:-1]) == {"queued"}

    def test_never_steps_back_once_there_is_a_record(self, world):
        world.set_clock(standing(9_000))
        world.set_clock(standing(5_000))  # nothing has happened yet
        world.loop.submit("edit", b"", "mei")
        with pytest.raises(ConflictError) as refused:
            world.set_clock(standing(4_000))
        assert refused.value.code == "clock.backwards"
        assert (world.loop.epoch.time_ms, world.loop.epoch.clock) == (5_000, standing(5_000))

    def test_an_arrival_before_pool_time_counts_as_now(self, world):
        world.loop.submit("edit", b"", "mei")
        world.set_clock(standing(50_000))
        world.put("a")
        world.loop.drain()
        assert world.seen()[-1] == "a live @50000"

    def test_and_position_survive_a_restart(self, world):
        world.set_clock(standing(5_000))
        world.put("a")
        world.loop.drain()
        before = (world.loop.position, world.loop.epoch.time_ms, world.loop.epoch.clock, world.loop.epoch.seq)
        loop = world.again()
        assert (loop.position, loop.epoch.time_ms, loop.epoch.clock, loop.epoch.seq) == before
        assert not loop.step()


class TestRecordsThatCantBeProcessed:
    def test_an_edit_is_refused_and_its_submitter_told(self, world):
        world.diary.doing["edit"] = ConflictError("test.taken", "there is one already")
        with pytest.raises(ConflictError, match="one already"):
            world.loop.submit("edit", b"", "mei")
        assert world.entries() == [("edit", "refused")]
        assert world.seen() == ()

    def test_what_passes_before_made_of_it_is_undone(self, world):
        world.second.refuses = "edit"
        with pytest.raises(ConflictError):
            world.loop.submit("edit", b"", "mei")
        world.loop.submit("other", b"", "mei")
        assert world.words() == ["other"]
        assert world.diary.written == ["other live @1000"]

    @pytest.mark.parametrize("raised", [ValueError("poison"), ConflictError("test.bad", "poison")])
    def test_a_blob_is_quarantined_with_its_body_and_the_log_goes_on(self, world, raised):
        world.diary.doing["bad"] = raised
        world.put("bad")
        world.put("good")
        world.loop.drain()
        world.loop.flush()
        assert world.entries() == [("events", "quarantined"), ("events", "done")]
        assert world.words() == ["good"]
        with world.database.reading() as uow:
            body = uow.connection.execute(store.quarantine.select()).one().body
            assert "poison" in store.read_troubled(uow, "quarantined", 1)[0].error
        assert b"bad0" in body

    def test_a_bug_met_by_an_edit_is_told_and_quarantined(self, world):
        world.diary.doing["edit"] = ZeroDivisionError("oops")
        with pytest.raises(Exception, match="quarantined"):
            world.loop.submit("edit", b"body", "mei")
        assert world.entries() == [("edit", "quarantined")]

    @pytest.mark.parametrize("raised", [DamagedError("lake.file_damaged", "gone"), OSError(28, "full"), MemoryError()])
    def test_a_fault_of_the_house_is_no_fault_of_the_record(self, world, raised):
        world.diary.doing["unlucky"] = raised
        world.put("unlucky")
        with pytest.raises(type(raised)):
            world.loop.step()
        assert world.entries() == []
        del world.diary.doing["unlucky"]
        world.loop.drain()
        assert world.words() == ["unlucky"]


class TestTransactions:
    def test_nothing_is_published_if_it_fails(self, world):
        world.put("a")
        world.loop.drain()
        before = world.loop.epoch
        world.diary.doing["unwritable"] = True
        world.put("b")
        with pytest.raises(OSError, match="disk full"):
            world.loop.step()
        assert world.loop.epoch is before
        assert world.entries() == [("events", "done")]
        del world.diary.doing["unwritable"]
        world.loop.drain()
        assert world.words() == ["a", "b"]

    def test_an_epoch_stays_as_it_was(self, world):
        world.put("a")
        world.loop.drain()
        pinned = world.loop.epoch
        world.put("b")
        world.loop.drain()
        assert (pinned[SEEN], pinned.seq) == (("a live @1000",), 1)
        assert isinstance(world.loop.epoch, Epoch)
        assert world.loop.epoch is not pinned

    def test_a_restart_replays_what_isnt_flushed(self, world):
        for word in ("a", "b", "c"):
            world.put(word)
            world.loop.drain()
        world.again()
        assert world.diary.replayed == [1, 2, 3]
        world.loop.flush()
        world.put("d")
        world.loop.drain()
        world.again()
        assert world.diary.replayed == [4]

    def test_repeats_that_are_no_rows_are_flushed_too(self, world, monkeypatch):
        monkeypatch.setattr(loop_module, "EVENTS_UNFLUSHED_MAX", 3)
        world.put("a", count=2)
        world.loop.drain()
        assert world.lake.flushes == []
        world.put("b", count=1)
        world.loop.drain()
        assert world.lake.flushes == [2]

    def test_a_flush_goes_on_while_intake_is_started_anew(self, world):
        def gone(refs):
            raise UnavailableError("service.gone", "intake is away")

        world.trim = gone
        world.put("a")
        world.loop.drain()
        world.loop.flush()
        assert world.reader.one(1) is not None
        world.trim = world.inbox.trim
        world.put("b")
        world.loop.drain()
        world.loop.flush()
        assert world.reader.one(1) is None

    def test_an_inbox_that_begins_anew_is_noticed(self, world, tmp_path):
        world.put("a")
        world.loop.drain()
        world.loop.flush()
        (tmp_path / "other").mkdir()
        world.reader = open_reader(tmp_path / "other" / "inbox.db")
        with pytest.raises(DamagedError) as refused:
            world.again()
        assert refused.value.code == "log.inbox_replaced"

    def test_an_inbox_without_what_isnt_flushed_is_noticed(self, world):
        world.put("a")
        world.loop.drain()
        world.inbox.trim({"live": 1})
        with pytest.raises(DamagedError) as refused:
            world.again()
        assert refused.value.code == "log.body_lost"


class TestInAThread:
    def test_many_submitters_get_each_their_own_verdict(self, world):
        world.loop.start(0.01)
        found: dict[str, str] = {}

        def ask(number: int) -> None:
            for turn in range(10):
                word = f"edit{number}-{turn}"
                found[word] = world.loop.submit(word, b"", "mei")["said"]

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert found == {word: word for word in found}
        assert len(found) == 80
        assert not world.loop._outcomes
        assert not world.loop._awaited

    def test_a_failure_is_told_to_those_who_wait(self, world):
        world.diary.doing["unwritable"] = True
        world.loop.start(0.01)
        began = time.monotonic()
        with pytest.raises(UnavailableError, match="disk full") as raised:
            world.loop.submit("edit", b"", "mei")
        assert raised.value.code == "log.ended"
        assert isinstance(world.loop.failure, OSError)
        assert time.monotonic() - began < 10
        world.again()
        world.loop.drain()
        assert world.words() == ["edit"]

    def test_a_stop_is_told_to_those_who_wait(self, world):
        world.loop.start(0.01)
        held = threading.Event()
        entered = threading.Event()

        def blocking(batch, epoch):
            entered.set()
            held.wait(10)
            return Delta()

        world.second.apply = blocking  # type: ignore[method-assign]
        told: list[BaseException] = []

        def ask(word: str) -> None:
            try:
                world.loop.submit(word, b"", "mei")
            except UnavailableError as error:
                told.append(error)

        first = threading.Thread(target=ask, args=("first",))
        first.start()
        assert entered.wait(10)
        second = threading.Thread(target=ask, args=("second",))
        second.start()
        time.sleep(0.1)
        stopping = threading.Thread(target=world.loop.stop)
        stopping.start()
        second.join(10)
        held.set()
        for thread in (first, second, stopping):
            thread.join(10)
            assert not thread.is_alive()
        assert [error.code for error in told if isinstance(error, UnavailableError)][-1] == "log.ended"

    def test_a_stop_waits_no_longer_than_it_may(self, world):
        world.loop.start(0.01)
        held, entered = threading.Event(), threading.Event()

        def blocking(batch, epoch):
            entered.set()
            held.wait(60)
            return Delta()

        world.second.apply = blocking  # type: ignore[method-assign]
        world.put("a")
        assert entered.wait(10)
        assert not world.loop.stop(0.0), "it is in the middle of a transaction"
        assert world.entries() == []
        held.set()
        assert world.loop.stop(60)
        assert world.entries() == [("events", "done")]

    def test_a_service_that_is_closed_begins_no_compaction(self, world, monkeypatch):
        asked: list[int] = []
        monkeypatch.setattr(world.lake, "compaction", lambda epoch: asked.append(epoch.seq))
        world.put("a")
        world.loop.drain()
        world.loop.flush()
        assert asked == [1], "a command does"
        world.loop.start(0.01)
        assert world.loop.stop()
        world.loop.flush()
        assert (asked, world.lake.flushes) == ([1], [1, 1])

    def test_what_spares_the_next_start_is_kept_by_one_at_a_time(self, world):
        held, entered = threading.Event(), threading.Event()
        kept: list[str] = []

        def slow(epoch, database):
            kept.append(threading.current_thread().name)
            entered.set()
            held.wait(60)

        world.diary.rest = slow  # type: ignore[method-assign]
        beside = threading.Thread(target=world.loop.rest, name="beside")
        beside.start()
        assert entered.wait(10)
        world.loop.rest()  # returns at once
        held.set()
        beside.join(10)
        assert kept == ["beside"]
