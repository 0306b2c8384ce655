"""`yutang erase` and `yutang erasures`: forget a customer, prove it by a search, list the tombstones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import typer

from yutang.domains.customers import api
from yutang.domains.customers.commands.words import Json, Who
from yutang.kernel.errors import InvalidError
from yutang.kernel.event import Identity
from yutang.kernel.speech import Say, Words, speaker
from yutang.kernel.words import Command, Line, Permission
from yutang.runtime.erasing.contracts import Erased, EraseOrder, ErasePreview, ErasureList, Place, Proof, Sought
from yutang.runtime.terminal import Column, show, show_table, text

WORDS: Words = {
    "customer": ("客户 {id}", "customer {id}"),
    "identities": ("将删除的身份", "identities that go"),
    "kept": ("保留（其他客户也在用）", "stays: other customers' events carried it"),
    "events": ("将删除的事件", "events that go"),
    "no_events": ("没有事件", "no events"),
    "files": ("要改写的文件：{n}", "files to rewrite: {n}"),
    "dry": ("只是试运行，没有任何改动", "a dry run: nothing was changed"),
    "sure": ("删除后无法恢复，确定吗？", "This can't be undone. Erase?"),
    "erased": ("已删除：{identities} 个身份，{events} 条事件", "erased: {identities} identities, {events} events"),
    "searched": ("已搜索 {n} 处，没有找到任何残留", "searched {n} places: nothing was found"),
    "others": ("出现在其他客户的事件里，不属于本次删除", "in events of other customers, which aren't theirs to erase"),
    "skipped": ("未按字节搜索", "not searched for byte by byte"),
    "pending": ("等最后一个旧读取结束后删除", "goes when the last reader that began before has ended"),
    "backups": ("备份不受影响，请自行处理", "backups aren't touched: see to them yourself"),
    "erasures": ("删除记录", "erasures"),
    "none": ("没有删除过客户", "nobody was erased"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class EraseQuestion:
    """Whom to erase, and why; without a reason only to look."""

    customer: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ProveQuestion:
    """Which values (kind, value) to look for, and when they were erased (RFC 3339)."""

    erased_at: str
    values: tuple[Sought, ...]


@dataclass(frozen=True, slots=True)
class ErasuresQuestion:
    """Nothing to ask: all tombstones."""


def _prove(desk: Any, question: ProveQuestion) -> Proof:
    return api.prove(desk, question.erased_at, [Identity(one.kind, "", one.value) for one in question.values])


PREVIEW_ERASE = Command(
    "customers.preview_erase", Permission.ERASE, EraseQuestion, ErasePreview,
    lambda desk, q: api.preview_erase(desk, q.customer),
)  # fmt: skip
ERASE_CUSTOMER = Command(
    "customers.erase", Permission.ERASE, EraseQuestion, Erased,
    lambda desk, q: api.erase(desk, q.customer, EraseOrder(q.reason)),
)  # fmt: skip
PROVE = Command("customers.prove_erased", Permission.ERASE, ProveQuestion, Proof, _prove)
ERASURES = Command(
    "customers.erasures", Permission.ERASE, ErasuresQuestion, ErasureList, lambda desk, _: api.erasures(desk)
)
COMMANDS: tuple[Command[Any, Any], ...] = (PREVIEW_ERASE, ERASE_CUSTOMER, PROVE, ERASURES)


def erase(
    ctx: typer.Context,
    customer: Who,
    reason: Annotated[str, typer.Option(help="why; it stays with the tombstone, so without personal data")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would go")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="don't ask")] = False,
    as_json: Json = False,
) -> None:
    """Erase a customer for good: identities, events, labels, feed; then search the whole folder for what is left."""
    say = speaker(WORDS, ctx.obj.language)
    preview: ErasePreview = ctx.obj.call(PREVIEW_ERASE, EraseQuestion(customer))
    if not as_json:
        _show_preview(say, preview)
    if dry_run:
        _print_json(preview) if as_json else show(text(say("dry"), "dim"))
        return
    if not reason:
        raise InvalidError("erase.reason", "a reason is needed", where="--reason", remedy="say why with --reason")
    if not yes:
        typer.confirm(say("sure"), abort=True, err=as_json)
    erased: Erased = ctx.obj.call(ERASE_CUSTOMER, EraseQuestion(customer, reason))
    if erased.proof.pending:  # what the first question itself had pinned is free now
        again = ctx.obj.call(PROVE, ProveQuestion(erased.erasure.at, preview.values))
        erased = Erased(erased.erasure, erased.kept, api.judged(again))
    if as_json:
        _print_json(erased)
    else:
        _show_erased(say, erased)


def erasures(ctx: typer.Context, as_json: Json = False) -> None:
    """List who was erased, when, by whom and why; nothing personal is kept."""
    found: ErasureList = ctx.obj.call(ERASURES, ErasuresQuestion())
    say = speaker(WORDS, ctx.obj.language)
    if as_json:
        _print_json(found)
    elif not found.erasures:
        show(say("none"))
    else:
        rows = [(one.at, one.customer, one.events, one.actor, one.reason) for one in found.erasures]
        show_table([Column(whole=True), Column(), Column(right=True), Column(rank=1), Column(wrap=True)], rows,
                   say("erasures"))  # fmt: skip


LINES = (Line("erase", erase), Line("erasures", erasures))


def _print_json(answer: object) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())


def _show_preview(say: Say, preview: ErasePreview) -> None:
    show(text(say("customer").format(id=preview.customer), "bold"))
    show_table([Column(wrap=True)], [(one,) for one in preview.identities], say("identities"))
    show_table([Column(wrap=True)], [(one,) for one in preview.kept], say("kept"))
    show_table([Column(), Column(right=True)], sorted(preview.events.items()), say("events"))
    if not preview.events:
        show(text(say("no_events"), "dim"))
    show(text(say("files").format(n=len(preview.files)), "dim"))


def _show_erased(say: Say, erased: Erased) -> None:
    done, proof = erased.erasure, erased.proof
    show(text("✓ ", "green"), say("erased").format(identities=done.identities, events=done.events))
    show(text("✓ ", "green"), say("searched").format(n=len(proof.searched)))
    show(text("  ".join(proof.searched), "dim"), indent=2)
    show_table([Column(), Column(wrap=True)], [_row(one) for one in proof.others], say("others"))
    show_table([Column(wrap=True)], [(one,) for one in proof.skipped], say("skipped"))
    show_table([Column(wrap=True)], [(one,) for one in proof.pending], say("pending"))
    show(text("! ", "yellow"), say("backups"), "  ", text(" ".join(proof.backups), "dim"))


def _row(place: Place) -> tuple[str, str]:
    return place.what, place.where
