"""Customers over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

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
    RecordPage,
    ReviewList,
    SettleOrder,
    TagOrder,
    TimelinePage,
    TraitOrder,
)
from yutang.kernel.limits import PAGE_ROWS_COUNT_MAX
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk
from yutang.runtime.erasing.contracts import Erased, EraseOrder, ErasePreview, ErasureList

AsOf = Annotated[str, Query(description="RFC 3339 instant; default: pool time")]
Cursor = Annotated[str, Query(description="`next` of the page before")]
Limit = Annotated[int, Query(ge=1, le=PAGE_ROWS_COUNT_MAX)]
Names = Annotated[list[str], Query(alias="type", description="event types; default: all")]
Bound = Annotated[str, Query(description="RFC 3339 instant, included")]


def list_customers(
    desk: Desk,
    query: Annotated[str, Query(description="the beginning of an identity or id, or kind:value")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> CustomerList:
    """Customers by what their identities begin with; all, if nothing is asked."""
    return api.search(desk, query, cursor, limit)


def show_customer(desk: Desk, customer: str, as_of: AsOf = "") -> CustomerPage:
    """Profile, identities, relations, edits and open reviews of a customer, by id or `kind:value`."""
    return api.page(desk, customer, as_of)


def list_timeline(
    desk: Desk,
    customer: str,
    types: Names = [],  # noqa: B006  # FastAPI reads the default, nothing writes to it
    channel: str = "",
    since: Annotated[str, Query(alias="from", description="RFC 3339 instant, included")] = "",
    until: Annotated[str, Query(alias="to", description="RFC 3339 instant, included")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> TimelinePage:
    """A customer's events, newest first."""
    return api.timeline(
        desk, customer, types=types, channel=channel, since=since, until=until, cursor=cursor, limit=limit
    )


def list_records(desk: Desk, customer: str, as_of: AsOf = "") -> list[RecordPage]:
    """The records that a customer owns or owned."""
    return list(api.page(desk, customer, as_of).records)


def merge_customers(desk: Desk, order: PairOrder) -> Done:
    """Say that two are the same customer."""
    return api.merge(desk, order)


def unmerge_customers(desk: Desk, order: PairOrder) -> Done:
    """Withdraw a merge, or say that what evidence joined is different."""
    return api.unmerge(desk, order)


def set_traits(desk: Desk, customer: str, order: TraitOrder) -> Done:
    """Set traits, or unset them with null."""
    return api.set_traits(desk, customer, order)


def tag_customer(desk: Desk, customer: str, order: TagOrder) -> Done:
    """Give a tag by hand, or take it."""
    return api.tag(desk, customer, order)


def note_consent(desk: Desk, customer: str, order: ConsentOrder) -> Done:
    """Note that consent was given or withdrawn."""
    return api.consent(desk, customer, order)


def set_record(desk: Desk, customer: str, order: RecordOrder) -> Done:
    """Set or end a record that a customer owns."""
    return api.set_record(desk, customer, order)


def add_identities(desk: Desk, customer: str, order: IdentityOrder) -> Done:
    """Add identities to a customer."""
    return api.add_identities(desk, customer, order)


def list_reviews(desk: Desk, cursor: Cursor = "", limit: Limit = 50) -> ReviewList:
    """What waits for people's judgement: evidence that wasn't followed, and why."""
    return api.reviews(desk, cursor, limit)


def settle_review(desk: Desk, review: str, order: SettleOrder) -> Done:
    """Answer a review: the same person, or different."""
    return api.settle(desk, review, order)


def list_identity_kinds(desk: Desk) -> list[KindSpec]:
    """The table of kinds of identity in force."""
    return list(api.kinds(desk))


def declare_identity_kind(desk: Desk, spec: KindSpec) -> Done:
    """Declare a kind of identity of the brand's own, before it is met in events."""
    return api.declare_kind(desk, spec)


def preview_erase(desk: Desk, customer: str) -> ErasePreview:
    """What erasing a customer would take: identities, events, files; changes nothing."""
    return api.preview_erase(desk, customer)


def erase_customer(desk: Desk, customer: str, order: EraseOrder) -> Erased:
    """Erase a customer for good, then search the whole folder; answered once that is done."""
    return api.erase(desk, customer, order)


def list_erasures(desk: Desk) -> ErasureList:
    """The tombstones of erased customers, newest first: without personal data."""
    return api.erasures(desk)


_READ, _WRITE = Permission.CUSTOMERS_READ, Permission.CUSTOMERS_WRITE

ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/customers", _READ, list_customers),
    Route("POST", "/v1/customers/merge", _WRITE, merge_customers),
    Route("POST", "/v1/customers/unmerge", _WRITE, unmerge_customers),
    Route("GET", "/v1/customers/{customer}", _READ, show_customer),
    Route("GET", "/v1/customers/{customer}/timeline", _READ, list_timeline),
    Route("GET", "/v1/customers/{customer}/records", _READ, list_records),
    Route("POST", "/v1/customers/{customer}/traits", _WRITE, set_traits),
    Route("POST", "/v1/customers/{customer}/tags", _WRITE, tag_customer),
    Route("POST", "/v1/customers/{customer}/consents", _WRITE, note_consent),
    Route("POST", "/v1/customers/{customer}/records", _WRITE, set_record),
    Route("POST", "/v1/customers/{customer}/identities", _WRITE, add_identities),
    Route("GET", "/v1/customers/{customer}/erase", Permission.ERASE, preview_erase),
    Route("POST", "/v1/customers/{customer}/erase", Permission.ERASE, erase_customer),
    Route("GET", "/v1/erasures", Permission.ERASE, list_erasures),
    Route("GET", "/v1/reviews", _READ, list_reviews),
    Route("POST", "/v1/reviews/{review}", _WRITE, settle_review),
    Route("GET", "/v1/identity-kinds", _READ, list_identity_kinds),
    Route("POST", "/v1/identity-kinds", _WRITE, declare_identity_kind, 201),
)
