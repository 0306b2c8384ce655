"""Random timelines and random conditions over them, for comparing two ways of evaluating.

Everything lies on whole hours around a change of clocks, so that a slow reference can try all instants
at which anything may change. Few types, few values, few hours: ties and coincidences are the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import TypeVar

from hypothesis import strategies as st

from tests.support.memory_view import Fact
from yutang.conditions import nodes as n
from yutang.conditions.vocabulary import (
    EventType,
    Kind,
    LabelType,
    Mark,
    MarkRule,
    PropertyType,
    RecordType,
    RelationRule,
    TraitType,
    Vocabulary,
)
from yutang.kernel.instants import DAY_MS, HOUR_MS
from yutang.timeline.plan import Definition, Plan, Rung

ZONES = ("Europe/Berlin", "Asia/Shanghai", "America/Sao_Paulo")
# Days around which clocks change in one of the zones (Berlin spring, São Paulo's midnight, Berlin autumn).
BASES = tuple(date.fromisoformat(day).toordinal() - 719_163 for day in ("2021-03-26", "2018-11-02", "2021-10-29"))
HOURS = 9 * 24
EARLIER_DAYS = (-400, -370, -365, -70, -35, -31, -9)

_PROPERTIES = (
    PropertyType("s", Kind.STRING),
    PropertyType("i", Kind.INTEGER),
    PropertyType("x", Kind.NUMBER),
    PropertyType("m", Kind.MONEY),
    PropertyType("l", Kind.LIST),
    PropertyType("d", Kind.DATE),
    PropertyType("t", Kind.INSTANT),
    PropertyType("f", Kind.BOOLEAN),
)
_KINDS = {one.name: one.kind for one in _PROPERTIES}
_AMOUNT = (PropertyType("amount", Kind.MONEY), PropertyType("s", Kind.STRING))
_OBJECT = (PropertyType("object", Kind.STRING),)

VOCABULARY = Vocabulary(
    zone="Europe/Berlin",
    currency="CNY",
    events={
        "a": EventType("a", _PROPERTIES, marks=(MarkRule(Mark.VISIT),)),
        "b": EventType("b", _PROPERTIES, marks=(MarkRule(Mark.VISIT, "s", ("p", "q")), MarkRule(Mark.INTEREST))),
        "order_paid": EventType("order_paid", _AMOUNT),
        "order_refunded": EventType("order_refunded", _AMOUNT),
        "follow": EventType("follow", _OBJECT, relation=RelationRule("friend", True, "object")),
        "unfollow": EventType("unfollow", _OBJECT, relation=RelationRule("friend", False, "object")),
    },
    traits={
        "skin": TraitType("skin", Kind.STRING),
        "score": TraitType("score", Kind.NUMBER, priority=("crm", "app")),
        "birthday": TraitType("birthday", Kind.DATE),
        "due": TraitType("due", Kind.INSTANT),
        "likes": TraitType("likes", Kind.LIST),
    },
    records={"child": RecordType("child", (PropertyType("birthday", Kind.DATE), PropertyType("name", Kind.STRING)))},
    labels={"seg": LabelType("seg", ("in",)), "steps": LabelType("steps", ("one", "two"))},
)
_TRAIT_KINDS = {name: one.kind for name, one in VOCABULARY.traits.items()}
_VALUE_OF = {Kind.STRING: "text", Kind.NUMBER: "number", Kind.DATE: "date", Kind.INSTANT: "instant", Kind.LIST: "list"}

T = TypeVar("T")


@dataclass(frozen=True)
class Dice:
    """All choices come from one function: an integer between two, inclusive."""

    integer: Callable[[int, int], int]

    def pick(self, among: Sequence[T]) -> T:
        return among[self.integer(0, len(among) - 1)]

    def flag(self) -> bool:
        return self.integer(0, 1) == 1


@dataclass(frozen=True)
class Scene:
    """A pool of two customers, a plan, a test, and the day that it all lies around."""

    base: int
    facts: tuple[Fact, ...]
    plan: Plan
    test: n.Test
    zone: str


# ── values ──────────────────────────────────────────────────────────────────────────────────────


def _day(dice: Dice, base: int) -> int:
    return dice.pick([base + 1, base + 2, base + 3, base - 365, base - 30, -3_960, 15_034])


def _value(dice: Dice, kind: Kind, base: int) -> object:
    """An engine value."""
    if kind is Kind.STRING:
        return dice.pick(["p", "q", "pq"])
    if kind is Kind.LIST:
        return [dice.pick(["p", "q"]) for _ in range(dice.integer(0, 2))]
    if kind is Kind.DATE:
        return _day(dice, base) * DAY_MS
    if kind is Kind.INSTANT:
        return base * DAY_MS + dice.integer(0, HOURS) * HOUR_MS
    if kind is Kind.BOOLEAN:
        return dice.integer(0, 1)
    if kind is Kind.NUMBER:
        return dice.pick([-500_000, 0, 500_000, 1_000_000, 1_500_001])
    return dice.integer(-1, 3) * (100 if kind is Kind.MONEY else 1)


def _literal(dice: Dice, kind: Kind, base: int) -> n.Value:
    if kind in (Kind.STRING, Kind.LIST):
        return n.Text(dice.pick(["p", "q", "pq"]))
    if kind in (Kind.DATE, Kind.INSTANT):
        if dice.flag():
            return n.Day((date(1970, 1, 1) + timedelta(days=_day(dice, base))).isoformat())
        return n.Instant(base * DAY_MS + dice.integer(0, HOURS) * HOUR_MS)
    if kind is Kind.BOOLEAN:
        return n.Flag(dice.flag())
    if kind is Kind.MONEY and dice.flag():
        return n.Money(dice.integer(-1, 5) * 50, "CNY")
    return n.Number(dice.pick(["-1", "0", "0.5", "1", "1.5", "2", "3", "1.0000005"]))


def _op(dice: Dice, kind: Kind | None = None) -> n.Op:
    if kind is Kind.STRING:
        return dice.pick(list(n.Op))
    if kind is Kind.LIST:
        return dice.pick([n.Op.CONTAINS, n.Op.EQ, n.Op.NE])
    return dice.pick([n.Op.EQ, n.Op.NE, n.Op.LT, n.Op.LE, n.Op.GT, n.Op.GE])


def _hours(dice: Dice, most: int = 80) -> int:
    return dice.integer(1, 6 if dice.flag() else most) * HOUR_MS


def _window(dice: Dice, base: int) -> n.Window | None:
    which = dice.integer(0, 5)
    if which <= 1:
        return n.Rolling(_hours(dice))
    if which == 2:
        ends = [None, *(base * DAY_MS + hour * HOUR_MS for hour in (0, 30, 60, 100))]
        return n.Fixed(dice.pick(ends), dice.pick(ends))
    if which == 3:
        return n.Last(dice.pick(list(n.Unit)), dice.integer(1, 3))
    return n.This(dice.pick(list(n.Unit))) if which == 4 else None


# ── events ──────────────────────────────────────────────────────────────────────────────────────


def _filter(dice: Dice, names: tuple[str, ...], base: int, depth: int = 1) -> n.Test:
    which = dice.integer(0, 6 if depth else 4)
    if which >= 5:
        parts = tuple(_filter(dice, names, base, depth - 1) for _ in range(2))
        return dice.pick([n.All(parts), n.Any(parts), n.AtLeast(1, parts), n.Not(parts[0]), n.Always()])
    name = dice.pick(names)
    kind = Kind.MONEY if name == "amount" else _KINDS[name]
    if which == 3:
        return n.Unknown(n.Property(name))
    if which == 4:
        return n.OneOf(n.Property(name), (_literal(dice, kind, base), _literal(dice, kind, base)))
    return n.Compare(n.Property(name), _op(dice, kind), _literal(dice, kind, base))


def _events(dice: Dice, base: int) -> n.Events:
    types = dice.pick([("a",), ("a",), ("b",), ("b",), ("b", "a"), ("order_paid",), (), ()])
    mark = dice.pick(["", Mark.VISIT.value, Mark.INTEREST.value]) if not types else ""
    if dice.integer(0, 2) or (not types and not mark) or types == ("order_paid",):
        return n.Events(types, mark)
    return n.Events(types, mark, _filter(dice, tuple(_KINDS), base))


def _aggregate(dice: Dice, base: int) -> tuple[n.Aggregate, Kind]:
    window = _window(dice, base)
    if dice.integer(0, 3) == 0:
        where = _filter(dice, ("amount", "s"), base) if dice.flag() else None
        fold = n.Fold.SUM if dice.flag() else n.Fold.AVG
        events = n.Events(("order_paid",), where=where)
        return n.Aggregate(fold, events, "amount", window, net=fold is n.Fold.SUM and dice.flag()), Kind.MONEY
    fold = dice.pick(list(n.Fold))
    numeric = fold in (n.Fold.SUM, n.Fold.AVG, n.Fold.MIN, n.Fold.MAX)
    name = dice.pick(["i", "x", "m"] if numeric else list(_KINDS))
    types = dice.pick([("a",), ("b",), ("a", "b")])
    kind = Kind.INTEGER if fold is n.Fold.DISTINCT else _KINDS[name]
    return n.Aggregate(fold, n.Events(types), name, window), kind


# ── tests ───────────────────────────────────────────────────────────────────────────────────────


def _dated(dice: Dice, of: n.Trait | n.RecordTrait) -> tuple[n.Subject, n.Value]:
    which = dice.integer(0, 2)
    if which == 0:
        ages = ["-1", "0", "0.5", "1", "2", "12", "13", "366", "30"]
        return n.Age(of, dice.pick(list(n.Unit))), n.Number(dice.pick(ages))
    days = dice.integer(-3, 40) * DAY_MS + dice.pick([0, 0, HOUR_MS, -HOUR_MS])
    span = n.Span(dice.pick([0, days, 364 * DAY_MS, 365 * DAY_MS]))
    return (n.Due(of) if which == 1 else n.Anniversary(of)), span


def _subject(dice: Dice, base: int, in_record: bool) -> tuple[n.Subject, Kind | None, n.Value]:
    """(subject, kind of its value, a value to compare it with)."""
    which = dice.integer(0, 6)
    if in_record and which <= 3:
        if dice.flag():
            subject, value = _dated(dice, n.RecordTrait("birthday"))
            return subject, None, value
        name = dice.pick(["birthday", "name"])
        kind = Kind.DATE if name == "birthday" else Kind.STRING
        return n.RecordTrait(name), kind, _literal(dice, kind, base)
    if which <= 1:
        name = dice.pick([*_TRAIT_KINDS, "undeclared"])
        kind = _TRAIT_KINDS.get(name, Kind.STRING)
        return n.Trait(name), kind, _literal(dice, kind, base)
    if which == 2:
        subject, value = _dated(dice, n.Trait(dice.pick(["birthday", "due"])))
        return subject, None, value
    if which == 3:
        return n.Since(_events(dice, base), dice.flag()), None, n.Span(_hours(dice))
    if which == 4:
        count = n.Count(_events(dice, base), _window(dice, base))
        return count, Kind.INTEGER, _literal(dice, Kind.INTEGER, base)
    if which == 5:
        unit = dice.pick(list(n.Unit))
        periods = n.Periods(_events(dice, base), unit, dice.integer(1, 4))
        return periods, Kind.INTEGER, _literal(dice, Kind.INTEGER, base)
    aggregate, kind = _aggregate(dice, base)
    return aggregate, kind, _literal(dice, kind, base)


def _sequence(dice: Dice, base: int) -> n.Sequence:
    steps = [n.Step(_events(dice, base))]
    for _ in range(dice.integer(0, 2)):
        within = _hours(dice, 30) if dice.flag() else None
        without = _events(dice, base) if dice.integer(0, 2) == 0 else None
        steps.append(n.Step(_events(dice, base), within, without))
    total = _hours(dice, 60) if dice.integer(0, 2) == 0 else None
    return n.Sequence(tuple(steps), total, _window(dice, base))


def _record_test(dice: Dice, base: int, labels: tuple[str, ...]) -> n.Test:
    which = dice.integer(0, 2)
    if which == 0:
        return n.AnyRecord("child", _test(dice, base, 1, labels, True) if dice.flag() else None)
    if which == 1:
        return n.AllRecords("child", _test(dice, base, 1, labels, True))
    count = n.RecordCount("child", _test(dice, base, 1, labels, True) if dice.flag() else None)
    return n.Compare(count, _op(dice), n.Number(str(dice.integer(0, 2))))


def _label_test(dice: Dice, base: int, labels: tuple[str, ...]) -> n.Test:
    label = dice.pick(labels)
    value = dice.pick({"seg": ["", "in"], "steps": ["", "one", "two"]}[label])
    if dice.integer(0, 2) == 0:
        return n.Moved(label, value, _hours(dice, 30), dice.flag())
    at = base * DAY_MS + dice.integer(0, HOURS) * HOUR_MS if dice.integer(0, 3) == 0 else None
    return n.InLabel(label, value, _hours(dice, 30) if dice.flag() else None, at)


def _state(dice: Dice) -> n.Test:
    return dice.pick(
            [
                n.HasTag("oily"), n.HasTag("oily", "skin"), n.Consent("sms", "promotion"), n.Reachable("sms"),
                n.Reachable("email"), n.Related("friend"), n.Related("friend", "x"), n.Related("nothing"),
            ]
        )  # fmt: skip


def _leaf(dice: Dice, base: int, labels: tuple[str, ...], in_record: bool) -> n.Test:
    which = dice.integer(0, 12)
    if which <= 3 or in_record:
        subject, kind, value = _subject(dice, base, in_record)
        shape = dice.integer(0, 5)
        if shape == 0:
            return n.Unknown(subject)
        if shape == 1:
            return n.OneOf(subject, (value, value))
        return n.Compare(subject, _op(dice, kind), value)
    if which <= 5:
        return dice.pick([n.Happened, n.Never])(_events(dice, base), _window(dice, base))
    if which == 6:
        return n.EachPeriod(_events(dice, base), dice.pick(list(n.Unit)), dice.integer(1, 3))
    if which <= 8:
        return _sequence(dice, base)
    if which == 9 and dice.flag():
        return n.Returned(_events(dice, base), _hours(dice, 60), _window(dice, base))
    if which == 9:
        return n.NotFollowed(
            _events(dice, base), _events(dice, base), dice.integer(0, 9) * HOUR_MS, _window(dice, base)
        )
    if which == 10 and labels:
        return _label_test(dice, base, labels)
    return _state(dice) if which <= 11 else _record_test(dice, base, labels)


def _test(dice: Dice, base: int, depth: int, labels: tuple[str, ...], in_record: bool = False) -> n.Test:
    which = dice.integer(0, 9) if depth else 9
    if which >= 6:
        return _leaf(dice, base, labels, in_record)
    parts = tuple(_test(dice, base, depth - 1, labels, in_record) for _ in range(dice.integer(1, 3)))
    if which == 0:
        return n.Not(parts[0])
    if which == 1:
        return n.Hold(parts[0], _hours(dice, 20))
    if which == 2:
        return n.AtLeast(dice.integer(0, 3), parts)
    return (n.All(parts), n.Any(parts), n.Any((*parts, n.Not(n.Always()))))[which - 3]


# ── facts ───────────────────────────────────────────────────────────────────────────────────────


def _fact(dice: Dice, base: int) -> Fact:
    hour = dice.integer(0, HOURS) if dice.flag() else dice.pick([22, 23, 46, 47, 48, 64, 65])
    day = base if dice.integer(0, 4) else base + dice.pick(EARLIER_DAYS)
    at, tie, customer = day * DAY_MS + hour * HOUR_MS, dice.integer(0, 2), dice.integer(0, 1)
    kind = dice.pick(["a", "a", "a", "b", "b", "b", "order", "relation", "trait", "tag", "consent", "record"])
    props: dict[str, object] = {}
    if kind in ("a", "b"):
        for name in sorted({dice.pick(list(_KINDS)) for _ in range(dice.integer(0, 6))}):
            props[name] = _value(dice, _KINDS[name], base)
        return Fact(customer, kind, at, tie, props)
    if kind == "order":
        props = {"amount": _value(dice, Kind.MONEY, base), "s": _value(dice, Kind.STRING, base)}
        return Fact(customer, dice.pick(["order_paid", "order_paid", "order_refunded"]), at, tie, props)
    if kind == "relation":
        props = {"object": dice.pick(["x", "y", None])}
        return Fact(customer, dice.pick(["follow", "unfollow"]), at, tie, props)
    return Fact(customer, *_state_fact(dice, kind, at, tie, base))


def _state_fact(dice: Dice, kind: str, at: int, tie: int, base: int) -> tuple[str, int, int, dict[str, object]]:
    if kind == "trait":
        name = dice.pick([*_TRAIT_KINDS, "birthday", "score"])
        props: dict[str, object] = {"trait": name, "feed": dice.pick([None, "crm", "app"])}
        if dice.integer(0, 4):
            props[_VALUE_OF[_TRAIT_KINDS[name]]] = _value(dice, _TRAIT_KINDS[name], base)
        return "trait_set", at, tie, props
    if kind == "tag":
        props = {"tag": dice.pick(["oily", "dry"]), "group": dice.pick(["skin", "hair", None])}
        return dice.pick(["tag_added", "tag_added", "tag_removed"]), at, tie, props
    if kind == "consent":
        purpose = dice.pick(["promotion", "service"])
        props = {"medium": dice.pick(["sms", "email"]), "purpose": purpose}
        return dice.pick(["consent_given", "consent_given", "consent_withdrawn"]), at, tie, props
    props = {"kind": dice.pick(["child", "child", "pet"]), "record": dice.pick(["1", "2", None])}
    if dice.integer(0, 3) == 0:
        return "record_ended", at, tie, props
    name = dice.pick(["birthday", "birthday", "name"])
    props |= {"trait": name}
    props |= {"date": _day(dice, base) * DAY_MS} if name == "birthday" else {"text": dice.pick(["p", "q"])}
    return "record_set", at, tie, props


def scene(dice: Dice) -> Scene:
    """A timeline, a plan of two labels of which the second may name the first, and a test that may name both."""
    base = dice.pick(BASES)
    facts = tuple(_fact(dice, base) for _ in range(dice.integer(0, 30)))
    zone = dice.pick(ZONES)
    seg = Definition("seg", 1, dice.pick(["", *ZONES]), (Rung("in", _test(dice, base, 1, ())),))
    rungs = tuple(Rung(value, _test(dice, base, 1, ("seg",))) for value in ("one", "two"))
    steps = Definition("steps", 1, "", rungs)
    return Scene(base, facts, Plan([steps, seg]), _test(dice, base, 2, ("seg", "steps")), zone)


def dense(seed: int) -> Scene:
    """The scene of a seed: all choices equally likely, so denser than Hypothesis likes them, but it can't shrink."""
    return scene(Dice(Random(seed).randint))


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Scenes that Hypothesis can make small."""
    return scene(Dice(lambda least, most: draw(st.integers(least, most))))
