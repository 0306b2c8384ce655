"""One raw event is judged: what is right comes out in one form, what is wrong with code, path and remedy."""

from __future__ import annotations

from typing import Any

import pytest
from tests.support.intake_world import NOW_MS, catalogue_with, checker, raw_event

from yutang.domains.catalogue.contracts import EVENT_TYPES_COUNT_MAX
from yutang.domains.intake.contracts import Problem
from yutang.kernel.event import Event, Identity
from yutang.kernel.limits import EVENT_FUTURE_MS_MAX

PAID_AT = 1_488_362_400_000


def taken(raw: object, **options: Any) -> Event:
    judged = checker(**options).check(0, raw)
    assert isinstance(judged, Event), judged
    return judged


def refused(raw: object, **options: Any) -> Problem:
    judged = checker(**options).check(7, raw)
    assert isinstance(judged, Problem), judged
    assert judged.index == 7
    assert judged.message
    return judged


class TestAFloodOfTypes:
    def test_there_is_room_for_so_many_and_what_is_known_goes_on(self) -> None:
        judge = checker()
        room = EVENT_TYPES_COUNT_MAX - len(judge.vocabulary.events)
        judged = [judge.check(n, raw_event(type=f"kind_{n}", properties={})) for n in range(room + 2)]
        assert all(isinstance(one, Event) for one in judged[:room])
        assert [one.code for one in judged[room:] if isinstance(one, Problem)] == ["event.too_many_types"] * 2
        for name in ("kind_0", f"kind_{room - 1}", "order_paid"):
            assert isinstance(judge.check(0, raw_event(type=name)), Event)


class TestTaking:
    def test_an_event_comes_out_in_one_form(self) -> None:
        raw = raw_event(
            identities={"phone": ["138 0013 8000"], "member_no": 12, "openid:wx1": " o1 "},
            channel="shop",
            source="note",
        )
        assert taken(raw) == Event(
            "e1",
            "order_paid",
            PAID_AT,
            (Identity("member_no", "", "12"), Identity("openid", "wx1", "o1"), Identity("phone", "", "+8613800138000")),
            {"order_id": "o1", "amount": 1250},
            "shop",
            "note",
        )

    @pytest.mark.parametrize("at", ["2017-03-01T18:00:00+08:00", PAID_AT, "2017-03-01T10:00:00.000Z"])
    def test_instants_may_be_written_in_several_ways(self, at: object) -> None:
        assert taken(raw_event(at=at)).at == PAID_AT

    def test_null_is_absence(self) -> None:
        raw = raw_event(
            channel=None, source=None, currency=None, properties={"order_id": None, "amount": 1, "own": None}
        )
        assert taken(raw).properties == {"amount": 100}
        assert taken(raw_event(properties=None)).properties == {}

    def test_the_same_content_has_the_same_made_id(self) -> None:
        one = checker()
        first = one.check(0, raw_event(id=...))
        swapped = one.check(1, raw_event(id=..., properties={"amount": "12.50", "order_id": "o1"}))
        other = one.check(2, raw_event(id=..., properties={"amount": 12.51, "order_id": "o1"}))
        assert isinstance(first, Event) and isinstance(swapped, Event) and isinstance(other, Event)
        assert first.id == swapped.id != other.id
        assert one.ids_made == 3

    def test_a_number_is_an_id_too(self) -> None:
        assert taken(raw_event(id=12)).id == "12"

    @pytest.mark.parametrize("text", ["'; DROP TABLE events; --", "{{7*7}}", "<script>", "👩‍👩‍👧 ok", "a\tb\nc", "٣"])
    def test_whatever_is_text_is_data(self, text: str) -> None:
        assert taken(raw_event(properties={"order_id": text, "own": text})).properties == {
            "order_id": text,
            "own": text,
        }

    def test_the_future_is_taken_within_the_tolerance(self) -> None:
        assert taken(raw_event(at=NOW_MS + EVENT_FUTURE_MS_MAX)).at > NOW_MS
        assert refused(raw_event(at=NOW_MS + EVENT_FUTURE_MS_MAX + 1)).code == "event.in_future"

    def test_amounts_in_the_pools_own_currency_are_taken(self) -> None:
        assert taken(raw_event(currency="USD")).properties["amount"] == 1250

    def test_another_currency_without_amounts_hurts_nobody(self) -> None:
        assert taken(raw_event(currency="CNY", properties={"order_id": "o"})).properties == {"order_id": "o"}


class TestUnknown:
    def test_lenient_takes_and_counts(self) -> None:
        one = checker()
        for _ in range(2):
            one.check(0, raw_event(type="napped", properties={"deep": [{"a": 1}]}))
            one.check(0, raw_event(properties={"own": 1}))
        assert one.unknown == {"napped": 2, "order_paid.own": 2}

    def test_strict_refuses_with_a_suggestion(self) -> None:
        error = refused(raw_event(type="order_pad"), strict=True)
        assert (error.code, error.path, error.remedy) == ("event.unknown_type", "type", "did you mean order_paid?")
        error = refused(raw_event(properties={"amuont": 1}), strict=True)
        assert (error.code, error.path, error.remedy) == (
            "event.unknown_property",
            "properties.amuont",
            "did you mean amount?",
        )

    def test_what_was_merely_seen_stays_unknown(self) -> None:
        from dataclasses import replace

        from yutang.domains.catalogue.rules.seen import with_seen

        seen = with_seen(catalogue_with(), [Event("", "napped", 0, (), {})])
        assert refused(raw_event(type="napped"), strict=True, catalogue=seen).code == "event.unknown_type"
        declared = replace(seen, undeclared_events=frozenset())
        assert taken(raw_event(type="napped", properties={}), strict=True, catalogue=declared).type == "napped"

    def test_names_that_nobody_declared_are_counted_up_to_a_limit(self) -> None:
        one = checker()
        for number in range(2_000):
            one.check(0, raw_event(properties={f"own_{number}": 1}))
        assert len(one.unknown) == 1_000


class TestRefusing:
    @pytest.mark.parametrize(
        ("changes", "code", "path"),
        [
            ({"type": ...}, "event.no_type", "type"),
            ({"type": ""}, "name.length", "type"),
            ({"type": 5}, "value.type", "type"),
            ({"type": "a\nb"}, "name.characters", "type"),
            ({"type": "a" * 129}, "name.length", "type"),
            ({"type": "\ud800"}, "name.characters", "type"),
            ({"at": ...}, "event.no_time", "at"),
            ({"at": "yesterday"}, "instant.malformed", "at"),
            ({"at": "2017-03-01T10:00:00"}, "instant.no_offset", "at"),
            ({"at": float("nan")}, "value.type", "at"),
            ({"at": True}, "value.type", "at"),
            ({"at": "1969-12-31T23:59:59Z"}, "event.too_early", "at"),
            ({"at": "2099-01-01T00:00:00Z"}, "event.in_future", "at"),
            ({"at": 10**30}, "value.out_of_range", "at"),
            ({"identities": ...}, "event.no_identities", "identities"),
            ({"identities": {}}, "event.no_identities", "identities"),
            ({"identities": ["M1"]}, "event.no_identities", "identities"),
            ({"identities": {"phone": []}}, "identity.none", "identities"),
            ({"identities": {"phone": "12"}}, "identity.phone", "identities.phone"),
            ({"identities": {"email": "nobody"}}, "identity.email", "identities.email"),
            ({"identities": {"member_no": "a\x00"}}, "identity.control", "identities.member_no"),
            ({"identities": {"member_no": "x" * 600}}, "identity.too_long", "identities.member_no"),
            ({"identities": {"phone:x": "1"}}, "identity.scope_unexpected", "identities.phone:x"),
            ({"identities": {"member_no": [str(i) for i in range(40)]}}, "identity.too_many", "identities.member_no"),
            ({"properties": []}, "event.properties", "properties"),
            ({"properties": {"amount": "abc"}}, "money.malformed", "properties.amount"),
            ({"properties": {"amount": "1e5"}}, "money.malformed", "properties.amount"),
            ({"properties": {"amount": True}}, "money.malformed", "properties.amount"),
            ({"properties": {"amount": 1.005}}, "money.too_precise", "properties.amount"),
            ({"properties": {"amount": float("inf")}}, "money.malformed", "properties.amount"),
            ({"properties": {"amount": 10**14}}, "money.too_large", "properties.amount"),
            ({"properties": {"items": "3"}}, "value.type", "properties.items"),
            ({"properties": {"items": 2**53}}, "value.out_of_range", "properties.items"),
            ({"properties": {"order_id": 5}}, "value.type", "properties.order_id"),
            ({"properties": {"order_id": "a\x00b"}}, "value.control_character", "properties.order_id"),
            ({"properties": {"order_id": "\udfff"}}, "value.control_character", "properties.order_id"),
            ({"properties": {"order_id": "x" * 10_000_000}}, "value.too_long", "properties.order_id"),
            ({"properties": {"own": {"a": float("nan")}}}, "value.not_finite", "properties.own"),
            ({"properties": {"own": 2**70}}, "value.out_of_range", "properties.own"),
            ({"properties": {"own": [[[[[[[[[1]]]]]]]]]}}, "value.too_deep", "properties.own"),
            ({"properties": {"own": {"a\x00": 1}}}, "name.characters", "properties.own"),
            ({"properties": {"own": b"bytes"}}, "value.type", "properties.own"),
            ({"properties": {"a\x07": 1}}, "name.characters", "properties.'a\\x07'"),
            ({"properties": {"": 1}}, "name.length", "properties."),
            ({"properties": {f"p{i}": 1 for i in range(300)}}, "event.too_many_properties", "properties"),
            ({"properties": {f"p{i}": "y" * 8_000 for i in range(9)}}, "event.too_large", "properties"),
            ({"properties": {"own": ["y" * 8_000] * 9}}, "event.too_large", "properties"),
            ({"id": ""}, "event.id", "id"),
            ({"id": "x" * 300}, "event.id", "id"),
            ({"id": "a\nb"}, "event.id", "id"),
            ({"id": 1.5}, "value.type", "id"),
            ({"channel": "a\nb"}, "event.label", "channel"),
            ({"channel": 5}, "value.type", "channel"),
            ({"source": "x" * 600}, "event.label", "source"),
            ({"currency": "CNY"}, "event.currency", "currency"),
            ({"propertis": {}}, "event.unknown_key", "propertis"),
            ({"feed": "me"}, "event.unknown_key", "feed"),
        ],
    )
    def test_what_is_wrong_has_a_code_and_a_path(self, changes: dict[str, Any], code: str, path: str) -> None:
        error = refused(raw_event(**changes))
        assert (error.code, error.path) == (code, path)

    @pytest.mark.parametrize("raw", [None, 5, "event", [], [1], b"", object(), {1: 2}])
    def test_what_isnt_an_event_at_all_is_refused(self, raw: object) -> None:
        assert refused(raw).code in ("event.type", "event.unknown_key")

    def test_a_message_reads_well(self) -> None:
        error = refused(raw_event(properties={"amount": 12.345}))
        assert (error.message, error.remedy) == (
            "12.345 has more digits than USD has (2)",
            "round it to 2 digits after the point",
        )
        error = refused(raw_event(propertis={}))
        assert (error.message, error.remedy) == ("an event has no 'propertis'", "did you mean properties?")


class TestStateEvents:
    def state(self, name: str, **properties: object) -> dict[str, Any]:
        return raw_event(type=name, properties=properties)

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ({"trait": "city", "value": "上海"}, {"trait": "city", "text": "上海"}),
            ({"trait": "birthday", "value": "1990-05-01"}, {"trait": "birthday", "date": 641_520_000_000}),
            ({"trait": "birthday", "date": "1990-05-01"}, {"trait": "birthday", "date": 641_520_000_000}),
            ({"trait": "own", "value": 5}, {"trait": "own", "number": 5.0}),
            ({"trait": "own", "value": True}, {"trait": "own", "flag": True}),
            ({"trait": "own", "value": ["a"]}, {"trait": "own", "list": ["a"]}),
            ({"trait": "own", "integer": 5}, {"trait": "own", "integer": 5}),
            ({"trait": "own", "money": "5.10"}, {"trait": "own", "money": 510}),
            ({"trait": "own", "value": "x", "text": None}, {"trait": "own", "text": "x"}),
            ({"trait": "city"}, {"trait": "city"}),
        ],
    )
    def test_a_trait_is_kept_by_its_kind(self, sent: dict[str, object], kept: dict[str, object]) -> None:
        event = taken(self.state("trait_set", **sent))
        assert (event.system, event.properties) == (True, kept)

    def test_a_records_trait_is_kept_by_its_kind(self) -> None:
        event = taken(self.state("record_set", kind="child", record="1", trait="birthday", value="2016-01-02"))
        assert event.properties["date"] == 1_451_692_800_000

    @pytest.mark.parametrize(
        ("name", "sent", "code", "path"),
        [
            ("trait_set", {}, "state.incomplete", "properties.trait"),
            ("trait_set", {"trait": "city", "number": 5}, "state.kind", "properties.number"),
            ("trait_set", {"trait": "city", "value": 5}, "value.type", "properties.value"),
            ("trait_set", {"trait": "x", "text": "a", "value": "a"}, "state.many_values", "properties.value"),
            ("trait_set", {"trait": "a\x00", "value": "a"}, "name.characters", "properties.trait"),
            ("tag_added", {"group": "g"}, "state.incomplete", "properties.tag"),
            ("consent_given", {"medium": "sms"}, "state.incomplete", "properties.purpose"),
            ("record_set", {"kind": "child", "record": "1"}, "state.incomplete", "properties.trait"),
            ("record_ended", {"kind": "child", "record": ""}, "state.incomplete", "properties.record"),
        ],
    )
    def test_an_incomplete_one_is_refused(self, name: str, sent: dict[str, object], code: str, path: str) -> None:
        error = refused(self.state(name, **sent))
        assert (error.code, error.path) == (code, path)

    def test_without_properties_it_is_incomplete_too(self) -> None:
        assert refused(raw_event(type="trait_set", properties=...)).code == "state.incomplete"

    def test_the_first_value_fixes_the_kind_of_an_unknown_trait(self) -> None:
        one = checker()
        assert isinstance(one.check(0, self.state("trait_set", trait="own", value="text")), Event)
        second = one.check(1, self.state("trait_set", trait="own", number=5))
        assert isinstance(second, Problem)
        assert second.code == "state.kind"

    def test_strict_refuses_an_undeclared_trait(self) -> None:
        error = refused(self.state("trait_set", trait="brithday", value="1990-01-01"), strict=True)
        assert (error.code, error.remedy) == ("event.unknown_trait", "did you mean birthday?")
