"""Which rows surely repeat none that is kept: a Bloom filter over the ties of the rows within the horizon.

Most incoming rows are new, and a look at one word of memory says so; only the customers of the others are looked up in
their timelines. Ties are hashes, so their bits serve as they are: some choose a word, and three lots of six a bit of it
each. With 8 to 16 bits a row, 1 to 3 of 100 new rows aren't told from repeats. Cost: one miss of the cache a row; a
build reads the ties of all rows within the horizon.

Invariant: whatever is added once is found for ever; so a tie that was added for nothing costs a look, and no answer
depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from yutang.timeline.ordering import kernels
from yutang.timeline.steps import Flags, Ints

WORDS_COUNT_MIN = 1 << 14
WORDS_COUNT_MAX = 1 << 24  # 128 MB; beyond what it tells apart, everybody is looked up
ROWS_PER_WORD_MAX = 8
ROWS_PER_WORD_BUILT = 4  # as many at most when it is built, so that as many may come again


class Sieve:
    """Ties that were met. One thread at a time."""

    def __init__(self, parts: Iterable[Ints], rows: int) -> None:
        """parts: the ties to begin with, so many in all."""
        words = max(WORDS_COUNT_MIN, 1 << (rows // ROWS_PER_WORD_BUILT).bit_length())
        self._words = np.zeros(min(words, WORDS_COUNT_MAX), np.int64)
        self._rows = 0
        for ties in parts if rows <= self._room else ():
            self.add(ties)
        self._rows = max(self._rows, rows)

    @property
    def _room(self) -> int:
        return ROWS_PER_WORD_MAX * len(self._words)

    @property
    def outgrown(self) -> bool:
        """Whether a larger one would serve better."""
        return self._rows > self._room and len(self._words) < WORDS_COUNT_MAX

    def add(self, ties: Ints) -> None:
        """Ties are met."""
        kernels().soak(self._words, ties)
        self._rows += len(ties)

    def met(self, ties: Ints) -> Flags:
        """bool[k]: whether each may have been met; where it is False, it wasn't."""
        if self._rows > self._room:
            return np.ones(len(ties), bool)
        found: Flags = kernels().sift(self._words, ties)
        return found
