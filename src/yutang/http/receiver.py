"""The listener of the intake process: reads requests under limits, hands each to its door, answers once it is kept.

Knows no slice: doors are data (`runtime.receiving.Door`). One thread judges; the writer's thread commits; Granian's own
reads and writes sockets. Invariants: an answer to a `Keep` goes out after its commit and only then; every error is
{code, message, where, remedy}; a request costs no more memory than its door allows.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import msgspec
import structlog
from granian._granian import RSGIProtocolClosed, RSGIProtocolError
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from yutang.http.bodies import Bodies, Body, drain
from yutang.kernel.errors import LimitError, NotFoundError, SlowError, UnavailableError, YutangError
from yutang.kernel.faults import Faults
from yutang.runtime.inbox.writer import Ticket
from yutang.runtime.receiving import Answer, Counters, Door, Keep, Request

CONNECTIONS_COUNT_MAX = 8_192  # open at once; what comes beyond waits to be let in
REQUESTS_COUNT_MAX = 4_096  # under way at once; over it 503
HEADERS_READ_MS_MAX = 10_000
STOP_WAIT_S_MAX = 10.0
STOP_PERIOD_S = 0.02
PREFLIGHT_AGE_S = 600
UNAVAILABLE_RETRY_S = 2
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HEALTH = "/healthz"
GONE_ERRORS = (RSGIProtocolClosed, RSGIProtocolError)
GONE = 499  # what is counted where the client went before its answer

logger = structlog.get_logger("yutang.intake")


class Scope(Protocol):
    """A request's head, as the server hands it over."""

    method: str
    path: str
    query_string: str

    @property
    def headers(self) -> Any: ...


class Wire(Body, Protocol):
    """A request's body, and the way back."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class House:
    """What stands behind the doors.

    desk: handed to their handlers. now_ms: pool time. admit: raises what stands against keeping anything now.
    allows_origin: whether pages of an origin may call at all. counters: what is counted here as it happens.
    """

    desk: Any
    now_ms: Callable[[], int]
    admit: Callable[[], None]
    allows_origin: Callable[[str], bool]
    counters: Counters
    faults: Faults


class Listener:
    """Serves doors from a thread of its own, from `start` until `close`."""

    def __init__(self, doors: Sequence[Door], house: House) -> None:
        self._exact: dict[str, dict[str, Door]] = {}
        self._patterns: list[tuple[tuple[str, ...], dict[str, Door]]] = []
        for door in doors:
            self._add(door)
        self._house = house
        self._bodies = Bodies()
        self._under_way = 0
        self._closing = False
        self._loop = asyncio.new_event_loop()
        self._submit: Callable[[Keep, Any], None] | None = None
        self._thread: threading.Thread | None = None

    def _add(self, door: Door) -> None:
        if "{" not in door.path:
            self._exact.setdefault(door.path, {})[door.method] = door
            return
        segments = tuple(door.path.split("/"))
        for known, methods in self._patterns:
            if known == segments:
                methods[door.method] = door
                return
        self._patterns.append((segments, {door.method: door}))

    def start(self, host: str, port: int, submit: Callable[[Keep, Any], None]) -> None:
        """Take requests. submit(keep, token): has it kept; `told` must be called with the token then."""
        self._submit = submit
        self._server = Server(
            self._serve,
            address=host,
            port=port,
            interface=Interfaces.RSGI,
            log_enabled=False,
            websockets=False,
            backlog=1_024,
            backpressure=CONNECTIONS_COUNT_MAX,
            http1_settings=HTTP1Settings(header_read_timeout=HEADERS_READ_MS_MAX),
        )
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve())

    @property
    def alive(self) -> bool:
        """Whether it still serves."""
        return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """Refuse what comes now, answer what was read, stop."""
        self._closing = True
        if self.alive:
            asyncio.run_coroutine_threadsafe(self._stop(), self._loop)
        if self._thread is not None:
            self._thread.join(timeout=2 * STOP_WAIT_S_MAX)

    async def _stop(self) -> None:
        """Stop once nothing is under way; the server itself would leave requests without their answers."""
        end = self._loop.time() + STOP_WAIT_S_MAX
        while self._under_way and self._loop.time() < end:
            await asyncio.sleep(STOP_PERIOD_S)
        await asyncio.sleep(STOP_PERIOD_S)  # the last answers are on their way
        self._loop.call_soon(self._server.stop)

    def told(self, tickets: Sequence[Ticket], error: YutangError | None) -> None:
        """The writer's thread says what became of a commit."""
        self._loop.call_soon_threadsafe(self._wake, tickets, error)

    def _wake(self, tickets: Sequence[Ticket], error: YutangError | None) -> None:
        for ticket in tickets:
            if not ticket.token.done():
                ticket.token.set_result(error)

    # ── one request ─────────────────────────────────────────────────────────────────────────────

    async def _serve(self, scope: Scope, wire: Wire) -> None:
        self._under_way += 1
        method = scope.method
        path, door, read = "other", None, True
        headers: dict[str, str] = {}
        try:
            headers = dict(scope.headers.items())
            path, methods, parameters = self._find(scope.path)
            door = methods.get(method)
            if door is None:
                read = False
                answer = self._without_door(method, path, methods)
            else:
                answer = await self._through(door, scope, headers, parameters, wire)
        except GONE_ERRORS:  # the client is gone; nobody is there to be answered
            self._count(method, path, GONE)
            return
        except YutangError as error:
            read = False
            answer = told_error(error)
        except Exception:
            logger.exception("a door failed", path=path)
            read = False
            answer = told_error(
                YutangError("intake.failed", "the door failed", where=path, remedy="the service's log says why")
            )
        finally:
            self._under_way -= 1
        with suppress(*GONE_ERRORS):
            self._send(wire, answer, self._crossing(headers, path, door, method))
        self._count(method, path, answer.status)
        if not read and ("content-length" in headers or "transfer-encoding" in headers):
            await drain(wire)

    def _find(self, path: str) -> tuple[str, Mapping[str, Door], Mapping[str, str]]:
        """The door's path as it is declared, its doors by method, what stands in its braces."""
        methods = self._exact.get(path)
        if methods is not None:
            return path, methods, {}
        if self._patterns:
            segments = path.split("/")
            for pattern, found in self._patterns:
                if len(pattern) == len(segments):
                    parameters = _matched(pattern, segments)
                    if parameters is not None:
                        return "/".join(pattern), found, parameters
        if path == HEALTH:
            return HEALTH, {}, {}
        raise NotFoundError(
            "request.no_path", f"there is nothing at {path[:200]}", where="path",
            remedy="events go to POST /v1/events; the rest of the API listens at another port",
        )  # fmt: skip

    def _without_door(self, method: str, path: str, methods: Mapping[str, Door]) -> Answer:
        if path == HEALTH and method in ("GET", "HEAD"):
            return self._health()
        if method == "OPTIONS":
            return Answer(HTTPStatus.NO_CONTENT, headers=(("Allow", _allowed(methods)),))
        error = YutangError(
            "request.method", f"{method[:20]} isn't for {path}", where="method", remedy=f"use {_allowed(methods)}"
        )
        return Answer(HTTPStatus.METHOD_NOT_ALLOWED, _encode(error.as_dict()), headers=(("Allow", _allowed(methods)),))

    def _health(self) -> Answer:
        try:
            self._house.admit()
        except YutangError as error:
            return Answer(HTTPStatus.OK, _encode({"status": "refusing", **error.as_dict()}))
        return Answer(HTTPStatus.OK, _encode({"status": "ok"}))

    async def _through(
        self, door: Door, scope: Scope, headers: Mapping[str, str], parameters: Mapping[str, str], wire: Wire
    ) -> Answer:
        if self._closing:
            raise UnavailableError(
                "service.stopping", "the service is stopping", remedy="send it again when it is back"
            )
        if self._under_way > REQUESTS_COUNT_MAX:
            raise _crowded()
        body = await self._bodies.read(wire, headers, door.body_bytes_max)
        house = self._house
        house.counters.bytes_received += len(body)
        if scope.method != "GET":  # what only reads needs no room
            house.admit()
        with self._bodies.holding(body):
            request = Request(scope.method, scope.path, parameters, scope.query_string, headers, body, house.now_ms())
            outcome = door.handler(house.desk, request)
            if isinstance(outcome, Answer):
                return outcome
            return await self._kept(outcome)

    async def _kept(self, keep: Keep) -> Answer:
        """The answer, once everything is on disk."""
        told = self._loop.create_future()
        assert self._submit is not None
        self._submit(keep, told)
        error: YutangError | None = await told
        if error is not None:
            raise error
        return keep.answer()

    # ── the way back ────────────────────────────────────────────────────────────────────────────

    def _send(self, wire: Wire, answer: Answer, crossing: Sequence[tuple[str, str]]) -> None:
        headers = [*answer.headers, *crossing]
        if answer.body or answer.status != HTTPStatus.NO_CONTENT:
            headers.append(("Content-Type", answer.content_type))
            headers.append(("Content-Length", str(len(answer.body))))
        if self._closing:
            headers.append(("Connection", "close"))
        wire.response_bytes(answer.status, headers, answer.body)
        self._house.faults.reach("intake.answered")

    def _crossing(
        self, headers: Mapping[str, str], path: str, door: Door | None, method: str
    ) -> Sequence[tuple[str, str]]:
        """What lets a page of another origin call, if one may."""
        origin = headers.get("origin")
        if origin is None:
            return ()
        doors = [door] if door else list(self._exact.get(path, {}).values()) or self._of_pattern(path)
        if not any(one.browser for one in doors) or not self._house.allows_origin(origin):
            return (("Vary", "Origin"),)
        allowed = [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
        if method != "OPTIONS":
            return [*allowed, ("Access-Control-Expose-Headers", "Retry-After")]
        return [
            *allowed,
            ("Access-Control-Allow-Methods", ", ".join(sorted(one.method for one in doors if one.browser))),
            ("Access-Control-Allow-Headers", "authorization, content-type, content-encoding, x-api-key, x-retry-count"),
            ("Access-Control-Max-Age", str(PREFLIGHT_AGE_S)),
        ]

    def _of_pattern(self, path: str) -> list[Door]:
        return [one for pattern, doors in self._patterns if "/".join(pattern) == path for one in doors.values()]

    def _count(self, method: str, path: str, status: int) -> None:
        key = f"{method if method in METHODS else 'OTHER'} {path} {int(status)}"
        requests = self._house.counters.requests
        requests[key] = requests.get(key, 0) + 1


def _matched(pattern: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for expected, given in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            found[expected[1:-1]] = given  # the server has decoded the path
        elif expected != given:
            return None
    return found


def _allowed(methods: Mapping[str, Door]) -> str:
    return ", ".join(sorted({*methods, "OPTIONS"})) if methods else "GET, OPTIONS"


def _crowded() -> UnavailableError:
    return UnavailableError(
        "intake.crowded", f"more than {REQUESTS_COUNT_MAX} requests are under way",
        remedy="try again in a moment; send larger batches over fewer connections",
    )  # fmt: skip


_encode = msgspec.json.Encoder().encode


def told_error(error: YutangError) -> Answer:
    """An error as an answer, with Retry-After where trying again will help."""
    headers: list[tuple[str, str]] = []
    retry_s = error.retry_after_s if isinstance(error, LimitError) else 0
    if isinstance(error, UnavailableError):
        retry_s = UNAVAILABLE_RETRY_S
    if retry_s or error.http_status == HTTPStatus.TOO_MANY_REQUESTS:
        headers.append(("Retry-After", str(max(1, retry_s))))
    if isinstance(error, SlowError):
        headers.append(("Connection", "close"))
    return Answer(error.http_status, _safe(error.as_dict()), headers=headers)


def _safe(fields: Mapping[str, str]) -> bytes:
    """As JSON, whatever halves of surrogates a message repeats."""
    try:
        return _encode(fields)
    except UnicodeEncodeError:
        return _encode({name: ascii(value) for name, value in fields.items()})
