"""The two clocks of a pool.

Pool time is the domain's: monotone; real, simulated and standing, or simulated and running (an
offset to machine time). Machine time is for time-outs, backoff and tokens. Both are passed in; this
module alone reads the machine's clock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class MachineClock(Protocol):
    """Machine time in ms since 1970, and a stopwatch that never steps back."""

    def now_ms(self) -> int: ...

    def stopwatch_s(self) -> float: ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def stopwatch_s(self) -> float:
        return time.monotonic()


class ClockMode(StrEnum):
    """How pool time moves."""

    REAL = "real"
    STANDING = "standing"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class PoolClock:
    """Pool time as a function of machine time.

    real: pool time is machine time. standing: it is `at_ms` until moved. running: it was `at_ms` when
    the machine's clock said `machine_ms`, and moves with it.
    """

    mode: ClockMode = ClockMode.REAL
    at_ms: int = 0
    machine_ms: int = 0

    @property
    def simulated(self) -> bool:
        """Whether pool time differs from machine time: such a pool may use sandbox channels only."""
        return self.mode is not ClockMode.REAL

    def now_ms(self, machine: MachineClock) -> int:
        """Pool time now."""
        if self.mode is ClockMode.STANDING:
            return self.at_ms
        if self.mode is ClockMode.RUNNING:
            return self.at_ms + machine.now_ms() - self.machine_ms
        return machine.now_ms()
