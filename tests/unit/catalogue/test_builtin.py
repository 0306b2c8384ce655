"""The built-in declarations say what the field guide says."""

from __future__ import annotations

import pytest
from tests.support.intake_world import vocabulary

from yutang.conditions.vocabulary import STATE_EVENTS, Kind, Mark, MarkRule, RelationRule


def always(mark: Mark) -> set[str]:
    return {t.name for t, rule in vocabulary().types_marked(mark) if not rule.property}


class TestMarks:
    def test_an_order_is_a_payment_and_a_visit(self) -> None:
        assert always(Mark.ORDER) == {"order_paid"}
        assert "order_paid" in always(Mark.VISIT)

    def test_of_the_demo_only_orders_are_visits(self) -> None:
        demo = {"order_paid", "item_purchased", "campaign_received", "coupon_redeemed"}
        assert demo & always(Mark.VISIT) == {"order_paid"}
        assert demo & always(Mark.AWARENESS) == {"campaign_received"}
        assert demo & always(Mark.INTEREST) == {"coupon_redeemed"}

    def test_an_item_bears_no_mark(self) -> None:
        assert vocabulary().events["item_purchased"].marks == ()

    def test_what_a_search_says_depends_on_its_target(self) -> None:
        assert vocabulary().events["search"].marks == (
            MarkRule(Mark.AWARENESS, "target", ("category",)),
            MarkRule(Mark.INTEREST, "target", ("brand",)),
        )

    def test_interest_is_what_the_field_guide_lists(self) -> None:
        listed = {
            "ad_clicked", "shop_viewed", "product_viewed", "like", "comment", "share", "sample", "trial_received",
            "subscribe", "followed", "friend_added", "group_joined", "member_joined", "cart_added", "favourited",
        }  # fmt: skip
        assert listed <= always(Mark.INTEREST)
        assert not listed & always(Mark.AWARENESS)


@pytest.mark.parametrize(
    ("begins", "ends", "relation", "object_property"),
    [
        ("followed", "unfollowed", "follow", "account"),
        ("friend_added", "friend_removed", "friend", "guide"),
        ("group_joined", "group_left", "group_member", "group"),
        ("member_joined", "member_left", "member", "programme"),
    ],
)
def test_a_relation_stands_until_it_ends(begins: str, ends: str, relation: str, object_property: str) -> None:
    events = vocabulary().events
    assert events[begins].relation == RelationRule(relation, True, object_property)
    assert events[ends].relation == RelationRule(relation, False, object_property)


def test_state_events_are_part_of_it_and_are_the_only_system_ones() -> None:
    assert {t.name for t in vocabulary().events.values() if t.system} == {t.name for t in STATE_EVENTS}


def test_everything_has_a_title_in_both_languages() -> None:
    known = vocabulary()
    things = [*known.events.values(), *known.traits.values(), *known.records.values()]
    assert [t.name for t in things if not t.title_zh or not t.title_en] == []


def test_amounts_are_money() -> None:
    assert {t.property_kind("amount") for t in vocabulary().events.values()} == {Kind.MONEY, None}


def test_kinds_of_record_are_built_in() -> None:
    assert set(vocabulary().records) == {"child", "pet", "course", "car"}
