"""Definitions in the order in which they can be evaluated, and what a plan refuses."""

from __future__ import annotations

import pytest

from yutang.conditions.nodes import All, Always, Anniversary, Compare, InLabel, Moved, Not, Op, Span, Test, Trait
from yutang.kernel.errors import ConditionError
from yutang.timeline.plan import NODES_DEPTH_MAX, Definition, Plan, Rung, nodes_of


def segment(name: str, test: Test) -> Definition:
    return Definition(name, 1, "", (Rung("in", test),))


class TestOrder:
    def test_each_comes_after_those_it_names(self) -> None:
        plan = Plan(
            [segment("c", All((InLabel("b"), InLabel("a")))), segment("b", InLabel("a")), segment("a", Always())]
        )
        assert plan.names == ("a", "b", "c")
        assert [plan.level(name) for name in plan.names] == [0, 1, 2]

    def test_a_long_chain_is_no_recursion(self) -> None:
        chain = [segment("s0", Always())] + [segment(f"s{i}", InLabel(f"s{i - 1}")) for i in range(1, 3000)]
        assert Plan(reversed(chain)).level("s2999") == 2999


class TestRefusal:
    @pytest.mark.parametrize("test", [InLabel("a"), Moved("b", "in", 5), Not(InLabel("b"))])
    def test_a_circle_is_named(self, test: Test) -> None:
        with pytest.raises(ConditionError) as caught:
            Plan([segment("a", test), segment("b", InLabel("a"))])
        assert caught.value.code == "condition.circle"
        assert "a" in caught.value.message and "→" in caught.value.message

    def test_an_unknown_label_is_suggested(self) -> None:
        with pytest.raises(ConditionError) as caught:
            Plan([segment("loyal", Always()), segment("x", InLabel("loyl"))])
        assert caught.value.code == "condition.unknown_label"
        assert "loyal" in caught.value.remedy

    def test_an_unknown_value_lists_those_there_are(self) -> None:
        with pytest.raises(ConditionError) as caught:
            Plan([segment("a", Always()), segment("x", InLabel("a", "P"))])
        assert (caught.value.code, caught.value.remedy) == ("condition.unknown_value", "one of in")

    def test_a_name_or_a_value_twice(self) -> None:
        with pytest.raises(ConditionError, match="defined twice"):
            Plan([segment("a", Always()), segment("a", Always())])
        with pytest.raises(ConditionError, match="twice or without"):
            Plan([Definition("a", 1, "", (Rung("x", Always()), Rung("x", Always())))])

    def test_a_condition_nested_too_deep(self) -> None:
        test: Test = Always()
        for _ in range(NODES_DEPTH_MAX + 1):
            test = Not(test)
        with pytest.raises(ConditionError, match="nested"):
            list(nodes_of(test))


class TestRecurs:
    def test_only_anniversaries_recur_and_through_labels_too(self) -> None:
        birthday = Compare(Anniversary(Trait("birthday")), Op.LE, Span(0))
        plan = Plan([segment("a", birthday), segment("b", InLabel("a")), segment("c", Always())])
        assert [plan.recurs(InLabel(name)) for name in "abc"] == [True, True, False]
