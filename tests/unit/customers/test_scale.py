"""Crowds stay cheap: a hundred thousand identities on one, whatever its kind, in a few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import pytest
from tests.support.oneid_world import Pool, partition

from yutang.domains.customers.contracts import ReviewReason
from yutang.domains.customers.rules.kinds import kinds_with
from yutang.kernel.event import Identity

IDENTITIES_COUNT = 100_000
BATCH_EVENTS = 8_192
# 20,000 a second are promised of an idle machine; a busy one gets four times as long.
SECONDS_MAX = 4 * IDENTITIES_COUNT / 20_000


def many(kind: str) -> Callable[[int], Identity]:
    return lambda number: Identity(kind, "", f"{kind}{number}")


@pytest.mark.parametrize(
    ("hub", "kind", "reason"),
    [
        ("phone", "unionid", ReviewReason.CAP),
        ("email", "phone", ReviewReason.CAP),
        ("phone", "email", ReviewReason.CROWD),
        ("unionid", "phone", ReviewReason.CROWD),
        ("device", "unionid", ReviewReason.CROWD),
        ("unionid", "device", None),
        ("null", "device", ReviewReason.CROWD),
    ],
)
def test_many_on_one(hub: str, kind: str, reason: ReviewReason | None) -> None:
    pool, middle, other = Pool(kinds_with()), Identity(hub, "", "hub"), many(kind)
    events = [tuple(sorted((middle, other(number)))) for number in range(IDENTITIES_COUNT)]
    started = time.perf_counter()
    for start in range(0, len(events), BATCH_EVENTS):
        pool.take(events[start : start + BATCH_EVENTS])
    assert time.perf_counter() - started < SECONDS_MAX
    assert pool.state.count == IDENTITIES_COUNT + 1
    number = pool.state.index.find(middle)
    assert number is not None
    if reason is None:
        assert len(pool.people.heads()) == 1, "weak ones all hang on their one customer"
        return
    assert len(pool.people.heads()) == IDENTITIES_COUNT + 1, "nobody is joined"
    assert {one.reason for one in pool.state.reviews.get(number) or ()} <= {reason, ReviewReason.CAP}
    assert pool.state.over(number)
    pool.take(events[:100])
    assert len(pool.people.heads()) == IDENTITIES_COUNT + 1


def test_a_known_customer_costs_next_to_nothing() -> None:
    pool = Pool(kinds_with())
    events = [(Identity("member_no", "", str(number)), Identity("unionid", "", str(number))) for number in range(2_000)]
    pool.take(events)
    state, again = pool.state, events * 50
    best = min(_timed(pool, again) for _ in range(5))
    assert pool.state is state, "nothing is new"
    assert best / len(again) < 4e-6  # 1 µs on an idle machine


def _timed(pool: Pool, events: list[tuple[Identity, ...]]) -> float:
    started = time.perf_counter()
    pool.take(events)
    return time.perf_counter() - started


def test_a_start_gives_what_records_gave() -> None:
    pool = Pool(kinds_with())
    pool.take(
        [
            tuple(sorted((many("unionid")(n), many("phone")(n // 3), many("device")(n // 2), many("email")(n % 97))))
            for n in range(3_000)
        ]
    )
    assert partition(pool.reloaded()) == partition(pool.state)


def test_people_who_share_phones_all_over_the_pool_stay_cheap() -> None:
    """Everyone is linked with everyone else in the end, and a new event looks at its neighbours only."""
    random, pool = Random(1), Pool(kinds_with())

    def event() -> tuple[Identity, ...]:
        person, phone = random.randrange(12_000), random.randrange(12_000)
        return Identity("phone", "", str(phone)), Identity("unionid", "", str(person))

    pool.take([event() for _ in range(20_000)])
    started = time.perf_counter()
    for _ in range(300):
        pool.take([event()])
    assert (time.perf_counter() - started) / 300 < 0.02  # 0.3 ms on an idle machine
    assert partition(pool.reloaded()) == partition(pool.state)
