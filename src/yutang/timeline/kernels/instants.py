"""Whether enough events lie in a window, of many customers at a few instants at once: a bit for each instant.

The window is (after, until] at each instant, and instants ascend, so a customer's rows are walked once, from the end
back. Several types are asked about one after the other, each only of those of whom something is still open.

Memory is what it takes its time for, so customers are worked a block at a time: first those are put on a list of whom
anything is asked, then those of them of whom a row lies late enough to matter. Neither pass has a branch that waits
for a row, so many rows are on their way at once; of most customers nothing happened lately, and they end there.

Cost: two offsets and a byte for each customer, a row for each that is asked about, and the rows later than the
first instant of those to whom something happened lately; with flags, the rows in the windows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import Flags, Ints

Bits = npt.NDArray[np.uint8]
INSTANTS_COUNT_MAX = 8  # a bit each
_BLOCK_COUNT = 128  # customers; the rows looked at stay in the first cache until they are looked at again


@kernel("iiifiinb")
def settle(
    lows: Ints, highs: Ints, at: Ints, flags: Flags, after: Ints, until: Ints, count: int, open_: Bits
) -> None:  # fmt: skip
    """Clears bit k of open_[i] where customer i has `count` rows (>= 1) with after[k] < at <= until[k].

    Customer i has rows lows[i]:highs[i], ascending by at; flags marks those that count, with none (length 0) all do.
    after, until: int64[instants], until ascending.
    """
    n, earliest, marked = len(lows), after.min(), len(flags) > 0
    waiting = np.empty(_BLOCK_COUNT, np.int64)
    for begin in range(0, n, _BLOCK_COUNT):
        asked = late = 0
        for i in range(begin, min(n, begin + _BLOCK_COUNT)):
            waiting[asked] = i
            asked += (open_[i] != 0) & (highs[i] - count >= lows[i])
        for place in range(asked):
            i = waiting[place]
            waiting[late] = i
            late += at[highs[i] - count] > earliest
        for place in range(late):
            i = waiting[place]
            low, row, met = lows[i], highs[i] - 1, 0
            for k in range(len(until) - 1, -1, -1):
                while row >= low and at[row] > until[k]:
                    row -= 1
                here = row - count + 1
                if here < low:
                    break
                if marked:
                    here, left = row + 1, count
                    while left > 0 and here > low and at[here - 1] > after[k]:
                        here -= 1
                        left -= flags[here]
                    met |= (left == 0) << k
                else:
                    met |= (at[here] > after[k]) << k
            open_[i] &= ~met


@kernel("iiifiibb")
def tally(
    lows: Ints, highs: Ints, at: Ints, flags: Flags, after: Ints, until: Ints, left: Bits, open_: Bits
) -> None:  # fmt: skip
    """The same where the rows of several types are counted together, a call each. left: uint8[instants * n], at
    [k * n + i] how many customer i still lacks at instant k; the bit is cleared when it comes to 0.
    """
    n, earliest, marked = len(lows), after.min(), len(flags) > 0
    waiting = np.empty(_BLOCK_COUNT, np.int64)
    for begin in range(0, n, _BLOCK_COUNT):
        asked = late = 0
        for i in range(begin, min(n, begin + _BLOCK_COUNT)):
            waiting[asked] = i
            asked += (open_[i] != 0) & (highs[i] > lows[i])
        for place in range(asked):
            i = waiting[place]
            waiting[late] = i
            late += at[highs[i] - 1] > earliest
        for place in range(late):
            i = waiting[place]
            low, row, met = lows[i], highs[i] - 1, 0
            for k in range(len(until) - 1, -1, -1):
                while row >= low and at[row] > until[k]:
                    row -= 1
                here, lacks = row + 1, left[k * n + i]
                while lacks > 0 and here > low and at[here - 1] > after[k]:
                    here -= 1
                    lacks -= flags[here] if marked else 1
                left[k * n + i] = lacks
                met |= (lacks == 0) << k
            open_[i] &= ~met
