"""An engine one of whose long stretches of work never ends: `python -m tests.support.busy POOL`.

Which one is in `BUSY_WITH`; the file named in `BUSY_SAYS` is there once it is at work. So a test that ends the engine
then needs no timing: what it ends would go on for ever.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

STRETCH, SIGN = "BUSY_WITH", "BUSY_SAYS"


def _for_ever(*_given: object, **_named: object) -> Any:
    """Work that takes a processor, and the interpreter's lock again and again."""
    Path(os.environ[SIGN]).touch()
    while True:
        sum(range(10_000))


def _opening() -> None:
    from yutang.runtime.log.loop import Loop

    Loop.open = _for_ever  # type: ignore[method-assign]


def _getting_ready() -> None:
    from yutang.domains.audience.passes import AudiencePass

    AudiencePass.ready = _for_ever  # type: ignore[method-assign]


def _deriving() -> None:
    from yutang.runtime.log.working import Worker

    Worker.process = Worker.elapse = _for_ever  # type: ignore[method-assign]


def _arranging() -> None:
    from yutang.http import engine

    engine.WARMING_PERIOD_S = 0.01
    engine.warm_columns = _for_ever


def _building() -> None:
    from yutang.domains.audience.api.building import Builder

    Builder.work = _for_ever  # type: ignore[method-assign]


def _evaluating() -> None:
    """As `building`, by the threads of a pool with more of it queued: an interpreter waits for these at its exit."""
    from yutang.domains.audience.api.building import Builder

    def work(*_given: object, **_named: object) -> bool:
        with ThreadPoolExecutor(2) as threads:
            return any(threads.map(_for_ever, range(8)))

    Builder.work = work  # type: ignore[method-assign]


def _compiling() -> None:
    """Every kernel, by the real process beside the engine: minutes."""
    from yutang.runtime import compiling

    compiling.stored = lambda one: False


STRETCHES: Mapping[str, Callable[[], None]] = {
    "opening": _opening,
    "getting ready": _getting_ready,
    "deriving": _deriving,
    "arranging": _arranging,
    "building": _building,
    "evaluating": _evaluating,
    "compiling": _compiling,
}

if __name__ == "__main__":
    STRETCHES[os.environ[STRETCH]]()
    sys.argv[0] = "yutang.app"
    runpy.run_module("yutang.app", run_name="__main__")
