"""The words that cross the door of the customers slice: kinds of identity, edits, reviews, pages.

Invariant: frozen plain values. Ids in answers are public ids (`c…`), instants are RFC 3339 text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from yutang.kernel.errors import InvalidError
from yutang.kernel.event import Identity

# Kinds of records of the log that belong to this slice.
IDENTITY_EDIT = "identity_edit"
IDENTITY_KIND = "identity_kind"

# The feed of state events that people enter by hand.
CONSOLE_FEED = "console"

REASON_CHARS_MAX = 1_000
# No identity links more others than this: what so many share is a terminal, a guest account or a filler
# value ("null"), whatever its kind. Bounds the work that one new event can cause.
LINKS_COUNT_MAX = 1_000


class IdentityProblem(InvalidError):  # noqa: N818  # one of a list of problems, not always raised
    """An identity that a caller sent can't be taken; `where` is its key."""


class Form(StrEnum):
    """How the values of a kind are normalised."""

    PLAIN = "plain"
    PHONE = "phone"
    EMAIL = "email"


# Strength is (order, identity): personal kinds first, then what people may share, then the weak.
_CLASS_STEP = 1_000


@dataclass(frozen=True, slots=True)
class KindSpec:
    """A kind of identity.

    rank: 1 to 999, smaller is stronger within personal, shared and weak, which follow in this order.
    personal: belongs to one person, so it anchors before all that people may share. weak: attaches to one
    customer and detaches on meeting a second. unique: a customer has one value of it (a scope). cap: how
    many distinct personal identities a shared one may link; 0: no cap. scoped: told apart by app or corp.
    declared: in the table; else met in an event and taken as shared and weak."""

    name: str
    rank: int
    personal: bool = False
    weak: bool = False
    unique: bool = False
    cap: int = 0
    scoped: bool = False
    form: Form = Form.PLAIN
    title_zh: str = ""
    title_en: str = ""
    declared: bool = True

    @property
    def order(self) -> int:
        """The place among all kinds; smaller is stronger."""
        return (0 if self.personal else 2 if self.weak else 1) * _CLASS_STEP + self.rank


@dataclass(frozen=True, slots=True)
class Kinds:
    """The table of kinds in force, and how many others an identity may be linked with."""

    specs: Mapping[str, KindSpec]
    links_count_max: int = LINKS_COUNT_MAX

    def __getitem__(self, name: str) -> KindSpec:
        """The spec of a kind; one that isn't in the table counts as shared and weak."""
        return self.specs.get(name) or KindSpec(name, rank=999, weak=True, scoped=True, declared=False)

    def __contains__(self, name: object) -> bool:
        return name in self.specs


class EditKind(StrEnum):
    """What people may do to identities."""

    MERGE = "merge"
    UNMERGE = "unmerge"
    SETTLE = "settle"


class Verdict(StrEnum):
    """What people said of two identities, or (of one and itself, `different`) of a review of an identity."""

    SAME = "same"
    DIFFERENT = "different"
    NONE = "none"  # an earlier word was withdrawn


@dataclass(frozen=True, slots=True)
class Edit:
    """One line of the edit log: from `seq` on the verdict of the pair (a, b) is this.

    a, b: what was settled; for an unmerge that withdraws an earlier merge, the pair of that merge.
    asked_a, asked_b: what the person named."""

    id: int
    kind: EditKind
    verdict: Verdict
    a: Identity
    b: Identity
    asked_a: Identity
    asked_b: Identity
    actor: str
    at_ms: int
    reason: str
    seq: int


class EditOrder(msgspec.Struct, frozen=True):
    """The body of an IDENTITY_EDIT record. For a settle: a, b are the ends of the review.

    members: for a review of an over-full identity settled as `same`: who it belongs to."""

    kind: EditKind
    a: Identity
    b: Identity
    reason: str
    same: bool = True
    members: tuple[Identity, ...] = ()


class ReviewReason(StrEnum):
    """Why evidence wasn't followed, or what an identity would have joined came apart."""

    CAP = "cap"  # linked to more people than its kind allows
    CROWD = "crowd"  # linked to more than LINKS_COUNT_MAX others
    UNIQUE = "unique"  # would put two values of a unique kind into one customer
    CANNOT = "cannot"  # would join what people said are different


# ── pages ───────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class IdentityCard:
    """An identity of a customer. verified: its kind is no claim. over: seen with too many, so it links nobody.

    id: opens the customer's page for ever, whoever they are merged with. weak: attached, may detach.
    """

    id: str
    kind: str
    title: str
    scope: str
    value: str
    personal: bool
    weak: bool
    verified: bool
    over: bool


@dataclass(frozen=True, slots=True)
class TraitCard:
    """A trait's value, since when, and who gave it. Money is {minor, currency}, instants are RFC 3339."""

    name: str
    title: str
    value: Any
    since: str
    feed: str
    source: str


@dataclass(frozen=True, slots=True)
class TagCard:
    """A tag that was given by hand."""

    tag: str
    group: str
    by: str
    reason: str
    since: str


@dataclass(frozen=True, slots=True)
class ConsentCard:
    """Consent that stands."""

    channel: str
    purpose: str
    since: str


@dataclass(frozen=True, slots=True)
class RelationCard:
    """A relation (follow, friend, group, member) that stands."""

    relation: str
    object: str
    since: str


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A record that the customer owns: open since, or ended at."""

    kind: str
    title: str
    record: str
    open: bool
    since: str
    ended: str
    traits: tuple[TraitCard, ...]


@dataclass(frozen=True, slots=True)
class EditCard:
    """A line of the edit log that concerns a customer."""

    kind: EditKind
    verdict: Verdict
    a: str
    b: str
    actor: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReviewCard:
    """A question for people. linked: how many stronger identities it was seen with, for `cap` and `crowd`."""

    id: str
    reason: ReviewReason
    title: str
    a: str
    b: str
    between: tuple[str, str]
    customers: tuple[str, ...]
    linked: int = 0


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """A customer: who they are and what is known of them at an instant.

    shared: nobody in particular: the events of an identity that too many people use. first_seen,
    last_seen: of events that aren't state events, "" if there are none.
    """

    id: str
    as_of: str
    shared: bool
    first_seen: str
    last_seen: str
    identities: tuple[IdentityCard, ...]
    traits: tuple[TraitCard, ...]
    tags: tuple[TagCard, ...]
    consents: tuple[ConsentCard, ...]
    relations: tuple[RelationCard, ...]
    records: tuple[RecordPage, ...]
    edits: tuple[EditCard, ...]
    reviews: tuple[ReviewCard, ...]


@dataclass(frozen=True, slots=True)
class CustomerCard:
    """A line of the list of customers."""

    id: str
    name: str
    identities: int
    shared: bool
    first_seen: str
    last_seen: str


@dataclass(frozen=True, slots=True)
class CustomerList:
    """A page of customers. next: cursor of the following page, "" at the end."""

    customers: tuple[CustomerCard, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """An event as people read it. late: older at arrival than an hour. system: a state event."""

    type: str
    title: str
    at: str
    id: str
    properties: dict[str, Any]
    channel: str
    source: str
    feed: str
    arrived_at: str
    late: bool
    system: bool


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Events newest first. next: cursor of the following page, "" at the end."""

    customer: str
    events: tuple[TimelineEvent, ...]
    next: str


@dataclass(frozen=True, slots=True)
class ReviewList:
    """A page of reviews. next: cursor of the following page, "" at the end."""

    reviews: tuple[ReviewCard, ...]
    next: str


# ── what people ask for ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class PairOrder:
    """Two customers or identities, and why."""

    a: str
    b: str
    why: str


@dataclass(frozen=True, slots=True)
class SettleOrder:
    """An answer to a review. members: for an over-full identity that is the `same` as some: whom."""

    same: bool
    why: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TraitOrder:
    """Traits to set; null unsets. Values as people write them: amounts in major units, instants as RFC 3339."""

    traits: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TagOrder:
    """A tag to give by hand, or to take."""

    tag: str
    group: str = ""
    reason: str = ""
    remove: bool = False


@dataclass(frozen=True, slots=True)
class ConsentOrder:
    """Consent that was given, or withdrawn."""

    channel: str
    purpose: str = ""
    withdraw: bool = False


@dataclass(frozen=True, slots=True)
class RecordOrder:
    """A record to set (its traits as in TraitOrder) or to end."""

    kind: str
    record: str
    traits: dict[str, Any] = field(default_factory=dict)
    end: bool = False


@dataclass(frozen=True, slots=True)
class IdentityOrder:
    """Identities to add: `kind` or `kind:scope` → value."""

    identities: dict[str, str]


@dataclass(frozen=True, slots=True)
class Done:
    """A change was processed. customer: public id after it. lines: numbers of edit log lines, if any.

    together: whether the two customers of a merge or unmerge are one now."""

    customer: str
    seq: int
    together: bool = False
    lines: tuple[int, ...] = ()
