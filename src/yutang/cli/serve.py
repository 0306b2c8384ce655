"""`yutang serve`: the service in the foreground."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import typer
from rich.console import Console

from yutang.kernel.clock import SystemClock
from yutang.kernel.speech import speaker
from yutang.kernel.words import Line
from yutang.runtime.folder import Folder
from yutang.runtime.service import Supervisor, child_command
from yutang.runtime.settings import InForce, Settings, load_settings, settled
from yutang.runtime.telemetry import configure_logs
from yutang.runtime.terminal import text

# The module that is run for each process of the service.
PROCESSES = {"intake": "yutang.receiver", "engine": "yutang.app"}


WORDS = {
    "serves": ("正在服务", "serves"),
    "api": ("接口", "API"),
    "events": ("事件入口", "events"),
    "health": ("健康检查", "health"),
    "keys": ("POST，需要 API 密钥：yutang key create", "POST, with an API key: yutang key create"),
    "stop": ("按 Ctrl-C 停止；SIGHUP 重新读取设置", "stop with Ctrl-C; SIGHUP reads the settings anew"),
    "stopped": ("已停止", "stopped"),
}


class _Configured(Protocol):
    folder: Folder
    settings: Settings
    in_force: tuple[InForce, ...]


def serve(ctx: typer.Context) -> None:
    """Run the service until it is stopped: intake and engine, with the API on loopback."""
    configured: _Configured = ctx.obj
    folder, settings = configured.folder, configured.settings
    flags = {one.name: one.value for one in configured.in_force if one.origin.startswith("--")}
    latest = [settings]  # as last judged: the first time by the command line, then at each reload
    say = speaker(WORDS, settings.language)

    def ready() -> None:
        _tell(folder, latest[0])

    def settle() -> Mapping[str, str]:
        latest[0], _ = load_settings(folder.config, os.environ, flags)
        configure_logs(latest[0].log_format, latest[0].log_level, "service")
        return settled(latest[0])

    def command(role: str) -> Sequence[str]:
        return child_command(PROCESSES[role], folder)

    Supervisor(folder, command, settle, SystemClock(), time.sleep).run(ready)
    Console(highlight=False).print(say("stopped"))


def _tell(folder: Folder, settings: Settings) -> None:
    """What listens where."""
    say = speaker(WORDS, settings.language)
    console = Console(highlight=False, soft_wrap=True)
    api = f"http://{_host(settings.listen_host)}:{settings.listen_port}"
    intake = f"http://{_host(settings.intake_host)}:{settings.intake_port}"
    console.print("[bold]鱼塘 Yutang[/bold]", say("serves"), text(folder.root))
    lines = (
        ("api", f"{api}/docs", ""),
        ("events", f"{intake}/v1/events", say("keys")),
        ("health", f"{api}/readyz  {api}/metrics", ""),
    )
    for key, address, more in lines:
        console.print(f"  {say(key)}  {address}", f"[dim]{more}[/dim]" if more else "")
    console.print(f"  {say('stop')}")


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


LINES = (Line("serve", serve),)
