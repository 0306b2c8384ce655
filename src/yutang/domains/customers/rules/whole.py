"""The state from all identities, evidence and edits at once: what a start needs, a million in seconds.

What is plain (no hand edit, no contradiction, no weak identity that hangs on an open one) is grouped as
columns; the rest is left as single identities and settled by the same code as a record's changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from yutang.domains.customers.contracts import Edit, Kinds
from yutang.domains.customers.rules.draft import Draft, said
from yutang.domains.customers.rules.growing import Growing, Layers, Paged
from yutang.domains.customers.rules.roll import Identities, Index, Roll
from yutang.domains.customers.rules.settle import settled
from yutang.domains.customers.rules.state import NOBODY, SELF, CustomersState, Hand, Space, make_space

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

WEAK_ROUNDS_MAX = 8  # weak on weak on weak …; deeper chains are settled one by one


@dataclass(frozen=True, slots=True)
class _Columns:
    """Identities and evidence as columns; a is the stronger end of each link."""

    weak: Flags
    personal: Flags
    unique: Flags
    order: Ints
    cap: Ints
    space: Ints
    a: Ints
    b: Ints

    @property
    def count(self) -> int:
        return len(self.weak)


def whole(kinds: Kinds, roll: Roll, a: Ints, b: Ints, edits: Sequence[Edit]) -> CustomersState:
    """The state. roll: all identities. a, b: the ends of each piece of evidence, a the stronger."""
    known = {pair: make_space(number, kinds[pair[0]], pair[1]) for number, pair in enumerate(roll.pairs)}
    spaces = list(map(list(known.values()).__getitem__, roll.place.tolist()))
    index = Index(roll)
    hand = _hand(edits, index, spaces)
    columns = _columns(list(known.values()), roll.place, a, b)
    over = _over(columns, kinds.links_count_max)
    said_of = np.zeros(columns.count, np.bool_)
    said_of[[number for pair, _ in hand.verdicts.items() for number in pair]] = True
    labels, open_strong = _strong_labels(columns, over, said_of)
    open_weak = _place_weak(columns, over, said_of, open_strong, labels, hand)
    links, hangers = _links(columns, over)
    cores, attached = _customers(columns, labels)
    base = CustomersState(
        kinds=kinds,
        identities=Identities(roll),
        spaces=Growing(spaces),
        index=index,
        known_spaces=Layers[tuple[str, str], Space]().changed(dict(known)),
        spaces_count=len(known),
        links=links,
        hangers=hangers,
        labels=Paged.of(SELF, _others(labels)),
        cores=cores,
        attached=attached,
        hand=hand,
        edits=Growing(list(edits)),
    )
    draft = Draft(base)
    draft.seeds.update(np.flatnonzero(open_strong | said_of).tolist())
    draft.weak_seeds.update(np.flatnonzero(open_weak).tolist())
    return settled(draft).state if draft.seeds or draft.weak_seeds else base


def _hand(edits: Sequence[Edit], index: Index, spaces: Sequence[Space]) -> Hand:
    hand = Hand()
    for edit in edits:
        a, b = index.find(edit.a), index.find(edit.b)
        assert a is not None and b is not None, "an edit names an identity that isn't kept"
        pair = (a, b) if a <= b else (b, a)
        hand = said(hand, pair, edit.verdict, frozenset(number for number in pair if spaces[number].weak))
    return hand


def _columns(known: Sequence[Space], place: Ints, a: Ints, b: Ints) -> _Columns:
    def flags(values: list[bool]) -> Flags:
        return np.array(values, np.bool_)[place]

    def ints(values: list[int]) -> Ints:
        return np.array(values, np.int64)[place]

    return _Columns(
        weak=flags([space.weak for space in known]),
        personal=flags([space.personal for space in known]),
        unique=flags([space.unique for space in known]),
        order=ints([space.order for space in known]),
        cap=ints([space.spec.cap for space in known]),
        space=place,
        a=a,
        b=b,
    )


def _over(c: _Columns, links_count_max: int) -> Flags:
    """As `draft.exceeds`, for all."""
    strong = ~c.weak[c.b]
    a, b, n = c.a[strong], c.b[strong], c.count
    count = np.bincount(a, minlength=n) + np.bincount(c.b, minlength=n)
    people = np.bincount(b[c.personal[a]], minlength=n)
    same_order = c.order[a] == c.order[b]
    peers = np.bincount(b[~c.personal[a]], minlength=n) + np.bincount(a[same_order], minlength=n)
    return (count > links_count_max) | ((c.cap > 0) & ((people > c.cap) | (peers > c.cap)))


def components(count: int, a: Ints, b: Ints) -> Ints:
    """int64[count]: the smallest number of each number's component."""
    labels = np.arange(count)
    while len(a):
        left, right = labels[a], labels[b]
        apart = left != right
        a, b, left, right = a[apart], b[apart], left[apart], right[apart]
        low = np.minimum(left, right)
        np.minimum.at(labels, left, low)
        np.minimum.at(labels, right, low)
        while True:
            shorter = labels[labels]
            if np.array_equal(shorter, labels):
                break
            labels = shorter
    return labels


def _strong_labels(c: _Columns, over: Flags, said_of: Flags) -> tuple[Ints, Flags]:
    """Labels where strong evidence is plain, else each its own; and which strong ones are left open."""
    taken = ~c.weak[c.b] & ~over[c.a] & ~over[c.b]
    labels = components(c.count, c.a[taken], c.b[taken])
    open_labels = np.zeros(c.count, np.bool_)
    open_labels[labels[said_of]] = True
    unique = np.flatnonzero(c.unique)
    keys, counts = np.unique(labels[unique] * (c.space.max(initial=0) + 1) + c.space[unique], return_counts=True)
    open_labels[keys[counts > 1] // (c.space.max(initial=0) + 1)] = True
    left_open = (open_labels[labels] | over) & ~c.weak
    return np.where(left_open, np.arange(c.count), labels), left_open


def _place_weak(c: _Columns, over: Flags, said_of: Flags, open_strong: Flags, labels: Ints, hand: Hand) -> Flags:
    """Place the weak ones that hang on placed ones only, in `labels`; which are left open."""
    left_open = c.weak & (said_of | over)
    joined = np.zeros(c.count, np.bool_)
    joined[list(hand.weak)] = True
    left_open[c.a[joined[c.b] & c.weak[c.a]]] = True
    live = c.weak[c.b] & ~over[c.a] & ~over[c.b]
    a, b = c.a[live], c.b[live]
    placed = ~c.weak & ~open_strong
    waiting = c.weak & ~left_open
    for _ in range(WEAK_ROUNDS_MAX):
        held = np.bincount(b[~placed[a]], minlength=c.count) > 0
        ready = waiting & ~held
        if not ready.any():
            break
        mine = ready[b]
        low = np.full(c.count, c.count)
        high = np.full(c.count, -1)
        np.minimum.at(low, b[mine], labels[a[mine]])
        np.maximum.at(high, b[mine], labels[a[mine]])
        one = ready & (low == high)
        labels[one] = low[one]
        placed |= ready
        waiting &= ~ready
    return left_open | waiting


def _links(c: _Columns, over: Flags) -> tuple[Paged[tuple[int, ...] | None], Paged[tuple[int, ...]]]:
    strong = ~c.weak[c.b]
    a, b = c.a[strong], c.b[strong]
    linked = _tuples(np.concatenate([a, b, c.b[~strong]]), np.concatenate([b, a, c.a[~strong]]))
    links: Iterator[tuple[int, tuple[int, ...] | None]] = chain(
        linked, ((number, None) for number in np.flatnonzero(over).tolist())
    )
    hung = ~strong & ~over[c.a]
    return Paged.of(NOBODY, links), Paged.of(NOBODY, _tuples(c.a[hung], c.b[hung]))


def _others(labels: Ints) -> Iterator[tuple[int, int]]:
    """The numbers that aren't labels themselves, each with its label."""
    numbers = np.flatnonzero(labels != np.arange(len(labels)))
    return zip(numbers.tolist(), labels[numbers].tolist(), strict=True)


def _tuples(owners: Ints, values: Ints) -> Iterator[tuple[int, tuple[int, ...]]]:
    """The values of each owner that has any."""
    order = np.argsort(owners, kind="stable")
    owners, flat = owners[order], values[order].tolist()
    starts = np.flatnonzero(np.diff(owners, prepend=-1))
    ends = np.append(starts, len(owners))[1:]
    for owner, start, end in zip(owners[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
        yield owner, tuple(flat[start:end])


def _customers(c: _Columns, labels: Ints) -> tuple[Paged[tuple[int, ...]], Paged[tuple[int, ...]]]:
    numbers = np.arange(c.count)
    hung = c.weak & (labels != numbers)
    attached = _tuples(labels[hung], numbers[hung])
    joined = np.zeros(c.count, np.bool_)
    joined[labels[~c.weak & (labels != numbers)]] = True
    core = ~c.weak & joined[labels]
    return Paged.of(NOBODY, _tuples(labels[core], numbers[core])), Paged.of(NOBODY, attached)
