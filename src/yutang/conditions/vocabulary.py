"""What a condition may speak of: event types, traits, record kinds, labels, and the pool's zone and currency.

The catalogue and the audience build a `Vocabulary`; grammar, checks and the engine read it. Frozen:
a change of the catalogue makes a new one with a higher version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The type of a declared value, and how the engine counts it (always int64, or words)."""

    STRING = "string"
    NUMBER = "number"  # decimal to six places; engine: int64 millionths, so sums are exact
    INTEGER = "integer"
    BOOLEAN = "boolean"  # engine: 0 or 1
    INSTANT = "instant"  # engine: ms UTC
    DATE = "date"  # a calendar day; engine: ms of its midnight in UTC, read in a zone where compared
    MONEY = "money"  # engine: minor units of the pool's currency
    LIST = "list"  # of strings


NUMBER_SCALE = 1_000_000  # engine units of one NUMBER


class Mark(StrEnum):
    """What an event type says about the relation; conditions select by it (`#visit`)."""

    VISIT = "visit"
    ORDER = "order"
    AWARENESS = "awareness"
    INTEREST = "interest"


@dataclass(frozen=True, slots=True)
class PropertyType:
    """A declared property of an event type, a trait, or a record trait."""

    name: str
    kind: Kind
    title_zh: str = ""
    title_en: str = ""


@dataclass(frozen=True, slots=True)
class MarkRule:
    """A mark that an event type bears, always or only where `property` has one of `values`."""

    mark: Mark
    property: str = ""
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RelationRule:
    """The event type begins or ends a relation (`follow`) with the object named in a property."""

    relation: str
    begins: bool
    object_property: str = ""


@dataclass(frozen=True, slots=True)
class EventType:
    """An event type as the catalogue declares it. system: a state event, which counts in no figure."""

    name: str
    properties: tuple[PropertyType, ...] = ()
    marks: tuple[MarkRule, ...] = ()
    relation: RelationRule | None = None
    system: bool = False
    title_zh: str = ""
    title_en: str = ""

    def property_kind(self, name: str) -> Kind | None:
        """The kind of a declared property, None if it isn't declared."""
        return next((p.kind for p in self.properties if p.name == name), None)


@dataclass(frozen=True, slots=True)
class TraitType:
    """A trait of the profile. priority: feeds and sources whose value wins, best first; empty: last writer."""

    name: str
    kind: Kind
    priority: tuple[str, ...] = ()
    title_zh: str = ""
    title_en: str = ""


@dataclass(frozen=True, slots=True)
class RecordType:
    """A kind of record that a customer may own (child, pet, course, car), with traits of its own."""

    name: str
    traits: tuple[PropertyType, ...] = ()
    title_zh: str = ""
    title_en: str = ""


@dataclass(frozen=True, slots=True)
class LabelType:
    """A label that conditions may name: its values in ladder order (a segment or rule tag has `("in",)`)."""

    name: str
    values: tuple[str, ...]
    title_zh: str = ""
    title_en: str = ""
    value_titles_zh: Mapping[str, str] = field(default_factory=dict)
    value_titles_en: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All of it, with the zone (IANA name) and currency (ISO 4217) of the pool."""

    version: int = 0
    zone: str = "Asia/Shanghai"
    currency: str = "CNY"
    events: Mapping[str, EventType] = field(default_factory=dict)
    traits: Mapping[str, TraitType] = field(default_factory=dict)
    records: Mapping[str, RecordType] = field(default_factory=dict)
    labels: Mapping[str, LabelType] = field(default_factory=dict)

    def types_marked(self, mark: Mark) -> tuple[tuple[EventType, MarkRule], ...]:
        """The event types that bear a mark, each with the rule that gives it, by name."""
        return tuple(
            (event_type, rule)
            for _, event_type in sorted(self.events.items())
            for rule in event_type.marks
            if rule.mark is mark
        )


# The state events: facts about a customer that somebody or something recorded. Engine and customers
# slice read these types; nobody may redeclare them.
TRAIT_SET = "trait_set"  # trait; one of text, number, integer, flag, instant, money, list; none: unset
TAG_ADDED = "tag_added"  # tag, group, by, reason
TAG_REMOVED = "tag_removed"
CONSENT_GIVEN = (
    "consent_given"  # medium (the channel consented to; an event's own channel is where it came from), purpose
)
CONSENT_WITHDRAWN = "consent_withdrawn"
RECORD_SET = "record_set"  # kind, record, trait; value as in trait_set
RECORD_ENDED = "record_ended"  # kind, record
IDENTITY_ADDED = "identity_added"  # identities alone: evidence without an event

_VALUE_PROPERTIES = (
    PropertyType("text", Kind.STRING),
    PropertyType("number", Kind.NUMBER),
    PropertyType("integer", Kind.INTEGER),
    PropertyType("flag", Kind.BOOLEAN),
    PropertyType("instant", Kind.INSTANT),
    PropertyType("date", Kind.DATE),
    PropertyType("money", Kind.MONEY),
    PropertyType("list", Kind.LIST),
)
# The property of a state event that holds a value of each kind.
VALUE_PROPERTY: Mapping[Kind, str] = {
    Kind.STRING: "text",
    Kind.NUMBER: "number",
    Kind.INTEGER: "integer",
    Kind.BOOLEAN: "flag",
    Kind.INSTANT: "instant",
    Kind.DATE: "date",
    Kind.MONEY: "money",
    Kind.LIST: "list",
}


def _state(name: str, *properties: PropertyType, zh: str, en: str) -> EventType:
    return EventType(name, properties, system=True, title_zh=zh, title_en=en)


def _text(name: str) -> PropertyType:
    return PropertyType(name, Kind.STRING)


STATE_EVENTS: tuple[EventType, ...] = (
    _state(TRAIT_SET, _text("trait"), *_VALUE_PROPERTIES, zh="属性更新", en="trait set"),
    _state(TAG_ADDED, _text("tag"), _text("group"), _text("by"), _text("reason"), zh="打标签", en="tag added"),
    _state(TAG_REMOVED, _text("tag"), _text("group"), _text("by"), _text("reason"), zh="去标签", en="tag removed"),
    _state(CONSENT_GIVEN, _text("medium"), _text("purpose"), zh="同意触达", en="consent given"),
    _state(CONSENT_WITHDRAWN, _text("medium"), _text("purpose"), zh="撤回同意", en="consent withdrawn"),
    _state(
        RECORD_SET, _text("kind"), _text("record"), _text("trait"), *_VALUE_PROPERTIES, zh="档案更新", en="record set"
    ),
    _state(RECORD_ENDED, _text("kind"), _text("record"), zh="档案结束", en="record ended"),
    _state(IDENTITY_ADDED, zh="补充身份", en="identity added"),
)
