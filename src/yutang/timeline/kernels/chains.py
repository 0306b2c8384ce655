"""One event after another: the step of an ordered sequence, and what comes next.

`chain` answers whether a match *exists*, not what a greedy reading finds: for each event of a step it
keeps the latest instant at which a match up to it can have begun. The later a match began, the longer
it stays in any window, so nothing else need be kept. The events of the step before that may come
directly before are a contiguous range whose two ends only move forward (not further back than `within`,
not before the last excluded event, strictly before in (at, tie)), so a monotone queue gives the latest
beginning among them: O(events of both steps and of the excluded).
"""

from __future__ import annotations

import numpy as np

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import Ints


@kernel("iiiiiiiiiin")
def chain(
    offsets: Ints,
    at: Ints,
    tie: Ints,
    begun: Ints,
    offsets_next: Ints,
    at_next: Ints,
    tie_next: Ints,
    offsets_out: Ints,
    at_out: Ints,
    tie_out: Ints,
    within: int,
) -> Ints:
    """int64[next]: for each event of the next step the latest beginning of a match that ends in it, BEGINNING if
    there is none. begun: the same of the step before. out: events that may not lie between the two.
    """
    latest = np.empty(len(at_next), np.int64)
    queue = np.empty(len(at), np.int64)
    for i in range(len(offsets) - 1):
        head, tail = 0, 0
        entering = offsets[i]
        excluded = offsets_out[i]
        for row in range(offsets_next[i], offsets_next[i + 1]):
            now, now_tie = at_next[row], tie_next[row]
            while entering < offsets[i + 1] and (
                at[entering] < now or (at[entering] == now and tie[entering] < now_tie)
            ):
                while tail > head and begun[queue[tail - 1]] <= begun[entering]:
                    tail -= 1
                queue[tail] = entering
                tail += 1
                entering += 1
            while excluded < offsets_out[i + 1] and (
                at_out[excluded] < now or (at_out[excluded] == now and tie_out[excluded] < now_tie)
            ):
                excluded += 1
            while head < tail:
                first = queue[head]
                stale = now - at[first] > within
                if not stale and excluded > offsets_out[i]:
                    last = excluded - 1
                    stale = at[first] < at_out[last] or (at[first] == at_out[last] and tie[first] < tie_out[last])
                if not stale:
                    break
                head += 1
            latest[row] = begun[queue[head]] if head < tail else BEGINNING
    return latest


@kernel("iiiiii")
def next_after(offsets: Ints, at: Ints, tie: Ints, offsets_by: Ints, at_by: Ints, tie_by: Ints) -> Ints:
    """int64[m]: the instant of the first of `by` strictly after each event in (at, tie); NEVER if none comes."""
    following = np.empty(len(at), np.int64)
    for i in range(len(offsets) - 1):
        row_by = offsets_by[i]
        for row in range(offsets[i], offsets[i + 1]):
            while row_by < offsets_by[i + 1] and (
                at_by[row_by] < at[row] or (at_by[row_by] == at[row] and tie_by[row_by] <= tie[row])
            ):
                row_by += 1
            following[row] = at_by[row_by] if row_by < offsets_by[i + 1] else NEVER
    return following
