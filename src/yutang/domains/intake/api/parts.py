"""Parts of data files: some consecutive rows as columns, with the columns of joined files.

Invariant: a row has the same number and cells whenever and from wherever the file is read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from yutang.domains.intake.contracts import Problem
from yutang.domains.intake.rules.cells import ColumnType, Reading, text_of
from yutang.domains.intake.rules.mapping import Shape
from yutang.kernel.errors import InvalidError

LOOKUP_ROWS_COUNT_MAX = 5_000_000
NESTED_NAMES_DEPTH_MAX = 8


@dataclass(slots=True)
class Part:
    """Rows [rows_from, next_row), of which `rows` could be read. done: how far the file is read (rows or bytes)."""

    rows: Sequence[int]
    rows_from: int
    next_row: int
    done: int
    columns: dict[str, Sequence[object]]
    problems: list[Problem] = field(default_factory=list)
    records: Sequence[dict[str, object]] = ()  # NDJSON: the objects themselves
    joins: Mapping[str, Joined] = field(default_factory=dict)
    broken: dict[int, str] = field(default_factory=dict)  # the text of rows that couldn't be read

    def column(self, name: str) -> Sequence[object]:
        """The cells of a column (`lookup.column` of a joined file)."""
        known = self.columns.get(name)
        if known is None:
            lookup, dot, rest = name.partition(".")
            if dot and lookup in self.joins:
                known = self.joins[lookup].cells(self.column(self.joins[lookup].on), rest)
            else:
                known = [_nested(record, name) for record in self.records]
            self.columns[name] = known
        return known

    def before(self, row: int) -> Part:
        """The rows before a row; of the part as read, ahead of any use."""
        kept = bisect_left(self.rows, row)
        return Part(
            self.rows[:kept], self.rows_from, row, self.done,
            {name: cells[:kept] for name, cells in self.columns.items()},
            [problem for problem in self.problems if problem.index < row], self.records[:kept], self.joins, self.broken,
        )  # fmt: skip

    def row_data(self, place: int) -> dict[str, object]:
        """The cells of one row, as a reject keeps them."""
        if self.records:
            return self.records[place]
        return {name: cells[place] for name, cells in self.columns.items() if "." not in name or not self.joins}


def _nested(record: Mapping[str, object], name: str) -> object:
    if name in record:
        return record[name]
    found: object = record
    for step in name.split(".", NESTED_NAMES_DEPTH_MAX):
        found = found.get(step) if isinstance(found, dict) else None
    return found


class Table(Protocol):
    """A data file."""

    @property
    def shape(self) -> Shape: ...

    @property
    def total(self) -> int:
        """The file's size in the unit of `Part.done`: rows or bytes."""

    def parts(self, start: int, rows_max: int, columns: frozenset[str]) -> Iterator[Part]:
        """The rows from `start` on, in parts of at most `rows_max`; of the columns at least those named."""


@dataclass(slots=True)
class Joined:
    """A joined file in memory. on: the column here. places: key → row there."""

    on: str
    reading: Reading
    types: Mapping[str, ColumnType]
    columns: Mapping[str, Sequence[object]]
    places: Places

    def cells(self, keys: Sequence[object], name: str) -> list[object]:
        """The cells of a column of the joined file, for keys of the importing one; None where there is no row."""
        column = self.columns[name]  # ends with None, at which -1 points
        if self.reading.column_type in (ColumnType.MIXED, ColumnType.LIST):
            return [column[self.places.find(key)] for key in keys]
        return [column[place] for place in map(self.places.__getitem__, keys)]


class Places(dict[object, int]):
    """Key cell → row of the joined file, -1 if there is none."""

    def __init__(self, reading: Reading, rows: Mapping[str, int]) -> None:
        super().__init__()
        self._reading = reading
        self._rows = rows

    def find(self, key: object) -> int:
        try:
            return self._rows.get(text_of(self._reading, key), -1)
        except InvalidError:
            return -1

    def __missing__(self, key: object) -> int:
        place = self.find(key)
        if len(self) <= LOOKUP_ROWS_COUNT_MAX:
            self[key] = place
        return place
