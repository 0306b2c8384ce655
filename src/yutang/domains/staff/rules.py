"""What a key may be called, where its events may go, who may use it: judged before it is made. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

from yutang.domains.staff.contracts import (
    FEEDS_RESERVED,
    KEY_KEEP_DAYS_MAX,
    KEY_ORIGINS_COUNT_MAX,
    KEY_PREFIX,
    KEY_RATE_EVENTS_PER_S_MAX,
    KeyDraft,
)
from yutang.kernel.errors import InvalidError
from yutang.kernel.limits import NAME_CHARS_MAX

ANY_ORIGIN = "*"
ORIGIN_CHARS_MAX = 253 + len("https://:65535")  # a name of DNS, with scheme and port
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?")
_USUAL_PORTS = {"http": "80", "https": "443"}  # which browsers leave out


def judged_draft(draft: KeyDraft) -> KeyDraft:
    """The draft as it is kept: blanks cut, origins as browsers send them. Raises InvalidError."""
    origins = tuple(dict.fromkeys(judged_origin(origin) for origin in draft.origins))
    if len(origins) > KEY_ORIGINS_COUNT_MAX:
        raise InvalidError(
            "key.origins", f"{len(origins)} origins are more than {KEY_ORIGINS_COUNT_MAX}", where="origins",
            remedy="make another key for the rest",
        )  # fmt: skip
    if not 1 <= draft.rate_events_per_s <= KEY_RATE_EVENTS_PER_S_MAX:
        raise InvalidError(
            "key.rate_range", f"{draft.rate_events_per_s} isn't a rate", where="rate_events_per_s",
            remedy=f"give 1 to {KEY_RATE_EVENTS_PER_S_MAX} events a second",
        )  # fmt: skip
    return replace(draft, name=_judged_name(draft.name, "name"), feed=judged_feed(draft.feed), origins=origins)


def judged_feed(feed: str) -> str:
    """The feed that a key may write to. Raises InvalidError."""
    found = _judged_name(feed, "feed")
    if found.lower() in FEEDS_RESERVED:
        raise InvalidError(
            "key.feed_reserved", f"the pool itself writes to the feed {found!r}", where="feed",
            remedy="name it after what sends, such as website or shop",
        )  # fmt: skip
    return found


def _judged_name(name: str, where: str) -> str:
    found = name.strip()
    if not found or len(found) > NAME_CHARS_MAX or not found.isprintable():
        raise InvalidError(
            "key.name", f"{name[:40]!r} can't be the key's {where}", where=where,
            remedy=f"give 1 to {NAME_CHARS_MAX} characters that can be printed",
        )  # fmt: skip
    return found


def judged_origin(origin: str) -> str:
    """An origin as browsers send it: `https://shop.example`, with a port if it isn't the usual one; or `*`."""
    wanted = origin.strip().lower().removesuffix("/")
    if wanted == ANY_ORIGIN:
        return wanted
    found = _ORIGIN.fullmatch(wanted) if len(wanted) <= ORIGIN_CHARS_MAX else None
    if found is None or not _is_host(found["host"]) or not 0 < int(found["port"] or 1) <= 65_535:
        raise InvalidError(
            "key.origin_malformed", f"{origin[:80]!r} isn't an origin", where="origins",
            remedy="give scheme, host and port only, as in https://shop.example, or * for any page",
        )  # fmt: skip
    usual = found["port"] is None or found["port"] == _USUAL_PORTS[found["scheme"]]
    return f"{found['scheme']}://{found['host']}" + ("" if usual else f":{int(found['port'])}")


def _is_host(host: str) -> bool:
    return host.startswith("[") or all(part and part[0] != "-" and part[-1] != "-" for part in host.split("."))


def judged_keep_days(days: int) -> int:
    """How long a former secret is taken. Raises InvalidError."""
    if not 0 <= days <= KEY_KEEP_DAYS_MAX:
        raise InvalidError(
            "key.keep_days", f"a former secret can't be kept for {days} days", where="keep_days",
            remedy=f"give 0 to {KEY_KEEP_DAYS_MAX}",
        )  # fmt: skip
    return days


def whole_key(key_id: str, secret: str) -> str:
    """The key as its holder keeps it."""
    return f"{KEY_PREFIX}_{key_id}_{secret}"


def digest_of(secret: str) -> str:
    """SHA-256 of a secret, in hex.

    A slow hash protects words that people choose, which can be listed; a drawn secret of 196 bits can't be found by
    trying at any speed, and a slow one would be paid at every request.
    """
    return hashlib.sha256(secret.encode()).hexdigest()
