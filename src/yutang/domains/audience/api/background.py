"""The records by which a label is defined: accepted, worked out beside the loop, swapped in at once.

`definition` is judged and waits: nothing that anybody sees has changed. `definition_built` puts what the builder worked
out in force, in one step, with cause `definition`; the loop itself evaluates only who was touched at the last moment.
Where the builder has nothing by that number (the process died between the two), or is too far behind, the record
changes nothing, and the builder goes on. `definition_dropped` gives up what can't be worked out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import numpy as np

from yutang.domains.audience.api.building import BUILDER, HANDOVER_COUNT_MAX
from yutang.domains.audience.api.builds import BY_DEFINITION, Build, evaluated_now, labels_with
from yutang.domains.audience.api.definitions import judged_label
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.api.upkeep import Changed, led, with_ladders, written
from yutang.domains.audience.contracts import NONE, BuiltRecord, DefineRecord, DroppedRecord, FeedRows, Label, Waiting
from yutang.domains.audience.rules.changes import (
    AudienceState,
    Parts,
    feed_rows,
    joined_rows,
    plan_of,
    retired,
    with_touched,
)
from yutang.domains.audience.rules.standings import NO_VALUE
from yutang.kernel.errors import ConflictError
from yutang.kernel.instants import NEVER
from yutang.runtime.log.contracts import Batch, Epoch
from yutang.runtime.slots import AGED, PEOPLE, TOUCHED, VOCABULARY
from yutang.timeline.plan import Plan
from yutang.timeline.steps import Flags, Ints

WAITING_COUNT_MAX = 256  # definitions


def after_define(batch: Batch, epoch: Epoch) -> Changed:
    """A definition is accepted, if the labels stay sound whenever it, and all that waits before it, come into force."""
    state, record = epoch[AUDIENCE], batch.record
    label = judged_label(msgspec.msgpack.decode(record.body, type=DefineRecord), state, epoch[VOCABULARY])
    others = {name: one for name, one in state.waiting.items() if name != label.name}
    if len(others) >= WAITING_COUNT_MAX:
        raise ConflictError(
            "label.many_waiting", f"{len(others)} definitions wait to be worked out already", where=label.name,
            remedy="ask again once some of them are in force",
        )  # fmt: skip
    one = Waiting(label, record.seq, record.actor)
    waiting = {**others, label.name: one}
    order = list(waiting.values())
    for count in range(1, len(order) + 1):
        plan_of(labels_with(state.labels, order[:count]))  # refuses circles, and what names a value that is gone
    state = replace(state, waiting=waiting)
    rows = replace(written(state, record.seq, record.arrived_at, None), accepted=one)
    return Changed({AUDIENCE.name: state}, rows, {"label": label.name, "version": label.version})


def after_built(batch: Batch, epoch: Epoch) -> Changed:
    """What was worked out comes into force; its entries and exits are told apart by their cause."""
    record = msgspec.msgpack.decode(batch.record.body, type=BuiltRecord)
    build = epoch[BUILDER].built(record.build, epoch[AUDIENCE].waiting)
    if build is None:
        return Changed({}, None, {"again": record.build})
    if build.names:
        behind = build.behind(epoch)
        if record.patient and len(behind) > HANDOVER_COUNT_MAX:
            return Changed({}, None, {"behind": len(behind)})
        build = build.copy()  # the transaction may fail, and the builder goes on
        evaluated_now(build, epoch, behind)
    return _swapped(batch, epoch, build)


def _swapped(batch: Batch, epoch: Epoch, build: Build) -> Changed:
    state, people, instant = epoch[AUDIENCE], epoch[PEOPLE], batch.record.arrived_at
    plan, vocabulary = plan_of(build.labels), with_ladders(epoch[VOCABULARY], replace(state, labels=build.labels))
    is_head = people.head_of == np.arange(people.count)
    before = {name: build.before(epoch, name) for name in build.names}
    columns = {name: np.where(is_head, build.codes[row], NO_VALUE) for row, name in enumerate(build.names)}
    due = np.where(is_head, build.due, NEVER) if build.names else np.full(people.count, NEVER)
    standings = state.standings.grown(people.count).recast(plan.names, columns, due, build.truths(epoch))
    made = {one.label.name for one in build.waiting}
    after_state = replace(
        state,
        labels=build.labels,
        plan=plan,
        standings=standings,
        people=people,
        waiting=(waiting := {name: one for name, one in state.waiting.items() if name not in made}),
        touched=state.touched if waiting else (),
    )
    fresh = led(_fresh(build, plan, before, is_head, instant), epoch, people)
    rows = joined_rows(_ready(build, plan, before, is_head), fresh)
    kept = written(after_state, batch.record.seq, instant, rows)
    values = [_values(name, state.labels, build.labels) for name in kept.names]
    return Changed(
        {AUDIENCE.name: after_state, VOCABULARY.name: vocabulary},
        replace(kept, values=values, defined=build.waiting),
        {"labels": {name: build.labels[name].version for name in made}, "rows": 0 if rows is None else len(rows)},
    )


def _ready(build: Build, plan: Plan, before: Mapping[str, Ints], is_head: Flags) -> FeedRows | None:
    """The rows that the builder has prepared, of those who weren't evaluated again since."""
    rows = build.prepared
    if rows is None:
        return None
    had = np.empty(len(rows), np.int64)
    for name in build.names:
        mine = rows.label == plan.names.index(name) if len(build.names) > 1 else slice(None)
        had[mine] = before[name][rows.head[mine]]
    keep = (build.round_of[rows.head] <= build.prepared_round) & is_head[rows.head] & (had != rows.after)
    rows = replace(rows, before=had)
    return (rows if keep.all() else rows.only(keep)) if keep.any() else None


def _fresh(build: Build, plan: Plan, before: Mapping[str, Ints], is_head: Flags, instant: int) -> FeedRows | None:
    """The rows of those who were evaluated since, in order."""
    known = len(build.round_of)  # all, unless only titles change
    heads = np.flatnonzero((build.round_of > build.prepared_round) & is_head[:known])
    parts: Parts = []
    for row, name in enumerate(build.names):
        mine = heads[before[name][heads] != build.codes[row, heads]]
        at, cause = np.minimum(build.since(row, mine), instant), np.full(len(mine), BY_DEFINITION)
        after = build.codes[row, mine].astype(np.int64)
        parts.append((plan.names.index(name), mine, before[name][mine], after, at, cause))
    return feed_rows(parts)


def _values(name: str, old: Mapping[str, Label], new: Mapping[str, Label]) -> list[str]:
    """What the codes of a label's rows stand for: those of before that are gone come after the new ones."""
    gone = retired(old[name].values, new[name].values) if name in old else ()
    return [*new[name].values, *gone, NONE]


def after_dropped(batch: Batch, epoch: Epoch) -> Changed | None:
    """A definition that can't be worked out waits no more."""
    record = msgspec.msgpack.decode(batch.record.body, type=DroppedRecord)
    state = epoch[AUDIENCE]
    one = state.waiting.get(record.name)
    if one is None or one.seq != record.seq:
        return None
    waiting = {name: other for name, other in state.waiting.items() if name != record.name}
    state = replace(state, waiting=waiting, touched=state.touched if waiting else ())
    rows = replace(written(state, batch.record.seq, batch.record.arrived_at, None), dropped=record.name)
    return Changed({AUDIENCE.name: state}, rows, {"dropped": record.name, "reason": record.reason})


def followed(batch: Batch, epoch: Epoch, changed: Changed | None, *, everybody: bool) -> Changed | None:
    """Whom a record touched is remembered while a definition waits: the builder evaluates them again."""
    state: AudienceState = epoch[AUDIENCE] if changed is None else changed.slots.get(AUDIENCE.name, epoch[AUDIENCE])
    if not state.waiting:
        return changed
    people = epoch[PEOPLE]
    touched: Ints = people.heads() if everybody else batch.notes.get(TOUCHED, _NOBODY)
    if AGED in batch.notes:
        touched = np.union1d(touched, people.head_of[batch.notes[AGED]])
    if not len(touched):
        return changed
    slots = {AUDIENCE.name: with_touched(state, touched, batch.record.seq)}
    return Changed(slots) if changed is None else replace(changed, slots={**changed.slots, **slots})


_NOBODY: Ints = np.zeros(0, np.int64)
