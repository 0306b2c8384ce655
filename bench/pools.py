"""A made world as a pool of Yutang: `python -m bench.pools FOLDER [EVENTS] [CUSTOMERS] [--peers FOLDER]`.

Identities enter by the customers slice's own store, and events as files of the lake written by the lake's own code, a
quarter of the year each; only the loop is passed by, which would take minutes. What is written is what an import of
the same events leaves, merged.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench import export
from bench import world as made
from bench.world import Array, Happened, Ints, States, World
from yutang.app import BLUEPRINT
from yutang.conditions.vocabulary import STATE_EVENTS, Kind
from yutang.domains.customers import store as customers_store
from yutang.domains.customers.rules.state import identity_id
from yutang.kernel.clock import SystemClock
from yutang.kernel.event import Identity
from yutang.kernel.faults import NoFaults
from yutang.kernel.ids import hash64
from yutang.runtime.folder import Folder
from yutang.runtime.log import store as log_store
from yutang.runtime.log.contracts import EVENTS, Lane, Origin, Record
from yutang.runtime.pool import Pool
from yutang.runtime.settings import Settings
from yutang.storage.database import UnitOfWork
from yutang.timeline import store as timeline_store
from yutang.timeline.columns import Words, absent_column, column_from_strings, taken
from yutang.timeline.lake import LakeFolder
from yutang.timeline.ordering import merge_order
from yutang.timeline.runs import Run, RunFacts, memory_run, property_key
from yutang.timeline.tracks import Cut
from yutang.timeline.view import Column

FILES = 4  # a quarter of the year each
IDENTITIES_AT_ONCE = 50_000
Coded = tuple[Ints, tuple[str, ...]]
_STATE_NAMES = frozenset(one.name for one in STATE_EVENTS)


@dataclass(frozen=True)
class _Rows:
    """The rows of a type: whose, when, and by property its kind and values (of texts: codes, and the words)."""

    type: str
    customer: Ints
    at: Ints
    texts: Mapping[str, Coded]
    numbers: Mapping[str, tuple[Kind, Ints]]
    channel: Array | None = None
    source: Array | None = None

    def at_rows(self, rows: Ints) -> _Rows:
        """Some of them."""
        return _Rows(
            self.type, self.customer[rows], self.at[rows],
            {name: (codes[rows], words) for name, (codes, words) in self.texts.items()},
            {name: (kind, values[rows]) for name, (kind, values) in self.numbers.items()},
            None if self.channel is None else self.channel[rows], None if self.source is None else self.source[rows],
        )  # fmt: skip


def make(folder: Path, world: World) -> Happened:
    """Make the pool in an empty folder. Returns what was made."""
    events = made.happened(world)
    write(folder, world, events)
    return events


def write(folder: Path, world: World, events: Happened) -> None:
    """Write what happened as a pool."""
    place = Folder(folder)
    place.database.parent.mkdir(parents=True, exist_ok=True)
    place.database.touch()
    with closing(Pool(place, Settings(), BLUEPRINT, SystemClock(), NoFaults())) as pool:
        first = pool.loop.position.seq + 1
        with pool.database.unit() as uow:
            _add_identities(uow, world, first)
        lake = LakeFolder(place.lake, place.cache)
        states = made.states(world, events)
        with ThreadPoolExecutor(made.THREADS) as threads:
            cuts = [lambda n=number: _cut(world, events, states, n, first + n) for number in range(FILES)]
            files = list(threads.map(lambda cut: lake.write_cut(cut(), world.end_ms), cuts))
        for number, file in enumerate(files):
            assert file is not None
            with pool.database.unit() as uow:
                timeline_store.add_file(uow.connection, file)
                record = Record(first + number, EVENTS, Lane.BULK, Origin.INBOX, 0, world.end_ms, b"")
                log_store.add_entries(uow, [(record, "done", "", {})])
                position = {"seq": first + number, "live": 0, "bulk": 0, "echo": pool.loop.position.echo}
                kept = {"position": position, "flushed": first + number, "time_ms": world.end_ms}
                log_store.write_state(uow, kept)


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


def _cut(world: World, events: Happened, states: list[States], number: int, seq: int) -> Cut:
    """The events of one of the files, by type."""
    dice = np.random.default_rng((world.seed, number))
    quarter = (events.at - world.begin_ms) * FILES // (world.end_ms - world.begin_ms)
    mine = np.flatnonzero(np.minimum(quarter, FILES - 1) == number)
    customer = np.searchsorted(events.offsets, mine, side="right") - 1
    runs: dict[str, Run] = {}
    for rows in _rows(events, mine, customer):
        runs[rows.type] = _run(rows, world, seq, dice)
    for state in states:
        place = (state.at - world.begin_ms) * FILES // (world.end_ms - world.begin_ms)
        rows = _state_rows(state).at_rows(np.flatnonzero(np.clip(place, 0, FILES - 1) == number))
        runs[rows.type] = _run(rows, world, seq, dice)
    return Cut(runs, {}, seq, seq)


def _rows(events: Happened, mine: Ints, customer: Ints) -> Iterator[_Rows]:
    kinds = events.kind[mine]
    for code, name in enumerate(made.TYPES):
        chosen = np.flatnonzero(kinds == code)
        rows = mine[chosen]
        product, amount = events.product[rows].astype(np.int64), events.amount[rows].astype(np.int64)
        score = events.score[rows].astype(np.int64)
        texts, numbers = properties(code, product, amount, score, rows)
        yield _Rows(
            name, customer[chosen], events.at[rows], texts, numbers, events.channel[rows], events.source[rows]
        )  # fmt: skip


def properties(
    code: int, product: Ints, amount: Ints, score: Ints, rows: Ints
) -> tuple[dict[str, Coded], dict[str, tuple[Kind, Ints]]]:
    """(texts, numbers): the properties that a type's events carry, out of what was made of them."""
    texts: dict[str, Coded] = {}
    numbers: dict[str, tuple[Kind, Ints]] = {}
    if code in (made.PRODUCT, made.CART, made.LIKE, made.SHARE, made.REVIEW):
        texts["product"] = product, PRODUCTS
    if code in (made.PRODUCT, made.CART):
        texts["category"] = product % made.CATEGORIES, CATEGORIES
    match code:
        case made.PAGE:
            texts["page"] = product, tuple(f"/p/{n}" for n in range(made.PAGES))
            numbers["seconds"] = Kind.NUMBER, (1 + product % 120) * 1_000_000
        case made.PRODUCT:
            numbers["price"] = Kind.MONEY, amount
        case made.SEARCH:
            texts["query"] = product, tuple(f"query {n}" for n in range(made.QUERIES))
            texts["target"] = product % 3 // 2, ("category", "brand")
        case made.AD:
            texts["campaign"] = product, tuple(f"campaign-{n}" for n in range(made.CAMPAIGNS))
        case made.CART:
            numbers |= {"amount": (Kind.MONEY, amount), "quantity": (Kind.INTEGER, score)}
        case made.MESSAGE:
            texts["sentiment"] = score - 1, SENTIMENTS
        case made.ORDER:
            texts["store"] = product % made.STORES, tuple(f"store-{n}" for n in range(made.STORES))
            numbers |= {"amount": (Kind.MONEY, amount), "items": (Kind.INTEGER, score)}
        case made.COUPON:
            texts["campaign"] = amount // 500, tuple(f"campaign-{n}" for n in range(made.CAMPAIGNS))
            numbers["value"] = Kind.MONEY, amount
        case made.REVIEW:
            texts["sentiment"] = np.where(score <= 2, 2, np.where(score == 3, 1, 0)), SENTIMENTS
            numbers["rating"] = Kind.INTEGER, score
        case _:
            pass
    return texts, numbers


PRODUCTS = tuple(f"product-{n}" for n in range(made.PRODUCTS))
CATEGORIES = tuple(f"category-{n}" for n in range(made.CATEGORIES))
SENTIMENTS = ("positive", "neutral", "negative")


def _state_rows(state: States) -> _Rows:
    known = {} if state.date is None else {"date": (Kind.DATE, state.date)}
    return _Rows(state.type, state.customer, state.at, state.texts, known)


def _run(rows: _Rows, world: World, seq: int, dice: np.random.Generator) -> Run:
    """A type's rows as the lake has them: by (anchor, at, tie); half of a joined customer's under its openid."""
    count = len(rows.at)
    second = (rows.customer < world.joined) & (dice.random(count) < 0.5)
    anchor = np.where(second, rows.customer + world.customers, rows.customer)
    columns = {
        "anchor": Column(Kind.INTEGER, anchor),
        "at": Column(Kind.INSTANT, rows.at),
        "tie": Column(Kind.INTEGER, dice.integers(0, 2**63 - 1, count)),
        "seq": Column(Kind.INTEGER, np.full(count, seq)),
        "arrived_at": Column(Kind.INSTANT, rows.at),
        "content": Column(Kind.INTEGER, dice.integers(0, 2**63 - 1, count)),
        "id": Column(Kind.STRING, np.arange(count), _ids(count, seq)),
        "feed": Column(Kind.STRING, np.zeros(count, np.int64), column_from_strings(["shop"]).words),
        "channel": _coded(rows.channel, made.CHANNELS, count),
        "source": _coded(rows.source, made.SOURCES, count),
        "rest": absent_column(Kind.STRING, count),
    }
    kinds = dict.fromkeys(rows.texts, Kind.STRING) | {name: kind for name, (kind, _) in rows.numbers.items()}
    for name, (codes, words) in rows.texts.items():
        columns[property_key(name)] = _coded(codes, words, count)
    for name, (kind, values) in rows.numbers.items():
        columns[property_key(name)] = Column(kind, values)
    if second.any():
        order = merge_order(anchor, rows.at, columns["tie"].values)
        columns = {key: taken(column, order) for key, column in columns.items()}
    facts = RunFacts(rows.type, count, rows.type in _STATE_NAMES, kinds, frozenset(), int(rows.at.max(initial=0)))
    return memory_run(facts, columns)


def _ids(count: int, seq: int) -> Words:
    return Words(pa.array(np.arange(count) * FILES + seq).cast(pa.large_string()))


def _coded(codes: Array | None, words: tuple[str, ...], count: int) -> Column:
    if codes is None:
        return absent_column(Kind.STRING, count)
    return Column(Kind.STRING, codes.astype(np.int64), column_from_strings(words).words)


def main() -> None:
    """Make a pool, and the peers' files of the same events. Prints the seconds of each as JSON."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folder", type=Path)
    asked.add_argument("events", type=int, nargs="?", default=1_000_000)
    asked.add_argument("customers", type=int, nargs="?", default=0)
    asked.add_argument("--joined", type=float, default=0.0, help="share of customers with two identities")
    asked.add_argument("--peers", type=Path, help="write the same events as Parquet files here")
    chosen = asked.parse_args()
    world = World(chosen.events, chosen.customers, chosen.joined)
    began = time.perf_counter()
    events = made.happened(world)
    happened = time.perf_counter()
    write(chosen.folder, world, events)
    written = time.perf_counter()
    if chosen.peers:
        export.write(chosen.peers, world, events)
    seconds = {"made": happened - began, "pool": written - happened, "peers": time.perf_counter() - written}
    print(json.dumps({"customers": world.customers, **{name: round(value, 2) for name, value in seconds.items()}}))


if __name__ == "__main__":
    main()
