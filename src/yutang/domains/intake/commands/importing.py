"""Imports on the command line: `yutang import FILE…`, `yutang imports`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from yutang.domains.intake.api.importing import ImportOptions, import_file
from yutang.domains.intake.api.jobs import BEGIN, FINISH, LIST, PREPARE
from yutang.domains.intake.contracts import ImportCaller, ImportJobs, ImportReport, ListImports
from yutang.kernel.clock import SystemClock
from yutang.kernel.instants import instant_text
from yutang.kernel.speech import Say, plain, speaker
from yutang.kernel.words import Line
from yutang.runtime.terminal import Column, show, show_table, text

COMMANDS = (PREPARE, BEGIN, FINISH, LIST)
FILES_COUNT_MAX = 1_000
CODES_SHOWN_MAX = 12
WORDS = {
    "made": ("{rows:,} 行 → {events:,} 条事件", "{rows:,} rows → {events:,} events"),
    "would_make": (
        "试导入：{rows:,} 行 → {events:,} 条事件",
        "dry run: {rows:,} rows → {events:,} events",
    ),
    "resumed": ("从第 {row:,} 行接着导入", "going on at row {row:,}"),
    "ignored": ("未映射的列：", "columns not mapped: "),
    "unknown": ("未声明、按原样收下：", "not declared, taken as sent: "),
    "ids_made": ("自动生成编号的事件：{n:,}", "events that got an id made from their content: {n:,}"),
    "first": ("最前面的事件（行号在左）", "the first events, by row"),
    "problems": ("{n:,} 处问题", "problems: {n:,}"),
    "rejects": ("；连同所在行都在 ", "; all of them, with their rows, are in "),
    "row": ("第 {n:,} 行", "row {n:,}"),
    "file": ("文件", "file"),
    "state": ("状态", "state"),
    "rows": ("行", "rows"),
    "events": ("事件", "events"),
    "rejected": ("拒收", "rejected"),
    "begun": ("开始", "begun"),
    "feed": ("来源", "feed"),
    "by": ("操作人", "by"),
    "running": ("进行中", "running"),
    "finished": ("已完成", "finished"),
    "nothing": ("还没有导入过", "nothing has been imported yet"),
    "scan": ("分组", "grouping"),
    "read": ("读取", "reading "),
    "processing": ("计算", "processing"),
    "rate": ("{n:,} 条事件，每秒 {rate:,.0f}", "{n:,} events, {rate:,.0f}/s"),
    "waiting": ("还有 {n:,} 条等待", "{n:,} events wait"),
}


def import_files(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="CSV, TSV, Parquet or NDJSON files.")],
    mapping: Annotated[Path | None, typer.Option("--mapping", help="YAML that says what rows mean.")] = None,
    feed: Annotated[str, typer.Option("--feed", help="Who sent NDJSON that has no mapping.")] = "files",
    history: Annotated[bool, typer.Option("--history", help="Changes labels but enters no journey.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Hand over once more what was imported.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would come of it; change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Import files: columns to events, identities, traits and records.

    Interrupted and started again it goes on without doubles. Bad rows go to a file with their reasons.
    """
    if len(files) > FILES_COUNT_MAX:
        raise typer.BadParameter(f"at most {FILES_COUNT_MAX} files at once")
    options = ImportOptions(mapping, feed, history, again, dry_run)
    caller: ImportCaller = ctx.obj
    rehearsed = dry_run and caller.rehearse()
    reports = []
    with _Bars(speaker(WORDS, ctx.obj.language), quiet=as_json) as bars:
        for file in files:
            report = import_file(caller, file, options, SystemClock(), bars.advance_of(file))
            reports.append(replace(report, rejects="") if rehearsed else report)
        if not dry_run:
            bars.wait(caller)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(reports)).decode())
        return
    say = speaker(WORDS, ctx.obj.language)
    for report in reports:
        _print(report, say)


def list_imports(
    ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List import jobs, newest first."""
    found: ImportJobs = ctx.obj.call(LIST, ListImports())
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found.jobs)).decode())
        return
    say = speaker(WORDS, ctx.obj.language)
    columns = [
        Column(say("file")), Column(say("state")), Column(say("rows"), right=True), Column(say("events"), right=True),
        Column(say("rejected"), right=True), Column(say("begun"), whole=True, rank=1), Column(say("feed"), rank=2),
        Column(say("by"), rank=3),
    ]  # fmt: skip
    rows = [
        (
            Path(job.file).name, say(job.state.value), f"{job.rows:,}", f"{job.events:,}",
            text(f"{job.rejected:,}", "red" if job.rejected else ""), instant_text(job.started_at), job.feed, job.actor,
        )
        for job in found.jobs
    ]  # fmt: skip
    show_table(columns, rows)
    if not rows:
        show(text(say("nothing"), "dim"))


LINES = (Line("import", import_files), Line("imports", list_imports))


class _Bars:
    """Progress bars on the error stream, so that the report can be piped."""

    def __init__(self, say: Say, *, quiet: bool) -> None:
        from rich.console import Console  # heavy: only where bars are drawn
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._say = say
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True, quiet=quiet),
        )

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance_of(self, file: Path) -> Any:
        """What an import of a file calls as it goes."""
        tasks: dict[str, Any] = {}
        clock = SystemClock()
        began_s = clock.stopwatch_s()

        def advance(stage: str, done: int, total: int, events: int) -> None:
            if stage not in tasks:
                tasks[stage] = self._progress.add_task(f"{self._say(stage)} {plain(file.name)}", total=total, said="")
            rate = events / max(clock.stopwatch_s() - began_s, 1e-3)
            said = self._say("rate").format(n=events, rate=rate) if events else ""
            self._progress.update(tasks[stage], completed=done, total=max(total, 1), said=said)

        return advance

    def wait(self, caller: ImportCaller) -> None:
        """Until everything handed over is in the labels."""
        task: Any = None
        total = 0
        for waiting in caller.wait_processed():
            total = max(total, waiting)
            if task is None:
                task = self._progress.add_task(self._say("processing"), total=total, said="")
            self._progress.update(
                task, completed=total - waiting, total=total, said=self._say("waiting").format(n=waiting)
            )
        if task is not None:
            self._progress.update(task, completed=total, said="")


def _print(report: ImportReport, say: Say) -> None:
    told = say("would_make" if report.dry_run else "made")
    told = told.format(rows=report.rows, events=report.events)
    show(text(Path(report.file).name, "bold"), "  ", told)
    if report.resumed_at:
        show(say("resumed").format(row=report.resumed_at + 1), indent=2)
    if report.ignored:
        show(say("ignored"), "  ".join(report.ignored), indent=2)
    unknown = sorted(report.unknown.items(), key=lambda item: -item[1])[:CODES_SHOWN_MAX]
    if unknown:
        show(say("unknown"), "  ".join(f"{name} ×{times:,}" for name, times in unknown), indent=2)
    if report.ids_made:
        show(say("ids_made").format(n=report.ids_made), indent=2)
    columns = [Column(right=True, style="dim"), Column(whole=True), Column(whole=True), Column(),
               Column(style="dim", wrap=True, least=20)]  # fmt: skip
    rows = [
        (one.row, one.at, one.type, " ".join(one.identities), "  ".join(f"{k}={_told(v)}" for k, v in
         one.properties.items())) for one in report.shown
    ]  # fmt: skip
    if rows:
        show()
        show_table(columns, rows, say("first"))
    if report.rejected:
        _print_problems(report, say)


def _print_problems(report: ImportReport, say: Say) -> None:
    show()
    kept = f"{say('rejects')}{_near(Path(report.rejects))}" if report.rejects else ""
    show(text(say("problems").format(n=report.rejected), "red"), kept)
    codes = sorted(report.codes.items(), key=lambda item: -item[1])[:CODES_SHOWN_MAX]
    show(text("  ".join(f"{code} ×{times:,}" for code, times in codes), "dim"), indent=2)
    for problem in report.problems:
        place = f" {problem.path}" if problem.path else ""
        show(say("row").format(n=problem.index), f"{place}: {problem.message}", indent=2)
        if problem.remedy:
            show(text(f"→ {problem.remedy}", "dim"), indent=6)


def _near(path: Path) -> Path:
    """A path as seen from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _told(value: object) -> str:
    return str(value) if isinstance(value, str | int | float) else msgspec.json.encode(value).decode()
