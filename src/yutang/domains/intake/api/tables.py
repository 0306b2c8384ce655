"""Data files by their kind, and the files that they are joined with, which are held in memory whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yutang.domains.intake.api.parts import LOOKUP_ROWS_COUNT_MAX, Joined, Part, Places, Table
from yutang.domains.intake.api.texts import CsvTable, NdjsonTable
from yutang.domains.intake.contracts import FileMapping, Lookup
from yutang.domains.intake.rules.cells import ColumnType, Reading, text_of
from yutang.domains.intake.rules.mapping import Shape
from yutang.kernel.errors import DamagedError, InvalidError, LimitError, NotFoundError

LOOKUP_PART_ROWS = 65_536


def open_table(path: Path, mapping: FileMapping | None) -> Table:
    """A data file by its name's ending. Raises NotFoundError, InvalidError, DamagedError."""
    if not path.exists():
        raise NotFoundError("file.absent", "there is no such file", where=str(path), remedy="check the path")
    if not path.is_file():
        raise InvalidError(
            "file.kind", "this is a folder, a device or a pipe", where=str(path), remedy="name a file that can be read"
        )
    ending = path.suffix.lower()
    if ending == ".parquet":
        return ParquetTable(path)
    if ending in (".ndjson", ".jsonl"):
        return NdjsonTable(path)
    if ending in (".csv", ".tsv"):
        delimiter = mapping.delimiter if mapping else ","
        return CsvTable(path, mapping.encoding if mapping else "utf-8", "\t" if ending == ".tsv" else delimiter)
    raise InvalidError(
        "file.kind", f"files ending in {ending or 'nothing'} aren't read", where=str(path),
        remedy="use .csv, .tsv, .parquet, .ndjson or .jsonl",
    )  # fmt: skip


class ParquetTable:
    """A Parquet file. Its unit is rows."""

    def __init__(self, path: Path) -> None:
        import pyarrow  # heavy: only where files are read
        import pyarrow.parquet  # heavy: only where files are read

        self._path = path
        try:
            self._file = pyarrow.parquet.ParquetFile(path)
        except (pyarrow.ArrowException, OSError) as error:
            raise DamagedError(
                "file.damaged", f"this isn't a whole Parquet file: {_one_line(error)}", where=str(path),
                remedy="fetch it again",
            ) from None  # fmt: skip
        schema = self._file.schema_arrow
        repeated = next((name for i, name in enumerate(schema.names) if name in schema.names[:i]), None)
        if repeated is not None:
            raise InvalidError(
                "file.header", f"the column {repeated!r} occurs twice", where=str(path), remedy="rename one"
            )
        self.shape = Shape({column.name: _arrow_type(column.type) for column in schema})

    @property
    def total(self) -> int:
        return int(self._file.metadata.num_rows)

    def parts(self, start: int, rows_max: int, columns: frozenset[str]) -> Iterator[Part]:
        """See `Table`."""
        import pyarrow  # heavy: only where files are read

        names = [name for name in self.shape.columns if name in columns] or list(self.shape.columns)[:1]
        groups, row = self._groups_from(start)
        try:
            for batch in self._file.iter_batches(batch_size=rows_max, row_groups=groups, columns=names):
                first, row = row, row + batch.num_rows
                if row <= start:
                    continue
                if first < start:
                    batch, first = batch.slice(start - first), start  # noqa: PLW2901  # the rest of it
                part = Part(range(first, row), first, row, row, {})
                part.columns = {name: _cells(batch.column(name), self.shape.columns[name]) for name in names}
                yield part
        except (pyarrow.ArrowException, OSError) as error:
            raise DamagedError(
                "file.damaged", f"the Parquet file breaks off after row {row}: {_one_line(error)}",
                where=str(self._path),
                remedy="fetch it again; the import goes on from there",
            ) from None  # fmt: skip

    def _groups_from(self, start: int) -> tuple[list[int], int]:
        """The row groups from the one that holds a row, and the first row of these."""
        row = 0
        metadata = self._file.metadata
        for group in range(metadata.num_row_groups):
            following = row + metadata.row_group(group).num_rows
            if start < following:
                return list(range(group, metadata.num_row_groups)), row
            row = following
        return [], row


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _arrow_type(kind: Any) -> ColumnType:
    from pyarrow import types  # heavy: only where files are read

    if types.is_dictionary(kind):
        return _arrow_type(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind):
        return ColumnType.TEXT
    if types.is_boolean(kind):
        return ColumnType.BOOLEAN
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return ColumnType.NUMBER
    if types.is_timestamp(kind):
        return ColumnType.NAIVE if kind.tz is None else ColumnType.INSTANT
    if types.is_date(kind):
        return ColumnType.DATE
    if (types.is_list(kind) or types.is_large_list(kind)) and _arrow_type(kind.value_type) is ColumnType.TEXT:
        return ColumnType.LIST
    return ColumnType.OTHER


def _cells(array: Any, kind: ColumnType) -> list[object]:
    import polars  # heavy: only where files are read

    series = polars.from_arrow(array)
    assert isinstance(series, polars.Series)
    if kind in (ColumnType.NAIVE, ColumnType.INSTANT):
        return series.dt.timestamp("ms").to_list()
    if kind is ColumnType.DATE:
        return series.cast(polars.Datetime("ms")).dt.timestamp("ms").to_list()
    if kind is ColumnType.TEXT and series.dtype != polars.String:
        series = series.cast(polars.String)
    return series.to_list()


def join_files(table: Table, folder: Path, mapping: FileMapping) -> tuple[Shape, dict[str, Joined]]:
    """The file's shape with those of the files it is joined with, and these in memory. Raises InvalidError."""
    columns = dict(table.shape.columns)
    joins: dict[str, Joined] = {}
    for name, lookup in mapping.lookups.items():
        where = f"lookups.{name}"
        if "." in name or not name:
            raise InvalidError("mapping.lookup", "a lookup's name has no dot", where=where, remedy="rename it")
        if not table.shape.open and lookup.on not in table.shape.columns:
            raise InvalidError(
                "mapping.unknown_column", f"the file has no column {lookup.on!r}", where=f"{where}.on",
                remedy=f"it has {', '.join(table.shape.columns)}",
            )  # fmt: skip
        on_type = table.shape.columns.get(lookup.on, ColumnType.MIXED)
        joins[name] = _joined(folder / lookup.file, lookup, mapping, Reading(on_type, "UTC"), where)
        columns.update({f"{name}.{column}": kind for column, kind in joins[name].types.items()})
    return Shape(columns, table.shape.open), joins


def _refuse_broken(part: Part, path: Path, where: str) -> None:
    """A row that is missing from a joined file would be missed in silence."""
    if part.problems:
        first = part.problems[0]
        message = f"row {first.index + 1} of {path.name}: {first.message}"
        raise InvalidError("import.lookup_broken", message, where=where, remedy=first.remedy)


def _joined(path: Path, lookup: Lookup, mapping: FileMapping, on: Reading, where: str) -> Joined:
    other = open_table(path, mapping)
    key = lookup.key or lookup.on
    if not other.shape.open and key not in other.shape.columns:
        raise InvalidError(
            "mapping.unknown_column", f"{path.name} has no column {key!r}", where=f"{where}.key",
            remedy=f"it has {', '.join(other.shape.columns)}",
        )  # fmt: skip
    if other.shape.open:
        raise InvalidError(
            "mapping.lookup", "only CSV and Parquet files can be looked up", where=f"{where}.file",
            remedy="convert it",
        )  # fmt: skip
    types = {name: kind for name, kind in other.shape.columns.items() if kind is not ColumnType.OTHER}
    columns: dict[str, list[object]] = {name: [] for name in types}
    for part in other.parts(0, LOOKUP_PART_ROWS, frozenset(types)):
        _refuse_broken(part, path, where)
        for name, cells in columns.items():
            cells.extend(part.column(name))
        if len(columns[key]) > LOOKUP_ROWS_COUNT_MAX:
            raise LimitError(
                "import.lookup_too_large", f"{path.name} has more than {LOOKUP_ROWS_COUNT_MAX} rows", where=where,
                remedy="join the files beforehand",
            )  # fmt: skip
    reading = Reading(types[key], "UTC")
    rows: dict[str, int] = {}
    for place, cell in enumerate(columns[key]):
        text = text_of(reading, cell)
        if text in rows:
            raise InvalidError(
                "import.lookup_repeated", f"{key} {text[:60]!r} occurs twice in {path.name}", where=where,
                remedy="keep one row a key",
            )  # fmt: skip
        rows[text] = place
    for cells in columns.values():
        cells.append(None)
    return Joined(lookup.on, on, types, columns, Places(on, rows))
