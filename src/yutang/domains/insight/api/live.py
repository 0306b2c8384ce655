"""The live view: what arrives, each event with its customer, its problems, and the labels that it changed.

Nothing is gathered for it: a look reads the log's newest records, their bodies from the inbox, the change feed, and
the refusals that the intake process remembers. So it costs nothing while nobody looks; while somebody does, a look is
bounded, and says what it left out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from yutang.domains.audience.api.definitions import named
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.api.live import RecordChange, changes_of_records
from yutang.domains.audience.contracts import NONE, Cause
from yutang.domains.catalogue.api import CATALOGUE
from yutang.domains.customers import api as customers
from yutang.domains.insight.contracts.live import (
    LIVE_EVENTS_SHOWN_MAX,
    LIVE_REFUSALS_SHOWN_MAX,
    LiveAnswer,
    LiveEvent,
    LiveLabel,
    LiveProblem,
    LiveQuestion,
    LiveRefusal,
)
from yutang.kernel.errors import InvalidError, LimitError, YutangError
from yutang.kernel.event import Event, EventBlob, decode_blob
from yutang.kernel.instants import instant_text
from yutang.kernel.limits import LATE_FOR_JOURNEYS_MS
from yutang.runtime.desk import Desk
from yutang.runtime.log.contracts import Epoch, Origin
from yutang.runtime.log.passages import Passage, bodies_of, passages
from yutang.runtime.receiving import Refusal
from yutang.runtime.slots import PEOPLE, TIMELINE, VOCABULARY
from yutang.runtime.wire import WireClient
from yutang.timeline.newest import newest_rows

EVENTS_READ_MAX = 2_000  # of one look: some 20 ms of the engine's time
RECORDS_READ_MAX = 5_000  # of one look; those that came before them are skipped
RECORDS_TO_BEGIN_MAX = 64
EVENTS_BEFORE_MAX = 500  # of a look that begins, out of the lake, for filters to choose from
LABEL_CHANGES_READ_MAX = 20_000
INTAKE_ANSWER_S_MAX = 2.0
STREAMS_COUNT_MAX = 8  # at once: each takes a thread of the API
LOOK_PERIOD_S = 0.3
QUIET_LOOKS_MAX = 7
_NUMBER_CHARS_MAX = 19
_STREAMS = threading.BoundedSemaphore(STREAMS_COUNT_MAX)


@dataclass(slots=True)
class _Seen:
    """An event under the eye. head: its customer, -1: nobody."""

    passage: Passage
    place: int
    blob: EventBlob
    event: Event
    head: int = -1
    labels: list[LiveLabel] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Window:
    """Records that a look is about. left_out: whether any between the oldest and newest chosen wasn't read."""

    seen: Sequence[_Seen]
    more: int
    skipped: int
    left_out: bool


def look(desk: Desk, question: LiveQuestion) -> LiveAnswer:
    """What arrived since a look before. Raises NotFoundError for a customer or label that isn't there."""
    epoch = desk.epoch
    if question.label:
        named(epoch[AUDIENCE], question.label)
    wanted = customers.find_customer(desk, question.customer) if question.customer else None
    record, refusal = _place_of(question.cursor)
    record = min(record, epoch.seq)
    window = _window(desk, record, question)
    _find_customers(epoch, window.seen)
    changes = _changes(desk, record, window)
    _give_labels(epoch, window, changes)
    fitting = [one for one in window.seen if _fits(one, question, wanted, epoch)]
    room = max(0, min(question.limit if question.cursor else question.begin, LIVE_EVENTS_SHOWN_MAX))
    shown = fitting[-room:] if room else []
    refusals, last = _refusals(desk, refusal, question)
    more = window.more + len(fitting) - len(shown) if question.cursor else 0
    return LiveAnswer(
        f"{epoch.seq}.{last}",
        instant_text(desk.now_ms),
        epoch[VOCABULARY].zone,
        tuple(_told(shown, epoch)),
        refusals,
        more,
        window.skipped if question.cursor else 0,
    )


def watch(desk: Desk, question: LiveQuestion) -> Iterator[LiveAnswer | None]:
    """Looks, one after the other, for as long as they are taken; None from time to time while nothing comes, so that
    whoever serves them sees that nobody is left.

    Raises what `look` raises, and LimitError at STREAMS_COUNT_MAX, before the first.
    """
    if not _STREAMS.acquire(blocking=False):
        raise LimitError(
            "live.too_many", f"{STREAMS_COUNT_MAX} watch already", remedy="end one of them, or ask again later"
        )
    _STREAMS.release()  # taken anew where the iteration begins: one that never begins must hold nothing
    return _looks(desk, question, look(desk, question))


def _looks(desk: Desk, question: LiveQuestion, found: LiveAnswer) -> Iterator[LiveAnswer | None]:
    with _STREAMS:
        yield found
        quiet = 0
        while True:
            time.sleep(LOOK_PERIOD_S)
            question = replace(question, cursor=found.cursor)
            found = look(desk.renewed(), question)
            quiet = 0 if found.events or found.refusals or found.more or found.skipped else quiet + 1
            if not quiet:
                yield found
            elif quiet % QUIET_LOOKS_MAX == 0:
                yield None


def _place_of(cursor: str) -> tuple[int, int]:
    record, dot, refusal = cursor.partition(".")
    numbers = all(one.isascii() and one.isdecimal() and len(one) <= _NUMBER_CHARS_MAX for one in (record, refusal))
    if cursor and not (dot and numbers):
        raise InvalidError(
            "page.cursor", "this isn't a cursor of ours", where="cursor", remedy="use the cursor of the look before"
        )
    return (int(record), int(refusal)) if cursor else (0, 0)


# ── what passed ─────────────────────────────────────────────────────────────────────────────────


def _window(desk: Desk, after: int, question: LiveQuestion) -> _Window:
    """The events of the newest records, as many as a look may read, in their order."""
    begins = not question.cursor
    with desk.reading() as uow:
        found = passages(uow, after, desk.epoch.seq, RECORDS_TO_BEGIN_MAX if begins else RECORDS_READ_MAX)
        chosen = _within_budget(found)
        bodies = bodies_of(uow, chosen, desk.log.bodies)
    read = [one for one in chosen if one.seq in bodies]
    seen = [
        _Seen(one, place, blob, event)
        for one in reversed(read)
        for blob in (_blob(one, bodies[one.seq]),)
        for place, event in enumerate(blob.events)
    ]
    if begins and len(seen) < question.begin:
        seen = [*_from_timeline(desk.epoch, question, seen), *seen]
    more = sum(one.events for one in found[len(chosen) :])
    skipped = sum(one.events for one in chosen if one.seq not in bodies)
    beyond = found[-1].seq - after - 1 if len(found) == RECORDS_READ_MAX else 0  # records: an event each, at least
    return _Window(seen, more, skipped + max(0, beyond), left_out=bool(more or skipped or beyond))


def _from_timeline(epoch: Epoch, question: LiveQuestion, seen: Sequence[_Seen]) -> list[_Seen]:
    """What came before, and isn't in the inbox any more, to begin with; repeats aren't among it."""
    before = seen[0].passage.seq if seen else epoch.seq + 1
    rows = newest_rows(epoch[TIMELINE], EVENTS_BEFORE_MAX, before, question.type)
    heads = epoch[PEOPLE].head_of
    return [
        _Seen(
            Passage(row.seq, row.arrived_at, Origin.INBOX, 0, 0, frozenset(), frozenset(), ""), place,
            EventBlob(row.feed, False, 0, []), Event(row.id, row.type, row.at, (), {}), int(heads[row.anchor]),
        )
        for place, row in enumerate(rows)
    ]  # fmt: skip


def _blob(passage: Passage, body: bytes) -> EventBlob:
    """The body of a record; one that can't be read, and is quarantined for it, is an event without anything known."""
    try:
        return decode_blob(body)
    except msgspec.MsgspecError:
        return EventBlob("", False, 0, [Event("", "", passage.arrived_at, (), {})])


def _within_budget(found: Sequence[Passage]) -> Sequence[Passage]:
    """The newest records with EVENTS_READ_MAX events; one at least."""
    events = 0
    for count, one in enumerate(found):
        events += one.events
        if count and events > EVENTS_READ_MAX:
            return found[:count]
    return found


def _find_customers(epoch: Epoch, seen: Sequence[_Seen]) -> None:
    carrying = [one for one in seen if one.event.identities]
    heads = customers.heads_of(epoch, [one.event.identities for one in carrying])
    for one, head in zip(carrying, heads.tolist(), strict=True):
        one.head = head


# ── what it changed ─────────────────────────────────────────────────────────────────────────────


def _changes(desk: Desk, after: int, window: _Window) -> Sequence[RecordChange]:
    if not window.seen:
        return []
    heads = np.unique([one.head for one in window.seen if one.head >= 0]).astype(np.int64)
    first = max(after, window.seen[0].passage.seq - 1)
    return changes_of_records(desk, first, desk.epoch.seq, heads, LABEL_CHANGES_READ_MAX)


def _give_labels(epoch: Epoch, window: _Window, changes: Sequence[RecordChange]) -> None:
    """Each change to the event that it is due to: the customer's at that instant, else its last in the group.

    A change is written down with the last record of a group, and names the customer. Where events weren't read, the
    last one isn't known, and only the instant tells.
    """
    by_head: dict[int, list[_Seen]] = {}
    for one in window.seen:
        if one.head >= 0 and not _had_no_effect(one):
            by_head.setdefault(one.head, []).append(one)
    heads = epoch[PEOPLE].head_of
    for change in sorted(changes, key=lambda change: (change.record, change.at, change.label)):
        if change.cause is Cause.IDENTITY and (change.after == NONE or heads[change.head] != change.head):
            continue  # whoever was joined to another leaves everything; that isn't news of this customer
        before = [one for one in by_head.get(change.head, ()) if _may_have_caused(one, change)]
        exact = [one for one in before if one.event.at == change.at]
        due = exact or ([] if window.left_out else before)
        if due:
            due[-1].labels.append(LiveLabel(change.label, change.before, change.after, change.cause.value))


def _may_have_caused(one: _Seen, change: RecordChange) -> bool:
    # What is due to identity may be an edit's doing, and not that of an event before it.
    same = change.cause is Cause.IDENTITY
    return one.passage.seq == change.record if same else one.passage.seq <= change.record


def _had_no_effect(one: _Seen) -> bool:
    return one.place in one.passage.repeated or bool(one.passage.error)


def _fits(one: _Seen, question: LiveQuestion, wanted: int | None, epoch: Epoch) -> bool:
    if question.type and one.event.type != question.type:
        return False
    if question.feed and one.blob.feed != question.feed:
        return False
    if wanted is not None and one.head != wanted:
        return False
    if question.label and all(label.label != question.label for label in one.labels):
        return False
    return not question.problems or bool(_problems(one, epoch))


def _problems(one: _Seen, epoch: Epoch) -> tuple[LiveProblem, ...]:
    event, passage = one.event, one.passage
    late = event.at < passage.arrived_at - LATE_FOR_JOURNEYS_MS
    holds = {
        LiveProblem.QUARANTINED: bool(passage.error),
        LiveProblem.CHANGED: one.place in passage.changed,
        LiveProblem.REPEAT: one.place in passage.repeated and one.place not in passage.changed,
        LiveProblem.UNKNOWN_TYPE: event.type in epoch[CATALOGUE].undeclared_events,
        LiveProblem.HISTORY: one.blob.history,
        LiveProblem.LATE: late and not one.blob.history,
        LiveProblem.FUTURE: event.at > passage.arrived_at,
    }
    return tuple(problem for problem, is_so in holds.items() if is_so)


def _told(shown: Sequence[_Seen], epoch: Epoch) -> Iterator[LiveEvent]:
    heads = sorted({one.head for one in shown if one.head >= 0})
    ids = dict(zip(heads, customers.customer_ids(epoch, heads), strict=True))
    leads = dict(zip(heads, customers.lead_texts(epoch, heads), strict=True))
    for one in shown:
        event = one.event
        carried = event.identities[0].text() if event.identities else ""
        yield LiveEvent(
            one.passage.seq, instant_text(one.passage.arrived_at), instant_text(event.at), event.type, event.id,
            one.blob.feed, ids.get(one.head, ""), leads.get(one.head, carried),
            _problems(one, epoch), tuple(_net(one.labels)), one.passage.error,
        )  # fmt: skip


def _net(labels: Iterable[LiveLabel]) -> Iterable[LiveLabel]:
    """One line a label: what it was before all of it, and after."""
    found: dict[str, LiveLabel] = {}
    for one in labels:
        first = found.get(one.label)
        found[one.label] = one if first is None else LiveLabel(one.label, first.before, one.after, one.cause)
    return (one for one in found.values() if one.before != one.after)


# ── what was refused ────────────────────────────────────────────────────────────────────────────


def _refusals(desk: Desk, after: int, question: LiveQuestion) -> tuple[tuple[LiveRefusal, ...], int]:
    """Refused events since a number, and the newest number; nobody's without a service, or for one customer."""
    found = _asked(desk, after)
    last = max((one.number for one in found), default=after)
    if question.customer or question.label:
        return (), last
    fitting = [
        one for one in found if question.type in ("", one.type) and question.feed in ("", one.feed)
    ]  # fmt: skip
    room = LIVE_REFUSALS_SHOWN_MAX if question.cursor else max(0, min(question.begin, LIVE_REFUSALS_SHOWN_MAX))
    shown = fitting[-room:] if room else []
    return tuple(
        LiveRefusal(instant_text(one.at), one.feed, one.type, one.code, one.path, one.message) for one in shown
    ), last  # fmt: skip


def _asked(desk: Desk, after: int) -> Sequence[Refusal]:
    if not desk.folder.intake_socket.exists():
        return ()
    try:
        client = WireClient(desk.folder.intake_socket, INTAKE_ANSWER_S_MAX)
    except YutangError:
        return ()  # it is started anew; what it refused before is gone with it
    try:
        return msgspec.msgpack.decode(client.call("refusals", "", str(after).encode()), type=list[Refusal])
    except YutangError:
        return ()
    finally:
        client.close()
