"""One customer asked about a condition: by a program that is compiled for it, kept for as long as it is asked for.

By columns an evaluation costs some ten microseconds a node, whatever the number of customers; a program reads the rows
of one customer where they lie. But it is compiled, and what it reads is made ready for everybody: so that is left until
a condition has been asked for often enough.

Invariant: equal to `Evaluation.truth` of those who count. A condition with parts that the machine can't say has no
program. Cost: 3 to 20 us a customer, 200 where it is of several anchors or was regrouped; milliseconds for a program,
and for each filter a pass over the rows of a type.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator

import numpy as np

from yutang.conditions.nodes import Test
from yutang.conditions.vocabulary import Vocabulary
from yutang.timeline.evaluate import CHANNEL_IDENTITIES
from yutang.timeline.machine.prepared import Prepared
from yutang.timeline.machine.reading import facts_of
from yutang.timeline.machine.run import Machine
from yutang.timeline.people import People
from yutang.timeline.pinned import PinnedView
from yutang.timeline.plan import Definition, Plan, Rung, labels_of
from yutang.timeline.tracks import TimelineState

PROGRAMS_COUNT_MAX = 16  # conditions that are kept: those asked for last
ASKED_COUNT_MIN = 8  # so often a condition is asked by columns before it gets a program
_NAME = "?"  # no label is called so


class Alone:
    """A condition under a plan and a vocabulary, at one set of event types. Several threads may ask."""

    def __init__(self, test: Test, plan: Plan, vocabulary: Vocabulary, state: TimelineState) -> None:
        own = Definition(_NAME, 1, "", (Rung("in", test),))
        self._prepared = Prepared(Plan([*_named(test, plan), own]), vocabulary, state, shared=False)
        self._vocabulary = vocabulary
        self._place = self._prepared.program.names.index(_NAME)
        self._lock = threading.Lock()
        self._epoch: _Epoch | None = None

    @property
    def said(self) -> bool:
        """Whether the machine can say all of it."""
        return not self._prepared.program.inputs

    def holds(self, state: TimelineState, people: People, head: int, instant: int) -> bool:
        """Whether a customer counts at an instant and satisfies the condition then."""
        with self._lock:
            if self._epoch is None or self._epoch.state is not state or self._epoch.people is not people:
                self._epoch = _Epoch(self._prepared, self._place, state, people, self._vocabulary)
            found = self._epoch.holds(head, instant)
            return self._any(state, people, head, instant) if found is None else found

    def _any(self, state: TimelineState, people: People, head: int, instant: int) -> bool:
        """Of any customer."""
        heads, program = np.array([head], np.int64), self._prepared.program
        view = PinnedView(state, people, heads, self._vocabulary, everyone=False)
        facts = facts_of(program.facts, view, CHANNEL_IDENTITIES) if program.facts else None
        (batch,) = self._prepared.lying.batches(state, people, heads, 1)
        machine = Machine(self._prepared.links, batch.blocks)
        value, _ = machine.at(heads, view.first_seen(), instant, None, facts, (self._place,))
        return bool(value[0, self._place] == 0)


class _Epoch:
    """A program at an epoch, for customers of one anchor. What a call takes is put together once; who is asked about is
    written into it."""

    def __init__(
        self, prepared: Prepared, place: int, state: TimelineState, people: People, vocabulary: Vocabulary
    ) -> None:
        self.state, self.people, self._vocabulary = state, people, vocabulary
        self._of_facts = prepared.program.facts
        self._facts = np.zeros((1, len(self._of_facts)), np.int64)
        self._head, self._seen = np.zeros((2, 1), np.int64)
        blocks, self._odd = prepared.lying.alone(state, people, self._head)
        machine = Machine(prepared.links, blocks)
        self._asked = machine.asking(place, self._head, self._seen, self._facts)
        self._first_at = state.first_at.array

    def holds(self, head: int, instant: int) -> bool | None:
        """None: it can't be told here."""
        if head >= len(self._first_at) or (head < len(self._odd) and self._odd[head]):
            return None
        self._head[0], self._seen[0] = head, self._first_at[head]
        if self.people.joined_count and len(self.people.members(self._head)[1]) > 1:
            return None
        if self._of_facts:
            view = PinnedView(self.state, self.people, self._head, self._vocabulary, everyone=False)
            self._facts[:] = facts_of(self._of_facts, view, CHANNEL_IDENTITIES)
        return bool(self._asked(instant)[0] == 0)


class Programs:
    """Those of the conditions asked for last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Test, Plan], _Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._last: tuple[Test, Plan, Vocabulary, TimelineState, Alone] | None = None  # asked for, without a search

    def of(self, test: Test, plan: Plan, vocabulary: Vocabulary, state: TimelineState) -> Alone | None:
        """The program of a condition; None if it hasn't got one, or not yet."""
        with self._lock:
            last = self._last
            if last is not None and last[0] is test and last[1] is plan and last[2] is vocabulary and last[3] is state:
                return last[4]
            found = self._of(test, plan, vocabulary, state)
            self._last = None if found is None else (test, plan, vocabulary, state, found)
            return found

    def _of(self, test: Test, plan: Plan, vocabulary: Vocabulary, state: TimelineState) -> Alone | None:
        types = frozenset(state.tracks)
        kept = self._kept.get((test, plan))
        if kept is None or kept.vocabulary is not vocabulary or kept.types != types:
            kept = self._kept[test, plan] = _Kept(vocabulary, types)
            if len(self._kept) > PROGRAMS_COUNT_MAX:
                self._kept.popitem(last=False)
        self._kept.move_to_end((test, plan))
        kept.asked_count += 1
        if kept.asked_count <= ASKED_COUNT_MIN:
            return None
        if kept.asked_count == ASKED_COUNT_MIN + 1:
            made = Alone(test, plan, vocabulary, state)
            kept.program = made if made.said else None
        return kept.program


class _Kept:
    """A condition, how often it was asked for, and its program if it has one."""

    def __init__(self, vocabulary: Vocabulary, types: frozenset[str]) -> None:
        self.vocabulary = vocabulary
        self.types = types
        self.asked_count = 0
        self.program: Alone | None = None


def _named(test: Test, plan: Plan) -> Iterator[Definition]:
    """The definitions that a condition names, and those that these do."""
    met: set[str] = set()
    waiting = [test]
    while waiting:
        for node in labels_of(waiting.pop()):
            if node.label not in met:
                met.add(node.label)
                yield plan.find(node.label)
                waiting.extend(rung.test for rung in plan.find(node.label).rungs)
