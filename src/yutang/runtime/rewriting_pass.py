"""What the timeline's pass does with records that rewrite the lake: a customer erased, events past their time.

The new files are written before the record's transaction, the manifest changes in it, the old files go after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from yutang.kernel.errors import ConflictError
from yutang.kernel.faults import Faults
from yutang.runtime.log.contracts import Delta, Record
from yutang.runtime.slots import AGED, ERASED_ROWS, TIMELINE
from yutang.storage.database import UnitOfWork
from yutang.timeline import store
from yutang.timeline.lake import LakeFolder
from yutang.timeline.rewriting import Doomed, Rewritten, anchors_of, of_anchors, older_than, without, write_without
from yutang.timeline.steps import Ints
from yutang.timeline.tracks import TimelineState


class RetainRecord(msgspec.Struct, frozen=True, array_like=True):
    """The body of a RETAIN record: by event type, the instant before which its events go."""

    cuts: dict[str, int]


@dataclass(frozen=True)
class Swap:
    """Files of the lake that stand in place of others."""

    done: Sequence[Rewritten]

    def write(self, uow: UnitOfWork) -> None:
        """Put them into the manifest, inside the record's transaction."""
        store.remove_files(uow.connection, [one.old.name for one in self.done])
        for one in self.done:
            if one.new is not None:
                store.add_file(uow.connection, one.new)


def drop_anchors(
    lake: LakeFolder, state: TimelineState, record: Record, now_ms: int, faults: Faults, anchors: Ints
) -> Delta:
    """An ERASE record: the timeline without the rows of some anchors."""
    done = _written(lake, state, of_anchors(anchors), record, now_ms, faults)
    rows = sum(one.rows for one in done)
    after = without(state, done, lake, anchors)
    return Delta({TIMELINE.name: after}, Swap(done), {ERASED_ROWS: rows}, ({"events": rows},))


def drop_aged(lake: LakeFolder, state: TimelineState, record: Record, now_ms: int, faults: Faults) -> Delta:
    """A RETAIN record: the timeline without the rows that are older than their type is kept for."""
    doomed = older_than(msgspec.msgpack.decode(record.body, type=RetainRecord).cuts)
    aged = anchors_of(state, doomed)
    done = _written(lake, state, doomed, record, now_ms, faults)
    gone: dict[str, int] = {}
    for one in done:
        for name, rows in one.gone.items():
            gone[name] = gone.get(name, 0) + rows
    after = without(state, done, lake) if done else state
    return Delta({TIMELINE.name: after}, Swap(done), {AGED: aged}, ({"events": gone},))


def _written(
    lake: LakeFolder, state: TimelineState, doomed: Doomed, record: Record, now_ms: int, faults: Faults
) -> list[Rewritten]:
    if state.tail_rows:
        raise ConflictError(
            "lake.tail_unflushed", f"{state.tail_rows} events aren't in the lake yet",
            remedy="ask again; the log flushes before such a record",
        )  # fmt: skip
    return write_without(lake, state, doomed, record.seq, now_ms, faults)
