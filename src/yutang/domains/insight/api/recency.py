"""How long ago the last event was, and how often there was one: distributions over customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yutang.conditions.nodes import Events
from yutang.domains.insight.api.asking import Scoped, events_asked, in_words, scoped
from yutang.domains.insight.api.ranges import by_first_event, group_named, name_in, only_known, types_read
from yutang.domains.insight.contracts.asking import Cell
from yutang.domains.insight.contracts.recency import RecencyAnswer, RecencyBucket, RecencyQuestion, RecencyRow
from yutang.kernel.instants import BEGINNING, DAY_MS
from yutang.runtime.desk import Desk
from yutang.timeline.questions.buckets import DAYS, TIMES, Buckets, median
from yutang.timeline.questions.recency import last_events
from yutang.timeline.steps import Flags, Ints


@dataclass(frozen=True)
class _Found:
    """Of all customers: days since the last event, -1 without any; how many there were."""

    scope: Scoped
    events: Events
    days: Ints
    times: Ints

    def group(self, place: int | None) -> Flags:
        """Who is in a group; None: in any."""
        who, codes = self.scope.who, self.scope.groups.codes
        return who if place is None or not len(codes) else who & (codes == place)


def recency(desk: Desk, question: RecencyQuestion) -> RecencyAnswer:
    """The figures. Raises InvalidError for what is missing or unknown, ConditionError for conditions."""
    found = _found(desk, question)
    names = found.scope.groups.names
    rows = [_row(found, name, place) for place, name in enumerate(names)]
    return RecencyAnswer(found.scope.asked, *in_words(desk, found.events), (*rows, _row(found, "", None)))


def members(desk: Desk, question: RecencyQuestion, cell: Cell) -> Ints:
    """The heads of the customers behind a cell, ascending; see `RecencyAnswer`. Raises InvalidError."""
    only_known(cell, "days", "times", "never", "group")
    found = _found(desk, question)
    mine = found.group(group_named(found.scope.groups.names, cell["group"]) if cell.get("group") else None)
    if "days" in cell:
        mine = mine & (found.days >= 0) & (DAYS.of(found.days) == name_in(cell, "days", DAYS.names))
    if "times" in cell:
        mine = mine & (found.times > 0) & (TIMES.of(found.times) == name_in(cell, "times", TIMES.names))
    if "never" in cell:
        mine = mine & ((found.days < 0) == (name_in(cell, "never", ("yes", "no")) == 0))
    return found.scope.everyone.heads[mine]


def _found(desk: Desk, question: RecencyQuestion) -> _Found:
    scope = scoped(desk, question.scope)
    events = events_asked(question.events, scope.vocabulary, "events")
    types = types_read(desk, events)
    scope = by_first_event(scope, events, question.scope.groups, types, everybody=True)
    after = max(scope.since_ms, BEGINNING + 1) - 1
    last, times = scope.everyone.columns(
        lambda view: last_events(view, events, scope.calendar, after, scope.until_ms)[:2], types
    )
    there = last > BEGINNING
    days = np.full(len(last), -1, np.int64)
    days[there] = (scope.until_ms - last[there]) // DAY_MS
    return _Found(scope, events, days, times)


def _row(found: _Found, name: str, place: int | None) -> RecencyRow:
    mine = found.group(place)
    days, times = found.days[mine], found.times[mine]
    there = days >= 0
    return RecencyRow(
        name,
        _buckets(DAYS, days[there]),
        _buckets(TIMES, times[there]),
        int((~there).sum()),
        median(days[there]),
        median(times[there]),
    )


def _buckets(buckets: Buckets, values: Ints) -> tuple[RecencyBucket, ...]:
    counts: Sequence[int] = np.bincount(buckets.of(values), minlength=len(buckets.names)).tolist()
    return tuple(RecencyBucket(name, count) for name, count in zip(buckets.names, counts, strict=True))
