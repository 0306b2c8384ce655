"""The intake's listener and `POST /v1/events`, over real connections: what is taken, what isn't, and how it is said."""

from __future__ import annotations

import base64
import gzip
import json
import resource
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.commands import environment
from tests.support.receiving import KEY, NOW_MS, SECRET, Listening, Telling, api_key, basis, head, raw, status_of
from tests.support.services import free_port, wait_for

from yutang.cli.serve import PROCESSES
from yutang.domains.intake.contracts import REQUEST_BYTES_MAX, REQUEST_EVENTS_COUNT_MAX
from yutang.http import bodies
from yutang.runtime.folder import Folder


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    at = Listening(tmp_path_factory.mktemp("receiving") / "pool")
    yield at
    at.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Listening]:
    at = Listening(tmp_path / "pool")
    yield at
    at.close()


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, str]:
    """An error as every one must be."""
    assert answer.status_code == status, answer.text
    told: dict[str, str] = answer.json()
    assert set(told) == {"code", "message", "where", "remedy"}
    assert told["code"] == code
    assert told["remedy"]
    return told


class TestTaking:
    """What is right is kept before it is acknowledged."""

    def test_an_array_one_object_and_lines(self, own: Listening) -> None:
        assert own.post([raw("a"), raw("b")]).json()["accepted"] == 2
        assert own.post(raw("c")).json()["accepted"] == 1
        lines = b"\n".join(json.dumps(raw(one)).encode() for one in "de") + b"\n\n"
        assert own.post(lines, content_type="application/x-ndjson").json()["accepted"] == 2
        assert own.post(lines.replace(b'"d"', b'"f"').replace(b'"e"', b'"g"')).json()["accepted"] == 2
        assert [event.id for event in own.kept()] == list("abcdefg")

    def test_a_pretty_printed_object_is_one_event(self, own: Listening) -> None:
        assert own.post(json.dumps(raw("p"), indent=2).encode()).json()["accepted"] == 1

    def test_the_receipt_counts_what_it_is_asked_to(self, own: Listening) -> None:
        without = {key: value for key, value in raw("x").items() if key != "id"}
        sent = [raw("a"), raw("a"), without, raw("bad", at="yesterday"), raw("b")]
        first = own.post(sent)
        assert first.status_code == 200
        told = first.json()
        assert (told["accepted"], told["duplicates"], told["rejected"], told["ids_made"]) == (4, 1, 1, 1)
        assert [(one["index"], one["path"]) for one in told["problems"]] == [(3, "at")]
        assert all(one["code"] and one["message"] and one["remedy"] for one in told["problems"])
        again = own.post([raw("a"), raw("b"), raw("new")]).json()
        assert (again["accepted"], again["duplicates"]) == (3, 2)
        assert len(own.kept()) == 7, "repeats are kept: the log tells them apart"

    def test_nothing_right_is_422_with_the_receipt(self, shared: Listening) -> None:
        answer = shared.post([raw("n1", type=""), raw("n2", identities={})])
        assert answer.status_code == 422
        assert answer.json()["rejected"] == 2

    def test_an_empty_array_is_nothing(self, shared: Listening) -> None:
        answer = shared.post([])
        assert (answer.status_code, answer.json()["accepted"]) == (200, 0)

    def test_a_bad_line_is_one_rejected_event(self, own: Listening) -> None:
        lines = b"\n".join([json.dumps(raw("a")).encode(), b'{"id": "b", ', json.dumps(raw("c")).encode()])
        told = own.post(lines, content_type="application/x-ndjson").json()
        assert (told["accepted"], told["rejected"]) == (2, 1)
        assert (told["problems"][0]["index"], told["problems"][0]["code"]) == (1, "request.json")
        assert [event.id for event in own.kept()] == ["a", "c"]

    @pytest.mark.parametrize("encoding", ["gzip", "deflate"])
    def test_compressed(self, shared: Listening, encoding: str) -> None:
        body = json.dumps([raw(f"{encoding}{n}") for n in range(50)]).encode()
        small = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
        assert shared.post(small, content_encoding=encoding).json()["accepted"] == 50

    def test_a_gzip_of_two_members(self, shared: Listening) -> None:
        body = json.dumps([raw("m1"), raw("m2")]).encode()
        both = gzip.compress(body[:50]) + gzip.compress(body[50:])
        assert shared.post(both, content_encoding="gzip").json()["accepted"] == 2

    def test_chunked_bodies(self, shared: Listening) -> None:
        body = json.dumps([raw(f"chunk{n}") for n in range(2_000)]).encode()
        pieces = (body[at : at + 10_000] for at in range(0, len(body), 10_000))
        answer = shared.client.post("/v1/events", content=pieces, headers={"X-Api-Key": KEY})
        assert answer.json()["accepted"] == 2_000

    def test_one_blob_of_a_feed_for_many_requests(self, own: Listening) -> None:
        """While one commit is under way, what comes is written together by the next."""
        threads = [
            threading.Thread(target=lambda n=n: httpx.post(  # type: ignore[misc]
                f"{own.url}/v1/events", json=[raw(f"{n}-{k}") for k in range(5)], headers={"X-Api-Key": KEY}
            ))
            for n in range(40)
        ]  # fmt: skip
        held = threading.Event()
        blocked = threading.Thread(target=lambda: own.intake._writer.call(held.wait))
        blocked.start()
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 20
        while len(own.intake._writer._tickets) < 40 and time.monotonic() < deadline:
            time.sleep(0.01)
        held.set()
        for thread in [*threads, blocked]:
            thread.join()
        assert len(own.blobs()) == 1
        assert len(own.kept()) == 200

    def test_arrivals_come_from_the_pools_clock_and_never_step_back(self, own: Listening) -> None:
        own.post([raw("a")])
        own.clock(NOW_MS + 60_000)
        own.post([raw("b")])
        own.clock(NOW_MS - 86_400_000)
        assert own.post([raw("c")]).status_code == 200
        assert [arrival for _, arrival, _ in own.blobs()] == [NOW_MS, NOW_MS + 60_000, NOW_MS + 60_000]


class TestRefusing:
    """What isn't right is told in one form, with a remedy, and leaves nothing behind."""

    def test_broken_json(self, shared: Listening) -> None:
        told = refused(shared.post(b'[{"id": "a"}, {"id": ]'), 422, "request.json")
        assert told["where"] == "line 1, character 22"

    def test_not_utf8(self, shared: Listening) -> None:
        told = shared.post(json.dumps([raw("鱼"), raw("b")], ensure_ascii=False).encode("gbk")).json()
        assert told["accepted"] == 1
        assert [(one["index"], one["code"]) for one in told["problems"]] == [(0, "request.encoding_text")]
        refused(shared.post("[鱼]".encode("gbk")), 422, "request.encoding_text")

    def test_depth_bomb(self, shared: Listening) -> None:
        refused(shared.post(b"[" * 100_000 + b"]" * 100_000), 422, "value.too_deep")
        answer = shared.post(b'[{"id":"d","properties":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"}]")
        assert answer.status_code == 422

    def test_single_values_are_refused_by_themselves(self, own: Listening) -> None:
        body = (
            b'[{"id":"nan","type":"page_viewed","at":1,"identities":{"member_no":"M"},"properties":{"seconds":NaN}},'
            b'{"id":"half","type":"page_viewed","at":1,"identities":{"member_no":"M"},"properties":{"page":"\\ud800"}},'
            b'{"id":"huge","type":"page_viewed","at":1,"identities":{"member_no":"M"},"properties":{"page":"'
            + b"x" * 10_000_000
            + b'"}},{"id":"twice","id":"right","type":"page_viewed","at":1,"identities":{"member_no":"M"}}]'
        )
        told = own.post(body).json()
        assert [(one["index"], one["path"]) for one in told["problems"]] == [
            (0, "properties.seconds"), (1, "properties.page"), (2, "properties.page"),
        ]  # fmt: skip
        assert [event.id for event in own.kept()] == ["right"]

    def test_too_many_events(self, shared: Listening) -> None:
        body = [raw(f"many{n}") for n in range(REQUEST_EVENTS_COUNT_MAX + 1)]
        refused(shared.post(body), 413, "request.too_many_events")

    def test_too_large_by_its_own_word(self, shared: Listening) -> None:
        with shared.connection() as connection:
            connection.sendall(head(Content_Length=REQUEST_BYTES_MAX + 1))
            assert status_of(connection) == 413

    def test_too_large_while_it_comes(self, shared: Listening) -> None:
        pieces = (b" " * 1_048_576 for _ in range(20))
        answer = shared.client.post("/v1/events", content=pieces, headers={"X-Api-Key": KEY})
        refused(answer, 413, "intake.too_large")

    def test_gzip_bomb(self, shared: Listening) -> None:
        bomb = gzip.compress(b" " * (200 * 1_048_576), 9)
        assert len(bomb) < 300_000
        refused(shared.post(bomb, content_encoding="gzip"), 413, "intake.too_large")

    @pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"[]" * 500, mtime=0)[:-12], b""])
    def test_broken_compression(self, shared: Listening, body: bytes) -> None:
        assert shared.post(body, content_encoding="gzip").status_code == 422

    def test_forms_that_are_not_read(self, shared: Listening) -> None:
        refused(shared.post(b"[]", content_encoding="br"), 415, "request.encoding")
        refused(shared.post(b"<a/>", content_type="application/xml"), 415, "request.media_type")

    def test_unknown_paths_and_methods(self, shared: Listening) -> None:
        refused(shared.client.get("/v1/nothing"), 404, "request.no_path")
        answer = shared.client.get("/v1/events")
        refused(answer, 405, "request.method")
        assert answer.headers["allow"] == "OPTIONS, POST"

    def test_health(self, shared: Listening) -> None:
        assert shared.client.get("/healthz").json() == {"status": "ok"}


class TestKeys:
    """Who may hand over, and how much."""

    def test_every_way_to_show_one(self, shared: Listening) -> None:
        basic = base64.b64encode(f"{KEY}:".encode()).decode()
        for name, value in (
            ("X-Api-Key", KEY),
            ("Authorization", f"Bearer {KEY}"),
            ("Authorization", f"Basic {basic}"),
        ):
            assert shared.client.post("/v1/events", json=[], headers={name: value}).status_code == 200

    @pytest.mark.parametrize("key", ["", "yk_k1_wrong", "yk_k2_" + SECRET, "k1_" + SECRET, "yk", "x" * 5_000])
    def test_none_or_a_wrong_one(self, shared: Listening, key: str) -> None:
        assert shared.post([raw("no")], key=key).status_code == 401

    def test_malformed_basic(self, shared: Listening) -> None:
        answer = shared.client.post("/v1/events", json=[], headers={"Authorization": "Basic ä".encode("latin-1")})
        assert answer.status_code == 401

    def test_the_feed_is_the_keys(self, own: Listening) -> None:
        own.wire.tell_basis(basis(api_key(), api_key("k2", "other", feed="shop"), version=2))
        own.post([raw("a")])
        own.post([raw("b")], key="yk_k2_other")
        assert [(feed, events[0].id) for feed, _, events in own.blobs()] == [("web", "a"), ("shop", "b")]

    def test_a_former_secret_for_a_while(self, own: Listening) -> None:
        digest = api_key(secret="former").digest
        ahead = int(time.time() * 1_000) + 3_600_000
        own.wire.tell_basis(basis(api_key(former_digest=digest, former_until=ahead), version=2))
        assert own.post([], key="yk_k1_former").status_code == 200
        own.wire.tell_basis(basis(api_key(former_digest=digest, former_until=ahead - 7_200_000), version=3))
        refused(own.post([], key="yk_k1_former"), 401, "intake.key_unknown")

    def test_a_revoked_key_is_gone_at_once(self, own: Listening) -> None:
        assert own.post([]).status_code == 200
        own.wire.tell_basis(basis(api_key("k9", "z"), version=2))
        refused(own.post([]), 401, "intake.key_unknown")

    def test_its_rate(self, own: Listening) -> None:
        own.wire.tell_basis(basis(api_key(rate_events_per_s=10), version=2))
        assert own.post([raw(f"r{n}") for n in range(15)]).status_code == 200
        answer = own.post([raw(f"s{n}") for n in range(15)])
        refused(answer, 429, "intake.rate")
        assert 1 <= int(answer.headers["retry-after"]) <= 2
        assert len(own.kept()) == 15


class TestBrowsers:
    """Pages of the origins that a key names may use it."""

    @pytest.fixture
    def shop(self, own: Listening) -> Listening:
        own.wire.tell_basis(basis(api_key(origins=("https://shop.example",)), api_key("k2", "s"), version=2))
        return own

    def test_preflight(self, shop: Listening) -> None:
        asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
        answer = shop.client.options("/v1/events", headers=asked)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert "authorization" in answer.headers["access-control-allow-headers"]

    def test_preflight_of_others_allows_nothing(self, shop: Listening) -> None:
        answer = shop.client.options("/v1/events", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in answer.headers

    def test_calls(self, shop: Listening) -> None:
        answer = shop.post([raw()], Origin="https://shop.example")
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        refused(shop.post([raw()], Origin="https://evil.example"), 403, "intake.origin")
        refused(shop.post([raw()], key="yk_k2_s", Origin="https://shop.example"), 403, "intake.origin")

    def test_errors_can_be_read_too(self, shop: Listening) -> None:
        answer = shop.post(b"[", Origin="https://shop.example")
        assert answer.status_code == 422
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"

    def test_without_a_key_for_browsers_nobody(self, shared: Listening) -> None:
        refused(shared.post([raw()], Origin="https://shop.example"), 403, "intake.origin")


class TestSlowClients:
    """They are let go in time, and hold nobody up meanwhile."""

    def test_half_requests_and_idle_connections_hold_nobody_up(self, shared: Listening) -> None:
        open_ones = [shared.connection() for _ in range(300)]
        try:
            for place, connection in enumerate(open_ones):
                if place % 3 == 1:
                    connection.sendall(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Ap")
                elif place % 3 == 2:
                    connection.sendall(head(Content_Length=1_000) + b"[{")
            for n in range(20):
                assert shared.post([raw(f"beside{n}")]).status_code == 200
        finally:
            for connection in open_ones:
                connection.close()

    @pytest.mark.parametrize("size", [1_000, 1_000_000])
    def test_a_body_that_stalls_is_let_go(self, shared: Listening, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
        monkeypatch.setattr(bodies, "STALL_S_MAX", 0.3)
        with shared.connection() as connection:
            connection.sendall(head(Content_Length=size) + b"[")
            assert status_of(connection) == 408

    def test_a_client_that_goes_away_leaves_nothing(self, own: Listening) -> None:
        for size in (1_000, 1_000_000):
            with own.connection() as connection:
                connection.sendall(head(Content_Length=size) + b"[{")
        assert own.post([raw("after")]).status_code == 200
        deadline = time.monotonic() + 15
        while own.intake._listener._under_way and time.monotonic() < deadline:
            time.sleep(0.02)
        assert own.intake._listener._under_way == 0
        assert own.intake._listener._bodies.held_bytes == 0


class TestPressure:
    """Refused with a time to come back, and taken again by itself."""

    def test_lag(self, tmp_path: Path) -> None:
        at = Listening(tmp_path / "pool", waiting_events_max=1_000)
        try:
            assert at.post([raw(f"e{n}") for n in range(1_000)]).status_code == 200
            answer = at.post([raw("more")])
            refused(answer, 429, "intake.lag")
            assert int(answer.headers["retry-after"]) >= 1
            assert at.client.get("/healthz").json()["status"] == "refusing"
            at.wire.tell_processed({"live": 1})
            assert at.post([raw("more")]).status_code == 200
            assert at.wire.counters().waiting_events == 1
        finally:
            at.close()

    def test_bodies_that_wait_for_a_slow_disk_are_bounded(
        self, own: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        large = [raw(f"large{n}") for n in range(1_000)]
        monkeypatch.setattr(bodies, "MEMORY_BYTES_MAX", len(json.dumps(large)) * 3 // 2)
        begun, held, answers = threading.Event(), threading.Event(), []
        blocked = threading.Thread(target=lambda: own.intake._writer.call(lambda: (begun.set(), held.wait())))
        waiting = threading.Thread(target=lambda: answers.append(own.post(large)))
        blocked.start()
        begun.wait()
        waiting.start()
        try:
            wait_for(lambda: bool(own.intake._writer._tickets), "one waits")
            for content in (json.dumps(large).encode(), gzip.compress(json.dumps(large).encode())):
                encoding = "gzip" if content[:1] == b"\x1f" else "identity"
                refused(httpx.post(f"{own.url}/v1/events", content=content, headers={
                    "X-Api-Key": KEY, "Content-Encoding": encoding,
                }), 429, "intake.busy")  # fmt: skip
        finally:
            held.set()
            blocked.join()
            waiting.join()
        assert answers[0].status_code == 200
        assert own.post(large).status_code == 200
        assert own.intake._listener._bodies.held_bytes == 0

    def test_what_waits_is_known_after_a_restart(self, tmp_path: Path) -> None:
        at = Listening(tmp_path / "pool")
        at.post([raw("a"), raw("b")])
        at.post([raw("c")])
        at.close()
        at = Listening(tmp_path / "pool", told=b"")
        try:
            assert at.wire.counters().waiting_events == 3
            at.wire.tell_processed({"live": 1, "bulk": 0})
            assert at.wire.counters().waiting_events == 1
        finally:
            at.close()

    def test_a_reserve_of_the_disk_is_left(self, tmp_path: Path) -> None:
        at = Listening(tmp_path / "pool", disk_reserve_mb=1_000_000)
        try:
            refused(at.post([raw()]), 507, "intake.disk_reserve")
            assert not at.kept()
        finally:
            at.close()

    def test_a_full_disk_keeps_nothing_by_halves_and_recovers_by_itself(self, tmp_path: Path) -> None:
        """A limit of the system on the size of files stands for the disk: writes beyond it fail as they would."""
        pool, port = tmp_path / "pool", free_port()
        Folder(pool).make()
        process = subprocess.Popen(
            [sys.executable, "-m", PROCESSES["intake"], str(pool)], stdin=subprocess.PIPE,
            env=environment(pool, intake_port=port, disk_reserve_mb=0),
        )  # fmt: skip
        try:
            wait_for(Folder(pool).intake_socket.exists, "intake is up")
            wire = Telling(Folder(pool).intake_socket)
            wire.tell_basis(basis())
            url, shown = f"http://127.0.0.1:{port}/v1/events", {"X-Api-Key": KEY}
            assert httpx.post(url, json=[raw("before")], headers=shown).status_code == 200
            largest = max(path.stat().st_size for path in pool.glob("inbox.db*"))
            unlimited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest + 65_536, unlimited[1]))
            pad = {"page": "x" * 8_000}
            answers = [
                httpx.post(url, json=[raw(f"f{n}-{k}", properties=pad) for k in range(40)], headers=shown)
                for n in range(6)
            ]
            refused(answers[-1], 507, "storage.disk_full")
            assert int(answers[-1].headers["retry-after"]) >= 1
            kept = 1 + 40 * sum(one.status_code == 200 for one in answers)
            assert wire.counters().waiting_events == kept
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
            assert httpx.post(url, json=[raw("after")], headers=shown).status_code == 200
            assert wire.counters().waiting_events == kept + 1
            wire.close()
        finally:
            process.terminate()
            assert process.wait(30) == 0


class TestBasis:
    """What it judges by: told by the engine, kept for a restart."""

    def test_before_it_was_ever_told(self, tmp_path: Path) -> None:
        at = Listening(tmp_path / "pool", told=b"")
        try:
            answer = at.post([raw()])
            refused(answer, 503, "intake.no_basis")
            assert int(answer.headers["retry-after"]) >= 1
        finally:
            at.close()

    def test_kept_for_a_restart(self, tmp_path: Path) -> None:
        at = Listening(tmp_path / "pool")
        at.close()
        copy = at.folder.keys / "intake.basis"
        assert copy.stat().st_mode & 0o777 == 0o600
        at = Listening(tmp_path / "pool", told=b"")
        try:
            assert at.post([raw()]).status_code == 200
            assert at.wire.counters().basis_version == 1
        finally:
            at.close()

    def test_a_damaged_copy_waits_for_the_engine(self, tmp_path: Path) -> None:
        at = Listening(tmp_path / "pool")
        at.close()
        (at.folder.keys / "intake.basis").write_bytes(b"\x93junk")
        at = Listening(tmp_path / "pool", told=b"")
        try:
            assert at.post([raw()]).status_code == 503
            at.wire.tell_basis(basis(version=2))
            assert at.post([raw()]).status_code == 200
        finally:
            at.close()

    def test_strictness_is_of_the_basis(self, own: Listening) -> None:
        unknown = [raw("u", type="never_heard_of")]
        assert own.post(unknown).status_code == 200
        own.wire.tell_basis(basis(version=2, strict=True))
        assert own.post(unknown).json()["problems"][0]["code"] == "event.unknown_type"


class TestWatching:
    """What it tells of itself."""

    def test_counters(self, own: Listening) -> None:
        own.post([raw("a"), raw("a"), raw("bad", at=-5)])
        own.client.get("/somewhere/else")
        own.client.get("/somewhere/other")
        seen = own.wire.counters()
        assert (seen.accepted, seen.duplicates, seen.commits) == (2, 1, 1)
        assert seen.rejected == {"event.too_early": 1}
        assert seen.requests == {"POST /v1/events 200": 1, "GET other 404": 2}
        assert seen.bytes_received > 100
        assert seen.commit_ms_p99 >= seen.commit_ms_p50 > 0

    def test_refusals_can_be_followed(self, own: Listening) -> None:
        own.post([raw("a", at=-5), raw("b"), raw("c", properties={"seconds": "many"})])
        first = own.wire.refusals(0)
        assert [(one.feed, one.type, one.code, one.path) for one in first] == [
            ("web", "page_viewed", "event.too_early", "at"),
            ("web", "page_viewed", "value.type", "properties.seconds"),
        ]
        own.post([raw("d", at="x")])
        assert [one.path for one in own.wire.refusals(first[-1].number)] == ["at"]


def test_stopping_answers_what_was_read_and_refuses_what_comes(tmp_path: Path) -> None:
    at = Listening(tmp_path / "pool")
    held = threading.Event()
    blocked = threading.Thread(target=lambda: at.intake._writer.call(held.wait))
    blocked.start()
    answers: list[int] = []
    sending = threading.Thread(target=lambda: answers.append(at.post([raw("last")]).status_code))
    sending.start()
    while not at.intake._writer._tickets:
        time.sleep(0.01)
    closing = threading.Thread(target=at.intake.close)
    closing.start()
    while not at.intake._listener._closing:
        time.sleep(0.01)
    answer = httpx.post(f"{at.url}/v1/events", json=[raw("late")], headers={"X-Api-Key": KEY})
    refused(answer, 503, "service.stopping")
    assert answer.headers["connection"] == "close"
    held.set()
    for thread in (sending, closing, blocked):
        thread.join(30)
    at.client.close()
    assert answers == [200]
    assert [event.id for event in at.kept()] == ["last"]
    with pytest.raises(httpx.ConnectError):
        httpx.post(f"{at.url}/v1/events", json=[], headers={"X-Api-Key": KEY})
