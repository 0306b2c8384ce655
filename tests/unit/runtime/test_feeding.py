"""What the engine tells intake: only what is new, not too often, and again to an intake that was started anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from yutang.kernel.errors import UnavailableError
from yutang.runtime.feeding import BASIS_PERIOD_S, Feeder
from yutang.runtime.receiving import Counters
from yutang.runtime.wire import WireServer


@dataclass(frozen=True)
class Basis:
    version: int
    said: str


class Machine:
    """A stopwatch that moves when told."""

    s = 100.0

    def now_ms(self) -> int:
        return int(self.s * 1_000)

    def stopwatch_s(self) -> float:
        return self.s


class Intake:
    """An intake process as far as the engine speaks to it. has: the version of its durable copy."""

    def __init__(self, path: Path, has: int = 0) -> None:
        self.has = has
        self.bases: list[Basis] = []
        self.processed: list[dict[str, int]] = []
        self._server = WireServer(path, self._answer)

    def _answer(self, name: str, _actor: str, body: bytes) -> bytes:
        if name == "basis":
            self.bases.append(msgspec.msgpack.decode(body, type=Basis))
            self.has = self.bases[-1].version
        elif name == "processed":
            self.processed.append(msgspec.msgpack.decode(body, type=dict[str, int]))
        elif name == "counters":
            return msgspec.msgpack.encode(Counters(basis_version=self.has))
        return b""

    def close(self) -> None:
        self._server.close()


class World:
    """An engine with something to tell."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "intake.sock"
        self.machine = Machine()
        self.said = "a"
        self.refs = {"live": 1, "bulk": 0}
        self.intake = Intake(self.path)
        self.feeder = self.engine()

    def engine(self) -> Feeder:
        return Feeder(self.path, lambda: self.refs, lambda: Basis(0, self.said), self.machine)

    def round(self, after_s: float = 2 * BASIS_PERIOD_S) -> None:
        self.machine.s += after_s
        self.feeder.tell()

    def restart_intake(self, has: int) -> None:
        self.intake.close()
        with pytest.raises(UnavailableError):
            self.round()
        self.intake = Intake(self.path, has)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.intake.close()


class TestBasis:
    def test_is_told_at_first_and_when_it_changed(self, world: World) -> None:
        for said in ("a", "a", "b", "b", "a"):
            world.said = said
            world.round()
        assert world.intake.bases == [Basis(1, "a"), Basis(2, "b"), Basis(3, "a")]

    def test_a_flood_of_changes_costs_one_a_period_and_the_last_is_told(self, world: World) -> None:
        for number in range(50):
            world.said = str(number)
            world.round(BASIS_PERIOD_S / 10)
        world.round()
        assert len(world.intake.bases) <= 50 / 10 + 2
        assert world.intake.bases[-1].said == "49"

    def test_versions_rise_over_a_restart_of_the_engine(self, world: World) -> None:
        world.round()
        world.feeder = world.engine()
        world.said = "b"
        world.round()
        assert world.intake.bases == [Basis(1, "a"), Basis(2, "b")]

    def test_an_intake_with_an_older_copy_is_told_again_and_versions_rise(self, world: World) -> None:
        for said in "ab":
            world.said = said
            world.round()
        world.restart_intake(has=1)
        world.round()
        assert world.intake.bases == [Basis(3, "b")]

    def test_an_intake_that_kept_its_copy_is_told_nothing_that_it_knows(self, world: World) -> None:
        world.round()
        world.restart_intake(has=1)
        world.round()
        assert world.intake.bases == []
        assert world.intake.processed

    def test_an_intake_that_lost_its_copy_is_told_all(self, world: World) -> None:
        world.round()
        world.restart_intake(has=0)
        world.round()
        assert world.intake.bases == [Basis(2, "a")]


class TestProcessed:
    def test_is_told_each_round(self, world: World) -> None:
        world.round()
        world.refs = {"live": 7, "bulk": 2}
        world.round()
        assert world.intake.processed == [{"live": 1, "bulk": 0}, {"live": 7, "bulk": 2}]


class TestThread:
    def test_goes_on_through_an_intake_that_is_away(self, world: World) -> None:
        from tests.support.services import wait_for

        world.feeder.start()
        wait_for(lambda: bool(world.intake.processed), "intake is told")
        world.intake.close()
        world.intake = Intake(world.path)
        wait_for(lambda: bool(world.intake.bases), "the new one is told")
        world.feeder.close()
        assert not world.feeder._thread.is_alive()
