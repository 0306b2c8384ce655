"""Retention over HTTP."""

from __future__ import annotations

from yutang.domains.insight.api import retention
from yutang.domains.insight.contracts.retention import RetentionAnswer, RetentionQuestion
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def ask_retention(desk: Desk, question: RetentionQuestion) -> RetentionAnswer:
    """Of those who begin in a period, how many come back in the ones after it."""
    return retention.retention(desk, question)


ROUTES = (Route("POST", "/v1/insight/retention", Permission.INSIGHT_READ, ask_retention),)
