"""Sets as they are named: two compared, one listed or saved: `yutang compare A B`, `yutang who SET`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from yutang.domains.insight.commands.options import Options, answered, asking, behind, cell_of
from yutang.domains.insight.commands.sets import COMPARE, WORDS, print_compared, set_of
from yutang.domains.insight.contracts.sets import CompareQuestion
from yutang.kernel.speech import speaker
from yutang.kernel.words import Caller, Line

SET_HELP = 'a condition, or JSON: {"flow": {…}, "cell": {"from": "I", "to": "P"}}'


@asking
def compare(
    ctx: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help=SET_HELP)],
    b: Annotated[str, typer.Argument(metavar="B", help="another")],
    shown: Annotated[int, typer.Option("--differences", min=0, help="how many differences to show")] = 20,
    *,
    options: Options,
) -> None:
    """Two sets: how many are in both, in one alone, and by which labels and traits they differ."""
    caller: Caller = ctx.obj
    question = CompareQuestion(
        set_of(a, options.scope, "A"), set_of(b, options.scope, "B"), limit=shown, scope=options.scope
    )
    answer = answered(ctx, COMPARE, question, options)
    if answer is not None:
        print_compared(answer, (a, b), speaker(WORDS, caller.language))


@asking
def who(
    ctx: typer.Context,
    named: Annotated[str, typer.Argument(metavar="SET", help=SET_HELP)],
    known_at: Annotated[
        str, typer.Option("--known-at", help='as was known at this instant; of a label: in(aipl, "P")')
    ] = "",
    *,
    options: Options,
) -> None:
    """Who is in a set: a condition, or what stands behind a figure of any question; --save keeps them."""
    one = set_of(named, options.scope, "SET", known_at)
    behind(ctx, one if options.cell is None else replace(one, cell=cell_of(options.cell)), options)


LINES = (Line("compare", compare), Line("who", who))
