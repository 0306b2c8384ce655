"""Faults that kill: this process dies, as by `kill -9`, when a named point is reached for the nth time."""

from __future__ import annotations

import os
import signal

from yutang.kernel.faults import Faults, NoFaults

VARIABLE = "YUTANG_FAULT"


class DieAt:
    """`YUTANG_FAULT=flush.written:3` dies when the point is reached for the third time; without a number at once."""

    def __init__(self, text: str) -> None:
        self._point, _, count = text.partition(":")
        self._left = int(count or 1)

    def reach(self, point: str) -> None:
        """Die here if it is the place and the time."""
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def faults_named() -> Faults:
    """Nothing, unless a test names a point at which this process is to die."""
    point = os.environ.get(VARIABLE)
    return DieAt(point) if point else NoFaults()
