"""A program says of one customer what evaluation says, whatever became of its pool since it was compiled.

The histories are those of `test_arrangements`; conditions, customers and instants are random.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant
from tests.properties.test_arrangements import BUDGET, Arranged, small
from tests.support.lake_world import VOCABULARY, event, rows

from yutang.conditions import nodes as n
from yutang.kernel.instants import NEVER
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.lake import LakeFolder
from yutang.timeline.machine import alone
from yutang.timeline.machine.alone import PROGRAMS_COUNT_MAX, Programs
from yutang.timeline.people import People
from yutang.timeline.pinned import PinnedView
from yutang.timeline.plan import Definition, Plan, Rung

__all__ = ["small"]  # the fixture makes this module's parts tiny, too

INSTANTS = (2, 7)
OF_A = n.Compare(n.Property("category"), n.Op.EQ, n.Text("a"))
STAGE = Definition(
    "stage",
    1,
    "",
    (
        Rung("buyer", n.Happened(n.Events(("order",)), n.Rolling(3))),
        Rung("visitor", n.Happened(n.Events(("view",)))),
    ),
)
EVENTS = st.builds(
    n.Events, st.sampled_from([("order",), ("view",), ("order", "view")]), where=st.sampled_from([None, OF_A])
)
WINDOWS = st.none() | st.builds(n.Rolling, st.integers(1, 6))
COUNTED = st.builds(n.Compare, st.builds(n.Count, EVENTS, WINDOWS), st.sampled_from(list(n.Op)), st.just(n.Number("1")))
SINGLE = (
    st.builds(n.Happened, EVENTS, WINDOWS)
    | st.builds(n.Never, EVENTS, WINDOWS)
    | COUNTED
    | st.builds(n.Share, st.sampled_from(["x", "y"]), st.integers(0, 10_000))
    | st.builds(n.InLabel, st.just("stage"), st.sampled_from(["", "buyer", "visitor"]))
    | st.builds(n.Moved, st.just("stage"), st.sampled_from(["buyer", "visitor"]), st.integers(1, 5), st.booleans())
)
TESTS = st.recursive(
    SINGLE,
    lambda inner: (
        st.builds(n.Not, inner)
        | st.builds(lambda *parts: n.All(parts), inner, inner)
        | st.builds(lambda *parts: n.Any(parts), inner, inner)
    ),
    max_leaves=4,
)


class Asked(Arranged):
    """A few conditions are asked again and again."""

    @initialize(tests=st.lists(TESTS, min_size=2, max_size=4), seldom=st.integers(0, 2))
    def known(self, tests: list[n.Test], seldom: int) -> None:
        self.tests, self.plan, self.programs = tests, Plan([STAGE]), Programs()
        alone.ASKED_COUNT_MIN = seldom

    @invariant()
    def each_is_told_alone(self) -> None:
        for test in getattr(self, "tests", ()):
            for head in self.people.heads().tolist():
                for instant in INSTANTS:
                    program = self.programs.of(test, self.plan, VOCABULARY, self.state)
                    if program is not None:
                        found = program.holds(self.state, self.people, head, instant)
                        assert found is self.expected(test, head, instant), (test, head, instant)

    def all_are_told(self) -> None:
        """That is another test's."""

    def expected(self, test: n.Test, head: int, instant: int) -> bool:
        view = PinnedView(self.state, self.people, np.array([head], np.int64), VOCABULARY)
        truth = Evaluation(view, Context(self.plan, NEVER)).truth(test).values_at(instant)
        return bool(truth[0] and view.first_seen()[0] <= instant)


@pytest.fixture(autouse=True)
def asked_count(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What histories set is undone."""
    monkeypatch.setattr(alone, "ASKED_COUNT_MIN", alone.ASKED_COUNT_MIN)


TestAsked = Asked.TestCase
TestAsked.settings = settings(
    max_examples=20 * BUDGET, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_those_programs_are_kept_that_were_asked_for_last(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: list[n.Test] = []

    class Made:
        said = True

        def __init__(self, test: n.Test, *_: object) -> None:
            made.append(test)

    monkeypatch.setattr(alone, "Alone", Made)
    monkeypatch.setattr(alone, "ASKED_COUNT_MIN", 1)
    plan, state = Plan(), LakeFolder(tmp_path / "lake", tmp_path / "cache").open([])
    programs, tests = Programs(), [n.Share(str(place), 1) for place in range(PROGRAMS_COUNT_MAX + 1)]

    def ask(test: n.Test) -> object:
        return programs.of(test, plan, VOCABULARY, state)

    assert ask(tests[0]) is None
    first = ask(tests[0])
    assert first is not None
    for test in tests[1:-1]:
        assert ask(test) is None
    assert ask(tests[0]) is first
    ask(tests[-1])  # one too many: the one that wasn't asked for longest goes
    assert ask(tests[0]) is first
    assert ask(tests[1]) is None
    assert made == [tests[0]]


def test_whoever_was_regrouped_since_rows_were_arranged_is_told_by_their_own_rows(tmp_path: Path) -> None:
    lake = LakeFolder(tmp_path / "lake", tmp_path / "cache")
    sent = [event("a", 1), event("b", 2), event("c", 3), event("d", 3)]
    state = lake.open([]).appended(rows(1, sent, [0, 1, 1, 2]), VOCABULARY)
    cut = state.cut(1, "CNY")
    file = lake.write_cut(cut, 0)
    assert file is not None
    state = state.flushed(cut, file, lake.runs(file))
    apart = People.empty().with_anchors(3, np.array([1, 2, 3]))
    together = apart.regrouped({0: np.array([0, 1])})
    assert lake.arrangements.build("order", state.tracks["order"], together) is not None
    test = n.Compare(n.Count(n.Events(("order",))), n.Op.GE, n.Number("2"))
    program = alone.Alone(test, Plan(), VOCABULARY, state)
    for people, expected in ((together, {0: True, 2: False}), (apart, {0: False, 1: True, 2: False})):
        assert {head: program.holds(state, people, head, 5) for head in people.heads().tolist()} == expected
        assert {head: program.holds(state, people, head, 2) for head in people.heads().tolist()} == {
            head: people is together and head == 0 for head in expected
        }
