"""docs/reference/events.md says what is built in: every type, property, mark, trait and kind of record."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.intake_world import vocabulary

from yutang.conditions.vocabulary import STATE_EVENTS, EventType

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "events.md"
STATE = {event_type.name for event_type in STATE_EVENTS}


def meaning(event_type: EventType) -> str:
    words = [
        f"{rule.mark.value} where {rule.property} is {' or '.join(rule.values)}" if rule.property else rule.mark.value
        for rule in event_type.marks
    ]
    if event_type.relation:
        verb = "begins" if event_type.relation.begins else "ends"
        words.append(f"{verb} {event_type.relation.relation} with {event_type.relation.object_property}")
    return ", ".join(words)


def line(event_type: EventType) -> str:
    properties = ", ".join(f"`{p.name}` {p.kind.value}" for p in event_type.properties)
    titles = f"{event_type.title_zh} | {event_type.title_en}"
    return f"| `{event_type.name}` | {titles} | {meaning(event_type)} | {properties} |"


@pytest.mark.parametrize("event_type", vocabulary().events.values(), ids=lambda e: e.name)
def test_an_event_type_stands_in_the_reference_as_it_is(event_type: EventType) -> None:
    assert line(event_type) in PAGE.read_text("utf-8")


def test_traits_and_kinds_of_record_stand_in_it() -> None:
    page = PAGE.read_text("utf-8")
    for trait in vocabulary().traits.values():
        assert f"| `{trait.name}` | {trait.title_zh} | {trait.title_en} | {trait.kind.value} |" in page
    for record in vocabulary().records.values():
        traits = ", ".join(f"`{t.name}` {t.kind.value}" for t in record.traits)
        assert f"| `{record.name}` | {record.title_zh} | {record.title_en} | {traits} |" in page


def test_nothing_stands_in_it_that_isnt_built_in() -> None:
    known = {*vocabulary().events, *vocabulary().traits, *vocabulary().records}
    named = {row.split("`")[1] for row in PAGE.read_text("utf-8").splitlines() if row.startswith("| `")}
    assert named <= known
