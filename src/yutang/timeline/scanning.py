"""Compiled kernels of `packed`: what lies where in msgpack, values out of it, and which texts are equal.

Each is one pass over the bytes it is about. They trust what msgspec has encoded: nothing here looks for damage.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from yutang.timeline.columns import Bytes, Longs
from yutang.timeline.compiled import compiled
from yutang.timeline.steps import Flags, Ints

Floats = npt.NDArray[np.float64]

# ── msgpack ─────────────────────────────────────────────────────────────────────────────────────


@compiled("")
def _number_at(data: Bytes, at: int, size: int) -> Any:
    """The big-endian number of so many bytes."""
    found = np.uint64(0)
    for place in range(at, at + size):
        found = (found << np.uint64(8)) | np.uint64(data[place])
    return found


@compiled("")
def _text(data: Bytes, at: int) -> tuple[int, int]:
    """(begin, end) of the bytes of a text whose head is at a place; begin is -1 if it is no text."""
    head = data[at]
    if 0xA0 <= head <= 0xBF:
        return at + 1, at + 1 + (head & 0x1F)
    if 0xD9 <= head <= 0xDB:
        size = 1 << (head - 0xD9)
        begin = at + 1 + size
        return begin, begin + np.int64(_number_at(data, at + 1, size))
    return -1, -1


def _shapes() -> tuple[Ints, Ints]:
    """(sizes, counts): by head, how many bytes a value takes before what lies in it, 0 if the head doesn't tell,
    and how many values lie in it."""
    sizes, counts = np.ones(256, np.int64), np.zeros(256, np.int64)
    counts[0x80:0x90] = 2 * np.arange(16)  # maps: keys and values
    counts[0x90:0xA0] = np.arange(16)
    sizes[0xA0:0xC0] = 1 + np.arange(32)  # texts
    sizes[0xC4:0xCA] = 0  # bytes, extensions
    sizes[0xCA:0xCC] = 5, 9  # floats
    sizes[0xCC:0xD4] = 2, 3, 5, 9, 2, 3, 5, 9  # whole numbers, without a sign and with one
    sizes[0xD4:0xD9] = 3, 4, 6, 10, 18  # small extensions
    sizes[0xD9:0xE0] = 0  # texts, arrays, maps
    return sizes, counts


_SIZES, _COUNTS = _shapes()


@compiled("")
def _shape(data: Bytes, at: int) -> Any:
    """(bytes, values in it) of the value at a place: see `_shapes`; of one whose head alone doesn't tell."""
    head = data[at]
    if head >= 0xDC:
        width = 2 if head in (0xDC, 0xDE) else 4
        count = np.int64(_number_at(data, at + 1, width))
        return 1 + width, 2 * count if head >= 0xDE else count
    if head >= 0xD9:
        width = 1 << (head - 0xD9)
        return 1 + width + np.int64(_number_at(data, at + 1, width)), 0
    kind = 1 if head >= 0xC7 else 0  # an extension has a byte for its kind
    width = 1 << (head - (0xC7 if kind else 0xC4))
    return 1 + width + kind + np.int64(_number_at(data, at + 1, width)), 0


@compiled("")
def _items(data: Bytes, at: int) -> tuple[int, int]:
    """(how many values lie in the array or map at a place, where the first begins); of a map, keys and values count."""
    if _SIZES[data[at]]:
        return _COUNTS[data[at]], at + 1
    size, count = _shape(data, at)
    return count, at + size


@compiled("")
def _after(data: Bytes, at: int) -> Any:
    """Where the value that begins at a place ends, whatever lies in it."""
    pending = 1
    while pending:
        size, count = _SIZES[data[at]], _COUNTS[data[at]]
        if not size:
            size, count = _shape(data, at)
        at += size
        pending += count - 1
    return at


@compiled("bnn")
def fields(data: Bytes, count: int, width: int) -> Ints:
    """int64[count * (width + 1)]: where each field of each item begins, and where the item ends.

    data: an array of `count` arrays of `width` fields.
    """
    found = np.empty(count * (width + 1), np.int64)
    at = _items(data, 0)[1]
    out = 0
    for _ in range(count):
        at = _items(data, at)[1]
        for _ in range(width):
            found[out] = at
            out += 1
            at = _after(data, at)
        found[out] = at
        out += 1
    return found


@compiled("bi")
def entries(data: Bytes, begins: Ints) -> tuple[Ints, Ints, Ints]:
    """(offsets int64[maps + 1], keys, values): the entries of the maps at some places, and where each begins."""
    offsets = np.zeros(len(begins) + 1, np.int64)
    for i in range(len(begins)):
        offsets[i + 1] = offsets[i] + _items(data, begins[i])[0] // 2
    keys = np.empty(offsets[len(begins)], np.int64)
    values = np.empty(offsets[len(begins)], np.int64)
    for i in range(len(begins)):
        at = _items(data, begins[i])[1]
        for entry in range(offsets[i], offsets[i + 1]):
            keys[entry] = at
            at = _after(data, at)
            values[entry] = at
            at = _after(data, at)
    return offsets, keys, values


@compiled("bi")
def texts(data: Bytes, begins: Ints) -> tuple[Ints, Ints]:
    """(begins, ends) of the bytes of the texts whose heads are at some places; a begin is -1 where there is no text."""
    found = np.empty(len(begins), np.int64)
    ends = np.empty(len(begins), np.int64)
    for i in range(len(begins)):
        found[i], ends[i] = _text(data, begins[i])
    return found, ends


@compiled("bi")
def integers(data: Bytes, begins: Ints) -> tuple[Ints, Flags]:
    """(values, fits): the whole numbers at some places; fits: it is one, and int64 holds it."""
    values = np.zeros(len(begins), np.int64)
    fits = np.zeros(len(begins), np.bool_)
    for i in range(len(begins)):
        head = data[begins[i]]
        if head <= 0x7F:
            values[i], fits[i] = head, True
        elif head >= 0xE0:
            values[i], fits[i] = np.int64(head) - 256, True
        elif 0xCC <= head <= 0xCF:
            found = _number_at(data, begins[i] + 1, 1 << (head - 0xCC))
            values[i], fits[i] = np.int64(found), found < np.uint64(1 << 63)
        elif 0xD0 <= head <= 0xD3:
            bits = 8 << (head - 0xD0)
            found = _number_at(data, begins[i] + 1, bits // 8) << np.uint64(64 - bits)
            values[i], fits[i] = np.int64(found) >> np.int64(64 - bits), True
    return values, fits


@compiled("bi")
def floats(data: Bytes, begins: Ints) -> tuple[Floats, Flags]:
    """(values, fits): the float64 at some places; fits: it is one."""
    bits = np.zeros(len(begins), np.uint64)
    fits = np.zeros(len(begins), np.bool_)
    for i in range(len(begins)):
        if data[begins[i]] == 0xCB:
            bits[i], fits[i] = _number_at(data, begins[i] + 1, 8), True
    return bits.view(np.float64), fits


# ── texts ───────────────────────────────────────────────────────────────────────────────────────


@compiled("")
def _spread_hash(data: Bytes, begin: int, end: int) -> Any:
    """A hash of bytes for a table in memory only: FNV-1a, its upper bits mixed into the lower ones."""
    found = np.uint64(0xCBF29CE484222325)
    for place in range(begin, end):
        found = (found ^ np.uint64(data[place])) * np.uint64(0x100000001B3)
    return found ^ (found >> np.uint64(29)) ^ (found >> np.uint64(47))


@compiled("")
def _equal(data: Bytes, begins: Ints, ends: Ints, a: int, b: int) -> Any:
    length = ends[a] - begins[a]
    same = 0 if length == ends[b] - begins[b] else -1
    while 0 <= same < length and data[begins[a] + same] == data[begins[b] + same]:
        same += 1
    return same == length


@compiled("bii")
def coded(data: Bytes, begins: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """(codes, firsts): equal texts get equal codes, from 0 as they first occur; firsts: where each code does.

    An open table; O(bytes), a look at two texts for each that is met again.
    """
    size = 8
    while size < 2 * len(begins):
        size *= 2
    table = np.full(size, -1, np.int64)
    codes = np.empty(len(begins), np.int64)
    firsts = np.empty(len(begins), np.int64)
    found = 0
    for i in range(len(begins)):
        place = np.int64(_spread_hash(data, begins[i], ends[i]) & np.uint64(size - 1))
        while table[place] >= 0 and not _equal(data, begins, ends, firsts[table[place]], i):
            place = (place + 1) & (size - 1)
        if table[place] < 0:
            table[place] = found
            firsts[found] = i
            found += 1
        codes[i] = table[place]
    return codes, firsts[:found].copy()


@compiled("")
def _copied(data: Bytes, begin: int, end: int, found: Bytes, at: int) -> Any:
    """Copies bytes to a place; where they end there. Numbers without a sign spare a look at each for being below 0."""
    to, start = np.uint64(at), np.uint64(begin)
    for place in range(np.uint64(end - begin)):
        found[to + place] = data[start + place]
    return at + end - begin


@compiled("bii")
def gathered(data: Bytes, begins: Ints, ends: Ints) -> tuple[Bytes, Ints]:
    """(bytes, offsets int64[texts + 1]): some texts one after the other."""
    offsets = np.zeros(len(begins) + 1, np.int64)
    for i in range(len(begins)):
        offsets[i + 1] = offsets[i] + ends[i] - begins[i]
    found = np.empty(offsets[len(begins)], np.uint8)
    for i in range(len(begins)):
        _copied(data, begins[i], ends[i], found, offsets[i])
    return found, offsets


@compiled("biinn")
def framed(data: Bytes, begins: Ints, ends: Ints, pieces: int, block_bytes: int) -> tuple[Longs, Ints, Ints]:
    """(words, blocks int64[messages + 1], lengths): messages out of so many pieces each, as `kernel.ids.hash64` hashes
    them: the first piece as it is, then the length of all the others (4 bytes, the lowest first), then those.

    words: each message in whole blocks of its own, blocks[i]:blocks[i + 1], zeros after its end. block_bytes: of a
    block, a multiple of 8.
    """
    count = len(begins) // pieces
    blocks, lengths = np.zeros(count + 1, np.int64), np.empty(count, np.int64)
    for i in range(count):
        lengths[i] = 4
        for piece in range(i * pieces, (i + 1) * pieces):
            lengths[i] += ends[piece] - begins[piece]
        blocks[i + 1] = blocks[i] + (lengths[i] + block_bytes - 1) // block_bytes
    found = np.zeros(blocks[count] * block_bytes, np.uint8)
    for i in range(count):
        out = blocks[i] * block_bytes
        for piece in range(i * pieces, (i + 1) * pieces):
            out = _copied(data, begins[piece], ends[piece], found, out)
            if piece == i * pieces:
                rest = lengths[i] - (ends[piece] - begins[piece]) - 4
                for byte in range(4):
                    found[out] = (rest >> (8 * byte)) & 0xFF
                    out += 1
    return found.view(np.uint64), blocks, lengths
