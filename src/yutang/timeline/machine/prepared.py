"""A program with what is asked of it group after group: which leaves an event can turn, where the rows lie.

Kept with its plan, for one vocabulary and one set of event types: a type that is new makes a new program, of the same
leaves. One thread asks (the log's); whoever works beside it makes its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from weakref import WeakKeyDictionary

import numpy as np

from yutang.conditions.vocabulary import STATE_EVENTS, Vocabulary
from yutang.timeline.concerns import ANY_EVENT, types_read
from yutang.timeline.kernels.machine_fields import INPUT, LEAF_FIELDS, LOW, OP
from yutang.timeline.machine.compile import compiled
from yutang.timeline.machine.lying import Lying
from yutang.timeline.machine.run import Links
from yutang.timeline.people import People
from yutang.timeline.pinned import PinnedView
from yutang.timeline.plan import Plan
from yutang.timeline.tracks import TimelineState

SETS_KEPT_COUNT_MAX = 10_000  # sets of types of which it is known which leaves read any of them
_STATES = frozenset(one.name for one in STATE_EVENTS)


class Prepared:
    """See the module. links: the program as kernels take it. own: the leaves that are tested over rows. given: by place
    of an input, its leaf."""

    def __init__(self, plan: Plan, vocabulary: Vocabulary, state: TimelineState, *, shared: bool = True) -> None:
        """shared: see `Lying`."""
        nobody = PinnedView(state, People.empty(), np.empty(0, np.int64), vocabulary, everyone=False)
        self.program = compiled(plan, nobody)
        self.links = Links(self.program)
        self.lying = Lying(self.program, vocabulary, shared=shared)
        ops = self.program.leaves[OP::LEAF_FIELDS][: self.program.leaves_count]
        self.own = tuple(np.flatnonzero(ops != INPUT).tolist())
        self.given = np.zeros(len(self.program.inputs), np.int64)
        given = np.flatnonzero(ops == INPUT)
        self.given[self.program.leaves[given * LEAF_FIELDS + LOW]] = given
        self._by_type: dict[str, frozenset[int]] = {}
        for leaf in self.own:
            for name in self.program.reads[leaf]:
                self._by_type[name] = self._by_type.get(name, frozenset()) | {leaf}
        self._sets: dict[frozenset[str], tuple[int, ...]] = {}
        self._read = [types_read([one.test], plan, vocabulary) for one in self.program.inputs]

    def leaves_of(self, types: Iterable[str]) -> tuple[int, ...]:
        """The leaves that events of some types can turn."""
        key = frozenset(types)
        found = self._sets.get(key)
        if found is None:
            if len(self._sets) >= SETS_KEPT_COUNT_MAX:
                self._sets.clear()
            none: frozenset[int] = frozenset()
            found = self._sets[key] = tuple(sorted(none.union(*(self._by_type.get(name, none) for name in key))))
        return found

    def of(self, type_name: str) -> Sequence[int]:
        """The inputs, by their places, that an event of a type can turn."""
        wanted = {type_name} if type_name in _STATES else {type_name, ANY_EVENT}
        return [place for place, read in enumerate(self._read) if not read.isdisjoint(wanted)]


_kept: WeakKeyDictionary[Plan, tuple[Vocabulary, frozenset[str], Prepared]] = WeakKeyDictionary()


def prepared_of(plan: Plan, vocabulary: Vocabulary, state: TimelineState) -> Prepared:
    """What is kept with a plan for the vocabulary and the event types that were asked about last."""
    known, types = _kept.get(plan), frozenset(state.tracks)
    if known is None or known[0] is not vocabulary or known[1] != types:
        known = _kept[plan] = (vocabulary, types, Prepared(plan, vocabulary, state))
    return known[2]
