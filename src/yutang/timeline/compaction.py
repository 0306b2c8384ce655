"""Compaction: many small files of the lake into fewer large ones.

Size-tiered: once a level has `LEVEL_FILES_COUNT_MAX` files, they become one file of the next level, so
a row is rewritten O(log rows) times and there are O(log rows) files. What to merge is a pure decision;
the steps are apart so that the caller owns the transaction between them:
`pick` → `write_merged` → transaction {`store.swap_files`} → `TimelineState.compacted` published → `LakeFolder.retire`.
`write_merged` only reads what never changes, and holds a slice of one type in memory: any thread may run it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from yutang.kernel.faults import Faults, NoFaults
from yutang.timeline.lake import LakeFolder, file_name
from yutang.timeline.manifest import LakeFile, TypeShare
from yutang.timeline.merging import merged_pieces
from yutang.timeline.parquet import DRAFT_SUFFIX, write_pieces
from yutang.timeline.runs import Run, merged_facts

LEVEL_FILES_COUNT_MAX = 8
MERGED_ROWS_COUNT_MAX = 50_000_000  # larger files are left as they are


class GivenUpError(Exception):
    """A merge was told to end."""


def pick(files: Sequence[LakeFile]) -> tuple[LakeFile, ...]:
    """The files to merge now, oldest first; empty if none."""
    for level in sorted({file.level for file in files}):
        mates = sorted((file for file in files if file.level == level), key=lambda file: file.seq_to)
        if len(mates) > LEVEL_FILES_COUNT_MAX and sum(file.rows for file in mates) <= MERGED_ROWS_COUNT_MAX:
            return tuple(mates)
    return ()


def write_merged(
    lake: LakeFolder, files: Sequence[LakeFile], currency: str, created_ms: int, faults: Faults | None = None,
    given_up: Callable[[], bool] = lambda: False,
) -> LakeFile:  # fmt: skip
    """Write, durably, one file with the rows of several.

    given_up: asked now and then; once it says so, GivenUpError is raised and a draft may lie there.
    """
    level = max(file.level for file in files) + 1
    seq_from, seq_to = min(file.seq_from for file in files), max(file.seq_to for file in files)
    name = file_name(seq_from, seq_to, level)
    by_type: dict[str, list[tuple[LakeFile, TypeShare]]] = {}
    for file in sorted(files, key=lambda file: file.seq_to):
        for share in file.types:
            by_type.setdefault(share.type, []).append((file, share))
    runs = [
        (merged_facts([share.facts() for _, share in parts]), _pieces(lake, parts, currency, given_up))
        for _, parts in sorted(by_type.items())
    ]
    shares = write_pieces(lake.folder / (name + DRAFT_SUFFIX), runs)
    merged_file = lake.settle(name, shares, seq_from, seq_to, level, created_ms)
    lake.join_firsts(files, merged_file)
    (faults or NoFaults()).reach("compaction.written")
    return merged_file


def _pieces(
    lake: LakeFolder, parts: Sequence[tuple[LakeFile, TypeShare]], currency: str, given_up: Callable[[], bool]
) -> Iterator[Run]:
    for piece in merged_pieces(lake.folder, parts, currency):
        if given_up():
            raise GivenUpError
        yield piece


class Compaction:
    """A compaction beside the loop (`runtime.log.merging.Merging`)."""

    def __init__(
        self, lake: LakeFolder, files: Sequence[LakeFile], currency: str, created_ms: int, faults: Faults
    ) -> None:
        self.files = files
        self.merged: LakeFile | None = None
        self._lake = lake
        self._currency = currency
        self._created_ms = created_ms
        self._faults = faults
        self._given_up = False

    def run(self) -> None:
        """Write the merged file."""
        try:
            self.merged = write_merged(
                self._lake, self.files, self._currency, self._created_ms, self._faults, lambda: self._given_up
            )
        except GivenUpError:
            return

    def give_up(self) -> None:
        """Tell `run` to end."""
        self._given_up = True

    def discard(self) -> None:
        """Take the merged file away: it won't be swapped in."""
        if self.merged is not None:
            self._lake.retire([self.merged])
            self.merged = None
