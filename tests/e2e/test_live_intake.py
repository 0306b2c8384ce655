"""A key, events over HTTP, and what `yutang tail` and the API's stream show of them; keys take effect at once."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.commands import YUTANG, answer, environment, run
from tests.support.services import Service, free_port, wait_for

SETTINGS = {"zone": "UTC", "currency": "USD", "language": "en"}
WITHIN_S = 1.0


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(tmp_path_factory.mktemp("live") / "pool", intake_port=free_port(), **SETTINGS)
    yield running
    running.close()


def key(service: Service, *arguments: str) -> Any:
    return answer(service.pool, "key", *arguments, **SETTINGS)


def post(service: Service, secret: str, *events: dict[str, Any], **headers: str) -> httpx.Response:
    url = f"http://127.0.0.1:{service.settings['intake_port']}/v1/events"
    return httpx.post(url, json=list(events), headers={"Authorization": f"Bearer {secret}", **headers}, timeout=30)


def happened(kind: str, who: str, id_: str, **properties: object) -> dict[str, Any]:
    at = int(time.time() * 1_000)
    return {"id": id_, "type": kind, "at": at, "identities": {"member_no": who}, "properties": properties}


def settled(service: Service, secret: str, status: int) -> bool:
    """Whether a key is answered so within the time promised."""
    deadline = time.monotonic() + WITHIN_S
    while time.monotonic() < deadline:
        if post(service, secret).status_code == status:
            return True
        time.sleep(0.05)
    return False


class Tail:
    """`yutang tail --json` at work."""

    def __init__(self, service: Service, *arguments: str) -> None:
        self._path = service.pool.parent / f"tail-{time.monotonic_ns()}.ndjson"
        command = [*YUTANG, "tail", "--json", *arguments]
        with self._path.open("w") as out:
            self.process = subprocess.Popen(
                command, env=environment(service.pool, **SETTINGS), stdout=out, stderr=subprocess.STDOUT
            )

    def lines(self) -> list[dict[str, Any]]:
        whole = self._path.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def ids(self) -> set[str]:
        return {one.get("id", "") for one in self.lines()}

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


def test_from_a_key_to_labels_on_the_screen(service: Service) -> None:
    secret = key(service, "create", "web shop", "--feed", "shop")["key"]
    assert settled(service, secret, 200)
    tail = Tail(service)
    assert post(service, secret, happened("search", "1", "first")).status_code == 200
    wait_for(lambda: "first" in tail.ids(), "tail is there")
    told = post(service, secret, happened("order_paid", "1", "paid", amount="99.00"), {"type": "order_paid"}).json()
    assert (told["accepted"], told["rejected"]) == (1, 1)
    wait_for(lambda: {"event", "refused"} <= {one["kind"] for one in tail.lines()} and "paid" in tail.ids(), "it shows")
    paid = next(one for one in tail.lines() if one.get("id") == "paid")
    assert (paid["feed"], paid["identity"]) == ("shop", "member_no:1")
    assert "P" in {one["after"] for one in paid["labels"] if one["label"] == "aipl"}
    assert paid["customer"] == service.get("/v1/customers/member_no:1").json()["id"]
    refused = next(one for one in tail.lines() if one["kind"] == "refused")
    assert (refused["feed"], refused["code"]) == ("shop", "event.no_time")
    assert tail.end() == 0


class TestStream:
    def test_shows_what_arrives_with_filters(self, service: Service) -> None:
        secret = key(service, "create", "app", "--feed", "app")["key"]
        assert settled(service, secret, 200)
        with httpx.stream("GET", service.url + "/v1/live?feed=app&type=order_paid", timeout=30) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = stream.iter_lines()
            assert json.loads(next(lines).removeprefix("data: "))["events"] == []
            post(service, secret, happened("search", "5", "no"), happened("order_paid", "5", "yes", amount="1.00"))
            found = next(json.loads(line[6:]) for line in lines if line.startswith("data: "))
            number = next(line for line in lines if line.startswith("id: "))
        assert [one["id"] for one in found["events"]] == ["yes"]
        assert number == f"id: {found['cursor']}"

    def test_gives_its_place_back_when_the_client_goes(self, service: Service) -> None:
        for _ in range(20):  # more than may watch at once
            wait_for(lambda: opened(service) == 200, "there is room")

    def test_does_not_hold_up_the_end_of_the_service(self, tmp_path: Path) -> None:
        running = Service(tmp_path / "pool", intake_port=free_port(), **SETTINGS)
        try:
            with httpx.stream("GET", running.url + "/v1/live", timeout=30) as stream:
                next(stream.iter_lines())
                assert running.stop() == 0
        finally:
            running.close()


def opened(service: Service) -> int:
    """A stream begun, and left."""
    with httpx.stream("GET", service.url + "/v1/live", timeout=30) as stream:
        if stream.status_code == 200:
            next(stream.iter_lines())
        return stream.status_code


class TestKeys:
    def test_rotation_keeps_the_former_one_for_a_while_or_not(self, service: Service) -> None:
        made = key(service, "create", "till", "--feed", "till")
        assert settled(service, made["key"], 200)
        second = key(service, "rotate", made["card"]["id"])["key"]
        assert settled(service, second, 200)
        assert post(service, made["key"]).status_code == 200
        third = key(service, "rotate", made["card"]["id"], "--now")["key"]
        assert settled(service, third, 200)
        assert post(service, second).status_code == 401

    def test_a_revoked_one_is_refused_within_a_second(self, service: Service) -> None:
        made = key(service, "create", "gone", "--feed", "gone")
        assert settled(service, made["key"], 200)
        revoked = httpx.post(f"{service.url}/v1/keys/{made['card']['id']}/revoke", timeout=30)
        assert revoked.json()["state"] == "revoked"
        assert settled(service, made["key"], 401)

    def test_origins_are_for_browsers(self, service: Service) -> None:
        secret = key(service, "create", "page", "--feed", "page", "--origin", "https://shop.example")["key"]
        assert settled(service, secret, 200)
        assert post(service, secret, Origin="https://shop.example").status_code == 200
        assert post(service, secret, Origin="https://evil.example").status_code == 403

    def test_they_hold_through_restarts_of_either_process(self, service: Service) -> None:
        secret = key(service, "create", "steady", "--feed", "steady")["key"]
        assert settled(service, secret, 200)
        service.restarted("intake", service.kill("intake"))
        wait_for(lambda: answers(service, secret) == 200, "its own copy is in force")
        service.restarted("engine", service.kill("engine"))
        second = key(service, "create", "steady too", "--feed", "steady")["key"]
        wait_for(lambda: answers(service, second) == 200, "the new engine tells it")


def answers(service: Service, secret: str) -> int:
    try:
        return post(service, secret).status_code
    except httpx.TransportError:
        return 0


def test_events_at_the_port_of_the_api_are_referred_to_intake(service: Service) -> None:
    for path in ("/v1/events", "/v1/batch"):
        found = httpx.post(service.url + path, json=[], timeout=30)
        assert (found.status_code, found.json()["code"]) == (421, "request.misdirected")
        assert f":{service.settings['intake_port']}{path}" in found.json()["remedy"]


class TestWithoutAService:
    def test_a_key_begins_a_pool_and_looking_does_not(self, tmp_path: Path) -> None:
        pool = tmp_path / "pool"
        assert run(pool, "key", "list", ok=False, **SETTINGS).returncode == 3
        assert not pool.exists()
        made = run(pool, "key", "create", "site", "--feed", "site", **SETTINGS).stdout
        assert made.startswith("yk_")
        assert [one["name"] for one in answer(pool, "key", "list", **SETTINGS)] == ["site"]

    def test_tail_shows_the_last_ones_and_says_that_nothing_moves(self, tmp_path: Path) -> None:
        source = tmp_path / "events.ndjson"
        source.write_text(json.dumps(happened("search", "1", "only")) + "\n")
        run(tmp_path / "pool", "import", str(source), **SETTINGS)
        said = run(tmp_path / "pool", "tail", **SETTINGS).stdout
        assert "member_no:1" in said
        assert "yutang serve" in said
