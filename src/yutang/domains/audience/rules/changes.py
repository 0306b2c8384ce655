"""The state of the audience, and what its changes come to: feeds, causes, quintiles, changed ladders."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from yutang.domains.audience.contracts import Cause, FeedRows, Label, Waiting
from yutang.domains.audience.rules.standings import (
    NO_VALUE,
    Standings,
)
from yutang.kernel.instants import BEGINNING
from yutang.timeline.digits import order_by
from yutang.timeline.people import People
from yutang.timeline.plan import Definition, Plan, Rung, labels_of
from yutang.timeline.ranking import fifths
from yutang.timeline.steps import Flags, Ints

QUINTILES = 5


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A quintile as it was taken: int8 codes by anchor, of those who were heads then."""

    taken_at: int = 0
    codes: npt.NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))

    @classmethod
    def of(cls, taken_at: int, anchors: int, heads: Ints, codes: Ints) -> Snapshot:
        """The snapshot of some heads; others have no value."""
        column = np.full(anchors, NO_VALUE, np.int8)
        column[heads] = codes
        return cls(taken_at, column)

    def cleared(self, anchors: Ints) -> Snapshot:
        """Without value at the given anchors."""
        codes = self.codes.copy()
        codes[anchors[anchors < len(codes)]] = NO_VALUE
        return replace(self, codes=codes)

    def at(self, anchors: Ints) -> Ints:
        """int64: the codes of some anchors, NO_VALUE of those that weren't there."""
        inside = anchors < len(self.codes)
        found = np.full(len(anchors), NO_VALUE, np.int64)
        found[inside] = self.codes[anchors[inside]]
        return found


@dataclass(frozen=True, slots=True)
class AudienceState:
    """All definitions and their standings at one epoch. people: whom the standings are about.

    firsts: by anchor, its first event, as the standings know it. derived: whether the standings are worked out, which
    they aren't right after a start. waiting: definitions that
    were accepted and aren't in force yet, in their order. touched: whom each record touched since something waits,
    with its number.
    """

    labels: Mapping[str, Label] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    standings: Standings = field(default_factory=Standings)
    quintiles: Mapping[str, Snapshot] = field(default_factory=dict)
    people: People = field(default_factory=People.empty)
    firsts: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    derived: bool = False
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    touched: tuple[tuple[int, Ints], ...] = ()

    def feed_order(self) -> tuple[str, ...]:
        """Label names by level of the plan, quintiles last: the order of ties in the feed."""
        return (*self.plan.names, *sorted(name for name, label in self.labels.items() if label.quintile))


TOUCHED_COUNT_MAX = 256  # records that are told apart; older ones are told as one


def with_touched(state: AudienceState, heads: Ints, seq: int) -> AudienceState:
    """A record touched some customers: remembered only while a definition waits."""
    if not state.waiting or not len(heads):
        return state
    touched = state.touched
    if len(touched) >= TOUCHED_COUNT_MAX:
        older = touched[: TOUCHED_COUNT_MAX // 2]
        together = np.unique(np.concatenate([some for _, some in older]))
        touched = ((older[-1][0], together), *touched[TOUCHED_COUNT_MAX // 2 :])
    return replace(state, touched=(*touched, (seq, heads)))


def touched_since(state: AudienceState, seq: int, anchors: int) -> Flags:
    """bool[anchors]: who was touched by a record after one; some who were touched before may be among them."""
    found = np.zeros(anchors, np.bool_)
    for last, heads in state.touched:
        if last > seq:
            found[heads] = True
    return found


def affected(plan: Plan, changed: Collection[str]) -> tuple[str, ...]:
    """The ladders of a plan that are among the given ones or name them, directly or through others; in its order."""
    found: set[str] = set(changed)
    for name in plan.names:
        named = {node.label for rung in plan.find(name).rungs for node in labels_of(rung.test)}
        if named & found:
            found.add(name)
    return tuple(name for name in plan.names if name in found)


def plan_of(labels: Mapping[str, Label]) -> Plan:
    """The plan of all ladders (quintiles aren't in it: they don't follow from one timeline)."""
    return Plan(
        Definition(label.name, label.version, label.zone, tuple(Rung(r.value, r.test) for r in label.rungs))
        for label in labels.values()
        if label.quintile is None
    )


def retired(old: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
    """The values that a changed ladder hasn't got any more."""
    return tuple(value for value in old if value not in new)


def recoded(codes: Ints, old: Sequence[str], new: Sequence[str]) -> Ints:
    """Codes under a changed ladder: they follow their names; those that are gone come after the new ones."""
    names = [*new, *retired(old, new)]
    found: Ints = np.array([*(names.index(value) for value in old), NO_VALUE], np.int64)[codes]
    return found


def quintiles(values: Ints, among: Flags, *, low_is_best: bool) -> Ints:
    """Codes of quintiles for n customers: place 0 is the best (5), 4 the worst (1), NO_VALUE outside `among`.

    quintile = 1 + floor(5 × those strictly worse ÷ all): ties share the quintile of the worst of them.
    """
    codes = np.full(len(values), NO_VALUE, np.int64)
    scores = -values[among] if low_is_best else values[among]
    codes[among] = QUINTILES - 1 - fifths(scores)
    return codes


def regrouped(old: People, new: People, touched: Ints) -> tuple[Ints, Ints]:
    """(heads that are none any more, anchors that have become heads) among the customers whose heads are given.

    Anchors that are new are neither: nobody knew them before.
    """
    _, anchors = new.members(touched)
    known = anchors[anchors < old.count]
    was, now = old.head_of[known] == known, new.head_of[known] == known
    return known[was & ~now], known[now & ~was]


def changed_at(since: Ints, first_seen: Ints, instant: int) -> Ints:
    """When a change that is found at an instant came about: what always held, from the customer's first event on."""
    return np.where(since > BEGINNING, since, np.minimum(first_seen, instant))


FeedPart = tuple[int | Ints, Ints, Ints, Ints, Ints, Ints]  # label index or indices, head, before, after, at, cause
Parts = list[FeedPart]


def feed_rows(parts: Sequence[FeedPart]) -> FeedRows | None:
    """One feed out of parts; None if all are empty.

    Each customer is led by its head until somebody says better.
    """
    if not any(len(part[1]) for part in parts):
        return None
    label = np.concatenate([np.full(len(part[1]), part[0], np.int64) for part in parts])
    head, before, after, at, cause = (np.concatenate([part[i] for part in parts]) for i in range(1, 6))
    order = order_by(at, label, head)
    head = head[order]
    return FeedRows(label[order], head, head, before[order], after[order], at[order], cause[order])


def joined_rows(many: FeedRows | None, few: FeedRows | None) -> FeedRows | None:
    """Two feeds as one, in order. Cost: linear in the many, so that what lies ready needn't be sorted again."""
    if many is None or few is None:
        return few if many is None else many
    places = np.searchsorted(many.at, few.at)
    ends = np.searchsorted(many.at, few.at, side="right")
    for row in np.flatnonzero(places < ends).tolist():  # of one instant: by label, then head
        tied = slice(int(places[row]), int(ends[row]))
        label, head = many.label[tied], many.head[tied]
        places[row] += int(((label < few.label[row]) | ((label == few.label[row]) & (head < few.head[row]))).sum())
    added = np.zeros(len(many) + len(few), np.bool_)
    added[places + np.arange(len(few))] = True
    columns = []
    for name in FeedRows.__slots__:
        column = np.empty(len(added), np.int64)
        column[added], column[~added] = getattr(few, name), getattr(many, name)
        columns.append(column)
    return FeedRows(*columns)


CAUSES = tuple(Cause)
CAUSE_CODE = {cause: code for code, cause in enumerate(CAUSES)}


@dataclass(frozen=True, slots=True)
class Causes:
    """What is held responsible for changes of a batch's customers.

    rest: of whom nothing else is said. touched: heads, ascending, with the cause of each. keys: ascending, of the
    instants after `start` at which a touched customer had an event: what changes then is by the event, what changes
    between is by time.
    """

    rest: int
    touched: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    causes: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    start: int = 0
    keys: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    key_causes: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def all(cls, cause: Cause) -> Causes:
        """The same for everybody."""
        return cls(CAUSE_CODE[cause])

    @classmethod
    def of_events(cls, touched: Ints, head: Ints, at: Ints, arrived: Ints, late: Flags, start: int) -> Causes:
        """Of a batch's events, each of a customer, at an instant, late or not; identity where there is none.

        An event that arrived before its instant counts from then on by the passing of time.
        """
        by_event, by_late = CAUSE_CODE[Cause.EVENT], CAUSE_CODE[Cause.LATE]
        causes = np.full(len(touched), CAUSE_CODE[Cause.IDENTITY], np.int64)
        causes[np.isin(touched, head)] = by_late
        causes[np.isin(touched, head[~late])] = by_event
        inside = np.flatnonzero((at > start) & (at <= arrived))
        keys = _keys(head[inside], at[inside] - start)
        order = np.lexsort((late[inside], keys))  # of several at one instant, one in time comes first
        cause = np.where(late[inside], by_late, by_event)
        return cls(CAUSE_CODE[Cause.IDENTITY], touched, causes, start, keys[order], cause[order])

    def found(self, heads: Ints) -> Ints:
        """Of changes that are found now."""
        if not len(self.touched):
            return np.full(len(heads), self.rest, np.int64)
        return self.causes[np.searchsorted(self.touched, heads)]

    def at(self, heads: Ints, instants: Ints) -> Ints:
        """Of changes that came about at instants after `start`."""
        causes = np.full(len(heads), CAUSE_CODE[Cause.TIME], np.int64)
        if len(self.keys):
            wanted = _keys(heads, instants - self.start)
            places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            mine = self.keys[places] == wanted
            causes[mine] = self.key_causes[places[mine]]
        return causes


_KEY_SPAN_MS = 2**31  # of a batch's arrivals; a group is far shorter


def _keys(heads: Ints, since_start_ms: Ints) -> Ints:
    keys: Ints = heads * _KEY_SPAN_MS + np.minimum(since_start_ms, _KEY_SPAN_MS - 1)
    return keys
