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

from yutang.timeline import kernels as kernels_package
from yutang.timeline.kernels.jit import Kernel, StepsKernel

# As likely as they are asked for: labels and previews first, then the analysts' questions.
MODULES = (
    "gather", "merges", "folds", "intervals", "instants", "standing", "totals", "presence", "chains",
    "periods", "funnel", "flow", "paths",
)  # fmt: skip
# These import numba, or compile, as soon as they are loaded: only the process that compiles loads them.
LATE = ("deepest", "several")
LAKES = ("sorting", "scanning", "hashing")
STEPS = (2, 3, 4)  # how many a funnel mostly has
NICENESS = 19

MACHINE = "machine"  # begins the names of the modules with the machine's kernels, which are compiled together
MACHINE_ENTRIES = ("machine.moved", "machine.kept", "machine.valued", "machine_asked.leaf_tested")

AnyKernel = Kernel[Any, Any] | StepsKernel[Any, Any]


def modules(names: Sequence[str] = MODULES) -> list[ModuleType]:
    """Modules that hold kernels, in their order."""
    return [importlib.import_module(f"yutang.timeline.kernels.{name}") for name in names]


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


def machine_stored() -> bool:
    """Whether the machine's kernels seem to be in the cache; without importing them, which imports numba."""
    folder = Path(kernels_package.__path__[0])
    newest = max(path.stat().st_mtime for path in folder.glob(f"{MACHINE}*.py"))
    tag = f"py{sysconfig.get_config_var('py_version_nodot')}"
    try:
        found = [[*(folder / "__pycache__").glob(f"{name}-*.{tag}*.nbi")] for name in MACHINE_ENTRIES]
        return all(max((path.stat().st_mtime for path in one), default=0.0) >= newest for one in found)
    except OSError:
        return False


@contextmanager
def compiling_kernels() -> Iterator[None]:
    """While inside, what isn't compiled yet is, by a process that gives way to everything else."""
    if machine_stored() and all(map(stored, kernels(modules()))):
        yield
        return
    child = subprocess.Popen([sys.executable, "-m", __name__, str(os.getpid())], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        child.kill()  # what it has compiled lies in the cache, file by file
        child.wait()


def main(parent: int) -> None:
    """Compile all, one after the other, as long as the process that wants them lives."""
    os.nice(NICENESS)
    if os.getppid() != parent:
        return
    from yutang.timeline.machine.run import compile_kernels

    compile_kernels()  # labels wait for it
    for name in LAKES:
        importlib.import_module(f"yutang.timeline.{name}")
    for one in kernels(modules((*MODULES, *LATE))):
        for steps in STEPS if isinstance(one, StepsKernel) else (0,):
            if os.getppid() != parent:
                return
            one.compile(steps)


if __name__ == "__main__":
    main(int(sys.argv[1]))
