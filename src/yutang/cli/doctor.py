"""`yutang doctor`: looks at a pool without opening it, says what is wrong and what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Console

from yutang import __version__
from yutang.kernel.errors import BusyError, DamagedError, UnavailableError, YutangError
from yutang.kernel.instants import instant_text
from yutang.kernel.words import Line
from yutang.runtime.folder import Folder, FolderLock
from yutang.runtime.log.health import log_health, lost_bodies
from yutang.runtime.pool import read_clock
from yutang.runtime.settings import Settings
from yutang.runtime.wire import WireClient
from yutang.storage.database import Database, open_sqlite
from yutang.storage.migrations import NEWEST, version_of
from yutang.timeline import store as timeline_store
from yutang.timeline.lake import check_pages, check_strays
from yutang.timeline.manifest import LakeFile

FREE_DISK_BYTES_MIN = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. level: ok, warn or bad."""

    level: str
    subject: str
    message: str
    remedy: str = ""


class _Configured(Protocol):
    folder: Folder
    settings: Settings


def doctor(ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Look over the pool's folder: versions, files, log, clock, disk. Status 7 if something is bad."""
    configured: _Configured = ctx.obj
    found = list(findings(configured.folder))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], ensure_ascii=False, indent=2))
    else:
        console = Console(highlight=False)
        marks = {"ok": "[green]✓[/green]", "warn": "[yellow]![/yellow]", "bad": "[red]✗[/red]"}
        for one in found:
            console.print(f"{marks[one.level]} [bold]{one.subject}[/bold]  ", end="")
            console.print(one.message, markup=False)
            if one.remedy:
                console.print(f"    → {one.remedy}", markup=False)
    if any(one.level == "bad" for one in found):
        raise typer.Exit(DamagedError.exit_code)


def findings(folder: Folder) -> Iterator[Finding]:
    """Everything that the doctor looks at, in order; nothing is changed by it."""
    try:
        folder.require()
        at = version_of(folder.database)
    except YutangError as error:
        yield _bad("pool", error)
        return
    if at != NEWEST:
        message = f"schema {at} of yutang.db isn't {NEWEST}, the one of yutang {__version__}"
        level = "bad" if at is not None and at > NEWEST else "warn"
        remedy = "use the version that wrote it" if level == "bad" else "any command brings it up to date, after a copy"
        yield Finding(level, "version", message, remedy)
        return
    yield Finding("ok", "version", f"yutang {__version__}, schema {at}")
    yield _holder(folder)
    yield _disk(folder)
    database = open_sqlite(folder.database)
    try:
        yield from _lake(folder, database)
        yield _clock(folder)
        yield from _log(folder, database)
    finally:
        database.close()


def _bad(subject: str, error: YutangError) -> Finding:
    return Finding("bad", subject, error.message, error.remedy)


def _holder(folder: Folder) -> Finding:
    try:
        FolderLock.take(folder, "doctor").release()
    except BusyError as busy:
        try:
            WireClient(folder.engine_socket).close()
        except UnavailableError:
            return Finding("warn", "service", f"{busy.message}, and no service answers", "wait, or end that process")
        return Finding("ok", "service", "is running and answers")
    return Finding("ok", "service", "none is running")


def _disk(folder: Folder) -> Finding:
    free = shutil.disk_usage(folder.root).free
    used = sum(_size(path) for path in folder.root.rglob("*"))
    message = f"the pool takes {used / 1e6:,.0f} MB, {free / 1e9:,.1f} GB are free"
    if free < max(FREE_DISK_BYTES_MIN, 2 * used):
        return Finding("warn", "disk", message, "make room: a compaction may need as much again as the pool takes")
    return Finding("ok", "disk", message)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:  # a service at work removed it
        return 0


def _lake(folder: Folder, database: Database) -> Iterator[Finding]:
    files = _files(database)
    bad = 0
    for file in files:
        try:
            check_pages(folder.lake, file)
        except YutangError as error:
            if file not in _files(database):  # a service at work has merged it away
                continue
            bad += 1
            remedy = (
                f"put {file.name} back from a backup into {folder.lake}; the pool refuses to read without it, "
                "so that no figure is wrong in silence"
            )
            yield Finding("bad", "lake", error.message, remedy)
    try:
        with database.reading() as uow:
            health = log_health(uow)
        check_strays(folder.lake, _files(database), health.records)
    except YutangError as error:
        bad += 1
        yield _bad("lake", error)
    if not bad:
        yield Finding("ok", "lake", f"{len(files)} files, {sum(file.rows for file in files):,} events, all whole")


def _files(database: Database) -> list[LakeFile]:
    with database.reading() as uow:
        return timeline_store.list_files(uow.connection)


def _clock(folder: Folder) -> Finding:
    try:
        return Finding("ok", "clock", read_clock(folder).mode.value)
    except YutangError as error:
        return Finding("warn", "clock", f"{error.where}: {error.message}", error.remedy)


def _log(folder: Folder, database: Database) -> Iterator[Finding]:
    with database.reading() as uow:
        health = log_health(uow)
    waiting = f"{health.records - health.flushed} not yet in the lake"
    yield Finding("ok", "log", f"{health.records} records, {waiting}; the last at {instant_text(health.time_ms)}")
    lost = lost_bodies(database, folder.inbox)
    if lost and lost_bodies(database, folder.inbox):  # a service at work may have flushed them between two looks
        yield Finding(
            "bad", "inbox", f"inbox.db doesn't hold {lost} records that aren't in the lake yet",
            "restore yutang.db and inbox.db from one backup: they belong together",
        )  # fmt: skip
    for one in health.quarantined:
        message = f"record {one.seq} ({one.kind}): {one.error}"
        yield Finding(
            "warn", "quarantine", message, "its body is kept in the table quarantine; report it with the error"
        )


LINES = (Line("doctor", doctor),)
