"""A plan made into a program. Pure: it reads the plan, the vocabulary and the names of the types that there are.

What the machine can't say becomes an input, the smallest test that holds it, so that what stands around it is
still said. Equal tests in equal zones are one leaf, whatever ladders they stand in. In the body of a leaf labels are
written out as the tests of their rungs, since a ladder's value is only known at the instant that is asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from yutang.conditions import nodes as n
from yutang.kernel.instants import NEVER
from yutang.timeline.kernels import machine_fields as p
from yutang.timeline.machine import of_events, of_states
from yutang.timeline.machine.parts import EVER, SPAN_MS_MAX, CannotSayError, Code, Parts, Range, Use, Window
from yutang.timeline.machine.program import Input, Program
from yutang.timeline.plan import Plan
from yutang.timeline.steps import Ints
from yutang.timeline.view import View

PARTS_COUNT_MAX = 63  # of an `at least`; conditions are at most 64 deep, and the kernel's stack holds 4,096
BODY_STEPS_COUNT_MAX = 1_024  # of one body, labels written out
LABELS_DEPTH_MAX = 16  # that are written out in one another


def compiled(plan: Plan, view: View) -> Program:
    """The program of a plan. view: whose vocabulary and types count; none of its rows are read."""
    maker = _Maker(plan, view)
    for name in plan.names:
        maker.ladder(name)
    return maker.program()


class _Maker:
    """A program that grows, ladder by ladder: a `Speaker`."""

    def __init__(self, plan: Plan, view: View) -> None:
        self._plan = plan
        self.view, self.parts = view, Parts()
        self.zone = ""
        self.record: str | None = None
        self._code: Code = []
        self._inside = 0  # how many bodies what is emitted now stands in
        self._labels = 0  # how many labels are being written out
        self._ladder_code = [0]
        self._below: list[frozenset[int]] = []
        self._named: list[frozenset[int]] = []
        self._names: set[int] = set()
        self._met: set[int] = set()

    def ladder(self, name: str) -> None:
        """Add a definition; those that it names are there."""
        definition = self._plan.find(name)
        self.zone = definition.zone or self.view.vocabulary.zone
        self._met, self._names = set(), set()
        for place, rung in enumerate(definition.rungs):
            self.test(rung.test)
            self._code.append((p.RUNG, place))
        self._ladder_code.append(len(self._code))
        self._below.append(frozenset(self._met))
        self._named.append(frozenset(self._names))

    def program(self) -> Program:
        """What has come together; the leaves that ladders read first."""
        parts = self.parts
        kept = sorted(frozenset().union(*self._below))
        order = [*kept, *sorted(set(range(len(parts.leaves))) - set(kept))]
        place_of = {leaf: place for place, leaf in enumerate(order)}
        leaves, leaf_sources, uses, roles = parts.arrays(order)
        return Program(
            leaves=leaves,
            leaf_sources=leaf_sources,
            uses=uses,
            roles=roles,
            body=_placed(parts.body, place_of),
            code=_placed(self._code, place_of),
            ladder_code=np.array(self._ladder_code, np.int64),
            periods=np.concatenate([np.empty(0, np.int64), *parts.begins]),
            period_bounds=np.cumsum([0, *map(len, parts.begins)], dtype=np.int64),
            names=self._plan.names,
            sources=tuple(parts.sources),
            inputs=tuple(parts.inputs),
            facts=tuple(parts.facts),
            leaves_of=tuple(frozenset(place_of[leaf] for leaf in one) for one in self._below),
            names_of=tuple(self._named),
            reads=tuple(parts.leaves[leaf].reads for leaf in kept),
            keys=tuple(parts.leaves[leaf].key for leaf in kept),
        )

    # ── tests ───────────────────────────────────────────────────────────────────────────────────

    def test(self, test: n.Test) -> None:
        """The code that leaves the truth of a test."""
        if isinstance(test, n.Not):
            self.test(test.test)
            self.emit(p.NOT, 0)
        elif isinstance(test, (n.All, n.Any)):
            self._several(test)
        elif isinstance(test, n.AtLeast) and max(len(test.tests), test.count) <= PARTS_COUNT_MAX:
            for part in test.tests:
                self.test(part)
            self.emit(p.AT_LEAST, max(0, test.count) * p.AT_LEAST_BASE + len(test.tests))
        elif isinstance(test, n.Always):
            self.emit(p.CONSTANT, 1)
        elif isinstance(test, n.InLabel) and test.for_ms is None and test.at is None and not self._inside:
            place = self._plan.names.index(self._plan.find(test.label).name)
            rung = self._plan.rung_of(test.label, test.value)
            self._met |= self._below[place]
            self._names |= {place, *self._named[place]}
            self.emit(p.OF_LABEL, place * p.LABEL_BASE + (-1 if rung is None else rung) + 1)
        else:
            self._single(test)

    def _several(self, test: n.All | n.Any) -> None:
        """One by one, so that few truths wait; in a body no further than what decides."""
        every = isinstance(test, n.All)
        if not test.tests:
            self.emit(p.CONSTANT, int(every))
        if self._inside:
            self._in_turn(p.UNLESS if every else p.WHERE, [partial(self.test, one) for one in test.tests])
            return
        for place, part in enumerate(test.tests):
            self.test(part)
            if place:
                self.emit(p.ALL_OF if every else p.ANY_OF, 2)

    def _in_turn(self, what: int, parts: Sequence[Callable[[], None]]) -> None:
        """Parts of which one decides (false for UNLESS, true for WHERE) if any does."""
        passed: list[int] = []
        for part in parts:
            if passed or part is not parts[0]:
                passed.append(len(self._code))
                self.emit(what, 0)
            part()
        for place in passed:
            self._code[place] = (what, len(self._code) - place - 1)

    def _single(self, test: n.Test) -> None:
        before = len(self._code), set(self._met)
        try:
            self._said(test)
        except CannotSayError:
            if self._inside:
                raise
            del self._code[before[0] :]
            self._met = before[1]
            place = self.parts.inputs.setdefault(Input(test, self.zone), len(self.parts.inputs))
            self.push(p.INPUT, EVER, (place, 0, 0), [])

    def _said(self, test: n.Test) -> None:
        if isinstance(test, n.Compare):
            self._compare(test.subject, test.op, test.value)
        elif isinstance(test, n.OneOf):
            self._one_of(test)
        elif isinstance(test, n.Unknown):
            if not of_events.known(self, test.subject) and not of_states.known(self, test.subject):
                raise CannotSayError
            self.emit(p.NOT, 0)
        elif isinstance(test, (n.Hold, n.Moved, n.InLabel)):
            self._over_time(test)
        elif not of_events.said(self, test) and not of_states.said(self, test):
            raise CannotSayError

    def _compare(self, subject: n.Subject, op: n.Op, value: n.Value) -> None:
        if not of_events.compare(self, subject, op, value) and not of_states.compare(self, subject, op, value):
            raise CannotSayError

    def _one_of(self, test: n.OneOf) -> None:
        """A list has one of the values; anything else is one of them."""
        if isinstance(test.subject, (n.Trait, n.RecordTrait)):
            of_states.one_of(self, test.subject, test.values)
            return
        if of_events.one_of(self, test.subject, test.values):
            return
        self.emit(p.CONSTANT, 0)
        for value in test.values:
            self._compare(test.subject, n.Op.EQ, value)
            self.emit(p.AT_LEAST, p.AT_LEAST_BASE + 2)

    # ── bodies ──────────────────────────────────────────────────────────────────────────────────

    def _over_time(self, test: n.Hold | n.Moved | n.InLabel) -> None:
        if isinstance(test, n.Hold):
            self._swept(p.HOLD, test.ms, lambda: self.test(test.test))
        elif isinstance(test, n.Moved):
            self._swept(p.ENTERED, test.ms, lambda: self._member(test, negated=test.left))
        elif test.at is not None:
            then = n.InLabel(test.label, test.value, test.for_ms)
            self._swept(p.AT_INSTANT, test.at, lambda: self.test(then))
        elif test.for_ms is not None:  # at all instants: not at any instant not
            self._swept(p.HOLD, test.for_ms, lambda: self._member(test, negated=True))
            self.emit(p.NOT, 0)
        else:
            self._member(test, negated=False)

    def _swept(self, op: int, width: int, inner: Callable[[], None]) -> None:
        least = 1 if op == p.ENTERED else 0
        if not least <= width < SPAN_MS_MAX:
            raise CannotSayError
        self.push(op, (p.ALL, width, 0), (0, 0, 0), [], body=self.bodied(inner))

    def _member(self, of: n.InLabel | n.Moved, negated: bool) -> None:
        """Whether a label has a value, written out: the customer counts, no rung above holds, and this one does."""
        definition, rung = self._plan.find(of.label), self._plan.rung_of(of.label, of.value)
        tests = [one.test for one in definition.rungs]
        if self._labels == LABELS_DEPTH_MAX:
            raise CannotSayError
        parts: list[Callable[[], None]] = [lambda: self.push(p.SINCE_SEEN, EVER, (0, NEVER, 0), [])]
        if rung is None:
            parts.append(lambda: self._several(n.Any(tuple(tests))))
        else:
            parts += [partial(self._not, one) for one in tests[:rung]]
            parts.append(partial(self.test, tests[rung]))
        zone, self.zone = self.zone, definition.zone or self.view.vocabulary.zone
        self._labels += 1
        try:
            self._in_turn(p.UNLESS, parts)
        finally:
            self._labels -= 1
            self.zone = zone
        if negated:
            self.emit(p.NOT, 0)

    def _not(self, test: n.Test) -> None:
        self.test(test)
        self.emit(p.NOT, 0)

    def bodied(self, inner: Callable[[], None]) -> Code:
        """What is emitted while something is said, as a body."""
        code, self._code = self._code, []
        self._inside += 1
        try:
            inner()
            if _waiting(self._code) > p.BODY_STACK:
                raise CannotSayError
            return self._code
        finally:
            self._inside -= 1
            self._code = code

    # ── what is emitted ─────────────────────────────────────────────────────────────────────────

    def push(
        self,
        op: int,
        window: Window,
        within: Range,
        uses: Sequence[Use],
        more: tuple[int, int] = (0, 0),
        body: Code | None = None,
    ) -> None:
        """Ask a leaf."""
        leaf = self.parts.leaf(op, window, within, uses, more, body or ())
        if not self._inside:
            self._met.add(leaf)
        self.emit(p.PUSH, leaf)

    def emit(self, what: int, operand: int) -> None:
        """Add an instruction."""
        if self._inside and len(self._code) >= BODY_STEPS_COUNT_MAX:
            raise CannotSayError
        self._code.append((what, operand))


def _waiting(code: Code) -> int:
    """How many truths wait at most."""
    depth = most = 0
    for what, operand in code:
        if what in (p.PUSH, p.CONSTANT):
            depth += 1
        elif what in (p.UNLESS, p.WHERE):
            depth -= 1
        elif what in (p.AT_LEAST, p.ALL_OF, p.ANY_OF):
            depth -= operand % p.AT_LEAST_BASE - 1
        most = max(most, depth)
    return most


def _placed(code: Code, place_of: dict[int, int]) -> Ints:
    """Code with the leaves' places in the program."""
    told = [(what, place_of[operand] if what == p.PUSH else operand) for what, operand in code]
    return np.array(told, np.int64).reshape(-1)
