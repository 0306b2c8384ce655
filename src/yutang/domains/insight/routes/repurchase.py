"""Repurchase over HTTP."""

from __future__ import annotations

from yutang.domains.insight.api import repurchase
from yutang.domains.insight.contracts.repurchase import RepurchaseAnswer, RepurchaseQuestion
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def ask_repurchase(desk: Desk, question: RepurchaseQuestion) -> RepurchaseAnswer:
    """How many buy again, how soon, and how often."""
    return repurchase.repurchase(desk, question)


ROUTES = (Route("POST", "/v1/insight/repurchase", Permission.INSIGHT_READ, ask_repurchase),)
