"""How the commands of slices print: tables that fit the terminal, and text that it can't take for orders.

Invariant: whatever data hold is shown, not obeyed, neither by the terminal nor as markup; lines don't end in
blanks; a table is no wider than the terminal while its columns can be cut or left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yutang.kernel.speech import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

CELL_CHARS_MIN = 8  # what is left of a cell that is cut
GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """How a column is shown. rank: the higher, the sooner it is left out of a narrow terminal; 0: never.

    whole: never cut. wrap: goes on in further lines (the last column only), between pieces that two blanks part if
    there are such; others are left out for it while it has less than `least` characters.
    """

    heading: str = ""
    right: bool = False
    style: str = ""
    rank: int = 0
    whole: bool = False
    wrap: bool = False
    least: int = 0


def console() -> Console:
    """Where commands print."""
    from rich.console import Console  # heavy: only where something is printed

    return Console(highlight=False)


def text(said: object, style: str = "") -> Text:
    """Data as text: without markup and without what a terminal obeys."""
    from rich.text import Text  # heavy: only where something is printed

    return Text(plain(str(said)), style=style)


def show(*parts: Text | str, indent: int = 0) -> None:
    """One paragraph: parts one after the other, wrapped at the terminal's width with an indent."""
    from rich.text import Text  # heavy: only where something is printed

    terminal = console()
    said = Text()
    for part in parts:
        said.append_text(part if isinstance(part, Text) else text(part))
    for line in said.wrap(terminal, max(terminal.width - indent, CELL_CHARS_MIN)) if said else [said]:
        line.rstrip()
        print_line(terminal, Text(" " * indent).append_text(line))


def print_line(terminal: Console, line: Text) -> None:
    """A line as it is, however long."""
    terminal.print(line, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)


def show_table(columns: Sequence[Column], rows: Sequence[Sequence[object]], title: str = "") -> int:
    """A table under its title; nothing at all without rows. Gives how many columns with a heading were left out."""
    if not rows:
        return 0
    terminal = console()
    if title:
        print_line(terminal, text(title, "bold"))
    cells = [[_cell(value, column) for value, column in zip(row, columns, strict=True)] for row in rows]
    if any(column.heading for column in columns):
        cells.insert(0, [text(column.heading, "dim") for column in columns])
    widths = [max(row[place].cell_len for row in cells) for place in range(len(columns))]
    kept = _kept(columns, widths, terminal.width)
    _cut(columns, widths, kept, terminal.width)
    for row in cells:
        for line in _lines(terminal, [(row[place], columns[place], widths[place]) for place in kept]):
            print_line(terminal, line)
    return sum(bool(columns[place].heading) for place in range(len(columns)) if place not in kept)


def _cell(value: object, column: Column) -> Text:
    from rich.text import Text  # heavy: only where something is printed

    return value if isinstance(value, Text) else text("" if value is None else value, column.style)


def _total(widths: Sequence[int], kept: Sequence[int]) -> int:
    return sum(widths[place] for place in kept) + len(GAP) * (len(kept) - 1)


def _kept(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """The places of the columns that are shown."""
    kept = [place for place in range(len(columns)) if widths[place]]
    widths = [min(width, columns[place].least or room) if columns[place].wrap else width
              for place, width in enumerate(widths)]  # fmt: skip
    while _total(widths, kept) > room:
        ranked = [place for place in kept if columns[place].rank]
        if not ranked:
            break
        kept.remove(max(ranked, key=lambda place: columns[place].rank))
    return kept


def _cut(columns: Sequence[Column], widths: list[int], kept: Sequence[int], room: int) -> None:
    """Make the widest columns narrower until the table fits, those that wrap first."""
    while _total(widths, kept) > room:
        able = [place for place in kept if not columns[place].whole and widths[place] > CELL_CHARS_MIN]
        if not able:
            return
        widest = max(
            able, key=lambda place: (columns[place].wrap and widths[place] > columns[place].least, widths[place])
        )
        widths[widest] -= 1


def _lines(terminal: Console, cells: Sequence[tuple[Text, Column, int]]) -> list[Text]:
    """A row's lines."""
    from rich.text import Text  # heavy: only where something is printed

    first, more = Text(), []
    for place, (found, column, width) in enumerate(cells):
        cell = found.copy()
        if column.wrap and place == len(cells) - 1:
            wrapped = _wrapped(terminal, cell, width)
            indent = first.cell_len + len(GAP) * bool(place)
            more = [Text(" " * indent).append_text(one) for one in wrapped[1:]]
            cell = wrapped[0] if wrapped else cell
        cell.truncate(width, overflow="ellipsis")
        cell.align("right" if column.right else "left", width)
        first.append(GAP if place else "").append_text(cell)
    for line in (first, *more):
        line.rstrip()
    return [first, *more]


def _wrapped(terminal: Console, cell: Text, width: int) -> list[Text]:
    from rich.text import Text  # heavy: only where something is printed

    pieces = cell.split(GAP)
    if len(pieces) == 1:
        return list(cell.wrap(terminal, width))
    lines = [Text()]
    for piece in pieces:
        if lines[-1] and lines[-1].cell_len + len(GAP) + piece.cell_len > width:
            lines.append(Text())
        lines[-1].append(GAP if lines[-1] else "").append_text(piece)
    return lines
