"""When customers were there at all, kept for the arrangements of all types that aren't state events.

Derived in memory at the first question about all events, and let go of with the arrangements; 12 bytes for each
quarter of an hour in which a customer has an event. What isn't arranged, or came since, is read as it lies.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np

from yutang.timeline.kernels.presence import QUARTER_MS, Halves, united
from yutang.timeline.steps import Ints

CUSTOMERS_A_BLOCK = 16_384
THREADS_COUNT = 2


class Instants(Protocol):
    """A list of instants a customer, by heads: what is read of an arrangement."""

    @property
    def starts(self) -> Ints: ...

    @property
    def at(self) -> Ints: ...


@dataclass(frozen=True, eq=False)
class Quarters:
    """The first instant of each quarter in which customers were there, by heads: at[starts[head]:starts[head + 1]].

    codes: of each instant twice its quarter, counted from quarter number `first` on, and one more at a customer's last.
    count: how many quarters there are, from the first one to the last.
    """

    starts: Ints
    at: Ints
    codes: Halves
    first: int
    count: int

    @classmethod
    def of(cls, starts: Ints, at: Ints) -> Quarters:
        """Of lists that have no two instants of one quarter."""
        quarters = at // QUARTER_MS
        first, last = (int(quarters.min()), int(quarters.max())) if len(at) else (0, -1)
        quarters -= first
        quarters *= 2
        ends = starts[1:][starts[1:] > starts[:-1]] - 1
        quarters[ends] += 1
        return cls(starts, at, quarters.astype(np.uint32), first, last - first + 1)


@dataclass(frozen=True)
class Presence:
    """When n customers were there by some types: customer i at quarters.at[offsets[i]:offsets[i + 1]]."""

    types: frozenset[str]
    offsets: Ints
    quarters: Quarters


@runtime_checkable
class Presenting(Protocol):
    """A view that may know when its customers were there."""

    def presence(self) -> Presence | None:
        """None if it isn't known."""


class Presences:
    """The one of the arrangements that were asked about last. Doesn't keep these."""

    def __init__(self) -> None:
        self._kept: tuple[list[weakref.ref[Instants]], Quarters] | None = None
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Let go of it."""
        self._kept = None

    def of(self, arranged: Sequence[Instants]) -> Quarters:
        """That of all customers; made once."""
        with self._lock:
            kept = self._kept
            if kept is None or [one() for one in kept[0]] != list(arranged):
                kept = self._kept = ([weakref.ref(one) for one in arranged], _quarters(arranged))
            return kept[1]


def _quarters(arranged: Sequence[Instants]) -> Quarters:
    """Of all lists together: block by block of customers, so that what is merged stays in the processor's cache."""
    lists = sorted(((one.starts, one.at) for one in arranged), key=lambda one: len(one[1]))
    count = max([len(starts) - 1 for starts, _ in lists], default=0)
    with ThreadPoolExecutor(THREADS_COUNT, "presence") as threads:
        blocks = list(threads.map(partial(_block, lists), range(0, count, CUSTOMERS_A_BLOCK)))
    firsts = np.cumsum([0] + [len(at) for _, at in blocks])
    starts = [block[:-1] + first for (block, _), first in zip(blocks, firsts.tolist(), strict=False)]
    return Quarters.of(
        np.concatenate([*starts, firsts[-1:]]), np.concatenate([np.empty(0, np.int64), *(at for _, at in blocks)])
    )


def _block(lists: Sequence[tuple[Ints, Ints]], first: int) -> tuple[Ints, Ints]:
    """(starts, at) of some customers, by all lists. Lists may know more customers than others."""
    found = np.zeros(1, np.int64), np.empty(0, np.int64)
    for starts, at in lists:
        mine = starts[first : first + CUSTOMERS_A_BLOCK + 1]
        if len(mine) > 1:
            found = united(*found, mine, at)
    return found
