"""Who stands in which part of a question about many customers.

Most customers stand in order in the arrangements of the types that are asked about: they come in contiguous parts.
The *others* come in parts of their own, and are gathered: those whose anchors were regrouped since an arrangement was
made, and those with rows that came since. Where such rows are of too many customers, all parts merge them in instead.
Cost: a few passes over columns of one byte an anchor, and over the anchors of what came since.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from yutang.timeline.arranging_store import ARRANGED_ROWS_COUNT_MIN, Arrangement, Arrangements, changed_anchors
from yutang.timeline.arranging_view import Arranged, Firsts
from yutang.timeline.people import People
from yutang.timeline.runs import Run
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.tracks import TimelineState, Track

OTHERS_SHARE = 2  # rows that came since are merged into all parts if they are of more than this part of the customers
DUE_SHARE = 16  # an arrangement is due once this part of rows, or of anchors, isn't in order
OTHERS_COUNT_MIN = 4_096  # as many may always be gathered
LINE_UPS_KEPT_COUNT = 16
ASKED_SHARE = 8  # fewer customers than this part of all are gathered: most of the arrangements would be passed over


@dataclass(frozen=True, eq=False)
class LineUp:
    """Customers as they are cut into parts.

    heads: int64[], ascending, those that stand in order, with whoever lies between them. mine: bool[heads], which of
    them are asked about and are in order; None: all. others: int64[], heads of those asked about who aren't.
    """

    heads: Ints
    mine: Flags | None
    others: Ints
    arranged: Mapping[str, Arranged]
    firsts: Firsts

    def stretches(self, count: int) -> Iterator[slice]:
        """Places in `heads` of so many at a time, left out where nobody is asked about."""
        for start in range(0, len(self.heads), count):
            if self.mine is None or self.mine[start : start + count].any():
                yield slice(start, start + count)


def newer_runs(state: TimelineState, type_name: str, one: Arrangement) -> tuple[Run, ...]:
    """The runs of a type that an arrangement doesn't hold."""
    held = set(one.made_of.files)
    return tuple(run for run in state.tracks[type_name].runs if run.shelf not in held)


def due(track: Track, people: People, one: Arrangement | None) -> bool:
    """Whether the rows of a track should be arranged (anew): enough rows came in files since, or enough anchors were
    regrouped, that reading suffers more than arranging costs."""
    rows = sum(run.rows for run in track.files)
    if one is None:
        return rows >= ARRANGED_ROWS_COUNT_MIN
    regrouped = len(changed_anchors(one, people))
    return (rows - one.rows) * DUE_SHARE > rows or regrouped * DUE_SHARE > one.anchors_count


def touched(people: People, runs: Sequence[Run]) -> Flags:
    """bool[anchors]: the heads of customers with rows in some runs."""
    flags = np.zeros(people.count, np.bool_)
    for run in runs:
        heads = people.head_of[run.anchors]
        flags[heads[heads >= 0]] = True
    return flags


class LineUps:
    """The line-ups of everybody for the last few sets of types that were asked about. They share the first events."""

    def __init__(self) -> None:
        self._kept: OrderedDict[frozenset[str], tuple[tuple[object, ...], LineUp]] = OrderedDict()
        self._firsts: Firsts | None = None
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._kept.clear()
            self._firsts = None

    def of(self, state: TimelineState, people: People, asked: Ints | None, found: Mapping[str, Arrangement]) -> LineUp:
        """As `line_up`; that of everybody is kept while nothing changes."""
        if asked is not None:
            return line_up(state, people, asked, found)
        runs = [run for name, one in found.items() for run in newer_runs(state, name, one)]
        seen = (state.first_at, state.first_tie)
        key = (people.grouping, people.count, *seen, *found.values(), *runs)
        types = frozenset(found)
        with self._lock:
            known = self._kept.get(types)
            if self._firsts is None or not self._firsts.fits(state, people):
                self._firsts = Firsts(state, people)
            firsts = self._firsts
        if known is not None and len(known[0]) == len(key) and all(map(_is, known[0], key)):
            return known[1]
        lined = line_up(state, people, None, found, firsts)
        with self._lock:
            self._kept[types] = (key, lined)
            self._kept.move_to_end(types)
            while len(self._kept) > LINE_UPS_KEPT_COUNT:
                self._kept.popitem(last=False)
        return lined


def _is(one: object, other: object) -> bool:
    return one is other or (isinstance(one, int) and one == other)


def line_up(
    state: TimelineState,
    people: People,
    asked: Ints | None,
    found: Mapping[str, Arrangement],
    firsts: Firsts | None = None,
) -> LineUp:
    """The parts of customers (None: all) for questions that read types of which arrangements were found."""
    heads = people.heads()
    changed = changes(people, found)
    between, apart = _regrouped(people, found, changed)
    arranged, most = {}, max(OTHERS_COUNT_MIN, len(heads) // OTHERS_SHARE)
    for type_name, one in found.items():
        since = newer = newer_runs(state, type_name, one)
        theirs = touched(people, since) if since else None
        if theirs is not None and np.count_nonzero(theirs) <= most:
            apart = theirs if apart is None else apart | theirs
            newer = ()
        arranged[type_name] = Arranged(one, since, newer, changed[grouping_of(one)])
    line = heads if between is None else np.flatnonzero(between)
    if asked is None and apart is None:
        mine, others = None, heads[:0]
    else:
        wanted = np.zeros(people.count, np.bool_)
        wanted[heads if asked is None else asked] = True
        apart = np.zeros(people.count, np.bool_) if apart is None else apart
        mine, others = (wanted & ~apart)[line], np.flatnonzero(wanted & apart)
    return LineUp(line, mine, others, arranged, firsts or Firsts(state, people))


class LastGathering:
    """How any customers are read at the epoch that was asked about last."""

    def __init__(self) -> None:
        self._kept: tuple[object, object, dict[str, Arranged]] | None = None

    def clear(self) -> None:
        """Let go of it."""
        self._kept = None

    def of(self, state: TimelineState, people: People, arrangements: Arrangements) -> dict[str, Arranged]:
        """`gathering` by all arrangements that there are."""
        kept = self._kept
        if kept is not None and kept[0] is state.tracks and kept[1] is people.grouping:
            return kept[2]
        found = {name: arrangements.of(name, track) for name, track in state.tracks.items()}
        there = {name: one for name, one in found.items() if one is not None}
        arranged = gathering(state, people, there)
        self._kept = (state.tracks, people.grouping, arranged)
        if not arrangements.keeps(there.values()):  # the clearing may have come before
            self.clear()
        return arranged


def gathering(state: TimelineState, people: People, found: Mapping[str, Arrangement]) -> dict[str, Arranged]:
    """How few customers are read by the arrangements that were found."""
    changed = changes(people, found)
    return {
        type_name: Arranged(one, newer_runs(state, type_name, one), (), changed[grouping_of(one)])
        for type_name, one in found.items()
    }


def grouping_of(one: Arrangement) -> tuple[str, int]:
    """What tells the grouping that an arrangement was made under from others."""
    return one.made_of.heads, one.anchors_count


def changes(people: People, found: Mapping[str, Arrangement]) -> dict[tuple[str, int], Ints]:
    """By grouping, the anchors that were regrouped since."""
    one_each = {grouping_of(one): one for one in found.values()}
    return {grouping: changed_anchors(one, people) for grouping, one in one_each.items()}


def _regrouped(
    people: People, found: Mapping[str, Arrangement], changes_: Mapping[tuple[str, int], Ints]
) -> tuple[Flags | None, Flags | None]:
    """(the heads of today and of when any arrangement was made, those whose customer isn't the same); bool[anchors]
    each, None if nobody was regrouped."""
    between: Flags | None = None
    apart: Flags | None = None
    for one in {grouping_of(one): one for one in found.values()}.values():
        changed = changes_[grouping_of(one)]
        if len(changed):
            if between is None or apart is None:
                between = people.head_of == np.arange(people.count)
                apart = np.zeros(people.count, np.bool_)
            before = changed if one.built is None else one.built[changed]
            now = people.head_of[changed]
            between[before] = True
            apart[before] = True
            apart[now[now >= 0]] = True
    return between, apart
