"""Orders of rows, as the rest of the lake asks for them. Pure; the kernels lie in `sorting`, imported late.

Cost: a merge of k sorted pieces of m rows in all makes ceil(log2 k) passes over m rows; rows already in
order cost one comparison each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from yutang.timeline.steps import Ints


def kernels() -> Any:
    """The compiled kernels (module `sorting`)."""
    from yutang.timeline import sorting

    return sorting


def merge_order(first: Ints, second: Ints, third: Ints) -> Ints:
    """int64[m]: the rows in ascending order of three keys, stable; fast where they lie in sorted pieces."""
    order: Ints = kernels().merge_order(first, second, third)
    return order


def row_order(anchor: Ints, at: Ints, tie: Ints) -> Ints:
    """int64[m]: rows in no order at all, by (anchor, at, tie); quicker for them than `merge_order`."""
    # Anchors and rows in one number: the processor sorts eight of them at once. There are fewer than 2^40 anchors.
    bits = np.int64(len(anchor).bit_length())
    order = np.sort(anchor << bits | np.arange(len(anchor))) & ((1 << bits) - 1)
    kernels().settle(order, anchor, at, tie)
    return order


def customer_order(owner: Ints, at: Ints, tie: Ints, count: int) -> tuple[Ints, Ints]:
    """(offsets int64[count+1], order int64[m]): rows by (owner, at, tie), owner being 0 … count-1."""
    ordered: tuple[Ints, Ints] = kernels().customer_order(owner, at, tie, count)
    return ordered


def fill_members(heads: Ints, following: Ints) -> tuple[Ints, Ints]:
    """(offsets, anchors): the chain of anchors that begins at each head."""
    members: tuple[Ints, Ints] = kernels().fill_members(np.ascontiguousarray(heads, np.int64), following)
    return members
