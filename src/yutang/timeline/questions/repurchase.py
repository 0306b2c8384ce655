"""Repurchase: after how long, and how likely, the next order follows.

Orders of a customer are rows in order, so the n-th is one look-up, and what lies between two is one difference. Whoever
hasn't had the time to buy again (*early*) is told apart from who didn't.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yutang.conditions.nodes import Events
from yutang.kernel.instants import DAY_MS, NEVER
from yutang.timeline.evaluation.selection import select
from yutang.timeline.questions.buckets import DAYS
from yutang.timeline.questions.periods import Periods
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.view import View


@dataclass(frozen=True)
class Plan:
    """What is asked. within_ms: how soon an order must follow. orders: up to which one. cohorts: of first orders."""

    events: Events
    within_ms: int
    orders: int
    cohorts: Periods


@dataclass(frozen=True)
class Bought:
    """The orders of n customers up to the end of the range. offsets, at: as in a slice."""

    plan: Plan
    offsets: Ints
    at: Ints

    def order(self, number: int) -> Ints:
        """int64[n]: the instant of the order of that number, from 1; NEVER if there is none."""
        rows = self.offsets[:-1] + number - 1
        there = rows < self.offsets[1:]
        found = np.full(len(rows), NEVER, np.int64)
        found[there] = self.at[rows[there]]
        return found

    def cohort(self) -> Ints:
        """int64[n]: the period of the first order, -1 outside of the range or without any."""
        return self.plan.cohorts.of(self.order(1))

    def ready(self, number: int = 1) -> Flags:
        """bool[n]: whose order of that number lies in the range, and so long back that the next had its time."""
        at, cohorts = self.order(number), self.plan.cohorts
        found: Flags = (at >= cohorts.since_ms) & (at <= cohorts.until_ms - self.plan.within_ms)
        return found

    def again(self, number: int, after: int) -> Flags:
        """bool[n]: who had the order of that number soon enough after another one."""
        earlier, later = self.order(after), self.order(number)
        there = later < NEVER
        found = np.zeros(len(later), np.bool_)
        found[there] = later[there] - earlier[there] <= self.plan.within_ms
        return found

    def gaps(self) -> tuple[Ints, Ints]:
        """(owner, ms) of what lies between two orders of a customer, the later one in the range."""
        owner = np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))
        follows = np.zeros(len(self.at), np.bool_)
        follows[1:] = owner[1:] == owner[:-1]
        follows &= self.at >= self.plan.cohorts.since_ms
        rows = np.flatnonzero(follows)
        return owner[rows], self.at[rows] - self.at[rows - 1]


def bought(view: View, plan: Plan) -> Bought:
    """The orders of a view's customers."""
    selected = select(view, plan.events, plan.cohorts.calendar)
    kept = selected.keep(selected.at <= plan.cohorts.until_ms)
    return Bought(plan, kept.offsets, kept.at)


def cohorts(found: Bought, codes: Ints, groups: int) -> tuple[Ints, Ints, Ints]:
    """(buyers, those who had the time, those of them who had the 2nd, 3rd … order): int64[groups, cohorts], the last
    int64[orders - 1, groups, cohorts]. codes: of each customer, -1 for none."""
    count = found.plan.cohorts.count
    cohort = found.cohort()
    place = np.where((codes >= 0) & (cohort >= 0), codes * count + cohort, -1)
    ready = np.where(found.ready(), place, -1)
    again = [_table(ready[found.again(n, 1)], groups, count) for n in range(2, found.plan.orders + 1)]
    return _table(place, groups, count), _table(ready, groups, count), np.array(again).reshape(-1, groups, count)


def following(found: Bought, codes: Ints, groups: int) -> Ints:
    """int64[orders, groups, 2]: of those with the n-th order and the time for the next, how many; and had it soon."""
    rows = []
    for number in range(1, found.plan.orders + 1):
        ready = np.where((codes >= 0) & found.ready(number), codes, -1)
        rows.append([_sizes(ready, groups), _sizes(ready[found.again(number + 1, number)], groups)])
    return np.array(rows).transpose(0, 2, 1)


def gaps(found: Bought, codes: Ints) -> tuple[Ints, Ints]:
    """(group, ms) of what lies between two orders."""
    owner, span = found.gaps()
    mine = codes[owner] >= 0
    return codes[owner[mine]], span[mine]


def next_gaps(found: Bought, codes: Ints, number: int) -> tuple[Ints, Ints]:
    """(group, ms) of what lies between the n-th order, if it lies in the range, and the next."""
    earlier, later = found.order(number), found.order(number + 1)
    mine = (codes >= 0) & (later < NEVER) & (earlier >= found.plan.cohorts.since_ms)
    return codes[mine], later[mine] - earlier[mine]


def has_gap(found: Bought, bucket: int) -> Flags:
    """bool[n]: between which customers' orders lay so many days once at least."""
    owner, span = found.gaps()
    flags = np.zeros(len(found.offsets) - 1, np.bool_)
    flags[owner[DAYS.of(span // DAY_MS) == bucket]] = True
    return flags


def _table(places: Ints, groups: int, count: int) -> Ints:
    return _sizes(places, groups * count).reshape(groups, count)


def _sizes(places: Ints, count: int) -> Ints:
    return np.bincount(places[places >= 0], minlength=count)
