"""Traces: sent when asked for, decoded by a receiver on loopback; when not asked for, nothing is even imported."""

from __future__ import annotations

import json
import os
import sys

import pytest
from fastapi.testclient import TestClient
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.support.collectors import Collector, attributes
from tests.support.commands import run_python
from tests.support.pools import Scratch, event

from yutang.app import ROUTES
from yutang.http.mount import build_api
from yutang.http.operating import add_operating
from yutang.kernel.clock import SystemClock
from yutang.runtime.health import Watch
from yutang.runtime.metrics import Metrics
from yutang.runtime.tracing import start_tracing


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


class TestAskedFor:
    @pytest.fixture
    def traced(self, tmp_path, monkeypatch, collector):
        """A pool that was asked and fed while it was traced; the spans are with the collector."""
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        scratch = Scratch(tmp_path / "pool")
        tracing = start_tracing(os.environ, "engine", SystemClock())
        scratch.pool.loop.on_step = tracing.step
        watch = Watch(scratch.folder, scratch.settings, SystemClock())
        watch.opened(scratch.pool)
        api = build_api(ROUTES, watch.desk)
        add_operating(api, watch, Metrics(watch), tracing)
        client = TestClient(api, base_url="http://127.0.0.1:8090", raise_server_exceptions=False)
        scratch.send(event("search", "2026-02-01", "member_no:1"), event("search", "2026-02-02", "member_no:2"))
        caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        client.get("/v1/customers/member_no:1", headers={"traceparent": caller})
        client.get("/readyz")
        tracing.close()
        scratch.close()
        return collector

    def test_a_step_of_the_loop_says_what_it_did(self, traced):
        (step,) = traced.named("loop.step")
        assert attributes(step) == {"yutang.records": 1, "yutang.events": 2}
        assert 0 < step.end_time_unix_nano - step.start_time_unix_nano < 60e9
        assert {service for service, _ in traced.spans} == {"yutang-engine"}

    def test_a_request_belongs_to_its_callers_trace(self, traced):
        (span,) = traced.named("GET /v1/customers/{customer}")
        assert span.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
        assert span.parent_span_id.hex() == "b7ad6b7169203331"
        assert span.kind == Span.SPAN_KIND_SERVER
        assert attributes(span) == {
            "http.request.method": "GET", "http.route": "/v1/customers/{customer}", "http.response.status_code": 200,
        }  # fmt: skip

    def test_our_faults_are_marked(self, traced):
        (span,) = traced.named("GET /readyz")
        assert attributes(span)["http.response.status_code"] == 503
        assert span.status.code == Status.STATUS_CODE_ERROR


class TestNotAskedFor:
    def test_nothing_of_it_is_imported(self, tmp_path):
        code = (
            "import sys, json, yutang.app, yutang.http.engine\n"
            "from yutang.runtime.tracing import start_tracing\n"
            "from yutang.kernel.clock import SystemClock\n"
            "made = [start_tracing(one, 'engine', SystemClock()) for one in "
            "({}, {'OTEL_EXPORTER_OTLP_ENDPOINT': ''}, "
            "{'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://127.0.0.1:1', 'OTEL_SDK_DISABLED': 'true'})]\n"
            "print(json.dumps([made, [one for one in sys.modules if one.startswith(('opentelemetry.sdk', "
            "'opentelemetry.exporter', 'opentelemetry.proto'))]]))"  # FastAPI loads the API part by itself
        )
        done = run_python(code, tmp_path, timeout_s=60)
        assert json.loads(done.stdout) == [[None, None, None], []]

    def test_a_command_loads_neither_traces_nor_metrics(self, tmp_path):
        code = (
            "import sys, json, yutang.app; yutang.app.application()\n"
            "heavy = ('opentelemetry.sdk', 'prometheus_client')\n"
            "print(json.dumps([one for one in sys.modules if one.startswith(heavy)]))"
        )
        assert json.loads(run_python(code, tmp_path, timeout_s=60).stdout) == []

    def test_asked_for_but_not_installed_is_told(self, monkeypatch, capsys):
        for name in [one for one in sys.modules if one.split(".")[0] == "opentelemetry"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, "opentelemetry", None)  # as if it weren't there
        asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
        assert start_tracing(asked, "engine", SystemClock()) is None
        said = "".join(capsys.readouterr())
        assert "OpenTelemetry isn't installed" in said
        assert "yutang[otel]" in said
