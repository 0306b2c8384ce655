"""Evaluation: any condition over a view, as one truth over time for each customer.

`Evaluation` holds a view, a plan and the answers so far; `truth` and `ladder` give step functions, so
that truth, since and until at any T are look-ups, a change feed is their changes, and incremental and
full answers are the same function. Equal nodes in equal zones are computed once, across definitions.

The stretch: answers are right for start <= T <= horizon of the context. Left to itself, start is the beginning and
answers are those over all time. Given a start, nothing is read that can't matter in the stretch, and functions are
clipped to it (`Steps`); with start = horizon it is a point, at which most measures are a fold over one interval of
events. An operator that looks back (hold, for, entered, a label at an instant) asks the same view over a stretch of
its own (`Evaluation.over`), so that equal nodes are shared there too.

The horizon: comparisons with an anniversary come back for ever and are put together only as far as the
horizon of the context. Over all time the rest is right beyond it too: an `until` is cut at the horizon (`look`)
only for tests that recur (`Plan.recurs`). Over a stretch every until is. `in(label) at t` reads the label at its own
instant, even one later than T; over all time the horizon is raised to it.

Cost: linear in the events of the types named, for each node; see `kernels`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import cast

import numpy as np

from yutang.conditions import nodes
from yutang.conditions.nodes import Events, RecordTrait, Subject, Test, Trait
from yutang.conditions.vocabulary import Kind
from yutang.kernel.errors import ConditionError
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.boundaries import Calendar, calendar
from yutang.timeline.evaluation import algebra, labels, states
from yutang.timeline.evaluation.ask import Ask, Measure
from yutang.timeline.evaluation.dates import timed
from yutang.timeline.evaluation.effort import effort
from yutang.timeline.evaluation.inside import Inside, inside
from yutang.timeline.evaluation.narrowing import NarrowView, lying
from yutang.timeline.evaluation.operators import MEASURES, TRUTHS
from yutang.timeline.evaluation.records import Records, mentions_record, record_trait, records_of
from yutang.timeline.evaluation.selection import EVERYTHING, Reach, Selected, present, select, select_type
from yutang.timeline.kernels import intervals
from yutang.timeline.plan import Plan, fixed_instant_max
from yutang.timeline.steps import ALL_TIME, UNKNOWN, Flags, Ints, Steps, Stretch
from yutang.timeline.view import Column, View

# The kinds of identity by which each channel can address a customer.
CHANNEL_IDENTITIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sms": ("phone",),
        "email": ("email",),
        "wecom": ("external_userid",),
        "official_account": ("openid",),
        "mini_program": ("openid",),
    }
)


NARROWED_COUNT_MIN = 2_048  # fewer customers are asked about together: handing over would cost more
NARROWED_SHARE_MAX = 0.8  # of the customers: more are asked about together


@dataclass(frozen=True, slots=True)
class Context:
    """What an evaluation needs besides events. zone: of tests that belong to no definition, "" for the pool's.

    horizon: the last T for which answers need be right. start: the first; with start = horizon it is one point.
    """

    plan: Plan
    horizon: int
    zone: str = ""
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: CHANNEL_IDENTITIES)
    start: int = BEGINNING


class Evaluation:
    """One view under evaluation: answers, shared by all that is asked of it."""

    def __init__(self, view: View, context: Context, stretch: Stretch | None = None) -> None:
        """stretch: other than what the context says."""
        self.view = view
        self.context = context
        self.zone = context.zone or view.vocabulary.zone
        self._populations: dict[tuple[str, str], Population] = {}
        self._ladders: dict[str, labels.Ladder] = {}
        self._rungs: dict[tuple[str, int | None], Steps] = {}
        self._whole: tuple[Evaluation, Ints] | None = None  # of whom this is about some, and which
        self.stretch = stretch or (ALL_TIME if context.start == BEGINNING else Stretch(context.start, context.horizon))
        self.horizon = context.horizon
        if self.stretch == ALL_TIME:
            self._raise_horizon(context.plan.fixed_instant_max())
        self._family: weakref.ref[Evaluation] = weakref.ref(self)
        self._others: dict[Stretch, Evaluation] = {}
        self._bounds: dict[tuple[str, Reach], tuple[Ints, Ints]] = {}

    def truth(self, test: Test, zone: str = "") -> Steps:
        """The truth of a test for each customer."""
        if self.stretch == ALL_TIME:
            self._raise_horizon(fixed_instant_max(test))
        return self.population(zone).truth(test)

    def measure(self, subject: Subject, zone: str = "") -> Measure:
        """A measure for each customer. ConditionError for those that time alone moves (since, due, age,
        anniversary): they are no step functions; `reading` gives them at an instant."""
        return self.population(zone).measure(subject)

    def ladder(self, name: str, rung: int | None = None) -> Steps:
        """The rung of a definition for each customer, in the definition's zone; -1 for none.

        rung: the last one that matters; whoever has none up to it may be said to have none.
        """
        found = self._told(name, rung)
        if found is None:
            definition = self.context.plan.find(name)
            population = self.population(definition.zone or self.view.vocabulary.zone)
            if name not in self._ladders:
                self._ladders[name] = labels.Ladder([one.test for one in definition.rungs])
            found = self._rungs[name, rung] = self._ladders[name].upto(population, rung)
        return found

    def _told(self, name: str, rung: int | None) -> Steps | None:
        """A ladder that is known already: this one, or of more customers, or over a stretch that began earlier."""
        if self._whole is not None:
            told = self._whole[0]._told(name, rung)
            return None if told is None else told.take(self._whole[1])
        first = self._family() or self
        for stretch, other in ((first.stretch, first), *first._others.items()):
            told = other._rungs.get((name, rung)) or other._rungs.get((name, None))
            if told is not None and stretch.start <= self.stretch.start and stretch.end == self.stretch.end:
                return algebra.clipped(told, self.stretch)
        return None

    def known(self, test: Test, zone: str) -> Steps | None:
        """The truth of a test, if it is known already of more customers."""
        if self._whole is None:
            return None
        told = self._whole[0].population(zone).told(test)
        return None if told is None else told.take(self._whole[1])

    def among(self, places: Ints) -> Evaluation:
        """The same asked about some of the customers, by their places, ascending."""
        found = Evaluation(NarrowView(self.view, places), self.context, self.stretch)
        found.horizon = self.horizon
        found._whole = (self, places)
        return found

    def population(self, zone: str = "") -> Population:
        """The customers of the view, asked about in a zone."""
        return self._population(zone or self.zone, "")

    def look(self, test: Test, instant: int, zone: str = "") -> tuple[Ints, Ints, Ints]:
        """(truth, since, until) of a test at a T of the stretch, int64[n] each. until is cut at the horizon if the
        test recurs by the calendar, and always where a start was given; then since is known only if it is after that
        start, and BEGINNING otherwise."""
        truth, since, until = self.truth(test, zone).look(instant)
        return truth, since, self.certain(test, until)

    def certain(self, test: Test, until: Ints) -> Ints:
        """The instants before which nothing changes for sure, of the untils that steps give."""
        cut = self.stretch != ALL_TIME or self.context.plan.recurs(test)
        return np.minimum(until, self.horizon) if cut else until

    def over(self, stretch: Stretch) -> Evaluation:
        """The same view asked about another stretch of time; kept with the evaluation that was made first, for as long
        as that is held."""
        if stretch == self.stretch:
            return self
        first = self._family() or self
        found = first if stretch == first.stretch else first._others.get(stretch)
        if found is None:
            horizon = first.horizon if stretch.end == NEVER else stretch.end
            context = replace(self.context, start=stretch.start, horizon=horizon)
            found = Evaluation(self.view, context, stretch)
            found._family = self._family
            first._others[stretch] = found
        return found

    def bounds(self, type_name: str, within: Reach) -> tuple[Ints, Ints]:
        """(lows, highs): the rows of a type within reach, of each customer."""
        first = self._family() or self
        found = first._bounds.get((type_name, within))
        if found is None:
            rows, lows, highs = lying(self.view, type_name, ())
            found = intervals.between(lows, highs, rows.at, within.after, within.until)
            first._bounds[type_name, within] = found
        return found

    def _raise_horizon(self, instant: int) -> None:
        self.horizon = max(self.horizon, instant)

    def reading(self, subject: Subject, instant: int, zone: str = "") -> Column:
        """Any subject's values at T for each customer, as a column; spans and ages are INTEGER."""
        return self.population(zone).reading(subject, instant)

    def _population(self, zone: str, kind: str) -> Population:
        found = self._populations.get((zone, kind))
        if found is None:
            records = records_of(self.view, kind, self.stretch) if kind else None
            found = Population(self, zone, records)
            self._populations[zone, kind] = found
        return found

    def records_population(self, zone: str, kind: str) -> Population:
        """The records of a kind that the customers own, asked about in a zone; "" for the customers."""
        return self._population(zone, kind)


class Population:
    """The customers of an evaluation, or the records of a kind that they own, in one zone: an `Ask`."""

    def __init__(self, evaluation: Evaluation, zone: str, records: Records | None) -> None:
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
        self._insides: dict[tuple[Events, str | None, Reach], Sequence[Inside]] = {}

    @property
    def evaluation(self) -> Evaluation:
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
                found = TRUTHS[type(test)](self, test)
            self._truths[test] = found
        return found

    def told(self, test: Test) -> Steps | None:
        """The truth of a test, if it is known already."""
        found = self._truths.get(test)
        return self.evaluation.known(test, self.zone) if found is None and self.records is None else found

    @property
    def _narrows(self) -> bool:
        """Whether it may pay to ask about some of the population only."""
        return self.records is None and self.count >= NARROWED_COUNT_MIN and self.stretch != ALL_TIME

    def only(self, wanted: Callable[[], Flags], work: Callable[[Ask], Steps], rest: int) -> Steps:
        """What some work says of the wanted ones, the value `rest` (or what is right) of the others."""
        if not self._narrows or len(places := np.flatnonzero(wanted())) > NARROWED_SHARE_MAX * self.count:
            return work(self)
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
            types, bounds = present(self.view, events), self.evaluation.bounds
            found = [inside(self.view, kind, events, self.calendar, within, prop, bounds) for kind in types]
            self._insides[events, prop, within] = found
        return found

    def trait(self, of: Trait | RecordTrait) -> Measure:
        """A trait of the customers, or of the records under the quantifier."""
        return self.measure(of)

    def label(self, name: str, value: str) -> Steps:
        """Whether a label has a value, of customers; "": any value."""
        evaluation = self.evaluation
        rung = evaluation.context.plan.rung_of(name, value)
        return labels.member(evaluation.ladder(name, rung), rung)

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


def truth(test: Test, view: View, context: Context) -> Steps:
    """The truth of one test; to ask several things of one view, make an `Evaluation`."""
    return Evaluation(view, context).truth(test)


def measure(subject: Subject, view: View, context: Context) -> Measure:
    """One measure that events change."""
    return Evaluation(view, context).measure(subject)


def ladder(name: str, view: View, context: Context) -> Steps:
    """The rung of one definition of the context's plan."""
    return Evaluation(view, context).ladder(name)
