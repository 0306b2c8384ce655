"""The wiring of `yutang serve`: it loads only what a supervisor needs, so that both processes start at once."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from yutang.cli import serve
from yutang.cli.main import build, run
from yutang.runtime.folder import Folder
from yutang.runtime.settings import InForce, Settings
from yutang.runtime.telemetry import configure_logs


@dataclass(frozen=True, slots=True)
class Configured:
    """What `serve` is given: the folder and the settings. The pool is the engine's to open."""

    folder: Folder
    settings: Settings
    in_force: tuple[InForce, ...]

    def close(self) -> None:
        """Nothing is held."""


def configured(folder: Folder, settings: Settings, in_force: tuple[InForce, ...], _actor: str | None) -> Configured:
    """The context of `serve`, which asks nothing of a pool."""
    return Configured(folder, settings, in_force)


def main() -> None:
    """The `yutang serve` command."""
    configure_logs()
    sys.exit(run(build(serve.LINES, configured)))
