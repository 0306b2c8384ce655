"""What the machine is given: tests that it has no words for, evaluated for the customers whom something touched.

The customers of a type of events make a *share*, which is evaluated by the tests that the type concerns; types of few
customers make one share together. Who is looked at by all tests makes a share of its own. Invariant: a turn of a
customer's test is told by one share only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from yutang.domains.audience.api.evaluating import AUDIENCE, looked_again
from yutang.domains.audience.api.touching import NOBODY, Touched
from yutang.domains.audience.rules.standings import HORIZON_MS
from yutang.kernel.instants import NEVER
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.slots import PEOPLE, TIMELINE, VOCABULARY
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.everyone import THREADS_COUNT, batch_view
from yutang.timeline.kernels.standing import changes
from yutang.timeline.machine.prepared import Prepared
from yutang.timeline.machine.run import Flips
from yutang.timeline.steps import Flags, Ints

APART_CUSTOMERS_COUNT_MIN = 400  # of a type: fewer cost less in one share with those of other types
APART_TYPES_COUNT_MAX = 62  # bits of an int64 that a set of types may use; the last stands for all other types
AT_ONCE_CUSTOMERS_COUNT_MAX = 16_384  # of one evaluation: what is worked out of them stays in the processor's cache
THREADED_CUSTOMERS_COUNT_MIN = 2_048  # fewer are done before a second thread is awake

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Given:
    """What was found of inputs: place of the customer, instant, leaf of each turn, by place and instant.

    due: int64[n], when each customer's must be looked at again by what was evaluated.
    """

    place: Ints
    at: Ints
    leaf: Ints
    due: Ints

    def flips(self, places: Ints) -> Flips:
        """Those of some customers, by ascending places."""
        lows, highs = np.searchsorted(self.place, places), np.searchsorted(self.place, places, side="right")
        offsets = np.zeros(len(places) + 1, np.int64)
        np.cumsum(highs - lows, out=offsets[1:])
        rows = np.arange(offsets[-1]) + np.repeat(lows - offsets[:-1], highs - lows)
        return Flips(offsets, self.at[rows], self.leaf[rows])


@dataclass(frozen=True, slots=True)
class Share:
    """Customers, by their places, to be evaluated by some inputs, by theirs.

    mine: the bits of the types whose turns the share tells of; 0: it tells of all that it finds.
    """

    places: Ints
    inputs: Sequence[int]
    mine: int = 0


def found_given(epoch: Epoch, prepared: Prepared, touched: Touched, whole: Flags, words: Ints) -> Given:
    """The turns of inputs against the kept truths (`words`) at `first`, then up to `last`. whole: who by all."""
    due = np.full(len(touched.heads), NEVER, np.int64)
    if not len(prepared.given):
        return Given(NOBODY, NOBODY, NOBODY, due)
    sharing = _Sharing(touched, ~whole, prepared)
    shares = sharing.shares()
    if whole.any():
        shares.append(Share(np.flatnonzero(whole), range(len(prepared.given))))
    work = _Work(epoch, prepared, touched, words)
    tasks = [(share, part) for share in shares for part in _parts(len(share.places))]
    done = mapped(work.done, tasks, sum(len(share.places) for share in shares))
    told = []
    for (share, part), (turns, until) in zip(tasks, done, strict=True):
        places = share.places[part]
        due[places] = np.minimum(due[places], until)
        told.append(sharing.told(share, turns))
    place, at, leaf = np.concatenate([np.empty((3, 0), np.int64), *told], axis=1)
    order = np.lexsort((at, place))
    return Given(place[order], at[order], leaf[order], due)


class _Sharing:
    """Who is evaluated by what."""

    def __init__(self, touched: Touched, among: Flags, prepared: Prepared) -> None:
        mine = among[touched.whose]
        whose, types = touched.whose[mine], touched.types[mine]
        counts = np.bincount(types, minlength=len(touched.names))
        order = np.argsort(-counts, kind="stable")  # those that stand alone come first
        rank = np.empty(len(order), np.int64)
        rank[order] = np.minimum(np.arange(len(order)), APART_TYPES_COUNT_MAX - 1)
        self._sets = np.zeros(len(touched.heads), np.int64)
        np.bitwise_or.at(self._sets, whose, np.left_shift(1, rank[types]))
        self._by_bit: list[set[int]] = [set() for _ in range(min(len(order), APART_TYPES_COUNT_MAX))]
        for place, name in enumerate(touched.names):
            if counts[place]:
                self._by_bit[rank[place]] |= set(prepared.of(name))
        self._bits_of = np.zeros(prepared.program.leaves_count, np.int64)  # of each input's leaf, types that concern it
        for bit, inputs in enumerate(self._by_bit):
            self._bits_of[prepared.given[list(inputs)]] |= 1 << bit

    def shares(self) -> list[Share]:
        """A share for each type with many customers, and one for the others."""
        found, rest = [], 0
        for bit, inputs in enumerate(self._by_bit):
            places = np.flatnonzero(self._sets & (1 << bit))
            if not inputs or not len(places):
                continue
            if len(places) >= APART_CUSTOMERS_COUNT_MIN and bit < APART_TYPES_COUNT_MAX - 1 and not rest:
                found.append(Share(places, sorted(inputs), 1 << bit))
            else:
                rest |= 1 << bit
        if rest:
            inputs = set().union(*(self._by_bit[bit] for bit in range(len(self._by_bit)) if rest >> bit & 1))
            found.append(Share(np.flatnonzero(self._sets & rest), sorted(inputs), rest))
        return found

    def told(self, share: Share, turns: Ints) -> Ints:
        """Of what a share found, what no share before it tells: those of whom its types are the first."""
        if not share.mine or not turns.shape[1]:
            return turns
        sets = self._sets[turns[0]] & self._bits_of[turns[2]]
        found: Ints = turns[:, (sets & -sets & share.mine) != 0]
        return found


class _Work:
    """The evaluation of shares; by several threads at once."""

    def __init__(self, epoch: Epoch, prepared: Prepared, touched: Touched, words: Ints) -> None:
        self._epoch = epoch
        self._prepared = prepared
        self._touched = touched
        self._words = words
        self._start = touched.start()

    def done(self, task: tuple[Share, slice]) -> tuple[Ints, Ints]:
        """(place, instant, leaf of what turned for the customers of a part of a share; when each turns next)."""
        share, part = task
        places, touched = share.places[part], self._touched
        horizon = touched.last + HORIZON_MS
        epoch = self._epoch
        view = batch_view(epoch[TIMELINE], epoch[PEOPLE], touched.heads[places], epoch[VOCABULARY])
        evaluated = Evaluation(view, Context(epoch[AUDIENCE].plan, horizon, start=self._start))
        due = looked_again(view, horizon)
        parts = [np.empty((3, 0), np.int64)]
        for number in share.inputs:
            one, leaf = self._prepared.program.inputs[number], int(self._prepared.given[number])
            steps = evaluated.truth(one.test, one.zone)
            before = self._words[places, leaf // 64] >> (leaf % 64) & 1
            who, _, _, when, _, until = changes(
                steps.offsets, steps.at, steps.value, before, touched.first, touched.last
            )
            np.minimum(due, until, out=due)
            if len(who):
                parts.append(np.array((places[who], np.maximum(when, touched.first), np.full(len(who), leaf))))
        return np.concatenate(parts, axis=1), due


def _parts(count: int) -> list[slice]:
    return [slice(low, low + AT_ONCE_CUSTOMERS_COUNT_MAX) for low in range(0, count, AT_ONCE_CUSTOMERS_COUNT_MAX)]


def mapped(work: Callable[[S], T], tasks: Sequence[S], customers_count: int) -> list[T]:
    """What the work gives for each task, in their order; several at a time."""
    if len(tasks) < 2 or customers_count < THREADED_CUSTOMERS_COUNT_MIN:
        return [work(task) for task in tasks]
    with ThreadPoolExecutor(THREADS_COUNT, "evaluating") as threads:
        return list(threads.map(work, tasks))
