"""Where everybody stands: values of ladders, truths of leaves, and when to look again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from yutang.kernel.instants import DAY_MS, HOUR_MS, NEVER
from yutang.timeline.steps import Ints
from yutang.timeline.versioned import Entries, Versioned

NO_VALUE = -1  # the code of `none`; other codes are places in `Label.values`
HORIZON_MS = 400 * DAY_MS  # how far ahead recurring dates are worked out; looked at again before


@dataclass(frozen=True, slots=True)
class Truths:
    """What a machine keeps of everybody. keys: of the leaves, in order. words: int64[anchors, words], a bit a leaf.

    due: int64[anchors], when what the machine is given (its inputs) must be looked at again.
    """

    keys: tuple[str, ...]
    words: Ints
    due: Ints


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of some customers, each given once. due, given: by `heads`, as in the table. codes: by ladder, the
    heads that changed, and to what. words: heads, and their truths."""

    heads: Ints
    due: Ints
    given: Ints
    codes: Sequence[tuple[int, Ints, Ints]] = ()
    words: tuple[Ints, Ints] | None = None


@dataclass(frozen=True, eq=False)
class Standings:
    """The present value of every ladder by anchor, and when each customer must be looked at again.

    Meaningful at heads of customers only; other anchors have no value and are never due, and truths only of who has an
    event. names: of the ladders, in
    the order of the plan. keys: of the leaves whose truths are kept; none before they are worked out. table: a column
    of codes for each ladder, then `due`: int64, an instant before which nothing of a customer changes (no ladder, no
    leaf) if nothing happens, always after the instant of the standings; then when inputs are looked at again; then the
    truths of the leaves: some words side by side. Dues may be early (looking again then is for nothing), never late.
    """

    names: tuple[str, ...] = ()
    table: Versioned = field(default_factory=lambda: Standings.nothing((), 0).table)
    memo: dict[str, _Soon] = field(default_factory=dict)  # what `due` worked out
    keys: tuple[str, ...] = ()

    @classmethod
    def nothing(cls, names: Sequence[str], anchors: int) -> Standings:
        """Nobody has a value, and nothing is due."""
        return cls.of(names, *blank(len(names), anchors))

    @classmethod
    def of(cls, names: Sequence[str], codes: Sequence[Codes], due: Ints, truths: Truths | None = None) -> Standings:
        """From columns by anchor, which nobody else writes to."""
        truths = truths or no_truths((), len(due))
        fillers = (*(NO_VALUE,) * len(codes), NEVER, NEVER, 0)
        return cls(tuple(names), Versioned.of((*codes, due, truths.due, truths.words), fillers), keys=truths.keys)

    @property
    def anchors(self) -> int:
        return self.table.length

    def grown(self, anchors: int) -> Standings:
        """With room for more anchors."""
        return replace(self, table=self.table.grown(anchors))

    def moved(self, found: Found) -> Standings:
        """With what was found of some heads."""
        entries = [Entries(*one) for one in found.codes]
        for place, values in enumerate((found.due, found.given)):
            entries.append(Entries(len(self.names) + place, found.heads, values))
        if found.words is not None:
            entries.append(Entries(len(self.names) + 2, *found.words))
        after = Standings(self.names, self.table.changed(entries), keys=self.keys)
        known = self.memo.get(_SOON)
        if known is not None and known.added_count < SOON_ADDED_COUNT_MAX:
            after.memo[_SOON] = known.with_added(found.heads[found.due <= known.until_ms])
        return after

    def cleared(self, anchors: Ints) -> Standings:
        """Without value at the given anchors."""
        nothing = np.full(len(anchors), NO_VALUE, np.int64)
        codes = [(place, anchors, nothing) for place in range(len(self.names))]
        never = np.full(len(anchors), NEVER, np.int64)
        words = np.zeros((len(anchors), words_count(self.keys)), np.int64)
        return self.moved(Found(anchors, never, never, codes, (anchors, words)))

    def codes(self, anchors: Ints) -> Ints:
        """int64[ladders, anchors]: the codes at some anchors, NO_VALUE beyond all."""
        found = [self.codes_of(place, anchors) for place in range(len(self.names))]
        return np.array(found, np.int64).reshape(len(found), len(anchors))

    def codes_of(self, place: int, anchors: Ints) -> Ints:
        """int64[anchors]: the codes of one ladder, by its place, at some anchors."""
        return self.table.take(place, anchors).astype(np.int64)

    def due_at(self, anchors: Ints) -> Ints:
        """int64[anchors]: when some anchors must be looked at again."""
        return self.table.take(len(self.names), anchors)

    def given_due_at(self, anchors: Ints) -> Ints:
        """int64[anchors]: when the inputs of some anchors must be looked at again."""
        return self.table.take(len(self.names) + 1, anchors)

    def truths_at(self, anchors: Ints) -> Ints:
        """int64[anchors, words]: the truths of the leaves at some anchors."""
        return self.table.take(len(self.names) + 2, anchors)

    def truths(self) -> Truths:
        """Those of everybody: copies."""
        return Truths(self.keys, self.table.whole(len(self.names) + 2), self.table.whole(len(self.names) + 1))

    def column(self, name: str) -> Ints:
        """int64[anchors]: one ladder's codes."""
        return self.table.whole(self.names.index(name)).astype(np.int64)

    def recast(
        self, names: Sequence[str], columns: Mapping[str, Ints], due: Ints | None = None, truths: Truths | None = None
    ) -> Standings:
        """Under other ladders; columns: the codes of those that aren't as they were, due: by anchor, their dues.

        Of leaves nothing is known but what `truths` says."""
        kept = [
            narrowed(columns[name]) if name in columns else self.table.whole(self.names.index(name)) for name in names
        ]
        dues = self.table.whole(len(self.names))
        return Standings.of(names, kept, dues if due is None else np.minimum(dues, due), truths)

    def with_truths(self, due: Ints, truths: Truths) -> Standings:
        """With other dues, and other truths of leaves, of everybody."""
        return Standings.of(self.names, [self.table.whole(place) for place in range(len(self.names))], due, truths)

    def due(self, after_ms: int, until_ms: int) -> Ints:
        """Heads for which some ladder may change in (after, until], ascending."""
        known = self.memo.get(_SOON)
        if known is None or after_ms < known.after_ms or until_ms > known.until_ms:
            due = self.table.whole(len(self.names))
            known = self.memo[_SOON] = _Soon.of(due, after_ms, until_ms + SOON_MS)
        heads = known.candidates(after_ms, until_ms)
        due = self.due_at(heads)
        return heads[(due > after_ms) & (due <= until_ms)]


Codes = npt.NDArray[np.int8 | np.int16]  # a ladder has at most 100 values, and for a moment those that it had before
SOON_MS = HOUR_MS  # how far ahead dues are put in order at once
SOON_ADDED_COUNT_MAX = 65_536  # heads that became due soon since; with more, all are put in order anew
_SOON = "soon"


def narrowed(codes: Ints) -> Codes:
    """Codes in as few bytes as they need."""
    return codes.astype(np.int8 if codes.max(initial=0) <= np.iinfo(np.int8).max else np.int16)


def words_count(keys: Sequence[str]) -> int:
    """How many words hold the truths of so many leaves."""
    return -(-len(keys) // 64)


def blank(ladders: int, anchors: int) -> tuple[list[Codes], Ints]:
    """(codes, dues) of nobody."""
    codes: list[Codes] = [np.full(anchors, NO_VALUE, np.int8) for _ in range(ladders)]
    return codes, np.full(anchors, NEVER, np.int64)


def no_truths(keys: Sequence[str], anchors: int) -> Truths:
    """No leaf holds of anybody."""
    words = np.zeros((anchors, words_count(keys)), np.int64)
    return Truths(tuple(keys), words, np.full(anchors, NEVER, np.int64))


def carried(kept: Truths, keys: Sequence[str]) -> Ints:
    """int64[anchors, words]: kept truths where other leaves want them, by their keys; 0 of those that aren't kept.

    Cost: a pass or two over everybody for each run of leaves that stay together."""
    place = {key: leaf for leaf, key in enumerate(kept.keys)}
    moves: dict[tuple[int, int, int], int] = {}  # from which word into which, how many bits up: which bits
    for leaf, key in enumerate(keys):
        if key in place:
            former = place[key]
            move = (former // 64, leaf // 64, leaf % 64 - former % 64)
            moves[move] = moves.get(move, 0) | 1 << former % 64
    found = np.zeros((len(kept.words), words_count(keys)), np.uint64)
    for (source, into, shift), mask in moves.items():
        bits = kept.words[:, source].astype(np.uint64) & np.uint64(mask)
        found[:, into] |= bits << np.uint64(shift) if shift >= 0 else bits >> np.uint64(-shift)
    return found.view(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Soon:
    """Who was due in (after, until] when everybody was looked at, by due; and who became so since."""

    after_ms: int
    until_ms: int
    due: Ints
    heads: Ints
    added: tuple[Ints, ...] = ()
    added_count: int = 0

    @classmethod
    def of(cls, due: Ints, after_ms: int, until_ms: int) -> _Soon:
        heads = np.flatnonzero((due > after_ms) & (due <= until_ms)).astype(np.int64)
        heads = heads[np.argsort(due[heads], kind="stable")]
        return cls(after_ms, until_ms, due[heads], heads)

    def with_added(self, heads: Ints) -> _Soon:
        if not len(heads):
            return self
        return replace(self, added=(*self.added, heads), added_count=self.added_count + len(heads))

    def candidates(self, after_ms: int, until_ms: int) -> Ints:
        """All who may be due in (after, until], ascending."""
        low, high = np.searchsorted(self.due, (after_ms, until_ms), side="right")
        return np.unique(np.concatenate((self.heads[low:high], *self.added)))
