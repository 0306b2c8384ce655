"""What whoever runs the service asks it: `/healthz`, `/readyz`, `/metrics`; and what is noted of every request.

They answer from the moment the process listens, before the pool is open. They aren't part of the API's document:
`/readyz` answers 503 as a matter of course.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Annotated, Any, Protocol

import structlog
from fastapi import FastAPI, Header, Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yutang import __version__
from yutang.kernel.clock import MachineClock
from yutang.runtime.health import Watch
from yutang.runtime.metrics import Metrics

UNKNOWN = "other"  # whatever route or method was asked for that doesn't exist: visitors' words make no series
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SERVER_FAULT = 500

logger = structlog.get_logger("yutang.http")


class Span(Protocol):
    """One request as it is traced."""

    def ended(self, route: str, status: int) -> None: ...


class RequestTracer(Protocol):
    """Where requests are traced; see `runtime.tracing`."""

    def request(self, method: str, headers: dict[str, str]) -> AbstractContextManager[Span]: ...


def add_operating(api: FastAPI, watch: Watch, metrics: Metrics, tracer: RequestTracer | None = None) -> None:
    """Mount the operating routes on the API, and note each of its requests."""

    def healthz() -> dict[str, str]:
        """The process lives and answers."""
        return {"status": "alive", "version": __version__}

    def readyz() -> JSONResponse:
        """Whether the service is fit to work; 503 with the reasons if it isn't."""
        reasons = watch.reasons()
        told = [{"code": one.code, "message": one.message, "remedy": one.remedy} for one in reasons]
        return JSONResponse({"ready": not reasons, "reasons": told}, status_code=503 if reasons else 200)

    def show_metrics(accept: Annotated[str, Header()] = "") -> Response:
        """Figures for Prometheus."""
        text, content_type = metrics.text(accept)
        return Response(text, headers={"content-type": content_type})

    for path, handler in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", show_metrics)):
        api.add_api_route(path, handler, methods=["GET"], include_in_schema=False, response_model=None)
    api.add_middleware(_Noted, metrics=metrics, machine=watch.machine, tracer=tracer)


class _Noted:
    """Counts each request by its route, traces it if that is wanted, logs it if the fault was ours."""

    def __init__(
        self, application: ASGIApp, metrics: Metrics, machine: MachineClock, tracer: RequestTracer | None
    ) -> None:
        self._application = application
        self._metrics = metrics
        self._machine = machine
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
        elif self._tracer is None:
            await self._noted(scope, receive, send)
        else:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            with self._tracer.request(scope["method"], headers) as span:
                route, status = await self._noted(scope, receive, send)
                span.ended(route, status)

    async def _noted(self, scope: Scope, receive: Receive, send: Send) -> tuple[str, int]:
        began_s = self._machine.stopwatch_s()
        seen: dict[str, Any] = {"status": SERVER_FAULT, "s": None}

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"], seen["s"] = message["status"], self._machine.stopwatch_s() - began_s
            await send(message)

        failure: Exception | None = None
        try:
            await self._application(scope, receive, noting)
        except Exception as raised:
            failure = raised
            raise
        finally:
            route, status = _route(scope), int(seen["status"])
            seconds = self._machine.stopwatch_s() - began_s if seen["s"] is None else seen["s"]
            method = scope["method"] if scope["method"] in METHODS else UNKNOWN
            self._metrics.answered(method, route, status, seconds)
            if status >= SERVER_FAULT and route not in ("/readyz", UNKNOWN):
                logger.error("request failed", method=method, route=route, status=status, exc_info=failure)
        return route, status


def _route(scope: Scope) -> str:
    """The path as it was declared (`/v1/customers/{customer}`)."""
    return str(getattr(scope.get("route"), "path", UNKNOWN))
