"""Merging runs keeps every value, whatever each was declared as when it was written."""

import pytest
from tests.support.lake_world import SPARSE, VOCABULARY, event, rows, values

from yutang.conditions.vocabulary import EventType, Kind, PropertyType, Vocabulary
from yutang.timeline.rows import runs_from
from yutang.timeline.runs import merged, merged_facts
from yutang.timeline.values import engine_value, sent_form


def declared(kind: Kind) -> Vocabulary:
    return Vocabulary(events={"order": EventType("order", (PropertyType("p", kind),))})


class TestMerging:
    def test_rows_interleave_by_anchor_time_and_tie(self) -> None:
        parts = [runs_from(rows(seq, [event(f"{seq}", at)], [anchor]), VOCABULARY)["order"]
                 for seq, at, anchor in [(1, 5, 1), (2, 1, 1), (3, 9, 0)]]  # fmt: skip
        run = merged(parts, "CNY")
        assert list(zip(run.anchor.tolist(), run.at.tolist(), values(run.stored("id")), strict=True)) == [
            (0, 9, "3"), (1, 1, "2"), (1, 5, "1"),
        ]  # fmt: skip

    def test_a_column_that_only_one_has_is_absent_in_the_other(self) -> None:
        parts = [runs_from(rows(i, [event(str(i), i, category="a", amount=i)], [0]), v)["order"]
                 for i, v in [(1, SPARSE), (2, VOCABULARY)]]  # fmt: skip
        run = merged(parts, "CNY")
        assert values(run.stored(".category")) == [None, "a"]
        assert values(run.column("category", Kind.STRING, "CNY")) == ["a", "a"]

    @pytest.mark.parametrize(("old", "new", "sent"), [
        (Kind.MONEY, Kind.STRING, 1230), (Kind.STRING, Kind.INTEGER, "12"), (Kind.INTEGER, Kind.NUMBER, 3),
        (Kind.LIST, Kind.STRING, ["a"]), (Kind.INSTANT, Kind.DATE, 86_400_001), (Kind.BOOLEAN, Kind.STRING, False),
    ])  # fmt: skip
    def test_a_changed_kind_reads_the_same_before_and_after(self, old: Kind, new: Kind, sent: object) -> None:
        first = runs_from(rows(1, [event("a", 1, p=sent)], [0]), declared(old))["order"]
        second = runs_from(rows(2, [event("b", 2)], [0]), declared(new))["order"]
        run = merged([first, second], "CNY")
        assert run.facts.kinds == {"p": new}
        assert run.facts == merged_facts([first.facts, second.facts])
        for kind in (old, new):
            before = values(first.column("p", kind, "CNY"))
            assert values(run.column("p", kind, "CNY"))[:1] == before
            assert before != [None]


class TestValues:
    @pytest.mark.parametrize(("value", "kind"), [
        (1_500_000, Kind.NUMBER), (2**60 + 1, Kind.NUMBER), (-7, Kind.INTEGER), (1, Kind.BOOLEAN), (1230, Kind.MONEY),
        (86_400_000, Kind.DATE), (1_234_567, Kind.INSTANT), ("x", Kind.STRING), ('["a","b"]', Kind.LIST),
    ])  # fmt: skip
    def test_the_sent_form_reads_back(self, value: int | str, kind: Kind) -> None:
        assert engine_value(sent_form(value, kind, "CNY"), kind, "CNY") == value
