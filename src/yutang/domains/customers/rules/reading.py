"""Events of one customer, read back from columns into what people read.

Money becomes {minor, currency}, instants RFC 3339, dates YYYY-MM-DD, numbers and lists themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from yutang.conditions.vocabulary import NUMBER_SCALE, STATE_EVENTS, EventType, Kind
from yutang.kernel.instants import instant_text
from yutang.timeline.steps import UNKNOWN
from yutang.timeline.view import Column, Slice, View

STATE_TYPES = {event_type.name: event_type for event_type in STATE_EVENTS}
_OWN = ("id", "feed", "channel", "source", "arrived_at", "rest")


@dataclass(frozen=True, slots=True)
class Fact:
    """An event. properties: as people read them."""

    type: str
    at: int
    tie: int
    arrived_at: int
    id: str
    feed: str
    channel: str
    source: str
    properties: dict[str, Any]

    @property
    def order(self) -> tuple[int, int, str]:
        """The place on the timeline."""
        return self.at, self.tie, self.type


def declared(view: View, type_name: str) -> EventType:
    """The event type as declared, or without properties."""
    return view.vocabulary.events.get(type_name) or STATE_TYPES.get(type_name) or EventType(type_name)


def facts(view: View, type_name: str, rows: Sequence[int] | None = None) -> list[Fact]:
    """The events of a type in a view of one customer, in order; rows: only these."""
    event_type = declared(view, type_name)
    kinds = {one.name: one.kind for one in event_type.properties}
    found = view.events(type_name, (*_OWN, *kinds))
    chosen = range(len(found.at)) if rows is None else rows
    return [_fact(found, row, type_name, kinds, view.vocabulary.currency) for row in chosen]


def _fact(found: Slice, row: int, type_name: str, kinds: dict[str, Kind], currency: str) -> Fact:
    columns = found.columns
    properties = {}
    for name, kind in kinds.items():
        value = _value(columns[name], row)
        if value is not None:
            properties[name] = readable(value, kind, currency)
    rest = _value(columns["rest"], row)
    if rest is not None:
        properties = {**msgspec.json.decode(str(rest)), **properties}
    return Fact(
        type_name,
        int(found.at[row]),
        int(found.tie[row]),
        int(columns["arrived_at"].values[row]),
        str(_value(columns["id"], row) or ""),
        str(_value(columns["feed"], row) or ""),
        str(_value(columns["channel"], row) or ""),
        str(_value(columns["source"], row) or ""),
        properties,
    )


def _value(column: Column, row: int) -> int | str | None:
    value = int(column.values[row])
    if value == UNKNOWN:
        return None
    return column.words[value] if column.kind in (Kind.STRING, Kind.LIST) else value


def readable(value: int | str, kind: Kind, currency: str) -> Any:
    """An engine value or word as the API answers it."""
    if isinstance(value, str):
        return msgspec.json.decode(value) if kind is Kind.LIST else value
    if kind is Kind.MONEY:
        return {"minor": value, "currency": currency}
    if kind is Kind.BOOLEAN:
        return bool(value)
    if kind is Kind.NUMBER:
        return value // NUMBER_SCALE if value % NUMBER_SCALE == 0 else value / NUMBER_SCALE
    if kind in (Kind.INSTANT, Kind.DATE):
        text = _instant(value)
        return text[:10] if kind is Kind.DATE else text
    return value


def _instant(value: int) -> str:
    try:
        return instant_text(value)
    except OverflowError:  # beyond what a calendar holds
        return str(value)
