"""What customers were, instant by instant: a ladder's value, or whether a condition held.

`course_of` says how the state of each customer is read; `states` evaluates it at instants, `tables` counts moves over
periods. A ladder's own evaluation is a step function, so many periods cost one walk over it; a quintile is relative to
everybody and has a value at instants only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from yutang.conditions.nodes import Test
from yutang.domains.audience.api import questions
from yutang.domains.audience.api.evaluating import AUDIENCE, POINT_CUSTOMERS_AT_ONCE_MAX, point, read_for
from yutang.domains.audience.contracts import Label
from yutang.domains.insight.api.asking import Scoped
from yutang.domains.insight.api.ranges import codes_of, name_in, no_property, range_from, unit_asked
from yutang.domains.insight.contracts.asking import Cell
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import BEGINNING
from yutang.runtime.desk import Desk
from yutang.runtime.log.contracts import Epoch
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.everyone import Part
from yutang.timeline.questions.flow import Codes, Tables, between, bounds_of, joined, over, states_at
from yutang.timeline.steps import Flags, Ints, Steps
from yutang.timeline.view import View

EVERYBODY = ""  # the group of all, where there is no breakdown
FIGURES_COUNT_MAX = 1_000_000  # pairs of states of all groups and periods: 8 MB for each part of the customers

Read = Callable[[Evaluation], Steps]  # the place of each customer's value, below 0 for none


@dataclass(frozen=True, slots=True)
class Period:
    """A period of a series: what changed in (begin, end] is its own. name: the first local day of it."""

    name: str
    begin: int
    end: int


@dataclass(frozen=True)
class Course:
    """How the states of all customers are read. values: how many there are but none and absent. groups: int64, of each
    customer, below 0 for those whom the scope isn't about; names: of the groups, (EVERYBODY,) without a breakdown.
    tests: what gives each value, asked in the zone ("": the pool's). types: of events that must be read."""

    epoch: Epoch
    scoped: Scoped
    values: int
    groups: Ints
    names: tuple[str, ...]
    read: Read | None
    tests: tuple[Test, ...] = ()
    zone: str = ""
    types: frozenset[str] = frozenset()
    quintile: str = ""

    def states(self, *instants: int) -> tuple[Codes, ...]:
        """int8[customers] for each of some instants."""
        if self.read is None:
            return tuple(self._ranked(instant) for instant in instants)
        context = point(self.epoch, instants[0])

        def at(view: View) -> list[Codes]:
            return states_at(view, context, self.zone, self.tests, instants)

        return self.scoped.everyone.columns(at, self.types, POINT_CUSTOMERS_AT_ONCE_MAX)

    def tables(self, periods: Sequence[Period]) -> Tables:
        """Who moved from where to where in each period. Raises InvalidError for more figures than can be kept."""
        figures = len(periods) * len(self.names) * (self.values + 2) ** 2
        if figures > FIGURES_COUNT_MAX:
            raise InvalidError(
                "insight.too_many_figures", f"{len(periods)} periods of {len(self.names)} groups and {self.values} "
                f"values have {figures:,} pairs, more than {FIGURES_COUNT_MAX:,}", where="per",
                remedy="ask for longer periods, fewer groups or a shorter span",
            )  # fmt: skip
        if self.read is None:
            return self._by_points(periods)
        read, plan = self.read, self.epoch[AUDIENCE].plan
        bounds = np.array([periods[0].begin, *(one.end for one in periods)], np.int64)
        context = Context(plan, int(bounds[-1]), start=int(bounds[0]))

        def work(part: Part) -> tuple[Ints, Ints]:
            ladder = read(Evaluation(part.view, context))
            return over(part.view, ladder, codes_of(self.scoped, part), bounds, len(self.names), self.values)

        return joined(self.scoped.everyone.map(work, self.types), len(periods), len(self.names), self.values)

    def behind(self, cell: Cell) -> Flags:
        """bool[customers]: whom the scope is about, of the cell's `group`. Raises InvalidError."""
        if not cell.get("group", EVERYBODY):
            return self.groups >= 0
        found: Flags = self.groups == name_in(cell, "group", self.names if self.names != (EVERYBODY,) else ())
        return found

    def _by_points(self, periods: Sequence[Period]) -> Tables:
        (before,) = self.states(periods[0].begin)
        found = []
        for period in periods:
            (after,) = self.states(period.end)
            found.append(between(before, after, self.groups, len(self.names), self.values))
            before = after
        return Tables(np.concatenate([one.before for one in found]), np.concatenate([one.moved for one in found]))

    def _ranked(self, instant: int) -> Codes:
        codes = questions.quintile_codes(self.epoch, self.quintile, instant)
        (seen,) = self.scoped.everyone.columns(lambda view: (view.first_seen() <= instant,), ())
        return np.where(seen, np.where(codes < 0, self.values, codes), self.values + 1).astype(np.int8)


def course_of(desk: Desk, asked: Scoped, label: Label) -> Course:
    """Of a label's values."""
    name, groups = label.name, _groups(asked)
    if label.quintile is not None:
        return Course(desk.epoch, asked, len(label.values), *groups, None, quintile=name)
    tests = tuple(rung.test for rung in label.rungs)

    def read(evaluation: Evaluation) -> Steps:
        return evaluation.ladder(name)

    return Course(desk.epoch, asked, len(tests), *groups, read, tests, label.zone, read_for(desk.epoch, tests))


def course_of_test(desk: Desk, asked: Scoped, test: Test) -> Course:
    """Of a condition, as a ladder of one value."""

    def read(evaluation: Evaluation) -> Steps:
        truth = evaluation.truth(test, asked.calendar.name)
        return Steps(truth.offsets, truth.at, truth.value - 1)

    types = read_for(desk.epoch, [test])
    return Course(desk.epoch, asked, 1, *_groups(asked), read, (test,), asked.calendar.name, types)


def _groups(asked: Scoped) -> tuple[Ints, tuple[str, ...]]:
    """(of each customer the group, below 0 for whom it isn't about; the groups)."""
    no_property(asked)
    if not asked.groups.names:
        return np.where(asked.who, 0, -1), (EVERYBODY,)
    return np.where(asked.who, asked.groups.codes, -1), asked.groups.names


def periods_asked(asked: Scoped, per: str) -> tuple[Period, ...]:
    """The periods between the scope's instants; none if none are asked for. Raises InvalidError."""
    if not per:
        return ()
    unit = unit_asked(per)
    if asked.since_ms == BEGINNING:
        raise InvalidError(
            "insight.since_missing", "a series needs a beginning", where="since",
            remedy="name the instant from which on",
        )  # fmt: skip
    periods = range_from(asked, unit, asked.since_ms)
    ends = pairwise(bounds_of(periods).tolist())
    return tuple(Period(name, begin, end) for name, (begin, end) in zip(periods.names, ends, strict=True))


def period_in(cell: Cell, periods: Sequence[Period]) -> Period | None:
    """The period that a cell names, if it names one. Raises InvalidError."""
    if not cell.get("period", ""):
        return None
    return periods[name_in(cell, "period", [one.name for one in periods])]
