"""Declarations add; they never remove, and kinds never change."""

from __future__ import annotations

import pytest
from tests.support.intake_world import catalogue_with

from yutang.conditions.vocabulary import Kind, Mark, MarkRule, RelationRule
from yutang.domains.catalogue import api
from yutang.domains.catalogue.contracts import Catalogue
from yutang.domains.catalogue.rules.cards import cards, changed_rows, with_rows
from yutang.domains.catalogue.rules.declare import apply_declarations
from yutang.domains.catalogue.rules.seen import with_seen
from yutang.kernel.errors import YutangError
from yutang.kernel.event import Event, Identity

OWN = """
events:
  tasting_attended:
    zh: 参加品鉴
    en: attended a tasting
    marks: [visit, {mark: interest, property: wine, values: [red]}]
    relation: {relation: taster, object: wine}
    properties:
      wine: string
      score: {kind: number, zh: 评分, en: score}
traits:
  skin: {kind: string, zh: 肤质, en: skin, priority: [survey, shop]}
  due_date: date
records:
  yacht:
    zh: 游艇
    en: yacht
    traits: {length: number}
  child: {traits: {allergy: list}}
"""


def applied(text: str, to: Catalogue | None = None) -> tuple[Catalogue, tuple[str, ...]]:
    return apply_declarations(to or catalogue_with(), api.read_declarations(text, "own.yaml"))


def refusal(text: str, to: Catalogue | None = None) -> YutangError:
    with pytest.raises(YutangError) as caught:
        applied(text, to)
    return caught.value


class TestDeclaring:
    def test_what_is_declared_is_in_the_vocabulary(self) -> None:
        catalogue, names = applied(OWN)
        known = catalogue.vocabulary
        event_type = known.events["tasting_attended"]
        assert names == (
            "events.tasting_attended", "records.child", "records.yacht", "traits.due_date", "traits.skin",
        )  # fmt: skip
        assert event_type.marks == (MarkRule(Mark.VISIT), MarkRule(Mark.INTEREST, "wine", ("red",)))
        assert event_type.relation == RelationRule("taster", True, "wine")
        assert event_type.property_kind("score") is Kind.NUMBER
        assert known.traits["skin"].priority == ("survey", "shop")
        assert [t.name for t in known.records["child"].traits][-1] == "allergy"
        assert catalogue.version == known.version == 1

    def test_declaring_the_same_again_changes_nothing(self) -> None:
        catalogue, _ = applied(OWN)
        assert applied(OWN, catalogue) == (catalogue, ())

    def test_what_a_draft_leaves_out_stands(self) -> None:
        catalogue, _ = applied("events: {order_paid: {properties: {gift: boolean}}}")
        before, after = catalogue_with().vocabulary.events["order_paid"], catalogue.vocabulary.events["order_paid"]
        assert after.marks == before.marks
        assert after.properties[:-1] == before.properties
        assert after.property_kind("gift") is Kind.BOOLEAN

    def test_marks_that_are_given_replace_those_that_stood(self) -> None:
        catalogue, _ = applied("events: {page_viewed: {marks: []}}")
        assert catalogue.vocabulary.events["page_viewed"].marks == ()

    def test_what_was_only_seen_becomes_declared(self) -> None:
        seen = with_seen(catalogue_with(), [Event("1", "napped", 0, (Identity("device", "", "d"),), {})])
        assert seen.undeclared_events == {"napped"}
        catalogue, names = applied("events: {napped: {}}", seen)
        assert (catalogue.undeclared_events, names) == (frozenset(), ("events.napped",))


@pytest.mark.parametrize(
    ("text", "code", "where"),
    [
        ("events: {trait_set: {}}", "catalogue.state_event", "events.trait_set"),
        ("events: {order_paid: {properties: {amount: number}}}", "catalogue.kind_changed",
         "events.order_paid.properties.amount"),
        ("traits: {birthday: string}", "catalogue.kind_changed", "traits.birthday"),
        ("records: {child: {traits: {birthday: string}}}", "catalogue.kind_changed", "records.child.traits.birthday"),
        ("events: {x: {properties: {id: string}}}", "catalogue.reserved_name", "events.x.properties.id"),
        ("events: {'a b': {}}", "catalogue.name", "events.a b"),
        ("events: {x: {properties: {'1a': string}}}", "catalogue.name", "events.x.properties.1a"),
        ("traits: {'': string}", "catalogue.name", "traits."),
        ("events: {x: {zh: \"a\\nb\"}}", "catalogue.title", "events.x"),
        ("events: {x: {marks: [{mark: visit, property: p, values: [v]}]}}", "catalogue.unknown_property",
         "events.x.marks[0].property"),
        ("events: {x: {properties: {p: money}, marks: [{mark: visit, property: p, values: [v]}]}}",
         "catalogue.property_kind", "events.x.marks[0].property"),
        ("events: {x: {properties: {p: string}, marks: [{mark: visit, property: p}]}}", "catalogue.mark",
         "events.x.marks[0]"),
        ("events: {x: {relation: {relation: r, object: who}}}", "catalogue.unknown_property",
         "events.x.relation.object"),
    ],
)  # fmt: skip
def test_what_cant_be_declared_is_refused_with_its_place(text: str, code: str, where: str) -> None:
    error = refusal(text)
    assert (error.code, error.where) == (code, where)
    assert error.remedy


def test_a_changed_kind_says_what_it_is_and_what_to_do() -> None:
    assert str(refusal("traits: {birthday: string}")) == (
        "traits.birthday: birthday is of kind date and can't become string: values of the old kind are on timelines "
        "→ declare another name, such as birthday_string [catalogue.kind_changed]"
    )


def test_too_many_types_are_refused() -> None:
    text = "events:\n" + "".join(f"  e{i}: {{}}\n" for i in range(1_001))
    assert refusal(text).code == "catalogue.too_many"


class TestSeen:
    def test_the_first_value_fixes_a_traits_kind(self) -> None:
        events = [
            Event("1", "trait_set", 0, (), {"trait": "shoe", "number": 42.0}, system=True),
            Event("2", "trait_set", 0, (), {"trait": "shoe", "text": "42"}, system=True),
            Event("3", "record_set", 0, (), {"kind": "boat", "record": "b", "trait": "name", "text": "x"}, system=True),
        ]
        catalogue = with_seen(catalogue_with(), events)
        assert catalogue.vocabulary.traits["shoe"].kind is Kind.NUMBER
        assert catalogue.vocabulary.records["boat"].traits[0].name == "name"
        assert catalogue.undeclared_traits == {"shoe"}
        assert catalogue.undeclared_records == {"boat", "boat.name"}

    def test_nothing_new_gives_the_same_catalogue(self) -> None:
        base = catalogue_with()
        assert with_seen(base, [Event("1", "order_paid", 0, (), {"anything": 1})]) is base

    def test_there_is_an_end_to_what_is_kept(self) -> None:
        base = catalogue_with()
        many = with_seen(base, [Event("", f"x{i}", 0, (), {}) for i in range(5_000)])
        assert len(many.vocabulary.events) == 1_000
        assert with_seen(many, [Event("", "one_more", 0, (), {})]) is many


class TestKeeping:
    def test_rows_lead_from_the_built_in_catalogue_to_the_same(self) -> None:
        base = catalogue_with()
        catalogue, _ = applied(OWN)
        events = [
            Event("1", "napped", 0, (), {}),
            Event("2", "record_set", 0, (), {"kind": "boat", "record": "b", "trait": "name", "text": "x"}, system=True),
        ]
        catalogue = with_seen(catalogue, events)
        assert with_rows(base, changed_rows(base, catalogue)) == catalogue

    def test_cards_show_what_is_undeclared(self) -> None:
        shown = cards(with_seen(catalogue_with(), [Event("1", "napped", 0, (), {})]))
        assert [c.name for c in shown.events if not c.declared] == ["napped"]
        assert [c.name for c in shown.events] == sorted(c.name for c in shown.events)
