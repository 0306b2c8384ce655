"""Questions by a condition on the command line: who, and why."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.tree import Tree

from yutang.domains.audience.api import questions
from yutang.domains.audience.commands.printing import AsOf, Json, print_json
from yutang.domains.audience.contracts import AskAnswer, AskQuestion, ExplainAnswer, ExplainQuestion, Part
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import console, show, text

ASK = Command("audience.ask", Permission.AUDIENCE_READ, AskQuestion, AskAnswer, questions.ask)
EXPLAIN = Command("audience.explain", Permission.AUDIENCE_READ, ExplainQuestion, ExplainAnswer, questions.explain_one)
COMMANDS = (ASK, EXPLAIN)

WORDS = {
    "more_customers": ("…… 还有 {n:,} 位：--limit", "… {n:,} more: --limit"),
    "more_events": ("…… 还有 {n:,} 条：--all", "… {n:,} more: --all"),
    "beginning": ("一直如此", "always"),
}
EVIDENCE_SHOWN_MAX = 3  # events under a node of an explanation, unless all are asked for


def ask(
    ctx: typer.Context,
    condition: Annotated[str, typer.Argument(help="such as 'count(order_paid, 30d) >= 3'")],
    as_of: AsOf = "",
    limit: Annotated[int, typer.Option(help="how many customers to list")] = 10,
    as_json: Json = False,
) -> None:
    """How many customers satisfy a condition, and who."""
    caller: Caller = ctx.obj
    answer = caller.call(ASK, AskQuestion(condition, as_of, limit))
    if as_json:
        print_json(answer)
        return
    say = speaker(WORDS, caller.language)
    share = 100 * answer.count / answer.population if answer.population else 0.0
    show(text(answer.sentence, "bold"))
    show(
        text(f"{answer.count:,}", "bold cyan"), f" / {answer.population:,} ({share:.1f} %)  ",
        text(answer.as_of, "dim"),
    )  # fmt: skip
    for customer in answer.customers:
        show(customer, indent=2)
    if answer.count > len(answer.customers) > 0:
        show(text(say("more_customers").format(n=answer.count - len(answer.customers)), "dim"), indent=2)


def explain(
    ctx: typer.Context,
    customer: Annotated[str, typer.Argument(help="an id or an identity such as phone:+8613800138000")],
    condition: Annotated[str, typer.Argument(help='a condition, or in(LABEL, "VALUE")')],
    as_of: AsOf = "",
    every: Annotated[bool, typer.Option("--all", help="name every event that counts")] = False,
    as_json: Json = False,
) -> None:
    """Why a customer does or doesn't satisfy a condition, and when that will next change by itself."""
    caller: Caller = ctx.obj
    answer = caller.call(EXPLAIN, ExplainQuestion(customer, condition, as_of))
    if as_json:
        print_json(answer)
        return
    show(answer.customer, "  ", text(answer.as_of, "dim"))
    if answer.sentence != answer.tree.title:
        show(text(answer.sentence, "bold"))
    tree = _tree(answer.tree, None if every else EVIDENCE_SHOWN_MAX, speaker(WORDS, caller.language))
    with console() as terminal, terminal.capture() as captured:
        terminal.print(tree)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())


def _tree(part: Part, shown_max: int | None, say: Say, parent: Tree | None = None) -> Tree:
    line = text("✓ ", "green") if part.truth else text("✗ ", "red")
    line.append_text(text(part.title))
    if part.value:
        line.append(" = ").append_text(text(part.value, "bold"))
    since = say("beginning") if part.since == "beginning" else part.since
    until = f" → {part.until}" if part.until != "never" else ""
    line.append(f"  {since}{until}", "dim")
    branch = Tree(line) if parent is None else parent.add(line)
    shown = part.evidence[:shown_max]
    for one in shown:
        branch.add(text(f"{one.at}  {one.type}  {one.id}", "dim"))
    more = len(part.evidence) - len(shown) + part.evidence_left_off
    if more:
        branch.add(text(say("more_events").format(n=more), "dim"))
    for below in part.parts:
        _tree(below, shown_max, say, branch)
    return branch


LINES = (Line("ask", ask), Line("explain", explain))
