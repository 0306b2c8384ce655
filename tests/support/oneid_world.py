"""A small world of identities, and a pool's customers fed from it record by record, without a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from hypothesis import strategies as st

from tests.support.slow_oneid import Customer, Finding
from yutang.domains.customers.contracts import Edit, EditKind, EditOrder, Kinds, KindSpec, Verdict
from yutang.domains.customers.rules import record
from yutang.domains.customers.rules.draft import Draft
from yutang.domains.customers.rules.edits import Speaker
from yutang.domains.customers.rules.kinds import kinds_with
from yutang.domains.customers.rules.roll import Roll
from yutang.domains.customers.rules.settle import settled
from yutang.domains.customers.rules.state import CustomersState
from yutang.domains.customers.rules.whole import whole
from yutang.kernel.event import Identity
from yutang.timeline.people import People

# Two kinds of the brand's own; small numbers make crowds likely.
OWN = (KindSpec("card", 700, personal=True), KindSpec("address", 300, cap=2))
LINKS_COUNT_MAX = 5
KINDS = Kinds(kinds_with(OWN).specs, LINKS_COUNT_MAX)
SPACES = (
    ("unionid", ""), ("external_userid", "corp"), ("member_no", ""), ("card", ""), ("phone", ""), ("email", ""),
    ("address", ""), ("device", ""), ("anonymous_id", "web"), ("cookie", ""),
)  # fmt: skip

identities = st.builds(lambda space, value: Identity(*space, str(value)), st.sampled_from(SPACES), st.integers(1, 3))
events = st.lists(identities, min_size=1, max_size=4, unique=True).map(lambda some: tuple(sorted(some)))


@dataclass
class Pool:
    """Customers as the passes keep them: the newest state, and what the tables hold."""

    kinds: Kinds = KINDS
    state: CustomersState = field(init=False)
    people: People = field(default_factory=People.empty)
    rows: list[record.Rows] = field(default_factory=list)
    met: record.Met = field(default_factory=record.Met)

    def __post_init__(self) -> None:
        self.state = CustomersState(kinds=self.kinds)

    def take(self, batch: Sequence[tuple[Identity, ...]]) -> list[Identity]:
        """The anchors of a record's events."""
        anchors, change = record.anchor_events(self.state, batch, len(self.rows) + 1, self.met)
        if change:
            self._adopt(change)
        return [self.state.identities[anchor] for anchor in anchors]

    def edit(self, kind: EditKind, a: Identity, b: Identity, *, same: bool = True) -> list[Edit]:
        """The lines of an edit; raises what it raises, and then changes nothing."""
        order = EditOrder(kind, a, b, "because", same, (b,) if a != b else ())
        speaker = Speaker("mei", 0, len(self.rows) + 1)
        change, lines = record.take_edit(self.state, msgspec.msgpack.encode(order), speaker)
        self._adopt(change)
        return lines

    def say(self, a: Identity, b: Identity, verdict: Verdict) -> None:
        """A word of people, put in force as it is."""
        draft = Draft(self.state)
        draft.say(draft.number(a), draft.number(b), verdict)
        outcome = settled(draft)
        fresh = len(draft.fresh)
        self._adopt(record.Change(outcome.state, outcome.regrouped, record.Rows(0), [0] * fresh))

    def _adopt(self, change: record.Change) -> None:
        self.state = change.state
        people = self.people.with_anchors(change.state.count, np.array(change.hashes, np.int64))
        self.people = people.regrouped({head: np.array(group) for head, group in change.regrouped.items()})
        self.rows.append(change.rows)

    def reloaded(self) -> CustomersState:
        """The state as a start makes it from the tables."""
        known = Roll.of(list(self.state.identities))
        links = sorted({link for rows in self.rows for link in (*rows.links, *rows.doubtful_links)})
        a = np.array([link[0] for link in links], np.int64)
        b = np.array([link[1] for link in links], np.int64)
        return whole(self.kinds, known, a, b, list(self.state.edits))


def partition(state: CustomersState) -> set[Customer]:
    """The customers of a state."""
    groups: dict[int, set[Identity]] = {}
    for number in range(state.count):
        groups.setdefault(state.label(number), set()).add(state.identities[number])
    for label, group in groups.items():
        assert {state.identities[member] for member in state.members(label)} == group
    return {frozenset(group) for group in groups.values()}


def findings(state: CustomersState) -> set[Finding]:
    """The reviews of a state."""
    name = state.identities
    return {
        (review.reason.value, name[review.a], name[review.b], name[review.x], name[review.y])
        for _, reviews in state.reviews.items()
        for review in reviews
    }


def names(state: CustomersState) -> dict[Identity, str]:
    """The public id of each identity's customer."""
    return {state.identities[number]: state.public_id(number) for number in range(state.count)}
