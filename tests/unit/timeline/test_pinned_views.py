"""Views: customers' events in order, whatever they lie in, and as little copying as can be."""

import numpy as np
from tests.support.lake_world import VOCABULARY, event, people, read, rows

from yutang.kernel.instants import NEVER
from yutang.timeline.people import People
from yutang.timeline.pinned import PinnedView
from yutang.timeline.tracks import TAIL_FANOUT, TimelineState


def state(*records: tuple[int, int]) -> TimelineState:
    """Records of one order each: (anchor, at); its amount is its number."""
    built = TimelineState.empty()
    for seq, (anchor, at) in enumerate(records):
        built = built.appended(rows(seq, [event(f"e{seq}", at, amount=seq, category=f"c{seq}")], [anchor]), VOCABULARY)
    return built


def amounts(built: TimelineState, who: People, heads: list[int] | None = None) -> list[list[int]]:
    return [[row[2] for row in part] for part in read(built, who, "order", ["amount"], heads=heads)]


class TestEvents:
    def test_anchors_of_a_customer_interleave_by_time(self) -> None:
        assert amounts(state((2, 1), (0, 2), (2, 3), (1, 0)), people([0, 1, 0])) == [[0, 1, 2], [3]]

    def test_customers_come_in_the_order_asked_for(self) -> None:
        assert amounts(state((0, 1), (1, 2), (2, 3)), people([0, 1, 2]), heads=[2, 0]) == [[2], [0]]

    def test_a_type_that_never_happened_has_no_rows(self) -> None:
        found = PinnedView(state((0, 1)), people([0, 1]), None, VOCABULARY).events("view", ["category", "stray"])
        assert found.offsets.tolist() == [0, 0, 0]
        assert len(found.columns["category"].values) == len(found.columns["stray"].values) == 0

    def test_nothing_is_copied_where_one_run_holds_everyone_alone(self) -> None:
        new = rows(1, [event(str(i), i, amount=i) for i in range(6)], [i % 3 for i in range(6)])
        built = TimelineState.empty().appended(new, VOCABULARY)
        for heads in (None, np.array([1, 2])):
            found = PinnedView(built, people([0, 1, 2]), heads, VOCABULARY).events("order", ["amount"])
            run = built.tracks["order"].runs[0]
            assert np.shares_memory(found.at, run.at)
            assert np.shares_memory(found.columns["amount"].values, run.stored(".amount").values)

    def test_everyones_columns_are_gathered_once_though_customers_join(self) -> None:
        built, who = state((0, 1), (1, 2)), people([0, 1])
        first = PinnedView(built, who, None, VOCABULARY).events("order", ["amount"])
        more = PinnedView(built, who.with_anchors(3, np.array([5])), None, VOCABULARY).events("order", ["amount"])
        assert more.columns["amount"] is first.columns["amount"]
        assert (len(first.offsets), len(more.offsets)) == (3, 4)

    def test_an_older_epoch_may_ask_after_a_newer_one(self) -> None:
        built, before = state((0, 1), (1, 2)), people([0, 1])
        after = before.with_anchors(3, np.array([5]))
        assert amounts(built, after) == [[0], [1], []]
        assert amounts(built, before) == [[0], [1]]

    def test_words_that_few_rows_cannot_need_stay_behind(self) -> None:
        new = rows(1, [event(str(i), i, category=f"c{i}") for i in range(100)], list(range(100)))
        built = TimelineState.empty().appended(new, VOCABULARY)
        found = PinnedView(built, people(range(100)), np.array([7]), VOCABULARY).events("order", ["category"])
        assert list(found.columns["category"].words) == ["c7"]

    def test_a_pinned_view_does_not_see_later_records(self) -> None:
        built = state((0, 1))
        view = PinnedView(built, people([0]), None, VOCABULARY)
        built.appended(rows(9, [event("late", 0)], [0]), VOCABULARY)
        assert view.events("order", []).at.tolist() == [1]
        assert view.first_seen().tolist() == [1]


class TestFirsts:
    def test_state_events_do_not_count(self) -> None:
        built = TimelineState.empty().appended(rows(1, [event("t", 1, "tag_added"), event("o", 5)], [0, 1]), VOCABULARY)
        view = PinnedView(built, people([0, 1]), None, VOCABULARY)
        assert view.first_seen().tolist() == [NEVER, 5]
        assert view.is_system("tag_added")
        assert not view.is_system("order")

    def test_the_anchor_seen_first_leads_and_leads_alone_after_unmerging(self) -> None:
        built = state((2, 1), (0, 2))
        assert PinnedView(built, people([0, 1, 0]), None, VOCABULARY).lead_hash().tolist() == [1002, 1001]
        assert PinnedView(built, people([0, 1, 2]), None, VOCABULARY).lead_hash().tolist() == [1000, 1001, 1002]

    def test_a_late_event_moves_it_in_later_states_only(self) -> None:
        old = state((0, 5))
        new = old.appended(rows(9, [event("late", 2)], [0]), VOCABULARY)
        assert (old.first_at.array.tolist(), new.first_at.array.tolist()) == ([5], [2])

    def test_heirs_of_one_state_do_not_meet(self) -> None:
        parent = state((0, 5))
        left = parent.appended(rows(9, [event("l", 2)], [1]), VOCABULARY)
        right = parent.appended(rows(9, [event("r", 3)], [1]), VOCABULARY)
        assert (left.first_at.array.tolist(), right.first_at.array.tolist()) == ([5, 2], [5, 3])


class TestTail:
    def test_runs_stay_few(self) -> None:
        built = state(*((0, at) for at in range(300)))
        runs = built.tracks["order"].runs
        assert len(runs) <= 5 * (TAIL_FANOUT - 1)
        assert built.tail_rows == sum(run.rows for run in runs) == 300


class TestPeople:
    def test_identities_are_owned_by_the_customer(self) -> None:
        who = people([0, 1, 0]).owning(np.array([2, 1]), np.array([1, 2]), ("phone", "openid"))
        view = PinnedView(state((0, 1)), who, None, VOCABULARY)
        assert view.has_identity(["phone"]).tolist() == [True, False]
        assert view.has_identity(["phone", "openid"]).tolist() == [True, True]
        assert view.has_identity(["unheard_of"]).tolist() == [False, False]

    def test_regrouping_leaves_the_old_people_as_they_were(self) -> None:
        before = people([0, 1, 2, 3])
        after = before.regrouped({0: np.array([0, 2, 3])})
        again = after.regrouped({0: np.array([0]), 2: np.array([2, 3])})
        assert [p.heads().tolist() for p in (before, after, again)] == [[0, 1, 2, 3], [0, 1], [0, 1, 2]]
        assert [part.tolist() for part in again.members(np.array([2, 0]))] == [[0, 2, 3], [2, 3, 0]]
        assert again.rank.tolist() == [0, 1, 2, 2]
