"""Kernels are compiled before somebody asks what needs them: by a process of its own, beside a service that is ready.

A kernel takes seconds to compile, all of them minutes, once for each version of the source; what comes of it lies in
numba's cache beside the source. An engine that needs a kernel earlier compiles it itself, and neither waits for the
other. In the engine's own process it would hold Python's lock.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from yutang.timeline.kernels.jit import Kernel, StepsKernel

# As likely as they are asked for: labels and previews first, then the analysts' questions.
MODULES = (
    "gather", "merges", "folds", "intervals", "standing", "totals", "presence", "chains",
    "periods", "funnel", "flow", "paths",
)  # fmt: skip
STEPS = (2, 3, 4)  # how many a funnel mostly has
NICENESS = 19
CLOSE_WAIT_S_MAX = 2.0

AnyKernel = Kernel[Any, Any] | StepsKernel[Any, Any]


def modules() -> list[ModuleType]:
    """The modules that hold kernels, likeliest first."""
    return [importlib.import_module(f"yutang.timeline.kernels.{name}") for name in MODULES]


def kernels(held: Sequence[ModuleType]) -> list[AnyKernel]:
    """The kernels that are defined in some modules, in their order."""
    return [
        one for module in held for one in vars(module).values()
        if isinstance(one, Kernel | StepsKernel) and one.function.__module__ == module.__name__
    ]  # fmt: skip


def stored(one: AnyKernel) -> bool:
    """Whether a kernel seems to be in numba's cache beside the source. If it is wrong, a process looks for nothing."""
    function: Any = one.function
    source = Path(function.__code__.co_filename)
    tag = f"py{sysconfig.get_config_var('py_version_nodot')}"
    name = f"{source.stem}.{function.__qualname__}-{function.__code__.co_firstlineno}.{tag}.nbi"
    try:
        return (source.parent / "__pycache__" / name).stat().st_mtime >= source.stat().st_mtime
    except OSError:
        return False


@contextmanager
def compiling_kernels() -> Iterator[None]:
    """While inside, what isn't compiled yet is, by a process that gives way to everything else."""
    if all(map(stored, kernels(modules()))):
        yield
        return
    child = subprocess.Popen([sys.executable, "-m", __name__, str(os.getpid())], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        child.terminate()
        try:
            child.wait(CLOSE_WAIT_S_MAX)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def main(parent: int) -> None:
    """Compile all, one after the other, as long as the process that wants them lives."""
    os.nice(NICENESS)
    if os.getppid() != parent:
        return
    importlib.import_module("yutang.timeline.sorting")  # whose kernels are compiled where it is loaded
    for one in kernels(modules()):
        for steps in STEPS if isinstance(one, StepsKernel) else (0,):
            if os.getppid() != parent:
                return
            one.compile(steps)


if __name__ == "__main__":
    main(int(sys.argv[1]))
