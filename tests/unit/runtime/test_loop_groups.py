"""The loop beyond single records: groups, records that come alone, stuck time, merging beside it."""

from __future__ import annotations

import threading

import pytest
from tests.unit.runtime.test_loop import SEEN, World, standing

from yutang.kernel.errors import ConflictError, DamagedError, UnavailableError
from yutang.runtime.log import loop as loop_module
from yutang.runtime.log import store, working
from yutang.runtime.log.contracts import ERASE, TIME, Delta, SplitGroup


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.close()


class TestGroups:
    def test_batches_in_a_row_are_applied_at_once_each_with_its_verdict(self, world):
        for word in "abc":
            world.put(word)
        world.loop.drain()
        assert world.diary.groups == [["a", "b", "c"]]
        with world.database.reading() as uow:
            found = [(entry.seq, entry.verdict["said"]) for entry in store.read_entries(uow, 0)]
        assert found == [(1, "a"), (2, "b"), (3, "c")]

    def test_an_edit_parts_them(self, world):
        world.put("a")
        world.put("b")
        world.loop.submit("edit", b"", "mei")
        assert world.diary.groups == [["edit"], ["a", "b"]]

    def test_hold_a_bounded_number_of_events(self, world, monkeypatch):
        monkeypatch.setattr(working, "GROUP_EVENTS_COUNT_MAX", 5)
        for _ in range(4):
            world.put("a", count=2)
        world.put("big", count=9)
        world.loop.drain()
        assert world.diary.groups == [["a", "a"], ["a", "a"], ["big"]]

    def test_span_a_bounded_time(self, world):
        for ms in (1_000, 1_500, 2_000, 2_001):
            world.machine.ms = ms
            world.put(str(ms))
        world.loop.drain()
        assert world.diary.groups == [["1000", "1500", "2000"], ["2001"]]

    def test_time_passes_up_to_the_first_before_and_to_the_last_after(self, world):
        world.diary.timers = [1_100, 1_300]
        for ms in (1_200, 1_400):
            world.machine.ms = ms
            world.put(str(ms))
        world.loop.drain()
        assert world.seen() == ("timer 1100", "1200 live @1200", "1400 live @1400", "timer 1300")
        assert (world.loop.epoch.time_ms, world.loop.epoch.seq) == (1_400, 2)

    @pytest.mark.parametrize("poison", [0, 3, 6])
    def test_a_poison_record_goes_alone(self, world, poison):
        world.diary.doing["bad"] = ValueError("poison")
        for place in range(7):
            world.put("bad" if place == poison else f"w{place}")
        world.loop.drain()
        assert world.words() == [f"w{place}" for place in range(7) if place != poison]
        assert [state for _, state in world.entries()].index("quarantined") == poison
        assert world.loop.status().quarantined == 1

    def test_are_halved_for_a_pass_that_asks_for_it(self, world):
        def apply(batch, epoch):
            if len(batch.records) > 1:
                raise SplitGroup
            return Delta()

        world.second.apply = apply
        for word in "abcde":
            world.put(word)
        world.loop.drain()
        assert world.words() == list("abcde")
        assert {state for _, state in world.entries()} == {"done"}

    def test_a_fault_of_the_house_leaves_all_of_them_waiting(self, world):
        world.diary.doing["b"] = OSError(28, "full")
        for word in "abc":
            world.put(word)
        with pytest.raises(OSError, match="full"):
            world.loop.step()
        assert world.entries() == []
        del world.diary.doing["b"]
        world.loop.drain()
        assert world.words() == ["a", "b", "c"]


class TestRecordsThatComeAlone:
    def test_come_after_all_that_was_there_before_on_an_empty_tail(self, world):
        seen = []
        flush = world.lake.write_tail

        def noted(epoch):
            seen.append(epoch.seq)
            return flush(epoch)

        world.lake.write_tail = noted
        world.put("a")
        world.put("b", "bulk")
        world.loop.submit(ERASE, b"", "mei")
        assert world.diary.groups == [["a", "b"], [ERASE]]
        assert seen == [2]

    def test_an_empty_tail_needs_no_flush(self, world):
        world.loop.submit("edit", b"", "mei")
        world.loop.flush()
        world.loop.submit(ERASE, b"", "mei")
        assert world.lake.flushes == [1]


class TestStatus:
    def test_tells_what_waits_and_what_was_done(self, world):
        world.machine.ms = 5_000
        world.put("a", count=3)
        world.put("b", "bulk", count=2)
        before = world.loop.status()
        assert (before.waiting_events, before.records_processed) == ({"live": 3, "bulk": 2}, 0)
        assert before.oldest_waiting_arrival_ms == {"live": 5_000, "bulk": 5_000}
        world.loop.drain()
        world.loop.flush()
        after = world.loop.status()
        assert (after.seq, after.flushed_seq, after.time_ms) == (2, 2, 5_000)
        assert (after.waiting_events, after.oldest_waiting_arrival_ms) == ({"live": 0, "bulk": 0},) * 2
        assert (after.records_processed, after.events_processed, after.quarantined) == (2, 5, 0)
        assert after.stuck == {}


class TestTimeThatCantPass:
    def fail(self, world, raised):
        def elapse(epoch, until_ms):
            raise raised

        world.second.elapse = elapse

    def stick(self, world):
        self.fail(world, ZeroDivisionError("poison timer"))

        def ready(epoch):
            raise ZeroDivisionError("still poison")

        world.second.ready = ready

    def test_is_kept_as_quarantined_and_all_else_goes_on(self, world):
        world.put("a")
        world.loop.drain()
        self.stick(world)
        world.diary.timers = [2_500]
        for ms in (2_000, 3_000, 4_000):
            world.machine.ms = ms
            world.put(str(ms))
            world.loop.drain()
        assert world.seen() == ("a live @1000", "2000 live @2000", "timer 2500", "3000 live @3000", "4000 live @4000")
        assert world.entries().count((TIME, "quarantined")) == 1, "once, not with every step"
        assert world.loop.status().stuck == {"second": "still poison"}
        assert world.loop.epoch.seq == len(world.entries()) == world.loop.position.seq

    def test_the_pass_derives_its_state_anew_as_soon_as_it_can(self, world):
        world.put("a")
        world.loop.drain()
        self.stick(world)
        world.machine.ms = 2_000
        world.loop.step()
        made = []

        def ready(epoch):
            made.append(epoch.time_ms)
            return Delta()

        world.second.ready = ready
        del world.second.elapse
        world.machine.ms = 2_000 + working.STUCK_RETRY_MS - 1
        world.loop.step()
        assert made == []
        world.machine.ms += 1
        world.loop.step()
        assert made == [world.machine.ms]
        assert world.loop.status().stuck == {}

    def test_a_replay_tries_it_at_once(self, world):
        world.put("a")
        world.loop.drain()
        self.stick(world)
        world.machine.ms = 2_000
        world.loop.step()
        with pytest.raises(ConflictError, match="still poison"):
            world.loop.submit(TIME, b"", "mei")
        del world.second.ready, world.second.elapse
        assert world.loop.submit(TIME, b"", "mei")["freed"] == ["second"]

    def test_a_move_of_the_clock_goes_on_too(self, world):
        world.put("a")
        world.loop.drain()
        self.stick(world)
        world.set_clock(standing(9_000))
        assert world.loop.epoch.time_ms == 9_000
        assert world.entries()[-2:] == [(TIME, "quarantined"), ("clock", "done")]

    @pytest.mark.parametrize("raised", [DamagedError("lake.file_damaged", "gone"), OSError(28, "full")])
    def test_a_fault_of_the_house_ends_the_step(self, world, raised):
        world.put("a")
        world.loop.drain()
        self.fail(world, raised)
        world.machine.ms = 2_000
        with pytest.raises(type(raised)):
            world.loop.step()
        assert world.entries() == [("events", "done")]

    def test_a_pass_that_cant_begin_is_told_and_tried_again(self, world, monkeypatch):
        monkeypatch.setattr(loop_module, "READY_RETRY_S", 0.01)
        self.stick(world)
        world.put("a")
        world.loop.start(0.01)
        _until(lambda: world.loop.status().stuck == {"start": "still poison"})
        with pytest.raises(UnavailableError, match="still poison") as refused:
            world.loop.submit("edit", b"", "mei")
        assert refused.value.code == "log.not_ready"
        assert world.loop.failure is None
        del world.second.ready, world.second.elapse
        _until(lambda: world.seen() != ())
        assert world.words() == ["a"]
        assert world.loop.status().stuck == {}


class Merge:
    """A compaction that ends when told."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.ran = self.discarded = False
        self.fails = False

    def run(self) -> None:
        self.go_on.wait(10)
        if self.fails:
            raise OSError(28, "full")
        self.ran = True

    def give_up(self) -> None:
        self.go_on.set()

    def discard(self) -> None:
        self.discarded = True


class TestMergingBesideTheLoop:
    @pytest.fixture
    def merge(self, world):
        merge = Merge()
        waiting = [merge]
        world.lake.compaction = lambda epoch: waiting.pop() if waiting else None
        world.swapped = []

        def swap(database, epoch, merging):
            world.swapped.append((epoch.seq, threading.current_thread().name))
            return {SEEN.name: (*epoch[SEEN], "swapped")}

        world.lake.swap = swap
        return merge

    def test_records_go_on_and_the_swap_is_the_loops_own(self, world, merge):
        world.put("a")
        world.loop.drain()
        world.loop.start(0.01)
        world.loop.flush()
        world.put("b")
        _until(lambda: world.words() == ["a", "b"])
        assert world.swapped == []
        merge.go_on.set()
        _until(lambda: bool(world.swapped))
        assert world.swapped == [(2, "loop")]
        assert world.words() == ["a", "b", "swapped"]

    def test_without_a_thread_it_is_done_at_once(self, world, merge):
        merge.go_on.set()
        world.put("a")
        world.loop.drain()
        world.loop.flush()
        assert world.words() == ["a", "swapped"]

    def test_a_failure_ends_nothing(self, world, merge):
        merge.fails = True
        world.loop.start(0.01)
        world.loop.flush()
        merge.go_on.set()
        _until(lambda: merge.discarded)
        world.put("a")
        _until(lambda: world.words() == ["a"])
        assert world.loop.failure is None
        assert world.swapped == []

    def test_is_given_up_for_what_rewrites_the_lake_and_at_the_end(self, world, merge):
        world.loop.start(0.01)
        world.loop.flush()
        world.loop.submit(ERASE, b"", "mei")
        assert merge.discarded
        assert world.swapped == []


def _until(holds) -> None:
    for _ in range(1_000):
        if holds():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came to hold")
