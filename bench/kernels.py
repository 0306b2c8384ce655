"""What compiling costs: all kernels with an empty cache, and the first start of a service that finds none.

compile_cold   every kernel of the engine compiled for this machine, in one process
first_start    `yutang serve` on a new pool with an empty cache of compiled kernels, until it answers
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bench.results import Row
from bench.service import Service

ROOT = Path(__file__).parent.parent
CACHE = "NUMBA_CACHE_DIR"


def compile_all() -> int:
    """Compile (or load) every kernel. Returns how many there are."""
    import yutang.timeline
    from yutang.timeline.kernels.jit import Kernel

    found: set[int] = set()
    for module in pkgutil.walk_packages(yutang.timeline.__path__, "yutang.timeline."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Kernel) and id(value) not in found:
                value.compile()
                found.add(id(value))
    return len(found)


def compile_cold(scratch: Path) -> Row:
    """A process that compiles everything; the same again with what it kept stands beside it."""
    environment = {**os.environ, CACHE: str(scratch)}
    times, counts = [], []
    for _ in range(2):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "bench.kernels"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        times.append(time.perf_counter() - began)
        counts.append(int(done.stdout))
    told = f"{counts[0]} kernels; {times[1]:.1f} s once they are cached"
    return Row("compile_cold", 0, "yutang", round(times[0], 2), 0.0, beside=told)


def first_start(scratch: Path) -> Row:
    """As somebody meets it who has just installed it."""
    service = Service(scratch / "pool")
    service.environment[CACHE] = str(scratch / "compiled")
    service.command("key", "create", "bench", "--feed", "bench")
    seconds = service.start()
    service.stop()
    return Row("first_start", 0, "yutang", round(seconds, 2), 0.0, beside="an empty pool, an empty cache")


BENCHES: dict[str, Callable[[Path], Row]] = {"compile_cold": compile_cold, "first_start": first_start}


def measure(names: Sequence[str]) -> Iterator[Row]:
    """Measure some of them."""
    for name in names:
        with tempfile.TemporaryDirectory(prefix="yutang-bench-") as scratch:
            yield BENCHES[name](Path(scratch))


if __name__ == "__main__":
    print(compile_all())
