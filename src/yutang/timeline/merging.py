"""The rows of one type out of several files as one run, in slices by anchor: memory doesn't grow with the files.

Each file is read onwards through a window. An anchor below the last one of every window is complete, so all rows
below the least of these can be merged and written; a window that holds one anchor only grows until it holds another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from yutang.kernel.instants import NEVER
from yutang.timeline.columns import taken, united
from yutang.timeline.lake import damaged, kind_of
from yutang.timeline.manifest import LakeFile, TypeShare
from yutang.timeline.parquet import column_name, read_batches
from yutang.timeline.runs import OWN, Run, demoted, memory_run, merged, merged_facts, property_key
from yutang.timeline.steps import Ints
from yutang.timeline.view import Column

WINDOW_ROWS = 16_384
SLICE_ROWS = 65_536  # of a piece, unless one anchor has more


class _Part:
    """A type's rows of one file, from first to last."""

    def __init__(self, folder: Path, file: LakeFile, share: TypeShare) -> None:
        self._path = folder / file.name
        self._file = file
        self.share = share
        self._keys = {key: key for key in OWN}
        self._keys |= {column_name(share.type, name): property_key(name) for name in share.kinds}
        self._batches = self._read()
        self._columns: dict[str, Column] = {}
        self._rows = 0
        self._more = True
        self.refill()

    def _read(self) -> Iterator[dict[str, Column]]:
        rows = 0
        kinds = {name: kind_of(self.share, key) for name, key in self._keys.items()}
        try:
            for batch in read_batches(self._path, self.share.groups, kinds, WINDOW_ROWS):
                rows += len(batch["anchor"].values)
                yield {self._keys[name]: column for name, column in batch.items()}
        except (OSError, pa.ArrowException, KeyError) as error:
            raise damaged(self._path, self._file, f"can't be read ({error})") from error
        if rows != self.share.rows:
            raise damaged(self._path, self._file, f"has {rows} rows of {self.share.type} instead of {self.share.rows}")

    @property
    def anchor(self) -> Ints:
        return self._columns["anchor"].values if self._columns else np.empty(0, np.int64)

    @property
    def complete_below(self) -> int:
        """All rows of anchors below it are in the window."""
        return int(self.anchor[-1]) if self._more else NEVER

    def refill(self) -> None:
        """Read on if little is left."""
        while self._more and self._rows < WINDOW_ROWS // 2:
            self.grow()

    def grow(self) -> None:
        """Read on."""
        batch = next(self._batches, None)
        if batch is None:
            self._more = False
            return
        self._columns = {
            key: united([self._columns[key], column]) if self._rows else column for key, column in batch.items()
        }
        self._rows = len(self.anchor)

    def take(self, below: int) -> Run | None:
        """The rows of the anchors below one, which leave the window; None if there are none."""
        count = int(np.searchsorted(self.anchor, below))
        if not count:
            return None
        columns = {key: taken(column, slice(0, count)) for key, column in self._columns.items()}
        self._columns = {key: taken(column, slice(count, None)) for key, column in self._columns.items()}
        self._rows -= count
        self.refill()
        return memory_run(replace(self.share.facts(), rows=count), columns)


def merged_pieces(folder: Path, shares: Sequence[tuple[LakeFile, TypeShare]], currency: str) -> Iterator[Run]:
    """The rows of one type in several files, oldest first, as pieces of one run; see `runs.merged`.

    Raises DamagedError.
    """
    facts = merged_facts([share.facts() for _, share in shares])
    parts = [_Part(folder, file, share) for file, share in shares]
    while any(len(part.anchor) for part in parts):
        below = _slice_end(parts)
        slices = [run for part in parts if (run := part.take(below)) is not None]
        if not slices:
            for part in parts:
                if part.complete_below == below:
                    part.grow()
            continue
        fitting = [
            demoted(run, [n for n, kind in run.facts.kinds.items() if facts.kinds[n] is not kind], currency)
            for run in slices
        ]
        yield merged(fitting, currency)


def _slice_end(parts: Sequence[_Part]) -> int:
    """The anchor below which the next slice lies."""
    below = min(part.complete_below for part in parts)
    anchors = np.concatenate([part.anchor[: np.searchsorted(part.anchor, below)] for part in parts])
    if len(anchors) <= SLICE_ROWS:
        return below
    return max(int(np.partition(anchors, SLICE_ROWS)[SLICE_ROWS]), int(anchors.min()) + 1)
