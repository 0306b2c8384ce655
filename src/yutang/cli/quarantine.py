"""`yutang quarantine`: records that couldn't be processed, with their reasons; replayed once the cause is mended.

A replay is a record of its own, by the door for edits, at the time of the replay; what its events repeat is told apart
as ever, so a replay that is interrupted can be asked again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
import typer

from yutang.kernel.instants import instant_text
from yutang.kernel.speech import speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.desk import Desk
from yutang.runtime.log import quarantine
from yutang.runtime.terminal import show as show_line
from yutang.runtime.terminal import text

WORDS = {
    "empty": ("隔离区是空的", "the quarantine is empty"),
    "replayed": ("第 {seq} 条已重放，新编号 {now}", "record {seq} was replayed as {now}"),
    "dropped": ("第 {seq} 条已丢弃", "record {seq} was dropped"),
    "more": ("还有更多，从 --after {seq} 起查看", "there are more: --after {seq}"),
    "bytes": ("字节", "bytes"),
}


@dataclass(frozen=True, slots=True)
class ListQuarantine:
    """after: only records of a greater number."""

    after: int = 0


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that couldn't be processed. arrived_at: RFC 3339. size: bytes of its body."""

    seq: int
    kind: str
    arrived_at: str
    actor: str
    size: int
    error: str


@dataclass(frozen=True, slots=True)
class QuarantineList:
    """Oldest first; more: whether there are others after these."""

    records: tuple[Quarantined, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Release:
    """A record to replay, or to drop for good."""

    seq: int
    drop: bool = False


@dataclass(frozen=True, slots=True)
class Released:
    """now: the number of the record that a replay became, 0 for one that was dropped. verdict: what became of it."""

    seq: int
    now: int
    verdict: dict[str, Any] = field(default_factory=dict)


def _list(desk: Desk, question: ListQuarantine) -> QuarantineList:
    found, more = quarantine.listed(desk.database, question.after)
    return QuarantineList(
        tuple(
            Quarantined(one.seq, one.kind, instant_text(one.arrived_at), one.actor, size, one.error)
            for one, size in found
        ),
        more,
    )


def _release(desk: Desk, question: Release) -> Released:
    """Raises NotFoundError, and what the record meets when it is processed again: then it stays where it is."""
    if question.drop:
        quarantine.drop(desk.database, question.seq)
        return Released(question.seq, 0)
    verdict = dict(quarantine.replay(desk.database, desk.submit, question.seq))
    return Released(question.seq, int(verdict.pop("seq", 0)), verdict)


LIST_COMMAND = Command("runtime.quarantine_list", Permission.OPERATE, ListQuarantine, QuarantineList, _list)
RELEASE_COMMAND = Command("runtime.quarantine_release", Permission.OPERATE, Release, Released, _release)
COMMANDS = (LIST_COMMAND, RELEASE_COMMAND)


def list_(
    ctx: typer.Context,
    after: Annotated[int, typer.Option("--after", help="only records of a greater number")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the records that couldn't be processed, with their reasons."""
    caller: Caller = ctx.obj
    say = speaker(WORDS, caller.language)
    answer = caller.call(LIST_COMMAND, ListQuarantine(after))
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())
        return
    if not answer.records:
        show_line(say("empty"))
    for one in answer.records:
        facts = f"  {one.arrived_at}  {one.kind}  {one.size} {say('bytes')}  "
        show_line(text(one.seq, "bold"), facts, text(one.error, "yellow"))
    if answer.more:
        show_line(say("more").format(seq=answer.records[-1].seq))


def replay(ctx: typer.Context, seqs: Annotated[list[int], typer.Argument(help="their numbers")]) -> None:
    """Process records of the quarantine again, in the given order; one that fails again stays there."""
    caller: Caller = ctx.obj
    for seq in seqs:
        answer = caller.call(RELEASE_COMMAND, Release(seq))
        show_line(speaker(WORDS, caller.language)("replayed").format(seq=seq, now=answer.now))


def drop(ctx: typer.Context, seqs: Annotated[list[int], typer.Argument(help="their numbers")]) -> None:
    """Give up records of the quarantine for good: their bodies are deleted."""
    caller: Caller = ctx.obj
    for seq in seqs:
        caller.call(RELEASE_COMMAND, Release(seq, drop=True))
        show_line(speaker(WORDS, caller.language)("dropped").format(seq=seq))


LINES = (
    Line("quarantine list", list_),
    Line("quarantine replay", replay),
    Line("quarantine drop", drop),
)
