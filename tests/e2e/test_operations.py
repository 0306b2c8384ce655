"""Operating the service: what it says of itself, reload, a graceful stop, and a backup under load that is needed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.support.collectors import Collector, attributes
from tests.support.commands import caller, fingerprint, run
from tests.support.services import Service, alive, serving, wait_for

from yutang.cli.clock import CLOCK_COMMAND, ClockQuestion
from yutang.domains.audience.api import upkeep
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.runtime.backup.manifest import read_manifest
from yutang.runtime.slots import PEOPLE

SETTINGS: dict[str, Any] = {"flush_rows": 1_500, "zone": "UTC", "currency": "USD", "language": "en"}
NOW = "2024-07-01T00:00:00Z"
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "operations.md"
BATCH = 20
PEOPLE_COUNT = 120


def batch(first: int) -> list[dict[str, Any]]:
    """Events whose content follows from their numbers."""
    made = []
    for number in range(first, first + BATCH):
        dice = random.Random(number)
        kind = dice.choice(["order_paid", "product_viewed", "search", "followed"])
        made.append({
            "id": f"e{number}", "type": kind, "at": 1_700_000_000_000 + dice.randrange(200) * 86_400_000,
            "identities": {"member_no": str(dice.randrange(PEOPLE_COUNT))},
            "properties": {"amount": dice.randrange(1, 90_000) / 100} if kind == "order_paid" else {},
        })  # fmt: skip
    return made


class Sender(threading.Thread):
    """Sends batches one after the other until told to stop, or until nobody listens for good.

    acknowledged: (first number, machine second at which the request began, at which its answer came).
    """

    def __init__(self, url: str, key: str, first: int = 0) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[tuple[int, float, float]] = []
        self.refused: list[str] = []
        self.ending = threading.Event()
        self.next = first
        self._client = httpx.Client(base_url=url, headers={"X-Api-Key": key}, timeout=30)

    def run(self) -> None:
        while not self.ending.is_set():
            began = time.monotonic()
            try:
                answer = self._client.post("/v1/events", json=batch(self.next))
            except httpx.HTTPError:
                time.sleep(0.02)
                continue
            if answer.status_code == 200:
                self.acknowledged.append((self.next, began, time.monotonic()))
                self.next += BATCH
            else:
                self.refused.append(f"{answer.status_code} {answer.text}")
                time.sleep(0.05)
        self._client.close()

    def stop(self) -> None:
        self.ending.set()
        self.join(30)
        assert not self.is_alive()

    def sent_at_least(self, count: int) -> None:
        wait_for(lambda: len(self.acknowledged) * BATCH >= count, f"{count} events are acknowledged")

    def ids(self, chosen: Callable[[float, float], bool] = lambda _began, _ended: True) -> set[str]:
        """Of the events of batches that were acknowledged."""
        firsts = [first for first, began, ended in self.acknowledged if chosen(began, ended)]
        return {f"e{number}" for first in firsts for number in range(first, first + BATCH)}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A pool whose clock stands, and a key to it."""
    folder = tmp_path_factory.mktemp("prepared") / "pool"
    with caller(folder, **SETTINGS) as at:
        at.call(CLOCK_COMMAND, ClockQuestion("set", at=NOW))
    made = run(folder, "key", "create", "till", "--feed", "till", "--json", **SETTINGS)
    return folder, json.loads(made.stdout)["key"]


@pytest.fixture
def pool(prepared: tuple[Path, str], tmp_path: Path) -> Path:
    return Path(shutil.copytree(prepared[0], tmp_path / "pool"))


@pytest.fixture
def key(prepared: tuple[Path, str]) -> str:
    return prepared[1]


@pytest.fixture
def serve() -> Iterator[Callable[[Path], Service]]:
    """Starts services on pools, and ends what is left of them."""
    yield from serving(SETTINGS)


@pytest.fixture
def sending(key: str) -> Iterator[Callable[[Service], Sender]]:
    """Starts senders to a service, and ends them."""
    started: list[Sender] = []

    def start_one(service: Service) -> Sender:
        sender = Sender(service.intake_url, key)
        sender.start()
        started.append(sender)
        return sender

    yield start_one
    for one in started:
        one.ending.set()


def scraped(service: Service) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(service.get("/metrics").text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(found: dict[tuple[str, frozenset[tuple[str, str]]], float], name: str, **labels: str) -> float:
    return found[(f"yutang_{name}", frozenset(labels.items()))]


def settled(pool: Path) -> dict[str, Any]:
    """What a pool says once all is processed, but for when it came to know it; labels equal a full recompute."""
    with caller(pool, **SETTINGS) as at:
        for _ in at.wait_processed():
            pass
        assert at._pool is not None
        at._pool.loop._make_ready()  # what a service does at its start
        epoch = at._pool.loop.epoch
        heads = epoch[PEOPLE].heads()
        anew = upkeep.recomputed(epoch)[AUDIENCE.name]
        assert np.array_equal(epoch[AUDIENCE].standings.codes(heads), anew.standings.codes(heads))
        said = dict(fingerprint(at._pool.desk("tester")))
        del said["changes"]
        return said


def ids_of(said: dict[str, Any]) -> set[str]:
    return {row[1] for row in said["events"]}


class TestWhatItSays:
    def test_figures_of_both_processes(self, pool, key, serve):
        service = serve(pool)
        good, bad = batch(0), [{"type": "search", "identities": {"member_no": "1"}, "at": "yesterday"}]
        headers = {"X-Api-Key": key}
        wait_for(lambda: service.get("/readyz").status_code == 200, "the service is ready")
        post = httpx.post(f"{service.intake_url}/v1/events", json=good + bad, headers=headers, timeout=30)
        assert post.status_code == 200, post.text
        assert httpx.post(f"{service.intake_url}/v1/events", json=good, timeout=30).status_code == 401
        wait_for(lambda: value(scraped(service), "events_processed_total") == BATCH, "all is processed")
        found = scraped(service)
        assert value(found, "ready") == value(found, "intake_up") == 1
        assert value(found, "intake_accepted_events_total") == BATCH
        assert value(found, "intake_commits_total") >= 1
        rejected = {labels: count for (name, labels), count in found.items() if name.endswith("rejected_events_total")}
        assert sum(rejected.values()) == 1
        requests = {
            dict(labels)["status"]: count for (name, labels), count in found.items()
            if name == "yutang_intake_requests_total" and dict(labels)["path"] == "/v1/events"
        }  # fmt: skip
        assert requests == {"200": 1, "401": 1}
        guide = GUIDE.read_text("utf-8")
        families = {name.removeprefix("yutang_") for name, _ in found if name.startswith("yutang_intake_")}
        assert len(families) > 8
        assert [name for name in sorted(families) if f"`{name}" not in guide] == []
        for process in ("engine", "intake", "supervisor"):
            assert value(found, "process_resident_memory_bytes", process=process) > 1_000_000
        assert value(found, "lag_events", lane="live") == 0

    def test_without_intake_it_isnt_ready_and_says_why(self, pool, serve):
        service = serve(pool)
        gone = service.kill("intake")
        answer = service.get("/readyz")
        assert (answer.status_code, service.get("/healthz").status_code) == (503, 200)
        assert answer.json()["reasons"][0]["code"] == "intake.unreachable"
        assert value(scraped(service), "intake_up") == 0
        service.restarted("intake", gone)
        wait_for(lambda: service.get("/readyz").status_code == 200, "it is ready again")
        assert "killed by SIGKILL" in service.said()

    def test_the_doctor_speaks_both_languages_beside_it(self, pool, serve):
        serve(pool)
        english = run(pool, "doctor", **SETTINGS).stdout
        assert "is running and answers" in english
        assert "events kept" in english
        assert "there was never one" in english
        chinese = run(pool, "doctor", **{**SETTINGS, "language": "zh"}).stdout
        assert "正在运行并应答" in chinese
        assert "从未备份" in chinese
        found = json.loads(run(pool, "doctor", "--json", **SETTINGS).stdout)
        assert {one["subject"] for one in found} >= {"version", "service", "intake", "disk", "clock", "log", "backup"}
        assert run(pool, "doctor", "--strict", ok=False, **SETTINGS).returncode == 1

    def test_steps_and_requests_are_traced_where_that_is_asked_for(self, pool, key, serve, monkeypatch):
        collector = Collector()
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        try:
            service = serve(pool)
            post = httpx.post(
                f"{service.intake_url}/v1/events", json=batch(0), headers={"X-Api-Key": key}, timeout=30
            )  # fmt: skip
            assert post.status_code == 200
            wait_for(lambda: value(scraped(service), "events_processed_total") == BATCH, "all is processed")
            assert service.stop() == 0
            assert BATCH in [attributes(span)["yutang.events"] for span in collector.named("loop.step")]
            assert collector.named("GET /metrics")
        finally:
            collector.close()

    def test_a_service_manager_is_told(self, pool, serve, monkeypatch, tmp_path):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(tmp_path / "notify"))
            manager.settimeout(30)
            monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
            service = serve(pool)
            assert manager.recv(100) == b"READY=1"
            assert service.stop() == 0
            assert manager.recv(100) == b"STOPPING=1"


def variables(pid: int) -> dict[str, str]:
    """The environment of a process."""
    entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return dict(entry.decode().split("=", 1) for entry in entries if b"=" in entry)


class TestReload:
    def reload(self, service: Service, said: str) -> None:
        before = service.said().count(said)
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: service.said().count(said) > before, said)
        service._seen.update(service.pids().values())

    def test_both_come_back_with_new_settings_and_nothing_is_lost(self, pool, serve, sending):
        service = serve(pool)
        sender = sending(service)
        sender.sent_at_least(400)
        before = service.pids()
        (pool / "yutang.toml").write_text('lag_ready_s = 17\nlog_format = "json"\n')
        self.reload(service, '"reloaded"')
        after = service.pids()
        assert set(before.values()).isdisjoint(after.values())
        assert {variables(pid)["YUTANG_LAG_READY_S"] for pid in after.values()} == {"17"}
        sender.sent_at_least(len(sender.acknowledged) * BATCH + 400)
        sender.stop()
        assert all("service.stopping" in one for one in sender.refused)  # by intake, as it ends
        assert service.stop() == 0
        assert ids_of(settled(pool)) == sender.ids()

    def test_intake_acknowledges_while_the_engine_is_away(self, pool, serve, sending):
        service = serve(pool)
        sender = sending(service)
        sender.sent_at_least(100)
        engine = service.pids()["engine"]
        service.process.send_signal(signal.SIGHUP)
        wait_for(lambda: not alive(engine), "the engine ends")
        away = time.monotonic()
        wait_for(lambda: service.said().count("reloaded") > 0, "reloaded")
        sender.stop()
        service._seen.update(service.pids().values())
        during = [ended for _, _, ended in sender.acknowledged if ended > away]
        assert len(during) > 5

    def test_a_broken_file_is_told_and_the_former_settings_stay_in_force(self, pool, serve):
        service = serve(pool)
        before = service.pids()
        (pool / "yutang.toml").write_text("lag_ready_s = 17\nthis isn't TOML")
        self.reload(service, "not reloaded")
        assert "config.malformed" in service.said()
        assert service.pids() == before
        gone = service.kill("engine")
        service.restarted("engine", gone)
        assert variables(service.pids()["engine"])["YUTANG_LAG_READY_S"] == "60"
        assert service.get("/healthz").status_code == 200

    def test_settings_with_which_it_cant_start_are_taken_back(self, pool, serve, sending):
        service = serve(pool)
        (pool / "yutang.toml").write_text('intake_host = "203.0.113.7"\n')
        self.reload(service, "the former settings are in force again")
        wait_for(lambda: service.get("/readyz").status_code == 200, "it is ready again")
        service._seen.update(service.pids().values())
        sending(service).sent_at_least(100)
        assert service.process.poll() is None


class TestStopping:
    def test_under_load_it_keeps_what_it_acknowledged_and_ends(self, pool, serve, sending):
        service = serve(pool)
        sender = sending(service)
        sender.sent_at_least(1_000)
        pids = service.pids()
        assert service.stop() == 0
        sender.stop()
        assert not any(alive(pid) for pid in pids.values())
        assert "Traceback" not in service.said()
        assert ids_of(settled(pool)) >= sender.ids()


class TestABackupThatIsNeeded:
    def destroyed(self, service: Service) -> None:
        """`kill -9` everything at once, and delete the folder."""
        pids = [service.process.pid, *service.pids().values()]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        service.process.wait()
        wait_for(lambda: not any(alive(pid) for pid in pids), "all are gone")
        shutil.rmtree(service.pool)

    def test_taken_under_load_it_brings_everything_back(self, pool, key, serve, sending, tmp_path):
        service = serve(pool)
        sender = sending(service)
        sender.sent_at_least(3_000)
        wait_for(lambda: any((pool / "lake").glob("*.parquet")), "something is in the lake")
        began = time.monotonic()
        run(pool, "backup", str(tmp_path / "backup"), **SETTINGS)
        ended = time.monotonic()
        sender.sent_at_least(len(sender.acknowledged) * BATCH + 1_000)
        self.destroyed(service)
        sender.stop()

        verified = run(pool, "backup", "--verify", str(tmp_path / "backup"), **SETTINGS)
        assert "is whole" in verified.stdout
        assert "opens" in verified.stdout
        run(pool, "restore", str(tmp_path / "backup"), "--data", str(pool), **SETTINGS)
        kept = ids_of(settled(pool))
        assert kept >= sender.ids(lambda _sent, acknowledged: acknowledged < began)
        assert not kept & sender.ids(lambda sent, _acknowledged: sent > ended)

        again = serve(pool)
        resend(again, key, [first for first, _, _ in sender.acknowledged])
        assert again.stop() == 0
        assert settled(pool) == undisturbed(tmp_path / "undisturbed", sender)

    def test_a_second_one_shares_what_hasnt_changed(self, pool, serve, sending, tmp_path):
        service = serve(pool)
        sender = sending(service)
        wait_for(lambda: any((pool / "lake").glob("*.parquet")), "something is in the lake")
        for name in ("one", "two"):
            run(pool, "backup", str(tmp_path / "backups" / name), **SETTINGS)
        sender.stop()
        first, second = (read_manifest(tmp_path / "backups" / name) for name in ("one", "two"))
        shared = {file.path for file in first.files if file.lake} & {file.path for file in second.files if file.lake}
        for path in shared:
            inodes = {(tmp_path / "backups" / name / path).stat().st_ino for name in ("one", "two")}
            assert len(inodes) == 1
        assert second.records >= first.records

    def test_it_overwrites_nothing_and_holds_nobody_up(self, pool, serve, sending, tmp_path):
        service = serve(pool)
        sender = sending(service)
        sender.sent_at_least(500)
        run(pool, "backup", str(tmp_path / "backup"), **SETTINGS)
        refused = run(pool, "backup", str(tmp_path / "backup"), ok=False, **SETTINGS)
        assert (refused.returncode, "backup.exists" in refused.stderr) == (4, True)
        inside = run(pool, "backup", str(pool / "backup"), ok=False, **SETTINGS)
        assert (inside.returncode, "backup.inside" in inside.stderr) == (2, True)
        sender.sent_at_least(len(sender.acknowledged) * BATCH + 200)
        assert not sender.refused
        occupied = run(pool, "restore", str(tmp_path / "backup"), ok=False, **SETTINGS)
        assert (occupied.returncode, "restore.not_empty" in occupied.stderr) == (4, True)


def resend(service: Service, key: str, firsts: Sequence[int]) -> None:
    with httpx.Client(base_url=service.intake_url, headers={"X-Api-Key": key}, timeout=30) as client:
        for first in firsts:
            assert client.post("/v1/events", json=batch(first)).status_code == 200
    wait_for(lambda: value(scraped(service), "lag_events", lane="live") == 0, "all is processed")


def undisturbed(pool: Path, sender: Sender) -> dict[str, Any]:
    """A pool to which the same events came by an import in one go."""
    source = pool.with_suffix(".ndjson")
    made = [one for first, _, _ in sender.acknowledged for one in batch(first)]
    source.write_text("".join(json.dumps(one) + "\n" for one in made))
    with caller(pool, **SETTINGS) as at:
        at.call(CLOCK_COMMAND, ClockQuestion("set", at=NOW))
    run(pool, "import", str(source), "--feed", "till", **SETTINGS)
    return settled(pool)
