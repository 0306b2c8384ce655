"""Who was in what: as is known now, and as was known then."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.erasing import erase
from tests.support.pools import Scratch, event

from yutang.domains.audience import routes
from yutang.domains.audience.api import checkpoints, histories
from yutang.domains.audience.contracts import Cause
from yutang.domains.customers import api as customers
from yutang.domains.customers.contracts import PairOrder
from yutang.kernel.errors import InvalidError, NotFoundError

WANG, LI = "member_no:wang", "member_no:li"
FIRST, FIFTH, TENTH = "2026-03-01T12:00:00Z", "2026-03-05T12:00:00Z", "2026-03-10T12:00:00Z"


@pytest.fixture(params=("replayed", "by checkpoints"))
def pool(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scratch]:
    """Wang bought on 1 March, which arrived on the 8th; Li bought on the 2nd, and was in until the 7th."""
    scratch = Scratch(tmp_path / "pool", start="2026-02-20")
    scratch.define("buyers", "count(order_paid, 5d) >= 1")
    scratch.happen(event("order_paid", "2026-03-02 08:00", LI, amount=100))
    scratch.at("2026-03-08 08:00")
    scratch.send(event("order_paid", "2026-03-01 08:00", WANG, amount=100), event("share", "2026-03-08 08:00", WANG))
    scratch.at(TENTH)
    scratch.checkpoints = request.param == "by checkpoints"
    yield scratch
    scratch.close()


def members(pool: Scratch, as_of: str, known_at: str = "", value: str = "", label: str = "buyers"):
    desk = pool.desk()
    if pool.checkpoints:
        checkpoints.keep_checkpoints(desk, 1)
    return routes.list_members(desk, label, value, as_of, known_at)


def who(pool: Scratch, *arguments: str) -> set[str]:
    return set(members(pool, *arguments).customers)


class TestMembers:
    def test_as_known_now_late_events_count(self, pool: Scratch) -> None:
        assert who(pool, FIRST) == {pool.who(WANG)}
        assert who(pool, FIFTH) == {pool.who(WANG), pool.who(LI)}
        assert members(pool, FIFTH).known_at == ""

    def test_as_known_then_they_do_not(self, pool: Scratch) -> None:
        assert who(pool, FIRST, FIFTH) == set()
        assert who(pool, FIFTH, FIFTH) == {pool.who(LI)}
        assert who(pool, FIFTH, TENTH) == {pool.who(LI)}, "what came late was over by then, and changed no label"

    def test_a_new_definition_counts_from_when_it_was_known(self, pool: Scratch) -> None:
        pool.define("buyers", "count(order_paid, 30d) >= 1")
        pool.at("2026-03-12 08:00")
        assert who(pool, FIFTH, TENTH) == {pool.who(LI), pool.who(WANG)}
        assert who(pool, FIRST, "2026-03-11T00:00:00Z") == {pool.who(WANG)}
        assert who(pool, FIRST, "2026-03-09T00:00:00Z") == set()
        assert who(pool, TENTH, TENTH) == {pool.who(LI), pool.who(WANG)}
        assert who(pool, "2026-03-11T00:00:00Z") == {pool.who(LI), pool.who(WANG)}

    def test_a_ladder_is_asked_by_value(self, pool: Scratch) -> None:
        held = members(pool, FIFTH, FIFTH, "P", "aipl")
        assert (held.count, held.customers) == (1, (pool.who(LI),))
        assert members(pool, FIFTH, FIFTH, "L", "aipl").count == 0

    def test_joined_since_they_are_todays_customer_and_it_is_said(self, pool: Scratch) -> None:
        pool.define("all", "count(*) >= 1")
        pool.advance("1h")
        customers.merge(pool.desk(), PairOrder(WANG, LI, "the same"))
        held = members(pool, TENTH, TENTH, "", "all")
        assert (held.count, held.then, held.customers) == (1, 2, (pool.who(WANG),))

    def test_parted_since_they_are_whoever_led(self, pool: Scratch) -> None:
        customers.merge(pool.desk(), PairOrder(WANG, LI, "the same"))
        pool.define("all", "count(*) >= 1")
        led_by = pool.who(WANG)
        pool.at("2026-03-11 08:00")
        customers.unmerge(pool.desk(), PairOrder(WANG, LI, "not so"))
        held = members(pool, TENTH, TENTH, "", "all")
        assert (held.count, held.then) == (1, 1)
        assert held.customers == (led_by,) == (pool.who(LI),), "whose id the two had"
        assert pool.who(WANG) != led_by

    def test_an_erased_customer_was_never_there(self, pool: Scratch) -> None:
        assert members(pool, FIFTH, FIFTH).count == 1
        erase(pool, LI)
        held = members(pool, FIFTH, FIFTH)
        assert (held.count, held.then, held.customers) == (0, 0, ())

    def test_what_there_is_not_is_told(self, pool: Scratch) -> None:
        with pytest.raises(NotFoundError, match="no label 'buyer'"):
            members(pool, FIFTH, FIFTH, "", "buyer")
        for known_at in ("", FIFTH):
            with pytest.raises(InvalidError) as caught:
                members(pool, FIFTH, known_at, "Q", "aipl")
            assert caught.value.remedy == "one of L, P, I, A"


class TestHistory:
    def test_both_stand_side_by_side(self, pool: Scratch) -> None:
        found = histories.history(pool.desk(), LI, "buyers", "", 100)
        assert [(one.value, one.since, one.until) for one in found.now] == [
            ("in", "2026-03-02T00:00:00Z", "2026-03-07T00:00:00Z")
        ]
        assert [(one.after, one.at, one.cause) for one in found.then] == [
            ("in", "2026-03-02T00:00:00Z", Cause.EVENT), ("none", "2026-03-07T00:00:00Z", Cause.TIME),
        ]  # fmt: skip
        assert not found.cut

    def test_what_was_learned_later_is_in_the_one_only(self, pool: Scratch) -> None:
        found = histories.history(pool.desk(), WANG, "buyers", "", 100)
        assert [(one.value, one.since) for one in found.now] == [("in", "2026-03-01T00:00:00Z")]
        assert found.then == ()

    def test_only_what_was_known_by_then(self, pool: Scratch) -> None:
        found = histories.history(pool.desk(), LI, "buyers", FIFTH, 100)
        assert [one.after for one in found.then] == ["in"]
