"""The audience on the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

import msgspec
import typer
from rich.text import Text
from rich.tree import Tree

from yutang.domains.audience.api import definitions, feed, questions
from yutang.domains.audience.contracts import (
    AskAnswer,
    AskQuestion,
    ChangePage,
    CountedLabel,
    ExplainAnswer,
    ExplainQuestion,
    LabelDraft,
    LabelKind,
    LabelView,
    Membership,
    Part,
    RungDraft,
)
from yutang.domains.customers import api as customers
from yutang.kernel.errors import InvalidError
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import Column, console, show, show_table, text


@dataclass(frozen=True, slots=True)
class LabelsQuestion:
    """As of when to count; "" for pool time."""

    as_of: str = ""


@dataclass(frozen=True, slots=True)
class LabelsAnswer:
    """Every label."""

    labels: tuple[CountedLabel, ...]


@dataclass(frozen=True, slots=True)
class LabelQuestion:
    """Which label."""

    name: str


@dataclass(frozen=True, slots=True)
class MembershipsQuestion:
    """Whose labels, at which instant."""

    customer: str
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class MembershipsAnswer:
    """A customer's value of every label."""

    memberships: tuple[Membership, ...]


@dataclass(frozen=True, slots=True)
class ChangesQuestion:
    """Which rows of the feed, newest first."""

    label: str = ""
    customer: str = ""
    cursor: str = ""
    limit: int = 50


ASK = Command("audience.ask", Permission.AUDIENCE_READ, AskQuestion, AskAnswer, questions.ask)
EXPLAIN = Command("audience.explain", Permission.AUDIENCE_READ, ExplainQuestion, ExplainAnswer, questions.explain_one)
LABELS = Command(
    "audience.labels",
    Permission.AUDIENCE_READ,
    LabelsQuestion,
    LabelsAnswer,
    lambda desk, question: LabelsAnswer(tuple(questions.labels(desk, question.as_of))),
)
LABEL = Command(
    "audience.label",
    Permission.AUDIENCE_READ,
    LabelQuestion,
    LabelView,
    lambda desk, question: definitions.show(desk, question.name),
)
DEFINE = Command("audience.define", Permission.AUDIENCE_WRITE, LabelDraft, LabelView, definitions.define)
CHANGES = Command(
    "audience.changes",
    Permission.AUDIENCE_READ,
    ChangesQuestion,
    ChangePage,
    lambda desk, question: feed.changes(desk, question.label, question.customer, question.cursor, question.limit),
)
MEMBERSHIPS = Command(
    "audience.memberships",
    Permission.AUDIENCE_READ,
    MembershipsQuestion,
    MembershipsAnswer,
    lambda desk, question: MembershipsAnswer(
        questions.memberships(desk, customers.find_customer(desk, question.customer), question.as_of)
    ),
)
COMMANDS = (ASK, EXPLAIN, LABELS, LABEL, DEFINE, CHANGES, MEMBERSHIPS)

WORDS = {
    "more_customers": ("…… 还有 {n:,} 位：--limit", "… {n:,} more: --limit"),
    "more_events": ("…… 还有 {n:,} 条：--all", "… {n:,} more: --all"),
    "more_changes": ("…… 下一页：--cursor {cursor}", "… next page: --cursor {cursor}"),
    "no_changes": ("没有变更", "nothing has changed"),
    "beginning": ("一直如此", "always"),
    "none": ("无", "none"),
    "at": ("时刻", "at"),
    "customer": ("客户", "customer"),
    "label": ("标签", "label"),
    "value": ("取值", "value"),
    "before": ("从", "from"),
    "after": ("到", "to"),
    "cause": ("原因", "cause"),
    "known_at": ("得知于", "known at"),
    "since": ("始于", "since"),
    "until": ("若无事件则止于", "until, if nothing happens"),
    "reason": ("理由", "because"),
    "never": ("不会自行改变", "for ever"),
    "tag": ("标签", "tag"),
    "stage": ("阶段", "stage"),
    "tier": ("分层", "tier"),
    "segment": ("人群", "segment"),
    "event": ("事件", "event"),
    "late": ("迟到事件", "late"),
    "time": ("时间", "time"),
    "identity": ("身份", "identity"),
    "definition": ("定义", "definition"),
    "snapshot": ("快照", "snapshot"),
}
EVIDENCE_SHOWN_MAX = 3  # events under a node of an explanation, unless all are asked for
AsOf = Annotated[str, typer.Option("--as-of", help="an instant such as 2017-06-30T00:00:00Z; default: pool time")]
Json = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]


def ask(
    ctx: typer.Context,
    condition: Annotated[str, typer.Argument(help="such as 'count(order_paid, 30d) >= 3'")],
    as_of: AsOf = "",
    limit: Annotated[int, typer.Option(help="how many customers to list")] = 10,
    as_json: Json = False,
) -> None:
    """How many customers satisfy a condition, and who."""
    caller: Caller = ctx.obj
    answer = caller.call(ASK, AskQuestion(condition, as_of, limit))
    if as_json:
        _print_json(answer)
        return
    say = speaker(WORDS, caller.language)
    share = 100 * answer.count / answer.population if answer.population else 0.0
    show(text(answer.sentence, "bold"))
    show(
        text(f"{answer.count:,}", "bold cyan"), f" / {answer.population:,} ({share:.1f} %)  ",
        text(answer.as_of, "dim"),
    )  # fmt: skip
    for customer in answer.customers:
        show(customer, indent=2)
    if answer.count > len(answer.customers) > 0:
        show(text(say("more_customers").format(n=answer.count - len(answer.customers)), "dim"), indent=2)


def explain(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(help="an id or an identity such as phone:+8613800138000")],
    condition: Annotated[str, typer.Argument(help='a condition, or in(LABEL, "VALUE")')],
    as_of: AsOf = "",
    every: Annotated[bool, typer.Option("--all", help="name every event that counts")] = False,
    as_json: Json = False,
) -> None:
    """Why a customer does or doesn't satisfy a condition, and when that will next change by itself."""
    caller: Caller = ctx.obj
    answer = caller.call(EXPLAIN, ExplainQuestion(customer, condition, as_of))
    if as_json:
        _print_json(answer)
        return
    show(answer.customer, "  ", text(answer.as_of, "dim"))
    if answer.sentence != answer.tree.title:
        show(text(answer.sentence, "bold"))
    tree = _tree(answer.tree, None if every else EVIDENCE_SHOWN_MAX, speaker(WORDS, caller.language))
    with console() as terminal, terminal.capture() as captured:
        terminal.print(tree)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def _tree(part: Part, shown_max: int | None, say: Say, parent: Tree | None = None) -> Tree:
    line = text("✓ ", "green") if part.truth else text("✗ ", "red")
    line.append_text(text(part.title))
    if part.value:
        line.append(" = ").append_text(text(part.value, "bold"))
    since = say("beginning") if part.since == "beginning" else part.since
    until = f" → {part.until}" if part.until != "never" else ""
    line.append(f"  {since}{until}", "dim")
    branch = Tree(line) if parent is None else parent.add(line)
    shown = part.evidence[:shown_max]
    for one in shown:
        branch.add(text(f"{one.at}  {one.type}  {one.id}", "dim"))
    more = len(part.evidence) - len(shown) + part.evidence_left_off
    if more:
        branch.add(text(say("more_events").format(n=more), "dim"))
    for below in part.parts:
        _tree(below, shown_max, say, branch)
    return branch


def list_labels(ctx: typer.Context, as_of: AsOf = "", as_json: Json = False) -> None:
    """Every label with its values and how many customers have each."""
    caller: Caller = ctx.obj
    answer = caller.call(LABELS, LabelsQuestion(as_of))
    if as_json:
        _print_json(answer.labels)
        return
    say = speaker(WORDS, caller.language)
    rows = []
    for one in answer.labels:
        label = one.label
        kind = say(label.kind.value) + (f" v{label.version}" if label.version > 1 else "")
        title = "" if label.title.lower() == label.name else label.title
        rows.append((text(label.name, "bold"), title, kind, _counts(one, say)))
    columns = [Column(whole=True), Column(style="dim", rank=2), Column(style="dim", rank=1)]
    show_table([*columns, Column(wrap=True, least=56)], rows)


def _counts(one: CountedLabel, say: Say) -> Text:
    titles = {rung.value: rung.title for rung in one.label.rungs} | {"none": say("none")}
    line = Text()
    for value, count in one.counts.items():
        title = titles.get(value, value)
        meant = value if title.lower() == value.lower() else f"{value} {title}"
        line.append("  " if line else "").append(f"{meant} ").append(f"{count:,}", "bold")
    return line


def show_label(ctx: typer.Context, name: str, as_json: Json = False) -> None:
    """One label: each value's condition, and what it says."""
    caller: Caller = ctx.obj
    label = caller.call(LABEL, LabelQuestion(name))
    if as_json:
        _print_json(label)
        return
    say = speaker(WORDS, caller.language)
    facts = f"{say(label.kind.value)} v{label.version} · {label.zone}"
    show(text(label.name, "bold"), f"  {label.title}  ", text(facts, "dim"))
    if label.measure:
        show(text(label.measure, "dim"), indent=2)
    for rung in label.rungs:
        show(text(rung.value, "bold"), f"  {rung.title}", indent=2)
        show(rung.sentence, indent=4)
        show(text(rung.condition, "dim"), indent=4)


def define(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="small letters, digits, _")],
    rungs: Annotated[list[str], typer.Argument(help="VALUE=CONDITION in ladder order, or one bare CONDITION")],
    kind: Annotated[LabelKind, typer.Option()] = LabelKind.SEGMENT,
    title_zh: Annotated[str, typer.Option(help="what it is called in Chinese")] = "",
    title_en: Annotated[str, typer.Option(help="what it is called in English")] = "",
    zone: Annotated[str, typer.Option(help="time zone of its calendar windows; default: the pool's")] = "",
) -> None:
    """Define or change a label; a single condition makes a segment."""
    caller: Caller = ctx.obj
    pairs = tuple(_rung(one, alone=len(rungs) == 1) for one in rungs)
    label = caller.call(DEFINE, LabelDraft(name, kind, pairs, title_zh, title_en, zone))
    show(text("✓ ", "green"), f"{label.name} v{label.version}")


def _rung(said: str, *, alone: bool) -> RungDraft:
    value, found, condition = said.partition("=")
    if found and value.strip().isidentifier():
        return RungDraft(value.strip(), condition)
    if alone:
        return RungDraft("in", said)
    raise InvalidError("label.rung", f"{said!r} doesn't name its value", remedy="write VALUE=CONDITION")


def changes(
    ctx: typer.Context,
    label: Annotated[str, typer.Option(help="only of this label")] = "",
    customer: Annotated[str, typer.Option(help="only of this customer")] = "",
    limit: Annotated[int, typer.Option(help="how many rows to show")] = 20,
    cursor: Annotated[str, typer.Option(help="`next` of the page before")] = "",
    as_json: Json = False,
) -> None:
    """The change feed, newest first: who entered or left what, when exactly, when that was known, and why."""
    caller: Caller = ctx.obj
    answer = caller.call(CHANGES, ChangesQuestion(label, customer, cursor, limit))
    if as_json:
        _print_json(answer)
        return
    say = speaker(WORDS, caller.language)
    columns = [
        Column(say("at"), whole=True), Column(say("customer"), whole=True), Column(say("label")),
        Column(say("before")), Column(say("after")), Column(say("cause"), rank=1), Column(say("known_at"), rank=2),
    ]  # fmt: skip
    rows = [
        (one.at, one.customer, one.label, one.before, one.after, say(one.cause.value), one.known_at)
        for one in answer.changes
    ]
    show_table(columns, rows)
    if not rows:
        show(text(say("no_changes"), "dim"))
    if answer.next:
        show(text(say("more_changes").format(cursor=answer.next), "dim"))


def labels_of(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(help="an id or an identity such as phone:+8613800138000")],
    as_of: AsOf = "",
    as_json: Json = False,
) -> None:
    """A customer's labels: since when, until when if nothing happens, and why."""
    caller: Caller = ctx.obj
    answer = caller.call(MEMBERSHIPS, MembershipsQuestion(customer, as_of))
    if as_json:
        _print_json(answer.memberships)
        return
    say = speaker(WORDS, caller.language)
    ends = {"beginning": say("beginning"), "never": say("never")}
    columns = [
        Column(say("label"), whole=True), Column(say("value"), style="bold"), Column(say("since"), whole=True),
        Column(say("until"), rank=1), Column(say("reason"), style="dim", rank=2, wrap=True, least=40),
    ]  # fmt: skip
    rows = [
        (one.label, one.value_title if one.value != "none" else say("none"), ends.get(one.since, one.since),
         ends.get(one.until, one.until), one.reason)
        for one in answer.memberships
    ]  # fmt: skip
    show_table(columns, rows)


def _print_json(answer: object) -> None:
    typer.echo(json.dumps(msgspec.to_builtins(answer), ensure_ascii=False, indent=2))


LINES = (
    Line("ask", ask),
    Line("explain", explain),
    Line("label list", list_labels),
    Line("label show", show_label),
    Line("label define", define),
    Line("label changes", changes),
    Line("customer labels", labels_of),
)
