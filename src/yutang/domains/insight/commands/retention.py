"""Retention on the command line: a row a cohort, a column a period, the deeper the more came back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from yutang.domains.insight.api import retention as asked_of
from yutang.domains.insight.commands.heat import GAP, GROUP_WORDS, group_said, left, lines, percent, shaded
from yutang.domains.insight.commands.options import Options, answered, asking
from yutang.domains.insight.contracts.retention import (
    RetentionAnswer,
    RetentionLine,
    RetentionQuestion,
    RetentionRow,
)
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import console, show, text

RETENTION = Command(
    "insight.retention", Permission.INSIGHT_READ, RetentionQuestion, RetentionAnswer, asked_of.retention
)
COMMANDS = (RETENTION,)

WORDS = {
    **GROUP_WORDS,
    "title": ("先{begin}，后{returns}", "{begin}, then {returns}"),
    "first_ever": ("首次发生", "first ever"),
    "first": ("区间内首次", "first in the range"),
    "any": ("每个周期首次", "first in each period"),
    "later": ("当期或之后回来", "in the period or later"),
    "all": ("平均", "average"),
    "cohort": ("群组", "cohort"),
    "size": ("人数", "size"),
    "by_any": ("任一", "any of them"),
    "unfinished": ("~ 周期未完，不计入平均", "~ not over yet, and not in the average"),
    "wider": ("…… 还有 {n} 个周期：加宽终端或 --json", "… {n} more periods: a wider terminal, or --json"),
    "cell": ("某格客户：--list cohort={cohort},period=1", "customers of a cell: --list cohort={cohort},period=1"),
    "cell_group": ("某格客户：--list group={group},period=1", "customers of a cell: --list group={group},period=1"),
    "nobody": ("区间内没有人开始", "nobody begins in the range"),
}
NAME_CHARS_MIN, NAME_CHARS_MAX = 10, 20
NARROW_CHARS, WIDE_CHARS = 5, 7  # of a cell


@asking
def retention(
    ctx: typer.Context,
    begin: Annotated[str, typer.Argument(help="the events that begin: order_paid, #visit, *, with a filter")],
    returns: Annotated[
        list[str] | None, typer.Option("--returns", help="events that count as coming back; again for more sets")
    ] = None,
    per: Annotated[str, typer.Option("--per", help="day, week, month, year; 7d: from each one's beginning")] = "week",
    periods: Annotated[int, typer.Option("--periods", help="how many to show, the beginning's own among them")] = 12,
    beginning: Annotated[str, typer.Option("--beginning", help="first_ever, first (of the range), any")] = "first_ever",
    cohorts: Annotated[str, typer.Option("--cohorts", help="with --per 7d: day, week, month of the beginning")] = "",
    later: Annotated[bool, typer.Option("--later", help="count who comes back in a later period too")] = False,
    *,
    options: Options,
) -> None:  # fmt: skip
    """Of those who begin in a period, how many come back in the ones after it."""
    question = RetentionQuestion(
        begin, tuple(returns or ()), per, periods, beginning, cohorts, later, options.scope
    )  # fmt: skip
    answer = answered(ctx, RETENTION, question, options)
    if answer is not None:
        caller: Caller = ctx.obj
        _print(answer, speaker(WORDS, caller.language))


def _print(answer: RetentionAnswer, say: Say) -> None:
    show(text(say("title").format(begin=answer.title, returns=" / ".join(answer.return_titles)), "bold"))
    said = [say(answer.beginning), *([say("later")] if answer.later else []), f"{answer.asked.since} … "
            f"{answer.asked.as_of}", answer.asked.zone, answer.asked.sentence]  # fmt: skip
    show(text(" · ".join(one for one in said if one), "dim"))
    rows = [row for row in answer.rows if not (row.group and row.cohort)]
    if not any(row.size for row in rows):
        show(say("nobody"))
        return
    names = [line.returns for line in rows[0].returned]
    for number, name in enumerate(names):
        if len(names) > 1:
            show()
            show(text(say("by_any") if name == "any" else answer.return_titles[int(name) - 1], "bold"))
        _print_grid(rows, number, say)
    first = next(row for row in rows if row.size)
    key = "cell_group" if first.group else "cell"
    show(text(say("unfinished") + " · " + say(key).format(cohort=first.cohort, group=first.group), "dim"))


def _print_grid(rows: Sequence[RetentionRow], number: int, say: Say) -> None:
    found = [row.returned[number] for row in rows]
    periods = max(len(line.cells) for line in found)
    sizes = max(len(f"{row.size:,}") for row in rows)
    sizes = max(sizes, text(say("size")).cell_len)
    names = max(text(_name(row, say)).cell_len for row in rows)
    names = max(NAME_CHARS_MIN, min(NAME_CHARS_MAX, names))
    room = console().width - names - sizes - GAP
    width = WIDE_CHARS if periods * WIDE_CHARS <= room else NARROW_CHARS
    shown = min(periods, room // width)
    head = left(say("cohort"), names, "dim").append(" " * GAP)
    for said, wide in [(say("size"), sizes), *((f"{k}", width) for k in range(shown))]:
        cell = text(said, "dim")
        cell.align("right", wide)
        head.append_text(cell)
    most = max((cell.share or 0.0 for line in found for cell in line.cells[1:]), default=0.0) or 1.0
    body = [_line(row, line, (names, sizes, width, shown), most, say) for row, line in zip(rows, found, strict=True)]
    lines([head, *body])
    if shown < periods:
        show(text(say("wider").format(n=periods - shown), "dim"))


def _name(row: RetentionRow, say: Say) -> str:
    return group_said(row.group, say) or row.cohort or say("all")


def _line(row: RetentionRow, line: RetentionLine, widths: tuple[int, int, int, int], most: float, say: Say) -> Text:
    """A row: its name, its size, its shares. Those of periods that aren't over are marked."""
    names, sizes, width, shown = widths
    total = not row.cohort and not row.group
    found = left(_name(row, say), names, "bold" if total else "").append(" " * GAP)
    size = text(f"{row.size:,}")
    size.align("right", sizes)
    found.append_text(size)
    for cell in line.cells[:shown]:
        mark = " " if cell.complete or cell.share is None else "~"
        said = percent(cell.share, 1 if width == WIDE_CHARS else 0) + mark
        found.append_text(shaded(said, (cell.share or 0.0) / most, width, not cell.complete))
    return found


LINES = (Line("retention", retention),)
