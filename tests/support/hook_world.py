"""What webhooks send, as their senders' documents show it, and a basis to judge it by."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

from tests.support.intake_world import NOW_MS, catalogue_with
from yutang.domains.catalogue import api as catalogue_api
from yutang.domains.catalogue.contracts import Catalogue
from yutang.domains.customers.rules.kinds import kinds_with
from yutang.domains.intake.api.delivering import judge_delivery
from yutang.domains.intake.contracts import Hook, IntakeBasis
from yutang.domains.intake.rules.payloads import Judged

JSON = "application/json"


def basis(*hooks: Hook, currency: str = "USD", strict: bool = False, declarations: str = "") -> IntakeBasis:
    """What an intake process would have been told."""
    catalogue = catalogue_with(declarations)
    if currency != "USD":
        catalogue = Catalogue(0, catalogue_api.built_in_vocabulary("UTC", currency))
    return IntakeBasis(1, catalogue, kinds_with(), "UTC", currency, "CN", strict, (), hooks)


def judged(mapping: str, body: object, currency: str = "USD", strict: bool = False, **headers: str) -> Judged:
    """What becomes of a body: bytes as they are, anything else as JSON. Headers with _ for -."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"content-type": JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return judge_delivery(basis(currency=currency, strict=strict), mapping, named, raw, NOW_MS)


def told(found: Judged) -> list[tuple[str, str, dict[str, object]]]:
    """Events as type, id and properties."""
    return [(one.type, one.id, one.properties) for one in found.events]


def codes(found: Judged) -> list[str]:
    """What is wrong."""
    return [one.code for one in found.problems]


def shopify_order(**changes: Any) -> dict[str, Any]:
    """An order as orders/create, orders/paid and orders/updated send it."""
    return {
        "id": 820982911946154508,
        "admin_graphql_api_id": "gid://shopify/Order/820982911946154508",
        "cancel_reason": None,
        "cancelled_at": None,
        "contact_email": "jon@example.com",
        "created_at": "2017-12-31T11:00:00-05:00",
        "currency": "USD",
        "customer": {
            "id": 115310627314723954, "email": "john@example.com", "phone": None, "first_name": "John",
            "default_address": {"country": "Canada", "province": "Ontario", "city": "Ottawa"},
        },
        "discount_codes": [{"code": "WELCOME", "amount": "20.00", "type": "fixed_amount"}],
        "financial_status": "voided",
        "line_items": [
            {"id": 866550311766439020, "sku": "IPOD2008PINK", "vendor": None, "quantity": 1, "price": "199.00"},
            {"id": 141249953214522974, "sku": "IPOD2008RED", "vendor": "Apple", "quantity": 2, "price": "199.00"},
        ],
        "name": "#9999",
        "referring_site": "https://www.example.com/",
        "refunds": [],
        "total_discounts": "20.00",
        "total_price": "577.00",
        "updated_at": "2017-12-31T11:05:00-05:00",
        **changes,
    }  # fmt: skip


def shopify_refund() -> dict[str, Any]:
    """A refund as it stands in an order."""
    return {
        "id": 929361462, "note": "wrong size", "created_at": "2018-01-01T01:00:00+01:00",
        "transactions": [
            {"id": 1068278509, "kind": "refund", "status": "success", "amount": "41.94", "currency": "USD",
             "created_at": "2018-01-01T01:00:00+01:00"},
            {"id": 1068278510, "kind": "refund", "status": "failure", "amount": "1.00", "currency": "USD",
             "created_at": "2018-01-01T01:00:00+01:00"},
        ],
    }  # fmt: skip


def woocommerce_order(**changes: Any) -> dict[str, Any]:
    """An order of WooCommerce's REST API, version 3."""
    return {
        "id": 727,
        "number": "727",
        "status": "processing",
        "currency": "USD",
        "date_created": "2017-03-22T13:28:02",
        "date_paid_gmt": "2017-03-22T16:28:08",
        "date_modified_gmt": "2017-03-22T16:28:09",
        "discount_total": "0.00",
        "total": "29.35",
        "customer_id": 17,
        "billing": {"first_name": "John", "email": "john.doe@example.com", "phone": "(555) 555-5555"},
        "coupon_lines": [],
        "line_items": [
            {"id": 315, "name": "Woo Single #1", "product_id": 93, "quantity": 2, "total": "6.00", "sku": "W1"},
            {"id": 316, "name": "Ship Your Idea", "product_id": 22, "quantity": 1, "total": "12.00", "sku": ""},
        ],
        **changes,
    }


def youzan_message(kind: str = "trade_TradePaid", **changes: Any) -> dict[str, Any]:
    """A pushed message about an order; its `msg` is a document, percent-encoded as Java's URLEncoder does."""
    order = {
        "order_promotion": {"order_discount_fee": "0.00"},
        "full_order_info": {
            "order_info": {
                "tid": "E20171231105106025604163", "created": "2017-12-31 10:51:06", "pay_time": "2017-12-31 10:52:00",
                "status": "TRADE_PAID",
            },
            "pay_info": {"total_fee": "128.00", "post_fee": "0.00", "payment": "118.50"},
            "buyer_info": {"yz_open_id": "LnhGm4rh576452722916618240", "buyer_phone": "138****0000", "fans_nickname":
                           "鱼 + 塘"},
            "source_info": {"source": {"platform": "wx", "wx_entrance": "direct_buy"}},
            "orders": [
                {"oid": "2812345678901", "outer_item_id": "SKU-1", "title": "口红 & 釉", "num": 2, "payment": "98.50"},
                {"oid": "2812345678902", "outer_item_id": "SKU-2", "title": "小样", "num": 1, "payment": "20.00"},
            ],
        },
    }  # fmt: skip
    return {
        "client_id": "cc939cb8063622a84d", "id": "E20171231105106025604163", "kdt_id": 567323, "kdt_name": "有赞的店",
        "mode": 1, "msg": quote_plus(json.dumps(order, ensure_ascii=False)),
        "msg_id": "9cb85c3d-8353-4e80-b24b-eb670eb52775", "sendCount": 0, "sign": "not looked at", "status": "PAID",
        "test": False, "type": kind, "version": 1621997469, **changes,
    }  # fmt: skip
