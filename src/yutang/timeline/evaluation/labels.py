"""Ladders of tests, and what conditions say about them: membership, moves, random shares.

A ladder's value is the index of its first rung that holds, -1 if none does: the greatest of weights
that fall from rung to rung, so it is put together like any other step function. Before a customer counts
(has an event that isn't a state event) it has no value, whatever holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from yutang.conditions.nodes import Share, Test
from yutang.kernel.ids import hash64
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.evaluation.algebra import Spans, combine, constant, covered, either, kept, mapped, open_
from yutang.timeline.evaluation.ask import Ask
from yutang.timeline.evaluation.instants import Rungs
from yutang.timeline.kernels import merges
from yutang.timeline.steps import Flags, Ints, Steps, Stretch

NO_RUNG = -1
SHARE_PARTS = 10_000  # a share is counted in basis points


class Ladder:
    """The rungs of a definition as far down as they were asked for, the first first."""

    def __init__(self, tests: Sequence[Test]) -> None:
        self._tests = tests
        self._worked = 0
        self._best: Steps | None = None  # the greatest weight of the rungs so far that hold, 0 for none
        self._rungs: Rungs | None = None  # instead, at a point

    def upto(self, ask: Ask, rung: int | None = None) -> Steps:
        """The index of the first rung that holds, for those who count; NO_RUNG if none does.

        rung: the last that matters to who asks; below it, who has none may be said to have any. None: all matter.
        A rung is only asked of those who have none above it at some T.
        """
        tests, last = self._tests, len(self._tests) if rung is None else rung + 1
        if ask.stretch.point:
            return self._at_point(ask, last)
        best = constant(ask.count, 0) if self._best is None else self._best
        for place in range(self._worked, last):
            truth = ask.where(tests[place], partial(open_, best), 0)
            weighted = Steps(truth.offsets, truth.at, truth.value * (len(tests) - place))
            best = either(best, weighted)
        self._best, self._worked = best, max(self._worked, last)
        first_seen = ask.view.first_seen()
        if int(first_seen.max(initial=BEGINNING)) > ask.stretch.start:  # else all count from its beginning on
            best = combine(best, _counted(first_seen, len(tests), ask.stretch), merges.LEAST)
        return Steps(best.offsets, best.at, np.where(best.value > 0, len(tests) - best.value, NO_RUNG))

    def _at_point(self, ask: Ask, last: int) -> Steps:
        if self._rungs is None:
            self._rungs = Rungs([ask])
        for place in range(self._worked, last):
            self._rungs.ask(place, self._tests[place])
        self._worked = max(self._worked, last)
        return Steps.constant(self._rungs.codes[0].astype(np.int64))


def _counted(first_seen: Ints, weight: int, stretch: Stretch) -> Steps:
    """The weight from the first event on, 0 before it."""
    spans = Spans(np.arange(len(first_seen) + 1), first_seen, np.full(len(first_seen), NEVER, np.int64))
    steps = covered(kept(spans, first_seen < NEVER), stretch)
    return Steps(steps.offsets, steps.at, steps.value * weight)


def member(values: Steps, wanted: int | None) -> Steps:
    """Whether a ladder has the wanted rung; None: any."""
    flags: Flags = values.value != NO_RUNG if wanted is None else values.value == wanted
    return mapped(values, flags)


def share(lead_hash: Ints, node: Share) -> Steps:
    """Whether a customer falls into the share that the salt draws, for ever."""
    return Steps.constant((basis_point(lead_hash, node.salt) < node.basis_points).astype(np.int64))


def basis_point(lead_hash: Ints, salt: str) -> Ints:
    """int64[n] in [0, SHARE_PARTS): where each customer falls in a draw (splitmix64 of its hash and the salt's).

    Stored draws depend on it: it may never change.
    """
    mixed = lead_hash.astype(np.uint64) ^ np.uint64(hash64("share", salt))
    mixed = mixed + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((mixed ^ (mixed >> np.uint64(31))) % np.uint64(SHARE_PARTS)).astype(np.int64)
