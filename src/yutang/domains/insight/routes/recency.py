"""Time since the last event, and frequency, over HTTP."""

from __future__ import annotations

from yutang.domains.insight.api import recency
from yutang.domains.insight.contracts.recency import RecencyAnswer, RecencyQuestion
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def ask_recency(desk: Desk, question: RecencyQuestion) -> RecencyAnswer:
    """How long ago the last event was, and how many there were."""
    return recency.recency(desk, question)


ROUTES = (Route("POST", "/v1/insight/recency", Permission.INSIGHT_READ, ask_recency),)
