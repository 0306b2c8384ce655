"""A pool of many customers made out of a seed, for benches: `python -m bench.million FOLDER [CUSTOMERS] [EVENTS_EACH]`.

Twelve event types with a realistic skew (pages far before orders; a few customers do most), 400 days, a tenth of the
customers with two identities. Identities enter by the slice's own store and events as lake files written by the
lake's own code; only the loop is passed by, which would take eight minutes for twenty million events. With
`--url` it measures customers' pages of a service that runs on the pool.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yutang.app import BLUEPRINT
from yutang.conditions.vocabulary import Kind, Vocabulary
from yutang.domains.customers import store as customers_store
from yutang.domains.customers.rules.state import identity_id
from yutang.kernel.clock import SystemClock
from yutang.kernel.event import Identity
from yutang.kernel.faults import NoFaults
from yutang.kernel.ids import hash64
from yutang.kernel.instants import DAY_MS
from yutang.runtime.folder import Folder
from yutang.runtime.log import store as log_store
from yutang.runtime.log.contracts import EVENTS, Lane, Origin, Record
from yutang.runtime.pool import Pool
from yutang.runtime.settings import Settings
from yutang.runtime.slots import VOCABULARY
from yutang.storage.database import UnitOfWork
from yutang.timeline import store as timeline_store
from yutang.timeline.columns import Words, absent_column, column_from_strings, taken
from yutang.timeline.lake import LakeFolder
from yutang.timeline.ordering import merge_order
from yutang.timeline.runs import Run, RunFacts, memory_run, property_key
from yutang.timeline.tracks import Cut
from yutang.timeline.view import Column

Ints = npt.NDArray[np.int64]

SEED = 20_260_101
TYPES: Mapping[str, float] = {  # share of all events
    "page_viewed": 0.30, "product_viewed": 0.24, "session_started": 0.14, "search": 0.08, "ad_exposed": 0.07,
    "cart_added": 0.05, "message_in": 0.03, "order_paid": 0.03, "like": 0.02, "coupon_received": 0.02,
    "share": 0.01, "review": 0.01,
}  # fmt: skip
FILES = 4
SPAN_MS = 400 * DAY_MS
JOINED_SHARE = 0.1  # of the customers have an openid beside their member number
PAGES_ASKED = 600
PARTS = ("", "/labels", "/timeline")
IDENTITIES_AT_ONCE = 50_000


@dataclass(frozen=True)
class World:
    """What is made: how many customers of how many events on average, ending at `now_ms`."""

    customers: int
    events_each: int
    now_ms: int

    @property
    def joined(self) -> int:
        """How many customers have a second identity; they are the first ones."""
        return int(self.customers * JOINED_SHARE)


def make(folder: Path, world: World) -> None:
    """Make the pool in an empty folder."""
    place = Folder(folder)
    place.database.parent.mkdir(parents=True, exist_ok=True)
    place.database.touch()
    with closing(Pool(place, Settings(), BLUEPRINT, SystemClock(), NoFaults())) as pool:
        vocabulary = pool.loop.epoch[VOCABULARY]
        first = pool.loop.position.seq + 1
        with pool.database.unit() as uow:
            _add_identities(uow, world, first)
        dice = np.random.default_rng(SEED)
        lake = LakeFolder(place.lake, place.cache)
        for number in range(FILES):
            seq = first + number
            cut = Cut(dict(_runs(world, number, seq, dice, vocabulary)), {}, seq, seq)
            file = lake.write_cut(cut, world.now_ms)
            assert file is not None
            with pool.database.unit() as uow:
                timeline_store.add_file(uow.connection, file)
                record = Record(seq, EVENTS, Lane.BULK, Origin.INBOX, 0, world.now_ms, b"")
                log_store.add_entries(uow, [(record, "done", "", {})])
                position = {"seq": seq, "live": 0, "bulk": 0, "echo": pool.loop.position.echo}
                log_store.write_state(uow, {"position": position, "flushed": seq, "time_ms": world.now_ms})


def _add_identities(uow: UnitOfWork, world: World, seq: int) -> None:
    wanted = [Identity("member_no", "", f"M{number:07d}") for number in range(world.customers)]
    wanted += [Identity("openid", "wx0", f"o{number:07d}") for number in range(world.joined)]
    for start in range(0, len(wanted), IDENTITIES_AT_ONCE):
        rows = [
            (start + place, *one, hash64(*one), identity_id(one))
            for place, one in enumerate(wanted[start : start + IDENTITIES_AT_ONCE])
        ]
        customers_store.add_identities(uow, rows)
    # An openid is stronger than a member number: (stronger, weaker).
    customers_store.add_evidence(uow, [(world.customers + number, number) for number in range(world.joined)], seq)


def _runs(
    world: World, number: int, seq: int, dice: np.random.Generator, vocabulary: Vocabulary
) -> Iterator[tuple[str, Run]]:
    """The events of one of the files, by type."""
    activity = dice.lognormal(0.0, 1.0, world.customers)
    activity /= activity.sum()
    for name, share in TYPES.items():
        rows = int(world.customers * world.events_each * share / FILES)
        anchor = np.repeat(np.arange(world.customers), dice.multinomial(rows, activity))
        second = (anchor < world.joined) & (dice.random(rows) < 0.5)
        anchor = np.where(second, anchor + world.customers, anchor)
        oldest = world.now_ms - SPAN_MS * (FILES - number) // FILES
        at = oldest + dice.integers(0, SPAN_MS // FILES, rows)
        yield name, _run(name, seq, anchor, at, dice, vocabulary)


def _run(name: str, seq: int, anchor: Ints, at: Ints, dice: np.random.Generator, vocabulary: Vocabulary) -> Run:
    rows = len(at)
    ids = pa.array(np.arange(rows)).cast(pa.large_string())
    columns = {
        "anchor": Column(Kind.INTEGER, anchor),
        "at": Column(Kind.INSTANT, at),
        "tie": Column(Kind.INTEGER, dice.integers(0, 2**63 - 1, rows)),
        "seq": Column(Kind.INTEGER, np.full(rows, seq)),
        "arrived_at": Column(Kind.INSTANT, at),
        "content": Column(Kind.INTEGER, dice.integers(0, 2**63 - 1, rows)),
        "id": Column(Kind.STRING, np.arange(rows), Words(ids)),
        "feed": Column(Kind.STRING, np.zeros(rows, np.int64), column_from_strings(["shop"]).words),
        "channel": Column(Kind.STRING, dice.integers(0, 3, rows), column_from_strings(["web", "app", "store"]).words),
        "source": absent_column(Kind.STRING, rows),
        "rest": absent_column(Kind.STRING, rows),
    }
    kinds = {one.name: one.kind for one in vocabulary.events[name].properties}
    columns |= {property_key(key): _property(key, kind, rows, dice) for key, kind in kinds.items()}
    order = merge_order(anchor, at, columns["tie"].values)
    facts = RunFacts(name, rows, False, kinds, frozenset(), int(at.max(initial=0)))
    return memory_run(facts, {key: taken(column, order) for key, column in columns.items()})


def _property(name: str, kind: Kind, rows: int, dice: np.random.Generator) -> Column:
    if kind is Kind.MONEY:
        return Column(kind, dice.integers(900, 90_000, rows))
    if kind in (Kind.INTEGER, Kind.NUMBER):
        return Column(kind, dice.integers(1, 6, rows) * (1_000_000 if kind is Kind.NUMBER else 1))
    if kind is Kind.STRING:
        distinct = 20_000 if name in ("product", "page", "order", "query") else 40
        words = column_from_strings([f"{name}-{place}" for place in range(distinct)])
        return Column(kind, dice.integers(0, distinct, rows), words.words)
    return absent_column(kind, rows)


# ── pages ───────────────────────────────────────────────────────────────────────────────────────────


def pages(url: str, world: World, headers: Mapping[str, str] | None = None) -> dict[str, tuple[float, float, float]]:
    """(p50, p99, most) in ms of each part of random customers' pages, asked one after the other."""
    dice = random.Random(SEED)
    found: dict[str, tuple[float, float, float]] = {}
    with httpx.Client(base_url=url, headers=dict(headers or {}), timeout=600) as client:
        for part in PARTS:
            client.get(f"/v1/customers/member_no:M0000000{part}").raise_for_status()
        for part in PARTS:
            taken_ms = []
            for _ in range(PAGES_ASKED):
                customer = dice.randrange(world.customers)
                began = time.perf_counter()
                client.get(f"/v1/customers/member_no:M{customer:07d}{part}").raise_for_status()
                taken_ms.append((time.perf_counter() - began) * 1_000)
            found[part or "/"] = summary(taken_ms)
    return found


def summary(taken_ms: Sequence[float]) -> tuple[float, float, float]:
    """(p50, p99, most)."""
    ordered = sorted(taken_ms)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99)], ordered[-1]


def main() -> None:
    """Make the pool, unless it is there."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folder", type=Path)
    asked.add_argument("customers", type=int, nargs="?", default=1_000_000)
    asked.add_argument("events_each", type=int, nargs="?", default=20)
    asked.add_argument("--url", default="", help="measure the pages of a service that runs on the pool")
    chosen = asked.parse_args()
    world = World(chosen.customers, chosen.events_each, SystemClock().now_ms())
    if not chosen.folder.exists():
        began = time.perf_counter()
        make(chosen.folder, world)
        print(f"made in {time.perf_counter() - began:.0f} s, process {os.getpid()}")
    if chosen.url:
        for part, figures in pages(chosen.url, world).items():
            print(part, "p50 {:.1f} ms, p99 {:.1f} ms, most {:.1f} ms".format(*figures))


if __name__ == "__main__":
    main()
