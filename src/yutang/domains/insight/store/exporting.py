"""A pool's events as one Parquet file in the order of (customer, moment), for peers to load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

Column = npt.NDArray[np.int64]
Rows = Sequence[Column]  # customer, moment, type, amount
SCHEMA = pa.schema([
    ("customer", pa.int32()), ("moment", pa.int64()), ("type", pa.int16()), ("amount", pa.int64()),
])  # fmt: skip
NUMBERS_FILE = "numbers.npy"


def write_events(path: Path, parts: Iterable[Rows]) -> int:
    """Write parts of rows, one after the other. Returns how many rows there were."""
    count = 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for columns in parts:
            arrays = [pa.array(column).cast(field.type) for column, field in zip(columns, SCHEMA, strict=True)]
            writer.write_table(pa.table(arrays, schema=SCHEMA))
            count += len(columns[0])
    return count


def keep_numbers(folder: Path, numbers: Column) -> None:
    """Keep which number each customer has in the file, in the order of heads."""
    np.save(folder / NUMBERS_FILE, numbers)


def kept_numbers(folder: Path) -> Column:
    """See `keep_numbers`."""
    numbers: Column = np.load(folder / NUMBERS_FILE)
    return numbers
