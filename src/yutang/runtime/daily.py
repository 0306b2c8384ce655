"""What a running service does by itself from time to time, in a thread of its own.

It looks once in a period; a failure is logged and tried again with the next look.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from yutang.runtime.desk import Desk
from yutang.runtime.ending import Ending

PERIOD_S = 60.0

logger = structlog.get_logger("yutang.daily")

Chore = Callable[[Desk], None]


@contextmanager
def doing_chores(
    chores: tuple[Chore, ...], desk: Callable[[], Desk], ending: Ending, period_s: float = PERIOD_S
) -> Iterator[None]:
    """While inside, the chores are done once a period, each at a desk pinned to the newest epoch then."""
    thread = threading.Thread(target=_run, args=(chores, desk, ending, period_s), name="chores", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.tell()
        thread.join(ending.left_s())


def _run(chores: tuple[Chore, ...], desk: Callable[[], Desk], ending: Ending, period_s: float) -> None:
    while not ending.wait(period_s):
        for chore in chores:
            try:
                chore(desk())
            except Exception:  # whatever it is, the service goes on, and it is tried again
                if not ending.told():  # else the pool was closed under it
                    logger.exception("chore failed", chore=chore.__name__)
