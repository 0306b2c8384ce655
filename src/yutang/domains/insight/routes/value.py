"""Lifetime value by cohort over HTTP."""

from __future__ import annotations

from yutang.domains.insight.api import value
from yutang.domains.insight.contracts.value import ValueAnswer, ValueQuestion
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def ask_value(desk: Desk, question: ValueQuestion) -> ValueAnswer:
    """What customers have paid by now, by the months since they began."""
    return value.value(desk, question)


ROUTES = (Route("POST", "/v1/insight/value", Permission.INSIGHT_READ, ask_value),)
