"""Ladders of tests, and what conditions say about them: membership, moves, random shares.

A ladder's value is the index of its first rung that holds, -1 if none does: the greatest of weights
that fall from rung to rung, so it is put together like any other step function. Before a customer counts
(has an event that isn't a state event) it has no value, whatever holds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from yutang.conditions.nodes import InLabel, Share
from yutang.kernel.ids import hash64
from yutang.kernel.instants import NEVER
from yutang.timeline.evaluation.algebra import Spans, combine, constant, covered, kept, lasting, mapped, reduce
from yutang.timeline.kernels import merges
from yutang.timeline.steps import Flags, Ints, Steps

NO_RUNG = -1
SHARE_PARTS = 10_000  # a share is counted in basis points


def ladder(first_seen: Ints, rungs: Sequence[Steps]) -> Steps:
    """The index of the first rung that holds from `first_seen` on, NO_RUNG if none. rungs: the truths, first first."""
    count = len(first_seen)
    if not rungs:
        return constant(count, NO_RUNG)
    weighted = [Steps(r.offsets, r.at, r.value * (len(rungs) - i)) for i, r in enumerate(rungs)]
    best = combine(reduce(weighted, merges.GREATEST), _counted(first_seen, len(rungs)), merges.LEAST)
    rung = np.where(best.value > 0, len(rungs) - best.value, NO_RUNG)
    return Steps(best.offsets, best.at, rung)


def _counted(first_seen: Ints, weight: int) -> Steps:
    """The weight from the first event on, 0 before it."""
    spans = Spans(np.arange(len(first_seen) + 1), first_seen, np.full(len(first_seen), NEVER, np.int64))
    steps = covered(kept(spans, first_seen < NEVER))
    return Steps(steps.offsets, steps.at, steps.value * weight)


def member(values: Steps, wanted: int | None) -> Steps:
    """Whether a ladder has the wanted rung; None: any."""
    flags: Flags = values.value != NO_RUNG if wanted is None else values.value == wanted
    return mapped(values, flags)


def in_label(truth: Steps, node: InLabel) -> Steps:
    """Membership as the node asks for it: for so long, or as it was (or will have been) at an instant."""
    if node.for_ms is not None:
        truth = lasting(truth, node.for_ms)
    return truth if node.at is None else Steps.constant(truth.values_at(node.at))


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
