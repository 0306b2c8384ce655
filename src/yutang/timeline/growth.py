"""Append-only columns that many epochs share.

Invariant: what a published `Shelf` shows never changes. Entries above the published length belong to
whoever extends the newest shelf; a second heir of the same shelf copies instead. Cost: extending is
amortised O(new entries); replacing any entry copies the whole column (8 bytes an entry).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yutang.timeline.steps import Ints

SHELF_ENTRIES_MIN = 1_024


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """int64[length] inside a buffer whose first `claimed[0]` entries are taken by some shelf."""

    buffer: Ints
    length: int
    claimed: list[int]

    @classmethod
    def of(cls, values: Ints) -> Shelf:
        """A shelf that holds the values."""
        return cls(values, len(values), [len(values)])

    @property
    def array(self) -> Ints:
        """The values, without a copy."""
        return self.buffer[: self.length]

    def extended(self, values: Ints) -> Shelf:
        """The shelf with more values at its end."""
        if not len(values):
            return self
        total = self.length + len(values)
        if self.claimed[0] == self.length and total <= len(self.buffer):
            self.buffer[self.length : total] = values
            self.claimed[0] = total
            return Shelf(self.buffer, total, self.claimed)
        buffer = np.empty(max(SHELF_ENTRIES_MIN, total + total // 2), np.int64)
        buffer[: self.length] = self.array
        buffer[self.length : total] = values
        return Shelf(buffer, total, [total])

    def replaced(self, entries: Ints, values: Ints) -> Shelf:
        """The shelf with some entries changed: a copy."""
        if not len(entries):
            return self
        buffer = np.empty(max(SHELF_ENTRIES_MIN, self.length + self.length // 4), np.int64)
        buffer[: self.length] = self.array
        buffer[entries] = values
        return Shelf(buffer, self.length, [self.length])
