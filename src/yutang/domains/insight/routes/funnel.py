"""Funnels over HTTP."""

from __future__ import annotations

from yutang.domains.insight.api import funnel
from yutang.domains.insight.contracts.funnel import FunnelAnswer, FunnelQuestion
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def ask_funnel(desk: Desk, question: FunnelQuestion) -> FunnelAnswer:
    """How far customers come along some steps, how long it takes them, and where they stop."""
    return funnel.funnel(desk, question)


ROUTES = (Route("POST", "/v1/insight/funnel", Permission.INSIGHT_READ, ask_funnel),)
