"""Some customers of a view, as a view: what is asked only of those whose answer isn't known without it.

A condition is put together out of tests, and often the first of them settles it for most customers (`Ask.only`). The
rest are asked about through a view that copies nothing: their rows are read where they lie (`lying`), and only what
needs rows side by side copies theirs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from yutang.conditions.vocabulary import Vocabulary
from yutang.timeline.kernels import intervals
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.view import Column, Slice, View


class NarrowView:
    """The customers of another view that stand at some places there, ascending. Implements `View`."""

    def __init__(self, view: View, places: Ints) -> None:
        narrow = view if isinstance(view, NarrowView) else None
        self.whole: View = view if narrow is None else narrow.whole
        self.places: Ints = places if narrow is None else narrow.places[places]
        self._slices: dict[tuple[str, tuple[str, ...]], Slice] = {}
        self._bounds: dict[str, tuple[Ints, Ints]] = {}

    @property
    def vocabulary(self) -> Vocabulary:
        return self.whole.vocabulary

    @property
    def count(self) -> int:
        return len(self.places)

    def types(self) -> Sequence[str]:
        return self.whole.types()

    def is_system(self, type_name: str) -> bool:
        return self.whole.is_system(type_name)

    def events(self, type_name: str, columns: Sequence[str]) -> Slice:
        """See `View`; copied, so that they stand side by side."""
        key = (type_name, tuple(columns))
        if key not in self._slices:
            self._slices[key] = taken(*lying(self, type_name, columns))
        return self._slices[key]

    def bounds(self, type_name: str) -> tuple[Ints, Ints]:
        """(lows, highs): where the rows of each customer lie among those of the whole view."""
        if type_name not in self._bounds:
            offsets = self.whole.events(type_name, ()).offsets
            self._bounds[type_name] = intervals.ranges_at(offsets, self.places)
        return self._bounds[type_name]

    def first_seen(self) -> Ints:
        return self.whole.first_seen()[self.places]

    def lead_hash(self) -> Ints:
        return self.whole.lead_hash()[self.places]

    def has_identity(self, kinds: Sequence[str]) -> Flags:
        return self.whole.has_identity(kinds)[self.places]


def lying(view: View, type_name: str, columns: Sequence[str]) -> tuple[Slice, Ints, Ints]:
    """(rows of a type, lows, highs): where they lie, with those of others perhaps; customer i has lows[i]:highs[i]."""
    if not isinstance(view, NarrowView):
        rows = view.events(type_name, columns)
        return rows, rows.offsets[:-1], rows.offsets[1:]
    return view.whole.events(type_name, columns), *view.bounds(type_name)


def rows_count(view: View, type_name: str) -> int:
    """About how many rows of a type a view has: as many as the whole view."""
    whole = view.whole if isinstance(view, NarrowView) else view
    return len(whole.events(type_name, ()).at)


def taken(rows: Slice, lows: Ints, highs: Ints) -> Slice:
    """The rows lows[i]:highs[i] of each customer i; not copied if these are all of everybody, or those of one."""
    if len(lows) == len(rows.offsets) - 1 and int((highs - lows).sum()) == len(rows.at):
        return rows
    chosen: Ints | slice
    if len(lows) == 1:
        chosen = slice(int(lows[0]), int(highs[0]))
        offsets = np.array([0, chosen.stop - chosen.start], np.int64)
    else:
        offsets, chosen = intervals.rows_of(lows, highs)
    read = {name: Column(one.kind, one.values[chosen], one.words) for name, one in rows.columns.items()}
    return Slice(offsets, rows.at[chosen], rows.tie[chosen], read)
