"""Insight over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from yutang.domains.insight import api
from yutang.domains.insight.contracts import Report, ReportQuestion, SqlAnswer, SqlQuestion
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def show_report(
    desk: Desk,
    as_of: Annotated[str, Query(description="RFC 3339 instant; default: pool time")] = "",
    since: Annotated[str, Query(description="an earlier instant, from which flows are counted")] = "",
) -> Report:
    """The pool at an instant: customers, events, revenue, stages, tiers, tags, and the flow in AIPL."""
    return api.report(desk, ReportQuestion(as_of, since))


def ask_sql(desk: Desk, question: SqlQuestion) -> SqlAnswer:
    """Read-only SQL over the events of the pool."""
    return api.run_sql(desk, question)


ROUTES = (
    Route("GET", "/v1/insight/report", Permission.INSIGHT_READ, show_report),
    Route("POST", "/v1/insight/sql", Permission.INSIGHT_SQL, ask_sql),
)
