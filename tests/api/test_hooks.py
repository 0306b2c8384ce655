"""Webhooks: through the intake's door, and from the command line while no service runs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.support import hook_world
from tests.support.hook_world import shopify_order, woocommerce_order, youzan_message
from tests.support.intake_world import NOW_MS
from tests.support.pools import Scratch
from tests.support.receiving import Listening

from yutang.app import application
from yutang.cli.main import run
from yutang.domains.customers import api as customers
from yutang.domains.intake.api.basis import basis_now
from yutang.domains.intake.api.delivering import EXAMPLES, example_mapping
from yutang.domains.intake.api.desk import IntakeDesk
from yutang.domains.intake.api.hooks import receive_delivery
from yutang.domains.intake.contracts import Hook
from yutang.kernel.clock import SystemClock
from yutang.runtime.receiving import Counters, Keep, Request

SECRET = "hush"
PLAIN = """
identities: {member_no: buyer}
ignore: [{kind: ping}]
events:
  - {type: order_paid, when: {kind: paid}, id: "o-{id}", at: at, properties: {order_id: id, amount: total}}
"""
ORDER = {"kind": "paid", "id": 7, "at": "2026-02-01T10:00:00Z", "buyer": "M1", "total": "9.90"}


def signed(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def _hook(name: str, scheme: str, mapping: str, secret: str = SECRET) -> Hook:
    return Hook(name, name, scheme, mapping, secret, 1)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Listening]:
    """A listener with a hook of every sender; its pool counts in CNY."""
    told = hook_world.basis(
        _hook("plain", "none", PLAIN, ""),
        _hook("shopify", "shopify", example_mapping("shopify")),
        _hook("woo", "woocommerce", example_mapping("woocommerce")),
        _hook("youzan", "youzan client_id=c1", example_mapping("youzan")),
        _hook("careless", "shopify", PLAIN, ""),
        currency="CNY",
    )
    at = Listening(tmp_path / "pool", told=msgspec.msgpack.encode(told))
    yield at
    at.close()


def post(door: Listening, name: str, content: Any, **headers: str) -> httpx.Response:
    return door.post(content, f"/v1/hooks/{name}", key="", **headers)


def kept(door: Listening, name: str) -> list[tuple[str, str]]:
    """Code and message of what a hook has kept."""
    return [(one.code, one.message) for one in door.wire.payloads.page(name, 0, 500).payloads]


class TestDoor:
    def test_a_shopify_order_is_kept_before_it_is_acknowledged(self, door: Listening) -> None:
        body = json.dumps(shopify_order(currency="CNY")).encode()
        answer = post(
            door, "shopify", body, X_Shopify_Hmac_Sha256=signed(body), X_Shopify_Topic="orders/paid",
            Content_Type="application/json",
        )  # fmt: skip
        assert (answer.status_code, answer.json()["accepted"]) == (200, 3)
        (blob,) = door.blobs()
        assert (blob[0], [event.type for event in blob[2]]) == (
            "shopify", ["order_paid", "item_purchased", "item_purchased"],
        )  # fmt: skip
        assert blob[2][0].properties["amount"] == 57_700

    def test_a_repeated_delivery_is_the_same_events(self, door: Listening) -> None:
        for duplicates in (0, 1):
            answer = post(door, "plain", ORDER)
            assert (answer.status_code, answer.json()["duplicates"]) == (200, duplicates)
        assert [event.id for event in door.kept()] == ["o-7", "o-7"]

    def test_what_wasnt_kept_is_no_delivery_that_others_repeat(self, tmp_path: Path) -> None:
        """On a full disk the answer is never asked for; the same delivery sent again has no duplicates then."""
        desk = IntakeDesk(tmp_path, SystemClock(), Counters())
        desk.learn(msgspec.msgpack.encode(hook_world.basis(_hook("plain", "none", PLAIN, ""))))
        request = Request("POST", "/v1/hooks/plain", {"name": "plain"}, "", {}, json.dumps(ORDER).encode(), NOW_MS)
        lost, kept_now = (receive_delivery(desk, request, SystemClock()) for _ in range(2))
        assert isinstance(lost, Keep)
        assert isinstance(kept_now, Keep)
        assert json.loads(kept_now.answer().body)["duplicates"] == 0

    def test_nothing_is_kept_of_what_isnt_signed_right(self, door: Listening) -> None:
        body = json.dumps(shopify_order(currency="CNY")).encode()
        for signature in ("", signed(body, "other"), signed(body + b" "), "é".encode()):
            shown: dict[str, Any] = {"X_Shopify_Hmac_Sha256": signature} if signature else {}
            answer = post(door, "shopify", body, **shown)
            assert answer.status_code == 401
        assert (door.kept(), kept(door, "shopify")) == ([], [])
        assert door.wire.counters().rejected == {"hook.signature_wrong": 2, "hook.signature_missing": 2}

    def test_a_hook_that_lost_its_secret_lets_nobody_in(self, door: Listening) -> None:
        answer = post(door, "careless", ORDER, X_Shopify_Hmac_Sha256=signed(json.dumps(ORDER).encode(), ""))
        assert (answer.status_code, answer.json()["code"]) == (401, "hook.no_secret")

    def test_there_is_no_such_hook(self, door: Listening) -> None:
        answer = post(door, "nobody", ORDER)
        assert (answer.status_code, answer.json()["code"]) == (404, "hook.absent")

    def test_woocommerce_is_told_that_somebody_is_there(self, door: Listening) -> None:
        form = "application/x-www-form-urlencoded"
        assert post(door, "woo", b"webhook_id=12", Content_Type=form).status_code == 200
        assert post(door, "woo", b"webhook_id=12&x=1", Content_Type=form).status_code == 401
        body = json.dumps(woocommerce_order(currency="CNY")).encode()
        answer = post(door, "woo", body, X_WC_Webhook_Signature=signed(body), X_WC_Webhook_Topic="order.updated")
        assert (answer.status_code, answer.json()["accepted"]) == (200, 3)

    def test_youzan_hears_success_whatever_came_of_it(self, door: Listening) -> None:
        """It tries again, and in the end sends nothing at all, unless the answer says so."""
        for message, accepted in ((youzan_message(), 3), (youzan_message("POINTS"), 0)):
            body = json.dumps(message, ensure_ascii=False).encode()
            sign = hashlib.md5(b"c1" + body + SECRET.encode()).hexdigest()
            answer = post(door, "youzan", body, Event_Sign=sign.upper(), Event_Type=message["type"])
            assert (answer.status_code, answer.json()["accepted"]) == (200, accepted)
            assert (answer.json()["code"], answer.json()["msg"]) == (0, "success")
        assert [code for code, _ in kept(door, "youzan")] == ["payload.no_match"]

    def test_what_doesnt_map_is_kept_as_it_came_and_not_asked_for_again(self, door: Listening) -> None:
        body = b'{"kind": "shipped",  "id": 7}'
        answer = post(door, "plain", body, X_Topic="t", Authorization="Bearer secret", X_Api_Key="yk_k1_secret")
        assert (answer.status_code, answer.json()["rejected"]) == (202, 1)
        (one,) = door.wire.payloads.page("plain", 0, 10).payloads
        found = door.wire.payloads.show(one.id)
        assert (found.body, found.headers["x-topic"]) == (body, "t")
        assert not {"authorization", "x-api-key"} & set(found.headers)
        assert door.wire.counters().payloads_kept == 1

    def test_the_good_part_of_a_body_is_taken_and_the_body_kept(self, door: Listening) -> None:
        answer = post(door, "plain", [ORDER, {**ORDER, "id": 8, "total": "1.234"}, {"kind": "ping"}])
        assert (answer.status_code, answer.json()["accepted"], answer.json()["ignored"]) == (202, 1, 1)
        assert [event.id for event in door.kept()] == ["o-7"]
        ((code, message),) = kept(door, "plain")
        assert code == "money.too_precise"
        assert message.startswith("events[0] properties.amount: ")
        assert message.endswith("1 events of it were taken")

    def test_what_may_go_leaves_nothing_behind(self, door: Listening) -> None:
        assert post(door, "plain", {"kind": "ping"}).status_code == 200
        assert (door.kept(), kept(door, "plain")) == ([], [])

    @pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 200_000, b"null", b"<a/>", b'{"a":"\\ud800"}'])
    def test_rubbish_is_no_servers_fault(self, door: Listening, body: bytes) -> None:
        assert post(door, "plain", body).status_code == 202
        assert len(kept(door, "plain")) == 1


# ── without a service ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    Scratch(tmp_path / "pool").close()
    (tmp_path / "plain.yaml").write_text(PLAIN)
    (tmp_path / "secret.txt").write_text(f"{SECRET}\n")
    return tmp_path / "pool"


@pytest.fixture
def yutang(pool: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def call(*arguments: object, status: int = 0) -> str:
        line = ["--data", str(pool), "--as", "mei", "--language", "en", *map(str, arguments)]
        assert run(application(), line) == status
        found = capsys.readouterr()
        return found.out if status == 0 else found.err

    return call


def _deliver(pool: Path, name: str, *bodies: object) -> list[int]:
    """What a listener with the pool's own hooks answers; it is gone again afterwards."""
    scratch = Scratch(pool)
    told = msgspec.msgpack.encode(basis_now(scratch.desk()))
    scratch.close()
    at = Listening(pool, told=told)
    try:
        return [at.post(body, f"/v1/hooks/{name}", key="").status_code for body in bodies]
    finally:
        at.close()


class TestCommands:
    def test_set_list_show_remove(self, yutang: Callable[..., str], pool: Path) -> None:
        home = pool.parent
        said = yutang(
            "hook", "set", "till", "--mapping", home / "plain.yaml", "--feed", "tills", "--scheme",
            "hmac  header=X-Sign", "--secret-file", home / "secret.txt",
        )  # fmt: skip
        assert "/v1/hooks/till" in said
        (listed,) = json.loads(yutang("hook", "list", "--json"))
        assert (listed["scheme"], listed["feed"], listed["has_secret"]) == ("hmac header=X-Sign", "tills", True)
        shown = json.loads(yutang("hook", "show", "till", "--json"))
        assert (shown["mapping"], shown["changed_by"]) == (PLAIN, "mei")
        assert SECRET not in yutang("hook", "show", "till")
        yutang("hook", "remove", "till")
        assert json.loads(yutang("hook", "list", "--json")) == []
        assert "hook.absent" in yutang("hook", "show", "till", status=3)

    def test_the_secret_lies_in_a_file_of_its_own(
        self, yutang: Callable[..., str], pool: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TILL_SECRET", SECRET)
        mapping = pool.parent / "plain.yaml"
        yutang("hook", "set", "till", "--mapping", mapping, "--feed", "f", "--scheme", "shopify", "--secret-env",
               "TILL_SECRET")  # fmt: skip
        file = pool / "keys" / "hook-till.secret"
        assert (file.read_text(), file.stat().st_mode & 0o777) == (SECRET, 0o600)
        assert all(SECRET.encode() not in one.read_bytes() for one in pool.glob("yutang.db*"))
        yutang("hook", "set", "till", "--mapping", mapping, "--feed", "g", "--scheme", "woocommerce")  # keeps it
        assert file.read_text() == SECRET
        yutang("hook", "set", "till", "--mapping", mapping, "--feed", "g")
        assert not file.exists()

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"name": "Till"}, "hook.name"),
            ({"name": "a/b"}, "hook.name"),
            ({"--scheme": "shopfy"}, "hook.scheme"),
            ({"--scheme": "shopify"}, "hook.secret"),
            ({"--feed": ""}, "hook.feed"),
            ({"--feed": "\x07"}, "name."),
            ({"--secret-env": "NOT_THERE"}, "hook.secret_absent"),
            ({"--mapping": "absent.yaml"}, "file.unreadable"),
            ({"text": PLAIN + "nonsense: 1"}, "document.unknown_key"),
            ({"text": PLAIN + "feed: another"}, "hook.feed"),
            ({"text": PLAIN.replace("member_no", "'phone:home'")}, "identity."),
            ({"text": PLAIN.replace("at: at", "at: {value: soon}")}, "instant."),
        ],
    )
    def test_what_doesnt_fit_is_refused_before_anything_changes(
        self, yutang: Callable[..., str], pool: Path, changes: dict[str, str], code: str
    ) -> None:
        mapping = pool.parent / "plain.yaml"
        if "text" in changes:
            mapping.write_text(changes["text"])
        options = {"--mapping": str(mapping), "--feed": "f", **{k: v for k, v in changes.items() if k[0] == "-"}}
        flat = [word for pair in options.items() for word in pair]
        assert f"[{code}" in yutang("hook", "set", changes.get("name", "till"), *flat, status=2)
        assert json.loads(yutang("hook", "list", "--json")) == []

    def test_try_shows_what_would_come(self, yutang: Callable[..., str], pool: Path, tmp_path: Path) -> None:
        body, mapping = tmp_path / "body.json", tmp_path / "shopify.yaml"
        body.write_text(json.dumps(shopify_order(currency="CNY")))
        mapping.write_text(yutang("hook", "example", "shopify"))
        arguments = ("hook", "try", "shop", body, "--mapping", mapping, "--header", "X-Shopify-Topic: orders/paid")
        trial = json.loads(yutang(*arguments, "--json"))
        assert (trial["made"], trial["problems"]) == (3, [])
        assert trial["events"][0]["properties"]["amount"] == "577.00 CNY"
        assert "3 events" in (shown := yutang(*arguments))
        assert "2017-12-31T16:05:00Z  order_paid" in shown
        assert "payload.no_match" in yutang("hook", "try", "shop", body, "--mapping", mapping)
        assert "hook.absent" in yutang("hook", "try", "shop", body, status=3)

    @pytest.mark.parametrize("name", EXAMPLES)
    def test_examples_can_be_set_as_they_are(self, yutang: Callable[..., str], pool: Path, name: str) -> None:
        mapping = pool.parent / "example.yaml"
        mapping.write_text(yutang("hook", "example", name))
        yutang("hook", "set", name, "--mapping", mapping, "--feed", name)


class TestReplay:
    def test_what_maps_after_mending_counts_once(self, yutang: Callable[..., str], pool: Path) -> None:
        mapping = pool.parent / "plain.yaml"
        yutang("hook", "set", "till", "--mapping", mapping, "--feed", "tills")
        late = {**ORDER, "kind": "settled", "id": 8, "total": "20.00"}
        assert _deliver(pool, "till", ORDER, late, [ORDER, {**late, "id": 9}], {"kind": "odd"}) == [200, 202, 202, 202]
        found = json.loads(yutang("hook", "payloads", "till", "--json"))
        assert [one["code"] for one in found["payloads"]] == ["payload.no_match"] * 3
        first = found["payloads"][0]["id"]
        assert json.loads(yutang("hook", "payload", "till", first)) == late
        assert json.loads(yutang("hook", "replay", "till", "--json"))["replayed"] == 0

        mapping.write_text(PLAIN.replace("kind: paid", "kind: {one_of: [paid, settled]}"))
        yutang("hook", "set", "till", "--mapping", mapping, "--feed", "tills")
        assert json.loads(yutang("hook", "replay", "till", first, "--json")) == {
            "replayed": 1, "left": 0, "events": 1, "told": [],
        }  # fmt: skip
        assert "hook.payload_absent" in yutang("hook", "replay", "till", first, status=3)
        report = json.loads(yutang("hook", "replay", "till", "--json"))
        assert (report["replayed"], report["left"], report["events"]) == (1, 1, 2)
        assert [one["code"] for one in report["told"]] == ["payload.no_match"]

        scratch = Scratch(pool)
        page = customers.timeline(scratch.desk(), "member_no:M1", types=["order_paid"])
        scratch.close()
        assert sorted(one.id for one in page.events) == ["o-7", "o-8", "o-9"]

    def test_what_nobody_wants_is_dropped(self, yutang: Callable[..., str], pool: Path) -> None:
        yutang("hook", "set", "till", "--mapping", pool.parent / "plain.yaml", "--feed", "tills")
        assert _deliver(pool, "till", {"a": 1}, {"b": 2}) == [202, 202]
        assert "payload.no_match" in yutang("hook", "payloads", "till")
        assert json.loads(yutang("hook", "drop", "till", "--json")) == {"count": 2}
        assert json.loads(yutang("hook", "payloads", "till", "--json"))["payloads"] == []
