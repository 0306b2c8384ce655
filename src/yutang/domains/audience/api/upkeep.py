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
from yutang.domains.audience.api.evaluating import AUDIENCE, evaluation, look_ladder, midnight_before, quintile_codes
from yutang.domains.audience.contracts import NONE, Cause, DefineRecord, FeedRows, Label
from yutang.domains.audience.rules import (
    CAUSE_CODE,
    HORIZON_MS,
    NO_VALUE,
    AudienceState,
    Standing,
    changed_at,
    changes_within,
    feed_rows,
    plan_of,
    recoded,
    regrouped,
    retired,
)
from yutang.domains.customers import api as customers
from yutang.kernel.limits import LATE_FOR_JOURNEYS_MS
from yutang.runtime.log.contracts import Batch, Epoch
from yutang.runtime.slots import ANCHORS, PEOPLE, TAKEN, TOUCHED, VOCABULARY
from yutang.storage.database import UnitOfWork
from yutang.timeline.boundaries import calendar
from yutang.timeline.evaluate import Evaluation
from yutang.timeline.people import People
from yutang.timeline.steps import Ints

SNAPSHOTS_AT_ONCE_MAX = 400  # midnights that one step of time takes one by one; of more, the last ones

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
    restored = {name: _restored(uow, name, epoch) for name, label in labels.items() if label.quintile is not None}
    state = AudienceState(labels, plan_of(labels), restored, epoch[PEOPLE])
    return {AUDIENCE.name: state, VOCABULARY.name: _with_ladders(vocabulary, state)}


def recomputed(epoch: Epoch) -> Mapping[str, Any]:
    """The standings of all ladders for everyone, from the timelines."""
    state, people = epoch[AUDIENCE], epoch[PEOPLE]
    blank = {name: Standing.nothing(people.count) for name in state.plan.names}
    state = replace(state, standings={**state.standings, **blank}, people=people)
    evaluated = evaluation(epoch, people.heads(), epoch.time_ms + HORIZON_MS, state.plan)
    return {AUDIENCE.name: _restood(state, evaluated, people, people.heads(), epoch.time_ms)}


def _restored(uow: UnitOfWork, name: str, epoch: Epoch) -> Standing:
    standing = Standing.nothing(epoch[PEOPLE].count)
    found = store.newest_snapshot(uow, name)
    return standing if found is None else _snapshot(standing, *found)


def _snapshot(blank: Standing, taken_at: int, heads: Ints, codes: Ints) -> Standing:
    since = np.full(len(heads), taken_at, np.int64)
    return replace(blank.changed(heads, codes, since, blank.until[heads]), taken_at=taken_at)


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
    heads = state.due(until_ms)
    midnights = _midnights(epoch, until_ms)
    if not len(heads) and not midnights:
        return None
    parts: Parts = []
    if len(heads):
        evaluated = evaluation(epoch, heads, until_ms + HORIZON_MS, state.plan)
        for place, name in enumerate(state.plan.names):
            changes = changes_within(evaluated.ladder(name), heads, epoch.time_ms, until_ms)
            parts.append((place, *changes, np.full(len(changes[0]), CAUSE_CODE[Cause.TIME], np.int64)))
        state = _restood(state, evaluated, people, heads, until_ms)
    taken, snapshot_parts = _snapshots(state, epoch, midnights)
    state = replace(state, standings={**state.standings, **taken})
    snapshots = [(name, one.taken_at, *_of_heads(one)) for name, one in taken.items()]
    rows = _written(state, epoch.seq, until_ms, _led(feed_rows(parts + snapshot_parts), epoch, people), snapshots)
    return Changed({AUDIENCE.name: state}, rows)


def _midnights(epoch: Epoch, until_ms: int) -> list[int]:
    """The midnights of the pool's zone in (newest snapshot, until]; of the time before the pool, only the last."""
    if not epoch[PEOPLE].count:
        return []
    zone = calendar(epoch[VOCABULARY].zone)
    newest = max((one.taken_at for one in epoch[AUDIENCE].standings.values()), default=0)
    after = max(epoch.time_ms, newest)
    midnight = midnight_before(zone, until_ms)
    if midnight <= newest:
        return []
    found = [midnight]
    while (before := midnight_before(zone, found[-1] - 1)) > after and len(found) < SNAPSHOTS_AT_ONCE_MAX:
        found.append(before)
    return found[::-1]


def _snapshots(state: AudienceState, epoch: Epoch, midnights: Sequence[int]) -> tuple[dict[str, Standing], Parts]:
    """The quintiles taken at each midnight, and what differs from one to the next."""
    taken: dict[str, Standing] = {}
    parts: Parts = []
    people = epoch[PEOPLE]
    heads, order = people.heads(), state.feed_order()
    evaluated = evaluation(epoch, heads, max(midnights, default=0), state.plan)
    for midnight in midnights:
        for name, label in state.labels.items():
            if label.quintile is None:
                continue
            before = taken.get(name, state.standings[name]).grown(people.count).value[heads]
            codes = quintile_codes(evaluated, label.quintile, midnight)
            differs = before != codes
            at = np.full(int(differs.sum()), midnight, np.int64)
            cause = np.full(len(at), CAUSE_CODE[Cause.SNAPSHOT], np.int64)
            parts.append((order.index(name), heads[differs], before[differs], codes[differs], at, cause))
            taken[name] = _snapshot(Standing.nothing(people.count), midnight, heads, codes)
    return taken, parts


def _of_heads(standing: Standing) -> tuple[Ints, Ints]:
    """(heads, codes) of a snapshot: those who have a quintile."""
    heads = np.flatnonzero(standing.value != NO_VALUE)
    return heads, standing.value[heads]


# ── records ─────────────────────────────────────────────────────────────────────────────────────────


def after_events(batch: Batch, epoch: Epoch) -> Changed | None:
    """The customers that a record touched, evaluated at its arrival."""
    touched: Ints = batch.notes.get(TOUCHED, _NOBODY)
    return _reevaluated(batch, epoch, touched, _causes(batch, epoch, touched)) if len(touched) else None


def after_catalogue(batch: Batch, epoch: Epoch) -> Changed:
    """Everybody, evaluated under declarations that may have changed what conditions mean (marks, relations, ranks)."""
    heads = epoch[PEOPLE].heads()
    return _reevaluated(batch, epoch, heads, np.full(len(heads), CAUSE_CODE[Cause.DEFINITION], np.int64))


def after_definition(batch: Batch, epoch: Epoch) -> Changed:
    """A definition evaluated for everyone and swapped in; its entries and exits are told apart by their cause."""
    state, heads, count = epoch[AUDIENCE], epoch[PEOPLE].heads(), epoch[PEOPLE].count
    wanted = msgspec.msgpack.decode(batch.record.body, type=DefineRecord)
    label = judged_label(wanted, state, epoch[VOCABULARY])
    old = state.labels.get(label.name)
    standing = Standing.nothing(count)
    gone: tuple[str, ...] = ()
    if old is not None:
        standing = recoded(state.standings[label.name].grown(count), old.values, label.values)
        gone = retired(old.values, label.values)
    labels = {**state.labels, label.name: label}
    state = replace(state, labels=labels, plan=plan_of(labels), standings={**state.standings, label.name: standing})
    slots = {AUDIENCE.name: state, VOCABULARY.name: _with_ladders(epoch[VOCABULARY], state)}
    causes = np.full(len(heads), CAUSE_CODE[Cause.DEFINITION], np.int64)
    changed = _reevaluated(batch, epoch.changed(slots), heads, causes)
    rows = changed.rows or _written(state, batch.record.seq, batch.record.arrived_at, None)
    values = [(*label.values, *gone, NONE) if name == label.name else had for name, had in rows.codes()]
    return Changed(
        {**slots, **changed.slots},
        replace(rows, values=values, defined=label, actor=batch.record.actor),
        {"label": label.name, "version": label.version},
    )


def _reevaluated(batch: Batch, epoch: Epoch, heads: Ints, causes: Ints) -> Changed:
    """Customers evaluated at a record's arrival, and what differs from before, by the causes given for each."""
    state, people, instant = epoch[AUDIENCE], epoch[PEOPLE], batch.record.arrived_at
    evaluated = evaluation(epoch, heads, instant + HORIZON_MS, state.plan)
    after = _restood(state, evaluated, people, heads, instant)
    first_seen = evaluated.view.first_seen()
    parts: Parts = []
    for place, name in enumerate(state.plan.names):
        before = state.standings[name].grown(people.count).value[heads]
        now = after.standings[name]
        differs = before != now.value[heads]
        at = changed_at(now.since[heads], first_seen, instant)
        parts.append((place, heads[differs], before[differs], now.value[heads[differs]], at[differs], causes[differs]))
    if people.grouping is not state.people.grouping:
        after = _regrouped(state, after, people, heads, instant, parts)
    rows = _led(feed_rows(parts), epoch, state.people)
    written = None if rows is None else _written(after, batch.record.seq, instant, rows)
    return Changed({AUDIENCE.name: after}, written)


def _regrouped(
    before: AudienceState, after: AudienceState, people: People, touched: Ints, instant: int, parts: Parts
) -> AudienceState:
    """Who heads no customer any more leaves everything; quintiles stay with those who had them at the snapshot."""
    gone, risen = regrouped(before.people, people, touched)
    standings = dict(after.standings)
    for place, name in enumerate(after.feed_order()):
        standing = after.standings[name].grown(people.count)
        codes = before.standings[name].grown(people.count).value
        parts.append(_moves(place, gone, codes[gone], np.full_like(gone, NO_VALUE), instant))
        if before.labels[name].quintile is not None:
            parts.append(_moves(place, risen, np.full_like(risen, NO_VALUE), codes[risen], instant))
        else:
            standings[name] = standing.cleared(gone)
    return replace(after, standings=standings)


def _moves(place: int, heads: Ints, before: Ints, after: Ints, instant: int) -> Part:
    """The part of the feed for changes by identity."""
    differs = before != after
    at = np.full(int(differs.sum()), instant, np.int64)
    cause = np.full(len(at), CAUSE_CODE[Cause.IDENTITY], np.int64)
    return place, heads[differs], before[differs], after[differs], at, cause


def _restood(state: AudienceState, evaluated: Evaluation, people: People, heads: Ints, instant: int) -> AudienceState:
    """The state with some customers evaluated at an instant."""
    standings = dict(state.standings)
    for name in state.plan.names:
        found = look_ladder(evaluated, name, instant)
        standings[name] = standings[name].grown(people.count).changed(heads, *found)
    return replace(state, standings=standings, people=people)


def _causes(batch: Batch, epoch: Epoch, touched: Ints) -> Ints:
    """What is held responsible for each touched customer's changes: identity, unless it has an event in the batch."""
    causes = np.full(len(touched), CAUSE_CODE[Cause.IDENTITY], np.int64)
    if batch.blob is None:
        return causes
    taken = batch.notes[TAKEN]
    at = np.fromiter((event.at for event in batch.events), np.int64, len(batch.events))[taken]
    head = epoch[PEOPLE].head_of[batch.notes[ANCHORS][taken]]
    late = (at < batch.record.arrived_at - LATE_FOR_JOURNEYS_MS) | batch.blob.history
    causes[np.isin(touched, head)] = CAUSE_CODE[Cause.LATE]
    causes[np.isin(touched, head[~late])] = CAUSE_CODE[Cause.EVENT]
    return causes


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


def _written(
    state: AudienceState,
    seq: int,
    known_at: int,
    rows: FeedRows | None,
    snapshots: Sequence[tuple[str, int, Ints, Ints]] = (),
) -> Written:
    names = state.feed_order()
    return Written(seq, known_at, names, [(*state.labels[name].values, NONE) for name in names], rows, snapshots)


def store_written(uow: UnitOfWork, rows: Written) -> None:
    """Keep what a step of the log left."""
    if rows.feed is not None:
        store.add_feed(uow, rows.seq, rows.known_at, rows.names, rows.values, rows.feed)
    for label, taken_at, heads, codes in rows.snapshots:
        store.add_snapshot(uow, label, taken_at, rows.known_at, heads, codes)
    if rows.defined is not None:
        store.add_label(uow, rows.defined, rows.seq, rows.actor)
