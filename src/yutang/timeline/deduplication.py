"""One event, once in effect: which incoming rows repeat what a customer's timeline already holds.

The key is (customer, hash of feed and id); the first wins. Exact, and the same whatever was flushed or
compacted: a kept row counts if it arrived within the horizon before the incoming one. Pure. Cost: one
probe of a small table for each row that the touched customers already have in runs whose newest
arrival lies within the horizon; contents and arrivals are read only where keys meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from yutang.kernel.instants import BEGINNING
from yutang.kernel.limits import DEDUPLICATION_HORIZON_MS
from yutang.timeline.ordering import kernels
from yutang.timeline.people import People
from yutang.timeline.runs import Run
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.tracks import TimelineState

# A run of up to so many rows an incoming anchor is read from end to end; a larger one is searched.
ROWS_READ_PER_ANCHOR = 64
# Reading from end to end needs a column of all anchors, which pays if the batch names so great a share.
ANCHORS_SHARE_MIN = 1 / 64


@dataclass(frozen=True, slots=True, eq=False)
class Repeats:
    """repeated: bool[k], the row is a duplicate. changed: bool[k], of a row with another content."""

    repeated: Flags
    changed: Flags


def find_repeats(
    state: TimelineState,
    people: People,
    heads: Ints,
    tie: Ints,
    content: Ints,
    arrived_at: Ints,
    horizon_ms: int = DEDUPLICATION_HORIZON_MS,
) -> Repeats:
    """The duplicates among incoming rows, given in order: against the state, and against earlier ones of the batch.

    heads: int64[k], each row's customer in `people`. Rows of one batch are taken to arrive together.
    """
    count = len(tie)
    if not count:
        return Repeats(np.zeros(0, bool), np.zeros(0, bool))
    customers, owner = np.unique(heads, return_inverse=True)
    owner = owner.astype(np.int64)
    following = np.empty(count, np.int64)
    compiled = kernels()
    table = compiled.key_table(owner, tie, 1 << (2 * count).bit_length(), following)
    oldest = np.maximum(arrived_at, BEGINNING + horizon_ms) - horizon_ms
    seen, same = np.zeros(count, np.int64), np.zeros(count, np.int64)
    incoming = (table, following, owner, tie, content, oldest)
    offsets, anchors = people.members(customers)
    whose = np.repeat(np.arange(len(customers)), np.diff(offsets))
    by_anchor: Ints | None = None
    for run in _runs_within(state, int(oldest.min())):
        kept = (run.tie, run.stored("content").values, run.stored("arrived_at").values)
        if len(anchors) < people.count * ANCHORS_SHARE_MIN or run.rows > ROWS_READ_PER_ANCHOR * len(anchors):
            lows, highs = run.ranges(anchors)
            compiled.probe_ranges(*incoming, lows, highs, whose, *kept, seen, same)
        else:
            by_anchor = _by_anchor(people.count, anchors, whose) if by_anchor is None else by_anchor
            compiled.probe_rows(*incoming, by_anchor, run.anchor, *kept, seen, same)
    return _verdict(following, content, seen > 0, same > 0)


def _runs_within(state: TimelineState, oldest: int) -> Iterator[Run]:
    for track in state.tracks.values():
        yield from (run for run in track.runs if run.facts.arrived_ms_max >= oldest)


def _by_anchor(count: int, anchors: Ints, whose: Ints) -> Ints:
    column = np.full(count, -1, np.int64)
    column[anchors] = whose
    return column


def _verdict(following: Ints, content: Ints, seen: Flags, same: Flags) -> Repeats:
    """Kept rows decide where there are any; else the first of the batch does, for those that follow it."""
    first = np.arange(len(following))
    for row in np.flatnonzero(following >= 0).tolist():
        first[following[row]] = first[row]
    later = first != np.arange(len(following))
    against_batch = later & ~seen
    changed = np.where(against_batch, content != content[first], seen & ~same)
    return Repeats(seen | later, changed)
