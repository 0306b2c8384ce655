"""The compiled kernel of `packed` that hashes many messages at once: BLAKE2b as RFC 7693 has it, digests of 8 bytes.

`LANES` messages are mixed side by side, so that the processor works on several with each instruction: some 50 ns for a
message of one block, an eighth of what a call of `hashlib` costs. Equality with it is tested.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from yutang.timeline.columns import Longs
from yutang.timeline.compiled import compiled
from yutang.timeline.steps import Ints

LANES = 128  # their state and words (32 kB) just fit the processor's nearest cache
BLOCK_BYTES = 128
_START = np.array([
    0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
    0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
], np.uint64)  # fmt: skip
_EIGHT_BYTES = np.uint64(0x01010008)  # of the parameters: no key, one tree, a digest of 8 bytes
_WORDS = np.array([
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
], np.int64)  # fmt: skip
_QUARTETS = np.array([
    [0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15], [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13],
    [3, 4, 9, 14],
], np.int64)  # fmt: skip
_ROUNDS = 12


@compiled("")
def _mix(v: Any, m: Any, quartet: int, x: int, y: int, lanes: int) -> None:
    """One step of the mixing, for all lanes."""
    a, b, c, d = _QUARTETS[quartet]
    for lane in range(lanes):
        va = v[a, lane] + v[b, lane] + m[x, lane]
        vd = v[d, lane] ^ va
        vd = (vd >> np.uint64(32)) | (vd << np.uint64(32))
        vc = v[c, lane] + vd
        vb = v[b, lane] ^ vc
        vb = (vb >> np.uint64(24)) | (vb << np.uint64(40))
        va += vb + m[y, lane]
        vd ^= va
        vd = (vd >> np.uint64(16)) | (vd << np.uint64(48))
        vc += vd
        vb ^= vc
        v[a, lane], v[b, lane] = va, (vb >> np.uint64(63)) | (vb << np.uint64(1))
        v[c, lane], v[d, lane] = vc, vd


@compiled("")
def _going(blocks: Ints, order: Ints, start: int, going: int, block: int) -> int:
    """How many of the first lanes have a block of that number."""
    while going > 0 and blocks[order[start + going - 1] + 1] - blocks[order[start + going - 1]] <= block:
        going -= 1
    return going


@compiled("uiii")
def digests(words: Longs, blocks: Ints, lengths: Ints, order: Ints) -> Ints:
    """int64[messages]: the upper 63 bits of each message's BLAKE2b of 8 bytes, read with the lowest byte first.

    words, blocks, lengths: as `scanning.framed` gives them. order: the messages, those of most blocks first, so that
    the lanes that go on are always the first ones.
    """
    found = np.empty(len(order), np.int64)
    v, m = np.empty((16, LANES), np.uint64), np.empty((16, LANES), np.uint64)
    h = np.empty((8, LANES), np.uint64)
    for start in range(0, len(order), LANES):
        lanes = min(LANES, len(order) - start)
        for word in range(8):
            h[word, :lanes] = _START[word]
        h[0, :lanes] ^= _EIGHT_BYTES
        block, going = 0, lanes
        while going:
            for lane in range(going):
                message = order[start + lane]
                begin = (blocks[message] + block) * 16
                for word in range(16):
                    m[word, lane] = words[begin + word]
                for word in range(8):
                    v[word, lane], v[word + 8, lane] = h[word, lane], _START[word]
                v[12, lane] ^= np.uint64(min((block + 1) * BLOCK_BYTES, lengths[message]))
                if blocks[message] + block + 1 == blocks[message + 1]:
                    v[14, lane] = ~v[14, lane]
            for turn in range(_ROUNDS):
                for quartet in range(8):
                    x, y = _WORDS[turn % 10, 2 * quartet], _WORDS[turn % 10, 2 * quartet + 1]
                    _mix(v, m, quartet, x, y, going)
            for word in range(8):
                for lane in range(going):
                    h[word, lane] ^= v[word, lane] ^ v[word + 8, lane]
            block += 1
            going = _going(blocks, order, start, going, block)
        for lane in range(lanes):
            found[order[start + lane]] = np.int64(h[0, lane] >> np.uint64(1))
    return found
