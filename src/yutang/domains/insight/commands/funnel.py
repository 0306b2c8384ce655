"""Funnels on the command line: a bar a step, what is lost between them, and a row a group or a period."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from yutang.domains.insight.api import funnel as asked_of
from yutang.domains.insight.commands.heat import (
    BAR_CHARS_MAX,
    GAP,
    GROUP_WORDS,
    bar,
    group_said,
    left,
    lines,
    percent,
    shaded,
)
from yutang.domains.insight.commands.options import Options, answered, asking
from yutang.domains.insight.commands.spans import roughly
from yutang.domains.insight.contracts.funnel import (
    Durations,
    FunnelAnswer,
    FunnelLine,
    FunnelOrder,
    FunnelQuestion,
    FunnelStage,
)
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import console, show, text

FUNNEL = Command("insight.funnel", Permission.INSIGHT_READ, FunnelQuestion, FunnelAnswer, asked_of.funnel)
COMMANDS = (FUNNEL,)

WORDS = {
    **GROUP_WORDS,
    "window": ("{window} 内完成", "within {window}"),
    "ordered": ("按顺序", "in order"),
    "strict": ("按顺序且中间没有其他步骤", "in strict order"),
    "any": ("不限顺序", "in any order"),
    "same": ("{same} 相同", "the same {same}"),
    "of_any": ("任意 {n} 步", "any {n} of them"),
    "dropped": ("流失 {n:,}（{share} %）", "{n:,} dropped, {share} %"),
    "median": ("中位 {median}", "median {median}"),
    "quartiles": ("（{low} – {high}）", " ({low} to {high})"),
    "customers": ("客户", "customers"),
    "time": ("全程中位", "median"),
    "by": ("按 {by}：每步占首步的比例（%）", "by {by}: shares of the first step, %"),
    "per": ("按起始周期：每步占首步的比例（%）", "by when they began: shares of the first step, %"),
    "all": ("全部", "all"),
    "spread": ("各步用时分布：从上一步起，不超过", "how long each step took: since the one before, at most"),
    "open": ("~ 窗口未满，仍可能转化", "~ may still convert: its window isn't over"),
    "cell": ("某步客户：--list step={step}；流失：--list step={before},figure=dropped",
             "customers of a step: --list step={step}; who dropped out: --list step={before},figure=dropped"),
    "cell_more": ("；某行：加 ,{coordinate}", "; of a row: add ,{coordinate}"),
    "nobody": ("没有客户走到第一步", "nobody reached the first step"),
}  # fmt: skip
NAME_CHARS_MAX = 34
ROW_NAME_CHARS_MAX = 24
CELL_CHARS = 9
BUCKETS_SHOWN_MAX = 9


@asking
def funnel(
    ctx: typer.Context,
    steps: Annotated[
        list[str] | None,
        typer.Argument(help="2 to 10 event sets in quotes; after the first also `within 1d`, `without order_paid`"),
    ] = None,
    window: Annotated[str, typer.Option("--window", help="the longest time from the first step to the last")] = "30d",
    order: Annotated[str, typer.Option("--order", help="ordered, strict, any")] = FunnelOrder.ORDERED.value,
    same: Annotated[str, typer.Option("--same", help="a property with the same value at all steps: product")] = "",
    per: Annotated[str, typer.Option("--per", help="day, week, month: a funnel for each in which somebody began")] = "",
    *,
    options: Options,
) -> None:
    """How far customers come along some steps, how long it takes them, and where they stop."""
    question = FunnelQuestion(tuple(steps or ()), window, order, same, per, scope=options.scope)
    answer = answered(ctx, FUNNEL, question, options)
    if answer is not None:
        caller: Caller = ctx.obj
        _print(answer, options.scope.by, speaker(WORDS, caller.language), caller.language)


def _print(answer: FunnelAnswer, by: str, say: Say, language: str) -> None:
    show(text(" → ".join(step.title for step in answer.steps), "bold"))
    said = [
        f"{answer.asked.since} … {answer.asked.as_of}" if answer.asked.since else answer.asked.as_of,
        answer.asked.zone,
        say("window").format(window=answer.window),
        say(answer.order),
        say("same").format(same=answer.same) if answer.same else "",
        answer.asked.sentence,
    ]
    show(text(" · ".join(one for one in said if one), "dim"))
    if not answer.whole.stages[0].customers:
        show(say("nobody"))
        return
    show()
    _print_steps(answer, say, language)
    _print_spread(answer, say, language)
    if answer.groups:
        _print_table(answer, answer.groups, say("by").format(by=by), say, language)
    if answer.periods:
        _print_table(answer, answer.periods, say("per"), say, language)
    _print_foot(answer, say)


def _names(answer: FunnelAnswer, say: Say) -> list[str]:
    if answer.order == FunnelOrder.ANY:
        return [say("of_any").format(n=place) for place in range(1, len(answer.steps) + 1)]
    return [step.title for step in answer.steps]


def _print_steps(answer: FunnelAnswer, say: Say, language: str) -> None:
    """A bar for each step, and between two what was lost and how long it took."""
    stages, names = answer.whole.stages, _names(answer, say)
    width = console().width
    figures = len(f"{stages[0].customers:,}")
    wide = min(NAME_CHARS_MAX, max(text(name).cell_len for name in names), max(8, width - figures - 28))
    room = max(4, min(BAR_CHARS_MAX, width - wide - figures - 3 - 4 * GAP - 6))
    found: list[Text] = []
    for place, (name, stage) in enumerate(zip(names, stages, strict=True)):
        line = text(f"{place + 1:>2} ", "dim").append_text(left(name, wide, "bold")).append(" " * GAP)
        line.append(f"{stage.customers:>{figures},}").append(" " * GAP)
        line.append(f"{percent(stage.of_first):>5} %").append(" " * GAP)
        line.append(bar(stage.of_first, room), "cyan")
        found.append(line)
        if place + 1 < len(stages):
            found.append(_between(stage, stages[place + 1], say, language))
    lines(found)


def _between(stage: FunnelStage, after: FunnelStage, say: Say, language: str) -> Text:
    share = percent(stage.dropped / stage.customers if stage.customers else None)
    line = Text("    ").append_text(text(f"↓ {percent(after.of_previous if stage.customers else None)} %", "green"))
    line.append("  ").append_text(text(say("dropped").format(n=stage.dropped, share=share), "dim"))
    if after.since_previous is not None:
        for said in _took(after.since_previous, say, language):
            if line.cell_len + GAP + text(said).cell_len <= console().width:
                return line.append(" " * GAP).append_text(text(said, "dim"))
    return line


def _took(found: Durations, say: Say, language: str) -> tuple[str, str]:
    """How long it took, in full and in short."""
    low, median, high = (
        roughly(span, language) for span in (found.quartile_1_ms, found.median_ms, found.quartile_3_ms)
    )
    short = say("median").format(median=median)
    return f"{short}{say('quartiles').format(low=low, high=high)}", short


def _print_spread(answer: FunnelAnswer, say: Say, language: str) -> None:
    """A row for each gap, a column for each bucket that anybody is in, shaded; thin neighbours are one if need be."""
    found = [(place, stage.since_previous) for place, stage in enumerate(answer.whole.stages, start=1)]
    spreads = {place: {one.upto_ms: one.customers for one in spans.buckets} for place, spans in found if spans}
    edges = sorted({edge for counts in spreads.values() for edge, count in counts.items() if count})
    if not edges:
        return
    table = [[counts.get(edge, 0) for edge in edges] for counts in spreads.values()]
    while len(edges) > min(BUCKETS_SHOWN_MAX, (console().width - 8) // CELL_CHARS):
        both = [sum(row[place] + row[place + 1] for row in table) for place in range(len(edges) - 1)]
        thin = both.index(min(both))
        table = [[*row[:thin], row[thin] + row[thin + 1], *row[thin + 2 :]] for row in table]
        del edges[thin]
    head = left("", 8)
    for edge in edges:
        cell = text(roughly(edge, language), "dim")
        cell.align("right", CELL_CHARS)
        head.append_text(cell)
    rows = [head]
    for place, values in zip(spreads, table, strict=True):
        line = left(f"{place - 1} → {place}", 8)
        for value in values:
            line.append_text(shaded(f"{value:,}" if value else "·", value / max(values), CELL_CHARS))
        rows.append(line)
    show()
    show(text(say("spread"), "bold"))
    lines(rows)


def _print_table(answer: FunnelAnswer, rows: Sequence[FunnelLine], title: str, say: Say, language: str) -> None:
    """A row for each line of the funnel, its shares shaded, the whole above them."""
    every = [answer.whole, *rows]
    names = [_row_name(row, say) + ("" if row.complete else " ~") for row in every]
    wide = min(ROW_NAME_CHARS_MAX, max(text(name).cell_len for name in names))
    sizes = max(text(say("customers")).cell_len, *(len(f"{row.stages[0].customers:,}") for row in every))
    head = left("", wide).append(" " * GAP)
    steps = range(2, len(answer.steps) + 1)
    spans = [row.stages[-1].since_first for row in every]
    times = [roughly(span.median_ms, language) if span is not None else "–" for span in spans]
    heads = [(say("customers"), sizes), *((str(step), CELL_CHARS) for step in steps)]
    room = console().width - wide - GAP - sizes - CELL_CHARS * len(steps)
    timed = max(map(_cells, [*times, say("time")]))
    if room > timed + GAP:
        heads.append((say("time"), timed + GAP))
    for name, width in heads:
        cell = text(name, "dim")
        cell.align("right", width)
        head.append_text(cell)
    most = [max((row.stages[step - 1].of_first for row in rows), default=0.0) or 1.0 for step in steps]
    found = [head]
    for name, row, time in zip(names, every, times, strict=True):
        line = left(name, wide, "bold" if row is answer.whole else "").append(" " * GAP)
        line.append(f"{row.stages[0].customers:>{sizes},}")
        for step in steps:
            stage = row.stages[step - 1]
            share = stage.of_first if row.stages[0].customers else None
            line.append_text(shaded(percent(share), stage.of_first / most[step - 2], CELL_CHARS, not row.complete))
        if room > timed + GAP:
            cell = text(time, "dim")
            cell.align("right", timed + GAP)
            line.append_text(cell)
        found.append(line)
    show()
    show(text(title, "bold"))
    lines(found)


def _row_name(row: FunnelLine, say: Say) -> str:
    return row.period or group_said(row.group, say) or say("all")


def _cells(said: str) -> int:
    return text(said).cell_len


def _print_foot(answer: FunnelAnswer, say: Say) -> None:
    last = len(answer.steps)
    said = say("cell").format(step=last, before=last - 1)
    row = next(iter((*answer.groups, *answer.periods)), None)
    if row is not None:
        said += say("cell_more").format(coordinate=f"period={row.period}" if row.period else f"group={row.group}")
    show()
    if not all(line.complete for line in answer.periods):
        show(text(say("open"), "dim"))
    show(text(said, "dim"))


LINES = (Line("funnel", funnel),)
