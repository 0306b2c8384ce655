"""All that the audience offers on the command line."""

from __future__ import annotations

from typing import Any

from yutang.domains.audience.commands import asking, histories, labels
from yutang.kernel.words import Command, Line

COMMANDS: tuple[Command[Any, Any], ...] = (*asking.COMMANDS, *labels.COMMANDS, *histories.COMMANDS)
LINES: tuple[Line, ...] = (*asking.LINES, *labels.LINES, *histories.LINES)
