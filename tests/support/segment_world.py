"""A desk over a scratch pool, at which the doors of Segment's API are judged in the test's process.

`deliver` sends a request's events through the pool's own inbox and log, as the intake process does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tests.support.pools import Scratch, ms
from yutang.domains.intake.api.basis import compose_basis
from yutang.domains.intake.api.checking import make_checker
from yutang.domains.intake.api.segment import DOORS
from yutang.domains.intake.contracts import IntakeBasis, Problem
from yutang.domains.intake.rules.checker import Checker
from yutang.domains.staff.contracts import ApiKey, KeyScope
from yutang.kernel.errors import LimitError, UnauthorizedError
from yutang.kernel.event import Event
from yutang.runtime.log import store as log_store
from yutang.runtime.receiving import Answer, Keep, Request

WRITE_KEY = "yk_shop_secret"
FEED = "shop"


class ScratchDesk:
    """A `ReceivingDesk` of one key. rate_events: what it may spend."""

    def __init__(self, pool: Scratch, rate_events: int = 1_000_000) -> None:
        self.pool = pool
        self.left = rate_events
        self.problems: list[Problem] = []
        self.types: list[str] = []
        self._seen: set[str] = set()

    @property
    def basis(self) -> IntakeBasis:
        return compose_basis(self.pool.pool.loop.epoch, self.pool.settings, (), ())

    def authorize(self, request: Request, key: str = "") -> ApiKey:
        if (key or request.headers.get("authorization", "")) != WRITE_KEY:
            raise UnauthorizedError("key.unknown", "no such key")
        return ApiKey("shop", "shop", FEED, KeyScope.WRITE, "", "", 0, ("*",), self.left)

    def spend(self, key: ApiKey, events: int) -> None:
        if events > self.left:
            raise LimitError("key.rate", "too many events a second", remedy="send fewer")
        self.left -= events

    def judge(self, arrived_at: int) -> Checker:
        known = self.basis
        return make_checker(known.catalogue, known.kinds, country=known.country, strict=known.strict, now_ms=arrived_at)

    def repeats(self, feed: str, events: Sequence[Event]) -> int:
        before = len(self._seen)
        self._seen.update(event.id for event in events)
        return len(events) - (len(self._seen) - before)

    def refused(self, feed: str, problems: Iterable[Problem], types: Sequence[str] = ()) -> None:
        self.problems += problems
        self.types += types


class SegmentWorld:
    """A pool whose clock stands, and its doors."""

    def __init__(self, pool: Scratch, **desk: Any) -> None:
        self.pool = pool
        self.desk = ScratchDesk(pool, **desk)

    def ask(self, path: str, body: object, *, method: str = "POST", at: str = "", **headers: str) -> Answer | Keep:
        """What a door makes of a request that arrives at an instant, now by default."""
        door, parameters = next(
            (door, found)
            for door in DOORS
            if door.method == method and (found := _matched(door.path, path)) is not None
        )
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {"authorization": WRITE_KEY, **{name.replace("_", "-"): value for name, value in headers.items()}}
        arrived_at = ms(at) if at else self.pool.pool.loop.epoch.time_ms
        return door.handler(self.desk, Request(method, path, parameters, "", named, raw, arrived_at))

    def deliver(self, body: object, path: str = "/v1/batch", *, at: str = "") -> dict[str, Any]:
        """The answer to a request whose events are processed."""
        if at:
            self.pool.at(at)
        outcome = self.ask(path, body)
        if isinstance(outcome, Keep):
            for parcel in outcome.parcels:
                self.pool.send(*parcel.events, feed=parcel.feed, history=parcel.history)
            outcome = outcome.answer()
        assert outcome.status == 200
        return msgspec.json.decode(outcome.body)

    def events(self, *messages: object, **more: object) -> list[Event]:
        """The events of a batch, not sent anywhere."""
        outcome = self.ask("/v1/batch", {"batch": list(messages), **more})
        return [event for parcel in outcome.parcels for event in parcel.events] if isinstance(outcome, Keep) else []

    def last_verdict(self) -> dict[str, Any]:
        """What the timeline said of the newest record: taken, repeated, changed."""
        desk = self.pool.desk()
        with desk.reading() as uow:
            return dict(log_store.read_entries(uow, 0)[-1].verdict)


def _matched(pattern: str, path: str) -> dict[str, str] | None:
    wanted, given = pattern.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    pairs = list(zip(wanted, given, strict=True))
    if any(not w.startswith("{") and w != g for w, g in pairs):
        return None
    return {w[1:-1]: g for w, g in pairs if w.startswith("{")}


def message(call: str, **more: Any) -> dict[str, Any]:
    """A message of a known user, with an id and an instant."""
    usual = {"type": call, "userId": "u1", "messageId": f"{call}-1", "timestamp": "2026-03-01T01:00:00.000Z"}
    return {name: value for name, value in {**usual, **more}.items() if value is not ...}


def track(event: str, **properties: Any) -> dict[str, Any]:
    """A tracked event of a known user."""
    return message("track", event=event, properties=properties)


def one(events: list[Event]) -> Event:
    """The only one."""
    assert len(events) == 1, events
    return events[0]
