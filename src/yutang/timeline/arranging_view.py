"""Views that read arrangements: nothing is copied of customers who stand side by side; of others, rows are gathered.

Implement `view.View`. Each type is read in the cheapest way that is right for the customers whom the view's part
answers for: as a slice of an arrangement, as such a slice with the rows that came since merged in, or gathered.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from yutang.conditions.vocabulary import Kind, Vocabulary
from yutang.kernel.instants import NEVER
from yutang.timeline.arranging_store import Arrangement
from yutang.timeline.kernels.gather import rows_between
from yutang.timeline.people import People
from yutang.timeline.pinned import Layout, Piece, PinnedView, leading, ordered
from yutang.timeline.presence import Presence, Presences
from yutang.timeline.runs import Run
from yutang.timeline.steps import Ints
from yutang.timeline.ticks import Ticked, Ticks
from yutang.timeline.tracks import TimelineState, Track
from yutang.timeline.view import Column


class Arranged:
    """An arrangement as one question reads it: each column is looked up once, whatever the number of parts.

    since: runs that the arrangement doesn't hold. newer: those of them that stretches merge in; left out if all their
    customers come in other parts. changed: int64[], ascending: the anchors that were regrouped since.
    """

    def __init__(self, arrangement: Arrangement, since: tuple[Run, ...], newer: tuple[Run, ...], changed: Ints) -> None:
        self.arrangement = arrangement
        self.since = since
        self.newer = newer
        self.changed = changed
        self.rows = arrangement.rows
        self.starts = arrangement.starts
        self.at = arrangement.at
        self.tie = arrangement.tie
        self._columns: dict[tuple[str, Kind], Column] = {}

    @cached_property
    def ticks(self) -> Ticks:
        """See `timeline.ticks`."""
        return self.arrangement.ticks

    def knows(self, name: str) -> bool:
        """Whether any row may have the property."""
        return self.arrangement.knows(name)

    def column(self, name: str, kind: Kind, currency: str) -> Column:
        """A property of all rows, read as a kind."""
        column = self._columns.get((name, kind))
        if column is None:
            column = self._columns[name, kind] = self.arrangement.column(name, kind, currency)
        return column


class Firsts:
    """The first events of customers, by their heads; made once for all parts, and only if asked for.

    seen: int64[anchors], the instant of a customer's first event. lead: the anchor at which it lies.
    """

    def __init__(self, state: TimelineState, people: People) -> None:
        self._at, self._tie = state.first_at, state.first_tie
        self._people = people
        self._lock = threading.Lock()

    def fits(self, state: TimelineState, people: People) -> bool:
        """Whether it is about these."""
        same = self._people.grouping is people.grouping and self._people.count == people.count
        return same and self._at is state.first_at and self._tie is state.first_tie

    @property
    def seen(self) -> Ints:
        with self._lock:
            return self._seen

    @property
    def lead(self) -> Ints:
        with self._lock:
            return self._lead

    @cached_property
    def _seen(self) -> Ints:
        seen = _filled(self._at.array, self._people.count)
        joined = self._people.joined
        if len(joined):
            np.minimum.at(seen, self._people.head_of[joined], _filled(self._at.array, self._people.count)[joined])
        return seen

    @cached_property
    def _lead(self) -> Ints:
        joined = self._people.joined
        lead = np.arange(self._people.count)
        heads = np.unique(self._people.head_of[joined])
        lead[heads] = leading(self._at.array, self._tie.array, *self._people.members(heads))
        return lead


def _filled(column: Ints, count: int) -> Ints:
    """A copy of the column with so many entries, NEVER where it has none."""
    whole = np.full(count, NEVER, np.int64)
    whole[: len(column)] = column[:count]
    return whole


@dataclass(frozen=True, eq=False)
class Stretch(Layout):
    """Rows of an arrangement as they lie. They keep all words, so that these are the same in all stretches."""

    def _gathered(self, name: str, kind: Kind, currency: str) -> Column:
        arranged, rows = self.pieces[0]
        if not arranged.knows(name):
            return super()._gathered(name, kind, currency)
        whole = arranged.column(name, kind, currency)
        return Column(whole.kind, whole.values[rows], whole.words)


class GatheredView(PinnedView):
    """Any customers, whose rows are gathered out of arrangements and of what came since.

    Customers are found in an arrangement by the heads that their anchors had when it was made; where such a customer
    of then isn't one any more, its rows are picked by their anchors.
    """

    def __init__(
        self,
        state: TimelineState,
        people: People,
        heads: Ints,
        vocabulary: Vocabulary,
        arranged: Mapping[str, Arranged],
    ) -> None:
        super().__init__(state, people, heads, vocabulary, everyone=False)
        self._arranged = arranged

    def _layout(self, type_name: str) -> Layout:
        layout = self._layouts.get(type_name)
        if layout is None:
            how = self._arranged.get(type_name)
            track = self._state.tracks.get(type_name, Track())
            layout = self._batchs(track) if how is None or not self.count else self._read(how)
            self._layouts[type_name] = layout
        return layout

    def _read(self, how: Arranged) -> Layout:
        mine, newer = self._of_then(how), self._pieces(how.since)
        if newer or not self._whole(how):
            return ordered([mine, *newer], self.count)
        _, rows, owners = mine
        offsets = np.zeros(self.count + 1, np.int64)
        np.cumsum(np.bincount(owners, minlength=self.count), out=offsets[1:])
        return Layout(offsets, how.at[rows], how.tie[rows], ((how, rows),), None)

    def _whole(self, how: Arranged) -> bool:
        """Whether each customer was one when the arrangement was made, so that its rows lie in order there."""
        if not len(how.changed):
            return True
        _, anchors = self._anchors()
        places = np.minimum(np.searchsorted(how.changed, anchors), len(how.changed) - 1)
        return not bool((how.changed[places] == anchors).any())

    def _of_then(self, how: Arranged) -> Piece:
        """The rows in the arrangement."""
        _, anchors = self._anchors()
        owner = self._owners()
        inside = anchors < len(how.starts) - 1
        if not inside.all():
            anchors, owner = anchors[inside], owner[inside]
        built = how.arrangement.built
        before = anchors if built is None else built[anchors]
        # One range for all anchors that were one customer and are; those whose head of then is elsewhere now, apart.
        lead = before == anchors
        if len(how.changed) and not lead.all():
            lead |= self._people.head_of[before] != self._people.head_of[anchors]
        before, owner = before[lead], owner[lead]
        if len(how.changed):
            pairs = np.unique(owner * len(how.starts) + before)
            owner, before = pairs // len(how.starts), pairs % len(how.starts)
        rows, owners = rows_between(how.starts[before], how.starts[before + 1], owner)
        if len(how.changed) and len(rows):
            mine = self._people.head_of[how.column("anchor", Kind.INTEGER, "").values[rows]] == self._heads[owners]
            rows, owners = rows[mine], owners[mine]
        return how, rows, owners


class ArrangedView(GatheredView):
    """Customers by ascending heads, with whoever lies between them in any of the arrangements."""

    def __init__(
        self,
        state: TimelineState,
        people: People,
        heads: Ints,
        vocabulary: Vocabulary,
        arranged: Mapping[str, Arranged],
        firsts: Firsts,
    ) -> None:
        super().__init__(state, people, heads, vocabulary, arranged)
        self._firsts = firsts
        self._bounds_of: dict[int, Ints] = {}
        together = bool(len(heads)) and int(heads[-1]) - int(heads[0]) + 1 == len(heads)
        self._stretch_of: slice | None = slice(int(heads[0]), int(heads[-1]) + 1) if together else None

    def first_seen(self) -> Ints:
        return self._firsts.seen[self._heads if self._stretch_of is None else self._stretch_of]

    def lead_hash(self) -> Ints:
        lead = self._firsts.lead[self._heads if self._stretch_of is None else self._stretch_of]
        return self._people.hashes.array[lead]

    def presence(self) -> Presence | None:
        """When the customers were there, by all types that lie in order and aren't state events."""
        types = [name for name, how in self._arranged.items() if not (how.newer or self.is_system(name))]
        if not types or self._state.arrangements is None:
            return None
        presences: Presences = self._state.arrangements.memo(Presences)
        quarters = presences.of([self._arranged[name].arrangement for name in types])
        return Presence(frozenset(types), quarters.starts[self._bounds(len(quarters.starts))], quarters)

    def ticked(self, type_name: str) -> Ticked | None:
        """The rows of a type, if they lie in order: not even where customers begin is copied."""
        how = self._arranged.get(type_name)
        if how is None or how.newer or not self.count:
            return None
        return Ticked(how.starts[self._bounds(len(how.starts))], how.ticks, how.at, how.tie)

    def _read(self, how: Arranged) -> Layout:
        begins = how.starts[self._bounds(len(how.starts))]
        first, last = int(begins[0]), int(begins[-1])
        rows, offsets = slice(first, last), begins - first
        if not how.newer:
            return Stretch(offsets, how.at[rows], how.tie[rows], ((how, rows),), None)
        mine: Piece = (how, rows, np.repeat(np.arange(self.count), np.diff(offsets)))
        return ordered([mine, *self._pieces(how.newer)], self.count)

    def _batchs(self, track: Track) -> Layout:
        """Of a type that isn't arranged: by its few rows, not by the many customers, where these stand together."""
        several = self._people.joined_count and len(self._anchors()[1]) != self.count
        if self._stretch_of is None or several:
            return super()._batchs(track)
        pieces: list[Piece] = []
        for run in track.runs:
            ends = np.array((self._stretch_of.start, self._stretch_of.stop), np.int64)
            rows = slice(*np.searchsorted(run.anchor, ends).tolist())
            if rows.stop > rows.start:
                pieces.append((run, rows, run.anchor[rows] - self._stretch_of.start))
        return ordered(pieces, self.count)

    def _bounds(self, entries: int) -> Ints | slice:
        """Where in `starts`, of so many entries, it says where each customer begins, and where the last one ends."""
        if self._stretch_of is not None and self._stretch_of.stop < entries:
            return slice(self._stretch_of.start, self._stretch_of.stop + 1)
        bounds = self._bounds_of.get(entries)
        if bounds is None:
            bounds = np.minimum(np.append(self._heads, self._heads[-1] + 1), entries - 1)
            self._bounds_of[entries] = bounds
        return bounds
