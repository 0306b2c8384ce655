"""The door of the customers slice.

The log (`load`, `take_…`, `keep`: what the pass asks), who is who (`find_customer`, `customer_ids`), pages
(`page`, `timeline`, `search`, `reviews`), and changes, which are submitted to the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from yutang.conditions.vocabulary import IDENTITY_ADDED
from yutang.domains.customers import store
from yutang.domains.customers.contracts import (
    CONSOLE_FEED,
    IDENTITY_EDIT,
    IDENTITY_KIND,
    ConsentOrder,
    CustomerCard,
    CustomerList,
    CustomerPage,
    Done,
    Edit,
    EditKind,
    EditOrder,
    IdentityOrder,
    IdentityProblem,
    Kinds,
    KindSpec,
    PairOrder,
    RecordOrder,
    ReviewCard,
    ReviewList,
    SettleOrder,
    TagOrder,
    TimelinePage,
    TraitOrder,
)
from yutang.domains.customers.rules import entering, forgetting, naming, pages, record
from yutang.domains.customers.rules.edits import Speaker
from yutang.domains.customers.rules.kinds import check_kind, kinds_with
from yutang.domains.customers.rules.normalise import parse_identities
from yutang.domains.customers.rules.profile import profile_at
from yutang.domains.customers.rules.roll import Identities, Roll
from yutang.domains.customers.rules.state import CustomersState, Review, identity_id
from yutang.domains.customers.rules.whole import whole
from yutang.kernel.errors import ConflictError, InvalidError, NotFoundError
from yutang.kernel.event import Event, EventBlob, Identity, encode_blob
from yutang.kernel.instants import INSTANT_MAX_MS, INSTANT_MIN_MS, instant_text
from yutang.kernel.limits import BLOB_EVENTS_COUNT_MAX, PAGE_ROWS_COUNT_MAX
from yutang.runtime.desk import Desk
from yutang.runtime.erasing import asking
from yutang.runtime.erasing.contracts import (
    Erased,
    EraseOrder,
    ErasePreview,
    EraseRecord,
    ErasureList,
    Forgotten,
    Proof,
    Sought,
)
from yutang.runtime.log.contracts import EVENTS, Epoch, Record, Slot
from yutang.runtime.slots import PEOPLE, TIMELINE, VOCABULARY
from yutang.storage.database import UnitOfWork
from yutang.timeline.everyone import batch_view
from yutang.timeline.people import NO_ANCHOR, People
from yutang.timeline.pinned import PinnedView
from yutang.timeline.rewriting import affected, has_rows, of_anchors

__all__ = ["CUSTOMERS", "IdentityProblem", "Kinds", "kinds_with", "parse_identities"]

Ints: TypeAlias = npt.NDArray[np.int64]

FIND_CHARS_MAX = 1_024
CANDIDATES_COUNT_MAX = 20
NEAR_PREFIX_CHARS = 3
NEAR_TRIED_MAX = 200
REVIEWS_ON_PAGE_MAX = 20
ROWS_SEARCHED_MAX = 10_000  # of one page of a search

# Identities, evidence, edits and what follows from them; this slice's pass gives it.
CUSTOMERS: Slot[CustomersState] = Slot("customers")

Met: TypeAlias = record.Met
BurstError: TypeAlias = record.BurstError
Rows: TypeAlias = record.Rows


@dataclass(frozen=True, slots=True)
class Taken:
    """What a record changed. touched: heads of customers with events or made anew. rows: None: nothing to keep.

    moved: of a group, the anchors whose customers may have changed on the way; see `rules.record.moved`.
    """

    state: CustomersState
    people: People
    anchors: Ints
    touched: Ints
    rows: Rows | None
    moved: Ints | None = None


# ── the log: what the pass asks ─────────────────────────────────────────────────────────────────


def load(uow: UnitOfWork) -> tuple[CustomersState, People]:
    """The state as stored."""
    table = kinds_with(store.read_kinds(uow))
    roll = Roll(*store.read_identities(uow))
    a, b = store.read_evidence(uow)
    state = whole(table, roll, a, b, store.read_edits(uow, Identities(roll)))
    return state, _people_of(state)


def _people_of(state: CustomersState) -> People:
    """The people of a state that was made of a roll."""
    roll = state.identities.roll
    labels = state.label_column()
    heads = np.arange(len(labels))
    np.minimum.at(heads, labels, np.arange(len(labels)))
    people = People.empty()
    names, bits = _kind_bits(people, state.kinds)
    alive = np.array([kind != "" for kind, _ in roll.pairs], np.bool_)[roll.place]
    owned = np.array([bits.get(kind, 0) for kind, _ in roll.pairs], np.int64)[roll.place]
    people = People.from_columns(np.where(alive, heads[labels], NO_ANCHOR), roll.hashes)
    return people.owning(np.arange(len(labels)), owned, names)


def take_events(
    state: CustomersState, people: People, events: Sequence[Event], seq: int, met: Met, *, group: bool = False
) -> Taken:
    """Anchor a record's events, and group customers by the evidence that is new.

    group: they are of several records; BurstError if it takes one after the other to do them justice.
    """
    carried = [event.identities for event in events]
    anchors, change = record.anchor_events(state, carried, seq, met, bursts=not group)
    taken = _taken(state, people, np.array(anchors, np.int64), change)
    if not group or change is None or not (change.rows.links or change.regrouped):
        return taken
    return replace(taken, moved=np.array(record.moved(state, change), np.int64))


def take_edit(state: CustomersState, people: People, log_record: Record) -> tuple[Taken, list[Edit]]:
    """Follow an IDENTITY_EDIT record. Raises InvalidError, NotFoundError, ConflictError."""
    speaker = Speaker(log_record.actor, log_record.arrived_at, log_record.seq)
    change, lines = record.take_edit(state, log_record.body, speaker)
    return _taken(state, people, np.empty(0, np.int64), change), lines


def take_kind(state: CustomersState, people: People, log_record: Record) -> tuple[Taken, KindSpec]:
    """Follow an IDENTITY_KIND record. Raises IdentityProblem."""
    change, spec = record.take_kind(state, log_record.body, log_record.actor, log_record.seq)
    return _taken(state, people, np.empty(0, np.int64), change), spec


def take_erase(uow: UnitOfWork, epoch: Epoch, log_record: Record) -> tuple[Taken, Forgotten]:
    """Follow an ERASE record. Raises NotFoundError, and ConflictError if the customer isn't whom the asker saw."""
    order = msgspec.msgpack.decode(log_record.body, type=EraseRecord)
    state, people = epoch[CUSTOMERS], epoch[PEOPLE]
    if state.dead(order.number):
        raise NotFoundError("customer.erased", f"{order.customer} is erased already", remedy="nothing is left to do")
    if tuple(state.members(order.number)) != order.members:
        raise ConflictError(
            "erase.changed", f"{order.customer} has other identities by now than when it was asked for",
            remedy="look at it again with --dry-run, and ask again",
        )  # fmt: skip
    a, b = store.read_evidence(uow)
    found = forgetting.parting(state, order.number, a, b, partial(has_rows, epoch[TIMELINE]))
    after = forgetting.without(state, found, a, b)
    now = _people_of(after)
    anchors = np.unique(np.array([*found.members, *found.gone], np.int64))
    rows = Rows(log_record.seq, forgotten=found)
    taken = Taken(after, now, anchors, _regrouped_heads(people, now), rows)
    gone = tuple(state.identities[number] for number in found.gone)
    kept = tuple(state.identities[number] for number in found.kept)
    return taken, Forgotten(order.customer, anchors, gone, kept, order.reason.strip())


def _regrouped_heads(before: People, now: People) -> Ints:
    """The heads of the customers that have other anchors than before."""
    old, new = before.head_of, now.head_of
    stirred = np.isin(old, old[old != new])
    heads: Ints = np.unique(new[stirred])
    alive: Ints = heads[heads != NO_ANCHOR]
    return alive


def _taken(state: CustomersState, people: People, anchors: Ints, change: record.Change | None) -> Taken:
    if change is None:
        return Taken(state, people, anchors, np.unique(people.head_of[anchors]), None)
    if change.hashes:
        people = _with_identities(people, change)
    people = people.regrouped({head: np.array(group, np.int64) for head, group in change.regrouped.items()})
    heads = np.fromiter(change.regrouped, np.int64, len(change.regrouped))
    touched = np.unique(np.concatenate([people.head_of[anchors], heads]))
    return Taken(change.state, people, anchors, touched, change.rows)


def _with_identities(people: People, change: record.Change) -> People:
    names, bits = _kind_bits(people, change.state.kinds)
    owned = np.array([bits.get(row[1], 0) for row in change.rows.identities], np.int64)
    people = people.with_anchors(change.state.count, np.array(change.hashes, np.int64), owned)
    return people.owning(np.empty(0, np.int64), np.empty(0, np.int64), names)


def _kind_bits(people: People, table: Kinds) -> tuple[tuple[str, ...], dict[str, int]]:
    """All kinds, those known before first, and the bit of each."""
    names = tuple(dict.fromkeys((*people.kinds, *table.specs)))
    return names, {name: 1 << place for place, name in enumerate(names)}


def keep(uow: UnitOfWork, rows: Rows) -> None:
    """Store what a record added, or took."""
    if rows.forgotten is not None:
        store.forget(uow, rows.forgotten.members, rows.forgotten.gone)
    store.add_identities(uow, rows.identities)
    store.add_evidence(uow, [*rows.links, *store.missing_evidence(uow, rows.doubtful_links)], rows.seq)
    for line, numbers in rows.edits:
        store.add_edit(uow, line, numbers)
    for spec, actor in rows.kinds:
        store.add_kind(uow, spec, actor, rows.seq)


# ── who is who ──────────────────────────────────────────────────────────────────────────────────


def customer_ids(epoch: Epoch, heads: Ints | Sequence[int]) -> list[str]:
    """The public ids of customers, in the order of their heads."""
    state = epoch[CUSTOMERS]
    numbers: list[int] = heads.tolist() if isinstance(heads, np.ndarray) else list(heads)
    return [state.public_id(number) for number in numbers]


def leads(epoch: Epoch, people: People, heads: Ints) -> Ints:
    """The strongest identity of each customer of a grouping, today's or an earlier one: whose id the customer has."""
    state = epoch[CUSTOMERS]
    offsets, anchors = people.members(heads)
    found = np.array(heads, np.int64)
    for place in np.flatnonzero(np.diff(offsets) > 1).tolist():
        found[place] = min(anchors[offsets[place] : offsets[place + 1]].tolist(), key=state.strength)
    return found


def identity_ids(epoch: Epoch, numbers: Sequence[int]) -> list[str]:
    """The ids of identities themselves, whoever they belong to; each opens its customer's page."""
    state = epoch[CUSTOMERS]
    return [identity_id(state.identities[number]) for number in numbers]


def heads_of(epoch: Epoch, carried: Sequence[Sequence[Identity]]) -> Ints:
    """The customers of events that were processed, by the identities that they carry; -1: nobody's by now."""
    state, heads = epoch[CUSTOMERS], epoch[PEOPLE].head_of
    known: dict[tuple[Identity, ...], int] = {}
    for identities in {tuple(one) for one in carried}:
        numbers = [state.index.find(identity) for identity in sorted(set(identities))]
        found = [number for number in numbers if number is not None and number < len(heads)]
        # As they were anchored: the first of the strongest kind.
        known_all = len(found) == len(numbers) and bool(found)
        anchor = min(found, key=lambda number: state.spaces[number].order) if known_all else -1
        known[identities] = int(heads[anchor]) if anchor >= 0 else -1
    return np.array([known[tuple(one)] for one in carried], np.int64)


def lead_texts(epoch: Epoch, heads: Sequence[int]) -> list[str]:
    """The strongest identity of each customer, as people write it."""
    state = epoch[CUSTOMERS]
    return [state.identities[state.lead(head)].text() for head in heads]


def find_identity(desk: Desk, text: str) -> int:
    """The identity that a text names: a public id, `kind:value`, `kind:scope:value`, or a bare value.

    Raises NotFoundError with what comes close, InvalidError with the candidates if several customers fit.
    A public id stays good after a merge: it names the identity that led the customer once.
    """
    state, wanted = desk.epoch[CUSTOMERS], text.strip()
    if not wanted or len(wanted) > FIND_CHARS_MAX:
        raise InvalidError(
            "customer.unnamed", "no customer is named", remedy="give an id, kind:value, or a value such as a phone"
        )
    with desk.reading() as uow:
        found = store.numbers_by_public_id(uow, wanted)
        found = found or list(naming.numbers_named(state, wanted, desk.settings.country))
        if not found:
            for value in naming.spellings(wanted, desk.settings.country):
                found += store.numbers_by_value(uow, value, CANDIDATES_COUNT_MAX)
        found = [number for number in found if number < state.count and not state.dead(number)]
        begin = wanted.rpartition(":")[2][:NEAR_PREFIX_CHARS]
        near = [] if found else store.numbers_by_prefix(uow, begin, -1, NEAR_TRIED_MAX)
    if not found:
        raise naming.nobody(state, wanted, [number for number in near if number < state.count])
    if len({state.label(number) for number in found}) > 1:
        raise naming.ambiguous(state, wanted, found)
    return min(found, key=state.strength)


def find_customer(desk: Desk, text: str) -> int:
    """The head of the customer whom a text names; see `find_identity`."""
    return int(desk.epoch[PEOPLE].head_of[find_identity(desk, text)])


# ── pages ───────────────────────────────────────────────────────────────────────────────────────


def page(desk: Desk, customer: str, as_of: str = "") -> CustomerPage:
    """A customer's page at an instant (pool time by default), with today's identities."""
    instant = pages.instant_of(as_of, desk.now_ms, "as_of")
    state, head, language = desk.epoch[CUSTOMERS], find_customer(desk, customer), desk.settings.language
    view = _view(desk, [head])
    profile = profile_at(view, instant, language)
    first, last = pages.seen(view, instant)
    found = list(pages.reviews_of(state, head))[:REVIEWS_ON_PAGE_MAX]
    return CustomerPage(
        state.public_id(head), instant_text(instant), state.shared(head), first[0], last[0],
        pages.identity_cards(state, head, language), profile.traits, profile.tags, profile.consents,
        profile.relations, profile.records, pages.edit_cards(state, head), _review_cards(desk, found),
    )  # fmt: skip


def timeline(
    desk: Desk, customer: str, *, types: Sequence[str] = (), channel: str = "", since: str = "", until: str = "",
    cursor: str = "", limit: int = 50,
) -> TimelinePage:  # fmt: skip
    """A customer's events, newest first: of some types, on a channel, from `since` up to `until`, both included."""
    head = find_customer(desk, customer)
    view = _view(desk, [head])
    span = (pages.instant_of(since, INSTANT_MIN_MS, "since"), pages.instant_of(until, INSTANT_MAX_MS, "until"))
    limit = max(1, min(limit, PAGE_ROWS_COUNT_MAX))
    known = set(view.types())
    wanted = [name for name in types if name in known] if types else sorted(known)
    before = pages.place_of(cursor) if cursor else None
    found = pages.newest(view, wanted, span, before, channel, limit + 1)
    following = pages.cursor_of(found[limit - 1].order) if len(found) > limit else ""
    events = tuple(pages.timeline_event(view, fact, desk.settings.language) for fact in found[:limit])
    return TimelinePage(desk.epoch[CUSTOMERS].public_id(head), events, following)


def search(desk: Desk, query: str = "", cursor: str = "", limit: int = 50) -> CustomerList:
    """Customers by the beginning of an identity's value or of an id, or by `kind:value`; all, if nothing is asked."""
    state, limit = desk.epoch[CUSTOMERS], max(1, min(limit, PAGE_ROWS_COUNT_MAX))
    wanted, after = query.strip()[:FIND_CHARS_MAX], pages.number_of(cursor)
    heads, last = _named_heads(desk, wanted), -1
    if not heads:
        heads, last = _matching_heads(desk, wanted, after, limit)
    if not heads and not cursor:  # a phone as people write it
        for spelling in naming.spellings(wanted, desk.settings.country):
            heads = heads or _matching_heads(desk, spelling, after, limit)[0]
    view = _view(desk, heads)
    first, latest = pages.seen(view, desk.now_ms)
    cards = tuple(
        CustomerCard(
            state.public_id(head), state.identities[state.lead(head)].text(), len(state.members(head)),
            state.shared(head), first[place], latest[place],
        )
        for place, head in enumerate(heads)
    )  # fmt: skip
    return CustomerList(cards, str(last) if last >= 0 else "")


def _named_heads(desk: Desk, wanted: str) -> list[int]:
    state = desk.epoch[CUSTOMERS]
    found = naming.numbers_named(state, wanted, desk.settings.country) if ":" in wanted else ()
    return sorted({int(desk.epoch[PEOPLE].head_of[number]) for number in found if not state.dead(number)})


def _matching_heads(desk: Desk, wanted: str, after: int, limit: int) -> tuple[list[int], int]:
    """(heads of customers whose first matching identity comes next, its number to go on from, or -1)."""
    state, heads = desk.epoch[CUSTOMERS], desk.epoch[PEOPLE].head_of
    found: list[int] = []
    with desk.reading() as uow:
        for _ in range(ROWS_SEARCHED_MAX // limit):
            numbers = store.numbers_by_prefix(uow, wanted, after, limit)
            for number in numbers:
                if number < state.count and not state.dead(number) and naming.first_match(state, number, wanted):
                    found.append(int(heads[number]))
                    if len(found) == limit:
                        return found, number
            if len(numbers) < limit:
                return found, -1
            after = numbers[-1]
    return found, after


def reviews(desk: Desk, cursor: str = "", limit: int = 50) -> ReviewList:
    """What waits for people's judgement."""
    found, limit = pages.reviews_in_order(desk.epoch[CUSTOMERS]), max(1, min(limit, PAGE_ROWS_COUNT_MAX))
    start = pages.number_of(cursor) + 1
    following = str(start + limit - 1) if len(found) > start + limit else ""
    return ReviewList(_review_cards(desk, found[start : start + limit]), following)


def _review_cards(desk: Desk, found: Sequence[Review]) -> tuple[ReviewCard, ...]:
    state, language = desk.epoch[CUSTOMERS], desk.settings.language
    with desk.reading() as uow:
        linked = [store.linked_count(uow, one.b) if one.a == one.b else 0 for one in found]
    return tuple(pages.review_card(state, one, language, count) for one, count in zip(found, linked, strict=True))


def _view(desk: Desk, heads: Iterable[int]) -> PinnedView:
    epoch = desk.epoch
    return batch_view(epoch[TIMELINE], epoch[PEOPLE], np.array([*heads], np.int64), epoch[VOCABULARY])


# ── changes ─────────────────────────────────────────────────────────────────────────────────────


def merge(desk: Desk, order: PairOrder) -> Done:
    """Say that two are the same customer. Raises ConflictError where that contradicts other words of people."""
    return _edit_pair(desk, EditKind.MERGE, order)


def unmerge(desk: Desk, order: PairOrder) -> Done:
    """Withdraw a merge; what only evidence holds together is said to be different."""
    return _edit_pair(desk, EditKind.UNMERGE, order)


def _edit_pair(desk: Desk, kind: EditKind, order: PairOrder) -> Done:
    a, b = (_identity(desk, text) for text in (order.a, order.b))
    return _submit_edit(desk, EditOrder(kind, a, b, order.why))


def settle(desk: Desk, review_id: str, order: SettleOrder) -> Done:
    """Answer a review: the same person, or different. Raises NotFoundError if it doesn't stand any more."""
    ends = pages.find_review(desk.epoch[CUSTOMERS], review_id)
    if ends is None:
        raise NotFoundError("review.unknown", "this review doesn't stand any more", remedy="list the reviews again")
    members = tuple(_identity(desk, text) for text in order.members)
    return _submit_edit(desk, EditOrder(EditKind.SETTLE, *ends, order.why, order.same, members))


def _identity(desk: Desk, text: str) -> Identity:
    return desk.epoch[CUSTOMERS].identities[find_identity(desk, text)]


def _submit_edit(desk: Desk, order: EditOrder) -> Done:
    outcome = desk.submit(IDENTITY_EDIT, msgspec.msgpack.encode(order))
    state = desk.renewed().epoch[CUSTOMERS]
    a, b = state.index.find(order.a), state.index.find(order.b)
    assert a is not None and b is not None, "edits name known identities"
    together = state.label(a) == state.label(b)
    return Done(state.public_id(a), int(outcome["seq"]), together, tuple(outcome.get("edits", ())))


def kinds(desk: Desk) -> tuple[KindSpec, ...]:
    """The table of kinds in force, strongest first."""
    return tuple(sorted(desk.epoch[CUSTOMERS].kinds.specs.values(), key=lambda spec: (spec.order, spec.name)))


def declare_kind(desk: Desk, spec: KindSpec) -> Done:
    """Declare a kind of identity of the brand's own. Raises IdentityProblem."""
    check_kind(spec, desk.epoch[CUSTOMERS].kinds)
    return Done("", int(desk.submit(IDENTITY_KIND, msgspec.msgpack.encode(spec))["seq"]))


def set_traits(desk: Desk, customer: str, order: TraitOrder) -> Done:
    """Set or unset traits of a customer, as the console."""
    entries = entering.trait_entries(order, desk.epoch[VOCABULARY], strict=desk.settings.strict)
    return _enter(desk, customer, entries)


def set_record(desk: Desk, customer: str, order: RecordOrder) -> Done:
    """Set or end a record that a customer owns."""
    return _enter(desk, customer, entering.record_entries(order, desk.epoch[VOCABULARY], strict=desk.settings.strict))


def tag(desk: Desk, customer: str, order: TagOrder) -> Done:
    """Give or take a tag by hand."""
    return _enter(desk, customer, entering.tag_entries(order, desk.actor))


def tag_many(desk: Desk, numbers: Ints, order: TagOrder, at: int) -> None:
    """Give or take a tag, at one instant, of the customers of many identities, each by that identity.

    As records of some thousands, one after the other: what ends in between is done by asking again, and what stands
    already does no harm. Who is erased meanwhile is left out. Cost: some 20 µs and 300 bytes of the inbox for each.
    """
    (entry,) = entering.tag_entries(order, desk.actor)
    for start in range(0, len(numbers), BLOB_EVENTS_COUNT_MAX):
        desk = desk.renewed()
        state, epoch = desk.epoch[CUSTOMERS], desk.epoch
        some = [number for number in numbers[start : start + BLOB_EVENTS_COUNT_MAX].tolist() if not state.dead(number)]
        if not some:
            continue
        ties = _last_ties(epoch, np.array(some, np.int64), at)
        hand = entering.Hand(desk.actor, at, epoch.seq, -1)
        events = entering.mass(entry, [state.identities[number] for number in some], hand, ties.tolist())
        desk.submit(EVENTS, encode_blob(EventBlob(CONSOLE_FEED, False, epoch[VOCABULARY].version, events)))


def _last_ties(epoch: Epoch, numbers: Ints, at: int) -> Ints:
    """int64: the greatest hash among the state events at an instant of the customer of each identity, -1: none."""
    heads, places = np.unique(epoch[PEOPLE].head_of[numbers], return_inverse=True)
    view = PinnedView(epoch[TIMELINE], epoch[PEOPLE], heads, epoch[VOCABULARY])
    last = np.full(len(heads), -1, np.int64)
    for name in view.types():
        if view.is_system(name):
            found = view.events(name, ())
            rows = np.flatnonzero(found.at == at)
            np.maximum.at(last, np.searchsorted(found.offsets, rows, side="right") - 1, found.tie[rows])
    return last[places]


def consent(desk: Desk, customer: str, order: ConsentOrder) -> Done:
    """Note that consent was given or withdrawn."""
    return _enter(desk, customer, entering.consent_entries(order))


def add_identities(desk: Desk, customer: str, order: IdentityOrder) -> Done:
    """Add identities to a customer, as evidence that an event would be."""
    table, settings = desk.epoch[CUSTOMERS].kinds, desk.settings
    more = parse_identities(order.identities, settings.country, table, strict=settings.strict)
    return _enter(desk, customer, [(IDENTITY_ADDED, {})], more)


def _enter(desk: Desk, customer: str, entries: Sequence[entering.Entry], more: Sequence[Identity] = ()) -> Done:
    if not entries:
        raise InvalidError("entry.nothing", "there is nothing to set", remedy="name at least one")
    state, head, epoch = desk.epoch[CUSTOMERS], find_customer(desk, customer), desk.epoch
    at, view, last = desk.now_ms, _view(desk, [head]), -1
    for name in view.types():
        if view.is_system(name):
            found = view.events(name, ())
            last = max(last, int(found.tie[found.at == at].max(initial=-1)))
    lead = state.identities[state.lead(head)]
    events = entering.events(entries, (lead, *more), entering.Hand(desk.actor, at, epoch.seq, last))
    blob = EventBlob(CONSOLE_FEED, False, epoch[VOCABULARY].version, events)
    outcome = desk.submit(EVENTS, encode_blob(blob))
    after = desk.renewed().epoch[CUSTOMERS]
    number = after.index.find(lead)
    assert number is not None, "the customer's own identity is known"
    return Done(after.public_id(number), int(outcome["seq"]))


# ── erasing ─────────────────────────────────────────────────────────────────────────────────────


def preview_erase(desk: Desk, customer: str) -> ErasePreview:
    """What erasing a customer would take, as it stands now."""
    state, found = _parting(desk, customer)
    gone = [state.identities[one] for one in found.gone]
    head = int(desk.epoch[PEOPLE].head_of[found.members[0]])
    view = _view(desk, [head])
    counted = {name: len(view.events(name, ()).at) for name in view.types()}
    files = affected(desk.epoch[TIMELINE], of_anchors(np.array(found.members, np.int64)))
    return ErasePreview(
        state.public_id(head), tuple(one.text() for one in gone),
        tuple(state.identities[one].text() for one in found.kept),
        {name: count for name, count in counted.items() if count}, tuple(sorted(files)),
        tuple(Sought(one.kind, one.value) for one in gone),
    )  # fmt: skip


def _parting(desk: Desk, customer: str) -> tuple[CustomersState, forgetting.Parting]:
    """Who goes with a customer, by the pinned epoch: of newer evidence, only what it knows."""
    epoch, number = desk.epoch, find_identity(desk, customer)
    state = epoch[CUSTOMERS]
    with desk.reading() as uow:
        a, b = store.read_evidence(uow)
    known = (a < state.count) & (b < state.count)
    found = forgetting.parting(state, number, a[known], b[known], partial(has_rows, epoch[TIMELINE]))
    return state, replace(found, gone=tuple(sorted(found.gone, key=state.strength)))


def erase(desk: Desk, customer: str, order: EraseOrder) -> Erased:
    """Erase a customer: all their identities, events and what follows from them; then search for what is left."""
    state, found = _parting(desk, customer)
    gone = [state.identities[one] for one in found.gone]
    number = found.members[0]
    record = EraseRecord(number, state.public_id(number), found.members, order.reason)
    erasure = asking.hand_over(desk, record, gone)
    kept = tuple(state.identities[one].text() for one in found.kept)
    return Erased(erasure, kept, judged(prove(desk, erasure.at, gone)))


def judged(proof: Proof) -> Proof:
    """The proof, if nothing was left. Raises DamagedError with the places otherwise."""
    return asking.judged(proof)


def prove(desk: Desk, erased_at: str, gone: Sequence[Identity]) -> Proof:
    """Search the pool's folder for the values of identities that were erased at an instant."""
    with desk.reading() as uow:
        alive = store.values_alive(uow, [identity.value for identity in gone])
    return asking.prove(desk, gone, alive, pages.instant_of(erased_at, desk.now_ms, "erased_at"))


def erasures(desk: Desk) -> ErasureList:
    """The tombstones, newest first."""
    return ErasureList(asking.tombstones(desk))
