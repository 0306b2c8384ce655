"""Evaluation: any condition over a view, as one truth over all time for each customer.

`Evaluation` holds a view, a plan and the answers so far; `truth` and `ladder` give step functions, so
that truth, since and until at any T are look-ups, a change feed is their changes, and incremental and
full answers are the same function. Equal nodes in equal zones are computed once, across definitions.

The horizon: comparisons with an anniversary come back for ever and are put together only as far as the
horizon of the context. Answers are right for T <= horizon; an `until` beyond it is only certain to be
beyond it, so `look` cuts it there for tests that recur (`Plan.recurs`), and leaves all others alone.
`in(label) at t` reads the label at its own instant, even one later than T; the horizon is raised to it.

Cost: linear in the events of the types named, for each node; see `kernels`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

import numpy as np

from yutang.conditions import nodes
from yutang.conditions.nodes import Events, RecordTrait, Subject, Test, Trait
from yutang.conditions.vocabulary import Kind
from yutang.kernel.errors import ConditionError
from yutang.timeline.boundaries import Calendar, calendar
from yutang.timeline.evaluation import algebra, comparison, labels, measures, sequences, states
from yutang.timeline.evaluation.ask import Measure
from yutang.timeline.evaluation.dates import timed
from yutang.timeline.evaluation.records import Records, mentions_record, record_trait, records_of
from yutang.timeline.evaluation.selection import Selected, select
from yutang.timeline.kernels import merges
from yutang.timeline.plan import Plan, fixed_instant_max
from yutang.timeline.steps import UNKNOWN, Ints, Steps
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


@dataclass(frozen=True, slots=True)
class Context:
    """What an evaluation needs besides events. zone: of tests that belong to no definition, "" for the pool's.

    horizon: the last T for which answers that recur by the calendar need be right.
    """

    plan: Plan
    horizon: int
    zone: str = ""
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: CHANNEL_IDENTITIES)


class Evaluation:
    """One view under evaluation: answers, shared by all that is asked of it."""

    def __init__(self, view: View, context: Context) -> None:
        self.view = view
        self.context = context
        self.zone = context.zone or view.vocabulary.zone
        self._populations: dict[tuple[str, str], Population] = {}
        self._ladders: dict[str, Steps] = {}
        self.horizon = max(context.horizon, context.plan.fixed_instant_max())

    def truth(self, test: Test, zone: str = "") -> Steps:
        """The truth of a test for each customer."""
        self.horizon = max(self.horizon, fixed_instant_max(test))
        return self.population(zone).truth(test)

    def measure(self, subject: Subject, zone: str = "") -> Measure:
        """A measure for each customer. ConditionError for those that time alone moves (since, due, age,
        anniversary): they are no step functions; `reading` gives them at an instant."""
        return self.population(zone).measure(subject)

    def ladder(self, name: str) -> Steps:
        """The rung of a definition for each customer, in the definition's zone; -1 for none."""
        found = self._ladders.get(name)
        if found is None:
            definition = self.context.plan.find(name)
            population = self.population(definition.zone or self.view.vocabulary.zone)
            found = labels.ladder(self.view.first_seen(), [population.truth(rung.test) for rung in definition.rungs])
            self._ladders[name] = found
        return found

    def population(self, zone: str = "") -> Population:
        """The customers of the view, asked about in a zone."""
        return self._population(zone or self.zone, "")

    def look(self, test: Test, instant: int, zone: str = "") -> tuple[Ints, Ints, Ints]:
        """(truth, since, until) of a test at T <= horizon, int64[n] each; until is cut at the horizon if the test
        recurs by the calendar."""
        truth, since, until = self.truth(test, zone).look(instant)
        return truth, since, self.certain(test, until)

    def certain(self, test: Test, until: Ints) -> Ints:
        """The instants before which nothing changes for sure, of the untils that steps give."""
        return np.minimum(until, self.horizon) if self.context.plan.recurs(test) else until

    def reading(self, subject: Subject, instant: int, zone: str = "") -> Column:
        """Any subject's values at T for each customer, as a column; spans and ages are INTEGER."""
        return self.population(zone).reading(subject, instant)

    def _population(self, zone: str, kind: str) -> Population:
        found = self._populations.get((zone, kind))
        if found is None:
            records = records_of(self.view, kind) if kind else None
            found = Population(self, zone, records)
            self._populations[zone, kind] = found
        return found

    def records_population(self, zone: str, kind: str) -> Population:
        """The records of a kind that the customers own, asked about in a zone."""
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
        self._truths: dict[Test, Steps] = {}
        self._measures: dict[Subject, Measure] = {}
        self._selections: dict[tuple[Events, str | None], Selected] = {}

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
        found = self._truths.get(test)
        if found is None:
            if self.records is not None and not mentions_record(test):
                found = self._owners().truth(test).take(self.records.owner)
            else:
                found = _TRUTHS[type(test)](self, test)
            self._truths[test] = found
        return found

    def measure(self, subject: Subject) -> Measure:
        """A measure for each of the population."""
        found = self._measures.get(subject)
        if found is None:
            rule = _MEASURES.get(type(subject))
            if rule is None:
                raise ConditionError(
                    "condition.not_a_measure", f"{type(subject).__name__} has no value that events alone change"
                )
            found = self._measures[subject] = rule(self, subject)
        return found

    def reading(self, subject: Subject, instant: int) -> Column:
        """Any subject's values at T for each of the population."""
        if isinstance(subject, (nodes.Since, nodes.Due, nodes.Age, nodes.Anniversary)):
            moved = timed(self, subject)
            base = moved.base.steps.values_at(instant)
            known = base != UNKNOWN
            values = moved.value_at(np.where(known, base, instant), instant)
            return Column(Kind.INTEGER, np.where(known, values, UNKNOWN))
        measure = self.measure(subject)
        return Column(measure.kind, measure.steps.values_at(instant), measure.words)

    def select(self, events: Events, prop: str | None = None) -> Selected:
        """The events of a set; of customers, whatever the population."""
        found = self._selections.get((events, prop))
        if found is None:
            found = self._selections[events, prop] = select(self.view, events, self.calendar, prop)
        return found

    def trait(self, of: Trait | RecordTrait) -> Measure:
        """A trait of the customers, or of the records under the quantifier."""
        return self.measure(of)

    def open_records(self, kind: str) -> tuple[Population, Steps]:
        """(the records of a kind as a population, when each is open)."""
        population = self.evaluation.records_population(self.zone, kind)
        return population, cast("Records", population.records).standing.truth

    def _owners(self) -> Population:
        return self.evaluation.population(self.zone)

    def own_trait(self, of: Trait) -> Measure:
        """A customer's trait, handed down to records."""
        if self.records is not None:
            return self._owners().measure(of).take(self.records.owner)
        return states.trait(self.view, of.name)

    def own_record_trait(self, of: RecordTrait) -> Measure:
        """A trait of the record under the quantifier."""
        if self.records is None:
            raise ConditionError(
                "condition.no_record",
                f"record.{of.name} stands outside of any record",
                remedy="write it inside any kind(…), all kind(…) or count kind(…)",
            )
        return record_trait(self.view, self.records, of.name)


def _counted(ask: Population, kind: str, test: Test | None, negated: bool = False) -> Steps:
    """How many open records satisfy a test (or don't)."""
    population, open_ = ask.open_records(kind)
    truth = open_
    if test is not None:
        inner = population.truth(test)
        truth = algebra.both(open_, algebra.invert(inner) if negated else inner)
    return algebra.folded(truth, cast("Records", population.records).owner, ask.view.count)


def _any_record(ask: Population, node: nodes.AnyRecord) -> Steps:
    found = _counted(ask, node.kind, node.test)
    return algebra.mapped(found, found.value > 0)


def _all_records(ask: Population, node: nodes.AllRecords) -> Steps:
    some, failing = _counted(ask, node.kind, None), _counted(ask, node.kind, node.test, negated=True)
    return algebra.both(algebra.mapped(some, some.value > 0), algebra.mapped(failing, failing.value == 0))


def _at_least(ask: Population, tests: tuple[Test, ...], count: int) -> Steps:
    if not tests:
        return algebra.constant(ask.count, int(count <= 0))
    total = algebra.reduce([ask.truth(test) for test in tests], merges.TOTAL)
    return algebra.mapped(total, total.value >= count)


def _all(ask: Population, node: nodes.All) -> Steps:
    truths = [ask.truth(test) for test in node.tests]
    return algebra.reduce(truths, merges.LEAST) if truths else algebra.constant(ask.count, 1)


def _any(ask: Population, node: nodes.Any) -> Steps:
    truths = [ask.truth(test) for test in node.tests]
    return algebra.reduce(truths, merges.GREATEST) if truths else algebra.constant(ask.count, 0)


def _label(ask: Population, label: str, value: str) -> Steps:
    evaluation = ask.evaluation
    return labels.member(evaluation.ladder(label), evaluation.context.plan.rung_of(label, value))


def _moved(ask: Population, node: nodes.Moved) -> Steps:
    return algebra.moved(_label(ask, node.label, node.value), node.ms, node.left)


def _reachable(ask: Population, node: nodes.Reachable) -> Steps:
    return states.reachable(ask, node, ask.evaluation.context.channels.get(node.channel, ()))


_Truth = Callable[[Population, Test], Steps]
_Measured = Callable[[Population, Subject], Measure]


def _asked(rule: object) -> _Truth:
    """A rule for one node type, as the table holds it: the key is the type, so the cast is sound."""
    return cast("_Truth", rule)


_TRUTHS: Mapping[type, _Truth] = {
    node_type: _asked(rule)
    for node_type, rule in (
        (nodes.Compare, comparison.compare),
        (nodes.OneOf, comparison.one_of),
        (nodes.Unknown, comparison.unknown),
        (nodes.Happened, measures.happened),
        (nodes.Never, measures.never),
        (nodes.EachPeriod, measures.each_period),
        (nodes.Sequence, sequences.sequence),
        (nodes.Returned, measures.returned),
        (nodes.NotFollowed, sequences.not_followed),
        (nodes.InLabel, lambda ask, node: labels.in_label(_label(ask, node.label, node.value), node)),
        (nodes.Moved, _moved),
        (nodes.HasTag, states.tag),
        (nodes.Consent, states.consent),
        (nodes.Reachable, _reachable),
        (nodes.Related, states.related),
        (nodes.AnyRecord, _any_record),
        (nodes.AllRecords, _all_records),
        (nodes.Share, lambda ask, node: labels.share(ask.view.lead_hash(), node)),
        (nodes.Hold, lambda ask, node: algebra.holding(ask.truth(node.test), node.ms)),
        (nodes.Not, lambda ask, node: algebra.invert(ask.truth(node.test))),
        (nodes.All, _all),
        (nodes.Any, _any),
        (nodes.AtLeast, lambda ask, node: _at_least(ask, node.tests, node.count)),
        (nodes.Always, lambda ask, node: algebra.constant(ask.count, 1)),
    )
}

_MEASURES: Mapping[type, _Measured] = {
    node_type: cast("_Measured", rule)
    for node_type, rule in (
        (nodes.Trait, lambda ask, node: ask.own_trait(node)),
        (nodes.RecordTrait, lambda ask, node: ask.own_record_trait(node)),
        (nodes.Count, measures.count),
        (nodes.Aggregate, measures.aggregate),
        (nodes.Periods, measures.periods),
        (nodes.RecordCount, lambda ask, node: Measure(_counted(ask, node.kind, node.test), Kind.INTEGER)),
    )
}


def truth(test: Test, view: View, context: Context) -> Steps:
    """The truth of one test; to ask several things of one view, make an `Evaluation`."""
    return Evaluation(view, context).truth(test)


def measure(subject: Subject, view: View, context: Context) -> Measure:
    """One measure that events change."""
    return Evaluation(view, context).measure(subject)


def ladder(name: str, view: View, context: Context) -> Steps:
    """The rung of one definition of the context's plan."""
    return Evaluation(view, context).ladder(name)
