"""A value as a function of all time, for many customers at once.

The answer to any question about a customer is a step function of the instant T at which it is asked:
constant between changes, right-continuous. `Steps` holds one for each of n customers as columns, so
that an operator is one pass over arrays. Truth, since and until at T are look-ups in it; the change
feed is its changes; "as of" is T; a full recompute and the incremental answer are the same function.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import numpy.typing as npt

from yutang.kernel.instants import BEGINNING, NEVER

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

UNKNOWN = BEGINNING  # the value of a measure that has none; also of an absent property
_FRAMES_COUNT_MAX = 8  # batches come in few sizes


@dataclass(frozen=True, slots=True)
class Stretch:
    """The instants T about which is asked: start <= T <= end. If the two are one, it is a point."""

    start: int = BEGINNING
    end: int = NEVER

    @classmethod
    def at(cls, instant: int) -> Stretch:
        """A point."""
        return cls(instant, instant)

    @property
    def point(self) -> bool:
        """Whether a single instant is asked about."""
        return self.start == self.end


ALL_TIME = Stretch()


@dataclass(frozen=True, slots=True)
class Steps:
    """n step functions. Customer i changes at `at[offsets[i]:offsets[i+1]]` to `value[…]`.

    offsets: int64[n+1]. at: int64[m], strictly ascending within a customer; each customer's first is
    BEGINNING, so every customer has at least one row. value: int64[m]; a truth is 0 or 1, at a point a bool;
    UNKNOWN marks a measure without value; neighbours of one customer differ (normal form), so equality of
    functions is equality of arrays.

    Asked for a stretch of time, a function is *clipped*: its first row, at BEGINNING, is what holds at the start
    of the stretch, and changes before and after the stretch are left out. At a point every function is *flat*: a
    row a customer, so that operators are plain arithmetic on `value`.
    """

    offsets: Ints
    at: Ints
    value: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def flat(self) -> bool:
        """Whether no customer's value ever changes."""
        return len(self.at) == len(self)

    def rows_at(self, instant: int) -> Ints:
        """int64[n]: the row of each customer that holds at the instant (the last with at <= instant)."""
        if self.flat:
            return self.offsets[:-1]
        held = np.add.reduceat((self.at <= instant).astype(np.int64), self.offsets[:-1]) if len(self) else self.at[:0]
        return self.offsets[:-1] + held - 1

    def values_at(self, instant: int) -> Ints:
        """int64[n]: the value of each customer at the instant."""
        return self.value if self.flat else self.value[self.rows_at(instant)]

    def look(self, instant: int) -> tuple[Ints, Ints, Ints]:
        """(value, since, until), int64[n] each: BEGINNING if it always held, NEVER if no change is due."""
        rows = self.rows_at(instant)
        following = rows + 1
        ends = following >= self.offsets[1:]
        until = np.where(ends, NEVER, self.at[np.where(ends, rows, following)])
        return self.value[rows], self.at[rows], until

    @classmethod
    def of(cls, columns: tuple[Ints, Ints, Ints]) -> Steps:
        """From what a kernel returns: (offsets, at, value)."""
        return cls(*columns)

    @classmethod
    def constant(cls, values: Ints) -> Steps:
        """A function for each of n customers that never changes. values: int64[n]."""
        return cls(*_frame(len(values)), values)

    @classmethod
    def truths(cls, flags: Flags) -> Steps:
        """A truth for each of n customers that never changes. flags: bool[n]."""
        return cls(*_frame(len(flags)), cast("Ints", flags))

    def take(self, customers: Ints) -> Steps:
        """The functions of the named customers (rows 0..n-1), in that order, repeated as often as named."""
        if self.flat:
            return Steps.constant(self.value[customers])
        lengths = (self.offsets[1:] - self.offsets[:-1])[customers]
        offsets = np.zeros(len(customers) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        rows = np.arange(offsets[-1], dtype=np.int64) + np.repeat(self.offsets[customers] - offsets[:-1], lengths)
        return Steps(offsets, self.at[rows], self.value[rows])

    def spread(self, customers: Ints, count: int, rest: int) -> Steps:
        """The functions as those of the named ones (ascending) of so many customers; the others have a value `rest`."""
        if self.flat:
            values = np.full(count, rest, self.value.dtype)
            values[customers] = self.value
            return Steps.constant(values)
        lengths = np.ones(count, np.int64)
        lengths[customers] = self.offsets[1:] - self.offsets[:-1]
        offsets = np.zeros(count + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        at, value = np.full(offsets[-1], BEGINNING, np.int64), np.full(offsets[-1], rest, np.int64)
        rows = np.arange(len(self.at)) + np.repeat(offsets[customers] - self.offsets[:-1], lengths[customers])
        at[rows], value[rows] = self.at, self.value
        return Steps(offsets, at, value)

    def ends(self) -> Ints:
        """int64[m]: the instant at which each row gives way to the next; NEVER for each customer's last."""
        following = np.append(self.at[1:], NEVER)
        return np.where(following == BEGINNING, NEVER, following)


@lru_cache(maxsize=_FRAMES_COUNT_MAX)
def _frame(count: int) -> tuple[Ints, Ints]:
    """(offsets, at) of flat functions: the same for all of one length, and never written to."""
    offsets, at = np.arange(count + 1, dtype=np.int64), np.full(count, BEGINNING, np.int64)
    offsets.flags.writeable = at.flags.writeable = False
    return offsets, at
