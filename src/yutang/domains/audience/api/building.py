"""Definitions worked out beside the loop: everybody from a pinned epoch, then whoever was touched since.

The builder takes whatever waits as one build, evaluates part after part, in rounds: first all customers, then those
that records touched or that are due since, at the newest epoch, until few are left. Then it hands the build over to
the log by a record, and the pass evaluates the few and swaps all in at once (`background`).

Only ladders that changed or name one that did are evaluated. Nothing of a build is stored: that a definition waits is,
so that one that is interrupted begins anew. Invariant: a build changes nothing that anybody else can see; the builder
is the one thing in an epoch that moves, and says no more than how far it is.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import msgspec
import numpy as np
import structlog

from yutang.domains.audience.api.builds import Build, work_at
from yutang.domains.audience.api.evaluating import AUDIENCE, everyone
from yutang.domains.audience.contracts import (
    BUILT,
    DROPPED,
    Building,
    BuiltRecord,
    DroppedRecord,
    Waiting,
)
from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import YutangError
from yutang.kernel.faults import Faults
from yutang.runtime.desk import Desk
from yutang.runtime.log.contracts import Epoch, Slot
from yutang.runtime.log.working import HOUSE_FAULTS
from yutang.runtime.slots import PEOPLE
from yutang.timeline.everyone import THREADS_COUNT, Part
from yutang.timeline.steps import Ints

HANDOVER_COUNT_MAX = 4_096  # customers that the loop evaluates at a swap: some ten milliseconds
ROUNDS_COUNT_MAX = 20  # of catching up; then the loop evaluates whoever is left
FAILED_COUNT_MAX = 1_000  # definitions of which it is remembered why they were given up
WAIT_PERIOD_S = 0.05

logger = structlog.get_logger("yutang.building")


class Builder:
    """Works out what waits, a stretch at a time; any thread may call it.

    attended: somebody does so by themselves (a service); otherwise whoever waits for a definition does.
    """

    def __init__(self, faults: Faults) -> None:
        self.attended = False
        self._faults = faults
        self._working = threading.Lock()
        self._moved = threading.Condition()
        self._build: Build | None = None
        self._heads: Ints = np.zeros(0, np.int64)
        self._parts: list[Part] = []
        self._done = 0
        self._alone = False  # one definition at a time, since of several together one can't be worked out
        self._numbers = 0
        self._handed = 0  # the number of the build that lies still, since the log has it; 0: none
        self._failed: dict[tuple[str, int], YutangError] = {}

    def work(self, desk: Desk, parts_at_once: int = THREADS_COUNT) -> bool:
        """A stretch of work, some tenths of a second; whether there was any. Raises what isn't a definition's fault."""
        with self._working:
            epoch = desk.log.epoch
            waiting = epoch[AUDIENCE].waiting
            if self._build is None or not _wanted(self._build, waiting):
                self._forget()
                if not waiting:
                    self._alone = False
                if not waiting or (self.attended and not epoch[AUDIENCE].derived):
                    return False  # right after a start a service derives the standings at once; it is worth waiting
            try:
                self._go_on(desk, epoch, parts_at_once)
            except HOUSE_FAULTS:
                self._forget()
                raise
            except Exception as raised:
                self._give_up(desk, waiting, raised)
        with self._moved:
            self._moved.notify_all()
        return True

    def _go_on(self, desk: Desk, epoch: Epoch, parts_at_once: int) -> None:
        if self._build is None:
            waiting = list(epoch[AUDIENCE].waiting.values())
            self._numbers += 1
            self._build = Build(self._numbers, waiting[:1] if self._alone else waiting, epoch)
            self._begin_round(epoch, epoch[PEOPLE].heads() if self._build.names else _NOBODY)
        build = self._build
        if self._parts:
            some, self._parts = self._parts[:parts_at_once], self._parts[parts_at_once:]
            self._done += work_at(build, self._heads, some)
            self._faults.reach("building.part")
            return
        behind = build.behind(epoch) if build.names else _NOBODY
        if len(behind) > HANDOVER_COUNT_MAX and build.round < ROUNDS_COUNT_MAX:
            self._begin_round(epoch, behind)
            return
        if build.names and not build.prepared_round:
            build.prepare(epoch)
            return
        self._faults.reach("building.built")
        body = BuiltRecord(build.number, build.round < ROUNDS_COUNT_MAX)
        self._handed = build.number
        try:
            desk.submit(BUILT, msgspec.msgpack.encode(body))  # what it came to, the next epoch tells
        finally:
            self._handed = 0

    def _begin_round(self, epoch: Epoch, heads: Ints) -> None:
        assert self._build is not None
        self._build.begin_round(epoch)
        some = everyone(epoch, heads)
        self._heads, self._parts = some.heads, some.parts() if len(heads) else []

    def _give_up(self, desk: Desk, waiting: Mapping[str, Waiting], raised: Exception) -> None:
        made = self._build.waiting if self._build is not None else tuple(waiting.values())[:1]
        self._forget()
        if len(made) > 1:
            self._alone = True
            return
        logger.warning("definition given up", label=made[0].label.name, exc_info=raised)
        error = raised if isinstance(raised, YutangError) else YutangError(
            "label.not_evaluable", f"the definition can't be worked out: {raised}", where=made[0].label.name,
            remedy="define it in other words; the service's log has all of it",
        )  # fmt: skip
        while len(self._failed) >= FAILED_COUNT_MAX:
            del self._failed[next(iter(self._failed))]
        self._failed[made[0].label.name, made[0].label.version] = error
        body = DroppedRecord(made[0].label.name, made[0].seq, str(raised))
        desk.submit(DROPPED, msgspec.msgpack.encode(body))

    def _forget(self) -> None:
        self._build = None
        self._parts, self._heads, self._done = [], _NOBODY, 0

    def built(self, number: int, waiting: Mapping[str, Waiting]) -> Build | None:
        """For the pass: a build that was handed over, None if it is gone or not wanted any more.

        A record of an earlier process may name a number that is at work again: that one is still being written to.
        """
        build = self._build
        if build is None or not build.number == self._handed == number:
            return None
        return build if _wanted(build, waiting) else None

    def building(self, epoch: Epoch, name: str) -> Building | None:
        """How far a definition that waits is."""
        one = epoch[AUDIENCE].waiting.get(name)
        if one is None:
            return None
        build, of = self._build, len(epoch[PEOPLE].heads())
        mine = build is not None and any(made.seq == one.seq for made in build.waiting)
        return Building(one.label.version, min(self._done, of) if mine else 0, of)

    def accepted(self, name: str) -> None:
        """A definition waits: whoever attends looks now, and what was given up of that name is history."""
        with self._moved:
            self._failed = {key: error for key, error in self._failed.items() if key[0] != name}
            self._moved.notify_all()

    def rest(self, seconds: float) -> None:
        """Until something moves, or some time is over."""
        with self._moved:
            self._moved.wait(seconds)

    def wait(self, desk: Desk, name: str, version: int, seconds: float, machine: MachineClock) -> Building | None:
        """Wait for a definition to come into force, working it out if nobody else does; how far it is, if it isn't.

        version: 0 for whichever waits. Raises what kept it from being worked out.
        """
        deadline = machine.stopwatch_s() + seconds
        while True:
            epoch = desk.log.epoch
            failed = self._failed.get((name, version))
            if failed is not None:
                raise failed
            one = epoch[AUDIENCE].waiting.get(name)
            if one is None or version not in (0, one.label.version):
                return None
            if machine.stopwatch_s() >= deadline:
                return self.building(epoch, name)
            if self.attended:
                self.rest(WAIT_PERIOD_S)
            else:
                self.work(desk)


def _wanted(build: Build, waiting: Mapping[str, Waiting]) -> bool:
    """Whether all that a build makes still waits."""
    return all(one.label.name in waiting and waiting[one.label.name].seq == one.seq for one in build.waiting)


_NOBODY: Ints = np.zeros(0, np.int64)
BUILDER: Slot[Builder] = Slot("label_builder")
