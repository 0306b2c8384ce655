"""What crosses the door: the live view."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LIVE_EVENTS_SHOWN_MAX = 200  # of one look; the rest is counted
LIVE_REFUSALS_SHOWN_MAX = 50


class LiveProblem(StrEnum):
    """What is odd about an event that arrived.

    REPEAT: of the same feed and id as an earlier one, so without effect. CHANGED: so, and with another content.
    UNKNOWN_TYPE: of a type that nobody declared. LATE: older at arrival than an hour, HISTORY: imported as such:
    they change labels and enter no journey. FUTURE: counted once time reaches it. QUARANTINED: its record couldn't be
    processed and had no effect.
    """

    REPEAT = "repeat"
    CHANGED = "changed"
    UNKNOWN_TYPE = "unknown_type"
    LATE = "late"
    HISTORY = "history"
    FUTURE = "future"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class LiveQuestion:
    """What arrived after a place. cursor: of the look before; "": begin with the newest `begin` events.

    type, feed: equal. customer: an id, or as on the command line. label: only what changed it. problems: only what
    has some, and refused events. limit: how many events a look shows at most.
    """

    cursor: str = ""
    type: str = ""
    customer: str = ""
    feed: str = ""
    label: str = ""
    problems: bool = False
    begin: int = 10
    limit: int = LIVE_EVENTS_SHOWN_MAX


@dataclass(frozen=True, slots=True)
class LiveLabel:
    """A label that an event changed. cause: of the change feed (`event`, `late`, `identity`)."""

    label: str
    before: str
    after: str
    cause: str


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """An event that arrived and was processed.

    record: its number in the log. customer: public id, "" if it is nobody's by now; identity: the strongest one of
    that customer. labels: what changed in its record's group for this customer and is due to this event. error: why
    the record is quarantined.
    """

    record: int
    arrived_at: str
    at: str
    type: str
    id: str
    feed: str
    customer: str
    identity: str
    problems: tuple[LiveProblem, ...] = ()
    labels: tuple[LiveLabel, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class LiveRefusal:
    """An event that intake refused: what was wrong, and where in it."""

    at: str
    feed: str
    type: str
    code: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """What arrived, oldest first.

    cursor: where the next look begins. time: pool time. zone: the pool's. more: events that arrived besides and aren't
    shown, unlooked at where there were too many. skipped: events that were in the lake before anybody looked.
    """

    cursor: str
    time: str
    zone: str
    events: tuple[LiveEvent, ...]
    refusals: tuple[LiveRefusal, ...]
    more: int
    skipped: int
