"""What the parts of an evaluation may ask of the whole: its view, its calendar, and the answers to other nodes.

`Ask` breaks the circle between the evaluator, which knows all nodes, and the modules that know some:
they are handed it. Answers are shared: equal nodes in equal zones are computed once an evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from yutang.conditions.nodes import Events, RecordTrait, Subject, Test, Trait
from yutang.conditions.vocabulary import Kind
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.selection import Selected
from yutang.timeline.steps import Ints, Steps
from yutang.timeline.view import Column, View


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

    def truth(self, test: Test) -> Steps: ...

    def measure(self, subject: Subject) -> Measure: ...

    def select(self, events: Events, prop: str | None = None) -> Selected: ...

    def trait(self, of: Trait | RecordTrait) -> Measure: ...
