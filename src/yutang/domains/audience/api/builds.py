"""Builds: definitions under work, for the builder and for the record that swaps them in.

A build says of every customer which value each ladder will have and since when, the truths of leaves that aren't kept
yet, and when to look again. Nothing of it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from yutang.domains.audience.api.anew import truths_of
from yutang.domains.audience.api.evaluating import AUDIENCE, everyone
from yutang.domains.audience.contracts import (
    Cause,
    FeedRows,
    Label,
    Waiting,
)
from yutang.domains.audience.rules.changes import (
    CAUSE_CODE,
    AudienceState,
    affected,
    changed_at,
    feed_rows,
    plan_of,
    recoded,
    touched_since,
)
from yutang.domains.audience.rules.standings import HORIZON_MS, NO_VALUE, Truths, carried, words_count
from yutang.domains.customers import api as customers
from yutang.kernel.instants import NEVER
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.slots import PEOPLE, TIMELINE, VOCABULARY
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.everyone import THREADS_COUNT, Part, Threads
from yutang.timeline.machine.prepared import prepared_of
from yutang.timeline.plan import Plan
from yutang.timeline.steps import Flags, Ints

CODES = np.int16  # a ladder has at most 100 values
Codes = npt.NDArray[np.int16]
BY_DEFINITION = CAUSE_CODE[Cause.DEFINITION]
_NOBODY: Ints = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What is found of some customers: codes, since when, due; the truths of leaves, and the due of inputs."""

    codes: Codes
    at: Ints
    due: Ints
    words: Ints
    given: Ints


class Build:
    """Some definitions under work: what every customer's value will be, and since when.

    plan: with all that waits in force. names: of the ladders worked out, k of them. seq: of the epoch of the last
    round. codes: int16[k, anchors]. due: int64[anchors], the next change of any of these ladders. round_of:
    int32[anchors], the round in which each was evaluated last, 0 for never. machine: the program of the plan; fresh:
    its leaves of whose truths nothing is kept yet; words, given: those truths, and the dues of inputs, by anchor.
    prepared: rows of the feed for those who were evaluated last in a round up to prepared_round (0: not yet).
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
        self.machine = prepared_of(self.plan, epoch[VOCABULARY], epoch[TIMELINE])
        self.machine.lying.warm(epoch[TIMELINE])
        self.fresh = self._unknown(epoch)
        self.words: Ints = np.zeros((0, words_count(self.machine.program.keys)), np.int64)
        self.given: Ints = np.zeros(0, np.int64)
        self.prepared: FeedRows | None = None
        self.prepared_round = 0

    def copy(self) -> Build:
        """The same, to be gone on with apart: a transaction that fails must leave no trace."""
        found = Build.__new__(Build)
        found.__dict__.update(self.__dict__)
        found.codes, found.due, found.round_of = self.codes.copy(), self.due.copy(), self.round_of.copy()
        found._known, found._told = self._known.copy(), list(self._told)
        found.words, found.given = self.words.copy(), self.given.copy()
        return found

    def _unknown(self, epoch: Epoch) -> tuple[str, ...]:
        """The leaves whose truths an epoch's standings don't hold."""
        known = set(epoch[AUDIENCE].standings.keys)
        return tuple(key for key in self.machine.program.keys if key not in known)

    def _meant(self, epoch: Epoch) -> bool:
        """Whether the same is still meant, and kept, as when the build's truths were made."""
        now = prepared_of(self.plan, epoch[VOCABULARY], epoch[TIMELINE])
        return now.program.keys == self.machine.program.keys and self._unknown(epoch) == self.fresh

    def begin_round(self, epoch: Epoch) -> None:
        """What is taken from now on was found at this epoch."""
        self.round += 1
        self.seq, self.instant = epoch.seq, epoch.time_ms
        self._mean(epoch)
        more = epoch[PEOPLE].count - len(self.due)
        if more > 0:
            self.codes = np.pad(self.codes, ((0, 0), (0, more)), constant_values=NO_VALUE)
            self._known = np.pad(self._known, ((0, 0), (0, more)))
            self.due = np.pad(self.due, (0, more), constant_values=NEVER)
            self.round_of = np.pad(self.round_of, (0, more))
            self.words = np.pad(self.words, ((0, more), (0, 0)))
            self.given = np.pad(self.given, (0, more), constant_values=NEVER)
        # Of the epoch nothing is kept but this: who holds an old version of the standings makes the log remember it.
        self._before = np.array([self.before(epoch, name) for name in self.names], CODES)

    def _mean(self, epoch: Epoch) -> None:
        """Take up what is meant and kept now; if that is something else, all truths are to be made again."""
        same = self._meant(epoch)
        self.machine = prepared_of(self.plan, epoch[VOCABULARY], epoch[TIMELINE])
        if not same:
            self.fresh = self._unknown(epoch)
            self.words = np.zeros((len(self.due), words_count(self.machine.program.keys)), np.int64)
            self.round_of[:] = 0

    def found(self, part: Part) -> Evaluated:
        """Pure: what is found of a part's own customers at the round's instant."""
        instant = self.instant
        evaluated = Evaluation(part.view, Context(self.plan, instant + HORIZON_MS))
        words, soonest, given = truths_of(self.machine.links, evaluated, instant, self.fresh)
        first_seen = part.view.first_seen()
        shape = (len(self.names), part.view.count)
        codes, at = np.empty(shape, CODES), np.empty(shape, np.int64)
        due = np.minimum(soonest, given)
        for place, name in enumerate(self.names):
            codes[place], since, until = evaluated.ladder(name).look(instant)
            at[place] = changed_at(since, first_seen, instant)
            np.minimum(due, until, out=due)
        return Evaluated(part.own(codes), part.own(at), part.own(due), part.own(words.T).T, part.own(given))

    def take(self, heads: Ints, found: Evaluated) -> None:
        """What was found of some customers."""
        codes, at = found.codes, found.at
        self.codes[:, heads], self.due[heads], self.round_of[heads] = codes, found.due, self.round
        self.words[heads], self.given[heads] = found.words, found.given
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
        if not self._meant(epoch):
            return heads
        late: Flags = touched_since(state, self.seq, people.count)
        late[:known] |= (self.due <= epoch.time_ms) | (self.round_of == 0)
        late[known:] = True
        for place, name in enumerate(self.names):  # time has moved a former value meanwhile: since when is open
            late[:known] |= (self.before(epoch, name)[:known] != self.codes[place]) & ~self._known[place]
        return heads[late[heads]]

    def truths(self, epoch: Epoch) -> Truths | None:
        """Everybody's, of all leaves of the plan: those that are kept, and those that were made here; None if some
        are neither, as where only titles changed before anything was worked out."""
        kept = epoch[AUDIENCE].standings.grown(epoch[PEOPLE].count).truths()
        keys = tuple(self.machine.program.keys)
        if self.names:
            return Truths(keys, carried(kept, keys) | self.words, np.minimum(kept.due, self.given))
        return None if self._unknown(epoch) else Truths(keys, carried(kept, keys), kept.due)

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
        work_at(build, some.heads, parts[first : first + parts_at_once])


def work_at(build: Build, heads: Ints, parts: Sequence[Part]) -> int:
    """Some parts of some customers, side by side; how many customers that were."""
    count = 0
    for part, found in zip(parts, Threads().map(build.found, parts), strict=True):
        build.take(heads[part.places], found)
        count += len(found.due)
    return count
