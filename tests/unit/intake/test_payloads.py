"""Bodies of webhooks into events: names, lists, documents in texts, forms, what doesn't map."""

from __future__ import annotations

import json

import pytest
from tests.support.hook_world import (
    basis,
    codes,
    judged,
    shopify_order,
    shopify_refund,
    told,
    woocommerce_order,
    youzan_message,
)
from tests.support.intake_world import NOW_MS

from yutang.domains.intake.api.delivering import example_mapping, judge_delivery, read_plan
from yutang.domains.intake.rules.payloads import REPLAYED_ROWS_COUNT_MAX
from yutang.kernel.errors import InvalidError

PLAIN = """
identities: {member_no: buyer.no}
events:
  - type: order_paid
    id: "order-{id}"
    at: paid_at
    properties: {order_id: id, amount: total}
"""
LINES = """
identities: {member_no: buyer.no}
events:
  - type: item_purchased
    each: lines
    id: "item-{id}-{lines.no}"
    at: paid_at
    when: {kind: paid, lines.kind: {differs: gift}}
    properties: {order_id: id, product: lines.sku, amount: lines.total}
"""
ORDER = {"id": "o1", "kind": "paid", "paid_at": "2017-12-01T10:00:00Z", "total": "12.50", "buyer": {"no": "M1"}}


class TestRecords:
    def test_an_object_is_one_record(self) -> None:
        found = judged(PLAIN, ORDER)
        assert told(found) == [("order_paid", "order-o1", {"order_id": "o1", "amount": 1250})]
        assert (found.problems, found.records) == ([], 1)

    def test_an_array_is_several(self) -> None:
        found = judged(PLAIN, [ORDER, {**ORDER, "id": "o2"}, 7, {**ORDER, "total": "dear"}])
        assert [id_ for _, id_, _ in told(found)] == ["order-o1", "order-o2"]
        assert [(one.index, one.code) for one in found.problems] == [(2, "payload.shape"), (3, "money.malformed")]

    def test_a_form_is_one_record(self) -> None:
        body = b"id=o1&paid_at=2017-12-01T10%3A00%3A00Z&total=12.5&buyer.no=M1&tag=a&tag=b"
        found = judged(PLAIN, body, content_type="application/x-www-form-urlencoded; charset=utf-8")
        assert told(found) == [("order_paid", "order-o1", {"order_id": "o1", "amount": 1250})]

    def test_json_that_is_called_a_form_is_json(self) -> None:
        found = judged(PLAIN, ORDER, content_type="application/x-www-form-urlencoded")
        assert len(found.events) == 1

    @pytest.mark.parametrize("body", [b"", b"<order/>", b"{", b"\xff\xfe", b'{"id": NaN}', b'{"a":1} {"b":2}'])
    def test_what_isnt_json_is_told(self, body: bytes) -> None:
        assert codes(judged(PLAIN, body)) == ["payload.unreadable"]

    def test_depth_bombs_are_told(self) -> None:
        assert judged(PLAIN, b"[" * 100_000 + b"]" * 100_000).problems
        assert not judged(LINES, b'{"kind":"paid","lines":' + b"[" * 900 + b"1" + b"]" * 900 + b"}").events

    def test_a_number_where_a_text_should_be(self) -> None:
        assert told(judged(PLAIN, {**ORDER, "id": 820982911946154508}))[0][1] == "order-820982911946154508"

    def test_nothing_fits(self) -> None:
        mapping = PLAIN.replace("    at:", "    when: {kind: paid}\n    at:")
        assert codes(judged(mapping, {**ORDER, "kind": "shipped"})) == ["payload.no_match"]
        assert codes(judged(mapping, {**ORDER, "kind": ["paid"]})) == ["payload.no_match"]

    def test_what_may_go_is_no_problem(self) -> None:
        mapping = PLAIN + "ignore: [{kind: shipped}, {header.x-topic: ping}]"
        assert judged(mapping, {**ORDER, "kind": "shipped"}).ignored == 1
        assert judged(mapping, {"hello": 1}, x_topic="ping").problems == []
        found = judged(mapping, [{**ORDER, "kind": "shipped"}, ORDER])
        assert (len(found.events), found.ignored, found.problems) == (1, 1, [])

    @pytest.mark.parametrize(
        ("change", "code", "path"),
        [
            ({"paid_at": None}, "event.no_time", "events[0] at"),
            ({"paid_at": "yesterday"}, "cell.time", "events[0] at"),
            ({"buyer": {}}, "event.no_identities", "events[0] identities"),
            ({"total": "12.505"}, "money.too_precise", "events[0] properties.amount"),
            ({"id": None}, "row.id", "events[0] id"),
        ],
    )
    def test_what_is_missing_or_wrong_is_told_with_its_place(
        self, change: dict[str, object], code: str, path: str
    ) -> None:
        (problem,) = judged(PLAIN, {**ORDER, **change}).problems
        assert (problem.code, problem.path, problem.index) == (code, path, 0)
        assert problem.remedy

    def test_an_unknown_type_in_a_strict_pool(self) -> None:
        own = PLAIN + "  - {type: petted, id: 'pet-{id}', at: paid_at}"
        assert [type_ for type_, *_ in told(judged(own, ORDER))] == ["order_paid", "petted"]
        found = judged(own, ORDER, strict=True)
        assert (len(found.events), codes(found)) == (1, ["event.unknown_type"])

    def test_the_same_body_has_the_same_ids_and_another_hasnt(self) -> None:
        mapping = PLAIN.replace('    id: "order-{id}"\n', "")
        once, again, other = judged(mapping, ORDER), judged(mapping, ORDER), judged(mapping, {**ORDER, "total": "1"})
        assert once.events == again.events
        assert once.events[0].id != other.events[0].id

    def test_amounts_in_another_currency_arent_counted_as_the_pools(self) -> None:
        mapping = PLAIN.replace("    at:", "    currency: {column: money.code}\n    at:")
        assert codes(judged(mapping, {**ORDER, "money": {"code": "EUR"}})) == ["event.currency"]
        assert judged(mapping, {**ORDER, "money": {"code": "USD"}}).problems == []
        assert judged(mapping, ORDER).problems == []


class TestNames:
    def test_headers_arrival_and_places_in_lists(self) -> None:
        mapping = """
        identities: {member_no: buyers.1.no}
        events:
          - type: order_paid
            id: "{header.X-Delivery}"
            at: hook.arrived_at
            when: {header.x-topic: orders/paid}
            source: {column: header.x-shop}
            properties: {order_id: order.ref, coupon: "codes.5"}
        """
        body = {"order.ref": "o9", "buyers": [{}, {"no": "M7"}], "codes": ["a"]}
        (event,) = judged(mapping, body, x_topic="orders/paid", x_delivery="d-1", x_shop="north").events
        assert (event.id, event.at, event.source) == ("d-1", NOW_MS, "north")
        assert event.identities[0].value == "M7"
        assert event.properties == {"order_id": "o9"}

    def test_documents_in_texts(self) -> None:
        mapping = PLAIN + "unpack: {payload: json, buyer: url}"
        packed = {**ORDER, "buyer": "%7B%22no%22%3A+%22M%2B1%22%7D"}
        assert judged(mapping, packed).events[0].identities[0].value == "M+1"
        assert judged(mapping, {**ORDER, "buyer": {"no": "M1"}}).problems == []  # an object already
        assert codes(judged(mapping, {**ORDER, "payload": "{oops"})) == ["payload.unreadable"]
        assert codes(judged(mapping, {**ORDER, "buyer": "%FF"})) == ["payload.unreadable"]

    def test_documents_in_documents(self) -> None:
        mapping = PLAIN.replace("buyer.no", "a.b.no") + "unpack: {a: json, a.b: json}"
        body = {**ORDER, "a": json.dumps({"b": json.dumps({"no": "M3"})})}
        assert judged(mapping, body).events[0].identities[0].value == "M3"


class TestLists:
    def test_an_event_for_each_element(self) -> None:
        lines = [{"no": 1, "sku": "A", "total": 5}, {"no": 2, "kind": "gift"}, {"no": 3, "sku": "C", "total": "x"}]
        found = judged(LINES, {**ORDER, "lines": lines})
        assert told(found) == [("item_purchased", "item-o1-1", {"order_id": "o1", "product": "A", "amount": 500})]
        (problem,) = found.problems
        assert problem.path == "events[0] lines[2] properties.amount"

    def test_a_list_whose_elements_are_left_out_is_no_problem(self) -> None:
        assert judged(LINES, {**ORDER, "lines": []}).problems == []
        assert judged(LINES, {**ORDER, "lines": [{"no": 2, "kind": "gift"}]}).problems == []

    def test_no_list_at_all_is_one(self) -> None:
        assert codes(judged(LINES, ORDER)) == ["payload.no_match"]
        assert codes(judged(LINES, {**ORDER, "kind": "shipped", "lines": []})) == ["payload.no_match"]

    def test_lists_in_lists(self) -> None:
        mapping = """
        identities: {member_no: orders.buyer}
        events:
          - type: item_purchased
            each: orders.lines
            id: "{shop}-{orders.id}-{orders.lines}"
            at: sent_at
            properties: {order_id: orders.id, product: orders.lines}
        """
        orders = [{"id": 1, "buyer": "M1", "lines": ["a", "b"]}, {"id": 2, "buyer": "M2", "lines": ["c"]}]
        found = judged(mapping, {"shop": "s", "sent_at": "2017-12-01T00:00:00Z", "orders": orders})
        assert [id_ for _, id_, _ in told(found)] == ["s-1-a", "s-1-b", "s-2-c"]
        assert [one.identities[0].value for one in found.events] == ["M1", "M1", "M2"]

    def test_groups_of_elements(self) -> None:
        mapping = """
        identities: {member_no: buyer.no}
        events:
          - type: order_paid
            each: lines
            one_per: id
            id: "order-{id}"
            at: paid_at
            properties: {order_id: id, items: {count: true}, amount: {sum: lines.total}}
        """
        found = judged(mapping, {**ORDER, "lines": [{"total": "1.10"}, {"total": "2.20"}]})
        assert told(found) == [("order_paid", "order-o1", {"order_id": "o1", "items": 2, "amount": 330})]

    def test_traits_and_records_of_elements(self) -> None:
        mapping = """
        identities: {member_no: buyer.no}
        traits:
          - {at: paid_at, set: {city: city}}
        records:
          - {kind: child, record: kids.id, at: paid_at, each: kids, set: {birthday: kids.born}}
        """
        kids = [{"id": 1, "born": "2015-02-03"}, {"id": 2, "born": "2016-04-05"}]
        found = judged(mapping, {**ORDER, "city": "Suzhou", "kids": kids})
        assert [one.type for one in found.events] == ["trait_set", "record_set", "record_set"]
        assert all(one.system for one in found.events)

    def test_far_too_many(self) -> None:
        many = {**ORDER, "lines": [{"no": n, "sku": "A"} for n in range(2_001)]}
        found = judged(LINES, many)
        assert (found.events, codes(found)) == ([], ["payload.too_many"])
        assert codes(judged(PLAIN, [ORDER] * 2_001)) == ["payload.too_many"]
        found = judge_delivery(basis(), LINES, {}, json.dumps(many).encode(), NOW_MS, REPLAYED_ROWS_COUNT_MAX)
        assert (len(found.events), found.problems) == (2_001, [])


class TestMappings:
    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("feed: shop", "mapping.empty"),
            (PLAIN + "ignore: [{kind: {equals: a, filled: true}}]", "mapping.when"),
            (PLAIN + "unpack: {msg: gzip}", "document.value"),
            (PLAIN + "lookups: {p: {file: p.csv, on: id}}", "document.unknown_key"),
            (PLAIN + "zone: Mars", "mapping.zone"),
            (PLAIN + "currency: EUR", "mapping.currency"),
            (PLAIN.replace("paid_at", "{sum: paid_at}"), "mapping.not_grouped"),
        ],
    )
    def test_one_that_cant_be_used_is_refused(self, text: str, code: str) -> None:
        with pytest.raises(InvalidError) as refused:
            read_plan(text, "UTC", "USD", "m.yaml")
        assert refused.value.code == code


class TestExamples:
    def test_shopify(self) -> None:
        mapping = example_mapping("shopify")
        placed = judged(mapping, shopify_order(), x_shopify_topic="orders/create")
        assert told(placed) == [
            ("order_placed", "order-placed-820982911946154508", {"order_id": "820982911946154508", "amount": 57700})
        ]
        assert placed.events[0].source == "https://www.example.com/"
        paid = judged(mapping, shopify_order(), x_shopify_topic="orders/paid")
        assert [type_ for type_, *_ in told(paid)] == ["order_paid", "item_purchased", "item_purchased"]
        assert told(paid)[0][2] == {
            "order_id": "820982911946154508", "amount": 57700, "coupon": "WELCOME", "coupon_discount": 2000,
        }  # fmt: skip
        assert told(paid)[2][2]["brand"] == "Apple"
        assert [one.text() for one in paid.events[0].identities] == [
            "account:shopify:115310627314723954", "email:john@example.com",
        ]  # fmt: skip
        updated = judged(mapping, shopify_order(refunds=[shopify_refund()]), x_shopify_topic="orders/updated")
        assert told(updated) == [
            (
                "order_refunded",
                "refund-1068278509",
                {"order_id": "820982911946154508", "amount": 4194, "reason": "wrong size"},
            )
        ]
        customer = {**shopify_order()["customer"], "updated_at": "2017-12-31T11:05:00-05:00"}
        known = judged(mapping, customer, x_shopify_topic="customers/update")
        assert {one.properties["trait"] for one in known.events} == {"name", "country", "province", "city"}
        cancelled = shopify_order(cancelled_at="2017-12-31T12:00:00-05:00", cancel_reason="customer")
        assert told(judged(mapping, cancelled, x_shopify_topic="orders/cancelled"))[0][2]["reason"] == "customer"
        for found in (placed, paid, updated, known):
            assert found.problems == []

    def test_shopify_leaves_what_is_none_of_its_business(self) -> None:
        mapping = example_mapping("shopify")
        for topic, body in (
            ("orders/updated", shopify_order()),
            ("orders/paid", shopify_order(customer=None)),
            ("refunds/create", shopify_refund()),
        ):
            found = judged(mapping, body, x_shopify_topic=topic)
            assert (found.events, found.problems) == ([], [])
        assert codes(judged(mapping, {"id": 1}, x_shopify_topic="themes/publish")) == ["payload.no_match"]
        in_euro = judged(mapping, shopify_order(currency="EUR"), x_shopify_topic="orders/create")
        assert codes(in_euro) == ["event.currency"]

    def test_woocommerce(self) -> None:
        mapping = example_mapping("woocommerce")
        paid = judged(mapping, woocommerce_order(), x_wc_webhook_topic="order.updated")
        assert paid.problems == []
        assert told(paid) == [
            ("order_paid", "order-paid-727", {"order_id": "727", "amount": 2935, "coupon_discount": 0}),
            ("item_purchased", "item-315", {"order_id": "727", "product": "W1", "quantity": 2, "amount": 600}),
            ("item_purchased", "item-316", {"order_id": "727", "quantity": 1, "amount": 1200}),
        ]
        assert [one.text() for one in paid.events[0].identities] == [
            "account:woocommerce:17", "email:john.doe@example.com",
        ]  # fmt: skip
        guest = judged(mapping, woocommerce_order(customer_id=0), x_wc_webhook_topic="order.created")
        assert [one.text() for one in guest.events[0].identities] == ["email:john.doe@example.com"]
        assert len(guest.events) == 3
        pending = judged(mapping, woocommerce_order(status="pending", date_paid_gmt=None))
        assert (pending.events, pending.problems, pending.ignored) == ([], [], 1)
        assert [t for t, *_ in told(judged(mapping, woocommerce_order(status="refunded")))] == ["order_refunded"]

    def test_youzan(self) -> None:
        mapping = example_mapping("youzan")
        paid = judged(mapping, youzan_message(), currency="CNY")
        assert paid.problems == []
        assert told(paid) == [
            (
                "order_paid",
                "order-paid-E20171231105106025604163",
                {"order_id": "E20171231105106025604163", "amount": 11850, "store": "有赞的店"},
            ),
            (
                "item_purchased",
                "item-2812345678901",
                {"order_id": "E20171231105106025604163", "product": "SKU-1", "quantity": 2, "amount": 9850,
                 "store": "有赞的店"},
            ),
            (
                "item_purchased",
                "item-2812345678902",
                {"order_id": "E20171231105106025604163", "product": "SKU-2", "quantity": 1, "amount": 2000,
                 "store": "有赞的店"},
            ),
        ]  # fmt: skip
        assert paid.events[0].identities[0].text() == "account:youzan:LnhGm4rh576452722916618240"
        assert paid.events[0].at == 1_514_688_720_000  # 10:52 in Shanghai
        placed = judged(mapping, youzan_message("trade_TradeCreate"), currency="CNY")
        assert [type_ for type_, *_ in told(placed)] == ["order_placed"]
        closed = youzan_message("trade_TradeClose", msg="%7B%22tid%22%3A%22E1%22%7D")
        assert judged(mapping, closed, currency="CNY").ignored == 1
        assert codes(judged(mapping, youzan_message("POINTS"), currency="CNY")) == ["payload.no_match"]
