"""What the engine tells the intake process, by calls on its socket, from a thread of its own:

    processed  how far the log has come, {"live": ref, "bulk": ref} as msgpack: every PERIOD_S
    basis      what intake judges by, as msgpack: when it changed, and when intake has another than was told

Invariants: versions of the basis rise, over restarts of either process too, since intake is asked which it has; a
flood of changes costs at most one basis every BASIS_PERIOD_S; intake being away or started anew is no failure.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import structlog

from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import UnavailableError, YutangError
from yutang.runtime.receiving import Counters
from yutang.runtime.wire import WireClient

PERIOD_S = 0.2
BASIS_PERIOD_S = 0.8  # with PERIOD_S: a change is told within a second
CLOSE_WAIT_S_MAX = 2.0
ANSWER_S_MAX = 10.0  # of one call: intake that hangs is met anew

logger = structlog.get_logger("yutang.feeding")


class Feeder:
    """Tells the intake process behind a socket until closed.

    refs(): how far the log has come. basis(): a frozen dataclass with a field `version`, to be set here; equal while
    nothing changed.
    """

    def __init__(
        self, socket: Path, refs: Callable[[], Mapping[str, int]], basis: Callable[[], Any], machine: MachineClock
    ) -> None:
        self._socket = socket
        self._refs = refs
        self._basis = basis
        self._machine = machine
        self._client: WireClient | None = None
        self._told: Any = None  # the basis that intake has, without its version
        self._told_at_s = -BASIS_PERIOD_S
        self._version = 0
        self._trouble = ""
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)

    def start(self) -> None:
        """Tell once, so that whoever finds the engine there finds intake knowing, and go on by itself."""
        self._attempt()
        self._thread.start()

    def close(self) -> None:
        """Tell no more."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_WAIT_S_MAX)

    def tell(self) -> None:
        """One round. Raises UnavailableError if intake isn't there; the next round begins anew then."""
        try:
            if self._client is None:
                self._client = WireClient(self._socket, ANSWER_S_MAX)
                self._meet(self._client)
            self._client.call("processed", "", msgspec.msgpack.encode(self._refs()))
            self._tell_basis(self._client)
        except UnavailableError:
            self._part()
            raise

    def _meet(self, client: WireClient) -> None:
        """Another process of intake than before: what it has may be older, from its own copy."""
        has = msgspec.msgpack.decode(client.call("counters", "", b""), type=Counters).basis_version
        if has != self._version or not self._version:
            self._told = None
        self._version = max(self._version, has)

    def _tell_basis(self, client: WireClient) -> None:
        now_s = self._machine.stopwatch_s()
        if self._told is not None and now_s - self._told_at_s < BASIS_PERIOD_S:
            return
        found = self._basis()
        if found == self._told:
            return
        version = self._version + 1
        client.call("basis", "", msgspec.msgpack.encode(replace(found, version=version)))
        self._told, self._told_at_s, self._version = found, now_s, version

    def _part(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _run(self) -> None:
        while not self._ending.wait(PERIOD_S):
            self._attempt()
        self._part()

    def _attempt(self) -> None:
        try:
            self.tell()
        except UnavailableError as error:
            self._note(str(error))
        except Exception as error:  # whatever it is, intake must hear from the engine again
            self._part()
            self._note(f"{type(error).__name__}: {error}" if not isinstance(error, YutangError) else str(error))
        else:
            self._trouble = ""

    def _note(self, trouble: str) -> None:
        """Say once what keeps recurring."""
        if trouble != self._trouble:
            self._trouble = trouble
            logger.warning("intake not told", reason=trouble)
