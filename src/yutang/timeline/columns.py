"""Columns at rest: words that needn't be Python strings, and what is done with columns as wholes.

Invariant: the words of a column are distinct; a value below 0 (UNKNOWN) stands for no word. Cost:
uniting columns hashes their words, never their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yutang.conditions.vocabulary import Kind
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.view import Column

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.uint64]

WORDS_KEPT_COUNT = 64  # so few words aren't worth picking over when rows are taken
FLAGS_KEPT_BYTES = 4 << 20  # of one set of words
WORDY = frozenset({Kind.STRING, Kind.LIST})


class Words(Sequence[str]):
    """A sequence of distinct strings over an Arrow array (large_string, no nulls), possibly a mapped file.

    Columns share it, so what is found of each word is kept with it (`flags`).
    """

    __slots__ = ("_flags", "array")

    def __init__(self, array: pa.Array) -> None:
        self.array = array
        self._flags: dict[Hashable, Flags] = {}

    def flags(self, key: Hashable, find: Callable[[pa.Array], Flags]) -> Flags:
        """bool[words]: what was found of each word under a key; found once, however many ask. Not to be written."""
        flags = self._flags.get(key)
        if flags is None:
            # Several threads may find the same at once, and each keep it.
            flags = find(self.array)
            kept = {**self._flags, key: flags}
            while len(kept) > 1 and len(kept) * len(self) > FLAGS_KEPT_BYTES:
                del kept[next(iter(kept))]
            self._flags = kept
        return flags

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Words: ...
    def __getitem__(self, index: int | slice) -> str | Words:
        if isinstance(index, slice):
            return Words(self.array.take(pa.array(np.arange(*index.indices(len(self))))))
        return str(self.array[int(index)].as_py())

    def __iter__(self) -> Iterator[str]:
        return iter(self.array.to_pylist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    def __hash__(self) -> int:
        return id(self)


NO_WORDS = Words(pa.array([], pa.large_string()))


def words_of(column: Column) -> pa.Array:
    """The words of a column as an Arrow array."""
    return column.words.array if isinstance(column.words, Words) else pa.array(list(column.words), pa.large_string())


def absent_column(kind: Kind, rows: int) -> Column:
    """A column in which nothing is known."""
    return Column(kind, np.full(rows, UNKNOWN, np.int64), NO_WORDS if kind in WORDY else ())


def column_from_strings(values: Sequence[str | None], kind: Kind = Kind.STRING) -> Column:
    """A wordy column from its strings; None is absent."""
    return column_from_arrow(pa.array(values, pa.large_string()), kind)


def column_from_arrow(array: pa.Array | pa.ChunkedArray, kind: Kind) -> Column:
    """A wordy column from Arrow strings, dictionary-encoded or not; nulls are absent."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    if isinstance(array, pa.ChunkedArray):
        array = array.unify_dictionaries().combine_chunks() if array.num_chunks else pa.array([], array.type)
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0)
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    codes[codes < 0] = UNKNOWN
    return Column(kind, codes, Words(array.dictionary.cast(pa.large_string())))


def column_to_arrow(column: Column) -> pa.Array:
    """A wordy column as an Arrow dictionary array, absent as null. Copies nothing if nothing is absent."""
    absent = column.values < 0
    codes = column.values.astype(np.int32)
    indices = pa.array(codes, mask=absent) if absent.any() else pa.array(codes)
    return pa.DictionaryArray.from_arrays(indices, words_of(column))


def taken(column: Column, rows: Ints | slice) -> Column:
    """The column at some rows; words that few rows can't need are left behind."""
    values = column.values[rows]
    if column.kind not in WORDY or len(column.words) <= max(WORDS_KEPT_COUNT, len(values)):
        return Column(column.kind, values, column.words)
    used, codes = np.unique(values, return_inverse=True)
    codes = codes.astype(np.int64)
    if len(used) and used[0] < 0:
        used = used[1:]
        codes -= 1
        codes[codes < 0] = UNKNOWN
    return Column(column.kind, codes, Words(words_of(column).take(pa.array(used))))


def recoded(codes: Ints, mapping: Ints) -> Ints:
    """mapping[codes], absent staying absent."""
    if not len(mapping):
        return np.full(len(codes), UNKNOWN, np.int64)
    known = mapping[np.maximum(codes, 0)]
    known[codes < 0] = UNKNOWN
    return known


def united(columns: Sequence[Column]) -> Column:
    """Columns of one kind, one after the other, as one column."""
    if len(columns) == 1:
        return columns[0]
    kind = columns[0].kind
    if kind not in WORDY:
        return Column(kind, np.concatenate([column.values for column in columns]))
    words, mappings = united_words([words_of(column) for column in columns])
    values = [recoded(column.values, mapping) for column, mapping in zip(columns, mappings, strict=True)]
    return Column(kind, np.concatenate(values), Words(words))


def united_words(parts: Sequence[pa.Array]) -> tuple[pa.Array, list[Ints]]:
    """(all words, each once; by part, the place of each of its words among them)."""
    encoded = pa.concat_arrays(parts).dictionary_encode()
    mapping = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.cumsum([len(words) for words in parts])
    return encoded.dictionary, np.split(mapping, ends[:-1])
