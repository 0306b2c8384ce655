"""What all questions about everybody share on the command line: whom, when, by what; and the set behind a figure.

A command of a question takes its own arguments and `options: Options`; `asking` puts the shared options in that
parameter's place:

    @asking
    def funnel(ctx: typer.Context, steps: …, options: Options) -> None:
        question = FunnelQuestion(tuple(steps), scope=options.scope)
        answer = answered(ctx, FUNNEL, question, options)
        if answer is not None:
            …  # print it

`answered` asks. With `--list CELL` or `--save NAME` it asks for the customers behind that figure instead and prints
those; with `--json` it prints the answer as JSON; both times it gives None.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
import typer

from yutang.domains.insight.commands.sets import CUSTOMERS, SAVE, WORDS, print_customers, print_saved
from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.sets import CustomersQuestion, SaveQuestion, SetOf
from yutang.kernel.errors import InvalidError
from yutang.kernel.speech import speaker
from yutang.kernel.words import Caller, Command

Q = TypeVar("Q")
A = TypeVar("A")
_PAIR = re.compile(r"(?:^|,)\s*([a-z_]+)=")  # where a coordinate of a cell begins; values may hold commas


@dataclass(frozen=True, slots=True)
class Options:
    """What was said by the shared options. cell: as typed, None without --list. save: "" without --save."""

    scope: Scope
    as_json: bool = False
    cell: str | None = None
    save: str = ""
    limit: int = 10


def _shared(
    who: Annotated[str, typer.Option("--who", help="only customers who satisfy this condition")] = "",
    since: Annotated[str, typer.Option("--since", help="look at events from this instant on")] = "",
    as_of: Annotated[str, typer.Option("--as-of", help="an instant; default: pool time")] = "",
    zone: Annotated[str, typer.Option("--zone", help="time zone of days, weeks, months; default: the pool's")] = "",
    by: Annotated[
        str,
        typer.Option(
            "--by",
            help="tell apart by trait.NAME, label.NAME, source, EVENT.PROPERTY of the last such event, "
            "or .PROPERTY of the event that is counted",
        ),
    ] = "",
    groups: Annotated[int, typer.Option("--groups", help="how many of the largest groups to tell apart")] = 10,
    cell: Annotated[
        str | None, typer.Option("--list", metavar="CELL", help="list the customers behind a figure: NAME=VALUE,…")
    ] = None,
    save: Annotated[
        str, typer.Option("--save", metavar="NAME", help="keep the customers behind the figure of --list as a segment")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=0, help="how many customers to list")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="print the answer as JSON")] = False,
) -> Options:
    """The options themselves."""
    return Options(Scope(who, since, as_of, zone, by, groups), as_json, cell, save, limit)


def asking(function: Callable[..., None]) -> Callable[..., None]:
    """A command function whose parameter `options` is filled by the shared options."""
    shared = inspect.signature(_shared, eval_str=True)
    own = inspect.signature(function, eval_str=True)

    @functools.wraps(function)
    def command(**given: Any) -> None:
        said = {name: given.pop(name) for name in shared.parameters}
        function(**given, options=_shared(**said))

    parameters = [one for name, one in own.parameters.items() if name != "options"]
    taking: Any = command
    taking.__signature__ = own.replace(parameters=[
        one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*parameters, *shared.parameters.values())
    ])  # fmt: skip
    taking.__annotations__ = {one.name: one.annotation for one in taking.__signature__.parameters.values()}
    return command


def answered(ctx: typer.Context, command: Command[Q, A], question: Q, options: Options) -> A | None:
    """The answer to print, or None if the options asked for something else, which was printed.

    The command's name ends in the kind of its question, as `SetOf` has it: `insight.funnel`.
    """
    caller: Caller = ctx.obj
    if options.cell is not None or options.save:
        kind: dict[str, Any] = {command.name.rpartition(".")[2]: question}
        one = SetOf(**kind, cell=cell_of(options.cell or ""))
        behind(ctx, one, options)
        return None
    answer = caller.call(command, question)
    if options.as_json:
        print_json(answer)
        return None
    return answer


def behind(ctx: typer.Context, one: SetOf, options: Options) -> None:
    """Print the customers of a set, or save them."""
    caller: Caller = ctx.obj
    say = speaker(WORDS, caller.language)
    if options.save:
        saved = caller.call(SAVE, SaveQuestion(one, options.save))
        if options.as_json:
            print_json(saved)
        else:
            print_saved(saved, say)
        return
    answer = caller.call(CUSTOMERS, CustomersQuestion(one, limit=options.limit))
    if options.as_json:
        print_json(answer)
    else:
        print_customers(answer, say)


def cell_of(typed: str) -> dict[str, str]:
    """A cell as typed: `from=I,to=P`, or a JSON object as an answer has it. Raises InvalidError."""
    typed = typed.strip()
    if typed.startswith("{"):
        try:
            return msgspec.json.decode(typed, type=dict[str, str])
        except msgspec.MsgspecError:
            raise _no_cell(typed) from None
    found = list(_PAIR.finditer(typed))
    if typed and (not found or found[0].start()):
        raise _no_cell(typed)
    ends = [*(one.start() for one in found[1:]), len(typed)][: len(found)]
    return {one[1]: typed[one.end() : end].strip() for one, end in zip(found, ends, strict=True)}


def _no_cell(typed: str) -> InvalidError:
    return InvalidError(
        "insight.cell_unreadable", f"{typed[:80]!r} names no figure", where="--list",
        remedy="write its coordinates, such as from=I,to=P or step=2,group=Shanghai; --json shows them",
    )  # fmt: skip


def print_json(answer: object) -> None:
    """An answer as JSON."""
    typer.echo(json.dumps(msgspec.to_builtins(answer), ensure_ascii=False, indent=2))
