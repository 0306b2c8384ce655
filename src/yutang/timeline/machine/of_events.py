"""How tests over events are said as leaves: counts, folds over a property, how events stand to one another.

Raises `CannotSayError` for what the machine has no word for. Invariant: what is said is what `evaluation` says, for
all customers at all instants.
"""

from __future__ import annotations

from fractions import Fraction

from yutang.conditions import nodes as n
from yutang.conditions.limits import STEPS_COUNT_MAX
from yutang.conditions.vocabulary import Kind
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.evaluation.literals import engine_value, fraction
from yutang.timeline.evaluation.measures import NET_LESS
from yutang.timeline.kernels import machine_fields as p
from yutang.timeline.machine.parts import ANYTHING, EVER, SPAN_MS_MAX, CannotSayError, Range, Use
from yutang.timeline.machine.program import Source
from yutang.timeline.machine.speaker import Speaker, ranged, sources, types
from yutang.timeline.pinned import kind_of

PERIODS_COUNT_MAX = 63  # a bit each
AVERAGE_ABS_MAX = 2**31  # of what an average is compared with: times a count it must stay exact
_COUNTED = (Kind.INTEGER, Kind.NUMBER, Kind.MONEY)
_FOLDS = {n.Fold.SUM: p.SUM, n.Fold.AVG: p.AVERAGE, n.Fold.MIN: p.LEAST, n.Fold.MAX: p.GREATEST,
          n.Fold.FIRST: p.FIRST, n.Fold.LAST: p.LAST}  # fmt: skip
_ENDS = (n.Fold.FIRST, n.Fold.LAST)
_SOME: Range = (1, NEVER, 0)
_TRUE: Range = (p.JUDGED_TRUE, p.JUDGED_TRUE, 0)


def said(by: Speaker, test: n.Test) -> bool:
    """Say a test over events; False if it is none."""
    if isinstance(test, (n.Happened, n.Never)):
        if test.window is None and test.events == n.Events():
            by.push(p.SINCE_SEEN, EVER, (0, NEVER, 0), [])
        else:
            by.push(p.COUNT, by.parts.window(test.window, by.zone), _SOME, sources(by, test.events))
        if isinstance(test, n.Never):
            by.emit(p.NOT, 0)
    elif isinstance(test, n.EachPeriod):
        _periods(by, test, (test.count, NEVER, 0))
    elif isinstance(test, n.Sequence):
        _sequence(by, test)
    elif isinstance(test, n.Returned):
        if not 0 < test.gap_ms < SPAN_MS_MAX:
            raise CannotSayError
        window = by.parts.window(test.window, by.zone)
        by.push(p.RETURNED, window, (test.gap_ms, 0, 0), sources(by, test.events))
    elif isinstance(test, n.NotFollowed):
        if not 0 <= test.within_ms < SPAN_MS_MAX:
            raise CannotSayError
        uses = sources(by, test.events) + sources(by, test.by, p.OPTIONAL)
        by.push(p.NOT_FOLLOWED, by.parts.window(test.window, by.zone), (test.within_ms, 0, 0), uses)
    else:
        return False
    return True


def _sequence(by: Speaker, node: n.Sequence) -> None:
    """The last step's sources first: who has none of them needs no look at the others."""
    spans = [NEVER if step.within_ms is None else step.within_ms for step in node.steps]
    if not 1 <= len(node.steps) <= STEPS_COUNT_MAX:
        raise CannotSayError
    uses: list[Use] = []
    for place in range(len(node.steps) - 1, -1, -1):
        mine = sources(by, node.steps[place].events, place)
        if not mine:
            raise CannotSayError
        uses += mine
    for place, step in enumerate(node.steps[1:], 1):
        uses += [] if step.without is None else sources(by, step.without, p.OPTIONAL + place)
    total = NEVER if node.total_ms is None else node.total_ms
    window = by.parts.window(node.window, by.zone)
    by.push(p.SEQUENCE, window, (total, 0, 0), uses, body=[(p.STEP, span) for span in spans])


def compare(by: Speaker, subject: n.Subject, op: n.Op, value: n.Value) -> bool:
    """Say `subject op value`; False if the subject isn't a measure over events."""
    if isinstance(subject, n.Since):
        if not isinstance(value, n.Span):
            raise CannotSayError
        _since(by, subject, ranged(op, Fraction(value.ms)))
    elif isinstance(subject, (n.Count, n.Periods)):
        if not isinstance(value, n.Number):
            raise CannotSayError
        within = ranged(op, fraction(value.value))
        if isinstance(subject, n.Periods):
            _periods(by, subject, within)
        else:
            by.push(p.COUNT, by.parts.window(subject.window, by.zone), within, sources(by, subject.events))
    elif isinstance(subject, n.Aggregate):
        _aggregate(by, subject, op, value)
    else:
        return False
    return True


def known(by: Speaker, subject: n.Subject) -> bool:
    """Say that a subject has a value; False if it isn't a measure over events."""
    if isinstance(subject, n.Since):
        _since(by, subject, ANYTHING)
    elif isinstance(subject, (n.Count, n.Periods)) or (isinstance(subject, n.Aggregate) and _always(subject)):
        by.emit(p.CONSTANT, 1)
    elif isinstance(subject, n.Aggregate):
        kind = _kind(by, subject)
        if subject.fold in _ENDS:
            judged_end(by, subject, n.Not(n.Unknown(n.Property(subject.property))))
        elif kind in _COUNTED and not subject.net:  # it has a least one, then
            window = by.parts.window(subject.window, by.zone)
            by.push(p.LEAST, window, ANYTHING, sources(by, subject.events, 1, subject.property))
        else:
            raise CannotSayError
    else:
        return False
    return True


def one_of(by: Speaker, subject: n.Subject, values: tuple[n.Value, ...]) -> bool:
    """Say that the first or last value is one of some, or a list that has one of them; False for anything else."""
    if not isinstance(subject, n.Aggregate) or subject.fold not in _ENDS or _kind(by, subject) in _COUNTED:
        return False
    judged_end(by, subject, n.OneOf(n.Property(subject.property), values))
    return True


def judged_end(by: Speaker, node: n.Aggregate, judge: n.Test) -> None:
    """The first or last value judged by a filter, whatever its kind."""
    _kind(by, node)
    every = [Source(kind, node.events, by.zone, judge=judge) for kind in types(by, node.events)]
    window = by.parts.window(node.window, by.zone)
    by.push(_FOLDS[node.fold], window, _TRUE, [(one, 1) for one in every])


def _always(node: n.Aggregate) -> bool:
    return node.fold in (n.Fold.SUM, n.Fold.DISTINCT) and not node.net


def _since(by: Speaker, subject: n.Since, within: Range) -> None:
    if subject.first and subject.events == n.Events():
        by.push(p.SINCE_SEEN, EVER, within, [])
    else:
        by.push(p.SINCE_FIRST if subject.first else p.SINCE_LAST, EVER, within, sources(by, subject.events))


def _periods(by: Speaker, node: n.Periods | n.EachPeriod, within: Range) -> None:
    if node.count > PERIODS_COUNT_MAX:
        raise CannotSayError
    window = (p.COMPLETE, by.parts.table(by.zone, node.unit), node.count)
    by.push(p.PERIODS, window, within, sources(by, node.events))


def _aggregate(by: Speaker, node: n.Aggregate, op: n.Op, value: n.Value) -> None:
    if node.net and not (node.fold is n.Fold.SUM and len(node.events.types) == 1 and node.events.types[0] in NET_LESS):
        raise CannotSayError
    kind, currency = _kind(by, node), by.view.vocabulary.currency
    if node.fold is n.Fold.DISTINCT:
        _distinct(by, node, kind, op, engine_value(value, Kind.INTEGER, currency))
        return
    if node.fold in _ENDS and kind not in _COUNTED:
        judged_end(by, node, n.Compare(n.Property(node.property), op, value))
        return
    than = engine_value(value, kind, currency)
    if than is None or kind not in _COUNTED:
        raise CannotSayError
    uses = sources(by, node.events, 1, node.property)
    if node.net:
        less = n.Events(types=(NET_LESS[node.events.types[0]],), where=node.events.where)
        uses += sources(by, less, -1, node.property)
    if node.fold is n.Fold.AVG:
        _average(by, node, op, than, uses)
    else:
        by.push(_FOLDS[node.fold], by.parts.window(node.window, by.zone), ranged(op, than), uses)


def _distinct(by: Speaker, node: n.Aggregate, kind: Kind, op: n.Op, than: Fraction | None) -> None:
    """Only so many values are told apart as the comparison needs."""
    if than is None or kind is Kind.LIST:
        raise CannotSayError
    low, high, negated = ranged(op, than)
    enough = low if high == NEVER else high + 1
    if enough <= 0:  # it has as many, or more, in any case
        by.emit(p.CONSTANT, int(high == NEVER) ^ negated)
        return
    if enough > p.DISTINCT_COUNT_MAX:
        raise CannotSayError
    shape = "codes" if kind is Kind.STRING else ""
    uses = sources(by, node.events, 0, node.property, shape)
    by.push(p.DISTINCT, by.parts.window(node.window, by.zone), (low, high, negated), uses)


def _average(by: Speaker, node: n.Aggregate, op: n.Op, than: Fraction, uses: list[Use]) -> None:
    """As total compared with the number times what it is compared with, which is exact if that is whole."""
    if than.denominator != 1 or abs(than) > AVERAGE_ABS_MAX:
        raise CannotSayError
    low, high = BEGINNING, NEVER
    more = [0, 0]
    whole = int(than)
    if op in (n.Op.EQ, n.Op.NE, n.Op.GE, n.Op.GT):
        low, more[0] = whole, int(op is n.Op.GT)
    if op in (n.Op.EQ, n.Op.NE, n.Op.LE, n.Op.LT):
        high, more[1] = whole, -int(op is n.Op.LT)
    if (low, high) == (BEGINNING, NEVER):
        raise CannotSayError
    window = by.parts.window(node.window, by.zone)
    by.push(p.AVERAGE, window, (low, high, int(op is n.Op.NE)), uses, (more[0], more[1]))


def _kind(by: Speaker, node: n.Aggregate) -> Kind:
    """The kind of the property, if it is the same in all types."""
    every = list(types(by, node.events))
    if node.net:
        every += types(by, n.Events(types=(NET_LESS[node.events.types[0]],)))
    kinds = {kind_of(by.view.vocabulary, name, node.property) for name, _ in every}
    if len(kinds) != 1:
        raise CannotSayError
    return kinds.pop()
