"""Paths: the events that come one after another from where a path begins, until a pause that is too long.

One walk over the events of each customer: every event is looked at once, and a path takes up after the one before it
has ended, so paths don't overlap. O(events after the first beginning). Paths *to* an event are paths from it in time
turned round: instants and ties negated, rows and customers in reverse order.
"""

from __future__ import annotations

import numpy as np

from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import Ints

FULL, STOPPED, ONGOING = range(3)  # how a path ends: with its last step, in a pause, where what is known ends


@kernel("iiiiiiiinnnn")
def walk(
    offsets: Ints, at: Ints, tie: Ints, name: Ints, offsets_from: Ints, at_from: Ints, tie_from: Ints, name_from: Ints,
    steps: int, gap: int, until: int, collapse: int,
) -> tuple[Ints, Ints, Ints, Ints, Ints]:  # fmt: skip
    """(customer, steps taken, end, names, instants) of each path; the last two (steps + 1) a path, one after another.

    from: where paths may begin. A path goes on to the next event if that comes within `gap`, and takes at most `steps`.
    collapse: 1 if an event of the same name as the one before is no step of its own (it still puts the pause off). A
    path that ends with less than a pause before `until` is ONGOING. Entries beyond a path's last step are unwritten.
    """
    width = steps + 1
    most = len(at_from)
    customer, taken, ends = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    names, instants = np.empty(most * width, np.int64), np.empty(most * width, np.int64)
    path = 0
    for i in range(len(offsets) - 1):
        row, last = offsets[i], offsets[i + 1]
        for begin in range(offsets_from[i], offsets_from[i + 1]):
            now, here = at_from[begin], name_from[begin]
            if row > offsets[i] and (at[row - 1] > now or (at[row - 1] == now and tie[row - 1] >= tie_from[begin])):
                continue  # inside the path before
            while row < last and (at[row] < now or (at[row] == now and tie[row] <= tie_from[begin])):
                row += 1
            step = 0
            names[path * width], instants[path * width] = here, now
            while step < steps and row < last and at[row] - now <= gap:
                now = at[row]
                if collapse == 0 or name[row] != here:
                    step += 1
                    here = name[row]
                    names[path * width + step], instants[path * width + step] = here, now
                row += 1
            customer[path], taken[path] = i, step
            ends[path] = FULL if step == steps else STOPPED
            if step < steps and row == last and until - now <= gap:
                ends[path] = ONGOING
            path += 1
    return customer[:path], taken[:path], ends[:path], names[: path * width], instants[: path * width]
