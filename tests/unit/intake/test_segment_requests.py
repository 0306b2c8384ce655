"""Segment's requests: when their messages were, what SDKs send and are answered, whatever it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.pools import Scratch
from tests.support.segment_world import SegmentWorld, message, one, track

from yutang.domains.customers import api as customers
from yutang.domains.intake.api.segment import DOORS
from yutang.domains.intake.contracts import REQUEST_EVENTS_COUNT_MAX
from yutang.kernel.errors import InvalidError, LimitError, TooLargeError, UnauthorizedError
from yutang.kernel.event import Event, EventBlob, decode_blob, encode_blob
from yutang.kernel.instants import instant_from_text
from yutang.runtime.receiving import Answer, Keep

NOW = "2026-03-01T02:00:00Z"
DRAWN = "5f1c0d3e-8a8b-4a38-9d0e-2f6f0f9a1b2c"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SegmentWorld]:
    scratch = Scratch(tmp_path, NOW)
    yield SegmentWorld(scratch)
    scratch.close()


class TestTime:
    """`at` is when it happened by the pool's clock, and the first delivery fixes it."""

    ARRIVED = instant_from_text(NOW)

    @pytest.mark.parametrize(
        ("stamps", "ago_ms"),
        [
            ({"timestamp": "2020-01-01T00:00:00Z", "sentAt": "2020-01-01T00:00:05Z"}, 5_000),
            ({"timestamp": "2020-01-01T08:00:00+08:00", "sentAt": "2020-01-01T00:00:05Z"}, 5_000),
            ({"timestamp": 1_577_836_800_000, "sentAt": 1_577_836_801_000}, 1_000),
            ({"timestamp": ..., "originalTimestamp": "2020-01-01T00:00:00", "sentAt": "2020-01-01T00:00:05"}, 5_000),
            ({"timestamp": "2026-03-01T01:00:00Z", "sentAt": ...}, 3_600_000),
            ({"timestamp": "2026-03-01T01:00:00Z", "sentAt": "soon"}, 3_600_000),
            ({"timestamp": ..., "sentAt": "2020-01-01T00:00:05Z"}, 0),
            ({"timestamp": ...}, 0),
            ({"timestamp": "2026-03-01T01:00:00Z", "sentAt": "2020-01-01T00:00:05Z", "receivedAt": NOW}, 3_600_000),
        ],
    )
    def test_the_senders_clock_is_corrected(self, world: SegmentWorld, stamps: dict[str, Any], ago_ms: int) -> None:
        assert one(world.events(message("track", event="Seen", **stamps))).at == self.ARRIVED - ago_ms

    def test_a_batchs_own_sending_time_counts_for_messages_without(self, world: SegmentWorld) -> None:
        own = {"timestamp": "2020-01-01T00:00:00Z"}
        found = world.events(
            message("track", event="Seen", **own),
            message("track", event="Seen", **own, sentAt="2020-01-01T00:00:01Z"),
            sentAt="2020-01-01T00:00:03Z",
        )
        assert [event.at for event in found] == [self.ARRIVED - 3_000, self.ARRIVED - 1_000]

    def test_a_repeat_with_another_skew_is_a_repeat_and_no_change(self, world: SegmentWorld) -> None:
        batch = [message("identify", anonymousId="a", traits={"level": "gold"}), track("Order Completed", total=3)]
        world.deliver({"batch": batch, "sentAt": "2026-03-01T01:00:02.000Z"})
        first = customers.timeline(world.pool.desk(), "account:u1").events
        world.pool.advance("17s")
        world.deliver({"batch": batch, "sentAt": "2026-03-01T01:00:02.345Z"})
        verdict = world.last_verdict()
        assert (verdict["taken"], verdict["repeated"], verdict["changed"]) == (0, 3, 0)
        assert customers.timeline(world.pool.desk(), "account:u1").events == first

    def test_an_id_used_again_for_something_else_is_reported(self, world: SegmentWorld) -> None:
        for total in (3, 4):
            world.deliver({"batch": [track("Order Completed", total=total)], "sentAt": NOW})
        assert world.last_verdict()["changed"] == 1

    def test_without_an_id_the_content_is_one(self, world: SegmentWorld) -> None:
        seen = message("track", event="Seen", messageId=...)
        first = one(world.events(seen, sentAt="2026-03-01T01:00:01Z"))
        assert first.id == one(world.events({**seen, "sentAt": "2026-03-01T01:00:09Z"})).id
        assert first.id != one(world.events({**seen, "userId": "u2"})).id

    def test_without_id_and_time_each_arrival_is_another(self, world: SegmentWorld) -> None:
        seen = {"batch": [message("track", event="Seen", messageId=..., timestamp=...)]}
        ids = set()
        for at in (NOW, "2026-03-01T02:00:01Z"):
            outcome = world.ask("/v1/batch", seen, at=at)
            assert isinstance(outcome, Keep)
            ids.add(outcome.parcels[0].events[0].id)
        assert len(ids) == 2


class TestRequests:
    """What SDKs and browsers send, and what they're answered."""

    @pytest.mark.parametrize("path", ["batch", "b", "import"])
    def test_batches(self, world: SegmentWorld, path: str) -> None:
        answer = world.deliver({"batch": [track("Seen"), message("page")]}, f"/v1/{path}")
        assert (answer["success"], answer["accepted"], answer["duplicates"], answer["rejected"]) == (True, 2, 0, 0)

    @pytest.mark.parametrize("call", ["track", "identify", "page", "screen", "alias", "group"])
    def test_single_messages_by_either_path(self, world: SegmentWorld, call: str) -> None:
        body = message(call, type=..., event="Seen", previousId="p", groupId="g")
        for path in (call, call[0]):
            assert world.deliver(body, f"/v1/{path}")["accepted"] >= 1

    def test_one_bad_message_takes_no_other_with_it(self, world: SegmentWorld) -> None:
        bad = [
            7, None, {}, {"type": "what"}, message("track", event=""), message("track", event="Seen", properties=[1]),
            message("track", event="Seen", timestamp="yesterday"), message("track", event="Seen", messageId={}),
            message("track", event="Seen", messageId="x" * 300), message("group"), message("alias"),
            message("track", event="Seen", userId="x" * 2_000),
            message("identify", traits={str(n): n for n in range(300)}),
            message("track", event="Seen", properties={"deep": json.loads("[" * 60 + "]" * 60)}),
            message("track", event="Seen", timestamp="1969-01-01T00:00:00Z"), message("track", event="Seen\0" * 200),
        ]  # fmt: skip
        answer = world.deliver({"batch": [*bad, track("Kept")]})
        assert (answer["accepted"], answer["rejected"]) == (1, len(bad))
        assert sorted({problem.index for problem in world.desk.problems}) == list(range(len(bad)))
        assert len(world.desk.types) == len(bad) and all(problem.remedy for problem in world.desk.problems)

    def test_all_bad_is_answered_at_once(self, world: SegmentWorld) -> None:
        outcome = world.ask("/v1/batch", {"batch": [7]})
        assert isinstance(outcome, Answer) and outcome.status == 200
        assert msgspec.json.decode(outcome.body)["rejected"] == 1

    @pytest.mark.parametrize(
        "raw", [b"", b"{", b"[]", b"7", b'{"batch": 1}', b"[" * 100_000, b"\xff\xfe", b'{"a": "\xff"}', b"{} {}"]
    )
    def test_a_body_that_cant_be_read_is_refused_whole(self, world: SegmentWorld, raw: bytes) -> None:
        with pytest.raises(InvalidError):
            world.ask("/v1/batch", raw)

    def test_what_isnt_quite_json_loses_only_itself(self, world: SegmentWorld) -> None:
        raw = b'{"batch": [%b, {"type": "track", "userId": "u", "event": "Seen", "properties": {"t": "\\ud83d"}}]}'
        noisy = json.dumps(track("Seen", score=float("nan"), best=float("inf"), kept=1)).encode()
        outcome = world.ask("/v1/batch", raw % noisy)
        assert isinstance(outcome, Keep)
        assert outcome.parcels[0].events[0].properties == {"kept": 1}
        assert [problem.code for problem in world.desk.problems] == ["value.control_character"]

    @pytest.mark.parametrize("name", ["price", "quantity"])
    def test_a_number_of_hundreds_of_digits_loses_only_itself(self, world: SegmentWorld, name: str) -> None:
        huge = track("Product Added", **{"price": 2, "quantity": 1, name: 10**400})
        answer = world.deliver({"batch": [{**huge, "messageId": "huge"}, message("page")]})
        assert (answer["accepted"], answer["rejected"]) == (1, 1)

    def test_what_wasnt_kept_is_no_event_that_others_repeat(self, world: SegmentWorld) -> None:
        """On a full disk the answer is never asked for; the same request sent again has no duplicates then."""
        body = {"batch": [message("page")]}
        assert isinstance(world.ask("/v1/batch", body), Keep)
        assert world.deliver(body)["duplicates"] == 0
        assert world.deliver(body)["duplicates"] == 1

    def test_the_write_key_may_stand_in_header_body_or_message(self, world: SegmentWorld) -> None:
        key = {"writeKey": "yk_shop_secret"}
        for body in ({"batch": [track("Seen")], **key}, {"batch": [{**track("Seen"), **key}]}):
            assert isinstance(world.ask("/v1/b", body, authorization=""), Keep)
        with pytest.raises(UnauthorizedError):
            world.ask("/v1/b", {"batch": [track("Seen")]}, authorization="")
        with pytest.raises(UnauthorizedError):
            world.ask("/v1/b", {"batch": [track("Seen")], "writeKey": "another"})

    def test_all_events_of_a_message_count_against_the_rate(self, tmp_path: Path) -> None:
        scratch = Scratch(tmp_path)
        world = SegmentWorld(scratch, rate_events=3)
        with pytest.raises(LimitError):
            world.ask("/v1/identify", message("identify", traits={"a": 1, "b": 2, "c": 3}))
        scratch.close()

    def test_a_request_makes_so_many_events_and_no_more(self, world: SegmentWorld) -> None:
        with pytest.raises(TooLargeError):
            world.ask("/v1/batch", {"batch": [0] * (REQUEST_EVENTS_COUNT_MAX + 1)})
        told = {f"t{number}": number for number in range(200)}
        batch = [message("identify", traits=told, messageId=str(number)) for number in range(60)]
        outcome = world.ask("/v1/batch", {"batch": batch})
        assert isinstance(outcome, Keep)
        assert 9_700 < len(outcome.parcels[0].events) <= REQUEST_EVENTS_COUNT_MAX
        assert {problem.code for problem in world.desk.problems} == {"segment.too_many_events"}

    def test_the_browser_is_told_where_to_send_to(self, world: SegmentWorld) -> None:
        outcome = world.ask("/v1/projects/yk_shop_secret/settings", b"", method="GET", host="pool.example:8091")
        assert isinstance(outcome, Answer)
        told = msgspec.json.decode(outcome.body)
        assert told["integrations"]["Segment.io"] | {"versionSettings": 0} == {
            "apiKey": "yk_shop_secret", "apiHost": "pool.example:8091/v1", "protocol": "http", "versionSettings": 0,
        }  # fmt: skip
        proxied = world.ask(
            "/v1/projects/yk_shop_secret/settings", b"", method="GET", host="p.example", x_forwarded_proto="https"
        )
        assert isinstance(proxied, Answer)
        assert msgspec.json.decode(proxied.body)["integrations"]["Segment.io"]["protocol"] == "https"

    def test_settings_are_for_known_keys_and_real_hosts(self, world: SegmentWorld) -> None:
        with pytest.raises(UnauthorizedError):
            world.ask("/v1/projects/another/settings", b"", method="GET", host="pool.example")
        with pytest.raises(InvalidError):
            world.ask("/v1/projects/yk_shop_secret/settings", b"", method="GET", host="evil.example/x?")

    def test_the_browsers_figures_about_itself_are_taken_and_not_kept(self, world: SegmentWorld) -> None:
        outcome = world.ask("/v1/m", b'{"series":[]}', authorization="")
        assert isinstance(outcome, Answer) and outcome.status == 200

    def test_pages_of_other_origins_may_use_every_door(self) -> None:
        assert all(door.browser for door in DOORS)
        assert len({(door.method, door.path) for door in DOORS}) == len(DOORS)


_words = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "null", "track", "identify", "alias", NOW, DRAWN, "1.5", "x" * 300, "\ud800", "a\0b", "2026"]),
)
_leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _words)
_names = st.one_of(
    st.sampled_from([
        "type", "event", "userId", "anonymousId", "previousId", "groupId", "messageId", "timestamp", "sentAt",
        "originalTimestamp", "receivedAt", "properties", "traits", "context", "campaign", "page", "device", "library",
        "name", "email", "phone", "address", "birthday", "products", "total", "price", "quantity", "currency", "source",
    ]),
    _words,
)  # fmt: skip
_values = st.recursive(_leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names, inner, max_size=6))
_messages = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "identify", "page", "screen", "alias", "group"])},
    optional={
        "userId": _leaves, "anonymousId": _leaves, "previousId": _leaves, "groupId": _leaves, "messageId": _leaves,
        "event": st.sampled_from(["Order Completed", "Product Added", "Signed In", "Seen", "trait_set", 7]),
        "timestamp": _leaves, "sentAt": _leaves, "traits": _values, "properties": _values, "context": _values,
    },
)  # fmt: skip


class TestAnything:
    """Whatever is sent, doors answer or refuse, and what is kept can be read again."""

    @pytest.fixture(scope="class")
    @classmethod
    def standing(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SegmentWorld]:
        scratch = Scratch(tmp_path_factory.mktemp("anything"), NOW)
        yield SegmentWorld(scratch, rate_events=10**12)
        scratch.close()

    @given(batch=st.lists(_messages | _values, max_size=5), sent_at=_leaves)
    def test_messages(self, standing: SegmentWorld, batch: list[Any], sent_at: Any) -> None:
        before = len(standing.desk.problems)
        outcome = standing.ask("/v1/batch", {"batch": batch, "sentAt": sent_at})
        problems = standing.desk.problems[before:]
        assert all(problem.code and problem.message for problem in problems)
        events: list[Event] = []
        if isinstance(outcome, Keep):
            events = [event for parcel in outcome.parcels for event in parcel.events]
            assert decode_blob(encode_blob(EventBlob("shop", False, 1, events))).events == events
            outcome = outcome.answer()
        told = msgspec.json.decode(outcome.body)
        assert (outcome.status, told["accepted"], told["rejected"]) == (200, len(events), len(problems))
        assert len({problem.index for problem in problems}) + len(events) >= len(batch)

    @given(raw=st.binary(max_size=200) | _values.map(lambda value: json.dumps(value).encode()))
    def test_bodies(self, standing: SegmentWorld, raw: bytes) -> None:
        for path in ("/v1/batch", "/v1/t"):
            try:
                outcome = standing.ask(path, raw)
            except InvalidError as error:
                assert error.code and error.remedy
            else:
                assert isinstance(outcome, Answer | Keep)
