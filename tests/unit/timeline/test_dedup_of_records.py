"""One event, once in effect."""

import pytest
from tests.support.lake_world import VOCABULARY, event, people, rows

from yutang.timeline.deduplication import find_repeats, sieve_of
from yutang.timeline.people import People
from yutang.timeline.rows import NewRows
from yutang.timeline.tracks import TimelineState

HORIZON_MS = 100
ALONE = people([0, 1, 2])


def kept(*records: NewRows) -> TimelineState:
    state = TimelineState.empty()
    for record in records:
        state = state.appended(record, VOCABULARY)
    return state


def repeats(state: TimelineState, who: People, new: NewRows) -> list[str]:
    arrived = new.arrivals[new.source]
    asked = (state, who, who.head_of[new.anchors], new.tie, new.content, arrived, HORIZON_MS)
    found = find_repeats(*asked)
    sieved = find_repeats(*asked, sieve_of(state, int(arrived[0]), HORIZON_MS).met(new.tie))
    assert (sieved.repeated.tolist(), sieved.changed.tolist()) == (found.repeated.tolist(), found.changed.tolist())
    return [
        "changed" if changed else "repeated" if repeated else "new"
        for repeated, changed in zip(found.repeated.tolist(), found.changed.tolist(), strict=True)
    ]


class TestAgainstTheTimeline:
    def test_the_same_event_is_a_repeat(self) -> None:
        assert repeats(kept(rows(1, [event("a")], [0])), ALONE, rows(2, [event("a"), event("b")], [0, 0])) == [
            "repeated", "new",
        ]  # fmt: skip

    def test_the_same_id_with_other_content_is_reported(self) -> None:
        assert repeats(kept(rows(1, [event("a", 1)], [0])), ALONE, rows(2, [event("a", 2)], [0])) == ["changed"]

    def test_the_type_does_not_part_ids(self) -> None:
        assert repeats(kept(rows(1, [event("a", 1)], [0])), ALONE, rows(2, [event("a", 1, "view")], [0])) == ["changed"]

    def test_another_feed_is_another_key(self) -> None:
        assert repeats(kept(rows(1, [event("a")], [0])), ALONE, rows(2, [event("a")], [0], feed="till")) == ["new"]

    def test_another_customer_is_not_looked_at(self) -> None:
        assert repeats(kept(rows(1, [event("a")], [0])), ALONE, rows(2, [event("a")], [1])) == ["new"]

    def test_all_anchors_of_a_customer_are_looked_at(self) -> None:
        assert repeats(kept(rows(1, [event("a")], [2])), people([0, 1, 0]), rows(2, [event("a")], [0])) == ["repeated"]

    @pytest.mark.parametrize(("gap", "answer"), [(HORIZON_MS, "repeated"), (HORIZON_MS + 1, "new")])
    def test_the_horizon_is_exact_whatever_the_runs(self, gap: int, answer: str) -> None:
        state = kept(rows(1, [event("a")], [0]), rows(2, [event(f"x{i}") for i in range(9)], [0] * 9, arrived_at=gap))
        assert repeats(state, ALONE, rows(3, [event("a")], [0], arrived_at=gap)) == [answer]


class TestWithinTheBatch:
    def test_the_first_wins(self) -> None:
        new = rows(1, [event("a", 1), event("a", 1), event("a", 2)], [0, 0, 0])
        assert repeats(kept(), ALONE, new) == ["new", "repeated", "changed"]

    def test_what_is_kept_decides_before_the_batch_does(self) -> None:
        new = rows(2, [event("a", 2), event("a", 1)], [0, 0])
        assert repeats(kept(rows(1, [event("a", 1)], [0])), ALONE, new) == ["changed", "repeated"]

    def test_a_large_batch_that_touches_everyone(self) -> None:
        who = people(range(200))
        old = [event(f"e{i}") for i in range(4_000)]
        anchors = [i % 200 for i in range(4_000)]
        new = rows(2, [*old, event("fresh")], [*anchors, 0])
        assert repeats(kept(rows(1, old, anchors)), who, new) == ["repeated"] * 4_000 + ["new"]
