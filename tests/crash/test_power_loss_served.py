"""The power fails under a service that takes events over HTTP: both processes lose what they hadn't synced, at once.

Each keeps a journal of all that it tells the disk (tests/support/powerloss); merged by time, they are what the disk
was told. At instants drawn from it the folder is made as a power loss would leave it, and opened.
"""

from __future__ import annotations

import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.loading import Sender, new_pool, settled, undisturbed
from tests.support.powerloss import replay
from tests.support.powerloss.building import shim
from tests.support.processes import Pair
from tests.support.services import wait_for

BUDGET = float(os.environ.get("YUTANG_TEST_BUDGET", "1"))
LOSSES = max(1, int(3 * BUDGET))
SERVED_S = 5.0  # of two senders: long enough for some flushes and a merge of files
SENDERS = 2
REST_S = 0.02
SEED = 11
SETTINGS: dict[str, Any] = {"flush_rows": 300, "zone": "UTC", "currency": "USD"}


@pytest.fixture
def served(tmp_path: Path) -> tuple[list[Sender], replay.Disk, list[replay.Told]]:
    """Events sent to a service that keeps journals: the senders, the disk before, what it was told, by time."""
    pool, journal = tmp_path / "pool", tmp_path / "journal"
    key = new_pool(pool, **SETTINGS)
    preloaded = shim(tmp_path)
    disk = replay.Disk(pool.resolve())
    running = Pair(pool, **SETTINGS)
    try:
        for role in ("intake", "engine"):
            running.start(role, told=replay.environment(preloaded, pool, journal))
            running.ready(role)
        wait_for(lambda: httpx.get(f"{running.url}/readyz").status_code == 200, running.said())
        senders = [Sender(running.intake_url, key, 1_000_000 * place, REST_S) for place in range(SENDERS)]
        for one in senders:
            one.start()
        time.sleep(SERVED_S)
        for role in ("engine", "intake"):  # in the middle of their work, as power would
            running.kill(role)
        for one in senders:
            one.ending.set()
            one.abandoned.set()
            one.join(30)
    finally:
        running.stop()
    records = replay.read_journals(journal)
    processes = list(tmp_path.glob("journal.*"))
    assert len([one for one in processes if one.stat().st_size]) == 2, "both processes have told the disk something"
    return senders, disk, records


def test_what_was_acknowledged_is_there_once_and_labels_are_right(
    served: tuple[list[Sender], replay.Disk, list[replay.Told]], tmp_path: Path
) -> None:
    senders, disk, records = served
    acks = [ack for one in senders for ack in one.told]
    sent = {made["id"]: made for one in senders for made in one.sent}
    assert len(acks) > 50
    assert any(told.op == "R" and b"/lake/" in told.second for told in records), "it flushed meanwhile"
    dice = random.Random(SEED)
    first_ns = min(at for at, _ in acks)
    places = [place for place, told in enumerate(records) if told.time_ns > first_ns]
    at = 0
    for number, place in enumerate(sorted(dice.sample(places, LOSSES))):
        for told in records[at:place]:
            disk.tell(told)
        at = place
        image = tmp_path / "images" / f"{number}"
        disk.image(image, dice if number % 3 else None)  # every third: exactly what was synced
        check(image, records[place - 1].time_ns, acks, sent, tmp_path / f"undisturbed-{number}")
        shutil.rmtree(image)


def check(
    image: Path, instant_ns: int, acks: Sequence[tuple[int, list[str]]], sent: dict[str, dict[str, Any]], beside: Path
) -> None:
    """A pool after a power loss at an instant."""
    found = settled(image, **SETTINGS)
    ids = Counter(row[1] for row in found["events"])
    assert max(ids.values()) == 1, "counted twice"
    lost = {id_ for at, ids_ in acks if at <= instant_ns for id_ in ids_} - set(ids)
    assert not lost, f"{len(lost)} acknowledged events are lost by a power loss at {instant_ns}"
    wanted = undisturbed(beside, [sent[id_] for id_ in ids], **SETTINGS)
    for part in ("events", "labels", "report"):
        assert found[part] == wanted[part], part
