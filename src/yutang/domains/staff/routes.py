"""API keys over HTTP. A secret is in the answer that made it, and in no other."""

from __future__ import annotations

from yutang.domains.staff import api
from yutang.domains.staff.contracts import KeyCard, KeyDraft, KeyMade, KeyRotation, RevokeKey, RotateKey
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def list_keys(desk: Desk) -> list[KeyCard]:
    """Every API key without its secret, revoked ones last."""
    return list(api.list_keys(desk).keys)


def create_key(desk: Desk, draft: KeyDraft) -> KeyMade:
    """Create an API key for one feed. The answer holds the key; it isn't shown again."""
    return api.create_key(desk, draft)


def rotate_key(desk: Desk, key: str, rotation: KeyRotation) -> KeyMade:
    """Give a key a new secret; the former one is taken for some days more. The answer alone holds the new one."""
    return api.rotate_key(desk, RotateKey(key, rotation))


def revoke_key(desk: Desk, key: str) -> KeyCard:
    """Revoke a key, for good; intake refuses it within a second."""
    return api.revoke_key(desk, RevokeKey(key))


ROUTES = (
    Route("GET", "/v1/keys", Permission.KEYS, list_keys),
    Route("POST", "/v1/keys", Permission.KEYS, create_key, 201),
    Route("POST", "/v1/keys/{key}/rotate", Permission.KEYS, rotate_key),
    Route("POST", "/v1/keys/{key}/revoke", Permission.KEYS, revoke_key),
)
