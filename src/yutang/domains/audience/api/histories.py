"""Both histories of a label: intervals as known now, and what the feed said, as known then.

As known now, membership at an instant is a look-up in step functions over today's timelines and today's customers. As
known then, it is what the change feed had said by an instant: late events, joins and new definitions that came after
it don't count. The feed names customers by the identity that led them; answers speak of the customers that these
identities belong to today, and say how many they were then.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from yutang.domains.audience.api import feed
from yutang.domains.audience.api.building import BUILDER
from yutang.domains.audience.api.checkpoints import held_then, keep_checkpoints, last_places
from yutang.domains.audience.api.definitions import named
from yutang.domains.audience.api.evaluating import AUDIENCE, evaluation, everyone
from yutang.domains.audience.api.questions import checked_instant, instant_asked, quintile_codes
from yutang.domains.audience.contracts import (
    NONE,
    HistoryAnswer,
    Interval,
    Label,
    MembersAnswer,
)
from yutang.domains.customers import api as customers
from yutang.kernel.errors import DiskFullError, InvalidError
from yutang.kernel.instants import BEGINNING, NEVER, instant_from_text, instant_text
from yutang.kernel.limits import PAGE_ROWS_COUNT_MAX
from yutang.runtime.desk import Desk
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.slots import PEOPLE
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.view import View

HISTORY_PAGES_MAX = 20  # of the feed, that one customer's history looks through
MS_AFTER_NOW = 1  # how far after pool time an interval that goes on is looked at


@dataclass(frozen=True, slots=True)
class Then:
    """Who had a value of a label. heads: of today's customers, ascending. leads: of the customers as they were then,
    by the identity that led each, ascending; those that are nobody's any more are not among them."""

    heads: Ints
    leads: Ints


def members(desk: Desk, label: str, value: str, as_of: str, known_at: str, limit: int) -> MembersAnswer:
    """Who had a value of a label ("": any) at an instant, as known at another ("": as known now); the first of them.

    Raises NotFoundError, InvalidError.
    """
    instant = instant_asked(desk, as_of)
    if known_at:
        known = checked_instant(known_at, "known_at")
        found = membership_then(desk, label, value, instant, known)
        known_at = instant_text(known)
    else:
        found = membership_now(desk, label, value, instant)
    limit = max(0, min(limit, PAGE_ROWS_COUNT_MAX))
    return MembersAnswer(
        label,
        value,
        instant_text(instant),
        known_at,
        len(found.heads),
        len(found.leads),
        tuple(customers.customer_ids(desk.epoch, found.heads[:limit])),
    )


def membership_now(desk: Desk, label: str, value: str, instant: int) -> Then:
    """Who has a value of a label ("": any) at an instant, as known now."""
    epoch = desk.epoch
    definition = named(epoch[AUDIENCE], label)
    heads = epoch[PEOPLE].heads()
    codes = _codes_at(epoch, definition, instant)
    mine = heads[_having(definition, value, codes)]
    return Then(mine, mine)


def _codes_at(epoch: Epoch, label: Label, instant: int) -> Ints:
    """int64[customers]: the code of a label's value at an instant; -1 for none."""
    if label.quintile is not None:
        return quintile_codes(epoch, label.name, instant)
    plan = epoch[AUDIENCE].plan

    def at_instant(view: View) -> list[Ints]:
        return [Evaluation(view, Context(plan, instant, start=instant)).ladder(label.name).values_at(instant)]

    (codes,) = everyone(epoch).columns(at_instant)
    return codes


def _having(label: Label, value: str, codes: Ints) -> Flags:
    if value == NONE:
        return codes < 0
    if value and value not in label.values:
        raise _no_value(label, value)
    return codes == label.values.index(value) if value else codes >= 0


def _no_value(label: Label, value: str) -> InvalidError:
    return InvalidError(
        "label.value_absent", f"{label.name} has no value {value!r}", where="value",
        remedy=f"one of {', '.join(label.values)}",
    )  # fmt: skip


def membership_then(desk: Desk, label: str, value: str, as_of: int, known_at: int) -> Then:
    """Who had a value of a label ("": any) at an instant, as known at another: what the feed had said by then.

    Values that the label has no more can be asked about; `none` can't: the feed names who has a value.
    """
    definition = named(desk.epoch[AUDIENCE], label)
    if not desk.epoch[BUILDER].attended:  # a service keeps them by itself
        with suppress(DiskFullError):  # they only spare work
            keep_checkpoints(desk)
    held = held_then(desk, label, as_of, known_at)
    if value == NONE or value not in ("", *definition.values, *held.names):
        raise _no_value(definition, value)
    leads = held.leads if not value else held.leads[held.values == held.code(value)]
    people = desk.epoch[PEOPLE]
    heads = people.head_of[leads]
    living = heads >= 0
    heads, leads = heads[living], leads[living]
    return Then(heads[last_places(heads)], leads[last_places(leads)])


def history(desk: Desk, customer: str, name: str, known_at: str, limit: int) -> HistoryAnswer:
    """Both histories of a customer and a label: of what was known then, the newest by an instant ("": now).

    Raises NotFoundError, InvalidError.
    """
    label = named(desk.epoch[AUDIENCE], name)
    head = customers.find_customer(desk, customer)
    known = instant_asked(desk, known_at)
    limit = max(1, min(limit, PAGE_ROWS_COUNT_MAX))
    then, cursor = [], ""
    for _ in range(HISTORY_PAGES_MAX):
        page = feed.changes(desk, label.name, customer, cursor, limit)
        then += [one for one in page.changes if instant_from_text(one.known_at) <= known]
        cursor = page.next
        if not cursor or len(then) >= limit:
            break
    return HistoryAnswer(
        label.name,
        customers.customer_ids(desk.epoch, np.array([head], np.int64))[0],
        () if label.quintile is not None else _intervals(desk, label, head),
        tuple(then[:limit][::-1]),
        bool(cursor) or len(then) > limit,
    )


def _intervals(desk: Desk, label: Label, head: int) -> tuple[Interval, ...]:
    """When a customer has which value, up to now; the last may be known to end later."""
    evaluated = evaluation(desk.epoch, np.array([head], np.int64), desk.now_ms + MS_AFTER_NOW)
    steps = evaluated.ladder(label.name)
    first = int(evaluated.view.first_seen()[0])
    at, codes = steps.at.tolist(), steps.value.tolist()
    until = [*at[1:], NEVER]
    return tuple(
        Interval(label.values[code], instant_text(first if since == BEGINNING else since), instant_text(end))
        for since, end, code in zip(at, until, codes, strict=True)
        if code >= 0 and since <= desk.now_ms
    )
