"""What a batch of events mentions that the catalogue doesn't know: it becomes part of it, as undeclared.

Invariant: the first value fixes a trait's kind; the same events in the same order give the same catalogue;
beyond the limits nothing is added (the events are kept all the same). Linear in the events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from yutang.conditions.vocabulary import (
    RECORD_SET,
    TRAIT_SET,
    VALUE_PROPERTY,
    EventType,
    Kind,
    PropertyType,
    RecordType,
    TraitType,
    Vocabulary,
)
from yutang.domains.catalogue.contracts import (
    EVENT_TYPES_COUNT_MAX,
    PROPERTIES_COUNT_MAX,
    RECORD_KINDS_COUNT_MAX,
    TRAITS_COUNT_MAX,
    Catalogue,
)
from yutang.kernel.event import Event

_KIND_OF: Mapping[str, Kind] = {name: kind for kind, name in VALUE_PROPERTY.items()}


def with_seen(catalogue: Catalogue, events: Sequence[Event]) -> Catalogue:
    """The catalogue with the unknown types, traits and kinds of record of the events; itself if there are none."""
    types = {event.type for event in events}
    result = _with_types(catalogue, types)
    if TRAIT_SET in types:
        result = _with_traits(result, [e.properties for e in events if e.type == TRAIT_SET])
    if RECORD_SET in types:
        result = _with_records(result, [e.properties for e in events if e.type == RECORD_SET])
    return result


def value_kind(properties: Mapping[str, object]) -> Kind | None:
    """The kind of the value that a `trait_set` or `record_set` carries; None: it unsets."""
    return next((kind for name, kind in _KIND_OF.items() if properties.get(name) is not None), None)


def _with_types(catalogue: Catalogue, types: set[str]) -> Catalogue:
    known = catalogue.vocabulary.events
    room = EVENT_TYPES_COUNT_MAX - len(known)
    added = sorted(types - known.keys())[: max(room, 0)]
    if not added:
        return catalogue
    events = {**known, **{name: EventType(name) for name in added}}
    return _grown(catalogue, events=events, undeclared_events=catalogue.undeclared_events.union(added))


def _with_traits(catalogue: Catalogue, all_properties: Sequence[Mapping[str, object]]) -> Catalogue:
    known = dict(catalogue.vocabulary.traits)
    added: list[str] = []
    for properties in all_properties:
        name, kind = properties.get("trait"), value_kind(properties)
        if isinstance(name, str) and name not in known and kind is not None and len(known) < TRAITS_COUNT_MAX:
            known[name] = TraitType(name, kind)
            added.append(name)
    if not added:
        return catalogue
    return _grown(catalogue, traits=known, undeclared_traits=catalogue.undeclared_traits.union(added))


def _with_records(catalogue: Catalogue, all_properties: Sequence[Mapping[str, object]]) -> Catalogue:
    known = dict(catalogue.vocabulary.records)
    added: set[str] = set()
    for properties in all_properties:
        kind_name, trait, kind = properties.get("kind"), properties.get("trait"), value_kind(properties)
        if not isinstance(kind_name, str) or not isinstance(trait, str) or kind is None:
            continue
        if kind_name not in known:
            if len(known) >= RECORD_KINDS_COUNT_MAX:
                continue
            known[kind_name] = RecordType(kind_name)
            added.add(kind_name)
        record = known[kind_name]
        if len(record.traits) < PROPERTIES_COUNT_MAX and all(t.name != trait for t in record.traits):
            known[kind_name] = replace(record, traits=(*record.traits, PropertyType(trait, kind)))
            added.add(f"{kind_name}.{trait}")
    if not added:
        return catalogue
    return _grown(catalogue, records=known, undeclared_records=catalogue.undeclared_records.union(added))


def _grown(
    catalogue: Catalogue,
    *,
    events: Mapping[str, EventType] | None = None,
    traits: Mapping[str, TraitType] | None = None,
    records: Mapping[str, RecordType] | None = None,
    undeclared_events: frozenset[str] | None = None,
    undeclared_traits: frozenset[str] | None = None,
    undeclared_records: frozenset[str] | None = None,
) -> Catalogue:
    old: Vocabulary = catalogue.vocabulary
    vocabulary = replace(
        old,
        version=old.version + 1,
        events=old.events if events is None else events,
        traits=old.traits if traits is None else traits,
        records=old.records if records is None else records,
    )
    return Catalogue(
        catalogue.version + 1,
        vocabulary,
        catalogue.undeclared_events if undeclared_events is None else undeclared_events,
        catalogue.undeclared_traits if undeclared_traits is None else undeclared_traits,
        catalogue.undeclared_records if undeclared_records is None else undeclared_records,
    )
