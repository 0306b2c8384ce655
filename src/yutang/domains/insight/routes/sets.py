"""Sets over HTTP: the customers behind a figure, listed, compared, saved."""

from __future__ import annotations

from yutang.domains.insight.api import saving, sets
from yutang.domains.insight.contracts.sets import (
    CompareAnswer,
    CompareQuestion,
    CustomersAnswer,
    CustomersQuestion,
    SaveAnswer,
    SaveQuestion,
)
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def list_behind(desk: Desk, question: CustomersQuestion) -> CustomersAnswer:
    """The customers behind a figure of any question: how many, and a page of them."""
    return sets.page(desk, question)


def compare_sets(desk: Desk, question: CompareQuestion) -> CompareAnswer:
    """Two sets: how many are in both and in one alone, and by which labels and traits they differ most."""
    return sets.compare(desk, question)


def save_set(desk: Desk, question: SaveQuestion) -> SaveAnswer:
    """Keep who is in a set now as a segment; the same name again replaces who is in it."""
    return saving.save(desk, question)


ROUTES = (
    Route("POST", "/v1/insight/customers", Permission.CUSTOMERS_READ, list_behind),
    Route("POST", "/v1/insight/compare", Permission.INSIGHT_READ, compare_sets),
    Route("POST", "/v1/insight/save", Permission.AUDIENCE_WRITE, save_set),
)
