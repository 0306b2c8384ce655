"""The catalogue's door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from typing import TypeVar

import msgspec

from yutang.conditions.vocabulary import STATE_EVENTS, Vocabulary
from yutang.domains.catalogue import store
from yutang.domains.catalogue.contracts import (
    CATALOGUE_EDIT,
    DECLARATION_BYTES_MAX,
    RETENTION_DAYS_MAX,
    Catalogue,
    CatalogueCards,
    Declarations,
    Declared,
    DeclareFile,
    ReadVocabulary,
    Retention,
    RetentionApplied,
    RetentionDone,
    RetentionList,
    RetentionNeed,
    RetentionOrder,
    Row,
    ShowCatalogue,
)
from yutang.domains.catalogue.rules import cards, declare, documents, seen
from yutang.kernel.errors import InvalidError, LimitError, YutangError
from yutang.kernel.event import Event
from yutang.kernel.instants import DAY_MS, instant_text
from yutang.runtime.desk import Desk
from yutang.runtime.log.contracts import RETAIN, Slot
from yutang.runtime.rewriting_pass import RetainRecord
from yutang.runtime.slots import TIMELINE
from yutang.storage.database import UnitOfWork

T = TypeVar("T")

# The catalogue with what is undeclared; VOCABULARY (runtime.slots) is what conditions see of it.
CATALOGUE: Slot[Catalogue] = Slot("catalogue")

_declarations_decoder = msgspec.json.Decoder(Declarations)


def read_document(text: str, shape: type[T], origin: str) -> T:
    """A YAML document as an instance of a dataclass, strictly; see `rules.documents`. Raises InvalidError."""
    return documents.read_document(text, shape, origin)


def read_declarations(text: str, origin: str) -> Declarations:
    """A declaration file. Raises InvalidError with line and path."""
    return documents.read_document(text, Declarations, origin)


@cache
def built_in_vocabulary(zone: str, currency: str) -> Vocabulary:
    """The vocabulary of a new pool, version 0."""
    text = resources.files(__package__).joinpath("builtin.yaml").read_text("utf-8")
    return declare.built_in(read_declarations(text, "builtin.yaml"), zone, currency)


def open_catalogue(uow: UnitOfWork, zone: str, currency: str) -> Catalogue:
    """The catalogue as stored; the built-in one in a new pool."""
    return cards.with_rows(Catalogue(0, built_in_vocabulary(zone, currency)), store.read_rows(uow))


def write_rows(uow: UnitOfWork, rows: Sequence[Row]) -> None:
    """Keep what `changed_rows` found, in the caller's transaction."""
    store.write_rows(uow, rows)


def changed_rows(old: Catalogue, new: Catalogue) -> tuple[Row, ...]:
    """What must be kept to get from one catalogue to the other."""
    return cards.changed_rows(old, new)


def apply_edit(catalogue: Catalogue, body: bytes) -> tuple[Catalogue, tuple[str, ...]]:
    """The catalogue after a record of kind `catalogue_edit`, and the names that changed. Raises YutangError."""
    return declare.apply_declarations(catalogue, _declarations_decoder.decode(body))


def with_seen(catalogue: Catalogue, events: Sequence[Event]) -> Catalogue:
    """The catalogue with what the events mention for the first time; itself if that is nothing."""
    return seen.with_seen(catalogue, events)


def show(desk: Desk, _question: ShowCatalogue | None = None) -> CatalogueCards:
    """The whole catalogue, by name."""
    return cards.cards(desk.epoch[CATALOGUE])


def declare_draft(desk: Desk, declarations: Declarations, *, check: bool = False) -> Declared:
    """Declare, and wait until the log has taken it; check: only say what would change. Raises YutangError."""
    result, names = declare.apply_declarations(desk.epoch[CATALOGUE], declarations)
    if check or not names:
        return Declared(result.version, names)
    body = msgspec.json.encode(declarations)
    if len(body) > DECLARATION_BYTES_MAX:
        raise LimitError(
            "catalogue.too_large", f"the declarations take {len(body)} bytes",
            remedy=f"split them; {DECLARATION_BYTES_MAX} is the most",
        )  # fmt: skip
    verdict = desk.submit(CATALOGUE_EDIT, body)
    return Declared(int(verdict["version"]), tuple(verdict["names"]))


def declare_file(desk: Desk, question: DeclareFile) -> Declared:
    """Declare what a YAML file says; errors name the file, and its line or path."""
    declarations = read_declarations(question.text, question.origin)
    try:
        return declare_draft(desk, declarations, check=question.check)
    except YutangError as error:
        error.where = f"{question.origin} {error.where}".rstrip()
        raise


def read_catalogue(desk: Desk, _question: ReadVocabulary | None = None) -> Catalogue:
    """All that checking events needs to know; labels are left out."""
    return desk.epoch[CATALOGUE]


# ── retention ───────────────────────────────────────────────────────────────────────────────────

# How far back live labels look at an event type, in days (0: any time); given by who knows labels.
Needs = Callable[[Desk, str], Sequence[RetentionNeed]]


def set_retention(desk: Desk, order: RetentionOrder, needs: Needs) -> RetentionDone:
    """Say for how long a type's events are kept; 0 days: for good. What is too old goes with the next applying."""
    known = {*desk.epoch[CATALOGUE].vocabulary.events, *(one.name for one in STATE_EVENTS)}
    if order.type not in known:
        raise InvalidError(
            "retention.type", f"there is no event type {order.type!r}", where="type",
            remedy="`yutang catalogue show` lists them",
        )  # fmt: skip
    if not 0 <= order.days <= RETENTION_DAYS_MAX:
        raise InvalidError(
            "retention.days", f"{order.days} can't be a number of days", where="days",
            remedy=f"write 1 to {RETENTION_DAYS_MAX}, or 0 to keep events for good",
        )  # fmt: skip
    now_ms = desk.now_ms
    with desk.database.unit() as uow:
        store.set_retention(uow, order.type, order.days, now_ms, desk.actor)
    blind = [one for one in needs(desk, order.type) if order.days and not 0 < one.days <= order.days]
    system = any(one.name == order.type for one in STATE_EVENTS)
    return RetentionDone(Retention(order.type, order.days, instant_text(now_ms), desk.actor), tuple(blind), system)


def retentions(desk: Desk) -> RetentionList:
    """For how long the events of types are kept."""
    with desk.reading() as uow:
        found = store.read_retention(uow)
    return RetentionList(
        tuple(Retention(row.type, row.days, instant_text(row.changed_at), row.changed_by) for row in found)
    )


def apply_retention(desk: Desk) -> RetentionApplied:
    """Drop the events that are older, by `at` and pool time, than their type is kept for; wait until that is done."""
    cuts = {one.type: desk.now_ms - one.days * DAY_MS for one in retentions(desk).retentions}
    if not cuts:
        return RetentionApplied({})
    outcome = desk.submit(RETAIN, msgspec.msgpack.encode(RetainRecord(cuts)))
    desk.database.leave_no_trace()
    return RetentionApplied(dict(outcome.get("events", {})))


def retention_due(desk: Desk) -> bool:
    """Whether any event is older by a day at least than its type is kept for: so a day's first look applies it."""
    state = desk.epoch[TIMELINE]
    for one in retentions(desk).retentions:
        cut = desk.now_ms - (one.days + 1) * DAY_MS
        track = state.tracks.get(one.type)
        if track is not None and any(run.rows and int(run.at.min()) < cut for run in track.runs):
            return True
    return False


def retain_daily(desk: Desk) -> None:
    """A service's chore: apply retention once something is a day too old."""
    if retention_due(desk):
        apply_retention(desk)
