"""How the lake's kernels become machine code: where their module is loaded, out of numba's cache if it is there.

For modules that are imported when first needed (`sorting`, `scanning`, `hashing`). Unlike `kernels`, theirs call one
another, write into scratch arrays and read bytes. One signature each, read-only arrays accepted, GIL released. Inner
functions are put into the code of those that call them: handing an array on costs more than most of them do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")

_LAYOUT: dict[str, Any] = {
    "i": numba.types.Array(numba.int64, 1, "C", readonly=True),
    "w": numba.types.Array(numba.int64, 1, "C"),
    "b": numba.types.Array(numba.uint8, 1, "C", readonly=True),
    "u": numba.types.Array(numba.uint64, 1, "C", readonly=True),
    "n": numba.int64,
}


def compiled(layout: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """layout: one mark an argument: `i` array read, `w` array written, `b` bytes read, `u` array of uint64 read, `n`
    number; "" for inner functions."""
    signature: Any = tuple(_LAYOUT[mark] for mark in layout) if layout else None
    inline: Any = "never" if layout else "always"

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        return cast("Callable[P, R]", numba.njit(signature, cache=True, nogil=True, inline=inline)(function))

    return wrap
