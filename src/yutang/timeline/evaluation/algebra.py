"""Step functions out of intervals, and out of one another.

A truth is a `Steps` of 0 and 1. Its *runs* are the maximal intervals [start, end) in which it is 1;
every transformation of truths over time (for so long, hold, entered within) moves the ends of runs and
puts them together again. Each function costs one or two passes over the rows of its arguments.

Invariant: arguments and results are in normal form. BEGINNING and NEVER are never moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels import folds, merges
from yutang.timeline.steps import UNKNOWN, Flags, Ints, Steps

_NOTHING: Ints = np.empty(0, np.int64)
_SHIFT_MS_MAX = 2**62  # more than all of time: a span beyond it is as good as for ever


@dataclass(frozen=True, slots=True)
class Spans:
    """Intervals [start, end): customer i has rows offsets[i]:offsets[i+1]; starts and ends both ascend."""

    offsets: Ints
    start: Ints
    end: Ints


def constant(count: int, value: int) -> Steps:
    """The same value for n customers at all time."""
    return Steps.constant(np.full(count, value, np.int64))


def mapped(steps: Steps, value: Ints | Flags) -> Steps:
    """The function with other values, row for row."""
    return Steps.of(merges.normalise(steps.offsets, steps.at, value.astype(np.int64)))


def known(steps: Steps) -> Steps:
    """Where a measure has a value."""
    return mapped(steps, steps.value != UNKNOWN)


def invert(truth: Steps) -> Steps:
    """Not."""
    return Steps(truth.offsets, truth.at, 1 - truth.value)


def combine(a: Steps, b: Steps, mode: int) -> Steps:
    """The least, greatest or total of two functions (`merges`)."""
    return Steps.of(merges.combine(a.offsets, a.at, a.value, b.offsets, b.at, b.value, mode))


def both(a: Steps, b: Steps) -> Steps:
    """And."""
    return combine(a, b, merges.LEAST)


def either(a: Steps, b: Steps) -> Steps:
    """Or."""
    return combine(a, b, merges.GREATEST)


def reduce(functions: Sequence[Steps], mode: int) -> Steps:
    """Many functions put together in a balanced tree; at least one is given."""
    level = list(functions)
    while len(level) > 1:
        pairs = [combine(level[i], level[i + 1], mode) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


def paired(a: Steps, b: Steps) -> tuple[Steps, Ints, Ints]:
    """(function that changes whenever a or b does, rows of a, rows of b) that hold on each of its rows."""
    width = len(a.at) + 1
    rows_a = Steps(a.offsets, a.at, np.arange(len(a.at), dtype=np.int64))
    rows_b = Steps(b.offsets, b.at, np.arange(len(b.at), dtype=np.int64) * width)
    joint = combine(rows_a, rows_b, merges.TOTAL)
    return joint, joint.value % width, joint.value // width


def shifted(instants: Ints, span_ms: int) -> Ints:
    """Instants moved by a span, saturating; BEGINNING and NEVER stay."""
    span_ms = max(-_SHIFT_MS_MAX, min(_SHIFT_MS_MAX, span_ms))
    if span_ms >= 0:
        moved = np.minimum(instants, NEVER - span_ms) + span_ms
        return np.where(instants == BEGINNING, BEGINNING, moved)
    moved = np.maximum(instants, BEGINNING - span_ms) + span_ms
    return np.where(instants == NEVER, NEVER, moved)


def kept(spans: Spans, keep: Flags) -> Spans:
    """Those of the intervals that are marked."""
    if keep.all():
        return spans
    return Spans(kept_offsets(spans.offsets, keep), spans.start[keep], spans.end[keep])


def kept_offsets(offsets: Ints, keep: Flags) -> Ints:
    """The offsets of the rows that remain when only the marked ones are kept."""
    before = np.zeros(len(keep) + 1, np.int64)
    np.cumsum(keep, out=before[1:])
    return before[offsets]


def covered(spans: Spans) -> Steps:
    """Truth: T is in one of the intervals at least. Their ends needn't ascend."""
    return Steps.of(folds.union(spans.offsets, spans.start, spans.end))


def depth(spans: Spans) -> Steps:
    """How many of the intervals T is in."""
    end = np.maximum(spans.start, spans.end)
    return Steps.of(folds.fold(spans.offsets, spans.start, end, _NOTHING, folds.COUNT, 0))


def runs(truth: Steps) -> Spans:
    """The maximal intervals in which a truth holds."""
    holds = truth.value != 0
    return Spans(kept_offsets(truth.offsets, holds), truth.at[holds], truth.ends()[holds])


def lasting(truth: Steps, span_ms: int) -> Steps:
    """True for at least so long without a break."""
    held = runs(truth)
    start = shifted(held.start, span_ms)
    return covered(kept(Spans(held.offsets, start, held.end), start < held.end))


def holding(truth: Steps, span_ms: int) -> Steps:
    """Leaves only after it has been false for so long."""
    held = runs(truth)
    return covered(Spans(held.offsets, held.start, shifted(held.end, span_ms)))


def moved(truth: Steps, span_ms: int, left: bool) -> Steps:
    """Became true (or false) within (T − span, T]. What always was or will be so moves at no instant."""
    held = runs(truth)
    instants = held.end if left else held.start
    return covered(Spans(held.offsets, instants, shifted(instants, span_ms)))


def reached(pieces: Steps, targets: Ints) -> Steps:
    """Truth: within the piece that holds at T, T has reached its target. targets: int64[m], NEVER: not at all."""
    start, end = np.maximum(pieces.at, targets), pieces.ends()
    return covered(kept(Spans(pieces.offsets, start, end), start < end))


def folded(truth: Steps, owner: Ints, count: int) -> Steps:
    """How many of each owner's functions are true. owner: int64[len(truth)], ascending, in [0, count).

    Starts and ends may be sorted apart from one another: how many intervals T is in is how many have
    started less how many have ended.
    """
    held = runs(truth)
    owners = np.repeat(owner, held.offsets[1:] - held.offsets[:-1])
    offsets = np.searchsorted(owners, np.arange(count + 1)).astype(np.int64)
    start = held.start[np.lexsort((held.start, owners))]
    return depth(Spans(offsets, start, held.end[np.lexsort((held.end, owners))]))
