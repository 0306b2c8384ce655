"""A pool in a scratch folder, opened in the test's process, its clock simulated and standing.

`send` hands events to the inbox and lets the loop process them; `at` moves pool time as the clock command does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from yutang.app import BLUEPRINT
from yutang.cli.clock import CLOCK_COMMAND, ClockQuestion
from yutang.conditions.vocabulary import STATE_EVENTS
from yutang.domains.audience.api import definitions, feed, questions
from yutang.domains.audience.contracts import AskQuestion, Change, LabelDraft, LabelKind, LabelView, RungDraft
from yutang.domains.customers import api as customers
from yutang.kernel.clock import SystemClock
from yutang.kernel.event import Event, EventBlob, Identity, encode_blob
from yutang.kernel.faults import Faults, NoFaults
from yutang.kernel.instants import instant_from_text
from yutang.runtime.desk import Desk
from yutang.runtime.folder import Folder
from yutang.runtime.pool import Pool
from yutang.runtime.settings import Settings

_STATES = {event_type.name for event_type in STATE_EVENTS}


def ms(text: str) -> int:
    """An instant from `2026-03-01 10:00` (in +08:00), a date, or RFC 3339."""
    if len(text) == len("2026-03-01 10:00"):
        text = text.replace(" ", "T") + ":00+08:00"
    elif len(text) == len("2026-03-01 10:00:00"):
        text = text.replace(" ", "T") + "+08:00"
    return instant_from_text(text)


def identities(*texts: str) -> tuple[Identity, ...]:
    """`kind:value` or `kind:scope:value` each."""
    found = []
    for text in texts:
        kind, *rest = text.split(":")
        found.append(Identity(kind, rest[0] if len(rest) > 1 else "", rest[-1]))
    return tuple(sorted(found))


def event(kind: str, at: str | int, who: str | Sequence[str], /, id_: str = "", **properties: Any) -> Event:
    """An event as intake would have made it."""
    instant = at if isinstance(at, int) else ms(at)
    names = (who,) if isinstance(who, str) else tuple(who)
    return Event(
        id_ or f"{kind}-{instant}-{'+'.join(names)}",
        kind,
        instant,
        identities(*names),
        properties,
        system=kind in _STATES,
    )


class Scratch:
    """See the module."""

    def __init__(self, folder: Path, start: str = "2026-03-01", faults: Faults | None = None, **settings: Any) -> None:
        self.folder = Folder(folder)
        self.settings = Settings(**settings)
        self.faults = faults or NoFaults()
        self._parts = 0
        self.pool = self._open()
        if not self.pool.loop.epoch.seq:
            self.at(start)

    def _open(self) -> Pool:
        return Pool(self.folder, self.settings, BLUEPRINT, SystemClock(), self.faults)

    def reopen(self) -> None:
        """Close and open again, as after a stop."""
        self.pool.close()
        self.pool = self._open()

    def desk(self, actor: str = "tester") -> Desk:
        return self.pool.desk(actor)

    def at(self, instant: str) -> None:
        """Let pool time stand at an instant."""
        CLOCK_COMMAND.run(self.desk(), ClockQuestion("set", at=_rfc(ms(instant))))

    def advance(self, span: str) -> None:
        CLOCK_COMMAND.run(self.desk(), ClockQuestion("advance", by=span))

    def send(self, *events: Event, feed: str = "test", history: bool = False, lane: str = "live") -> None:
        """One record of events, processed on return."""
        blob = encode_blob(EventBlob(feed, history, 1, list(events)))
        self._parts += 1
        job = f"{feed}-{self._parts}-{id(self)}"
        self.pool.inbox.put(blob, lane=lane, job=job, rows_from=0, next_row=1, count=len(events))
        self.pool.loop.drain()

    def happen(self, *events: Event) -> None:
        """Each event as it happens: time moves to it, then it arrives, a record of its own."""
        for one in events:
            CLOCK_COMMAND.run(self.desk(), ClockQuestion("set", at=_rfc(one.at)))
            self.send(one)

    def ask(self, condition: str, as_of: str = "") -> set[str]:
        """The customers of a condition, by id."""
        answer = questions.ask(self.desk(), AskQuestion(condition, as_of, limit=500))
        return set(answer.customers)

    def who(self, identity: str) -> str:
        """The id of the customer that an identity belongs to."""
        head = customers.find_customer(self.desk(), identity)
        return customers.customer_ids(self.pool.loop.epoch, [head])[0]

    def labels(self, identity: str, as_of: str = "") -> Mapping[str, str]:
        """Label → value of a customer."""
        desk = self.desk()
        head = customers.find_customer(desk, identity)
        return {one.label: one.value for one in questions.memberships(desk, head, as_of)}

    def until(self, identity: str, label: str) -> str:
        """When a customer's label will next change by itself."""
        desk = self.desk()
        head = customers.find_customer(desk, identity)
        return next(one.until for one in questions.memberships(desk, head) if one.label == label)

    def changes(self, label: str = "", customer: str = "") -> list[Change]:
        """The change feed, oldest first."""
        found: list[Change] = []
        cursor = ""
        while True:
            page = feed.changes(self.desk(), label, customer, cursor, 500)
            found += page.changes
            cursor = page.next
            if not cursor:
                return found[::-1]

    def define(self, name: str, condition: str, kind: LabelKind = LabelKind.SEGMENT) -> None:
        """A label of one rung, `in`."""
        self.define_ladder(name, {"in": condition}, kind=kind)

    def define_ladder(
        self, name: str, rungs: Mapping[str, str], zone: str = "", kind: LabelKind = LabelKind.SEGMENT
    ) -> None:
        """A label by value → condition."""
        drafts = tuple(RungDraft(value, condition) for value, condition in rungs.items())
        definitions.define(self.desk(), LabelDraft(name, kind, drafts, zone=zone))

    def view(self, name: str) -> LabelView:
        """A definition as people read it."""
        return definitions.show(self.desk(), name)

    def submit(self, kind: str, body: object) -> Mapping[str, Any]:
        return self.desk().submit(kind, msgspec.msgpack.encode(body))

    def close(self) -> None:
        self.pool.close()


def _rfc(instant: int) -> str:
    from yutang.kernel.instants import instant_text

    return instant_text(instant)
