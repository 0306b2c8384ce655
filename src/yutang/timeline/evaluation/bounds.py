"""What tests may be and surely are over a stretch of time, told by a look at rows instead of a function of time.

Windows only move forward. So what is in a window at some T of a stretch lies between where the window begins at its
start and where it ends at its end (`MAY`); and what lies between where it begins at the end and where it ends at the
start is in it at all T (`SURELY`). With these, who can't have changed within a stretch is passed over (`operators`).

As in `instants`, a byte a customer holds both bits, and a test is only asked of those whose bits are wanted. Invariant:
whoever holds at some T and is wanted has MAY; who has SURELY holds at all T; what isn't wanted is 0. Where nothing is
known of a test, it may hold. Cost: as at a point.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from yutang.conditions import nodes
from yutang.conditions.nodes import Events, Test
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.evaluation.algebra import ever, open_
from yutang.timeline.evaluation.ask import Ask
from yutang.timeline.evaluation.instants import COUNT_MAX, Instants
from yutang.timeline.evaluation.thresholds import Enough, thresholds
from yutang.timeline.kernels.instants import Bits
from yutang.timeline.steps import Flags, Stretch

SURELY, MAY = np.uint8(1), np.uint8(2)  # in the order in which their intervals end
BOTH = SURELY | MAY
_STANDING = (nodes.HasTag, nodes.Consent, nodes.Reachable, nodes.Related)


def changing(ask: Ask, tests: Sequence[Test], rung: int | None) -> Flags:
    """bool[n]: who may come to have a rung of a ladder of some tests (None: any) within the stretch, or lose it: who
    may have it at some T, and not surely at all."""
    found: Flags = member(ask, tests, rung, np.full(ask.view.count, BOTH)) == MAY
    return found


def member(ask: Ask, tests: Sequence[Test], rung: int | None, wanted: Bits) -> Bits:
    """The bounds of having a rung of a ladder."""
    first_seen = ask.view.first_seen()
    for bit, instant in ((SURELY, ask.stretch.start), (MAY, ask.stretch.end)):
        wanted = wanted & ~np.where(first_seen <= min(instant, NEVER - 1), np.uint8(0), bit)
    if rung is None:
        return bounds(ask, nodes.Any(tuple(tests)), wanted)
    return bounds(ask, nodes.All((tests[rung], *map(nodes.Not, tests[:rung]))), wanted)


def bounds(ask: Ask, test: Test, wanted: Bits) -> Bits:
    """Of a test over the stretch that is asked about."""
    if isinstance(test, nodes.All):
        for one in ask.eager(test.tests):
            wanted = bounds(ask, one, wanted)
        return wanted
    if isinstance(test, nodes.Any):
        left = wanted
        for one in ask.eager(test.tests):
            left = left & ~bounds(ask, one, left)
        return wanted & ~left
    if isinstance(test, nodes.Not):
        return _denied(bounds(ask, test.test, _swapped(wanted)), wanted)
    if isinstance(test, nodes.Always):
        return wanted
    if isinstance(test, nodes.InLabel) and test.for_ms is None and test.at is None:
        return ask.member_bounds(test.label, test.value, wanted)
    if isinstance(test, _STANDING):
        return _standing(ask, test, wanted)
    return _counted(ask, test, wanted)


def _swapped(bits: Bits) -> Bits:
    """Each bit in the other's place."""
    return (bits >> np.uint8(1)) | ((bits & SURELY) << np.uint8(1))


def _denied(bits: Bits, wanted: Bits) -> Bits:
    """Not: it may hold where the test doesn't surely, and surely holds where the test can't."""
    return wanted & ~_swapped(bits)


def _standing(ask: Ask, test: Test, wanted: Bits) -> Bits:
    """What stands by state events or relations: worked out, but of nobody without any relation of the kind."""
    if isinstance(test, nodes.Related) and not test.object:
        instants = Instants([ask])
        begins = [name for name, begun, _ in instants.relation(test.relation) if begun]
        until = np.full(2, ask.stretch.end)
        wanted = instants.within([(name, ()) for name in begins], Events(), np.full(2, BEGINNING), until, 1, wanted)
    if not wanted.any():
        return wanted
    truth = ask.only(lambda: wanted != 0, lambda some: some.truth(test), 0)
    return wanted & (np.where(ever(truth), MAY, np.uint8(0)) | np.where(open_(truth), np.uint8(0), SURELY))


def _counted(ask: Ask, test: Test, wanted: Bits) -> Bits:
    """What hangs on nothing but how many events there are in an interval; of anything else nothing is known."""
    first, last = (
        thresholds(test, Stretch.at(instant), ask.calendar) for instant in (ask.stretch.start, ask.stretch.end)
    )
    if first is None or last is None:
        return wanted & MAY
    asked = _swapped(wanted) if first.negated else wanted
    found = _enough(ask, first.events, first.least, last.least, asked)
    if first.less is not None and last.less is not None:
        found = _denied(_enough(ask, first.events, first.less, last.less, _swapped(found)), found)
    return _denied(found, wanted) if first.negated else found


def _enough(ask: Ask, events: Events, first: Enough, last: Enough, wanted: Bits) -> Bits:
    """Whether there are so many events within reach, which is one at the start and another at the end of the
    stretch."""
    (number, begin), (_, end) = first, last
    if number <= 0:
        return wanted
    if number > COUNT_MAX:
        return wanted & MAY
    after = np.array([end.after, begin.after], np.int64)
    until = np.array([max(end.after, begin.until), max(begin.after, end.until)], np.int64)
    instants = Instants([ask])
    return instants.within(instants.present(events), events, after, until, number, wanted)
