"""The audience's place in an epoch, and evaluation of conditions at it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from yutang.conditions.nodes import Node, Test, Unit
from yutang.domains.audience.contracts import Quintile
from yutang.domains.audience.rules.changes import AudienceState
from yutang.kernel.instants import NEVER
from yutang.runtime.log.contracts import Epoch, Slot
from yutang.runtime.slots import PEOPLE, TIMELINE, VOCABULARY
from yutang.timeline.boundaries import Calendar
from yutang.timeline.concerns import ANY_EVENT, types_read
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.evaluation.together import common
from yutang.timeline.everyone import CUSTOMERS_AT_ONCE_MAX, Everyone, batch_view
from yutang.timeline.machine.alone import Programs
from yutang.timeline.plan import Plan
from yutang.timeline.steps import Flags, Ints, Stretch
from yutang.timeline.view import View

AUDIENCE: Slot[AudienceState] = Slot("audience")
# At a point a function is a number a customer: what a part costs in itself outweighs what fits the cache.
POINT_CUSTOMERS_AT_ONCE_MAX = 131_072
SEVERAL_CUSTOMERS_AT_ONCE_MAX = 65_536  # the same where many conditions are asked, and all their answers held
_programs = Programs()


def everyone(epoch: Epoch, heads: Ints | None = None) -> Everyone:
    """Some customers of an epoch, or all of them, to ask something about."""
    return Everyone(epoch[TIMELINE], epoch[PEOPLE], epoch[VOCABULARY], heads)


def evaluation(epoch: Epoch, heads: Ints, horizon_ms: int, plan: Plan | None = None) -> Evaluation:
    """An evaluation of some customers at an epoch. horizon: the last instant that it will be asked about."""
    view = batch_view(epoch[TIMELINE], epoch[PEOPLE], heads, epoch[VOCABULARY])
    return Evaluation(view, Context(plan or epoch[AUDIENCE].plan, horizon_ms))


def in_chunks(
    epoch: Epoch, heads: Ints, horizon_ms: int, plan: Plan | None = None
) -> Iterator[tuple[slice, Evaluation]]:
    """(place in `heads`, evaluation) of some customers, so many at once as memory is meant for; at least one."""
    for start in range(0, max(1, len(heads)), CUSTOMERS_AT_ONCE_MAX):
        part = slice(start, start + CUSTOMERS_AT_ONCE_MAX)
        yield part, evaluation(epoch, heads[part], horizon_ms, plan)


def point(epoch: Epoch, instant: int, tests: Iterable[Test] = ()) -> Context:
    """What an evaluation at an instant needs, with the labels in force. tests: all that are asked, if there are
    several: what they have in common is worked out once."""
    plan = epoch[AUDIENCE].plan
    return Context(plan, instant, start=instant, common=common(tests, plan))


def holds(epoch: Epoch, head: int, test: Test, instant: int) -> bool:
    """Whether one customer counts at an instant and satisfies a condition then: what is asked again and again of one
    customer after the other. Cost: 3 to 20 us once the condition has a program (`machine.alone`)."""
    state, people, vocabulary, plan = epoch[TIMELINE], epoch[PEOPLE], epoch[VOCABULARY], epoch[AUDIENCE].plan
    program = _programs.of(test, plan, vocabulary, state)
    if program is not None:
        return program.holds(state, people, head, instant)
    view = batch_view(state, people, np.array([head], np.int64), vocabulary)
    evaluated = Evaluation(view, Context(plan, instant, start=instant))
    return bool(view.first_seen()[0] <= min(instant, NEVER - 1) and evaluated.truth(test).value[0])


def read_for(epoch: Epoch, nodes: Iterable[Node]) -> frozenset[str]:
    """The event types that must be read for some conditions and measures: what `Everyone` is fastest with."""
    found = types_read(nodes, epoch[AUDIENCE].plan, epoch[VOCABULARY])
    if ANY_EVENT not in found:
        return found
    return found | {name for name, track in epoch[TIMELINE].tracks.items() if not track.system}


def look_ladder(evaluated: Evaluation, name: str, instant: int) -> tuple[Ints, Ints, Ints]:
    """(code, since, until) of a ladder at an instant for each customer; until is cut where it is only a bound."""
    value, since, until = evaluated.ladder(name).look(instant)
    if evaluated.context.plan.label_recurs(name):
        until = np.minimum(until, evaluated.horizon)
    return value, since, until


def looked_again(view: View, horizon_ms: int) -> Ints:
    """int64[n]: when each customer of a view is looked at again if nothing is found to change before: at the horizon,
    up to which things are worked out; never, if it has no event yet, for then it has no value."""
    return np.where(view.first_seen() < NEVER, horizon_ms, NEVER)


def midnight_before(zone: Calendar, instant: int) -> int:
    """The last midnight at or before an instant."""
    day = zone.periods(np.array([instant], np.int64), Unit.DAY)
    return int(zone.period_begins(day, Unit.DAY)[0])


def measured(evaluated: Evaluation, quintile: Quintile, instant: int) -> tuple[Ints, Flags]:
    """(measure, who is among those compared) of each customer at an instant: what `rules.quintiles` takes."""
    evaluated = evaluated.over(Stretch.at(instant))
    among = evaluated.truth(quintile.among).value == 1
    among &= evaluated.view.first_seen() <= min(instant, NEVER - 1)
    return evaluated.reading(quintile.by, instant).values, among
