"""What questions about everybody have in common: whom, when, and by what they are told apart.

`scoped` turns a `Scope` into columns over all customers; a question then works through `everyone.columns` or
`everyone.map`, and its figures are counts over those columns.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from yutang.conditions.grammar import parse, parse_events
from yutang.conditions.lookups import event_type, property_kind
from yutang.conditions.lookups import mark as known_mark
from yutang.conditions.lookups import trait as known_trait
from yutang.conditions.nodes import Aggregate, Always, Events, Fold, Subject, Test, Trait
from yutang.conditions.sentences import events_title, sentence
from yutang.conditions.text import events_text, to_text
from yutang.conditions.vocabulary import NUMBER_SCALE, Kind, Vocabulary
from yutang.domains.audience.api import questions
from yutang.domains.audience.api.definitions import named
from yutang.domains.audience.api.evaluating import AUDIENCE, POINT_CUSTOMERS_AT_ONCE_MAX, everyone, point, read_for
from yutang.domains.audience.contracts import NONE
from yutang.domains.insight.contracts.asking import OTHER, UNKNOWN_GROUP, Asked, Scope, group_name
from yutang.kernel.errors import ConditionError, InvalidError
from yutang.kernel.instants import BEGINNING, instant_text
from yutang.kernel.money import major_text
from yutang.runtime.desk import Desk
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.slots import PEOPLE, VOCABULARY
from yutang.timeline.boundaries import Calendar, calendar
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.everyone import Everyone, Part
from yutang.timeline.steps import UNKNOWN, Flags
from yutang.timeline.view import Column, View

GROUPS_COUNT_MAX = 100  # of a breakdown
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """A breakdown: of each customer, in the order of `everyone.heads`, the place of its group in `names`.

    prop: by this property of the event that begins what is counted, and `codes` is empty: the question finds them.
    """

    names: tuple[str, ...] = ()
    codes: Codes = field(default_factory=lambda: np.empty(0, np.int64))
    prop: str = ""


@dataclass(frozen=True)
class Scoped:
    """A scope, understood. who: bool[customers], whom it is about. Events at instants in [since_ms, until_ms] count."""

    everyone: Everyone
    vocabulary: Vocabulary
    calendar: Calendar
    since_ms: int
    until_ms: int
    who: Flags
    groups: Groups
    asked: Asked


def scoped(desk: Desk, scope: Scope) -> Scoped:
    """Raises ConditionError for a condition, InvalidError for an instant, zone or breakdown that isn't one."""
    epoch, vocabulary = desk.epoch, desk.epoch[VOCABULARY]
    until = questions.instant_asked(desk, scope.as_of)
    since = questions.checked_instant(scope.since, "since") if scope.since else BEGINNING
    if since > until:
        raise _since_later(since, until, named=bool(scope.as_of))
    zone = _zone(scope.zone or vocabulary.zone)
    with said_in("who"):
        test: Test = parse(scope.who, vocabulary) if scope.who else Always()
    everybody = everyone(epoch)
    context = point(epoch, until)

    def chosen(view: View) -> tuple[Flags]:
        flags: Flags = view.first_seen() <= until
        if scope.who:
            flags &= Evaluation(view, context).truth(test, zone.name).values_at(until) == 1
        return (flags,)

    (who,) = everybody.columns(chosen, read_for(epoch, [test]), POINT_CUSTOMERS_AT_ONCE_MAX)
    groups = _groups(desk.epoch, scope, everybody, until, who)
    asked = Asked(
        "" if since == BEGINNING else instant_text(since),
        instant_text(until),
        zone.name,
        to_text(test, vocabulary) if scope.who else "",
        sentence(test, vocabulary, desk.settings.language) if scope.who else "",
        int(who.sum()),
        groups.names,
    )
    return Scoped(everybody, vocabulary, zone, since, until, who, groups, asked)


def events_asked(text: str, vocabulary: Vocabulary, where: str) -> Events:
    """An event set that a question names. Raises InvalidError that says which one is missing, ConditionError."""
    if not text.strip():
        raise InvalidError(
            "insight.events_missing", f"{where} names no events", where=where,
            remedy='write an event type, `#mark` or `*`, with a filter if need be: `order_paid where amount > 100`',
        )  # fmt: skip
    with said_in(where):
        return parse_events(text, vocabulary)


@contextmanager
def said_in(where: str) -> Iterator[None]:
    """What is wrong with a condition or an event set is told with the part of the question that says it."""
    try:
        yield
    except ConditionError as error:
        place = f"{where}, {error.where}" if error.where else where
        raise ConditionError(error.code, error.message, where=place, remedy=error.remedy) from None


def _since_later(since: int, until: int, *, named: bool) -> InvalidError:
    looked_at = "as_of" if named else "pool time"
    return InvalidError(
        "insight.since_later", f"since, {instant_text(since)}, lies after {looked_at}, {instant_text(until)}",
        where="since", remedy="swap since and as_of" if named else "name an earlier since, or a later as_of",
    )  # fmt: skip


def _zone(name: str) -> Calendar:
    try:
        return calendar(name)
    except InvalidError as error:
        raise InvalidError(error.code, error.message, where="zone", remedy=error.remedy) from None


def in_words(desk: Desk, events: Events) -> tuple[str, str]:
    """An event set as answers say it: (in the language of conditions, in words of the reader's language)."""
    vocabulary = desk.epoch[VOCABULARY]
    return events_text(events, vocabulary), events_title(events, vocabulary, desk.settings.language)


def _groups(epoch: Epoch, scope: Scope, everybody: Everyone, until: int, who: Flags) -> Groups:
    kind, _, name = scope.by.partition(".")
    if not scope.by:
        return Groups()
    if not 1 <= scope.groups <= GROUPS_COUNT_MAX:
        raise InvalidError(
            "insight.groups_count", f"{scope.groups} groups; 1 to {GROUPS_COUNT_MAX} can be shown", where="groups",
            remedy=f"name a number from 1 to {GROUPS_COUNT_MAX}",
        )  # fmt: skip
    if kind == "" and name:
        return Groups(prop=name)
    return largest(*told_apart(epoch, everybody, scope.by, until), who, scope.groups)


def told_apart(epoch: Epoch, everybody: Everyone, by: str, until: int) -> tuple[Codes, tuple[str, ...]]:
    """(of each customer the place of its value in the names, the names), by anything that a scope may be told apart by
    but `.PROPERTY`."""
    vocabulary, context = epoch[VOCABULARY], point(epoch, until)
    kind, _, name = by.partition(".")
    if kind == "label" and name:
        label = named(epoch[AUDIENCE], name)
        values = (*map(group_name, label.values), NONE)
        if label.quintile is not None:
            places = np.searchsorted(epoch[PEOPLE].heads(), everybody.heads)
            codes = questions.quintile_codes(epoch, name, until)[places]
        else:
            types = read_for(epoch, [rung.test for rung in label.rungs])
            (codes,) = everybody.columns(
                lambda view: (Evaluation(view, context).ladder(name).values_at(until),),
                types,
                POINT_CUSTOMERS_AT_ONCE_MAX,
            )
        return np.where(codes < 0, len(values) - 1, codes), values
    subject: Subject
    if kind == "trait" and name:
        known_trait(name, vocabulary, "by")
        subject = Trait(name)
    elif by == "source":
        subject = Aggregate(Fold.FIRST, Events(), "source")
    elif kind and name and kind not in ("trait", "label"):
        subject = Aggregate(Fold.LAST, _lately(kind, name, vocabulary), name)
    else:
        raise InvalidError(
            "insight.by_unknown", f"nothing can be told apart by {by!r}", where="by",
            remedy="write trait.NAME, label.NAME, source, EVENT.PROPERTY of the customer's last such event, or "
            ".PROPERTY of the event that begins what is counted",
        )  # fmt: skip
    parts = everybody.map(
        lambda part: _read(part, context, subject, until), read_for(epoch, [subject]), POINT_CUSTOMERS_AT_ONCE_MAX
    )
    return _united(everybody.count, parts, vocabulary.currency)


def _lately(events: str, name: str, vocabulary: Vocabulary) -> Events:
    """The events whose last one says a customer's group: of a type, of a `#mark`, or all (`*`). Raises ConditionError
    for those that aren't there, and a property that they haven't got."""
    if events == "*":
        found = Events()
    elif events.startswith("#"):
        found = Events(mark=known_mark(events[1:], "by"))
    else:
        found = Events(types=(event_type(events, vocabulary, "by").name,))
    property_kind(found, name, vocabulary, "by")
    return found


def _read(part: Part, context: Context, subject: Subject, until: int) -> tuple[Part, Column]:
    return part, Evaluation(part.view, context).reading(subject, until)


def _united(count: int, parts: list[tuple[Part, Column]], currency: str) -> tuple[Codes, tuple[str, ...]]:
    """Of each customer the place of its value in all that occur, as text."""
    codes = np.empty(count, np.int64)
    places: dict[str, int] = {UNKNOWN_GROUP: 0}
    for part, column in parts:
        present, inverse = np.unique(part.own(column.values), return_inverse=True)
        mapping = [places.setdefault(value_name(value, column, currency), len(places)) for value in present.tolist()]
        codes[part.places] = np.array(mapping, np.int64)[inverse]
    return codes, tuple(places)


def value_name(value: int, column: Column, currency: str) -> str:
    """What a value of a column is called, as a group; never empty: a cell without a name is of everybody."""
    if value == UNKNOWN:
        return UNKNOWN_GROUP
    if column.words:
        return group_name(column.words[value])
    return said(value, column.kind, currency)


def said(value: int, kind: Kind, currency: str) -> str:
    """A value in readable units, as groups are named."""
    match kind:
        case Kind.MONEY:
            return major_text(value, currency)
        case Kind.NUMBER:
            return f"{value / NUMBER_SCALE:g}"
        case Kind.INSTANT:
            return instant_text(value)
        case Kind.DATE:
            return instant_text(value)[:10]
        case Kind.BOOLEAN:
            return "true" if value else "false"
        case _:
            return str(value)


def largest(codes: Codes, names: tuple[str, ...], who: Flags, count: int) -> Groups:
    """The groups with the most customers, largest first; all others are one."""
    own, shown = own_groups(names, np.bincount(codes[who], minlength=len(names)), count)
    mapping = np.full(len(names), len(own), np.int64)
    mapping[own] = np.arange(len(own))
    return Groups(shown, mapping[codes])


def own_groups(names: Sequence[str], sizes: Codes, count: int) -> tuple[list[int], tuple[str, ...]]:
    """(the places of the groups with figures of their own, largest first and then by name; the names of all groups)."""
    some = np.flatnonzero(sizes).tolist()
    own = heapq.nsmallest(count, some, key=lambda place: (-int(sizes[place]), names[place]))
    shown = tuple(names[place] for place in own)
    return own, (*shown, OTHER) if len(some) > len(own) else shown


def cell_value(cell: Mapping[str, str], name: str, default: str = "") -> str:
    """A coordinate of a figure. Raises InvalidError if it is missing and there is no default."""
    found = cell.get(name, default)
    if not found:
        raise incomplete(name)
    return found


def incomplete(name: str, values: str = "") -> InvalidError:
    """A cell lacks a coordinate. values: which it can have."""
    return InvalidError(
        "insight.cell_incomplete", f"the cell says no {name}", where=f"cell.{name}",
        remedy=f"add {name}: {values}" if values else "take the cell from the answer, as it stands there",
    )  # fmt: skip
