"""Repurchase on the command line: cohorts, the next-order curve, the intervals."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from yutang.domains.insight.api import repurchase as asked_of
from yutang.domains.insight.commands.heat import GROUP_WORDS, bars, group_said, lines, percent, shaded, show_groups
from yutang.domains.insight.commands.options import Options, answered, asking
from yutang.domains.insight.contracts.repurchase import (
    RepurchaseAnswer,
    RepurchaseFigure,
    RepurchaseQuestion,
    RepurchaseRow,
)
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import Column, show, show_table, text

REPURCHASE = Command(
    "insight.repurchase", Permission.INSIGHT_READ, RepurchaseQuestion, RepurchaseAnswer, asked_of.repurchase
)
COMMANDS = (REPURCHASE,)

WORDS = {
    **GROUP_WORDS,
    "title": ("{events}，{within} 内再次", "{events} again within {within}"),
    "cohort": ("首单", "first order"),
    "group": ("分组", "group"),
    "buyers": ("买家", "buyers"),
    "ready": ("满期", "had the time"),
    "order": ("第 {n} 单 %", "order {n} %"),
    "all": ("全部", "all"),
    "next": ("下一单：第 n 单之后 {within} 内", "the next order: within {within} of the n-th"),
    "after": ("第 {n} 单之后", "after order {n}"),
    "median": ("中位 {days} 天", "median {days} days"),
    "intervals": ("两单间隔（天）· 中位数 {days}", "days between orders · median {days}"),
    "interval": ("间隔中位", "median days"),
    "cell": (
        "某格客户：--list cohort={cohort},order=2、after=1 或 interval=8-14；came=no 为未回购者",
        "customers of a figure: --list cohort={cohort},order=2, after=1 or interval=8-14; came=no: who didn't",
    ),
}
CELL_CHARS = 6


@asking
def repurchase(
    ctx: typer.Context,
    events: Annotated[str, typer.Argument(help="the orders: order_paid, with a filter if need be")] = "order_paid",
    within: Annotated[str, typer.Option("--within", help="how soon the next order must follow")] = "90d",
    orders: Annotated[int, typer.Option("--orders", help="up to which order to look")] = 5,
    per: Annotated[str, typer.Option("--per", help="cohorts by day, week, month, year of the first order")] = "month",
    *,
    options: Options,
) -> None:
    """How many buy again, how soon, and how often."""
    question = RepurchaseQuestion(events, within, orders, per, options.scope)
    answer = answered(ctx, REPURCHASE, question, options)
    if answer is not None:
        caller: Caller = ctx.obj
        _print(answer, speaker(WORDS, caller.language))


def _print(answer: RepurchaseAnswer, say: Say) -> None:
    whole = answer.rows[-1]
    show(text(say("title").format(events=answer.title, within=answer.within), "bold"))
    said = [f"{answer.asked.since} … {answer.asked.as_of}", answer.asked.zone, answer.asked.sentence]
    show(text(" · ".join(one for one in said if one), "dim"))
    _print_cohorts(whole, say)
    if len(answer.rows) > 1:
        _print_groups(answer, say)
    show()
    show(text(say("next").format(within=answer.within), "bold"))
    lines(bars([
        (say("after").format(n=one.after), f"{percent(one.share)} %  {one.customers:,} / {one.of:,}  "
         + say("median").format(days=_days(one.median_days)), one.share or 0.0)
        for one in whole.next
    ], 1.0))  # fmt: skip
    show()
    show(text(say("intervals").format(days=_days(whole.median_days)), "bold"))
    most = max(one.count for one in whole.intervals)
    lines(bars([(one.days, f"{one.count:,}", float(one.count)) for one in whole.intervals], most))
    show(text(say("cell").format(cohort=whole.cohorts[0].cohort), "dim"))


def _print_cohorts(row: RepurchaseRow, say: Say) -> None:
    orders = [one.order for one in row.cohorts[-1].again]
    columns = [Column(say("cohort")), Column(say("buyers"), right=True), Column(say("ready"), right=True),
               *(Column(say("order").format(n=n), right=True) for n in orders)]  # fmt: skip
    rows = [
        (one.cohort or text(say("all"), "bold"), f"{one.buyers:,}", f"{one.again[0].of:,}", *map(_share, one.again))
        for one in row.cohorts
    ]
    show_table(columns, rows)


def _print_groups(answer: RepurchaseAnswer, say: Say) -> None:
    orders = [one.order for one in answer.rows[-1].cohorts[-1].again]
    columns = [Column(say("group")), Column(say("buyers"), right=True), Column(say("ready"), right=True),
               *(Column(say("order").format(n=n), right=True) for n in orders),
               Column(say("interval"), right=True)]  # fmt: skip
    rows = []
    for row in answer.rows[:-1]:
        one = row.cohorts[-1]
        rows.append((group_said(row.group, say), f"{one.buyers:,}", f"{one.again[0].of:,}", *map(_share, one.again),
                     _days(row.median_days)))  # fmt: skip
    show()
    show_groups(columns, rows, say)


def _share(figure: RepurchaseFigure) -> Text:
    return shaded(percent(figure.share), figure.share or 0.0, CELL_CHARS)


def _days(days: float | None) -> str:
    return "–" if days is None else f"{days:,.1f}"


LINES = (Line("repurchase", repurchase),)
