"""The port by which tests break the house on purpose: named points between any two durable steps."""

from __future__ import annotations

from typing import Protocol


class Faults(Protocol):
    """Told of each point as it is reached; a test's implementation may kill the process there."""

    def reach(self, point: str) -> None: ...


class NoFaults:
    """Nothing ever happens."""

    def reach(self, point: str) -> None:
        return None
