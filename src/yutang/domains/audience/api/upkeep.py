"""Upkeep: what a record or the passing of time changes in the standings, and what is written down of it.

For the slice's pass. Everything but `opened` and `store_written` is a function of the epoch and the record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from yutang.conditions.vocabulary import LabelType, Vocabulary
from yutang.domains.audience import store
from yutang.domains.audience.api import reevaluating
from yutang.domains.audience.api.anew import truths_of
from yutang.domains.audience.api.definitions import builtin_sources, label_from_source
from yutang.domains.audience.api.evaluating import (
    AUDIENCE,
    everyone,
)
from yutang.domains.audience.api.snapshots import midnights_due, restored, snapshots_at
from yutang.domains.audience.api.standing_cache import Kept, unsettled, widened
from yutang.domains.audience.api.touching import Moves, Touched
from yutang.domains.audience.contracts import NONE, Cause, FeedRows, Label, Waiting
from yutang.domains.audience.rules.changes import (
    CAUSE_CODE,
    AudienceState,
    Causes,
    FeedPart,
    Parts,
    changed_at,
    feed_rows,
    plan_of,
    regrouped,
)
from yutang.domains.audience.rules.standings import HORIZON_MS, NO_VALUE, Standings, blank, no_truths
from yutang.domains.customers import api as customers
from yutang.kernel.limits import LATE_FOR_JOURNEYS_MS
from yutang.runtime.log.contracts import Batch, Epoch, SplitGroup
from yutang.runtime.slots import ANCHORS, LAID, PEOPLE, TAKEN, TIMELINE, TOUCHED, VOCABULARY
from yutang.storage.database import UnitOfWork
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.everyone import Part as Customers
from yutang.timeline.machine.prepared import prepared_of
from yutang.timeline.people import People
from yutang.timeline.steps import Flags, Ints

UNSETTLED_SHARE_MAX = 0.5  # of all customers: of more, all are evaluated, which is faster by the customer

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
    accepted: Waiting | None = None
    defined: Sequence[Waiting] = ()
    dropped: str = ""
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
        quintiles={name: restored(uow, name, epoch) for name, label in labels.items() if label.quintile is not None},
        people=epoch[PEOPLE],
        waiting=store.read_waiting(uow),
    )
    state = replace(state, standings=Standings.nothing(state.plan.names, epoch[PEOPLE].count))
    return {AUDIENCE.name: state, VOCABULARY.name: with_ladders(vocabulary, state)}


def recomputed(epoch: Epoch, kept: Kept | None = None) -> Mapping[str, Any]:
    """The standings of all ladders for everyone, from the timelines.

    kept: standings of an earlier record, from which those who may stand elsewhere now are evaluated only.
    """
    state, people, instant = epoch[AUDIENCE], epoch[PEOPLE], epoch.time_ms
    heads = None
    prepared = prepared_of(state.plan, epoch[VOCABULARY], epoch[TIMELINE])
    program = prepared.program
    codes, due = blank(len(state.plan.names), people.count)
    truths = no_truths(program.keys, people.count)
    if kept is not None and kept.truths.keys == program.keys:
        some, gone = unsettled(kept, epoch)
        if len(some) <= len(people.heads()) * UNSETTLED_SHARE_MAX:
            heads, (codes, due, truths) = some, widened(kept, people.count, gone)
    among = everyone(epoch, heads)

    def work(part: Customers) -> None:
        evaluated = Evaluation(part.view, Context(state.plan, instant + HORIZON_MS, start=instant))
        mine = among.heads[part.places]
        words, soonest, given = truths_of(prepared.links, evaluated, instant)
        truths.words[mine] = part.own(words.T).T
        truths.due[mine] = part.own(given)
        np.minimum(soonest, given, out=soonest)
        for place, name in enumerate(state.plan.names):
            code, _, until = evaluated.ladder(name).look(instant)
            codes[place][mine] = part.own(code)
            np.minimum(soonest, until, out=soonest)
        due[mine] = part.own(soonest)

    if among.count:
        among.map(work)  # parts have customers of their own, so they write into different entries
    standings = Standings.of(state.plan.names, codes, due, truths)
    firsts = epoch[TIMELINE].first_at.array
    return {AUDIENCE.name: replace(state, standings=standings, people=people, firsts=firsts, derived=True)}


def with_ladders(vocabulary: Vocabulary, state: AudienceState) -> Vocabulary:
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
    midnights = midnights_due(epoch, until_ms)
    if not len(heads) and not midnights:
        return None
    parts: Parts = []
    if len(heads):
        touched = Touched(heads, epoch.time_ms, until_ms, by_time=True)
        standings, moves = reevaluating.reevaluated(epoch, touched, state.standings.grown(people.count))
        state = replace(state, standings=standings)
        cause = np.full(len(moves.head), CAUSE_CODE[Cause.TIME], np.int64)
        parts.append((moves.ladder, moves.head, moves.was, moves.now, moves.when, cause))
    taken, snapshots, snapshot_parts = snapshots_at(state, epoch, midnights)
    state = replace(state, quintiles={**state.quintiles, **taken})
    rows = written(state, epoch.seq, until_ms, led(feed_rows(parts + snapshot_parts), epoch, people), snapshots)
    return Changed({AUDIENCE.name: state}, rows)


# ── records ─────────────────────────────────────────────────────────────────────────────────────────


def after_events(batch: Batch, epoch: Epoch) -> Changed | None:
    """The customers that a group of records touched, evaluated at its last arrival.

    Raises SplitGroup where a snapshot of quintiles is due inside the group: it takes in what had arrived by then.
    """
    instant = batch.record.arrived_at  # if no time passes inside the group, no snapshot is taken inside it
    if len(batch.records) > 1 and instant > epoch.time_ms and midnights_due(epoch, instant):
        raise SplitGroup
    touched: Ints = batch.notes.get(TOUCHED, _NOBODY)
    if not len(touched):
        return None
    if not batch.blobs:
        return reevaluated(batch, epoch, touched, Causes.all(Cause.IDENTITY))
    events = Events.of(batch, epoch)
    return reevaluated(batch, epoch, touched, events.causes(touched, epoch.time_ms), events)


def after_catalogue(batch: Batch, epoch: Epoch) -> Changed:
    """Everybody, evaluated under declarations that may have changed what conditions mean (marks, relations, ranks)."""
    return reevaluated(batch, epoch, epoch[PEOPLE].heads(), Causes.all(Cause.DEFINITION), declared=True)


def reevaluated(
    batch: Batch, epoch: Epoch, heads: Ints, causes: Causes, events: Events | None = None, *, declared: bool = False
) -> Changed:
    """Customers evaluated at a batch's last arrival, and what differs from before; by events, or by something else.

    declared: by what may mean something else since.
    """
    state, people, instant = epoch[AUDIENCE], epoch[PEOPLE], batch.record.arrived_at
    first = epoch.time_ms
    standings, moves = reevaluating.reevaluated(
        epoch,
        Touched(heads, first, instant) if events is None else events.touched(heads, first, instant),
        state.standings.grown(people.count),
        declared=declared,
    )
    parts: Parts = [_told(moves, first, causes)]
    after = replace(state, standings=standings, people=people, firsts=epoch[TIMELINE].first_at.array)
    if people.grouping is not state.people.grouping:
        after = _regrouped(state, after, people, heads, instant, parts)
    rows = led(feed_rows(parts), epoch, state.people)
    kept = None if rows is None else written(after, batch.record.seq, instant, rows)
    return Changed({AUDIENCE.name: after}, kept)


def _told(moves: Moves, first: int, causes: Causes) -> FeedPart:
    """What a batch changed, for the feed: what differs from before at its first arrival is found now, what changed
    after it came about at its own instant."""
    after = moves.when > first
    at = np.where(after, moves.when, changed_at(moves.when, moves.seen, first))
    cause = np.empty(len(at), np.int64)
    cause[after] = causes.at(moves.head[after], at[after])
    cause[~after] = causes.found(moves.head[~after])
    return moves.ladder, moves.head, moves.was, moves.now, at, cause


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


def _moves(place: int, heads: Ints, before: Ints, after: Ints, instant: int) -> FeedPart:
    """The part of the feed for changes by identity."""
    differs = before != after
    at = np.full(int(differs.sum()), instant, np.int64)
    cause = np.full(len(at), CAUSE_CODE[Cause.IDENTITY], np.int64)
    return place, heads[differs], before[differs], after[differs], at, cause


@dataclass(frozen=True, slots=True)
class Events:
    """The events of a batch that are taken: whose, when they were and arrived, whether that is late, of which type (a
    place in `names`)."""

    head: Ints
    at: Ints
    arrived: Ints
    late: Flags
    kind: Ints
    names: Sequence[str]

    @classmethod
    def of(cls, batch: Batch, epoch: Epoch) -> Events:
        """Those of a batch that were no repeats, with today's customers. Cost: linear in its events."""
        taken = batch.notes[TAKEN]
        at, kind, names = batch.notes[LAID]
        arrived = batch.arrivals[taken]
        head = epoch[PEOPLE].head_of[batch.notes[ANCHORS][taken]]
        late = (at < arrived - LATE_FOR_JOURNEYS_MS) | batch.historical[taken]
        return cls(head, at, arrived, late, kind, names)

    def touched(self, heads: Ints, first: int, last: int) -> Touched:
        """As a re-evaluation of their customers takes them."""
        return Touched(heads, first, last, self.at, np.searchsorted(heads, self.head), self.kind, self.names)

    def causes(self, heads: Ints, first: int) -> Causes:
        """What is held responsible for the touched customers' changes."""
        return Causes.of_events(heads, self.head, self.at, self.arrived, self.late, first)


def led(rows: FeedRows | None, epoch: Epoch, former: People) -> FeedRows | None:
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
    if rows.accepted is not None:
        store.put_waiting(uow, rows.accepted)
    for one in rows.defined:
        store.add_label(uow, one.label, rows.seq, one.actor)
        store.drop_waiting(uow, one.label.name)
    if rows.dropped:
        store.drop_waiting(uow, rows.dropped)
