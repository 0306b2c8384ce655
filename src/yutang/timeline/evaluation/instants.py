"""Tests at a few instants at once: of each customer a bit for each instant, and only where it matters.

A ladder asks its rungs one after the other, each of those who have none yet, and an `or` the same of its parts. Here
that is a mask (`wanted`) handed down: nobody's rows are gathered, and what a kernel isn't asked about it passes over.
So all types of a set, all parts of a test and all instants share one walk over the rows that are left.

Each rule gives what `Ask.truth` gives at each instant, where it is wanted, or None where it doesn't know how; then,
and for all tests without a rule, the general way is gone, about the wanted customers only. Invariant: what isn't wanted
is 0. Cost: a few passes over a byte a customer for each test, and the kernel's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from yutang.conditions import nodes
from yutang.conditions.nodes import Events, Op, Test
from yutang.conditions.vocabulary import CONSENT_GIVEN, CONSENT_WITHDRAWN, TAG_ADDED, TAG_REMOVED
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.evaluation import states
from yutang.timeline.evaluation.ask import Ask
from yutang.timeline.evaluation.literals import fraction
from yutang.timeline.evaluation.narrowing import lying, taken
from yutang.timeline.evaluation.selection import MarkedType, filtered, passing, present, read_by
from yutang.timeline.evaluation.thresholds import threshold
from yutang.timeline.evaluation.windows import reach
from yutang.timeline.kernels import intervals
from yutang.timeline.kernels.instants import Bits, settle, tally
from yutang.timeline.steps import Flags, Ints, Steps, Stretch
from yutang.timeline.view import Slice

Codes = npt.NDArray[np.int8]  # a ladder has at most 100 rungs

_NO_FLAGS: Flags = np.empty(0, np.bool_)
# A filter is judged for all rows of a type, unless there are so many more of them than customers that are asked about.
ROWS_EACH_MAX = 16
COUNT_MAX = 255  # of events that are counted down from, in a byte
# What stands is put together out of all rows so far, whatever the instant: so once for all instants.
_STANDING: Mapping[type, Callable[[Ask, Any], Steps]] = {
    nodes.HasTag: states.tag,
    nodes.Consent: states.consent,
    nodes.Reachable: states.reachable,
    nodes.Related: states.related,
}


class Instants:
    """A population of customers, asked at a few instants (1 to 8), ascending: an `Ask` at the point of each."""

    def __init__(self, asks: Sequence[Ask]) -> None:
        self._asks = asks
        self._view = asks[0].view
        self._ends = np.array([ask.stretch.end for ask in asks], np.int64)
        self._flags: dict[tuple[MarkedType, Test | None], Flags] = {}
        self._known: dict[Test, tuple[Bits, Bits]] = {}  # of whom it was asked when, and the answer

    def counted(self) -> Bits:
        """Who counts: has had an event that isn't a state event."""
        first = self._view.first_seen()
        found = np.zeros(len(first), np.uint8)
        for place, end in enumerate(self._ends.tolist()):
            found |= (first <= min(end, NEVER - 1)).view(np.uint8) << np.uint8(place)
        return found

    def held(self, test: Test, wanted: Bits) -> Bits:
        """Where a test holds, of what is wanted."""
        rule = None if self._shared(test) else RULES.get(type(test))
        found = None if rule is None else rule(self, test, wanted)
        return self.general(test, wanted) if found is None else found

    def _shared(self, test: Test) -> bool:
        """Whether others ask for the answer at the same point too."""
        return len(self._asks) == 1 and test in self._asks[0].common.tests

    def once(self, test: Test, wanted: Bits, work: Callable[[Bits], Bits]) -> Bits:
        """The same by some work, which is asked of nobody twice."""
        known = self._known.get(test)
        if known is None:
            found = work(wanted)
            self._known[test] = wanted, found
            return found
        asked, found = known
        missing = wanted & ~asked
        if missing.any():
            found = found | work(missing)
            self._known[test] = asked | missing, found
        return found & wanted

    def general(self, test: Test, wanted: Bits) -> Bits:
        """The same by the general way."""
        if type(test) in _STANDING:
            return self._standing(test, wanted)
        found = np.zeros(len(wanted), np.uint8)
        for place, ask in enumerate(self._asks):
            flags = (wanted & np.uint8(1 << place)) != 0
            if flags.any():
                truth = ask.where(test, partial(np.asarray, flags), 0)
                found |= (truth.value != 0).view(np.uint8) << np.uint8(place)
        return found & wanted

    def _standing(self, test: Test, wanted: Bits) -> Bits:
        """What stands at each instant, by one function over the time between them."""

        def bits(ask: Ask) -> Steps:
            truth, found = _STANDING[type(test)](ask, test), np.zeros(ask.count, np.int64)
            for place, end in enumerate(self._ends.tolist()):
                found |= (truth.values_at(end) != 0).astype(np.int64) << place
            return Steps.constant(found)

        if not wanted.any():
            return wanted
        span = self._asks[0].over(Stretch(int(self._ends[0]), int(self._ends[-1])))
        return span.only(partial(np.not_equal, wanted, 0), bits, 0).value.astype(np.uint8) & wanted

    def relation(self, name: str) -> Sequence[tuple[str, bool, str]]:
        """See `relation_types`."""
        return states.relation_types(self._view, name)

    def eager(self, tests: Sequence[Test]) -> Sequence[Test]:
        """Those first that are told soonest."""
        return self._asks[0].eager(tests)

    def enough(self, events: Events, window: nodes.Window | None, count: int, wanted: Bits) -> Bits:
        """Whether there are `count` (1 to `COUNT_MAX`) events of a set in a window."""
        reaches = [reach(window, ask.stretch, ask.calendar) for ask in self._asks]
        after = np.array([one.after for one in reaches], np.int64)
        until = np.array([one.until for one in reaches], np.int64)
        return self.within(self.present(events), events, after, until, count, wanted)

    def present(self, events: Events) -> Sequence[MarkedType]:
        """The types of a set that there are."""
        return present(self._view, events)

    def within(
        self, types: Sequence[MarkedType], events: Events, after: Ints, until: Ints, count: int, wanted: Bits
    ) -> Bits:  # fmt: skip
        """Whether there are `count` (1 to `COUNT_MAX`) events of a set in each of some intervals, a bit for each, of
        which the ends ascend."""
        if count == 1 or len(types) <= 1:
            return self.settled(types, events, after, until, partial(_settled, after, until, count), wanted)
        left = np.full((len(after), len(wanted)), count, np.uint8)
        return self.settled(types, events, after, until, partial(_tallied, after, until, left), wanted)

    def so_far(self, types: Sequence[str], where: Test | None, wanted: Bits) -> Bits:
        """Whether there was any event of some types that satisfies a filter."""
        marked: list[MarkedType] = [(name, ()) for name in types]
        after = np.full(len(self._ends), BEGINNING)
        work = partial(_settled, after, self._ends, 1)
        return self.settled(marked, Events(where=where), after, self._ends, work, wanted)

    def owning(self, channel: str, wanted: Bits) -> Bits:
        """Who owns an identity that a channel can address."""
        kinds = self._asks[0].identities(channel)
        return np.where(self._view.has_identity(kinds), wanted, np.uint8(0))

    def settled(
        self, types: Sequence[MarkedType], events: Events, after: Ints, until: Ints, work: Work, wanted: Bits
    ) -> Bits:  # fmt: skip
        """What some work, which is given the rows of each type in turn, settles of what is wanted."""
        open_ = wanted.copy()
        for kind in types:
            rows, lows, highs = lying(self._view, kind[0], read_by(kind, events, None))
            if not len(rows.at):
                continue
            if not filtered(kind, events):
                work(lows, highs, rows.at, _NO_FLAGS, open_, None)
            elif (kind, events.where) in self._flags or not _sparse(rows, open_):
                work(lows, highs, rows.at, self._passing(kind, events, rows), open_, None)
            else:
                places = np.flatnonzero(open_)
                within = intervals.between(lows[places], highs[places], rows.at, int(after.min()), int(until[-1]))
                few = taken(rows, *within)
                flags = passing(self._view, kind, events, few, self._asks[0].calendar)
                if len(few.at):
                    some = _NO_FLAGS if flags is None else flags
                    work(few.offsets[:-1], few.offsets[1:], few.at, some, open_, places)
        return wanted & ~open_

    def _passing(self, kind: MarkedType, events: Events, rows: Slice) -> Flags:
        """Which of all rows of a type are of a set."""
        key = kind, events.where
        if key not in self._flags:
            flags = passing(self._view, kind, events, rows, self._asks[0].calendar)
            self._flags[key] = _NO_FLAGS if flags is None else flags
        return self._flags[key]


# (lows, highs, at, flags, open_, places): clears the bits of open_ that the rows settle. The rows are those of the
# customers at some places; None: of all.
Work = Callable[[Ints, Ints, Ints, Flags, Bits, Ints | None], None]


def _settled(
    after: Ints, until: Ints, count: int,
    lows: Ints, highs: Ints, at: Ints, flags: Flags, open_: Bits, places: Ints | None,
) -> None:  # fmt: skip
    """By one type with `count` rows, or one of several types with a row."""
    some = open_ if places is None else open_[places]
    settle(lows, highs, at, flags, after, until, count, some)
    if places is not None:
        open_[places] = some


def _tallied(
    after: Ints, until: Ints, left: Bits,
    lows: Ints, highs: Ints, at: Ints, flags: Flags, open_: Bits, places: Ints | None,
) -> None:  # fmt: skip
    """By several types together. left: uint8[instants, customers], how many rows each lacks."""
    if places is None:
        tally(lows, highs, at, flags, after, until, left.ravel(), open_)
        return
    some, lacks = open_[places], np.ascontiguousarray(left[:, places])
    tally(lows, highs, at, flags, after, until, lacks.ravel(), some)
    open_[places], left[:, places] = some, lacks


def _sparse(rows: Slice, open_: Bits) -> bool:
    return len(rows.at) > ROWS_EACH_MAX * int(np.count_nonzero(open_))


class Rungs:
    """The rungs of a ladder at a few instants, as far down as they were asked for."""

    def __init__(self, asks: Sequence[Ask]) -> None:
        self._instants = Instants(asks)
        self._open = self._instants.counted()
        self.codes: Codes = np.full((len(asks), len(self._open)), -1, np.int8)

    def ask(self, rung: int, test: Test) -> None:
        """The next rung: `codes` has it for those who had none above it; who counts not yet has none ever."""
        found = self._instants.held(test, self._open)
        for place in range(len(self.codes)):  # each customer is given its rung once, so adding is as good as replacing
            self.codes[place] += ((found >> np.uint8(place)) & np.uint8(1)).view(np.int8) * np.int8(rung + 1)
        self._open = self._open & ~found


def rungs(asks: Sequence[Ask], tests: Sequence[Test]) -> Codes:
    """int8[instants, customers]: the first rung that holds, of those who count; -1 if none does."""
    found = Rungs(asks)
    for rung, test in enumerate(tests):
        found.ask(rung, test)
    return found.codes


def standing(ask: Ask, test: Test) -> Steps:
    """The truth of what stands by state events or relations. At a point that is told of most customers without a look
    at what it stands with."""
    if not ask.stretch.point:
        return _STANDING[type(test)](ask, test)
    return Steps.truths(Instants([ask]).held(test, np.ones(ask.count, np.uint8)) != 0)


def _happened(me: Instants, test: nodes.Happened | nodes.Never, wanted: Bits) -> Bits:
    return me.once(test, wanted, partial(me.enough, test.events, test.window, 1))


def _never(me: Instants, test: nodes.Never, wanted: Bits) -> Bits:
    return wanted & ~_happened(me, test, wanted)


def _compared(me: Instants, test: nodes.Compare, wanted: Bits) -> Bits | None:
    """A number of events with a threshold."""
    if not isinstance(test.subject, nodes.Count) or not isinstance(test.value, nodes.Number):
        return None
    events, window = test.subject.events, test.subject.window
    least = threshold(test.op, fraction(test.value.value))
    if least is None or not 1 <= least <= COUNT_MAX:
        return None
    found = me.once(test, wanted, partial(me.enough, events, window, least))
    return found if test.op in (Op.GE, Op.GT) else wanted & ~found


def _all(me: Instants, test: nodes.All, wanted: Bits) -> Bits:
    for one in me.eager(test.tests):
        wanted = me.held(one, wanted)
    return wanted


def _any(me: Instants, test: nodes.Any, wanted: Bits) -> Bits:
    open_ = wanted
    for one in me.eager(test.tests):
        open_ = open_ & ~me.held(one, open_)
    return wanted & ~open_


def _stands(
    me: Instants, test: Test, begins: Sequence[str], ends: Sequence[str], where: Test | None, wanted: Bits
) -> Bits:  # fmt: skip
    """Whether a key stands: not of whom none ever began; of whom some did and none ever ended, it does. Only of the
    rest it matters which keys these were."""
    begun = me.so_far(begins, where, wanted)
    ended = me.so_far(ends, where, begun)
    return (begun & ~ended) | me.general(test, ended)


def _related(me: Instants, test: nodes.Related, wanted: Bits) -> Bits | None:
    """With anyone; a named object may be a number."""
    types = me.relation(test.relation)
    begins, ends = ([name for name, begun, _ in types if begun is wished] for wished in (True, False))
    return None if test.object else _stands(me, test, begins, ends, None, wanted)


def _tagged(me: Instants, test: nodes.HasTag, wanted: Bits) -> Bits | None:
    where = _are(tag=test.tag, group=test.group) if test.group else _are(tag=test.tag)
    return where if where is None else _stands(me, test, [TAG_ADDED], [TAG_REMOVED], where, wanted)


def _consented(me: Instants, test: nodes.Consent, wanted: Bits) -> Bits | None:
    where = _are(medium=test.channel, purpose=test.purpose)
    return where if where is None else _stands(me, test, [CONSENT_GIVEN], [CONSENT_WITHDRAWN], where, wanted)


def _reachable(me: Instants, test: nodes.Reachable, wanted: Bits) -> Bits | None:
    where, owning = _are(medium=test.channel), me.owning(test.channel, wanted)
    return where if where is None else _stands(me, test, [CONSENT_GIVEN], [CONSENT_WITHDRAWN], where, owning)


def _are(**wanted: str) -> Test | None:
    """A filter: properties are these texts. None if one is empty: an absent one is as good as that."""
    tests = [nodes.Compare(nodes.Property(name), Op.EQ, nodes.Text(text)) for name, text in wanted.items()]
    return nodes.All(tuple(tests)) if all(wanted.values()) else None


Rule = Callable[[Instants, Test, Bits], Bits | None]


def _ruled(rule: object) -> Rule:
    """A rule for one node type, as the table holds it: the key is the type, so the cast is sound."""
    return cast("Rule", rule)


RULES: Mapping[type, Rule] = {
    node_type: _ruled(rule)
    for node_type, rule in (
        (nodes.Happened, _happened),
        (nodes.Never, _never),
        (nodes.Compare, _compared),
        (nodes.Related, _related),
        (nodes.HasTag, _tagged),
        (nodes.Consent, _consented),
        (nodes.Reachable, _reachable),
        (nodes.Not, lambda me, test, wanted: wanted & ~me.held(test.test, wanted)),
        (nodes.All, _all),
        (nodes.Any, _any),
        (nodes.Always, lambda me, test, wanted: wanted),
    )
}
