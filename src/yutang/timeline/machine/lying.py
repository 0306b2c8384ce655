"""Where the rows of a program's sources lie at an epoch: in arrangements and in runs, read without a copy.

A type's arrangement is a block by the heads of customers, each run that it doesn't hold one by their anchors, through
the run's index. What follows from a run alone (addresses, which rows pass a filter) is worked out once and lives as
long as the run. So of a group of events only the runs are new that its own rows made.

Customers of a few anchors have a block for each of them in every run. Who has more, or was regrouped since something
was arranged, is read through a view instead: rightly, and slower.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from yutang.conditions.vocabulary import Vocabulary
from yutang.timeline.arranging_parts import changes, newer_runs
from yutang.timeline.arranging_store import Arrangement
from yutang.timeline.boundaries import calendar
from yutang.timeline.columns import absent_column
from yutang.timeline.evaluation.selection import filtered, passing, read_by
from yutang.timeline.everyone import batch_view
from yutang.timeline.kernels.machine_fields import BLOCK_FIELDS, BY, DENSE, HIGHS, INDEXED
from yutang.timeline.machine.program import Program, Source
from yutang.timeline.machine.reading import Coding, read, wanted
from yutang.timeline.machine.run import Blocks, address, blocks_of
from yutang.timeline.people import NO_ANCHOR, Grouping, People
from yutang.timeline.pinned import PinnedView, kind_of
from yutang.timeline.runs import Run
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.tracks import TimelineState
from yutang.timeline.view import Column, Slice, View

ANCHORS_COUNT_MAX = 4  # of a customer that is read where its rows lie
Holder = Run | Arrangement
Records = tuple[Ints, tuple[Any, ...]]  # the numbers of a block for each source of a type, and what they point to
_NOBODY: Ints = np.empty(0, np.int64)

# Which rows pass a filter, of what lies on disk: it outlives programs, as definitions come and go.
_passing: WeakKeyDictionary[Holder, dict[object, Flags]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Batch:
    """Some of the customers that were asked for, by their places, and where their rows lie."""

    places: Ints
    blocks: Blocks


class Lying:
    """The rows of a program's sources under a vocabulary, epoch after epoch. One thread asks."""

    def __init__(self, program: Program, vocabulary: Vocabulary, *, shared: bool = True) -> None:
        """shared: what passes filters is kept for as long as rows lie on disk, for all programs; not with this one
        alone."""
        self._program = program
        self._shared = shared
        self._vocabulary = vocabulary
        filters: dict[object, int] = {}
        self._filter_of = [
            filters.setdefault((one.kind, one.events, one.zone), len(filters)) if filtered(one.kind, one.events) else -1
            for one in program.sources
        ]
        self._places: dict[str, list[int]] = {}  # of the sources of each type
        for place, one in enumerate(program.sources):
            self._places.setdefault(one.kind[0], []).append(place)
        self._records: WeakKeyDictionary[Holder, Records] = WeakKeyDictionary()
        self._flags: WeakKeyDictionary[Holder, dict[int, Flags]] = WeakKeyDictionary()
        self._coding = Coding()
        self._laid: tuple[Holder, ...] = ()
        self._template: _Template | None = None
        self._apart: tuple[object, Grouping, Flags] | None = None

    def batches(self, state: TimelineState, people: People, heads: Ints, at_once: int) -> Iterator[Batch]:
        """Customers by their heads, in batches of so many at most; each in one."""
        arranged = self._arranged(state)
        template = self._laid_out(state, arranged)
        odd = self._odd(people, arranged, heads)
        several = np.zeros(len(heads), np.bool_)
        ranks = heads[None, :]
        if people.joined_count:
            offsets, anchors = people.members(heads)
            counts = np.diff(offsets)
            odd |= counts > ANCHORS_COUNT_MAX
            several = counts > 1
            ranks = np.full((ANCHORS_COUNT_MAX, len(heads)), NO_ANCHOR, np.int64)
            for rank in range(ANCHORS_COUNT_MAX):
                there = np.flatnonzero(counts > rank)
                ranks[rank, there] = anchors[offsets[there] + rank]
        for kind in (~odd & ~several, ~odd & several):
            for places in _cut(np.flatnonzero(kind), at_once):
                mine = [np.ascontiguousarray(rank[places]) for rank in ranks]
                used = [rank for rank in mine if bool((rank != NO_ANCHOR).any())]
                yield Batch(places, template.blocks(used))
        for places in _cut(np.flatnonzero(odd), at_once):
            view = batch_view(state, people, heads[places], self._vocabulary)
            yield Batch(places, blocks_of(self._program, view))

    def alone(self, state: TimelineState, people: People, anchor: Ints) -> tuple[Blocks, Flags]:
        """(where the rows lie of the customer whose only anchor stands in `anchor`, int64[1], whenever that is read;
        bool[anchors], of whom it isn't right)."""
        arranged = self._arranged(state)
        template = self._laid_out(state, arranged)
        self._odd(people, arranged, _NOBODY)
        assert self._apart is not None
        return template.blocks([anchor]), self._apart[2]

    def warm(self, state: TimelineState) -> None:
        """Work out what is kept of all rows on disk; by any thread that alone has this so far."""
        self._laid_out(state, self._arranged(state))

    # ── which rows ──────────────────────────────────────────────────────────────────────────────

    def _arranged(self, state: TimelineState) -> dict[str, Arrangement]:
        kept = state.arrangements
        if kept is None:
            return {}
        types = dict.fromkeys(one.kind[0] for one in self._program.sources)
        found = {name: kept.of(name, state.tracks[name]) for name in types if name in state.tracks}
        return {name: one for name, one in found.items() if one is not None}

    def _laid_out(self, state: TimelineState, arranged: dict[str, Arrangement]) -> _Template:
        holders = {name: _holders(state, name, arranged.get(name)) for name in self._places}
        laid = tuple(one for some in holders.values() for one in some)
        if self._template is None or len(laid) != len(self._laid) or any(map(_is_not, laid, self._laid)):
            if not set(self._lasting(self._laid)) <= set(laid):  # codes go by what was read first
                self._coding, self._records = Coding(), WeakKeyDictionary()
            view = PinnedView(state, People.empty(), _NOBODY, self._vocabulary, everyone=False)
            found = {
                name: [self._recorded(view, self._places[name], one) for one in some] for name, some in holders.items()
            }
            self._template = _Template(found, self._places, len(self._program.sources))
            self._laid = laid
        return self._template

    @staticmethod
    def _lasting(laid: tuple[Holder, ...]) -> list[Holder]:
        return [one for one in laid if isinstance(one, Arrangement)]

    def _odd(self, people: People, arranged: dict[str, Arrangement], heads: Ints) -> Flags:
        """bool[heads]: whose anchors weren't one customer, and all of it, when something was arranged."""
        groupings = tuple(sorted({(one.made_of.heads, one.anchors_count) for one in arranged.values()}))
        if self._apart is None or self._apart[0] != groupings or self._apart[1] is not people.grouping:
            self._apart = (groupings, people.grouping, _regrouped(people, arranged))
        apart = self._apart[2]
        odd = np.zeros(len(heads), np.bool_)
        known = heads < len(apart)
        odd[known] = apart[heads[known]]
        return odd

    # ── what is worked out once a run ───────────────────────────────────────────────────────────

    def _recorded(self, view: View, places: Sequence[int], holder: Holder) -> Records:
        """A run as the sources of its type read it, one after the other."""
        records = self._records.get(holder)
        if records is None:
            found = [self._record(view, place, holder) for place in places]
            numbers = np.array([numbers for numbers, _ in found], np.int64)
            records = self._records[holder] = (numbers, tuple(held for _, held in found))
        return records

    def _record(self, view: View, place: int, holder: Holder) -> tuple[tuple[int, ...], tuple[Any, ...]]:
        source = self._program.sources[place]
        passed = None if self._filter_of[place] < 0 else self._passing(view, place, holder)
        found = read(source, view, self._rows(source, holder, wanted(source)), self._coding, passed)
        if isinstance(holder, Run):
            by, lows, most = INDEXED, holder.packed_index, 0
        else:
            by, lows, most = DENSE, holder.starts, holder.anchors_count
        columns = (lows, holder.at, holder.tie, found.flags, found.values, found.keys)
        held = tuple(None if one is None else np.ascontiguousarray(one) for one in columns)
        first, at, tie, flags, values, keys = (0 if one is None else address(one) for one in held)
        return (by, first, first + 8 if by == DENSE else 0, at, tie, flags, values, most, keys), held

    def _passing(self, view: View, place: int, holder: Holder) -> Flags:
        mine = self._flags.setdefault(holder, {})
        found = mine.get(self._filter_of[place])
        if found is None:
            lasting = self._shared and (isinstance(holder, Arrangement) or bool(holder.file))
            found = mine[self._filter_of[place]] = (
                self._kept(view, place, holder) if lasting else self._flagged(view, place, holder)
            )
        return found

    def _kept(self, view: View, place: int, holder: Holder) -> Flags:
        source = self._program.sources[place]
        names = read_by(source.kind, source.events, None)
        kinds = tuple(kind_of(self._vocabulary, source.kind[0], name) for name in names)
        key = (source.kind, source.events.where, source.zone, kinds, self._vocabulary.currency)
        kept = _passing.setdefault(holder, {})
        found = kept.get(key)
        if found is None:
            found = kept[key] = self._flagged(view, place, holder)
        return found

    def _flagged(self, view: View, place: int, holder: Holder) -> Flags:
        source = self._program.sources[place]
        rows = self._rows(source, holder, read_by(source.kind, source.events, None))
        found = passing(view, source.kind, source.events, rows, calendar(source.zone or self._vocabulary.zone))
        return np.ones(holder.rows, np.bool_) if found is None else found

    def _rows(self, source: Source, holder: Holder, names: Sequence[str]) -> Slice:
        """All rows of a run, with some properties; whose they are isn't said."""
        columns: dict[str, Column] = {}
        for name in names:
            kind = kind_of(self._vocabulary, source.kind[0], name)
            known = holder.knows(name)
            columns[name] = (
                holder.column(name, kind, self._vocabulary.currency) if known else absent_column(kind, holder.rows)
            )
        return Slice(_NOBODY, holder.at, holder.tie, columns)


class _Template:
    """The blocks of all sources, in which the anchors of a batch are still open."""

    def __init__(
        self, records: Mapping[str, Sequence[Records]], places: Mapping[str, Sequence[int]], sources_count: int
    ) -> None:
        numbers, sources = [np.empty((0, BLOCK_FIELDS), np.int64)], [_NOBODY]
        for name, mine in records.items():
            if mine:
                numbers.append(np.stack([one[0] for one in mine], axis=1).reshape(-1, BLOCK_FIELDS))
                sources.append(np.repeat(places[name], len(mine)))
        source = np.concatenate(sources)
        order = np.argsort(source, kind="stable")
        self._numbers = np.concatenate(numbers)[order]
        self._source = source[order]
        self._sources_count = sources_count
        self._indexed = self._numbers[:, BY] == INDEXED
        self._held = [one[1] for mine in records.values() for one in mine]

    def blocks(self, ranks: Sequence[Ints]) -> Blocks:
        """For customers whose anchors are given, column after column, NO_ANCHOR where there is none."""
        times = np.where(self._indexed, len(ranks), 1)
        rows = np.repeat(np.arange(len(times)), times)
        numbers = self._numbers[rows]
        rank = np.arange(len(rows)) - (np.cumsum(times) - times)[rows]
        places = np.array([address(one) for one in ranks], np.int64)
        inside = self._indexed[rows]
        numbers[inside, HIGHS] = places[rank[inside]]
        of = np.zeros(self._sources_count + 1, np.int64)
        np.cumsum(np.bincount(self._source[rows], minlength=self._sources_count), out=of[1:])
        flat = numbers.reshape(-1) if len(rows) else np.zeros(1, np.int64)
        return Blocks(of, flat, [self._held, *ranks])


def _holders(state: TimelineState, name: str, arrangement: Arrangement | None) -> tuple[Holder, ...]:
    """What holds the rows of a type: its arrangement, and the runs that aren't in it."""
    track = state.tracks.get(name)
    if track is None:
        return ()
    if arrangement is None:
        return tuple(run for run in track.runs if run.rows)
    return (arrangement, *(run for run in newer_runs(state, name, arrangement) if run.rows))


def _cut(places: Ints, at_once: int) -> list[Ints]:
    return [places[low : low + at_once] for low in range(0, len(places), at_once)]


def _is_not(one: object, other: object) -> bool:
    return one is not other


def _regrouped(people: People, arranged: dict[str, Arrangement]) -> Flags:
    """bool[anchors]: heads of then and of now of those who were regrouped since anything was arranged."""
    apart = np.zeros(people.count, np.bool_)
    for one in {(one.made_of.heads, one.anchors_count): one for one in arranged.values()}.values():
        ((_, changed),) = changes(people, {"": one}).items()
        if len(changed):
            apart[changed if one.built is None else one.built[changed]] = True
            now = people.head_of[changed]
            apart[now[now != NO_ANCHOR]] = True
    return apart
