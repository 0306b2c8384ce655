"""The words that cross the catalogue's door: drafts as people write them, cards as they read them.

Invariant: drafts only add. A field that a draft leaves out keeps what stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from yutang.conditions.vocabulary import Kind, Mark, Vocabulary

# The kind of record in the log whose body is a `Declarations`, as JSON.
CATALOGUE_EDIT = "catalogue_edit"

# How much the vocabulary holds. What is seen beyond stays on the timelines, unnamed.
EVENT_TYPES_COUNT_MAX = 1_000
TRAITS_COUNT_MAX = 2_000
RECORD_KINDS_COUNT_MAX = 100
PROPERTIES_COUNT_MAX = 256  # of one event type or kind of record
DECLARATION_BYTES_MAX = 1_000_000

# What every event has of its own, so that no property may be called so.
OWN_NAMES = frozenset({"id", "type", "at", "channel", "source", "feed", "seq", "currency", "identities"})

_FORBID_UNKNOWN: Mapping[str, str] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class PropertyDraft:
    """A property to declare. zh, en: what people call it."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _FORBID_UNKNOWN
    kind: Kind
    zh: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class MarkDraft:
    """A mark, always or only where `property` has one of `values`."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _FORBID_UNKNOWN
    mark: Mark
    property: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RelationDraft:
    """A relation that the type begins or ends, with whom `object` (a property) names."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _FORBID_UNKNOWN
    relation: str
    begins: bool = True
    object: str = ""


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event type to declare, or what to add to one. marks: None keeps those that stand."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _FORBID_UNKNOWN
    zh: str = ""
    en: str = ""
    marks: tuple[Mark | MarkDraft, ...] | None = None
    relation: RelationDraft | None = None
    properties: dict[str, Kind | PropertyDraft] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TraitDraft:
    """A trait to declare. priority: feeds and sources whose value wins, best first; None keeps what stands."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _FORBID_UNKNOWN
    kind: Kind
    zh: str = ""
    en: str = ""
    priority: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """A kind of record to declare, or what to add to one."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _FORBID_UNKNOWN
    zh: str = ""
    en: str = ""
    traits: dict[str, Kind | PropertyDraft] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declarations:
    """A declaration file: event types, traits, kinds of record, by name."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _FORBID_UNKNOWN
    events: dict[str, EventDraft] = field(default_factory=dict)
    traits: dict[str, Kind | TraitDraft] = field(default_factory=dict)
    records: dict[str, RecordDraft] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything declared or seen, with what was only seen.

    version: rises with every change. undeclared_events, undeclared_traits: names seen in events that
    nobody has declared (a trait's kind is then that of its first value); undeclared_records: `kind` and
    `kind.trait`.
    """

    version: int
    vocabulary: Vocabulary
    undeclared_events: frozenset[str] = frozenset()
    undeclared_traits: frozenset[str] = frozenset()
    undeclared_records: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PropertyCard:
    """A property as people read it."""

    name: str
    kind: Kind
    title_zh: str
    title_en: str


@dataclass(frozen=True, slots=True)
class MarkCard:
    """A mark as people read it; `property` empty: always."""

    mark: Mark
    property: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventCard:
    """An event type as people read it. system: a state event. relation: "" or the relation's name."""

    name: str
    title_zh: str
    title_en: str
    declared: bool
    system: bool
    marks: tuple[MarkCard, ...]
    relation: str
    relation_begins: bool
    relation_object: str
    properties: tuple[PropertyCard, ...]


@dataclass(frozen=True, slots=True)
class TraitTypeCard:
    """A trait as people read it."""

    name: str
    kind: Kind
    title_zh: str
    title_en: str
    declared: bool
    priority: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordCard:
    """A kind of record as people read it."""

    name: str
    title_zh: str
    title_en: str
    declared: bool
    traits: tuple[PropertyCard, ...]


@dataclass(frozen=True, slots=True)
class CatalogueCards:
    """The whole catalogue as people read it."""

    version: int
    events: tuple[EventCard, ...]
    traits: tuple[TraitTypeCard, ...]
    records: tuple[RecordCard, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """What an edit changed, or would change. names: `events.tasting`, `traits.skin`, sorted; empty: nothing."""

    version: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShowCatalogue:
    """Question of `catalogue.show`."""


@dataclass(frozen=True, slots=True)
class DeclareFile:
    """Question of `catalogue.declare`. text: the YAML; origin: its name for messages; check: change nothing."""

    text: str
    origin: str
    check: bool = False


@dataclass(frozen=True, slots=True)
class ReadVocabulary:
    """Question of `catalogue.vocabulary`; the answer is a `Catalogue` without labels."""


# Rows that the store keeps: (section, name, declared, version, body as JSON-able values).
Row = tuple[str, str, bool, int, dict[str, Any]]


RETENTION_DAYS_MAX = 36_500


@dataclass(frozen=True, slots=True)
class RetentionOrder:
    """An event type, and for how many days its events are kept; 0: for good, as without an order."""

    type: str
    days: int


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long a type's events are kept, and who said so when (RFC 3339)."""

    type: str
    days: int
    changed_at: str
    changed_by: str


@dataclass(frozen=True, slots=True)
class RetentionNeed:
    """A live label that looks further back at a type than its events are kept. days: how far; 0: any time."""

    label: str
    days: int


@dataclass(frozen=True, slots=True)
class RetentionDone:
    """An order that is in force, and what it will make blind. system: the type is a state event, so what it gave
    (traits, tags, consent) is forgotten with it."""

    retention: Retention
    needs: tuple[RetentionNeed, ...]
    system: bool


@dataclass(frozen=True, slots=True)
class RetentionList:
    """All orders, by type."""

    retentions: tuple[Retention, ...]


@dataclass(frozen=True, slots=True)
class RetentionApplied:
    """How many events went, by type."""

    events: dict[str, int]


@dataclass(frozen=True, slots=True)
class AskRetention:
    """Nothing to ask: all orders."""
