"""All that insight offers over HTTP."""

from __future__ import annotations

from yutang.domains.insight.routes import figures
from yutang.kernel.words import Route

ROUTES: tuple[Route, ...] = (*figures.ROUTES,)
