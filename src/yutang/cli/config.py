"""`yutang config`: what is in force, and where each value came from."""

from __future__ import annotations

import json
from typing import Annotated, Protocol

import typer

from yutang.kernel.speech import speaker
from yutang.kernel.words import Line
from yutang.runtime.folder import Folder
from yutang.runtime.settings import InForce
from yutang.runtime.terminal import Column, show_table

WORDS = {
    "pool": ("客户池", "pool"),
    "setting": ("设置", "setting"),
    "value": ("取值", "value"),
    "from": ("来自", "from"),
    "meaning": ("含义", "meaning"),
    "default": ("默认", "default"),
}


class _Configured(Protocol):
    folder: Folder
    language: str
    in_force: tuple[InForce, ...]


def config(ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Print every setting in force, and where its value came from."""
    configured: _Configured = ctx.obj
    if as_json:
        rows = {one.name: {"value": one.value, "origin": one.origin} for one in configured.in_force}
        typer.echo(json.dumps({"folder": str(configured.folder.root), "settings": rows}, ensure_ascii=False, indent=2))
        return
    say = speaker(WORDS, configured.language)
    origins = {"default": say("default"), str(configured.folder.config): configured.folder.config.name}
    columns = [
        Column(say("setting"), whole=True), Column(say("value")), Column(say("from")),
        Column(say("meaning"), style="dim", wrap=True, least=24),
    ]  # fmt: skip
    lines = [
        (one.name, json.dumps(one.value) if isinstance(one.value, bool) else one.value,
         origins.get(one.origin, one.origin), one.meaning)
        for one in configured.in_force
    ]  # fmt: skip
    show_table(columns, lines, f"{say('pool')} {configured.folder.root}")


LINES = (Line("config", config),)
