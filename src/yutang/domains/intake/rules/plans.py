"""What is done with the events of a type, worked out once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from yutang.conditions.vocabulary import (
    CONSENT_GIVEN,
    CONSENT_WITHDRAWN,
    RECORD_ENDED,
    RECORD_SET,
    TAG_ADDED,
    TAG_REMOVED,
    TRAIT_SET,
    EventType,
)
from yutang.domains.intake.rules.values import Converter

# Texts that a state event can't do without.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    TRAIT_SET: ("trait",),
    TAG_ADDED: ("tag",),
    TAG_REMOVED: ("tag",),
    CONSENT_GIVEN: ("medium", "purpose"),
    CONSENT_WITHDRAWN: ("medium", "purpose"),
    RECORD_SET: ("kind", "record", "trait"),
    RECORD_ENDED: ("kind", "record"),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with the events of a type. money: the names of its money properties."""

    event_type: EventType
    declared: bool
    converters: Mapping[str, Converter]
    money: frozenset[str]
    required: tuple[str, ...]
