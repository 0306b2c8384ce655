"""Customers that something touched, evaluated again: only by the ladders that it can have changed.

A group of events touches many customers, each by few types of events. The customers of a type make a *share*, which
is evaluated by the ladders that the type concerns (`timeline.concerns`); types of few customers make one share
together. A customer whose identities or first event changed, or who is due inside the group, is evaluated by all.

Evaluated is a stretch of time that begins with the group's oldest event; since when something holds that changed
before it (by late events, or identities) is asked apart, of those customers alone.

Invariants: a change of a customer's ladder is told by one share only; a customer's due is never later than its next
change: it is the least of what it was and of what was found, or what was found if all ladders were evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np

from yutang.domains.audience.api.evaluating import AUDIENCE, looked_again
from yutang.domains.audience.rules import HORIZON_MS, Standings
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.kernel.limits import LATE_FOR_JOURNEYS_MS
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.slots import PEOPLE, TIMELINE, VOCABULARY
from yutang.timeline.concerns import Concerns, concerns_of
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.everyone import batch_view
from yutang.timeline.kernels.standing import changes
from yutang.timeline.people import NO_ANCHOR, People
from yutang.timeline.steps import Flags, Ints

APART_CUSTOMERS_COUNT_MIN = 400  # of a type: fewer cost less in one share with those of other types
APART_TYPES_COUNT_MAX = 62  # bits of an int64 that a set of types may use; the last stands for all other types
AT_ONCE_CUSTOMERS_COUNT_MAX = 16_384  # of one evaluation: what is worked out of them stays in the processor's cache
THREADED_CUSTOMERS_COUNT_MIN = 2_048  # fewer are done before a second thread is awake
THREADS_COUNT = 2

S = TypeVar("S")
T = TypeVar("T")
_NOBODY: Ints = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Touched:
    """Customers with what touched them. heads: ascending. at, whose, types: of each event its instant, the place of
    its customer in `heads` and the place of its type in `names`. first, last: the span of the group's arrivals; time
    has passed up to the first."""

    heads: Ints
    first: int
    last: int
    at: Ints
    whose: Ints
    types: Ints
    names: Sequence[str]

    @classmethod
    def by_hand(cls, heads: Ints, first: int, last: int) -> Touched:
        """By something else than events: evaluated by all ladders."""
        return cls(heads, first, last, _NOBODY, _NOBODY, _NOBODY, ())


@dataclass(frozen=True, slots=True)
class Share:
    """Customers, by their places, to be evaluated by some ladders, by theirs.

    mine: the bits of the types whose changes the share tells of; 0: it tells of all that it finds.
    """

    places: Ints
    ladders: Sequence[int]
    mine: int = 0


@dataclass(frozen=True, slots=True)
class Moves:
    """Changes of codes: ladder, customer, from, to, when; BEGINNING where the start of the stretch was reached.

    seen: the customer's first event.
    """

    ladder: Ints
    head: Ints
    was: Ints
    now: Ints
    when: Ints
    seen: Ints

    def only(self, keep: Flags) -> Moves:
        """Some of them."""
        return Moves(*(getattr(self, name)[keep] for name in Moves.__slots__))

    @classmethod
    def joined(cls, parts: Sequence[Moves]) -> Moves:
        """Several as one, in their order."""
        return cls(*(np.concatenate([_NOBODY, *(getattr(part, name) for part in parts)]) for name in cls.__slots__))


def reevaluated(epoch: Epoch, touched: Touched, standings: Standings) -> tuple[Standings, Moves]:
    """(the standings at `last`, what changed); `standings`: those at `first`, with room for all anchors."""
    concerns = concerns_of(epoch[AUDIENCE].plan, epoch[VOCABULARY])
    whole = _whole(epoch, touched, standings)
    sharing = _Sharing(touched, ~whole, concerns, len(standings.names))
    shares = sharing.shares()
    if whole.any():
        shares.append(Share(np.flatnonzero(whole), range(len(standings.names))))
    work = _Work(epoch, touched, standings, _start(touched))
    tasks = [(share, part) for share in shares for part in _parts(len(share.places))]
    done = _mapped(work.done, tasks, sum(len(share.places) for share in shares))
    due = standings.due_at(touched.heads)
    due[whole] = NEVER
    told = []
    for (share, part), (moves, until) in zip(tasks, done, strict=True):
        places = share.places[part]
        due[places] = np.minimum(due[places], until)
        told.append(sharing.told(share, moves))
    moves = work.dated(Moves.joined(told))
    return standings.moved(_last_codes(moves), touched.heads, due), moves


def _whole(epoch: Epoch, touched: Touched, standings: Standings) -> Flags:
    """bool[heads]: who is evaluated by all ladders: whose identities or first event may have changed, who is due."""
    if not len(touched.at):
        return np.ones(len(touched.heads), np.bool_)
    heads, former, people = touched.heads, epoch[AUDIENCE].people, epoch[PEOPLE]
    whole: Flags = standings.due_at(heads) <= touched.last
    if people is not former:
        whole |= _stirred(former, people, heads)
    oldest = np.full(len(heads), NEVER, np.int64)
    np.minimum.at(oldest, touched.whose, touched.at)
    view = batch_view(epoch[TIMELINE], people, heads, epoch[VOCABULARY])
    whole |= oldest <= view.first_seen()
    none = np.ones(len(heads), np.bool_)
    none[touched.whose] = False
    return whole | none  # touched, but by no event that was taken


def _stirred(former: People, people: People, heads: Ints) -> Flags:
    """bool[heads]: whose anchors aren't those that they were."""
    offsets, anchors = people.members(heads)
    known = anchors < former.count
    was = np.full(len(anchors), NO_ANCHOR, np.int64)
    was[known] = former.head_of[anchors[known]]
    now = np.repeat(heads, np.diff(offsets))
    moved = was != now
    left = people.head_of[was[moved & (was != NO_ANCHOR)]]  # whom an anchor left has fewer than before
    found: Flags = np.isin(heads, np.concatenate((now[moved], left)))
    return found


def _start(touched: Touched) -> int:
    """The stretch's first instant: before the oldest event, unless many lie so far back that all time is cheaper."""
    if not len(touched.at):
        return touched.first - 1
    late = touched.at < touched.first - LATE_FOR_JOURNEYS_MS
    if 2 * np.count_nonzero(late) > len(late):
        return BEGINNING
    return min(int(touched.at[~late].min()), touched.first) - 1


class _Sharing:
    """Who is evaluated by what."""

    def __init__(self, touched: Touched, among: Flags, concerns: Concerns, ladders_count: int) -> None:
        mine = among[touched.whose]
        whose, types = touched.whose[mine], touched.types[mine]
        counts = np.bincount(types, minlength=len(touched.names))
        order = np.argsort(-counts, kind="stable")  # those that stand alone come first
        rank = np.empty(len(order), np.int64)
        rank[order] = np.minimum(np.arange(len(order)), APART_TYPES_COUNT_MAX - 1)
        self._heads = touched.heads
        self._sets = np.zeros(len(touched.heads), np.int64)
        np.bitwise_or.at(self._sets, whose, np.left_shift(1, rank[types]))
        self._by_bit: list[set[int]] = [set() for _ in range(min(len(order), APART_TYPES_COUNT_MAX))]
        for place, name in enumerate(touched.names):
            if counts[place]:
                self._by_bit[rank[place]] |= set(concerns.of(name))
        self._bits_of = np.zeros(ladders_count, np.int64)  # of each ladder, the types that concern it
        for bit, ladders in enumerate(self._by_bit):
            self._bits_of[list(ladders)] |= 1 << bit

    def shares(self) -> list[Share]:
        """A share for each type with many customers, and one for the others."""
        found, rest = [], 0
        for bit, ladders in enumerate(self._by_bit):
            places = np.flatnonzero(self._sets & (1 << bit))
            if not ladders or not len(places):
                continue
            if len(places) >= APART_CUSTOMERS_COUNT_MIN and bit < APART_TYPES_COUNT_MAX - 1 and not rest:
                found.append(Share(places, sorted(ladders), 1 << bit))
            else:
                rest |= 1 << bit
        if rest:
            ladders = set().union(*(self._by_bit[bit] for bit in range(len(self._by_bit)) if rest >> bit & 1))
            found.append(Share(np.flatnonzero(self._sets & rest), sorted(ladders), rest))
        return found

    def told(self, share: Share, moves: Moves) -> Moves:
        """Of what a share found, what no share before it tells: those of whom its types are the first."""
        if not share.mine or not len(moves.head):
            return moves
        sets = self._sets[np.searchsorted(self._heads, moves.head)] & self._bits_of[moves.ladder]
        return moves.only((sets & -sets & share.mine) != 0)


class _Work:
    """The evaluation of shares; by several threads at once."""

    def __init__(self, epoch: Epoch, touched: Touched, standings: Standings, start: int) -> None:
        self._epoch = epoch
        self._touched = touched
        self._standings = standings
        self._start = start
        self._plan = epoch[AUDIENCE].plan
        self._horizon = touched.last + HORIZON_MS

    def done(self, task: tuple[Share, slice]) -> tuple[Moves, Ints]:
        """(what changed for the customers of a part of a share, when each changes next by its ladders)."""
        share, part = task
        heads = self._touched.heads[share.places[part]]
        evaluated = self._evaluation(heads, self._start)
        due = looked_again(evaluated.view, self._horizon)
        parts = []
        seen = evaluated.view.first_seen()
        for place in share.ladders:
            name = self._plan.names[place]
            steps = evaluated.ladder(name)
            before = self._standings.codes_of(place, heads)
            span = self._touched.first, self._touched.last
            who, was, now, when, _, until = changes(steps.offsets, steps.at, steps.value, before, *span)
            np.minimum(due, until, out=due)
            if len(who):
                parts.append(Moves(np.full(len(who), place, np.int64), heads[who], was, now, when, seen[who]))
        return Moves.joined(parts), due

    def dated(self, moves: Moves) -> Moves:
        """With the instants of changes that came about before the stretch; of those customers over all time."""
        if self._start == BEGINNING:
            return moves
        open_ = moves.when == BEGINNING
        if not open_.any():
            return moves
        when = moves.when.copy()
        heads = np.unique(moves.head[open_])
        for low in range(0, len(heads), AT_ONCE_CUSTOMERS_COUNT_MAX):
            some = heads[low : low + AT_ONCE_CUSTOMERS_COUNT_MAX]
            evaluated = self._evaluation(some, BEGINNING)
            inside = open_ & (moves.head >= some[0]) & (moves.head <= some[-1])
            for place in np.unique(moves.ladder[inside]).tolist():
                rows = np.flatnonzero(inside & (moves.ladder == place))
                since = evaluated.ladder(self._plan.names[place]).look(self._touched.first)[1]
                when[rows] = since[np.searchsorted(some, moves.head[rows])]
        return replace(moves, when=when)

    def _evaluation(self, heads: Ints, start: int) -> Evaluation:
        view = batch_view(self._epoch[TIMELINE], self._epoch[PEOPLE], heads, self._epoch[VOCABULARY])
        return Evaluation(view, Context(self._plan, self._horizon, start=start))


def _parts(count: int) -> list[slice]:
    return [slice(low, low + AT_ONCE_CUSTOMERS_COUNT_MAX) for low in range(0, count, AT_ONCE_CUSTOMERS_COUNT_MAX)]


def _mapped(work: Callable[[S], T], tasks: Sequence[S], customers_count: int) -> list[T]:
    """What the work gives for each task, in their order; several at a time."""
    if len(tasks) < 2 or customers_count < THREADED_CUSTOMERS_COUNT_MIN:
        return [work(task) for task in tasks]
    with ThreadPoolExecutor(THREADS_COUNT, "evaluating") as threads:
        return list(threads.map(work, tasks))


def _last_codes(moves: Moves) -> list[tuple[int, Ints, Ints]]:
    """By ladder, the heads that changed and their last codes. A customer's changes of a ladder lie together."""
    ends = (moves.ladder[1:] != moves.ladder[:-1]) | (moves.head[1:] != moves.head[:-1])
    last = np.append(np.flatnonzero(ends), len(moves.ladder) - 1) if len(moves.ladder) else _NOBODY
    ladder, head, now = moves.ladder[last], moves.head[last], moves.now[last]
    order = np.argsort(ladder.astype(np.int16), kind="stable")  # of so short numbers by counting
    bounds = np.searchsorted(ladder[order], np.arange(int(ladder.max(initial=-1)) + 2)).tolist()
    return [
        (place, head[order[low:high]], now[order[low:high]])
        for place, (low, high) in enumerate(pairwise(bounds))
        if low < high
    ]
