"""One event, once in effect: which incoming rows repeat what a customer's timeline already holds.

The key is (customer, hash of feed and id); the first wins. Exact, and the same whatever was flushed or
compacted: a kept row counts if it arrived within the horizon before the incoming one. The same whether records come
one by one or in groups, too: a row that repeats a kept one is none that others could repeat. Pure. Cost: one
probe of a small table for each row that the customers looked up already have in runs whose newest
arrival lies within the horizon; contents and arrivals are read only where keys meet. Looked up are those
with a row whose key the sieve doesn't know to be new.
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
from yutang.timeline.sieve import Sieve
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
    met: Flags | None = None,
) -> Repeats:
    """The duplicates among incoming rows, given in order: against the state, and against earlier ones of the batch.

    heads: int64[k], each row's customer in `people`. arrived_at: int64[k], ascending. met: bool[k], which ties
    the state may hold (see `sieve`); None: any.
    """
    customers, owner = np.unique(heads, return_inverse=True)
    suspects = np.arange(len(customers)) if met is None else np.unique(owner[met])
    offsets, anchors = people.members(customers[suspects])
    whose = np.repeat(suspects, np.diff(offsets))
    incoming = Incoming(owner.astype(np.int64), tie, content, arrived_at)
    return _found(state, incoming, anchors, whose, people.count, horizon_ms)


def depends_on_grouping(
    state: TimelineState, people: People, moved: Ints, anchors: Ints, tie: Ints, content: Ints, arrived_at: Ints,
    horizon_ms: int = DEDUPLICATION_HORIZON_MS,
) -> bool:  # fmt: skip
    """Whether it depends on how some anchors are grouped into customers which incoming rows repeat what.

    moved: those anchors, ascending. anchors: int64[k], of the rows. What repeats a row of its own anchor does so in
    every grouping; what repeats none even if all are one customer does so in none.
    """
    mine = np.isin(anchors, moved)
    if not mine.any():
        return False
    anchors, tie, content, arrived_at = anchors[mine], tie[mine], content[mine], arrived_at[mine]
    apart = Incoming(np.searchsorted(moved, anchors).astype(np.int64), tie, content, arrived_at)
    joined = Incoming(np.zeros(len(tie), np.int64), tie, content, arrived_at)
    some = _found(state, apart, moved, np.arange(len(moved)), people.count, horizon_ms)
    most = _found(state, joined, moved, np.zeros(len(moved), np.int64), people.count, horizon_ms)
    same = np.array_equal(some.repeated, most.repeated) and np.array_equal(some.changed, most.changed)
    return not same


@dataclass(frozen=True, slots=True, eq=False)
class Incoming:
    """Rows in order. owner: int64[k], whose they are, as `whose` numbers them."""

    owner: Ints
    tie: Ints
    content: Ints
    arrived_at: Ints


def _found(
    state: TimelineState, rows: Incoming, anchors: Ints, whose: Ints, anchors_count: int, horizon_ms: int
) -> Repeats:
    """anchors: those of all owners; whose: the owner of each."""
    count = len(rows.tie)
    if not count:
        return Repeats(np.zeros(0, bool), np.zeros(0, bool))
    following = np.empty(count, np.int64)
    compiled = kernels()
    table = compiled.key_table(rows.owner, rows.tie, 1 << (2 * count).bit_length(), following)
    oldest = np.maximum(rows.arrived_at, BEGINNING + horizon_ms) - horizon_ms
    seen, same = np.zeros(count, np.int64), np.zeros(count, np.int64)
    incoming = (table, following, rows.owner, rows.tie, rows.content, oldest)
    by_anchor: Ints | None = None
    for run in runs_within(state, int(oldest.min())) if len(anchors) else ():
        kept = (run.tie, run.stored("content").values, run.stored("arrived_at").values)
        if len(anchors) < anchors_count * ANCHORS_SHARE_MIN or run.rows > ROWS_READ_PER_ANCHOR * len(anchors):
            lows, highs = run.ranges(anchors)
            compiled.probe_ranges(*incoming, lows, highs, whose, *kept, seen, same)
        else:
            by_anchor = _by_anchor(anchors_count, anchors, whose) if by_anchor is None else by_anchor
            compiled.probe_rows(*incoming, by_anchor, run.anchor, *kept, seen, same)
    repeated, changed = compiled.verdicts(following, rows.content, seen, same)
    return Repeats(repeated.astype(bool), changed.astype(bool))


def sieve_of(state: TimelineState, arrived_at: int, horizon_ms: int = DEDUPLICATION_HORIZON_MS) -> Sieve:
    """The ties of all rows that one which arrives then, or later, may repeat."""
    runs = list(runs_within(state, max(arrived_at, BEGINNING + horizon_ms) - horizon_ms))
    return Sieve((run.tie for run in runs), sum(run.rows for run in runs))


def runs_within(state: TimelineState, oldest: int) -> Iterator[Run]:
    """The runs of which any row arrived at an instant or later."""
    for track in state.tracks.values():
        yield from (run for run in track.runs if run.facts.arrived_ms_max >= oldest)


def _by_anchor(count: int, anchors: Ints, whose: Ints) -> Ints:
    column = np.full(count, -1, np.int64)
    column[anchors] = whose
    return column
