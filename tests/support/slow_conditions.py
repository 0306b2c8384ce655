"""Conditions, evaluated the obvious way: one customer, one instant, plain loops, no step functions.

What looks back in time (`hold`, `for`, `entered`) tries the instants at which anything here may change:
the whole hours and the milliseconds after them, since the tests' events and spans lie on whole hours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from tests.support.memory_view import SYSTEM, Fact, property_kind
from yutang.conditions import nodes as n
from yutang.conditions.vocabulary import VALUE_PROPERTY, Kind, Mark, TraitType, Vocabulary
from yutang.kernel.instants import DAY_MS, HOUR_MS
from yutang.timeline.plan import Plan

SCALE = {Kind.NUMBER: 1_000_000, Kind.INTEGER: 1, Kind.MONEY: 100}
Value = object


def clamp(day: date, unit: n.Unit, count: int) -> date:
    if unit is n.Unit.DAY:
        return day + timedelta(days=count)
    if unit is n.Unit.WEEK:
        return day + timedelta(weeks=count)
    months = day.year * 12 + day.month - 1 + count * (12 if unit is n.Unit.YEAR else 1)
    for last in (day.day, 30, 29, 28):
        try:
            return date(months // 12, months % 12 + 1, min(last, day.day))
        except ValueError:
            continue
    raise AssertionError(months)


def date_of(ms: int) -> date:
    return date(1970, 1, 1) + timedelta(days=ms // DAY_MS)


class Slow:
    """One customer: its facts, identities, and hash; and the plan that names labels."""

    def __init__(self, vocabulary: Vocabulary, plan: Plan, facts: Sequence[Fact], owned: frozenset[str]) -> None:
        self.vocabulary, self.plan, self.owned = vocabulary, plan, owned
        self.facts = sorted(facts, key=lambda fact: fact.order)
        self.channels = {"sms": ("phone",), "email": ("email",)}
        self.memo: dict[tuple[object, ...], bool] = {}

    # ── calendar ────────────────────────────────────────────────────────────────────────────────

    def day(self, at: int, zone: str) -> date:
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).astimezone(ZoneInfo(zone)).date()
        # A day has begun once its first instant has passed, even if clocks were put back since.
        return local + timedelta(days=1) if self.begin(local + timedelta(days=1), zone) <= at else local

    def begin(self, day: date, zone: str) -> int:
        at = (day - date(1970, 1, 1)).days * DAY_MS - 15 * HOUR_MS
        while (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).astimezone(ZoneInfo(zone)).date() < day:
            at += HOUR_MS
        return at

    def period(self, at: int, unit: n.Unit, zone: str) -> int:
        day = self.day(at, zone)
        ordinal = {n.Unit.DAY: day.toordinal(), n.Unit.WEEK: (day.toordinal() - 1) // 7, n.Unit.YEAR: day.year}
        return ordinal.get(unit, day.year * 12 + day.month)

    # ── events ──────────────────────────────────────────────────────────────────────────────────

    def chosen(self, events: n.Events, at: int, zone: str) -> list[Fact]:
        """The events of a set up to T, in order."""
        found = [f for f in self.facts if f.at <= at and self.bears(f, events)]
        return [f for f in found if events.where is None or self.passes(f, events.where, zone)]

    def bears(self, fact: Fact, events: n.Events) -> bool:
        if events.types:
            return fact.type in events.types
        if not events.mark:
            return fact.type not in SYSTEM
        for declared, rule in self.vocabulary.types_marked(Mark(events.mark)):
            if declared.name == fact.type and (not rule.property or fact.value(rule.property) in rule.values):
                return True
        return False

    def passes(self, fact: Fact, test: n.Test, zone: str) -> bool:
        if isinstance(test, n.Not):
            return not self.passes(fact, test.test, zone)
        if isinstance(test, n.All):
            return all(self.passes(fact, part, zone) for part in test.tests)
        if isinstance(test, n.Any):
            return any(self.passes(fact, part, zone) for part in test.tests)
        if isinstance(test, n.AtLeast):
            return sum(self.passes(fact, part, zone) for part in test.tests) >= test.count
        if isinstance(test, n.Always):
            return True
        assert isinstance(test, (n.Compare, n.OneOf, n.Unknown)) and isinstance(test.subject, n.Property)
        kind = property_kind(self.vocabulary, fact.type, test.subject.name)
        return self.compared(test, fact.value(test.subject.name), kind, zone)

    def inside(self, fact: Fact, window: n.Window | None, at: int, zone: str) -> bool:
        if fact.at > at:
            return False
        if isinstance(window, n.Rolling):
            return at - window.ms < fact.at
        if isinstance(window, n.Fixed):
            after = window.start is None or fact.at >= window.start
            return after and (window.end is None or fact.at < window.end)
        if window is None:
            return True
        now, then = self.period(at, window.unit, zone), self.period(fact.at, window.unit, zone)
        return now == then if isinstance(window, n.This) else now - window.count <= then < now

    def windowed(self, events: n.Events, window: n.Window | None, at: int, zone: str) -> list[Fact]:
        return [f for f in self.chosen(events, at, zone) if self.inside(f, window, at, zone)]

    # ── values ──────────────────────────────────────────────────────────────────────────────────

    def subject(self, subject: n.Subject, at: int, zone: str, record: str | None) -> tuple[Value, Kind]:
        """(value or None, kind) of any subject at T; an average as a fraction in engine units."""
        if isinstance(subject, (n.Trait, n.RecordTrait)):
            return self.trait(subject, at, record)
        if isinstance(subject, n.Count):
            return len(self.windowed(subject.events, subject.window, at, zone)), Kind.INTEGER
        if isinstance(subject, n.Aggregate):
            return self.aggregate(subject, at, zone)
        if isinstance(subject, n.Since):
            found = self.chosen(subject.events, at, zone)
            return (at - found[0 if subject.first else -1].at if found else None), Kind.INTEGER
        if isinstance(subject, n.Periods):
            return self.periods(subject.events, subject.unit, subject.count, at, zone), Kind.INTEGER
        if isinstance(subject, n.RecordCount):
            held = [self.holds(subject.test or n.Always(), at, zone, r) for r in self.records(subject.kind, at)]
            return sum(held), Kind.INTEGER
        assert isinstance(subject, (n.Age, n.Due, n.Anniversary))
        value, kind = self.trait(subject.of, at, record)
        return (None if value is None else self.dated(subject, value, kind, at, zone)), Kind.INTEGER

    def dated(self, subject: n.Age | n.Due | n.Anniversary, value: Value, kind: Kind, at: int, zone: str) -> int:
        assert isinstance(value, int)
        born = self.day(value, zone) if kind is Kind.INSTANT else date_of(value)
        today = self.day(at, zone)
        if isinstance(subject, n.Due):
            return (value if kind is Kind.INSTANT else self.begin(born, zone)) - at
        if isinstance(subject, n.Age):
            count = {n.Unit.DAY: 1, n.Unit.WEEK: 7, n.Unit.MONTH: 31, n.Unit.YEAR: 366}[subject.unit]
            age = (today - born).days // count - 2
            while clamp(born, subject.unit, age + 1) <= today:
                age += 1
            return age
        years = today.year - born.year - 1
        while clamp(born, n.Unit.YEAR, years) < today:
            years += 1
        return self.begin(clamp(born, n.Unit.YEAR, years), zone) - self.begin(today, zone)

    def aggregate(self, node: n.Aggregate, at: int, zone: str) -> tuple[Value, Kind]:
        facts = self.windowed(node.events, node.window, at, zone)
        kinds = [property_kind(self.vocabulary, name, node.property) for name in sorted(node.events.types)]
        kind = kinds[0]
        known = [f.value(node.property) for f in facts if f.value(node.property) is not None]
        if node.fold is n.Fold.DISTINCT:
            items = {item for value in known for item in (value if isinstance(value, list) else [value])}
            return len(items), Kind.INTEGER
        if node.fold is n.Fold.SUM:
            total = sum(known)  # type: ignore[arg-type]
            if node.net:
                less = n.Aggregate(
                    node.fold, n.Events(("order_refunded",), where=node.events.where), "amount", node.window
                )
                total -= self.aggregate(less, at, zone)[0]  # type: ignore[operator]
            return total, kind
        if not known:
            return None, kind
        if node.fold is n.Fold.AVG:
            return Fraction(sum(known), len(known)), kind  # type: ignore[arg-type]
        if node.fold in (n.Fold.FIRST, n.Fold.LAST):
            return known[0 if node.fold is n.Fold.FIRST else -1], kind
        return (min if node.fold is n.Fold.MIN else max)(known), kind  # type: ignore[type-var]

    def periods(self, events: n.Events, unit: n.Unit, count: int, at: int, zone: str) -> int:
        now = self.period(at, unit, zone)
        seen = {self.period(f.at, unit, zone) for f in self.chosen(events, at, zone)}
        return len([p for p in seen if now - count <= p < now])

    # ── state ───────────────────────────────────────────────────────────────────────────────────

    def trait(self, of: n.Trait | n.RecordTrait, at: int, record: str | None) -> tuple[Value, Kind]:
        if isinstance(of, n.Trait):
            declared = self.vocabulary.traits.get(of.name) or TraitType(of.name, Kind.STRING)
            facts = [f for f in self.facts if f.type == "trait_set" and f.value("trait") == of.name and f.at <= at]
        else:
            kind = next(t.kind for t in self.vocabulary.records["child"].traits if t.name == of.name)
            declared = TraitType(of.name, kind)
            facts = [
                f for f in self.facts
                if f.type == "record_set" and f.value("kind") == "child" and (f.value("record") or "") == record
                and f.value("trait") == of.name and f.at <= at
            ]  # fmt: skip
        value, rank = None, 0
        for fact in facts:
            named = [fact.value("feed"), fact.value("source")]
            ranks = [i for i, name in enumerate(declared.priority) if name in named]
            here = min(ranks, default=len(declared.priority))
            if value is None or here <= rank:
                value, rank = fact.value(VALUE_PROPERTY[declared.kind]), here
        return value, declared.kind

    def standing(
        self, begins: Callable[[Fact], bool], ends: Callable[[Fact], bool], key: Callable[[Fact], object], at: int
    ) -> set[str]:
        keys: set[str] = set()
        for fact in self.facts:
            if fact.at <= at and begins(fact):
                keys.add(str(key(fact) or ""))
            elif fact.at <= at and ends(fact):
                keys.discard(str(key(fact) or ""))
        return keys

    def records(self, kind: str, at: int) -> set[str]:
        return self.standing(
            lambda f: f.type == "record_set" and f.value("kind") == kind,
            lambda f: f.type == "record_ended" and f.value("kind") == kind,
            lambda f: f.value("record"), at,
        )  # fmt: skip

    def purposes(self, channel: str, at: int) -> set[str]:
        return self.standing(
            lambda f: f.type == "consent_given" and f.value("medium") == channel,
            lambda f: f.type == "consent_withdrawn" and f.value("medium") == channel,
            lambda f: f.value("purpose"), at,
        )  # fmt: skip

    def groups(self, tag: str, at: int) -> set[str]:
        return self.standing(
            lambda f: f.type == "tag_added" and f.value("tag") == tag,
            lambda f: f.type == "tag_removed" and f.value("tag") == tag,
            lambda f: f.value("group"), at,
        )  # fmt: skip

    def objects(self, relation: str, at: int) -> set[str]:
        def rule(fact: Fact, begins: bool) -> bool:
            declared = self.vocabulary.events.get(fact.type)
            found = declared.relation if declared is not None else None
            return found is not None and found.relation == relation and found.begins is begins

        def key(fact: Fact) -> object:
            found = self.vocabulary.events[fact.type].relation
            return fact.value(found.object_property) if found is not None and found.object_property else ""

        return self.standing(lambda f: rule(f, True), lambda f: rule(f, False), key, at)

    # ── tests ───────────────────────────────────────────────────────────────────────────────────

    def holds(self, test: n.Test, at: int, zone: str, record: str | None = None) -> bool:
        found = self.memo.get((test, at, zone, record))
        if found is None:
            found = self.memo[test, at, zone, record] = self._holds(test, at, zone, record)
        return found

    def _holds(self, test: n.Test, at: int, zone: str, record: str | None) -> bool:
        if isinstance(test, (n.Compare, n.OneOf, n.Unknown)):
            value, kind = self.subject(test.subject, at, zone, record)
            return self.compared(test, value, kind, zone)
        if isinstance(test, n.Not):
            return not self.holds(test.test, at, zone, record)
        if isinstance(test, n.All):
            return all(self.holds(part, at, zone, record) for part in test.tests)
        if isinstance(test, n.Any):
            return any(self.holds(part, at, zone, record) for part in test.tests)
        if isinstance(test, n.AtLeast):
            return sum(self.holds(part, at, zone, record) for part in test.tests) >= test.count
        if isinstance(test, n.Always):
            return True
        if isinstance(test, n.Hold):
            return any(self.holds(test.test, t, zone, record) for t in self.looked_at(at - test.ms, at))
        if isinstance(test, (n.InLabel, n.Moved)):
            return self.labelled(test, at)
        return self.asked(test, at, zone)

    def asked(self, test: n.Test, at: int, zone: str) -> bool:
        if isinstance(test, (n.Happened, n.Never)):
            return bool(self.windowed(test.events, test.window, at, zone)) is isinstance(test, n.Happened)
        if isinstance(test, n.EachPeriod):
            return self.periods(test.events, test.unit, test.count, at, zone) == test.count
        if isinstance(test, n.Sequence):
            sets = [self.windowed(step.events, test.window, at, zone) for step in test.steps]
            return self.matched(test, sets, [], at, zone)
        if isinstance(test, n.Returned):
            found = self.chosen(test.events, at, zone)
            pairs = pairwise(found)
            return any(b.at - a.at >= test.gap_ms and self.inside(b, test.window, at, zone) for a, b in pairs)
        if isinstance(test, n.NotFollowed):
            return self.unanswered(test, at, zone)
        if isinstance(test, n.HasTag):
            groups = self.groups(test.tag, at)
            return test.group in groups if test.group else bool(groups)
        if isinstance(test, n.Consent):
            return test.purpose in self.purposes(test.channel, at)
        if isinstance(test, n.Reachable):
            owns = bool(self.owned & set(self.channels.get(test.channel, ())))
            return owns and bool(self.purposes(test.channel, at))
        if isinstance(test, n.Related):
            objects = self.objects(test.relation, at)
            return test.object in objects if test.object else bool(objects)
        if isinstance(test, n.AnyRecord):
            return any(self.holds(test.test or n.Always(), at, zone, r) for r in self.records(test.kind, at))
        assert isinstance(test, n.AllRecords), test
        records = self.records(test.kind, at)
        return bool(records) and all(self.holds(test.test, at, zone, r) for r in records)

    def matched(self, test: n.Sequence, sets: list[list[Fact]], match: list[Fact], at: int, zone: str) -> bool:
        if len(match) == len(test.steps):
            return test.total_ms is None or match[-1].at - match[0].at <= test.total_ms
        step = test.steps[len(match)]
        for fact in sets[len(match)]:
            if match:
                before = match[-1]
                if (fact.at, fact.tie) <= (before.at, before.tie):
                    continue
                if step.within_ms is not None and fact.at - before.at > step.within_ms:
                    continue
                between = self.chosen(step.without, at, zone) if step.without is not None else []
                if any((before.at, before.tie) < (x.at, x.tie) < (fact.at, fact.tie) for x in between):
                    continue
            if self.matched(test, sets, [*match, fact], at, zone):
                return True
        return False

    def unanswered(self, test: n.NotFollowed, at: int, zone: str) -> bool:
        for fact in self.windowed(test.events, test.window, at, zone):
            deadline = fact.at + test.within_ms
            answers = [b for b in self.chosen(test.by, at, zone) if (b.at, b.tie) > (fact.at, fact.tie)]
            if at >= deadline and not any(b.at <= deadline for b in answers):
                return True
        return False

    def rung(self, label: str, at: int) -> str:
        definition = self.plan.find(label)
        if not any(fact.at <= at and fact.type not in SYSTEM for fact in self.facts):
            return ""  # who doesn't count yet has no label
        zone = definition.zone or self.vocabulary.zone
        return next((r.value for r in definition.rungs if self.holds(r.test, at, zone)), "")

    def labelled(self, test: n.InLabel | n.Moved, at: int) -> bool:
        def has(instant: int) -> bool:
            return self.rung(test.label, instant) == test.value if test.value else self.rung(test.label, instant) != ""

        if isinstance(test, n.Moved):
            changes = [t for t in self.looked_at(at - test.ms + 1, at) if has(t) is not has(t - 1)]
            return any(has(t) is not test.left for t in changes)
        at = at if test.at is None else test.at
        return has(at) if test.for_ms is None else all(has(t) for t in self.looked_at(at - test.for_ms, at))

    def looked_at(self, start: int, end: int) -> list[int]:
        """The instants in [start, end] that may differ from the one before them, and start."""
        hours = range(-(-start // HOUR_MS), end // HOUR_MS + 1)
        return [start, *(t for hour in hours for t in (hour * HOUR_MS, hour * HOUR_MS + 1) if start < t <= end)]

    # ── comparison ──────────────────────────────────────────────────────────────────────────────

    def compared(self, test: n.Compare | n.OneOf | n.Unknown, value: Value, kind: Kind, zone: str) -> bool:
        if isinstance(test, n.Unknown):
            return value is None
        if isinstance(test, n.OneOf):
            op = n.Op.CONTAINS if kind is Kind.LIST else n.Op.EQ
            return any(self.related_so(value, kind, op, literal, zone) for literal in test.values)
        return self.related_so(value, kind, test.op, test.value, zone)

    def related_so(self, value: Value, kind: Kind, op: n.Op, literal: n.Value, zone: str) -> bool:
        if value is None:
            return False
        if kind is Kind.LIST:
            assert isinstance(value, list) and isinstance(literal, n.Text)
            text = literal.value
            return {n.Op.CONTAINS: text in value, n.Op.EQ: value == [text], n.Op.NE: value != [text]}.get(op, False)
        if kind is Kind.STRING:
            assert isinstance(value, str)
            if not isinstance(literal, n.Text):
                return False
            if op in (n.Op.CONTAINS, n.Op.STARTS, n.Op.ENDS):
                part = literal.value
                return {n.Op.CONTAINS: part in value, n.Op.STARTS: value.startswith(part)}.get(op, value.endswith(part))
            return ordered(op, value, literal.value)
        if isinstance(literal, n.Day) and kind is Kind.INSTANT:
            return ordered(op, self.day(int(str(value)), zone).isoformat(), literal.date)
        if isinstance(literal, n.Instant) and kind is Kind.DATE:
            return ordered(op, self.begin(date_of(int(str(value))), zone), literal.at)
        if isinstance(literal, n.Number):
            return kind in SCALE and ordered(op, value, Fraction(Decimal(literal.value)) * SCALE[kind])
        if isinstance(literal, n.Day):
            return ordered(op, date_of(int(str(value))).isoformat(), literal.date)
        plain = {n.Money: "minor", n.Instant: "at", n.Span: "ms", n.Flag: "value", n.Text: "value"}[type(literal)]
        return not isinstance(literal, n.Text) and ordered(op, value, getattr(literal, plain))


def ordered(op: n.Op, a: object, b: object) -> bool:
    less, equal = a < b, a == b  # type: ignore[operator]
    return {
        n.Op.EQ: equal, n.Op.NE: not equal, n.Op.LT: less, n.Op.LE: less or equal, n.Op.GT: not (less or equal),
        n.Op.GE: not less,
    }.get(op, False)  # fmt: skip
