"""The engine is gone for a while: intake goes on acknowledging, and what it took is there when the engine is back."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.commands import caller, run
from tests.support.crashing import NOW
from tests.support.processes import Pair
from tests.support.services import wait_for

from yutang.cli.clock import CLOCK_COMMAND, ClockQuestion

SETTINGS = {"zone": "UTC", "currency": "USD"}
GONE_S = 3.0 * int(os.environ.get("YUTANG_TEST_BUDGET", "1"))


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Pair, str]]:
    pool = tmp_path / "pool"
    with caller(pool, **SETTINGS) as at:
        at.call(CLOCK_COMMAND, ClockQuestion("set", at=NOW))
    key = json.loads(run(pool, "key", "create", "load", "--feed", "load", "--json", **SETTINGS).stdout)["key"]
    running = Pair(pool, **SETTINGS)
    yield running, key
    running.stop()


def send(pair: Pair, key: str, number: int) -> httpx.Response:
    batch = [
        {"id": f"e{number}-{k}", "type": "search", "at": NOW, "identities": {"member_no": f"M{k}"}} for k in range(10)
    ]
    return httpx.post(f"{pair.intake_url}/v1/events", json=batch, headers={"X-Api-Key": key}, timeout=20)


def events_of(pair: Pair) -> int:
    """How many events the engine shows; -1 while it can't answer."""
    listed = httpx.get(f"{pair.url}/v1/customers", params={"limit": 50}, timeout=20)
    if listed.status_code != 200:
        return -1
    return sum(_timeline(pair, one["id"]) for one in listed.json()["customers"])


def _timeline(pair: Pair, customer: str) -> int:
    found, cursor = 0, ""
    while True:
        asked = {"limit": 500, "cursor": cursor} if cursor else {"limit": 500}
        page = httpx.get(f"{pair.url}/v1/customers/{customer}/timeline", params=asked, timeout=20).json()
        found += len(page["events"])
        cursor = page["next"]
        if not cursor:
            return found


def test_intake_goes_on_acknowledging(pair: tuple[Pair, str]) -> None:
    running, key = pair
    for role in ("intake", "engine"):
        running.start(role)
        running.ready(role)
    wait_for(lambda: send(running, key, 0).status_code == 200, "the engine has told the keys")
    running.kill("engine")
    number, end = 1, time.monotonic() + GONE_S
    while time.monotonic() < end:
        answer = send(running, key, number)
        assert (answer.status_code, answer.json()["accepted"]) == (200, 10)
        number += 1
        time.sleep(0.05)
    running.kill("intake")
    running.start("intake")
    running.ready("intake")
    wait_for(lambda: _answers(running), "intake is back")
    assert send(running, key, number).status_code == 200, "it judges by its own copy of the basis"
    running.start("engine")
    wait_for(lambda: _answers(running, running.url), "the engine is back")
    wait_for(lambda: events_of(running) == 10 * (number + 1), f"all of {10 * (number + 1)} events are processed")


def _answers(pair: Pair, url: str = "") -> bool:
    try:
        return httpx.get(f"{url or pair.intake_url}/healthz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
