"""Ranges into which days and numbers fall, and medians. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from yutang.timeline.steps import Ints


@dataclass(frozen=True)
class Buckets:
    """Ranges of whole numbers by where each begins, ascending; the last one has no end."""

    begins: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """`8-14`, `1` for a range of one, `366+` for the last."""
        ranges = [str(low) if high == low + 1 else f"{low}-{high - 1}" for low, high in pairwise(self.begins)]
        return (*ranges, f"{self.begins[-1]}+")

    def of(self, values: Ints) -> Ints:
        """The place of each value's range, -1 below the first."""
        found: Ints = np.searchsorted(np.array(self.begins, np.int64), values, side="right") - 1
        return found


DAYS = Buckets((0, 1, 8, 15, 31, 61, 91, 181, 366))
TIMES = Buckets((1, 2, 3, 4, 5, 6, 11, 21, 51, 101))


def median(values: Ints) -> float | None:
    """The middle value, between the two middle ones of an even number; None of none. O(n)."""
    count = len(values)
    if not count:
        return None
    low, high = (count - 1) // 2, count // 2
    ordered = np.partition(values, (low, high))
    return (int(ordered[low]) + int(ordered[high])) / 2
