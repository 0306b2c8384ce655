"""What a running service does for the audience by itself: definitions that wait, and checkpoints of the change feed.

Definitions are worked out beside the loop, by a thread that yields to all others of the machine that want a
processor: nobody's event waits for a definition.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog

from yutang.domains.audience.api.building import BUILDER, Builder
from yutang.domains.audience.api.checkpoints import keep_checkpoints
from yutang.runtime.desk import Desk
from yutang.runtime.ending import Ending

LOOK_PERIOD_S = 0.1  # between two looks for definitions that wait
RETRY_PERIOD_S = 5.0  # after what isn't a definition's fault, such as a full disk
BEHIND_OTHERS = 5  # in niceness; threads that it starts have the same

logger = structlog.get_logger("yutang.building")


def keep_histories(desk: Desk) -> None:
    """Make the checkpoints of the change feed that are due."""
    keep_checkpoints(desk)


@contextmanager
def building_labels(desk: Callable[[], Desk], ending: Ending) -> Iterator[None]:
    """While inside, definitions that wait are worked out."""
    builder = desk().epoch[BUILDER]
    thread = threading.Thread(target=_attend, args=(builder, desk, ending), name="building", daemon=True)
    builder.attended = True
    thread.start()
    try:
        yield
    finally:
        ending.tell()
        builder.accepted("")
        thread.join(ending.left_s())
        builder.attended = False


def _attend(builder: Builder, desk: Callable[[], Desk], ending: Ending) -> None:
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + BEHIND_OTHERS)
    while not ending.told():
        try:
            worked = builder.work(desk(), parts_at_once=1)
        except Exception:  # whatever it is, the service goes on, and it is tried again
            if ending.told():  # the pool was closed under it
                return
            logger.exception("definitions wait", again_in_s=RETRY_PERIOD_S)
            ending.wait(RETRY_PERIOD_S)
        else:
            if not worked:
                builder.rest(LOOK_PERIOD_S)
