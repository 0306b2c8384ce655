"""What an engine says of itself to Prometheus and to whoever asks whether it is ready; intake isn't there."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from tests.support.pools import Scratch, event

from yutang.app import MEASURES, ROUTES
from yutang.http.mount import build_api
from yutang.http.operating import add_operating
from yutang.kernel.clock import SystemClock
from yutang.runtime.health import Watch
from yutang.runtime.metrics import Metrics

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "operations.md"


@pytest.fixture
def scratch(tmp_path):
    made = Scratch(tmp_path / "pool", flush_rows=30)
    made.send(*[event("search", f"2026-02-{day:02}", f"member_no:{day % 4}") for day in range(1, 21)])
    made.send(*[event("followed", "2026-02-21", f"member_no:{n}", f"f{n}") for n in range(15)])
    made.send(*[event("search", "2026-02-22", f"member_no:{n}", f"s{n}") for n in range(5)])
    yield made
    made.close()


@pytest.fixture
def client(scratch):
    """The API of an engine whose pool is open."""
    watch = Watch(scratch.folder, scratch.settings, SystemClock())
    watch.opened(scratch.pool)
    return asking(watch)


def asking(watch: Watch) -> TestClient:
    api = build_api(ROUTES, watch.desk)
    add_operating(api, watch, Metrics(watch, MEASURES))
    return TestClient(api, base_url="http://127.0.0.1:8090", raise_server_exceptions=False)


def scraped(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample that Prometheus would read."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation, family.name
        assert family.type != "unknown", family.name
        assert family.name.startswith("yutang_")
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"twice: {key}"
            found[key] = sample.value
    return found


def value(found, name: str, **labels: str) -> float:
    return found[(f"yutang_{name}", frozenset(labels.items()))]


class TestMetrics:
    def test_what_the_loop_and_the_lake_hold(self, client, scratch):
        found = scraped(client)
        assert value(found, "log_records") == scratch.pool.loop.epoch.seq
        assert value(found, "records_processed_total") == scratch.pool.loop.epoch.seq
        assert value(found, "events_processed_total") == 40
        assert value(found, "timeline_events") == 40
        assert value(found, "lake_rows") + value(found, "tail_rows") == 40
        assert value(found, "lake_files") == len(list(scratch.folder.lake.glob("*.parquet")))
        assert value(found, "lake_bytes") == sum(one.stat().st_size for one in scratch.folder.lake.glob("*.parquet"))
        assert value(found, "customers") == 15
        assert value(found, "quarantined_records") == 0
        for lane in ("live", "bulk"):
            assert value(found, "lag_events", lane=lane) == 0
            assert value(found, "lag_seconds", lane=lane) == 0

    def test_the_guide_names_every_one(self, client):
        guide = GUIDE.read_text("utf-8")
        families = [
            one.name.removeprefix("yutang_") for one in text_string_to_metric_families(client.get("/metrics").text)
        ]
        assert len(families) > 25
        assert [name for name in families if f"`{name}" not in guide] == []

    def test_lag_is_what_waits_and_since_when(self, client, scratch):
        from yutang.kernel.event import EventBlob, encode_blob

        waiting = [event("search", "2026-02-23", "member_no:1", f"w{n}") for n in range(7)]
        blob = encode_blob(EventBlob("test", False, 1, waiting))
        scratch.pool.inbox.put(blob, lane="live", job="late", rows_from=0, next_row=1, count=7)
        before = scraped(client)
        assert value(before, "lag_events", lane="live") == 7
        assert value(before, "lag_seconds", lane="live") == 0  # the pool's clock stands
        scratch.pool.loop.drain()
        assert value(scraped(client), "lag_events", lane="live") == 0

    def test_labels_by_value_are_those_of_the_customers(self, client, scratch):
        from yutang.domains.audience.api import questions

        found = scraped(client)
        labelled = {dict(labels)["label"] for name, labels in found if name == "yutang_label_customers"}
        assert len(labelled) > 3
        for one in questions.labels(scratch.desk(), ""):
            if one.label.name in labelled:
                for rung, count in one.counts.items():
                    if rung != "none":
                        assert value(found, "label_customers", label=one.label.name, value=rung) == count

    def test_a_poison_record_is_counted(self, client, scratch):
        scratch.pool.inbox.put(b"\xc1 no blob", lane="live", job="poison", rows_from=0, next_row=1, count=1)
        scratch.pool.loop.drain()
        assert value(scraped(client), "quarantined_records") == 1

    def test_sizes_and_processes_are_real(self, client, scratch):
        found = scraped(client)
        assert value(found, "database_bytes", file="yutang.db") == scratch.folder.database.stat().st_size
        assert value(found, "disk_bytes") > value(found, "disk_free_bytes") > 0
        assert value(found, "process_resident_memory_bytes", process="engine") > 10_000_000
        assert value(found, "process_cpu_seconds_total", process="engine") > 0
        assert value(found, "clock_simulated") == 1
        assert value(found, "pool_time_seconds") == pytest.approx(scratch.pool.now_ms() / 1000)

    def test_requests_are_counted_by_route_not_by_what_was_asked_for(self, client):
        for number in (1, 2):
            client.get(f"/v1/customers/member_no:{number}")
        client.get("/v1/customers/member_no:nobody")
        client.get("/v1/anything/else")
        found = scraped(client)
        route = "/v1/customers/{customer}"
        assert value(found, "http_requests_total", method="GET", route=route, status="200") == 2
        assert value(found, "http_requests_total", method="GET", route=route, status="404") == 1
        assert value(found, "http_requests_total", method="GET", route="other", status="404") == 1
        assert value(found, "http_request_duration_seconds_count", method="GET", route=route) == 3
        assert "nobody" not in client.get("/metrics").text

    def test_without_intake_the_engines_own_come(self, client):
        found = scraped(client)
        assert value(found, "intake_up") == 0
        assert value(found, "ready") == 0
        assert not any(name.startswith("yutang_intake_accepted") for name, _ in found)

    def test_openmetrics_is_given_to_whoever_asks_for_it(self, client):
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as families

        answer = client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        assert {"yutang_lag_events", "yutang_events_processed"} <= {one.name for one in families(answer.text)}


class TestReadiness:
    def test_alive_is_not_yet_ready(self, client):
        assert client.get("/healthz").json()["status"] == "alive"
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert [one["code"] for one in answer.json()["reasons"]] == ["intake.unreachable"]
        assert all(one["message"] and one["remedy"] for one in answer.json()["reasons"])

    def test_until_the_pool_is_open_only_these_answer(self, scratch):
        client = asking(Watch(scratch.folder, scratch.settings, SystemClock()))
        assert client.get("/healthz").status_code == 200
        assert [one["code"] for one in client.get("/readyz").json()["reasons"]] == ["service.starting"]
        assert value(scraped(client), "ready") == 0
        refused = client.get("/v1/insight/report")
        assert refused.status_code == 503
        assert refused.json()["code"] == "service.starting"

    def test_they_arent_part_of_the_api_document(self, client):
        paths = client.get("/openapi.json").json()["paths"]
        assert not {"/healthz", "/readyz", "/metrics"} & set(paths)

    def test_another_host_is_refused_here_too(self, client):
        assert client.get("/metrics", headers={"host": "evil.example"}).status_code == 403

    def test_what_waits_too_long_is_a_reason(self, scratch):
        from yutang.kernel.event import EventBlob, encode_blob

        watch = Watch(scratch.folder, scratch.settings, SystemClock())
        watch.opened(scratch.pool)
        blob = encode_blob(EventBlob("test", False, 1, [event("search", "2026-02-23", "member_no:1", "w")]))
        scratch.pool.inbox.put(blob, lane="live", job="late", rows_from=0, next_row=1, count=1)
        assert "lag.live" not in [one.code for one in watch.reasons()]
        lag = scratch.settings.lag_ready_s * 1000 + 1000
        assert [one.code for one in watch.lagging({"live": lag, "bulk": 10 * lag})] == ["lag.live"]
