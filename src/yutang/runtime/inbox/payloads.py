"""Bodies of webhooks that didn't map: kept as they came, for a while, until the mapping is mended.

They lie in `inbox.db`, so that keeping one is part of the same transaction as the events that did map, and
so that a replay takes a payload out in the transaction that puts its events in: each exactly once.
Invariant: of a hook at most PAYLOADS_COUNT_MAX payloads and PAYLOADS_BYTES_MAX bytes are kept, none longer
than the days that the settings say; what goes for either reason is counted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote_to_bytes

import msgspec

from yutang.kernel.errors import InvalidError
from yutang.kernel.faults import Faults
from yutang.kernel.instants import DAY_MS
from yutang.runtime.inbox import store
from yutang.runtime.inbox.store import PayloadHead
from yutang.runtime.receiving import RawPayload
from yutang.storage.database import Database, UnitOfWork

PAYLOADS_COUNT_MAX = 10_000  # of one hook
PAYLOADS_BYTES_MAX = 64 * 1_024 * 1_024  # of one hook
PAYLOADS_PAGE_COUNT_MAX = 500
FORGET_PAGE_COUNT_MAX = 8  # bodies that are searched at a time
PHONE_DIGITS = 9  # by which a number is known that its sender wrote without the country
REPLAY_LANE = "live"
Added = Callable[[str, int, int], None]
CALLS = ("payloads.list", "payloads.show", "payloads.settle", "payloads.drop", "payloads.forget")


@dataclass(frozen=True, slots=True)
class KeptPayload:
    """A payload as it came."""

    head: PayloadHead
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class PayloadPage:
    """Some payloads, oldest first; those of a hook with what it has kept and lost in all.

    kept, size: in all, bytes. expired: gone since they were too old. crowded_out: gone since there were too many.
    """

    payloads: tuple[PayloadHead, ...]
    kept: int = 0
    size: int = 0
    expired: int = 0
    crowded_out: int = 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a replay made of a payload. blob: of its events, if there are any. code: of what is still wrong, or ""."""

    id: int
    blob: bytes
    count: int
    code: str = ""
    message: str = ""


class PayloadDoor(Protocol):
    """The kept payloads, in this process or across a socket; see `PayloadShelf`."""

    def page(self, hook: str, after: int, count_max: int) -> PayloadPage: ...

    def show(self, number: int) -> KeptPayload | None: ...

    def settle(self, settlement: Settlement) -> bool: ...

    def drop(self, ids: Sequence[int]) -> int: ...

    def forget(self, texts: Sequence[str]) -> int: ...


class PayloadShelf:
    """The kept payloads, where the inbox is owned.

    arrive: gives the arrival (pool time) of what is put now, inside the unit of work that puts it. added(lane, ref,
    events): told of every blob once it is on disk. days: how long a payload is kept.
    """

    def __init__(self, database: Database, arrive: Callable[[], int], added: Added, days: int, faults: Faults) -> None:
        self._database = database
        self._arrive = arrive
        self._added = added
        self._days = days
        self._faults = faults

    def keep(self, uow: UnitOfWork, payloads: Sequence[RawPayload], arrived_at: int) -> None:
        """Keep payloads, in the transaction of the events that came with them."""
        for one in payloads:
            store.add_payload(uow, arrived_at, one)
        for hook in {one.hook for one in payloads}:
            self._tidy(uow, hook, arrived_at)

    def _tidy(self, uow: UnitOfWork, hook: str, now_ms: int) -> None:
        expired = store.drop_payloads_before(uow, hook, arrived_at=now_ms - self._days * DAY_MS)
        crowded = 0
        count, size = store.payload_sums(uow, hook)
        if count > PAYLOADS_COUNT_MAX or size > PAYLOADS_BYTES_MAX:
            first = store.payloads_fitting(uow, hook, PAYLOADS_COUNT_MAX, PAYLOADS_BYTES_MAX)
            crowded = store.drop_payloads_before(uow, hook, number=first)
        if expired or crowded:
            store.count_losses(uow, hook, expired, crowded)

    def tidy(self) -> None:
        """Remove what is too old, of every hook."""
        with self._database.unit() as uow:
            for hook in store.payload_hooks(uow):
                self._tidy(uow, hook, self._arrive())

    def page(self, hook: str, after: int, count_max: int) -> PayloadPage:
        """Payloads above an id, of a hook or ("") of any."""
        self.tidy()
        with self._database.reading() as uow:
            heads = tuple(store.read_payload_heads(uow, hook, after, min(count_max, PAYLOADS_PAGE_COUNT_MAX)))
            if not hook:
                return PayloadPage(heads)
            return PayloadPage(heads, *store.payload_sums(uow, hook), *store.read_losses(uow, hook))

    def show(self, number: int) -> KeptPayload | None:
        """A payload as it came."""
        with self._database.reading() as uow:
            found = store.read_payload(uow, number)
        return KeptPayload(found[0], msgspec.json.decode(found[1], type=dict[str, str]), found[2]) if found else None

    def settle(self, settlement: Settlement) -> bool:
        """Put a payload's events in; take the payload out, or say what is still wrong. False: it is gone already."""
        with self._database.unit() as uow:
            if store.read_payload(uow, settlement.id) is None:
                return False
            arrival, ref = self._arrive(), 0
            if settlement.count:
                ref = store.add_blob(uow, REPLAY_LANE, arrival, settlement.count, settlement.blob)
            if settlement.code:
                store.mark_payload(uow, settlement.id, settlement.code, settlement.message)
            else:
                store.drop_payloads(uow, [settlement.id])
            self._faults.reach("payloads.before_settled")
        self._faults.reach("payloads.settled")
        if ref:
            self._added(REPLAY_LANE, ref, settlement.count)
        return True

    def drop(self, ids: Sequence[int]) -> int:
        """Remove payloads unread; how many were there."""
        with self._database.unit() as uow:
            return store.drop_payloads(uow, ids)

    def forget(self, texts: Sequence[str]) -> int:
        """Remove every payload that mentions one of some texts (identities of an erased customer); how many.

        A text is found in whatever case, escaped or percent-encoded; a phone (`+8613…`) by its last digits.
        """
        needles = {needle for text in texts for needle in _spellings(text) if needle}
        found: list[int] = []
        after = 0
        while True:
            with self._database.reading() as uow:
                page = store.read_payload_bodies(uow, after, FORGET_PAGE_COUNT_MAX)
            if not page:
                break
            found += [number for number, text in page if _mentions(text, needles)]
            after = page[-1][0]
        with self._database.unit() as uow:
            starts = range(0, len(found), PAYLOADS_PAGE_COUNT_MAX)
            dropped = sum(store.drop_payloads(uow, found[i : i + PAYLOADS_PAGE_COUNT_MAX]) for i in starts)
        self._database.leave_no_trace()
        return dropped


def _spellings(text: str) -> tuple[bytes, ...]:
    phone = text[-PHONE_DIGITS:] if text.startswith("+") and len(text) > PHONE_DIGITS else ""
    written = (text, text.lower(), text.upper(), phone)  # bytes are compared without the case of ASCII's letters alone
    plain = (one.encode("utf-8", "replace").lower() for one in written)
    return (*plain, *(json.dumps(one)[1:-1].lower().encode() for one in written))


def _mentions(text: bytes, needles: Set[bytes]) -> bool:
    low = text.lower()
    spelt = unquote_to_bytes(low).lower() if b"%" in low else b""
    return any(needle in low or needle in spelt for needle in needles)


def serve_payloads(shelf: PayloadShelf, name: str, body: bytes) -> bytes:
    """Answer one of CALLS, that came over the intake's socket."""
    if name == "payloads.list":
        return msgspec.msgpack.encode(shelf.page(*msgspec.msgpack.decode(body, type=tuple[str, int, int])))
    if name == "payloads.show":
        return msgspec.msgpack.encode(shelf.show(msgspec.msgpack.decode(body, type=int)))
    if name == "payloads.settle":
        return msgspec.msgpack.encode(shelf.settle(msgspec.msgpack.decode(body, type=Settlement)))
    if name == "payloads.drop":
        return msgspec.msgpack.encode(shelf.drop(msgspec.msgpack.decode(body, type=list[int])))
    if name == "payloads.forget":
        return msgspec.msgpack.encode(shelf.forget(msgspec.msgpack.decode(body, type=list[str])))
    raise InvalidError("wire.unknown_call", f"intake knows no call {name!r}", remedy="restart the service")


class RemotePayloads:
    """The kept payloads of an inbox that another process owns. call: asks it (`RemoteInbox`)."""

    def __init__(self, call: Callable[[str, bytes], bytes]) -> None:
        self._call = call

    def page(self, hook: str, after: int, count_max: int) -> PayloadPage:
        """See `PayloadShelf.page`."""
        answer = self._call("payloads.list", msgspec.msgpack.encode((hook, after, count_max)))
        return msgspec.msgpack.decode(answer, type=PayloadPage)

    def show(self, number: int) -> KeptPayload | None:
        """See `PayloadShelf.show`."""
        return msgspec.msgpack.decode(
            self._call("payloads.show", msgspec.msgpack.encode(number)), type=KeptPayload | None
        )

    def settle(self, settlement: Settlement) -> bool:
        """See `PayloadShelf.settle`."""
        return msgspec.msgpack.decode(self._call("payloads.settle", msgspec.msgpack.encode(settlement)), type=bool)

    def drop(self, ids: Sequence[int]) -> int:
        """See `PayloadShelf.drop`."""
        return msgspec.msgpack.decode(self._call("payloads.drop", msgspec.msgpack.encode(ids)), type=int)

    def forget(self, texts: Sequence[str]) -> int:
        """See `PayloadShelf.forget`."""
        return msgspec.msgpack.decode(self._call("payloads.forget", msgspec.msgpack.encode(texts)), type=int)
