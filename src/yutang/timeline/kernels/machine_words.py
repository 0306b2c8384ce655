"""What the machine's leaves are made of: words at addresses, rows of a customer, windows, periods.

Rows are read where they lie, by the addresses of their columns (`machine.program`): an array that is handed to a
function would have its references counted, which costs more than a test. Cost: what is looked for is found in O(log
of what is passed over).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import cgutils
from numba.extending import intrinsic

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels.machine_fields import (
    ALL,
    BASE,
    BLOCK_FIELDS,
    BY,
    C_ROOM,
    C_TESTED,
    C_TRUTH,
    CURRENT,
    CUSTOMERS,
    DENSE,
    ENTRIES_AT,
    ENTRY,
    FIXED,
    HIGH,
    HIGHS,
    INDEXED,
    LOW,
    LOWS,
    MOST,
    NEAR_AT,
    NEGATED,
    ROLLING,
    WIDTH,
    WINDOW,
    WINDOW_END,
)

types: Any = numba.types
_generator: Any = cgutils
_INNER: dict[str, Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
F = TypeVar("F", bound=Callable[..., Any])


def inner(function: F) -> F:
    """What kernels are made of: compiled into them, never called from outside."""
    return cast("F", numba.njit(**_INNER)(function))


def _load_word(_typing: Any, address: Any, index: Any) -> Any:
    """The int64 at a place of a column, by its address."""

    def code(context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        pointer = builder.inttoptr(given[0], cgutils.intp_t.as_pointer())
        return builder.load(builder.gep(pointer, [given[1]]))

    return types.int64(types.int64, types.int64), code


def _load_flag(_typing: Any, address: Any, index: Any) -> Any:
    """The byte at a place of a column of flags, by its address."""

    def code(context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        pointer = builder.inttoptr(given[0], cgutils.voidptr_t)
        byte = builder.load(builder.gep(pointer, [given[1]]))
        return builder.zext(byte, cgutils.intp_t)

    return types.int64(types.int64, types.int64), code


def _put_word(_typing: Any, address: Any, index: Any, value: Any) -> Any:
    """Write the int64 at a place of a column, by its address."""

    def code(context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        pointer = builder.inttoptr(given[0], cgutils.intp_t.as_pointer())
        builder.store(given[2], builder.gep(pointer, [given[1]]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), code


def _call(_typing: Any, address: Any, context: Any, leaf: Any, place: Any, head: Any, now: Any, record: Any) -> Any:
    """Call a function of six numbers by its address."""

    def code(_context: Any, builder: Any, _signature: Any, given: Any) -> Any:
        function = _generator.ir.FunctionType(cgutils.intp_t, [cgutils.intp_t] * 6)
        return builder.call(builder.inttoptr(given[0], function.as_pointer()), given[1:])

    return types.int64(*[types.int64] * 7), code


word: Any = intrinsic(_load_word)
put: Any = intrinsic(_put_word)
_called: Any = intrinsic(_call)
flag: Any = intrinsic(_load_flag)


@inner
def where_of(column: Any) -> Any:
    """The address of a column, which the caller sees to that it stays."""
    return np.int64(column.ctypes.data)


@inner
def begin(context: Any, count: Any) -> None:
    """Begin with so many customers: what was found of others is found no more (`near`)."""
    room = word(context, C_ROOM)
    put(room, BASE, word(room, BASE) + word(room, CUSTOMERS))
    put(room, CUSTOMERS, count)


@inner
def tested(context: Any, leaf: Any, spot: Any) -> Any:
    """(truth, until) of a leaf for a customer at an instant. context: the address of it. spot: the customer's place in
    the batch, its head, the instant, the record that is asked about (0 for none).

    Through the address of `machine_asked.leaf_tested`, which so is compiled once, not into all that call it, and may
    call itself: numba can't load from its cache what calls itself by name.
    """
    until = _called(word(context, C_TESTED), context, leaf, spot[0], spot[1], spot[2], spot[3])
    return word(context, C_TRUTH) != 0, until


@inner
def beyond(at: Any, low: Any, high: Any, bound: Any) -> Any:
    """The first of the rows low:high that is later than the bound; looked for from the end, by doubling steps."""
    edge, back = high, 1
    while edge > low and edge - back >= low and word(at, edge - back) > bound:
        edge -= back
        back *= 2
    short = max(low - 1, edge - back)
    while edge - short > 1:
        middle = (edge + short) // 2
        if word(at, middle) > bound:
            edge = middle
        else:
            short = middle
    return edge


@inner
def after_of(instant: Any, width: Any) -> Any:
    """instant + width, NEVER if that is beyond all instants."""
    return instant + width if instant <= NEVER - width else NEVER


@inner
def period_of(periods: Any, first: Any, last: Any, instant: Any) -> Any:
    """The place in word(periods, first:last) of the period that an instant lies in; first - 1 before them."""
    low, high = first, last
    while low < high:
        middle = (low + high) // 2
        if word(periods, middle) <= instant:
            low = middle + 1
        else:
            high = middle
    return low - 1


@inner
def window_of(leaves: Any, at: Any, periods: Any, bounds: Any, now: Any) -> Any:
    """(after, upto, turn): the window is the events with after < t <= upto; turn: when the running period ends."""
    kind, width = word(leaves, at + WINDOW), word(leaves, at + WIDTH)
    if kind == ROLLING:
        return now - width, now, NEVER
    if kind == ALL:
        return BEGINNING, now, NEVER
    if kind == FIXED:
        end = word(leaves, at + WINDOW_END)
        return (width if width == BEGINNING else width - 1), min(now, end - 1), NEVER
    first, last = word(bounds, width), word(bounds, width + 1)
    place = period_of(periods, first, last, now)
    turn = word(periods, place + 1) if place + 1 < last else NEVER
    begin = word(periods, place) if place >= first else BEGINNING
    if kind == CURRENT:
        return (begin if begin == BEGINNING else begin - 1), now, turn
    far = place - word(leaves, at + WINDOW_END)
    after = word(periods, far) - 1 if far >= first else BEGINNING
    return after, (begin if begin == BEGINNING else begin - 1), turn


@inner
def inside(leaves: Any, at: Any, value: Any) -> Any:
    """Whether a known value passes."""
    held = (word(leaves, at + LOW) <= value) & (value <= word(leaves, at + HIGH))
    return held != (word(leaves, at + NEGATED) != 0)


@inner
def _indexed(index: Any, anchor: Any) -> Any:
    """(low, high): an anchor's rows by the packed index of a run; see `gather.ranges_of`."""
    words = word(index, 0)
    place = anchor // 64
    if anchor < 0 or place >= words:
        return 0, 0
    bits = word(index, 1 + place)
    if not (bits >> (anchor % 64)) & 1:
        return 0, 0
    below = np.uint64(bits) & ((np.uint64(1) << np.uint64(anchor % 64)) - np.uint64(1))
    below = below - ((below >> np.uint64(1)) & np.uint64(0x5555555555555555))
    below = (below & np.uint64(0x3333333333333333)) + ((below >> np.uint64(2)) & np.uint64(0x3333333333333333))
    below = (below + (below >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    rank = (
        1
        + 2 * words
        + word(index, 1 + words + place)
        + np.int64((below * np.uint64(0x0101010101010101)) >> np.uint64(56))
    )
    return word(index, rank), word(index, rank + 1)


@inner
def rows_of(blocks: Any, block: Any, place: Any, head: Any) -> Any:
    """(low, high): a customer's rows in a block."""
    by, lows, highs = word(blocks, block + BY), word(blocks, block + LOWS), word(blocks, block + HIGHS)
    if by == INDEXED:
        return _indexed(lows, word(highs, place))
    if by == DENSE:
        return (word(lows, head), word(highs, head)) if head < word(blocks, block + MOST) else (0, 0)
    return word(lows, place), word(highs, place)


@inner
def near(lying: Any, source: Any, spot: Any) -> Any:
    """What a customer has of a source: the first and the end of entries of ENTRY bytes, which are a block, its first
    row, and the one after its last. Blocks without a row have none. Looked for once a customer.

    lying: the addresses of the blocks of each source, of the blocks, and of the room.
    """
    block_of, blocks, room = lying
    of = room + 8 * (word(room, NEAR_AT) + 2 * source)  # whose entries they are, their end
    first, whose = room + 8 * word(room, ENTRIES_AT) + ENTRY * word(block_of, source), word(room, BASE) + spot[0]
    if word(of, 0) != whose:
        end = first
        for one in range(word(block_of, source), word(block_of, source + 1)):
            block = one * BLOCK_FIELDS
            low, high = rows_of(blocks, block, spot[0], spot[1])
            if low < high:
                put(end, 0, block)
                put(end, 1, low)
                put(end, 2, high)
                end += ENTRY
        put(of, 0, whose)
        put(of, 1, end)
    return first, word(of, 1)
