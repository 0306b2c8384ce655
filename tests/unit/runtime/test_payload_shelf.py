"""Bodies of webhooks that didn't map: kept with the events of the same commit, bounded, settled exactly once."""

from __future__ import annotations

from pathlib import Path

import pytest

from yutang.kernel.instants import DAY_MS
from yutang.runtime.inbox import payloads as shelf_module
from yutang.runtime.inbox.inbox import Inbox, open_reader
from yutang.runtime.inbox.payloads import CALLS, RemotePayloads, Settlement, serve_payloads
from yutang.runtime.receiving import RawPayload

NOW_MS = 1_700_000_000_000


class Dying:
    """Ends the work at a point, as a crash does; once."""

    def __init__(self) -> None:
        self.point = ""

    def reach(self, point: str) -> None:
        if point == self.point:
            self.point = ""
            raise KeyboardInterrupt


class World:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "inbox.db"
        self.now_ms = NOW_MS
        self.faults = Dying()
        self.inbox = self._open()

    def _open(self) -> Inbox:
        return Inbox(self.path, lambda: self.now_ms, self.faults, payload_days=14)

    def reopen(self) -> None:
        self.inbox.close()
        self.inbox = self._open()

    def keep(self, *bodies: bytes, hook: str = "shop", blobs: list[tuple[bytes, int]] | None = None) -> None:
        raw = [RawPayload(hook, {"x-topic": "t"}, body, "payload.no_match", "why") for body in bodies]
        self.inbox.keep(blobs or [], raw)

    def ids(self, hook: str = "shop") -> list[int]:
        return [one.id for one in self.inbox.payloads.page(hook, 0, 500).payloads]

    def blobs(self) -> list[bytes]:
        reader = open_reader(self.path)
        heads = reader.heads({"live": 0}, 100)["live"]
        bodies = reader.bodies([head.ref for head in heads])
        reader.close()
        return [bodies[head.ref] for head in heads]


@pytest.fixture
def world(tmp_path: Path):
    made = World(tmp_path)
    yield made
    made.inbox.close()


def test_a_payload_is_kept_as_it_came_across_a_restart(world: World) -> None:
    world.keep(b"\x00\xff{", blobs=[(b"blob", 1)])
    world.reopen()
    (one,) = world.ids()
    kept = world.inbox.payloads.show(one)
    assert (kept.body, kept.headers, kept.head.code, kept.head.arrived_at) == (
        b"\x00\xff{", {"x-topic": "t"}, "payload.no_match", NOW_MS,
    )  # fmt: skip
    assert world.blobs() == [b"blob"]
    assert world.inbox.payloads.show(one + 1) is None


def test_it_isnt_kept_without_the_events_that_came_with_it(world: World) -> None:
    world.faults.point = "intake.before_commit"
    with pytest.raises(KeyboardInterrupt):
        world.keep(b"half", blobs=[(b"blob", 1)])
    world.reopen()
    assert (world.ids(), world.blobs()) == ([], [])


class TestBounds:
    def test_the_oldest_go_when_there_are_too_many(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shelf_module, "PAYLOADS_COUNT_MAX", 5)
        world.keep(b"other", hook="other")
        for number in range(8):
            world.keep(b"%d" % number)
        page = world.inbox.payloads.page("shop", 0, 500)
        assert [world.inbox.payloads.show(one.id).body for one in page.payloads] == [b"3", b"4", b"5", b"6", b"7"]
        assert (page.kept, page.crowded_out, page.expired) == (5, 3, 0)
        assert len(world.ids("other")) == 1

    def test_the_oldest_go_when_they_are_too_large(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shelf_module, "PAYLOADS_BYTES_MAX", 1_000)
        for number in range(6):
            world.keep(bytes([number]) * 300)
        page = world.inbox.payloads.page("shop", 0, 500)
        assert [world.inbox.payloads.show(one.id).body[0] for one in page.payloads] == [3, 4, 5]
        assert page.size <= 1_000
        world.keep(b"x" * 2_000)
        assert world.ids() == []  # larger than all that may be kept
        assert world.inbox.payloads.page("shop", 0, 500).crowded_out == 7

    def test_what_is_too_old_goes(self, world: World) -> None:
        world.keep(b"old")
        world.now_ms += 13 * DAY_MS
        world.keep(b"young")
        world.now_ms += 2 * DAY_MS
        page = world.inbox.payloads.page("shop", 0, 500)
        assert [world.inbox.payloads.show(one.id).body for one in page.payloads] == [b"young"]
        assert page.expired == 1

    def test_pages_go_on_where_the_last_one_ended(self, world: World) -> None:
        world.keep(*(b"%d" % number for number in range(7)))
        first = world.inbox.payloads.page("shop", 0, 3).payloads
        second = world.inbox.payloads.page("shop", first[-1].id, 3).payloads
        assert [one.id for one in (*first, *second)] == world.ids()[:6]


class TestSettling:
    def test_the_events_go_in_as_the_payload_goes_out(self, world: World) -> None:
        world.keep(b"one")
        (one,) = world.ids()
        assert world.inbox.payloads.settle(Settlement(one, b"events", 2))
        assert (world.ids(), world.blobs()) == ([], [b"events"])
        assert not world.inbox.payloads.settle(Settlement(one, b"events", 2))
        assert world.blobs() == [b"events"]
        assert world.inbox.waiting.events == 2

    @pytest.mark.parametrize("point", ["payloads.before_settled", "payloads.settled"])
    def test_a_crash_anywhere_leaves_it_done_or_not_done(self, world: World, point: str) -> None:
        world.keep(b"one")
        (one,) = world.ids()
        world.faults.point = point
        with pytest.raises(KeyboardInterrupt):
            world.inbox.payloads.settle(Settlement(one, b"events", 2))
        world.reopen()
        done = point == "payloads.settled"
        assert (world.ids(), world.blobs()) == (([], [b"events"]) if done else ([one], []))
        assert world.inbox.payloads.settle(Settlement(one, b"events", 2)) is not done
        assert (world.ids(), world.blobs()) == ([], [b"events"])

    def test_what_is_still_wrong_stays_with_its_new_reason(self, world: World) -> None:
        world.keep(b"one")
        (one,) = world.ids()
        assert world.inbox.payloads.settle(Settlement(one, b"some", 1, "event.no_time", "at: no instant"))
        head = world.inbox.payloads.show(one).head
        assert (head.code, head.message) == ("event.no_time", "at: no instant")
        assert world.blobs() == [b"some"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"phone": "+8613800000001"}', b'{"phone": "13800000001"}', b"phone=%2B8613800000001", b'{"mail": "LI@X.cn"}',
        b"mail=li%40x.cn", '{"name": "李雷"}'.encode(), b'{"name": "\\u674E\\u96F7"}', b"name=%E6%9D%8E%E9%9B%B7",
        '{"name": "Élodie"}'.encode(), b'{"name": "\\u00C9LODIE"}', b"name=%C3%89lodie",
    ],
)  # fmt: skip
def test_what_mentions_an_erased_customer_is_removed(world: World, body: bytes) -> None:
    """However its sender spelt it: a number without the country, capitals, escapes."""
    world.keep(*(b'{"phone": "+8613900000002", "n": %d}' % number for number in range(20)), body)
    assert world.inbox.payloads.forget(["", "+8613800000001", "li@x.cn", "李雷", "Élodie", "nobody"]) == 1
    assert len(world.ids()) == 20
    assert all(body not in one.read_bytes() for one in world.path.parent.glob("inbox.db*"))


def test_across_the_socket_it_is_the_same(world: World) -> None:
    world.keep(b"one", b"two", b"three")
    remote = RemotePayloads(lambda name, body: serve_payloads(world.inbox.payloads, name, body))
    first, second, third = world.ids()
    assert remote.page("shop", 0, 2) == world.inbox.payloads.page("shop", 0, 2)
    assert remote.show(first) == world.inbox.payloads.show(first)
    assert remote.show(third + 1) is None
    assert remote.settle(Settlement(first, b"events", 1))
    assert not remote.settle(Settlement(first, b"events", 1))
    assert remote.drop([second, second]) == 1
    assert remote.forget(["three"]) == 1
    assert (world.ids(), world.blobs(), len(CALLS)) == ([], [b"events"], 5)
