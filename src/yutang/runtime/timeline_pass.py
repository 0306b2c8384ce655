"""The timeline's part in the log: duplicates are told apart, the rest is laid onto timelines; the tail to the lake.

Verdict of a record: how many events were taken, repeated, or repeated with other content, and which were
repeated; a rebuild fills the tail by it, since what repeats what depends on all that was there then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from yutang.kernel.clock import MachineClock
from yutang.kernel.faults import Faults
from yutang.runtime.folder import Folder
from yutang.runtime.log import store as log_store
from yutang.runtime.log.contracts import EVENTS, Batch, Delta, Epoch, QuietPass
from yutang.runtime.slots import ANCHORS, PEOPLE, TAKEN, TIMELINE, VOCABULARY
from yutang.storage.database import Database, UnitOfWork
from yutang.timeline import store
from yutang.timeline.compaction import pick, write_merged
from yutang.timeline.deduplication import find_repeats
from yutang.timeline.lake import LakeFolder, check_strays
from yutang.timeline.manifest import LakeFile
from yutang.timeline.rows import NewRows
from yutang.timeline.tracks import Cut, TimelineState


@dataclass(frozen=True)
class Flush:
    """A flush between its file and its publication. file: None if there were no rows."""

    state: TimelineState
    cut: Cut
    file: LakeFile | None


class TimelinePass(QuietPass):
    """See the module; also the loop's `Lake`."""

    name = "timeline"

    def __init__(self, folder: Folder, flush_rows: int, machine: MachineClock, faults: Faults) -> None:
        self._folder = folder.lake
        self._lake = LakeFolder(folder.lake, folder.cache, faults)
        self._flush_rows = flush_rows
        self._machine = machine
        self._faults = faults

    def open(self, uow: UnitOfWork, epoch: Epoch) -> Delta:
        flushed = log_store.read_state(uow, "flushed") or 0
        files = store.list_files(uow.connection)
        check_strays(self._folder, files, epoch.seq)
        return Delta({TIMELINE.name: self._lake.open(files, flushed)})

    def replay(self, batch: Batch, epoch: Epoch, verdict: Mapping[str, Any]) -> Delta:
        rows = _rows(batch)
        taken = np.ones(len(rows.events), bool)
        taken[verdict.get("repeated_at", [])] = False
        return Delta({TIMELINE.name: epoch[TIMELINE].appended(rows.only(taken), epoch[VOCABULARY])})

    def apply(self, batch: Batch, epoch: Epoch) -> Delta | None:
        if batch.record.kind != EVENTS:
            return None
        state, people, rows = epoch[TIMELINE], epoch[PEOPLE], _rows(batch)
        arrived_at = np.full(len(rows.events), batch.record.arrived_at, np.int64)
        found = find_repeats(state, people, people.head_of[rows.anchors], rows.tie, rows.content, arrived_at)
        taken = ~found.repeated
        verdict: dict[str, Any] = {"taken": int(taken.sum()), "repeated": int(found.repeated.sum())}
        if verdict["repeated"]:
            verdict |= {
                "changed": int(found.changed.sum()),
                "repeated_at": np.flatnonzero(found.repeated).tolist(),
            }
        state = state.appended(rows.only(taken), epoch[VOCABULARY])
        return Delta({TIMELINE.name: state}, notes={TAKEN: taken}, verdict=verdict)

    # ── the lake, step by step, as the loop asks ────────────────────────────────────────────────

    def due(self, epoch: Epoch) -> bool:
        """Whether the tail has grown enough to be written."""
        return self.tail_rows(epoch) >= self._flush_rows

    def tail_rows(self, epoch: Epoch) -> int:
        """How many events are in memory and inbox only."""
        return epoch[TIMELINE].tail_rows

    def write(self, uow: UnitOfWork, delta: Delta) -> None:
        """Nothing of a record: its rows are in the inbox until they are in the lake."""

    def write_tail(self, epoch: Epoch) -> Flush:
        """Write the tail's file."""
        state = epoch[TIMELINE]
        cut = state.cut(epoch.seq, epoch[VOCABULARY].currency)
        return Flush(state, cut, self._lake.write_cut(cut, self._machine.now_ms()))

    def commit(self, uow: UnitOfWork, flush: Flush) -> None:
        """Put the file into the manifest."""
        if flush.file is not None:
            store.add_file(uow.connection, flush.file)

    def publish(self, flush: Flush) -> Mapping[str, Any]:
        """The slots in which the tail's rows are the file's."""
        runs = {} if flush.file is None else self._lake.runs(flush.file)
        return {TIMELINE.name: flush.state.flushed(flush.cut, flush.file, runs)}

    def compact(self, database: Database, epoch: Epoch) -> Mapping[str, Any] | None:
        """Merge files of one size, if there are too many; the slots after it."""
        state = epoch[TIMELINE]
        chosen = pick(state.files)
        if not chosen:
            return None
        now_ms = self._machine.now_ms()
        merged = write_merged(self._lake, chosen, epoch[VOCABULARY].currency, now_ms, self._faults)
        names = [file.name for file in chosen]
        with database.unit() as uow:
            store.swap_files(uow.connection, names, merged)
        self._faults.reach("compaction.committed")
        state = state.compacted(names, merged, self._lake.runs(merged))
        self._lake.retire(chosen)
        return {TIMELINE.name: state}


def _rows(batch: Batch) -> NewRows:
    assert batch.blob is not None
    return NewRows(batch.record.seq, batch.record.arrived_at, batch.blob.feed, batch.blob.events, batch.notes[ANCHORS])
