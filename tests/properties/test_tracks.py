"""The timeline against the obvious model: whatever is appended, flushed, compacted, merged, reopened."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support.lake_world import VOCABULARY, PlainTimeline, event, members_of, read, rows

from yutang.conditions.vocabulary import Kind
from yutang.kernel.event import Event
from yutang.kernel.ids import hash64
from yutang.kernel.instants import NEVER
from yutang.timeline import compaction
from yutang.timeline.deduplication import find_repeats
from yutang.timeline.lake import LakeFolder
from yutang.timeline.manifest import LakeFile
from yutang.timeline.people import People
from yutang.timeline.pinned import PinnedView
from yutang.timeline.tracks import TimelineState
from yutang.timeline.values import engine_value, json_text

ANCHORS = 7
HORIZON_MS = 40

PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.integers(-5, 5) | st.just("12.5"),
        "category": st.sampled_from(["口红", "a", "", "b" * 70]) | st.integers(0, 3),
        "weight": st.floats(-10, 10) | st.integers(-2, 2) | st.just("x"),
        "pieces": st.integers(-3, 3) | st.just(2.5) | st.just(2**63),
        "gift": st.booleans() | st.just("true"),
        "due": st.integers(0, 10**12) | st.just("2020-01-01"),
        "day": st.just(86_400_000) | st.just("2020-02-29"),
        "tags": st.lists(st.sampled_from(["x", "y"]), max_size=2) | st.just([1]),
        "stray": st.none() | st.text(max_size=3) | st.booleans() | st.lists(st.integers(-(2**60), 2**60), max_size=2),
    },
)
EVENTS = st.builds(
    lambda number, at, type_name, properties: event(f"e{number}", at, type_name, **properties),
    st.integers(0, 30),
    st.integers(0, 6),
    st.sampled_from(["order", "view", "tag_added", "unheard_of"]),
    PROPERTIES,
)
COLUMNS = {
    "order": ["amount", "category", "weight", "pieces", "gift", "due", "day", "tags", "stray", "id", "seq", "feed"],
    "view": ["category", "amount", "id"],
    "tag_added": ["tag", "category", "id"],
    "unheard_of": ["amount", "category", "id"],
}


def expected(one: Event, seq: int, name: str) -> object:
    """What reading a property must give under the full vocabulary."""
    own = {"id": one.id, "seq": seq, "feed": "shop"}
    if name in own:
        return own[name]
    declared = VOCABULARY.events.get(one.type)
    kind = (declared.property_kind(name) if declared else None) or Kind.STRING
    value = one.properties.get(name)
    # Events carry declared values converted: integers of these kinds are engine units already.
    if kind in (Kind.MONEY, Kind.INSTANT, Kind.DATE, Kind.INTEGER) and type(value) is int and abs(value) < 2**63:
        return value
    return engine_value(value, kind, "CNY")


@dataclass
class Kept:
    """The state with what a running pool would have beside it."""

    state: TimelineState = field(default_factory=TimelineState.empty)
    manifest: list[LakeFile] = field(default_factory=list)
    seq: int = 0


class Timeline(RuleBasedStateMachine):
    """Random histories of a pool's timeline."""

    @initialize()
    def start(self) -> None:
        self.home = tempfile.TemporaryDirectory()
        self.lake = LakeFolder(Path(self.home.name) / "lake", Path(self.home.name) / "cache")
        self.kept = Kept(self.lake.open([]))
        self.model = PlainTimeline()
        self.head_of = list(range(ANCHORS))
        self.people = People.empty().with_anchors(ANCHORS, np.array([hash64(str(i)) for i in range(ANCHORS)]))
        self.now = 0
        self.pinned: list[tuple[TimelineState, People, Any]] = []

    def teardown(self) -> None:
        if hasattr(self, "home"):
            for state, people, before in self.pinned:
                assert self.everything(state, people) == before
            self.home.cleanup()

    @rule(
        events=st.lists(st.tuples(EVENTS, st.integers(0, ANCHORS - 1)), min_size=1, max_size=12),
        gap=st.integers(0, 30),
    )
    def append(self, events: list[tuple[Event, int]], gap: int) -> None:
        self.now += gap
        self.kept.seq += 1
        new = rows(self.kept.seq, [e for e, _ in events], [a for _, a in events], arrived_at=self.now)
        heads = self.people.head_of[new.anchors]
        arrived = np.full(len(events), self.now)
        repeats = find_repeats(self.kept.state, self.people, heads, new.tie, new.content, arrived, HORIZON_MS)
        assert (repeats.repeated.tolist(), repeats.changed.tolist()) == self.model_repeats(events)
        new = new.only(~repeats.repeated)
        self.model.append(new)
        self.kept.state = self.kept.state.appended(new, VOCABULARY)

    def model_repeats(self, events: list[tuple[Event, int]]) -> tuple[list[bool], list[bool]]:
        def content(one: Event) -> tuple[object, ...]:
            return (one.type, one.at, json_text(one.properties))

        kept: dict[tuple[int, str], set[Any]] = {}
        for anchor, _, arrived_at, one, _ in self.model.facts:
            if arrived_at >= self.now - HORIZON_MS:
                kept.setdefault((self.head_of[anchor], one.id), set()).add(content(one))
        repeated, changed = [], []
        for one, anchor in events:
            known = kept.get((self.head_of[anchor], one.id))
            repeated.append(known is not None)
            changed.append(known is not None and content(one) not in known)
            if known is None:
                kept[self.head_of[anchor], one.id] = {content(one)}
        return repeated, changed

    @rule(merge=st.booleans(), left=st.integers(0, ANCHORS - 1), right=st.integers(0, ANCHORS - 1))
    def regroup(self, merge: bool, left: int, right: int) -> None:
        heads = {self.head_of[left], self.head_of[right]}
        anchors = sorted(a for head in heads for a in members_of(self.head_of, head))
        groups = [anchors] if merge else [[a] for a in anchors]
        for group in groups:
            for anchor in group:
                self.head_of[anchor] = group[0]
        self.people = self.people.regrouped({group[0]: np.array(group) for group in groups})

    @rule(sealed=st.booleans())
    def flush(self, sealed: bool) -> None:
        cut = self.kept.state.cut(self.kept.seq, "CNY")
        if sealed:
            self.kept.state = self.kept.state.sealed(cut)
            late = rows(self.kept.seq + 1, [event("late", 3, "view", category="a")], [0], arrived_at=self.now)
            if not any(fact[3].id == "late" for fact in self.model.facts):
                self.kept.seq += 1
                self.model.append(late)
                self.kept.state = self.kept.state.appended(late, VOCABULARY)
        file = self.lake.write_cut(cut, 0)
        if file is not None:
            self.kept.manifest.append(file)
        self.kept.state = self.kept.state.flushed(cut, file, self.lake.runs(file) if file else {})

    @rule()
    def compact(self) -> None:
        files = self.kept.manifest
        if len(files) > 1:
            whole = compaction.write_merged(self.lake, files, "CNY", 0)
            self.kept.manifest = [whole]
            self.kept.state = self.kept.state.compacted([f.name for f in files], whole, self.lake.runs(whole))
            self.lake.retire(files)

    @rule(forget_cache=st.booleans())
    def reopen(self, forget_cache: bool) -> None:
        """A restart: the lake, then the records after it by their stored verdicts."""
        flushed = self.kept.state.flushed_seq
        for state, people, before in self.pinned:
            assert self.everything(state, people) == before
        self.pinned.clear()
        self.lake = LakeFolder(self.lake.folder, self.lake.cache.folder)
        if forget_cache:
            self.lake.cache.sweep([])
        state = self.lake.open(self.kept.manifest, flushed)
        for seq in sorted({fact[1] for fact in self.model.facts if fact[1] > flushed}):
            mine = [fact for fact in self.model.facts if fact[1] == seq]
            again = rows(seq, [f[3] for f in mine], [f[0] for f in mine], arrived_at=mine[0][2])
            state = state.appended(again, VOCABULARY)
        self.kept.state = state

    @rule()
    def pin(self) -> None:
        self.pinned.append((self.kept.state, self.people, self.everything(self.kept.state, self.people)))

    def everything(self, state: TimelineState, people: People) -> object:
        view = PinnedView(state, people, None, VOCABULARY)
        found = {name: read(state, people, name, columns) for name, columns in COLUMNS.items()}
        return found, view.first_seen().tolist(), view.lead_hash().tolist()

    @invariant()
    def equals_the_model(self) -> None:
        if not hasattr(self, "kept"):
            return
        heads = sorted(set(self.head_of))
        assert self.people.heads().tolist() == heads
        for type_name, names in COLUMNS.items():
            wanted = []
            for head in heads:
                mine = self.model.rows(type_name, members_of(self.head_of, head))
                wanted.append([(at, tie, *(expected(e, seq, n) for n in names)) for at, tie, e, seq in mine])
            found = read(self.kept.state, self.people, type_name, names)
            assert [sorted(part, key=repr) for part in found] == [sorted(part, key=repr) for part in wanted]
            assert [[row[:2] for row in part] for part in found] == [[row[:2] for row in part] for part in wanted]
            some = heads[::2][::-1]
            chosen = [found[heads.index(head)] for head in some]
            assert read(self.kept.state, self.people, type_name, names, heads=some) == chosen
        self.firsts_equal_the_model(heads)

    def firsts_equal_the_model(self, heads: list[int]) -> None:
        view = PinnedView(self.kept.state, self.people, None, VOCABULARY)
        seen, leads = [], []
        for head in heads:
            members = members_of(self.head_of, head)
            firsts = {anchor: self.model.first(anchor) for anchor in members}
            known = {anchor: first for anchor, first in firsts.items() if first is not None}
            lead = min(known, key=lambda anchor: (known[anchor], anchor)) if known else head
            seen.append(known[lead][0] if known else NEVER)
            leads.append(hash64(str(lead)))
        assert view.first_seen().tolist() == seen
        assert view.lead_hash().tolist() == leads


Timeline.TestCase.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
TestTimeline = Timeline.TestCase
