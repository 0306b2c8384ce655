"""Counts and sums by period over HTTP."""

from __future__ import annotations

from yutang.domains.insight.api import counts
from yutang.domains.insight.contracts.counts import CountAnswer, CountQuestion
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def ask_count(desk: Desk, question: CountQuestion) -> CountAnswer:
    """How many, or how much, by period and in the whole range."""
    return counts.count(desk, question)


ROUTES = (Route("POST", "/v1/insight/count", Permission.INSIGHT_READ, ask_count),)
