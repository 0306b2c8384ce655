"""The published state of identities: who they are, what links them, which customer each belongs to.

An identity is a number, dense from 0 in the order of first sight. A customer is named in here by its
*label*, the smallest number among its strongly joined identities (its core); weak identities attach to
a label. Outside it is named by its *head*, the smallest number of all. Invariant: immutable.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from yutang.domains.customers.contracts import Edit, Kinds, KindSpec, ReviewReason, Verdict
from yutang.domains.customers.rules.growing import Growing, Layers, Paged
from yutang.domains.customers.rules.kinds import kinds_with
from yutang.domains.customers.rules.roll import Identities, Index
from yutang.kernel.event import Identity
from yutang.kernel.ids import content_key

SELF = -1  # the label of an identity that is a customer by itself
NOBODY: tuple[int, ...] = ()
IDS_KEPT_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Review:
    """A question for people: evidence says that a and b are one customer; it wasn't followed.

    a, b: numbers of identities, a the stronger; the same for CAP and CROWD. x, y: the witnesses: the two
    values of the unique kind, or the two that people said are different; the same as a, b if there are none.
    """

    reason: ReviewReason
    a: int
    b: int
    x: int
    y: int


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """A kind and a scope. number: dense in the order of first sight."""

    number: int
    spec: KindSpec
    scope: str
    order: int
    weak: bool
    personal: bool
    unique: bool


def make_space(number: int, spec: KindSpec, scope: str) -> Space:
    """The space of a kind and scope."""
    return Space(number, spec, scope, spec.order, spec.weak, spec.personal, spec.unique)


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """What people said: verdicts in force by pair (smaller number first), and by identity."""

    verdicts: Layers[tuple[int, int], Verdict] = field(default_factory=Layers)
    same: Layers[int, tuple[int, ...]] = field(default_factory=Layers)
    different: Layers[int, tuple[int, ...]] = field(default_factory=Layers)
    weak: frozenset[int] = frozenset()  # weak identities with a `same`

    def of(self, a: int, b: int) -> Verdict | None:
        """The verdict of a pair."""
        return self.verdicts.get((a, b) if a <= b else (b, a))


@dataclass(frozen=True, slots=True, eq=False)
class CustomersState:
    """See the module. links: of a strong identity, the strong ones it was seen with; of a weak one, the
    stronger ones; None: over its cap, so it links nobody. hangers: the weak ones that were seen with it as
    the weaker end. cores: at a label, its core, ascending (empty: the label alone). attached: at a label.
    reviews: by the weaker end.
    """

    kinds: Kinds = field(default_factory=kinds_with)
    identities: Identities = field(default_factory=Identities)
    spaces: Growing[Space] = field(default_factory=Growing)
    index: Index = field(default_factory=Index)
    known_spaces: Layers[tuple[str, str], Space] = field(default_factory=Layers)
    spaces_count: int = 0
    links: Paged[tuple[int, ...] | None] = field(default_factory=lambda: Paged(NOBODY))
    hangers: Paged[tuple[int, ...]] = field(default_factory=lambda: Paged(NOBODY))
    labels: Paged[int] = field(default_factory=lambda: Paged(SELF))
    cores: Paged[tuple[int, ...]] = field(default_factory=lambda: Paged(NOBODY))
    attached: Paged[tuple[int, ...]] = field(default_factory=lambda: Paged(NOBODY))
    reviews: Layers[int, tuple[Review, ...]] = field(default_factory=Layers)
    hand: Hand = field(default_factory=Hand)
    edits: Growing[Edit] = field(default_factory=Growing)
    ids: dict[int, str] = field(default_factory=dict)  # public ids worked out so far; only saves time

    @property
    def count(self) -> int:
        """The number of identities."""
        return len(self.identities)

    def label(self, number: int) -> int:
        """The label of an identity's customer."""
        label = self.labels.get(number)
        return number if label == SELF else label

    def label_column(self) -> npt.NDArray[np.int64]:
        """int64[identities]: the label of each one's customer."""
        stored = self.labels.column(self.count)
        return np.where(stored == SELF, np.arange(self.count), stored)

    def core(self, label: int) -> tuple[int, ...]:
        """The core of a customer, ascending."""
        return self.cores.get(label) or (label,)

    def members(self, number: int) -> list[int]:
        """All identities of an identity's customer, ascending."""
        label = self.label(number)
        return sorted((*self.core(label), *self.attached.get(label)))

    def lead(self, number: int) -> int:
        """The strongest identity of an identity's customer."""
        core = self.core(self.label(number))
        return core[0] if len(core) == 1 else min(core, key=self.strength)

    def strength(self, number: int) -> tuple[int, Identity]:
        """The order of identities by strength, strongest first; the same on every machine."""
        return self.spaces[number].order, self.identities[number]

    def dead(self, number: int) -> bool:
        """Whether an identity was forgotten: its number stays, and is nobody's."""
        return not self.identities[number].kind

    def over(self, number: int) -> bool:
        """Whether the identity links nobody, since it was seen with too many."""
        return self.links.get(number) is None

    def shared(self, number: int) -> bool:
        """Whether an identity's customer is nobody in particular: only identities that are over their caps."""
        return all(self.over(member) for member in self.core(self.label(number)))

    def public_id(self, number: int) -> str:
        """The public id of the customer that an identity belongs to."""
        lead = self.lead(number)
        found = self.ids.get(lead)
        if found is None:
            found = identity_id(self.identities[lead])
            if len(self.ids) < IDS_KEPT_MAX:
                self.ids[lead] = found
        return found


def identity_id(identity: Identity) -> str:
    """The public id of an identity, and of the customer whose strongest one it is."""
    return "c" + content_key(*identity)
