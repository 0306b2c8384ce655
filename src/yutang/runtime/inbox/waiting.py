"""What waits for the engine: how many events, and how long until there is room again.

Counted by a running sum over the blobs in the order of their references; exact from the first time that the engine
tells how far it is (before that, what is in the inbox counts as waiting).
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

HEADS_COUNT_MAX = 262_144  # of a lane; over it new blobs are counted together with the last
TOLD_COUNT_MAX = 64  # the last times the engine told, by which its speed is reckoned
RETRY_S_MIN, RETRY_S_MAX = 1, 60


class _Head(Protocol):
    @property
    def ref(self) -> int: ...
    @property
    def lane(self) -> str: ...
    @property
    def events(self) -> int: ...


class Waiting:
    """See the module. Any thread."""

    def __init__(self, heads: Sequence[_Head] = ()) -> None:
        self._turn = threading.Lock()
        self._lanes: dict[str, deque[tuple[int, int]]] = {}
        self._told: deque[tuple[float, int]] = deque(maxlen=TOLD_COUNT_MAX)
        self._processed = 0
        self.events = 0
        for head in heads:
            self.add(head.lane, head.ref, head.events)

    def add(self, lane: str, ref: int, events: int) -> None:
        """A blob was kept."""
        with self._turn:
            heads = self._lanes.setdefault(lane, deque())
            if len(heads) >= HEADS_COUNT_MAX:
                _, before = heads.pop()
                heads.append((ref, before + events))
            else:
                heads.append((ref, events))
            self.events += events

    def processed(self, refs: Mapping[str, int], stopwatch_s: float) -> None:
        """The engine is through with everything up to a reference, by lane."""
        with self._turn:
            for lane, ref in refs.items():
                heads = self._lanes.get(lane)
                while heads and heads[0][0] <= ref:
                    events = heads.popleft()[1]
                    self.events -= events
                    self._processed += events
            self._told.append((stopwatch_s, self._processed))

    def retry_after_s(self, events_max: int, stopwatch_s: float) -> int:
        """In how many seconds a tenth of the limit will be free, at the engine's pace of late."""
        excess = self.events - events_max * 9 // 10
        with self._turn:
            since, before = self._told[0] if self._told else (stopwatch_s, 0)
            pace = (self._processed - before) / max(stopwatch_s - since, 0.1)
        if pace <= 0:
            return RETRY_S_MAX
        return min(RETRY_S_MAX, max(RETRY_S_MIN, math.ceil(excess / pace)))
