"""The service: one command, two processes under one supervisor, one folder.

    supervisor (holds the folder's lock) ── intake   (owner of inbox.db, answers at intake.sock)
                                         └─ engine   (everything else, answers at engine.sock and over HTTP)

Intake goes on acknowledging while the engine restarts. SIGHUP reads the settings anew and starts both processes anew,
the engine first; settings that can't be read, or with which a process doesn't come up, are told, and those before them
stay in force. Children get the settings in force as variables, so one that is restarted later reads the same.

Invariants: the lock's descriptor is inherited, so the folder stays locked until the last of the three is gone, however
the others died; a child's standard input is a pipe that nobody writes to and only the supervisor holds, so it ends
when the supervisor is gone.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import structlog

from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import UnavailableError, YutangError
from yutang.runtime.folder import Folder, FolderLock
from yutang.runtime.telemetry import report_end
from yutang.runtime.wire import WireClient

READY_WAIT_S_MAX = 300.0  # a pool of millions takes a while on a busy machine
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

    command(role) gives the argument vector of a child. settle() reads the settings and gives them as variables for
    the children; it raises ConfigError. sleep waits seconds of machine time.
    """

    def __init__(
        self, folder: Folder, command: Callable[[str], Sequence[str]], settle: Callable[[], Mapping[str, str]],
        machine: MachineClock, sleep: Callable[[float], None],
    ) -> None:  # fmt: skip
        self._folder = folder
        self._command = command
        self._settle = settle
        self._machine = machine
        self._sleep = sleep
        self._lock = FolderLock.take(folder, "service")
        folder.make()
        self._sockets = {"intake": folder.intake_socket, "engine": folder.engine_socket}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._born: dict[str, float] = {}
        self._restarts = dict.fromkeys(ROLES, 0)
        self._settings: Mapping[str, str] = {}
        self._given: dict[str, Mapping[str, str]] = {}  # the settings with which each child was started
        self._stopping = threading.Event()
        self._reloading = threading.Event()

    def run(self, on_ready: Callable[[], None]) -> None:
        """Serve until told to stop (SIGTERM, SIGINT) or until a child can't be kept alive; SIGHUP reloads."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        signal.signal(signal.SIGHUP, lambda *_: self._reloading.set())
        try:
            self._settings = self._settle()
            for role in ROLES:  # side by side: the engine waits for intake where it needs it
                self._start(role)
            for role in ROLES:
                self._await(role)
            if not self._stopping.is_set():
                on_ready()
                tell_manager("READY=1")
            while not self._stopping.is_set():
                self._watch(ROLES)
                if self._reloading.is_set():
                    self._reloading.clear()
                    self._reload(on_ready)
                self._sleep(WATCH_PERIOD_S)
        finally:
            tell_manager("STOPPING=1")
            self._end()

    def _start(self, role: str) -> None:
        self._sockets[role].unlink(missing_ok=True)
        handle = self._lock.handle
        os.set_inheritable(handle, True)
        # In a group of its own: a Ctrl-C in the terminal is the supervisor's to answer.
        self._children[role] = subprocess.Popen(
            self._command(role), pass_fds=(handle,), stdin=subprocess.PIPE, process_group=0,
            env={**os.environ, **self._settings},
        )  # fmt: skip
        self._given[role] = self._settings
        self._born[role] = self._machine.stopwatch_s()

    def _await(self, role: str, watched: Sequence[str] = ()) -> None:
        """Until a child answers; others are watched meanwhile."""
        deadline = self._born[role] + READY_WAIT_S_MAX
        while not self._stopping.is_set():
            self._watch(watched)
            status = self._children[role].poll()
            if status is not None or self._machine.stopwatch_s() > deadline:
                told = "within the time allowed" if status is None else f"({_ending(status)}); its reason stands above"
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

    def _watch(self, roles: Sequence[str]) -> None:
        """Start anew what died, without waiting for it: the other one needs watching too."""
        for role in roles:
            status = self._children[role].poll()
            if status is None:
                continue
            lived_s = self._machine.stopwatch_s() - self._born[role]
            self._restarts[role] = 1 if lived_s > CALM_S else self._restarts[role] + 1
            logger.error(
                "process died", role=role, reason=_ending(status), lived_s=round(lived_s, 1),
                restarts=self._restarts[role],
            )  # fmt: skip
            if self._restarts[role] > RESTARTS_IN_A_ROW_MAX:
                raise UnavailableError(
                    "service.dying", f"the {role} process died again and again, {RESTARTS_IN_A_ROW_MAX} times",
                    remedy="its reasons stand above; `yutang doctor` looks the pool over",
                )  # fmt: skip
            self._sleep(RESTART_PAUSE_S)
            if self._stopping.is_set():  # whoever told the supervisor may have told its children too
                return
            self._start(role)
            logger.info("process started anew", role=role, pid=self._children[role].pid)

    # ── reload ──────────────────────────────────────────────────────────────────────────────────

    def _reload(self, on_ready: Callable[[], None]) -> None:
        """Both processes anew with the settings as they are now; with the former ones if that fails."""
        former = self._settings
        try:
            self._settings = self._settle()
        except YutangError as error:
            logger.error("not reloaded: the settings can't be read, the former ones stay in force", **error.as_dict())
            return
        changed = sorted(name for name, value in self._settings.items() if former.get(name) != value)
        logger.info("reloading", changed=", ".join(changed) or "nothing")
        try:
            self._renew()
        except UnavailableError as error:
            logger.error("not reloaded: a process doesn't come up with the new settings", reason=error.message)
            self._settings = former
            self._renew()
            logger.info("the former settings are in force again")
            return
        if not self._stopping.is_set():
            logger.info("reloaded")
            on_ready()

    def _renew(self) -> None:
        """Start anew what has other settings; the engine first: intake goes on acknowledging meanwhile."""
        for role in reversed(ROLES):
            if self._stopping.is_set():
                return
            if self._given[role] is self._settings:
                continue
            self._stop(role)
            self._start(role)
            self._await(role, watched=[other for other in ROLES if other != role])

    # ── the end ─────────────────────────────────────────────────────────────────────────────────

    def _stop(self, role: str) -> None:
        """Ask a child to end; kill it if it doesn't in time."""
        child = self._children.get(role)
        if child is None:
            return
        child.terminate()
        try:
            child.wait(STOP_WAIT_S_MAX)
        except subprocess.TimeoutExpired:
            logger.warning("process killed: it didn't end in time", role=role, waited_s=STOP_WAIT_S_MAX)
            child.kill()
            child.wait()
        if child.stdin is not None:
            child.stdin.close()
        self._sockets[role].unlink(missing_ok=True)  # one that was killed leaves it

    def _end(self) -> None:
        for role in reversed(ROLES):
            self._stop(role)
        self._lock.release()


def tell_manager(state: str) -> None:
    """Tell the machine's service manager, if it asked to be told (systemd's NOTIFY_SOCKET)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # in the abstract namespace
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told, suppress(OSError):
        told.connect(address)
        told.sendall(state.encode())


def _ending(status: int) -> str:
    """How a process ended, for people."""
    if status >= 0:
        return f"status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


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
    report_end(error, role)
    return error.exit_code


def child_command(module: str, folder: Folder) -> list[str]:
    """The argument vector by which this interpreter runs a process of the service."""
    return [sys.executable, "-m", module, str(folder.root)]
