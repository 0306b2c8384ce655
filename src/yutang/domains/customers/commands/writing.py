"""Lines that change something about a customer: merges, reviews, and what is entered by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from yutang.domains.customers.commands.calls import (
    DECLARE_KIND,
    ENTER,
    MERGE,
    SETTLE,
    UNMERGE,
    Entering,
    SettleQuestion,
)
from yutang.domains.customers.commands.words import WORDS, Pairs, Who, Why
from yutang.domains.customers.contracts import (
    ConsentOrder,
    Done,
    IdentityOrder,
    KindSpec,
    PairOrder,
    RecordOrder,
    SettleOrder,
    TagOrder,
    TraitOrder,
)
from yutang.kernel.errors import InvalidError
from yutang.kernel.speech import speaker
from yutang.runtime.terminal import show, text


def merge(ctx: typer.Context, a: Who, b: Who, why: Why) -> None:
    """Say that two are the same customer."""
    _say(ctx, ctx.obj.call(MERGE, PairOrder(a, b, why)))


def unmerge(ctx: typer.Context, a: Who, b: Who, why: Why) -> None:
    """Withdraw a merge; what only evidence holds together is said to be different."""
    _say(ctx, ctx.obj.call(UNMERGE, PairOrder(a, b, why)))


def settle(
    ctx: typer.Context,
    review: str,
    why: Why,
    same: Annotated[bool, typer.Option("--same/--different", help="the same person, or different")],
    member: Annotated[list[str] | None, typer.Option(help="to whom an identity shared by many belongs")] = None,
) -> None:
    """Answer a review."""
    _say(ctx, ctx.obj.call(SETTLE, SettleQuestion(review, SettleOrder(same, why, tuple(member or ())))))


def set_traits(ctx: typer.Context, customer: Who, traits: Pairs) -> None:
    """Set traits of a customer, or unset them."""
    _say(ctx, ctx.obj.call(ENTER, Entering(customer, traits=TraitOrder(_pairs(traits)))))


def tag(ctx: typer.Context, customer: Who, name: str, group: str = "", reason: str = "") -> None:
    """Give a tag by hand."""
    _say(ctx, ctx.obj.call(ENTER, Entering(customer, tag=TagOrder(name, group, reason))))


def untag(ctx: typer.Context, customer: Who, name: str, group: str = "", reason: str = "") -> None:
    """Take a tag."""
    _say(ctx, ctx.obj.call(ENTER, Entering(customer, tag=TagOrder(name, group, reason, remove=True))))


def consent(ctx: typer.Context, customer: Who, channel: str, purpose: str = "", withdraw: bool = False) -> None:
    """Note that consent was given on a channel, or withdrawn."""
    _say(ctx, ctx.obj.call(ENTER, Entering(customer, consent=ConsentOrder(channel, purpose, withdraw))))


def record(
    ctx: typer.Context,
    customer: Who,
    kind: Annotated[str, typer.Argument(help="such as child")],
    name: Annotated[str, typer.Argument(help="which of them, such as 1")],
    traits: Annotated[list[str] | None, typer.Argument(help="trait=value …; trait= unsets")] = None,
    end: Annotated[bool, typer.Option("--end", help="end the record")] = False,
) -> None:
    """Set or end a record that a customer owns."""
    order = RecordOrder(kind, name, _pairs(traits or []), end)
    _say(ctx, ctx.obj.call(ENTER, Entering(customer, record=order)))


def identify(
    ctx: typer.Context,
    customer: Who,
    identities: Annotated[list[str], typer.Argument(help="kind=value or kind:scope=value …")],
) -> None:
    """Add identities to a customer."""
    order = IdentityOrder({key: value or "" for key, value in _pairs(identities).items()})
    _say(ctx, ctx.obj.call(ENTER, Entering(customer, identities=order)))


def declare_kind(
    ctx: typer.Context,
    name: str,
    rank: Annotated[int, typer.Option(help="1 to 999, smaller is stronger among its like")] = 700,
    personal: Annotated[bool, typer.Option(help="belongs to one person")] = False,
    weak: Annotated[bool, typer.Option(help="attaches to one customer, never joins two")] = False,
    unique: Annotated[bool, typer.Option(help="a customer has one value")] = False,
    cap: Annotated[int, typer.Option(help="people that may share a value; 0: any number")] = 0,
    title_zh: str = "",
    title_en: str = "",
) -> None:
    """Declare a kind of identity of the brand's own, before events bring it."""
    spec = KindSpec(name, rank, personal, weak, unique, cap, scoped=True, title_zh=title_zh, title_en=title_en)
    _say(ctx, ctx.obj.call(DECLARE_KIND, spec))


def _pairs(texts: list[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for one in texts:
        name, equals, value = one.partition("=")
        if not equals:
            raise InvalidError("entry.pair", f"{one!r} isn't name=value", remedy="write it like skin=oily")
        found[name] = value or None
    return found


def _say(ctx: typer.Context, done: Done) -> None:
    say = speaker(WORDS, ctx.obj.language)
    told = say("done") if not done.lines else say("together" if done.together else "apart")
    show(text("✓ ", "green"), told, "  ", text(done.customer, "dim"))
