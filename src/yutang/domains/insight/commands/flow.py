"""Stage flow on the command line: `yutang flow LABEL`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from yutang.domains.audience.contracts import ABSENT, NONE
from yutang.domains.insight.api import flow as api
from yutang.domains.insight.api.courses import EVERYBODY
from yutang.domains.insight.commands.heat import GROUP_WORDS, bar, bar_room, group_said
from yutang.domains.insight.commands.options import Options, answered, asking
from yutang.domains.insight.commands.sparks import spark
from yutang.domains.insight.contracts.flow import Flow, FlowAnswer, FlowQuestion
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import GAP, Column, console, show, show_table, text

FLOW = Command("insight.flow", Permission.INSIGHT_READ, FlowQuestion, FlowAnswer, api.flow)
COMMANDS = (FLOW,)

WORDS = {
    **GROUP_WORDS,
    "customers": ("位客户", "customers"),
    "none": ("无", "none"),
    "absent": ("尚无事件", "no event yet"),
    "all": ("合计", "all"),
    "came": ("新来", "came"),
    "rose": ("上升", "rose"),
    "stayed": ("未动", "stayed"),
    "fell": ("下降", "fell"),
    "left": ("离开", "left"),
    "from": ("从（行）到（列）", "from (rows) to (columns)"),
    "in": ("流入", "in"),
    "out": ("流出", "out"),
    "stock": ("人数", "customers"),
    "share": ("占比", "share"),
    "period": ("周期", "period"),
    "conversion": ("各对之间的转化", "conversion between pairs"),
    "moved": ("人次", "moved"),
    "mean": ("每期平均", "mean share"),
    "pair": ("从 → 到", "from → to"),
    "more_pairs": ("…… 另有 {n:,} 对：--json", "… {n:,} more pairs: --json"),
    "more_periods": ("…… 此前还有 {n:,} 期：--json", "… {n:,} periods before: --json"),
    "order": ("从高到低：{values}；--order 可另定", "from the highest down: {values}; --order says otherwise"),
    "behind": ("名单：--list {cell}", "who: --list {cell}"),
}
MARKS = {"came": ("+", "cyan"), "rose": ("↑", "green"), "stayed": ("=", "bold"), "fell": ("↓", "red"),
         "left": ("×", "red")}  # fmt: skip
BAR_CHARS_MAX = 30
PAIRS_SHOWN_MAX = 12
PERIODS_SHOWN_MAX = 40
SPARK_CHARS = 24


@asking
def flow(
    ctx: typer.Context,
    label: Annotated[str, typer.Argument(help="a label, such as aipl, lifecycle or a tier")],
    per: Annotated[str, typer.Option("--per", help="day, week, month or year: also each period by itself")] = "",
    order: Annotated[str, typer.Option("--order", help="values from the highest down, if not the ladder's order")] = "",
    *,
    options: Options,
) -> None:
    """Who moved from where to where in a label: AIPL, lifecycle, a tier, any other; and in each period."""
    caller: Caller = ctx.obj
    values = tuple(one.strip() for one in order.split(",") if one.strip())
    answer = answered(ctx, FLOW, FlowQuestion(label, per, values, options.scope), options)
    if answer is None:
        return
    say = speaker(WORDS, caller.language)
    for group, found in answer.flows.items():
        if group != EVERYBODY:
            show()
            show(text(group_said(group, say), "bold magenta"))
        _print_head(answer, found, group, say)
        if answer.asked.since:
            _print_matrix(answer, found, say)
        else:
            _print_stock(answer, found, say)
    _print_series(answer, say)
    show()
    show(text(say("order").format(values=" > ".join((*answer.values, NONE))), "dim"))
    show(text(say("behind").format(cell=_largest(answer)), "dim"))


def _largest(answer: FlowAnswer) -> str:
    """The cell of what most did, of those who moved."""
    moved = [
        (count, start, end)
        for start, row in answer.flows[EVERYBODY].matrix.items()
        for end, count in row.items()
        if start != end
    ]
    if not moved:
        return f"to={answer.values[0]}"
    _, start, end = max(moved, key=lambda pair: pair[0])
    return f"from={start},to={end}"


def _print_head(answer: FlowAnswer, found: Flow, group: str, say: Say) -> None:
    total = sum(found.stock.values())
    if group == EVERYBODY:
        title = answer.label if answer.title.lower() == answer.label else f"{answer.label}  {answer.title}"
        span = f"{answer.asked.since} → {answer.asked.as_of}" if answer.asked.since else answer.asked.as_of
        show(text(title, "bold"), "   ", text(f"{total:,}", "bold"), f" {say('customers')}   ", text(span, "dim"))
        if answer.asked.sentence:
            show(text(answer.asked.sentence, "dim"))
    else:
        show(text(f"{total:,}", "bold"), f" {say('customers')}")
    if answer.asked.since:
        line = Text()
        for move, count in found.moves.items():
            mark, style = MARKS[move]
            line.append(GAP + " " if line else "").append(f"{mark} {say(move)} ", style)
            line.append(f"{count:,}").append(f" {_percent(count, total)}", "dim")
        show(line)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else ""


def _said(name: str, answer: FlowAnswer, say: Say) -> str:
    """A value with its meaning."""
    meaning = say(name) if name in (NONE, ABSENT) else answer.titles.get(name, "")
    return name if meaning in ("", name) else f"{name} {meaning}"


def _print_stock(answer: FlowAnswer, found: Flow, say: Say) -> None:
    total, most = sum(found.stock.values()), max(found.stock.values(), default=0) or 1
    counts = [(name, found.stock[name]) for name in (*answer.values, NONE)]
    figures = [(_said(name, answer, say), f"{count:,}", _percent(count, total)) for name, count in counts]
    room = bar_room(figures, BAR_CHARS_MAX)
    rows = [
        (name, size, text(share, "dim"), text(bar(count / most, room), "cyan"))
        for (name, size, share), (_, count) in zip(figures, counts, strict=True)
    ]
    show_table([Column(whole=True), Column(right=True, whole=True), Column(right=True, whole=True), Column()], rows)


# ── the matrix ──────────────────────────────────────────────────────────────────────────────────


def _print_matrix(answer: FlowAnswer, found: Flow, say: Say) -> None:
    """From × to with the share of each row, without values that nobody has; as a list of pairs where it is too wide."""
    show()
    ends = [name for name in (*answer.values, NONE) if found.stock[name] or found.before[name]]
    starts = [*ends, ABSENT] if found.before[ABSENT] else ends
    total = sum(found.stock.values())
    for shares, meanings in ((True, True), (True, False), (False, False)):
        headings = ["", *(_said(end, answer, say) if meanings else end for end in ends), say("all")]
        rows = [[text(_said(start, answer, say)), *(_cell(answer, found, start, end, shares=shares) for end in ends),
                 text(f"{found.before[start]:,}", "dim")] for start in starts]  # fmt: skip
        rows.append([text(say("all"), "dim"), *(text(f"{found.stock[end]:,}", "dim") for end in ends),
                     text(f"{total:,}", "dim")])  # fmt: skip
        cells = [[text(heading) for heading in headings], *rows]
        widths = [max(row[place].cell_len for row in cells) for place in range(len(headings))]
        if sum(widths) + len(GAP) * (len(widths) - 1) <= console().width:
            columns = [Column(heading, right=bool(place)) for place, heading in enumerate(headings)]
            show_table(columns, rows, say("from"))
            return
    _print_pairs(answer, found, say)


def _cell(answer: FlowAnswer, found: Flow, start: str, end: str, *, shares: bool) -> Text:
    count = found.matrix.get(start, {}).get(end, 0)
    if not count:
        return text("·", "dim")
    mark, style = MARKS[_move(answer, start, end)]
    share = f" {_percent(count, found.before[start]):>4}" if shares else ""
    return text(f"{mark}{count:,}", style).append(share, "dim")


def _move(answer: FlowAnswer, start: str, end: str) -> str:
    order = [*answer.values, NONE]
    if start == ABSENT:
        return "came"
    if start == end:
        return "stayed"
    if end == NONE:
        return "left"
    return "rose" if order.index(end) < order.index(start) else "fell"


def _print_pairs(answer: FlowAnswer, found: Flow, say: Say) -> None:
    pairs = [(count, start, end) for start, row in found.matrix.items() for end, count in row.items()]
    rows = []
    for count, start, end in sorted(pairs, key=lambda pair: -pair[0]):
        mark, style = MARKS[_move(answer, start, end)]
        rows.append((text(mark, style), f"{_said(start, answer, say)} → {_said(end, answer, say)}", f"{count:,}",
                     text(_percent(count, found.before[start]), "dim")))  # fmt: skip
    show_table(
        [Column(), Column(say("pair")), Column(say("stock"), right=True), Column(say("share"), right=True)], rows
    )


# ── the series ──────────────────────────────────────────────────────────────────────────────────


def _print_series(answer: FlowAnswer, say: Say) -> None:
    """Of everybody: a line for each value, a line for each pair, and a row for each period."""
    if not answer.periods:
        return
    flows = [one.flows[EVERYBODY] for one in answer.periods]
    show()
    rows: list[tuple[object, ...]] = []
    for name in (*answer.values, NONE):
        sizes = [flows[0].before[name], *(one.stock[name] for one in flows)]
        rows.append((
            _said(name, answer, say), text(spark(sizes), "cyan"), f"{sizes[0]:,}", "→", f"{sizes[-1]:,}",
            text(f"+{sum(one.inflow[name] for one in flows):,}", "green"),
            text(f"−{sum(one.outflow[name] for one in flows):,}", "red"),
        ))  # fmt: skip
    columns = [Column(whole=True), Column(), *(Column(right=True, whole=True) for _ in range(5))]
    show_table(columns, rows, say("stock"))
    _print_conversions(answer, flows, say)
    _print_periods(answer, flows, say)


def _print_conversions(answer: FlowAnswer, flows: Sequence[Flow], say: Say) -> None:
    totals: dict[tuple[str, str], int] = {}
    for one in flows:
        for start, row in one.matrix.items():
            for end, count in row.items():
                if start not in (end, ABSENT):
                    totals[start, end] = totals.get((start, end), 0) + count
    rows: list[tuple[object, ...]] = []
    for (start, end), count in sorted(totals.items(), key=lambda pair: -pair[1])[:PAIRS_SHOWN_MAX]:
        shares = [one.conversion.get(start, {}).get(end, 0.0) for one in flows]
        mark, style = MARKS[_move(answer, start, end)]
        rows.append((text(mark, style), f"{start} → {end}", text(spark(shares, SPARK_CHARS), style), f"{count:,}",
                     f"{100 * sum(shares) / len(shares):.2f}%"))  # fmt: skip
    if rows:
        show()
        columns = [Column(), Column(say("pair"), whole=True), Column(), Column(say("moved"), right=True, whole=True),
                   Column(say("mean"), right=True, whole=True)]  # fmt: skip
        show_table(columns, rows, say("conversion"))
    if len(totals) > PAIRS_SHOWN_MAX:
        show(text(say("more_pairs").format(n=len(totals) - PAIRS_SHOWN_MAX), "dim"))


def _print_periods(answer: FlowAnswer, flows: Sequence[Flow], say: Say) -> None:
    show()
    names = [name for name in (*answer.values, NONE) if any(one.stock[name] or one.before[name] for one in flows)]
    columns = [Column(say("period"), whole=True)]
    for place, name in enumerate(names):
        columns += [Column(name, right=True, whole=True), Column(rank=place + 1, style="dim", whole=True)]
    shown = list(zip(answer.periods, flows, strict=True))[-PERIODS_SHOWN_MAX:]
    rows = []
    for period, one in shown:
        row: list[object] = [period.name]
        for name in names:
            row += [f"{one.stock[name]:,}", _change(one.inflow[name], one.outflow[name])]
        rows.append(tuple(row))
    if len(flows) > len(shown):
        show(text(say("more_periods").format(n=len(flows) - len(shown)), "dim"))
    show_table(columns, rows)


def _change(inflow: int, outflow: int) -> Text:
    """Who came to a value and went from it in a period."""
    said = text(f"+{inflow:,}" if inflow else "", "green")
    return said.append(" " if inflow and outflow else "").append(f"−{outflow:,}" if outflow else "", "red")


LINES = (Line("flow", flow),)
