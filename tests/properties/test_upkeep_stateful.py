"""Upkeep and both histories under random work: the log's machine, and what makes upkeep hard on top of it.

Definitions that are worked out a stretch at a time while all else goes on, given anew or interrupted on the way;
customers erased, event types declared anew (so that marks mean something else), restarts in between. After each step
the standings equal a full recompute, the feed replayed gives them, and what was known at any instant of any other is
what a plain replay of the feed says. `YUTANG_TEST_BUDGET` multiplies the examples; `YUTANG_TEST_STEPS` sets the steps
of each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from tests.properties.test_log_stateful import LogMachine
from tests.support.erasing import erase
from tests.support.feed_replay import plainly_held
from tests.support.log_world import IDENTITIES, drafts

from yutang.domains.audience.api import building, checkpoints, definitions, histories
from yutang.domains.audience.api.building import BUILDER
from yutang.domains.audience.api.evaluating import AUDIENCE, evaluation
from yutang.domains.audience.contracts import NONE, Cause, LabelDraft
from yutang.domains.audience.rules.changes import CAUSE_CODE, changed_at
from yutang.domains.audience.rules.standings import HORIZON_MS
from yutang.domains.catalogue.api import declare_draft, read_declarations
from yutang.domains.customers import api as customers
from yutang.kernel.errors import YutangError
from yutang.kernel.instants import DAY_MS, HOUR_MS
from yutang.runtime.slots import PEOPLE
from yutang.timeline import everyone

EXAMPLES = max(1, int(6 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
STEPS = int(os.environ.get("YUTANG_TEST_STEPS", "24"))
ROWS_BETWEEN = 100  # of checkpoints; a chunk counts as some by itself
BACKS_MS = (0, 1, HOUR_MS, 9 * HOUR_MS, DAY_MS, 3 * DAY_MS, 20 * DAY_MS)
DECLARED = MappingProxyType({
    "a tasting is a visit": "events: {tasting: {marks: [visit, interest], properties: {wine: string}}}",
    "a tasting is nothing": "events: {tasting: {marks: [], properties: {wine: string}}}",
    "a tasting is interest": "events: {tasting: {marks: [interest], properties: {wine: string}}}",
})  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def small_parts() -> Iterator[None]:
    """Two customers a part and one for the loop: a build of this small world takes many stretches and rounds."""
    kept = (everyone.CUSTOMERS_AT_ONCE_MAX, building.HANDOVER_COUNT_MAX)
    everyone.CUSTOMERS_AT_ONCE_MAX, building.HANDOVER_COUNT_MAX = 2, 1
    yield
    everyone.CUSTOMERS_AT_ONCE_MAX, building.HANDOVER_COUNT_MAX = kept


class UpkeepMachine(LogMachine):
    """See the module."""

    def __init__(self) -> None:
        super().__init__()
        self.looked = 0  # the newest chunk of which the instants of definitions were checked

    # ── definitions beside the loop ─────────────────────────────────────────────────────────────

    @rule(draft=drafts())
    def begin_a_definition(self, draft: LabelDraft) -> None:
        before = dict(self.epoch[AUDIENCE].labels)
        with suppress(YutangError):  # it names what isn't there (yet), or what waits
            view = definitions.begin(self.pool.desk(), draft)
            assert view.building is not None
        assert dict(self.epoch[AUDIENCE].labels) == before, "nothing is in force that wasn't"

    @precondition(lambda self: self.epoch[AUDIENCE].waiting)
    @rule(stretches=st.integers(1, 12))
    def work_at_definitions(self, stretches: int) -> None:
        desk = self.pool.desk()
        for _ in range(stretches):
            self.epoch[BUILDER].work(desk, parts_at_once=1)

    @precondition(lambda self: self.epoch[AUDIENCE].waiting)
    @rule()
    def finish_definitions(self) -> None:
        desk = self.pool.desk()
        waiting = dict(self.epoch[AUDIENCE].waiting)
        while self.epoch[BUILDER].work(desk):
            pass
        state = self.epoch[AUDIENCE]
        assert not state.waiting
        assert not state.touched
        for name, one in waiting.items():
            assert state.labels[name] == one.label

    # ── what else happens ───────────────────────────────────────────────────────────────────────

    @rule(said=st.sampled_from(sorted(DECLARED)))
    def declare(self, said: str) -> None:
        declare_draft(self.pool.desk(), read_declarations(DECLARED[said], "test"))
        self.edited = True  # another pool would have to be told, too

    @rule(who=st.sampled_from(IDENTITIES))
    def erase(self, who: str) -> None:
        desk = self.pool.desk()
        try:
            gone = {one.id for one in customers.timeline(desk, who, limit=500).events}
        except YutangError:
            return  # nobody
        erase(self.pool, who)
        self.taken = {key: value for key, value in self.taken.items() if key not in gone}
        self.edited = True
        self.feed.clear()  # it was rewritten: replayed from its beginning
        self.chunk = 0
        self.looked = max((one[0] for one in self._chunks()), default=0)  # instants were of those who are gone, too

    # ── what must hold ──────────────────────────────────────────────────────────────────────────

    @invariant()
    def definitions_say_since_when(self) -> None:
        """What came with a definition (or declaration) and still is so, is told with its instant."""
        chunks = self._chunks(self.looked)
        self.looked = chunks[0][0] if chunks else self.looked
        told = [
            (blob.labels[int(rows.label[i])], int(rows.head[i]), int(rows.at[i]))
            for _, known_at, blob, rows in chunks
            for i in np.flatnonzero(rows.cause == CAUSE_CODE[Cause.DEFINITION]).tolist()
            if known_at == self.now
        ]
        if not told:
            return
        heads = self.epoch[PEOPLE].heads()
        evaluated = evaluation(self.epoch, heads, self.now + HORIZON_MS)
        for label, head, at in told:
            place = int(np.searchsorted(heads, head))
            if place < len(heads) and heads[place] == head:
                _, since, _ = evaluated.ladder(label).look(self.now)
                assert at == changed_at(since, evaluated.view.first_seen(), self.now)[place], (label, head)

    @rule(back=st.sampled_from(BACKS_MS), known_back=st.sampled_from(BACKS_MS), keep=st.booleans())
    def look_back(self, back: int, known_back: int, keep: bool) -> None:
        """Who was in what, as was known then: by checkpoints, and by a plain replay of the whole feed."""
        desk = self.pool.desk()
        if keep:
            checkpoints.keep_checkpoints(desk, ROWS_BETWEEN)
        as_of, known_at = self.now - back, self.now - known_back
        chunks = self._chunks()[::-1]
        people = self.epoch[PEOPLE]
        for label in self.epoch[AUDIENCE].feed_order():
            expected = plainly_held(chunks, label, as_of, known_at)
            held = checkpoints.held_then(desk, label, as_of, known_at)
            found = {
                int(head): (int(lead), held.names[value])
                for head, lead, value in zip(held.heads, held.leads, held.values, strict=True)
            }
            assert found == expected, (label, back, known_back)
            if not back and not known_back:
                self._check_present(label, found)
            living = {int(people.head_of[lead]) for lead, _ in expected.values()} - {-1}
            assert len(histories.membership_then(desk, label, "", as_of, known_at).heads) == len(living)

    def _check_present(self, label: str, found: dict[int, tuple[int, str]]) -> None:
        """As known now, of now: what the standings are."""
        state, people = self.epoch[AUDIENCE], self.epoch[PEOPLE]
        if label not in state.plan.names:
            return
        names = (*state.labels[label].values, NONE)
        column = state.standings.grown(people.count).column(label)
        standing = {int(head): names[column[head]] for head in people.heads() if names[column[head]] != NONE}
        assert {head: value for head, (_, value) in found.items()} == standing

    @rule(back=st.sampled_from(BACKS_MS))
    def look_at_intervals(self, back: int) -> None:
        """As known now, at a point: what the functions over all time say."""
        desk, instant = self.pool.desk(), self.now - back
        heads = self.epoch[PEOPLE].heads()
        evaluated = evaluation(self.epoch, heads, self.now + HORIZON_MS)
        for label in self.epoch[AUDIENCE].plan.names:
            expected = heads[evaluated.ladder(label).values_at(instant) >= 0]
            found = histories.membership_now(desk, label, "", instant)
            assert found.heads.tolist() == expected.tolist(), (label, back)


TestUpkeep: Any = UpkeepMachine.TestCase
TestUpkeep.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck),
    print_blob=True,
)  # fmt: skip
