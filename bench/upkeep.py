"""Upkeep in the engine alone: `python -m bench.upkeep [POOL]`.

Two hundred seeded segments (`bench.conditions`) beside the built-in labels live on a pool of made customers. Groups of
events of known customers, with the skew of the world, go through the passes of timeline and audience as the loop would
hand them over; identities, the inbox and the transaction are left out. Told are events a second at full groups, what a
group of a hundred and of ten thousand takes, and whether the standings at the end equal a full recompute.

upkeep            both passes, in groups as large as the loop makes them
upkeep_audience   the audience's pass of the same groups alone
upkeep_100, upkeep_10000   a group of so many events: seconds are one group's
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np

from bench import pools
from bench import world as made
from bench.conditions import conditions
from bench.results import Row, keep, median_row, print_rows
from yutang.app import BLUEPRINT
from yutang.conditions.grammar import parse
from yutang.domains.audience.api import upkeep
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.contracts import Label, LabelKind, LabelRung
from yutang.domains.audience.rules.changes import plan_of
from yutang.domains.audience.rules.standings import Standings
from yutang.kernel.clock import SystemClock
from yutang.kernel.event import Event, EventBlob, Identity
from yutang.kernel.faults import NoFaults
from yutang.kernel.instants import MINUTE_MS
from yutang.runtime.folder import Folder
from yutang.runtime.log.contracts import EVENTS, Batch, Epoch, Lane, Origin, Pass, Record
from yutang.runtime.log.working import GROUP_EVENTS_COUNT_MAX
from yutang.runtime.pool import Pool
from yutang.runtime.settings import Settings
from yutang.runtime.slots import ANCHORS, PEOPLE, TOUCHED, VOCABULARY
from yutang.timeline.steps import Ints

EVENTS_MADE = 50_000_000
GROUPS = 3  # measured of each size, after one to warm up
GAP_MS = 100  # of pool time between two groups
SHARES = (0.27, 0.24, 0.14, 0.08, 0.07, 0.06, 0.03, 0.03, 0.03, 0.02, 0.015, 0.015)  # of `world.TYPES`
TIMED = ("timeline", "audience")


@dataclass(frozen=True)
class Group:
    """Events of customers that are known."""

    events: Sequence[Event]
    anchors: Ints


def measured(folder: Path) -> list[Row]:
    """All rows, on a pool of made customers."""
    with closing(Pool(Folder(folder), Settings(), BLUEPRINT, SystemClock(), NoFaults())) as pool:
        passes = {one.name: one for one in pool.loop._passes if one.name in TIMED}
        epoch = _with_segments(pool.loop.epoch)
        pool.loop.rest = lambda: None  # type: ignore[method-assign]  # the segments aren't in its database
        dice = np.random.default_rng(made.SEED)
        rows: list[Row] = []
        for size in (GROUP_EVENTS_COUNT_MAX, 10_000, 100):
            times: dict[str, list[float]] = {name: [] for name in TIMED}
            for number in range(GROUPS + 1):
                group = _group(epoch, size, dice)
                epoch, took = _applied(passes, epoch, group)
                if number:
                    for name, seconds in took.items():
                        times[name].append(seconds)
            rows += _rows(size, times)
        equal = _equal(epoch)
        return [replace(row, equal=equal) for row in rows]


def _rows(size: int, times: Mapping[str, Sequence[float]]) -> list[Row]:
    both = [sum(one) for one in zip(*times.values(), strict=True)]
    if size != GROUP_EVENTS_COUNT_MAX:
        return [median_row(f"upkeep_{size}", size, "yutang", both)]
    alone = median_row("upkeep_audience", size, "yutang", times["audience"])
    return [median_row("upkeep", size, "yutang", both), alone]


def _with_segments(epoch: Epoch) -> Epoch:
    """The epoch with two hundred segments in force, and everybody's standings worked out."""
    state, vocabulary = epoch[AUDIENCE], epoch[VOCABULARY]
    labels = dict(state.labels)
    for number, one in enumerate(conditions(epoch.time_ms)):
        name = f"segment_{number:03d}"
        labels[name] = Label(name, LabelKind.SEGMENT, (LabelRung("in", parse(one.text, vocabulary)),))
    plan, people = plan_of(labels), epoch[PEOPLE]
    state = replace(state, labels=labels, plan=plan, people=people)
    state = replace(state, standings=Standings.nothing(plan.names, people.count))
    epoch = epoch.changed({AUDIENCE.name: state, VOCABULARY.name: upkeep.with_ladders(vocabulary, state)})
    return epoch.changed(upkeep.recomputed(epoch))


def _group(epoch: Epoch, size: int, dice: np.random.Generator) -> Group:
    """Events of the last minute: customers by a lognormal activity, types as often as in the world."""
    heads = epoch[PEOPLE].heads()
    activity = np.random.default_rng(made.SEED).lognormal(0.0, 1.0, len(heads)).cumsum()
    anchors = heads[np.searchsorted(activity, dice.random(size) * activity[-1], side="right")]
    kinds = dice.choice(len(made.TYPES), size, p=np.array(SHARES) / sum(SHARES))
    ages = dice.integers(0, MINUTE_MS, size)
    small = Random(int(dice.integers(2**31)))
    events = [
        _event(f"u{epoch.seq}-{place}", made.TYPES[kind], epoch.time_ms - age, small)
        for place, (kind, age) in enumerate(zip(kinds.tolist(), ages.tolist(), strict=True))
    ]
    return Group(events, anchors)


def _event(id_: str, kind: str, at: int, dice: Random) -> Event:
    product = dice.randrange(made.PRODUCTS)
    properties: dict[str, object] = {}
    if kind in ("product_viewed", "cart_added"):
        properties = {"product": f"product-{product}", "category": f"category-{product % made.CATEGORIES}"}
    elif kind == "search":
        properties = {"query": f"query {product % made.QUERIES}", "target": "category"}
    elif kind == "order_paid":
        properties = {"store": f"store-{product % made.STORES}", "amount": dice.randrange(900, 90_000)}
    return Event(id_, kind, at, (Identity("member_no", "", "known"),), properties, "web")


def _applied(passes: Mapping[str, Pass], epoch: Epoch, group: Group) -> tuple[Epoch, dict[str, float]]:
    """(the epoch after a group, what each pass took), as `Worker` does it."""
    seq, arrived_at = epoch.seq + 1, epoch.time_ms + GAP_MS
    delta = passes["audience"].elapse(epoch, arrived_at)
    epoch = epoch.changed(delta.slots if delta else None, time_ms=arrived_at)
    record = Record(seq, EVENTS, Lane.LIVE, Origin.INBOX, seq, arrived_at, b"", events=len(group.events))
    batch = Batch([record], [EventBlob("shop", False, 1, list(group.events))])
    batch.notes |= {ANCHORS: group.anchors, TOUCHED: np.unique(epoch[PEOPLE].head_of[group.anchors])}
    took: dict[str, float] = {}
    for name in TIMED:
        began = time.perf_counter()
        delta = passes[name].apply(batch, epoch)
        if delta is not None:
            batch.notes.update(delta.notes)
            epoch = epoch.changed(delta.slots)
        took[name] = time.perf_counter() - began
    return epoch.changed(seq=seq), took


def _equal(epoch: Epoch) -> bool:
    """Whether the standings, and the truths under them, are what a full recompute gives, and nobody is looked at too
    late."""
    kept, full = epoch[AUDIENCE].standings, upkeep.recomputed(epoch)[AUDIENCE.name].standings
    heads = epoch[PEOPLE].heads()
    same = all(
        np.array_equal(kept.codes_of(place, heads), full.codes_of(place, heads)) for place in range(len(kept.names))
    )
    same = same and np.array_equal(kept.truths_at(heads), full.truths_at(heads))
    return same and bool((kept.due_at(heads) <= full.due_at(heads)).all())


def upkeep_rows(scratch: Path) -> list[Row]:
    """Rows on a pool made for them."""
    pools.make(scratch / "upkeep", made.World(EVENTS_MADE, joined_share=0.1))
    return measured(scratch / "upkeep")


BENCHES: dict[str, Callable[[Path], list[Row]]] = {"upkeep": upkeep_rows}


def measure(names: Sequence[str]) -> list[Row]:
    """The rows of the figures that are named."""
    found: list[Row] = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="yutang-bench-") as scratch:
            found += BENCHES[name](Path(scratch))
    return found


def main() -> None:
    """Measure on a pool that is there already, or on one made for it; keep, print."""
    rows = measured(Path(sys.argv[1])) if sys.argv[1:] else measure(list(BENCHES))
    keep(rows)
    print_rows(rows)


if __name__ == "__main__":
    main()
