"""Columns by row that many epochs share and that change here and there.

Invariant: frozen; a change makes a new `Layered` that shares what it can. Rows that were changed lie in
layers of ascending row numbers above a base; the newest layer that has a row tells it. Layers are merged
by size, and folded into a fresh base once they hold a share of its rows. Cost: a change of k rows copies
k · log(layers) rows, and a fold's share of the whole; a look-up of k rows is a search in each layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from yutang.timeline.steps import Ints

FOLD_SHARE = 8  # layers are folded once their rows are more than an eighth of the base's
FOLD_ROWS_COUNT_MIN = 8_192
LAYERS_RATIO = 2  # a layer takes in the one below it unless that is larger than so many times its rows

Block = Any  # an array [columns, rows] of any integer type


@dataclass(frozen=True, eq=False)
class Layer:
    """rows: int64[k], strictly ascending. blocks: [columns, k] each."""

    rows: Ints
    blocks: tuple[Block, ...]


@dataclass(frozen=True, eq=False)
class Base:
    """blocks: [columns, n] each. memo: what is derived from it alone."""

    blocks: tuple[Block, ...]
    memo: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return int(self.blocks[0].shape[1])


@dataclass(frozen=True, eq=False)
class Layered:
    """Blocks of columns of one length. fillers: by block, the value of rows that were never set."""

    base: Base
    fillers: tuple[int, ...]
    length: int
    layers: tuple[Layer, ...] = ()

    @classmethod
    def of(cls, blocks: Sequence[Block], fillers: Sequence[int]) -> Layered:
        """Over blocks that nobody will write to any more."""
        return cls(Base(tuple(blocks)), tuple(fillers), int(blocks[0].shape[1]))

    def grown(self, length: int) -> Layered:
        """With room for more rows."""
        if length <= self.length:
            return self
        return Layered(self.base, self.fillers, length, self.layers)

    def changed(self, rows: Ints, blocks: Sequence[Block]) -> Layered:
        """With other values in some rows: strictly ascending and below the length."""
        if not len(rows):
            return self
        kept, fresh = list(self.layers), Layer(rows, tuple(blocks))
        while kept and len(kept[-1].rows) <= LAYERS_RATIO * len(fresh.rows):
            fresh = _merged(kept.pop(), fresh)
        after = Layered(self.base, self.fillers, self.length, (*kept, fresh))
        waiting = sum(len(layer.rows) for layer in after.layers)
        if waiting > max(FOLD_ROWS_COUNT_MIN, self.base.rows // FOLD_SHARE):
            return Layered.of(after.whole(), self.fillers)
        return after

    def take(self, rows: Ints) -> tuple[Block, ...]:
        """The values in some rows, in any order: [columns, k] each; a row beyond the length has the fillers."""
        held = self.base.rows
        inside = rows if not len(rows) or rows.max() < held else np.minimum(rows, max(held - 1, 0))
        found = []
        for block, filler in zip(self.base.blocks, self.fillers, strict=True):
            if held:
                values = block[:, inside]
                if inside is not rows:
                    values[:, rows >= held] = filler
            else:
                values = np.full((block.shape[0], len(rows)), filler, block.dtype)
            found.append(values)
        for layer in self.layers:
            places = np.minimum(np.searchsorted(layer.rows, rows), len(layer.rows) - 1)
            mine = np.flatnonzero(layer.rows[places] == rows)
            if len(mine):
                for values, block in zip(found, layer.blocks, strict=True):
                    values[:, mine] = block[:, places[mine]]
        return tuple(found)

    def whole(self) -> tuple[Block, ...]:
        """All rows: a copy where there are layers or new rows."""
        if not self.layers and self.length == self.base.rows:
            return self.base.blocks
        found = []
        for number, (block, filler) in enumerate(zip(self.base.blocks, self.fillers, strict=True)):
            values = np.empty((block.shape[0], self.length), block.dtype)
            values[:, : self.base.rows] = block
            values[:, self.base.rows :] = filler
            for layer in self.layers:
                values[:, layer.rows] = layer.blocks[number]
            found.append(values)
        return tuple(found)


def _merged(older: Layer, newer: Layer) -> Layer:
    """Both layers as one; the newer tells a row that both have."""
    rows = np.concatenate((older.rows, newer.rows))
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    last = np.append(ordered[1:] != ordered[:-1], True)
    order = order[last]
    pairs = zip(older.blocks, newer.blocks, strict=True)
    return Layer(ordered[last], tuple(np.concatenate(pair, axis=1)[:, order] for pair in pairs))
