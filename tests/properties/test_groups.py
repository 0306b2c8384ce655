"""Records applied in groups, however they fall, make the same pool as one after the other.

Few people, ids and instants, so that repeats, other contents under one id, merges, caps and late events meet inside
a group. What differs by grouping is only what the change feed tells of the way there.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.log_world import PEOPLE, START, ZONE, Sent, sents
from tests.support.pools import Scratch, identities

from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.customers.api import CUSTOMERS
from yutang.kernel.event import Event, EventBlob, encode_blob
from yutang.kernel.instants import instant_text
from yutang.runtime.inbox import store as inbox_store
from yutang.runtime.log import reading, store, working
from yutang.runtime.slots import PEOPLE as PEOPLE_SLOT
from yutang.runtime.slots import TIMELINE
from yutang.storage.database import open_sqlite

EXAMPLES = max(1, int(25 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
OPENIDS = tuple((f"openid:wx:o{n}", "phone:+8613800000001") for n in range(6))  # over the cap of a phone
Parcel = tuple[str, bool, int, list[tuple[Sent, int]]]  # feed, history, ms after the one before, events with ids


def _event(sent: Sent, number: int, parcel: int) -> Event:
    people = (*PEOPLE, *OPENIDS)
    made = sent.event(START - parcel * 60_000 % 7, number)
    names = people[(sent.who + number + parcel) % len(people)] if sent.choice == 3 else people[sent.who]
    return Event(made.id, made.type, made.at, identities(*names), made.properties, system=made.system)


def parcels() -> st.SearchStrategy[list[Parcel]]:
    """Batches as they wait: events whose ids come again and again."""
    events = st.lists(st.tuples(sents(), st.integers(0, 9)), min_size=1, max_size=5)
    delays = st.sampled_from((0, 0, 1, 300))
    return st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), delays, events), min_size=2, max_size=9)


def _pool(folder: Path, waiting: list[Parcel], before: list[Parcel]) -> Scratch:
    """A pool in which some parcels were processed one by one, and others wait."""
    pool = Scratch(folder, start=instant_text(START), zone=ZONE)
    arrived_ms = START
    for place, parcel in enumerate((*before, *waiting)):
        arrived_ms = _put(pool, parcel, place, arrived_ms)
        if place < len(before):
            pool.pool.loop.drain()
    return pool


def _put(pool: Scratch, parcel: Parcel, place: int, arrived_ms: int) -> int:
    feed, history, delay, events = parcel
    made = [_event(sent, number, place) for sent, number in events]
    blob = encode_blob(EventBlob(feed, history, 1, made))
    with open_sqlite(pool.folder.inbox).unit() as uow:
        inbox_store.add_blob(uow, "live", arrived_ms + delay, len(made), blob)
    return arrived_ms + delay


def facts(pool: Scratch) -> dict[str, Any]:
    """All that a pool is, but the numbers of chunks of its feed."""
    epoch = pool.pool.loop.epoch
    state, people, audience = epoch[TIMELINE], epoch[PEOPLE_SLOT], epoch[AUDIENCE]
    rows: Counter[tuple[Any, ...]] = Counter()
    for name, track in state.tracks.items():
        for run in track.runs:
            keys = ("anchor", "at", "tie", "seq", "arrived_at", "content")
            columns = [run.stored(key).values.tolist() for key in keys]
            feeds = run.stored("feed")
            columns.append([feeds.words[code] for code in feeds.values.tolist()])
            rows.update((name, *row) for row in zip(*columns, strict=True))
    with pool.pool.database.reading() as uow:
        entries = [(e.seq, e.state, e.ref, e.arrived_at, dict(e.verdict)) for e in store.read_entries(uow, 1)]
    heads = people.heads()
    return {
        "rows": rows,
        "entries": entries,
        "identities": list(epoch[CUSTOMERS].identities),
        "heads": people.head_of.tolist(),
        "firsts": (state.first_at.array.tolist(), state.first_tie.array.tolist()),
        "standings": audience.standings.codes(heads).tolist(),
        "epoch": (epoch.seq, epoch.time_ms),
    }


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(before=st.lists(parcels().map(lambda some: some[0]), max_size=2), waiting=parcels(), most=st.integers(2, 40))
def test_any_grouping_makes_the_same_pool(before: list[Parcel], waiting: list[Parcel], most: int) -> None:
    with tempfile.TemporaryDirectory() as root, pytest.MonkeyPatch.context() as patch:
        apart = _pool(Path(root) / "apart", waiting, before)
        patch.setattr(working, "GROUP_EVENTS_COUNT_MAX", 0)
        apart.pool.loop.drain()
        together = _pool(Path(root) / "together", waiting, before)
        patch.setattr(working, "GROUP_EVENTS_COUNT_MAX", most)
        together.pool.loop.drain()
        try:
            one_by_one = facts(apart)
            assert facts(together) == one_by_one
            together.reopen()
            together.pool.loop._make_ready()
            assert facts(together) == one_by_one, "after a replay in groups"
        finally:
            apart.close()
            together.close()


class TestInsideAGroup:
    """What the property finds only now and then."""

    @pytest.fixture
    def pool(self, tmp_path):
        made = Scratch(tmp_path / "pool", start=instant_text(START), zone=ZONE)
        yield made
        made.close()

    def verdicts(self, pool: Scratch, *parcels: list[Event]) -> list[dict[str, Any]]:
        for place, events in enumerate(parcels):
            blob = encode_blob(EventBlob("shop", False, 1, events))
            pool.pool.inbox.put(blob, lane="live", job=str(place), rows_from=0, next_row=1, count=len(events))
        pool.pool.loop.drain()
        with pool.pool.database.reading() as uow:
            return [dict(entry.verdict) for entry in store.read_entries(uow, 1)]

    def event(self, id_: str, *names: str, at: int = START) -> Event:
        return Event(id_, "page_viewed", at, identities(*names), {})

    def test_a_repeat_in_a_later_batch_is_told_of_that_batch(self, pool):
        first = [self.event("1", "member_no:1"), self.event("2", "member_no:1")]
        again = [self.event("3", "member_no:1"), self.event("2", "member_no:1"), self.event("1", "member_no:1", at=5)]
        assert self.verdicts(pool, first, again) == [
            {"taken": 2, "repeated": 0},
            {"taken": 1, "repeated": 2, "changed": 1, "repeated_at": [1, 2], "changed_at": [2]},
        ]

    def test_who_is_joined_afterwards_was_another_before(self, pool):
        apart = [self.event("1", "member_no:1")], [self.event("1", "openid:wx:a")]
        joined = [self.event("2", "member_no:1", "openid:wx:a")]
        found = self.verdicts(pool, *apart, joined)
        assert [verdict["repeated"] for verdict in found] == [0, 0, 0]

    def test_who_was_joined_before_is_the_same(self, pool):
        joined = [self.event("2", "member_no:1", "openid:wx:a")]
        apart = [self.event("1", "member_no:1")], [self.event("1", "openid:wx:a")]
        found = self.verdicts(pool, joined, *apart)
        assert [verdict["repeated"] for verdict in found] == [0, 0, 1]

    def test_all_of_it_is_one_group_where_nothing_depends_on_the_order(self, pool, monkeypatch):
        sizes = []
        apply = working.Worker._apply

        def counted(self, work, records):
            sizes.append(len(records))
            return apply(self, work, records)

        monkeypatch.setattr(working.Worker, "_apply", counted)
        many = [[self.event(str(n), f"member_no:{n}"), self.event(f"x{n}", f"member_no:{n}")] for n in range(50)]
        self.verdicts(pool, *many)
        assert sizes == [50]
        assert reading.RECORDS_PER_TRANSACTION_MAX >= 50
        assert np.array_equal(pool.pool.loop.epoch[PEOPLE_SLOT].heads(), np.arange(50))
