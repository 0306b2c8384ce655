"""The engine process: the pool, its loop in a thread, commands over the folder's socket, the API over HTTP."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import msgspec

from yutang.http.mount import build_api
from yutang.http.serve import HttpServer
from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import ConflictError, InvalidError, UnavailableError, YutangError
from yutang.kernel.faults import Faults
from yutang.kernel.words import Route
from yutang.runtime.folder import Folder
from yutang.runtime.pool import Blueprint, Pool
from yutang.runtime.service import status_of, wait_for_end
from yutang.runtime.settings import Settings
from yutang.runtime.wire import Handler, WireServer

HTTP_WAIT_S_MAX = 10.0
HTTP_PERIOD_S = 0.02
IDLE_S = 0.05  # how long the loop rests when nothing waits: the delay of a live event


def run_engine(
    folder: Folder,
    settings: Settings,
    machine: MachineClock,
    faults: Faults,
    sleep: Callable[[float], None],
    *,
    routes: Sequence[Route],
    blueprint: Blueprint,
) -> int:
    """The engine process; its exit status."""
    try:
        with ExitStack() as held:
            require_port(settings.listen_host, settings.listen_port)
            pool = Pool(folder, settings, blueprint, machine, faults, beside_intake=True)
            held.callback(pool.close)
            pool.loop.start(IDLE_S)
            http = HttpServer(build_api(routes, pool.desk), settings.listen_host, settings.listen_port)
            held.callback(http.close)
            _await_http(http, settings, machine, sleep)
            wire = WireServer(folder.engine_socket, _answering(pool))
            held.callback(wire.close)
            healthy = wait_for_end(sleep, lambda: pool.loop.failure is None and http.alive)
    except YutangError as error:
        return status_of(error, "engine")
    return 0 if healthy else 1


def _answering(pool: Pool) -> Handler:
    def answer(name: str, actor: str, body: bytes) -> bytes:
        if name == "runtime.waiting":
            return msgspec.msgpack.encode(pool.loop.waiting_events())
        return pool.answer(name, actor, body)

    return answer


def require_port(host: str, port: int) -> None:
    """Raise unless the port can be had: the server would take a shared one, or die without saying why."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ConflictError(
                    "http.port_in_use", f"port {port} is in use by another process", where=f"{host}:{port}",
                    remedy="end that process, or set another listen_port (YUTANG_LISTEN_PORT)",
                ) from None  # fmt: skip
            raise InvalidError(
                "http.address", f"can't listen there: {error.strerror or error}", where=f"{host}:{port}",
                remedy="set another listen_host or listen_port",
            ) from None  # fmt: skip


def _await_http(http: HttpServer, settings: Settings, machine: MachineClock, sleep: Callable[[float], None]) -> None:
    deadline = machine.stopwatch_s() + HTTP_WAIT_S_MAX
    address = (settings.listen_host, settings.listen_port)
    while http.alive and machine.stopwatch_s() < deadline:
        try:
            socket.create_connection(address, HTTP_WAIT_S_MAX).close()
        except OSError:
            sleep(HTTP_PERIOD_S)
        else:
            return
    raise UnavailableError(
        "http.not_ready", "the API didn't come up", where=f"{address[0]}:{address[1]}", remedy="try again"
    )
