"""The customers behind figures: listed page by page, compared, and saved as a segment that stays right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support.erasing import erase
from tests.support.pools import Scratch, event, ms

from yutang.domains.customers import api as customers
from yutang.domains.customers.contracts import PairOrder, TagOrder
from yutang.domains.insight.api import comparing, saving, sets
from yutang.domains.insight.api.saving import GROUP
from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.flow import FlowQuestion
from yutang.domains.insight.contracts.series import SeriesQuestion
from yutang.domains.insight.contracts.sets import (
    CompareAnswer,
    CompareQuestion,
    ConditionQuestion,
    CustomersQuestion,
    SaveAnswer,
    SaveQuestion,
    SetOf,
)
from yutang.kernel.errors import ConditionError, ConflictError, InvalidError
from yutang.kernel.instants import DAY_MS, instant_text

PEOPLE = 30


def filled(pool: Scratch, people: int = PEOPLE) -> Scratch:
    """Customer n paid n times and lives in one of two cities; who has an even number also looks around."""
    draw = np.random.default_rng(3)
    for number in range(people):
        who = f"member_no:{number}"
        times = ms("2026-02-01") + draw.integers(0, 25 * DAY_MS, number)
        pool.send(
            event("page_viewed", "2026-01-20", who),
            event("trait_set", "2026-01-05", who, trait="city", text="上海" if number < 20 else "北京"),
            *(event("order_paid", int(at), who, id_=f"{number}-{i}", amount=100) for i, at in enumerate(times)),
        )
    return pool


def those(condition: str, **scope: Any) -> SetOf:
    return SetOf(condition=ConditionQuestion(condition, scope=Scope(**scope)))


def ids(pool: Scratch, one: SetOf) -> set[str]:
    """All of a set, page by page."""
    found: list[str] = []
    cursor = ""
    while True:
        page = sets.page(pool.desk(), CustomersQuestion(one, cursor, 7))
        found += page.customers
        cursor = page.next
        if not cursor:
            assert len(found) == len(set(found)) == page.size
            return set(found)


def save(pool: Scratch, condition: str, name: str = "kept", **scope: Any) -> SaveAnswer:
    return saving.save(pool.desk(), SaveQuestion(those(condition, **scope), name))


class TestListing:
    def test_pages_go_on_to_the_end(self, scratch):
        pool = filled(scratch())
        page = sets.page(pool.desk(), CustomersQuestion(those("count(order_paid) >= 10"), limit=6))
        assert (page.size, page.population, len(page.customers)) == (20, 30, 6)
        assert ids(pool, those("count(order_paid) >= 10")) == pool.ask("count(order_paid) >= 10")

    def test_a_size_needs_no_names(self, scratch):
        pool = filled(scratch())
        page = sets.page(pool.desk(), CustomersQuestion(those("count(order_paid) >= 10"), limit=0))
        assert (page.size, page.customers, page.next) == (20, (), "")

    def test_a_condition_is_asked_of_those_in_the_scope(self, scratch):
        pool = filled(scratch())
        found = ids(pool, those("count(order_paid) >= 10", who='trait.city = "上海"', as_of="2026-02-20T00:00:00Z"))
        both = 'count(order_paid) >= 10 and trait.city = "上海"'
        assert found == pool.ask(both, "2026-02-20T00:00:00Z")
        assert found

    @pytest.mark.parametrize(
        ("one", "code"),
        [
            (SetOf(), "insight.set_question"),
            (SetOf(condition=ConditionQuestion("everyone"), series=SeriesQuestion("everyone")), "insight.set_question"),
        ],
    )
    def test_a_set_is_of_one_question(self, scratch, one, code):
        with pytest.raises(InvalidError) as raised:
            sets.members(scratch().desk(), one)
        assert raised.value.code == code

    def test_every_kind_of_question_has_its_members(self):
        from dataclasses import fields

        assert {field.name for field in fields(SetOf)} - {"cell"} == set(sets._MEMBERS)

    def test_a_cursor_of_another_s_is_refused(self, scratch):
        with pytest.raises(InvalidError, match="cursor"):
            sets.page(scratch().desk(), CustomersQuestion(those("everyone"), "x1"))

    def test_a_condition_that_can_t_be_read_is_told_where(self, scratch):
        with pytest.raises(ConditionError):
            sets.members(scratch().desk(), those("count(order_piad) > 1"))


class TestAsKnownThen:
    def test_a_late_order_counts_as_known_now_and_not_as_known_then(self, scratch):
        pool = scratch(start="2026-03-10")
        pool.send(event("search", "2026-03-09", "member_no:1", target="brand"))
        pool.at("2026-03-12")
        before = instant_text(pool.desk().now_ms)
        pool.at("2026-03-14")
        pool.send(event("order_paid", "2026-03-11", "member_no:1", amount=100))
        pool.at("2026-03-15")
        asked = {"condition": 'in(aipl, "P")', "scope": Scope(as_of=before)}
        now, then = (SetOf(condition=ConditionQuestion(**asked, known_at=known)) for known in ("", before))
        assert len(sets.members(pool.desk(), now)) == 1
        assert len(sets.members(pool.desk(), then)) == 0
        was = SetOf(condition=ConditionQuestion('in(aipl, "I")', Scope(as_of=before), before))
        assert ids(pool, was) == {pool.who("member_no:1")}
        answer = sets.compare(pool.desk(), CompareQuestion(now, was))
        assert (answer.a, answer.b, answer.both) == (1, 1, 1)

    @pytest.mark.parametrize("condition", ["happened(order_paid)", 'in(aipl, "P") for 3d', 'not in(aipl, "P")'])
    def test_nothing_but_labels_is_remembered(self, scratch, condition):
        one = SetOf(condition=ConditionQuestion(condition, known_at="2026-02-01T00:00:00Z"))
        with pytest.raises(InvalidError) as raised:
            sets.members(scratch().desk(), one)
        assert raised.value.code == "insight.not_remembered"


class TestComparing:
    A, B = those("count(order_paid) >= 15"), those("count(order_paid) <= 24")

    def compared(self, pool: Scratch) -> CompareAnswer:
        return sets.compare(pool.desk(), CompareQuestion(self.A, self.B, limit=500))

    def test_sizes_are_those_of_the_parts(self, scratch):
        pool = filled(scratch())
        answer = self.compared(pool)
        assert (answer.a, answer.b, answer.both, answer.only_a, answer.only_b) == (15, 25, 10, 5, 15)
        a, b = ids(pool, self.A), ids(pool, self.B)
        expected = {"a": a, "b": b, "both": a & b, "only_a": a - b, "only_b": b - a, "either": a | b}
        for part, found in expected.items():
            question = CompareQuestion(self.A, self.B)
            assert ids(pool, SetOf(compare=question, cell={"part": part})) == found

    def test_every_difference_is_the_size_of_its_sets(self, scratch):
        pool = filled(scratch())
        answer = self.compared(pool)
        assert {one.by for one in answer.differences} >= {"label.aipl", "label.rfm_monetary", "trait.city"}
        for one in answer.differences:
            for part, count, share, size in (("a", one.a, one.share_a, 15), ("b", one.b, one.share_b, 25)):
                cell = {"part": part, "by": one.by, "value": one.value}
                question = CompareQuestion(self.A, self.B)
                assert len(sets.members(pool.desk(), SetOf(compare=question, cell=cell))) == count
                assert share == count / size

    def test_what_differs_most_comes_first(self, scratch):
        pool = filled(scratch())
        answer = self.compared(pool)
        weights = [one.weight for one in answer.differences]
        assert weights == sorted(weights, reverse=True)
        assert min(weights) >= 0
        city = next(one for one in answer.differences if (one.by, one.value) == ("trait.city", "北京"))
        assert (city.a, city.b) == (10, 5)
        assert city.lift == pytest.approx((10.5 / 16) / (5.5 / 26))

    def test_an_empty_set_differs_by_nothing(self, scratch):
        pool = filled(scratch(), 4)
        answer = sets.compare(pool.desk(), CompareQuestion(those("count(order_paid) > 99"), self.B))
        assert (answer.a, answer.only_b, answer.differences) == (0, 4, ())

    def test_equal_sets_differ_by_nothing_of_weight(self):
        one = comparing.difference("label.aipl", "L", 4, 4, 8, 8)
        assert (one.lift, one.weight, one.share_a) == (1.0, 0.0, 0.5)

    @pytest.mark.parametrize("cell", [{}, {"part": "c"}, {"part": "a", "of": "b"}, {"part": "a", "by": "trait.nope"}])
    def test_a_cell_that_isn_t_there(self, scratch, cell):
        with pytest.raises(InvalidError):
            sets.members(filled(scratch(), 3).desk(), SetOf(compare=CompareQuestion(self.A, self.B), cell=cell))

    def test_sets_of_sets_have_an_end(self, scratch):
        one = those("everyone")
        for _ in range(sets.DEPTH_MAX):
            one = SetOf(compare=CompareQuestion(one, one), cell={"part": "both"})
        with pytest.raises(InvalidError) as raised:
            sets.members(scratch().desk(), one)
        assert raised.value.code == "insight.set_depth"


class TestSaving:
    def test_who_is_in_is_kept_whatever_follows(self, scratch):
        pool = filled(scratch())
        wanted = pool.ask("count(order_paid) >= 20")
        assert save(pool, "count(order_paid) >= 20") == SaveAnswer("kept", 10, 10, 0)
        assert pool.ask("in(kept)") == wanted
        pool.send(*(event("order_paid", "2026-03-01", "member_no:3", id_=f"more{i}", amount=1) for i in range(30)))
        assert pool.ask("in(kept)") == wanted != pool.ask("count(order_paid) >= 20")

    def test_any_figure_s_customers_can_be_kept(self, scratch):
        pool = filled(scratch())
        question = FlowQuestion("aipl", scope=Scope(since="2026-02-03T00:00:00Z"))
        moved = SetOf(flow=question, cell={"to": "L", "from": "!L"})
        saving.save(pool.desk(), SaveQuestion(moved, "risen", "升级的人", "risen"))
        assert pool.ask("in(risen)") == ids(pool, moved)
        assert pool.ask("in(risen)")
        assert pool.view("risen").title == "升级的人"

    def test_saving_twice_changes_nothing_and_saving_others_replaces(self, scratch):
        pool = filled(scratch())
        save(pool, "count(order_paid) >= 20")
        before = pool.pool.loop.epoch.seq
        assert save(pool, "count(order_paid) >= 20") == SaveAnswer("kept", 10, 0, 0)
        assert pool.pool.loop.epoch.seq == before, "nothing was written"
        assert save(pool, "count(order_paid) between 15 and 22") == SaveAnswer("kept", 8, 5, 7)
        assert pool.ask("in(kept)") == pool.ask("count(order_paid) between 15 and 22")
        assert save(pool, "count(order_paid) >= 20") == SaveAnswer("kept", 10, 7, 5)
        assert pool.ask("in(kept)") == pool.ask("count(order_paid) >= 20"), "at the same standing instant"

    def test_it_is_known_as_of_when_it_was_saved(self, scratch):
        pool = filled(scratch())
        save(pool, "count(order_paid) >= 20")
        pool.at("2026-03-05")
        save(pool, "count(order_paid) >= 25")
        assert len(pool.ask("in(kept)", "2026-02-28T00:00:00Z")) == 0
        assert pool.ask("in(kept)", "2026-03-03T00:00:00Z") == pool.ask("count(order_paid) >= 20")
        assert pool.ask("in(kept)") == pool.ask("count(order_paid) >= 25")

    def test_it_goes_on_where_it_was_interrupted(self, scratch, monkeypatch):
        monkeypatch.setattr(customers, "BLOB_EVENTS_COUNT_MAX", 4)
        pool = filled(scratch())
        whole = customers.tag_many

        def dying(desk: Any, numbers: Any, order: TagOrder, at: int) -> None:
            whole(desk, numbers[:6], order, at)
            raise KeyboardInterrupt

        monkeypatch.setattr(customers, "tag_many", dying)
        with pytest.raises(KeyboardInterrupt):
            save(pool, "count(order_paid) >= 20")
        monkeypatch.setattr(customers, "tag_many", whole)
        assert save(pool, "count(order_paid) >= 20") == SaveAnswer("kept", 10, 4, 0)
        assert pool.ask("in(kept)") == pool.ask("count(order_paid) >= 20")

    def test_a_merge_joins_members_and_an_unmerge_parts_them(self, scratch):
        pool = filled(scratch())
        save(pool, "count(order_paid) >= 28")
        merged = customers.merge(pool.desk(), PairOrder("member_no:28", "member_no:3", "one person"))
        assert pool.who("member_no:3") in pool.ask("in(kept)")
        assert merged.together
        customers.unmerge(pool.desk(), PairOrder("member_no:28", "member_no:3", "not so"))
        assert pool.ask("in(kept)") == {pool.who("member_no:28"), pool.who("member_no:29")}

    def test_who_is_erased_is_gone_from_it(self, scratch):
        pool = filled(scratch())
        save(pool, "count(order_paid) >= 28")
        erase(pool, "member_no:28")
        assert pool.ask("in(kept)") == {pool.who("member_no:29")}
        assert save(pool, "count(order_paid) >= 28") == SaveAnswer("kept", 1, 0, 0)

    def test_a_tag_by_hand_edits_it(self, scratch):
        pool = filled(scratch())
        save(pool, "count(order_paid) >= 28")
        customers.tag(pool.desk(), "member_no:1", TagOrder("kept", GROUP))
        assert pool.who("member_no:1") in pool.ask("in(kept)")
        assert save(pool, "count(order_paid) >= 28") == SaveAnswer("kept", 2, 0, 1)

    def test_labels_can_stand_on_it_and_the_feed_tells_who_left(self, scratch):
        pool = filled(scratch())
        save(pool, "count(order_paid) >= 28")
        pool.define("big_and_kept", "in(kept) and count(order_paid) >= 29")
        assert pool.ask("in(big_and_kept)") == {pool.who("member_no:29")}
        save(pool, "count(order_paid) = 28")
        assert [(one.before, one.after) for one in pool.changes("big_and_kept")][-1] == ("in", "none")

    @pytest.mark.parametrize("name", ["Kept", "", "a-b", "x" * 65, "1a"])
    def test_a_name_that_can_t_be_a_label_is_refused_before_anything_is_written(self, scratch, name):
        pool = filled(scratch(), 3)
        before = pool.pool.loop.epoch.seq
        with pytest.raises(InvalidError) as raised:
            save(pool, "everyone", name)
        assert (raised.value.code, pool.pool.loop.epoch.seq) == ("label.name", before)

    @pytest.mark.parametrize("name", ["aipl", "rfm_monetary", "mine"])
    def test_another_label_isn_t_overwritten(self, scratch, name):
        pool = filled(scratch(), 3)
        pool.define("mine", 'tag("mine", group "saved") or happened(order_paid)')
        with pytest.raises(ConflictError) as raised:
            save(pool, "everyone", name)
        assert raised.value.code == "insight.save_taken"

    def test_nobody_can_be_kept_too(self, scratch):
        pool = filled(scratch(), 3)
        assert save(pool, "count(order_paid) > 99") == SaveAnswer("kept", 0, 0, 0)
        assert pool.ask("in(kept)") == set()

    def test_many_go_in_several_records(self, scratch, monkeypatch):
        monkeypatch.setattr(customers, "BLOB_EVENTS_COUNT_MAX", 7)
        pool = filled(scratch())
        assert save(pool, "everyone").added == PEOPLE
        assert len(pool.ask("in(kept)")) == PEOPLE
        before = pool.pool.loop.epoch.seq
        assert save(pool, "count(order_paid) > 99").removed == PEOPLE
        assert pool.pool.loop.epoch.seq == before + 5, "thirty people, seven a record"
        assert pool.ask("in(kept)") == set()

    def test_it_is_right_after_opening_again(self, scratch):
        pool = filled(scratch())
        save(pool, "count(order_paid) >= 20")
        pool.reopen()
        assert pool.ask("in(kept)") == pool.ask("count(order_paid) >= 20")
        assert instant_text(pool.desk().now_ms)
