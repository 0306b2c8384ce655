"""The audience over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from yutang.domains.audience.api import definitions, feed, questions
from yutang.domains.audience.contracts import (
    AskAnswer,
    AskQuestion,
    ChangePage,
    CountedLabel,
    ExplainAnswer,
    ExplainQuestion,
    LabelDraft,
    LabelView,
    Membership,
)
from yutang.domains.customers import api as customers
from yutang.kernel.limits import PAGE_ROWS_COUNT_MAX
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk

AsOf = Annotated[str, Query(description="RFC 3339 instant; default: pool time")]
Limit = Annotated[int, Query(ge=1, le=PAGE_ROWS_COUNT_MAX)]


def list_labels(desk: Desk, as_of: AsOf = "") -> list[CountedLabel]:
    """Every label: its rungs as text and sentences, and how many customers have each value."""
    return list(questions.labels(desk, as_of))


def show_label(desk: Desk, name: str) -> LabelView:
    """One label's definition."""
    return definitions.show(desk, name)


def define_label(desk: Desk, draft: LabelDraft) -> LabelView:
    """Define or change a label; answered once everyone is evaluated."""
    return definitions.define(desk, draft)


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
    Route("GET", "/v1/changes", Permission.AUDIENCE_READ, list_changes),
    Route("GET", "/v1/customers/{customer}/labels", Permission.CUSTOMERS_READ, show_memberships),
    Route("POST", "/v1/conditions/ask", Permission.AUDIENCE_READ, ask_condition),
    Route("POST", "/v1/conditions/explain", Permission.AUDIENCE_READ, explain_condition),
)
