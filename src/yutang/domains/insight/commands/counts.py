"""Counts and sums by period on the command line: a bar a period, or a table of groups."""

from __future__ import annotations

from typing import Annotated

import typer

from yutang.domains.insight.api import counts as asked_of
from yutang.domains.insight.commands.heat import GROUP_WORDS, bars, group_said, lines, money, percent, show_groups
from yutang.domains.insight.commands.options import Options, answered, asking
from yutang.domains.insight.contracts.counts import CountAnswer, CountFigure, CountQuestion, CountRow
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import Column, show, text

COUNT = Command("insight.count", Permission.INSIGHT_READ, CountQuestion, CountAnswer, asked_of.count)
COMMANDS = (COUNT,)

WORDS = {
    **GROUP_WORDS,
    "customers": ("客户数", "customers"),
    "events": ("事件数", "events"),
    "sum": ("合计 {prop}", "sum of {prop}"),
    "average": ("平均 {prop}", "average {prop}"),
    "min": ("最小 {prop}", "least {prop}"),
    "max": ("最大 {prop}", "greatest {prop}"),
    "distinct": ("不同的 {prop}", "different {prop}"),
    "all": ("全部", "all"),
    "unfinished": ("~ 周期不完整", "~ seen in part"),
    "cell": ("某格客户：--list period={period}", "customers of a figure: --list period={period}"),
    "nothing": ("没有这样的事件", "there are no such events"),
}


@asking
def count(
    ctx: typer.Context,
    events: Annotated[str, typer.Argument(help="the events: order_paid, #visit, *, with a filter")],
    measure: Annotated[
        str, typer.Option("--measure", help="customers, events, or sum:P, average:P, min:P, max:P, distinct:P")
    ] = "events",
    per: Annotated[str, typer.Option("--per", help="day, week, month, year")] = "month",
    share: Annotated[bool, typer.Option("--share", help="of customers: the share in all who were active")] = False,
    *,
    options: Options,
) -> None:
    """How many, or how much, by period and in the whole range."""
    answer = answered(ctx, COUNT, CountQuestion(events, measure, per, share, options.scope), options)
    if answer is not None:
        caller: Caller = ctx.obj
        _print(answer, speaker(WORDS, caller.language))


def _print(answer: CountAnswer, say: Say) -> None:
    name = answer.measure.partition(":")[0]
    show(text(f"{answer.title} · {say(name).format(prop=answer.measure_title)}", "bold"))
    said = [f"{answer.asked.since} … {answer.asked.as_of}", answer.asked.zone, answer.asked.sentence]
    show(text(" · ".join(one for one in said if one), "dim"))
    whole = answer.rows[-1]
    if not _much(whole.total) and not any(map(_much, whole.figures)):
        show(say("nothing"))
        return
    if len(answer.rows) == 1:
        _print_bars(answer, whole, say)
    else:
        _print_table(answer, say)
    show(text(" · ".join([*([say("unfinished")] if not all(answer.complete) else []),
                          say("cell").format(period=answer.periods[-1])]), "dim"))  # fmt: skip


def _print_bars(answer: CountAnswer, row: CountRow, say: Say) -> None:
    most = max(map(_much, row.figures), default=0.0)
    rows = [
        (name + (" " if complete else "~"), _said(figure), _much(figure))
        for name, complete, figure in zip(answer.periods, answer.complete, row.figures, strict=True)
    ]
    lines(bars([*rows, (say("all"), _said(row.total), 0.0)], most))


def _print_table(answer: CountAnswer, say: Say) -> None:
    """A row a period, a column a group: the largest first, everybody last."""
    groups = [group_said(row.group, say) or say("all") for row in answer.rows]
    columns = [Column(), *(Column(name, right=True, rank=n + 1) for n, name in enumerate(groups[:-1])),
               Column(groups[-1], right=True, style="bold")]  # fmt: skip
    rows = [
        (name + (" " if complete else "~"), *(_said(row.figures[n]) for row in answer.rows))
        for n, (name, complete) in enumerate(zip(answer.periods, answer.complete, strict=True))
    ]
    show_groups(columns, [*rows, (say("all"), *(_said(row.total) for row in answer.rows))], say)


def _much(figure: CountFigure) -> float:
    return float(figure.amount.minor if figure.amount is not None else figure.value or 0)


def _said(figure: CountFigure) -> str:
    if figure.amount is not None:
        return money(figure.amount)
    if figure.value is None:
        return "–"
    said = f"{figure.value:,}" if isinstance(figure.value, int) else f"{figure.value:,.2f}"
    return said if figure.share is None else f"{said} ({percent(figure.share)} %)"


LINES = (Line("count", count),)
