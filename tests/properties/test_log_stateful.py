"""The whole log under random work: what is kept step by step equals what is reckoned anew, at every instant.

Late, early, repeated and changed events, merges by evidence and by hand, definitions that come and change,
time, flushes, compaction, restarts. Seeded by Hypothesis; `YUTANG_TEST_BUDGET` multiplies the examples.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.support.log_world import IDENTITIES, START, ZONE, Sent, drafts, sents
from tests.support.pools import Scratch

from yutang.domains.audience import store
from yutang.domains.audience.api import definitions, questions, upkeep
from yutang.domains.audience.api.evaluating import AUDIENCE, evaluation
from yutang.domains.audience.contracts import NONE, LabelDraft, Membership
from yutang.domains.audience.rules.changes import CAUSE_CODE, AudienceState
from yutang.domains.audience.rules.standings import HORIZON_MS, NO_VALUE
from yutang.domains.customers import api as customers
from yutang.domains.customers.contracts import PairOrder
from yutang.domains.insight.api import figures as insight
from yutang.domains.insight.contracts.figures import ReportQuestion
from yutang.kernel.errors import YutangError
from yutang.kernel.event import Event
from yutang.kernel.instants import DAY_MS, HOUR_MS, MINUTE_MS, NEVER, instant_text
from yutang.kernel.limits import DEDUPLICATION_HORIZON_MS
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.slots import PEOPLE, TIMELINE

EXAMPLES = max(1, int(10 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
STEPS = 24
FLUSH_ROWS = 7  # so that flushes, and compactions, come by themselves
SPANS_MS = (1_000, MINUTE_MS, HOUR_MS, 5 * HOUR_MS, DAY_MS, 3 * DAY_MS, 16 * DAY_MS, 33 * DAY_MS, 95 * DAY_MS)


class LogMachine(RuleBasedStateMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="yutang-log-"))
        self.pool = Scratch(self.root / "a", start=instant_text(START), zone=ZONE, flush_rows=FLUSH_ROWS)
        self.number = 0
        self.taken: dict[str, tuple[Event, int]] = {}  # id → what was first taken, and when
        self.feed: dict[tuple[str, int], str] = {}  # (label, head) → value, by replaying the feed
        self.chunk = 0  # the newest chunk that was replayed
        self.edited = False
        self.merged: list[tuple[str, str]] = []
        self.was_ms = START

    @property
    def epoch(self) -> Epoch:
        epoch: Epoch = self.pool.pool.loop.epoch
        return epoch

    @property
    def now(self) -> int:
        return self.epoch.time_ms

    @initialize(orders=st.integers(0, 4))
    def begin(self, orders: int) -> None:
        """With some who bought before, so that a snapshot of quintiles is soon taken."""
        self.number = orders
        self._send([Sent(2, who, 7, who).event(self.now, who) for who in range(orders)], True)
        self.pool.advance("1d")

    # ── what happens ────────────────────────────────────────────────────────────────────────────

    @rule(batch=st.lists(sents(), min_size=1, max_size=6), history=st.sampled_from((False, False, True)))
    def send(self, batch: list[Sent], history: bool) -> None:
        events = []
        for one in batch:
            self.number += 1
            events.append(one.event(self.now, self.number))
        self._send(events, history)

    @precondition(lambda self: self.taken)
    @rule(seed=st.integers(0, 9), count=st.integers(1, 4), changed=st.booleans())
    def repeat(self, seed: int, count: int, changed: bool) -> None:
        """Events that were sent before, some with other content; the first counts."""
        recent = [e for e, at in self.taken.values() if self.now - at < DEDUPLICATION_HORIZON_MS]
        if not recent:
            return
        again = [recent[(seed + i) % len(recent)] for i in range(count)]
        if changed:
            again = [Event(e.id, e.type, e.at - HOUR_MS, e.identities, {}, system=e.system) for e in again]
        self._send(again, False)

    def _send(self, events: list[Event], history: bool) -> None:
        self.pool.send(*events, history=history)
        for event in events:
            self.taken.setdefault(event.id, (event, self.now))

    @rule(span=st.sampled_from(SPANS_MS))
    def let_time_pass(self, span: int) -> None:
        before = self.now
        self.pool.at(instant_text(before + span))
        self._check_timers(before)

    @precondition(lambda self: self._next_change() is not None)
    @rule(early=st.booleans())
    def let_time_come_to_the_next_change(self, early: bool) -> None:
        before, change = self.now, self._next_change()
        assert change is not None
        self.pool.at(instant_text(change - 1 if early else change))
        self._check_timers(before)
        if early:
            assert self._new_rows_of_time() == 0, "nothing changes a moment before"

    @rule(draft=drafts())
    def define(self, draft: LabelDraft) -> None:
        try:
            definitions.define(self.pool.desk(), draft)
        except YutangError:
            return  # it names what isn't there (yet), or another names a value that would go: nothing has changed

    @rule(a=st.sampled_from(IDENTITIES), b=st.sampled_from(IDENTITIES), apart=st.booleans())
    def judge(self, a: str, b: str, apart: bool) -> None:
        try:
            (customers.unmerge if apart else customers.merge)(self.pool.desk(), PairOrder(a, b, "said so"))
        except YutangError:
            return
        self.edited = True
        if not apart:
            self.merged.append((a, b))

    @precondition(lambda self: self.merged)
    @rule()
    def take_a_merge_back(self) -> None:
        a, b = self.merged.pop()
        with suppress(YutangError):  # said otherwise since
            customers.unmerge(self.pool.desk(), PairOrder(a, b, "not so"))

    @rule()
    def flush(self) -> None:
        self.pool.pool.loop.flush()

    @rule()
    def reopen(self) -> None:
        before = self._answers(self.pool)
        feed = self._chunks()
        self.pool.reopen()
        assert self._answers(self.pool) == before
        assert len(self._chunks()) == len(feed)
        self.pool.pool.loop._make_ready()

    # ── what must hold ──────────────────────────────────────────────────────────────────────────

    @invariant()
    def standings_equal_a_full_recompute(self) -> None:
        state = self.epoch[AUDIENCE]
        anew: AudienceState = upkeep.recomputed(self.epoch)[AUDIENCE.name]
        people = self.epoch[PEOPLE]
        heads = people.heads()
        kept, full = state.standings, anew.standings
        assert kept.names == full.names == state.plan.names
        assert kept.codes(heads).tolist() == full.codes(heads).tolist()
        due, soonest = kept.due_at(heads), full.due_at(heads)
        seen = evaluation(self.epoch, heads, self.now).view.first_seen() < NEVER  # others have no value, nor a due
        assert kept.keys == full.keys
        truths, anew_truths = kept.truths_at(heads[seen]), full.truths_at(heads[seen])
        assert truths.tolist() == anew_truths.tolist()  # of all leaves, worked out from nothing
        assert (due <= soonest)[seen].all()  # an event moves a due forward only; it is exact again once it is reached
        assert (due > self.now).all()
        others = np.setdiff1d(np.arange(people.count), heads)
        assert (kept.codes(others) == NO_VALUE).all()
        assert (kept.due_at(others) == NEVER).all()

    @invariant()
    def the_feed_replayed_gives_the_present(self) -> None:
        for _, _, blob, rows in reversed(self._chunks(self.chunk)):
            for i in range(len(rows)):
                label = int(rows.label[i])
                key = (blob.labels[label], int(rows.head[i]))
                values = blob.values[label]
                assert self.feed.get(key, NONE) == values[rows.before[i]], (key, values, "before")
                assert rows.before[i] != rows.after[i]
                self.feed[key] = values[rows.after[i]]
                assert rows.at[i] <= self.now
        chunks = self._chunks()
        self.chunk = chunks[0][0] if chunks else 0
        state, people = self.epoch[AUDIENCE], self.epoch[PEOPLE]
        heads = set(people.heads().tolist())
        for name in state.feed_order():
            every = np.arange(people.count)
            quintile = state.quintiles.get(name)
            value = quintile.at(every) if quintile else state.standings.codes(every)[state.plan.names.index(name)]
            names = (*state.labels[name].values, NONE)
            for anchor in range(people.count):
                present = names[value[anchor]] if anchor in heads else NONE
                assert self.feed.get((name, anchor), NONE) == present, (name, anchor)

    @invariant()
    def every_event_counts_once(self) -> None:
        counted: Counter[int] = Counter()
        people = self.epoch[PEOPLE]
        desk = self.pool.desk()
        for event, _ in self.taken.values():
            counted[customers.find_customer(desk, event.identities[0].text())] += 0  # it is somebody's
        for track in self.epoch[TIMELINE].tracks.values():
            for run in track.runs:
                counted.update(people.head_of[run.anchor].tolist())
        assert sum(counted.values()) == len(self.taken)

    def _check_timers(self, before: int) -> None:
        """What time did: every change of every step function in (before, now], no more, in order."""
        found: dict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
        last = before
        for _, _, blob, rows in reversed(self._chunks(self.chunk)):
            for i in np.flatnonzero(rows.cause == CAUSE_CODE["time"]).tolist():
                label, at = int(rows.label[i]), int(rows.at[i])
                assert before < at <= self.now
                assert at >= last, "by instant"
                last = at
                found[blob.labels[label], int(rows.head[i])].append((at, blob.values[label][rows.after[i]]))
        expected: dict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
        state, heads = self.epoch[AUDIENCE], self.epoch[PEOPLE].heads()
        evaluated = evaluation(self.epoch, heads, self.now + HORIZON_MS)
        for name in state.plan.names:
            steps = evaluated.ladder(name)
            owner = np.repeat(heads, np.diff(steps.offsets))
            for row in np.flatnonzero((steps.at > before) & (steps.at <= self.now)).tolist():
                value = (*state.labels[name].values, NONE)[steps.value[row]]
                expected[name, int(owner[row])].append((int(steps.at[row]), value))
        assert found == expected

    def _new_rows_of_time(self) -> int:
        return sum(int((rows.cause == CAUSE_CODE["time"]).sum()) for *_, rows in self._chunks(self.chunk))

    def _next_change(self) -> int | None:
        standings = self.epoch[AUDIENCE].standings
        soonest = int(standings.due_at(np.arange(standings.anchors)).min(initial=NEVER))
        return soonest if soonest < self.now + 400 * DAY_MS else None

    def _chunks(self, after: int = 0) -> list[Any]:
        """The feed's chunks since one, newest first."""
        with self.pool.pool.database.reading() as uow:
            return [one for one in store.read_feed(uow, 0, 100_000) if one[0] > after]

    def _answers(self, pool: Scratch) -> dict[str, Any]:
        """All that is known of each identity, and of the pool, at several instants."""
        desk = pool.desk()
        found: dict[str, Any] = {}
        instants = [instant_text(self.now - back) for back in (0, HOUR_MS, 10 * DAY_MS)]
        for name in IDENTITIES:
            try:
                head = customers.find_customer(desk, name)
            except YutangError:
                continue
            found[name] = [questions.memberships(desk, head, at) for at in instants]
        found["reports"] = [insight.report(desk, ReportQuestion(at, instants[-1])) for at in instants]
        return found

    def teardown(self) -> None:
        try:
            self._check_another_order()
        finally:
            self.pool.close()
            shutil.rmtree(self.root)

    def _check_another_order(self) -> None:
        """The same events, shuffled, in one go, into another pool: the same answers, if nobody judged by hand."""
        if self.edited or not self.taken:
            return
        other = Scratch(self.root / "b", start=instant_text(self.now), zone=ZONE)
        try:
            events = [event for event, _ in self.taken.values()]
            Random(len(events)).shuffle(events)
            other.send(*events, history=True)
            state = self.epoch[AUDIENCE]
            for name in state.plan.names:
                if not state.labels[name].builtin:
                    view = definitions.show(self.pool.desk(), name)
                    rungs = tuple(definitions.RungDraft(rung.value, rung.condition) for rung in view.rungs)
                    definitions.define(other.desk(), LabelDraft(name, view.kind, rungs, zone=view.zone))
            mine, theirs = self._answers(self.pool), self._answers(other)
            assert theirs.pop("reports") == mine.pop("reports")
            for name, answers in mine.items():
                for ours, others in zip(answers, theirs[name], strict=True):
                    assert self._without_snapshots(ours) == self._without_snapshots(others)
        finally:
            other.close()

    def _without_snapshots(self, memberships: tuple[Membership, ...]) -> list[Membership]:
        """Snapshots keep what was known when they were taken, which the order of arrival changes."""
        return [one for one in memberships if self.epoch[AUDIENCE].labels[one.label].quintile is None]


TestLog = LogMachine.TestCase
TestLog.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck),
    print_blob=True,
)  # fmt: skip
