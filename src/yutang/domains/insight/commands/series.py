"""Series on the command line: `yutang series CONDITION`."""

from __future__ import annotations

from typing import Annotated

import typer

from yutang.domains.insight.api import series as api
from yutang.domains.insight.api.courses import EVERYBODY
from yutang.domains.insight.commands.heat import GROUP_WORDS, bar, bar_room, group_said
from yutang.domains.insight.commands.options import Options, answered, asking
from yutang.domains.insight.commands.sparks import spark
from yutang.domains.insight.contracts.series import SeriesAnswer, SeriesQuestion
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import Column, show, show_table, text

SERIES = Command("insight.series", Permission.INSIGHT_READ, SeriesQuestion, SeriesAnswer, api.series)
COMMANDS = (SERIES,)

WORDS = {
    **GROUP_WORDS,
    "period": ("周期", "period"),
    "size": ("人数", "size"),
    "entered": ("进入", "entered"),
    "left": ("离开", "left"),
    "group": ("分组", "group"),
    "all": ("合计", "all"),
    "more_periods": ("…… 此前还有 {n:,} 期：--json", "… {n:,} periods before: --json"),
    "behind": ("名单：--list {cell}", "who: --list {cell}"),
}
PERIODS_SHOWN_MAX = 60


@asking
def series(
    ctx: typer.Context,
    condition: Annotated[str, typer.Argument(help="such as 'count(order_paid, 30d) >= 3' or 'in(aipl, \"I\")'")],
    per: Annotated[str, typer.Option("--per", help="day, week, month or year")] = "day",
    *,
    options: Options,
) -> None:
    """How many satisfied a condition at the end of each period, and how many entered and left it."""
    caller: Caller = ctx.obj
    answer = answered(ctx, SERIES, SeriesQuestion(condition, per, options.scope), options)
    if answer is None:
        return
    say = speaker(WORDS, caller.language)
    show(text(answer.sentence, "bold"))
    show(text(f"{answer.asked.since} → {answer.asked.as_of} · {answer.asked.zone}", "dim"))
    if answer.asked.sentence:
        show(text(answer.asked.sentence, "dim"))
    show()
    if len(answer.before) > 1:
        _print_groups(answer, say)
        show()
    _print_periods(answer, say)
    show()
    show(text(say("behind").format(cell=f"period={answer.periods[-1].name},figure=entered"), "dim"))


def _print_groups(answer: SeriesAnswer, say: Say) -> None:
    rows: list[tuple[object, ...]] = []
    for group, before in answer.before.items():
        points = [one.points[group] for one in answer.periods]
        sizes = [before, *(one.size for one in points)]
        rows.append((
            group_said(group, say) if group != EVERYBODY else text(say("all"), "bold"),
            text(spark(sizes), "cyan"), f"{before:,}", "→", f"{sizes[-1]:,}",
            text(f"+{sum(one.entered for one in points):,}", "green"),
            text(f"−{sum(one.left for one in points):,}", "red"),
        ))  # fmt: skip
    show_table([Column(), Column(), *(Column(right=True, whole=True) for _ in range(5))], rows)


def _print_periods(answer: SeriesAnswer, say: Say) -> None:
    """A row for each period, with a bar."""
    points = [one.points[EVERYBODY] for one in answer.periods]
    most = max(one.size for one in points) or 1
    figures = [
        (period.name, f"{one.size:,}", _moved("+", one.entered), _moved("−", one.left))
        for period, one in zip(answer.periods, points, strict=True)
    ][-PERIODS_SHOWN_MAX:]
    heads = (say("period"), say("size"), say("entered"), say("left"))
    room = bar_room([heads, *figures])
    rows: list[tuple[object, ...]] = [
        (name, size, text(entered, "green"), text(left, "red"), text(bar(one.size / most, room), "cyan"))
        for (name, size, entered, left), one in zip(figures, points[-PERIODS_SHOWN_MAX:], strict=True)
    ]
    if len(points) > PERIODS_SHOWN_MAX:
        show(text(spark([one.size for one in points]), "cyan"))
        show(text(say("more_periods").format(n=len(points) - PERIODS_SHOWN_MAX), "dim"))
    columns = [Column(heads[0], whole=True), *(Column(head, right=True, whole=True) for head in heads[1:]), Column()]
    show_table(columns, rows)


def _moved(mark: str, count: int) -> str:
    return f"{mark}{count:,}" if count else "·"


LINES = (Line("series", series),)
