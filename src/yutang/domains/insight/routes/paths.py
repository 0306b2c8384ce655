"""Paths over HTTP."""

from __future__ import annotations

from yutang.domains.insight.api import paths
from yutang.domains.insight.contracts.paths import PathsAnswer, PathsQuestion
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk


def ask_paths(desk: Desk, question: PathsQuestion) -> PathsAnswer:
    """Where customers go after an event, or came from before it, step by step, and where they stop."""
    return paths.paths(desk, question)


ROUTES = (Route("POST", "/v1/insight/paths", Permission.INSIGHT_READ, ask_paths),)
