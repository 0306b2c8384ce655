"""What became of labels on the command line: a customer's labels, changes, both histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from yutang.domains.audience.api import feed, histories, questions
from yutang.domains.audience.commands.printing import AsOf, Json, KnownAt, print_json
from yutang.domains.audience.contracts import (
    ChangePage,
    HistoryAnswer,
    MembersAnswer,
    Membership,
)
from yutang.domains.customers import api as customers
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import Column, console, show, show_table, text

BESIDE_CHARS_MIN = 72  # of a terminal with room for both histories beside each other


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


@dataclass(frozen=True, slots=True)
class MembersQuestion:
    """Who had a value of a label ("": any) at an instant, as known at another ("": as known now)."""

    label: str
    value: str = ""
    as_of: str = ""
    known_at: str = ""
    limit: int = 20


@dataclass(frozen=True, slots=True)
class HistoryQuestion:
    """Whose history of which label; known_at: the newest instant of knowledge to show of what was known then."""

    customer: str
    label: str
    known_at: str = ""
    limit: int = 100


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
MEMBERS = Command(
    "audience.members",
    Permission.AUDIENCE_READ,
    MembersQuestion,
    MembersAnswer,
    lambda desk, asked: histories.members(desk, asked.label, asked.value, asked.as_of, asked.known_at, asked.limit),
)
HISTORY = Command(
    "audience.history",
    Permission.CUSTOMERS_READ,
    HistoryQuestion,
    HistoryAnswer,
    lambda desk, asked: histories.history(desk, asked.customer, asked.label, asked.known_at, asked.limit),
)
COMMANDS = (CHANGES, MEMBERSHIPS, MEMBERS, HISTORY)

WORDS = {
    "more_changes": ("…… 下一页：--cursor {cursor}", "… next page: --cursor {cursor}"),
    "no_changes": ("没有变更", "nothing has changed"),
    "more_customers": ("…… 还有 {n:,} 位：--limit", "… {n:,} more: --limit"),
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
    "event": ("事件", "event"),
    "late": ("迟到事件", "late"),
    "time": ("时间", "time"),
    "identity": ("身份", "identity"),
    "definition": ("定义", "definition"),
    "snapshot": ("快照", "snapshot"),
    "retention": ("保留期", "retention"),
    "as_known_now": ("以现在所知", "as known now"),
    "as_known_then": ("以当时所知（{known_at}）", "as known then, {known_at}"),
    "one_customer": ("位客户", "customer"),
    "many_customers": ("位客户", "customers"),
    "as_was_known": ("以当时所知", "as known then"),
    "both": ("左：以现在所知；右：以当时所知", "left: as known now; right: as known then"),
    "were": ("当时为 {n:,} 位客户", "{n:,} customers as they were then"),
    "still": ("至今", "still"),
    "older_changes": ("…… 还有更早的变更：--limit", "… older changes: --limit"),
}


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
        print_json(answer)
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
        print_json(answer.memberships)
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


def members(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="the label")],
    value: Annotated[str, typer.Argument(help="one of its values; default: any")] = "",
    as_of: AsOf = "",
    known_at: KnownAt = "",
    limit: Annotated[int, typer.Option(help="how many customers to list")] = 10,
    as_json: Json = False,
) -> None:
    """Who had a label at an instant, as known now; with --known-at, as it was known then."""
    caller: Caller = ctx.obj
    answer = caller.call(MEMBERS, MembersQuestion(name, value, as_of, known_at, limit))
    if as_json:
        print_json(answer)
        return
    say = speaker(WORDS, caller.language)
    known = say("as_known_then").format(known_at=answer.known_at) if answer.known_at else say("as_known_now")
    asked = f"{answer.label} = {answer.value}" if answer.value else answer.label
    show(text(asked, "bold"), "  ", text(f"{answer.as_of}  {known}", "dim"))
    were = "" if answer.then == answer.count else "  " + say("were").format(n=answer.then)
    unit = say("one_customer" if answer.count == 1 else "many_customers")
    show(text(f"{answer.count:,}", "bold cyan"), f" {unit}", text(were, "dim"))
    for customer in answer.customers:
        show(customer, indent=2)
    if answer.count > len(answer.customers) > 0:
        show(text(say("more_customers").format(n=answer.count - len(answer.customers)), "dim"), indent=2)


def history(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(help="an id or an identity such as phone:+8613800138000")],
    name: Annotated[str, typer.Argument(help="the label")],
    known_at: Annotated[str, typer.Option("--known-at", help="show what was known by then; default: all")] = "",
    limit: Annotated[int, typer.Option(help="how many changes to show")] = 20,
    as_json: Json = False,
) -> None:
    """Both histories of a customer and a label, side by side: intervals as known now, changes as known then."""
    caller: Caller = ctx.obj
    answer = caller.call(HISTORY, HistoryQuestion(customer, name, known_at, limit))
    if as_json:
        print_json(answer)
        return
    say = speaker(WORDS, caller.language)
    _print_both(answer, say)
    if not answer.now and not answer.then:
        show(text(say("no_changes"), "dim"))
    if answer.cut:
        show(text(say("older_changes"), "dim"))


def _print_both(answer: HistoryAnswer, say: Say) -> None:
    """Intervals as known now and changes as known then, each in its own order; one below the other if need be."""
    now = [(one.value, one.since, say("still") if one.until == "never" else one.until) for one in answer.now]
    then = [(one.at, one.before, one.after, say(one.cause.value), one.known_at) for one in answer.then]
    left = [Column(say("value"), style="bold", whole=True), Column(say("since"), whole=True),
            Column(say("until"), rank=2)]  # fmt: skip
    right = [Column(say("at"), whole=True), Column(say("before"), rank=1), Column(say("after")),
             Column(say("cause"), rank=3), Column(say("known_at"), whole=True)]  # fmt: skip
    who = (text(answer.customer, "bold"), f"  {answer.label}  ")
    if console().width < BESIDE_CHARS_MIN:
        show(*who)
        show_table(left, now, say("as_known_now"))
        show_table(right, then, say("as_was_known"))
        return
    show(*who, text(say("both"), "dim"))
    rows = max(len(now), len(then))
    now += [("", "", "")] * (rows - len(now))
    then += [("", "", "", "", "")] * (rows - len(then))
    beside = [(*one, "│", *other) for one, other in zip(now, then, strict=True)]
    show_table([*left, Column("│", style="dim"), *right], beside)


LINES = (
    Line("label changes", changes),
    Line("label members", members),
    Line("label history", history),
    Line("customer labels", labels_of),
)
