"""The layout of a lake file: common columns, and a typed column `type.property` for each declared property.

Every type has row groups of its own; columns of other types are null there. Instants are timestamps,
truths booleans, money minor units, numbers millionths (the field's metadata says which), words strings.
The footer says what the file holds, so that a manifest could be rebuilt from the files. Pages carry
checksums, and reading checks them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from yutang.conditions.vocabulary import Kind
from yutang.timeline.columns import WORDY, column_from_arrow, column_to_arrow
from yutang.timeline.manifest import TypeShare, share_of
from yutang.timeline.runs import OWN, Run, RunFacts, property_key
from yutang.timeline.steps import UNKNOWN
from yutang.timeline.view import Column

ROW_GROUP_ROWS_COUNT_MAX = 131_072  # what is held of each file that is merged
READ_BUFFER_BYTES = 65_536  # of a column that is read page by page
DRAFT_SUFFIX = ".draft"
FOOTERS_KEPT_COUNT_MAX = 4  # parsed; a start reads file by file

_WORD = pa.dictionary(pa.int32(), pa.large_string())
_INSTANT = pa.timestamp("ms", "UTC")
_ARROW: dict[Kind, pa.DataType] = {
    Kind.STRING: _WORD,
    Kind.LIST: _WORD,
    Kind.INSTANT: _INSTANT,
    Kind.DATE: _INSTANT,
    Kind.BOOLEAN: pa.bool_(),
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.int64(),
    Kind.MONEY: pa.int64(),
}
# Columns in which hardly a value comes twice: a dictionary would only be tried and dropped.
_DISTINCT = frozenset({"at", "tie", "content", "id", "anchor"})


def column_name(type_name: str, property_name: str) -> str:
    """`type.property`; a point inside the type's name is escaped, so that no two are the same."""
    return f"{type_name.replace('%', '%25').replace('.', '%2E')}.{property_name}"


def write_file(path: Path, runs: Sequence[tuple[RunFacts, Callable[[], Run]]]) -> list[TypeShare]:
    """Write runs, each made when its turn comes, into a new file and sync it. Returns where each lies."""
    return write_pieces(path, [(facts, _once(make)) for facts, make in runs])


def _once(make: Callable[[], Run]) -> Iterator[Run]:
    yield make()


def write_pieces(path: Path, runs: Sequence[tuple[RunFacts, Iterable[Run]]]) -> list[TypeShare]:
    """As `write_file`, with each run in pieces, in their order; memory holds one. If it fails, no part is left."""
    try:
        return _written(path, runs)
    except BaseException:
        path.unlink(missing_ok=True)  # on a full disk, it would keep what room there is
        raise


def _written(path: Path, runs: Sequence[tuple[RunFacts, Iterable[Run]]]) -> list[TypeShare]:
    schema = _schema([facts for facts, _ in runs])
    shares: list[TypeShare] = []
    group = 0
    with path.open("wb") as out:
        with pq.ParquetWriter(
            out, schema, compression="zstd", write_page_checksum=True, use_dictionary=_dictionaries(schema)
        ) as writer:
            for facts, pieces in runs:
                first = group
                for piece in pieces:
                    writer.write_table(_table(piece, schema), row_group_size=ROW_GROUP_ROWS_COUNT_MAX)
                    group += -(-piece.rows // ROW_GROUP_ROWS_COUNT_MAX)
                shares.append(share_of(facts, list(range(first, group))))
            writer.add_key_value_metadata({"yutang": msgspec.json.encode(shares).decode()})
        out.flush()
        os.fsync(out.fileno())
    return shares


def read_column(path: Path, groups: Sequence[int], name: str, kind: Kind) -> Column:
    """A column of some row groups."""
    words = [name] if kind in WORDY else []
    facts = path.stat()
    footer = _footer(str(path), facts.st_ino, facts.st_size, facts.st_mtime_ns)
    with pq.ParquetFile(path, metadata=footer, read_dictionary=words, page_checksum_verification=True) as file:
        # Columns are selected by prefix, so `a.b` may bring `a.b.c` along.
        read = file.read_row_groups(list(groups), columns=[name], use_threads=False).column(name)
    if kind in WORDY:
        return column_from_arrow(read, kind)
    return Column(kind, np.concatenate([_integers(chunk) for chunk in read.chunks]))


@lru_cache(FOOTERS_KEPT_COUNT_MAX)
def _footer(path: str, _inode: int, _bytes: int, _changed_ns: int) -> pq.FileMetaData:
    """The footer of a file; with thousands of types, parsing it for each column would take a start minutes."""
    return pq.read_metadata(path)


def read_batches(
    path: Path, groups: Sequence[int], kinds: Mapping[str, Kind], rows_max: int
) -> Iterator[dict[str, Column]]:
    """The columns of some row groups, by name, so many rows at a time; pages are read when their turn comes."""
    with pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False, buffer_size=READ_BUFFER_BYTES) as file:
        batches = file.iter_batches(rows_max, row_groups=list(groups), columns=list(kinds), use_threads=False)
        for batch in batches:
            yield {name: _column(batch.column(name), kind) for name, kind in kinds.items()}


def _column(array: pa.Array, kind: Kind) -> Column:
    return column_from_arrow(array, kind) if kind in WORDY else Column(kind, _integers(array))


def verify_pages(path: Path) -> None:
    """Read everything, checksums checked, a row group at a time. Raises what pyarrow raises."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        for group in range(file.num_row_groups):
            file.read_row_group(group, use_threads=False)


def _schema(facts: Sequence[RunFacts]) -> pa.Schema:
    fields = [pa.field("type", _WORD)]
    fields += [_field(name, kind) for name, kind in OWN.items()]
    fields += [_field(column_name(one.type, name), kind) for one in facts for name, kind in one.kinds.items()]
    return pa.schema(fields)


def _field(name: str, kind: Kind) -> pa.Field:
    return pa.field(name, _ARROW[kind], metadata={"kind": kind.value})


def _dictionaries(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if field.name not in _DISTINCT and field.type != pa.bool_()]


def _table(run: Run, schema: pa.Schema) -> pa.Table:
    """A run under the file's whole schema."""
    typed = {column_name(run.facts.type, name): property_key(name) for name in run.facts.kinds}
    nulls: dict[pa.DataType, pa.Array] = {}
    arrays = []
    for field in schema:
        key = field.name if field.name in OWN else typed.get(field.name)
        if field.name == "type":
            arrays.append(pa.DictionaryArray.from_arrays(np.zeros(run.rows, np.int32), [run.facts.type]).cast(_WORD))
        elif key is not None:
            arrays.append(to_arrow(run.stored(key)))
        else:
            if field.type not in nulls:
                nulls[field.type] = pa.nulls(run.rows, field.type)
            arrays.append(nulls[field.type])
    return pa.Table.from_arrays(arrays, schema=schema)


def to_arrow(column: Column) -> pa.Array:
    """A column as the file holds it; UNKNOWN as null."""
    if column.kind in WORDY:
        return column_to_arrow(column)
    absent = column.values == UNKNOWN
    mask = absent if absent.any() else None
    if column.kind is Kind.BOOLEAN:
        return pa.array(column.values == 1, mask=mask)
    array = pa.array(column.values, mask=mask)
    return array.view(_INSTANT) if _ARROW[column.kind] == _INSTANT else array


def _integers(array: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int64())
    values: np.ndarray[tuple[int], np.dtype[np.int64]] = array.view(pa.int64()).fill_null(UNKNOWN).to_numpy()
    return values
