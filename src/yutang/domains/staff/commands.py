"""API keys on the command line: `yutang key create|list|rotate|revoke`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Protocol

import msgspec
import typer

from yutang.domains.staff import api
from yutang.domains.staff.contracts import (
    KEY_RATE_EVENTS_PER_S,
    KEY_ROTATION_MS,
    KeyCard,
    KeyCards,
    KeyDraft,
    KeyMade,
    KeyRotation,
    KeyState,
    ListKeys,
    RevokeKey,
    RotateKey,
)
from yutang.kernel.instants import DAY_MS, instant_from_text
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.findings import Check, Finding, Look
from yutang.runtime.terminal import GAP, Column, show, show_table, text

KEY_OLD_DAYS = 365  # since its secret was made; the doctor names older ones

CREATE = Command("staff.create_key", Permission.KEYS, KeyDraft, KeyMade, api.create_key)
LIST = Command("staff.keys", Permission.KEYS, ListKeys, KeyCards, api.list_keys)
ROTATE = Command("staff.rotate_key", Permission.KEYS, RotateKey, KeyMade, api.rotate_key)
REVOKE = Command("staff.revoke_key", Permission.KEYS, RevokeKey, KeyCard, api.revoke_key)
COMMANDS = (CREATE, LIST, ROTATE, REVOKE)

WORDS = {
    "once": ("只显示这一次，请现在保存；库里只有它的摘要。", "Shown once: keep it now. The pool has only its digest."),
    "former": ("旧密钥可用到 {until}。", "The former one is taken until {until}."),
    "former_gone": ("旧密钥已失效。", "The former one isn't taken any more."),
    "revoked": ("密钥 {id}（{name}）已撤销。", "The key {id} ({name}) is revoked."),
    "id": ("编号", "id"),
    "name": ("名称", "name"),
    "feed": ("来源", "feed"),
    "state": ("状态", "state"),
    "origins": ("网页来源", "origins"),
    "rate": ("每秒上限", "events/s"),
    "created": ("创建", "created"),
    "by": ("操作人", "by"),
    "live": ("有效", "live"),
    "revoked_word": ("已撤销", "revoked"),
    "until": ("旧密钥到", "former until"),
    "in_force": (
        "有效 {live} 把，其中轮换中 {rotating} 把；已撤销 {revoked} 把",
        "{live} in force, {rotating} of them being rotated; {revoked} revoked",
    ),
    "old": (
        "密钥 {id}（{name}）已 {days} 天没有更换",
        "the key {id} ({name}) has had the same secret for {days} days",
    ),
    "old_do": ("yutang key rotate {id}", "yutang key rotate {id}"),
    "nothing": (
        "还没有密钥：yutang key create 名称 --feed 来源",
        "no key yet: yutang key create NAME --feed FEED",
    ),
}
Json = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]
KeyId = Annotated[str, typer.Argument(help="the key's id, as `yutang key list` shows it", metavar="ID")]


class _Folder(Protocol):
    def require(self) -> None: ...


class _OnFolder(Caller, Protocol):
    @property
    def folder(self) -> _Folder: ...


def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="what people call it, such as the site that will hold it")],
    feed: Annotated[str, typer.Option("--feed", help="what its events belong to; ids are unique within a feed")],
    origin: Annotated[
        list[str] | None,
        typer.Option("--origin", help="pages that may use it (https://shop.example, or *); none: not for browsers"),
    ] = None,
    rate: Annotated[int, typer.Option("--rate", help="events a second, over which it is told to wait")] = (
        KEY_RATE_EVENTS_PER_S
    ),
    as_json: Json = False,
) -> None:
    """Create an API key: write-only, for one feed. It is printed once."""
    caller: Caller = ctx.obj
    made = caller.call(CREATE, KeyDraft(name, feed, tuple(origin or ()), rate))
    _print_made(made, speaker(WORDS, caller.language), as_json=as_json)


def list_keys(ctx: typer.Context, as_json: Json = False) -> None:
    """List API keys: whose, for what, whether they are taken."""
    caller: _OnFolder = ctx.obj
    caller.folder.require()  # these words may make a pool, looking needn't
    found = caller.call(LIST, ListKeys()).keys
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    say = speaker(WORDS, caller.language)
    if not found:
        show(text(say("nothing"), "dim"))
        return
    columns = [
        Column(say("id"), whole=True), Column(say("name")), Column(say("feed")), Column(say("state"), whole=True),
        Column(say("until"), rank=1), Column(say("rate"), right=True, rank=2),
        Column(say("created"), whole=True, rank=3), Column(say("by"), rank=4),
        Column(say("origins"), wrap=True, least=24),
    ]  # fmt: skip
    rows = [
        (
            key.id, key.name, key.feed, _state(key, say), key.former_until[:19], f"{key.rate_events_per_s:,}",
            key.created_at[:19], key.created_by, GAP.join(key.origins),
        )
        for key in found
    ]  # fmt: skip
    show_table(columns, rows)


def _state(key: KeyCard, say: Say) -> object:
    live = key.state is KeyState.LIVE
    return text(say("live" if live else "revoked_word"), "green" if live else "red")


def rotate(
    ctx: typer.Context,
    key_id: KeyId,
    keep_days: Annotated[int, typer.Option("--keep-days", help="how long the former secret is still taken")] = (
        KEY_ROTATION_MS // DAY_MS
    ),
    now: Annotated[bool, typer.Option("--now", help="refuse the former secret at once")] = False,
    as_json: Json = False,
) -> None:
    """Give a key a new secret, printed once; the former one is taken for some days more."""
    caller: _OnFolder = ctx.obj
    caller.folder.require()
    made = caller.call(ROTATE, RotateKey(key_id, KeyRotation(0 if now else keep_days)))
    say = speaker(WORDS, caller.language)
    _print_made(made, say, as_json=as_json)
    if not as_json:
        until = made.card.former_until
        show(text(say("former").format(until=until) if until else say("former_gone"), "dim"))


def revoke(ctx: typer.Context, key_id: KeyId, as_json: Json = False) -> None:
    """Revoke a key, for good: what it sends is refused within a second."""
    caller: _OnFolder = ctx.obj
    caller.folder.require()
    card = caller.call(REVOKE, RevokeKey(key_id))
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(card)).decode())
        return
    show(speaker(WORDS, caller.language)("revoked").format(id=card.id, name=card.name))


def _print_made(made: KeyMade, say: Say, *, as_json: bool) -> None:
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(made)).decode())
        return
    typer.echo(made.key)  # alone on its line, and whole, however narrow the terminal is
    show(text(f"{made.card.name} → {made.card.feed}", "bold"), "  ", text(" ".join(made.card.origins), "dim"))
    show(text(say("once"), "dim"))


def check_keys(look: Look) -> Iterator[Finding]:
    """What `yutang doctor` says of the keys: how many are taken, and which have grown old."""
    say = speaker(WORDS, look.language)
    with look.database.reading() as uow:
        cards = api.key_cards(uow, look.machine_ms)
    live = [card for card in cards if card.state is KeyState.LIVE]
    rotating = sum(bool(card.former_until) for card in live)
    message = say("in_force").format(live=len(live), rotating=rotating, revoked=len(cards) - len(live))
    yield Finding("ok", "keys", message if cards else say("nothing"))
    for card in live:
        days = (look.machine_ms - instant_from_text(card.rotated_at or card.created_at)) // DAY_MS
        if days > KEY_OLD_DAYS:
            said = say("old").format(id=card.id, name=card.name, days=days)
            yield Finding("warn", "keys", said, say("old_do").format(id=card.id))


CHECKS: tuple[Check, ...] = (check_keys,)
LINES = (
    Line("key create", create),
    Line("key list", list_keys),
    Line("key rotate", rotate),
    Line("key revoke", revoke),
)
