"""Lines that show customers: who they are, what is known of them, what they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from yutang.domains.customers.commands.calls import (
    FIND,
    KINDS,
    REVIEWS,
    SHOW,
    TIMELINE,
    KindsQuestion,
    PageQuestion,
    SearchQuestion,
    TimelineQuestion,
)
from yutang.domains.customers.commands.words import WORDS, AsOf, Cursor, Json, Limit, Who
from yutang.domains.customers.contracts import CustomerPage, KindSpec, TraitCard
from yutang.kernel.money import major_text
from yutang.kernel.speech import Say, speaker
from yutang.runtime.terminal import Column, show, show_table, text

PROPERTIES_SHOWN_MAX = 4  # of an event in a timeline, unless all are asked for
_PLAIN = (Column(), Column(), Column(), Column(style="dim", rank=1), Column(style="dim", rank=2))


def show_customer(ctx: typer.Context, customer: Who, as_of: AsOf = "", as_json: Json = False) -> None:
    """Who a customer is and what is known of them."""
    page = ctx.obj.call(SHOW, PageQuestion(customer, as_of))
    if as_json:
        _print_json(page)
        return
    say = speaker(WORDS, ctx.obj.language)
    show(text(page.id, "bold"), "  ", text(say("shared") if page.shared else "", "yellow"))
    seen = say("seen").format(first=page.first_seen, last=page.last_seen) if page.first_seen else say("unseen")
    show(text(seen, "dim"))
    _print_page(page, say)


def _print_page(page: CustomerPage, say: Say) -> None:
    identities = [
        (one.title, one.scope, one.value, say("over") if one.over else "" if one.verified else say("unverified"))
        for one in page.identities
    ]
    _section(say("identities"), identities)
    _section(say("traits"), [_trait_row(one) for one in page.traits])
    _section(say("tags"), [(one.tag, one.group, one.since, one.by, one.reason) for one in page.tags])
    _section(say("consents"), [(one.channel, one.purpose, one.since) for one in page.consents])
    _section(say("relations"), [(one.relation, one.object, one.since) for one in page.relations])
    for record in page.records:
        ended = f" … {record.ended}" if record.ended else ""
        _section(f"{record.title} {record.record}  {record.since}{ended}", [_trait_row(one) for one in record.traits])
    _section(say("edits"), [(one.at, one.verdict.value, f"{one.a}  {one.b}", one.actor, one.reason) for one in
                            page.edits])  # fmt: skip
    _section(say("reviews"), [(one.id, one.title, f"{one.a}  {one.b}") for one in page.reviews])


def _section(title: str, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        show()
        show_table(_PLAIN[: len(rows[0])], rows, title)


def find(
    ctx: typer.Context,
    wanted: Annotated[str, typer.Argument(help="the beginning of a value or an id, or kind:value")],
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Customers by the beginning of an identity's value, of an id, or by kind:value."""
    found = ctx.obj.call(FIND, SearchQuestion(wanted, "", limit))
    if as_json:
        _print_json(found)
        return
    say = speaker(WORDS, ctx.obj.language)
    columns = [
        Column(say("customer"), whole=True), Column(say("identity")), Column(say("count"), right=True, rank=2),
        Column(say("first"), rank=3), Column(say("last"), rank=1),
    ]  # fmt: skip
    rows = [(one.id, one.name, one.identities, one.first_seen, one.last_seen) for one in found.customers]
    show_table(columns, rows)
    if not rows:
        show(text(say("nobody"), "dim"))
    if found.next:
        show(text(say("more"), "dim"))


def timeline(
    ctx: typer.Context,
    customer: Who,
    types: Annotated[list[str] | None, typer.Option("--type", help="only events of this type; may be repeated")] = None,
    channel: Annotated[str, typer.Option(help="only events on this channel")] = "",
    since: Annotated[str, typer.Option("--from", help="from this instant on")] = "",
    until: Annotated[str, typer.Option("--to", help="up to this instant")] = "",
    every: Annotated[bool, typer.Option("--all", help="all properties of each event")] = False,
    cursor: Cursor = "",
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """What a customer did, newest first."""
    asked = TimelineQuestion(customer, tuple(types or ()), channel, since, until, cursor, limit)
    page = ctx.obj.call(TIMELINE, asked)
    if as_json:
        _print_json(page)
        return
    say = speaker(WORDS, ctx.obj.language)
    show(text(page.customer, "bold"))
    columns = [
        Column(whole=True), Column(whole=True), Column(style="dim", rank=2), Column(style="yellow", rank=3),
        Column(style="dim", wrap=every, least=30),
    ]  # fmt: skip
    rows = [
        (one.at, one.title, one.channel, say("late") if one.late else "", _properties(one.properties, every))
        for one in page.events
    ]
    show_table(columns, rows)
    if not rows:
        show(text(say("nothing"), "dim"))
    if page.next:
        show(text(say("page").format(cursor=page.next), "dim"))


def reviews(ctx: typer.Context, cursor: Cursor = "", limit: Limit = 20, as_json: Json = False) -> None:
    """Evidence that wasn't followed, and waits for people's judgement."""
    page = ctx.obj.call(REVIEWS, SearchQuestion("", cursor, limit))
    if as_json:
        _print_json(page)
        return
    say = speaker(WORDS, ctx.obj.language)
    rows = [
        (one.id, one.a, one.b if one.b != one.a else f"× {one.linked:,}", one.title) for one in page.reviews
    ]  # fmt: skip
    show_table([Column(whole=True), Column(), Column(), Column(style="dim", wrap=True, least=20)], rows, say("reviews"))
    if not rows:
        show(text(say("no_reviews"), "dim"))
    if page.next:
        show(text(say("page").format(cursor=page.next), "dim"))


def kinds(ctx: typer.Context, as_json: Json = False) -> None:
    """The table of kinds of identity in force, strongest first."""
    table = ctx.obj.call(KINDS, KindsQuestion()).kinds
    if as_json:
        _print_json(table)
        return
    chinese, say = ctx.obj.language == "zh", speaker(WORDS, ctx.obj.language)
    rows = [
        (one.name, one.title_zh if chinese else one.title_en, _nature(one, say), say("unique") if one.unique else "")
        for one in table
    ]
    show_table([Column(whole=True), Column(), Column(), Column()], rows, say("kinds"))


def _nature(one: KindSpec, say: Say) -> str:
    if one.personal:
        return say("personal")
    if one.weak:
        return say("weak")
    return say("cap").format(n=one.cap) if one.cap else say("uncapped")


def _trait_row(one: TraitCard) -> tuple[object, ...]:
    return one.title, text(_value(one.value), "bold"), one.since, one.source or one.feed


def _properties(properties: Mapping[str, Any], every: bool) -> Text:
    """All, or the few that say most: amounts first; ids and zeros last."""
    named = [(name, _value(value)) for name, value in properties.items()]
    if not every:
        named.sort(key=lambda pair: _weight(pair[1], properties[pair[0]], pair[0]))
        named = named[:PROPERTIES_SHOWN_MAX]
    line = text("  ".join(f"{name}={value}" for name, value in named), "dim")
    return line.append("  …" if len(named) < len(properties) else "")


def _weight(said: str, value: Any, name: str) -> int:
    if said.startswith("0") or name.endswith("_id"):
        return 2
    return 0 if isinstance(value, dict) else 1


def _value(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"minor", "currency"}:
        return f"{major_text(value['minor'], value['currency'])} {value['currency']}"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _print_json(answer: Any) -> None:
    typer.echo(msgspec.json.format(msgspec.json.encode(answer)).decode())
