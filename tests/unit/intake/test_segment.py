"""Segment's messages become events of ours: types, properties, traits, identities."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.pools import Scratch, ms
from tests.support.segment_world import SegmentWorld, message, one, track

from yutang.domains.customers import api as customers
from yutang.domains.customers.contracts import PairOrder, ReviewReason
from yutang.domains.intake.rules.segment_names import FIELDS, TYPES, Fields, readable_name
from yutang.kernel.event import Event
from yutang.kernel.instants import instant_from_text

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "segment.md"
NOW = "2026-03-01T02:00:00Z"
DRAWN = "5f1c0d3e-8a8b-4a38-9d0e-2f6f0f9a1b2c"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SegmentWorld]:
    scratch = Scratch(tmp_path, NOW)
    yield SegmentWorld(scratch)
    scratch.close()


def traits(events: list[Event]) -> dict[str, Any]:
    """Trait → value, None where it's unset."""
    told = [dict(event.properties) for event in events if event.type == "trait_set"]
    return {str(found.pop("trait")): next(iter(found.values()), None) for found in told}


def who(event: Event) -> set[str]:
    return {identity.text() for identity in event.identities}


class TestTracking:
    """track: a type of the catalogue, its properties, who did it."""

    @pytest.mark.parametrize(
        ("sent", "read"),
        [
            ("Order Completed", "order_completed"), ("orderCompleted", "order_completed"),
            ("order-completed ", "order_completed"), ("HTTPError Seen", "http_error_seen"),
            ("下单 成功", "下单_成功"), ("90 Day Plan", "90_day_plan"), ("$pageview", "pageview"),
            ("คลิก ปุ่ม", "คลิก_ปุ่ม"), ("order_paid", "order_paid"),
        ],
    )  # fmt: skip
    def test_names_become_lower_snake_case_of_any_script(self, sent: str, read: str) -> None:
        assert readable_name(sent) == read
        assert readable_name(read) == read

    def test_an_own_event_keeps_its_properties_under_readable_names(self, world: SegmentWorld) -> None:
        found = one(world.events(track("Tasting Attended", wineName="Syrah", score=8, guests=[{"n": 1}])))
        assert (found.type, found.properties) == (
            "tasting_attended", {"wine_name": "Syrah", "score": 8, "guests": [{"n": 1}]},
        )  # fmt: skip
        assert (who(found), found.id) == ({"account:u1"}, "track-1")

    def test_an_order_is_paid_and_each_of_its_products_bought(self, world: SegmentWorld) -> None:
        products = [{"product_id": 507, "price": "9.90", "quantity": 2, "brand": "A"}, {"sku": "S2", "price": 5}]
        order = track("Order Completed", order_id=50314, total=24.8, revenue=20, currency="cny", products=products)
        paid, first, second = world.events(order)
        assert (paid.type, paid.properties) == (
            "order_paid", {"order_id": "50314", "amount": 2480, "items": 2, "revenue": 20},
        )  # fmt: skip
        assert first.properties == {
            "order_id": "50314", "product": "507", "brand": "A", "quantity": 2, "price": "9.90", "amount": 1980,
        }  # fmt: skip
        assert second.properties == {"order_id": "50314", "product": "S2", "price": 5, "amount": 500}
        assert [event.id for event in (paid, first, second)] == ["track-1", "track-1/product/1", "track-1/product/2"]

    def test_a_product_that_is_none_leaves_the_order_and_the_others(self, world: SegmentWorld) -> None:
        answer = world.deliver({"batch": [track("Order Completed", total=1, products=[{"sku": "a"}, "b"])]})
        assert (answer["accepted"], answer["rejected"]) == (2, 1)
        assert world.desk.types == ["item_purchased"]

    def test_amounts_lose_binary_noise_but_no_digits(self, world: SegmentWorld) -> None:
        assert one(world.events(track("Order Completed", total=0.1 + 0.2))).properties["amount"] == 30
        world.deliver({"batch": [track("Order Completed", total=0.305)]})
        assert [problem.code for problem in world.desk.problems] == ["money.too_precise"]

    def test_amounts_in_another_currency_are_refused(self, world: SegmentWorld) -> None:
        assert world.deliver({"batch": [track("Order Completed", total=3, currency="USD")]})["rejected"] == 1
        assert [problem.code for problem in world.desk.problems] == ["event.currency"]

    def test_every_known_name_is_a_built_in_type_with_these_properties(self, world: SegmentWorld) -> None:
        events = world.desk.basis.catalogue.vocabulary.events
        assert set(TYPES.values()) | set(FIELDS) <= events.keys()
        for name, fields in FIELDS.items():
            ours = {*fields.renamed, *(("amount",) if fields.priced else ())}
            assert ours <= {found.name for found in events[name].properties}, name

    def test_the_guide_tells_them_all(self) -> None:
        guide = GUIDE.read_text("utf-8")
        names = {name: [one for one, found in TYPES.items() if found == name] for name in (*TYPES.values(), *FIELDS)}
        for name, called in names.items():
            fields = FIELDS.get(name, Fields())
            told = [f"`{', '.join(theirs)}` → `{ours}`" for ours, theirs in fields.renamed.items()]
            told += ["`price` × `quantity` → `amount`"] if fields.priced else []
            row = f"| {', '.join(f'`{one}`' for one in called) or '–'} | `{name}` | {'; '.join(told)} |"
            assert row in guide

    def test_carts_take_price_times_quantity(self, world: SegmentWorld) -> None:
        found = one(world.events(track("Product Added", product_id="p", cart_id="c", price=2.5, quantity=4)))
        assert (found.type, found.properties["amount"], found.properties["cart"]) == ("cart_added", 1000, "c")

    def test_a_campaign_says_where_the_customer_came_from(self, world: SegmentWorld) -> None:
        context = {
            "campaign": {"source": "xiaohongshu", "name": "spring", "medium": "note"},
            "library": {"name": "analytics.js"}, "ip": "203.0.113.9", "userAgent": "Mozilla",
        }  # fmt: skip
        found = one(world.events({**track("Order Completed", total=1), "context": context}))
        assert (found.source, found.channel) == ("xiaohongshu", "web")
        assert found.properties == {"amount": 100, "campaign": "spring", "utm_medium": "note"}

    def test_neither_address_nor_browser_is_kept(self, world: SegmentWorld) -> None:
        context = {"ip": "203.0.113.9", "userAgent": "Mozilla", "device": {"advertisingId": "idfa", "id": "d1"}}
        kept = msgspec.json.encode(world.events({**track("Seen"), "context": context}))
        assert not any(word in kept for word in (b"203.0.113.9", b"Mozilla", b"idfa", b"d1"))

    @pytest.mark.parametrize("filler", [None, "", "null", "undefined", "[object Object]", " NaN "])
    def test_what_scripts_send_for_nobody_is_nobody(self, world: SegmentWorld, filler: object) -> None:
        assert who(one(world.events({**track("Seen"), "userId": filler, "anonymousId": "a"}))) == {"anonymous_id:a"}
        assert world.deliver({"batch": [{**track("Seen"), "userId": filler}]})["rejected"] == 1
        assert world.desk.problems[0].code == "segment.no_user"

    def test_what_is_said_in_strict_pools_is_what_the_code_said(self, scratch: Any) -> None:
        world = SegmentWorld(scratch(strict=True))
        context = {"campaign": {"name": "spring", "medium": "note"}}
        viewed = one(world.events({**message("page", name="Home", category="Main"), "context": context}))
        assert viewed.properties == {"page": "Home"}
        assert world.deliver({"batch": [track("Product Viewed", product_id="p", colour="red")]})["rejected"] == 1


class TestPages:
    """page and screen: a page viewed."""

    def test_a_page_of_the_browser_package(self, world: SegmentWorld) -> None:
        properties = {
            "path": "/a", "url": "https://shop.example/a?x=1", "title": "A", "referrer": "https://s.example/",
            "search": "?x=1", "shelf": 3,
        }  # fmt: skip
        found = one(world.events(message("page", properties=properties)))
        assert (found.type, found.properties) == ("page_viewed", {
            "page": "/a", "url": "https://shop.example/a?x=1", "title": "A", "referrer": "https://s.example/",
            "shelf": 3,
        })  # fmt: skip

    def test_a_name_is_the_page_and_context_fills_in(self, world: SegmentWorld) -> None:
        context = {"page": {"path": "/a", "url": "https://shop.example/a", "title": "A"}}
        found = one(world.events(message("page", name="Home", properties={"name": "Home"}, context=context)))
        assert found.properties == {"page": "Home", "url": "https://shop.example/a", "title": "A"}

    def test_a_screen_is_a_page_of_the_app(self, world: SegmentWorld) -> None:
        found = one(world.events(message("screen", name="Cart", context={"page": {"url": "x"}})))
        assert (found.type, found.channel, found.properties) == ("page_viewed", "app", {"page": "Cart"})


class TestIdentify:
    """identify: traits, ways to reach somebody, the visitor's id."""

    def test_each_trait_is_set_and_null_unsets(self, world: SegmentWorld) -> None:
        told = {
            "name": "李雷", "age": 30, "vip": True, "tags": ["a", 2, {"b": 1}], "firstName": "雷", "plan": None,
            "address": {"city": "上海", "postalCode": "200000", "geo": {"lat": 1.5}}, "title": "chef",
            "birthday": "1990-05-01T00:00:00.000Z",
        }  # fmt: skip
        events = world.events(message("identify", traits=told))
        assert traits(events) == {
            "name": "李雷", "age": 30.0, "vip": True, "tags": ["a", "2", '{"b": 1}'], "first_name": "雷", "plan": None,
            "city": "上海", "address_postal_code": "200000", "address_geo_lat": 1.5, "occupation": "chef",
            "birthday": ms("1990-05-01T00:00:00Z"),
        }  # fmt: skip
        assert len({event.id for event in events}) == len(events)

    @pytest.mark.parametrize(
        ("sent", "day"),
        [
            ("1990-05-01", "1990-05-01"), ("1990-05-01T00:00:00.000Z", "1990-05-01"),
            ("1990-05-01T00:00:00", "1990-05-01"), ("1990-04-30T16:00:00.000Z", "1990-05-01"),
            ("1990-05-01T00:00:00+08:00", "1990-05-01"),
        ],
    )  # fmt: skip
    def test_a_date_is_a_day_where_the_pool_is(self, world: SegmentWorld, sent: str, day: str) -> None:
        assert traits(world.events(message("identify", traits={"birthday": sent}))) == {
            "birthday": instant_from_text(day)
        }

    def test_language_and_zone_come_from_the_context_unless_told(self, world: SegmentWorld) -> None:
        context = {"locale": "zh-CN", "timezone": "Asia/Shanghai", "traits": {"level": "gold", "language": "wu"}}
        events = world.events(message("identify", traits={"level": "silver"}, context=context))
        assert traits(events) == {"level": "silver", "language": "wu", "zone": "Asia/Shanghai"}

    def test_phone_and_email_are_claims_judged_alone(self, world: SegmentWorld) -> None:
        told = {"email": "LI@Example.com", "phone": "not a number", "level": "gold"}
        answer = world.deliver({"batch": [message("identify", traits=told, anonymousId="a1")]})
        assert (answer["accepted"], answer["rejected"]) == (3, 1)
        assert [problem.code for problem in world.desk.problems] == ["identity.phone"]
        cards = customers.page(world.pool.desk(), "account:u1").identities
        assert {(card.kind, card.value, card.verified) for card in cards} == {
            ("account", "u1", True), ("anonymous_id", "a1", False), ("email_unverified", "li@example.com", False),
        }  # fmt: skip

    def test_a_device_ties_no_visitors_together(self, world: SegmentWorld) -> None:
        context = {"device": {"id": "tablet"}}
        for user, visitor in (("u1", "a1"), ("u2", "a2")):
            body = message("identify", userId=user, anonymousId=visitor, messageId=user, context=context)
            world.deliver({"batch": [body]})
        names = [world.pool.who(name) for name in ("account:u1", "anonymous_id:a1", "account:u2", "anonymous_id:a2")]
        assert (names[0], names[2]) == (names[1], names[3]) and names[0] != names[2]

    def test_claims_of_other_calls_are_kept_once(self, world: SegmentWorld) -> None:
        context = {"traits": {"email": "li@example.com", "name": "Li"}}
        for number in (1, 2):
            world.pool.advance("1h")
            world.deliver({"batch": [{**track("Seen"), "messageId": f"m{number}", "context": context}]})
        verdict = world.last_verdict()
        assert (verdict["taken"], verdict["repeated"], verdict["changed"]) == (1, 1, 0)
        assert world.pool.who("email_unverified:li@example.com") == world.pool.who("account:u1")

    def test_values_take_the_kind_that_a_trait_has_already(self, world: SegmentWorld) -> None:
        world.deliver({"batch": [message("identify", traits={"shoe": "42", "weight": 60})]})
        events = world.events(message("identify", messageId="2", traits={"shoe": 43, "weight": "61.5"}))
        assert traits(events) == {"shoe": "43", "weight": 61.5}


class TestIdentities:
    """Users, visitors and aliases are evidence like any other."""

    def test_a_visitor_who_signs_in_brings_the_visit_along(self, world: SegmentWorld) -> None:
        world.deliver({"batch": [message("page", userId=..., anonymousId="a1", name="Home")]})
        world.deliver({"batch": [message("identify", anonymousId="a1")]})
        timeline = customers.timeline(world.pool.desk(), "account:u1").events
        assert {event.type for event in timeline} == {"page_viewed", "identity_added"}

    def test_an_alias_of_a_visitor_attaches_them(self, world: SegmentWorld) -> None:
        for visitor, said in ((DRAWN, ...), ("cookie-7", "cookie-7")):
            world.deliver({"batch": [message("page", userId=..., anonymousId=visitor, messageId=visitor)]})
            user = f"of-{visitor}"
            world.deliver({"batch": [message("alias", userId=user, previousId=visitor, anonymousId=said)]})
            assert world.pool.who(f"anonymous_id:{visitor}") == world.pool.who(f"account:{user}")

    def test_an_alias_of_two_accounts_is_a_question_for_people(self, world: SegmentWorld) -> None:
        for user in ("old", "new"):
            world.deliver({"batch": [{**track("Seen"), "userId": user, "messageId": user}]})
        world.deliver({"batch": [message("alias", userId="new", previousId="old")]})
        assert world.pool.who("account:new") != world.pool.who("account:old")
        (review,) = customers.reviews(world.pool.desk()).reviews
        assert review.reason is ReviewReason.UNIQUE
        customers.merge(world.pool.desk(), PairOrder("account:new", "account:old", "their shop says so"))
        assert world.pool.who("account:new") == world.pool.who("account:old")

    def test_a_group_is_a_trait(self, world: SegmentWorld) -> None:
        events = world.events(message("group", groupId="g1", traits={"name": "Acme", "address": {"city": "X"}}))
        assert traits(events) == {"group_id": "g1", "group_name": "Acme", "group_city": "X"}
