"""The swift reader judges every body as the checker judges its events one by one."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.intake_world import NOW_MS, catalogue_with

from yutang.conditions.vocabulary import Kind
from yutang.domains.catalogue.contracts import Catalogue
from yutang.domains.customers.rules.kinds import kinds_with
from yutang.domains.intake.api.checking import make_checker, plain_kinds
from yutang.domains.intake.contracts import Problem
from yutang.domains.intake.rules.swift import LOOSE_AFTER_EVENTS, SwiftReader, pack_outcomes
from yutang.kernel.event import Event, decode_blob, pack_blob

OWN = """
events:
  tasting:
    properties:
      drink: string
      score: number
      glasses: integer
      liked: boolean
      until: instant
      day: date
      paid: money
      notes: list
      p0: string
      品牌: string
"""
CATALOGUE: Catalogue = catalogue_with(OWN)
KINDS = kinds_with()
RIGHT: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.STRING: st.text(max_size=12),
    Kind.NUMBER: st.floats(-1e6, 1e6) | st.integers(-1000, 1000) | st.just(-0.0),
    Kind.INTEGER: st.integers(-(2**53), 2**53) | st.just(3.0),
    Kind.BOOLEAN: st.booleans(),
    Kind.INSTANT: st.integers(0, NOW_MS) | st.sampled_from(["2017-03-01T10:00:00Z", "2017-03-01T10:00:00.5+08:00"]),
    Kind.DATE: st.sampled_from(["1990-05-01", "2099-12-31", "1990-02-30"]),
    Kind.MONEY: st.floats(0, 1e6).map(lambda x: round(x, 2)) | st.integers(-9, 9) | st.sampled_from(["12.30", "1.234"]),
    Kind.LIST: st.lists(st.text(max_size=4), max_size=20),
}
ODD: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(), max_size=12)
    | st.sampled_from(["", " ", "\x7f", "\u0085", "a\u0007", "\ud800", "x\\y", "é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)  # fmt: skip
KEYS = ("id", "type", "at", "identities", "properties", "channel", "source", "currency")


@st.composite
def usual_events(draw: st.DrawFn) -> dict[str, Any]:
    """An event of a declared type, mostly right."""
    name = draw(st.sampled_from(["tasting", "tasting", "order_paid", "page_viewed", "trait_set", "never_declared"]))
    declared = CATALOGUE.vocabulary.events.get(name)
    properties: dict[str, Any] = {}
    for one in declared.properties if declared else ():
        if draw(st.booleans()):
            properties[one.name] = draw(RIGHT[one.kind] | st.none())
    if draw(st.integers(0, 5)) == 0:
        properties[draw(st.sampled_from(["extra", "trait", "value", "an other"]))] = draw(ODD)
    event: dict[str, Any] = {
        "id": draw(st.text(max_size=8) | st.integers(0, 99).map(str)),
        "type": name,
        "at": draw(
            st.integers(NOW_MS - 10**10, NOW_MS) | st.sampled_from(["2017-03-01T10:00:00Z", "2017-03-01T10:00:00"])
        ),
        "identities": draw(
            st.dictionaries(
                st.sampled_from(["member_no", "openid:wx1", "phone", "email", "mystery", "account"]),
                st.sampled_from(["M1", " M2", "13800138000", "a@b.cn", "", "会员", "x\u200b"]) | st.integers(0, 99),
                max_size=3,
            )
        ),
        "properties": properties,
    }  # fmt: skip
    for key in ("channel", "source", "currency"):
        if draw(st.integers(0, 4)) == 0:
            event[key] = draw(st.sampled_from(["web", "", "USD", "EUR", "a\nb", "渠道"]) | st.none())
    return event


@st.composite
def any_events(draw: st.DrawFn) -> Any:
    """Anything, often an event with one thing wrong."""
    if draw(st.integers(0, 9)) == 0:
        return draw(ODD)
    event = draw(usual_events())
    if draw(st.integers(0, 2)) == 0:
        event[draw(st.sampled_from([*KEYS, "more"]))] = draw(ODD)
    return event


def slowly(raws: list[Any], *, strict: bool) -> list[Event | Problem]:
    checker = make_checker(CATALOGUE, KINDS, country="CN", strict=strict, now_ms=NOW_MS)
    return [checker.check(index, raw) for index, raw in enumerate(raws)]


def swiftly(body: bytes, *, strict: bool, lines: bool = False, reads: int = 1) -> list[Event | Problem]:
    checker = make_checker(CATALOGUE, KINDS, country="CN", strict=strict, now_ms=NOW_MS)
    reader = SwiftReader(checker, plain_kinds(KINDS))
    for _ in range(reads):
        outcomes = reader.read(body, lines=lines)
    found: list[Event | Problem] = []
    for one in outcomes:
        if isinstance(one, Problem):
            found.append(one)
        else:
            (event,) = decode_blob(pack_blob("f", False, 1, [pack_outcomes([one])], 1)).events
            found.append(event)
    assert len(reader.refused_types) == sum(isinstance(one, Problem) for one in outcomes)
    return found


def equal(found: list[Event | Problem], expected: list[Event | Problem]) -> None:
    assert found == expected
    # 0.0 == -0.0 and 1 == 1.0 == True, but the log tells them apart.
    texts = [
        [str(sorted(one.properties.items())) if isinstance(one, Event) else "" for one in side]
        for side in (found, expected)
    ]
    assert texts[0] == texts[1]


@settings(max_examples=400, deadline=None)
@given(st.lists(any_events(), max_size=4), st.booleans(), st.booleans(), st.booleans())
def test_as_the_checker_would(raws: list[Any], strict: bool, escaped: bool, by_lines: bool) -> None:
    text = [json.dumps(raw, ensure_ascii=escaped) for raw in raws]
    body = "\n".join(text) if by_lines else f"[{', '.join(text)}]"
    expected = slowly([json.loads(one) for one in text], strict=strict)
    equal(swiftly(body.encode("utf-8", "surrogatepass"), strict=strict, lines=by_lines), expected)


ONE = '{"id":"1","type":"order_paid","at":1,"identities":{"member_no":"M"},"properties":{"amount":1.5}}'
NO_TIME = ONE.replace('"at":1', '"at":"soon"')


@pytest.mark.parametrize(
    ("body", "outcomes"),
    [
        (f"{ONE}{ONE}", ["request.json"]),
        (f"{ONE} {NO_TIME}\n{ONE}", ["request.json", "1"]),
        (ONE.replace(",", ",\n", 1), ["request.json", "request.json"]),
        (ONE + ONE.replace(",", ",\n", 1), ["request.json", "request.json"]),
        (NO_TIME.replace(",", ",\n", 1), ["request.json", "request.json"]),
        (f"{ONE}\r\n{NO_TIME}\r\n", ["1", "instant.malformed"]),
        (f"\n{ONE}\n \n\n{NO_TIME}\n", ["1", "instant.malformed"]),
    ],
)
def test_a_line_is_an_event_however_objects_are_broken(body: str, outcomes: list[str]) -> None:
    found = swiftly(body.encode(), strict=False, lines=True)
    assert [one.code if isinstance(one, Problem) else one.id for one in found] == outcomes


@settings(max_examples=50, deadline=None)
@given(st.lists(usual_events(), min_size=1, max_size=3))
def test_as_the_checker_would_once_it_has_learned(raws: list[Any]) -> None:
    """Types that fell to the checker often are compiled loosely; the outcome stays."""
    body = json.dumps(raws).encode()
    checker = make_checker(CATALOGUE, KINDS, country="CN", strict=False, now_ms=NOW_MS)
    for _ in range(2):
        expected = [checker.check(index, raw) for index, raw in enumerate(json.loads(body))]
    equal(swiftly(body, strict=False, reads=LOOSE_AFTER_EVENTS + 2), expected)


@pytest.mark.parametrize("extra", [{"order": "o1"}, {"品牌": "鱼"}, {"a": {"b": [1, 2]}}])
def test_undeclared_properties_are_learned(extra: dict[str, Any]) -> None:
    """After some events of a type with something undeclared, they're decoded by type again."""
    checker = make_checker(CATALOGUE, KINDS, country="CN", strict=False, now_ms=NOW_MS)
    reader = SwiftReader(checker, plain_kinds(KINDS))
    event = {"type": "order_paid", "at": NOW_MS, "identities": {"member_no": "M"}, "properties": {"amount": 5, **extra}}
    body = json.dumps([{**event, "id": str(n)} for n in range(LOOSE_AFTER_EVENTS)]).encode()
    assert {type(one) for one in reader.read(body, lines=False)} == {Event}
    assert Event not in {type(one) for one in reader.read(body, lines=False)}


def test_what_is_usual_needs_no_checker() -> None:
    checker = make_checker(CATALOGUE, KINDS, country="CN", strict=True, now_ms=NOW_MS)
    reader = SwiftReader(checker, plain_kinds(KINDS))
    event = {
        "id": "t1", "type": "tasting", "at": "2017-03-01T10:00:00+08:00",
        "identities": {"member_no": "M", "account": "a"},
        "properties": {"drink": "酒\n", "score": 4, "glasses": 2, "liked": True, "paid": "3.50", "day": "1990-05-01"},
        "channel": "店", "source": "till 3", "currency": "USD",
    }  # fmt: skip
    checker.check = None  # type: ignore[method-assign,assignment]
    (packed,) = reader.read(msgspec.json.encode([event]), lines=False)
    assert not isinstance(packed, Problem)
    assert packed.at == 1_488_333_600_000


def test_texts_of_any_length_fit_or_fall_to_the_checker() -> None:
    """Many long texts are too much together though each is allowed: the checker says so."""
    properties = {
        p.name: "鱼" * 8_000 for p in CATALOGUE.vocabulary.events["order_paid"].properties if p.kind is Kind.STRING
    }
    raws = [{"id": "a", "type": "order_paid", "at": 1, "identities": {"member_no": "M"}, "properties": properties}]
    found = swiftly(json.dumps(raws, ensure_ascii=False).encode(), strict=False)
    assert found == slowly(raws, strict=False)
    assert isinstance(found[0], Problem)
    assert found[0].code == "event.too_large"
