"""Compaction beside the loop: the sources are immutable, so only the swap needs the loop's own thread.

Invariant: at most one at a time. One that is given up leaves nothing that anybody refers to; the start's sweep takes
its file. A failure beside the loop is told in the log and tried again after the next flush: nothing depends on it.
"""

from __future__ import annotations

import threading
from typing import Protocol

import structlog

logger = structlog.get_logger("yutang.loop")


class Merging(Protocol):
    """A compaction between its choice and its swap."""

    def run(self) -> None:
        """Write the merged file, durably; returns early once told to."""

    def give_up(self) -> None:
        """Tell `run` to end; any thread."""

    def discard(self) -> None:
        """Take away what `run` wrote: it won't be swapped in."""


class Merger:
    """Runs one compaction at a time; used by the loop's thread only."""

    def __init__(self) -> None:
        self._merging: Merging | None = None
        self._thread: threading.Thread | None = None
        self._failed = False

    def begin(self, merging: Merging | None, *, beside: bool) -> None:
        """Run a compaction, in a thread of its own if it may be beside the loop; None: there is nothing to do."""
        if merging is None or self._merging is not None:
            return
        self._failed = False
        if beside:
            self._merging = merging
            self._thread = threading.Thread(target=self._run, args=(merging,), name="compaction", daemon=True)
            self._thread.start()
        else:
            merging.run()
            self._merging = merging

    def _run(self, merging: Merging) -> None:
        try:
            merging.run()
        except Exception:
            self._failed = True
            logger.exception("compaction failed")

    @property
    def ended(self) -> bool:
        """Whether there is one that has ended."""
        return self._merging is not None and (self._thread is None or not self._thread.is_alive())

    def take(self) -> Merging | None:
        """The one that has ended, None if it failed."""
        merging, self._merging, self._thread = self._merging, None, None
        if merging is not None and self._failed:
            merging.discard()
            return None
        return merging

    def give_up(self, wait_s: float | None = None) -> None:
        """End the one at work, if any, and forget it. wait_s: how long to wait for it; None: until it has ended."""
        if self._merging is None:
            return
        self._merging.give_up()
        if self._thread is not None:
            self._thread.join(wait_s)
        if self._thread is None or not self._thread.is_alive():
            self._merging.discard()
        self._merging = self._thread = None
