"""Who is one person: customers as sets of anchors.

An anchor is a dense integer that is never reused; a customer is named by its head, the smallest of its
anchors. Invariant: frozen; a change makes a new `People` that shares what it can. Cost: a customer of
one anchor costs nothing beyond its entries; regrouping copies two columns (16 bytes an anchor).
Doesn't know identities: the customers slice decides who belongs together, and hands over their hashes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from yutang.timeline.growth import Shelf
from yutang.timeline.ordering import fill_members
from yutang.timeline.steps import Flags, Ints

KINDS_COUNT_MAX = 62  # bits of an int64 that a set may use
NO_ANCHOR = -1  # ends the chain of a customer's anchors; the head of an anchor that is nobody's any more


class Grouping:
    """Identity of a partition: the same object as long as no existing anchor changes its customer."""

    __slots__ = ()


@dataclass(frozen=True, eq=False)
class People:
    """The partition of anchors into customers.

    heads_column: of each anchor, its customer's head. following: the next larger anchor of the same
    customer, NO_ANCHOR at the last. hashes: hash64 of the identity of each anchor. joined_count: anchors
    that aren't their own head. owned: of each anchor a bit set of the kinds of identity attached to it, bit i
    being kinds[i].
    """

    heads_column: Shelf
    following: Shelf
    hashes: Shelf
    owned: Shelf
    kinds: tuple[str, ...] = ()
    joined_count: int = 0
    grouping: Grouping = field(default_factory=Grouping)

    @classmethod
    def empty(cls) -> People:
        """Nobody."""
        none = np.empty(0, np.int64)
        return cls(Shelf.of(none), Shelf.of(none), Shelf.of(none), Shelf.of(none))

    @classmethod
    def from_columns(cls, head_of: Ints, hashes: Ints) -> People:
        """The people given by the head of each anchor; heads must be the smallest of their customers.

        An anchor whose head is NO_ANCHOR is nobody any more: erased.
        """
        following = np.full(len(head_of), NO_ANCHOR, np.int64)
        order = np.argsort(head_of, kind="stable")
        same = (head_of[order[1:]] == head_of[order[:-1]]) & (head_of[order[1:]] != NO_ANCHOR)
        following[order[:-1][same]] = order[1:][same]
        heads, owned = head_of.astype(np.int64), np.zeros(len(head_of), np.int64)
        shelves = (Shelf.of(heads), Shelf.of(following), Shelf.of(hashes), Shelf.of(owned))
        return cls(*shelves, joined_count=int(same.sum()) + int((head_of == NO_ANCHOR).sum()))

    @property
    def count(self) -> int:
        """The number of anchors."""
        return self.heads_column.length

    @property
    def head_of(self) -> Ints:
        """int64[anchors]: the head of each anchor's customer."""
        return self.heads_column.array

    def heads(self) -> Ints:
        """int64[customers]: all customers by their heads, ascending."""
        return self._heads

    @cached_property
    def _heads(self) -> Ints:
        every = np.arange(self.count)
        return every if not self.joined_count else every[self.head_of == every]

    @cached_property
    def rank(self) -> Ints:
        """int64[anchors]: the place of each anchor's customer in `heads()`."""
        if not self.joined_count:
            return self._heads
        places = np.cumsum(self.head_of == np.arange(self.count)) - 1
        return places[self.head_of]

    @cached_property
    def joined(self) -> Ints:
        """int64[joined_count]: the anchors that aren't their own customer's head, ascending; not those of nobody."""
        if not self.joined_count:
            return np.empty(0, np.int64)
        return np.flatnonzero((self.head_of != np.arange(self.count)) & (self.head_of != NO_ANCHOR))

    def members(self, heads: Ints) -> tuple[Ints, Ints]:
        """(offsets, anchors): the anchors of customer heads[i] are anchors[offsets[i]:offsets[i+1]], ascending."""
        if not self.joined_count:
            return np.arange(len(heads) + 1), heads
        return fill_members(heads, self.following.array)

    def with_anchors(self, count: int, hashes: Ints, owned: Ints | None = None) -> People:
        """The people with anchors up to `count`; hashes: hash64 of the identity of each new anchor.

        owned: the bit set of each, none of the kinds if left out.
        """
        fresh = np.arange(self.count, count)
        if len(fresh) != len(hashes):
            raise ValueError(f"{len(fresh)} new anchors, {len(hashes)} hashes")
        return replace(
            self,
            heads_column=self.heads_column.extended(fresh),
            following=self.following.extended(np.full(len(fresh), NO_ANCHOR, np.int64)),
            hashes=self.hashes.extended(np.asarray(hashes, np.int64)),
            owned=self.owned.extended(np.zeros(len(fresh), np.int64) if owned is None else owned),
        )

    def owning(self, anchors: Ints, owned: Ints, kinds: tuple[str, ...]) -> People:
        """The people with the bit sets of some anchors given; kinds: all kinds, those known before first."""
        if len(kinds) > KINDS_COUNT_MAX:
            raise ValueError(f"{len(kinds)} kinds of identity, at most {KINDS_COUNT_MAX}")
        return replace(self, owned=self.owned.replaced(anchors, owned), kinds=kinds)

    def owners(self, heads: Ints, kinds: Sequence[str]) -> Flags:
        """bool[heads]: whether the customer owns an identity of one of the kinds."""
        mask = sum(1 << i for i, kind in enumerate(self.kinds) if kind in kinds)
        offsets, anchors = self.members(heads)
        if not len(anchors):
            return np.zeros(0, bool)
        owned = np.bitwise_or.reduceat(self.owned.array[anchors], offsets[:-1])
        owning: Flags = np.not_equal(owned & mask, 0)
        return owning

    def regrouped(self, groups: Mapping[int, Ints]) -> People:
        """The people after some customers were made anew: {head: all its anchors, ascending, head first}.

        Every anchor of a customer that changes must appear in one of the groups.
        """
        if not groups:
            return self
        anchors = np.concatenate([np.asarray(group, np.int64) for group in groups.values()])
        heads = np.repeat(np.fromiter(groups, np.int64, len(groups)), [len(group) for group in groups.values()])
        following = np.full(len(anchors), NO_ANCHOR, np.int64)
        following[:-1] = np.where(heads[1:] == heads[:-1], anchors[1:], NO_ANCHOR)
        joined = int((heads != anchors).sum()) - int((self.head_of[anchors] != anchors).sum())
        return replace(
            self,
            heads_column=self.heads_column.replaced(anchors, heads),
            following=self.following.replaced(anchors, following),
            joined_count=self.joined_count + joined,
            grouping=Grouping(),
        )
