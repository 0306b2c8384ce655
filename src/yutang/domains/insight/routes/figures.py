"""Insight over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from fastapi import Header, Query

from yutang.domains.insight.api import figures, live
from yutang.domains.insight.contracts.figures import Report, ReportQuestion, SqlAnswer, SqlQuestion
from yutang.domains.insight.contracts.live import LIVE_EVENTS_SHOWN_MAX, LiveAnswer, LiveQuestion
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def show_report(
    desk: Desk,
    as_of: Annotated[str, Query(description="RFC 3339 instant; default: pool time")] = "",
    since: Annotated[str, Query(description="an earlier instant, from which flows are counted")] = "",
) -> Report:
    """The pool at an instant: customers, events, revenue, stages, tiers, tags, and the flow in AIPL."""
    return figures.report(desk, ReportQuestion(as_of, since))


def ask_sql(desk: Desk, question: SqlQuestion) -> SqlAnswer:
    """Read-only SQL over the events of the pool."""
    return figures.run_sql(desk, question)


def watch_live(
    desk: Desk,
    type_: Annotated[str, Query(alias="type", description="only events of this type")] = "",
    customer: Annotated[str, Query(description="only of this customer, by id or kind:value")] = "",
    feed: Annotated[str, Query(description="only of this feed")] = "",
    label: Annotated[str, Query(description="only what changed this label")] = "",
    problems: Annotated[bool, Query(description="only what has problems, refused events among it")] = False,
    begin: Annotated[int, Query(ge=0, le=LIVE_EVENTS_SHOWN_MAX, description="how many of the newest come first")] = 0,
    last_event_id: Annotated[str, Header(description="the id of the message after which to go on")] = "",
) -> Iterator[LiveAnswer | None]:
    """What arrives, as it arrives: server-sent events, each with what came since the one before. Much is sampled."""
    question = LiveQuestion(last_event_id, type_, customer, feed, label, problems, begin)
    return live.watch(desk, question)


ROUTES = (
    Route("GET", "/v1/live", Permission.CUSTOMERS_READ, watch_live),
    Route("GET", "/v1/insight/report", Permission.INSIGHT_READ, show_report),
    Route("POST", "/v1/insight/sql", Permission.INSIGHT_SQL, ask_sql),
)
