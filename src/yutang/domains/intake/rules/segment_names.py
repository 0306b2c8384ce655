"""From the names and values that Segment's SDKs send to those of the catalogue (docs/guides/segment.md).

Names become lower snake case, as Segment's own warehouses write them. The names of its e-commerce and mobile
specifications that mean one of the built-in types become that type, their properties its properties. Values are
brought to the declared kind where nothing is lost by it (`8812` for a text, `"19.90"` for a number); what doesn't
fit is left as it is, for the checker to refuse.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from yutang.conditions.literals import zone_named
from yutang.conditions.vocabulary import Kind
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import DAY_MS, datetime_from_instant, instant_from_text
from yutang.kernel.limits import NAME_CHARS_MAX
from yutang.kernel.money import currency_digits

NAMES_CACHED_MAX = 8_192
FLAT_DEPTH_MAX = 8  # of objects in traits
_MONEY_NOISE_MAX = 1e-6  # of a major unit: what binary sums leave behind, less than any currency's minor unit

_LOWER_UPPER = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_UPPER_WORD = re.compile(r"(?<=[A-Z])(?=[A-Z][a-z])")
_RUNS = re.compile("_+")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,9})?")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?(Z|[+-][0-9:]{5})?")

# Names of Segment's specifications (and of their first version, verb first) → built-in type.
TYPES: Mapping[str, str] = {
    "application_opened": "session_started",
    "signed_in": "logged_in",
    "products_searched": "search", "searched_products": "search",
    "promotion_viewed": "content_exposed", "viewed_promotion": "content_exposed",
    "promotion_clicked": "link_clicked", "clicked_promotion": "link_clicked",
    "email_link_clicked": "link_clicked",
    "viewed_product": "product_viewed",
    "product_added": "cart_added", "added_product": "cart_added", "wishlist_product_added_to_cart": "cart_added",
    "product_removed": "cart_removed", "removed_product": "cart_removed",
    "product_added_to_wishlist": "favourited",
    "product_shared": "share", "cart_shared": "share",
    "product_reviewed": "review",
    "order_completed": "order_paid", "completed_order": "order_paid",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fields:
    """How properties of a built-in type are called by others.

    renamed: ours → theirs, the first that is there. priced: `amount` is price × quantity if nothing gives it.
    """

    renamed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    priced: bool = False


_PRODUCT = ("product_id", "sku")
_ORDER = {"amount": ("total", "revenue", "value")}
FIELDS: Mapping[str, Fields] = {
    "session_started": Fields({"referrer": ("referring_application",)}),
    "search": Fields({"query": ("search_query",)}),
    "content_exposed": Fields({"content": ("promotion_id",), "title": ("name",)}),
    "link_clicked": Fields({"content": ("promotion_id",), "link": ("link_id",), "url": ("link_url",)}),
    "product_viewed": Fields({"product": _PRODUCT}),
    "cart_added": Fields({"product": _PRODUCT, "cart": ("cart_id",)}, priced=True),
    "cart_removed": Fields({"product": _PRODUCT, "cart": ("cart_id",)}, priced=True),
    "favourited": Fields({"product": _PRODUCT}),
    "share": Fields({"product": _PRODUCT, "platform": ("share_via",)}),
    "review": Fields({"product": _PRODUCT, "text": ("review_body",)}),
    "order_placed": Fields(_ORDER),
    "order_paid": Fields(_ORDER),
    "order_refunded": Fields(_ORDER),
    "item_purchased": Fields({"product": _PRODUCT}, priced=True),
}  # fmt: skip

# Traits that Segment reserves, flattened → built-in trait. An own trait of that name wins.
TRAITS: Mapping[str, str] = {
    "address_city": "city",
    "address_state": "province",
    "address_country": "country",
    "address_street": "address",
    "title": "occupation",
}
# Traits that say how to reach somebody → the kind of identity of such a claim.
CONTACTS: Mapping[str, str] = {"email": "email_unverified", "phone": "phone_unverified"}


def readable_name(text: str) -> str:
    """Lower snake case: `Order Completed`, `orderCompleted` → `order_completed`; letters of any script stay."""
    return _readable(text[: 2 * NAME_CHARS_MAX])  # longer ones are refused, and no cache should hold them


@lru_cache(maxsize=NAMES_CACHED_MAX)
def _readable(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    text = _UPPER_WORD.sub("_", _LOWER_UPPER.sub("_", text))
    parts = "".join(c if c.isalnum() or ("a" + c).isidentifier() else "_" for c in text)
    return _RUNS.sub("_", parts).strip("_").lower()


def named(properties: Mapping[str, object]) -> dict[str, object]:
    """Properties under readable names; where two meet, the one that was readable already stays."""
    found: dict[str, object] = {}
    for name, value in properties.items():
        readable = readable_name(name)
        if readable not in found or name == readable:
            found[readable] = value
    return found


def flattened(traits: Mapping[str, object]) -> dict[str, object]:
    """Traits under readable names, objects taken apart (`address.city` → `address_city`), reserved ones renamed.

    Raises InvalidError: nested too deeply.
    """
    found = dict(_leaves("", traits, 0))
    for theirs, ours in TRAITS.items():
        if theirs in found:
            value = found.pop(theirs)
            found.setdefault(ours, value)
    return found


def _leaves(prefix: str, traits: Mapping[str, object], depth: int) -> Iterator[tuple[str, object]]:
    if depth > FLAT_DEPTH_MAX:
        raise InvalidError(
            "value.too_deep", f"the traits are nested deeper than {FLAT_DEPTH_MAX} levels", where="traits",
            remedy="flatten them",
        )  # fmt: skip
    for name, value in named(traits).items():
        whole = f"{prefix}_{name}" if prefix else name
        if isinstance(value, dict):
            yield from _leaves(whole, value, depth + 1)
        else:
            yield whole, value


def renamed(event_type: str, properties: dict[str, object]) -> dict[str, object]:
    """Properties of a built-in type under its own names, with what follows from them; others as they are."""
    fields = FIELDS.get(event_type)
    if fields is None:
        return properties
    for ours, theirs in fields.renamed.items():
        if properties.get(ours) is None:
            source = next((name for name in theirs if properties.get(name) is not None), "")
            if source:
                properties[ours] = properties.pop(source)
    if fields.priced and properties.get("amount") is None:
        amount = _product(properties.get("price"), properties.get("quantity", 1))
        if amount is not None:
            properties["amount"] = amount
    return properties


def _product(price: object, quantity: object) -> float | None:
    if isinstance(price, str) and _DECIMAL.fullmatch(price):
        price = float(price)
    if isinstance(quantity, str) and _DECIMAL.fullmatch(quantity):
        quantity = float(quantity)
    if isinstance(price, bool) or isinstance(quantity, bool):
        return None
    if isinstance(price, int | float) and isinstance(quantity, int | float):
        try:
            return float(price) * float(quantity)
        except OverflowError:  # a whole number of hundreds of digits
            return None
    return None


def fitted(value: object, kind: Kind | None, currency: str, zone: str) -> object:
    """A value as its declared kind wants it, if nothing is lost by that; else as it is."""
    match kind:
        case Kind.STRING:
            return value if isinstance(value, str) else _text(value)
        case Kind.NUMBER | Kind.INTEGER if isinstance(value, str) and _DECIMAL.fullmatch(value):
            return float(value) if "." in value else int(value)
        case Kind.MONEY if isinstance(value, float):
            rounded = round(value, currency_digits(currency))
            return rounded if abs(rounded - value) < _MONEY_NOISE_MAX else value
        case Kind.BOOLEAN if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        case Kind.INSTANT if isinstance(value, str) and (found := _MOMENT.fullmatch(value)):
            return value if found[4] else f"{value}Z"
        case Kind.DATE if isinstance(value, str) and (found := _MOMENT.fullmatch(value)):
            return _day(value, found, zone)
        case Kind.LIST if isinstance(value, list):
            return [_listed(one) for one in value]
        case Kind.LIST if isinstance(value, str):
            return [value]
    return value


def _text(value: object) -> object:
    """A number or a truth as text; what has no one text, as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value) if isinstance(value, int) and value.bit_length() <= 256 else value


def _day(value: str, found: re.Match[str], zone: str) -> str:
    """The calendar day that an instant stands for: midnight in UTC, its own; else the day in a zone."""
    if not found[4]:
        return found[1]
    try:
        instant = instant_from_text(value)
        if instant % DAY_MS == 0:
            return datetime_from_instant(instant).date().isoformat()
        return datetime_from_instant(instant).astimezone(zone_named(zone)).date().isoformat()
    except (InvalidError, OverflowError):
        return value


def _listed(one: object) -> object:
    if isinstance(one, dict | list):
        return json.dumps(one, ensure_ascii=False, sort_keys=True)
    return one if isinstance(one, str) else _text(one)
