"""Paths on the command line: a tree of where people go, with how many, how long it took, and how many stopped there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from yutang.domains.insight.api import paths as asked_of
from yutang.domains.insight.commands.heat import GAP, bar, left, lines, percent, shaded
from yutang.domains.insight.commands.options import Options, answered, asking
from yutang.domains.insight.commands.spans import roughly
from yutang.domains.insight.contracts.paths import PathBranch, PathKind, PathsAnswer, PathsQuestion
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import console, show, text

PATHS = Command("insight.paths", Permission.INSIGHT_READ, PathsQuestion, PathsAnswer, asked_of.paths)
COMMANDS = (PATHS,)

WORDS = {
    "after": ("{event} 之后", "after {event}"),
    "before": ("{event} 之前", "before {event}"),
    "count": ("{customers:,} 位客户，{paths:,} 条路径", "{customers:,} customers, {paths:,} paths"),
    "gap": ("间隔超过 {gap} 即结束", "a pause of more than {gap} ends a path"),
    "named": ("以 {name} 命名", "named by {name}"),
    "paths": ("路径", "paths"),
    "share": ("占上级", "of parent"),
    "median": ("间隔中位", "median"),
    "stopped": ("止于此", "stop here"),
    "began": ("始于此", "begin here"),
    "other": ("（其他）", "(other)"),
    "more": ("…… 另有 {n:,} 个较小的分支：--json", "… {n:,} smaller branches: --json"),
    "by_step": ("每一步的去向（占全部路径 %）", "what comes at each step, % of all paths"),
    "by_step_back": ("每一步的来处（占全部路径 %）", "what came at each step before, % of all paths"),
    "end_stopped": ("（停止）", "(stopped)"),
    "end_began": ("（此前无事件）", "(nothing before)"),
    "end_ongoing": ("（仍在继续）", "(still going on)"),
    "end_edge": ("（更早未知）", "(earlier unknown)"),
    "cell": ("某节点的客户：--list step={step},name={name}", "customers of a node: --list step={step},name={name}"),
    "nobody": ("没有这样的路径", "there is no such path"),
}
BRANCHES_SHOWN_MAX = 30
CHILDREN_SHOWN_MAX = 4
NAME_CHARS_MAX = 46
BAR_CHARS_MAX = 24
CELL_CHARS = 8
SHARE_SHOWN_MIN = 0.01  # of all paths: thinner branches are left to --json


@asking
def paths(
    ctx: typer.Context,
    start: Annotated[str, typer.Option("--from", help="an event set: paths after it")] = "",
    end: Annotated[str, typer.Option("--to", help="an event set: paths that lead to it")] = "",
    steps: Annotated[int, typer.Option("--steps", help="how many, 1 to 10")] = 5,
    gap: Annotated[str, typer.Option("--gap", help="a longer pause ends a path")] = "1d",
    among: Annotated[str, typer.Option("--among", help="the events that paths are made of")] = "*",
    name: Annotated[str, typer.Option("--name", help="a property that names the events, such as page")] = "",
    repeats: Annotated[bool, typer.Option("--repeats", help="show what follows one of its own name too")] = False,
    top: Annotated[int, typer.Option("--top", help="how many names of a step to tell apart")] = 8,
    every: Annotated[bool, typer.Option("--every", help="from every such event, not just the first")] = False,
    *,
    options: Options,
) -> None:  # fmt: skip
    """Where customers go after an event (--from), or came from (--to), and where they stop."""
    question = PathsQuestion(start, end, steps, gap, among, name, repeats, top, every, options.scope)
    answer = answered(ctx, PATHS, question, options)
    if answer is not None:
        caller: Caller = ctx.obj
        _print(answer, speaker(WORDS, caller.language), caller.language)


def _print(answer: PathsAnswer, say: Say, language: str) -> None:
    show(text(say("before" if answer.backwards else "after").format(event=answer.title), "bold"))
    said = [
        say("count").format(customers=answer.customers, paths=answer.paths),
        f"{answer.asked.since} … {answer.asked.as_of}" if answer.asked.since else answer.asked.as_of,
        answer.asked.zone,
        say("gap").format(gap=answer.gap),
        say("named").format(name=answer.name) if answer.name else "",
        answer.asked.sentence,
    ]
    show(text(" · ".join(one for one in said if one), "dim"))
    if not answer.paths:
        show(say("nobody"))
        return
    show()
    hidden = _print_tree(answer, say, language)
    if hidden + answer.more:
        show(text(say("more").format(n=hidden + answer.more), "dim"))
    _print_steps(answer, say)
    node = next((one for one in answer.nodes if one.step == 1 and one.kind is PathKind.EVENT), None)
    if node is not None:
        show()
        show(text(say("cell").format(step=1, name=node.name), "dim"))


def _shown(answer: PathsAnswer) -> list[tuple[PathBranch, tuple[bool, ...]]]:
    """The branches to print, and of each, from the root on, whether a sibling follows it there."""
    kept: list[PathBranch] = []
    children: dict[int, int] = {}
    skipped = None
    for branch in answer.tree:
        if skipped is not None and branch.depth > skipped:
            continue
        skipped = None
        number = children.get(branch.depth, 0) + 1
        children = {depth: count for depth, count in children.items() if depth < branch.depth} | {branch.depth: number}
        thin = branch.paths < SHARE_SHOWN_MIN * answer.paths or (branch.depth and number > CHILDREN_SHOWN_MAX)
        if thin or len(kept) >= BRANCHES_SHOWN_MAX:
            skipped = branch.depth
            continue
        kept.append(branch)
    found = []
    for place, branch in enumerate(kept):
        follows = []
        for depth in range(1, branch.depth + 1):
            rest = next((one.depth for one in kept[place + 1 :] if one.depth <= depth), -1)
            follows.append(rest == depth)
        found.append((branch, tuple(follows)))
    return found


def _print_tree(answer: PathsAnswer, say: Say, language: str) -> int:
    """The tree, and how many of its branches were left out."""
    shown = _shown(answer)
    heads = (say("paths"), say("share"), say("median"), say("began" if answer.backwards else "stopped"))
    figures = [_figures(branch, branch.depth < _deepest(answer), language) for branch, _ in shown]
    wides = [max(text(row[place]).cell_len for row in (heads, *figures)) for place in range(len(heads))]
    names = [_stem(follows).append_text(_called(branch, say)) for branch, follows in shown]
    taken = sum(wides) + GAP * len(wides)
    wide = min(NAME_CHARS_MAX, max(name.cell_len for name in names), max(20, console().width - taken - GAP - 6))
    room = max(0, min(BAR_CHARS_MAX, console().width - wide - taken - GAP))
    rows = [_row(left("", wide), heads, wides, "dim")]
    for (branch, _), name, said in zip(shown, names, figures, strict=True):
        name.truncate(wide, overflow="ellipsis", pad=True)
        row = _row(name, said, wides, "")
        rows.append(row.append(" " * GAP).append(bar(branch.paths / answer.paths, room), "cyan"))
    lines(rows)
    return len(answer.tree) - len(shown)


def _stem(follows: Sequence[bool]) -> Text:
    """The lines that lead to a branch."""
    if not follows:
        return Text()
    return text("".join("│ " if on else "  " for on in follows[:-1]) + ("├ " if follows[-1] else "└ "), "dim")


def _figures(branch: PathBranch, goes_on: bool, language: str) -> tuple[str, ...]:
    """How many, of its parent, how long after it, and how many end there: empty where it says nothing."""
    return (
        f"{branch.paths:,}",
        f"{percent(branch.share)} %" if branch.depth else "",
        roughly(branch.median_ms, language) if branch.median_ms is not None else "",
        f"{percent(branch.stopped / branch.paths)} %" if goes_on else "",
    )


def _deepest(answer: PathsAnswer) -> int:
    return max(node.step for node in answer.nodes)


def _row(name: Text, said: Sequence[str], wides: Sequence[int], style: str) -> Text:
    line = name.copy()
    for place, (one, wide) in enumerate(zip(said, wides, strict=True)):
        cell = text(one, style or ("dim" if place else ""))
        cell.align("right", wide + GAP)
        line.append_text(cell)
    return line


def _called(one: PathBranch, say: Say) -> Text:
    if one.kind is PathKind.OTHER:
        return text(say("other"), "dim")
    return text(one.title or one.name)


def _print_steps(answer: PathsAnswer, say: Say) -> None:
    """A row for each name, a column for each step: what share of all paths stands there."""
    last = _deepest(answer)
    ends = {
        PathKind.STOPPED: say("end_began" if answer.backwards else "end_stopped"),
        PathKind.ONGOING: say("end_edge" if answer.backwards else "end_ongoing"),
        PathKind.OTHER: say("other"),
    }
    shares: dict[tuple[PathKind, str], dict[int, float]] = {}
    for node in answer.nodes:
        if node.step:
            shares.setdefault((node.kind, node.title or node.name), {})[node.step] = node.share
    order = sorted(shares, key=lambda key: (list(PathKind).index(key[0]), -sum(shares[key].values())))
    names = {key: ends.get(key[0], key[1]) for key in order}
    wide = min(NAME_CHARS_MAX, max(text(name).cell_len for name in names.values()))
    wide = max(8, min(wide, console().width - CELL_CHARS * last))
    head = left("", wide)
    for step in range(1, last + 1):
        cell = text(f"{-step if answer.backwards else step}", "dim")
        cell.align("right", CELL_CHARS)
        head.append_text(cell)
    rows = [head]
    for key in order:
        line = left(names[key], wide, "" if key[0] is PathKind.EVENT else "dim")
        for step in range(1, last + 1):
            share = shares[key].get(step)
            line.append_text(shaded("·" if share is None else percent(share), share or 0.0, CELL_CHARS))
        rows.append(line)
    show()
    show(text(say("by_step_back" if answer.backwards else "by_step"), "bold"))
    lines(rows)


LINES = (Line("paths", paths),)
