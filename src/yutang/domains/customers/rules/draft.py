"""A state under change in private memory: new identities, new evidence, new words of people.

    anchor(identities) and say(a, b, verdict) collect;  `settle.settled(draft)` makes the next state.

Invariant: the state that it was made from doesn't change; a dropped draft leaves no trace. Only what the
changes touch is looked at again, and identities over their cap aren't walked through.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from yutang.domains.customers.contracts import Edit, Verdict
from yutang.domains.customers.rules.state import NOBODY, SELF, CustomersState, Hand, Space, make_space
from yutang.kernel.event import Identity


class Draft:
    """Collects changes; also the graph that resolution reads."""

    def __init__(self, state: CustomersState) -> None:
        self.base = state
        self.fresh: list[Identity] = []
        self.fresh_spaces: list[Space] = []
        self.evidence_rows: list[tuple[int, int]] = []
        self.doubtful_rows: set[tuple[int, int]] = set()  # between ends that keep no links: may be kept already
        self.edit_rows: list[Edit] = []
        self.links = state.links.edited()
        self.hand: Hand = state.hand
        self.fresh_hangers: dict[int, list[int]] = {}
        self.seeds: set[int] = set()  # strong, or joined by hand: their regions are resolved again
        self.weak_seeds: set[int] = set()  # placed again
        self.new_spaces: list[Space] = []  # the base doesn't know them; by number
        self._numbers: dict[Identity, int] = {}
        self._spaces: dict[tuple[str, str], Space] = {}
        self._count = state.count

    # ── identities ──────────────────────────────────────────────────────────────────────────────

    def number(self, identity: Identity) -> int:
        """The number of an identity, a new one if it was never seen."""
        found = self._numbers.get(identity)
        if found is None:
            found = self.base.index.find(identity)
        if found is None:
            found = self._count + len(self.fresh)
            space = self._space_of(identity.kind, identity.scope)
            self._numbers[identity] = found
            self.fresh.append(Identity(space.spec.name, space.scope, identity.value))
            self.fresh_spaces.append(space)
        return found

    def _space_of(self, kind: str, scope: str) -> Space:
        space = self._spaces.get((kind, scope)) or self.base.known_spaces.get((kind, scope))
        if space is None:
            number = self.base.spaces_count + len(self.new_spaces)
            space = make_space(number, self.base.kinds[kind], scope)
            self.new_spaces.append(space)
        self._spaces[kind, scope] = space
        return space

    def identity(self, number: int) -> Identity:
        return self.base.identities[number] if number < self._count else self.fresh[number - self._count]

    def space(self, number: int) -> Space:
        return self.base.spaces[number] if number < self._count else self.fresh_spaces[number - self._count]

    def strength(self, number: int) -> tuple[int, Identity]:
        return self.space(number).order, self.identity(number)

    def anchor(self, identities: Iterable[Identity]) -> int:
        """The anchor of an event that carries the identities; notes what it is evidence of."""
        numbers = [self.number(identity) for identity in sorted(set(identities))]
        if len(numbers) == 1:
            return numbers[0]
        # Sorted as identities are, so the first of the strongest kind is the strongest.
        anchor = min(numbers, key=lambda number: self.space(number).order)
        for number in numbers:
            if number != anchor:
                self._link(anchor, number)
        return anchor

    # ── evidence ────────────────────────────────────────────────────────────────────────────────

    def _link(self, a: int, b: int) -> None:
        before = self.links.get(b)
        if self.space(b).weak:
            if before is None:
                return self.doubtful_rows.add((a, b))
            if a in before:
                return None
            if self.links.get(a) is not None:  # else it links nobody, so nobody hangs on it
                self.fresh_hangers.setdefault(a, []).append(b)
            self.links.set(b, (*before, a))
            self.weak_seeds.add(b)
            if b in self.hand.weak and self.space(a).weak:
                self.weak_seeds.add(a)  # b may have been placed before a
        else:
            other = self.links.get(a)
            known = other if before is None else before if other is None or len(before) < len(other) else other
            if known is None:
                return self.doubtful_rows.add((a, b))
            if a in known or b in known:
                return None
            if before is not None:
                self.links.set(b, (*before, a))
            if other is not None:
                self.links.set(a, (*other, b))
            self.seeds.add(a)
            self.seeds.add(b)
            self._burst_if_over(a)
        self._burst_if_over(b)
        return self.evidence_rows.append((a, b))

    def _burst_if_over(self, number: int) -> None:
        links = self.links.get(number)
        most = self.base.kinds.links_count_max
        if links is None or not exceeds(self.space(number), [self.space(other) for other in links], most):
            return
        self.links.set(number, None)
        self.weak_seeds.update(self.hangers(number))
        if self.space(number).weak:
            self.weak_seeds.update(other for other in links if other in self.hand.weak or self.space(other).weak)
        else:
            self.seeds.update(links)
            self.seeds.add(number)

    # ── what resolution reads ───────────────────────────────────────────────────────────────────

    def evidence(self, number: int) -> list[int]:
        """See `resolve.Graph`."""
        links = self.links.get(number)
        if not links or self.space(number).weak:
            return []
        return [other for other in links if self.links.get(other) is not None]

    def hangers(self, number: int) -> tuple[int, ...]:
        """The weak identities that were seen with an identity as the weaker end."""
        old, new = self.base.hangers.get(number), self.fresh_hangers.get(number)
        return (*old, *new) if new else old

    def same(self, number: int) -> Sequence[int]:
        return self.hand.same.get(number) or NOBODY

    def different(self, number: int) -> Sequence[int]:
        return self.hand.different.get(number) or NOBODY

    def verdict(self, a: int, b: int) -> Verdict | None:
        return self.hand.of(a, b)

    def joined_by_hand(self, number: int) -> list[int]:
        """The identities that people said are the same as one, itself included, directly or through others."""
        found, waiting = {number}, [number]
        while waiting:
            for other in self.same(waiting.pop()):
                if other not in found:
                    found.add(other)
                    waiting.append(other)
        return sorted(found)

    # ── hand ────────────────────────────────────────────────────────────────────────────────────

    @property
    def changed(self) -> bool:
        """Whether there is anything to settle."""
        return bool(self.fresh or self.seeds or self.weak_seeds or self.doubtful_rows)

    def say(self, a: int, b: int, verdict: Verdict) -> None:
        """Put a verdict in force for a pair (an identity and itself: its review is settled)."""
        pair = (a, b) if a <= b else (b, a)
        self._wake_around(pair)
        self.hand = said(self.hand, pair, verdict, frozenset(n for n in pair if self.space(n).weak))
        self._wake_around(pair)
        self.seeds.update(pair)

    def _wake_around(self, pair: tuple[int, int]) -> None:
        # A weak identity joined by hand takes its place earlier: which of two looks at their link may turn.
        for number in {*self.joined_by_hand(pair[0]), *self.joined_by_hand(pair[1])}:
            if self.space(number).weak:
                self.weak_seeds.update(other for other in self.links.get(number) or () if self.space(other).weak)
                self.weak_seeds.update(self.hangers(number))


def exceeds(space: Space, linked: Sequence[Space], links_count_max: int) -> bool:
    """Whether an identity linked with others of these spaces links nobody any more.

    Its cap counts distinct personal identities, and apart from them the distinct shared ones that rank
    as high or higher; links_count_max is of all (of a weak one: the stronger ones).
    """
    if len(linked) > links_count_max:
        return True
    cap = space.spec.cap
    if not cap or len(linked) <= cap:
        return False
    people = sum(other.personal for other in linked)
    peers = sum(not other.personal and other.order <= space.order for other in linked)
    return people > cap or peers > cap


def said(hand: Hand, pair: tuple[int, int], verdict: Verdict, weak: frozenset[int]) -> Hand:
    """The hand with one more verdict. weak: those of the pair that are weak."""
    a, b = pair
    changes: dict[str, dict[int, tuple[int, ...] | None]] = {"same": {}, "different": {}}
    for name, wanted in (("same", Verdict.SAME), ("different", Verdict.DIFFERENT)):
        held = getattr(hand, name)
        for one, other in ((a, b), (b, a)):
            if a == b:
                continue
            rest = tuple(number for number in held.get(one) or NOBODY if number != other)
            now = (*rest, other) if verdict is wanted else rest
            changes[name][one] = now or None
    same = hand.same.changed(changes["same"])
    return replace(
        hand,
        verdicts=hand.verdicts.changed({pair: None if verdict is Verdict.NONE else verdict}),
        same=same,
        different=hand.different.changed(changes["different"]),
        weak=frozenset(n for n in hand.weak | weak if same.get(n)),
    )


def label_in(labels: int, number: int) -> int:
    """A stored label as a label."""
    return number if labels == SELF else labels
