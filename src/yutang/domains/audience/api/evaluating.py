"""The audience's place in an epoch, and evaluation of conditions at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from yutang.conditions.nodes import Unit
from yutang.domains.audience.contracts import Quintile
from yutang.domains.audience.rules import AudienceState, Found
from yutang.kernel.instants import NEVER
from yutang.runtime.log.contracts import Epoch, Slot
from yutang.runtime.slots import PEOPLE, TIMELINE, VOCABULARY
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.everyone import CUSTOMERS_AT_ONCE_MAX, THREADS_COUNT, Everyone
from yutang.timeline.pinned import PinnedView
from yutang.timeline.plan import Plan
from yutang.timeline.steps import Flags, Ints

AUDIENCE: Slot[AudienceState] = Slot("audience")
T = TypeVar("T")


def everyone(epoch: Epoch, heads: Ints | None = None) -> Everyone:
    """Some customers of an epoch, or all of them, to ask something about."""
    return Everyone(epoch[TIMELINE], epoch[PEOPLE], epoch[VOCABULARY], heads)


def evaluation(epoch: Epoch, heads: Ints, horizon_ms: int, plan: Plan | None = None) -> Evaluation:
    """An evaluation of some customers at an epoch. horizon: the last instant that it will be asked about."""
    view = PinnedView(epoch[TIMELINE], epoch[PEOPLE], heads, epoch[VOCABULARY])
    return Evaluation(view, Context(plan or epoch[AUDIENCE].plan, horizon_ms))


def in_chunks(
    epoch: Epoch, heads: Ints, horizon_ms: int, plan: Plan | None = None
) -> Iterator[tuple[slice, Evaluation]]:
    """(place in `heads`, evaluation) of some customers, so many at once as memory is meant for; at least one."""
    for start in range(0, max(1, len(heads)), CUSTOMERS_AT_ONCE_MAX):
        part = slice(start, start + CUSTOMERS_AT_ONCE_MAX)
        yield part, evaluation(epoch, heads[part], horizon_ms, plan)


def by_chunk(
    epoch: Epoch, heads: Ints, horizon_ms: int, plan: Plan | None, work: Callable[[slice, Evaluation], T]
) -> list[T]:
    """What some work gives for each chunk of some customers, in their order; several chunks at a time.

    The work may be called by several threads at once, and must keep no evaluation.
    """

    def one(start: int) -> T:
        part = slice(start, start + CUSTOMERS_AT_ONCE_MAX)
        return work(part, evaluation(epoch, heads[part], horizon_ms, plan))

    starts = range(0, max(1, len(heads)), CUSTOMERS_AT_ONCE_MAX)
    if len(starts) == 1:
        return [one(0)]
    with ThreadPoolExecutor(THREADS_COUNT, "evaluating") as threads:
        return list(threads.map(one, starts))


def look_ladder(evaluated: Evaluation, name: str, instant: int) -> tuple[Ints, Ints, Ints]:
    """(code, since, until) of a ladder at an instant for each customer; until is cut where it is only a bound."""
    value, since, until = evaluated.ladder(name).look(instant)
    if evaluated.context.plan.label_recurs(name):
        until = np.minimum(until, evaluated.horizon)
    return value, since, until


def stood(evaluated: Evaluation, heads: Ints, instant: int) -> Found:
    """Where the customers of an evaluation stand at an instant, by all ladders of its plan."""
    names = evaluated.context.plan.names
    codes = np.empty((len(names), len(heads)), np.int64)
    due = np.full(len(heads), NEVER, np.int64)
    for place, name in enumerate(names):
        codes[place], _, until = look_ladder(evaluated, name, instant)
        np.minimum(due, until, out=due)
    return Found(heads, codes, due)


def midnight_before(zone: Calendar, instant: int) -> int:
    """The last midnight at or before an instant."""
    day = zone.periods(np.array([instant], np.int64), Unit.DAY)
    return int(zone.period_begins(day, Unit.DAY)[0])


def measured(evaluated: Evaluation, quintile: Quintile, instant: int) -> tuple[Ints, Flags]:
    """(measure, who is among those compared) of each customer at an instant: what `rules.quintiles` takes."""
    among = evaluated.truth(quintile.among).values_at(instant) == 1
    among &= evaluated.view.first_seen() <= min(instant, NEVER - 1)
    return evaluated.reading(quintile.by, instant).values, among
