"""The end of a process of the service: told to all its threads at once, and waited for by one measure.

What works beside the pool may be in the middle of something long that can't be broken off: rows put in the order of
customers, everybody evaluated for a definition, a start that is caught up. It needn't be finished either: what a
process leaves undone, at whatever instant, the next one does again. So the end waits for all of them together, and no
longer than a moment; then the process goes, whoever is left in it.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import Never

from yutang.kernel.clock import MachineClock

GRACE_S = 1.0  # most of what is at work ends by itself in less


class Ending:
    """Whether a process is to end, and for how long somebody is still waited for. Any thread may ask and tell."""

    def __init__(self, machine: MachineClock) -> None:
        self._machine = machine
        self._told = threading.Event()
        self._deadline_s = float("inf")

    def tell(self) -> None:
        """The process is to end; the time that is left runs from the first time that this is said."""
        if not self._told.is_set():
            self._deadline_s = self._machine.stopwatch_s() + GRACE_S
            self._told.set()

    def told(self) -> bool:
        """Whether it is to end."""
        return self._told.is_set()

    def wait(self, seconds: float) -> bool:
        """Rest, at most until it is to end; whether it is."""
        return self._told.wait(seconds)

    def left_s(self) -> float:
        """For how many seconds somebody is waited for still, 0 if for none; only once it is told."""
        return max(0.0, self._deadline_s - self._machine.stopwatch_s())


def leave(status: int) -> Never:
    """End the process now, with what was said written out.

    An interpreter that ends in its own way first waits for every evaluation that a thread pool has begun and queued,
    however long that takes and though nobody wants its outcome any more.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # whoever read it is gone
            stream.flush()
    os._exit(status)
