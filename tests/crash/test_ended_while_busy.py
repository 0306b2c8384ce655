"""An engine ends soon after it is told to, whatever it is at; and the next one goes on as if it had slept.

Each stretch of work here never ends by itself, so nothing hangs on timing but the limit, which is generous.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support import busy
from tests.support.commands import run
from tests.support.processes import Pair
from tests.support.services import alive, wait_for

SETTINGS = {"zone": "UTC", "currency": "USD"}
ENDS_S_MAX = 15.0  # of which a machine with nothing else to do needs two; the supervisor kills after thirty


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Pair, str]]:
    """Both processes, not started, and a key."""
    pool = tmp_path / "pool"
    key = json.loads(run(pool, "key", "create", "shop", "--feed", "shop", "--json", **SETTINGS).stdout)["key"]
    running = Pair(pool, **SETTINGS)
    yield running, key
    running.stop()


def children(pid: int) -> set[int]:
    """The processes that a process has started."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return {int(one) for found in lists for one in found.read_text().split()}


def listens(pid: int) -> bool:
    """Whether a process has taken on to end by itself when it is told to."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def begun(pair: Pair, stretch: str) -> int:
    """Its process, once an engine is at a stretch that never ends."""
    sign = pair.folder.root.parent / "busy"
    cache = {"NUMBA_CACHE_DIR": str(sign.parent / "kernels")} if stretch == "compiling" else {}
    pair.start("intake")
    pair.ready("intake")
    pair.start("engine", module="tests.support.busy", told={busy.STRETCH: stretch, busy.SIGN: str(sign), **cache})
    engine = pair.pid("engine")
    if stretch == "compiling":
        wait_for(lambda: bool(children(engine)), "kernels are compiled")
    else:
        wait_for(sign.exists, f"it is {stretch}: {pair.said()}")
    if stretch != "opening":
        wait_for(lambda: listens(engine), "it serves")
    return engine


@pytest.mark.parametrize("stretch", busy.STRETCHES)
def test_it_ends_at_once_and_leaves_nothing(pair: tuple[Pair, str], stretch: str) -> None:
    running, _ = pair
    engine = begun(running, stretch)
    started = children(engine)
    os.kill(engine, signal.SIGTERM)
    assert running.await_death("engine", ENDS_S_MAX), f"still {stretch}: {running.said()}"
    assert "Traceback" not in running.said()
    assert not any(map(alive, started)), "what it had started has ended before it"


def test_what_was_handed_over_meanwhile_is_there_afterwards(pair: tuple[Pair, str]) -> None:
    running, key = pair
    engine = begun(running, "deriving")
    wait_for(lambda: _sent(running, key), "the engine has told the keys")
    os.kill(engine, signal.SIGTERM)
    assert running.await_death("engine", ENDS_S_MAX), running.said()
    running.start("engine")
    wait_for(lambda: _customers(running) == 1, "the next engine has processed it")


def _sent(pair: Pair, key: str) -> bool:
    event = {"type": "search", "at": "2026-03-01T10:00:00Z", "identities": {"member_no": "M1"}}
    sent = httpx.post(f"{pair.intake_url}/v1/events", json=[event], headers={"X-Api-Key": key}, timeout=20)
    return sent.status_code == 200


def _customers(pair: Pair) -> int:
    try:
        answer = httpx.get(f"{pair.url}/v1/customers", timeout=20)
    except httpx.HTTPError:
        return -1
    return len(answer.json()["customers"]) if answer.status_code == 200 else -1
