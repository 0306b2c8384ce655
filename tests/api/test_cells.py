"""Every figure of every question is as large as the set behind it, in a pool with everything that is awkward.

Names that are words of ours (`other`, `unknown`, `none`, ""), customers that were merged, erased or aren't flushed
yet, and a zone whose clock jumps. `YUTANG_TEST_BUDGET` multiplies how many figures of an answer are looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tests.support.cells import figures
from tests.support.erasing import erase
from tests.support.pools import Scratch, event, ms

from yutang.domains.customers import api as customers
from yutang.domains.customers.contracts import PairOrder
from yutang.domains.insight.api import (
    counts,
    flow,
    funnel,
    paths,
    recency,
    repurchase,
    retention,
    rfm,
    series,
    sets,
    stickiness,
    value,
)
from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.counts import CountQuestion
from yutang.domains.insight.contracts.flow import FlowQuestion
from yutang.domains.insight.contracts.funnel import FunnelQuestion
from yutang.domains.insight.contracts.paths import PathsQuestion
from yutang.domains.insight.contracts.recency import RecencyQuestion
from yutang.domains.insight.contracts.repurchase import RepurchaseQuestion
from yutang.domains.insight.contracts.retention import RetentionQuestion
from yutang.domains.insight.contracts.rfm import RfmQuestion
from yutang.domains.insight.contracts.series import SeriesQuestion
from yutang.domains.insight.contracts.sets import CompareQuestion, ConditionQuestion, SetOf
from yutang.domains.insight.contracts.stickiness import StickinessQuestion
from yutang.domains.insight.contracts.value import ValueQuestion
from yutang.kernel.instants import DAY_MS
from yutang.runtime.desk import Desk
from yutang.timeline import arranging_parts, arranging_store, everyone

BUDGET = max(1, int(os.environ.get("YUTANG_TEST_BUDGET", "1")))
FIGURES_COUNT_MAX = 12 * BUDGET  # of an answer, evenly drawn
PEOPLE = 40
WORDS = ("other", "unknown", "none", "上海", "a,b=c", "!I", "", "other", "other", "Ωmega")
TYPES = ("page_viewed", "product_viewed", "cart_added", "order_paid")
BEGIN = ms("2026-02-20")
ASKED: Mapping[str, Callable[[Desk, Any], Any]] = {
    "compare": sets.compare,
    "count": counts.count,
    "flow": flow.flow,
    "funnel": funnel.funnel,
    "paths": paths.paths,
    "recency": recency.recency,
    "repurchase": repurchase.repurchase,
    "retention": retention.retention,
    "rfm": rfm.rfm,
    "series": series.series,
    "stickiness": stickiness.stickiness,
    "value": value.value,
}
STEPS = ("product_viewed", "cart_added", "order_paid")
GAPS = ("product_viewed", "cart_added within 9d", "product_viewed without page_viewed")
ORDERS = SetOf(condition=ConditionQuestion("happened(order_paid)"))
VIEWS = SetOf(condition=ConditionQuestion("count(product_viewed) >= 6"))
QUESTIONS: tuple[tuple[str, Any], ...] = (
    ("compare", CompareQuestion(ORDERS, VIEWS, limit=500)),
    ("count", CountQuestion("*", "customers", "week")),
    ("count", CountQuestion("order_paid where amount > 40", "customers", "day", share=True)),
    ("flow", FlowQuestion("aipl")),
    ("flow", FlowQuestion("lifecycle", "week")),
    ("flow", FlowQuestion("rfm_recency", "month")),
    ("funnel", FunnelQuestion(STEPS, "14d", per="week")),
    ("funnel", FunnelQuestion(GAPS, "14d", same="product")),
    ("funnel", FunnelQuestion(STEPS, "14d", order="strict", times=False)),
    ("funnel", FunnelQuestion(STEPS, "14d", order="any", per="week")),
    ("paths", PathsQuestion("product_viewed", steps=3, gap="9d", top=2, every=True)),
    ("paths", PathsQuestion("", "order_paid", 3, "9d", name="product", top=3, repeats=True)),
    ("recency", RecencyQuestion("*")),
    ("recency", RecencyQuestion("order_paid")),
    ("repurchase", RepurchaseQuestion(within="9d", per="week")),
    ("retention", RetentionQuestion("*", (), "week", 6)),
    ("retention", RetentionQuestion("product_viewed", ("cart_added", "order_paid"), "day", 5, "first", later=True)),
    ("retention", RetentionQuestion("product_viewed", ("*",), "7d", 5, "any", "week")),
    ("rfm", RfmQuestion()),
    ("series", SeriesQuestion("count(order_paid, 7d) >= 1", "week")),
    ("stickiness", StickinessQuestion("*", 9)),
    ("value", ValueQuestion(per="week", periods=5)),
    ("value", ValueQuestion(per="week", periods=5, begin="first_seen", net=True)),
)
SINCE = "2026-03-01T07:00:00Z"
AS_OF = "2026-03-25T11:11:11.111Z"
SCOPES = (
    Scope(since=SINCE),
    Scope(since=SINCE, as_of=AS_OF, zone="America/New_York", by="trait.city", groups=3),
    Scope(who='trait.city != "上海"', since=SINCE, by="source", groups=1),
    Scope(since=AS_OF, as_of=AS_OF, by="label.aipl", groups=100),
    Scope(since=SINCE, by=".source", groups=2),
    Scope(as_of="1999-01-01T00:00:00Z", since="1999-01-01T00:00:00Z", by="trait.city"),
)
EVENTS_HAVE_NO_PART = ("flow", "series")


def filled(folder: Path, midway: Callable[[Scratch], None]) -> Scratch:
    """A pool of forty customers; `midway`, before some are merged, one is erased, and more arrives."""
    made = Scratch(folder, start="2026-04-02", flush_rows=150)
    draw = np.random.default_rng(11)
    for number in range(PEOPLE):
        who = f"member_no:{number}"
        happened = [
            msgspec.structs.replace(
                event(
                    TYPES[int(kind)], int(BEGIN + at), who, id_=f"{number}-{n}", amount=int(draw.integers(1, 99)),
                    product=WORDS[int(draw.integers(len(WORDS)))],
                ),
                source=WORDS[int(draw.integers(len(WORDS)))],
            )
            for n, (kind, at) in enumerate(
                zip(draw.integers(0, 4, number), draw.integers(0, 40 * DAY_MS, number), strict=True)
            )
        ]  # fmt: skip
        if number % 5:
            happened.append(event("trait_set", BEGIN, who, trait="city", text=WORDS[number % len(WORDS)]))
        made.send(*happened, event("page_viewed", int(BEGIN + number), who))
    midway(made)
    for a, b in ((30, 3), (31, 30), (20, 21)):
        customers.merge(made.desk(), PairOrder(f"member_no:{a}", f"member_no:{b}", "one person"))
    erase(made, "member_no:33")
    made.send(*(event("order_paid", "2026-03-20", f"member_no:{number}", amount=5) for number in range(0, PEOPLE, 7)))
    return made


def ask_everything(pool: Scratch) -> None:
    """So that all that is kept for later questions is there, and is old by then."""
    for kind, question in QUESTIONS:
        ASKED[kind](pool.desk(), replace(question, scope=SCOPES[0]))


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    made = filled(tmp_path_factory.mktemp("cells") / "pool", lambda pool: None)
    yield made
    made.close()


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """One whose events are arranged however few they are, in several parts, with customers who aren't any more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arranging_store, "ARRANGED_ROWS_COUNT_MIN", 1)
        patch.setattr(arranging_parts, "ARRANGED_ROWS_COUNT_MIN", 1)
        patch.setattr(everyone, "CUSTOMERS_AT_ONCE_MIN", 4)
        made = filled(tmp_path_factory.mktemp("cells") / "pool", ask_everything)
        yield made
        made.close()


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.by or "all")
@pytest.mark.parametrize(("kind", "question"), QUESTIONS, ids=lambda part: part if isinstance(part, str) else "")
def test_the_customers_behind_a_figure_are_as_many_as_it_says(
    pool: Scratch, gathered: Scratch, kind: str, question: Any, scope: Scope
) -> None:
    if scope.by.startswith(".") and (kind in EVENTS_HAVE_NO_PART or getattr(question, "order", "") == "any"):
        pytest.skip("no single event begins what is counted")
    if not scope.since and kind in ("series", "flow"):
        pytest.skip("needs a beginning")
    asked = replace(question, scope=scope)
    desk = pool.desk()
    answer = ASKED[kind](desk, asked)
    assert answer == ASKED[kind](gathered.desk(), asked), "however its events lie"
    wrong = []
    found = list(figures(kind, asked, answer))
    for cell, size in found[:: -(-len(found) // FIGURES_COUNT_MAX) or 1]:
        heads = sets.members(desk, SetOf(**{kind: asked}, cell=cell))
        assert (np.diff(heads) > 0).all()
        if len(heads) != size:
            wrong.append((cell, size, len(heads)))
    assert not wrong


def test_an_empty_pool_answers(tmp_path: Path) -> None:
    made = Scratch(tmp_path / "pool", start="2026-04-02")
    for kind, question in QUESTIONS:
        for scope in SCOPES[:4]:
            asked = replace(question, scope=scope)
            found = list(figures(kind, asked, ASKED[kind](made.desk(), asked)))
            assert not any(size for _, size in found)
            for cell, _ in found[:3]:
                assert len(sets.members(made.desk(), SetOf(**{kind: asked}, cell=cell))) == 0
    made.close()
