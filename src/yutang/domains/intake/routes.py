"""The slice's HTTP surface: what the engine's API answers about hooks, and the doors of the intake process."""

from yutang.domains.intake.api import events_door, hook_views, hooks, segment
from yutang.kernel.words import Route
from yutang.runtime.receiving import Door

ROUTES: tuple[Route, ...] = hook_views.ROUTES
DOORS: tuple[Door, ...] = (*events_door.DOORS, *segment.DOORS, *hooks.DOORS)
