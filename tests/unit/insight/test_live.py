"""The live view of a pool opened here: what arrived, whose it is, what is odd about it, and what it changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.pools import Scratch, event, ms

from yutang.domains.customers import api as customers
from yutang.domains.customers.contracts import PairOrder
from yutang.domains.insight.api import live
from yutang.domains.insight.contracts.live import LiveAnswer, LiveEvent, LiveProblem, LiveQuestion
from yutang.kernel.errors import InvalidError, LimitError, NotFoundError
from yutang.kernel.event import EventBlob, encode_blob

NOW = "2026-03-01 10:00"


class Watcher:
    """Looks again and again, as `yutang tail` does."""

    def __init__(self, pool: Scratch) -> None:
        self.pool = pool
        self.cursor = live.look(pool.desk(), LiveQuestion()).cursor

    def __call__(self, **filters: Any) -> LiveAnswer:
        found = live.look(self.pool.desk(), LiveQuestion(cursor=self.cursor, **filters))
        self.cursor = found.cursor
        return found


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Scratch]:
    scratch = Scratch(tmp_path / "pool", start=NOW)
    yield scratch
    scratch.close()


@pytest.fixture
def look(pool: Scratch) -> Watcher:
    return Watcher(pool)


def viewed(who: str, at: str = NOW, **more: Any) -> Any:
    return event("product_viewed", at, who, **more)


def changes(found: LiveEvent) -> dict[str, tuple[str, str, str]]:
    return {one.label: (one.before, one.after, one.cause) for one in found.labels}


class TestEvents:
    def test_are_shown_once_with_time_feed_and_customer(self, pool: Scratch, look: Watcher) -> None:
        pool.send(event("order_paid", NOW, ("member_no:1", "phone:+8613800138000"), "o1", amount=9_900), feed="shop")
        (one,) = look().events
        assert (one.type, one.id, one.feed, one.at) == ("order_paid", "o1", "shop", "2026-03-01T02:00:00Z")
        assert (one.customer, one.identity) == (pool.who("phone:+8613800138000"), "member_no:1")
        assert one.problems == ()
        assert look().events == ()

    def test_come_in_the_order_of_their_arrival(self, pool: Scratch, look: Watcher) -> None:
        for number in (3, 1, 2):
            pool.send(viewed(f"member_no:{number}"), viewed(f"member_no:{number}0"))
        assert [one.identity.rpartition(":")[2] for one in look().events] == ["3", "30", "1", "10", "2", "20"]

    def test_begin_with_the_newest(self, pool: Scratch) -> None:
        pool.send(*(viewed(f"member_no:{number}") for number in range(30)))
        found = live.look(pool.desk(), LiveQuestion(begin=3))
        assert [one.identity for one in found.events] == ["member_no:27", "member_no:28", "member_no:29"]
        assert (found.more, found.skipped) == (0, 0)
        assert live.look(pool.desk(), LiveQuestion(begin=0)).events == ()

    def test_begin_with_the_newest_even_out_of_the_lake(self, pool: Scratch) -> None:
        pool.send(*(viewed(f"member_no:{number}") for number in range(30)), feed="web")
        pool.send(event("order_paid", NOW, "member_no:1", amount=9_900))
        pool.pool.loop.flush()
        pool.reopen()
        *viewings, paid = live.look(pool.desk(), LiveQuestion(begin=3)).events
        assert [(one.type, one.feed) for one in viewings] == [("product_viewed", "web")] * 2
        assert (paid.type, paid.identity, changes(paid)["aipl"][1]) == ("order_paid", "member_no:1", "P")
        (other,) = live.look(pool.desk(), LiveQuestion(begin=3, customer="member_no:7")).events
        assert (other.identity, other.problems) == ("member_no:7", ())
        pool.send(viewed("member_no:50"))
        assert [one.identity for one in live.look(pool.desk(), LiveQuestion(begin=2)).events] == [
            "member_no:1", "member_no:50",
        ]  # fmt: skip

    def test_by_hand_are_shown_too(self, pool: Scratch, look: Watcher) -> None:
        pool.send(viewed("member_no:1"))
        look()
        customers.add_identities(pool.desk("mei"), "member_no:1", customers.IdentityOrder({"device": "d-1"}))
        assert [(one.feed, one.customer) for one in look().events] == [("console", pool.who("member_no:1"))]


class TestLabels:
    def test_are_those_that_the_event_changed(self, pool: Scratch, look: Watcher) -> None:
        pool.send(viewed("member_no:1"), viewed("member_no:2"))
        look()
        pool.send(event("order_paid", NOW, "member_no:1", amount=9_900), viewed("member_no:2", kind="again"))
        paid, seen = look().events
        assert changes(paid)["aipl"][1:] == ("P", "event")
        assert changes(seen) == {}

    def test_go_to_the_event_of_that_instant_and_customer(self, pool: Scratch, look: Watcher) -> None:
        pool.define("big", "sum(order_paid.amount) > 100")
        look()
        pool.send(
            event("order_paid", "2026-03-01 09:58", "member_no:1", amount=9_000),
            event("order_paid", "2026-03-01 09:59", "member_no:1", amount=9_000),
            viewed("member_no:1"),
            event("order_paid", "2026-03-01 09:59", "member_no:2", amount=100),
        )
        first, second, third, other = look().events
        assert changes(second)["big"] == ("none", "in", "event")
        assert all("big" not in changes(one) for one in (first, third, other))

    def test_of_another_record_of_the_group_are_found(self, pool: Scratch, look: Watcher) -> None:
        """Records that wait are applied together, and the change feed names the last of them."""
        pool.define("big", "sum(order_paid.amount) > 100")
        look()
        for number, kind in enumerate(("order_paid", "product_viewed", "product_viewed")):
            made = event(kind, NOW, f"member_no:{number}", amount=20_000)
            blob = encode_blob(EventBlob("shop", False, 1, [made]))
            pool.pool.inbox.put(blob, lane="live", job=f"j{number}", rows_from=0, next_row=1, count=1)
        pool.pool.loop.drain()
        paid, *others = look().events
        assert changes(paid)["big"] == ("none", "in", "event")
        assert all("big" not in changes(one) for one in others)

    def test_that_time_or_people_changed_are_no_events(self, pool: Scratch, look: Watcher) -> None:
        pool.send(event("order_paid", NOW, "member_no:1", amount=9_900), viewed("member_no:2"))
        look()
        pool.advance("400d")
        customers.merge(pool.desk("mei"), PairOrder("member_no:1", "member_no:2", "one person"))
        assert look().events == ()
        pool.send(viewed("member_no:2", "2027-04-05 10:00"))
        (one,) = look().events
        assert one.customer == pool.who("member_no:1")
        assert {cause for *_, cause in changes(one).values()} <= {"event"}


class TestProblems:
    @pytest.mark.parametrize(
        ("made", "history", "problems"),
        [
            (viewed("member_no:1"), False, ()),
            (event("strange", NOW, "member_no:1"), False, (LiveProblem.UNKNOWN_TYPE,)),
            (viewed("member_no:1", "2026-02-01 10:00"), False, (LiveProblem.LATE,)),
            (viewed("member_no:1", "2026-02-01 10:00"), True, (LiveProblem.HISTORY,)),
            (viewed("member_no:1", "2026-03-01 10:01"), False, (LiveProblem.FUTURE,)),
        ],
    )
    def test_are_told(
        self, pool: Scratch, look: Watcher, made: Any, history: bool, problems: tuple[LiveProblem, ...]
    ) -> None:
        pool.send(made, history=history)
        assert look().events[0].problems == problems

    def test_repeats_with_and_without_other_content(self, pool: Scratch, look: Watcher) -> None:
        first, other = viewed("member_no:1", id_="a"), viewed("member_no:1", id_="b")
        pool.send(first, other)
        look()
        pool.send(first, viewed("member_no:1", id_="b", page="another"), viewed("member_no:1", id_="c"))
        assert [one.problems for one in look().events] == [(LiveProblem.REPEAT,), (LiveProblem.CHANGED,), ()]

    def test_a_poison_record_is_told_with_its_reason_and_hides_nothing(self, pool: Scratch, look: Watcher) -> None:
        pool.pool.inbox.put(b"no blob", lane="live", job="bad", rows_from=0, next_row=1, count=1)
        pool.pool.loop.drain()
        pool.send(viewed("member_no:1"))
        poison, good = look(problems=False).events
        assert poison.problems == (LiveProblem.QUARANTINED,)
        assert poison.error
        assert (good.identity, good.problems) == ("member_no:1", ())


class TestFilters:
    @pytest.fixture
    def many(self, pool: Scratch, look: Watcher) -> Watcher:
        pool.send(viewed("member_no:1"), event("search", NOW, "member_no:2"), feed="web")
        pool.send(event("order_paid", NOW, "member_no:1", amount=9_900), event("strange", NOW, "member_no:3"))
        return look

    @pytest.mark.parametrize(
        ("filters", "types"),
        [
            ({"type": "search"}, ["search"]),
            ({"feed": "web"}, ["product_viewed", "search"]),
            ({"customer": "member_no:1"}, ["product_viewed", "order_paid"]),
            ({"customer": "member_no:1", "feed": "web"}, ["product_viewed"]),
            ({"problems": True}, ["strange"]),
            ({"type": "nothing"}, []),
        ],
    )
    def test_show_what_fits(self, many: Watcher, filters: dict[str, Any], types: list[str]) -> None:
        assert [one.type for one in many(**filters).events] == types

    def test_by_a_label_that_changed(self, many: Watcher) -> None:
        found = many(label="aipl").events
        assert found
        assert all("aipl" in changes(one) for one in found)

    def test_who_or_what_is_not_there_is_said(self, look: Watcher) -> None:
        for filters in ({"customer": "member_no:none"}, {"label": "none"}):
            with pytest.raises(NotFoundError):
                look(**filters)

    @pytest.mark.parametrize("cursor", ["x", "1", "1.", ".1", "-1.0", "1.0.0", "٣.0", "9" * 40 + ".0"])
    def test_a_cursor_of_somebody_else_is_refused(self, pool: Scratch, cursor: str) -> None:
        with pytest.raises(InvalidError, match="cursor"):
            live.look(pool.desk(), LiveQuestion(cursor=cursor))

    def test_a_cursor_from_the_future_of_a_restored_pool_shows_nothing(self, pool: Scratch) -> None:
        pool.send(viewed("member_no:1"))
        found = live.look(pool.desk(), LiveQuestion(cursor="999999.0"))
        assert (found.events, found.cursor) == ((), f"{pool.pool.loop.epoch.seq}.0")


class TestBounds:
    def test_what_is_left_out_is_counted(self, pool: Scratch, look: Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(live, "EVENTS_READ_MAX", 20)
        for record in range(5):
            pool.send(*(viewed(f"member_no:{number}", id_=f"{record}-{number}") for number in range(10)))
        found = look(limit=4)
        assert [one.id for one in found.events] == ["4-6", "4-7", "4-8", "4-9"]
        assert found.more == 46

    def test_a_filter_counts_what_it_did_not_look_at(
        self, pool: Scratch, look: Watcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live, "EVENTS_READ_MAX", 10)
        pool.send(*(viewed(f"member_no:{number}", id_=f"a{number}") for number in range(10)))
        pool.send(*(viewed(f"member_no:{number}", id_=f"b{number}") for number in range(10)))
        found = look(customer="member_no:3")
        assert ([one.id for one in found.events], found.more) == (["b3"], 10)

    def test_what_went_into_the_lake_unseen_is_counted(self, pool: Scratch, look: Watcher) -> None:
        pool.send(*(viewed(f"member_no:{number}") for number in range(10)))
        pool.pool.loop.flush()
        pool.send(viewed("member_no:1", id_="after"))
        found = look()
        assert ([one.id for one in found.events], found.skipped) == (["after"], 10)

    def test_records_beyond_the_most_are_counted(
        self, pool: Scratch, look: Watcher, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(live, "RECORDS_READ_MAX", 3)
        for number in range(8):
            pool.send(viewed("member_no:1", id_=str(number)))
        found = look()
        assert ([one.id for one in found.events], found.skipped) == (["5", "6", "7"], 5)


class TestStream:
    def test_gives_what_comes_and_signs_of_life(self, pool: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(live, "LOOK_PERIOD_S", 0.001)
        stream = live.watch(pool.desk(), LiveQuestion(begin=0))
        first = next(stream)
        assert first is not None
        assert first.events == ()
        assert next(stream) is None
        pool.send(viewed("member_no:1"))
        found = next(stream)
        assert found is not None
        assert [one.identity for one in found.events] == ["member_no:1"]

    def test_goes_on_after_a_cursor(self, pool: Scratch) -> None:
        cursor = live.look(pool.desk(), LiveQuestion()).cursor
        pool.send(viewed("member_no:1"))
        found = next(live.watch(pool.desk(), LiveQuestion(cursor=cursor)))
        assert found is not None
        assert [one.identity for one in found.events] == ["member_no:1"]

    def test_there_is_a_most_at_once_and_room_when_one_ends(self, pool: Scratch) -> None:
        streams = [live.watch(pool.desk(), LiveQuestion()) for _ in range(live.STREAMS_COUNT_MAX)]
        for stream in streams:
            next(stream)
        with pytest.raises(LimitError):
            live.watch(pool.desk(), LiveQuestion())
        del stream
        streams.pop()
        next(live.watch(pool.desk(), LiveQuestion()))

    def test_a_wrong_question_is_refused_before_it_begins(self, pool: Scratch) -> None:
        with pytest.raises(NotFoundError):
            live.watch(pool.desk(), LiveQuestion(label="nothing"))


def test_time_is_pool_time(pool: Scratch) -> None:
    found = live.look(pool.desk(), LiveQuestion())
    assert (found.time, found.zone) == ("2026-03-01T02:00:00Z", "Asia/Shanghai")
    assert ms(NOW) == 1_772_330_400_000
