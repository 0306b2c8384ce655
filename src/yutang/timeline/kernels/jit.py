"""How a kernel becomes machine code: at its first call, once, for one layout of arrays.

Kernels mention numba through this alone, but for those that read rows by their addresses (`machine*`, `several`,
`deepest`) and the lake's (`timeline/compiled.py`). A kernel takes C-contiguous int64 arrays (read-only ones
too: mapped columns are), bool arrays and int64 scalars, and states so as a signature like `"iiifn"` (`i`:
array, `f`: flags, `n`: number). Numba is imported and the kernel compiled, or loaded from its cache beside
the source, when first called, so that commands that evaluate nothing don't wait for it.

A kernel of steps (`t`: tuples of as many arrays as there are steps) is compiled for each number of steps that is asked
for. Invariant: one signature a kernel (and number of steps), hence one compilation. Kernels release the GIL and touch
no Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


class Kernel(Generic[P, R]):
    """A function that compiles itself when first called, and is that compiled function from then on."""

    __slots__ = ("_compiled", "_layout", "function")

    def __init__(self, function: Callable[P, R], layout: str) -> None:
        self.function = function
        self._layout = layout
        self._compiled: Callable[P, R] | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._compiled is None:
            self._compiled = self.compile()
        return self._compiled(*args, **kwargs)

    def compile(self, _steps: int = 0) -> Callable[P, R]:
        """Its machine code, out of the cache if it is there."""
        return _compiled(self.function, self._layout, 0)


class StepsKernel(Generic[P, R]):
    """A kernel whose first argument is a tuple of an array for each step."""

    __slots__ = ("_compiled", "_layout", "function")

    def __init__(self, function: Callable[P, R], layout: str) -> None:
        self.function = function
        self._layout = layout
        self._compiled: dict[int, Callable[P, R]] = {}

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        given: Any = args
        steps = len(given[0])
        if steps not in self._compiled:
            self._compiled[steps] = self.compile(steps)
        marked = zip(self._layout, given, strict=True)
        read: Any = [tuple(map(_read_only, one)) if mark == "t" else one for mark, one in marked]
        return self._compiled[steps](*read, **kwargs)

    def compile(self, steps: int) -> Callable[P, R]:
        """Its machine code for so many steps, out of the cache if it is there."""
        return _compiled(self.function, self._layout, steps)


def _compiled(function: Callable[P, R], layout: str, steps: int) -> Callable[P, R]:
    import numba

    numbers: Any = numba.types
    array = numba.types.Array(numba.int64, 1, "C", readonly=True)
    marks = {
        "i": array,
        "f": numba.types.Array(numba.boolean, 1, "C", readonly=True),
        "n": numba.int64,
        "o": numba.types.Array(numba.int64, 1, "C"),
        "b": numba.types.Array(numba.uint8, 1, "C"),
        "u": numba.types.Array(numba.uint32, 1, "C", readonly=True),
        "t": numbers.UniTuple(array, steps),
    }
    signature: Any = tuple(marks[mark] for mark in layout)
    return cast("Callable[P, R]", numba.njit(signature, cache=True, nogil=True)(function))


def _read_only(array: Any) -> Any:
    """The array as a tuple takes it: all of one type."""
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


def kernel(layout: str) -> Callable[[Callable[P, R]], Kernel[P, R]]:
    """Make a function a kernel; `layout` has one mark an argument, `i` for an array, `f` for flags, `n` for a number,
    `o` for an array that it fills, `b` for one of bytes, `u` for one of uint32."""

    def wrap(function: Callable[P, R]) -> Kernel[P, R]:
        return Kernel(function, layout)

    return wrap


def steps_kernel(layout: str) -> Callable[[Callable[P, R]], StepsKernel[P, R]]:
    """Make a function a kernel of steps; `layout` as of `kernel`, `t` for a tuple of arrays, one a step, the first."""

    def wrap(function: Callable[P, R]) -> StepsKernel[P, R]:
        return StepsKernel(function, layout)

    return wrap
