"""The types of a catalogue's events as structs that JSON is decoded into, so that decoding judges most of an event.

Invariant: what a struct takes is right, but for what `swift` judges afterwards; it needn't take all that is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from yutang.conditions.limits import INTEGER_ABS_MAX
from yutang.conditions.vocabulary import Kind
from yutang.domains.intake.contracts import EVENT_ID_CHARS_MAX, SOURCE_CHARS_MAX
from yutang.domains.intake.rules.checker import Checker
from yutang.domains.intake.rules.plans import Plan
from yutang.domains.intake.rules.values import NUMBER_ABS_MAX
from yutang.kernel.limits import (
    EVENT_PROPERTIES_BYTES_MAX,
    EVENT_PROPERTIES_COUNT_MAX,
    NAME_CHARS_MAX,
    TEXT_VALUE_CHARS_MAX,
)

LIST_ITEMS_SWIFT_MAX = 16
CHARACTER_BYTES_MAX = 4  # in canonical JSON, of a character that a text may hold
PROPERTY_BYTES_MAX = 40  # in canonical JSON, of a value that isn't a text, with quotes, colon and comma
TEXT_CHARS_SWIFT_MIN = 16  # a type whose texts could only be shorter isn't worth compiling


def is_usual(plan: Plan) -> bool:
    """Whether a type's properties can be judged by their types alone."""
    if not plan.declared or plan.required or plan.event_type.system:
        return False
    count = len(plan.converters)
    return count <= EVENT_PROPERTIES_COUNT_MAX and _text_chars(plan) >= TEXT_CHARS_SWIFT_MIN


def _text_chars(plan: Plan) -> int:
    """How long each text may be so that all of them together surely fit the limit of an event's properties."""
    kinds = [p.kind for p in plan.event_type.properties]
    texts = kinds.count(Kind.STRING) + kinds.count(Kind.LIST) * LIST_ITEMS_SWIFT_MAX
    names = sum(6 * len(name) + PROPERTY_BYTES_MAX for name in plan.converters)
    left = EVENT_PROPERTIES_BYTES_MAX - names - 4 * texts
    return min(TEXT_VALUE_CHARS_MAX, left // (CHARACTER_BYTES_MAX * max(1, texts)))


def event_struct(checker: Checker, plan: Plan, *, loose: bool = False) -> type:
    """What an event of a type is decoded as. loose: its properties as they are sent, for the checker."""
    label = Annotated[str, Meta(max_length=NAME_CHARS_MAX)]
    fields: list[Any] = [
        ("at", int | str),
        ("identities", dict[str, Any]),
        ("id", Annotated[str, Meta(max_length=EVENT_ID_CHARS_MAX)]),
        ("properties", (dict[str, Any] if loose else _property_struct(plan)) | None, None),
        ("channel", label | None, None),
        ("source", Annotated[str, Meta(max_length=SOURCE_CHARS_MAX)] | None, None),
        ("currency", str | None, None),
    ]
    finish = tuple(
        (f"p{place}", _finisher(checker, one.kind))
        for place, one in enumerate(plan.event_type.properties)
        if one.kind in (Kind.MONEY, Kind.INSTANT, Kind.DATE, Kind.NUMBER)
    )
    return msgspec.defstruct(
        "Raw",
        fields,
        tag_field="type",
        tag=plan.event_type.name,
        forbid_unknown_fields=True,
        gc=False,
        namespace={
            "name": plan.event_type.name,
            "system": plan.event_type.system,
            "finish": finish,
            "plan": plan if loose else None,
        },
    )


def _finisher(checker: Checker, kind: Kind) -> Callable[[Any], object]:
    return (lambda value: value + 0.0) if kind is Kind.NUMBER else checker.kind_converter(kind)


def _property_struct(plan: Plan) -> type:
    chars = _text_chars(plan)
    types = _property_types(chars)
    properties = plan.event_type.properties
    return msgspec.defstruct(
        "Properties",
        [(f"p{place}", types[one.kind] | None, None) for place, one in enumerate(properties)],
        rename={f"p{place}": one.name for place, one in enumerate(properties)},
        forbid_unknown_fields=True,
        omit_defaults=True,
        gc=False,
    )


def _property_types(text_chars: int) -> Mapping[Kind, Any]:
    text = Annotated[str, Meta(max_length=text_chars)]
    return {
        Kind.STRING: text,
        Kind.NUMBER: Annotated[float, Meta(gt=-NUMBER_ABS_MAX, lt=NUMBER_ABS_MAX)],
        Kind.INTEGER: Annotated[int, Meta(ge=-INTEGER_ABS_MAX, le=INTEGER_ABS_MAX)],
        Kind.BOOLEAN: bool,
        Kind.INSTANT: int | str,
        Kind.DATE: str,
        Kind.MONEY: int | float | str,
        Kind.LIST: Annotated[list[text], Meta(max_length=LIST_ITEMS_SWIFT_MAX)],
    }
