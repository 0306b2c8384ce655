"""`yutang backup` and `yutang restore`: a pool copied while it works, checked, and put back."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Protocol

import msgspec
import typer

from yutang.kernel.clock import SystemClock
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import instant_text
from yutang.kernel.speech import Say, plain, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.backup.manifest import Manifest
from yutang.runtime.backup.restoring import check_backup
from yutang.runtime.backup.restoring import restore as restore_backup
from yutang.runtime.backup.taking import take_backup
from yutang.runtime.desk import Desk
from yutang.runtime.folder import Folder
from yutang.runtime.settings import Settings, load_settings
from yutang.runtime.slots import PEOPLE, TIMELINE
from yutang.runtime.terminal import show, text

WORDS = {
    "copying": ("备份", "copying"),
    "checking": ("核对", "checking"),
    "restoring": ("恢复", "restoring"),
    "taken": (
        "备份完成：{records:,} 条记录，湖中 {events:,} 条事件，待处理 {waiting:,} 条，{files:,} 个文件，"
        "{megabytes:,.1f} MB",
        "backed up: {records:,} records, {events:,} events in the lake, {waiting:,} waiting, {files:,} files, "
        "{megabytes:,.1f} MB",
    ),
    "whole": (
        "备份完好（{taken}，yutang {version}）：{files:,} 个文件的校验和全部一致",
        "the backup of {taken} by yutang {version} is whole: {files:,} files have their checksums",
    ),
    "drilled": (
        "试恢复成功：{events:,} 条事件，{customers:,} 位客户，{records:,} 条记录，客户池时间 {now}",
        "a pool made of it opens: {events:,} events, {customers:,} customers, {records:,} records, pool time {now}",
    ),
    "restored": (
        "已从 {taken} 的备份恢复到 {folder}：{files:,} 个文件，{megabytes:,.1f} MB",
        "restored the backup of {taken} into {folder}: {files:,} files, {megabytes:,.1f} MB",
    ),
    "next": ("接下来：yutang --data {folder} serve", "next: yutang --data {folder} serve"),
}


@dataclass(frozen=True, slots=True)
class StandingQuestion:
    """How much a pool holds."""


@dataclass(frozen=True, slots=True)
class StandingAnswer:
    """Events, tail included; customers; records of the log; pool time."""

    events: int
    customers: int
    records: int
    now: str


def _standing(desk: Desk, _question: StandingQuestion) -> StandingAnswer:
    events = sum(track.rows for track in desk.epoch[TIMELINE].tracks.values())
    customers = len(desk.epoch[PEOPLE].heads())
    return StandingAnswer(events, customers, desk.epoch.seq, instant_text(desk.now_ms))


STANDING = Command("runtime.standing", Permission.OPERATE, StandingQuestion, StandingAnswer, _standing)
COMMANDS = (STANDING,)


class _Elsewhere(Caller, Protocol):
    def close(self) -> None: ...


class _Configured(Protocol):
    folder: Folder
    language: str

    def elsewhere(self, folder: Folder, settings: Settings) -> _Elsewhere: ...


def backup(
    ctx: typer.Context,
    target: Annotated[Path, typer.Argument(help="a folder that doesn't exist yet")],
    verify: Annotated[bool, typer.Option("--verify", help="take none: check the one in TARGET, and open it")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print what the backup says of itself")] = False,
) -> None:
    """Copy the pool to a folder, whether a service runs or not; or check such a copy."""
    configured: _Configured = ctx.obj
    say = speaker(WORDS, configured.language)
    if verify:
        with _Bar(say("checking")) as bar:
            manifest = check_backup(target, bar.plan, bar.told)
        standing = _drill(configured, target)
        _tell_whole(manifest, standing, say, as_json=as_json)
        return
    with _Bar(say("copying")) as bar:
        manifest = take_backup(configured.folder, target.absolute(), SystemClock(), time.sleep, bar.plan, bar.told)
    if as_json:
        _print_json(manifest)
    else:
        show(text("✓ ", "green"), _filled(say("taken"), manifest))


def restore(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="a folder that `yutang backup` wrote")],
    data: Annotated[Path | None, typer.Option("--data", help="the folder to make the pool in, absent or empty")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print what the backup says of itself")] = False,
) -> None:
    """Make a pool of a backup in an empty folder, every byte checked."""
    configured: _Configured = ctx.obj
    folder = configured.folder if data is None else Folder(data.absolute())
    if folder.root.resolve().is_relative_to(source.resolve()):
        raise InvalidError(
            "restore.inside", "a pool can't be made inside of the backup", where=str(folder.root),
            remedy="name a folder elsewhere: yutang restore BACKUP --data FOLDER",
        )  # fmt: skip
    say = speaker(WORDS, configured.language)
    with _Bar(say("restoring")) as bar:
        manifest = restore_backup(source, folder, bar.plan, bar.told)
    if as_json:
        _print_json(manifest)
        return
    show(text("✓ ", "green"), _filled(say("restored"), manifest, folder=folder.root))
    show(text(say("next").format(folder=folder.root), "dim"), indent=2)


def _drill(configured: _Configured, source: Path) -> StandingAnswer:
    """What a pool made of a backup says: restored beside it into a folder that is thrown away, and opened."""
    with TemporaryDirectory(prefix=".yutang-drill-", dir=_beside(source), ignore_cleanup_errors=True) as scratch:
        folder = Folder(Path(scratch) / "pool")
        restore_backup(source, folder, lambda _total: None, lambda _file, _count: None, share=True)
        settings, _ = load_settings(folder.config, {}, {})
        caller = configured.elsewhere(folder, settings)
        try:
            return caller.call(STANDING, StandingQuestion())
        finally:
            caller.close()


def _beside(source: Path) -> Path | None:
    """The backup's neighbourhood, where files can be shared, if one may write there; else the machine's."""
    try:
        with TemporaryDirectory(prefix=".yutang-drill-", dir=source.resolve().parent):
            return source.resolve().parent
    except OSError:
        return None


def _tell_whole(manifest: Manifest, standing: StandingAnswer, say: Say, *, as_json: bool) -> None:
    if as_json:
        _print_json(manifest, standing)
        return
    show(text("✓ ", "green"), _filled(say("whole"), manifest))
    facts: Mapping[str, object] = msgspec.to_builtins(standing)
    show(text("✓ ", "green"), say("drilled").format(**facts))


def _filled(words: str, manifest: Manifest, **more: object) -> str:
    return words.format(
        events=manifest.events, records=manifest.records, waiting=manifest.waiting, files=len(manifest.files),
        version=manifest.version, megabytes=manifest.bytes / 1e6, taken=instant_text(manifest.taken_at), **more,
    )  # fmt: skip


def _print_json(manifest: Manifest, standing: StandingAnswer | None = None) -> None:
    facts = {**msgspec.to_builtins(manifest), "bytes": manifest.bytes}
    if standing is not None:
        facts["drill"] = msgspec.to_builtins(standing)
    typer.echo(msgspec.json.format(msgspec.json.encode(facts)).decode())


class _Bar:
    """A bar on the error stream, so that the answer can be piped."""

    def __init__(self, title: str) -> None:
        from rich.console import Console  # heavy: only where something is printed
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[file]}"), console=Console(stderr=True), transient=True,
            disable=not sys.stderr.isatty(),
        )  # fmt: skip
        self._task = self._progress.add_task(title, total=None, file="")

    def __enter__(self) -> _Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def plan(self, total: int) -> None:
        """How many bytes there are."""
        self._progress.update(self._task, total=total)

    def told(self, file: str, count: int) -> None:
        """So many more of them are done."""
        self._progress.update(self._task, advance=count, file=plain(file))


LINES = (Line("backup", backup), Line("restore", restore))
