"""Applying declarations to a catalogue.

Invariant: a draft adds or retitles, it never removes; the kind of a property, a trait or a record's trait
never changes, declared or merely seen, because values of the old kind lie on timelines. State events and
their properties are fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from yutang.conditions.vocabulary import (
    STATE_EVENTS,
    EventType,
    Kind,
    Mark,
    MarkRule,
    PropertyType,
    RecordType,
    RelationRule,
    TraitType,
    Vocabulary,
)
from yutang.domains.catalogue.contracts import (
    EVENT_TYPES_COUNT_MAX,
    OWN_NAMES,
    PROPERTIES_COUNT_MAX,
    RECORD_KINDS_COUNT_MAX,
    TRAITS_COUNT_MAX,
    Catalogue,
    Declarations,
    EventDraft,
    MarkDraft,
    PropertyDraft,
    RecordDraft,
    TraitDraft,
)
from yutang.domains.catalogue.rules.documents import likely
from yutang.kernel.errors import ConflictError, InvalidError, LimitError, YutangError
from yutang.kernel.limits import NAME_CHARS_MAX, TEXT_VALUE_CHARS_MAX

T = TypeVar("T")

_STATE_NAMES = frozenset(event_type.name for event_type in STATE_EVENTS)


def built_in(declarations: Declarations, zone: str, currency: str) -> Vocabulary:
    """The vocabulary of a new pool: the state events and the built-in declarations."""
    bare = Vocabulary(0, zone, currency, events={event_type.name: event_type for event_type in STATE_EVENTS})
    declared, _ = apply_declarations(Catalogue(0, bare), declarations)
    return replace(declared.vocabulary, version=0)


def apply_declarations(catalogue: Catalogue, declarations: Declarations) -> tuple[Catalogue, tuple[str, ...]]:
    """The catalogue with the drafts applied, and the names that changed (`events.tasting`), sorted.

    Raises InvalidError, ConflictError or LimitError with `where` such as `events.tasting.properties.wine`.
    """
    vocabulary = catalogue.vocabulary
    events = {n: _event(n, d, vocabulary.events.get(n)) for n, d in declarations.events.items()}
    traits = {n: _trait(n, d, vocabulary.traits.get(n)) for n, d in declarations.traits.items()}
    records = {n: _record(n, d, vocabulary.records.get(n)) for n, d in declarations.records.items()}
    changed = [f"events.{n}" for n, new in events.items() if new != vocabulary.events.get(n)]
    changed += [f"traits.{n}" for n, new in traits.items() if new != vocabulary.traits.get(n)]
    changed += [f"records.{n}" for n, new in records.items() if new != vocabulary.records.get(n)]
    changed += [f"events.{n}" for n in events if n in catalogue.undeclared_events]
    changed += [f"traits.{n}" for n in traits if n in catalogue.undeclared_traits]
    mentioned = set(records) | {f"{n}.{t}" for n, d in declarations.records.items() for t in d.traits}
    changed += [f"records.{name.partition('.')[0]}" for name in mentioned & catalogue.undeclared_records]
    if not changed:
        return catalogue, ()
    result = Catalogue(
        version=catalogue.version + 1,
        vocabulary=replace(
            vocabulary,
            version=vocabulary.version + 1,
            events=_within({**vocabulary.events, **events}, EVENT_TYPES_COUNT_MAX, "event types"),
            traits=_within({**vocabulary.traits, **traits}, TRAITS_COUNT_MAX, "traits"),
            records=_within({**vocabulary.records, **records}, RECORD_KINDS_COUNT_MAX, "kinds of record"),
        ),
        undeclared_events=catalogue.undeclared_events - events.keys(),
        undeclared_traits=catalogue.undeclared_traits - traits.keys(),
        undeclared_records=catalogue.undeclared_records - mentioned,
    )
    return result, tuple(sorted(set(changed)))


def _event(name: str, draft: EventDraft, old: EventType | None) -> EventType:
    where = f"events.{name}"
    if name in _STATE_NAMES:
        raise ConflictError(
            "catalogue.state_event", f"{name} is a state event of ours and can't be declared", where=where,
            remedy="choose another name",
        )  # fmt: skip
    _judge_name(name, where)
    _judge_titles(draft.zh, draft.en, where)
    old = old or EventType(name)
    properties = _properties(draft.properties, old.properties, f"{where}.properties", OWN_NAMES)
    new = replace(
        old,
        properties=properties,
        title_zh=draft.zh or old.title_zh,
        title_en=draft.en or old.title_en,
        marks=old.marks if draft.marks is None else _marks(draft.marks, properties, f"{where}.marks"),
    )
    if draft.relation is None:
        return new
    if draft.relation.object:
        _judge_text_property(draft.relation.object, properties, f"{where}.relation.object")
    _judge_name(draft.relation.relation, f"{where}.relation.relation")
    relation = RelationRule(draft.relation.relation, draft.relation.begins, draft.relation.object)
    return replace(new, relation=relation)


def _marks(
    drafts: tuple[Mark | MarkDraft, ...], properties: tuple[PropertyType, ...], where: str
) -> tuple[MarkRule, ...]:
    rules = []
    for number, draft in enumerate(drafts):
        if isinstance(draft, Mark):
            rules.append(MarkRule(draft))
            continue
        if bool(draft.property) != bool(draft.values):
            raise InvalidError(
                "catalogue.mark", "a mark that depends on a property names the property and its values",
                where=f"{where}[{number}]", remedy="write {mark: interest, property: target, values: [brand]}",
            )  # fmt: skip
        if draft.property:
            _judge_text_property(draft.property, properties, f"{where}[{number}].property")
        rules.append(MarkRule(draft.mark, draft.property, draft.values))
    return tuple(rules)


def _judge_text_property(name: str, properties: tuple[PropertyType, ...], where: str) -> None:
    found = next((p for p in properties if p.name == name), None)
    if found is None:
        raise InvalidError(
            "catalogue.unknown_property", f"there is no property {name!r}", where=where,
            remedy=likely(name, [p.name for p in properties]) or "declare it too",
        )  # fmt: skip
    if found.kind is not Kind.STRING:
        raise InvalidError(
            "catalogue.property_kind", f"{name} is {found.kind.value}, not string", where=where,
            remedy="name a property of kind string",
        )  # fmt: skip


def _properties(
    drafts: Mapping[str, Kind | PropertyDraft], old: tuple[PropertyType, ...], where: str, reserved: frozenset[str]
) -> tuple[PropertyType, ...]:
    known = {p.name: p for p in old}
    for name, draft in drafts.items():
        place = f"{where}.{name}"
        if name in reserved:
            raise InvalidError(
                "catalogue.reserved_name", f"every event has {name!r} of its own", where=place,
                remedy="choose another name for the property",
            )  # fmt: skip
        _judge_name(name, place)
        full = PropertyDraft(draft) if isinstance(draft, Kind) else draft
        _judge_titles(full.zh, full.en, place)
        before = known.get(name, PropertyType(name, full.kind))
        if before.kind is not full.kind:
            raise _kind_changed(name, before.kind, full.kind, place)
        known[name] = PropertyType(name, full.kind, full.zh or before.title_zh, full.en or before.title_en)
    _within(known, PROPERTIES_COUNT_MAX, "properties", where)
    return tuple(known.values())


def _trait(name: str, draft: Kind | TraitDraft, old: TraitType | None) -> TraitType:
    where = f"traits.{name}"
    _judge_name(name, where)
    full = TraitDraft(draft) if isinstance(draft, Kind) else draft
    _judge_titles(full.zh, full.en, where)
    before = old or TraitType(name, full.kind)
    if before.kind is not full.kind:
        raise _kind_changed(name, before.kind, full.kind, where)
    priority = before.priority if full.priority is None else full.priority
    return TraitType(name, full.kind, priority, full.zh or before.title_zh, full.en or before.title_en)


def _record(name: str, draft: RecordDraft, old: RecordType | None) -> RecordType:
    where = f"records.{name}"
    _judge_name(name, where)
    _judge_titles(draft.zh, draft.en, where)
    before = old or RecordType(name)
    traits = _properties(draft.traits, before.traits, f"{where}.traits", frozenset())
    return RecordType(name, traits, draft.zh or before.title_zh, draft.en or before.title_en)


def _kind_changed(name: str, old: Kind, new: Kind, where: str) -> YutangError:
    return ConflictError(
        "catalogue.kind_changed",
        f"{name} is of kind {old.value} and can't become {new.value}: values of the old kind are on timelines",
        where=where,
        remedy=f"declare another name, such as {name}_{new.value}",
    )


def _judge_name(name: str, where: str) -> None:
    if not name.isidentifier() or len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise InvalidError(
            "catalogue.name", f"{name[:60]!r} can't be a name", where=where,
            remedy=f"use letters of any script, digits and _, not first a digit, at most {NAME_CHARS_MAX}",
        )  # fmt: skip


def _judge_titles(zh: str, en: str, where: str) -> None:
    for title in (zh, en):
        if len(title) > TEXT_VALUE_CHARS_MAX or not title.isprintable():
            raise InvalidError(
                "catalogue.title", "a title must be one printable line", where=where, remedy="shorten or clean it"
            )


def _within(known: dict[str, T], most: int, what: str, where: str = "") -> dict[str, T]:
    if len(known) > most:
        raise LimitError(
            "catalogue.too_many", f"{len(known)} {what} are more than {most}", where=where,
            remedy="fold rare ones into a property of a common one",
        )  # fmt: skip
    return known
