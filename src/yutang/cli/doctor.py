"""`yutang doctor`: looks at a pool without opening it, says what is wrong and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Annotated, Protocol

import typer
from rich.console import Console

from yutang import __version__
from yutang.cli.checkup import CHECKS, WORDS, bad
from yutang.kernel.clock import MachineClock, SystemClock
from yutang.kernel.errors import DamagedError, YutangError
from yutang.kernel.speech import plain, speaker
from yutang.kernel.words import Line
from yutang.runtime.findings import Check, Finding, Look
from yutang.runtime.folder import Folder
from yutang.runtime.settings import Settings
from yutang.storage.database import open_sqlite
from yutang.storage.migrations import NEWEST, version_of

STRICT_STATUS = 1  # of warnings, where they are asked to count
_ENGLISH = Settings(language="en")


class _Configured(Protocol):
    folder: Folder
    settings: Settings


def lines(more: Sequence[Check] = ()) -> tuple[Line, ...]:
    """The command; more: checks that slices give."""

    def doctor(
        ctx: typer.Context,
        as_json: Annotated[bool, typer.Option("--json", help="print what was found as JSON")] = False,
        strict: Annotated[bool, typer.Option("--strict", help="status 1 if there are warnings")] = False,
    ) -> None:
        """Look over the pool's folder: versions, files, log, clock, disk, keys, backups. Status 7: something is bad."""
        configured: _Configured = ctx.obj
        found = list(findings(configured.folder, configured.settings, [*CHECKS, *more]))
        if as_json:
            typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2))
        else:
            _print(found)
        levels = {one.level for one in found}
        if "bad" in levels:
            raise typer.Exit(DamagedError.exit_code)
        if strict and "warn" in levels:
            raise typer.Exit(STRICT_STATUS)

    return (Line("doctor", doctor),)


def _print(found: Sequence[Finding]) -> None:
    console = Console(highlight=False)
    marks = {"ok": "[green]✓[/green]", "warn": "[yellow]![/yellow]", "bad": "[red]✗[/red]"}
    for one in found:
        console.print(f"{marks[one.level]} [bold]{one.subject}[/bold]  ", end="")
        console.print(plain(one.message), markup=False)
        if one.remedy:
            console.print(f"    → {plain(one.remedy)}", markup=False)


def findings(
    folder: Folder, settings: Settings = _ENGLISH, checks: Sequence[Check] = CHECKS, machine: MachineClock | None = None
) -> Iterator[Finding]:
    """Everything that the doctor looks at, in order; nothing is changed by it."""
    say = speaker(WORDS, settings.language)
    try:
        folder.require()
        at = version_of(folder.database)
    except YutangError as error:
        yield bad("pool", error)
        return
    if at != NEWEST:
        newer = at is not None and at > NEWEST
        message = say("schema").format(at=at, newest=NEWEST, version=__version__)
        remedy = say("schema_newer" if newer else "schema_older")
        yield Finding("bad" if newer else "warn", "version", message, remedy)
        return
    database = open_sqlite(folder.database)
    try:
        look = Look(folder, settings, database, (machine or SystemClock()).now_ms())
        for check in checks:
            yield from check(look)
    finally:
        database.close()
