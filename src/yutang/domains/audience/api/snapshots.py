"""Quintiles, taken anew at each midnight of the pool's zone: everyone is measured, then ranked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from yutang.domains.audience import store
from yutang.domains.audience.api.evaluating import AUDIENCE, in_chunks, measured, midnight_before
from yutang.domains.audience.contracts import Cause
from yutang.domains.audience.rules.changes import CAUSE_CODE, AudienceState, Parts, Snapshot, quintiles
from yutang.domains.audience.rules.standings import NO_VALUE
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.slots import PEOPLE, VOCABULARY
from yutang.storage.database import UnitOfWork
from yutang.timeline.boundaries import calendar
from yutang.timeline.steps import Ints

SNAPSHOTS_AT_ONCE_MAX = 400  # midnights that one step of time takes one by one; of more, the last ones
MEASURES_AT_ONCE_MAX = 8_000_000  # customers times midnights whose measures are held at once

Taken = list[tuple[str, int, Ints, Ints]]  # label, midnight, heads of those who have a quintile, their codes


def restored(uow: UnitOfWork, name: str, epoch: Epoch) -> Snapshot:
    """The newest snapshot of a label as it is stored; an empty one if there is none."""
    found = store.newest_snapshot(uow, name)
    if found is None:
        return Snapshot()
    taken_at, heads, codes = found
    return Snapshot.of(taken_at, epoch[PEOPLE].count, heads, codes)


def midnights_due(epoch: Epoch, until_ms: int) -> list[int]:
    """The midnights of the pool's zone in (newest snapshot, until]; of the time before the pool, only the last."""
    if not epoch[PEOPLE].count:
        return []
    zone = calendar(epoch[VOCABULARY].zone)
    newest = max((one.taken_at for one in epoch[AUDIENCE].quintiles.values()), default=0)
    after = max(epoch.time_ms, newest)
    midnight = midnight_before(zone, until_ms)
    if midnight <= newest:
        return []
    found = [midnight]
    while (before := midnight_before(zone, found[-1] - 1)) > after and len(found) < SNAPSHOTS_AT_ONCE_MAX:
        found.append(before)
    return found[::-1]


def snapshots_at(
    state: AudienceState, epoch: Epoch, midnights: Sequence[int]
) -> tuple[dict[str, Snapshot], Taken, Parts]:
    """The last quintiles of each label, those to keep, and what differs from one midnight to the next."""
    taken: dict[str, Snapshot] = {}
    kept: Taken = []
    parts: Parts = []
    people = epoch[PEOPLE]
    heads, order = people.heads(), state.feed_order()
    for midnight, name, codes in _quintile_codes(state, epoch, heads, midnights):
        before = taken.get(name, state.quintiles[name]).at(heads)
        differs = before != codes
        at = np.full(int(differs.sum()), midnight, np.int64)
        cause = np.full(len(at), CAUSE_CODE[Cause.SNAPSHOT], np.int64)
        parts.append((order.index(name), heads[differs], before[differs], codes[differs], at, cause))
        taken[name] = Snapshot.of(midnight, people.count, heads, codes)
        ranked = codes != NO_VALUE
        if midnight == midnights[-1]:
            kept.append((name, midnight, heads[ranked], codes[ranked]))
    return taken, kept, parts


def _quintile_codes(
    state: AudienceState, epoch: Epoch, heads: Ints, midnights: Sequence[int]
) -> Iterator[tuple[int, str, Ints]]:
    """(midnight, label, codes of all heads), by midnight: everyone is measured before anyone is ranked."""
    labels = {name: label.quintile for name, label in state.labels.items() if label.quintile is not None}
    step = max(1, MEASURES_AT_ONCE_MAX // max(1, len(heads)))
    for start in range(0, len(midnights), step):
        some = midnights[start : start + step]
        values = np.empty((len(some), len(labels), len(heads)), np.int64)
        among = np.empty(values.shape, np.bool_)
        for part, evaluated in in_chunks(epoch, heads, some[-1], state.plan):
            for row, midnight in enumerate(some):
                for column, quintile in enumerate(labels.values()):
                    values[row, column, part], among[row, column, part] = measured(evaluated, quintile, midnight)
        for row, midnight in enumerate(some):
            for column, (name, quintile) in enumerate(labels.items()):
                codes = quintiles(values[row, column], among[row, column], low_is_best=quintile.low_is_best)
                yield midnight, name, codes
