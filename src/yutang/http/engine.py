"""The engine process: the pool, its loop in a thread, commands over the folder's socket, the API over HTTP."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import msgspec
from fastapi import FastAPI

from yutang.http.mount import build_api
from yutang.http.operating import add_operating
from yutang.http.ports import require_port
from yutang.http.serve import HttpServer
from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import UnavailableError, YutangError
from yutang.kernel.faults import Faults
from yutang.kernel.words import Route
from yutang.runtime.compiling import compiling_kernels
from yutang.runtime.daily import Chore, doing_chores
from yutang.runtime.desk import Desk
from yutang.runtime.ending import Ending
from yutang.runtime.feeding import Feeder
from yutang.runtime.folder import Folder
from yutang.runtime.health import Watch
from yutang.runtime.measures import Measure
from yutang.runtime.metrics import Metrics
from yutang.runtime.pool import Blueprint, Pool
from yutang.runtime.receiving import Door
from yutang.runtime.service import status_of, wait_for_end
from yutang.runtime.settings import Settings
from yutang.runtime.tracing import Tracing, start_tracing
from yutang.runtime.warming import PERIOD_S as WARMING_PERIOD_S
from yutang.runtime.warming import warm_columns
from yutang.runtime.wire import Handler, WireClient, WireServer

Attendant = Callable[[Callable[[], Desk], Ending], AbstractContextManager[None]]

HTTP_WAIT_S_MAX = 10.0
HTTP_PERIOD_S = 0.02
INTAKE_WAIT_S_MAX = 10.0
LOOP_WAIT_S_MIN = 0.5  # for the transaction at work, however long others took to end
IDLE_S = 0.05  # how long the loop rests when nothing waits: the delay of a live event


def run_engine(
    folder: Folder,
    settings: Settings,
    machine: MachineClock,
    faults: Faults,
    sleep: Callable[[float], None],
    *,
    routes: Sequence[Route],
    doors: Sequence[Door],
    blueprint: Blueprint,
    basis: Callable[[Desk], Any],
    measures: Sequence[Measure] = (),
    chores: Sequence[Chore] = (),
    attendants: Sequence[Attendant] = (),
) -> int:
    """The engine process; its exit status.

    doors: of the intake process, to which what comes here by mistake is referred. basis: what the intake process is
    told of a desk's pool. measures: what slices add to the metrics. chores: what slices do by the day. attendants: what
    slices do all the time, while inside.
    """
    try:
        with ExitStack() as held:
            require_port(settings.listen_host, settings.listen_port)
            watch, tracing = Watch(folder, settings, machine), _tracing(machine, held)
            api = build_api(routes, watch.desk, doors, f"http://{settings.intake_host}:{settings.intake_port}")
            add_operating(api, watch, Metrics(watch, measures), tracing)
            http = _listening(api, settings, machine, sleep, held)  # while the pool is opened: not ready
            _await_intake(folder, machine, sleep)
            pool = Pool(folder, settings, blueprint, machine, faults, beside_intake=True)
            ending = Ending(machine)
            held.callback(lambda: pool.close(max(ending.left_s(), LOOP_WAIT_S_MIN)))
            wire = _join(pool, tracing, watch, basis, machine, held)
            _keep_busy(pool, chores, attendants, ending, held)
            for end in (ending.tell, pool.loop.end, wire.close, http.close):  # the last first: no more questions
                held.callback(end)
            healthy = wait_for_end(sleep, lambda: pool.loop.failure is None and http.alive)
    except YutangError as error:
        return status_of(error, "engine")
    return 0 if healthy else 1


def _tracing(machine: MachineClock, held: ExitStack) -> Tracing | None:
    tracing = start_tracing(os.environ, "engine", machine)
    if tracing is not None:
        held.callback(tracing.close)
    return tracing


def _keep_busy(
    pool: Pool, chores: Sequence[Chore], attendants: Sequence[Attendant], ending: Ending, held: ExitStack
) -> None:
    """What is done by itself while the pool is served."""
    held.enter_context(doing_chores(tuple(chores), lambda: pool.desk("retention"), ending))
    for attend in attendants:
        held.enter_context(attend(lambda: pool.desk("engine"), ending))
    held.enter_context(doing_chores((warm_columns,), lambda: pool.desk("cache"), ending, WARMING_PERIOD_S))
    held.enter_context(compiling_kernels())
    held.enter_context(doing_chores((lambda desk: pool.loop.rest(),), lambda: pool.desk("rest"), ending))


def _listening(
    api: FastAPI, settings: Settings, machine: MachineClock, sleep: Callable[[float], None], held: ExitStack
) -> HttpServer:
    http = HttpServer(api, settings.listen_host, settings.listen_port)
    held.callback(http.close)
    _await_http(http, settings, machine, sleep)
    return http


def _await_intake(folder: Folder, machine: MachineClock, sleep: Callable[[float], None]) -> None:
    """Until the owner of the inbox, which was started beside this process, has it open; not for long if it is gone."""
    deadline = machine.stopwatch_s() + INTAKE_WAIT_S_MAX
    while machine.stopwatch_s() < deadline:
        try:
            WireClient(folder.intake_socket).close()
        except UnavailableError:
            sleep(HTTP_PERIOD_S)
        else:
            return


def _join(
    pool: Pool, tracing: Tracing | None, watch: Watch, basis: Callable[[Desk], Any], machine: MachineClock,
    held: ExitStack,
) -> WireServer:  # fmt: skip
    """Let the pool work, answer commands at the folder's socket, and tell intake what it must know."""
    pool.loop.on_step = None if tracing is None else tracing.step
    pool.loop.start(IDLE_S)
    watch.opened(pool)

    def refs() -> Mapping[str, int]:
        return pool.loop.position.refs()

    feeder = Feeder(pool.folder.intake_socket, refs, lambda: basis(pool.desk("")), machine)
    feeder.start()
    held.callback(feeder.close)
    wire = WireServer(pool.folder.engine_socket, _answering(pool))
    held.callback(wire.close)
    return wire


def _answering(pool: Pool) -> Handler:
    def answer(name: str, actor: str, body: bytes) -> bytes:
        if name == "runtime.waiting":
            return msgspec.msgpack.encode(pool.loop.waiting_events())
        return pool.answer(name, actor, body)

    return answer


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
