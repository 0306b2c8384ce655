"""All that insight offers on the command line."""

from __future__ import annotations

from typing import Any

from yutang.domains.insight.commands import figures
from yutang.kernel.words import Command, Line

COMMANDS: tuple[Command[Any, Any], ...] = (*figures.COMMANDS,)
LINES: tuple[Line, ...] = (*figures.LINES,)
