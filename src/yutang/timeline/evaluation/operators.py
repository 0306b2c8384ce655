"""Which rule gives the truth of each test, and the value of each subject that events change.

The rules of tests that put others together stand here; those of single tests in the modules of their concern.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

from yutang.conditions import nodes
from yutang.conditions.nodes import Subject, Test
from yutang.conditions.vocabulary import Kind
from yutang.kernel.instants import BEGINNING
from yutang.timeline.evaluation import algebra, comparison, instants, labels, measures, sequences
from yutang.timeline.evaluation.ask import Ask, Measure
from yutang.timeline.kernels import merges
from yutang.timeline.steps import Flags, Steps, Stretch


def _counted(ask: Ask, kind: str, test: Test | None, negated: bool = False) -> Steps:
    """How many open records satisfy a test (or don't)."""
    records, open_, owner = ask.open_records(kind)
    truth = open_
    if test is not None:
        inner = records.truth(test)
        truth = algebra.both(open_, algebra.invert(inner) if negated else inner)
    return algebra.folded(truth, owner, ask.view.count)


def _any_record(ask: Ask, node: nodes.AnyRecord) -> Steps:
    found = _counted(ask, node.kind, node.test)
    return algebra.mapped(found, found.value > 0)


def _all_records(ask: Ask, node: nodes.AllRecords) -> Steps:
    some, failing = _counted(ask, node.kind, None), _counted(ask, node.kind, node.test, negated=True)
    return algebra.both(algebra.mapped(some, some.value > 0), algebra.mapped(failing, failing.value == 0))


def _at_least(ask: Ask, tests: tuple[Test, ...], count: int) -> Steps:
    if not tests:
        return algebra.constant(ask.count, int(count <= 0))
    total = algebra.reduce([ask.truth(test) for test in tests], merges.TOTAL)
    return algebra.mapped(total, total.value >= count)


def _all(ask: Ask, node: nodes.All) -> Steps:
    """And: a test is only asked of those for whom all before it hold at some T."""
    found = algebra.constant(ask.count, 1)
    for test in ask.eager(node.tests):
        found = algebra.both(found, ask.where(test, partial(algebra.ever, found), 0))
    return found


def _any(ask: Ask, node: nodes.Any) -> Steps:
    """Or: a test is only asked of those for whom not one before it holds at all T."""
    found = algebra.constant(ask.count, 0)
    for test in ask.eager(node.tests):
        found = algebra.either(found, ask.where(test, partial(algebra.open_, found), 0))
    return found


def _moved(ask: Ask, node: nodes.Moved) -> Steps:
    """At a point only those can have come or gone who may have been members at some time, and not all the time."""

    def moving(some: Ask) -> Steps:
        return algebra.moved(some.earlier(node.ms).label(node.label, node.value), node.ms, node.left, some.stretch)

    before = ask.earlier(node.ms)
    if not ask.stretch.point or before.stretch.start == BEGINNING:
        return moving(ask)
    return ask.only(partial(before.changing, node.label, node.value), moving, 0)


def _in_label(ask: Ask, node: nodes.InLabel) -> Steps:
    """Membership, for so long, or as it was (or will have been) at an instant."""
    ask = ask if node.at is None else ask.at(node.at)
    truth = ask.label(node.label, node.value) if node.for_ms is None else _in_label_for(ask, node, node.for_ms)
    return truth if node.at is None else Steps.constant(truth.values_at(node.at))


def _in_label_for(ask: Ask, node: nodes.InLabel, for_ms: int) -> Steps:
    """At a point only those can have been members for so long who are, and were at the beginning of it."""

    def lasting(some: Ask) -> Steps:
        return algebra.lasting(some.earlier(for_ms).label(node.label, node.value), for_ms, some.stretch)

    def possible() -> Flags:
        now, then = ask.label(node.label, node.value), ask.over(Stretch.at(begin)).label(node.label, node.value)
        return algebra.ever(algebra.both(now, then))

    begin = ask.earlier(for_ms).stretch.start
    return ask.only(possible, lasting, 0) if ask.stretch.point and begin > BEGINNING else lasting(ask)


def _hold(ask: Ask, node: nodes.Hold) -> Steps:
    return algebra.holding(ask.earlier(node.ms).truth(node.test), node.ms, ask.stretch)


Truth = Callable[[Ask, Test], Steps]
Measured = Callable[[Ask, Subject], Measure]


def _asked(rule: object) -> Truth:
    """A rule for one node type, as the table holds it: the key is the type, so the cast is sound."""
    return cast("Truth", rule)


TRUTHS: Mapping[type, Truth] = {
    node_type: _asked(rule)
    for node_type, rule in (
        (nodes.Compare, comparison.compare),
        (nodes.OneOf, comparison.one_of),
        (nodes.Unknown, comparison.unknown),
        (nodes.Happened, measures.happened),
        (nodes.Never, measures.never),
        (nodes.EachPeriod, measures.each_period),
        (nodes.Sequence, sequences.sequence),
        (nodes.Returned, measures.returned),
        (nodes.NotFollowed, sequences.not_followed),
        (nodes.InLabel, _in_label),
        (nodes.Moved, _moved),
        (nodes.HasTag, instants.standing),
        (nodes.Consent, instants.standing),
        (nodes.Reachable, instants.standing),
        (nodes.Related, instants.standing),
        (nodes.AnyRecord, _any_record),
        (nodes.AllRecords, _all_records),
        (nodes.Share, lambda ask, node: labels.share(ask.view.lead_hash(), node)),
        (nodes.Hold, _hold),
        (nodes.Not, lambda ask, node: algebra.invert(ask.truth(node.test))),
        (nodes.All, _all),
        (nodes.Any, _any),
        (nodes.AtLeast, lambda ask, node: _at_least(ask, node.tests, node.count)),
        (nodes.Always, lambda ask, node: algebra.constant(ask.count, 1)),
    )
}

MEASURES: Mapping[type, Measured] = {
    node_type: cast("Measured", rule)
    for node_type, rule in (
        (nodes.Trait, lambda ask, node: ask.own_trait(node)),
        (nodes.RecordTrait, lambda ask, node: ask.own_record_trait(node)),
        (nodes.Count, measures.count),
        (nodes.Aggregate, measures.aggregate),
        (nodes.Periods, measures.periods),
        (nodes.RecordCount, lambda ask, node: Measure(_counted(ask, node.kind, node.test), Kind.INTEGER)),
    )
}
