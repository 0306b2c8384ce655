"""RFM on the command line: recency by frequency, each with its monetary quintiles, and the eight segments."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from yutang.domains.insight.api import rfm as asked_of
from yutang.domains.insight.commands.heat import GROUP_WORDS, bar, group_said, money, percent, shaded, show_groups
from yutang.domains.insight.commands.options import Options, answered, asking
from yutang.domains.insight.contracts.rfm import RfmAnswer, RfmQuestion, RfmRow
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import Column, console, show, show_table, text

RFM = Command("insight.rfm", Permission.INSIGHT_READ, RfmQuestion, RfmAnswer, asked_of.rfm)
COMMANDS = (RFM,)

WORDS = {
    **GROUP_WORDS,
    "title": ("RFM：{within} 内{events}", "RFM: {events} within {within}"),
    "people": ("位客户", "customers"),
    "grid": (
        "行：R 最近一次，列：F 频次（5 最好）；每格：客户数，M 从 5 到 1 的人数",
        "rows: R recency, columns: F frequency (5 is best); in a cell: customers, and how many of M 5 to 1",
    ),
    "key_value": ("重要价值", "recent, often, much"),
    "key_develop": ("重要发展", "recent, seldom, much"),
    "key_keep": ("重要保持", "long ago, often, much"),
    "key_win_back": ("重要挽留", "long ago, seldom, much"),
    "value": ("一般价值", "recent, often, little"),
    "develop": ("一般发展", "recent, seldom, little"),
    "keep": ("一般保持", "long ago, often, little"),
    "win_back": ("一般挽留", "long ago, seldom, little"),
    "segments": ("分群（高：4 或 5）", "segments (high: 4 or 5)"),
    "sum": ("合计", "all"),
    "nobody": ("期间内没有人购买", "nobody bought in that span"),
    "cell": (
        "某格客户：--list recency=5,frequency=4,monetary=3 或 segment=key_value",
        "customers of a cell: --list recency=5,frequency=4,monetary=3 or segment=key_value",
    ),
}
QUINTILES = (5, 4, 3, 2, 1)
BAR_CHARS = 24
INSIDE_CHARS_MIN = 120  # of a terminal with room for the monetary quintiles


@asking
def rfm(
    ctx: typer.Context,
    events: Annotated[str, typer.Argument(help="the orders: order_paid, with a filter if need be")] = "order_paid",
    property_: Annotated[str, typer.Option("--property", help="the amount among its properties")] = "amount",
    within: Annotated[str, typer.Option("--within", help="the span before the instant that counts")] = "365d",
    *,
    options: Options,
) -> None:
    """Customers by quintiles of recency, frequency and money."""
    answer = answered(ctx, RFM, RfmQuestion(events, property_, within, options.scope), options)
    if answer is not None:
        caller: Caller = ctx.obj
        _print(answer, speaker(WORDS, caller.language))


def _print(answer: RfmAnswer, say: Say) -> None:
    whole = answer.rows[-1]
    show(text(say("title").format(events=answer.title, within=answer.within), "bold"))
    said = [f"{whole.customers:,} {say('people')}", f"{money(whole.amount)} {whole.amount.currency}",
            answer.asked.as_of, answer.asked.sentence]  # fmt: skip
    show(text(" · ".join(one for one in said if one), "dim"))
    if not whole.customers:
        show(say("nobody"))
        return
    _print_grid(whole, say)
    show()
    _print_segments(answer, say)
    show(text(say("cell"), "dim"))


def _print_grid(row: RfmRow, say: Say) -> None:
    counts = {(one.recency, one.frequency, one.monetary): one.customers for one in row.cells}
    inside = console().width >= INSIDE_CHARS_MIN
    sums = {(r, f): sum(counts.get((r, f, m), 0) for m in QUINTILES) for r in QUINTILES for f in QUINTILES}
    most = max(sums.values())
    shown: list[list[Text]] = []
    width = max(len(f"{count:,}") for count in sums.values()) + 1
    for r in QUINTILES:
        line = [text(f"R{r}")]
        for f in QUINTILES:
            cell = shaded(f"{sums[r, f]:,} ", sums[r, f] / most, width + 1)
            if inside:
                cell.append(" " + "/".join(str(counts.get((r, f, m), 0)) for m in QUINTILES), "dim")
            line.append(cell)
        line.append(text(f"{sum(sums[r, f] for f in QUINTILES):,}", "dim"))
        shown.append(line)
    totals = [text(f"{sum(sums[r, f] for r in QUINTILES):,} ", "dim") for f in QUINTILES]
    for total in totals:
        total.align("right", width + 1)
    columns = [Column(), *(Column(f"F{f}") for f in QUINTILES), Column(say("sum"), right=True)]
    show_table(columns, [*shown, [text(say("sum")), *totals, text(f"{row.customers:,}", "dim")]])
    if inside:
        show(text(say("grid"), "dim"))


def _print_segments(answer: RfmAnswer, say: Say) -> None:
    whole = answer.rows[-1]
    most = max(one.customers for one in whole.segments)
    columns = [Column(), Column(style="dim", rank=2), *(Column(right=True) for _ in range(3)), Column(rank=1)]
    rows: list[tuple[object, ...]] = []
    for one in whole.segments:
        share = f"{percent(one.customers / whole.customers)} %"
        much = text(bar(one.customers / most, BAR_CHARS), "cyan")
        rows.append((one.segment, say(one.segment), f"{one.customers:,}", share, money(one.amount), much))
    show_table(columns, rows, say("segments"))
    if len(answer.rows) > 1:
        show()
        _print_groups(answer, say)


def _print_groups(answer: RfmAnswer, say: Say) -> None:
    """A row a segment, a column a group: the largest first."""
    groups = answer.rows[:-1]
    columns = [
        Column(whole=True),
        *(Column(group_said(row.group, say), right=True, rank=n + 1) for n, row in enumerate(groups)),
    ]
    rows = [
        (one.segment, *(f"{row.segments[n].customers:,}" for row in groups))
        for n, one in enumerate(answer.rows[-1].segments)
    ]
    show_groups(columns, [*rows, (say("sum"), *(f"{row.customers:,}" for row in groups))], say)


LINES = (Line("rfm", rfm),)
