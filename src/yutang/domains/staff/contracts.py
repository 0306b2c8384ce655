"""The words that cross the staff slice's door: API keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

KEY_PREFIX = "yk"  # a key reads yk_<id>_<secret>; the id is public, the secret is shown once
KEY_ROTATION_MS = 7 * 86_400_000  # how long a rotated key's former secret is still taken, unless said otherwise
KEY_RATE_EVENTS_PER_S = 1_000_000  # of a key that was created without a rate of its own
KEY_RATE_EVENTS_PER_S_MAX = 10_000_000
KEY_KEEP_DAYS_MAX = 365  # of a rotated key's former secret
KEYS_COUNT_MAX = 1_000  # in force at once
KEY_ORIGINS_COUNT_MAX = 50
# Feeds that the pool itself writes to: what a key sent there would pass for what people entered by hand.
FEEDS_RESERVED = frozenset({"console"})


_FORBID_UNKNOWN: Mapping[str, str] = {"extra": "forbid"}


class KeyScope(StrEnum):
    """What a key may do. WRITE: hand over events of its own feed, and nothing else."""

    WRITE = "write"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as doors check it.

    digest: SHA-256 (hex) of the secret; former_digest: of the one before, taken until former_until (machine ms, 0:
    none). feed: what its events belong to. origins: of pages that may use it (`https://shop.example`, `*`); empty:
    none, it isn't for browsers. rate_events_per_s: over it requests are answered 429.
    """

    id: str
    name: str
    feed: str
    scope: KeyScope
    digest: str
    former_digest: str
    former_until: int
    origins: tuple[str, ...]
    rate_events_per_s: int


class KeyState(StrEnum):
    """Whether a key is taken."""

    LIVE = "live"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class KeyDraft:
    """A key to create. name: what people call it. feed: what its events belong to; see `ApiKey` for the rest."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _FORBID_UNKNOWN
    name: str
    feed: str
    origins: tuple[str, ...] = ()
    rate_events_per_s: int = KEY_RATE_EVENTS_PER_S


@dataclass(frozen=True, slots=True)
class KeyRotation:
    """How to rotate a key. keep_days: how long its former secret is still taken; 0: not at all."""

    __pydantic_config__: ClassVar[Mapping[str, str]] = _FORBID_UNKNOWN
    keep_days: int = KEY_ROTATION_MS // 86_400_000


@dataclass(frozen=True, slots=True)
class KeyCard:
    """A key as people see it: everything but its secret.

    Instants are RFC 3339 of the machine's clock, "" if it never happened. former_until: until when the secret from
    before the last rotation is taken too, "" once it isn't any more.
    """

    id: str
    name: str
    feed: str
    scope: KeyScope
    state: KeyState
    origins: tuple[str, ...]
    rate_events_per_s: int
    created_at: str
    created_by: str
    rotated_at: str
    former_until: str
    revoked_at: str


@dataclass(frozen=True, slots=True)
class KeyMade:
    """A key that was created or rotated. key: the whole of it, `yk_<id>_<secret>`; nobody can show it again."""

    key: str
    card: KeyCard


@dataclass(frozen=True, slots=True)
class ListKeys:
    """Question of `staff.keys`."""


@dataclass(frozen=True, slots=True)
class KeyCards:
    """Keys: those that are live first, then by when they were created."""

    keys: tuple[KeyCard, ...]


@dataclass(frozen=True, slots=True)
class RotateKey:
    """Question of `staff.rotate_key`."""

    id: str
    rotation: KeyRotation


@dataclass(frozen=True, slots=True)
class RevokeKey:
    """Question of `staff.revoke_key`."""

    id: str
