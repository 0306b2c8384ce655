"""What the parts of an evaluation may ask of the whole: its view, its calendar, and the answers to other nodes.

`Ask` breaks the circle between the evaluator, which knows all nodes, and the modules that know some:
they are handed it. Answers are shared: equal nodes in equal zones are computed once an evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from yutang.conditions.nodes import Events, RecordTrait, Subject, Test, Trait
from yutang.conditions.vocabulary import Kind
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.inside import Inside
from yutang.timeline.evaluation.selection import EVERYTHING, Reach, Selected
from yutang.timeline.evaluation.thresholds import Enough
from yutang.timeline.evaluation.together import Common
from yutang.timeline.kernels.instants import Bits
from yutang.timeline.steps import Flags, Ints, Steps, Stretch
from yutang.timeline.view import Column, View

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure over time: its steps in engine units of `kind`, or indices into `words`. UNKNOWN: no value."""

    steps: Steps
    kind: Kind
    words: Sequence[str] = ()

    def column(self) -> Column:
        """Its rows as a column, to compare them."""
        return Column(self.kind, self.steps.value, self.words)

    def take(self, customers: Ints) -> Measure:
        """The measures of the named customers."""
        return Measure(self.steps.take(customers), self.kind, self.words)


class Ask(Protocol):
    """One population (customers, or the records of a kind) in one zone."""

    @property
    def view(self) -> View:
        """The customers (also where records are asked about)."""

    @property
    def count(self) -> int:
        """How many are in the population."""

    @property
    def calendar(self) -> Calendar: ...

    @property
    def horizon(self) -> int:
        """The last instant for which answers that recur by the calendar need be right."""

    @property
    def stretch(self) -> Stretch:
        """The instants about which is asked: answers are clipped to them."""

    def over(self, stretch: Stretch) -> Ask:
        """The same population, asked about another stretch."""

    def earlier(self, span_ms: int) -> Ask:
        """The same population, asked from a span earlier on."""

    def at(self, instant: int) -> Ask:
        """The same population, asked about an instant at least."""

    @property
    def common(self) -> Common:
        """What the conditions that are asked share."""

    def kept(self, key: Hashable, work: Callable[[], T]) -> T:
        """What some work gives, which is done once for a key."""

    def enough(self, type_name: str, asked: Enough) -> Flags | None:
        """bool[n]: whether there are so many events of a type within reach, if others ask the like, so that all of it
        is told at once; None: nobody does, or not at a point."""

    def where(self, test: Test, wanted: Callable[[], Flags], rest: int) -> Steps:
        """The truth of a test for the wanted ones of the population, as by `only`, unless it is known, or is asked of
        all for others' sake."""

    def only(self, wanted: Callable[[], Flags], work: Callable[[Ask], Steps], rest: int) -> Steps:
        """What some work says of the wanted ones of the population, asked about them alone where that is less; of the
        others the value `rest`, or anything that is right."""

    def eager(self, tests: Sequence[Test]) -> Sequence[Test]:
        """Some tests, those first that are told soonest."""

    def truth(self, test: Test) -> Steps: ...

    def measure(self, subject: Subject) -> Measure: ...

    def select(self, events: Events, prop: str | None = None, within: Reach = EVERYTHING) -> Selected:
        """The events of a set within reach, merged in order; of customers, whatever the population."""

    def each(self, events: Events, within: Reach) -> Sequence[Selected]:
        """The events of a set within reach, type by type, without those that have none: for what doesn't ask how
        they stand to one another."""

    def reading(self, subject: Subject, instant: int) -> Column:
        """Any subject's values at T; spans and ages are INTEGER."""

    def inside(self, events: Events, within: Reach, prop: str | None = None) -> Sequence[Inside]:
        """The events of a set within reach, type by type, where they lie."""

    def trait(self, of: Trait | RecordTrait) -> Measure: ...

    def own_trait(self, of: Trait) -> Measure:
        """A customer's trait, handed down to records."""

    def own_record_trait(self, of: RecordTrait) -> Measure:
        """A trait of the record under the quantifier."""

    def label(self, name: str, value: str) -> Steps:
        """Whether a label has a value, of customers; "": any value."""

    def member_bounds(self, name: str, value: str, wanted: Bits) -> Bits:
        """Of having a value of a label over the stretch; "": any value. See `bounds`."""

    def changing(self, name: str, value: str) -> Flags:
        """bool[n]: who may come to have a value of a label within the stretch, or lose it."""

    def identities(self, channel: str) -> Sequence[str]:
        """The kinds of identity by which a channel can address a customer."""

    def open_records(self, kind: str) -> tuple[Ask, Steps, Ints]:
        """(the records of a kind as a population, when each is open, the owner of each)."""
