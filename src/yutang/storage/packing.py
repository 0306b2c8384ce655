"""Columns of int64 as few bytes: for blobs of the operational database that are kept for good.

Each column is written as differences (where it never falls) or as distances from its least value, in as many bytes as
the largest of them needs, byte by byte apart (all the lowest bytes, then all the next), so that what repeats lies
together; then all of it is compressed (zstd) if that is shorter. A column of one value takes nothing but its header.

The form is a promise: what was packed is read by every later version. Another form would get another number.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yutang.kernel.errors import DamagedError

FORM = 1
DISTANCES, DIFFERENCES = 0, 1

Ints = npt.NDArray[np.int64]


class Packed(msgspec.Struct, array_like=True):
    """What `pack` writes. columns: (how, base, bytes a value) each. whole: bytes of the body, 0 if not compressed."""

    form: int
    rows: int
    columns: list[tuple[int, int, int]]
    whole: int
    body: bytes


def pack(columns: Sequence[Ints]) -> bytes:
    """Columns of one length. Cost: linear; some 50 ms a million rows of seven columns."""
    heads: list[tuple[int, int, int]] = []
    planes: list[bytes] = []
    for column in columns:
        how, base, left = _leveled(column.astype(np.int64, copy=False))
        width = (int(left.max(initial=0)).bit_length() + 7) // 8
        heads.append((how, base, width))
        if width:
            planes.append(left.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width].T.tobytes())
    raw = b"".join(planes)
    body = pa.compress(raw, codec="zstd", asbytes=True) if raw else raw
    short = len(body) < len(raw)
    rows = len(columns[0]) if columns else 0
    return msgspec.msgpack.encode(Packed(FORM, rows, heads, len(raw) if short else 0, body if short else raw))


def _leveled(column: Ints) -> tuple[int, int, npt.NDArray[np.uint64]]:
    """(how, base, what is left of each value). Differences wrap around, so no span is too wide for them."""
    if len(column) > 1 and bool((column[1:] >= column[:-1]).all()):
        return DIFFERENCES, int(column[0]), np.diff(column, prepend=column[:1]).view(np.uint64)
    base = int(column.min(initial=0)) if not len(column) else int(column.min())
    return DISTANCES, base, (column - np.int64(base)).view(np.uint64)


def unpack(blob: bytes, chosen: Sequence[int] | None = None) -> list[Ints]:
    """The columns (all, or those of some places). Raises DamagedError for what `pack` didn't write."""
    try:
        packed = msgspec.msgpack.decode(blob, type=Packed)
        raw = packed.body
        if packed.whole:
            raw = pa.decompress(raw, decompressed_size=packed.whole, codec="zstd", asbytes=True)
        if packed.form != FORM or len(raw) != packed.rows * sum(width for _, _, width in packed.columns):
            raise ValueError("it is of another form or length")
    except (msgspec.MsgspecError, ValueError, OSError) as error:
        raise DamagedError(
            "storage.packed_damaged", f"a packed blob can't be read: {error}",
            remedy="restore yutang.db from a backup, with the inbox.db of the same backup",
        ) from None  # fmt: skip
    planes = np.frombuffer(raw, np.uint8)
    found: list[Ints] = []
    start = 0
    for place, (how, base, width) in enumerate(packed.columns):
        end = start + width * packed.rows
        if chosen is None or place in chosen:
            found.append(_column(planes[start:end], packed.rows, how, base, width))
        start = end
    return found


def _column(planes: npt.NDArray[np.uint8], rows: int, how: int, base: int, width: int) -> Ints:
    wide = np.zeros((rows, 8), np.uint8)
    if width:
        wide[:, :width] = planes.reshape(width, rows).T
    values: Ints = wide.reshape(-1).view("<u8").astype(np.int64)
    if how == DIFFERENCES:
        values = np.cumsum(values)
    values += np.int64(base)
    return values
