"""Customers that something touched, tested again: only by the leaves that it can have turned.

Kept of everybody is the truth of each leaf of the ladders (`timeline.machine`), a bit each. A group of events touches
many customers, each by few types; the machine tests the leaves that read these types, and works out ladders where a
leaf turned. A customer whose identities or first event changed, or who is due inside the group, is tested by all.
What the machine is given (its inputs) is evaluated before (`given`).

Since when something holds that came about before the group is told by the machine if that was after the customer's
oldest event; else it is asked apart, of those customers alone.

Invariants: after it, the kept truths are those at `last`; a customer's due is never later than the next change of any
leaf: it is the least of what it was and of what was found, or what was found if all leaves were tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from yutang.domains.audience.api.anew import truths_anew
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.api.given import Given, found_given, mapped
from yutang.domains.audience.api.touching import NOBODY, Moves, Touched, stirred
from yutang.domains.audience.rules.changes import AudienceState
from yutang.domains.audience.rules.standings import HORIZON_MS, Found, Standings
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.slots import PEOPLE, TIMELINE, VOCABULARY
from yutang.timeline.evaluate import CHANNEL_IDENTITIES, Context, Evaluation
from yutang.timeline.everyone import batch_view
from yutang.timeline.kernels.standing import changes
from yutang.timeline.machine.lying import Batch
from yutang.timeline.machine.prepared import Prepared, prepared_of
from yutang.timeline.machine.reading import facts_of
from yutang.timeline.machine.run import Machine
from yutang.timeline.machine.run import Touched as Tested
from yutang.timeline.people import People
from yutang.timeline.steps import Flags, Ints

DATED_CUSTOMERS_COUNT_MAX = 16_384  # of one evaluation over all time
TESTED_CUSTOMERS_COUNT = 2_048  # of one call of the machine, so that threads end together
TYPES_COUNT_MAX = 62  # bits of an int64 that a set of types may use; the last stands for all other types


def reevaluated(
    epoch: Epoch, touched: Touched, standings: Standings, *, declared: bool = False
) -> tuple[Standings, Moves]:
    """(the standings at `last`, what changed); `standings`: those at `first`, with room for all anchors.

    declared: whether something else may be meant by the definitions than before."""
    prepared = prepared_of(epoch[AUDIENCE].plan, epoch[VOCABULARY], epoch[TIMELINE])
    if declared or standings.keys != prepared.program.keys:
        return declared_anew(epoch, touched, standings)
    work = _Work(epoch, prepared, touched, standings)
    tasks = work.tasks()
    done = mapped(work.done, tasks, len(touched.heads))
    due = np.where(work.whole, NEVER, standings.due_at(touched.heads))
    for task, (_, until) in zip(tasks, done, strict=True):
        due[task.places] = np.minimum(due[task.places], until)
    given_due = np.where(work.whole_given, NEVER, standings.given_due_at(touched.heads))
    given_due = np.minimum(given_due, work.given.due)
    moves = dated(epoch, touched, Moves.joined([moves for moves, _ in done]))
    found = Found(touched.heads, np.minimum(due, given_due), given_due, last_codes(moves), work.turned())
    return standings.moved(found), moves


class _Work:
    """The machine over the customers of a group; by several threads at once.

    whole: who is tested by all leaves; whole_given: and by all inputs. words: the truths, at first as they were kept.
    """

    def __init__(self, epoch: Epoch, prepared: Prepared, touched: Touched, standings: Standings) -> None:
        state: AudienceState = epoch[AUDIENCE]
        heads = touched.heads
        self._epoch, self._prepared, self._touched = epoch, prepared, touched
        view = batch_view(epoch[TIMELINE], epoch[PEOPLE], heads, epoch[VOCABULARY])
        self._seen = view.first_seen()
        self._facts = facts_of(prepared.program.facts, view, CHANNEL_IDENTITIES)
        self._former = first_events(state.people, state.firsts, heads)
        changed = self._seen != self._former
        if epoch[PEOPLE] is not state.people:
            changed |= stirred(state.people, epoch[PEOPLE], heads)
        if not touched.by_time:
            changed |= touched.without_events()
        self.whole: Flags = changed | (standings.due_at(heads) <= touched.last)
        self.whole_given: Flags = changed | (standings.given_due_at(heads) <= touched.last)
        self._kept = standings.truths_at(heads)
        self.words = self._kept.copy()
        self.given: Given = found_given(epoch, prepared, touched, self.whole_given, self.words)
        self._set_of, self._sets = self._leaves()
        self._start = touched.oldest() - 1

    def _leaves(self) -> tuple[Ints, list[Sequence[int]]]:
        """(of each customer which set of leaves is tested, the sets)."""
        touched, names = self._touched, self._touched.names
        bits = np.left_shift(1, np.minimum(np.arange(len(names)), TYPES_COUNT_MAX - 1))
        masks = np.zeros(len(touched.heads), np.int64)
        np.bitwise_or.at(masks, touched.whose, bits[touched.types])
        masks[self.whole] = -1
        kinds, set_of = np.unique(masks, return_inverse=True)
        sets: list[Sequence[int]] = []
        for mask in kinds.tolist():
            mine = [name for name, bit in zip(names, bits.tolist(), strict=True) if mask & bit]
            sets.append(self._prepared.own if mask == -1 else self._prepared.leaves_of(mine))
        return set_of.astype(np.int64), sets

    def turned(self) -> tuple[Ints, Ints]:
        """(heads, their truths): those of whom any turned."""
        rows = np.flatnonzero((self._kept != self.words).any(axis=1))
        return self._touched.heads[rows], self.words[rows]

    def tasks(self) -> list[Batch]:
        """The calls of the machine."""
        timeline, people, heads = self._epoch[TIMELINE], self._epoch[PEOPLE], self._touched.heads
        return list(self._prepared.lying.batches(timeline, people, heads, TESTED_CUSTOMERS_COUNT))

    def done(self, batch: Batch) -> tuple[Moves, Ints]:
        """(what changed for the customers of a call, when each is due by the leaves that were tested)."""
        places, touched = batch.places, self._touched
        heads, seen, former = touched.heads[places], self._seen[places], self._former[places]
        tested = Tested(heads, self._set_of[places], self._sets, self._start[places], seen, former)
        words = np.ascontiguousarray(self.words[places])
        span, flips = (touched.first, touched.last), self.given.flips(places)
        found, due = Machine(self._prepared.links, batch.blocks).moved(tested, span, words, flips, self._facts[places])
        self.words[places] = words
        return Moves(found.ladder, heads[found.place], found.was, found.now, found.when, seen[found.place]), due


def first_events(people: People, firsts: Ints, heads: Ints) -> Ints:
    """int64[heads]: the first event of each customer as it was known; NEVER of those who weren't there."""
    found = np.full(len(heads), NEVER, np.int64)
    known = np.flatnonzero(heads < people.count)
    known = known[people.head_of[heads[known]] == heads[known]]
    offsets, anchors = people.members(heads[known])
    inside = np.full(len(anchors), NEVER, np.int64)
    there = anchors < len(firsts)
    inside[there] = firsts[anchors[there]]
    found[known] = inside if len(anchors) == len(known) else np.minimum.reduceat(inside, offsets[:-1])
    return found


# ── since when ──────────────────────────────────────────────────────────────────────────────────────


def dated(epoch: Epoch, touched: Touched, moves: Moves) -> Moves:
    """With the instants of changes that the machine couldn't date: looked for in the group's stretch, then ever."""
    when = np.where(moves.when == NEVER, BEGINNING, moves.when)
    unsaid = moves.when == NEVER
    for start in dict.fromkeys((touched.start(), BEGINNING)):
        open_ = np.flatnonzero(unsaid & (when == BEGINNING))
        heads = np.unique(moves.head[open_])
        for low in range(0, len(heads), DATED_CUSTOMERS_COUNT_MAX):
            some = heads[low : low + DATED_CUSTOMERS_COUNT_MAX]
            evaluated = _evaluation(epoch, some, start, touched.last)
            inside = open_[(moves.head[open_] >= some[0]) & (moves.head[open_] <= some[-1])]
            for place in np.unique(moves.ladder[inside]).tolist():
                rows = inside[moves.ladder[inside] == place]
                since = evaluated.ladder(epoch[AUDIENCE].plan.names[place]).look(touched.first)[1]
                when[rows] = since[np.searchsorted(some, moves.head[rows])]
    return replace(moves, when=when)


def _evaluation(epoch: Epoch, heads: Ints, start: int, last: int) -> Evaluation:
    view = batch_view(epoch[TIMELINE], epoch[PEOPLE], heads, epoch[VOCABULARY])
    return Evaluation(view, Context(epoch[AUDIENCE].plan, last + HORIZON_MS, start=start))


def last_codes(moves: Moves) -> list[tuple[int, Ints, Ints]]:
    """By ladder, the heads that changed and their last codes."""
    ends = (moves.ladder[1:] != moves.ladder[:-1]) | (moves.head[1:] != moves.head[:-1])
    last = np.append(np.flatnonzero(ends), len(moves.ladder) - 1) if len(moves.ladder) else NOBODY
    ladder, head, now = moves.ladder[last], moves.head[last], moves.now[last]
    bounds = np.searchsorted(ladder, np.arange(int(ladder.max(initial=-1)) + 2)).tolist()
    return [(place, head[low:high], now[low:high]) for place, (low, high) in enumerate(pairwise(bounds)) if low < high]


# ── under another meaning ───────────────────────────────────────────────────────────────────────────


def declared_anew(epoch: Epoch, touched: Touched, standings: Standings) -> tuple[Standings, Moves]:
    """The same where kept truths mean nothing any more: declarations changed, or there are none. Everybody's truths are
    made anew, and the touched customers are told apart by their codes."""
    prepared = prepared_of(epoch[AUDIENCE].plan, epoch[VOCABULARY], epoch[TIMELINE])
    parts = [
        _by_codes(epoch, touched, standings, touched.heads[low : low + DATED_CUSTOMERS_COUNT_MAX])
        for low in range(0, len(touched.heads), DATED_CUSTOMERS_COUNT_MAX)
    ]
    moves = Moves.joined(parts)
    everybody = epoch[PEOPLE].heads()
    others = everybody[~np.isin(everybody, touched.heads, assume_unique=True)]
    asked = ((others, touched.first), (touched.heads, touched.last))
    due, truths = truths_anew(epoch, epoch[AUDIENCE].plan, prepared.links, asked)
    due[others] = np.minimum(due[others], standings.due_at(others))
    found = Found(touched.heads, due[touched.heads], truths.due[touched.heads], last_codes(moves))
    return standings.moved(found).with_truths(due, truths), moves


def _by_codes(epoch: Epoch, touched: Touched, standings: Standings, heads: Ints) -> Moves:
    evaluated = _evaluation(epoch, heads, BEGINNING, touched.last)
    seen, parts = evaluated.view.first_seen(), []
    for place, name in enumerate(epoch[AUDIENCE].plan.names):
        steps = evaluated.ladder(name)
        before = standings.codes_of(place, heads)
        columns = (steps.offsets, steps.at, steps.value, before, touched.first, touched.last)
        who, was, now, when, _, _ = changes(*columns)
        parts.append(Moves(np.full(len(who), place, np.int64), heads[who], was, now, when, seen[who]))
    return Moves.joined(parts)
