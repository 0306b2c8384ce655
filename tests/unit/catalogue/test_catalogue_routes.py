"""The routes are handlers over the desk; what they take and give makes a true document."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from tests.support.intake_world import catalogue_with

from yutang.domains.catalogue import api, routes
from yutang.domains.catalogue.contracts import Declarations, Declared
from yutang.kernel.words import Permission
from yutang.runtime.log.contracts import Epoch


def desk() -> Any:
    epoch = Epoch().changed({api.CATALOGUE.name: catalogue_with()})
    return SimpleNamespace(epoch=epoch, now_ms=0)


def test_lists_are_by_name() -> None:
    for listing in (routes.list_event_types, routes.list_traits, routes.list_record_kinds):
        names = [card.name for card in listing(desk())]  # type: ignore[operator]
        assert names == sorted(names)
        assert names


def test_checking_a_draft_changes_nothing() -> None:
    draft = TypeAdapter(Declarations).validate_python({"events": {"tasting": {"properties": {"wine": "string"}}}})
    assert routes.declare_types(desk(), draft, check=True) == Declared(1, ("events.tasting",))


@pytest.mark.parametrize(
    "body",
    [
        {"event": {}},
        {"events": {"x": {"propertis": {}}}},
        {"events": {"x": {"properties": {"a": {"kind": "date", "title": "x"}}}}},
        {"events": {"x": {"properties": {"a": "strng"}}}},
    ],
)
def test_an_unknown_key_or_kind_in_a_body_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Declarations).validate_python(body)


def test_reading_and_writing_need_their_permission() -> None:
    assert {(r.method, r.permission) for r in routes.ROUTES} == {
        ("GET", Permission.CATALOGUE_READ),
        ("POST", Permission.CATALOGUE_WRITE),
    }
