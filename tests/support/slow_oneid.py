"""Who is one person, said as plainly as possible: no numbers, no increments, no haste.

The oracle of `tests/properties/test_oneid.py`. It follows docs/reference/identities.md line by line, from
the set of evidence and the words of people, and shares nothing with the product but the table of kinds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from yutang.domains.customers.contracts import Kinds, Verdict
from yutang.kernel.event import Identity
from yutang.kernel.ids import hash64

Customer = frozenset[Identity]
Finding = tuple[str, Identity, Identity, Identity, Identity]  # reason, a, b, witnesses


@dataclass
class SlowCustomers:
    """Evidence and words collected; `resolve` says what follows."""

    kinds: Kinds
    seen: set[Identity] = field(default_factory=set)
    evidence: set[tuple[Identity, Identity]] = field(default_factory=set)
    words: dict[frozenset[Identity], Verdict] = field(default_factory=dict)

    def strength(self, identity: Identity) -> tuple[int, int, Identity]:
        spec = self.kinds[identity.kind]
        return (0 if spec.personal else 2 if spec.weak else 1, spec.rank, identity)

    def event(self, identities: tuple[Identity, ...]) -> Identity:
        anchor = min(identities, key=self.strength)
        self.seen.update(identities)
        self.evidence.update((anchor, other) for other in identities if other != anchor)
        return anchor

    def say(self, a: Identity, b: Identity, verdict: Verdict) -> None:
        self.seen.update((a, b))
        self.words[frozenset((a, b))] = verdict

    # ── resolution ──────────────────────────────────────────────────────────────────────────────

    def resolve(self) -> tuple[set[Customer], set[Finding]]:
        over = {identity for identity in self.seen if self._over(identity)}
        findings: set[Finding] = set()
        for hub in over:
            if self.words.get(frozenset((hub,)), Verdict.NONE) is Verdict.NONE:
                findings.add(("cap" if self.kinds[hub.kind].cap else "crowd", hub, hub, hub, hub))
        customers = self._joined_by_hand()
        links = [link for link in self.evidence if not over & set(link)]
        self._join_strong(customers, links, findings)
        return self._place_weak(customers, links, findings), findings

    def _weak(self, identity: Identity) -> bool:
        return self.kinds[identity.kind].weak

    def _over(self, identity: Identity) -> bool:
        spec = self.kinds[identity.kind]
        stronger = {a for a, b in self.evidence if b == identity}
        weaker = {b for a, b in self.evidence if a == identity and not self._weak(b)}
        linked = stronger if spec.weak else stronger | weaker
        if len(linked) > self.kinds.links_count_max:
            return True
        people = [other for other in linked if self.kinds[other.kind].personal]
        peers = [
            other
            for other in linked
            if not self.kinds[other.kind].personal and self.kinds[other.kind].order <= spec.order
        ]
        return spec.cap > 0 and (len(people) > spec.cap or len(peers) > spec.cap)

    def _joined_by_hand(self) -> list[set[Identity]]:
        customers = [{identity} for identity in sorted(self.seen)]
        for pair, verdict in self.words.items():
            if verdict is Verdict.SAME and len(pair) == 2:
                a, b = pair
                _merge(customers, _home(customers, a), _home(customers, b))
        return customers

    def _join_strong(
        self, customers: list[set[Identity]], links: list[tuple[Identity, Identity]], findings: set[Finding]
    ) -> None:
        strong = [link for link in links if not self._weak(link[1]) and self._open(*link)]
        for a, b in sorted(strong, key=lambda link: (self.strength(link[1])[:2], hash64(*link[0], *link[1]), link)):
            one, other = _home(customers, a), _home(customers, b)
            if one is other:
                continue
            if clash := self._clash(one, other):
                findings.add(("unique", a, b, *clash))
            elif barred := self._barred(one, other):
                findings.add(("cannot", a, b, *barred))
            else:
                _merge(customers, one, other)

    def _open(self, a: Identity, b: Identity) -> bool:
        return self.words.get(frozenset((a, b)), Verdict.NONE) is Verdict.NONE

    def _clash(self, one: set[Identity], other: set[Identity]) -> tuple[Identity, Identity] | None:
        found = []
        for x in one:
            for y in other:
                if self.kinds[x.kind].unique and x[:2] == y[:2]:
                    found.append(tuple(sorted((x, y), key=self.strength)))
        return min(found, key=lambda pair: (self.strength(pair[0]), self.strength(pair[1])), default=None)  # type: ignore[return-value]

    def _barred(self, one: set[Identity], other: set[Identity]) -> tuple[Identity, Identity] | None:
        found = [
            tuple(sorted((x, y), key=self.strength))
            for x in one
            for y in other
            if self.words.get(frozenset((x, y))) is Verdict.DIFFERENT
        ]
        return min(found, key=lambda pair: (self.strength(pair[0]), self.strength(pair[1])), default=None)  # type: ignore[return-value]

    def _place_weak(
        self, customers: list[set[Identity]], links: list[tuple[Identity, Identity]], findings: set[Finding]
    ) -> set[Customer]:
        placed = [set(one) for one in customers if not all(map(self._weak, one))]
        clusters = [one for one in customers if all(map(self._weak, one))]
        for cluster in sorted(clusters, key=lambda one: min(map(self.strength, one))):
            hosts: list[set[Identity]] = []
            for a, b in links:
                inside, outside = (b, a) if b in cluster else (a, b)
                if inside not in cluster or outside in cluster:
                    continue
                host = next((one for one in placed if outside in one), None)
                if host is None:
                    continue  # placed later
                if barred := self._barred(host, cluster):
                    if self.words.get(frozenset((a, b))) is not Verdict.DIFFERENT:
                        # The end that was placed first comes first: of clusters joined by hand it may be the weaker.
                        findings.add(("cannot", outside, inside, *barred))
                elif not any(host is one for one in hosts):
                    hosts.append(host)
            if len(hosts) == 1:
                hosts[0] |= cluster
            else:
                placed.append(set(cluster))
        return {frozenset(one) for one in placed}

    def lead(self, customer: Customer) -> Identity:
        return min(customer, key=self.strength)


def _home(customers: list[set[Identity]], identity: Identity) -> set[Identity]:
    return next(one for one in customers if identity in one)


def _merge(customers: list[set[Identity]], one: set[Identity], other: set[Identity]) -> None:
    if one is not other:
        one |= other
        customers[:] = [kept for kept in customers if kept is not other]
