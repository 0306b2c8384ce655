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
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from yutang.conditions.nodes import Subject, Test
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.evaluation import algebra, labels
from yutang.timeline.evaluation.ask import Measure
from yutang.timeline.evaluation.narrowing import NarrowView, lying
from yutang.timeline.evaluation.population import Population
from yutang.timeline.evaluation.records import records_of
from yutang.timeline.evaluation.selection import Reach
from yutang.timeline.evaluation.together import NOTHING, Common
from yutang.timeline.kernels import intervals
from yutang.timeline.plan import Plan, fixed_instant_max
from yutang.timeline.steps import ALL_TIME, Ints, Steps, Stretch
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

    horizon: the last T for which answers need be right. start: the first; with start = horizon it is one point.
    common: what the conditions that are asked share.
    """

    plan: Plan
    horizon: int
    zone: str = ""
    channels: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: CHANNEL_IDENTITIES)
    start: int = BEGINNING
    common: Common = NOTHING


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

    @property
    def whole(self) -> tuple[Evaluation, Ints] | None:
        """The evaluation of whose customers this asks some, and the places of these; None: it asks all of its own."""
        return self._whole

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
        """The truth of a test, if it is known already of more customers, or is to be."""
        if self._whole is None:
            return None
        population = self._whole[0].population(zone)
        told = population.truth(test) if test in self.context.common.tests else population.told(test)
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


def truth(test: Test, view: View, context: Context) -> Steps:
    """The truth of one test; to ask several things of one view, make an `Evaluation`."""
    return Evaluation(view, context).truth(test)


def measure(subject: Subject, view: View, context: Context) -> Measure:
    """One measure that events change."""
    return Evaluation(view, context).measure(subject)


def ladder(name: str, view: View, context: Context) -> Steps:
    """The rung of one definition of the context's plan."""
    return Evaluation(view, context).ladder(name)
