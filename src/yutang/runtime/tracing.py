"""Traces by OpenTelemetry, if the environment asks for them: requests of the API and steps of the loop.

Asked for by OTEL_EXPORTER_OTLP_ENDPOINT (or …_TRACES_ENDPOINT), sent by OTLP over HTTP; every other OTEL_… variable
means what the SDK says. Invariant: not asked for, nothing of it is imported and nothing is done for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog

from yutang import __version__
from yutang.kernel.clock import MachineClock

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
DISABLED = "OTEL_SDK_DISABLED"
SERVER_FAULT = 500

logger = structlog.get_logger("yutang.tracing")


def start_tracing(environment: Mapping[str, str], process: str, machine: MachineClock) -> Tracing | None:
    """The tracing of a process, None if it isn't asked for, or can't be had (which is said in the log)."""
    asked = next((name for name in ENDPOINTS if environment.get(name)), None)
    if asked is None or environment.get(DISABLED, "").lower() == "true":
        return None
    try:
        return Tracing(process, machine)
    except ImportError as error:
        logger.warning(
            "no traces: OpenTelemetry isn't installed", asked_by=asked, missing=str(error.name),
            remedy="pip install 'yutang[otel]', or unset the variable",
        )  # fmt: skip
        return None


class Tracing:
    """Spans of one process, sent in batches from a thread of the SDK's own until closed."""

    def __init__(self, process: str, machine: MachineClock) -> None:
        from opentelemetry import propagate, trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        # The SDK's own OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over these.
        own = Resource({"service.name": f"yutang-{process}", "service.version": __version__})
        named = Resource.create()
        unnamed = str(named.attributes.get("service.name", "")).startswith("unknown_service")
        self._provider = TracerProvider(resource=named.merge(own) if unnamed else own.merge(named))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._machine = machine
        self._tracer = self._provider.get_tracer("yutang", __version__)
        self._extract: Callable[..., Any] = propagate.extract
        self._server = trace.SpanKind.SERVER
        self._failed = trace.StatusCode.ERROR

    @contextmanager
    def request(self, method: str, headers: dict[str, str]) -> Iterator[_RequestSpan]:
        """The span of a request; it belongs to the caller's trace if the headers name one."""
        context = self._extract(headers)
        with self._tracer.start_as_current_span(method, context=context, kind=self._server) as span:
            span.set_attribute("http.request.method", method)
            yield _RequestSpan(span, method, self._failed)

    def step(self, began_s: float, records: int, events: int) -> None:
        """A step of the loop that is over (`Loop.on_step`)."""
        seconds = self._machine.stopwatch_s() - began_s
        ended_ns = self._machine.now_ms() * 1_000_000
        facts = {"yutang.records": records, "yutang.events": events}
        span = self._tracer.start_span("loop.step", start_time=ended_ns - int(seconds * 1e9), attributes=facts)
        span.end(ended_ns)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


class _RequestSpan:
    """See `Tracing.request`."""

    def __init__(self, span: Any, method: str, failed: Any) -> None:
        self._span = span
        self._method = method
        self._failed = failed

    def ended(self, route: str, status: int) -> None:
        """How it was answered."""
        self._span.update_name(f"{self._method} {route}")
        self._span.set_attribute("http.route", route)
        self._span.set_attribute("http.response.status_code", status)
        if status >= SERVER_FAULT:
            self._span.set_status(self._failed)
