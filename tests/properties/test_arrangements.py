"""Everyone's parts, however they are arranged, say of every customer what its own timeline says.

Random histories of a pool: events now and late, merging and unmerging, flushes, compactions, restarts, a cache that
is lost or that has hardly any room; arrangements are built at random moments, and readers keep their epochs.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support.lake_world import SPARSE, VOCABULARY, event, members_of, rows, values

from yutang.conditions.nodes import Events, Unit
from yutang.kernel.ids import hash64
from yutang.timeline import arranging_parts, arranging_store, compaction, everyone
from yutang.timeline.boundaries import calendar
from yutang.timeline.everyone import Everyone, Part, batch_view
from yutang.timeline.lake import LakeFolder
from yutang.timeline.manifest import LakeFile
from yutang.timeline.people import People
from yutang.timeline.pinned import PinnedView
from yutang.timeline.questions.periods import marked, periods_between
from yutang.timeline.rewriting import of_anchors, without, write_without
from yutang.timeline.tracks import TimelineState
from yutang.timeline.view import View

BUDGET = int(os.environ.get("YUTANG_TEST_BUDGET", "1"))
ANCHORS = 12
DAYS = periods_between(calendar("UTC"), Unit.DAY, 0, 4)  # events of later instants don't count
NAMES = {"order": ["amount", "category", "tags", "stray", "seq"], "view": ["category"], "never": ["x"]}
EVENTS = st.tuples(
    st.sampled_from(["order", "view"]),
    st.integers(0, 6),
    st.sampled_from([None, "a", "b"]),
    st.sampled_from([None, 3, "odd"]),
    st.integers(0, ANCHORS - 1),
)


@pytest.fixture(autouse=True, scope="module")
def small() -> Any:
    """Tiny parts, and arrangements of tiny tracks, so that few customers show what many would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(everyone, "CUSTOMERS_AT_ONCE_MAX", 4)
        patch.setattr(arranging_store, "ARRANGED_ROWS_COUNT_MIN", 1)
        patch.setattr(arranging_parts, "OTHERS_COUNT_MIN", 2)
        patch.setattr(arranging_parts, "OTHERS_SHARE", 4)
        patch.setattr("yutang.timeline.arranging.CUSTOMERS_A_BLOCK", 3)
        patch.setattr("yutang.timeline.arranging.ROWS_A_BLOCK", 2)
        patch.setattr("os.fsync", lambda _: None)  # no power is lost here, and disks are slow
        yield


def told(view: View) -> list[Any]:
    """By customer of a view, all that it can say."""
    found: list[list[Any]] = [[] for _ in range(view.count)]
    for type_name, names in NAMES.items():
        rows_ = view.events(type_name, names)
        columns = [values(rows_.columns[name]) for name in names]
        flat = list(zip(rows_.at.tolist(), rows_.tie.tolist(), *columns, strict=True))
        assert len(rows_.offsets) == view.count + 1
        assert rows_.offsets[-1] == len(flat)
        for i, mine in enumerate(found):
            mine.append(flat[rows_.offsets[i] : rows_.offsets[i + 1]])
    present = marked(view, Events(), DAYS)  # where it may, by when customers were there at all (`timeline.presence`)
    firsts = (view.first_seen(), view.lead_hash(), view.has_identity(("member",)), present)
    for i, mine in enumerate(found):
        mine.append([column[i].item() for column in firsts])
    return found


class Arranged(RuleBasedStateMachine):
    """Random histories of a pool."""

    cache_bytes_max = 1 << 30

    @initialize()
    def start(self) -> None:
        self.home = tempfile.TemporaryDirectory()
        self.lake = self._lake()
        self.manifest: list[LakeFile] = []
        self.state = self.lake.open([])
        self.people = People.empty().with_anchors(ANCHORS, np.array([hash64(str(i)) for i in range(ANCHORS)]))
        self.seq = 0
        self.pinned: list[tuple[TimelineState, People]] = []
        for first in range(2):
            self.append(
                [(name, i % 5, "a", i, i) for i in range(first, ANCHORS, 2) for name in ("view", "order")], True
            )
            self.flush(sealed=False)

    def _lake(self) -> LakeFolder:
        home = Path(self.home.name)
        return LakeFolder(home / "lake", home / "cache", cache_bytes_max=self.cache_bytes_max)

    def teardown(self) -> None:
        if hasattr(self, "home"):
            for state, people in self.pinned:
                self.check(state, people, None)
            self.home.cleanup()

    @rule(events=st.lists(EVENTS, min_size=1, max_size=8), declared=st.booleans())
    def append(self, events: list[tuple[Any, ...]], declared: bool) -> None:
        self.seq += 1
        sent = []
        for place, (type_name, at, category, amount, _) in enumerate(events):
            properties = {"category": category, "amount": amount, "stray": amount}
            kept = {name: value for name, value in properties.items() if value is not None}
            sent.append(event(f"{self.seq}-{place}", at, type_name, **kept))
        new = rows(self.seq, sent, [one[-1] for one in events])
        self.state = self.state.appended(new, VOCABULARY if declared else SPARSE)

    @rule(count=st.integers(1, 3))
    def more_people(self, count: int) -> None:
        total = self.people.count + count
        self.people = self.people.with_anchors(total, np.arange(count) + self.people.count)

    @rule(merge=st.booleans(), left=st.integers(0, ANCHORS - 1), right=st.integers(0, ANCHORS - 1))
    def regroup(self, merge: bool, left: int, right: int) -> None:
        head_of = self.people.head_of.tolist()
        anchors = sorted({a for one in (left, right) for a in members_of(head_of, head_of[one])})
        groups = [anchors] if merge else [[a] for a in anchors]
        self.people = self.people.regrouped({group[0]: np.array(group) for group in groups})

    @rule(sealed=st.booleans())
    def flush(self, sealed: bool) -> None:
        cut = self.state.cut(self.seq, "CNY")
        if sealed:
            self.state = self.state.sealed(cut)
            self.append([("order", 3, "b", None, 1)], True)
        file = self.lake.write_cut(cut, 0)
        if file is not None:
            self.manifest.append(file)
        self.state = self.state.flushed(cut, file, self.lake.runs(file) if file else {})

    @rule(carry=st.booleans())
    def compact(self, carry: bool) -> None:
        files = self.manifest
        if len(files) > 1:
            whole = compaction.write_merged(self.lake, files, "CNY", 0)
            names, runs = [f.name for f in files], self.lake.runs(whole)
            self.state = self.state.compacted(names, whole, runs)
            if carry:
                self.lake.arrangements.carry(names, runs)
            self.lake.retire(files)
            self.manifest = [whole]

    @rule(anchor=st.integers(0, ANCHORS - 1))
    def rewrite(self, anchor: int) -> None:
        """The rows of an anchor go from the lake."""
        doomed = of_anchors(np.array([anchor]))
        self.seq += 1
        done = write_without(self.lake, self.state, doomed, self.seq, 0)
        self.state = without(self.state, done, self.lake)
        self.lake.retire([one.old for one in done])
        self.manifest = list(self.state.files)

    @rule(types=st.sampled_from([("order",), ("view",), ("order", "view")]))
    def arrange(self, types: Sequence[str]) -> None:
        for type_name in types:
            track = self.state.tracks.get(type_name)
            if track is not None:
                self.lake.arrangements.build(type_name, track, self.people)

    @rule(lose_cache=st.booleans())
    def reopen(self, lose_cache: bool) -> None:
        self.flush(sealed=False)
        for state, people in self.pinned:
            self.check(state, people, None)
        self.pinned.clear()
        self.lake = self._lake()
        if lose_cache:
            self.lake.cache.sweep([])
        self.state = self.lake.open(self.manifest, self.seq)

    @rule()
    def pin(self) -> None:
        self.pinned.append((self.state, self.people))

    @rule(data=st.data(), types=st.sampled_from([None, ("order",), ("view", "order"), ("never",)]))
    def ask(self, data: st.DataObject, types: Sequence[str] | None) -> None:
        heads = self.people.heads().tolist()
        some = data.draw(st.none() | st.lists(st.sampled_from(heads), unique=True))
        self.check(self.state, self.people, some, types)

    def check(
        self, state: TimelineState, people: People, some: list[int] | None, types: Sequence[str] | None = None
    ) -> None:
        asked = None if some is None else np.array(some, np.int64)
        everybody = Everyone(state, people, VOCABULARY, asked)
        alone = [told(PinnedView(state, people, np.array([head]), VOCABULARY))[0] for head in everybody.heads.tolist()]
        found: list[Any] = [None] * everybody.count

        def work(part: Part) -> tuple[Part, list[Any]]:
            return part, told(part.view)

        for part, answers in everybody.map(work, types):
            mine = part.own(np.arange(part.view.count)).tolist()
            places = np.arange(everybody.count)[part.places].tolist()
            for place, i in zip(places, mine, strict=True):
                assert found[place] is None, "a customer is of one part"
                found[place] = answers[i]
        assert found == alone
        assert told(batch_view(state, people, everybody.heads, VOCABULARY)) == alone

    @invariant()
    def all_are_told(self) -> None:
        if hasattr(self, "state"):
            self.check(self.state, self.people, None)


class Cramped(Arranged):
    """The same where the cache has room for next to nothing."""

    cache_bytes_max = 8_000


FEW = settings(max_examples=20 * BUDGET, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck))
Arranged.TestCase.settings = FEW
Cramped.TestCase.settings = settings(FEW, max_examples=3 * BUDGET)
TestArranged = Arranged.TestCase
TestCramped = Cramped.TestCase


def test_files_go_with_the_last_reader_of_an_arrangement(tmp_path: Path) -> None:
    lake = LakeFolder(tmp_path / "lake", tmp_path / "cache")
    state = lake.open([]).appended(rows(1, [event("a", 1), event("b", 2)], [0, 1]), VOCABULARY)
    files = []
    for seq in (1, 2):
        cut = state.cut(seq, "CNY")
        file = lake.write_cut(cut, 0)
        assert file is not None
        files.append(file)
        state = state.flushed(cut, file, lake.runs(file)).appended(rows(2, [event("c", 3)], [0]), VOCABULARY)
    people = People.empty().with_anchors(2, np.array([1, 2]))
    assert lake.arrangements.build("order", state.tracks["order"], people) is not None
    reader = Everyone(state, people, VOCABULARY).parts(["order"])
    whole = compaction.write_merged(lake, files, "CNY", 0)
    state = state.compacted([file.name for file in files], whole, lake.runs(whole))
    lake.retire(files)
    assert [told(part.view) for part in reader]
    del reader
    gc.collect()
    assert [path.name for path in lake.folder.iterdir()] == [whole.name]
