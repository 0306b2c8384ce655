"""Those of whom one evaluation asks: its customers, or the records of a kind that they own, in one zone.

Answers are kept: equal nodes are computed once. What few conditions hang on is asked of some customers only (`only`),
those whose answer isn't known without it; but a test that several conditions share is asked of all of them at once
(`common`), so that its answer serves each.

At a point truths are bool and flat; over a stretch they are steps of int64.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from operator import methodcaller
from typing import Protocol, TypeVar, cast

import numpy as np

from yutang.conditions import nodes
from yutang.conditions.nodes import Events, RecordTrait, Subject, Test, Trait
from yutang.conditions.vocabulary import Kind
from yutang.kernel.errors import ConditionError
from yutang.timeline.boundaries import Calendar, calendar
from yutang.timeline.evaluation import algebra, bounds, labels, points, states
from yutang.timeline.evaluation.ask import Ask, Measure
from yutang.timeline.evaluation.dates import timed
from yutang.timeline.evaluation.effort import effort
from yutang.timeline.evaluation.inside import NO_FLAGS, Inside, inside
from yutang.timeline.evaluation.instants import RULES, Instants
from yutang.timeline.evaluation.operators import MEASURES, TRUTHS
from yutang.timeline.evaluation.records import Records, mentions_record, record_trait
from yutang.timeline.evaluation.selection import (
    EVERYTHING,
    MarkedType,
    Reach,
    Selected,
    present,
    select,
    select_type,
)
from yutang.timeline.evaluation.thresholds import Enough, thresholds
from yutang.timeline.evaluation.together import Common
from yutang.timeline.kernels.instants import Bits
from yutang.timeline.plan import Plan
from yutang.timeline.steps import ALL_TIME, UNKNOWN, Flags, Ints, Steps, Stretch
from yutang.timeline.view import Column, View

T = TypeVar("T")

NARROWED_COUNT_MIN = 2_048  # fewer customers are asked about together: handing over would cost more
NARROWED_SHARE_MAX = 0.8  # of the customers: more are asked about together


class Given(Protocol):
    """What an evaluation was given."""

    @property
    def plan(self) -> Plan: ...

    @property
    def channels(self) -> Mapping[str, tuple[str, ...]]: ...

    @property
    def common(self) -> Common: ...


class Evaluating(Protocol):
    """What a population needs of the evaluation that it belongs to."""

    view: View
    stretch: Stretch
    horizon: int

    @property
    def context(self) -> Given: ...

    @property
    def whole(self) -> tuple[Evaluating, Ints] | None: ...

    def ladder(self, name: str, rung: int | None = None) -> Steps: ...

    def known(self, test: Test, zone: str) -> Steps | None: ...

    def among(self, places: Ints) -> Evaluating: ...

    def over(self, stretch: Stretch) -> Evaluating: ...

    def bounds(self, type_name: str, within: Reach) -> tuple[Ints, Ints]: ...

    def population(self, zone: str = "") -> Population: ...

    def records_population(self, zone: str, kind: str) -> Population: ...


class Population:
    """The customers of an evaluation, or the records of a kind that they own, in one zone: an `Ask`."""

    def __init__(self, evaluation: Evaluating, zone: str, records: Records | None) -> None:
        # Weak: a circle would keep its arrays until the collector comes by.
        self._evaluation = weakref.ref(evaluation)
        self.view = evaluation.view
        self.zone = zone
        self.calendar: Calendar = calendar(zone)
        self.records = records
        self.count = self.view.count if records is None else records.count
        self.stretch = evaluation.stretch
        self._truths: dict[Test, Steps] = {}
        self._measures: dict[Subject, Measure] = {}
        self._selections: dict[tuple[Events, str | None, Reach], Selected] = {}
        self._eaches: dict[tuple[Events, Reach], Sequence[Selected]] = {}
        self._readings: dict[tuple[Subject, int], Column] = {}
        self._kept: dict[Hashable, object] = {}
        self._insides: dict[tuple[Events, str | None, Reach], Sequence[Inside]] = {}

    @property
    def evaluation(self) -> Evaluating:
        """The evaluation that this belongs to, which must be alive while it is asked."""
        found = self._evaluation()
        assert found is not None
        return found

    @property
    def horizon(self) -> int:
        return self.evaluation.horizon

    def truth(self, test: Test) -> Steps:
        """The truth of a test for each of the population."""
        found = self.told(test)
        if found is None:
            if self.records is not None and not mentions_record(test):
                found = self._owners().truth(test).take(self.records.owner)
            else:
                found = self._told_of_several(test)
                found = TRUTHS[type(test)](self, test) if found is None else found
            found = self._truths[test] = algebra.truth(found, self.stretch)
        return found

    def _told_of_several(self, test: Test) -> Steps | None:
        """An `and` or `or` about customers at a point: each part is asked of those only whose answer hangs on it."""
        if not isinstance(test, (nodes.All, nodes.Any)) or not self.stretch.point or self.records is not None:
            return None
        bits = RULES[type(test)](Instants([self]), test, np.ones(self.count, np.uint8))
        return None if bits is None else Steps.truths(bits.view(np.bool_))

    def told(self, test: Test) -> Steps | None:
        """The truth of a test, if it is known already."""
        found = self._truths.get(test)
        if found is None and self.records is None:
            found = self.evaluation.known(test, self.zone)
            if found is not None:
                self._truths[test] = found
        return found

    @property
    def common(self) -> Common:
        """What the conditions that are asked share."""
        return self.evaluation.context.common

    def kept(self, key: Hashable, work: Callable[[], T]) -> T:
        """What some work gives, which is done once for a key."""
        if key not in self._kept:
            self._kept[key] = work()
        return cast("T", self._kept[key])

    @property
    def _narrows(self) -> bool:
        """Whether it may pay to ask about some of the population only."""
        return self.records is None and self.count >= NARROWED_COUNT_MIN and self.stretch != ALL_TIME

    def enough(self, type_name: str, asked: Enough) -> Flags | None:
        """Whether there are so many events of a type within reach, if others ask the like."""
        if type_name not in self.common.counts or not self.stretch.point:
            return None
        if self.evaluation.whole is not None:
            every, places = self.evaluation.whole
            found = every.population(self.zone).enough(type_name, asked)
            return None if found is None else found[places]
        return self.kept(("enough", type_name), partial(self._enough, type_name)).get(asked)

    def _enough(self, type_name: str) -> Mapping[Enough, Flags]:
        """All that is asked about how many events of a type there are."""
        found = [thresholds(test, self.stretch, self.calendar) for test in self.common.counts[type_name]]
        asked = {enough for one in found if one is not None for enough in one.both if enough[0] > 0}
        if len(asked) < 2 or type_name not in self.view.types():
            return {}
        return points.several_at_least(self.view, type_name, list(asked))

    def where(self, test: Test, wanted: Callable[[], Flags], rest: int) -> Steps:
        """The truth of a test for the wanted ones, the value `rest` (or what is right) for the others."""
        known = self.told(test)
        if known is not None:
            return known
        if test in self.common.tests:
            return self.truth(test)
        return self.only(wanted, methodcaller("truth", test), rest)

    def only(self, wanted: Callable[[], Flags], work: Callable[[Ask], Steps], rest: int) -> Steps:
        """What some work says of the wanted ones, the value `rest` (or what is right) of the others."""
        if not self._narrows:
            return work(self)
        flags = wanted()
        if np.count_nonzero(flags) > NARROWED_SHARE_MAX * self.count:
            return work(self)
        places = np.flatnonzero(flags)
        some = self.evaluation.among(places)
        return work(some.population(self.zone)).spread(places, self.count, rest)

    def eager(self, tests: Sequence[Test]) -> Sequence[Test]:
        """Some tests, those first that are told soonest: that are known, then by the rows that they read."""
        return sorted(tests, key=self._effort) if self._narrows else tests

    def _effort(self, test: Test) -> int:
        return -1 if self.told(test) is not None else effort(self.view, test)

    def measure(self, subject: Subject) -> Measure:
        """A measure for each of the population."""
        found = self._measures.get(subject)
        if found is None:
            rule = MEASURES.get(type(subject))
            if rule is None:
                raise ConditionError(
                    "condition.not_a_measure", f"{type(subject).__name__} has no value that events alone change"
                )
            found = self._measures[subject] = rule(self, subject)
        return found

    def reading(self, subject: Subject, instant: int) -> Column:
        """Any subject's values at T for each of the population."""
        found = self._readings.get((subject, instant))
        if found is None:
            found = self._readings[subject, instant] = self._read(subject, instant)
        return found

    def _read(self, subject: Subject, instant: int) -> Column:
        if isinstance(subject, (nodes.Since, nodes.Due, nodes.Age, nodes.Anniversary)):
            moved = timed(self, subject)
            base = moved.base.steps.values_at(instant)
            known = base != UNKNOWN
            values = moved.value_at(np.where(known, base, instant), instant)
            return Column(Kind.INTEGER, np.where(known, values, UNKNOWN))
        measure = self.measure(subject)
        return Column(measure.kind, measure.steps.values_at(instant), measure.words)

    def over(self, stretch: Stretch) -> Population:
        """The same population, asked about another stretch."""
        kind = "" if self.records is None else self.records.kind
        return self if stretch == self.stretch else self.evaluation.over(stretch).records_population(self.zone, kind)

    def earlier(self, span_ms: int) -> Population:
        """The same population, asked from a span earlier on."""
        start = int(algebra.shifted(np.array([self.stretch.start], np.int64), -span_ms)[0])
        return self.over(Stretch(start, self.stretch.end))

    def at(self, instant: int) -> Population:
        """The same population, asked about an instant at least."""
        inside = self.stretch.start <= instant <= self.stretch.end
        return self if inside else self.over(Stretch.at(instant))

    def select(self, events: Events, prop: str | None = None, within: Reach = EVERYTHING) -> Selected:
        """The events of a set within reach, merged in order; of customers, whatever the population."""
        found = self._selections.get((events, prop, within))
        if found is None:
            found = select(self.view, events, self.calendar, prop, within)
            self._selections[events, prop, within] = found
        return found

    def each(self, events: Events, within: Reach) -> Sequence[Selected]:
        """The events of a set within reach, type by type; without those that have none."""
        found = self._eaches.get((events, within))
        if found is None:
            types = present(self.view, events)
            every = [select_type(self.view, kind, events, self.calendar, None, within) for kind in types]
            found = self._eaches[events, within] = [one for one in every if len(one.at)]
        return found

    def inside(self, events: Events, within: Reach, prop: str | None = None) -> Sequence[Inside]:
        """The events of a set within reach, type by type, where they lie."""
        found = self._insides.get((events, prop, within))
        if found is None:
            view, bounds, where = self.view, self.evaluation.bounds, events.where
            found = [
                inside(view, kind, events, self.calendar, within, prop, bounds, partial(self.judged, kind, where))
                for kind in present(view, events)
            ]
            self._insides[events, prop, within] = found
        return found

    def judged(self, kind: MarkedType, where: Test | None, judge: Callable[[], Flags | None]) -> Flags:
        """Which of all rows of a type are of a set, whoever of its customers is asked about; none for all."""
        if self.evaluation.whole is not None:
            return self.evaluation.whole[0].population(self.zone).judged(kind, where, judge)
        flags = self.kept(("judged", kind, where), judge)
        return NO_FLAGS if flags is None else flags

    def trait(self, of: Trait | RecordTrait) -> Measure:
        """A trait of the customers, or of the records under the quantifier."""
        return self.measure(of)

    def label(self, name: str, value: str) -> Steps:
        """Whether a label has a value, of customers; "": any value."""
        evaluation = self.evaluation
        rung = evaluation.context.plan.rung_of(name, value)
        return labels.member(evaluation.ladder(name, rung), rung)

    def member_bounds(self, name: str, value: str, wanted: Bits) -> Bits:
        """See `Ask`."""
        return bounds.member(*self._rung_of(name, value), wanted)

    def changing(self, name: str, value: str) -> Flags:
        """See `Ask`."""
        return bounds.changing(*self._rung_of(name, value))

    def _rung_of(self, name: str, value: str) -> tuple[Population, Sequence[Test], int | None]:
        """(the customers in the zone of a label, its tests, the place of a value)."""
        plan = self.evaluation.context.plan
        definition, rung = plan.find(name), plan.rung_of(name, value)
        population = self.evaluation.population(definition.zone or self.view.vocabulary.zone)
        return population, [one.test for one in definition.rungs], rung

    def identities(self, channel: str) -> Sequence[str]:
        """The kinds of identity by which a channel can address a customer."""
        return self.evaluation.context.channels.get(channel, ())

    def open_records(self, kind: str) -> tuple[Population, Steps, Ints]:
        """(the records of a kind as a population, when each is open, the owner of each)."""
        population = self.evaluation.records_population(self.zone, kind)
        records = cast("Records", population.records)
        return population, records.standing.truth, records.owner

    def _owners(self) -> Population:
        return self.evaluation.population(self.zone)

    def own_trait(self, of: Trait) -> Measure:
        """A customer's trait, handed down to records."""
        if self.records is not None:
            return self._owners().measure(of).take(self.records.owner)
        return states.trait(self.view, of.name, self.stretch)

    def own_record_trait(self, of: RecordTrait) -> Measure:
        """A trait of the record under the quantifier."""
        if self.records is None:
            raise ConditionError(
                "condition.no_record",
                f"record.{of.name} stands outside of any record",
                remedy="write it inside any kind(…), all kind(…) or count kind(…)",
            )
        return record_trait(self.view, self.records, of.name, self.stretch)
