"""The inbox: durable, in order, a part of a job once."""

import threading

import pytest
from tests.support.pools import event
from tests.support.services import wait_for

from yutang.kernel.clock import SystemClock
from yutang.kernel.errors import ConflictError, DiskFullError, UnavailableError
from yutang.kernel.event import EventBlob, decode_blob, encode_blob, pack_events
from yutang.kernel.faults import NoFaults
from yutang.runtime.inbox.inbox import Inbox, open_reader
from yutang.runtime.inbox.remote import RemoteInbox, answering, serve_inbox
from yutang.runtime.inbox.waiting import HEADS_COUNT_MAX, RETRY_S_MAX, Waiting
from yutang.runtime.inbox.writer import TURNS_A_TRIM_MAX, GroupWriter
from yutang.runtime.receiving import Answer, Keep, Parcel
from yutang.runtime.wire import WireServer


class Ticking:
    def __init__(self, *instants):
        self.instants = list(instants)

    def __call__(self):
        return self.instants.pop(0) if len(self.instants) > 1 else self.instants[0]


@pytest.fixture(params=["here", "across the socket"])
def opened(tmp_path, request):
    def make(clock):
        inbox = Inbox(tmp_path / "inbox.db", clock, NoFaults())
        if request.param == "here":
            closing.append(inbox)
            return inbox, open_reader(tmp_path / "inbox.db")
        writer = GroupWriter(inbox, SystemClock(), lambda *_: None)
        server = WireServer(tmp_path / "intake.sock", answering(serve_inbox(inbox, writer, SystemClock())))
        remote = RemoteInbox(tmp_path / "intake.sock")
        closing.extend([remote, server, writer, inbox])
        return remote, open_reader(tmp_path / "inbox.db")

    closing = []
    yield make
    for one in closing:
        one.close()


def put(inbox, body, rows_from, next_row, lane="bulk", job="j"):
    inbox.put(body, lane=lane, job=job, rows_from=rows_from, next_row=next_row, count=next_row - rows_from)


def waiting(reader, lane="bulk"):
    return list(reader.heads({lane: 0}, 10)[lane])


class TestParts:
    def test_come_back_in_order_with_arrivals_that_never_step_back(self, opened):
        inbox, reader = opened(Ticking(100, 90, 110))
        for i, body in enumerate((b"a", b"b", b"c")):
            put(inbox, body, i, i + 1)
        found = waiting(reader)
        bodies = reader.bodies([head.ref for head in found])
        assert [bodies[head.ref] for head in found] == [b"a", b"b", b"c"]
        assert [head.arrived_at for head in found] == [100, 100, 110]

    def test_a_part_that_is_there_already_isnt_taken_twice(self, opened):
        inbox, reader = opened(Ticking(1))
        put(inbox, b"a", 0, 5)
        put(inbox, b"a", 0, 5)
        assert inbox.progress("j") == 5
        assert len(waiting(reader)) == 1

    @pytest.mark.parametrize(("rows_from", "next_row"), [(7, 9), (3, 8)])
    def test_a_part_that_leaves_rows_out_or_overlaps_is_refused(self, opened, rows_from, next_row):
        inbox, reader = opened(Ticking(1))
        put(inbox, b"a", 0, 5)
        with pytest.raises(ConflictError) as refused:
            put(inbox, b"b", rows_from, next_row)
        assert refused.value.code == "import.out_of_step"
        assert (inbox.progress("j"), len(waiting(reader))) == (5, 1)

    def test_a_part_without_events_moves_the_job_on(self, opened):
        inbox, reader = opened(Ticking(1))
        inbox.put(b"", lane="bulk", job="j", rows_from=0, next_row=9, count=0)
        assert inbox.progress("j") == 9
        assert waiting(reader) == []

    def test_a_job_can_begin_again(self, opened):
        inbox, reader = opened(Ticking(1))
        put(inbox, b"a", 0, 5)
        inbox.restart_job("j")
        put(inbox, b"a", 0, 5)
        assert len(waiting(reader)) == 2


class TestTrimming:
    def test_removes_up_to_a_reference_of_its_lane_and_never_reuses_one(self, opened):
        inbox, reader = opened(Ticking(1))
        put(inbox, b"a", 0, 1)
        put(inbox, b"l", 0, 1, lane="live", job="k")
        put(inbox, b"b", 1, 2)
        inbox.trim({"bulk": 3})
        put(inbox, b"c", 2, 3)
        wait_for(lambda: [head.ref for head in waiting(reader)] == [4], "trimmed")
        assert reader.bodies([4]) == {4: b"c"}
        assert reader.waiting_events({"live": 0, "bulk": 4}) == 1
        assert reader.last_ref() == 4


class TestIntakeStartedAnew:
    def test_is_found_again_by_the_next_call(self, tmp_path):
        inbox = Inbox(tmp_path / "inbox.db", Ticking(1), NoFaults())
        writer = GroupWriter(inbox, SystemClock(), lambda *_: None)
        path = tmp_path / "intake.sock"
        remote = RemoteInbox(path)
        with pytest.raises(UnavailableError):
            remote.progress("j")
        for next_row in (1, 2):
            server = WireServer(path, answering(serve_inbox(inbox, writer, SystemClock())))
            put(remote, b"a", next_row - 1, next_row)
            assert remote.progress("j") == next_row
            server.close()
        remote.close()
        writer.close()
        inbox.close()


class TestManyThreads:
    def test_share_a_connection_that_fails_now_and_then(self, tmp_path):
        failing = iter(range(1_000_000))

        def flaky(name, actor, body):
            if next(failing) % 7 == 0:
                raise UnavailableError("thing.away", "not now", remedy="again")
            return body

        server = WireServer(tmp_path / "intake.sock", flaky)
        remote, met, lost = RemoteInbox(tmp_path / "intake.sock"), [], []

        def ask(number):
            for _ in range(100):
                try:
                    remote.restart_job(str(number))
                    met.append("done")
                except UnavailableError as error:
                    met.append(error.code)
                except Exception as error:
                    lost.append(error)

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)
        assert lost == []
        assert set(met) == {"done", "thing.away"}
        remote.close()
        server.close()


class Full:
    """Faults by which the disk is full for a while."""

    full = False

    def reach(self, point):
        if self.full and point == "intake.before_commit":
            raise DiskFullError("storage.disk_full", "there is no room", remedy="make some")


class TestGroupCommit:
    @pytest.fixture
    def writing(self, tmp_path):
        faults, told = Full(), []
        inbox = Inbox(tmp_path / "inbox.db", Ticking(1), faults)
        writer = GroupWriter(
            inbox, SystemClock(), lambda tickets, error: told.extend((t.token, error) for t in tickets)
        )
        reader = open_reader(tmp_path / "inbox.db")
        yield inbox, writer, reader, told, faults
        writer.close()
        inbox.close()
        reader.close()

    def submit_at_once(self, writer, keeps):
        held = threading.Event()
        blocking = threading.Thread(target=lambda: writer.call(held.wait))
        blocking.start()
        for number, keep in enumerate(keeps):
            writer.submit(keep, number)
        held.set()
        blocking.join()

    def test_one_blob_for_each_feed_version_and_history_in_order(self, writing):
        _, writer, reader, told, _ = writing
        events = [event("page_viewed", n, "member_no:M", f"e{n}") for n in range(6)]

        def keep(*parcels):
            return Keep(parcels, lambda: Answer(200))

        packed = pack_events([events[2], events[3]])
        self.submit_at_once(writer, [
            keep(Parcel("a", 1, [events[0]])),
            keep(Parcel("b", 1, [events[1]]), Parcel("a", 1, [events[4]], packed=packed, packed_count=2)),
            keep(Parcel("a", 2, [events[5]])), keep(Parcel("a", 1, [events[5]], history=True)), keep(),
        ])  # fmt: skip
        wait_for(lambda: len(told) == 5, "told")
        assert {error for _, error in told} == {None}
        blobs = [decode_blob(body) for _, body in sorted(reader.bodies(range(1, 9)).items())]
        assert [(one.feed, one.history, one.schema_version, [e.id for e in one.events]) for one in blobs] == [
            ("a", False, 1, ["e0", "e4", "e2", "e3"]), ("b", False, 1, ["e1"]),
            ("a", False, 2, ["e5"]), ("a", True, 1, ["e5"]),
        ]  # fmt: skip
        assert reader.bodies([2])[2] == encode_blob(EventBlob("b", False, 1, [events[1]])).replace(
            b"\x91", b"\xdd\x00\x00\x00\x01", 1
        )

    def test_no_blob_holds_more_than_may_be(self, writing):
        inbox, writer, reader, told, _ = writing
        many = [event("page_viewed", n, "member_no:M", f"e{n}") for n in range(6_000)]
        self.submit_at_once(writer, [Keep([Parcel("a", 1, many)], lambda: Answer(200)) for _ in range(7)])
        wait_for(lambda: len(told) == 7, "told")
        assert [head.events for head in waiting(reader, "live")] == [12_000, 12_000, 12_000, 6_000]
        assert inbox.waiting.events == 42_000

    def test_a_commit_that_fails_keeps_nothing_and_the_next_one_works(self, writing):
        inbox, writer, reader, told, faults = writing
        one = Keep([Parcel("a", 1, [event("page_viewed", 1, "member_no:M")])], lambda: Answer(200))
        faults.full = True
        writer.submit(one, "first")
        wait_for(lambda: len(told) == 1, "told")
        assert isinstance(told[0][1], DiskFullError)
        assert (waiting(reader, "live"), inbox.waiting.events) == ([], 0)
        faults.full = False
        writer.submit(one, "second")
        wait_for(lambda: len(told) == 2, "told")
        assert told[1] == ("second", None)
        assert len(waiting(reader, "live")) == 1

    def test_what_is_in_the_lake_is_removed_though_more_never_stops_coming(self, tmp_path):
        inbox = Inbox(tmp_path / "inbox.db", Ticking(1), NoFaults())
        reader = open_reader(tmp_path / "inbox.db")
        one = Keep([Parcel("a", 1, [event("page_viewed", 1, "member_no:M")])], lambda: Answer(200))
        ended = threading.Event()

        def told(tickets, _error):
            if not ended.is_set():
                writer.submit(one, None)  # so that a ticket waits at every turn
                writer.trim({"live": 1_000_000})

        writer = GroupWriter(inbox, SystemClock(), told)
        try:
            writer.submit(one, None)
            wait_for(lambda: reader.last_ref() > 40, "written")
            assert len(waiting(reader, "live")) <= TURNS_A_TRIM_MAX
        finally:
            ended.set()
            writer.close()
            inbox.close()
            reader.close()

    def test_a_call_that_fails_tells_its_caller_and_nobody_else(self, writing):
        _, writer, _, told, _ = writing
        with pytest.raises(ZeroDivisionError):
            writer.call(lambda: 1 / 0)
        writer.submit(Keep([], lambda: Answer(200)), "next")
        wait_for(lambda: told == [("next", None)], "told")

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_that_it_can_write_no_more_is_seen(self, tmp_path):
        inbox = Inbox(tmp_path / "inbox.db", Ticking(1), NoFaults())
        writer = GroupWriter(inbox, SystemClock(), lambda *_: 1 / 0)
        assert writer.alive
        writer.submit(Keep([], lambda: Answer(200)), None)
        wait_for(lambda: not writer.alive, "it ended")
        writer.close()
        inbox.close()

    def test_what_waits_is_written_before_it_stops(self, writing):
        _, writer, reader, told, _ = writing
        for n in range(50):
            writer.submit(Keep([Parcel("a", 1, [event("search", n, "member_no:M")])], lambda: Answer(200)), n)
        writer.close()
        assert len(told) == 50
        assert sum(head.events for head in reader.heads({"live": 0}, 100)["live"]) == 50


class TestWaiting:
    def test_counts_by_reference_and_lane(self):
        found = Waiting()
        for ref in range(1, 6):
            found.add("live" if ref % 2 else "bulk", ref, 10 * ref)
        assert found.events == 150
        found.processed({"live": 3, "bulk": 0}, 1.0)
        assert found.events == 110
        found.processed({"live": 9, "bulk": 9}, 2.0)
        assert found.events == 0

    def test_says_when_to_come_back_by_the_engines_pace(self):
        found = Waiting()
        for ref in range(1, 101):
            found.add("live", ref, 100)
        assert found.retry_after_s(10_000, 0.0) == RETRY_S_MAX, "it stands still"
        found.processed({"live": 0}, 0.0)
        found.processed({"live": 10}, 10.0)
        for ref in range(101, 111):
            found.add("live", ref, 100)
        assert found.retry_after_s(10_000, 10.0) == 10, "a tenth of 10,000 at 100 a second"

    def test_is_bounded(self):
        found = Waiting()
        for ref in range(1, HEADS_COUNT_MAX + 1_001):
            found.add("live", ref, 1)
        assert found.events == HEADS_COUNT_MAX + 1_000
        found.processed({"live": HEADS_COUNT_MAX - 1}, 0.0)
        assert found.events == 1_001
        found.processed({"live": HEADS_COUNT_MAX + 1_000}, 0.0)
        assert found.events == 0
