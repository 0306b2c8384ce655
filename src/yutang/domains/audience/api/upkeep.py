"""Upkeep: what a record or the passing of time changes in the standings, and what is written down of it.

For the slice's pass. Everything but `opened` and `store_written` is a function of the epoch and the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np

from yutang.conditions.vocabulary import LabelType, Vocabulary
from yutang.domains.audience import store
from yutang.domains.audience.api.definitions import builtin_sources, judged_label, label_from_source
from yutang.domains.audience.api.evaluating import AUDIENCE, by_chunk, in_chunks, measured, midnight_before, stood
from yutang.domains.audience.contracts import NONE, Cause, DefineRecord, FeedRows, Label
from yutang.domains.audience.rules import (
    CAUSE_CODE,
    HORIZON_MS,
    NO_VALUE,
    AudienceState,
    Causes,
    Found,
    Snapshot,
    Standings,
    changed_at,
    changes_within,
    feed_rows,
    plan_of,
    quintiles,
    recoded,
    regrouped,
    retired,
)
from yutang.domains.customers import api as customers
from yutang.kernel.limits import LATE_FOR_JOURNEYS_MS
from yutang.runtime.log.contracts import Batch, Epoch, SplitGroup
from yutang.runtime.slots import ANCHORS, PEOPLE, TAKEN, TOUCHED, VOCABULARY
from yutang.storage.database import UnitOfWork
from yutang.timeline.boundaries import calendar
from yutang.timeline.evaluate import Evaluation
from yutang.timeline.people import People
from yutang.timeline.steps import Ints

SNAPSHOTS_AT_ONCE_MAX = 400  # midnights that one step of time takes one by one; of more, the last ones
MEASURES_AT_ONCE_MAX = 8_000_000  # customers times midnights whose measures are held at once

Part = tuple[int, Ints, Ints, Ints, Ints, Ints]  # as `rules.feed_rows` takes them
Parts = list[Part]
_NOBODY: Ints = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Written:
    """What a step of the log leaves to store."""

    seq: int
    known_at: int
    names: Sequence[str]
    values: Sequence[Sequence[str]]
    feed: FeedRows | None
    snapshots: Sequence[tuple[str, int, Ints, Ints]] = ()
    defined: Label | None = None
    actor: str = ""
    erased: Ints | None = None

    def codes(self) -> Iterator[tuple[str, Sequence[str]]]:
        """Each label with the values that its codes stand for; -1 is the last, `none`."""
        return zip(self.names, self.values, strict=True)


@dataclass(frozen=True, slots=True)
class Changed:
    """New state by slot, and what to store."""

    slots: Mapping[str, Any]
    rows: Written | None = None
    verdict: Mapping[str, Any] = field(default_factory=dict)


# ── start ───────────────────────────────────────────────────────────────────────────────────────────


def opened(uow: UnitOfWork, epoch: Epoch) -> Mapping[str, Any]:
    """The definitions, built in and stored, and the newest snapshots of quintiles."""
    vocabulary = epoch[VOCABULARY]
    labels: dict[str, Label] = {}
    for source in builtin_sources():
        labels[source["name"]] = label_from_source(source, vocabulary)
    labels |= {label.name: label for label in store.read_labels(uow)}
    state = AudienceState(
        labels,
        plan_of(labels),
        quintiles={name: _restored(uow, name, epoch) for name, label in labels.items() if label.quintile is not None},
        people=epoch[PEOPLE],
    )
    state = replace(state, standings=Standings.nothing(state.plan.names, epoch[PEOPLE].count))
    return {AUDIENCE.name: state, VOCABULARY.name: _with_ladders(vocabulary, state)}


def recomputed(epoch: Epoch) -> Mapping[str, Any]:
    """The standings of all ladders for everyone, from the timelines."""
    state, people, instant = epoch[AUDIENCE], epoch[PEOPLE], epoch.time_ms
    heads = people.heads()

    def work(part: slice, evaluated: Evaluation) -> Found:
        return stood(evaluated, heads[part], instant)

    found = by_chunk(epoch, heads, instant + HORIZON_MS, state.plan, work)
    standings = Standings.nothing(state.plan.names, people.count).changed(Found.joined(found))
    return {AUDIENCE.name: replace(state, standings=standings, people=people)}


def _restored(uow: UnitOfWork, name: str, epoch: Epoch) -> Snapshot:
    found = store.newest_snapshot(uow, name)
    if found is None:
        return Snapshot()
    taken_at, heads, codes = found
    return Snapshot.of(taken_at, epoch[PEOPLE].count, heads, codes)


def _with_ladders(vocabulary: Vocabulary, state: AudienceState) -> Vocabulary:
    """The vocabulary with the ladders; quintiles can't be named in conditions: no timeline gives them."""
    types = {
        label.name: LabelType(
            label.name,
            label.values,
            label.title_zh,
            label.title_en,
            {rung.value: rung.title_zh for rung in label.rungs if rung.title_zh},
            {rung.value: rung.title_en for rung in label.rungs if rung.title_en},
        )
        for label in state.labels.values()
        if label.quintile is None
    }
    return replace(vocabulary, labels=types)


# ── the passing of time ─────────────────────────────────────────────────────────────────────────────


def after_time(epoch: Epoch, until_ms: int) -> Changed | None:
    """Every change by time alone in (epoch.time_ms, until], at its instant; None if there is nothing to do."""
    state, people = epoch[AUDIENCE], epoch[PEOPLE]
    heads = state.standings.due(epoch.time_ms, until_ms)
    midnights = _midnights(epoch, until_ms)
    if not len(heads) and not midnights:
        return None
    parts: Parts = []
    found: list[Found] = []
    for part, evaluated in in_chunks(epoch, heads, until_ms + HORIZON_MS) if len(heads) else ():
        for place, name in enumerate(state.plan.names):
            changes = changes_within(evaluated.ladder(name), heads[part], epoch.time_ms, until_ms)
            parts.append((place, *changes, np.full(len(changes[0]), CAUSE_CODE[Cause.TIME], np.int64)))
        found.append(stood(evaluated, heads[part], until_ms))
    if found:
        standings = state.standings.grown(people.count).changed(Found.joined(found))
        state = replace(state, standings=standings, people=people)
    taken, snapshots, snapshot_parts = _snapshots(state, epoch, midnights)
    state = replace(state, quintiles={**state.quintiles, **taken})
    rows = written(state, epoch.seq, until_ms, _led(feed_rows(parts + snapshot_parts), epoch, people), snapshots)
    return Changed({AUDIENCE.name: state}, rows)


def _midnights(epoch: Epoch, until_ms: int) -> list[int]:
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


Taken = list[tuple[str, int, Ints, Ints]]  # label, midnight, heads of those who have a quintile, their codes


def _snapshots(
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


# ── records ─────────────────────────────────────────────────────────────────────────────────────────


def after_events(batch: Batch, epoch: Epoch) -> Changed | None:
    """The customers that a group of records touched, evaluated at its last arrival.

    Raises SplitGroup where a snapshot of quintiles is due inside the group: it takes in what had arrived by then.
    """
    instant = batch.record.arrived_at  # if no time passes inside the group, no snapshot is taken inside it
    if len(batch.records) > 1 and instant > epoch.time_ms and _midnights(epoch, instant):
        raise SplitGroup
    touched: Ints = batch.notes.get(TOUCHED, _NOBODY)
    if not len(touched):
        return None
    return reevaluated(batch, epoch, touched, _causes(batch, epoch, touched))


def after_catalogue(batch: Batch, epoch: Epoch) -> Changed:
    """Everybody, evaluated under declarations that may have changed what conditions mean (marks, relations, ranks)."""
    return reevaluated(batch, epoch, epoch[PEOPLE].heads(), Causes.all(Cause.DEFINITION))


def after_definition(batch: Batch, epoch: Epoch) -> Changed:
    """A definition evaluated for everyone and swapped in; its entries and exits are told apart by their cause."""
    state, people = epoch[AUDIENCE], epoch[PEOPLE]
    wanted = msgspec.msgpack.decode(batch.record.body, type=DefineRecord)
    label = judged_label(wanted, state, epoch[VOCABULARY])
    old = state.labels.get(label.name)
    standings = state.standings.grown(people.count)
    column = np.full(people.count, NO_VALUE, np.int64)
    gone: tuple[str, ...] = ()
    if old is not None:
        column = recoded(standings.column(label.name), old.values, label.values)
        gone = retired(old.values, label.values)
    labels = {**state.labels, label.name: label}
    plan = plan_of(labels)
    standings = standings.recast(plan.names, {label.name: column})
    state = replace(state, labels=labels, plan=plan, standings=standings)
    slots = {AUDIENCE.name: state, VOCABULARY.name: _with_ladders(epoch[VOCABULARY], state)}
    changed = reevaluated(batch, epoch.changed(slots), people.heads(), Causes.all(Cause.DEFINITION))
    rows = changed.rows or written(state, batch.record.seq, batch.record.arrived_at, None)
    values = [(*label.values, *gone, NONE) if name == label.name else had for name, had in rows.codes()]
    return Changed(
        {**slots, **changed.slots},
        replace(rows, values=values, defined=label, actor=batch.record.actor),
        {"label": label.name, "version": label.version},
    )


def reevaluated(batch: Batch, epoch: Epoch, heads: Ints, causes: Causes) -> Changed:
    """Customers evaluated at a batch's last arrival, and what differs from before."""
    state, people, instant = epoch[AUDIENCE], epoch[PEOPLE], batch.record.arrived_at
    standings = state.standings.grown(people.count)
    parts: Parts = []
    found: list[Found] = []
    for part, evaluated in in_chunks(epoch, heads, instant + HORIZON_MS):
        found.append(stood(evaluated, heads[part], instant))
        parts += _differences(evaluated, heads[part], standings.codes(heads[part]), (epoch.time_ms, instant), causes)
    after = replace(state, standings=standings.changed(Found.joined(found)), people=people)
    if people.grouping is not state.people.grouping:
        after = _regrouped(state, after, people, heads, instant, parts)
    rows = _led(feed_rows(parts), epoch, state.people)
    kept = None if rows is None else written(after, batch.record.seq, instant, rows)
    return Changed({AUDIENCE.name: after}, kept)


def _differences(
    evaluated: Evaluation, heads: Ints, before: Ints, span: tuple[int, int], causes: Causes
) -> Iterator[Part]:
    """What a batch changed for the customers of an evaluation, by ladder.

    span: of the batch's arrivals; time has passed up to the first. What differs from before at the first is found
    now; what the functions show after it, up to the last, came about at its own instant.
    """
    first, last = span
    first_seen = evaluated.view.first_seen()
    for place, name in enumerate(evaluated.context.plan.names):
        steps = evaluated.ladder(name)
        value, since, _ = steps.look(first)
        rows = np.flatnonzero(before[place] != value)
        at = changed_at(since[rows], first_seen[rows], first)
        yield place, heads[rows], before[place][rows], value[rows], at, causes.found(heads[rows])
        if last > first:
            changes = changes_within(steps, heads, first, last)
            yield place, *changes, causes.at(changes[0], changes[3])


def _regrouped(
    before: AudienceState, after: AudienceState, people: People, touched: Ints, instant: int, parts: Parts
) -> AudienceState:
    """Who heads no customer any more leaves everything; quintiles stay with those who had them at the snapshot."""
    gone, risen = regrouped(before.people, people, touched)
    nothing = np.full_like(gone, NO_VALUE)
    for place, codes in enumerate(before.standings.codes(gone)):
        parts.append(_moves(place, gone, codes, nothing, instant))
    for place, name in enumerate(after.feed_order()):
        if name in before.quintiles:
            kept = before.quintiles[name]
            parts.append(_moves(place, gone, kept.at(gone), nothing, instant))
            parts.append(_moves(place, risen, np.full_like(risen, NO_VALUE), kept.at(risen), instant))
    return replace(after, standings=after.standings.cleared(np.sort(gone)))


def _moves(place: int, heads: Ints, before: Ints, after: Ints, instant: int) -> Part:
    """The part of the feed for changes by identity."""
    differs = before != after
    at = np.full(int(differs.sum()), instant, np.int64)
    cause = np.full(len(at), CAUSE_CODE[Cause.IDENTITY], np.int64)
    return place, heads[differs], before[differs], after[differs], at, cause


def _causes(batch: Batch, epoch: Epoch, touched: Ints) -> Causes:
    """What is held responsible for the touched customers' changes."""
    if not batch.blobs:
        return Causes.all(Cause.IDENTITY)
    taken = batch.notes[TAKEN]
    at = np.array([event.at for event in batch.events], np.int64)[taken]
    arrived = batch.arrivals[taken]
    head = epoch[PEOPLE].head_of[batch.notes[ANCHORS][taken]]
    late = (at < arrived - LATE_FOR_JOURNEYS_MS) | batch.historical[taken]
    return Causes.of_events(touched, head, at, arrived, late, epoch.time_ms)


def _led(rows: FeedRows | None, epoch: Epoch, former: People) -> FeedRows | None:
    """The rows with whom each customer is led by; `former`: the grouping of those who are none any more."""
    if rows is None:
        return None
    people = epoch[PEOPLE]
    heads, places = np.unique(rows.head, return_inverse=True)
    living = people.head_of[heads] == heads
    found = np.empty(len(heads), np.int64)
    found[living] = customers.leads(epoch, people, heads[living])
    found[~living] = customers.leads(epoch, former, heads[~living])
    return replace(rows, lead=found[places])


def written(
    state: AudienceState,
    seq: int,
    known_at: int,
    rows: FeedRows | None,
    snapshots: Sequence[tuple[str, int, Ints, Ints]] = (),
) -> Written:
    """What a step found, as it is to be stored: rows with the names that their codes stand for."""
    names = state.feed_order()
    return Written(seq, known_at, names, [(*state.labels[name].values, NONE) for name in names], rows, snapshots)


def store_written(uow: UnitOfWork, rows: Written) -> None:
    """Keep what a step of the log left."""
    if rows.erased is not None:
        store.forget(uow, rows.erased)
    if rows.feed is not None:
        store.add_feed(uow, rows.seq, rows.known_at, rows.names, rows.values, rows.feed)
    for label, taken_at, heads, codes in rows.snapshots:
        store.add_snapshot(uow, label, taken_at, rows.known_at, heads, codes)
    if rows.defined is not None:
        store.add_label(uow, rows.defined, rows.seq, rows.actor)
