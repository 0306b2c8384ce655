"""Stickiness over HTTP."""

from __future__ import annotations

from yutang.domains.insight.api import stickiness
from yutang.domains.insight.contracts.stickiness import StickinessAnswer, StickinessQuestion
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def ask_stickiness(desk: Desk, question: StickinessQuestion) -> StickinessAnswer:
    """How many are active by day, week and month, and how often they come."""
    return stickiness.stickiness(desk, question)


ROUTES = (Route("POST", "/v1/insight/stickiness", Permission.INSIGHT_READ, ask_stickiness),)
