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
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
import numpy as np
import numpy.typing as npt
import structlog

from yutang.domains.audience.api.evaluating import AUDIENCE, everyone, look_ladder, looked_again
from yutang.domains.audience.contracts import (
    BUILT,
    DROPPED,
    Building,
    BuiltRecord,
    Cause,
    DroppedRecord,
    FeedRows,
    Label,
    Waiting,
)
from yutang.domains.audience.rules import (
    CAUSE_CODE,
    HORIZON_MS,
    NO_VALUE,
    AudienceState,
    affected,
    changed_at,
    feed_rows,
    plan_of,
    recoded,
    touched_since,
)
from yutang.domains.customers import api as customers
from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import YutangError
from yutang.kernel.faults import Faults
from yutang.kernel.instants import NEVER
from yutang.runtime.desk import Desk
from yutang.runtime.log.contracts import Epoch, Slot
from yutang.runtime.log.working import HOUSE_FAULTS
from yutang.runtime.slots import PEOPLE
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.everyone import THREADS_COUNT, Part, Threads
from yutang.timeline.plan import Plan
from yutang.timeline.steps import Flags, Ints

HANDOVER_COUNT_MAX = 4_096  # customers that the loop evaluates at a swap: some ten milliseconds
ROUNDS_COUNT_MAX = 20  # of catching up; then the loop evaluates whoever is left
FAILED_COUNT_MAX = 1_000  # definitions of which it is remembered why they were given up
WAIT_PERIOD_S = 0.05

logger = structlog.get_logger("yutang.building")

CODES = np.int16  # a ladder has at most 100 values
Codes = npt.NDArray[np.int16]
BY_DEFINITION = CAUSE_CODE[Cause.DEFINITION]


class Build:
    """Some definitions under work: what every customer's value will be, and since when.

    plan: with all that waits in force. names: of the ladders worked out, k of them. seq: of the epoch of the last
    round. codes: int16[k, anchors]. due: int64[anchors], the next change of any of these ladders. round_of:
    int32[anchors], the round in which each was evaluated last, 0 for never. prepared: rows of the feed for those who
    were evaluated last in a round up to prepared_round (0: not yet).
    """

    def __init__(self, number: int, waiting: Sequence[Waiting], epoch: Epoch) -> None:
        state = epoch[AUDIENCE]
        self.number = number
        self.waiting = tuple(waiting)
        self.labels = labels_with(state.labels, self.waiting)
        self.plan: Plan = plan_of(self.labels)
        self.names = affected(self.plan, [one.label.name for one in self.waiting if _differs(state, one.label)])
        self.seq = epoch.seq
        self.instant = epoch.time_ms
        self.round = 0
        self.codes: Codes = np.full((len(self.names), 0), NO_VALUE, CODES)
        self.due: Ints = np.zeros(0, np.int64)
        self.round_of: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._before: Codes = self.codes  # what everybody had when the round began
        self._known: Flags = np.zeros(self.codes.shape, np.bool_)  # of whom it is known since when they differ from it
        self._told: list[tuple[int, Ints, Ints, int]] = []  # that: (place in names, heads, instants, round)
        self.prepared: FeedRows | None = None
        self.prepared_round = 0

    def copy(self) -> Build:
        """The same, to be gone on with apart: a transaction that fails must leave no trace."""
        found = Build.__new__(Build)
        found.__dict__.update(self.__dict__)
        found.codes, found.due, found.round_of = self.codes.copy(), self.due.copy(), self.round_of.copy()
        found._known, found._told = self._known.copy(), list(self._told)
        return found

    def begin_round(self, epoch: Epoch) -> None:
        """What is taken from now on was found at this epoch."""
        self.round += 1
        self.seq, self.instant = epoch.seq, epoch.time_ms
        more = epoch[PEOPLE].count - len(self.due)
        if more > 0:
            self.codes = np.pad(self.codes, ((0, 0), (0, more)), constant_values=NO_VALUE)
            self._known = np.pad(self._known, ((0, 0), (0, more)))
            self.due = np.pad(self.due, (0, more), constant_values=NEVER)
            self.round_of = np.pad(self.round_of, (0, more))
        # Of the epoch nothing is kept but this: who holds an old version of the standings makes the log remember it.
        self._before = np.array([self.before(epoch, name) for name in self.names], CODES)

    def found(self, part: Part) -> tuple[Codes, Ints, Ints]:
        """Pure: (codes, since when, due) of a part's own customers at the round's instant."""
        instant = self.instant
        evaluated = Evaluation(part.view, Context(self.plan, instant + HORIZON_MS))
        first_seen = part.view.first_seen()
        shape = (len(self.names), part.view.count)
        codes, at = np.empty(shape, CODES), np.empty(shape, np.int64)
        due = looked_again(part.view, instant + HORIZON_MS)
        for place, name in enumerate(self.names):
            codes[place], since, until = look_ladder(evaluated, name, instant)
            at[place] = changed_at(since, first_seen, instant)
            np.minimum(due, until, out=due)
        return part.own(codes), part.own(at), part.own(due)

    def take(self, heads: Ints, found: tuple[Codes, Ints, Ints]) -> None:
        """What was found of some customers."""
        codes, at, due = found
        self.codes[:, heads], self.due[heads], self.round_of[heads] = codes, due, self.round
        for place in range(len(self.names)):
            differs = self._known[place, heads] = self._before[place, heads] != codes[place]
            self._told.append((place, heads[differs], at[place][differs], self.round))

    def since(self, place: int, heads: Ints) -> Ints:
        """int64[heads]: since when some of those have their value who were evaluated after `prepare`."""
        at = np.full(len(self.due), NEVER, np.int64)
        for one, told, instants, number in self._told:
            if one == place:
                mine = self.round_of[told] == number
                at[told[mine]] = instants[mine]
        return at[heads]

    def prepare(self, epoch: Epoch) -> None:
        """The feed's rows, as far as they are known: put in order here, so that the loop needn't. `before` is open."""
        people = epoch[PEOPLE]
        heads = people.heads()
        heads = heads[: np.searchsorted(heads, len(self.due))]  # who came since is evaluated yet
        parts = []
        for place, name in enumerate(self.names):
            at = self.since(place, heads)
            mine = np.flatnonzero((at != NEVER) & self._known[place, heads])
            after, cause = self.codes[place, heads[mine]].astype(np.int64), np.full(len(mine), BY_DEFINITION)
            parts.append((self.plan.names.index(name), heads[mine], after, after, at[mine], cause))
        rows = feed_rows(parts)
        if rows is not None:
            some, places = np.unique(rows.head, return_inverse=True)
            rows = replace(rows, lead=customers.leads(epoch, people, some)[places])
        self.prepared, self.prepared_round = rows, self.round
        self._told.clear()

    def behind(self, epoch: Epoch) -> Ints:
        """Whose values may not be those of an epoch, ascending."""
        people, state = epoch[PEOPLE], epoch[AUDIENCE]
        heads = people.heads()
        known = len(self.due)
        late: Flags = touched_since(state, self.seq, people.count)
        late[:known] |= (self.due <= epoch.time_ms) | (self.round_of == 0)
        late[known:] = True
        for place, name in enumerate(self.names):  # time has moved a former value meanwhile: since when is open
            late[:known] |= (self.before(epoch, name)[:known] != self.codes[place]) & ~self._known[place]
        return heads[late[heads]]

    def before(self, epoch: Epoch, name: str) -> Ints:
        """int64[anchors]: everybody's value of a ladder now, in codes of the one to come."""
        state, count = epoch[AUDIENCE], epoch[PEOPLE].count
        column = np.full(count, NO_VALUE, np.int64)
        if name not in state.labels:
            return column
        known = state.standings.column(name)  # of its own length: only the loop may make a version of them
        column[: len(known)] = known
        old, new = state.labels[name].values, self.labels[name].values
        return column if old == new else recoded(column, old, new)


def labels_with(labels: Mapping[str, Label], waiting: Sequence[Waiting]) -> Mapping[str, Label]:
    """All labels once some that wait are in force."""
    return {**labels, **{one.label.name: one.label for one in waiting}}


def _differs(state: AudienceState, label: Label) -> bool:
    """Whether a definition gives other values than the one in force, and not only titles."""
    old = state.labels.get(label.name)
    return (
        old is None
        or old.zone != label.zone
        or [(r.value, r.test) for r in old.rungs] != [(r.value, r.test) for r in label.rungs]
    )


def evaluated_now(build: Build, epoch: Epoch, heads: Ints, parts_at_once: int = THREADS_COUNT) -> None:
    """Evaluate some customers at an epoch into a build."""
    build.begin_round(epoch)
    some = everyone(epoch, heads)
    parts = some.parts() if len(heads) else []
    for first in range(0, len(parts), parts_at_once):
        _work(build, some.heads, parts[first : first + parts_at_once])


def _work(build: Build, heads: Ints, parts: Sequence[Part]) -> int:
    """Some parts of some customers, side by side; how many customers that were."""
    count = 0
    for part, found in zip(parts, Threads().map(build.found, parts), strict=True):
        build.take(heads[part.places], found)
        count += len(found[2])
    return count


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
            self._done += _work(build, self._heads, some)
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
