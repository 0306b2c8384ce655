"""`kill -9` of either process, at random and at every fault point, while events come in over HTTP.

Nothing acknowledged is lost, nothing counted twice, and every label equals that of an undisturbed run. 50 kills;
YUTANG_TEST_BUDGET=10 makes 500 of them.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.loading import BATCH, Sender, new_pool, settled, undisturbed
from tests.support.processes import Pair

SOURCE = Path(__file__).resolve().parents[2] / "src"
BUDGET = int(os.environ.get("YUTANG_TEST_BUDGET", "1"))
KILLS = 50 * BUDGET
SETTINGS: dict[str, Any] = {"flush_rows": 2_000, "zone": "UTC", "currency": "USD"}
SENDERS = 3
REST_S = 0.05 * BUDGET  # between two batches: some 50,000 events in all, whatever the budget
PAUSE_S_MAX = 1.2  # before a kill: long enough for an engine to be at work, short enough to catch it starting
SEED = 5
# Not reached by live intake: imports and edits have their own tests.
ELSEWHERE = ("echo.", "erasing.", "rewriting.", "payloads.")


def points(role: str) -> list[str]:
    """The fault points that live intake reaches in a process, by the source."""
    named = {
        point
        for path in SOURCE.rglob("*.py")
        for point in re.findall(r'\breach\("([\w.]+)"\)', path.read_text("utf-8"))
    }
    found = sorted(point for point in named if not point.startswith(ELSEWHERE))
    return [point for point in found if point.startswith("intake.") == (role == "intake")]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Pair, str]]:
    """A service on a pool whose clock stands, and a key to it."""
    pool = tmp_path / "pool"
    key = new_pool(pool, **SETTINGS)
    running = Pair(pool, **SETTINGS)
    yield running, key
    running.stop()


def disturb(pair: Pair, dice: random.Random) -> None:
    """Kill one of the two, KILLS times: half of them wherever they are, half at a fault point."""
    waiting: dict[str, list[str]] = {"intake": [], "engine": []}
    for _ in range(KILLS):
        role = dice.choice(["intake", "engine"])
        if dice.random() < 0.5:
            time.sleep(dice.random() * PAUSE_S_MAX)
        else:
            waiting[role] = waiting[role] or dice.sample(points(role), len(points(role)))
            pair.kill(role)
            pair.start(role, f"{waiting[role].pop()}:{dice.randint(1, 3)}")
            pair.await_death(role, 3 * PAUSE_S_MAX)
        pair.kill(role)
        pair.start(role)


@pytest.mark.timeout(400 * BUDGET)
def test_nothing_acknowledged_is_lost_and_nothing_counts_twice(pair: tuple[Pair, str], tmp_path: Path) -> None:
    running, key = pair
    for role in ("intake", "engine"):
        running.start(role)
        running.ready(role)
    senders = [Sender(running.intake_url, key, 10_000_000 * place, REST_S) for place in range(SENDERS)]
    for one in senders:
        one.start()
    disturb(running, random.Random(SEED))
    for one in senders:
        one.ending.set()
    for one in senders:
        one.join(60)
        assert not one.is_alive() and one.failure is None, f"{one.failure}\n{running.said()}"
    running.stop()
    sent = [made for one in senders for made in one.sent]
    assert sum(one.acknowledged for one in senders) >= len(sent) > KILLS * BATCH
    found = settled(running.folder.root, **SETTINGS)
    assert len(found["events"]) == len(sent)
    wanted = undisturbed(tmp_path / "undisturbed", sent, **SETTINGS)
    for part in ("events", "labels", "report"):
        assert found[part] == wanted[part], part
