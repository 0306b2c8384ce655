"""Finding what a condition names in the vocabulary, and, where it isn't there, the closest name that is.

Invariant: an unknown name is a `ConditionError` with a code of its own, the place, and, if any name (or
title) is close, "did you mean …?".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from yutang.conditions.nodes import Events
from yutang.conditions.vocabulary import EventType, Kind, LabelType, Mark, RecordType, TraitType, Vocabulary
from yutang.kernel.errors import ConditionError

# What every event has besides its properties.
OWN_PROPERTIES = ("channel", "source", "feed")

_SHOWN_CHARS_MAX = 60
_SHOWN_COUNT_MAX = 6  # of names where none is close
_CANDIDATES_COUNT_MAX = 5_000  # more names than that are searched no further for a likeness


def shown(name: str) -> str:
    """A name as messages show it: quoted and cut."""
    return repr(name if len(name) <= _SHOWN_CHARS_MAX else name[:_SHOWN_CHARS_MAX] + "…")


def suggestion(name: str, candidates: Iterable[str], titles: Mapping[str, str] | None = None) -> str:
    """What to write instead: "did you mean order_paid?", else the names that there are, or the first of them.

    titles: title → name.
    """
    names = list(candidates)[:_CANDIDATES_COUNT_MAX]
    by_title = titles or {}
    lowered = {known.lower(): known for known in names}
    close = get_close_matches(name[:_SHOWN_CHARS_MAX].lower(), [*lowered, *by_title], n=1, cutoff=0.6)
    if close:
        return f"did you mean {lowered[close[0]] if close[0] in lowered else by_title[close[0]]}?"
    if not names:
        return "none is declared"
    more = f" and {len(names) - _SHOWN_COUNT_MAX:,} more" if len(names) > _SHOWN_COUNT_MAX else ""
    return f"there is {', '.join(names[:_SHOWN_COUNT_MAX])}{more}"


def _titles(types: Iterable[EventType | TraitType | RecordType | LabelType]) -> dict[str, str]:
    return {title: known.name for known in types for title in (known.title_zh, known.title_en) if title}


def _unknown(code: str, noun: str, name: str, where: str, remedy: str) -> ConditionError:
    """noun: `event type`, or whose the missing name would be: `order_paid has no property`."""
    message = f"{noun if ' has no ' in noun else f'there is no {noun}'} {shown(name)}"
    return ConditionError(f"condition.unknown_{code}", message, where=where, remedy=remedy)


def event_type(name: str, vocabulary: Vocabulary, where: str) -> EventType:
    """The event type of a name. Raises `condition.unknown_event_type`."""
    found = vocabulary.events.get(name)
    if found is None:
        remedy = suggestion(name, vocabulary.events, _titles(vocabulary.events.values()))
        raise _unknown("event_type", "event type", name, where, remedy)
    return found


def mark(name: str, where: str) -> Mark:
    """The mark of a name. Raises `condition.unknown_mark`."""
    try:
        return Mark(name)
    except ValueError:
        raise _unknown("mark", "mark", name, where, suggestion(name, list(Mark))) from None


def trait(name: str, vocabulary: Vocabulary, where: str) -> TraitType:
    """The trait of a name. Raises `condition.unknown_trait`."""
    found = vocabulary.traits.get(name)
    if found is None:
        remedy = suggestion(name, vocabulary.traits, _titles(vocabulary.traits.values()))
        raise _unknown("trait", "trait", name, where, remedy)
    return found


def record(kind: str, vocabulary: Vocabulary, where: str) -> RecordType:
    """The record type of a kind. Raises `condition.unknown_record`."""
    found = vocabulary.records.get(kind)
    if found is None:
        remedy = suggestion(kind, vocabulary.records, _titles(vocabulary.records.values()))
        raise _unknown("record", "kind of record", kind, where, remedy)
    return found


def record_trait_kind(kind: str, name: str, vocabulary: Vocabulary, where: str) -> Kind:
    """The kind of value of a record's trait. Raises `condition.unknown_record_trait`."""
    traits = {declared.name: declared.kind for declared in record(kind, vocabulary, where).traits}
    if name not in traits:
        raise _unknown("record_trait", f"{kind} has no trait", name, where, suggestion(name, traits))
    return traits[name]


def label(name: str, vocabulary: Vocabulary, where: str) -> LabelType:
    """The label of a name. Raises `condition.unknown_label`."""
    found = vocabulary.labels.get(name)
    if found is None:
        remedy = suggestion(name, vocabulary.labels, _titles(vocabulary.labels.values()))
        raise _unknown("label", "label", name, where, remedy)
    return found


def label_value(found: LabelType, value: str, where: str) -> None:
    """Raises `condition.unknown_label_value` unless the label's ladder has the value, or it is "" (any)."""
    if value and value not in found.values:
        titles = {title: known for known, title in found.value_titles_zh.items()}
        remedy = suggestion(value, found.values, titles)
        raise _unknown("label_value", f"{found.name} has no value", value, where, remedy)


def relation(name: str, vocabulary: Vocabulary, where: str) -> None:
    """Raises `condition.unknown_relation` unless an event type begins or ends a relation of that name."""
    names = {known.relation.relation for known in vocabulary.events.values() if known.relation is not None}
    if name not in names:
        raise _unknown("relation", "relation", name, where, suggestion(name, sorted(names)))


def event_types(events: Events, vocabulary: Vocabulary) -> list[EventType]:
    """The declared types that an event set may hold: those named, those marked, or all but state events."""
    if events.types:
        return [vocabulary.events[name] for name in events.types if name in vocabulary.events]
    if events.mark:
        known_mark = next((known for known in Mark if known.value == events.mark), None)
        return [known for known, _ in vocabulary.types_marked(known_mark)] if known_mark else []
    return [known for known in vocabulary.events.values() if not known.system]


def property_kinds(events: Events, name: str, vocabulary: Vocabulary) -> set[Kind]:
    """The kinds that a property has in an event set: none if nobody declares it, two or more if they disagree.

    A type without any declared property is one that nobody declared: it is taken leniently, its
    properties read as text, where the condition names it.
    """
    if name in OWN_PROPERTIES:
        return {Kind.STRING}
    types = event_types(events, vocabulary)
    kinds = {kind for known in types if (kind := known.property_kind(name)) is not None}
    if not kinds and name and events.types and any(not known.properties for known in types):
        return {Kind.STRING}
    return kinds


def property_kind(events: Events, name: str, vocabulary: Vocabulary, where: str) -> Kind:
    """The one kind of a property in an event set.

    Raises `condition.unknown_property`, and `condition.property_conflict` where types disagree.
    """
    kinds = property_kinds(events, name, vocabulary)
    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds:
        raise ConditionError(
            "condition.property_conflict",
            f"{shown(name)} is {' here and '.join(sorted(kinds))} there among these event types",
            where=where,
            remedy="ask about the event types one by one",
        )
    names = {declared.name: declared for known in event_types(events, vocabulary) for declared in known.properties}
    titles = {title: known.name for known in names.values() for title in (known.title_zh, known.title_en) if title}
    of = " | ".join(events.types) or (f"#{events.mark}" if events.mark else "*")
    raise _unknown(
        "property", f"{of} has no property", name, where, suggestion(name, [*names, *OWN_PROPERTIES], titles)
    )
