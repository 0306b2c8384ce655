"""Webhooks on the command line: `yutang hook set|list|show|remove|try|example|payloads|payload|replay|drop`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Protocol

import msgspec
import typer

from yutang.domains.intake.api.delivering import EXAMPLES, example_mapping
from yutang.domains.intake.api.hook_edits import (
    LIST_HOOKS,
    REMOVE,
    SET,
    SHOW,
    TRY,
    HookTrial,
    HookView,
    ListHooks,
    NamedHook,
    SetHook,
    TryHook,
)
from yutang.domains.intake.api.replaying import (
    DROP,
    PAYLOAD,
    PAYLOADS,
    REPLAY,
    ListPayloads,
    NamedPayload,
    PayloadChoice,
    PayloadLine,
)
from yutang.kernel.errors import InvalidError
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Line
from yutang.runtime.terminal import Column, show, show_table, text

COMMANDS = (SET, REMOVE, LIST_HOOKS, SHOW, TRY, PAYLOADS, PAYLOAD, REPLAY, DROP)
WORDS = {
    "set": ("Webhook {name} 已设置，来源 {feed}", "The hook {name} is set, for the feed {feed}"),
    "address": ("请让对方推送到接收地址的 {path}", "Let the sender post to {path} on intake's address"),
    "removed": ("Webhook {name} 已移除", "The hook {name} is removed"),
    "unchecked": (
        "不校验签名：知道地址的人都能写入。",
        "No signature is checked: whoever knows the address can write.",
    ),
    "name": ("名称", "name"),
    "feed": ("来源", "feed"),
    "scheme": ("签名", "signature"),
    "secret": ("密钥", "secret"),
    "path": ("地址", "path"),
    "changed": ("更改", "changed"),
    "by": ("操作人", "by"),
    "yes": ("有", "yes"),
    "no": ("无", "no"),
    "nothing": (
        "还没有 Webhook：yutang hook example shopify",
        "no hook yet: yutang hook example shopify",
    ),
    "made": (
        "{records:,} 条记录 → {made:,} 条事件，忽略 {ignored:,} 条",
        "{records:,} records → {made:,} events, {ignored:,} ignored",
    ),
    "problems": ("{n:,} 处问题：收到后会原样保留", "problems: {n:,}; the body would be kept as it is"),
    "kept": (
        "保留 {kept:,} 份，{size:,} 字节；过期 {expired:,} 份，挤出 {crowded:,} 份",
        "{kept:,} are kept, {size:,} bytes; {expired:,} have expired, {crowded:,} were crowded out",
    ),
    "none_kept": ("没有未映射的内容", "everything has mapped"),
    "id": ("编号", "id"),
    "arrived": ("到达", "arrived"),
    "bytes": ("字节", "bytes"),
    "why": ("原因", "why"),
    "replayed": (
        "重放 {replayed:,} 份 → {events:,} 条事件；仍未映射 {left:,} 份",
        "{replayed:,} replayed → {events:,} events; {left:,} still don't map",
    ),
    "dropped": ("删除 {n:,} 份", "{n:,} removed"),
}
Json = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]
Name = Annotated[str, typer.Argument(help="the hook's name: part of its address")]
Ids = Annotated[list[int] | None, typer.Argument(help="ids, as `yutang hook payloads` shows them; none: all")]


class _Processing(Caller, Protocol):
    def wait_processed(self) -> Iterator[int]: ...


def set_hook(
    ctx: typer.Context,
    name: Name,
    mapping: Annotated[Path, typer.Option("--mapping", help="YAML that says what payloads mean")],
    feed: Annotated[str, typer.Option("--feed", help="what its events belong to; ids are unique within a feed")] = "",
    scheme: Annotated[str, typer.Option("--scheme", help="how the sender signs, with options")] = "none",
    secret_file: Annotated[Path | None, typer.Option("--secret-file", help="a file that holds the secret")] = None,
    secret_env: Annotated[str, typer.Option("--secret-env", help="a variable that holds the secret")] = "",
    as_json: Json = False,
) -> None:
    """Define a webhook or change it. Without a secret it keeps the one that it has.

    Schemes: none, token, shopify, woocommerce, youzan, standard, hmac. docs/guides/webhooks.md tells their options.
    """
    secret = _secret(secret_file, secret_env)
    view = ctx.obj.call(SET, SetHook(name, feed, scheme, _text_of(mapping), secret))
    if as_json:
        _print_json(view)
        return
    say = speaker(WORDS, ctx.obj.language)
    show(say("set").format(name=view.name, feed=view.feed))
    show(say("address").format(path=view.path))
    if view.scheme == "none":
        show(text(say("unchecked"), "yellow"))


def _secret(file: Path | None, variable: str) -> str | None:
    if file is not None and variable:
        raise typer.BadParameter("give the secret in a file or in a variable, not in both")
    if file is not None:
        return _text_of(file).strip()
    if not variable:
        return None
    value = os.environ.get(variable)
    if value is None:
        raise InvalidError(
            "hook.secret_absent", f"there is no variable {variable}", where="--secret-env",
            remedy=f"export it, or keep {variable} in a file and name that with --secret-file",
        )  # fmt: skip
    return value.strip()


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        message = "it isn't text in UTF-8"
    except OSError as error:
        message = error.strerror or str(error)
    raise InvalidError(
        "file.unreadable", f"the file can't be read: {message}", where=str(path), remedy="name a text file in UTF-8"
    )


def list_hooks(ctx: typer.Context, as_json: Json = False) -> None:
    """List the webhooks."""
    views = ctx.obj.call(LIST_HOOKS, ListHooks()).hooks
    if as_json:
        _print_json(views)
        return
    say = speaker(WORDS, ctx.obj.language)
    columns = [
        Column(say("name")), Column(say("feed")), Column(say("scheme")), Column(say("secret")),
        Column(say("path"), rank=1), Column(say("changed"), whole=True, rank=2), Column(say("by"), rank=3),
    ]  # fmt: skip
    rows = [
        (v.name, v.feed, v.scheme, say("yes" if v.has_secret else "no"), v.path, v.changed_at, v.changed_by)
        for v in views
    ]
    show_table(columns, rows)
    if not rows:
        show(text(say("nothing"), "dim"))


def show_hook(ctx: typer.Context, name: Name, as_json: Json = False) -> None:
    """Show a webhook and its mapping."""
    view: HookView = ctx.obj.call(SHOW, NamedHook(name))
    if as_json:
        _print_json(view)
        return
    say = speaker(WORDS, ctx.obj.language)
    show(text(view.name, "bold"), f"  {view.path}")
    secret = say("yes" if view.has_secret else "no")
    show(f"{say('feed')} {view.feed}  {say('scheme')} {view.scheme}  {say('secret')} {secret}", indent=2)
    show(f"{say('changed')} {view.changed_at}  {view.changed_by}", indent=2)
    typer.echo(view.mapping)


def remove_hook(ctx: typer.Context, name: Name) -> None:
    """Close a webhook. What it has kept stays until it is too old."""
    view = ctx.obj.call(REMOVE, NamedHook(name))
    show(speaker(WORDS, ctx.obj.language)("removed").format(name=view.name))


def try_hook(
    ctx: typer.Context,
    name: Name,
    file: Annotated[Path, typer.Argument(help="a body as the sender posts it")],
    mapping: Annotated[Path | None, typer.Option("--mapping", help="a mapping to try instead of the hook's")] = None,
    header: Annotated[list[str] | None, typer.Option("--header", help="NAME: VALUE, as the sender sends it")] = None,
    as_json: Json = False,
) -> None:
    """Show what would come of a payload; change nothing."""
    headers = dict(_header(one) for one in header or [])
    tried = "" if mapping is None else _text_of(mapping)
    trial: HookTrial = ctx.obj.call(TRY, TryHook(name, _bytes_of(file), tried, headers))
    if as_json:
        _print_json(trial)
        return
    say = speaker(WORDS, ctx.obj.language)
    show(say("made").format(records=trial.records, made=trial.made, ignored=trial.ignored))
    columns = [Column(whole=True), Column(whole=True), Column(), Column(), Column(style="dim", wrap=True, least=20)]
    rows = [
        (one.at, one.type, one.id, " ".join(one.identities), "  ".join(f"{k}={v}" for k, v in one.properties.items()))
        for one in trial.events
    ]
    if rows:
        show_table(columns, rows)
    if trial.problems:
        show(text(say("problems").format(n=len(trial.problems)), "red"))
        for problem in trial.problems:
            show(f"{problem.path}: {problem.message}".lstrip(": "), indent=2)
            show(text(f"→ {problem.remedy} [{problem.code}]", "dim"), indent=4)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidError(
            "file.unreadable", f"the file can't be read: {error.strerror or error}", where=str(path),
            remedy="name a file with a payload in it",
        ) from None  # fmt: skip


def _header(given: str) -> tuple[str, str]:
    name, colon, value = given.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter(f"{given!r} is no header: write NAME: VALUE")
    return name.strip().lower(), value.strip()


def print_example(
    name: Annotated[str, typer.Argument(help=", ".join(EXAMPLES))],
) -> None:
    """Print a mapping to begin with."""
    typer.echo(example_mapping(name), nl=False)


def list_payloads(
    ctx: typer.Context,
    name: Name,
    after: Annotated[int, typer.Option("--after", help="an id; those above it follow")] = 0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500)] = 100,
    as_json: Json = False,
) -> None:
    """List what a webhook's mapping couldn't read, oldest first."""
    found = ctx.obj.call(PAYLOADS, ListPayloads(name, after, limit))
    if as_json:
        _print_json(found)
        return
    say = speaker(WORDS, ctx.obj.language)
    _show_lines(say, found.payloads)
    if found.kept or found.expired or found.crowded_out:
        told = say("kept").format(
            kept=found.kept, size=found.size, expired=found.expired, crowded=found.crowded_out
        )  # fmt: skip
        show(text(told, "dim"))
    else:
        show(text(say("none_kept"), "dim"))


def _show_lines(say: Say, lines: tuple[PayloadLine, ...]) -> None:
    columns = [
        Column(say("id"), right=True, whole=True), Column(say("arrived"), whole=True),
        Column(say("bytes"), right=True), Column(say("why"), wrap=True, least=30),
    ]  # fmt: skip
    if lines:
        show_table(columns, [(one.id, one.at, f"{one.size:,}", f"{one.message} [{one.code}]") for one in lines])


def show_payload(
    ctx: typer.Context,
    name: Name,
    payload: Annotated[int, typer.Argument(help="its id", metavar="ID")],
    headers: Annotated[bool, typer.Option("--headers", help="its headers before it, as curl -i shows them")] = False,
) -> None:
    """Print a kept payload as it came, byte for byte."""
    found = ctx.obj.call(PAYLOAD, NamedPayload(name, payload))
    if headers:
        for key, value in found.headers.items():
            typer.echo(f"{key}: {value}")
        typer.echo()
    sys.stdout.flush()
    sys.stdout.buffer.write(found.body)
    sys.stdout.buffer.flush()


def replay(ctx: typer.Context, name: Name, ids: Ids = None, as_json: Json = False) -> None:
    """Read kept payloads again, by the mapping as it is now. What maps is taken, once, and is kept no longer."""
    report = ctx.obj.call(REPLAY, PayloadChoice(name, tuple(ids or ())))
    caller: _Processing = ctx.obj
    for _ in caller.wait_processed():
        pass
    if as_json:
        _print_json(report)
        return
    say = speaker(WORDS, ctx.obj.language)
    show(say("replayed").format(replayed=report.replayed, events=report.events, left=report.left))
    _show_lines(say, report.told)


def drop(ctx: typer.Context, name: Name, ids: Ids = None, as_json: Json = False) -> None:
    """Remove kept payloads without reading them."""
    dropped = ctx.obj.call(DROP, PayloadChoice(name, tuple(ids or ())))
    if as_json:
        _print_json(dropped)
        return
    show(speaker(WORDS, ctx.obj.language)("dropped").format(n=dropped.count))


def _print_json(answer: Any) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())


LINES = (
    Line("hook set", set_hook),
    Line("hook list", list_hooks),
    Line("hook show", show_hook),
    Line("hook remove", remove_hook),
    Line("hook try", try_hook),
    Line("hook example", print_example),
    Line("hook payloads", list_payloads),
    Line("hook payload", show_payload),
    Line("hook replay", replay),
    Line("hook drop", drop),
)
