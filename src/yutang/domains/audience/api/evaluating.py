"""The audience's place in an epoch, and evaluation of conditions at it."""

from __future__ import annotations

import numpy as np

from yutang.conditions.nodes import Unit
from yutang.domains.audience.contracts import Quintile
from yutang.domains.audience.rules import AudienceState, quintiles
from yutang.kernel.instants import NEVER
from yutang.runtime.log.contracts import Epoch, Slot
from yutang.runtime.slots import PEOPLE, TIMELINE, VOCABULARY
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.pinned import PinnedView
from yutang.timeline.plan import Plan
from yutang.timeline.steps import Ints

AUDIENCE: Slot[AudienceState] = Slot("audience")


def evaluation(epoch: Epoch, heads: Ints, horizon_ms: int, plan: Plan | None = None) -> Evaluation:
    """An evaluation of some customers at an epoch. horizon: the last instant that it will be asked about."""
    view = PinnedView(epoch[TIMELINE], epoch[PEOPLE], heads, epoch[VOCABULARY])
    return Evaluation(view, Context(plan or epoch[AUDIENCE].plan, horizon_ms))


def look_ladder(evaluated: Evaluation, name: str, instant: int) -> tuple[Ints, Ints, Ints]:
    """(code, since, until) of a ladder at an instant for each customer; until is cut where it is only a bound."""
    value, since, until = evaluated.ladder(name).look(instant)
    plan = evaluated.context.plan
    if any(plan.recurs(rung.test) for rung in plan.find(name).rungs):
        until = np.minimum(until, evaluated.horizon)
    return value, since, until


def midnight_before(zone: Calendar, instant: int) -> int:
    """The last midnight at or before an instant."""
    day = zone.periods(np.array([instant], np.int64), Unit.DAY)
    return int(zone.period_begins(day, Unit.DAY)[0])


def quintile_codes(evaluated: Evaluation, quintile: Quintile, instant: int) -> Ints:
    """The quintile of each customer at an instant (place in `Label.values`, or NO_VALUE)."""
    among = evaluated.truth(quintile.among).values_at(instant) == 1
    among &= evaluated.view.first_seen() <= min(instant, NEVER - 1)
    measured = evaluated.reading(quintile.by, instant)
    return quintiles(measured.values, among, low_is_best=quintile.low_is_best)
