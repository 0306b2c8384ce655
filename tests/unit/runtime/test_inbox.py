"""The inbox: durable, in order, a part of a job once."""

import pytest

from yutang.kernel.errors import ConflictError, UnavailableError
from yutang.kernel.faults import NoFaults
from yutang.runtime.inbox.inbox import Inbox, open_reader
from yutang.runtime.inbox.remote import RemoteInbox, serve_inbox
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
        server = WireServer(tmp_path / "intake.sock", serve_inbox(inbox))
        remote = RemoteInbox(tmp_path / "intake.sock")
        closing.extend([remote, server, inbox])
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
        assert [head.ref for head in waiting(reader)] == [4]
        assert reader.bodies([4]) == {4: b"c"}
        assert reader.waiting_events({"live": 0, "bulk": 4}) == 1
        assert reader.last_ref() == 4


class TestIntakeStartedAnew:
    def test_is_found_again_by_the_next_call(self, tmp_path):
        inbox = Inbox(tmp_path / "inbox.db", Ticking(1), NoFaults())
        path = tmp_path / "intake.sock"
        remote = RemoteInbox(path)
        with pytest.raises(UnavailableError):
            remote.progress("j")
        for next_row in (1, 2):
            server = WireServer(path, serve_inbox(inbox))
            put(remote, b"a", next_row - 1, next_row)
            assert remote.progress("j") == next_row
            server.close()
        remote.close()
        inbox.close()
