"""Sets on the command line: the customers behind a figure, listed, compared, saved.

A set is named as a condition, or as JSON: a question under its kind, with the cell of a figure
(`{"flow": {"label": "aipl", "scope": {"since": "2017-06-01"}}, "cell": {"from": "I", "to": "P"}}`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import msgspec
import typer

from yutang.conditions.lookups import suggestion
from yutang.domains.insight.api import saving, sets
from yutang.domains.insight.commands.heat import GROUP_WORDS, bar, bar_room, group_said
from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.sets import (
    CompareAnswer,
    CompareQuestion,
    ConditionQuestion,
    CustomersAnswer,
    CustomersQuestion,
    Difference,
    SaveAnswer,
    SaveQuestion,
    SetOf,
)
from yutang.kernel.errors import InvalidError
from yutang.kernel.speech import Say
from yutang.kernel.words import Command, Permission
from yutang.runtime.terminal import Column, show, show_table, text

CUSTOMERS = Command("insight.customers", Permission.CUSTOMERS_READ, CustomersQuestion, CustomersAnswer, sets.page)
COMPARE = Command("insight.compare", Permission.INSIGHT_READ, CompareQuestion, CompareAnswer, sets.compare)
SAVE = Command("insight.save", Permission.AUDIENCE_WRITE, SaveQuestion, SaveAnswer, saving.save)
COMMANDS = (CUSTOMERS, COMPARE, SAVE)

WORDS = {
    **GROUP_WORDS,
    "of": ("/ {n:,} 位客户（{share:.1f} %）", "/ {n:,} customers ({share:.1f} %)"),
    "more": ("…… 还有 {n:,} 位：--limit", "… {n:,} more: --limit"),
    "saved": ("{name}：{size:,} 位（新增 {added:,}，移出 {removed:,}）",
              "{name}: {size:,} customers ({added:,} added, {removed:,} removed)"),
    "saved_then": ("条件：in({name})", "as a condition: in({name})"),
    "customers": ("位客户", "customers"),
    "both": ("两者皆有", "both"),
    "only_a": ("仅 A", "only A"),
    "only_b": ("仅 B", "only B"),
    "by": ("属性", "by"),
    "value": ("取值", "value"),
    "lift": ("倍数", "lift"),
    "differ": ("差异最大的属性（{as_of}）", "what they differ by most ({as_of})"),
    "behind": ("名单：--list {cell}", "who: --list {cell}"),
}  # fmt: skip
BAR_CHARS_MIN, BAR_CHARS_MAX = 6, 30
HALF_CHARS = 10  # of the bar that shows a lift, to either side


def set_of(said: str, scope: Scope, where: str, known_at: str = "") -> SetOf:
    """The set that a text names: a condition, or JSON. known_at: of a condition. Raises InvalidError."""
    if not said.lstrip().startswith("{"):
        return SetOf(condition=ConditionQuestion(said, scope, known_at))
    try:
        _check_names(msgspec.json.decode(said, type=dict[str, Any]), where)
        return msgspec.json.decode(said, type=SetOf)
    except msgspec.MsgspecError as error:
        raise InvalidError(
            "insight.set_unreadable", f"that JSON is no set: {error}", where=where,
            remedy='write a condition, or {"KIND": {…the question…}, "cell": {…}}',
        ) from None  # fmt: skip


def _check_names(said: Mapping[str, Any], where: str) -> None:
    """Raises InvalidError for a kind of question that there isn't: it would be passed over."""
    known = [field.name for field in fields(SetOf)]
    for name in said:
        if name not in known:
            raise InvalidError(
                "insight.set_unreadable", f"there is no question {name[:60]!r}", where=where,
                remedy=suggestion(name, known) or f"write one of {', '.join(known)}",
            )  # fmt: skip


def print_customers(answer: CustomersAnswer, say: Say) -> None:
    """How many of how many, and who."""
    share = 100 * answer.size / answer.population if answer.population else 0.0
    show(text(f"{answer.size:,}", "bold cyan"), " ", say("of").format(n=answer.population, share=share))
    for customer in answer.customers:
        typer.echo(f"  {customer}")
    if answer.size > len(answer.customers) > 0:
        show(text(say("more").format(n=answer.size - len(answer.customers)), "dim"), indent=2)


def print_saved(answer: SaveAnswer, say: Say) -> None:
    """What is saved now, and how it is asked for."""
    show(text("✓ ", "green"), say("saved").format(
        name=answer.name, size=answer.size, added=answer.added, removed=answer.removed
    ))  # fmt: skip
    show(text(say("saved_then").format(name=answer.name), "dim"), indent=2)


def print_compared(answer: CompareAnswer, said: tuple[str, str], say: Say) -> None:
    """Sizes as bars, then what the sets differ by."""
    most = max(answer.a, answer.b, 1)
    sizes = (
        ("A", answer.a, "cyan", said[0]), ("B", answer.b, "magenta", said[1]), (say("both"), answer.both, "white", ""),
        (say("only_a"), answer.only_a, "cyan", ""), (say("only_b"), answer.only_b, "magenta", ""),
    )  # fmt: skip
    room = max(BAR_CHARS_MIN, bar_room([(name, f"{size:,}", meant) for name, size, _, meant in sizes], BAR_CHARS_MAX))
    rows: list[tuple[object, ...]] = [
        (text(name, "bold"), f"{size:,}", text(bar(size / most, room), style), text(meant, "dim"))
        for name, size, style, meant in sizes
    ]
    show_table([Column(whole=True), Column(right=True, whole=True), Column(whole=True), Column()], rows)
    if answer.differences:
        show()
        columns = [Column(say("by")), Column(say("value")), Column("A", right=True, whole=True),
                   Column("B", right=True, whole=True), Column(say("lift"), right=True, whole=True),
                   Column(rank=1, whole=True)]  # fmt: skip
        found = [
            (one.by, group_said(one.value, say), f"{100 * one.share_a:.1f}%", f"{100 * one.share_b:.1f}%",
             _times(one, say),
             text(_balance(one.share_a - one.share_b), "cyan" if one.share_a > one.share_b else "magenta"))
            for one in answer.differences
        ]  # fmt: skip
        show_table(columns, found, say("differ").format(as_of=answer.as_of))
    show()
    show(text(say("behind").format(cell="part=only_a"), "dim"))


def _times(one: Difference, say: Say) -> str:
    """How many times as frequent it is in A as in B."""
    if not (one.a and one.b):
        return say("only_a" if one.a else "only_b")
    return f"×{one.lift:.1f}" if one.lift >= 1 else f"÷{1 / one.lift:.1f}"


def _balance(points: float) -> str:
    """A bar to the left for more in A, to the right for more in B. points: the difference of two shares."""
    length = min(HALF_CHARS, max(1, round(HALF_CHARS * abs(points)))) if points else 0
    left = "█" * length if points > 0 else ""
    right = "█" * length if points < 0 else ""
    return f"{left:>{HALF_CHARS}}│{right}"
