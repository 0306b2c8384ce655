"""A view of some customers at one epoch: where evaluation's columns come from.

Implements `view.View`. Invariant: rows of a customer come in the order of (at, tie), whatever runs and
anchors they lie in. Cost: nothing is copied where one run holds the batch and no customer has several
anchors; else one pass over the rows. What everyone's columns cost is paid once a track.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from yutang.conditions.vocabulary import STATE_EVENTS, Kind, Vocabulary
from yutang.kernel.instants import NEVER
from yutang.timeline.columns import absent_column, taken, united
from yutang.timeline.kernels.gather import rows_between
from yutang.timeline.ordering import customer_order
from yutang.timeline.people import Grouping, People
from yutang.timeline.runs import OWN, Run
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.tracks import TimelineState, Track
from yutang.timeline.view import Column, Slice

_STATES = frozenset(event_type.name for event_type in STATE_EVENTS)
_EVERYONE = "everyone"  # key of a track's memo


class Rows(Protocol):
    """Where rows of one type lie: a run, or an arrangement of several."""

    @property
    def rows(self) -> int: ...

    @property
    def at(self) -> Ints: ...

    @property
    def tie(self) -> Ints: ...

    def knows(self, name: str) -> bool:
        """Whether any row may have the property."""

    def column(self, name: str, kind: Kind, currency: str) -> Column:
        """A property of all rows, read as a kind."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the rows of a batch of customers come from, for one type.

    pieces: runs with the rows taken of each, one after the other. order: their rows as the batch has
    them, None if so already. columns: those read so far.
    """

    offsets: Ints
    at: Ints
    tie: Ints
    pieces: tuple[tuple[Rows, Ints | slice], ...]
    order: Ints | None
    columns: dict[tuple[str, Kind], Column] = field(default_factory=dict)

    def column(self, name: str, kind: Kind, currency: str) -> Column:
        """A column of the batch's rows."""
        column = self.columns.get((name, kind))
        if column is None:
            column = self.columns[name, kind] = self._gathered(name, kind, currency)
        return column

    def _gathered(self, name: str, kind: Kind, currency: str) -> Column:
        parts = [_taken(run, rows, name, kind, currency) for run, rows in self.pieces]
        if not parts:
            return absent_column(kind, 0)
        whole = united(parts)
        return whole if self.order is None else Column(whole.kind, whole.values[self.order], whole.words)


class PinnedView:
    """Customers given by their heads (None: everyone), at an epoch's state. Cheap to make."""

    def __init__(
        self,
        state: TimelineState,
        people: People,
        heads: Ints | None,
        vocabulary: Vocabulary,
        *,
        everyone: bool | None = None,
    ) -> None:
        """everyone: whether the heads are all there are; None: find out."""
        self._state = state
        self._people = people
        if everyone is None:
            several = people.joined_count
            everyone = heads is None or (len(heads) == people.count - several and _same(heads, people))
        self._everyone = everyone
        self._heads = people.heads() if heads is None else np.ascontiguousarray(heads, np.int64)
        self._vocabulary = vocabulary
        self._members: tuple[Ints, Ints] | None = None
        self._layouts: dict[str, Layout] = {}

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    @property
    def heads(self) -> Ints:
        """int64[n]: the customers, in the batch's order."""
        return self._heads

    @property
    def count(self) -> int:
        return len(self._heads)

    def types(self) -> Sequence[str]:
        return sorted(self._state.tracks)

    def is_system(self, type_name: str) -> bool:
        """See `View`."""
        declared = self._vocabulary.events.get(type_name)
        track = self._state.tracks.get(type_name)
        return (
            type_name in _STATES or (declared is not None and declared.system) or (track is not None and track.system)
        )

    def events(self, type_name: str, columns: Sequence[str]) -> Slice:
        """See `View`."""
        layout = self._layout(type_name)
        currency = self._vocabulary.currency
        read = {name: layout.column(name, self._kind(type_name, name), currency) for name in columns}
        return Slice(layout.offsets, layout.at, layout.tie, read)

    def first_seen(self) -> Ints:
        """See `View`."""
        offsets, anchors = self._anchors()
        if not len(anchors):
            return np.empty(0, np.int64)
        first = _entries(self._state.first_at.array, anchors)
        return first if len(anchors) == self.count else np.minimum.reduceat(first, offsets[:-1])

    def lead_hash(self) -> Ints:
        """See `View`."""
        offsets, anchors = self._anchors()
        if len(anchors) == self.count:
            return self._people.hashes.array[anchors]
        return self._people.hashes.array[
            leading(self._state.first_at.array, self._state.first_tie.array, offsets, anchors)
        ]

    def has_identity(self, kinds: Sequence[str]) -> Flags:
        return self._people.owners(self._heads, kinds)

    def _kind(self, type_name: str, name: str) -> Kind:
        return kind_of(self._vocabulary, type_name, name)

    def _anchors(self) -> tuple[Ints, Ints]:
        if self._members is None:
            self._members = self._people.members(self._heads)
        return self._members

    def _layout(self, type_name: str) -> Layout:
        layout = self._layouts.get(type_name)
        if layout is None:
            track = self._state.tracks.get(type_name, Track())
            layout = self._everyones(track) if self._everyone else self._batchs(track)
            self._layouts[type_name] = layout
        return layout

    def _everyones(self, track: Track) -> Layout:
        """Kept with the track, for all epochs in which nobody's anchors were regrouped."""
        kept: tuple[Grouping, Layout] | None = track.memo.get(_EVERYONE)
        if kept is not None and kept[0] is self._people.grouping:
            return _resized(kept[1], self.count)
        layout = self._batchs(track) if self._people.joined_count == 0 else self._all_rows(track)
        track.memo[_EVERYONE] = (self._people.grouping, layout)
        return layout

    def _all_rows(self, track: Track) -> Layout:
        rank = self._people.rank
        return ordered([(run, slice(None), rank[run.anchor]) for run in track.runs], self.count)

    def _batchs(self, track: Track) -> Layout:
        alone = len(self._anchors()[1]) == self.count
        if self._everyone and alone and len(track.runs) > 1:
            return self._all_rows(track)
        pieces = self._pieces(track.runs)
        if len(pieces) == 1 and alone:
            return _sliced(*pieces[0], self.count)
        return ordered(pieces, self.count)

    def _pieces(self, runs: Sequence[Run]) -> list[tuple[Run, Ints, Ints]]:
        """The rows in some runs: those that have any."""
        _, anchors = self._anchors()
        found = [(run, *rows_between(*run.ranges(anchors), self._owners())) for run in runs]
        return [piece for piece in found if len(piece[1])]

    def _owners(self) -> Ints:
        """int64[anchors]: the customer of each anchor."""
        offsets, anchors = self._anchors()
        alone = len(anchors) == self.count
        return np.arange(self.count) if alone else np.repeat(np.arange(self.count), np.diff(offsets))


Piece = tuple[Rows, Ints | slice, Ints]  # a run, the rows taken of it, the customer of each


_STATE_TYPES = {event_type.name: event_type for event_type in STATE_EVENTS}


def kind_of(vocabulary: Vocabulary, type_name: str, name: str) -> Kind:
    """The kind as which a property is read: as declared today, else text."""
    if name in OWN:
        return OWN[name]
    declared = vocabulary.events.get(type_name) or _STATE_TYPES.get(type_name)
    return (declared.property_kind(name) if declared else None) or Kind.STRING


def leading(first_at: Ints, first_tie: Ints, offsets: Ints, anchors: Ints) -> Ints:
    """int64[customers]: of each customer's anchors, given as `People.members` gives them, the one with the first event;
    its head, being the first, where there is none."""
    counts = np.diff(offsets)
    leads = anchors[offsets[:-1]]
    several = np.flatnonzero(counts > 1)
    if len(several):
        mine = anchors[np.repeat(counts > 1, counts)]
        owner = np.repeat(np.arange(len(several)), counts[several])
        order = np.lexsort((_entries(first_tie, mine), _entries(first_at, mine), owner))
        leads[several] = mine[order[np.cumsum(counts[several]) - counts[several]]]
    return leads


def _same(heads: Ints, people: People) -> bool:
    return bool(np.array_equal(heads, people.heads()))


def _entries(column: Ints, anchors: Ints) -> Ints:
    """The entries of anchors; those beyond the column have none."""
    if not len(column):
        return np.full(len(anchors), NEVER, np.int64)
    return np.where(anchors < len(column), column[np.minimum(anchors, len(column) - 1)], NEVER)


def _taken(run: Rows, rows: Ints | slice, name: str, kind: Kind, currency: str) -> Column:
    if not run.knows(name):
        return absent_column(kind, len(range(run.rows)[rows]) if isinstance(rows, slice) else len(rows))
    column = run.column(name, kind, currency)
    return column if isinstance(rows, slice) and rows == slice(None) else taken(column, rows)


def _sliced(run: Run, rows: Ints, owners: Ints, count: int) -> Layout:
    """One run, customers of one anchor: its rows are in order already; without a copy if they lie together."""
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(owners, minlength=count), out=offsets[1:])
    first, last = int(rows[0]), int(rows[-1])
    taken_rows: Ints | slice = rows
    if last - first + 1 == len(rows) and (len(rows) == 1 or bool((rows[1:] > rows[:-1]).all())):
        taken_rows = slice(None) if len(rows) == run.rows else slice(first, last + 1)
    return Layout(offsets, run.at[taken_rows], run.tie[taken_rows], ((run, taken_rows),), None)


def ordered(pieces: Sequence[Piece], count: int) -> Layout:
    """Rows of several runs or anchors, put in order. pieces: (run, rows, the customer of each)."""
    if not pieces:
        none = np.empty(0, np.int64)
        return Layout(np.zeros(count + 1, np.int64), none, none, (), None)
    owner = _joined([owners for _, _, owners in pieces])
    at = _joined([run.at[rows] for run, rows, _ in pieces])
    tie = _joined([run.tie[rows] for run, rows, _ in pieces])
    offsets, order = customer_order(owner, at, tie, count)
    return Layout(offsets, at[order], tie[order], tuple((run, rows) for run, rows, _ in pieces), order)


def _joined(parts: list[Ints]) -> Ints:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _resized(layout: Layout, count: int) -> Layout:
    """The layout for an epoch with more customers than the one it was made for, or with fewer.

    The track is the same, so the customers that only one of the two knows have none of its rows.
    """
    missing = count + 1 - len(layout.offsets)
    if not missing:
        return layout
    added = np.full(max(missing, 0), layout.offsets[-1], np.int64)
    offsets = np.concatenate((layout.offsets[: count + 1], added))
    return Layout(offsets, layout.at, layout.tie, layout.pieces, layout.order, layout.columns)
