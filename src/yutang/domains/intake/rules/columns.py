"""Making events of rows column by column: each distinct cell is read and converted once and remembered.

Only plain rows are made here. A row in which any cell fails, is empty where it mustn't be, or is long,
is handed back, for the checker to see it as a whole.
Invariant: what is made here is what the checker would have made of the same row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Protocol

import msgspec

from yutang.conditions.vocabulary import Kind
from yutang.domains.intake.contracts import MEMO_ENTRIES_COUNT_MAX, SOURCE_CHARS_MAX, Problem
from yutang.domains.intake.rules.cells import ColumnType, reader, text_of
from yutang.domains.intake.rules.checker import Checker
from yutang.domains.intake.rules.content import label_value
from yutang.domains.intake.rules.mapping import Source, Spec
from yutang.domains.intake.rules.plans import Plan
from yutang.domains.intake.rules.values import Converter
from yutang.kernel.errors import InvalidError
from yutang.kernel.event import Event, Identity
from yutang.kernel.ids import content_key
from yutang.kernel.limits import EVENT_PROPERTIES_BYTES_MAX, NAME_CHARS_MAX

_ID_PART_CHARS_MAX = 64
FAILED: Any = object()  # a cell that the checker must see in its row
_cells_encoder = msgspec.json.Encoder()


class Frame(Protocol):
    """Some rows of a file, as columns."""

    @property
    def rows(self) -> Sequence[int]:
        """Their numbers in the file, from 0, ascending."""

    def column(self, name: str) -> Sequence[object]:
        """The cells of a column, of those rows."""


@dataclass(slots=True)
class Made:
    """What became of some rows. events: with the row of each. problems: index is the row, from 0."""

    events: list[tuple[int, Event]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class Memo(dict[object, object]):
    """Cell → converted value, None for empty, FAILED for what the checker must see. failed, empty: ever."""

    def __init__(self, convert: Callable[[object], object], chars_max: int = NAME_CHARS_MAX) -> None:
        super().__init__()
        self._convert = convert
        self._chars_max = chars_max
        self.failed = False
        self.empty = False

    def value(self, cell: object) -> object:
        """The value of a cell, not remembered."""
        try:
            value = self._convert(cell)
        except InvalidError:
            value = FAILED
        if type(value) is str and len(value) > self._chars_max:
            value = FAILED
        self.failed = self.failed or value is FAILED
        self.empty = self.empty or value is None
        return value

    def __missing__(self, cell: object) -> object:
        value = self.value(cell)
        if len(self) >= MEMO_ENTRIES_COUNT_MAX:
            self.clear()  # what comes is likelier to be like what came last
        self[cell] = value
        return value

    def all(self, cells: Iterable[object], source: Source) -> list[Any]:
        """The values of cells. In JSON equal keys may be unlike (1, true), and lists are no keys at all."""
        if source.reading.column_type in (ColumnType.MIXED, ColumnType.LIST):
            return [self.value(cell) for cell in cells]
        return list(map(self.__getitem__, cells))


@dataclass(slots=True)
class Picked:
    """The rows of a frame that a spec makes events of. at: their places in it; None: all. folds: sums and counts."""

    frame: Frame
    at: Sequence[int] | None
    rows: Sequence[int]
    folds: Mapping[str, Sequence[object]] = field(default_factory=dict)
    spoilt: Mapping[int, str] = field(default_factory=dict)  # place among the picked → why

    def cells(self, source: Source, name: str = "") -> Sequence[object]:
        """The cells of a source that isn't a constant."""
        if source.fold:
            return self.folds[name]
        column = self.frame.column(source.column)
        return column if self.at is None else [column[i] for i in self.at]

    def part(self, places: Sequence[int]) -> Picked:
        """Some of them."""
        return Picked(
            self.frame,
            places if self.at is None else [self.at[i] for i in places],
            [self.rows[i] for i in places],
            {name: [cells[i] for i in places] for name, cells in self.folds.items()},
            {new: self.spoilt[old] for new, old in enumerate(places) if old in self.spoilt},
        )


class Columns:
    """The column-wise way for one spec and type. possible: False where each row must be looked at."""

    def __init__(self, spec: Spec, plan: Plan, checker: Checker, used: tuple[str, ...]) -> None:
        self._spec = spec
        self._plan = plan
        self._checker = checker
        self._used = used
        self.possible = not plan.required
        chars_max = EVENT_PROPERTIES_BYTES_MAX // 8 // max(1, len(spec.properties))
        self._at = Memo(self._instant_reader(), chars_max)
        self._who = [Memo(self._identity_reader(key, source), chars_max) for key, source in spec.identities]
        self._names = tuple(name for name, _ in spec.properties)
        self._values = [Memo(self._property_reader(name, source), chars_max) for name, source in spec.properties]
        self._labels = [
            Memo(self._label_reader(where, source, most), most)
            for where, source, most in (
                ("channel", spec.channel, NAME_CHARS_MAX), ("source", spec.source, SOURCE_CHARS_MAX)
            )
        ]  # fmt: skip
        self._parts = [
            p if isinstance(p, str) else Memo(lambda cell, p=p: id_part(p, cell), _ID_PART_CHARS_MAX)  # type: ignore[misc]
            for p in spec.id
        ]
        # Too many parts to be sure that the whole is short enough: the checker measures.
        self.possible = self.possible and sum(_part_max(p) for p in spec.id) <= NAME_CHARS_MAX + _ID_PART_CHARS_MAX

    def _instant_reader(self) -> Converter:
        source, judge = self._spec.at, self._checker.instant
        if not source.column:
            return lambda cell: None if cell is None else judge(cell)
        read = reader(source.reading, Kind.INSTANT)

        def instant(cell: object) -> object:
            value = read(cell)
            return None if value is None else judge(value)

        return instant

    def _identity_reader(self, key: str, source: Source) -> Converter:
        read = reader(source.reading, Kind.STRING)

        def identity(cell: object) -> object:
            value = read(cell) if source.column else cell
            return None if value is None else self._checker.identities({key: value})

        return identity

    def _property_reader(self, name: str, source: Source) -> Converter:
        convert = self._checker.converter(self._plan, name)
        read = reader(source.reading, self._plan.event_type.property_kind(name))

        def value(cell: object) -> object:
            sent = read(cell) if source.column or source.fold else cell
            converted = None if sent is None else convert(sent)
            return FAILED if isinstance(converted, list | dict) else converted

        return value

    def _label_reader(self, where: str, source: Source, chars_max: int) -> Converter:
        read = reader(source.reading, Kind.STRING)
        return lambda cell: label_value(where, read(cell) if source.column else cell, chars_max)

    def make(self, picked: Picked, made: Made) -> list[int]:
        """Make the events of the plain rows; the places of the others are returned."""
        spec, n = self._spec, len(picked.rows)
        bad: set[int] = set(picked.spoilt)

        def column(source: Source, memo: Memo, name: str = "", *, needed: bool = False) -> Sequence[Any]:
            if not source.column and not source.fold:
                value = memo[source.constant]
                if value is FAILED or (needed and value is None):
                    bad.update(range(n))
                return [value] * n
            values = memo.all(picked.cells(source, name), source)
            if memo.failed:
                bad.update(i for i, v in enumerate(values) if v is FAILED)
            if needed and memo.empty:
                bad.update(i for i, v in enumerate(values) if v is None)
            return values

        ats = column(spec.at, self._at, needed=True)
        who = self._identities([column(s, m) for (_, s), m in zip(spec.identities, self._who, strict=True)], bad)
        values = [column(s, m, name) for (name, s), m in zip(spec.properties, self._values, strict=True)]
        channels, sources = (
            column(s, m) for s, m in zip((spec.channel, spec.source), self._labels, strict=True)
        )  # fmt: skip
        ids = self._ids(picked, bad, n)
        properties = self._properties(values, n)
        made.events += self._events(picked.rows, bad, (ids, ats, who, properties, channels, sources))
        self._count(values, bad, n)
        return sorted(bad)

    def _identities(self, columns: list[Sequence[Any]], bad: set[int]) -> Sequence[Any]:
        if len(columns) == 1:
            (only,) = columns
            if self._who[0].empty:
                bad.update(i for i, found in enumerate(only) if found is None)
            return only
        merged: list[tuple[Identity, ...]] = []
        for i, several in enumerate(zip(*columns, strict=True)):
            found = {one for many in several if many is not None and many is not FAILED for one in many}
            if not found:
                bad.add(i)
            merged.append(tuple(sorted(found)))
        return merged

    def _properties(self, values: list[Sequence[Any]], n: int) -> list[dict[str, object]]:
        if not values:
            return [{} for _ in range(n)]
        names = self._names
        if any(memo.empty for memo in self._values):
            return [
                {k: v for k, v in zip(names, row, strict=True) if v is not None} for row in zip(*values, strict=True)
            ]
        return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]

    def _ids(self, picked: Picked, bad: set[int], n: int) -> Sequence[str]:
        spec = self._spec
        if not spec.id:
            columns = [picked.frame.column(name) for name in self._used]
            places = range(n) if picked.at is None else picked.at
            rows = zip(picked.rows, zip(*([column[i] for i in places] for column in columns), strict=True), strict=True)
            name = self._plan.event_type.name
            self._checker.ids_made += n - len(bad)
            return ["" if i in bad else row_id(spec.where, name, row, cells) for i, (row, cells) in enumerate(rows)]
        texts: list[Iterable[str]] = []
        for part, memo in zip(spec.id, self._parts, strict=True):
            if isinstance(part, str):
                texts.append([part] * n)
            elif isinstance(memo, Memo):
                found = memo.all(picked.cells(part), part)
                if memo.failed:
                    bad.update(i for i, text in enumerate(found) if text is FAILED)
                    found = ["" if text is FAILED else text for text in found]
                texts.append(found)
        return list(map("".join, zip(*texts, strict=True)))

    def _events(
        self, rows: Sequence[int], bad: set[int], columns: tuple[Sequence[Any], ...]
    ) -> Iterator[tuple[int, Event]]:
        ids, ats, who, properties, channels, sources = columns
        event_type = self._plan.event_type
        if not bad:
            events = map(
                Event, ids, repeat(event_type.name), ats, who, properties, channels, sources, repeat(event_type.system)
            )
            return zip(rows, events, strict=False)
        return (
            (
                rows[i],
                Event(
                    ids[i], event_type.name, ats[i], who[i], properties[i], channels[i], sources[i], event_type.system
                ),
            )
            for i in range(len(rows))
            if i not in bad
        )

    def _count(self, values: list[Sequence[Any]], bad: set[int], n: int) -> None:
        """Mark what isn't declared, for the rows that were made here."""
        if not self._plan.declared:
            self._checker.count_unknown(self._plan.event_type.name, n - len(bad))
            return
        for name, column in zip(self._names, values, strict=True):
            if name not in self._plan.converters:
                times = sum(1 for i, v in enumerate(column) if v is not None and i not in bad)
                self._checker.count_unknown(f"{self._plan.event_type.name}.{name}", times)


def row_id(where: str, type_name: object, row: int, cells: Sequence[object]) -> str:
    """The id of an event whose mapping gives none: from the cells that it is made of and its row."""
    try:
        content = _cells_encoder.encode(cells)
    except (OverflowError, UnicodeEncodeError, TypeError):  # what JSON can't carry, in a column that isn't judged
        content = repr(cells).encode("utf-8", "backslashreplace")
    return content_key(where, str(type_name), str(row), content)


def id_part(source: Source, cell: object) -> str:
    """A cell as a part of an id. Raises InvalidError: empty or unprintable."""
    text = text_of(source.reading, cell)
    if not text or not text.isprintable():
        raise InvalidError(
            "row.id", f"{source.column} is empty or unprintable, so the row has no id", where="id",
            remedy="mend the row, or name another column in `id`",
        )  # fmt: skip
    return text


def _part_max(part: str | Source) -> int:
    return len(part) if isinstance(part, str) else _ID_PART_CHARS_MAX
