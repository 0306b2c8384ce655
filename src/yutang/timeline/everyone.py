"""A question about many customers: cut into parts, worked by an executor, put together again.

The one way in which anything is asked of a whole pool. A `Part` is a view of a batch of customers, small enough that
what is worked out of it stays in the processor's cache; `Everyone.map` works all parts, several at a time, and
`Everyone.columns` lays what each part says of its customers side by side, in the order of `heads`.

A view may hold customers of whom it doesn't know everything: these belong to another part. So work answers for all
customers of a view, customer by customer, and only the answers of those that are the part's own (`mine`) count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from yutang.conditions.vocabulary import Vocabulary
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
        self._state = state
        self._people = people
        self._vocabulary = vocabulary
        self._executor = executor or Threads()

    @property
    def count(self) -> int:
        """The number of customers."""
        return len(self.heads)

    def parts(self) -> list[Part]:
        """The customers in batches; one at least, so that a question of nobody has an answer too."""
        starts = range(0, max(1, self.count), CUSTOMERS_AT_ONCE_MAX)
        return [self._part(slice(start, start + CUSTOMERS_AT_ONCE_MAX)) for start in starts]

    def map(self, work: Callable[[Part], T]) -> list[T]:
        """What the work gives for each part."""
        return self._executor.map(work, self.parts())

    def columns(self, work: Callable[[View], Sequence[Array]]) -> tuple[Array, ...]:
        """Columns over all customers (on the last axis), of what the work finds for the customers of each view."""

        def own(part: Part) -> tuple[slice | Ints, list[Array]]:
            return part.places, [part.own(column) for column in work(part.view)]

        found = self.map(own)
        whole = [np.empty((*column.shape[:-1], self.count), column.dtype) for column in found[0][1]]
        for places, columns in found:
            for into, column in zip(whole, columns, strict=True):
                into[..., places] = column
        return tuple(whole)

    def _part(self, places: slice) -> Part:
        return Part(PinnedView(self._state, self._people, self.heads[places], self._vocabulary), places)
