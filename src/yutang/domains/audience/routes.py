"""The audience over HTTP."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Query

from yutang.domains.audience.api import definitions, feed, histories, questions
from yutang.domains.audience.contracts import (
    AskAnswer,
    AskQuestion,
    ChangePage,
    CountedLabel,
    ExplainAnswer,
    ExplainQuestion,
    HistoryAnswer,
    LabelDraft,
    LabelView,
    MembersAnswer,
    Membership,
)
from yutang.domains.customers import api as customers
from yutang.kernel.instants import SECOND_MS
from yutang.kernel.limits import PAGE_ROWS_COUNT_MAX
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk

AsOf = Annotated[str, Query(description="RFC 3339 instant; default: pool time")]
DEFINE_WAIT_MS = 1_000  # in which a small pool is done
DEFINE_WAIT_MS_MAX = 60_000
Limit = Annotated[int, Query(ge=1, le=PAGE_ROWS_COUNT_MAX)]


def list_labels(desk: Desk, as_of: AsOf = "") -> list[CountedLabel]:
    """Every label: its rungs as text and sentences, and how many customers have each value."""
    return list(questions.labels(desk, as_of))


def show_label(desk: Desk, name: str) -> LabelView:
    """One label's definition."""
    return definitions.show(desk, name)


def define_label(
    desk: Desk,
    draft: LabelDraft,
    wait_ms: Annotated[
        int, Query(ge=0, le=DEFINE_WAIT_MS_MAX, description="how long to wait for it to come into force")
    ] = DEFINE_WAIT_MS,
) -> LabelView:
    """Define or change a label. Everybody is evaluated beside the log, and what was defined before stands until then.

    `building` says how far that is; null once it is in force.
    """
    return definitions.define(desk, draft, wait_ms / SECOND_MS)


def replace_label(
    desk: Desk,
    name: str,
    draft: LabelDraft,
    wait_ms: Annotated[
        int, Query(ge=0, le=DEFINE_WAIT_MS_MAX, description="how long to wait for it to come into force")
    ] = DEFINE_WAIT_MS,
) -> LabelView:
    """As POST /v1/labels, of the label in the path."""
    return definitions.define(desk, replace(draft, name=name), wait_ms / SECOND_MS)


def list_members(
    desk: Desk,
    name: str,
    value: Annotated[str, Query(description="one of its values; default: any")] = "",
    as_of: AsOf = "",
    known_at: Annotated[str, Query(description="what was known by then; default: as known now")] = "",
    limit: Limit = 100,
) -> MembersAnswer:
    """Who had a label at an instant, as known now, or as was known at another instant."""
    return histories.members(desk, name, value, as_of, known_at, limit)


def show_history(
    desk: Desk,
    customer: str,
    name: str,
    known_at: Annotated[str, Query(description="show what was known by then; default: all")] = "",
    limit: Limit = 100,
) -> HistoryAnswer:
    """Both histories of a customer and a label: intervals as known now, changes as known then."""
    return histories.history(desk, customer, name, known_at, limit)


def list_changes(
    desk: Desk,
    label: Annotated[str, Query(description="only changes of this label")] = "",
    customer: Annotated[str, Query(description="only of this customer, by id or kind:value")] = "",
    cursor: Annotated[str, Query(description="`next` of the page before")] = "",
    limit: Limit = 100,
) -> ChangePage:
    """The change feed, newest first: what was known then, with its cause. A page may be short; `next` goes on."""
    return feed.changes(desk, label, customer, cursor, limit)


def show_memberships(desk: Desk, customer: str, as_of: AsOf = "") -> list[Membership]:
    """Every label of a customer: value, reason, since when, until when if nothing happens."""
    return list(questions.memberships(desk, customers.find_customer(desk, customer), as_of))


def ask_condition(desk: Desk, question: AskQuestion) -> AskAnswer:
    """How many customers satisfy a condition at an instant, and who."""
    return questions.ask(desk, question)


def explain_condition(desk: Desk, question: ExplainQuestion) -> ExplainAnswer:
    """Why a customer does or doesn't satisfy a condition."""
    return questions.explain_one(desk, question)


ROUTES = (
    Route("GET", "/v1/labels", Permission.AUDIENCE_READ, list_labels),
    Route("GET", "/v1/labels/{name}", Permission.AUDIENCE_READ, show_label),
    Route("POST", "/v1/labels", Permission.AUDIENCE_WRITE, define_label, 201),
    Route("PUT", "/v1/labels/{name}", Permission.AUDIENCE_WRITE, replace_label),
    Route("GET", "/v1/labels/{name}/members", Permission.AUDIENCE_READ, list_members),
    Route("GET", "/v1/changes", Permission.AUDIENCE_READ, list_changes),
    Route("GET", "/v1/customers/{customer}/labels", Permission.CUSTOMERS_READ, show_memberships),
    Route("GET", "/v1/customers/{customer}/labels/{name}/history", Permission.CUSTOMERS_READ, show_history),
    Route("POST", "/v1/conditions/ask", Permission.AUDIENCE_READ, ask_condition),
    Route("POST", "/v1/conditions/explain", Permission.AUDIENCE_READ, explain_condition),
)
