"""Floods of names that nobody declared, and hubs: what is known stays bounded, and every label stays right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.support.pools import Scratch, event, ms

from yutang.domains.audience.api import upkeep
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.catalogue.contracts import EVENT_TYPES_COUNT_MAX
from yutang.domains.intake.api.basis import basis_now
from yutang.runtime.slots import PEOPLE

TYPES_COUNT = 2_000
NAMES_COUNT = 100_000  # of properties
BATCH = 500
BASIS_BYTES_MAX = 2_000_000  # it is told whenever it changed
SHARERS = 5_000
HUB_EVENTS = 200_000
FEBRUARY = ms("2026-02-01")


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Scratch]:
    made = Scratch(tmp_path / "pool", flush_rows=1_000_000)
    yield made
    made.close()


def standings_are_right(pool: Scratch) -> None:
    """They equal a full recompute."""
    epoch = pool.pool.loop.epoch
    heads = epoch[PEOPLE].heads()
    anew = upkeep.recomputed(epoch)[AUDIENCE.name].standings
    assert epoch[AUDIENCE].standings.codes(heads).tolist() == anew.codes(heads).tolist()


def test_a_flood_of_unknown_names(pool: Scratch) -> None:
    each = NAMES_COUNT // TYPES_COUNT
    for first in range(0, TYPES_COUNT, BATCH):
        pool.send(*(
            event(f"kind_{k}", FEBRUARY + k, f"member_no:{k % 50}", **{f"name_{k}_{n}": n for n in range(each)})
            for k in range(first, first + BATCH)
        ))  # fmt: skip
    vocabulary = basis_now(pool.desk()).catalogue.vocabulary
    assert len(vocabulary.events) == EVENT_TYPES_COUNT_MAX
    assert len(msgspec.msgpack.encode(basis_now(pool.desk()))) < BASIS_BYTES_MAX
    assert len(pool.ask(f"count(*) >= {TYPES_COUNT // 50}")) == 50, "what the catalogue has no room for counts too"
    pool.send(event("order_paid", "2026-02-28", "member_no:7", amount=100))
    assert pool.ask("happened(order_paid)") == {pool.who("member_no:7")}
    standings_are_right(pool)


def test_a_phone_of_thousands_and_a_customer_of_very_many_events(pool: Scratch) -> None:
    pool.define("busy", f"count(page_viewed) >= {HUB_EVENTS + 100}")
    pool.send(*(
        event("order_paid", FEBRUARY + n, (f"member_no:{n}", "phone:+8613800138000"), amount=1) for n in range(SHARERS)
    ))  # fmt: skip
    for first in range(0, HUB_EVENTS, 10_000):
        pool.send(*(event("page_viewed", FEBRUARY + n, "member_no:0") for n in range(first, first + 10_000)))
    assert pool.labels("member_no:0").get("busy") != "in"
    for live in range(100):  # small batches, each of the hub and of its neighbours
        at = FEBRUARY + 86_400_000 + live
        pool.send(
            event("page_viewed", at, "member_no:0"),
            event("page_viewed", at, (f"member_no:{live + 1}", "phone:+8613800138000")),
        )
    assert pool.ask("in(busy)") == {pool.who("member_no:0")}
    assert len(pool.ask("count(order_paid) = 1 and count(page_viewed) = 1")) == 100, "nobody was merged"
    standings_are_right(pool)
