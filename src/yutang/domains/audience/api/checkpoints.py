"""Checkpoints of the change feed: who had which value of each label after some chunk, as was known then.

A question about what was known replays the feed from the last checkpoint before both of its instants, so it reads a
bounded number of rows, and besides only chunks that speak of the past from later on. A checkpoint is due after so many
rows (a chunk being some by itself) that it costs no more room than they do. All of them follow from the feed: they can
be dropped and made again, and whatever rewrites the feed (erasing) drops them.

A row of the feed says: from its `at` on, this customer has this value; the order of rows is that of knowledge. So the
value at T as known at K is what the last row says that was known by K and speaks of T.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from pyroaring import BitMap

from yutang.domains.audience import store
from yutang.domains.audience.contracts import NONE, Cause, FeedRows
from yutang.domains.audience.rules.changes import CAUSE_CODE
from yutang.kernel.instants import NEVER
from yutang.runtime.desk import Desk
from yutang.storage.database import UnitOfWork
from yutang.storage.packing import pack, unpack
from yutang.timeline.steps import Ints

ROWS_BETWEEN_MIN = 131_072  # of the feed, between two checkpoints: some 50 ms of replay
ROW_BYTES = 4  # about what a row takes
CHUNK_ROWS = 32  # as many rows a chunk takes by itself: in room, and to read
CHECKPOINTS_AT_ONCE_MAX = 64
SPARSE_RATIO = 16  # a table by head is worth its room if it holds a sixteenth
_BY_TIME = CAUSE_CODE[Cause.TIME]
_NOBODY: Ints = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Told:
    """Rows of one label. names: what their codes stand for, `none` last."""

    names: Sequence[str]
    rows: FeedRows


@dataclass(frozen=True, slots=True)
class Held:
    """Who has which value of a label, but `none`. heads: ascending, as they were then; leads: by whom each was led.

    values: places in names.
    """

    names: tuple[str, ...] = ()
    heads: Ints = field(default_factory=lambda: _NOBODY)
    leads: Ints = field(default_factory=lambda: _NOBODY)
    values: Ints = field(default_factory=lambda: _NOBODY)

    def after(self, told: Sequence[Told]) -> Held:
        """After some rows, in their order: of each customer the last one counts."""
        names = list(self.names)
        coded = [self.values]
        for part in told:
            names += [name for name in dict.fromkeys(part.names) if name not in names]
            # A code of -1, `none`, counts from the end, where `none` stands.
            places = np.array([names.index(name) for name in part.names], np.int64)
            coded.append(places[part.rows.after % len(places)])
        heads = np.concatenate([self.heads, *(part.rows.head for part in told)])
        leads = np.concatenate([self.leads, *(part.rows.lead for part in told)])
        values = np.concatenate(coded)
        last = last_places(heads)
        if NONE in names:
            last = last[values[last] != names.index(NONE)]
        return Held(tuple(names), heads[last], leads[last], values[last])

    def code(self, value: str) -> int:
        """The place of a value; -1 for one that nobody ever had."""
        return self.names.index(value) if value in self.names else -1

    def encoded(self) -> list[object]:
        """As it is kept: names, a bitmap of the heads of each, and those who are led by another than their head."""
        bitmaps = []
        for place in range(len(self.names)):
            one = BitMap(self.heads[self.values == place].astype(np.uint32))
            one.run_optimize()
            bitmaps.append(one.serialize())
        led = self.leads != self.heads
        return [list(self.names), bitmaps, pack([self.heads[led], self.leads[led]])]

    @classmethod
    def decoded(cls, names: Sequence[str], bitmaps: Sequence[bytes], led: bytes) -> Held:
        """From what `encoded` gave."""
        groups = [np.asarray(BitMap.deserialize(one).to_array(), np.int64) for one in bitmaps]
        heads = np.concatenate([_NOBODY, *groups])
        values = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        order = last_places(heads)
        heads, values = heads[order], values[order]
        leads = heads.copy()
        some, by = unpack(led)
        leads[np.searchsorted(heads, some)] = by
        return cls(tuple(names), heads, leads, values)


def last_places(heads: Ints) -> Ints:
    """int64[k]: where each head stands last, by head. Cost: linear in rows and the largest head, or a sort of rows."""
    span = int(heads.max(initial=-1)) + 1
    if len(heads) * SPARSE_RATIO < span:
        order = np.argsort(heads, kind="stable")
        ordered = heads[order]
        return order[np.append(ordered[1:] != ordered[:-1], True)] if len(order) else order
    last = np.full(span, -1, np.int64)
    last[heads] = np.arange(len(heads))  # of places that are named twice, the last one stays
    return last[last >= 0]


def known_of(rows: FeedRows, known_at: int) -> Ints:
    """int64[rows]: when each row of a chunk was known: what time did, at its instant, however far it moved at once."""
    return np.where(rows.cause == _BY_TIME, np.minimum(rows.at, known_at), known_at)


def decoded(body: bytes, label: str = "") -> dict[str, Held]:
    """What a checkpoint holds, of a label or of all."""
    kept = msgspec.msgpack.decode(body)
    return {name: Held.decoded(*one) for name, one in kept.items() if not label or name == label}


def keep_checkpoints(desk: Desk, rows_between_min: int = ROWS_BETWEEN_MIN) -> int:
    """Make the checkpoints that are due; how many. Beside the log: it only reads the feed, and adds what follows."""
    made = 0
    while made < CHECKPOINTS_AT_ONCE_MAX and _keep_next(desk, rows_between_min):
        made += 1
    return made


def _keep_next(desk: Desk, rows_between_min: int) -> bool:
    with desk.reading() as uow:
        generation = store.feed_generation(uow)
        position, rows, body = store.find_checkpoint(uow, NEVER) or (0, 0, b"")
        place = _place_of_next(uow, position, max(rows_between_min, len(body) // ROW_BYTES))
        if place is None:
            return False
        told: dict[str, list[Told]] = {}
        for number, _, book, body_of in store.read_feed_from(uow, position, NEVER, NEVER):
            if number > place[0]:
                break
            chunk = body_of()
            for label in np.unique(chunk.label).tolist():
                mine = told.setdefault(book.labels[label], [])
                mine.append(Told(book.values[label], chunk.only(chunk.label == label)))
            rows += len(chunk)
    held = decoded(body) if body else {}
    held |= {label: held.get(label, Held()).after(parts) for label, parts in told.items()}
    kept = msgspec.msgpack.encode({name: one.encoded() for name, one in held.items()})
    with desk.database.unit() as uow:
        return store.add_checkpoint(uow, *place, rows, kept, generation)


def _place_of_next(uow: UnitOfWork, position: int, rows_between: int) -> tuple[int, int] | None:
    """(number, known_at) of the chunk after which the next one is due; None while it isn't."""
    rows = 0
    for number, known_at, count in store.chunks_after(uow, position, rows_between // CHUNK_ROWS + 1):
        rows += count + CHUNK_ROWS
        if rows >= rows_between:
            return number, known_at
    return None


def held_then(desk: Desk, label: str, as_of: int, known_at: int) -> Held:
    """Who had which value of a label at an instant, as known at another."""
    with desk.reading() as uow:
        position, _, body = store.find_checkpoint(uow, min(as_of, known_at)) or (0, 0, b"")
        told = list(_told(uow, position, label, as_of, known_at))
    held = decoded(body, label).get(label, Held()) if body else Held()
    return held.after(told) if told else held


def _told(uow: UnitOfWork, position: int, label: str, as_of: int, known_at: int) -> Iterator[Told]:
    """What was told of a label after a position, known by one instant, of what was so at another."""
    for _, known, book, body_of in store.read_feed_from(uow, position, known_at, as_of):
        if label in book.labels:
            place, rows = book.labels.index(label), body_of()
            keep = (rows.label == place) & (rows.at <= as_of) & (known_of(rows, known) <= known_at)
            if keep.any():
                yield Told(book.values[place], rows if keep.all() else rows.only(keep))
