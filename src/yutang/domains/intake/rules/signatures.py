"""How senders of webhooks prove who they are: schemes as data, checked against the body's raw bytes.

A scheme is written as a name and options, `hmac header=X-Hub-Signature-256 prefix=sha256=`. Sources: the documents of
Shopify, WooCommerce and Youzan (Event-Sign: MD5 of client id, body and secret), and standardwebhooks.com.
Invariant: signatures are compared in constant time; a scheme that needs a secret lets nobody in without one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from yutang.conditions.lookups import suggestion
from yutang.kernel.errors import InvalidError, UnauthorizedError

TOLERANCE_S = 300  # between a signed timestamp and this machine's clock, unless the scheme says otherwise
TOLERANCE_S_MAX = 7 * 86_400
SECRETS_COUNT_MAX = 4  # of one hook, any of which is taken
SCHEME_CHARS_MAX = 1_000
_ALGORITHMS = ("sha1", "sha256", "sha384", "sha512")
_ENCODINGS = ("hex", "base64")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,100}")
_SECONDS = re.compile(r"[0-9]{1,12}")
_PING = re.compile(rb"webhook_id=[0-9]{1,20}")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a sender sent, as far as signatures go. headers: names in lower case. now_s: machine time."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    now_s: int


@dataclass(frozen=True, slots=True)
class Scheme:
    """A scheme as it was written. options: with their defaults."""

    name: str
    options: Mapping[str, str]

    @property
    def needs_secret(self) -> bool:
        """Whether it can't be checked without one."""
        return self.name != "none"


@dataclass(frozen=True, slots=True)
class _Kind:
    options: Mapping[str, str | None]  # name → default; None: must be given
    check: Callable[[Scheme, Sequence[bytes], Delivery], None]


def read_scheme(text: str) -> Scheme:
    """A scheme as people write it. Raises InvalidError: unknown, malformed, options that don't fit."""
    name, *words = text[:SCHEME_CHARS_MAX].split() or [""]
    kind = _KINDS.get(name)
    if kind is None:
        raise _unfit(f"there is no scheme {name[:60]!r}", suggestion(name[:60], _KINDS) or f"use {', '.join(_KINDS)}")
    given: dict[str, str] = {}
    for word in words:
        option, equals, value = word.partition("=")
        if not equals or option not in kind.options:
            known = ", ".join(kind.options) or "none"
            raise _unfit(f"{name} has no option {word[:60]!r}", f"write OPTION=VALUE; its options: {known}")
        given[option] = value
    missing = next((o for o, default in kind.options.items() if default is None and not given.get(o)), None)
    if missing is not None:
        raise _unfit(f"{name} needs {missing}", f"write {name} {missing}=…")
    scheme = Scheme(name, {option: given.get(option, default or "") for option, default in kind.options.items()})
    _judge_options(scheme)
    return scheme


def check_signature(scheme: Scheme, secret: str, delivery: Delivery) -> None:
    """Raise UnauthorizedError unless whoever knows the secret sent it. secret: one a line, any of which is taken."""
    secrets = [line.strip().encode() for line in secret.splitlines() if line.strip()][:SECRETS_COUNT_MAX]
    if scheme.needs_secret and not secrets:
        raise UnauthorizedError(
            "hook.no_secret", "the hook has no secret to check signatures by", remedy="`yutang hook set` it again"
        )
    _KINDS[scheme.name].check(scheme, secrets, delivery)


def is_ping(scheme: Scheme, delivery: Delivery) -> bool:
    """Whether it only asks if somebody is there: WooCommerce does so, unsigned, when a webhook is saved."""
    unsigned = "x-wc-webhook-signature" not in delivery.headers
    return scheme.name == "woocommerce" and unsigned and _PING.fullmatch(delivery.body.strip()) is not None


def secret_problem(scheme: Scheme, secret: str) -> str:
    """What is wrong with a secret, "" if nothing."""
    lines = [line.strip() for line in secret.splitlines() if line.strip()]
    if not scheme.needs_secret:
        return "the scheme `none` has no secret" if lines else ""
    if not 1 <= len(lines) <= SECRETS_COUNT_MAX:
        return f"a secret is 1 to {SECRETS_COUNT_MAX} lines, each a secret that is taken"
    if scheme.name == "standard" and not all(_standard_key(line.encode()) for line in lines):
        return "a secret of Standard Webhooks is base64, with or without whsec_ before it"
    return ""


def _judge_options(scheme: Scheme) -> None:
    options = scheme.options
    for option in ("header", "timestamp"):
        if options.get(option) and not _HEADER.fullmatch(options[option]):
            raise _unfit(f"{options[option][:60]!r} can't be a header", f"write {option}=X-Signature")
    if "algorithm" in options and options["algorithm"] not in _ALGORITHMS:
        raise _unfit(f"there is no algorithm {options['algorithm'][:60]!r}", f"use {', '.join(_ALGORITHMS)}")
    if "encoding" in options and options["encoding"] not in _ENCODINGS:
        raise _unfit(f"there is no encoding {options['encoding'][:60]!r}", f"use {', '.join(_ENCODINGS)}")
    if "tolerance_s" in options:
        tolerance = options["tolerance_s"]
        if not _SECONDS.fullmatch(tolerance) or not 1 <= int(tolerance) <= TOLERANCE_S_MAX:
            raise _unfit(f"{tolerance[:60]!r} isn't a tolerance", f"seconds, 1 to {TOLERANCE_S_MAX}")
    signed = options.get("signed", "")
    if signed and ("{body}" not in signed or ("{timestamp}" in signed) != bool(options["timestamp"])):
        raise _unfit("`signed` and `timestamp` don't fit", "write timestamp=HEADER signed={timestamp}.{body}")
    if scheme.name == "token" and bool(options["header"]) == bool(options["query"]):
        raise _unfit("a token comes in a header or in the query", "write header=NAME or query=NAME")


def _unfit(message: str, remedy: str) -> InvalidError:
    return InvalidError("hook.scheme", message, where="scheme", remedy=remedy)


# ── the schemes ─────────────────────────────────────────────────────────────────────────────────


def _check_none(_scheme: Scheme, _secrets: Sequence[bytes], _delivery: Delivery) -> None:
    return


def _check_token(scheme: Scheme, secrets: Sequence[bytes], delivery: Delivery) -> None:
    header, query = scheme.options["header"].lower(), scheme.options["query"]
    given = delivery.headers.get(header, "") if header else delivery.query.get(query, "")
    _same(given, header or query, [secret.decode() for secret in secrets])


def _check_shopify(_scheme: Scheme, secrets: Sequence[bytes], delivery: Delivery) -> None:
    _check_body(delivery, "x-shopify-hmac-sha256", secrets)


def _check_woocommerce(_scheme: Scheme, secrets: Sequence[bytes], delivery: Delivery) -> None:
    _check_body(delivery, "x-wc-webhook-signature", secrets)


def _check_body(delivery: Delivery, header: str, secrets: Sequence[bytes]) -> None:
    right = [base64.b64encode(hmac.digest(secret, delivery.body, "sha256")).decode() for secret in secrets]
    _same(delivery.headers.get(header, ""), header, right)


def _check_youzan(scheme: Scheme, secrets: Sequence[bytes], delivery: Delivery) -> None:
    client = scheme.options["client_id"].encode()
    right = [hashlib.md5(client + delivery.body + secret, usedforsecurity=False).hexdigest() for secret in secrets]
    _same(delivery.headers.get("event-sign", "").lower(), "event-sign", right)


def _check_hmac(scheme: Scheme, secrets: Sequence[bytes], delivery: Delivery) -> None:
    options = scheme.options
    header = options["header"].lower()
    timestamp = delivery.headers.get(options["timestamp"].lower(), "") if options["timestamp"] else ""
    if options["timestamp"]:
        _judge_time(timestamp, options["timestamp"], int(options["tolerance_s"]), delivery.now_s)
    signed = options["signed"] or ("{timestamp}.{body}" if options["timestamp"] else "{body}")
    before, _, after = signed.replace("{timestamp}", timestamp).partition("{body}")
    content = before.encode() + delivery.body + after.encode()
    digests = [hmac.digest(secret, content, options["algorithm"]) for secret in secrets]
    given = delivery.headers.get(header, "")
    if options["encoding"] == "hex":
        right, given = [digest.hex() for digest in digests], _lower_after(given, options["prefix"])
    else:
        right = [base64.b64encode(digest).decode() for digest in digests]
    _same(given, header, [options["prefix"] + text for text in right])


def _lower_after(text: str, prefix: str) -> str:
    return text[: len(prefix)] + text[len(prefix) :].lower()


def _check_standard(scheme: Scheme, secrets: Sequence[bytes], delivery: Delivery) -> None:
    headers = delivery.headers
    identity, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    _judge_time(timestamp, "webhook-timestamp", int(scheme.options["tolerance_s"]), delivery.now_s)
    content = f"{identity}.{timestamp}.".encode() + delivery.body
    keys = [key for secret in secrets if (key := _standard_key(secret))]
    right = ["v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys]
    given = headers.get("webhook-signature", "").split(" ")[: 2 * SECRETS_COUNT_MAX]
    _same(next((one for one in given if _is_one_of(one, right)), given[0]), "webhook-signature", right)


def _standard_key(secret: bytes) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(b"whsec_"), validate=True)
    except binascii.Error:
        return b""


def _judge_time(given: str, header: str, tolerance_s: int, now_s: int) -> None:
    if not _SECONDS.fullmatch(given):
        raise _refused("hook.signature_missing", "it carries no time in seconds", header)
    if abs(int(given) - now_s) > tolerance_s:
        raise _refused("hook.signature_old", f"it was signed {abs(int(given) - now_s)} s from now", header)


def _same(given: str, header: str, right: Sequence[str]) -> None:
    if not given:
        raise _refused("hook.signature_missing", "it carries no signature", header)
    if not _is_one_of(given, right):
        raise _refused("hook.signature_wrong", "the signature isn't made with the hook's secret", header)


def _is_one_of(given: str, right: Sequence[str]) -> bool:
    mine = given.strip().encode("utf-8", "replace")
    return any(hmac.compare_digest(mine, text.encode()) for text in right)


def _refused(code: str, message: str, header: str) -> UnauthorizedError:
    return UnauthorizedError(code, message, where=header, remedy="see that sender and hook have the same secret")


_TIMED = {"tolerance_s": str(TOLERANCE_S)}
_KINDS: Mapping[str, _Kind] = {
    "none": _Kind({}, _check_none),
    "token": _Kind({"header": "", "query": ""}, _check_token),
    "shopify": _Kind({}, _check_shopify),
    "woocommerce": _Kind({}, _check_woocommerce),
    "youzan": _Kind({"client_id": None}, _check_youzan),
    "standard": _Kind(_TIMED, _check_standard),
    "hmac": _Kind(
        {
            "header": None, "algorithm": "sha256", "encoding": "hex", "prefix": "", "timestamp": "", "signed": "",
            **_TIMED,
        },
        _check_hmac,
    ),
}  # fmt: skip
