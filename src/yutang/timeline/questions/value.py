"""Lifetime value: what the customers of a cohort have paid, by the periods since they began.

Amounts are sums over rows by cell (group, cohort, periods since), type by type, refunds with a minus; all exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yutang.conditions.nodes import Events
from yutang.kernel.instants import NEVER
from yutang.timeline.evaluation.selection import Selected
from yutang.timeline.kernels.totals import totals
from yutang.timeline.questions.periods import Periods, cells, selections
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.view import View


@dataclass(frozen=True)
class Plan:
    """What is asked. begin: the set whose first event begins; None: the first event of any kind that counts.

    events, prop: what is paid; less: what is taken off, None for nothing. shown: how many periods.
    """

    begin: Events | None
    events: Events
    prop: str
    less: Events | None
    cohorts: Periods
    shown: int


@dataclass(frozen=True)
class Paid:
    """Of the customers of a view: sizes int64[groups, cohorts]; high, low int64[groups, cohorts, shown], the sums of
    each period (see `totals`); payers, those whose first payment lies in it."""

    sizes: Ints
    high: Ints
    low: Ints
    payers: Ints


def cohort_of(view: View, plan: Plan) -> Ints:
    """int64[n]: the period in which each customer began, -1 outside of the range."""
    if plan.begin is None:
        return plan.cohorts.of(view.first_seen())
    first = np.full(view.count, NEVER, np.int64)
    for one in selections(view, plan.begin, plan.cohorts.calendar):
        there = np.flatnonzero(one.offsets[1:] > one.offsets[:-1])
        first[there] = np.minimum(first[there], one.at[one.offsets[there]])
    return plan.cohorts.of(first)


def paid(view: View, plan: Plan, codes: Ints, groups: int) -> Paid:
    """What a view's customers have paid. codes: the group of each, -1 for none."""
    count, shown = plan.cohorts.count, plan.shown
    cohort = cohort_of(view, plan)
    mine = np.where((codes >= 0) & (cohort >= 0), 0, -1)
    place = np.where(mine == 0, codes * count + cohort, -1)
    high, low = np.zeros((2, groups * count * shown), np.int64)
    first = first_paid(view, plan, cohort)
    for events, sign in ((plan.events, 1), (plan.less, -1)):
        for one in selections(view, events, plan.cohorts.calendar, plan.prop) if events is not None else []:
            owner, since, values = _rows(one, plan, cohort, mine)
            more = totals(place[owner] * shown + since, sign * values, len(high))
            high, low = high + more[0], low + more[1]
    sizes = np.bincount(place[place >= 0], minlength=groups * count)
    payers = (place >= 0) & (first < shown)
    counts = np.bincount(place[payers] * shown + first[payers], minlength=len(high))
    shape = (groups, count, shown)
    return Paid(sizes.reshape(groups, count), high.reshape(shape), low.reshape(shape), counts.reshape(shape))


def first_paid(view: View, plan: Plan, cohort: Ints) -> Ints:
    """int64[n]: the period, from 0 for the one in which the customer began, of its first payment; `shown` if none."""
    first = np.full(view.count, plan.shown, np.int64)
    mine = np.where(cohort >= 0, 0, -1)
    for one in selections(view, plan.events, plan.cohorts.calendar, plan.prop):
        owner, since, _ = _rows(one, plan, cohort, mine)
        np.minimum.at(first, owner, since)
    return first


def payers(view: View, plan: Plan, cohort: int | None, period: int, complete: Flags) -> Flags:
    """bool[n]: who of a cohort (None: of those for which the period is over) had paid by the end of a period."""
    place = cohort_of(view, plan)
    mine = (place >= 0) & (complete[place, period] if cohort is None else place == cohort)
    found: Flags = mine & (first_paid(view, plan, place) <= period)
    return found


def _rows(selected: Selected, plan: Plan, cohort: Ints, mine: Ints) -> tuple[Ints, Ints, Ints]:
    """(owner, periods since it began, amount) of the rows that count. mine: 0 for customers that do, else -1."""
    place = cells(selected, mine, plan.cohorts)
    owner = np.repeat(np.arange(len(cohort)), np.diff(selected.offsets))
    values = selected.with_values().values
    since = place - cohort[owner]
    kept = (place >= 0) & (since >= 0) & (since < plan.shown) & (values != UNKNOWN)
    return owner[kept], since[kept], values[kept]
