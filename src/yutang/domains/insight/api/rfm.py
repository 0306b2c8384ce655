"""RFM: customers by quintiles of how recently, how often and for how much they bought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yutang.conditions.nodes import Events
from yutang.domains.insight.api.asking import Scoped, events_asked, in_words, scoped
from yutang.domains.insight.api.durations import span_asked
from yutang.domains.insight.api.ranges import (
    by_first_event,
    group_named,
    must_be_money,
    name_in,
    number_in,
    only_known,
    types_read,
)
from yutang.domains.insight.contracts.asking import Cell
from yutang.domains.insight.contracts.figures import Amount
from yutang.domains.insight.contracts.rfm import RfmAnswer, RfmCell, RfmQuestion, RfmRow, RfmSegment
from yutang.kernel.instants import span_text
from yutang.runtime.desk import Desk
from yutang.timeline.kernels.totals import totals
from yutang.timeline.questions.recency import last_events, scores
from yutang.timeline.ranking import FIFTHS
from yutang.timeline.steps import Ints

# By what is high: recency, frequency, monetary as the bits 1, 2, 4.
SEGMENTS = ("win_back", "develop", "keep", "value", "key_win_back", "key_develop", "key_keep", "key_value")
HIGH = 4
AXES = ("recency", "frequency", "monetary")


@dataclass(frozen=True)
class _Found:
    """Of m customers who bought: their heads, groups, quintiles (1 to 5), and what they paid."""

    scope: Scoped
    events: Events
    within_ms: int
    heads: Ints
    groups: Ints
    quintiles: tuple[Ints, Ints, Ints]
    paid: Ints

    def segments(self) -> Ints:
        """The place of each in SEGMENTS."""
        found: Ints = sum(
            ((quintile >= HIGH).astype(np.int64) << bit for bit, quintile in enumerate(self.quintiles)),
            np.zeros(len(self.heads), np.int64),
        )
        return found

    def cells(self) -> Ints:
        """The place of each in the matrix, from 0."""
        recency, frequency, monetary = self.quintiles
        return ((recency - 1) * FIFTHS + frequency - 1) * FIFTHS + monetary - 1


def rfm(desk: Desk, question: RfmQuestion) -> RfmAnswer:
    """The figures. Raises InvalidError for what is missing or doesn't fit, ConditionError for conditions."""
    found = _found(desk, question)
    names = found.scope.groups.names
    rows = [_row(found, name, place) for place, name in enumerate(names)]
    return RfmAnswer(
        found.scope.asked,
        *in_words(desk, found.events),
        span_text(found.within_ms),
        (*rows, _row(found, "", None)),
    )


def members(desk: Desk, question: RfmQuestion, cell: Cell) -> Ints:
    """The heads of the customers behind a cell, ascending; see `RfmAnswer`. Raises InvalidError."""
    only_known(cell, *AXES, "segment", "group")
    found = _found(desk, question)
    mine = np.ones(len(found.heads), np.bool_)
    if cell.get("group"):
        mine &= found.groups == group_named(found.scope.groups.names, cell["group"])
    if "segment" in cell:
        mine &= found.segments() == name_in(cell, "segment", SEGMENTS)
    for axis, quintile in zip(AXES, found.quintiles, strict=True):
        if axis in cell:
            mine &= quintile == number_in(cell, axis, 1, FIFTHS)
    return found.heads[mine]


def _found(desk: Desk, question: RfmQuestion) -> _Found:
    scope = scoped(desk, question.scope)
    events = events_asked(question.events, scope.vocabulary, "events")
    must_be_money(scope.vocabulary, events, question.property)
    within_ms = span_asked(question.within, "within", "the span of the orders that count")
    types = types_read(desk, events)
    scope = by_first_event(scope, events, question.scope.groups, types)
    after = max(scope.until_ms - within_ms, scope.since_ms - 1)
    last, number, total = scope.everyone.columns(
        lambda view: last_events(view, events, scope.calendar, after, scope.until_ms, question.property),
        types,
    )
    rows = np.flatnonzero(scope.who & (number > 0))
    paid = total[rows]
    codes = scope.groups.codes
    groups = codes[rows] if len(codes) else np.zeros(len(rows), np.int64)
    heads = scope.everyone.heads[rows]
    return _Found(scope, events, within_ms, heads, groups, scores(last[rows], number[rows], paid), paid)


def _row(found: _Found, name: str, place: int | None) -> RfmRow:
    mine = np.ones(len(found.heads), np.bool_) if place is None else found.groups == place
    currency = found.scope.vocabulary.currency
    counts, amounts = _summed(found.cells()[mine], found.paid[mine], FIFTHS**3)
    cells = [
        RfmCell(cell // FIFTHS**2 + 1, cell // FIFTHS % FIFTHS + 1, cell % FIFTHS + 1, counts[cell],
                Amount(amounts[cell], currency))
        for cell in range(FIFTHS**3)
        if counts[cell]
    ]  # fmt: skip
    sizes, sums = _summed(found.segments()[mine], found.paid[mine], len(SEGMENTS))
    segments = [RfmSegment(SEGMENTS[n], sizes[n], Amount(sums[n], currency)) for n in reversed(range(len(SEGMENTS)))]
    return RfmRow(name, int(mine.sum()), Amount(sum(sums), currency), tuple(cells), tuple(segments))


def _summed(places: Ints, values: Ints, count: int) -> tuple[list[int], list[int]]:
    """(how many, what they paid) by place; exact."""
    high, low = totals(places, values, count)
    sizes = np.bincount(places, minlength=count).tolist()
    return sizes, [(above << 32) + below for above, below in zip(high.tolist(), low.tolist(), strict=True)]
