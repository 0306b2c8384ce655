"""All that insight offers over HTTP."""

from __future__ import annotations

from yutang.domains.insight.routes import (
    counts,
    figures,
    flow,
    funnel,
    paths,
    recency,
    repurchase,
    retention,
    rfm,
    sets,
    stickiness,
    value,
)
from yutang.kernel.words import Route

ROUTES: tuple[Route, ...] = (
    *counts.ROUTES,
    *figures.ROUTES,
    *flow.ROUTES,
    *funnel.ROUTES,
    *paths.ROUTES,
    *recency.ROUTES,
    *repurchase.ROUTES,
    *retention.ROUTES,
    *rfm.ROUTES,
    *sets.ROUTES,
    *stickiness.ROUTES,
    *value.ROUTES,
)
