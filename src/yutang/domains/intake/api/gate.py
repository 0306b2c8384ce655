"""Who may hand events over: keys shown with requests, their origins, their rates.

Invariant: a secret is compared in constant time; what was verified once is known by the hash of what was shown, until
the basis changes, so that it costs nothing for each request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from yutang.domains.staff.contracts import KEY_PREFIX, ApiKey
from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import ForbiddenError, LimitError, UnauthorizedError

KEY_CHARS_MAX = 256
KNOWN_COUNT_MAX = 1_024  # keys as shown, that are remembered as verified
BUCKETS_COUNT_MAX = 4_096
BURST_S = 2  # of a key's rate that may come at once
RETRY_S_MAX = 3_600
ANY_ORIGIN = "*"


@dataclass(slots=True)
class _Book:
    """The keys of one basis. known: those verified, by the hash of what was shown, with the machine's ms until when."""

    keys: Mapping[str, ApiKey] = field(default_factory=dict)
    known: dict[bytes, tuple[ApiKey, int]] = field(default_factory=dict)


class Gate:
    """The keys in force. machine: its clock bounds the time of former secrets and counts rates."""

    def __init__(self, machine: MachineClock) -> None:
        self._machine = machine
        self._book = _Book()
        self._buckets: dict[str, tuple[float, float]] = {}  # events left, at which reading of the stopwatch
        self._origins: frozenset[str] = frozenset()

    def renew(self, keys: tuple[ApiKey, ...]) -> None:
        """The keys in force from now on."""
        self._book = _Book({key.id: key for key in keys})
        self._origins = frozenset(origin for key in keys for origin in key.origins)

    def allows_origin(self, origin: str) -> bool:
        """Whether any key may be used by pages of an origin."""
        return origin in self._origins or ANY_ORIGIN in self._origins

    def authorize(self, headers: Mapping[str, str], shown: str) -> ApiKey:
        """The key of a request. shown: what its body carried. Raises UnauthorizedError, ForbiddenError."""
        key = self._verified(shown or shown_key(headers))
        origin = headers.get("origin")
        if origin is not None and origin not in key.origins and ANY_ORIGIN not in key.origins:
            raise ForbiddenError(
                "intake.origin", f"the key isn't for pages of {origin[:100]}", where="Origin",
                remedy="create a key with this origin: yutang key create NAME --feed FEED --origin URL",
            )  # fmt: skip
        return key

    def _verified(self, shown: str) -> ApiKey:
        if len(shown) > KEY_CHARS_MAX:
            raise _unknown()
        mark = hashlib.sha256(shown.encode("utf-8", "surrogatepass")).digest()
        book = self._book
        known = book.known.get(mark)
        if known is not None and (not known[1] or known[1] > self._machine.now_ms()):
            return known[0]
        if not shown:
            raise UnauthorizedError(
                "intake.key_missing", "the request shows no key", where="Authorization",
                remedy="send `Authorization: Bearer yk_…`, the key as basic auth's user, or `X-Api-Key: yk_…`",
            )  # fmt: skip
        key, until = self._looked_up(book, shown)
        if len(book.known) >= KNOWN_COUNT_MAX:
            book.known.clear()
        book.known[mark] = (key, until)
        return key

    def _looked_up(self, book: _Book, shown: str) -> tuple[ApiKey, int]:
        prefix, _, rest = shown.partition("_")
        id_, _, secret = rest.partition("_")
        key = book.keys.get(id_) if prefix == KEY_PREFIX else None
        digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
        present = hmac.compare_digest(digest, key.digest if key else "0" * 64)
        former = hmac.compare_digest(digest, key.former_digest or "0" * 64 if key else "0" * 64)
        if key is not None and present:
            return key, 0
        if key is not None and former and key.former_until > self._machine.now_ms():
            return key, key.former_until
        raise _unknown()

    def spend(self, key: ApiKey, events: int) -> None:
        """Take events off a key's rate. Raises LimitError with retry_after_s.

        A request larger than what may come at once is taken when the bucket is full, and is paid off afterwards.
        """
        if key.rate_events_per_s <= 0 or not events:
            return
        now = self._machine.stopwatch_s()
        burst = float(key.rate_events_per_s * BURST_S)
        if len(self._buckets) > BUCKETS_COUNT_MAX:  # of keys long gone
            self._buckets.clear()
        left, since = self._buckets.get(key.id, (burst, now))
        left = min(burst, left + (now - since) * key.rate_events_per_s)
        needed = min(float(events), burst)
        if left < needed:
            self._buckets[key.id] = (left, now)
            error = LimitError(
                "intake.rate", f"the key may hand over {key.rate_events_per_s} events a second", where=key.name,
                remedy="wait as Retry-After says, or send with a key of a higher rate: yutang key create … --rate",
            )  # fmt: skip
            error.retry_after_s = min(RETRY_S_MAX, max(1, math.ceil((needed - left) / key.rate_events_per_s)))
            raise error
        self._buckets[key.id] = (left - events, now)


def shown_key(headers: Mapping[str, str]) -> str:
    """The key that a request's headers carry, "" if none. Raises UnauthorizedError for basic auth that isn't any."""
    header = headers.get("authorization")
    if header is None:
        return headers.get("x-api-key", "").strip()
    scheme, _, rest = header.partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return rest
    if scheme.lower() == "basic" and len(rest) <= 2 * KEY_CHARS_MAX:
        try:
            user, _, password = base64.b64decode(rest, validate=True).decode("utf-8").partition(":")
        except ValueError:
            raise UnauthorizedError(
                "intake.key_malformed", "what is sent as basic auth isn't base64", where="Authorization",
                remedy="send base64 of the key and a colon",
            ) from None  # fmt: skip
        return user or password
    raise UnauthorizedError(
        "intake.key_scheme", f"{scheme[:20]!r} isn't a way to show a key", where="Authorization",
        remedy="use Bearer or Basic",
    )  # fmt: skip


def _unknown() -> UnauthorizedError:
    return UnauthorizedError(
        "intake.key_unknown", "there is no such key, or it isn't in force any more", where="Authorization",
        remedy="`yutang key list` shows those in force; create one with `yutang key create`",
    )  # fmt: skip
