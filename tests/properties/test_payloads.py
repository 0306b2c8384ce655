"""Whatever a webhook's sender posts, its body is judged: events or problems, never an exception."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.hook_world import basis, shopify_order, woocommerce_order, youzan_message
from tests.support.intake_world import NOW_MS

from yutang.domains.intake.api.delivering import example_mapping, judge_delivery
from yutang.kernel.event import EventBlob, decode_blob, encode_blob

# Every turn of the language in one mapping; its names are those that the bodies below are made of.
MAPPING = """
identities: {member_no: a, phone: b.c}
unpack: {d: json, e.d: url}
ignore: [{a: ignore}, {header.x: {one_of: [ignore]}}]
events:
  - {type: order_paid, id: "{a}", at: c, currency: {column: e}, properties: {order_id: a, amount: d}}
  - {type: {column: b}, at: hook.arrived_at, each: b, when: {b.a: {filled: true}}, properties: {x: b, y: b.0}}
  - {type: item_purchased, at: c, each: b.a, one_per: a, properties: {quantity: {count: true}, amount: {sum: b.a}}}
traits:
  - {at: c, set: {city: a, birthday: d, odd: e}}
records:
  - {kind: child, record: a, at: c, each: d, set: {birthday: d.a, name: d}}
"""
NAMES = st.sampled_from(["a", "b", "c", "d", "e", "a.b", ""])
TIMES = st.sampled_from(["2017-01-01T00:00:00Z", 1_500_000_000_000, "%7B%22a%22%3A1%7D", '{"a": [1]}', "ignore"])
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=8) | TIMES
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=25
)
LIKELY = st.fixed_dictionaries(
    {"a": st.text("ab1", min_size=1, max_size=3), "c": st.just("2017-01-01T00:00:00Z")},
    optional={
        "b": st.fixed_dictionaries({}, optional={"a": st.lists(st.integers(0, 9), max_size=3), "c": VALUES})
        | st.lists(st.fixed_dictionaries({"a": SCALARS}), max_size=3)
        | SCALARS,
        "d": st.lists(st.fixed_dictionaries({"a": SCALARS}), max_size=3)
        | st.decimals(0, 9, places=2).map(str)
        | VALUES,
        "e": st.just("USD") | VALUES,
    },
)
BODIES = LIKELY | st.lists(LIKELY | VALUES, max_size=4) | VALUES
HEADERS = st.dictionaries(st.sampled_from(["x", "content-type"]), st.sampled_from(["ignore", "a", "application/json"]))


def _judge(mapping: str, headers: dict[str, str], body: bytes, currency: str = "USD") -> None:
    told = basis(currency=currency)
    found = judge_delivery(told, mapping, headers, body, NOW_MS)
    again = judge_delivery(told, mapping, headers, body, NOW_MS)
    assert found == again
    blob = encode_blob(EventBlob("f", False, 1, found.events))  # what is accepted can be kept
    assert decode_blob(blob).events == found.events
    for problem in found.problems:
        assert problem.code
        assert problem.message
        msgspec.json.encode(problem)


@given(BODIES, HEADERS)
def test_any_json(value: Any, headers: dict[str, str]) -> None:
    """Of the names that the mapping asks for, with anything under them."""
    _judge(MAPPING, headers, json.dumps(value).encode())


@given(st.binary(max_size=64) | st.text(max_size=32).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b'{"a":"\\ud800"}')
@example(b'{"a":1e400,"c":"2017-01-01T00:00:00Z"}')
@example(b"a=%&b=%zz&=&c")
def test_any_bytes(body: bytes) -> None:
    """As JSON and as a form."""
    _judge(MAPPING, {}, body)
    _judge(MAPPING, {"content-type": "application/x-www-form-urlencoded"}, body)


@st.composite
def _changed(draw: st.DrawFn, whole: dict[str, Any]) -> dict[str, Any]:
    """A payload with something else in one place, at any depth, or without it."""
    copy = json.loads(json.dumps(whole))
    holder: Any = copy
    while True:
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else list(range(len(holder)))))
        if isinstance(holder[key], dict | list) and holder[key] and draw(st.booleans()):
            holder = holder[key]
            continue
        if draw(st.booleans()):
            holder[key] = draw(VALUES)
        else:
            del holder[key]
        return copy


@given(_changed(shopify_order()), st.sampled_from(["orders/create", "orders/paid", "orders/updated"]))
def test_a_shopify_order_with_something_else_in_it(body: dict[str, Any], topic: str) -> None:
    _judge(example_mapping("shopify"), {"x-shopify-topic": topic}, json.dumps(body).encode())


@given(_changed(woocommerce_order()))
def test_a_woocommerce_order_with_something_else_in_it(body: dict[str, Any]) -> None:
    _judge(example_mapping("woocommerce"), {}, json.dumps(body).encode())


@given(_changed(youzan_message()))
def test_a_youzan_message_with_something_else_in_it(body: dict[str, Any]) -> None:
    _judge(example_mapping("youzan"), {}, json.dumps(body).encode(), "CNY")
