"""Step functions out of intervals, and out of one another.

A truth is a `Steps` of 0 and 1. Its *runs* are the maximal intervals [start, end) in which it is 1;
every transformation of truths over time (for so long, hold, entered within) moves the ends of runs and
puts them together again. Each function costs one or two passes over the rows of its arguments.

A flat truth may be bool, and at a point it is; what isn't flat is int64 always.

Invariant: arguments and results are in normal form. BEGINNING and NEVER are never moved. What makes steps out of
intervals is told the stretch of time that is asked about, and clips them to it; functions that are flat (at a point
all are) are put together by plain arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np

from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.kernels import folds, merges
from yutang.timeline.steps import ALL_TIME, UNKNOWN, Flags, Ints, Steps, Stretch

_NOTHING: Ints = np.empty(0, np.int64)
_FLAT_MODES: Mapping[int, Callable[[Ints, Ints], Ints]] = {
    merges.LEAST: np.minimum,
    merges.GREATEST: np.maximum,
    merges.TOTAL: partial(np.add, dtype=np.int64),  # of truths as well
}
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


def truth(steps: Steps, stretch: Stretch) -> Steps:
    """A truth as it is kept: of bool at a point, of int64 over a stretch."""
    flags = steps.value.dtype == np.bool_
    if flags == stretch.point:
        return steps
    return Steps(steps.offsets, steps.at, _numbers(steps.value) if flags else cast("Ints", steps.value != 0))


def mapped(steps: Steps, value: Ints | Flags) -> Steps:
    """The function with other values, row for row."""
    if steps.flat:
        return Steps(steps.offsets, steps.at, cast("Ints", value) if value.dtype == np.bool_ else _numbers(value))
    return Steps.of(merges.normalise(steps.offsets, steps.at, _numbers(value)))


def _numbers(value: Ints | Flags) -> Ints:
    return value.astype(np.int64, copy=False)


def known(steps: Steps) -> Steps:
    """Where a measure has a value."""
    return mapped(steps, steps.value != UNKNOWN)


def invert(truth: Steps) -> Steps:
    """Not."""
    flags = truth.value.dtype == np.bool_
    return Steps(truth.offsets, truth.at, ~truth.value if flags else 1 - truth.value)


def combine(a: Steps, b: Steps, mode: int) -> Steps:
    """The least, greatest or total of two functions (`merges`)."""
    if a.flat and b.flat:
        return Steps(a.offsets, a.at, _FLAT_MODES[mode](a.value, b.value))
    value_a, value_b = _numbers(a.value), _numbers(b.value)
    return Steps.of(merges.combine(a.offsets, a.at, value_a, b.offsets, b.at, value_b, mode))


def both(a: Steps, b: Steps) -> Steps:
    """And. What everybody satisfies costs nothing."""
    for one, other in ((a, b), (b, a)):
        if one.flat and not other.flat and one.value.all():
            return other
    return combine(a, b, merges.LEAST)


def either(a: Steps, b: Steps) -> Steps:
    """Or. What nobody ever satisfies adds nothing, and costs nothing."""
    for one, other in ((a, b), (b, a)):
        if one.flat and not other.flat and not one.value.any():
            return other
    return combine(a, b, merges.GREATEST)


def ever(truth: Steps) -> Flags:
    """bool[n]: whether it holds at some T that is asked about."""
    return _flags(truth.value) if truth.flat else merges.ever(truth.offsets, truth.value, 1, NEVER)


def open_(truth: Steps) -> Flags:
    """bool[n]: whether it doesn't hold at some T that is asked about."""
    return ~_flags(truth.value) if truth.flat else merges.ever(truth.offsets, truth.value, 0, 0)


def _flags(value: Ints | Flags) -> Flags:
    return cast("Flags", value) if value.dtype == np.bool_ else value > 0


def any_of(truths: Sequence[Steps], count: int) -> Steps:
    """Whether one of some truths holds; with none, nowhere, for so many."""
    level = list(truths) or [constant(count, 0)]
    while len(level) > 1:
        level = [either(*level[i : i + 2]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
    return level[0]


def reduce(functions: Sequence[Steps], mode: int) -> Steps:
    """Many functions put together in a balanced tree; at least one is given."""
    level = list(functions)
    while len(level) > 1:
        pairs = [combine(level[i], level[i + 1], mode) for i in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0]


def paired(a: Steps, b: Steps) -> tuple[Steps, Ints, Ints]:
    """(function that changes whenever a or b does, rows of a, rows of b) that hold on each of its rows."""
    if a.flat and b.flat:
        return a, a.offsets[:-1], a.offsets[:-1]
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


def clipped(steps: Steps, stretch: Stretch) -> Steps:
    """The function over a stretch of time only."""
    if steps.flat or stretch == ALL_TIME:
        return steps
    held = steps.rows_at(stretch.start)
    keep = (steps.at > stretch.start) & (steps.at <= stretch.end)
    keep[held] = True
    at = steps.at.copy()
    at[held] = BEGINNING
    return Steps(kept_offsets(steps.offsets, keep), at[keep], steps.value[keep])


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


def covered(spans: Spans, stretch: Stretch) -> Steps:
    """Truth: T is in one of the intervals at least. Their ends needn't ascend."""
    return Steps.of(folds.union(spans.offsets, spans.start, spans.end, stretch.start, stretch.end))


def depth(spans: Spans, stretch: Stretch) -> Steps:
    """How many of the intervals T is in."""
    return over(spans, _NOTHING, folds.COUNT, stretch)


def over(spans: Spans, values: Ints, mode: int, stretch: Stretch, codes_count: int = 0) -> Steps:
    """A fold (`folds`) over the values of the intervals that T is in."""
    end = np.maximum(spans.start, spans.end)
    found = folds.fold(spans.offsets, spans.start, end, values, mode, codes_count, stretch.start, stretch.end)
    return Steps.of(found)


def runs(truth: Steps) -> Spans:
    """The maximal intervals in which a truth holds."""
    holds = truth.value != 0
    return Spans(kept_offsets(truth.offsets, holds), truth.at[holds], truth.ends()[holds])


def lasting(truth: Steps, span_ms: int, stretch: Stretch) -> Steps:
    """True for at least so long without a break. truth: known from so long before the stretch on."""
    held = runs(truth)
    start = shifted(held.start, span_ms)
    return covered(kept(Spans(held.offsets, start, held.end), start < held.end), stretch)


def holding(truth: Steps, span_ms: int, stretch: Stretch) -> Steps:
    """Leaves only after it has been false for so long. truth: known from so long before the stretch on."""
    held = runs(truth)
    return covered(Spans(held.offsets, held.start, shifted(held.end, span_ms)), stretch)


def moved(truth: Steps, span_ms: int, left: bool, stretch: Stretch) -> Steps:
    """Became true (or false) within (T − span, T]. What always was or will be so moves at no instant. truth: known
    from so long before the stretch on."""
    held = runs(truth)
    instants = held.end if left else held.start
    return covered(Spans(held.offsets, instants, shifted(instants, span_ms)), stretch)


def reached(pieces: Steps, targets: Ints, stretch: Stretch) -> Steps:
    """Truth: within the piece that holds at T, T has reached its target. targets: int64[m], NEVER: not at all."""
    if stretch.point:
        return mapped(pieces, targets <= stretch.end)
    start, end = np.maximum(pieces.at, targets), pieces.ends()
    return covered(kept(Spans(pieces.offsets, start, end), start < end), stretch)


def folded(truth: Steps, owner: Ints, count: int) -> Steps:
    """How many of each owner's functions are true. owner: int64[len(truth)], ascending, in [0, count).

    Starts and ends may be sorted apart from one another: how many intervals T is in is how many have
    started less how many have ended.
    """
    if truth.flat:
        return Steps.constant(np.bincount(owner[truth.value != 0], minlength=count))
    held = runs(truth)
    owners = np.repeat(owner, held.offsets[1:] - held.offsets[:-1])
    offsets = np.searchsorted(owners, np.arange(count + 1)).astype(np.int64)
    start = held.start[np.lexsort((held.start, owners))]
    return depth(Spans(offsets, start, held.end[np.lexsort((held.end, owners))]), ALL_TIME)
