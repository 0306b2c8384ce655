"""The catalogue as people read it, and as rows that the store keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from yutang.conditions.vocabulary import EventType, PropertyType, RecordType, TraitType
from yutang.domains.catalogue.contracts import (
    Catalogue,
    CatalogueCards,
    EventCard,
    MarkCard,
    PropertyCard,
    RecordCard,
    Row,
    TraitTypeCard,
)


def cards(catalogue: Catalogue) -> CatalogueCards:
    """Everything, by name."""
    vocabulary = catalogue.vocabulary
    return CatalogueCards(
        catalogue.version,
        tuple(_event_card(e, catalogue) for _, e in sorted(vocabulary.events.items())),
        tuple(_trait_card(t, catalogue) for _, t in sorted(vocabulary.traits.items())),
        tuple(_record_card(r, catalogue) for _, r in sorted(vocabulary.records.items())),
    )


def _event_card(event_type: EventType, catalogue: Catalogue) -> EventCard:
    relation = event_type.relation
    return EventCard(
        name=event_type.name,
        title_zh=event_type.title_zh,
        title_en=event_type.title_en,
        declared=event_type.name not in catalogue.undeclared_events,
        system=event_type.system,
        marks=tuple(MarkCard(rule.mark, rule.property, rule.values) for rule in event_type.marks),
        relation=relation.relation if relation else "",
        relation_begins=relation.begins if relation else False,
        relation_object=relation.object_property if relation else "",
        properties=_property_cards(event_type.properties),
    )


def _trait_card(trait: TraitType, catalogue: Catalogue) -> TraitTypeCard:
    declared = trait.name not in catalogue.undeclared_traits
    return TraitTypeCard(trait.name, trait.kind, trait.title_zh, trait.title_en, declared, trait.priority)


def _record_card(record: RecordType, catalogue: Catalogue) -> RecordCard:
    declared = record.name not in catalogue.undeclared_records
    return RecordCard(record.name, record.title_zh, record.title_en, declared, _property_cards(record.traits))


def _property_cards(properties: Iterable[PropertyType]) -> tuple[PropertyCard, ...]:
    return tuple(PropertyCard(p.name, p.kind, p.title_zh, p.title_en) for p in properties)


_SECTIONS: Mapping[str, type] = {"events": EventType, "traits": TraitType, "records": RecordType}


def changed_rows(old: Catalogue, new: Catalogue) -> tuple[Row, ...]:
    """What the store must keep to get from one catalogue to the next."""
    rows: list[Row] = []
    for section in _SECTIONS:
        before, after = _section(old, section), _section(new, section)
        seen_before, seen_after = _undeclared(old, section), _undeclared(new, section)
        for name, item in after.items():
            if before.get(name) != item or (name in seen_before) != (name in seen_after):
                body: dict[str, Any] = msgspec.to_builtins(item)
                if section == "records":
                    body["undeclared"] = sorted(t.name for t in item.traits if f"{name}.{t.name}" in seen_after)
                rows.append((section, name, name not in seen_after, new.version, body))
    return tuple(rows)


def with_rows(base: Catalogue, rows: Iterable[Row]) -> Catalogue:
    """A catalogue of built-in things with the stored rows laid over it: what `changed_rows` led to."""
    items: dict[str, dict[str, Any]] = {section: dict(_section(base, section)) for section in _SECTIONS}
    undeclared: dict[str, set[str]] = {section: set() for section in _SECTIONS}
    version = base.version
    for section, name, declared, row_version, body in rows:
        kept = dict(body)
        undeclared[section].update(f"{name}.{trait}" for trait in kept.pop("undeclared", ()))
        items[section][name] = msgspec.convert(kept, _SECTIONS[section])
        if not declared:
            undeclared[section].add(name)
        version = max(version, row_version)
    return Catalogue(
        version,
        replace(
            base.vocabulary,
            version=version,
            events=items["events"],
            traits=items["traits"],
            records=items["records"],
        ),
        frozenset(undeclared["events"]),
        frozenset(undeclared["traits"]),
        frozenset(undeclared["records"]),
    )


def _section(catalogue: Catalogue, section: str) -> Mapping[str, Any]:
    vocabulary = catalogue.vocabulary
    return {"events": vocabulary.events, "traits": vocabulary.traits, "records": vocabulary.records}[section]


def _undeclared(catalogue: Catalogue, section: str) -> frozenset[str]:
    return {
        "events": catalogue.undeclared_events,
        "traits": catalogue.undeclared_traits,
        "records": catalogue.undeclared_records,
    }[section]
