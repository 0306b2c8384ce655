"""Paths: every figure is the size of its set, what flows into a node flows out of it, and wrong questions are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.support.pools import Scratch, event, ms

from yutang.domains.insight.api import paths, sets
from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.paths import PathKind, PathsAnswer, PathsQuestion
from yutang.domains.insight.contracts.sets import SetOf
from yutang.kernel.errors import InvalidError, YutangError
from yutang.kernel.instants import HOUR_MS

PEOPLE = 50
TYPES = ("search", "product_viewed", "product_viewed", "cart_added", "order_paid")


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """Customers who look around for some days."""
    scratch = Scratch(tmp_path_factory.mktemp("paths") / "pool", start="2026-03-11")
    draw = np.random.default_rng(5)
    events = []
    for number in range(PEOPLE):
        for turn in range(int(draw.integers(1, 20))):
            kind = TYPES[draw.integers(0, len(TYPES))]
            at = ms("2026-03-01") + int(draw.integers(0, 10 * 24)) * HOUR_MS
            more: dict[str, Any] = {"category": "abcdef"[draw.integers(0, 6)]} if kind == "product_viewed" else {}
            events.append(event(kind, at, f"member_no:{number}", id_=f"{number}-{turn}", **more))
    scratch.send(*events)
    yield scratch
    scratch.close()


QUESTIONS = {
    "from": PathsQuestion("search", steps=4, gap="12h"),
    "to": PathsQuestion(end="order_paid", steps=3, gap="2d"),
    "every": PathsQuestion("search", steps=3, gap="1d", every=True, top=1),
    "named": PathsQuestion("*", among="product_viewed", name="category", gap="3d", top=2, every=True, repeats=True),
    "who": PathsQuestion("search", scope=Scope(who="happened(order_paid)", since="2026-03-03", as_of="2026-03-08")),
    "nobody": PathsQuestion("review"),
}


def ended(answer: PathsAnswer) -> int:
    return sum(node.paths for node in answer.nodes if node.kind in (PathKind.STOPPED, PathKind.ONGOING))


class TestFigures:
    @pytest.mark.parametrize("name", QUESTIONS)
    def test_each_is_the_size_of_its_set(self, pool: Scratch, name: str) -> None:
        question = QUESTIONS[name]
        answer = paths.paths(pool.desk(), question)
        for one in (*answer.nodes, *answer.links, *answer.tree):
            heads = sets.members(pool.desk(), SetOf(paths=question, cell=one.cell))
            assert len(heads) == one.customers > 0, one
        assert bool(answer.nodes) is (name != "nobody")

    @pytest.mark.parametrize("name", QUESTIONS)
    def test_what_flows_in_flows_out_or_ends(self, pool: Scratch, name: str) -> None:
        question = QUESTIONS[name]
        answer = paths.paths(pool.desk(), question)
        for place, node in enumerate(answer.nodes):
            into = sum(link.paths for link in answer.links if link.target == place)
            out = sum(link.paths for link in answer.links if link.source == place)
            assert node.step == 0 or into == node.paths
            last = node.step == question.steps or node.kind in (PathKind.STOPPED, PathKind.ONGOING)
            assert out == (0 if last else node.paths)
        final = sum(node.paths for node in answer.nodes if node.step == question.steps)
        final -= sum(
            node.paths for node in answer.nodes if node.step == question.steps and node.kind in ("stopped", "ongoing")
        )
        assert final + ended(answer) == answer.paths

    @pytest.mark.parametrize("name", QUESTIONS)
    def test_a_branch_is_its_children_and_those_that_end_in_it(self, pool: Scratch, name: str) -> None:
        question = QUESTIONS[name]
        answer = paths.paths(pool.desk(), question)
        assert not answer.more
        for place, branch in enumerate(answer.tree):
            children = []
            for one in answer.tree[place + 1 :]:
                if one.depth <= branch.depth:
                    break
                if one.depth == branch.depth + 1:
                    children.append(one)
            assert [one.paths for one in children] == sorted((one.paths for one in children), reverse=True)
            if branch.depth < question.steps:
                assert sum(one.paths for one in children) + branch.stopped + branch.ongoing == branch.paths
        assert sum(one.paths for one in answer.tree if not one.depth) == answer.paths


class TestByHand:
    @pytest.fixture
    def small(self, scratch: Any) -> Scratch:
        found: Scratch = scratch(start="2026-03-01 23:55")
        found.send(
            event("search", "2026-03-01 10:00", "member_no:1"),
            event("product_viewed", "2026-03-01 10:01", "member_no:1", product="cream"),
            event("product_viewed", "2026-03-01 10:03", "member_no:1", product="mask"),
            event("order_paid", "2026-03-01 10:33", "member_no:1"),
            event("search", "2026-03-01 10:00", "member_no:2"),
            event("order_paid", "2026-03-01 11:00", "member_no:2"),
            event("search", "2026-03-01 23:50", "member_no:3"),
        )
        return found

    def told(self, small: Scratch, **more: Any) -> dict[tuple[int, str], tuple[int, int | None]]:
        answer = paths.paths(small.desk(), PathsQuestion(steps=3, **{"gap": "30m", **more}))
        return {(node.step, node.name): (node.customers, node.median_ms) for node in answer.nodes}

    def test_repeats_are_one_step_and_a_pause_ends_the_path(self, small: Scratch) -> None:
        assert self.told(small, start="search") == {
            (0, "search"): (3, None),
            (1, "product_viewed"): (1, 60_000),
            (1, "stopped"): (1, None),
            (1, "ongoing"): (1, None),
            (2, "order_paid"): (1, 32 * 60_000),
            (3, "stopped"): (1, None),
        }

    def test_named_by_a_property(self, small: Scratch) -> None:
        assert self.told(small, end="order_paid", name="product", among="product_viewed") == {
            (0, "[order_paid]"): (2, None),
            (1, "mask"): (1, 30 * 60_000),
            (1, "stopped"): (1, None),
            (2, "cream"): (1, 2 * 60_000),
            (3, "stopped"): (1, None),
        }


WRONG: dict[str, tuple[PathsQuestion, str, str]] = {
    "no event": (PathsQuestion(), "insight.paths_anchor", "neither"),
    "two events": (PathsQuestion("search", "order_paid"), "insight.paths_anchor", "both"),
    "an unknown event": (PathsQuestion("serch"), "condition.unknown_event_type", "did you mean search"),
    "no steps": (PathsQuestion("search", steps=0), "insight.count_out_of_range", "1 to 10"),
    "too many names": (PathsQuestion("search", top=51), "insight.count_out_of_range", "1 to 50"),
    "no pause": (PathsQuestion("search", gap="0s"), "insight.span_missing", "30m"),
    "a malformed pause": (PathsQuestion("search", gap="soon"), "span.malformed", "30d"),
    "nothing to be made of": (PathsQuestion("search", among=""), "insight.events_missing", "among"),
    "an unknown property": (PathsQuestion("search", name="colour"), "condition.unknown_property", ""),
}
CELLS: dict[str, dict[str, str]] = {
    "no step": {},
    "a name that isn't there": {"step": "1", "name": "refund"},
    "a link to the beginning": {"step": "0", "name": "search", "from": "search"},
    "a branch that isn't one": {"branch": "search"},
    "a branch too deep": {"branch": '["search","search","search","search","search","search","search"]'},
}


class TestErrors:
    @pytest.mark.parametrize("name", WRONG)
    def test_a_wrong_question_is_told_what_is_missing(self, pool: Scratch, name: str) -> None:
        question, code, said = WRONG[name]
        with pytest.raises(YutangError) as caught:
            paths.paths(pool.desk(), question)
        assert caught.value.code == code
        assert said in str(caught.value) + (caught.value.remedy or "")

    @pytest.mark.parametrize("name", CELLS)
    def test_a_cell_that_isnt_one_is_told_so(self, pool: Scratch, name: str) -> None:
        with pytest.raises(InvalidError) as caught:
            paths.members(pool.desk(), QUESTIONS["from"], CELLS[name])
        assert caught.value.remedy
