"""The page tells what conditions see: the same trait, by priority, at every instant."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.memory_view import Fact as Seen
from tests.support.memory_view import MemoryView

from yutang.conditions.vocabulary import (
    RECORD_ENDED,
    RECORD_SET,
    STATE_EVENTS,
    TAG_ADDED,
    TAG_REMOVED,
    TRAIT_SET,
    Kind,
    PropertyType,
    RecordType,
    TraitType,
    Vocabulary,
)
from yutang.domains.customers.rules.profile import profile_at
from yutang.timeline.evaluation.states import trait
from yutang.timeline.steps import ALL_TIME

VOCABULARY = Vocabulary(
    events={one.name: one for one in STATE_EVENTS},
    traits={
        "skin": TraitType("skin", Kind.STRING, priority=("crm", "shop")),
        "city": TraitType("city", Kind.STRING),
        "spend": TraitType("spend", Kind.MONEY),
    },
    records={"child": RecordType("child", (PropertyType("born", Kind.DATE), PropertyType("name", Kind.STRING)))},
)


def view(*seen: Seen) -> MemoryView:
    return MemoryView(VOCABULARY, 1, seen)


entries = st.builds(
    lambda at, tie, name, value, feed, source: Seen(
        0, TRAIT_SET, at, tie, {"trait": name, **({"text": value} if value else {}), "feed": feed, "source": source}
    ),
    st.integers(1, 6), st.integers(0, 50), st.sampled_from(["skin", "city"]), st.sampled_from(["a", "b", ""]),
    st.sampled_from(["crm", "shop", "web"]), st.sampled_from(["crm", "ad"]),
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(entries, max_size=8, unique_by=lambda one: (one.at, one.tie)), st.integers(0, 7))
def test_traits_are_those_that_conditions_see(seen: list[Seen], instant: int) -> None:
    one = view(*seen)
    told = {card.name: card.value for card in profile_at(one, instant, "zh").traits}
    for name in ("skin", "city"):
        measure = trait(one, name, ALL_TIME)
        value = int(measure.steps.values_at(instant)[0])
        assert told.get(name) == (measure.words[value] if value >= 0 else None)


def test_a_tag_stands_since_it_was_given_first() -> None:
    tags = [
        Seen(0, TAG_ADDED, 1_000, 1, {"tag": "vip", "group": "g", "by": "mei"}),
        Seen(0, TAG_ADDED, 2_000, 2, {"tag": "vip", "group": "g"}),
        Seen(0, TAG_ADDED, 3_000, 3, {"tag": "vip"}),
        Seen(0, TAG_REMOVED, 4_000, 4, {"tag": "vip"}),
    ]
    assert [(one.group, one.since) for one in profile_at(view(*tags), 3_500, "zh").tags] == [
        ("", "1970-01-01T00:00:03Z"), ("g", "1970-01-01T00:00:01Z"),
    ]  # fmt: skip
    assert [one.group for one in profile_at(view(*tags), 4_000, "zh").tags] == ["g"]


def test_records_end_and_begin_again() -> None:
    born = 1_600_000_000_000 - 1_600_000_000_000 % 86_400_000
    rows = [
        Seen(0, RECORD_SET, 1_000, 1, {"kind": "child", "record": "1", "trait": "born", "date": born}),
        Seen(0, RECORD_SET, 2_000, 2, {"kind": "child", "record": "2"}),
        Seen(0, RECORD_ENDED, 3_000, 3, {"kind": "child", "record": "1"}),
        Seen(0, RECORD_SET, 5_000, 4, {"kind": "child", "record": "1", "trait": "name", "text": "Bao"}),
    ]
    first, second = profile_at(view(*rows), 4_000, "zh").records
    assert (first.open, first.ended) == (False, "1970-01-01T00:00:03Z")
    assert [one.value for one in first.traits] == ["2020-09-13"]
    assert second.open
    again, _ = profile_at(view(*rows), 5_000, "zh").records
    assert (again.open, again.since, len(again.traits)) == (True, "1970-01-01T00:00:05Z", 2)
