"""The timeline's part in the log: duplicates are told apart, the rest is laid onto timelines; the tail to the lake.

Verdict of a record: how many events were taken, repeated, or repeated with other content, and which were
repeated; a rebuild fills the tail by it, since what repeats what depends on all that was there then. A group whose
records join or part customers is split where that decides what repeats what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yutang.kernel.clock import MachineClock
from yutang.kernel.faults import Faults
from yutang.runtime.folder import Folder
from yutang.runtime.log import store as log_store
from yutang.runtime.log.contracts import ERASE, EVENTS, RETAIN, SOLITARY, Batch, Delta, Epoch, QuietPass, SplitGroup
from yutang.runtime.rewriting_pass import Swap, drop_aged, drop_anchors
from yutang.runtime.slots import ANCHORS, FORGOTTEN, LAID, MOVED, PEOPLE, TAKEN, TIMELINE, VOCABULARY
from yutang.storage.database import Database, UnitOfWork
from yutang.timeline import store
from yutang.timeline.cache import CACHE_GB, GB
from yutang.timeline.compaction import Compaction, pick
from yutang.timeline.deduplication import Repeats, depends_on_grouping, find_repeats, sieve_of
from yutang.timeline.lake import LakeFolder, check_strays
from yutang.timeline.manifest import LakeFile
from yutang.timeline.rows import NewRows
from yutang.timeline.sieve import Sieve
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

    def __init__(
        self, folder: Folder, flush_rows: int, machine: MachineClock, faults: Faults, cache_gb: int = CACHE_GB
    ) -> None:
        self._folder = folder.lake
        self._lake = LakeFolder(folder.lake, folder.cache, faults, cache_gb * GB)
        self._flush_rows = flush_rows
        self._machine = machine
        self._faults = faults
        # The ties of all rows that were there when it was made, and of all taken since; None: none was made yet.
        self._sieve: Sieve | None = None

    def open(self, uow: UnitOfWork, epoch: Epoch) -> Delta:
        flushed = log_store.read_state(uow, "flushed") or 0
        files = store.list_files(uow.connection)
        check_strays(self._folder, files, epoch.seq)
        return Delta({TIMELINE.name: self._lake.open(files, flushed)})

    def replay(self, batch: Batch, epoch: Epoch, verdicts: Sequence[Mapping[str, Any]]) -> Delta:
        rows = _rows(batch)
        taken = np.ones(len(rows.events), bool)
        first = 0
        for count, verdict in zip(batch.counts, verdicts, strict=True):
            taken[first : first + count][verdict.get("repeated_at", [])] = False
            first += count
        self._sieve = None
        return Delta({TIMELINE.name: epoch[TIMELINE].appended(rows.only(taken), epoch[VOCABULARY])})

    def apply(self, batch: Batch, epoch: Epoch) -> Delta | None:
        if batch.record.kind in SOLITARY:
            return self._rewritten(batch, epoch)
        if batch.record.kind != EVENTS:
            return None
        state, people, rows = epoch[TIMELINE], epoch[PEOPLE], _rows(batch)
        arrived_at = rows.arrivals[rows.source]
        moved = batch.notes.get(MOVED)
        if moved is not None and len(batch.records) > 1:
            incoming = (rows.anchors, rows.tie, rows.content, arrived_at)
            if depends_on_grouping(state, people, moved, *incoming):
                raise SplitGroup
        if self._sieve is None or self._sieve.outgrown:
            self._sieve = sieve_of(state, batch.records[0].arrived_at)
        met = self._sieve.met(rows.tie)
        found = find_repeats(state, people, people.head_of[rows.anchors], rows.tie, rows.content, arrived_at, met=met)
        taken = ~found.repeated
        self._sieve.add(rows.tie[taken])
        kept = rows.only(taken)
        state = state.appended(kept, epoch[VOCABULARY])
        return Delta(
            {TIMELINE.name: state},
            notes={TAKEN: taken, LAID: (kept.at, *kept.types)},
            verdicts=_verdicts(batch.counts, found),
        )

    def _rewritten(self, batch: Batch, epoch: Epoch) -> Delta | None:
        desk = (self._lake, epoch[TIMELINE], batch.record, self._machine.now_ms(), self._faults)
        if batch.record.kind == ERASE and FORGOTTEN in batch.notes:
            return drop_anchors(*desk, batch.notes[FORGOTTEN].anchors)
        return drop_aged(*desk) if batch.record.kind == RETAIN else None

    # ── the lake, step by step, as the loop asks ────────────────────────────────────────────────

    def due(self, epoch: Epoch) -> bool:
        """Whether the tail has grown enough to be written."""
        return self.tail_rows(epoch) >= self._flush_rows

    def tail_rows(self, epoch: Epoch) -> int:
        """How many events are in memory and inbox only."""
        return epoch[TIMELINE].tail_rows

    def write(self, uow: UnitOfWork, delta: Delta) -> None:
        """Of a record that rewrites, the manifest; rows of others are in the inbox until they are in the lake."""
        swap: Swap = delta.rows
        swap.write(uow)

    def committed(self, delta: Delta) -> None:
        swap: Swap = delta.rows
        self._lake.retire([one.old for one in swap.done])

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

    def compaction(self, epoch: Epoch) -> Compaction | None:
        """The merging of files of one size, if there are too many."""
        chosen = pick(epoch[TIMELINE].files)
        if not chosen:
            return None
        return Compaction(self._lake, chosen, epoch[VOCABULARY].currency, self._machine.now_ms(), self._faults)

    def swap(self, database: Database, epoch: Epoch, merging: Compaction) -> Mapping[str, Any] | None:
        """The slots in which the merged file stands for its sources; None if they were rewritten since."""
        state, file = epoch[TIMELINE], merging.merged
        names = [old.name for old in merging.files]
        if file is None or not set(names) <= {one.name for one in state.files}:
            merging.discard()
            return None
        with database.unit() as uow:
            store.swap_files(uow.connection, names, file)
        self._faults.reach("compaction.committed")
        runs = self._lake.runs(file)
        state = state.compacted(names, file, runs)
        self._lake.arrangements.carry(names, runs)
        self._lake.retire(merging.files)
        return {TIMELINE.name: state}


def _rows(batch: Batch) -> NewRows:
    seqs = np.array([record.seq for record in batch.records], np.int64)
    arrivals = np.array([record.arrived_at for record in batch.records], np.int64)
    source = batch.spread(range(len(batch.records)))
    return NewRows(seqs, arrivals, [blob.feed for blob in batch.blobs], source, batch.events, batch.notes[ANCHORS])


def _verdicts(counts: Sequence[int], found: Repeats) -> list[dict[str, Any]]:
    """What is kept with each record."""
    verdicts: list[dict[str, Any]] = []
    repeated, changed = np.flatnonzero(found.repeated), np.flatnonzero(found.changed)
    ends = np.cumsum(np.array(counts, np.int64))
    begins = ends - counts
    lows, highs = np.searchsorted(repeated, begins), np.searchsorted(repeated, ends)
    first, last = np.searchsorted(changed, begins), np.searchsorted(changed, ends)
    for place, count in enumerate(counts):
        repeats = int(highs[place] - lows[place])
        verdict: dict[str, Any] = {"taken": count - repeats, "repeated": repeats}
        if repeats:
            where = repeated[lows[place] : highs[place]] - begins[place]
            others = changed[first[place] : last[place]] - begins[place]
            verdict |= {"changed": len(others), "repeated_at": where.tolist()}
            if len(others):
                verdict["changed_at"] = others.tolist()
        verdicts.append(verdict)
    return verdicts
