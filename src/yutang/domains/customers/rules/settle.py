"""From a draft to the next state: which customers do its changes make anew?

    burst and linked identities → their regions → groups          (strong, `resolve`)
    weak ones whose neighbours changed customers → placed again   (strongest first, each once)

Weak identities that people joined with no strong one form a *cluster* and move together. A cluster
looks at its links with customers placed before it: one → it attaches; none, or a second → it stays
apart. Customers that people said are different from it don't count.

Only groups that a change touches are opened. Their links with groups outside were refused before; each is
looked at again against what the group outside was at that point of the order, which its own links tell. If
one is taken now, that group is opened too, and all is looked at again; if none is, nothing outside can
have changed. So a component of any size costs what its opened groups and their neighbours cost.

Invariant: the outcome equals that of resolving everything from the start (tests/properties/test_oneid.py).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from yutang.domains.customers.contracts import ReviewReason, Verdict
from yutang.domains.customers.rules.draft import Draft, label_in
from yutang.domains.customers.rules.opening import Opened
from yutang.domains.customers.rules.resolve import contested, resolve
from yutang.domains.customers.rules.state import NOBODY, SELF, CustomersState, Review
from yutang.kernel.event import Identity


@dataclass(frozen=True, slots=True)
class Settled:
    """The next state. regrouped: customers whose members changed, {head: all, ascending, head first}."""

    state: CustomersState
    regrouped: dict[int, list[int]]


def settled(draft: Draft) -> Settled:
    """The state after the draft's changes."""
    return _Settling(draft).run()


def _of_one_or_inside(outside: Mapping[int, int], a: int, b: int) -> bool:
    """Whether a link lies within one group outside, or has an end inside."""
    return a not in outside or b not in outside or outside[a] == outside[b]


class _Settling:
    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.base = draft.base
        self.labels = self.base.labels.edited()
        self.cores = self.base.cores.edited()
        self.added: dict[int, dict[int, None]] = {}
        self.removed: dict[int, set[int]] = {}
        self.reviews: dict[int, tuple[Review, ...] | None] = {}
        self.changed: set[int] = set()  # labels of customers whose members changed, old and new
        self.queue: list[tuple[tuple[int, Identity], int]] = []
        self.queued: set[int] = set()

    def run(self) -> Settled:
        self._settle_strong()
        for number in self.draft.weak_seeds:
            self._queue_cluster(number)
        while self.queue:
            _, number = heapq.heappop(self.queue)
            self._place(self.draft.joined_by_hand(number))
        return self._finish()

    # ── strong ──────────────────────────────────────────────────────────────────────────────────

    def _settle_strong(self) -> None:
        dirty = {self.label(seed) for seed in self.draft.seeds if self.in_core(seed)}
        done: set[int] = set()
        for seed in self.draft.seeds:
            if seed not in done:
                done.update(self._settle_around(seed, dirty))

    def _settle_around(self, seed: int, dirty: set[int]) -> list[int]:
        """Resolve the groups that a seed's changes may touch; dirty: labels with seeds still to settle."""
        opened = Opened(self.draft, self, dirty)
        opened.take(seed)
        while True:
            inside, around = opened.inside, opened.around()
            if not around:
                for region in self._regions(inside):
                    self._settle_region(region)
                return list(inside)
            outside = {member: label for label in around for member in self.core(label)}
            # Between two groups outside nothing changes; within one, its links tell how it grew.
            usable = partial(_of_one_or_inside, outside)
            groups, refused = resolve([*inside, *outside], self.draft, usable)
            joined = {
                outside[number]
                for group in groups
                if not all(number in outside for number in group)
                for number in group
                if number in outside
            }
            if not joined:
                self._adopt(groups, refused, inside, outside)
                return list(inside)
            for label in joined:
                opened.take_group(label)

    def _adopt(
        self, groups: list[list[int]], refused: list[Review], inside: Iterable[int], outside: Mapping[int, int]
    ) -> None:
        mine = [group for group in groups if group[0] not in outside]
        touching = [review for review in refused if review.a not in outside or review.b not in outside]
        self._note_reviews([n for group in mine if not self._is_weak(group) for n in group], touching)
        self._note_reviews_outside(touching, set(inside), outside)
        self._form_all(mine)

    def _form_all(self, groups: list[list[int]]) -> None:
        for group in groups:
            if self._is_weak(group):
                self._queue_cluster(group[0])
            else:
                self._form(group)

    def _is_weak(self, group: list[int]) -> bool:
        return all(self.draft.space(number).weak for number in group)

    def label(self, number: int) -> int:
        """See `opening.Groups`."""
        return label_in(self.labels.get(number), number)

    def core(self, label: int) -> tuple[int, ...]:
        """See `opening.Groups`."""
        return self.cores.get(label) or (label,)

    def in_core(self, number: int) -> bool:
        """Whether an identity is part of its customer's core, not attached to it."""
        label = self.label(number)
        return label == number or not self.draft.space(number).weak or number in self.core(label)

    def _regions(self, inside: Iterable[int]) -> Iterator[list[int]]:
        """The parts that evidence and hand connect."""
        draft, left = self.draft, set(inside)
        while left:
            waiting = [left.pop()]
            region = []
            while waiting:
                number = waiting.pop()
                region.append(number)
                for other in (*draft.evidence(number), *draft.same(number)):
                    if other in left:
                        left.remove(other)
                        waiting.append(other)
            yield region

    def _settle_region(self, region: list[int]) -> None:
        draft = self.draft
        if self._is_weak(region):
            self._queue_cluster(region[0])
            return
        refused: list[Review] = []
        groups = [sorted(region)]
        if len(region) > 1 and contested(region, draft):
            groups, refused = resolve(region, draft)
        self._note_reviews([n for group in groups if not self._is_weak(group) for n in group], refused)
        self._form_all(groups)

    def _form(self, group: list[int]) -> None:
        label = group[0]
        core = tuple(group) if len(group) > 1 else NOBODY
        if self.cores.get(label) != core:
            self.cores.set(label, core)
            self.changed.add(label)
        for number in group:
            if not self._relabel(number, label) and number != label and number in self.draft.hand.weak:
                self._detach(number, label)  # it was attached here and is now part of the core

    def _relabel(self, number: int, label: int) -> bool:
        """Move an identity to a customer; those whose place depends on it are placed again."""
        old = label_in(self.labels.get(number), number)
        if old == label:
            return False
        self.labels.set(number, SELF if label == number else label)
        self.changed.update((old, label))
        if old == number and self.cores.get(number):
            self.cores.set(number, NOBODY)
        if old != number and self.draft.space(number).weak:
            self._detach(number, old)
        self._wake_dependents(number)
        return True

    def _detach(self, number: int, label: int) -> None:
        self.added.get(label, {}).pop(number, None)
        self.removed.setdefault(label, set()).add(number)

    def _wake_dependents(self, number: int) -> None:
        draft = self.draft
        weak = (
            *draft.hangers(number),
            *(other for other in draft.different(number) if draft.space(other).weak),
        )
        for other in weak:
            self._queue_cluster(other)
        if draft.space(number).weak and number in draft.hand.weak:
            for other in draft.links.get(number) or NOBODY:
                if draft.space(other).weak:
                    self._queue_cluster(other)

    # ── weak ────────────────────────────────────────────────────────────────────────────────────

    def _queue_cluster(self, number: int) -> None:
        draft = self.draft
        if number not in draft.hand.weak:
            lead = number
        else:
            cluster = draft.joined_by_hand(number)
            if not all(draft.space(other).weak for other in cluster):
                return  # people put it with a strong one: it is part of a core
            lead = min(cluster, key=draft.strength)
        if lead not in self.queued:
            self.queued.add(lead)
            heapq.heappush(self.queue, (draft.strength(lead), lead))

    def _place(self, cluster: list[int]) -> None:
        draft = self.draft
        lead = cluster[0] if len(cluster) == 1 else min(cluster, key=draft.strength)
        wary = bool(draft.hand.different) and any(draft.different(number) for number in cluster)
        barred = self._barred(cluster, lead) if wary else {}
        found: set[int] = set()
        refused: list[Review] = []
        for a, b in self._links_upwards(cluster, lead):
            label = label_in(self.labels.get(a), a)
            if label in barred:
                if draft.verdict(a, b) is not Verdict.DIFFERENT:
                    x, y = barred[label]
                    refused.append(Review(ReviewReason.CANNOT, a, b, x, y))
                continue
            found.add(label)
            if len(found) > 1 and not wary:
                break
        self._note_reviews(cluster, refused)
        if len(found) == 1:
            self._attach(cluster, found.pop())
        else:
            self._form(cluster)

    def _links_upwards(self, cluster: list[int], lead: int) -> list[tuple[int, int]]:
        """(stronger end, weaker end) of the links with customers that were placed before the cluster."""
        draft, found = self.draft, []
        place = draft.strength(lead)
        for number in cluster:
            links = draft.links.get(number)
            if links is None:
                continue
            for other in links:
                if other not in cluster and draft.links.get(other) is not None and self._placed_at(other) < place:
                    found.append((other, number))
            if draft.hand.weak:
                for other in draft.hand.weak.intersection(draft.hangers(number)):
                    if other not in cluster and draft.links.get(other) is not None and self._placed_at(other) < place:
                        found.append((other, number))
        return found

    def _placed_at(self, number: int) -> tuple[int, Identity]:
        draft = self.draft
        if number not in draft.hand.weak:
            return draft.strength(number)
        return min(draft.strength(other) for other in draft.joined_by_hand(number))

    def _barred(self, cluster: list[int], lead: int) -> dict[int, tuple[int, int]]:
        """Labels of the customers that people said are different from the cluster, each with the witnesses."""
        draft, place = self.draft, self.draft.strength(lead)
        found: dict[int, list[tuple[int, int]]] = {}
        for number in cluster:
            for other in draft.different(number):
                if self._placed_at(other) < place:
                    x, y = sorted((other, number), key=draft.strength)
                    found.setdefault(label_in(self.labels.get(other), other), []).append((x, y))
        return {
            label: min(pairs, key=lambda pair: (draft.strength(pair[0]), draft.strength(pair[1])))
            for label, pairs in found.items()
        }

    def _attach(self, cluster: list[int], label: int) -> None:
        for number in cluster:
            was_core = number in self.base.hand.weak and number in self.base.core(label)
            if self._relabel(number, label) or was_core:
                self.added.setdefault(label, {})[number] = None

    # ── reviews ─────────────────────────────────────────────────────────────────────────────────

    def _note_reviews(self, region: list[int], refused: list[Review]) -> None:
        """Replace the reviews of a region: those of its links that weren't taken, those of what is over."""
        draft = self.draft
        found: dict[int, list[Review]] = {}
        for review in refused:
            found.setdefault(review.b, []).append(review)
        for number in region:
            if draft.links.get(number) is None and draft.verdict(number, number) is None:
                found.setdefault(number, []).append(self._over(number))
            self._set_reviews(number, found.get(number, []))

    def _note_reviews_outside(self, refused: list[Review], inside: set[int], outside: Mapping[int, int]) -> None:
        """Of identities outside, replace the reviews of their links with the inside."""
        found: dict[int, list[Review]] = {number: [] for number in outside}
        for review in refused:
            if review.b in outside:
                found[review.b].append(review)
        for number, fresh in found.items():
            held = self.reviews[number] if number in self.reviews else self.base.reviews.get(number)
            kept = [review for review in held or () if review.a not in inside]
            if fresh or len(kept) != len(held or ()):
                self._set_reviews(number, [*kept, *fresh])

    def _set_reviews(self, number: int, found: list[Review]) -> None:
        now = tuple(sorted(found, key=lambda review: self.draft.strength(review.a)))
        if now != (self.base.reviews.get(number) or ()):
            self.reviews[number] = now or None
        else:
            self.reviews.pop(number, None)

    def _over(self, number: int) -> Review:
        capped = self.draft.space(number).spec.cap > 0
        reason = ReviewReason.CAP if capped else ReviewReason.CROWD
        return Review(reason, number, number, number, number)

    # ── the next state ──────────────────────────────────────────────────────────────────────────

    def _finish(self) -> Settled:
        draft, base = self.draft, self.base
        attached = base.attached.edited()
        for label in self.added.keys() | self.removed.keys():
            gone, more = self.removed.get(label), self.added.get(label, {})
            kept = base.attached.get(label)
            if gone:
                kept = tuple(number for number in kept if number not in gone)
            attached.set(label, (*kept, *more))
        hangers = base.hangers.edited()
        for number, more_hangers in draft.fresh_hangers.items():
            hangers.set(number, (*base.hangers.get(number), *more_hangers))
        spaces = draft.new_spaces
        state = replace(
            base,
            identities=base.identities.extended(draft.fresh),
            spaces=base.spaces.extended(draft.fresh_spaces),
            index=base.index.extended(draft.fresh),
            known_spaces=base.known_spaces.changed({(s.spec.name, s.scope): s for s in spaces}),
            spaces_count=base.spaces_count + len(spaces),
            links=draft.links.frozen(),
            hangers=hangers.frozen(),
            labels=self.labels.frozen(),
            cores=self.cores.frozen(),
            attached=attached.frozen(),
            reviews=base.reviews.changed(self.reviews),
            hand=draft.hand,
            edits=base.edits.extended(draft.edit_rows),
        )
        return Settled(state, self._regrouped(state))

    def _regrouped(self, state: CustomersState) -> dict[int, list[int]]:
        groups: dict[int, list[int]] = {}
        for label in self.changed:
            if state.labels.get(label) == SELF:
                members = state.members(label)
                groups[members[0]] = members
        return groups
