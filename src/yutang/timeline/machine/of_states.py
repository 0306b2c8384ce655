"""How tests of what stands are said as leaves: traits and their dates, tags, consent, relations, records, shares.

A comparison of a trait is worked out row by row (`Source.judge`), so that the leaf only looks for the row that stands,
whatever kinds are compared. Raises `CannotSayError` for what the machine has no word for. Invariant: what is said is
what `evaluation` says, for all customers at all instants.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from yutang.conditions import nodes as n
from yutang.conditions.vocabulary import (
    CONSENT_GIVEN,
    CONSENT_WITHDRAWN,
    RECORD_ENDED,
    RECORD_SET,
    TAG_ADDED,
    TAG_REMOVED,
    TRAIT_SET,
    VALUE_PROPERTY,
    Kind,
    TraitType,
)
from yutang.kernel.instants import NEVER
from yutang.timeline.evaluation.literals import fraction
from yutang.timeline.evaluation.states import trait_type
from yutang.timeline.kernels import machine_fields as p
from yutang.timeline.machine.parts import EVER, CannotSayError, Range, Use
from yutang.timeline.machine.program import Fact, Source
from yutang.timeline.machine.reading import equals
from yutang.timeline.machine.speaker import Speaker, ranged
from yutang.timeline.pinned import kind_of

_DATED = (Kind.DATE, Kind.INSTANT)
_UNITS = (n.Unit.DAY, n.Unit.WEEK, n.Unit.MONTH, n.Unit.YEAR)
_ONE: Range = (1, NEVER, 0)
_RECORDS = "record"  # the property that names a record, and the space of its codes


def said(by: Speaker, test: n.Test) -> bool:
    """Say a test of what stands; False if it is none."""
    if isinstance(test, n.HasTag):
        wanted = {"tag": test.tag, "group": test.group} if test.group else {"tag": test.tag}
        _stands(by, TAG_ADDED, TAG_REMOVED, wanted, "group")
    elif isinstance(test, n.Consent):
        wanted = {"medium": test.channel, "purpose": test.purpose}
        _stands(by, CONSENT_GIVEN, CONSENT_WITHDRAWN, wanted, "purpose")
    elif isinstance(test, n.Reachable):
        _fact(by, Fact(channel=test.channel))
        _stands(by, CONSENT_GIVEN, CONSENT_WITHDRAWN, {"medium": test.channel}, "purpose")
        by.emit(p.AT_LEAST, 2 * p.AT_LEAST_BASE + 2)
    elif isinstance(test, n.Related):
        _related(by, test)
    elif isinstance(test, n.Share):
        _fact(by, Fact(test.salt, test.basis_points))
    elif isinstance(test, n.AnyRecord):
        _records(by, test.kind, test.test, _ONE)
    elif isinstance(test, n.AllRecords):
        _records(by, test.kind, None, _ONE)
        _records(by, test.kind, n.Not(test.test), _ONE)
        by.emit(p.NOT, 0)
        by.emit(p.AT_LEAST, 2 * p.AT_LEAST_BASE + 2)
    else:
        return False
    return True


def compare(by: Speaker, subject: n.Subject, op: n.Op, value: n.Value) -> bool:
    """Say `subject op value`; False if the subject isn't of what stands."""
    if isinstance(subject, (n.Trait, n.RecordTrait)):
        prop = n.Property(VALUE_PROPERTY[_declared(by, subject).kind])
        judged(by, subject, n.Compare(prop, op, value))
    elif isinstance(subject, n.RecordCount):
        if not isinstance(value, n.Number):
            raise CannotSayError
        _records(by, subject.kind, subject.test, ranged(op, fraction(value.value)))
    elif isinstance(subject, n.Age):
        if not isinstance(value, n.Number):
            raise CannotSayError
        _dated(by, p.AGE, subject.of, ranged(op, fraction(value.value)), _UNITS.index(subject.unit))
    elif isinstance(subject, (n.Due, n.Anniversary)):
        if not isinstance(value, n.Span):
            raise CannotSayError
        what = p.DUE if isinstance(subject, n.Due) else p.ANNIVERSARY
        _dated(by, what, subject.of, ranged(op, Fraction(value.ms)), 0)
    else:
        return False
    return True


def known(by: Speaker, subject: n.Subject) -> bool:
    """Say that a subject has a value; False if it isn't of what stands."""
    of = subject.of if isinstance(subject, (n.Age, n.Due, n.Anniversary)) else subject
    if isinstance(of, (n.Trait, n.RecordTrait)):
        kind = _declared(by, of).kind
        if of is not subject and kind not in _DATED:
            raise CannotSayError
        judged(by, of, n.Not(n.Unknown(n.Property(VALUE_PROPERTY[kind]))))
    elif isinstance(of, n.RecordCount):
        by.emit(p.CONSTANT, 1)
    else:
        return False
    return True


def one_of(by: Speaker, subject: n.Trait | n.RecordTrait, values: tuple[n.Value, ...]) -> None:
    """Say that a trait is one of some values, or a list that has one of them."""
    judged(by, subject, n.OneOf(n.Property(VALUE_PROPERTY[_declared(by, subject).kind]), values))


def judged(by: Speaker, of: n.Trait | n.RecordTrait, judge: n.Test) -> None:
    """A trait by what its rows are judged."""
    declared = _declared(by, of)
    source = _set_rows(by, of, judge=judge, ranked=declared.priority)
    by.push(p.JUDGED, (_which(of, declared), 0, 0), _ONE, [(source, 1)])


def _dated(by: Speaker, op: int, of: n.Trait | n.RecordTrait, within: Range, unit: int) -> None:
    declared = _declared(by, of)
    if declared.kind not in _DATED:
        raise CannotSayError
    table = 0 if op == p.DUE else by.parts.table(by.zone, n.Unit.DAY)
    prop, shape = VALUE_PROPERTY[declared.kind], "instants" if op == p.DUE else "days"
    source = _set_rows(by, of, prop=prop, shape=shape, ranked=declared.priority)
    by.push(op, (_which(of, declared), unit, table), within, [(source, 1)])


def _declared(by: Speaker, of: n.Trait | n.RecordTrait) -> TraitType:
    """What a trait is declared as; one that isn't is text."""
    if isinstance(of, n.Trait):
        return trait_type(by.view, of.name)
    if by.record is None:
        raise CannotSayError
    declared = by.view.vocabulary.records.get(by.record)
    kinds = {one.name: one.kind for one in declared.traits} if declared is not None else {}
    return TraitType(of.name, kinds.get(of.name, Kind.STRING))


def _which(of: n.Trait | n.RecordTrait, declared: TraitType) -> int:
    return p.RECORDED if isinstance(of, n.RecordTrait) else p.RANKED if declared.priority else p.LATEST


def _set_rows(
    by: Speaker,
    of: n.Trait | n.RecordTrait,
    *,
    prop: str = "",
    shape: str = "",
    judge: n.Test | None = None,
    ranked: tuple[str, ...] = (),
) -> Source:
    """The rows that set a trait."""
    if isinstance(of, n.Trait):
        events = n.Events((TRAIT_SET,), where=equals("trait", of.name))
        return Source((TRAIT_SET, ()), events, by.zone, prop, shape, judge, ranked=ranked)
    assert by.record is not None
    events = n.Events((RECORD_SET,), where=n.All((equals("kind", by.record), equals("trait", of.name))))
    return Source((RECORD_SET, ()), events, by.zone, prop, shape, judge, _RECORDS, _RECORDS)


def _fact(by: Speaker, fact: Fact) -> None:
    place = by.parts.facts.setdefault(fact, len(by.parts.facts))
    by.push(p.FACT, EVER, (place, 0, 0), [])


def _stands(by: Speaker, begins: str, ends: str, wanted: Mapping[str, str], key: str) -> None:
    """Whether some key stands by the events whose properties are as wanted."""
    uses = [(_keyed(by, begins, wanted, key), 1), (_keyed(by, ends, wanted, key), -1)]
    by.push(p.KEYED, EVER, _ONE, uses)


def _keyed(by: Speaker, name: str, wanted: Mapping[str, str], key: str) -> Source:
    """The events of a type whose properties are as wanted. A key that is wanted itself needs no telling apart."""
    tests = tuple(equals(prop, value) for prop, value in wanted.items())
    apart = "" if key in wanted else key
    return Source((name, ()), n.Events((name,), where=n.All(tests)), by.zone, key=apart, space=apart)


def _related(by: Speaker, node: n.Related) -> None:
    """By the types that begin and end a relation, by name."""
    uses: list[Use] = []
    vocabulary = by.view.vocabulary
    for name, declared in sorted(vocabulary.events.items()):
        rule = declared.relation
        if rule is None or rule.relation != node.relation:
            continue
        prop = rule.object_property
        if not prop or kind_of(vocabulary, name, prop) is not Kind.STRING:
            raise CannotSayError
        events = n.Events((name,), where=equals(prop, node.object) if node.object else None)
        space = "" if node.object else f"relation {node.relation}"
        key = "" if node.object else prop
        uses.append((Source((name, ()), events, by.zone, key=key, space=space), 1 if rule.begins else -1))
    by.push(p.KEYED, EVER, _ONE, uses)


def _records(by: Speaker, kind: str, test: n.Test | None, within: Range) -> None:
    """Of how many open records of a kind a test holds."""
    wanted = {"kind": kind}
    uses = [(_keyed(by, RECORD_SET, wanted, _RECORDS), 1), (_keyed(by, RECORD_ENDED, wanted, _RECORDS), -1)]
    outer, by.record = by.record, kind
    try:
        body = by.bodied(lambda: by.emit(p.CONSTANT, 1) if test is None else by.test(test))
    finally:
        by.record = outer
    by.push(p.RECORDS, EVER, within, uses, body=body)
