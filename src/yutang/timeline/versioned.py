"""Columns that change here and there, of which every version stays readable.

The newest version lies in plain arrays, and a change writes into them: O(entries). The version before it knows by then
what it had in those entries, and finds the rest in its heir; so reading an old version means undoing. Changing one that
has an heir (what a dropped delta leaves behind) copies the arrays.

Invariant: what a version shows never changes. Nothing refers to an old version but whoever holds it, so what it
remembers goes with it. One thread changes; any may read meanwhile, without a lock: a reader copies first and asks for
heirs then, and what a writer is about to overwrite is remembered before it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from yutang.timeline.steps import Ints

ROOM_ENTRIES_MIN = 1_024
ROOM_SHARE = 8  # a column that must grow gets room for an eighth more

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """New values of a column in some rows, each row once."""

    column: int
    rows: Ints
    values: Array


class _Arrays:
    """The newest version's values. Entries beyond its length hold the fillers."""

    __slots__ = ("columns", "fillers")

    def __init__(self, columns: list[Array], fillers: tuple[int, ...]) -> None:
        self.columns = columns
        self.fillers = fillers

    def room(self, length: int) -> None:
        for place, (column, filler) in enumerate(zip(self.columns, self.fillers, strict=True)):
            if len(column) < length:
                rows = max(ROOM_ENTRIES_MIN, length + length // ROOM_SHARE)
                wide = np.full((rows, *column.shape[1:]), filler, column.dtype)
                wide[: len(column)] = column
                self.columns[place] = wide


class Versioned:
    """Columns of one length, each of its own integer type; an entry may be several numbers side by side."""

    __slots__ = ("__weakref__", "_arrays", "_heir", "_undo", "length")

    def __init__(self, arrays: _Arrays, length: int) -> None:
        self.length = length
        self._arrays = arrays
        self._heir: Versioned | None = None  # None: this is the newest
        self._undo: list[Entries] = []  # what to write into the heir's columns to get these

    @classmethod
    def of(cls, columns: Sequence[Array], fillers: Sequence[int]) -> Versioned:
        """Over columns that nobody else writes to. fillers: by column, the value of rows that were never set."""
        return cls(_Arrays(list(columns), tuple(fillers)), len(columns[0]))

    def grown(self, length: int) -> Versioned:
        """With room for more rows."""
        return self if length <= self.length else self._after((), length)

    def changed(self, entries: Sequence[Entries]) -> Versioned:
        """With other values in some rows, which lie below the length."""
        return self._after([one for one in entries if len(one.rows)], self.length)

    def take(self, column: int, rows: Ints) -> Array:
        """The values of a column in some rows, in any order; a row beyond the length has the filler."""
        values = self._arrays.columns[column]
        if len(rows) and int(rows.max()) >= self.length:
            found = np.full((len(rows), *values.shape[1:]), self._arrays.fillers[column], values.dtype)
            inside = rows < self.length
            found[inside] = self.take(column, rows[inside])
            return found
        found = values[rows]
        return found if self._heir is None else self.whole(column)[rows]

    def whole(self, column: int) -> Array:
        """A column: a copy."""
        values = self._arrays.columns[column].copy()
        heirs = [self]
        while heirs[-1]._heir is not None:
            heirs.append(heirs[-1]._heir)
        for version in reversed(heirs[:-1]):
            for one in version._undo:
                if one.column == column:
                    inside = one.rows < len(values)  # what it copied may have been replaced by a longer one since
                    values[one.rows[inside]] = one.values[inside]
        return values[: self.length]

    def _after(self, entries: Sequence[Entries], length: int) -> Versioned:
        if self._heir is not None:
            columns = [self.whole(place) for place in range(len(self._arrays.columns))]
            return Versioned(_Arrays(columns, self._arrays.fillers), self.length)._after(entries, length)
        arrays = self._arrays
        arrays.room(length)
        heir = Versioned(arrays, length)
        self._undo = [Entries(one.column, one.rows, arrays.columns[one.column][one.rows]) for one in entries]
        self._heir = heir
        for one in entries:
            arrays.columns[one.column][one.rows] = one.values
        return heir
