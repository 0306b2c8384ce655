"""In which periods something happened, for many customers at once: a set of bits for each.

A customer's periods are words of 62 bits, so that a word is never negative and a bit is one shift. Sets of several
types are united by `|`, so that nothing is merged. In which period an instant lies is looked up without a division:
time from `since` on is cut into slots of 2^shift ms, no longer than any period, so that a slot holds one boundary at
most, and the period is the one before the boundary or the one from it on.

Cost: O(rows). Where one word is enough (`mark`), a row costs four cycles and no branch that depends on it: the loop
runs over the rows of all customers, a byte says where a customer's end, and what is gathered is written at every row
and cleared after the last. A loop for each customer would guess its end wrong every time, which costs more than the
customer's few rows.
"""

from __future__ import annotations

import numpy as np

from yutang.timeline.kernels.jit import kernel
from yutang.timeline.steps import Ints

BITS = 62  # of a word
LANE_MAX = (1 << 16) - 1  # what a lane of 16 bits holds
SPREAD, ONES = 0x0000200040008001, 0x0001000100010001  # to multiply four bits by, and mask, for one in each lane


@kernel("iiiiinnn")
def mark(
    offsets: Ints, at: Ints, before: Ints, after: Ints, bounds: Ints, shift: int, since: int, until: int
) -> Ints:  # fmt: skip
    """int64[n]: the periods in which customers have rows up to `until`, bit 0 standing for all before `since`.

    before, after, bounds: by slot, the bit of the period up to the boundary, that from it on, and the boundary; the
    last slot reaches ahead as far as need be.
    """
    n = len(offsets) - 1
    first = np.uint64(offsets[0])
    rows = np.uint64(offsets[n]) - first
    found = np.zeros(n, np.int64)
    ends = np.zeros(rows + np.uint64(1), np.uint8)
    owners = np.empty(n + 1, np.uint64)  # those who have rows
    place = np.uint64(0)
    for i in range(n):
        owners[place] = np.uint64(i)
        some = np.uint64(offsets[i + 1] > offsets[i])
        place += some
        ends[np.uint64(offsets[i + 1]) - first - some if some else rows] = 1
    last, slots_of = np.uint64(len(bounds) - 1), np.uint64(shift)
    place = np.uint64(0)
    bits = np.int64(0)
    for row in range(rows):
        instant = at[first + row]
        slot = min(np.uint64(instant - since) >> slots_of, last)
        bit = after[slot] if instant >= bounds[slot] else before[slot]
        bit = bit if instant >= since else np.int64(1)
        bits |= bit if instant <= until else np.int64(0)
        found[owners[place]] = bits
        bits &= np.int64(ends[row]) - 1
        place += np.uint64(ends[row])
    return found


@kernel("iiiiinnnn")
def mark_words(
    offsets: Ints, at: Ints, before: Ints, after: Ints, bounds: Ints, shift: int, since: int, until: int, words: int
) -> Ints:
    """int64[n * words]: the same for any number of periods; before, after: the numbers of the bits."""
    n = len(offsets) - 1
    found = np.zeros(n * words, np.int64)
    last = len(bounds) - 1
    for i in range(n):
        row, end = offsets[i], offsets[i + 1]
        word = np.int64(0)
        bits = np.int64(1 if row < end and at[row] < since and at[row] <= until else 0)
        while row < end and at[row] < since:
            row += 1
        while row < end and at[row] <= until:
            slot = min((at[row] - since) >> shift, last)
            period = after[slot] if at[row] >= bounds[slot] else before[slot]
            if period // BITS != word:
                found[i * words + word] |= bits
                word = period // BITS
                bits = np.int64(0)
            bits |= np.int64(1) << (period - word * BITS)
            row += 1
        found[i * words + word] |= bits
    return found


@kernel("iiiiiinnnn")
def cells(
    offsets: Ints, at: Ints, codes: Ints, before: Ints, after: Ints, bounds: Ints, shift: int, since: int, until: int,
    periods: int,
) -> Ints:  # fmt: skip
    """int64[rows]: code * periods + period (from 0) of each row in [since, until] of a customer with a code >= 0; -1
    of all others. codes: of each customer; the tables as for `mark_words`."""
    found = np.full(len(at), -1, np.int64)
    last = len(bounds) - 1
    for i in range(len(offsets) - 1):
        into = codes[i] * periods - 1
        for row in range(offsets[i], offsets[i + 1] if codes[i] >= 0 else offsets[i]):
            if since <= at[row] <= until:
                slot = min((at[row] - since) >> shift, last)
                found[row] = into + (after[slot] if at[row] >= bounds[slot] else before[slot])
    return found


@kernel("iiiinnnn")
def mark_own(
    offsets: Ints, at: Ints, offsets_begun: Ints, begun: Ints, width: int, periods: int, until: int, words: int
) -> Ints:
    """int64[m * words]: the same for periods of `width` ms, counted from each of m beginnings of the customers.

    begun: ascending within a customer. Bit k: a row in [begun + k * width, begun + (k + 1) * width) and at most at
    `until`; bit `periods`: one after them. O(rows times the beginnings of their customer).
    """
    found = np.zeros(len(begun) * words, np.int64)
    for i in range(len(offsets) - 1):
        row = offsets[i]
        for one in range(offsets_begun[i], offsets_begun[i + 1]):
            while row < offsets[i + 1] and at[row] < begun[one]:
                row += 1
            for later in range(row, offsets[i + 1]):
                if at[later] > until:
                    break
                period = min((at[later] - begun[one]) // width, periods)
                found[one * words + period // BITS] |= np.int64(1) << (period % BITS)
                if period == periods:
                    break
    return found


@kernel("in")
def pairs(masks: Ints, words: int) -> tuple[Ints, Ints]:
    """(rows, bits): every bit set, by row and bit."""
    total = 0
    for place in range(len(masks)):
        left = masks[place]
        while left:
            left &= left - 1
            total += 1
    rows = np.empty(total, np.int64)
    bits = np.empty(total, np.int64)
    out = 0
    for place in range(len(masks)):
        left = masks[place]
        bit = place % words * BITS
        while left:
            if left & 1:
                rows[out] = place // words
                bits[out] = bit
                out += 1
            left >>= 1
            bit += 1
    return rows, bits


@kernel("iiiinnn")
def tally(rows: Ints, cells: Ints, firsts: Ints, masks: Ints, words: int, periods: int, cells_count: int) -> Ints:
    """int64[cells_count * periods]: of the members of each cell, how many have bit firsts + k, for each k.

    rows: of each member its row of the masks; bits beyond the words are unset. O(members * periods).
    """
    counts = np.zeros(cells_count * periods, np.int64)
    for one in range(len(rows)):
        end = (rows[one] + 1) * words
        for k in range(0, periods, BITS):
            place = rows[one] * words + (firsts[one] + k) // BITS
            bit = firsts[one] % BITS
            left = masks[place] >> bit if place < end else np.int64(0)
            if bit and place + 1 < end:
                left |= masks[place + 1] << (BITS - bit)
            into = cells[one] * periods + k
            for period in range(min(BITS, periods - k)):
                counts[into + period] += (left >> period) & 1
    return counts


@kernel("iiinnnnnn")
def followed(
    begins: Ints, masks: Ints, codes: Ints, groups: int, cohorts: int, periods: int, first_ever: int, every: int,
    most: int,
) -> tuple[Ints, Ints]:  # fmt: skip
    """(int64[groups * cohorts] members, int64[groups * cohorts * periods] how many of them have bit cohort + 1 + k of
    their mask): sets of one word each.

    begins: bit c + 1 makes a customer a member of cohort c; of all cohorts if `every`, else of the first one; if
    `first_ever`, whoever has bit 0 isn't a member. codes: the group of each customer, -1 for those who don't count.
    most: how many customers fit in, below 2^16. Four bits are counted by one addition, in lanes of 16 bits that are
    emptied before they can run over: O(members * periods / 4 + customers / most * groups * cohorts * periods).
    """
    lanes = (periods + 3) // 4
    sizes = np.zeros(groups * cohorts, np.int64)
    counts = np.zeros(groups * cohorts * periods, np.int64)
    sums = np.zeros(groups * cohorts * lanes, np.int64)
    for start in range(0, len(begins), most):
        for i in range(start, min(start + most, len(begins))):
            left = begins[i]
            if codes[i] < 0 or (first_ever and left & 1):
                continue
            left &= ~1
            while left:
                low = left & -left
                below = low - 1  # its bits are counted in pairs, fours, eights: this is one instruction in the end
                below -= (below >> 1) & 0x5555555555555555
                below = (below & 0x3333333333333333) + ((below >> 2) & 0x3333333333333333)
                bit = (((below + (below >> 4)) & 0x0F0F0F0F0F0F0F0F) * 0x0101010101010101) >> 56
                cell = codes[i] * cohorts + bit - 1
                sizes[cell] += 1
                after = masks[i] >> bit
                for lane in range(cell * lanes, (cell + 1) * lanes):
                    sums[lane] += ((after & 15) * SPREAD) & ONES
                    after >>= 4
                left = left ^ low if every else 0
        for cell in range(groups * cohorts):
            for k in range(periods):
                counts[cell * periods + k] += (sums[cell * lanes + k // 4] >> (16 * (k % 4))) & 0xFFFF
        sums[:] = 0
    return sizes, counts


@kernel("iiinnn")
def rolling(masks: Ints, cells: Ints, widths: Ints, words: int, periods: int, cells_count: int) -> Ints:
    """int64[cells_count * widths * periods]: how many have one of the bits (k - width, k], for each width and k.

    cells: of each row, -1 for none. A bit counts from where the bit before it no longer reaches until its own reach
    ends; the two ends are noted, and summed up at last. O(bits set * widths + cells * widths * periods).
    """
    counts = np.zeros(cells_count * len(widths) * periods, np.int64)
    reached = np.empty(len(widths), np.int64)
    for i in range(len(cells)):
        if cells[i] < 0:
            continue
        reached[:] = 0
        for word in range(words):
            left = masks[i * words + word]
            bit = word * BITS - 1
            while left:
                step = 1  # to the next bit set: by eights, then one by one
                while left & 255 == 0:
                    left >>= 8
                    step += 8
                while left & 1 == 0:
                    left >>= 1
                    step += 1
                left >>= 1
                bit += step
                for w in range(len(widths)):
                    into = (cells[i] * len(widths) + w) * periods
                    begins = bit if bit > reached[w] else reached[w]
                    reached[w] = bit + widths[w]
                    if begins < periods:
                        counts[into + begins] += 1
                    if reached[w] < periods:
                        counts[into + reached[w]] -= 1
    for into in range(0, len(counts), periods):
        for k in range(into + 1, into + periods):
            counts[k] += counts[k - 1]
    return counts
