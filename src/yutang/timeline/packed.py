"""Events as msgpack, read by columns: where each field lies in the bytes, and texts, values and hashes out of them.

Packing again what the log has just unpacked costs 0.1 µs an event; touching its fields one by one in Python costs ten
times that. Pure. Invariant: what is read here is what the `Event` objects hold. The kernels lie in `scanning` and
`hashing`, imported late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yutang.kernel.event import Event
from yutang.timeline.columns import Bytes, Words
from yutang.timeline.steps import Flags, Ints

FIELDS = Event.__struct_fields__
ID, TYPE, AT, IDENTITIES, PROPERTIES, CHANNEL, SOURCE, SYSTEM, AT_ESTIMATED = range(len(FIELDS))
NIL, FALSE, TRUE = 0xC0, 0xC2, 0xC3  # heads that are whole values
HASHED_AT_ONCE = 4_096  # their messages fit the processor's second cache, and memory that is at hand
_CONTENT = b"\x94"  # the head of an array of four
# Equal contents must give equal bytes, in whatever order a sender put the properties.
_encoder = msgspec.msgpack.Encoder(order="deterministic")


@dataclass(frozen=True, eq=False)
class Texts:
    """Places of texts in bytes: text i is data[begins[i]:ends[i]]."""

    data: Bytes
    begins: Ints
    ends: Ints

    def coded(self) -> tuple[Ints, Words]:
        """(codes, words): each text's place among the distinct ones, and those."""
        codes, firsts = _scanning().coded(self.data, self.begins, self.ends)
        return codes, Texts(self.data, self.begins[firsts], self.ends[firsts]).words()

    def words(self) -> Words:
        """The texts, which must be distinct, as words."""
        raw, offsets = _scanning().gathered(self.data, self.begins, self.ends)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(raw)]
        return Words(pa.Array.from_buffers(pa.large_string(), len(self.begins), buffers))

    def differ(self) -> bool:
        """Whether no two are equal."""
        return len(_scanning().coded(self.data, self.begins, self.ends)[1]) == len(self.begins)

    def at(self, rows: Ints | Flags) -> Texts:
        """Some of them."""
        return Texts(self.data, self.begins[rows], self.ends[rows])


@dataclass(frozen=True, eq=False)
class Packed:
    """n events. data: uint8[]. places: int64[n, fields + 1], where each field of each begins, and where it ends."""

    data: Bytes
    places: Ints

    def __len__(self) -> int:
        return len(self.places)

    def at(self, rows: Ints | Flags) -> Packed:
        """Some of the events."""
        return replace(self, places=self.places[rows])

    def begins(self, field: int) -> Ints:
        """int64[n]: where a field begins."""
        return np.ascontiguousarray(self.places[:, field])

    def texts(self, field: int) -> Texts:
        """A field of texts."""
        return texts_at(self.data, self.begins(field))[0]

    def ties(self, prefixes: Sequence[bytes], which: Ints) -> Ints:
        """int64[n]: `hash64` of the feed and the id. prefixes: feeds as `hash64` takes them in; which: each event's."""
        ids = self.texts(ID)
        base = len(self.data)
        bounds = base + np.cumsum([0, *map(len, prefixes)])
        data = np.concatenate([self.data, np.frombuffer(b"".join(prefixes), np.uint8)])
        return _hashed(data, [bounds[which], ids.begins], [bounds[which + 1], ids.ends])

    def contents(self) -> Ints:
        """int64[n]: `hash64` of type, at (none if it is estimated), properties and identities, in a canonical form."""
        base, places = len(self.data), self.places
        data = np.concatenate([self.data, np.frombuffer(_CONTENT + bytes([NIL]), np.uint8)])
        here = np.full(len(self), base, np.int64)
        estimated = self.data[places[:, AT_ESTIMATED]] == TRUE
        at, after = (np.where(estimated, base + n, places[:, field]) for n, field in ((1, AT), (2, AT + 1)))
        fields = (TYPE, PROPERTIES, IDENTITIES)
        types, properties, identities = (places[:, field] for field in fields)
        types_end, properties_end, identities_end = (places[:, field + 1] for field in fields)
        return _hashed(
            data,
            [here, here, types, at, properties, identities],
            [here, here + 1, types_end, after, properties_end, identities_end],
        )


def pack(events: Sequence[Event]) -> Packed:
    """The events by columns."""
    data = np.frombuffer(_encoder.encode(events), np.uint8)
    places = _scanning().fields(data, len(events), len(FIELDS))
    return Packed(data, places.reshape(len(events), len(FIELDS) + 1))


def texts_at(data: Bytes, begins: Ints) -> tuple[Texts, Flags]:
    """(the texts whose heads are at some places, whether there is a text)."""
    found, ends = _scanning().texts(data, begins)
    return Texts(data, found, ends), found >= 0


def integers_at(data: Bytes, begins: Ints) -> tuple[Ints, Flags]:
    """(the whole numbers at some places, whether there is one that int64 holds)."""
    found: tuple[Ints, Flags] = _scanning().integers(data, begins)
    return found


def floats_at(data: Bytes, begins: Ints) -> tuple[npt.NDArray[np.float64], Flags]:
    """(the float64 at some places, whether there is one)."""
    found: tuple[npt.NDArray[np.float64], Flags] = _scanning().floats(data, begins)
    return found


def entries_at(data: Bytes, begins: Ints) -> tuple[Ints, Ints, Ints]:
    """(offsets int64[maps + 1], keys, values): the entries of the maps at some places, and where each begins."""
    found: tuple[Ints, Ints, Ints] = _scanning().entries(data, begins)
    return found


def _scanning() -> Any:
    from yutang.timeline import scanning

    return scanning


def _hashed(data: Bytes, begins: Sequence[Ints], ends: Sequence[Ints]) -> Ints:
    """The hash of each message: its first piece as it is, the others together as one part of `hash64`."""
    first, last = np.stack(begins, axis=1), np.stack(ends, axis=1)
    hashes = np.empty(len(first), np.int64)
    for start in range(0, len(first), HASHED_AT_ONCE):
        part = slice(start, start + HASHED_AT_ONCE)
        hashes[part] = _hashed_part(data, first[part], last[part])
    return hashes


def _hashed_part(data: Bytes, begins: Ints, ends: Ints) -> Ints:
    from yutang.timeline import hashing

    words, blocks, lengths = _scanning().framed(
        data, begins.reshape(-1), ends.reshape(-1), begins.shape[1], hashing.BLOCK_BYTES
    )
    longest_first = np.argsort(-np.diff(blocks), kind="stable")
    hashes: Ints = hashing.digests(words, blocks, lengths, longest_first)
    return hashes
