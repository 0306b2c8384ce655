"""Definitions are worked out beside the log: what was defined before stands until all is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.support.pools import Scratch, event

from yutang.domains.audience import routes
from yutang.domains.audience.api import definitions, questions
from yutang.domains.audience.api.building import BUILDER
from yutang.domains.audience.api.builds import Build
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.contracts import BUILT, BuiltRecord, Cause, LabelDraft, LabelKind, LabelView, RungDraft
from yutang.domains.audience.jobs import building_labels
from yutang.kernel.clock import SystemClock
from yutang.kernel.errors import ConditionError, InvalidError, NotFoundError, YutangError
from yutang.runtime.ending import Ending

WANG, LI = "member_no:wang", "member_no:li"


class Breaking:
    """Fails, or does something else instead, at a point as often as it is told to."""

    def __init__(self) -> None:
        self.point = ""
        self.times = 0
        self.instead: Callable[[], None] | None = None

    def reach(self, point: str) -> None:
        if point == self.point and self.times:
            self.times -= 1
            if self.instead is None:
                raise InvalidError("test.broken", "this can't be worked out", where="test")
            self.instead()


@pytest.fixture
def breaking() -> Breaking:
    return Breaking()


@pytest.fixture
def pool(tmp_path: Path, breaking: Breaking) -> Iterator[Scratch]:
    scratch = Scratch(tmp_path / "pool", start="2026-03-10", faults=breaking)
    scratch.define("keen", "count(search, 30d) >= 1")
    scratch.send(
        event("search", "2026-03-05 10:00", WANG, target="brand"),
        event("order_paid", "2026-03-06 10:00", WANG, amount=100),
        event("order_paid", "2026-03-07 10:00", LI, amount=100),
    )
    yield scratch
    scratch.close()


def draft(name: str, condition: str) -> LabelDraft:
    return LabelDraft(name, LabelKind.SEGMENT, (RungDraft("in", condition),))


def begin(pool: Scratch, name: str, condition: str) -> LabelView:
    return definitions.begin(pool.desk(), draft(name, condition))


def work(pool: Scratch, stretches: int = 100) -> None:
    desk = pool.desk()
    while stretches and desk.log.epoch[BUILDER].work(desk):
        stretches -= 1


class TestWhileItIsWorkedOut:
    def test_a_new_label_is_listed_as_building_and_nothing_else_knows_it(self, pool: Scratch) -> None:
        view = begin(pool, "buyers", "count(order_paid, 30d) >= 1")
        assert view.building is not None
        assert (view.version, view.building.version, view.building.done, view.building.of) == (1, 1, 0, 2)
        listed = {one.label.name: one for one in questions.labels(pool.desk())}
        assert listed["buyers"].label.building == view.building
        assert listed["buyers"].counts == {}
        assert "buyers" not in pool.labels(WANG)
        assert pool.changes("keen")
        with pytest.raises(ConditionError, match="no label 'buyers'"):
            pool.ask("in(buyers)")
        with pytest.raises(NotFoundError, match="isn't in force yet"):
            pool.changes("buyers")

    def test_the_old_definition_answers_until_the_new_one_is_in_force(self, pool: Scratch) -> None:
        begin(pool, "keen", "count(order_paid, 30d) >= 1")
        work(pool, 1)
        assert (pool.labels(WANG)["keen"], pool.labels(LI)["keen"]) == ("in", "none")
        assert pool.view("keen").version == 1
        work(pool)
        assert (pool.labels(WANG)["keen"], pool.labels(LI)["keen"]) == ("in", "in")
        assert pool.view("keen").version == 2
        assert pool.view("keen").building is None

    def test_changes_by_it_are_told_apart_and_say_since_when(self, pool: Scratch) -> None:
        pool.define("keen", "count(order_paid, 30d) >= 1")
        change = pool.changes("keen")[-1]
        assert (change.customer, change.after, change.cause) == (pool.who(LI), "in", Cause.DEFINITION)
        assert (change.at, change.known_at) == ("2026-03-07T02:00:00Z", "2026-03-10T00:00:00Z")

    def test_who_was_touched_meanwhile_is_evaluated_again(self, pool: Scratch) -> None:
        begin(pool, "buyers", "count(order_paid, 30d) >= 2")
        work(pool, 1)
        pool.send(
            event("order_paid", "2026-03-09 10:00", LI, amount=100),
            event("share", "2026-03-09 10:00", "member_no:zhao"),
        )
        pool.at("2026-04-05 20:00")  # Wang's order has left the window
        work(pool)
        assert pool.ask("in(buyers)") == {pool.who(LI)}
        assert pool.labels("member_no:zhao")["buyers"] == "none"

    def test_who_is_new_meanwhile_is_evaluated_too_though_others_are_joined(self, pool: Scratch) -> None:
        pool.send(event("share", "2026-03-08 10:00", (WANG, "phone:+8613800001234")))
        begin(pool, "buyers", "count(order_paid, 30d) >= 1")
        work(pool, 1)
        pool.send(*[event("order_paid", "2026-03-09 10:00", f"member_no:new-{place}", amount=1) for place in range(3)])
        work(pool)
        assert pool.view("buyers").building is None
        assert len(pool.ask("in(buyers)")) == 5

    def test_new_titles_come_into_force_though_somebody_came(self, pool: Scratch, breaking: Breaking) -> None:
        breaking.point, breaking.times = "building.built", 1
        breaking.instead = lambda: pool.send(event("search", "2026-03-09 10:00", "member_no:new", target="brand"))
        view = definitions.define(pool.desk(), replace(draft("keen", "count(search, 30d) >= 1"), title_zh="热心"))
        assert (view.title, view.version, view.building) == ("热心", 2, None)
        assert len(pool.ask("in(keen)")) == 2

    def test_only_what_depends_on_it_is_worked_out(self, pool: Scratch) -> None:
        pool.define("other", "count(share, 30d) >= 1")
        pool.define("also", "in(keen) and count(share, 30d) >= 0")
        pool.define("through", "in(also)")
        begin(pool, "keen", "count(search, 40d) >= 1")
        epoch = pool.pool.loop.epoch
        assert Build(1, list(epoch[AUDIENCE].waiting.values()), epoch).names == ("keen", "also", "through")

    def test_new_titles_alone_are_worked_out_at_once(self, pool: Scratch) -> None:
        rows = len(pool.changes())
        view = definitions.define(pool.desk(), replace(draft("keen", "count(search, 30d) >= 1"), title_zh="热心"))
        assert (view.title, view.version, view.building) == ("热心", 2, None)
        assert len(pool.changes()) == rows


class TestDefiningAgain:
    def test_the_newer_one_takes_the_place_of_one_being_worked_out(self, pool: Scratch) -> None:
        begin(pool, "keen", "count(order_paid, 30d) >= 1")
        work(pool, 1)
        view = begin(pool, "keen", "count(share, 30d) >= 1")
        assert view.building is not None
        assert (view.version, view.building.version, view.building.done) == (1, 3, 0)
        work(pool)
        assert pool.view("keen").version == 3
        assert pool.ask("in(keen)") == set()
        assert [change.after for change in pool.changes("keen")] == ["in", "none"], "the second was never in force"

    def test_a_circle_through_what_waits_is_refused_with_its_names(self, pool: Scratch) -> None:
        pool.define("also", "count(share, 30d) >= 1")
        begin(pool, "also", "in(keen)")
        with pytest.raises(ConditionError, match=r"circle: .*keen.*also"):
            begin(pool, "keen", "in(also)")
        work(pool)
        assert pool.view("also").version == 2

    def test_unknown_names_are_refused_with_a_suggestion(self, pool: Scratch) -> None:
        with pytest.raises(ConditionError) as caught:
            begin(pool, "also", "in(kean)")
        assert "keen" in caught.value.remedy


class TestWhatGoesWrong:
    def test_one_that_cannot_be_worked_out_is_given_up_and_told(self, pool: Scratch, breaking: Breaking) -> None:
        breaking.point, breaking.times = "building.part", 1
        with pytest.raises(YutangError, match="can't be worked out"):
            pool.define("buyers", "count(order_paid, 30d) >= 1")
        assert not pool.pool.loop.epoch[AUDIENCE].waiting
        pool.define("buyers", "count(order_paid, 30d) >= 1")
        assert pool.view("buyers").building is None

    def test_the_others_that_wait_with_it_come_into_force(self, pool: Scratch, breaking: Breaking) -> None:
        begin(pool, "buyers", "count(order_paid, 30d) >= 1")
        begin(pool, "sharers", "count(share, 30d) >= 1")
        breaking.point, breaking.times = "building.part", 2  # together, then the first alone
        work(pool)
        labels = pool.pool.loop.epoch[AUDIENCE].labels
        assert "buyers" not in labels
        assert "sharers" in labels

    def test_what_an_earlier_process_handed_over_puts_nothing_in_force_that_is_at_work(self, pool: Scratch) -> None:
        begin(pool, "buyers", "count(order_paid, 30d) >= 1")
        work(pool, 1)
        second = BuiltRecord(2, patient=False)  # `keen` was the first that this process worked out
        assert pool.desk().submit(BUILT, msgspec.msgpack.encode(second))["again"] == 2
        assert pool.view("buyers").building is not None
        work(pool)
        assert len(pool.ask("in(buyers)")) == 2

    def test_after_a_restart_it_begins_anew(self, pool: Scratch) -> None:
        begin(pool, "buyers", "count(order_paid, 30d) >= 1")
        work(pool, 1)
        pool.reopen()
        assert pool.view("buyers").building is not None
        assert definitions.await_building(pool.desk(), "buyers", 1, 10) is None
        assert len(pool.ask("in(buyers)")) == 2


class TestInAService:
    @pytest.fixture
    def served(self, pool: Scratch) -> Iterator[Scratch]:
        pool.pool.loop.start(0.01)
        with building_labels(lambda: pool.pool.desk("engine"), Ending(SystemClock())):
            yield pool

    def test_whoever_defines_waits_and_somebody_else_works(self, served: Scratch) -> None:
        view = definitions.define(served.desk(), draft("buyers", "count(order_paid, 30d) >= 1"))
        assert view.building is None
        assert len(served.ask("in(buyers)")) == 2

    def test_over_http_it_may_be_asked_for_at_once(self, served: Scratch) -> None:
        view = routes.define_label(served.desk(), draft("buyers", "count(order_paid, 30d) >= 1"), wait_ms=0)
        assert view.version == 1
        assert definitions.await_building(served.desk(), "buyers", 1, 10) is None
        view = routes.replace_label(served.desk(), "buyers", draft("", "count(order_paid, 30d) >= 3"), wait_ms=10_000)
        assert (view.name, view.version, view.building) == ("buyers", 2, None)
