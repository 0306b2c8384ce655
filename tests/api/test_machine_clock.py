"""The machine's clock steps back an hour while the service works: arrivals don't, nobody is refused, timers fire once.

Both processes' parts work in the test's process, on a clock of the machine that the test sets.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.receiving import KEY, NOW_MS, Telling, basis, raw
from tests.support.services import free_port

from yutang.app import BLUEPRINT
from yutang.domains.audience.api import definitions, feed, questions, upkeep
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.contracts import LabelDraft, LabelKind, RungDraft
from yutang.domains.customers import api as customers
from yutang.kernel.faults import NoFaults
from yutang.kernel.instants import HOUR_MS, MINUTE_MS
from yutang.receiver import Intake
from yutang.runtime.folder import Folder
from yutang.runtime.inbox.inbox import open_reader
from yutang.runtime.pool import Pool
from yutang.runtime.settings import Settings
from yutang.runtime.slots import PEOPLE


class Machine:
    """A machine's clock that is set; its stopwatch runs."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms

    def stopwatch_s(self) -> float:
        return time.monotonic()


class World:
    """An intake and a pool beside it, in real time as this machine tells it."""

    def __init__(self, root: Path) -> None:
        self.machine = Machine()
        self.folder = Folder(root)
        self.folder.make()
        self.settings = Settings(intake_port=free_port(), disk_reserve_mb=0)
        self._open()

    def _open(self) -> None:
        self.intake = Intake(self.folder, self.settings, self.machine, NoFaults())
        wire = Telling(self.folder.intake_socket)
        wire.tell_basis(basis())
        wire.close()
        self.pool = Pool(self.folder, self.settings, BLUEPRINT, self.machine, NoFaults(), beside_intake=True)

    def reopen(self) -> None:
        """Both end and begin again."""
        self.close()
        self._open()

    def close(self) -> None:
        self.pool.close()
        self.intake.close()

    def send(self, id_: str, at_ms: int) -> None:
        """An event by a sender whose clock is right; processed on return."""
        url = f"http://127.0.0.1:{self.settings.intake_port}/v1/events"
        answer = httpx.post(url, json=[raw(id_, at=at_ms)], headers={"X-Api-Key": KEY}, timeout=20)
        told = answer.json()
        assert (answer.status_code, told["accepted"], told["rejected"]) == (200, 1, 0), told
        self.pool.loop.drain()

    def arrivals(self) -> list[int]:
        reader = open_reader(self.folder.inbox)
        try:
            heads = reader.heads({"live": 0, "bulk": 0}, 1_000)["live"]
            return [head.arrived_at for head in heads]
        finally:
            reader.close()

    def label(self, name: str) -> str:
        desk = self.pool.desk("tester")
        head = customers.find_customer(desk, "member_no:M1")
        return next((one.value for one in questions.memberships(desk, head) if one.label == name), "")

    def changes(self, name: str) -> list[str]:
        """The values that a label took, oldest first."""
        return [one.after for one in feed.changes(self.pool.desk("tester"), label=name, limit=100).changes][::-1]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "pool")
    yield made
    made.close()


def test_an_hour_back(world: World) -> None:
    rungs = (RungDraft("in", "happened(page_viewed, 90m)"),)
    definitions.define(world.pool.desk("tester"), LabelDraft("seen", LabelKind.SEGMENT, rungs))
    world.send("before", NOW_MS)
    assert world.label("seen") == "in"
    world.machine.ms = NOW_MS - HOUR_MS
    times = [world.pool.loop.epoch.time_ms]
    for step in range(4):
        world.machine.ms = NOW_MS - HOUR_MS + step * MINUTE_MS
        world.send(f"during-{step}", NOW_MS + step * MINUTE_MS)  # the sender's clock went on
        times.append(world.pool.loop.epoch.time_ms)
    world.reopen()
    world.send("reopened", world.machine.ms)
    times.append(world.pool.loop.epoch.time_ms)
    assert times == sorted(times), "pool time stepped back"
    assert world.arrivals() == sorted(world.arrivals()), "arrivals stepped back"
    assert min(world.arrivals()) == NOW_MS
    assert world.label("seen") == "in"
    for minutes in range(0, 300, 10):  # the machine catches up, and goes on
        world.machine.ms = NOW_MS - HOUR_MS + minutes * MINUTE_MS
        world.pool.loop.drain()
        if minutes == 150:
            world.machine.ms -= HOUR_MS  # and steps back once more, as the label's end comes near
            world.pool.loop.drain()
    assert world.changes("seen") == ["in", "none"], "in once and out once"
    epoch = world.pool.loop.epoch
    heads = epoch[PEOPLE].heads()
    anew = upkeep.recomputed(epoch)[AUDIENCE.name].standings
    assert epoch[AUDIENCE].standings.codes(heads).tolist() == anew.codes(heads).tolist()
