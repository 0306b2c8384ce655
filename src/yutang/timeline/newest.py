"""The rows that arrived last, over all types: what a live view begins with once the inbox has let go of them.

Reads two columns of the runs with the newest arrivals, and no more runs than can hold any of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yutang.timeline.runs import Run
from yutang.timeline.steps import Ints
from yutang.timeline.tracks import TimelineState


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """A row as it arrived. seq: its record's number in the log."""

    seq: int
    at: int
    type: str
    id: str
    feed: str
    anchor: int
    arrived_at: int


def newest_rows(state: TimelineState, count: int, before_seq: int, only_type: str = "") -> list[Arrival]:
    """The last `count` rows of records before a number, the latest last; of one type, or of any."""
    runs = [
        (run.facts.arrived_ms_max, name, run)
        for name, track in state.tracks.items()
        for run in track.runs
        if only_type in ("", name)
    ]
    found: list[Arrival] = []
    for arrived_ms_max, name, run in sorted(runs, key=lambda one: one[0], reverse=True):
        if len(found) == count and arrived_ms_max < found[0].arrived_at:
            break
        found = sorted([*found, *_last_of(run, name, count, before_seq)])[-count:]
    return found


def _last_of(run: Run, name: str, count: int, before_seq: int) -> list[Arrival]:
    seq = run.stored("seq").values
    rows: Ints = np.flatnonzero(seq < before_seq)
    if len(rows) > count:
        rows = rows[np.argpartition(seq[rows], -count)[-count:]]
    arrived, ids, feeds = (run.stored(key) for key in ("arrived_at", "id", "feed"))
    return [
        Arrival(
            int(seq[row]), int(run.at[row]), name, ids.words[int(ids.values[row])], feeds.words[int(feeds.values[row])],
            int(run.anchor[row]), int(arrived.values[row]),
        )
        for row in rows.tolist()
    ]  # fmt: skip
