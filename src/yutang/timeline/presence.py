"""When customers were there at all, kept for the arrangements of all types that aren't state events.

Derived in memory at the first question about all events, and let go of with the arrangements; 8 bytes for each quarter
of an hour in which a customer has an event. What isn't arranged, or came since, is read as it lies.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from yutang.timeline.kernels.presence import united
from yutang.timeline.steps import Ints


class Instants(Protocol):
    """A list of instants a customer, by heads: what is read of an arrangement."""

    @property
    def starts(self) -> Ints: ...

    @property
    def at(self) -> Ints: ...


@dataclass(frozen=True)
class Presence:
    """Of n customers the first instant of each quarter with an event of some types: at[offsets[i]:offsets[i+1]]."""

    types: frozenset[str]
    offsets: Ints
    at: Ints


@runtime_checkable
class Presenting(Protocol):
    """A view that may know when its customers were there."""

    def presence(self) -> Presence | None:
        """None if it isn't known."""


class Presences:
    """The one of the arrangements that were asked about last. Doesn't keep these."""

    def __init__(self) -> None:
        self._kept: tuple[list[weakref.ref[Instants]], Ints, Ints] | None = None
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Let go of it."""
        self._kept = None

    def of(self, arranged: Sequence[Instants]) -> tuple[Ints, Ints]:
        """(starts, at) over all customers, by heads; made once."""
        with self._lock:
            kept = self._kept
            if kept is None or [one() for one in kept[0]] != list(arranged):
                starts, at = np.zeros(1, np.int64), np.empty(0, np.int64)
                for one in arranged:
                    starts, at = united(starts, at, one.starts, one.at)
                kept = self._kept = ([weakref.ref(one) for one in arranged], starts, at)
            return kept[1], kept[2]
