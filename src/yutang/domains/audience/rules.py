"""Pure decisions of the audience: quintiles, what changed, and when to look again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from yutang.domains.audience.contracts import Cause, FeedRows, Label
from yutang.kernel.instants import BEGINNING, DAY_MS, HOUR_MS, NEVER
from yutang.timeline.layered import Base, Layered
from yutang.timeline.people import People
from yutang.timeline.plan import Definition, Plan, Rung
from yutang.timeline.steps import Flags, Ints, Steps

QUINTILES = 5
NO_VALUE = -1  # the code of `none`; other codes are places in `Label.values`
HORIZON_MS = 400 * DAY_MS  # how far ahead recurring dates are worked out; looked at again before


@dataclass(frozen=True, eq=False)
class Standings:
    """The present value of every ladder by anchor, and when each customer must be looked at again.

    Meaningful at heads of customers only; other anchors have no value and are never due. names: of the ladders, in
    the order of the plan. table: codes int16[ladders, anchors]; due int64[1, anchors], the earliest instant at which
    any of a customer's ladders may change if nothing happens, always after the instant of the standings.
    """

    names: tuple[str, ...] = ()
    table: Layered = field(default_factory=lambda: _blank(0, 0))

    @classmethod
    def nothing(cls, names: Sequence[str], anchors: int) -> Standings:
        """Nobody has a value, and nothing is due."""
        return cls(tuple(names), _blank(len(names), anchors))

    @property
    def anchors(self) -> int:
        return self.table.length

    def grown(self, anchors: int) -> Standings:
        """With room for more anchors."""
        return replace(self, table=self.table.grown(anchors))

    def changed(self, found: Found) -> Standings:
        """With new entries at some heads."""
        order = np.argsort(found.heads, kind="stable")
        codes = found.codes[:, order].astype(CODES)
        return replace(self, table=self.table.changed(found.heads[order], (codes, found.due[None, order])))

    def cleared(self, anchors: Ints) -> Standings:
        """Without value at the given anchors."""
        codes = np.full((len(self.names), len(anchors)), NO_VALUE, np.int64)
        return self.changed(Found(anchors, codes, np.full(len(anchors), NEVER, np.int64)))

    def codes(self, anchors: Ints) -> Ints:
        """int64[ladders, anchors]: the codes at some anchors, NO_VALUE beyond all."""
        found: Ints = self.table.take(anchors)[0].astype(np.int64)
        return found

    def due_at(self, anchors: Ints) -> Ints:
        """int64[anchors]: when some anchors must be looked at again."""
        found: Ints = self.table.take(anchors)[1][0]
        return found

    def column(self, name: str) -> Ints:
        """int64[anchors]: one ladder's codes."""
        found: Ints = self.table.whole()[0][self.names.index(name)].astype(np.int64)
        return found

    def recast(self, names: Sequence[str], columns: Mapping[str, Ints]) -> Standings:
        """Under other ladders; columns: the codes of those that aren't as they were."""
        codes, due = self.table.whole()
        kept = [columns[name] if name in columns else codes[self.names.index(name)] for name in names]
        block = np.array(kept, CODES).reshape(len(names), self.anchors)
        return Standings(tuple(names), Layered.of((block, due), _FILLERS))

    def due(self, after_ms: int, until_ms: int) -> Ints:
        """Heads for which some ladder may change in (after, until], ascending."""
        table = self.table
        parts = [_base_due(table.base, after_ms, until_ms)]
        parts += [
            layer.rows[(layer.blocks[1][0] > after_ms) & (layer.blocks[1][0] <= until_ms)] for layer in table.layers
        ]
        heads = np.unique(np.concatenate(parts))
        if not table.layers:
            return heads
        due = self.due_at(heads)
        return heads[(due > after_ms) & (due <= until_ms)]


@dataclass(frozen=True, slots=True)
class Found:
    """What an evaluation finds at its instant. codes: int64[ladders, heads]. due: int64[heads]."""

    heads: Ints
    codes: Ints
    due: Ints

    @classmethod
    def joined(cls, parts: Sequence[Found]) -> Found:
        """Several as one; at least one is given."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.heads for part in parts]),
            np.concatenate([part.codes for part in parts], axis=1),
            np.concatenate([part.due for part in parts]),
        )


CODES = np.int16  # a ladder has at most 100 values, and for a moment as many that it had before
_FILLERS = (NO_VALUE, NEVER)
SOON_MS = HOUR_MS  # how far ahead the dues of a base are put in order at once
_SOON = "soon"  # key of a base's memo


def _blank(ladders: int, anchors: int) -> Layered:
    codes, due = np.full((ladders, anchors), NO_VALUE, CODES), np.full((1, anchors), NEVER, np.int64)
    return Layered.of((codes, due), _FILLERS)


def _base_due(base: Base, after_ms: int, until_ms: int) -> Ints:
    """The rows of a base that are due in (after, until]: those of a span are found once, then looked up."""
    due = base.blocks[1][0]
    known: tuple[int, int, Ints, Ints] | None = base.memo.get(_SOON)
    if known is None or after_ms < known[0] or until_ms > known[1]:
        rows = np.flatnonzero((due > after_ms) & (due <= until_ms + SOON_MS)).astype(np.int64)
        rows = rows[np.argsort(due[rows], kind="stable")]
        known = base.memo[_SOON] = (after_ms, until_ms + SOON_MS, due[rows], rows)
    low, high = np.searchsorted(known[2], (after_ms, until_ms), side="right")
    return known[3][low:high]


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
    """All definitions and their standings at one epoch. people: whom the standings are about."""

    labels: Mapping[str, Label] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    standings: Standings = field(default_factory=Standings)
    quintiles: Mapping[str, Snapshot] = field(default_factory=dict)
    people: People = field(default_factory=People.empty)

    def feed_order(self) -> tuple[str, ...]:
        """Label names by level of the plan, quintiles last: the order of ties in the feed."""
        return (*self.plan.names, *sorted(name for name, label in self.labels.items() if label.quintile))


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
    if len(scores):
        worse = np.searchsorted(np.sort(scores), scores, side="left")
        codes[among] = QUINTILES - 1 - (QUINTILES * worse) // len(scores)
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


def changes_within(steps: Steps, heads: Ints, after_ms: int, until_ms: int) -> tuple[Ints, Ints, Ints, Ints]:
    """The changes in (after, until]: (head, value before, value after, at), by customer and instant."""
    rows = np.flatnonzero((steps.at > after_ms) & (steps.at <= until_ms))
    owner = np.searchsorted(steps.offsets, rows, side="right") - 1
    return heads[owner], steps.value[rows - 1], steps.value[rows], steps.at[rows]


def feed_rows(parts: Sequence[tuple[int, Ints, Ints, Ints, Ints, Ints]]) -> FeedRows | None:
    """One feed out of parts (label index, head, before, after, at, cause); None if all are empty.

    Each customer is led by its head until somebody says better.
    """
    if not any(len(part[1]) for part in parts):
        return None
    label = np.concatenate([np.full(len(part[1]), part[0], np.int64) for part in parts])
    head, before, after, at, cause = (np.concatenate([part[i] for part in parts]) for i in range(1, 6))
    order = np.lexsort((head, label, at))
    head = head[order]
    return FeedRows(label[order], head, head, before[order], after[order], at[order], cause[order])


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
