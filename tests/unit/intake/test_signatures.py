"""Signature schemes of webhooks: published examples, what was tampered with, what can't be written."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from yutang.domains.intake.rules.signatures import (
    Delivery,
    check_signature,
    is_ping,
    read_scheme,
    secret_problem,
)
from yutang.kernel.errors import InvalidError, UnauthorizedError

NOW_S = 1_700_000_000
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
# What senders' own documents give as examples: scheme, secret, headers, body, the second it was signed.
PUBLISHED = {
    "standard webhooks": (
        "standard",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        b'{"test": 2432232314}',
        1_614_265_330,
    ),
    "github": (
        "hmac header=X-Hub-Signature-256 prefix=sha256=",
        "It's a Secret to Everybody",
        {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
        b"Hello, World!",
        NOW_S,
    ),
    "slack": (
        "hmac header=X-Slack-Signature prefix=v0= timestamp=X-Slack-Request-Timestamp signed=v0:{timestamp}:{body}",
        "8f742231b10e8888abcd99yyyzzz85a5",
        {
            "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
            "x-slack-request-timestamp": "1531420618",
        },
        SLACK_BODY,
        1_531_420_618,
    ),
}
BODY = '{"id": 1, "name": "李"}'.encode()


def _base64(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


# Written here a second time, from the senders' documents: name → scheme, headers that are right for BODY.
MADE = {
    "shopify": ("shopify", {"x-shopify-hmac-sha256": _base64("s3cret", BODY)}),
    "woocommerce": ("woocommerce", {"x-wc-webhook-signature": _base64("s3cret", BODY)}),
    "youzan": ("youzan client_id=cc939cb8", {"event-sign": hashlib.md5(b"cc939cb8" + BODY + b"s3cret").hexdigest()}),
    "token in a header": ("token header=X-Gitlab-Token", {"x-gitlab-token": "s3cret"}),
    "hmac, base64, sha512": (
        "hmac header=X-Sign algorithm=sha512 encoding=base64",
        {"x-sign": base64.b64encode(hmac.new(b"s3cret", BODY, hashlib.sha512).digest()).decode()},
    ),
}


def _check(scheme: str, secret: str, headers: dict[str, str], body: bytes, now_s: int = NOW_S, **query: str) -> None:
    check_signature(read_scheme(scheme), secret, Delivery(headers, query, body, now_s))


def _refusal(*arguments: object, **query: str) -> str:
    with pytest.raises(UnauthorizedError) as refused:
        _check(*arguments, **query)  # type: ignore[arg-type]
    assert refused.value.remedy
    return refused.value.code


class TestSchemes:
    @pytest.mark.parametrize("name", PUBLISHED)
    def test_a_published_example_is_right(self, name: str) -> None:
        _check(*PUBLISHED[name])

    @pytest.mark.parametrize("name", PUBLISHED)
    def test_one_byte_more_is_wrong(self, name: str) -> None:
        scheme, secret, headers, body, now_s = PUBLISHED[name]
        assert _refusal(scheme, secret, headers, body + b" ", now_s) == "hook.signature_wrong"

    @pytest.mark.parametrize("name", MADE)
    def test_the_right_secret_opens(self, name: str) -> None:
        scheme, headers = MADE[name]
        _check(scheme, "s3cret", headers, BODY)
        _check(scheme, "an older one\ns3cret\n", headers, BODY)  # while it is changed, either is taken

    @pytest.mark.parametrize("name", MADE)
    def test_another_secret_or_none_doesnt(self, name: str) -> None:
        scheme, headers = MADE[name]
        assert _refusal(scheme, "s3cret2", headers, BODY) == "hook.signature_wrong"
        assert _refusal(scheme, "s3cret", {}, BODY) == "hook.signature_missing"
        assert _refusal(scheme, "s3cret", dict.fromkeys(headers, "é\x80"), BODY) == "hook.signature_wrong"
        assert _refusal(scheme, "", headers, BODY) == "hook.no_secret"

    @pytest.mark.parametrize("name", [name for name in MADE if "token" not in name])
    def test_another_body_is_wrong(self, name: str) -> None:
        scheme, headers = MADE[name]
        assert _refusal(scheme, "s3cret", headers, BODY.replace(b"1", b"2")) == "hook.signature_wrong"

    def test_bytes_of_the_body_cant_be_moved_into_the_client_id(self) -> None:
        """The digest is over one text; only a client id that is fixed keeps its parts apart."""
        headers = MADE["youzan"][1]
        moved = {**headers, "client-id": 'cc939cb8{"id'}
        assert _refusal("youzan client_id=cc939cb8", "s3cret", moved, BODY[4:]) == "hook.signature_wrong"

    def test_a_token_in_the_query(self) -> None:
        _check("token query=token", "s3cret", {}, BODY, token="s3cret")
        assert _refusal("token query=token", "s3cret", {}, BODY, token="s3cre") == "hook.signature_wrong"
        assert _refusal("token query=token", "s3cret", {"token": "s3cret"}, BODY) == "hook.signature_missing"

    @pytest.mark.parametrize("name", ["standard webhooks", "slack"])
    def test_what_was_signed_long_ago_is_refused(self, name: str) -> None:
        scheme, secret, headers, body, now_s = PUBLISHED[name]
        _check(scheme, secret, headers, body, now_s + 300)
        assert _refusal(scheme, secret, headers, body, now_s + 301) == "hook.signature_old"
        assert _refusal(scheme, secret, headers, body, now_s - 301) == "hook.signature_old"
        _check(f"{scheme} tolerance_s=900", secret, headers, body, now_s + 900)

    def test_a_time_that_isnt_one_is_missing(self) -> None:
        scheme, secret, headers, body, now_s = PUBLISHED["standard webhooks"]
        for time in ("", "now", "١٦١٤٢٦٥٣٣٠", "1614265330.5"):
            code = _refusal(scheme, secret, {**headers, "webhook-timestamp": time}, body, now_s)
            assert code == "hook.signature_missing"

    def test_one_of_several_signatures_is_enough(self) -> None:
        scheme, secret, headers, body, now_s = PUBLISHED["standard webhooks"]
        several = f"v1a,rubbish v1,{'A' * 43}= {headers['webhook-signature']}"
        _check(scheme, secret, {**headers, "webhook-signature": several}, body, now_s)

    def test_anyone_may_come_where_nobody_is_checked(self) -> None:
        _check("none", "", {}, b"")


class TestPing:
    def test_woocommerce_asks_unsigned_when_a_webhook_is_saved(self) -> None:
        scheme = read_scheme("woocommerce")
        assert is_ping(scheme, Delivery({}, {}, b"webhook_id=42", NOW_S))
        assert not is_ping(scheme, Delivery({}, {}, b"webhook_id=42&order=1", NOW_S))
        assert not is_ping(scheme, Delivery({"x-wc-webhook-signature": "x"}, {}, b"webhook_id=42", NOW_S))
        assert not is_ping(read_scheme("shopify"), Delivery({}, {}, b"webhook_id=42", NOW_S))


class TestWriting:
    @pytest.mark.parametrize(
        "text",
        [
            "", "shopfy", "shopify header=x", "youzan", "youzan client_id=", "hmac", "hmac header=", "hmac header=a:b",
            "hmac header=X algorithm=md5", "hmac header=X encoding=base32", "hmac header=X signed=body",
            "hmac header=X signed={timestamp}{body}", "hmac header=X timestamp=T signed={body}", "token",
            "token header=X query=y", "standard tolerance_s=0", "standard tolerance_s=9999999", "hmac header",
        ],
    )  # fmt: skip
    def test_what_cant_be_a_scheme_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidError) as refused:
            read_scheme(text)
        assert (refused.value.code, refused.value.where) == ("hook.scheme", "scheme")
        assert refused.value.remedy

    def test_secrets(self) -> None:
        assert secret_problem(read_scheme("shopify"), "")
        assert secret_problem(read_scheme("shopify"), "\n".join("abcde"))
        assert secret_problem(read_scheme("standard"), "not base64!")
        assert secret_problem(read_scheme("none"), "s3cret")
        assert not secret_problem(read_scheme("standard"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        assert not secret_problem(read_scheme("shopify"), "one\ntwo")
        assert not secret_problem(read_scheme("none"), "")
