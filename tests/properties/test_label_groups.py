"""Labels of records taken as one group, against one record after the other: they end the same, and the feed is whole.

Arrivals lie milliseconds to seconds apart; windows of labels end between them, events are late, early, repeated, and
identities meet inside a group.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.support.log_world import START, ZONE, Sent, sents
from tests.support.pools import Scratch

from yutang.domains.audience import store
from yutang.domains.audience.api import upkeep
from yutang.domains.audience.api.evaluating import AUDIENCE, evaluation
from yutang.domains.audience.contracts import NONE, Cause
from yutang.domains.audience.rules.changes import CAUSES
from yutang.domains.audience.rules.standings import HORIZON_MS
from yutang.kernel.event import Event
from yutang.kernel.faults import NoFaults
from yutang.kernel.instants import DAY_MS, HOUR_MS, instant_text
from yutang.runtime.inbox.inbox import Inbox
from yutang.runtime.log import working
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.slots import PEOPLE

EXAMPLES = max(1, int(25 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
LABELS = {
    "busy": "count(#visit, 1m) >= 2",
    "lately": "happened(page_viewed, 2s)",
    "held": "hold(happened(#interest, 1s), 3s)",
    "quiet": "since_last(*) > 5s and not_followed(message_in by message_out within 1s, 1m)",
    "then": "in(lately) for 1s or left(busy, 4s)",
}
GAPS_MS = (0, 1, 700, 1_000, 2_500, 7_000)
SPAN_MS = 10 * DAY_MS

Entry = tuple[str, int, str, str, int, str]  # label, head, before, after, at, cause
Shown = Counter[tuple[str, int, str, int]]  # label, head, after, at


@pytest.fixture(autouse=True, scope="module")
def long_groups() -> Iterator[None]:
    """Groups in which time passes: all that waits is one."""
    span = working.GROUP_SPAN_MS
    working.GROUP_SPAN_MS = SPAN_MS
    yield
    working.GROUP_SPAN_MS = span


class Pools:
    """A pool whose inbox stamps arrivals that the test says."""

    def __init__(self, folder: Path) -> None:
        self.pool = Scratch(folder, start=instant_text(START), zone=ZONE, flush_rows=1_000_000)
        for name, condition in LABELS.items():
            self.pool.define(name, condition)
        self.arrival = START
        self.pool.pool.inbox.close()
        self.inbox = Inbox(self.pool.folder.inbox, lambda: self.arrival, NoFaults())
        self.pool.pool.inbox = self.inbox
        self.drain = self.pool.pool.loop.drain

    @property
    def epoch(self) -> Epoch:
        epoch: Epoch = self.pool.pool.loop.epoch
        return epoch

    def put(self, arrival: int, events: list[Event], history: bool = False) -> None:
        """Hand a record over without processing it."""
        self.arrival = arrival
        self.pool.pool.loop.drain = lambda: None  # type: ignore[method-assign]
        self.pool.send(*events, history=history)
        self.pool.pool.loop.drain = self.drain  # type: ignore[method-assign]

    def entries(self) -> list[Entry]:
        """The feed, oldest first."""
        found: list[Entry] = []
        with self.pool.pool.database.reading() as uow:
            for _, _, blob, rows in reversed(list(store.read_feed(uow, 0, 100_000))):
                for i in range(len(rows)):
                    label = int(rows.label[i])
                    values = blob.values[label]
                    before, after = values[rows.before[i]], values[rows.after[i]]
                    cause = CAUSES[int(rows.cause[i])].value
                    found.append((blob.labels[label], int(rows.head[i]), before, after, int(rows.at[i]), cause))
        return found

    def values(self) -> dict[tuple[str, int], str]:
        """(label, head) → present value."""
        state, heads = self.epoch[AUDIENCE], self.epoch[PEOPLE].heads()
        codes = state.standings.codes(heads)
        return {
            (name, int(head)): (*state.labels[name].values, NONE)[codes[place][i]]
            for place, name in enumerate(state.standings.names)
            for i, head in enumerate(heads)
        }

    def dues(self) -> tuple[list[int], list[int]]:
        """(when each customer is looked at again, when it must be at the latest)."""
        heads = self.epoch[PEOPLE].heads()
        anew = upkeep.recomputed(self.epoch)[AUDIENCE.name].standings
        return self.epoch[AUDIENCE].standings.due_at(heads).tolist(), anew.due_at(heads).tolist()


def chained(entries: list[Entry]) -> dict[tuple[str, int], str]:
    """The values that a feed ends at; each entry must go on from the one before it."""
    held: dict[tuple[str, int], str] = defaultdict(lambda: NONE)
    for label, head, before, after, _, _ in entries:
        assert held[label, head] == before != after, (label, head, before, after)
        held[label, head] = after
    return held


def shown(pool: Pools, after: int, until: int) -> Shown:
    """Every change of every function in (after, until], of today's customers."""
    state, heads = pool.epoch[AUDIENCE], pool.epoch[PEOPLE].heads()
    evaluated = evaluation(pool.epoch, heads, until + HORIZON_MS)
    found: Shown = Counter()
    for name in state.plan.names:
        steps = evaluated.ladder(name)
        owner = np.repeat(heads, np.diff(steps.offsets))
        for row in np.flatnonzero((steps.at > after) & (steps.at <= until)).tolist():
            value = (*state.labels[name].values, NONE)[steps.value[row]]
            found[name, int(owner[row]), value, int(steps.at[row])] += 1
    return found


RECORDS = st.lists(
    st.tuples(
        st.sampled_from(GAPS_MS), st.lists(sents(), min_size=1, max_size=4), st.sampled_from((False, False, True))
    ),
    min_size=2, max_size=8,
)  # fmt: skip


@given(before=st.lists(sents(), max_size=6), records=RECORDS)
@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # an example is short as it is; shrinking takes minutes
)  # fmt: skip
def test_a_group_is_as_good_as_one_by_one(before: list[Sent], records: list[tuple[int, list[Sent], bool]]) -> None:
    root = Path(tempfile.mkdtemp(prefix="yutang-groups-"))
    one, group = pools = [Pools(root / name) for name in ("one", "group")]
    try:
        for pool in pools:
            pool.put(START, [sent.event(START, i) for i, sent in enumerate(before)] or [_someone()])
            pool.drain()
        arrival, number, marks = START, 100, len(group.entries())
        begun = START + records[0][0]
        for gap, batch, history in records:
            arrival += gap
            events = [sent.event(arrival, number + i) for i, sent in enumerate(batch)]
            number += len(batch)
            one.put(arrival, events, history)
            one.drain()
            group.put(arrival, events, history)
        group.drain()
        _check_the_same_end(one, group, arrival)
        _check_nothing_twice_or_missed(group, group.entries()[marks:], begun, arrival)
    finally:
        for pool in pools:
            pool.pool.close()
        shutil.rmtree(root)


def _check_the_same_end(one: Pools, group: Pools, now: int) -> None:
    assert group.epoch.time_ms == one.epoch.time_ms == now
    assert group.values() == one.values()
    for pool in (one, group):
        ends = chained(pool.entries())
        for (label, head), value in pool.values().items():
            assert ends[label, head] == value
        for due, latest in zip(*pool.dues(), strict=True):
            assert now < due <= latest


def _check_nothing_twice_or_missed(group: Pools, own: list[Entry], begun: int, now: int) -> None:
    heads = set(group.epoch[PEOPLE].heads().tolist())
    written, by_identity = Counter(), Counter()  # type: ignore[var-annotated]
    for label, head, _, after, at, cause in own:
        if cause == Cause.IDENTITY:
            by_identity[label, head, after, at] += 1
        elif begun < at <= now and head in heads and cause != Cause.SNAPSHOT:
            written[label, head, after, at] += 1
    expected = shown(group, begun, now)
    assert not written - expected, "nothing is written that isn't so, nothing twice"
    assert not expected - written - by_identity, "nothing is missed"


def _someone() -> Event:
    return Sent(0, 0, 0, 0).event(START, 99)


def test_causes_inside_a_group_are_told_apart(tmp_path: Path) -> None:
    """An event's own instant is the event's; what a window's end changes between two arrivals is time's."""
    pool = Pools(tmp_path / "p")
    try:
        who = _someone().identities
        pool.put(START + 1_000, [Event("a", "page_viewed", START + 1_000, who, {})])
        pool.put(START + 9_000, [Event("b", "page_viewed", START + 8_500, who, {})])
        pool.drain()
        found = [(after, at - START, cause) for label, _, _, after, at, cause in pool.entries() if label == "lately"]
        assert found == [("in", 1_000, "event"), (NONE, 3_000, "time"), ("in", 8_500, "event")]
    finally:
        pool.pool.close()


def test_a_group_over_a_midnight_keeps_the_snapshot_that_one_by_one_takes(tmp_path: Path) -> None:
    """Quintiles are of what had arrived by midnight."""
    midnight = START - START % DAY_MS + DAY_MS - HOUR_MS  # of Berlin, in winter
    pools = [Pools(tmp_path / name) for name in ("one", "group")]
    try:
        for place, pool in enumerate(pools):
            for number, (after_ms, who) in enumerate(((-2_000, 0), (-1_000, 1), (1_000, 2), (2_000, 1))):
                at = midnight + after_ms
                pool.put(at, [Sent(2, who, 0, number).event(at, number)])
                if not place:
                    pool.drain()
            pool.drain()
        one, group = (
            [entry for entry in pool.entries() if entry[5] == Cause.SNAPSHOT and entry[4] == midnight] for pool in pools
        )
        assert one == group
        assert {head for _, head, *_ in one} == {0, 1}
    finally:
        for pool in pools:
            pool.pool.close()
