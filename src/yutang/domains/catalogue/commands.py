"""The catalogue on the command line: `yutang catalogue show | declare | check`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from yutang.domains.catalogue import api
from yutang.domains.catalogue.contracts import (
    AskRetention,
    Catalogue,
    CatalogueCards,
    Declared,
    DeclareFile,
    EventCard,
    PropertyCard,
    ReadVocabulary,
    RecordCard,
    RetentionApplied,
    RetentionDone,
    RetentionList,
    RetentionOrder,
    ShowCatalogue,
    TraitTypeCard,
)
from yutang.kernel.errors import InvalidError, NotFoundError
from yutang.kernel.speech import speaker
from yutang.kernel.words import Command, Line, Permission
from yutang.runtime.terminal import Column, show_table
from yutang.runtime.terminal import show as show_line

SHOW = Command("catalogue.show", Permission.CATALOGUE_READ, ShowCatalogue, CatalogueCards, api.show)
DECLARE = Command("catalogue.declare", Permission.CATALOGUE_WRITE, DeclareFile, Declared, api.declare_file)
VOCABULARY = Command("catalogue.vocabulary", Permission.CATALOGUE_READ, ReadVocabulary, Catalogue, api.read_catalogue)

LIST_RETENTION = Command(
    "catalogue.retentions", Permission.CATALOGUE_READ, AskRetention, RetentionList, lambda desk, _: api.retentions(desk)
)
APPLY_RETENTION = Command(
    "catalogue.apply_retention", Permission.ERASE, AskRetention, RetentionApplied,
    lambda desk, _: api.apply_retention(desk),
)  # fmt: skip

COMMANDS = (SHOW, DECLARE, VOCABULARY, LIST_RETENTION, APPLY_RETENTION)


def set_retention_command(needs: api.Needs) -> Command[RetentionOrder, RetentionDone]:
    """The command by which retention is set. needs: how far back labels look, from who knows them."""
    return Command(
        "catalogue.set_retention", Permission.CATALOGUE_WRITE, RetentionOrder, RetentionDone,
        lambda desk, order: api.set_retention(desk, order, needs),
    )  # fmt: skip


SET_RETENTION = set_retention_command(lambda _desk, _type: ())  # as it is asked; it runs as `app` has made it

WORDS = {
    "events": ("事件类型，目录第 {version} 版", "event types, catalogue v{version}"),
    "traits": ("属性", "traits"),
    "records": ("档案", "records"),
    "undeclared": ("未声明", "undeclared"),
    "unchanged": ("没有变化：都已声明过", "nothing changes: all of it is declared already"),
    "declared": ("已声明：{names}", "declared: {names}"),
    "kept": ("{type}：保留 {days} 天", "{type}: kept for {days} days"),
    "kept_for_good": ("{type}：永久保留", "{type}: kept for good"),
    "blind": ("标签 {label} 需要看 {days} 天，之后会看不全", "label {label} looks back {days} days: it will miss some"),
    "blind_ever": ("标签 {label} 要看全部历史，之后会看不全", "label {label} looks at all time: it will miss some"),
    "system": ("这是状态事件：过期后属性、标签、授权也会消失", "a state event: what it gave is forgotten with it"),
    "no_retention": ("所有事件永久保留", "all events are kept for good"),
    "days": ("{days} 天", "{days} days"),
    "gone": ("已删除：{events}", "dropped: {events}"),
    "none_gone": ("没有过期的事件", "nothing was too old"),
    "would_change": ("将会改变：{names}", "would change: {names}"),
}


def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Only the event type, trait or kind of record of this name.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show event types, traits and kinds of record: built in, declared, and merely seen."""
    cards = ctx.obj.call(SHOW, ShowCatalogue())
    if name:
        cards = _only(cards, name)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(cards)).decode())
        return
    _print(cards, ctx.obj.language)


def declare(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML with `events`, `traits`, `records`.")],
) -> None:
    """Declare what a YAML file says, or add to what stands."""
    _declare(ctx, file, check=False)


def check(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML with `events`, `traits`, `records`.")],
) -> None:
    """Say what declaring a YAML file would change, and change nothing."""
    _declare(ctx, file, check=True)


def set_retention(
    ctx: typer.Context,
    event_type: Annotated[str, typer.Argument(help="the event type")],
    days: Annotated[int, typer.Argument(help="for how many days its events are kept")],
) -> None:
    """Keep the events of a type for some days only; older ones go with the day's first applying."""
    _retain(ctx, RetentionOrder(event_type, days))


def unset_retention(ctx: typer.Context, event_type: Annotated[str, typer.Argument(help="the event type")]) -> None:
    """Keep the events of a type for good again; what is gone stays gone."""
    _retain(ctx, RetentionOrder(event_type, 0))


def _retain(ctx: typer.Context, order: RetentionOrder) -> None:
    done: RetentionDone = ctx.obj.call(SET_RETENTION, order)
    say = speaker(WORDS, ctx.obj.language)
    show_line(say("kept" if order.days else "kept_for_good").format(type=order.type, days=order.days))
    if order.days and done.system:
        show_line(say("system"))
    for one in done.needs:
        show_line(say("blind" if one.days else "blind_ever").format(label=one.label, days=one.days))


def list_retention(ctx: typer.Context) -> None:
    """List for how long the events of types are kept."""
    found: RetentionList = ctx.obj.call(LIST_RETENTION, AskRetention())
    say = speaker(WORDS, ctx.obj.language)
    if not found.retentions:
        show_line(say("no_retention"))
    rows = [(one.type, say("days").format(days=one.days), one.changed_by, one.changed_at) for one in found.retentions]
    show_table([Column(whole=True), Column(), Column(rank=1), Column(rank=2)], rows)


def apply_retention(ctx: typer.Context) -> None:
    """Drop now what is older than its type is kept for; a running service does so once a day by itself."""
    done: RetentionApplied = ctx.obj.call(APPLY_RETENTION, AskRetention())
    say = speaker(WORDS, ctx.obj.language)
    gone = ", ".join(f"{name} {count}" for name, count in sorted(done.events.items()))
    show_line(say("gone").format(events=gone) if gone else say("none_gone"))


LINES = (
    Line("catalogue show", show), Line("catalogue declare", declare), Line("catalogue check", check),
    Line("keep set", set_retention), Line("keep unset", unset_retention),
    Line("keep list", list_retention), Line("keep apply", apply_retention),
)  # fmt: skip


def _declare(ctx: typer.Context, file: Path, *, check: bool) -> None:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(
            "file.unreadable", f"the file can't be read: {error}", where=str(file), remedy="name a YAML file in UTF-8"
        ) from None
    done = ctx.obj.call(DECLARE, DeclareFile(text, str(file), check))
    say = speaker(WORDS, ctx.obj.language)
    if not done.names:
        show_line(say("unchanged"))
        return
    show_line(say("would_change" if check else "declared").format(names=", ".join(done.names)))


def _only(cards: CatalogueCards, name: str) -> CatalogueCards:
    found = CatalogueCards(
        cards.version,
        tuple(card for card in cards.events if card.name == name),
        tuple(card for card in cards.traits if card.name == name),
        tuple(card for card in cards.records if card.name == name),
    )
    if not (found.events or found.traits or found.records):
        raise NotFoundError(
            "catalogue.absent", f"the catalogue has no {name!r}", remedy="`yutang catalogue show` lists all of it"
        )
    return found


def _marks(card: EventCard) -> str:
    words = [f"{m.mark}({m.property}={'|'.join(m.values)})" if m.property else str(m.mark) for m in card.marks]
    if card.relation:
        words.append(f"{'begins' if card.relation_begins else 'ends'} {card.relation}")
    if card.system:
        words.append("state")
    if not card.declared:
        words.append("undeclared")
    return " ".join(words)


def _print(cards: CatalogueCards, language: str) -> None:
    say, chinese = speaker(WORDS, language), language == "zh"

    def title(card: EventCard | TraitTypeCard | RecordCard) -> str:
        return card.title_zh if chinese else card.title_en

    name, wrapped = Column(whole=True, style="bold"), Column(style="dim", wrap=True, least=34)
    events = [(one.name, title(one), _marks(one), _properties(one.properties)) for one in cards.events]
    traits = [(one.name, title(one), str(one.kind), "" if one.declared else say("undeclared")) for one in cards.traits]
    records = [(one.name, title(one), _properties(one.traits)) for one in cards.records]
    show_table([name, Column(), Column(rank=1), wrapped], events, say("events").format(version=cards.version))
    show_table([name, Column(), Column(), Column(style="yellow")], traits, say("traits"))
    show_table([name, Column(), wrapped], records, say("records"))


def _properties(found: Sequence[PropertyCard]) -> str:
    return "  ".join(f"{one.name}:{one.kind}" for one in found)
