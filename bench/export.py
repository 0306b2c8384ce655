"""A made world as Parquet files for peers: the same events as the pool's, in the order of (customer, moment).

Texts are written as the codes that an enumeration would give them, which is what peers would store: they are spared
the words. `events.parquet` has all but state events, `states.parquet` the state events that conditions may name.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench import world as made
from bench.world import Array, Happened, States, World

GROUP_ROWS = 1_000_000
EXTRA_TYPES = ("friend_added", "friend_removed")  # relations: events like others, which nobody counts on
EVENT_TYPES = (*made.TYPES, *EXTRA_TYPES)
STATE_TYPES = ("trait_set", "tag_added", "tag_removed", "consent_given", "consent_withdrawn", "record_set")


def write(folder: Path, world: World, events: Happened) -> None:
    """Write both files."""
    folder.mkdir(parents=True, exist_ok=True)
    states = made.states(world, events)
    _write_events(folder / "events.parquet", events, [one for one in states if one.type in EXTRA_TYPES])
    _write_states(folder / "states.parquet", [one for one in states if one.type in STATE_TYPES])


def _write_events(path: Path, events: Happened, extra: list[States]) -> None:
    """Relations are few, so they are put where they belong, a slice of customers at a time."""
    schema = pa.schema([
        ("customer", pa.int32()), ("moment", pa.int64()), ("type", pa.uint8()), ("product", pa.int32()),
        ("category", pa.int8()), ("amount", pa.int32()), ("score", pa.int8()), ("channel", pa.int8()),
        ("source", pa.int8()),
    ])  # fmt: skip
    edges = np.searchsorted(events.offsets, np.arange(0, events.count, GROUP_ROWS))
    edges = np.append(np.unique(edges), len(events.offsets) - 1)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            columns = _slice(events, extra, low, high)
            writer.write_table(pa.table([pa.array(column) for column in columns], schema=schema))


def _slice(events: Happened, extra: list[States], low: int, high: int) -> list[Array]:
    rows = slice(int(events.offsets[low]), int(events.offsets[high]))
    kind, product = events.kind[rows], events.product[rows]
    category = np.where(np.isin(kind, (made.PRODUCT, made.CART)), product % made.CATEGORIES, -1)
    target = np.where(kind == made.SEARCH, product % 3 // 2, category)
    customer = np.repeat(np.arange(low, high, dtype=np.int32), np.diff(events.offsets[low : high + 1]))
    columns: list[Array] = [
        customer, events.at[rows], kind, product, target.astype(np.int8), events.amount[rows], events.score[rows],
        events.channel[rows], events.source[rows],
    ]  # fmt: skip
    for code, one in enumerate(extra, start=len(made.TYPES)):
        place = np.searchsorted(one.customer, (low, high))
        count = int(place[1] - place[0])
        none = np.full(count, -1)
        said = one.customer[place[0] : place[1]], one.at[place[0] : place[1]], np.full(count, code), none, none
        added = (*said, np.zeros(count), np.zeros(count), none, none)
        columns = [np.concatenate((a, b.astype(a.dtype))) for a, b in zip(columns, added, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    return [column[order] for column in columns]


def _write_states(path: Path, states: list[States]) -> None:
    """key: which trait, tag or medium; text and date: its value. Codes are places in `bench.world`'s lists."""
    parts = []
    for one in states:
        count = len(one.at)
        key = next((one.texts[name][0] for name in ("trait", "tag", "medium") if name in one.texts), np.zeros(count))
        text = one.texts["text"][0] if "text" in one.texts else np.full(count, -1)
        date = np.full(count, made.NO_DATE) if one.date is None else one.date
        parts.append((one.customer, one.at, np.full(count, STATE_TYPES.index(one.type)), key, text, date))
    customer, at, kind, key, text, date = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((at, customer))
    table = pa.table({
        "customer": customer[order].astype(np.int32), "moment": at[order], "type": kind[order].astype(np.uint8),
        "key": key[order].astype(np.int8), "text": text[order].astype(np.int8),
        "date": pa.array(date[order], mask=date[order] == made.NO_DATE),
    })  # fmt: skip
    pq.write_table(table, path, compression="zstd", row_group_size=GROUP_ROWS)
