"""From evidence to customers, where evidence contradicts itself or people.

    hand (same) → links by (rank of the weaker end, hash of both ends) → groups; what isn't taken → reviews

A link isn't taken if it would put two values of a unique kind, or two identities that people said are
different, into one customer. A refusal is final: groups only grow, so it would be refused again.
Invariant: a function of the region alone, whatever the numbers of its identities and their order.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from yutang.domains.customers.contracts import ReviewReason, Verdict
from yutang.domains.customers.rules.state import Review, Space
from yutang.kernel.event import Identity
from yutang.kernel.ids import hash64


class Graph(Protocol):
    """What resolution reads of identities."""

    def strength(self, number: int) -> tuple[int, Identity]: ...

    def space(self, number: int) -> Space: ...

    def identity(self, number: int) -> Identity: ...

    def evidence(self, number: int) -> Iterable[int]:
        """The strong identities that evidence links with a strong one, those over their cap left out."""

    def same(self, number: int) -> Sequence[int]: ...

    def different(self, number: int) -> Sequence[int]: ...

    def verdict(self, a: int, b: int) -> Verdict | None: ...


@dataclass(slots=True)
class _Group:
    members: set[int]
    unique: dict[int, int]  # space number → the strongest member of a unique kind
    barred: set[int]


def contested(region: Sequence[int], graph: Graph) -> bool:
    """Whether a region might not be one customer."""
    taken: set[int] = set()
    for number in region:
        if graph.different(number):
            return True
        space = graph.space(number)
        if space.unique:
            if space.number in taken:
                return True
            taken.add(space.number)
    return False


def resolve(
    region: Sequence[int], graph: Graph, usable: Callable[[int, int], bool] = lambda _a, _b: True
) -> tuple[list[list[int]], list[Review]]:
    """The groups of a region that evidence and hand connect, and the links that weren't taken.

    usable(a, b): whether a link between two of the region is looked at.
    """
    home: dict[int, _Group] = {}
    for number in region:
        space = graph.space(number)
        unique = {space.number: number} if space.unique else {}
        home[number] = _Group({number}, unique, set(graph.different(number)))
    for number in region:
        for other in graph.same(number):
            _join(home, home[number], home[other], graph)
    reviews = []
    links = [link for link in _open_links(region, home, graph) if usable(*link)]
    for a, b in sorted(links, key=lambda link: _place(link, graph)):
        if home[a] is home[b]:
            continue
        refusal = _refusal(a, b, home[a], home[b], graph)
        if refusal is None:
            _join(home, home[a], home[b], graph)
        else:
            reviews.append(refusal)
    groups = {id(group): group for group in home.values()}
    return [sorted(group.members) for group in groups.values()], reviews


def _open_links(region: Sequence[int], home: Container[int], graph: Graph) -> list[tuple[int, int]]:
    return [
        (number, other)
        for number in region
        for other in graph.evidence(number)
        if other in home and graph.strength(number) < graph.strength(other) and graph.verdict(number, other) is None
    ]


def _place(link: tuple[int, int], graph: Graph) -> tuple[int, int, Identity, Identity]:
    a, b = graph.identity(link[0]), graph.identity(link[1])
    return graph.space(link[1]).order, hash64(*a, *b), a, b


def _join(home: dict[int, _Group], one: _Group, other: _Group, graph: Graph) -> None:
    if one is other:
        return
    if len(one.members) < len(other.members):
        one, other = other, one
    one.members |= other.members
    one.barred |= other.barred
    for space, number in other.unique.items():
        held = one.unique.get(space)
        one.unique[space] = number if held is None else min(held, number, key=graph.strength)
    for number in other.members:
        home[number] = one


def _refusal(a: int, b: int, one: _Group, other: _Group, graph: Graph) -> Review | None:
    spaces = one.unique.keys() & other.unique.keys()
    if spaces:
        x, y = min(
            (sorted((one.unique[space], other.unique[space]), key=graph.strength) for space in spaces),
            key=lambda pair: graph.strength(pair[0]),
        )
        return Review(ReviewReason.UNIQUE, a, b, x, y)
    if one.barred.isdisjoint(other.members):
        return None
    x, y = min(
        (
            sorted((left, right), key=graph.strength)
            for left in one.members
            for right in graph.different(left)
            if right in other.members
        ),
        key=lambda pair: (graph.strength(pair[0]), graph.strength(pair[1])),
    )
    return Review(ReviewReason.CANNOT, a, b, x, y)
