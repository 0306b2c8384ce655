"""Pure decisions of the audience: quintiles, what changed, and when to look again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from yutang.domains.audience.contracts import Cause, FeedRows, Label
from yutang.kernel.instants import BEGINNING, DAY_MS, NEVER
from yutang.timeline.people import People
from yutang.timeline.plan import Definition, Plan, Rung
from yutang.timeline.steps import Flags, Ints, Steps

QUINTILES = 5
NO_VALUE = -1  # the code of `none`; other codes are places in `Label.values`
HORIZON_MS = 400 * DAY_MS  # how far ahead recurring dates are worked out; looked at again before


@dataclass(frozen=True, slots=True)
class Standing:
    """The present value of a label, by anchor; meaningful at heads of customers only.

    value: int64 codes. since, until: the exact instants between which the value holds if nothing happens.
    taken_at: of a quintile, the instant of the snapshot; an anchor keeps the value that it had as a head then.
    """

    value: Ints
    since: Ints
    until: Ints
    taken_at: int = 0

    @classmethod
    def nothing(cls, anchors: int) -> Standing:
        """Nobody has a value, and nothing is due."""
        value, since, until = (np.full(anchors, filler, np.int64) for filler in (NO_VALUE, BEGINNING, NEVER))
        return cls(value, since, until)

    def grown(self, anchors: int) -> Standing:
        """With room for more anchors."""
        missing = anchors - len(self.value)
        if missing <= 0:
            return self
        more = Standing.nothing(missing)
        return Standing(
            np.concatenate([self.value, more.value]),
            np.concatenate([self.since, more.since]),
            np.concatenate([self.until, more.until]),
            self.taken_at,
        )

    def changed(self, heads: Ints, value: Ints, since: Ints, until: Ints) -> Standing:
        """With new entries at the given heads."""
        columns = self.value.copy(), self.since.copy(), self.until.copy()
        for column, entries in zip(columns, (value, since, until), strict=True):
            column[heads] = entries
        return Standing(*columns, self.taken_at)

    def cleared(self, anchors: Ints) -> Standing:
        """Without value at the given anchors."""
        blank = Standing.nothing(len(anchors))
        return self.changed(anchors, blank.value, blank.since, blank.until)


@dataclass(frozen=True, slots=True)
class AudienceState:
    """All definitions and their standings at one epoch. people: whom the standings are about."""

    labels: Mapping[str, Label] = field(default_factory=dict)
    plan: Plan = field(default_factory=Plan)
    standings: Mapping[str, Standing] = field(default_factory=dict)
    people: People = field(default_factory=People.empty)

    def feed_order(self) -> tuple[str, ...]:
        """Label names by level of the plan, quintiles last: the order of ties in the feed."""
        return (*self.plan.names, *sorted(name for name, label in self.labels.items() if label.quintile))

    def due(self, instant: int) -> Ints:
        """Heads for which some label may change at or before an instant."""
        flags: Flags | None = None
        for name in self.plan.names:
            soon = self.standings[name].until <= instant
            flags = soon if flags is None else flags | soon
        return np.flatnonzero(flags).astype(np.int64) if flags is not None else np.empty(0, np.int64)


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


def recoded(standing: Standing, old: Sequence[str], new: Sequence[str]) -> Standing:
    """A standing under a changed ladder: codes follow their names; those that are gone come after the new ones."""
    names = [*new, *retired(old, new)]
    codes = [names.index(value) for value in old]
    return replace(standing, value=np.array([*codes, NO_VALUE], np.int64)[standing.value])


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
