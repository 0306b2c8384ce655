"""What the command line asks about customers, and what answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from yutang.domains.customers import api
from yutang.domains.customers.contracts import (
    ConsentOrder,
    CustomerList,
    CustomerPage,
    Done,
    IdentityOrder,
    KindSpec,
    PairOrder,
    RecordOrder,
    ReviewList,
    SettleOrder,
    TagOrder,
    TimelinePage,
    TraitOrder,
)
from yutang.kernel.errors import InvalidError
from yutang.kernel.words import Command, Permission


@dataclass(frozen=True, slots=True)
class PageQuestion:
    """Whose page, at which instant."""

    customer: str
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class SearchQuestion:
    """What to look for, and which page of it."""

    query: str = ""
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class TimelineQuestion:
    """Whose events, which of them, and which page."""

    customer: str
    types: tuple[str, ...] = ()
    channel: str = ""
    since: str = ""
    until: str = ""
    cursor: str = ""
    limit: int = 20


@dataclass(frozen=True, slots=True)
class SettleQuestion:
    """Which review, and the answer."""

    review: str
    order: SettleOrder


@dataclass(frozen=True, slots=True)
class Entering:
    """What is entered for a customer: exactly one of the orders."""

    customer: str
    traits: TraitOrder | None = None
    tag: TagOrder | None = None
    consent: ConsentOrder | None = None
    record: RecordOrder | None = None
    identities: IdentityOrder | None = None


@dataclass(frozen=True, slots=True)
class KindsQuestion:
    """Nothing to ask: the whole table."""


@dataclass(frozen=True, slots=True)
class KindsAnswer:
    """The table of kinds, strongest first."""

    kinds: tuple[KindSpec, ...]


def _enter(desk: Any, question: Entering) -> Done:
    if question.traits is not None:
        return api.set_traits(desk, question.customer, question.traits)
    if question.tag is not None:
        return api.tag(desk, question.customer, question.tag)
    if question.consent is not None:
        return api.consent(desk, question.customer, question.consent)
    if question.record is not None:
        return api.set_record(desk, question.customer, question.record)
    if question.identities is not None:
        return api.add_identities(desk, question.customer, question.identities)
    raise InvalidError("entry.nothing", "there is nothing to set", remedy="name a trait, tag, record or identity")


def _timeline(desk: Any, asked: TimelineQuestion) -> TimelinePage:
    return api.timeline(
        desk, asked.customer, types=asked.types, channel=asked.channel, since=asked.since, until=asked.until,
        cursor=asked.cursor, limit=asked.limit,
    )  # fmt: skip


_READ, _WRITE = Permission.CUSTOMERS_READ, Permission.CUSTOMERS_WRITE

SHOW = Command("customers.show", _READ, PageQuestion, CustomerPage, lambda desk, q: api.page(desk, q.customer, q.as_of))
FIND = Command(
    "customers.find", _READ, SearchQuestion, CustomerList, lambda desk, q: api.search(desk, q.query, q.cursor, q.limit)
)
TIMELINE = Command("customers.timeline", _READ, TimelineQuestion, TimelinePage, _timeline)
MERGE = Command("customers.merge", _WRITE, PairOrder, Done, api.merge)
UNMERGE = Command("customers.unmerge", _WRITE, PairOrder, Done, api.unmerge)
REVIEWS = Command(
    "customers.reviews", _READ, SearchQuestion, ReviewList, lambda desk, q: api.reviews(desk, q.cursor, q.limit)
)
SETTLE = Command("customers.settle", _WRITE, SettleQuestion, Done, lambda desk, q: api.settle(desk, q.review, q.order))
ENTER = Command("customers.enter", _WRITE, Entering, Done, _enter)
KINDS = Command("customers.kinds", _READ, KindsQuestion, KindsAnswer, lambda desk, _: KindsAnswer(api.kinds(desk)))
DECLARE_KIND = Command("customers.declare_kind", _WRITE, KindSpec, Done, api.declare_kind)
COMMANDS: tuple[Command[Any, Any], ...] = (
    SHOW, FIND, TIMELINE, MERGE, UNMERGE, REVIEWS, SETTLE, ENTER, KINDS, DECLARE_KIND,
)  # fmt: skip
