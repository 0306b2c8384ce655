"""Recency and frequency on the command line: a bar a range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from yutang.domains.insight.api import recency as asked_of
from yutang.domains.insight.commands.heat import GROUP_WORDS, bars, group_said, lines, percent, show_groups
from yutang.domains.insight.commands.options import Options, answered, asking
from yutang.domains.insight.contracts.recency import RecencyAnswer, RecencyBucket, RecencyQuestion, RecencyRow
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import Column, show, text

RECENCY = Command("insight.recency", Permission.INSIGHT_READ, RecencyQuestion, RecencyAnswer, asked_of.recency)
COMMANDS = (RECENCY,)

WORDS = {
    **GROUP_WORDS,
    "title": ("{events} · 距上次多久", "{events} · how long ago"),
    "days": ("距今天数 · 中位数 {median}", "days since · median {median}"),
    "times": ("次数 · 中位数 {median}", "how many times · median {median}"),
    "never": ("从未", "never"),
    "group": ("分组", "group"),
    "cell": (
        "某格客户：--list days={days}、times={times} 或 never=yes",
        "customers of a figure: --list days={days}, times={times} or never=yes",
    ),
}


@asking
def recency(
    ctx: typer.Context,
    events: Annotated[str, typer.Argument(help="the events: #visit, order_paid, *, with a filter")] = "#visit",
    *,
    options: Options,
) -> None:
    """How long ago the last event was, and how many there were."""
    answer = answered(ctx, RECENCY, RecencyQuestion(events, options.scope), options)
    if answer is not None:
        caller: Caller = ctx.obj
        _print(answer, speaker(WORDS, caller.language))


def _print(answer: RecencyAnswer, say: Say) -> None:
    whole = answer.rows[-1]
    show(text(say("title").format(events=answer.title), "bold"))
    show(text(" · ".join(one for one in (answer.asked.as_of, answer.asked.sentence) if one), "dim"))
    for key, of, middle in (("days", _days, whole.median_days), ("times", _times, whole.median_times)):
        show()
        show(text(say(key).format(median="–" if middle is None else f"{middle:g}"), "bold"))
        if len(answer.rows) > 1:
            _print_groups(answer.rows, of, say)
        else:
            _print_bars(of(whole), whole, say)
    show(text(say("cell").format(days=whole.days[1].range, times=whole.times[0].range), "dim"))


def _days(row: RecencyRow) -> Sequence[RecencyBucket]:
    return row.days


def _times(row: RecencyRow) -> Sequence[RecencyBucket]:
    return row.times


def _print_bars(buckets: Sequence[RecencyBucket], row: RecencyRow, say: Say) -> None:
    found = [*((one.range, one.customers) for one in buckets), (say("never"), row.never)]
    customers = sum(count for _, count in found)
    rows = [
        (name, f"{count:,}  {percent(count / customers if customers else None):>5} %", float(count))
        for name, count in found
    ]
    lines(bars(rows, max(count for _, count in found)))


def _print_groups(
    rows: Sequence[RecencyRow], of: Callable[[RecencyRow], Sequence[RecencyBucket]], say: Say
) -> None:  # fmt: skip
    """A row a group, a column a range: shares of the group."""
    names = [one.range for one in of(rows[0])]
    columns = [Column(say("group")), *(Column(name, right=True, rank=n) for n, name in enumerate(names, 1)),
               Column(say("never"), right=True)]  # fmt: skip
    shown = []
    for row in rows[:-1]:
        counts = [*(one.customers for one in of(row)), row.never]
        shown.append(
            (group_said(row.group, say), *(percent(count / sum(counts) if sum(counts) else None) for count in counts))
        )
    show_groups(columns, shown, say, "%")


LINES = (Line("recency", recency),)
