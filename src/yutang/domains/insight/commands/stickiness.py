"""Stickiness on the command line: a row a day, and how often people come."""

from __future__ import annotations

from typing import Annotated

import typer

from yutang.domains.insight.api import stickiness as asked_of
from yutang.domains.insight.commands.heat import GROUP_WORDS, bar, bars, group_said, lines, percent, show_groups
from yutang.domains.insight.commands.options import Options, answered, asking
from yutang.domains.insight.contracts.stickiness import StickinessAnswer, StickinessQuestion, StickinessRow
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import Column, show, show_table, text

STICKINESS = Command(
    "insight.stickiness", Permission.INSIGHT_READ, StickinessQuestion, StickinessAnswer, asked_of.stickiness
)
COMMANDS = (STICKINESS,)

WORDS = {
    **GROUP_WORDS,
    "title": ("{events} · 活跃度", "{events} · how often"),
    "day": ("日", "day"),
    "group": ("分组", "group"),
    "average": ("人均天数", "days each"),
    "stickiness": ("平均 DAU/MAU", "mean DAU/MAU"),
    "often": ("最近 30 天中来过几天", "on how many of the last 30 days"),
    "days": ("{n} 天", "{n} days"),
    "one": ("1 天", "1 day"),
    "means": (
        "DAU、WAU、MAU：当天、最近 7 天、最近 30 天活跃的客户 · ~ 当天未完",
        "DAU, WAU, MAU: customers active on the day, in 7 days, in 30 days up to it · ~ not over yet",
    ),
    "cell": (
        "某格客户：--list day={day},window=30 或 active_days=3",
        "customers of a figure: --list day={day},window=30 or active_days=3",
    ),
}
RATIO_CHARS = 12


@asking
def stickiness(
    ctx: typer.Context,
    events: Annotated[str, typer.Argument(help="what makes active: #visit, order_paid, *")] = "#visit",
    days: Annotated[int, typer.Option("--days", help="how many days to show; --since shows all from then on")] = 30,
    *,
    options: Options,
) -> None:
    """How many are active by day, week and month, and how often they come."""
    answer = answered(ctx, STICKINESS, StickinessQuestion(events, days, options.scope), options)
    if answer is not None:
        caller: Caller = ctx.obj
        _print(answer, speaker(WORDS, caller.language))


def _print(answer: StickinessAnswer, say: Say) -> None:
    whole = answer.rows[-1]
    show(text(say("title").format(events=answer.title), "bold"))
    said = [f"{answer.asked.since} … {answer.asked.as_of}", answer.asked.zone, answer.asked.sentence]
    show(text(" · ".join(one for one in said if one), "dim"))
    _print_days(whole, say)
    if len(answer.rows) > 1:
        _print_groups(answer, say)
    show()
    show(text(say("often"), "bold"))
    most = max(whole.active_days, default=0)
    last = max((n for n, count in enumerate(whole.active_days) if count), default=-1)
    rows = [
        (say("one") if n == 0 else say("days").format(n=n + 1), f"{count:,}", float(count))
        for n, count in enumerate(whole.active_days[: last + 1])
    ]
    lines(bars(rows, most))
    show(text(say("means"), "dim"))
    show(text(say("cell").format(day=whole.days[-1].day), "dim"))


def _print_days(row: StickinessRow, say: Say) -> None:
    columns = [Column(say("day")), *(Column(name, right=True) for name in ("DAU", "WAU", "MAU", "DAU/WAU")),
               Column("DAU/MAU", right=True), Column(rank=2), Column("WAU/MAU", right=True, rank=1)]  # fmt: skip
    rows = [
        (
            one.day + (" " if one.complete else "~"), f"{one.daily:,}", f"{one.weekly:,}", f"{one.monthly:,}",
            f"{percent(one.daily_of_weekly)} %", f"{percent(one.daily_of_monthly)} %",
            text(bar(one.daily_of_monthly or 0.0, RATIO_CHARS), "cyan"), f"{percent(one.weekly_of_monthly)} %",
        )
        for one in row.days
    ]  # fmt: skip
    show_table(columns, rows)


def _print_groups(answer: StickinessAnswer, say: Say) -> None:
    columns = [Column(say("group")), *(Column(name, right=True) for name in ("DAU", "WAU", "MAU", say("stickiness"))),
               Column(say("average"), right=True)]  # fmt: skip
    rows = []
    for row in answer.rows[:-1]:
        last = row.days[-1]
        often = "–" if row.average_days is None else f"{row.average_days:.1f}"
        rows.append((group_said(row.group, say), f"{last.daily:,}", f"{last.weekly:,}", f"{last.monthly:,}",
                     f"{percent(row.stickiness)} %", often))  # fmt: skip
    show()
    show_groups(columns, rows, say, answer.rows[-1].days[-1].day)


LINES = (Line("stickiness", stickiness),)
