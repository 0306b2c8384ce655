"""A question about many customers: cut into parts, worked by an executor, put together again.

The one way in which anything is asked of a whole pool. A `Part` is a view of a batch of customers, small enough that
what is worked out of it stays in the processor's cache; `Everyone.map` works all parts, several at a time, and
`Everyone.columns` lays what each part says of its customers side by side, in the order of `heads`.

A view may hold customers of whom it doesn't know everything: these belong to another part. So work answers for all
customers of a view, customer by customer, and only the answers of those that are the part's own (`mine`) count.
Where rows lie in the order of customers (`arranging_store`), a part is a stretch of them, and costs microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from yutang.conditions.vocabulary import Vocabulary
from yutang.timeline.arranging_parts import ASKED_SHARE, LastGathering, LineUp, LineUps, gathering, line_up
from yutang.timeline.arranging_store import Arrangement, worthwhile
from yutang.timeline.arranging_view import Arranged, ArrangedView, GatheredView
from yutang.timeline.people import People
from yutang.timeline.pinned import PinnedView
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.tracks import TimelineState
from yutang.timeline.view import View

T = TypeVar("T")
Array = npt.NDArray[Any]

# A step function of a customer takes a few hundred bytes, and an evaluation holds dozens of them: some 150 MB at a
# time. Larger parts are no faster.
CUSTOMERS_AT_ONCE_MAX = 32_768
CUSTOMERS_AT_ONCE_MIN = 16_384  # fewer aren't worth another thread
THREADS_COUNT = 2  # kernels and whole columns let go of the interpreter; more threads would wait for it


@dataclass(frozen=True, slots=True)
class Part:
    """A batch of customers. places: where its own ones stand among all that are asked about.

    mine: bool[view.count], which customers of the view are its own; None: all.
    """

    view: View
    places: slice | Ints
    mine: Flags | None = None

    def own(self, values: Array) -> Array:
        """What was found of the view's customers (on the last axis), of the part's own ones."""
        return values if self.mine is None else values[..., self.mine]


class Executor(Protocol):
    """Where parts are worked."""

    def map(self, work: Callable[[Part], T], parts: Sequence[Part]) -> list[T]:
        """What the work gives for each part, in their order. It may be called by several threads or processes at
        once, so it changes nothing that it was given."""


class Threads:
    """Works parts on this machine."""

    def map(self, work: Callable[[Part], T], parts: Sequence[Part]) -> list[T]:
        """See `Executor`."""
        if len(parts) == 1:
            return [work(parts[0])]
        with ThreadPoolExecutor(THREADS_COUNT, "evaluating") as threads:
            return list(threads.map(work, parts))


def batch_view(state: TimelineState, people: People, heads: Ints, vocabulary: Vocabulary) -> PinnedView:
    """A view of some customers, in any order, read by what is arranged, if anything is."""
    if state.arrangements is None:
        return PinnedView(state, people, heads, vocabulary)
    last: LastGathering = state.arrangements.memo(LastGathering)
    arranged = last.of(state, people, state.arrangements)
    return (
        GatheredView(state, people, heads, vocabulary, arranged)
        if arranged
        else PinnedView(state, people, heads, vocabulary)
    )


class Everyone:
    """Customers by their heads (None: all of them) at an epoch's state."""

    def __init__(
        self,
        state: TimelineState,
        people: People,
        vocabulary: Vocabulary,
        heads: Ints | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.heads = people.heads() if heads is None else heads
        self._some = heads is not None
        self._state = state
        self._people = people
        self._vocabulary = vocabulary
        self._executor = executor or Threads()

    @property
    def count(self) -> int:
        """The number of customers."""
        return len(self.heads)

    def parts(self, types: Iterable[str] | None = None, at_once: int | None = None) -> list[Part]:
        """The customers in batches; one at least, so that a question of nobody has an answer too.

        types: what the work will read, with which it is fastest; others may be read all the same. None: anything.
        at_once: how many customers a part has at most, for work that holds less of each than step functions.
        """
        at_once = _evenly(self.count, at_once or CUSTOMERS_AT_ONCE_MAX)
        names = None if types is None else frozenset(types)
        found = self._arrangements(names)
        reads = names is None or not names.isdisjoint(self._state.tracks)
        if self._few or (reads and not found):
            arranged = gathering(self._state, self._people, found)
            starts = range(0, max(1, self.count), at_once)
            return [self._gathered(slice(start, start + at_once), arranged) for start in starts]
        lined = self._lined(found)
        parts = [self._stretch(lined, where) for where in lined.stretches(at_once)]
        places = np.searchsorted(self.heads, lined.others)
        starts = range(0, len(places) if parts else max(1, len(places)), at_once)
        return parts + [self._gathered(places[start : start + at_once], lined.arranged) for start in starts]

    def map(
        self,
        work: Callable[[Part], T],
        types: Iterable[str] | None = None,
        at_once: int | None = None,
    ) -> list[T]:
        """What the work gives for each part. types, at_once: see `parts`."""
        return self._executor.map(work, self.parts(types, at_once))

    def columns(
        self,
        work: Callable[[View], Sequence[Array]],
        types: Iterable[str] | None = None,
        at_once: int | None = None,
    ) -> tuple[Array, ...]:
        """Columns over all customers (on the last axis), of what the work finds for the customers of each view.

        types, at_once: see `parts`.
        """

        def own(part: Part) -> tuple[slice | Ints, list[Array]]:
            return part.places, [part.own(column) for column in work(part.view)]

        found = self.map(own, types, at_once)
        whole = [np.empty((*column.shape[:-1], self.count), column.dtype) for column in found[0][1]]
        for places, columns in found:
            for into, column in zip(whole, columns, strict=True):
                into[..., places] = column
        return tuple(whole)

    def _arrangements(self, types: frozenset[str] | None) -> dict[str, Arrangement]:
        """Those to read by. Of types that are named, they are made if there are none and many are asked about."""
        kept, tracks = self._state.arrangements, self._state.tracks
        if kept is None:
            return {}
        named = tracks if types is None else {name: tracks[name] for name in types if name in tracks}
        found = {name: kept.of(name, track) for name, track in named.items()}
        if types is not None and not self._few:
            missing = [name for name, one in found.items() if one is None and worthwhile(named[name])]
            if missing:
                missing.sort(key=lambda name: named[name].rows, reverse=True)
                with ThreadPoolExecutor(THREADS_COUNT, "arranging") as threads:
                    made = threads.map(lambda name: kept.made(name, named[name], self._people), missing)
                    found |= dict(zip(missing, made, strict=True))
        return {name: one for name, one in found.items() if one is not None}

    @property
    def _few(self) -> bool:
        """Whether so few are asked about, or in such an order, that their rows are gathered."""
        if not self._some:
            return False
        few = self.count * ASKED_SHARE <= self._people.count - self._people.joined_count
        return few or not bool((self.heads[1:] > self.heads[:-1]).all())

    def _lined(self, found: Mapping[str, Arrangement]) -> LineUp:
        kept = self._state.arrangements
        asked = self.heads if self._some else None
        if kept is None:
            return line_up(self._state, self._people, asked, found)
        line_ups: LineUps = kept.memo(LineUps)
        lined = line_ups.of(self._state, self._people, asked, found)
        if not kept.keeps(found.values()):  # the clearing may have come before
            line_ups.clear()
        return lined

    def _stretch(self, lined: LineUp, where: slice) -> Part:
        heads = lined.heads[where]
        mine = None if lined.mine is None else lined.mine[where]
        view = ArrangedView(self._state, self._people, heads, self._vocabulary, lined.arranged, lined.firsts)
        if lined.heads is self.heads:
            return Part(view, where if mine is None else where.start + np.flatnonzero(mine), mine)
        own = heads if mine is None or mine.all() else heads[mine]
        first, last = (int(place) for place in np.searchsorted(self.heads, own[[0, -1]]))
        together = last - first + 1 == len(own)
        places: slice | Ints = slice(first, last + 1) if together else np.searchsorted(self.heads, own)
        return Part(view, places, None if len(own) == len(heads) else mine)

    def _gathered(self, places: slice | Ints, arranged: Mapping[str, Arranged]) -> Part:
        pinned = (self._state, self._people, self.heads[places], self._vocabulary)
        return Part(GatheredView(*pinned, arranged) if arranged else PinnedView(*pinned), places)


def _evenly(count: int, most: int) -> int:
    """How many of so many customers a part has, at most `most`, so that threads end together."""
    parts = max(-(-count // most), min(THREADS_COUNT, count // CUSTOMERS_AT_ONCE_MIN))
    if parts > 1:
        parts += -parts % THREADS_COUNT
    return max(1, -(-count // max(1, parts)))
