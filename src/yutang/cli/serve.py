"""`yutang serve`: the service in the foreground."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Protocol

import typer
from rich.console import Console

from yutang.kernel.clock import SystemClock
from yutang.kernel.words import Line
from yutang.runtime.folder import Folder
from yutang.runtime.service import Supervisor, child_command
from yutang.runtime.settings import Settings

# The module that is run for each process of the service.
PROCESSES = {"intake": "yutang.runtime.intake", "engine": "yutang.app"}


class _Configured(Protocol):
    folder: Folder
    settings: Settings


def serve(ctx: typer.Context) -> None:
    """Run the service until it is stopped: intake and engine, with the API on loopback."""
    configured: _Configured = ctx.obj
    folder, settings = configured.folder, configured.settings
    console = Console(highlight=False)

    def ready() -> None:
        url = f"http://{settings.listen_host}:{settings.listen_port}/docs"
        console.print(
            f"[bold]鱼塘 Yutang[/bold] serves {folder.root}\n  API  [link={url}]{url}[/link]\n  stop with Ctrl-C"
        )

    def command(role: str) -> Sequence[str]:
        return child_command(PROCESSES[role], folder)

    # Children read the folder's file and the environment; what this command was told goes on to them there.
    for name in ("zone", "currency", "language"):
        os.environ[f"YUTANG_{name.upper()}"] = str(getattr(settings, name))
    Supervisor(folder, command, SystemClock(), time.sleep).run(ready)
    console.print("stopped")


LINES = (Line("serve", serve),)
