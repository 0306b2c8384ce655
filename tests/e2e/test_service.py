"""`yutang serve`: one command, two processes, one folder; commands beside it, and what befalls it."""

from __future__ import annotations

import json
import random
import shutil
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.commands import RUN_S_MAX, answer, caller, fingerprint, import_rest, net, run, start
from tests.support.services import Service, alive, free_port, serving, wait_for

from yutang.cli.clock import CLOCK_COMMAND, ClockQuestion

SETTINGS = {"flush_rows": 600, "part_events": 50, "zone": "UTC", "currency": "USD", "language": "en"}
NOW = "2024-07-01T00:00:00Z"
EVENTS = 6_000


def lines(prefix: str, count: int, seed: int) -> str:
    """Events of few people, as NDJSON."""
    dice = random.Random(seed)
    found = []
    for number in range(count):
        kind = dice.choice(["order_paid", "product_viewed", "search", "followed"])
        found.append({
            "id": f"{prefix}{number}", "type": kind, "at": 1_700_000_000_000 + dice.randrange(200 * 86_400_000),
            "identities": {"member_no": str(dice.randrange(40))},
            "properties": {"amount": f"{dice.randrange(1, 90_000) / 100:.2f}"} if kind == "order_paid" else {},
        })  # fmt: skip
    return "".join(json.dumps(one) + "\n" for one in found)


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("source") / "events.ndjson"
    path.write_text(lines("e", EVENTS, 3))
    return path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, source) -> Path:
    """A pool whose clock stands."""
    folder = tmp_path_factory.mktemp("prepared") / "pool"
    with caller(folder, **SETTINGS) as at:
        at.call(CLOCK_COMMAND, ClockQuestion("set", at=NOW))
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, prepared, source):
    folder = Path(shutil.copytree(prepared, tmp_path_factory.mktemp("undisturbed") / "pool"))
    with caller(folder, **SETTINGS) as at:
        import_rest(at, source)
        return fingerprint(at._pool.desk("tester"))


def fingerprint_of(pool: Path):
    with caller(pool, **SETTINGS) as at:
        for _ in at.wait_processed():
            pass
        return fingerprint(at._pool.desk("tester"))


@pytest.fixture
def serve():
    """Starts services on pools, and ends what is left of them."""
    yield from serving(SETTINGS)


@pytest.fixture
def pool(tmp_path, prepared) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "pool"))


def inbox_parts(pool: Path) -> int:
    """Batches that intake ever took."""
    with closing(sqlite3.connect(pool / "inbox.db")) as connection:
        found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'blobs'").fetchone()
    return found[0] if found else 0


@pytest.fixture(scope="module")
def service(tmp_path_factory, prepared):
    folder = tmp_path_factory.mktemp("beside") / "pool"
    shutil.copytree(prepared, folder)
    running = Service(folder, **SETTINGS)
    source = folder.parent / "few.ndjson"
    source.write_text(lines("few", 300, 4))
    assert [one["events"] for one in answer(folder, "import", str(source), **SETTINGS)] == [300]
    yield running
    running.close()


class TestBesideIt:
    """One service for all of them: none of them harms it."""

    def test_an_import_hands_its_parts_to_intake(self, service):
        assert inbox_parts(service.pool) == 6
        assert answer(service.pool, "report", **SETTINGS)["customers"] == 40

    def test_commands_ask_and_change_through_the_socket(self, service):
        pool = service.pool
        asked = run(pool, "ask", "happened(order_paid)", **SETTINGS)
        assert "40" in asked.stdout
        shown = run(pool, "clock", "advance", "1d", **SETTINGS)
        assert shown.stdout.startswith("2024-07-02T00:00:00Z")
        merged = run(pool, "customer", "merge", "member_no:1", "member_no:2", "--why", "twins", ok=False, **SETTINGS)
        assert merged.returncode == 0, merged.stderr
        assert answer(pool, "report", **SETTINGS)["customers"] == 39

    def test_an_error_arrives_with_its_status_and_remedy(self, service):
        refused = run(service.pool, "clock", "set", "2020-01-01T00:00:00Z", ok=False, **SETTINGS)
        assert refused.returncode == 4
        assert "clock.backwards" in refused.stderr
        assert "Traceback" not in refused.stderr

    def test_a_second_one_is_refused_and_told_who_holds_the_folder(self, service):
        second = run(service.pool, "serve", ok=False, **SETTINGS)
        assert second.returncode == 4
        assert f"in use by service {service.process.pid}" in second.stderr
        assert "pool.locked" in second.stderr
        assert service.get("/v1/insight/report").status_code == 200

    def test_a_port_in_use_ends_it_with_a_clear_error(self, service, tmp_path):
        port = service.settings["listen_port"]
        refused = run(
            tmp_path / "other", "serve", ok=False, listen_port=port, intake_port=free_port(), **SETTINGS
        )  # fmt: skip
        assert refused.returncode == 8
        assert f"port {port} is in use" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert refused.stderr.count("port_in_use") == 1
        assert not list((tmp_path / "other").glob("*.sock"))

    def test_the_doctor_sees_it(self, service):
        seen = run(service.pool, "doctor", **SETTINGS)
        assert "is running and answers" in seen.stdout

    def test_the_api_answers(self, service):
        report = service.get("/v1/insight/report").json()
        customer = service.get("/v1/customers/member_no:5")
        assert report["customers"] >= 39
        assert customer.status_code == 200
        for part in ("labels", "timeline"):
            assert service.get(f"/v1/customers/member_no:5/{part}").status_code == 200
        assert service.get("/docs").status_code == 200
        assert "/v1/insight/report" in service.get("/openapi.json").json()["paths"]

    def test_errors_say_what_where_and_how_to_mend_it(self, service):
        for path, status in (
            ("/v1/customers/member_no:nobody", 404),
            ("/v1/insight/report?as_of=yesterday", 422),
            ("/v1/nowhere", 404),
        ):
            found = service.get(path)
            assert found.status_code == status, path
            assert set(found.json()) == {"code", "message", "where", "remedy"}, path

    def test_another_host_is_refused(self, service):
        found = service.get("/v1/insight/report", headers={"host": "evil.example"})
        assert found.status_code == 403
        assert set(found.json()) == {"code", "message", "where", "remedy"}


class TestEnding:
    def test_sigterm_ends_it_in_order(self, pool, serve):
        service = serve(pool)
        children = service.pids()
        assert set(children) == {"intake", "engine"}
        assert service.stop() == 0
        assert not list(pool.glob("*.sock"))
        assert not any(alive(pid) for pid in children.values())
        assert "Traceback" not in service.said()
        assert "none is running" in run(pool, "doctor", **SETTINGS).stdout

    def test_children_end_by_themselves_when_the_supervisor_is_killed(self, pool, serve):
        service = serve(pool)
        children = service.pids()
        service.process.send_signal(signal.SIGKILL)
        service.process.wait()
        wait_for(lambda: not any(alive(pid) for pid in children.values()), "the children end")
        assert not list(pool.glob("*.sock"))
        assert run(pool, "clock", "show", **SETTINGS).stdout.startswith(NOW)


class TestKilledAtWork:
    def importing(self, service: Service, source: Path):
        """A client at work, some parts in."""
        before = inbox_parts(service.pool)
        client = start(service.pool, "import", str(source), **SETTINGS)
        wait_for(lambda: inbox_parts(service.pool) >= before + 5 or client.poll() is not None, "the import is at work")
        assert client.poll() is None, client.communicate()
        return client

    def test_without_the_engine_intake_goes_on_and_nothing_is_lost(self, pool, serve, source, undisturbed):
        service = serve(pool)
        client = self.importing(service, source)
        gone = service.kill("engine")
        taken = inbox_parts(pool)
        service.restarted("engine", gone)
        assert inbox_parts(pool) > taken
        _, said = client.communicate(timeout=RUN_S_MAX)
        assert client.returncode == 0, said
        assert service.stop() == 0
        assert net(fingerprint_of(pool)) == net(undisturbed)

    def test_without_intake_the_client_is_told_and_can_go_on_later(self, pool, serve, source, undisturbed):
        service = serve(pool)
        client = self.importing(service, source)
        gone = service.kill("intake")
        _, said = client.communicate(timeout=RUN_S_MAX)
        assert client.returncode == 8
        assert "service.gone" in said or "service.unreachable" in said
        assert "Traceback" not in said
        service.restarted("intake", gone)
        engine = service.pids()["engine"]
        assert answer(pool, "import", str(source), **SETTINGS)[0]["resumed_at"] > 0
        assert service.pids()["engine"] == engine
        assert service.stop() == 0
        assert net(fingerprint_of(pool)) == net(undisturbed)

    def test_without_any_of_them_the_folder_opens_and_goes_on(self, pool, serve, source, undisturbed):
        service = serve(pool)
        client = self.importing(service, source)
        pids = service.pids()
        for role in ("engine", "intake"):
            service.kill(role)
        service.process.kill()
        service.process.wait()
        client.communicate(timeout=RUN_S_MAX)
        wait_for(lambda: not any(alive(pid) for pid in pids.values()), "the children are gone")
        with caller(pool, **SETTINGS) as at:
            import_rest(at, source)
            assert net(fingerprint(at._pool.desk("tester"))) == net(undisturbed)

    def test_one_that_dies_whenever_it_starts_ends_the_service(self, pool, serve):
        service = serve(pool)
        (pool / "yutang.db").rename(pool / "hidden")
        (pool / "lake" / "000000000001-000000000002-0.parquet").write_bytes(b"")
        service.kill("engine")
        assert service.process.wait(60) == 8
        assert "pool.database_missing" in service.said()
        assert "service.dying" in service.said()
        assert not list(pool.glob("*.sock"))


class TestWithoutIt:
    def test_two_commands_wait_for_each_other(self, pool):
        both = [start(pool, "clock", "advance", "1h", **SETTINGS) for _ in range(2)]
        for one in both:
            _, said = one.communicate(timeout=RUN_S_MAX)
            assert one.returncode == 0, said
        assert run(pool, "clock", "show", **SETTINGS).stdout.startswith("2024-07-01T02:00:00Z")

    def test_a_socket_left_behind_misleads_nobody(self, pool):
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(pool / "engine.sock"))
        assert run(pool, "clock", "show", **SETTINGS).stdout.startswith(NOW)
