"""Erasing whom you like leaves the pool that never had their events, and in which nobody's carried their identities."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.erasing import erase
from tests.support.log_world import IDENTITIES, START, ZONE, Sent, sents
from tests.support.pools import Scratch

from yutang.domains.audience.api import questions
from yutang.domains.customers import api as customers
from yutang.domains.insight.api import figures as insight
from yutang.domains.insight.contracts.figures import ReportQuestion, SqlQuestion
from yutang.kernel.errors import NotFoundError
from yutang.kernel.event import Event
from yutang.kernel.instants import instant_text
from yutang.runtime.slots import PEOPLE

SQL = "SELECT type, id, epoch_ms(happened_at) AS instant, rest, customer FROM events ORDER BY ALL"


def pool_of(folder: Path, batches: list[list[Event]]) -> Scratch:
    scratch = Scratch(folder, start=instant_text(START), zone=ZONE, currency="USD", flush_rows=7)
    for batch in batches:
        scratch.send(*batch)
    return scratch


def said(scratch: Scratch) -> dict[str, Any]:
    """What a pool says of everybody at the next midnight, when quintiles have been taken anew."""
    desk = scratch.desk()
    heads = desk.epoch[PEOPLE].heads().tolist()
    ids = customers.customer_ids(desk.epoch, heads)
    return {
        "events": insight.run_sql(desk, SqlQuestion(SQL, 1_000)).rows,
        "report": msgspec.to_builtins(insight.report(desk, ReportQuestion())),
        "labels": {
            one: msgspec.to_builtins(questions.memberships(desk, head)) for one, head in zip(ids, heads, strict=True)
        },
        "pages": {one: replace(customers.page(desk, one), edits=()) for one in ids},
        "reviews": sorted(customers.reviews(desk).reviews, key=lambda review: review.id),
    }


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.lists(sents(), min_size=1, max_size=8), min_size=1, max_size=6),
    st.sampled_from(IDENTITIES),
)
def test_the_others_are_those_of_a_pool_that_never_had_them(batches: list[list[Sent]], victim: str) -> None:
    numbers = iter(range(1_000))
    sent = [[one.event(START, next(numbers)) for one in batch] for batch in batches]
    with tempfile.TemporaryDirectory() as folder:
        pool = pool_of(Path(folder) / "pool", sent)
        try:
            preview = customers.preview_erase(pool.desk(), victim)
        except NotFoundError:
            pool.close()
            return
        his = {one.id for one in customers.timeline(pool.desk(), victim, limit=500).events}
        gone = set(preview.values)
        erase(pool, victim)
        left = [
            [
                msgspec.structs.replace(
                    one, identities=tuple(name for name in one.identities if (name.kind, name.value) not in gone)
                )
                for one in batch
                if one.id not in his
            ]
            for batch in sent
        ]
        never = pool_of(Path(folder) / "never", [batch for batch in left if batch])
        for scratch in (pool, never):
            scratch.advance("1d")
        wanted = said(never)
        assert said(pool) == wanted
        pool.reopen()
        assert said(pool) == wanted
        pool.close()
        never.close()
