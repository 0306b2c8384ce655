"""RFM over HTTP."""

from __future__ import annotations

from yutang.domains.insight.api import rfm
from yutang.domains.insight.contracts.rfm import RfmAnswer, RfmQuestion
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def ask_rfm(desk: Desk, question: RfmQuestion) -> RfmAnswer:
    """Customers by quintiles of recency, frequency and money."""
    return rfm.rfm(desk, question)


ROUTES = (Route("POST", "/v1/insight/rfm", Permission.INSIGHT_READ, ask_rfm),)
