"""A value as a function of all time, for many customers at once.

The answer to any question about a customer is a step function of the instant T at which it is asked:
constant between changes, right-continuous. `Steps` holds one for each of n customers as columns, so
that an operator is one pass over arrays. Truth, since and until at T are look-ups in it; the change
feed is its changes; "as of" is T; a full recompute and the incremental answer are the same function.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from yutang.kernel.instants import BEGINNING, NEVER

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

UNKNOWN = BEGINNING  # the value of a measure that has none; also of an absent property


@dataclass(frozen=True, slots=True)
class Steps:
    """n step functions. Customer i changes at `at[offsets[i]:offsets[i+1]]` to `value[…]`.

    offsets: int64[n+1]. at: int64[m], strictly ascending within a customer; each customer's first is
    BEGINNING, so every customer has at least one row. value: int64[m]; a truth is 0 or 1; UNKNOWN marks
    a measure without value; neighbours of one customer differ (normal form), so equality of functions
    is equality of arrays.
    """

    offsets: Ints
    at: Ints
    value: Ints

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rows_at(self, instant: int) -> Ints:
        """int64[n]: the row of each customer that holds at the instant (the last with at <= instant)."""
        held = np.add.reduceat((self.at <= instant).astype(np.int64), self.offsets[:-1]) if len(self) else self.at[:0]
        return self.offsets[:-1] + held - 1

    def values_at(self, instant: int) -> Ints:
        """int64[n]: the value of each customer at the instant."""
        return self.value[self.rows_at(instant)]

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
        n = len(values)
        return cls(np.arange(n + 1, dtype=np.int64), np.full(n, BEGINNING, np.int64), values)

    def take(self, customers: Ints) -> Steps:
        """The functions of the named customers (rows 0..n-1), in that order, repeated as often as named."""
        lengths = (self.offsets[1:] - self.offsets[:-1])[customers]
        offsets = np.zeros(len(customers) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        rows = np.arange(offsets[-1], dtype=np.int64) + np.repeat(self.offsets[customers] - offsets[:-1], lengths)
        return Steps(offsets, self.at[rows], self.value[rows])

    def ends(self) -> Ints:
        """int64[m]: the instant at which each row gives way to the next; NEVER for each customer's last."""
        following = np.append(self.at[1:], NEVER)
        return np.where(following == BEGINNING, NEVER, following)
