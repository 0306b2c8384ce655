"""How a kernel becomes machine code: at its first call, once, for one layout of arrays.

Owns the only mention of numba in the engine. A kernel takes C-contiguous int64 arrays (read-only ones
too: mapped columns are) and int64 scalars, and states so as a signature like `"iiiin"` (`i`: array, `n`:
number). Numba is imported and the kernel compiled, or loaded from its cache beside the source, when
first called, so that commands that evaluate nothing don't wait for it.

Invariant: one signature a kernel, hence one compilation. Kernels release the GIL and touch no Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


class Kernel(Generic[P, R]):
    """A function that compiles itself when first called, and is that compiled function from then on."""

    __slots__ = ("_compiled", "_function", "_layout")

    def __init__(self, function: Callable[P, R], layout: str) -> None:
        self._function = function
        self._layout = layout
        self._compiled: Callable[P, R] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._compiled is None:
            self._compiled = self._compile()
        return self._compiled(*args, **kwargs)

    def _compile(self) -> Callable[P, R]:
        import numba

        array = numba.types.Array(numba.int64, 1, "C", readonly=True)
        signature: Any = tuple(array if mark == "i" else numba.int64 for mark in self._layout)
        return cast("Callable[P, R]", numba.njit(signature, cache=True, nogil=True)(self._function))


def kernel(layout: str) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Make a function a kernel; `layout` has one mark an argument, `i` for an array, `n` for a number."""

    def wrap(function: Callable[P, R]) -> Kernel[P, R]:
        return Kernel(function, layout)

    return wrap
