"""What erasing a customer, and events past their time, change in the standings, the feed and the snapshots."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from yutang.domains.audience.api import upkeep
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.contracts import Cause
from yutang.domains.audience.rules.changes import Causes
from yutang.runtime.log.contracts import Batch, Epoch
from yutang.runtime.slots import AGED, FORGOTTEN, PEOPLE, TIMELINE, TOUCHED


def after_erase(batch: Batch, epoch: Epoch) -> upkeep.Changed:
    """Whoever is erased has no label any more, and never had one; who was joined or parted by it is evaluated."""
    anchors, touched = batch.notes[FORGOTTEN].anchors, batch.notes[TOUCHED]
    state, people = epoch[AUDIENCE], epoch[PEOPLE]
    state = replace(
        state,
        standings=state.standings.grown(people.count).cleared(anchors),
        quintiles={name: one.cleared(anchors) for name, one in state.quintiles.items()},
    )
    changed = upkeep.Changed({AUDIENCE.name: replace(state, people=people, firsts=epoch[TIMELINE].first_at.array)})
    if len(touched):
        parted = epoch.changed({AUDIENCE.name: state})
        changed = upkeep.reevaluated(batch, parted, touched, Causes.all(Cause.IDENTITY))
    rows = changed.rows or upkeep.written(state, batch.record.seq, batch.record.arrived_at, None)
    return replace(changed, rows=replace(rows, erased=anchors))


def after_retention(batch: Batch, epoch: Epoch) -> upkeep.Changed | None:
    """Customers who lost events that are past their time, evaluated without them."""
    aged = batch.notes[AGED]
    if not len(aged):
        return None
    return upkeep.reevaluated(batch, epoch, np.unique(epoch[PEOPLE].head_of[aged]), Causes.all(Cause.RETENTION))
