"""Where the rows of an anchor lie in a run that is sorted by anchor: a set of bits, with ranks, over the anchors.

Most customers have no row in most runs, and a bit says so without a look at the rows: the bits of a million
anchors stay in the processor's cache (140 kB), where searching the rows costs several misses. Built in one pass
over the run; 8 bytes for each anchor that has rows, 1 for every four anchors that it spans.
"""

from __future__ import annotations

import numpy as np

from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import Flags, Ints


@kernel("i")
def index_of(mine: Ints) -> tuple[Ints, Ints, Ints]:
    """(bits, ranks, starts) of an ascending column of anchors >= 0.

    bits: a word for 64 anchors. ranks: how many anchors with rows come before each word. starts: the first row of each
    such anchor, and the number of rows at the end.
    """
    rows = len(mine)
    words = mine[rows - 1] // 64 + 1 if rows else 0
    bits = np.zeros(words, np.int64)
    distinct = 0
    for row in range(rows):
        if row == 0 or mine[row] != mine[row - 1]:
            distinct += 1
            bits[mine[row] // 64] |= np.int64(1) << (mine[row] % 64)
    ranks = np.empty(words, np.int64)
    starts = np.empty(distinct + 1, np.int64)
    starts[distinct] = rows
    place = 0
    word = 0
    for row in range(rows):
        if row == 0 or mine[row] != mine[row - 1]:
            while word <= mine[row] // 64:
                ranks[word] = place
                word += 1
            starts[place] = row
            place += 1
    return bits, ranks, starts


@kernel("iiii")
def ranges_of(bits: Ints, ranks: Ints, starts: Ints, anchors: Ints) -> tuple[Ints, Ints]:
    """(low, high): the rows of each anchor; equal where it has none."""
    lows = np.zeros(len(anchors), np.int64)
    highs = np.zeros(len(anchors), np.int64)
    for i in range(len(anchors)):
        word = anchors[i] // 64
        if 0 <= word < len(bits) and (bits[word] >> (anchors[i] % 64)) & 1:
            below = np.uint64(bits[word]) & ((np.uint64(1) << np.uint64(anchors[i] % 64)) - np.uint64(1))
            # The number of bits set: in pairs, in fours, in bytes, all together.
            below = below - ((below >> np.uint64(1)) & np.uint64(0x5555555555555555))
            below = (below & np.uint64(0x3333333333333333)) + ((below >> np.uint64(2)) & np.uint64(0x3333333333333333))
            below = (below + (below >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
            place = ranks[word] + np.int64((below * np.uint64(0x0101010101010101)) >> np.uint64(56))
            lows[i] = starts[place]
            highs[i] = starts[place + 1]
    return lows, highs


@kernel("iii")
def rows_between(lows: Ints, highs: Ints, owner: Ints) -> tuple[Ints, Ints]:
    """(rows, the owner of each) of ranges, one after the other."""
    total = 0
    for i in range(len(lows)):
        total += highs[i] - lows[i]
    rows = np.empty(total, np.int64)
    owners = np.empty(total, np.int64)
    out = 0
    for i in range(len(lows)):
        for row in range(lows[i], highs[i]):
            rows[out] = row
            owners[out] = owner[i]
            out += 1
    return rows, owners


@kernel("iino")
def place_rows(values: Ints, sources: Ints, first: int, out: Ints) -> None:
    """out[i] = values[sources[i] - first] where there is such a row: what rows of one run give to an arrangement.

    One pass over `sources`; where runs are sorted by anchor, it walks through `values` from front to back.
    """
    for i in range(len(sources)):
        row = sources[i] - first
        if 0 <= row < len(values):
            out[i] = values[row]


@kernel("fi")
def flags_of(table: Flags, codes: Ints) -> Flags:
    """bool[m]: what a table says of the word of each row; false where there is none (< 0). One pass."""
    found = np.zeros(len(codes), np.bool_)
    for row in range(len(codes)):
        if codes[row] >= 0:
            found[row] = table[codes[row]]
    return found
