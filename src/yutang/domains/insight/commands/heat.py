"""What tables of figures look like: cells shaded by how much they are, and bars.

Invariant: what a shade says, the figure in it says as well; without colours nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from yutang.domains.insight.contracts.asking import OTHER, UNKNOWN_GROUP
from yutang.domains.insight.contracts.figures import Amount
from yutang.kernel.money import major_text
from yutang.kernel.speech import Say
from yutang.runtime.terminal import Column, console, print_line, show, show_table, text

# From pale to deep, with a writing that stands out on each.
SHADES = (
    "", "black on #e3f0f7", "black on #bfe0ee", "black on #8cc8df", "black on #4fa8c9", "white on #23789c",
    "white on #0d4a66",
)  # fmt: skip
BAR_CHARS_MAX = 40
GAP = 2

# What the groups are called that a breakdown makes itself. Their names stay beside it: cells are named by these. And
# what is said where a table of groups doesn't fit.
GROUP_WORDS = {
    f"group.{OTHER}": ("other（其余）", "other (the rest)"),
    f"group.{UNKNOWN_GROUP}": ("unknown（无值）", "unknown (no value)"),
    "columns": ("…… 另有 {n} 列：加宽终端或 --json", "… {n} more columns: a wider terminal, or --json"),
}


def shaded(said: str, part: float, width: int, dim: bool = False) -> Text:
    """A figure in a cell. part: 0 to 1, of the deepest shade."""
    level = 0 if part <= 0 else 1 + min(int(part * (len(SHADES) - 1)), len(SHADES) - 2)
    style = f"{SHADES[level]} italic".strip() if dim else SHADES[level]
    cell = text(said, style)
    cell.align("right", width)
    return cell


def bar(part: float, room: int) -> str:
    """A bar, of so many characters at most; something is never nothing."""
    return "█" * round(room * part) or ("▏" if part > 0 and room else "")


def percent(share: float | None, digits: int = 1) -> str:
    """A share as a percentage, without its sign; a dash for one of nobody."""
    return "–" if share is None else f"{100 * share:.{digits}f}"


def money(amount: Amount) -> str:
    """An amount in major units, with thousands apart."""
    whole, point, rest = major_text(abs(amount.minor), amount.currency).partition(".")
    return f"{'-' if amount.minor < 0 else ''}{int(whole):,}{point}{rest}"


def group_said(group: str, say: Say) -> str:
    """A group as it is shown. say: of words that hold GROUP_WORDS."""
    return say(f"group.{group}") if group in (OTHER, UNKNOWN_GROUP) else group


def left(said: str, width: int, style: str = "") -> Text:
    """A cell that is cut, or filled, to a width."""
    cell = text(said, style)
    cell.truncate(width, overflow="ellipsis", pad=True)
    return cell


def show_groups(columns: Sequence[Column], rows: Sequence[Sequence[object]], say: Say, title: str = "") -> None:
    """A table of groups, and how much of it the terminal has no room for. say: of words that hold GROUP_WORDS."""
    left_out = show_table(columns, rows, title)
    if left_out:
        show(text(say("columns").format(n=left_out), "dim"))


def bar_room(rows: Sequence[Sequence[object]], most: int = BAR_CHARS_MAX) -> int:
    """How long bars can be in a table's last column. rows: what stands before it, with the headings."""
    widths = [max(text(cell).cell_len for cell in column) for column in zip(*rows, strict=True)]
    return max(0, min(most, console().width - sum(width + GAP for width in widths)))


def lines(found: Sequence[Text]) -> None:
    """Lines as they are."""
    terminal = console()
    for line in found:
        line.rstrip()
        print_line(terminal, line)


def bars(rows: Sequence[tuple[str, str, float]], most: float, style: str = "cyan") -> list[Text]:
    """A line for each (name, figures, how much): name, figures, and a bar as long as it is of `most`."""
    names = max((text(name).cell_len for name, _, _ in rows), default=0)
    figures = max((text(said).cell_len for _, said, _ in rows), default=0)
    room = max(0, min(BAR_CHARS_MAX, console().width - names - figures - 2 * GAP - 1))
    found = []
    for name, said, much in rows:
        line, said_as = left(name, names), text(said)
        said_as.align("right", figures)
        line.append(" " * GAP).append_text(said_as).append(" " * GAP)
        found.append(line.append(bar(much / most if most else 0.0, room), style))
    return found
