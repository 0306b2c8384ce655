"""Rows in: records as typed runs; nothing of an event is lost."""

import numpy as np
import pytest
from tests.support.lake_world import ORDER, SPARSE, VOCABULARY, event, people, read, rows, values

from yutang.conditions.vocabulary import EventType, Kind, PropertyType, Vocabulary
from yutang.kernel.ids import hash64
from yutang.timeline.rows import runs_from
from yutang.timeline.tracks import TimelineState

FULL = event(
    "e1", 5, amount=1230, category="口红", weight=1.5, pieces=3, gift=True, due=7, day=86_400_000, tags=["a", "b"]
)


class TestHashes:
    def test_tie_is_the_hash_of_feed_and_id(self) -> None:
        assert rows(1, [event("订单"), event("x" * 2_000)], [0, 0]).tie.tolist() == [
            hash64("shop", "订单"), hash64("shop", "x" * 2_000),
        ]  # fmt: skip

    def test_content_ignores_the_order_of_properties_and_nothing_else(self) -> None:
        same = rows(1, [event("a", amount=1, pieces=2), event("b", pieces=2, amount=1), event("c", amount=1)], [0] * 3)
        assert same.content[0] == same.content[1] != same.content[2]

    def test_only_keeps_the_hashes_of_the_rows_kept(self) -> None:
        every = rows(1, [event("a"), event("b")], [3, 4])
        kept = every.only(np.array([False, True]))
        assert (kept.tie.tolist(), kept.anchors.tolist()) == ([hash64("shop", "b")], [4])


class TestTyping:
    def test_values_are_in_engine_units(self) -> None:
        run = runs_from(rows(1, [FULL], [0]), VOCABULARY)["order"]
        read_values = {p.name: values(run.column(p.name, p.kind, "CNY"))[0] for p in ORDER.properties}
        assert read_values == {
            "amount": 1230, "category": "口红", "weight": 1_500_000, "pieces": 3, "gift": 1, "due": 7,
            "day": 86_400_000, "tags": '["a","b"]',
        }  # fmt: skip

    def test_what_does_not_fit_goes_into_rest_as_sent(self) -> None:
        run = runs_from(rows(1, [event("e", pieces=2.5, weight=float("inf"), gift=1, new={"a": 1})], [0]), VOCABULARY)
        assert values(run["order"].stored("rest")) == ['{"gift":1,"new":{"a":1},"pieces":2.5,"weight":null}']
        assert run["order"].facts.spilled == {"pieces", "weight", "gift", "new"}

    @pytest.mark.parametrize(
        "amounts", [[None, 5], [2**63, 5], ["x", 5], [True, 5]], ids=["absent", "too large", "text", "truth"]
    )
    def test_one_unfit_value_spares_its_neighbours(self, amounts: list[object]) -> None:
        run = runs_from(rows(1, [event(str(i), i, amount=a) for i, a in enumerate(amounts)], [0, 0]), VOCABULARY)
        assert values(run["order"].stored(".amount")) == [None, 5]

    def test_a_property_declared_later_reads_as_if_it_always_had_been(self) -> None:
        new = rows(1, [event("e", 1, category="a", pieces=3, weight=1.5)], [0])
        early = TimelineState.empty().appended(new, SPARSE)
        names = ["category", "pieces", "weight"]
        assert read(early, people([0]), "order", names)[0][0][2:] == ("a", 3, 1_500_000)

    def test_undeclared_properties_read_as_strings(self) -> None:
        state = TimelineState.empty().appended(rows(1, [event("e", 1, new=True, more=[1], text="t")], [0]), VOCABULARY)
        found = read(state, people([0]), "order", ["new", "more", "text", "none"])
        assert found[0][0][2:] == ("true", "[1]", "t", None)

    def test_a_kind_that_changed_is_read_as_the_new_one(self) -> None:
        other = Vocabulary(events={"order": EventType("order", (PropertyType("amount", Kind.STRING),))})
        state = TimelineState.empty().appended(rows(1, [event("e", 1, amount=1230)], [0]), VOCABULARY)
        assert read(state, people([0]), "order", ["amount"], other)[0][0][2:] == ("12.30",)

    def test_types_of_one_record_part_into_runs_sorted_by_anchor_and_time(self) -> None:
        mixed = rows(1, [event("a", 2), event("b", 1), event("v", 9, "view"), event("c", 0)], [1, 1, 0, 0])
        runs = runs_from(mixed, VOCABULARY)
        assert (runs["order"].anchor.tolist(), runs["order"].at.tolist()) == ([0, 1, 1], [0, 1, 2])
        assert runs["view"].rows == 1
