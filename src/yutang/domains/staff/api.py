"""The door of the staff slice: API keys, created, listed, rotated, revoked.

Keys are rows with who and when, not records of the log, like import jobs: nothing that is known of customers depends
on them, a rebuild has no use for them, and a revoked key must be gone however long the log's queue is. Their instants
are the machine's, since pool time may stand. A secret leaves this door once, in the answer that made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from yutang.domains.staff import store
from yutang.domains.staff.contracts import (
    KEYS_COUNT_MAX,
    ApiKey,
    KeyCard,
    KeyCards,
    KeyDraft,
    KeyMade,
    KeyScope,
    KeyState,
    ListKeys,
    RevokeKey,
    RotateKey,
)
from yutang.domains.staff.rules import digest_of, judged_draft, judged_keep_days, whole_key
from yutang.kernel.errors import ConflictError, LimitError, NotFoundError
from yutang.kernel.ids import Draw, SystemDraw
from yutang.kernel.instants import DAY_MS, instant_text
from yutang.runtime.desk import Desk
from yutang.storage.database import UnitOfWork

KEYS_SHOWN_MAX = 5_000  # revoked ones included
ID_CHARS = 8
_SYSTEM: Draw = SystemDraw()


def keys_in_force(uow: UnitOfWork) -> tuple[ApiKey, ...]:
    """What doors check by."""
    return tuple(row.key for row in store.read_keys(uow, KEYS_COUNT_MAX, revoked=False))


def create_key(desk: Desk, draft: KeyDraft, draw: Draw = _SYSTEM) -> KeyMade:
    """A new key. Raises InvalidError, LimitError at KEYS_COUNT_MAX."""
    draft = judged_draft(draft)
    secret, key_id = draw.secret(), draw.token()[:ID_CHARS]
    key = ApiKey(
        key_id, draft.name, draft.feed, KeyScope.WRITE, digest_of(secret), "", 0, draft.origins,
        draft.rate_events_per_s,
    )  # fmt: skip
    row = store.KeyRow(key, desk.machine.now_ms(), desk.actor)
    with desk.database.unit() as uow:
        if store.count_in_force(uow) >= KEYS_COUNT_MAX:
            raise LimitError(
                "key.too_many", f"{KEYS_COUNT_MAX} keys are in force", remedy="revoke those that nobody uses"
            )
        store.add_key(uow, row)
    return KeyMade(whole_key(key_id, secret), _card(row, row.created_at))


def list_keys(desk: Desk, _question: ListKeys | None = None) -> KeyCards:
    """All keys, revoked ones last."""
    with desk.reading() as uow:
        rows = store.read_keys(uow, KEYS_SHOWN_MAX, revoked=True)
    return KeyCards(_cards(rows, desk.machine.now_ms()))


def key_cards(uow: UnitOfWork, now_ms: int) -> tuple[KeyCard, ...]:
    """All keys as `list_keys` gives them, for whoever has no desk. now_ms: machine time."""
    return _cards(store.read_keys(uow, KEYS_SHOWN_MAX, revoked=True), now_ms)


def rotate_key(desk: Desk, question: RotateKey, draw: Draw = _SYSTEM) -> KeyMade:
    """A new secret for a key; the former one is taken for a while. Raises NotFoundError, ConflictError if revoked.

    Of two rotations in a row, the secret of before the first isn't taken any more.
    """
    keep_ms, now_ms, secret = judged_keep_days(question.rotation.keep_days) * DAY_MS, desk.machine.now_ms(), ""
    with desk.database.unit() as uow:
        row = _found(uow, question.id)
        if row.revoked_at:
            raise ConflictError(
                "key.revoked", f"the key {row.key.id} was revoked", where=row.key.id, remedy="create another"
            )
        secret = draw.secret()
        former = (row.key.digest, now_ms + keep_ms) if keep_ms else ("", 0)
        key = replace(row.key, digest=digest_of(secret), former_digest=former[0], former_until=former[1])
        row = replace(row, key=key, rotated_at=now_ms)
        store.change_key(uow, row)
    return KeyMade(whole_key(row.key.id, secret), _card(row, now_ms))


def revoke_key(desk: Desk, question: RevokeKey) -> KeyCard:
    """A key that isn't taken any more; one that was revoked stays so. Raises NotFoundError."""
    now_ms = desk.machine.now_ms()
    with desk.database.unit() as uow:
        row = _found(uow, question.id)
        if not row.revoked_at:
            row = replace(row, key=replace(row.key, former_digest="", former_until=0), revoked_at=now_ms)
            store.change_key(uow, row)
    return _card(row, now_ms)


def _found(uow: UnitOfWork, key_id: str) -> store.KeyRow:
    """A key by its id, or by the whole of it, as people paste it."""
    wanted = key_id.strip()
    parts = wanted.split("_")
    row = store.read_key(uow, parts[1] if len(parts) == 3 else wanted)
    if row is None:
        raise NotFoundError(
            "key.absent", f"there is no key {parts[1] if len(parts) == 3 else wanted[:40]!r}",
            remedy="`yutang key list` shows their ids",
        )  # fmt: skip
    return row


def _cards(rows: Sequence[store.KeyRow], now_ms: int) -> tuple[KeyCard, ...]:
    return tuple(_card(row, now_ms) for row in rows)


def _card(row: store.KeyRow, now_ms: int) -> KeyCard:
    key = row.key
    return KeyCard(
        key.id, key.name, key.feed, key.scope, KeyState.REVOKED if row.revoked_at else KeyState.LIVE, key.origins,
        key.rate_events_per_s, _told(row.created_at), row.created_by, _told(row.rotated_at),
        _told(key.former_until) if key.former_until > now_ms else "", _told(row.revoked_at),
    )  # fmt: skip


def _told(instant: int) -> str:
    return instant_text(instant) if instant else ""
