"""The catalogue on the command line: `yutang catalogue show | declare | check`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from yutang.domains.catalogue import api
from yutang.domains.catalogue.contracts import (
    Catalogue,
    CatalogueCards,
    Declared,
    DeclareFile,
    EventCard,
    PropertyCard,
    ReadVocabulary,
    RecordCard,
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

COMMANDS = (SHOW, DECLARE, VOCABULARY)

WORDS = {
    "events": ("事件类型，目录第 {version} 版", "event types, catalogue v{version}"),
    "traits": ("属性", "traits"),
    "records": ("档案", "records"),
    "undeclared": ("未声明", "undeclared"),
    "unchanged": ("没有变化：都已声明过", "nothing changes: all of it is declared already"),
    "declared": ("已声明：{names}", "declared: {names}"),
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


LINES = (Line("catalogue show", show), Line("catalogue declare", declare), Line("catalogue check", check))


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
