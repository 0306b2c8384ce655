"""Insight on the command line: `yutang report`, `yutang sql`, `yutang tail`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Protocol
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.text import Text

from yutang.domains.insight.api import figures, live
from yutang.domains.insight.api.live import LOOK_PERIOD_S
from yutang.domains.insight.contracts.figures import Amount, Report, ReportQuestion, SqlAnswer, SqlQuestion
from yutang.domains.insight.contracts.live import (
    LIVE_EVENTS_SHOWN_MAX,
    LiveAnswer,
    LiveEvent,
    LiveProblem,
    LiveQuestion,
    LiveRefusal,
)
from yutang.kernel.errors import UnavailableError
from yutang.kernel.money import major_text
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import CELL_CHARS_MIN, Column, console, print_line, show, show_table, text

REPORT = Command("insight.report", Permission.INSIGHT_READ, ReportQuestion, Report, figures.report)
SQL = Command("insight.sql", Permission.INSIGHT_SQL, SqlQuestion, SqlAnswer, figures.run_sql)
LIVE = Command("insight.live", Permission.CUSTOMERS_READ, LiveQuestion, LiveAnswer, live.look)
COMMANDS = (REPORT, SQL, LIVE)

WORDS = {
    "customers": ("位客户", "customers"),
    "events": ("条事件", "events"),
    "by_type": ("事件", "events"),
    "tags": ("标签与人群", "tags and segments"),
    "rfm": ("RFM 五分位（5 最好），快照于", "RFM quintiles (5 is best), snapshot of"),
    "flow": ("AIPL 流转：从 {since}（行）到 {until}（列）", "AIPL flow: from {since} (rows) to {until} (columns)"),
    "none": ("无", "none"),
    "absent": ("尚无事件", "no event yet"),
    "sum": ("合计", "all"),
    "more": ("…… 还有更多行：--rows", "… more rows: --rows"),
    "live_more": ("…… 另有 {n:,} 条未显示", "… {n:,} more, not shown"),
    "live_unread": ("…… 另有 {n:,} 条来得太快，未及查看", "… {n:,} more came too fast to be looked at"),
    "live_skipped": ("…… {n:,} 条已写入湖中，未及显示", "… {n:,} went into the lake before they could be shown"),
    "live_waits": ("等待新事件；按 Ctrl-C 结束", "waiting for events; Ctrl-C ends it"),
    "live_still": (
        "没有服务在运行，不会有新事件到来：yutang serve",
        "no service holds this pool, so nothing moves: yutang serve",
    ),
    "live_nothing": ("还没有可显示的事件", "there is no event to show"),
    "refused": ("拒收", "refused"),
    "repeat": ("重复", "repeat"),
    "changed": ("重复且内容不同", "repeat, other content"),
    "unknown_type": ("未声明的类型", "undeclared type"),
    "late": ("迟到 {at}", "late: {at}"),
    "history": ("历史 {at}", "history: {at}"),
    "future": ("未来 {at}", "ahead: {at}"),
    "quarantined": ("已隔离：{error}", "quarantined: {error}"),
}
BLOCK_CHARS_MIN = 38  # of a label's block: names, figures and a bar that can be told apart
BAR_CHARS_MAX = 40
BLOCK_GAP = 4
QUINTILES = frozenset({"5", "4", "3", "2", "1", "none"})
GRAVE = frozenset({LiveProblem.CHANGED, LiveProblem.QUARANTINED})
LOOKS_LOST_MAX = 20  # in a row, while the engine is started anew
LIVE_GAP = 2
WIDE_CHARS = 110  # of a terminal that shows customers' ids too
TYPE_CHARS = 16
FEED_CHARS, FEED_CHARS_WIDE = 8, 12
IDENTITY_CHARS, IDENTITY_CHARS_WIDE = 18, 24
LIVE_SHOWN_MAX = 25  # of one look: more than anybody reads in a third of a second
ID_CHARS = 27
Json = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]


class _Served(Caller, Protocol):
    @property
    def served(self) -> bool:
        """Whether a running service holds the pool."""


def report(
    ctx: typer.Context,
    as_of: Annotated[str, typer.Option("--as-of", help="an instant; default: pool time")] = "",
    since: Annotated[str, typer.Option("--since", help="an earlier instant: shows who moved where in AIPL")] = "",
    as_json: Json = False,
) -> None:
    """The pool at an instant: customers, events, revenue, stages, tiers, tags."""
    caller: Caller = ctx.obj
    answer = caller.call(REPORT, ReportQuestion(as_of, since))
    if as_json:
        typer.echo(json.dumps(_as_json(answer), ensure_ascii=False, indent=2))
        return
    say, width = speaker(WORDS, caller.language), console().width
    show(
        text(f"{answer.customers:,}", "bold"), f" {say('customers')}   ",
        text(f"{sum(answer.events.values()):,}", "bold"), f" {say('events')}   ",
        text(f"{_major(answer.revenue):,}", "bold"), f" {answer.currency}",
    )  # fmt: skip
    show(text(f"{answer.as_of} · {answer.zone}", "dim"))
    _print([], _block(say("by_type"), "", answer.events, answer.titles, min(width, 2 * BLOCK_CHARS_MIN), say))
    ladders = {**answer.stages, **answer.tiers}
    _print_blocks([(n, c) for n, c in ladders.items() if set(c) != QUINTILES], answer, width, say)
    _print_quintiles({n: c for n, c in ladders.items() if set(c) == QUINTILES}, answer, say)
    if answer.tags:
        rows = [(name, answer.titles.get(name, ""), _counts(name, counts, answer, say)) for name, counts in
                answer.tags.items()]  # fmt: skip
        show()
        show_table([Column(whole=True), Column(style="dim", rank=1), Column(wrap=True, least=30)], rows, say("tags"))
    if answer.aipl_flow:
        _print_flow(answer, say)


def _major(amount: Amount) -> Decimal:
    """An amount in major units, with all the digits of its currency."""
    return Decimal(major_text(amount.minor, amount.currency))


def _as_json(answer: Report) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(answer)
    plain["revenue"] = float(_major(answer.revenue))
    if not answer.aipl_flow:
        del plain["aipl_flow"]
    return plain


def _block(
    title: str, label: str, counts: Mapping[str, int], titles: Mapping[str, str], width: int, say: Say
) -> list[Text]:
    """A title and a bar for each count, at most `width` wide."""
    meanings = {name: titles.get(f"{label}.{name}" if label else name, say("none") if name == "none" else "") for name
                in counts}  # fmt: skip
    meanings = {name: "" if meaning == name else meaning for name, meaning in meanings.items()}
    names = max((text(name).cell_len for name in counts), default=0)
    meant = max((text(meaning).cell_len for meaning in meanings.values()), default=0)
    figures = max((len(f"{count:,}") for count in counts.values()), default=0)
    room = max(0, min(BAR_CHARS_MAX, width - names - meant - figures - 6))
    most = max(counts.values(), default=0) or 1
    lines = [text(title, "bold")]
    for name, count in counts.items():
        line, meaning = text(name), text(meanings[name], "dim")
        line.align("left", names)
        meaning.align("left", meant)
        bar = "█" * round(room * count / most) or ("▏" if count and room else "")
        line.append("  " if meant else "").append_text(meaning)
        lines.append(line.append(f"  {count:>{figures},}  ").append(bar, "cyan"))
    return lines


def _print_blocks(ladders: Sequence[tuple[str, Mapping[str, int]]], answer: Report, width: int, say: Say) -> None:
    """The labels' blocks, as many beside each other as fit."""
    beside = max(1, (width + BLOCK_GAP) // (BLOCK_CHARS_MIN + BLOCK_GAP))
    each = (width + BLOCK_GAP) // beside - BLOCK_GAP
    blocks = []
    for name, counts in ladders:
        meaning = answer.titles.get(name, "")
        title = name if meaning.lower() in ("", name) else f"{name}  {meaning}"
        blocks.append(_block(title, name, counts, answer.titles, each, say))
    for start in range(0, len(blocks), beside):
        row = blocks[start : start + beside]
        _print([], *_side_by_side(row, each))


def _side_by_side(blocks: Sequence[list[Text]], each: int) -> tuple[list[Text], ...]:
    lines = []
    for place in range(max(map(len, blocks))):
        line = Text()
        for number, block in enumerate(blocks):
            part = block[place].copy() if place < len(block) else Text()
            part.truncate(each, overflow="ellipsis")
            part.align("left", each)
            line.append(" " * BLOCK_GAP if number else "").append_text(part)
        lines.append(line)
    return (lines,)


def _print(*blocks: Sequence[Text]) -> None:
    """Blocks of lines; an empty one is an empty line."""
    terminal = console()
    for block in blocks:
        for line in block or [Text()]:
            line.rstrip()
            print_line(terminal, line)


def _print_quintiles(tiers: Mapping[str, Mapping[str, int]], answer: Report, say: Say) -> None:
    if not tiers:
        return
    show()
    names = [name for name in next(iter(tiers.values())) if name != "none"]
    rest = _both("none", {"none": "" if say("none") == "none" else say("none")})
    columns = [Column(), *(Column(name, right=True) for name in names), Column(rest, right=True)]
    rows = [
        (_meant(name, answer), *(f"{counts[value]:,}" for value in (*names, "none"))) for name, counts in tiers.items()
    ]
    show_table(columns, rows, f"{say('rfm')} {answer.rfm_taken_at}")


def _meant(name: str, answer: Report) -> Text:
    """A name with its meaning."""
    meaning = answer.titles.get(name, "")
    return text(name) if meaning.lower() in ("", name) else text(name).append(f"  {meaning}", "dim")


def _counts(label: str, counts: Mapping[str, int], answer: Report, say: Say) -> str:
    shown = {name: answer.titles.get(f"{label}.{name}", name) for name in counts} | {"none": say("none")}
    return "  ".join(f"{shown[name]} {count:,}" for name, count in counts.items())


def _print_flow(answer: Report, say: Say) -> None:
    """Who went from where to where; who stayed is bold."""
    show()
    said = {name: answer.titles.get(f"aipl.{name}", "") for name in answer.aipl_flow}
    said |= {"none": say("none"), "absent": say("absent")}
    ends = list(next(iter(answer.aipl_flow.values())))
    columns = [Column(), *(Column(_both(name, said), right=True) for name in ends), Column(say("sum"), right=True)]
    rows: list[tuple[object, ...]] = []
    for start, row in answer.aipl_flow.items():
        cells = [text(f"{count:,}" if count else "·", "bold" if end == start else "") for end, count in row.items()]
        rows.append((_both(start, said), *cells, text(f"{sum(row.values()):,}", "dim")))
    totals = [sum(row[end] for row in answer.aipl_flow.values()) for end in ends]
    rows.append((say("sum"), *(text(f"{count:,}", "dim") for count in (*totals, sum(totals)))))
    show_table(columns, rows, say("flow").format(since=answer.since, until=answer.as_of))


def _both(name: str, said: Mapping[str, str]) -> str:
    return name if said[name] in ("", name) else f"{name} {said[name]}"


def sql(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(help="a SELECT over events, customers, or a type such as order_paid")],
    rows_max: Annotated[int, typer.Option("--rows", help="how many rows to show")] = 50,
    as_json: Json = False,
) -> None:
    """Read-only SQL for analysts, over the same files."""
    caller: Caller = ctx.obj
    answer = caller.call(SQL, SqlQuestion(query, rows_max))
    if as_json:
        rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    columns = [
        Column(name, right=all(isinstance(row[place], int | float | None) for row in answer.rows))
        for place, name in enumerate(answer.columns)
    ]
    found = [tuple(_cell(value) for value in row) for row in answer.rows]
    show_table(columns, found or [("",) * len(columns)])
    if answer.more:
        show(text(speaker(WORDS, caller.language)("more"), "dim"))


def _cell(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def tail(
    ctx: typer.Context,
    type_: Annotated[str, typer.Option("--type", help="only events of this type")] = "",
    customer: Annotated[str, typer.Option("--customer", help="only of this customer, by id or kind:value")] = "",
    feed: Annotated[str, typer.Option("--feed", help="only of this feed")] = "",
    label: Annotated[str, typer.Option("--label", help="only what changed this label")] = "",
    problems: Annotated[bool, typer.Option("--problems", help="only what has problems, refused events too")] = False,
    last: Annotated[int, typer.Option("--last", min=0, help="how many of the newest to begin with")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="print a JSON object a line")] = False,
) -> None:
    """Show what arrives: each event with its customer, its problems and the labels that it changed."""
    caller: _Served = ctx.obj
    limit = LIVE_EVENTS_SHOWN_MAX if as_json else LIVE_SHOWN_MAX
    question = LiveQuestion("", type_, customer, feed, label, problems, last, limit)
    say = speaker(WORDS, caller.language)
    try:
        while True:
            answer = _looked(caller, question)
            if as_json:
                _print_live_json(answer)
            else:
                _print_live(answer, say, filtered=bool(type_ or customer or feed or label or problems))
                if not question.cursor and caller.served:
                    show(text(say("live_waits"), "dim"))
            if not caller.served:
                break
            question = replace(question, cursor=answer.cursor)
            time.sleep(LOOK_PERIOD_S)
    except KeyboardInterrupt:
        return
    if not as_json:
        nothing = not (answer.events or answer.refusals or question.cursor)
        show(text(f"{say('live_nothing')}  " if nothing else "", "dim"), text(say("live_still"), "yellow"))


def _looked(caller: Caller, question: LiveQuestion) -> LiveAnswer:
    """A look, through a restart of the engine too: to look again does no harm."""
    for _ in range(LOOKS_LOST_MAX):
        try:
            return caller.call(LIVE, question)
        except UnavailableError as error:
            if error.code != "service.gone":
                raise
            time.sleep(LOOK_PERIOD_S)
    return caller.call(LIVE, question)


def _print_live_json(answer: LiveAnswer) -> None:
    for kind, found in (("event", answer.events), ("refused", answer.refusals)):
        for one in found:
            typer.echo(msgspec.json.encode({"kind": kind, **msgspec.to_builtins(one)}).decode())
    for kind, count in (("more", answer.more), ("skipped", answer.skipped)):
        if count:
            typer.echo(msgspec.json.encode({"kind": kind, "events": count}).decode())


def _print_live(answer: LiveAnswer, say: Say, *, filtered: bool) -> None:
    width, zone = console().width, ZoneInfo(answer.zone)
    found = [(one.arrived_at, _event_parts(one, zone, width, say)) for one in answer.events]
    found += [(one.at, _refusal_parts(one, zone, width, say)) for one in answer.refusals]
    for _, (head, notes) in sorted(found, key=lambda part: part[0]):
        _print(_with_notes(head, notes, width))
    for key, count in (("live_skipped", answer.skipped), ("live_unread" if filtered else "live_more", answer.more)):
        if count:
            _print([text(say(key).format(n=count), "dim")])


def _event_parts(event: LiveEvent, zone: ZoneInfo, width: int, say: Say) -> tuple[Text, list[Text]]:
    head = _live_head(event.arrived_at, event.type, event.feed, zone, width)
    _add_cell(head, event.identity, IDENTITY_CHARS_WIDE if width >= WIDE_CHARS else IDENTITY_CHARS)
    if width >= WIDE_CHARS:
        _add_cell(head, event.customer, ID_CHARS, "dim")
    at = _local(event.at, zone, "%Y-%m-%d %H:%M")
    notes = [
        text(say(problem.value).format(at=at, error=event.error), "red" if problem in GRAVE else "yellow")
        for problem in event.problems
    ]
    notes += [
        text(f"{one.label} ").append_text(text(one.before, "dim")).append(" → ").append_text(text(one.after, "green"))
        for one in event.labels
    ]
    return head, notes


def _refusal_parts(one: LiveRefusal, zone: ZoneInfo, width: int, say: Say) -> tuple[Text, list[Text]]:
    head = _live_head(one.at, one.type or "?", one.feed, zone, width)
    told = f"{one.path}: {one.message}" if one.path else one.message
    head.append_text(text(say("refused"), "red")).append(" " * LIVE_GAP)
    return head, [text(told), text(f"[{one.code}]", "dim")]


def _live_head(at: str, type_: str, feed: str, zone: ZoneInfo, width: int) -> Text:
    head = text(_local(at, zone, "%H:%M:%S"), "dim").append(" " * LIVE_GAP)
    _add_cell(head, type_, TYPE_CHARS, "bold")
    _add_cell(head, feed, FEED_CHARS_WIDE if width >= WIDE_CHARS else FEED_CHARS, "dim")
    return head


def _local(instant: str, zone: ZoneInfo, shape: str) -> str:
    return datetime.fromisoformat(instant).astimezone(zone).strftime(shape)


def _add_cell(line: Text, said: str, width: int, style: str = "") -> None:
    cell = text(said, style)
    cell.truncate(width, overflow="ellipsis", pad=True)
    line.append_text(cell).append(" " * LIVE_GAP)


def _with_notes(head: Text, notes: Sequence[Text], width: int) -> list[Text]:
    """The notes behind the head, and below it, under the type, where they don't fit."""
    lines, indent = [head], len("00:00:00") + LIVE_GAP
    for note in notes:
        line = lines[-1]
        gap = 0 if line is head else LIVE_GAP
        if line.cell_len + gap + note.cell_len <= width:
            line.append(" " * gap).append_text(note)
            if line is head:
                line.append(" " * LIVE_GAP)
            continue
        wrapped = note.wrap(console(), max(width - indent, CELL_CHARS_MIN))
        lines += [text(" " * indent).append_text(one) for one in wrapped]
    return lines


LINES = (Line("report", report), Line("sql", sql), Line("tail", tail))
