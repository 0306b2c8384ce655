"""The catalogue over HTTP."""

from __future__ import annotations

from yutang.domains.catalogue import api
from yutang.domains.catalogue.contracts import Declarations, Declared, EventCard, RecordCard, TraitTypeCard
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def list_event_types(desk: Desk) -> tuple[EventCard, ...]:
    """Event types with their properties, marks and relations, by name."""
    return api.show(desk).events


def list_traits(desk: Desk) -> tuple[TraitTypeCard, ...]:
    """Traits of the profile, by name."""
    return api.show(desk).traits


def list_record_kinds(desk: Desk) -> tuple[RecordCard, ...]:
    """Kinds of record that a customer may own, by name."""
    return api.show(desk).records


def declare_types(desk: Desk, declarations: Declarations, check: bool = False) -> Declared:
    """Declare event types, traits and kinds of record, or add to them; `check` only says what would change."""
    return api.declare_draft(desk, declarations, check=check)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/catalogue/events", Permission.CATALOGUE_READ, list_event_types),
    Route("GET", "/v1/catalogue/traits", Permission.CATALOGUE_READ, list_traits),
    Route("GET", "/v1/catalogue/records", Permission.CATALOGUE_READ, list_record_kinds),
    Route("POST", "/v1/catalogue/declarations", Permission.CATALOGUE_WRITE, declare_types),
)
