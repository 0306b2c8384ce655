"""Instants in four bytes: what rows are compared by where it is memory that costs.

A tick is `at >> TICK_BITS`: 1,024 ms. Order by ticks is order by instants, as far as it goes; rows of one tick are told
apart by `at` and `tie`. All instants that may be sent have one (`INSTANT_MAX_MS` is below 2^42). A column of ticks has
some entries behind its last one, as `kernels.deepest` reads them sixteen at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from yutang.conditions.vocabulary import Kind
from yutang.timeline.cache import ColumnCache, Place
from yutang.timeline.kernels.funnel import PADDING, TICK_BITS
from yutang.timeline.steps import Ints
from yutang.timeline.view import Column

Ticks = npt.NDArray[np.uint32]
ROWS_A_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class Ticked:
    """Rows where they lie, perhaps among those of others: customer i has starts[i]:starts[i + 1]. All contiguous."""

    starts: Ints
    ticks: Ticks
    at: Ints
    tie: Ints

    @classmethod
    def of(cls, starts: Ints, at: Ints, tie: Ints) -> Ticked:
        """Of rows that nobody has ticks of."""
        ticks = np.zeros(len(at) + PADDING, np.uint32)
        ticks[: len(at)] = at >> TICK_BITS
        return cls(*map(np.ascontiguousarray, (starts, ticks, at, tie)))

    @property
    def addresses(self) -> list[int]:
        """Of its columns, as long as it is held."""
        return [one.ctypes.data for one in (self.starts, self.ticks, self.at, self.tie)]


@runtime_checkable
class Ticking(Protocol):
    """A view that may have ticks."""

    def ticked(self, type_name: str) -> Ticked | None:
        """All rows of a type; None if they don't lie so."""


def ticks_kept(cache: ColumnCache, shelf: str, at: Ints) -> Ticks:
    """The ticks of a column of a shelf, made once; in the cache folder two are one int64."""
    place = Place(shelf, ("ticks", str(TICK_BITS), str(PADDING)), Kind.INTEGER, (len(at) + 1) // 2 + PADDING // 2)
    found = cache.find(place)
    if found is None:
        with cache.making(place):
            found = cache.find(place) or _made(cache, place, at)
    return found.values.view(np.uint32)


def _made(cache: ColumnCache, place: Place, at: Ints) -> Column:
    try:
        return cache.write([place], (len(at) + 1) // 2 + PADDING // 2, ([block] for block in _packed(at)))[0]
    except OSError:
        return cache.keep_in_memory(place, Column(Kind.INTEGER, np.concatenate([*_packed(at)])))


def _packed(at: Ints) -> Iterator[Ints]:
    """The ticks and what comes behind them, two in a number."""
    for start in range(0, len(at), ROWS_A_BLOCK):
        mine = at[start : start + ROWS_A_BLOCK]
        ticks = np.zeros(len(mine) + len(mine) % 2, np.uint32)  # only the last block may be odd
        ticks[: len(mine)] = mine >> TICK_BITS
        yield ticks.view(np.int64)
    yield np.zeros(PADDING // 2, np.int64)
