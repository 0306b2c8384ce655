"""What questions by period have in common: which periods are meant, and groups by a property of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from yutang.conditions.lookups import property_kind, property_kinds, suggestion
from yutang.conditions.nodes import Events, Unit
from yutang.conditions.vocabulary import Kind, Mark, Vocabulary
from yutang.domains.insight.api.asking import Groups, Scoped, incomplete, own_groups, value_name
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import BEGINNING
from yutang.runtime.desk import Desk
from yutang.runtime.slots import TIMELINE, VOCABULARY
from yutang.timeline.evaluation.selection import select
from yutang.timeline.everyone import Part
from yutang.timeline.questions.periods import Periods, periods_back, periods_between
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.view import Column

PERIODS_COUNT_MAX = 1_500  # of a range: four years of days


def unit_asked(text: str, where: str = "per") -> Unit:
    """A calendar period by name. Raises InvalidError."""
    try:
        return Unit(text.strip())
    except ValueError:
        raise InvalidError(
            "insight.per_unknown", f"{text!r} is no calendar period", where=where,
            remedy="write " + ", ".join(Unit),
        ) from None  # fmt: skip


def range_asked(asked: Scoped, unit: Unit, back: int, most: int = PERIODS_COUNT_MAX) -> Periods:
    """The periods of a scope: from `since` on, or so many back from `as_of`. Raises InvalidError."""
    if asked.since_ms == BEGINNING:
        return periods_back(asked.calendar, unit, back, asked.until_ms)
    return range_from(asked, unit, asked.since_ms, most)


def range_from(asked: Scoped, unit: Unit, since_ms: int, most: int = PERIODS_COUNT_MAX) -> Periods:
    """The periods from an instant on. Raises InvalidError if they are more than `most`."""
    periods = periods_between(asked.calendar, unit, since_ms, asked.until_ms)
    if periods.count > most:
        raise InvalidError(
            "insight.periods_too_many", f"{periods.count:,} periods; at most {most:,} can be shown",
            where="since", remedy="name a later `since`, or longer periods",
        )  # fmt: skip
    return periods


def count_asked(count: int, most: int, where: str, least: int = 1) -> int:
    """A number of periods, orders and the like that a question names. Raises InvalidError."""
    if not least <= count <= most:
        raise InvalidError(
            "insight.count_out_of_range", f"{where} is {count}; it can be {least} to {most}", where=where,
            remedy=f"name a number from {least} to {most}",
        )  # fmt: skip
    return count


def period_named(periods: Periods, name: str, coordinate: str = "period") -> int:
    """The place of a period by its first day. coordinate: of the cell, that names it. Raises InvalidError."""
    if name not in periods.names:
        raise _not_there(coordinate, name, periods.names)
    return periods.names.index(name)


def group_named(names: Sequence[str], name: str) -> int:
    """The place of a group by its name. Raises InvalidError."""
    if name not in names:
        raise _not_there("group", name, names)
    return names.index(name)


def number_in(cell: Mapping[str, str], name: str, least: int, most: int) -> int:
    """A coordinate that is a whole number. Raises InvalidError."""
    said_as = cell.get(name, "")
    if not said_as:
        raise incomplete(name, f"{least} to {most}")
    if not (said_as.isdecimal() and len(said_as) < 10 and least <= int(said_as) <= most):
        raise InvalidError(
            "insight.cell_unknown", f"the cell's {name} is {said_as!r}; it can be {least} to {most}",
            where=f"cell.{name}", remedy="take the cell from the answer, as it stands there",
        )  # fmt: skip
    return int(said_as)


def name_in(cell: Mapping[str, str], name: str, known: Sequence[str]) -> int:
    """The place of a coordinate among the names that there are. Raises InvalidError."""
    value = cell.get(name, "")
    if not value:
        raise incomplete(name, _listed(known))
    if value not in known:
        raise _not_there(name, value, known)
    return known.index(value)


def _not_there(name: str, value: str, known: Sequence[str]) -> InvalidError:
    return InvalidError(
        "insight.cell_unknown", f"the answer has no {name} {value!r}", where=f"cell.{name}",
        remedy=f"take the cell from the answer: {_listed(known)}" if known else "take the cell from the answer",
    )  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def came_in(cell: Mapping[str, str]) -> bool:
    """Whether a cell is of those who came (`came` = yes, or nothing said), or of those who didn't. Raises
    InvalidError."""
    return "came" not in cell or name_in(cell, "came", ("yes", "no")) == 0


def only_known(cell: Mapping[str, str], *names: str) -> None:
    """Raises InvalidError if a cell has other coordinates."""
    for name in cell:
        if name not in names:
            raise InvalidError(
                "insight.cell_unknown", f"figures of this question have no {name}", where=f"cell.{name}",
                remedy="they have " + ", ".join(names) if names else "leave the cell out: there is one figure",
            )  # fmt: skip


def no_property(asked: Scoped) -> None:
    """Raises InvalidError for a breakdown by a property of an event, where no single event begins what is counted."""
    if asked.groups.prop:
        raise InvalidError(
            "insight.by_property", "these figures are of customers, and no event of theirs begins what is counted",
            where="by", remedy="name the events too, as in order_paid.store: the last one of each customer tells; or "
            "write trait.NAME, label.NAME or source",
        )  # fmt: skip


def codes_of(asked: Scoped, part: Part) -> Ints:
    """int64[view.count]: the group of each customer of a part, -1 for those whom the question isn't about, or who
    belong to another part."""
    who = asked.who[part.places]
    own: Ints = who.astype(np.int64) - 1
    if len(asked.groups.codes):
        own = np.where(who, asked.groups.codes[part.places], -1)
    if part.mine is None:
        return own
    found = np.full(part.view.count, -1, np.int64)
    found[part.mine] = own
    return found


def heads_of(asked: Scoped, part: Part, flags: Flags) -> Ints:
    """The heads of those of a view's customers that are marked. flags: bool[view.count], nobody else's."""
    return asked.everyone.heads[part.places][part.own(flags)]


def by_value(
    columns: Sequence[Column], asked: Scoped, count: int, weights: Sequence[Ints] | None = None
) -> tuple[list[Ints], tuple[str, ...]]:
    """Groups by the values of columns, the largest first, all others last: (the group of each row, by column; names).

    weights: of each row; 1 if left out.
    """
    places: dict[str, int] = {}
    codes = []
    for column in columns:
        present, inverse = np.unique(column.values, return_inverse=True)
        names = names_of(Column(column.kind, present, column.words), asked.vocabulary.currency)
        codes.append(np.array([places.setdefault(name, len(places)) for name in names], np.int64)[inverse])
    sizes = np.zeros(len(places), np.int64)
    for number, code in enumerate(codes):
        np.add.at(sizes, code, 1 if weights is None else weights[number])
    own, shown = own_groups(list(places), sizes, count)
    groups = np.full(len(places), len(own), np.int64)
    groups[own] = np.arange(len(own))
    return [groups[code] for code in codes], shown


def by_first_event(
    asked: Scoped, events: Events, count: int, types: Sequence[str], *, everybody: bool = False
) -> Scoped:  # fmt: skip
    """The scope, its customers in groups by a property of their first event of a set, if that is what was asked.

    everybody: whether who hasn't had one by `as_of` counts as well, of whom the property is unknown; else these count
    in no figure, and must not make a group large.
    """
    prop = asked.groups.prop
    if not prop:
        return asked
    known_property(events, prop, asked.vocabulary, "by")

    def first(part: Part) -> tuple[slice | Ints, Column, Ints]:
        selected = select(part.view, events, asked.calendar, prop)
        rows, column = selected.offsets[:-1], selected.with_values()
        there = rows < selected.offsets[1:]
        there[there] = selected.at[rows[there]] <= asked.until_ms
        values = np.full(part.view.count, UNKNOWN, np.int64)
        values[there] = column.values[rows[there]]
        who = asked.who[part.places] & (part.own(there) | everybody)
        return part.places, Column(column.kind, part.own(values), column.words), who.astype(np.int64)

    found = asked.everyone.map(first, types)
    codes, names = by_value([one for _, one, _ in found], asked, count, [weights for _, _, weights in found])
    whole = np.zeros(asked.everyone.count, np.int64)
    for (places, _, weights), code in zip(found, codes, strict=True):
        whole[places] = np.where(weights > 0, code, 0)
    return replace(asked, groups=Groups(names, whole), asked=replace(asked.asked, groups=names))


def known_property(events: Events, name: str, vocabulary: Vocabulary, where: str) -> None:
    """Raises ConditionError, with a suggestion, if none of the events has the property; its kinds may differ."""
    if not property_kinds(events, name, vocabulary):
        property_kind(events, name, vocabulary, where)


def kind_of_property(vocabulary: Vocabulary, events: Events, prop: str) -> Kind:
    """The kind of a property of a set of events: of the first type (by name) that declares it, else text."""
    for name in types_named(vocabulary, events):
        declared = vocabulary.events.get(name)
        kind = declared.property_kind(prop) if declared is not None else None
        if kind is not None:
            return kind
    return Kind.STRING


def names_of(column: Column, currency: str) -> list[str]:
    """What the values of a column are called, as groups are."""
    return [value_name(value, column, currency) for value in column.values.tolist()]


def types_named(vocabulary: Vocabulary, events: Events) -> list[str]:
    """The event types that may be in a set, by name."""
    if events.mark:
        return sorted(one.name for one, _ in vocabulary.types_marked(Mark(events.mark)))
    return sorted(set(events.types) if events.types else {one.name for one in vocabulary.events.values()})


def types_read(desk: Desk, *sets: Events | None) -> list[str]:
    """The event types that a question of some sets reads: what everybody's columns need be at hand of."""
    epoch = desk.epoch
    found: set[str] = set()
    for events in sets:
        if events is not None and (events.types or events.mark):
            found |= set(types_named(epoch[VOCABULARY], events))
        elif events is not None:
            found |= {name for name, track in epoch[TIMELINE].tracks.items() if not track.system}
    return sorted(found)


def must_be_money(vocabulary: Vocabulary, events: Events, prop: str) -> None:
    """Raises InvalidError if a property of a set of events isn't declared as money."""
    if kind_of_property(vocabulary, events, prop) is Kind.MONEY:
        return
    types = (vocabulary.events[name] for name in types_named(vocabulary, events) if name in vocabulary.events)
    money = sorted({one.name for known in types for one in known.properties if one.kind is Kind.MONEY})
    raise InvalidError(
        "insight.not_money", f"{prop!r} of these events isn't money", where="property",
        remedy=suggestion(prop, money) if money else "ask about events that have some, such as order_paid",
    )  # fmt: skip
