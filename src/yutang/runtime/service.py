"""The service: one command, two processes under one supervisor, one folder.

    supervisor (holds the folder's lock) ── intake   (owner of inbox.db, answers at intake.sock)
                                         └─ engine   (everything else, answers at engine.sock and over HTTP)

Intake goes on acknowledging while the engine restarts. Invariants: the lock's descriptor is inherited, so
the folder stays locked until the last of the three is gone, however the others died; a child's standard input
is a pipe that nobody writes to and only the supervisor holds, so it ends when the supervisor is gone.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

import structlog

from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import UnavailableError, YutangError
from yutang.runtime.folder import Folder, FolderLock
from yutang.runtime.wire import WireClient

READY_WAIT_S_MAX = 60.0
STOP_WAIT_S_MAX = 30.0
READY_PERIOD_S = 0.02
WATCH_PERIOD_S = 0.2
RESTART_PAUSE_S = 1.0
RESTARTS_IN_A_ROW_MAX = 5
CALM_S = 60.0  # a child that lived so long has its restarts forgiven
ROLES = ("intake", "engine")  # in the order in which they start

logger = structlog.get_logger("yutang.service")


class Supervisor:
    """Starts both processes, restarts one that dies, ends both together.

    command(role) gives the argument vector of a child. sleep waits seconds of machine time.
    """

    def __init__(
        self, folder: Folder, command: Callable[[str], Sequence[str]], machine: MachineClock,
        sleep: Callable[[float], None],
    ) -> None:  # fmt: skip
        self._folder = folder
        self._command = command
        self._machine = machine
        self._sleep = sleep
        self._lock = FolderLock.take(folder, "service")
        folder.make()
        self._sockets = {"intake": folder.intake_socket, "engine": folder.engine_socket}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._born: dict[str, float] = {}
        self._restarts = {"intake": 0, "engine": 0}
        self._stopping = threading.Event()

    def run(self, on_ready: Callable[[], None]) -> None:
        """Serve until told to stop (SIGTERM, SIGINT) or until a child can't be kept alive."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        try:
            for role in ROLES:
                self._start(role)
                self._await(role)
            if not self._stopping.is_set():
                on_ready()
            while not self._stopping.is_set():
                self._watch()
                self._sleep(WATCH_PERIOD_S)
        finally:
            self._end()

    def _start(self, role: str) -> None:
        self._sockets[role].unlink(missing_ok=True)
        handle = self._lock.handle
        os.set_inheritable(handle, True)
        # In a group of its own: a Ctrl-C in the terminal is the supervisor's to answer.
        self._children[role] = subprocess.Popen(
            self._command(role), pass_fds=(handle,), stdin=subprocess.PIPE, process_group=0
        )
        self._born[role] = self._machine.stopwatch_s()

    def _await(self, role: str) -> None:
        """Until a child answers."""
        deadline = self._born[role] + READY_WAIT_S_MAX
        while not self._stopping.is_set():
            status = self._children[role].poll()
            if status is not None or self._machine.stopwatch_s() > deadline:
                told = "within the time allowed" if status is None else f"(status {status}); its reason stands above"
                raise UnavailableError(
                    "service.not_ready", f"the {role} process didn't come up {told}",
                    remedy="mend that and serve again; `yutang doctor` looks the pool over",
                )  # fmt: skip
            try:
                WireClient(self._sockets[role]).close()
            except UnavailableError:
                self._sleep(READY_PERIOD_S)
            else:
                return

    def _watch(self) -> None:
        """Start anew what died, without waiting for it: the other one needs watching too."""
        for role in ROLES:
            status = self._children[role].poll()
            if status is None:
                continue
            calm = self._machine.stopwatch_s() - self._born[role] > CALM_S
            self._restarts[role] = 1 if calm else self._restarts[role] + 1
            logger.error("process died", role=role, status=status, restarts=self._restarts[role])
            if self._restarts[role] > RESTARTS_IN_A_ROW_MAX:
                raise UnavailableError(
                    "service.dying", f"the {role} process died again and again, {RESTARTS_IN_A_ROW_MAX} times",
                    remedy="its reasons stand above; `yutang doctor` looks the pool over",
                )  # fmt: skip
            self._sleep(RESTART_PAUSE_S)
            self._start(role)

    def _end(self) -> None:
        for role in reversed(ROLES):
            child = self._children.get(role)
            if child is None:
                continue
            child.terminate()
            try:
                child.wait(STOP_WAIT_S_MAX)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            if child.stdin is not None:
                child.stdin.close()
            self._sockets[role].unlink(missing_ok=True)  # one that was killed leaves it
        self._lock.release()


def wait_for_end(sleep: Callable[[float], None], healthy: Callable[[], bool]) -> bool:
    """A child's main thread: until SIGTERM, until its supervisor is gone, or until it isn't healthy any more.

    Returns whether it ended in health.
    """
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    while not ending.is_set() and not _orphaned():
        if not healthy():
            return False
        sleep(WATCH_PERIOD_S)
    return True


def _orphaned() -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], 0)  # the pipe's other end is closed
    return bool(readable)


def status_of(error: YutangError, role: str) -> int:
    """Say on the error stream why a child can't go on; its exit status."""
    sys.stderr.write(f"{role}: {error}\n")
    return error.exit_code


def child_command(module: str, folder: Folder) -> list[str]:
    """The argument vector by which this interpreter runs a process of the service."""
    return [sys.executable, "-m", module, str(folder.root)]
