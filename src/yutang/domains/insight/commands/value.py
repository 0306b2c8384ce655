"""Lifetime value on the command line: a row a cohort, a column a period, amounts a customer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from yutang.domains.insight.api import value as asked_of
from yutang.domains.insight.commands.heat import GAP, GROUP_WORDS, group_said, left, lines, money, shaded
from yutang.domains.insight.commands.options import Options, answered, asking
from yutang.domains.insight.contracts.value import ValueAnswer, ValueCell, ValueQuestion, ValueRow
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import console, show, text

VALUE = Command("insight.value", Permission.INSIGHT_READ, ValueQuestion, ValueAnswer, asked_of.value)
COMMANDS = (VALUE,)

WORDS = {
    **GROUP_WORDS,
    "title": ("{events} · 每位客户的累计金额", "{events} · what each customer has paid"),
    "net": ("已扣退款", "net of refunds"),
    "first_event": ("自首单起", "since the first of them"),
    "first_seen": ("自首次出现起", "since first seen"),
    "all": ("平均", "average"),
    "cohort": ("群组", "cohort"),
    "size": ("人数", "size"),
    "unfinished": ("~ 周期未完，不计入平均", "~ not over yet, and not in the average"),
    "wider": ("…… 还有 {n} 个周期：加宽终端或 --json", "… {n} more periods: a wider terminal, or --json"),
    "cell": ("某格付费客户：--list {cell},period=1", "who paid in a cell: --list {cell},period=1"),
    "nobody": ("区间内没有人开始", "nobody begins in the range"),
}
NAME_CHARS_MIN, NAME_CHARS_MAX = 10, 20


@asking
def value(
    ctx: typer.Context,
    events: Annotated[str, typer.Argument(help="what is paid: order_paid, with a filter if need be")] = "order_paid",
    property_: Annotated[str, typer.Option("--property", help="the amount among its properties")] = "amount",
    net: Annotated[bool, typer.Option("--net", help="take refunds off")] = False,
    begin: Annotated[str, typer.Option("--begin", help="first_event (of the set) or first_seen")] = "first_event",
    per: Annotated[str, typer.Option("--per", help="day, week, month, year")] = "month",
    periods: Annotated[int, typer.Option("--periods", help="how many to show, the beginning's own among them")] = 12,
    *,
    options: Options,
) -> None:
    """What customers have paid by now, by the periods since they began."""
    question = ValueQuestion(events, property_, net, begin, per, periods, options.scope)
    answer = answered(ctx, VALUE, question, options)
    if answer is not None:
        caller: Caller = ctx.obj
        _print(answer, speaker(WORDS, caller.language))


def _print(answer: ValueAnswer, say: Say) -> None:
    rows = [row for row in answer.rows if not (row.group and row.cohort)]
    currency = answer.rows[0].cells[0].total.currency
    show(text(f"{say('title').format(events=answer.title)} ({currency})", "bold"))
    said = [say(answer.begin), *([say("net")] if answer.net else []), f"{answer.asked.since} … {answer.asked.as_of}",
            answer.asked.zone, answer.asked.sentence]  # fmt: skip
    show(text(" · ".join(one for one in said if one), "dim"))
    if not any(row.size for row in rows):
        show(say("nobody"))
        return
    _print_grid(rows, say)
    first = next(row for row in rows if row.size)
    cell = f"group={first.group}" if first.group else f"cohort={first.cohort}"
    show(text(say("unfinished") + " · " + say("cell").format(cell=cell), "dim"))


def _print_grid(rows: Sequence[ValueRow], say: Say) -> None:
    periods = max(len(row.cells) for row in rows)
    sizes = max(text(say("size")).cell_len, *(len(f"{row.size:,}") for row in rows))
    names = max(text(_name(row, say)).cell_len for row in rows)
    names = max(NAME_CHARS_MIN, min(NAME_CHARS_MAX, names))
    room = console().width - names - sizes - GAP
    width = 1 + max(len(_said(cell, whole=False)) for row in rows for cell in row.cells)
    whole = width * periods > room
    if whole:
        width = 1 + max(len(_said(cell, whole=True)) for row in rows for cell in row.cells)
    shown = max(1, min(periods, room // width))
    head = left(say("cohort"), names, "dim").append(" " * GAP)
    for said, wide in [(say("size"), sizes), *((f"{k} ", width) for k in range(shown))]:
        heading = text(said, "dim")
        heading.align("right", wide)
        head.append_text(heading)
    most = max((cell.each.minor for row in rows for cell in row.cells if cell.each), default=0) or 1
    lines([head, *(_line(row, (names, sizes, width, shown), most, whole, say) for row in rows)])
    if shown < periods:
        show(text(say("wider").format(n=periods - shown), "dim"))


def _name(row: ValueRow, say: Say) -> str:
    return group_said(row.group, say) or row.cohort or say("all")


def _line(row: ValueRow, widths: tuple[int, int, int, int], most: int, whole: bool, say: Say) -> Text:
    names, sizes, width, shown = widths
    total = not row.cohort and not row.group
    found = left(_name(row, say), names, "bold" if total else "").append(" " * GAP)
    size = text(f"{row.size:,}")
    size.align("right", sizes)
    found.append_text(size)
    for cell in row.cells[:shown]:
        part = max(cell.each.minor, 0) / most if cell.each else 0.0
        found.append_text(shaded(_said(cell, whole=whole), part, width, not cell.complete))
    return found


def _said(cell: ValueCell, *, whole: bool) -> str:
    """An amount a customer; in whole units where there is little room."""
    if cell.each is None:
        return "– "
    said = money(cell.each)
    return (said.partition(".")[0] if whole else said) + (" " if cell.complete else "~")


LINES = (Line("value", value),)
