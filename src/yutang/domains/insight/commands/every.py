"""All that insight offers on the command line."""

from __future__ import annotations

from typing import Any

from yutang.domains.insight.commands import (
    bench,
    comparing,
    counts,
    figures,
    flow,
    funnel,
    paths,
    recency,
    repurchase,
    retention,
    rfm,
    series,
    sets,
    stickiness,
    value,
)
from yutang.kernel.words import Command, Line

COMMANDS: tuple[Command[Any, Any], ...] = (
    *bench.COMMANDS,
    *counts.COMMANDS,
    *figures.COMMANDS,
    *flow.COMMANDS,
    *funnel.COMMANDS,
    *paths.COMMANDS,
    *recency.COMMANDS,
    *repurchase.COMMANDS,
    *retention.COMMANDS,
    *rfm.COMMANDS,
    *series.COMMANDS,
    *sets.COMMANDS,
    *stickiness.COMMANDS,
    *value.COMMANDS,
)
LINES: tuple[Line, ...] = (
    *bench.LINES,
    *comparing.LINES,
    *counts.LINES,
    *figures.LINES,
    *flow.LINES,
    *funnel.LINES,
    *paths.LINES,
    *recency.LINES,
    *repurchase.LINES,
    *retention.LINES,
    *rfm.LINES,
    *series.LINES,
    *stickiness.LINES,
    *value.LINES,
)
