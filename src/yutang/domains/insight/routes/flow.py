"""Stage flow and series over HTTP."""

from __future__ import annotations

from yutang.domains.insight.api import flow, series
from yutang.domains.insight.contracts.flow import FlowAnswer, FlowQuestion
from yutang.domains.insight.contracts.series import SeriesAnswer, SeriesQuestion
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def ask_flow(desk: Desk, question: FlowQuestion) -> FlowAnswer:
    """Who moved from where to where in stages, tiers or any other label; with `per`, in each period."""
    return flow.flow(desk, question)


def ask_series(desk: Desk, question: SeriesQuestion) -> SeriesAnswer:
    """How many satisfied a condition at the end of each period, and how many entered and left it."""
    return series.series(desk, question)


ROUTES = (
    Route("POST", "/v1/insight/flow", Permission.INSIGHT_READ, ask_flow),
    Route("POST", "/v1/insight/series", Permission.INSIGHT_READ, ask_series),
)
