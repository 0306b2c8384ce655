"""Compaction: many small files of the lake into fewer large ones.

Size-tiered: once a level has `LEVEL_FILES_COUNT_MAX` files, they become one file of the next level, so
a row is rewritten O(log rows) times and there are O(log rows) files. What to merge is a pure decision;
the steps are apart so that the caller owns the transaction between them:
`pick` → `write_merged` → transaction {`store.swap_files`} → `TimelineState.compacted` published → `LakeFolder.retire`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from yutang.kernel.faults import Faults, NoFaults
from yutang.timeline.lake import LakeFolder, file_name
from yutang.timeline.manifest import LakeFile, TypeShare
from yutang.timeline.parquet import DRAFT_SUFFIX, write_file
from yutang.timeline.runs import Run, RunFacts, merged, merged_facts

LEVEL_FILES_COUNT_MAX = 8
MERGED_ROWS_COUNT_MAX = 50_000_000  # one type of a merge is held in memory


def pick(files: Sequence[LakeFile]) -> tuple[LakeFile, ...]:
    """The files to merge now, oldest first; empty if none."""
    for level in sorted({file.level for file in files}):
        mates = sorted((file for file in files if file.level == level), key=lambda file: file.seq_to)
        if len(mates) > LEVEL_FILES_COUNT_MAX and sum(file.rows for file in mates) <= MERGED_ROWS_COUNT_MAX:
            return tuple(mates)
    return ()


def write_merged(
    lake: LakeFolder, files: Sequence[LakeFile], currency: str, created_ms: int, faults: Faults | None = None
) -> LakeFile:
    """Write, durably, one file with the rows of several; type by type, so that memory holds one type at a time."""
    level = max(file.level for file in files) + 1
    seq_from, seq_to = min(file.seq_from for file in files), max(file.seq_to for file in files)
    name = file_name(seq_from, seq_to, level)
    by_type: dict[str, list[tuple[LakeFile, TypeShare]]] = {}
    for file in sorted(files, key=lambda file: file.seq_to):
        for share in file.types:
            by_type.setdefault(share.type, []).append((file, share))
    runs = [(_facts(parts), partial(_merged, lake, parts, currency)) for _, parts in sorted(by_type.items())]
    shares = write_file(lake.folder / (name + DRAFT_SUFFIX), runs)
    merged_file = lake.settle(name, shares, seq_from, seq_to, level, created_ms)
    (faults or NoFaults()).reach("compaction.written")
    return merged_file


def _merged(lake: LakeFolder, parts: Sequence[tuple[LakeFile, TypeShare]], currency: str) -> Run:
    return merged([lake.whole(file, share) for file, share in parts], currency)


def _facts(parts: Sequence[tuple[LakeFile, TypeShare]]) -> RunFacts:
    return merged_facts([share.facts() for _, share in parts])
