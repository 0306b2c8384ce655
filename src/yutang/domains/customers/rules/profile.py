"""What is known of a customer at an instant, as a fold over their state events.

The same rules as conditions use (`timeline.evaluation.states`; tests/unit/customers compares the two): the
latest by (at, tie) wins; a trait's value doesn't give way to one whose feed or source stands lower in
the trait's priority, and unsetting by an equal or better one leaves it to anyone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

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
    Vocabulary,
)
from yutang.domains.customers.contracts import ConsentCard, RecordPage, RelationCard, TagCard, TraitCard
from yutang.domains.customers.rules.reading import Fact, facts
from yutang.kernel.instants import instant_text
from yutang.timeline.view import View


@dataclass(slots=True)
class Profile:
    """The parts of a customer's page that state events and relations make."""

    traits: tuple[TraitCard, ...] = ()
    tags: tuple[TagCard, ...] = ()
    consents: tuple[ConsentCard, ...] = ()
    relations: tuple[RelationCard, ...] = ()
    records: tuple[RecordPage, ...] = ()


@dataclass(slots=True)
class _Held:
    fact: Fact
    value: Any
    rank: int


@dataclass(slots=True)
class _Record:
    opened: Fact | None = None
    ended: Fact | None = None
    traits: dict[str, _Held] = field(default_factory=dict)


def profile_at(view: View, instant: int, language: str) -> Profile:
    """The profile of the one customer of a view."""
    present = set(view.types())

    def upto(*types: str) -> list[Fact]:
        found = [fact for name in types if name in present for fact in facts(view, name) if fact.at <= instant]
        return sorted(found, key=lambda fact: fact.order)

    vocabulary = view.vocabulary
    tags = _standing(upto(TAG_ADDED, TAG_REMOVED), TAG_ADDED, ("group", "tag"))
    consents = _standing(upto(CONSENT_GIVEN, CONSENT_WITHDRAWN), CONSENT_GIVEN, ("medium", "purpose"))
    return Profile(
        traits=_traits(upto(TRAIT_SET), vocabulary, language),
        tags=tuple(
            TagCard(tag, group, _text(fact, "by"), _text(fact, "reason"), instant_text(fact.at))
            for (group, tag), fact in sorted(tags.items())
        ),
        consents=tuple(
            ConsentCard(channel, purpose, instant_text(fact.at))
            for (channel, purpose), fact in sorted(consents.items())
        ),
        relations=_relations(upto, vocabulary),
        records=_records(upto(RECORD_SET, RECORD_ENDED), vocabulary, language),
    )


def _text(fact: Fact, name: str) -> str:
    return str(fact.properties.get(name) or "")


def _standing(found: Iterable[Fact], begins: str, names: Sequence[str]) -> dict[tuple[str, ...], Fact]:
    """Key → the event since which it stands. A repeated begin doesn't begin it anew."""
    held: dict[tuple[str, ...], Fact] = {}
    for fact in found:
        key = tuple(_text(fact, name) for name in names)
        if fact.type != begins:
            held.pop(key, None)
        else:
            held.setdefault(key, fact)
    return held


def _relations(upto: Callable[..., list[Fact]], vocabulary: Vocabulary) -> tuple[RelationCard, ...]:
    rules = {name: one.relation for name, one in vocabulary.events.items() if one.relation is not None}
    held: dict[tuple[str, str], Fact] = {}
    for fact in upto(*rules):
        rule = rules[fact.type]
        key = (rule.relation, _text(fact, rule.object_property) if rule.object_property else "")
        if rule.begins:
            held.setdefault(key, fact)
        else:
            held.pop(key, None)
    return tuple(RelationCard(*key, instant_text(fact.at)) for key, fact in sorted(held.items()))


def _traits(found: Iterable[Fact], vocabulary: Vocabulary, language: str) -> tuple[TraitCard, ...]:
    held: dict[str, _Held] = {}
    for fact in found:
        name = _text(fact, "trait")
        take_trait(held, fact, name, vocabulary.traits.get(name))
    return _cards(held, {name: _title(one, language) for name, one in vocabulary.traits.items()})


def take_trait(held: dict[str, _Held], fact: Fact, name: str, declared: TraitType | None) -> None:
    """Let an event set or unset a trait."""
    priority = declared.priority if declared else ()
    rank = min((place for place, one in enumerate(priority) if one in (fact.feed, fact.source)), default=len(priority))
    old = held.get(name)
    if old is not None and old.rank < rank:
        return
    value = _carried(fact, declared.kind if declared else None)
    if value is None:
        held.pop(name, None)
    else:
        held[name] = _Held(fact if old is None or old.value != value else old.fact, value, rank)


def _carried(fact: Fact, kind: Kind | None) -> Any:
    """The value that an event carries; of a trait that isn't declared, whatever it carries."""
    names = [VALUE_PROPERTY[kind]] if kind else list(VALUE_PROPERTY.values())
    return next((fact.properties[name] for name in names if fact.properties.get(name) is not None), None)


def _cards(held: dict[str, _Held], titles: dict[str, str]) -> tuple[TraitCard, ...]:
    return tuple(
        TraitCard(name, titles.get(name) or name, one.value, instant_text(one.fact.at), one.fact.feed, one.fact.source)
        for name, one in sorted(held.items())
    )


def _title(one: Any, language: str) -> str:
    return str((one.title_zh if language == "zh" else one.title_en) or one.name)


def _records(found: Iterable[Fact], vocabulary: Vocabulary, language: str) -> tuple[RecordPage, ...]:
    held: dict[tuple[str, str], _Record] = {}
    for fact in found:
        key = (_text(fact, "kind"), _text(fact, "record"))
        record = held.setdefault(key, _Record())
        if fact.type == RECORD_ENDED:
            record.ended = record.ended or fact
            continue
        if record.opened is None or record.ended is not None:
            record.opened, record.ended = fact, None
        if name := _text(fact, "trait"):
            declared = vocabulary.records.get(key[0])
            kinds = {one.name: one.kind for one in declared.traits} if declared else {}
            trait = TraitType(name, kinds[name]) if name in kinds else None
            take_trait(record.traits, fact, name, trait)
    pages = []
    for (kind, name), record in sorted(held.items()):
        if record.opened is None:
            continue
        declared = vocabulary.records.get(kind)
        titles = {one.name: _title(one, language) for one in declared.traits} if declared else {}
        pages.append(
            RecordPage(
                kind,
                _title(declared, language) if declared else kind,
                name,
                record.ended is None,
                instant_text(record.opened.at),
                instant_text(record.ended.at) if record.ended else "",
                _cards(record.traits, titles),
            )
        )
    return tuple(pages)
